"""What clicks in the view of a run lead to, without a page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from nbgraph import Graph
from nbgraph.core.run import Run
from nbgraph.notebook.live import LiveView
from nbgraph.notebook.run_display import RunDisplay
from nbgraph.view.graph_widget import GraphWidget


class Publisher:
    """Keeps the records that were published."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def publish(self, data: dict[str, str], **_: Any) -> None:
        self.texts.append(data["text/plain"])


class View:
    """The view of a run, and what its picture was sent."""

    def __init__(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[dict[str, Any]] = []
        monkeypatch.setattr(GraphWidget, "send", lambda _, content, buffers=None: self.sent.append(content))
        self.publisher = Publisher()
        self.display = RunDisplay(run, self.publisher, True)
        assert isinstance(self.display.live, LiveView)
        self.picture: GraphWidget = self.display.live._graph

    def click(self, **message: Any) -> None:
        self.picture._receive(None, message, [])

    def details(self, node: str) -> dict[str, Any]:
        self.click(kind="ask", what="node", number=1, node=node)
        return next(each for each in reversed(self.sent) if each["kind"] == "told")


def until(reached: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.01)


def steps() -> Graph:
    graph = Graph("steps")
    for name in "abc":
        graph.node(lambda: {"value": 1}, name=name)
    graph.edges("START -> a -> b -> c -> END")
    return graph


@pytest.fixture
def stepping(monkeypatch: pytest.MonkeyPatch) -> View:
    """The view of a run that is stepped through, before its first step."""
    run = steps().run(step=True).wait(60)
    view = View(run, monkeypatch)
    until(lambda: view.picture.status.get("run", {}).get("status") == "paused")
    return view


def test_next_runs_one_ready_set(stepping: View) -> None:
    stepping.click(kind="act", action="next")
    until(lambda: any("1 step;" in text for text in stepping.publisher.texts))
    assert "next: b#1" in stepping.publisher.texts[-1]


def test_a_breakpoint_by_click_holds_a_resumed_run(stepping: View) -> None:
    stepping.click(kind="break", node="c", when="before")
    stepping.click(kind="act", action="resume")
    until(lambda: any("paused before c" in text for text in stepping.publisher.texts))
    assert stepping.picture.status["breaks"] == {"before": ["c"], "after": []}
    stepping.click(kind="break", node="c", when=None)
    stepping.click(kind="act", action="resume")
    until(lambda: any("done, 3 steps" in text for text in stepping.publisher.texts))


def test_details_say_why_a_node_has_not_run_yet(stepping: View) -> None:
    assert stepping.details("a")["why"].startswith("a#1 is ready and starts when the run goes on")
    assert stepping.details("c")["why"].startswith("No edge has led to c.")
    stepping.click(kind="act", action="next")
    until(lambda: any("1 step;" in text for text in stepping.publisher.texts))
    assert stepping.details("a")["why"] == ""


def test_of_a_run_that_is_over_details_say_no_more_and_nothing_can_be_clicked(stepping: View) -> None:
    stepping.click(kind="act", action="cancel")
    until(lambda: stepping.display._run is None)
    assert stepping.details("c")["why"] == ""
    for message in ({"kind": "break", "node": "c", "when": "after"}, {"kind": "act", "action": "next"}):
        stepping.click(**message)
        assert stepping.sent[-1] == {"kind": "refused", "text": "the run is over."}


def test_a_subgraph_is_closed_on_the_loop_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    outer, loops = Graph("outer"), []
    outer.node(steps(), name="part")
    outer.edges("START -> part -> END")
    view = View(outer.run(step=True).wait(60), monkeypatch)
    view.picture.observe(lambda _: loops.append(asyncio.get_running_loop()), "drawing")
    view.click(kind="toggle", node="part", open=False)
    until(lambda: loops)
    assert loops == [view.display._loop]
    assert not any(node["open"] for node in view.picture.drawing["nodes"])


@pytest.mark.slow
def test_a_question_that_is_withdrawn_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    race = Graph("race")
    race.human("gate", "Fine?")
    race.node(lambda: time.sleep(0.3), name="clock")
    race.node(lambda: None, name="first", join="first")
    race.edges("START -> gate, clock -> first -> END")
    run = race.run()
    view = View(run, monkeypatch)
    until(lambda: any("done" in text for text in view.publisher.texts))
    live = view.display.live
    assert live is not None
    assert repr(live._questions) == "<questions: 0 open>"
    assert view.picture.status["nodes"]["gate"]["state"] == "cancelled"
    assert [widget._settled for widget in live._questions.children] == [True]
