"""The list of stored runs with its buttons, without a page."""

import re
from pathlib import Path

import nbgraph.view
from nbgraph.errors import RunError
from nbgraph.view.run_list_widget import RunListWidget
from nbgraph.view.run_table import ShownRuns
from tests.view.test_run_table import FAILED, RUNS, WAITING

SCRIPT = (Path(nbgraph.view.__file__).parent / "static" / "run_list.js").read_text(encoding="utf-8")


def listed(refusal=None):
    clicks = []

    def act(action, run):
        clicks.append((action, run))
        if refusal:
            raise RunError(refusal)

    return RunListWidget(RUNS, act), clicks


def click(widget, **content):
    widget._receive(None, {"kind": "act", **content}, [])


def test_a_click_names_the_action_and_the_run():
    widget, clicks = listed()
    click(widget, action="resume", run="essay-1")
    assert clicks == [("resume", "essay-1")]


def test_what_the_page_makes_up_is_not_heard():
    widget, clicks = listed()
    click(widget, action="delete", run="essay-1")
    click(widget, action="resume", run=7)
    click(widget, action="resume")
    assert clicks == []


def test_a_refusal_is_shown():
    widget, _ = listed("essay-1 is run by process 7")
    click(widget, action="resume", run="essay-1")
    assert widget.message == "essay-1 is run by process 7"


def test_the_buttons_are_those_that_make_sense():
    widget, _ = listed()
    assert [row["actions"] for row in widget.rows] == [["resume", "open"], ["open"], ["open"]]


def test_what_has_changed_is_shown():
    widget, _ = listed()
    widget.show(ShownRuns("runs of essay", [WAITING._replace(status="done"), FAILED]))
    assert (widget.headline, [row["status"] for row in widget.rows]) == ("runs of essay: 2", ["done", "failed"])


def test_the_script_sets_text_as_text():
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", SCRIPT)
