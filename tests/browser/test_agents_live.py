"""Agents in JupyterLab: a text that grows while it is written, tools, approvals of their calls, cost, and mistakes."""

from __future__ import annotations

import pytest
from jupyterlab_page import NotebookPage
from stories import LOAD

pytestmark = pytest.mark.slow

STORY = " ".join(f"Sentence {number} of a story about bees." for number in range(1, 13))
HOSTILE = "<img src=x onerror='window.canary = 1'><script>window.canary = 1</script> **bold** {{ 7 * 7 }}"
SCRIPT = f"""
from nbgraph.testing import ScriptedModel, calls, drips, says
story = {STORY!r}
hostile = {HOSTILE!r}
disk = dict(old="40 GB", new="48 GB")
def look() -> dict[str, str]:
    "What is on the disk."
    return disk
def delete(name: str) -> str:
    "Delete for good."
    return f"deleted {{name}} ({{disk.pop(name)}})"
"""
RUN = 5


def talking(lab: NotebookPage, script: str, cell: str, options: str = "", *more: str) -> None:
    """A notebook with one agent and a script for its model, run up to its run."""
    model = f"{SCRIPT}\nnbgraph = __import__('nbgraph')\nnbgraph.configure(prices=dict(scripted=(1.0, 2.0)))\n{script}"
    cells = [LOAD, model, "%graph new talk", "%%edges\nSTART -> ops -> END", cell, f"run = talk.run({options})", *more]
    lab.write("talk.ipynb", *cells)
    lab.open("talk.ipynb")
    for index in range(RUN + 1):
        lab.run_cell(index)


def used(lab: NotebookPage) -> str:
    return lab.cell(RUN).locator(".nbgraph-used").inner_text()


def test_a_text_is_seen_to_grow_while_its_node_is_active(lab: NotebookPage) -> None:
    talking(lab, "model = ScriptedModel([drips(story, every=0.05)]).use()", "%%agent ops\nTell a story.")
    words = lab.cell(RUN).locator(".nbgraph-words")
    words.get_by_text("Sentence 2").wait_for()
    lab.wait_for_state(RUN, "ops", "active")
    early = words.inner_text()
    lab.picture("writing", RUN)
    words.get_by_text("Sentence 6").wait_for()
    later = words.inner_text()
    lab.wait_for_status(RUN, "done")
    assert STORY.startswith(early.strip())
    assert len(early) < len(later) < len(STORY)
    assert words.inner_text() == STORY
    assert "1 call" in used(lab)
    assert "$" in used(lab)
    lab.picture("written", RUN)
    assert lab.errors == []


def test_a_call_of_a_tool_is_shown_with_what_came_of_it(lab: NotebookPage) -> None:
    script = 'model = ScriptedModel([calls("look"), "Two of them."]).use()'
    talking(lab, script, "%%agent ops --tools look\nWhat is there?")
    lab.wait_for_status(RUN, "done")
    lab.cell(RUN).locator(".nbgraph-call").get_by_text("look() \u2192").wait_for()
    assert "2 calls" in used(lab)
    lab.node(RUN, "ops").click()
    lab.cell(RUN).locator(".nbgraph-panel").get_by_text("What is there?").first.wait_for()
    lab.picture("tool", RUN)


DELETING = 'model = ScriptedModel([calls("delete", name="old"), "So be it."]).use()'
GUARDED = "%%agent ops --tools delete --approve delete\nTidy up."
TOLD = "print([m['content'] for m in model.requests[-1]['messages'] if m['role'] == 'tool'], list(disk))"


def test_a_dangerous_call_shows_its_exact_arguments_and_is_made_when_it_is_approved(lab: NotebookPage) -> None:
    talking(lab, DELETING, GUARDED, "", TOLD)
    lab.wait_for_state(RUN, "ops", "waiting")
    approval = lab.cell(RUN).locator(".nbgraph-approval")
    assert "ops wants to call delete" in approval.inner_text()
    assert approval.locator("textarea, input").first.input_value() == "old"
    lab.picture("asked", RUN)
    lab.option(RUN).click()
    lab.wait_for_status(RUN, "done")
    lab.run_cell(RUN + 1)
    assert lab.text(RUN + 1).strip() == "['deleted old (40 GB)'] ['new']"


def test_its_arguments_can_be_changed_before_it_is_approved(lab: NotebookPage) -> None:
    talking(lab, DELETING, GUARDED, "", TOLD)
    approval = lab.cell(RUN).locator(".nbgraph-approval")
    approval.locator("textarea, input").first.fill("new")
    lab.option(RUN).click()
    lab.wait_for_status(RUN, "done")
    lab.run_cell(RUN + 1)
    assert "deleted new (48 GB)" in lab.text(RUN + 1)
    assert "['old']" in lab.text(RUN + 1)


def test_the_model_is_told_of_a_rejection_with_its_note(lab: NotebookPage) -> None:
    talking(lab, DELETING, GUARDED, "", TOLD)
    lab.cell(RUN).get_by_placeholder("a note").fill("The auditors need it.")
    lab.option(RUN, 1).click()
    lab.wait_for_status(RUN, "done")
    lab.run_cell(RUN + 1)
    assert lab.text(RUN + 1).strip() == "['rejected: The auditors need it.'] ['old', 'new']"
    lab.picture("rejected", RUN)


def test_a_spent_budget_pauses_the_run_and_the_button_allows_as_much_again(lab: NotebookPage) -> None:
    script = 'model = ScriptedModel([says("", calls("look"), tokens=(90, 20)), "Two of them."]).use()'
    talking(lab, script, "%%agent ops --tools look\nWhat is there?", 'budget="100 tokens"')
    lab.wait_for_status(RUN, "paused")
    lab.cell(RUN).get_by_text("the budget of 100 tokens is spent").first.wait_for()
    lab.picture("spent", RUN)
    lab.cell(RUN).get_by_role("button", name="Resume").click()
    lab.wait_for_status(RUN, "done")


def test_without_a_model_it_is_said_what_to_do_and_no_traceback_is_shown(lab: NotebookPage) -> None:
    talking(lab, "import os\nos.environ.pop('OPENAI_API_KEY', None)", "%%agent ops\nHello.", "", "run.result()")
    lab.wait_for_state(RUN, "ops", "failed")
    lab.run_cell(RUN + 1)
    lab.cell(RUN + 1).get_by_text("Set OPENAI_API_KEY in the environment").first.wait_for()
    assert "File " not in lab.text(RUN + 1)
    for way in ("ScriptedModel", "cassette", "nbgraph lab --local"):
        assert way in lab.text(RUN + 1)
    lab.picture("no key", RUN)


def test_what_a_hostile_model_writes_and_calls_is_text(lab: NotebookPage) -> None:
    script = 'model = ScriptedModel([says(hostile, calls("look")), drips(hostile, every=0.02)]).use()'
    talking(lab, script, "%%agent ops --tools look\n{{ hostile }}", "hostile=hostile")
    lab.wait_for_status(RUN, "done")
    lab.cell(RUN).get_by_text("<img src=x onerror=").first.wait_for()
    lab.node(RUN, "ops").click()
    lab.page.wait_for_timeout(300)
    lab.save()
    assert lab.page.evaluate("window.canary === undefined")
    assert lab.foreign == []
    assert lab.errors == []
