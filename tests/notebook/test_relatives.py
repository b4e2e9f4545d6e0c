"""Forks on the page of the run that they were forked from: shown below it, and as lanes of its family."""

from __future__ import annotations

from typing import Any

import pytest

from nbgraph import MemoryStore, library
from nbgraph.core.events import Status
from nbgraph.core.run import Run
from nbgraph.library import Graph
from nbgraph.notebook.below import Below, below
from nbgraph.notebook.live import LiveView
from nbgraph.notebook.run_display import RunDisplay
from nbgraph.view.graph_widget import GraphWidget
from tests.core.running import quiet_engine, settled, until  # noqa: F401


def essay() -> Graph:
    made = Graph("essay")

    @made.node
    def draft(topic: str) -> dict[str, Any]:
        return {"text": f"All about {topic}."}

    made.human("gate", "Fine? {{ text }}")
    made.edges("START -> draft -> gate -> END")
    return made


class Cell:
    """Displays runs as a cell does, and keeps what was published of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[dict[str, Any]] = []
        self.texts: list[str] = []
        self.displays: dict[str, RunDisplay] = {}
        monkeypatch.setattr(GraphWidget, "send", lambda _, content, buffers=None: self.sent.append(content))

    def publish(self, data: dict[str, str], **_: Any) -> None:
        self.texts.append(data["text/plain"])

    def show(self, run: Any) -> None:
        shown = RunDisplay(run, self, True, None, self.show)
        self.displays[run.id] = shown
        place = below.get()
        if place is not None:
            place.add(run.id, shown)

    def view(self, run: Run | str) -> LiveView:
        live = self.displays[run if isinstance(run, str) else run.id].live
        assert live is not None
        return live

    def picture(self, run: Run | str) -> GraphWidget:
        return self.view(run)._graph

    def family(self, run: Run | str) -> list[tuple[str, str]]:
        return [(lane["id"], lane["status"]) for lane in self.picture(run).family.get("lanes", [])]

    def ask(self, run: Run | str, what: str, /, **given: Any) -> dict[str, Any]:
        self.picture(run)._receive(None, {"kind": "ask", "what": what, "number": 1, **given}, [])
        assert self.sent[-1]["kind"] == "told", self.sent[-1]
        return self.sent[-1]

    def shown_below(self, run: Run | str) -> list[Any]:
        found = [child for child in self.view(run).children if isinstance(child, Below)]
        return list(found[0].children) if found else []


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Any:
    made = Cell(monkeypatch)
    library.on_run.append(made.show)
    yield made
    library.on_run.remove(made.show)


@pytest.fixture
def run(cell: Cell) -> Run:
    run = settled(essay().run(topic="bees", store=MemoryStore()), Status.WAITING)
    until(lambda: cell.picture(run).family.get("run"))
    return run


def test_a_run_alone_has_no_lanes(cell: Cell, run: Run) -> None:
    assert cell.picture(run).family == {"run": run.id, "lanes": []}


def test_a_fork_is_shown_below_its_parent_with_its_record_and_both_have_a_lane(cell: Cell, run: Run) -> None:
    fork = cell.ask(run, "fork", step=0, entered={"topic": "ants"})["run"]
    until(lambda: cell.shown_below(run) == [cell.view(fork)])
    until(lambda: cell.family(run) == cell.family(fork) == [(run.id, "waiting"), (fork, "waiting")])
    until(lambda: "All about bees." in cell.texts[-1] and "All about ants." in cell.texts[-1])
    assert cell.texts[-1].index("All about bees.") < cell.texts[-1].index("All about ants.")


def test_a_fork_of_a_fork_is_shown_beside_it(cell: Cell, run: Run) -> None:
    fork = cell.ask(run, "fork", step=1, entered={})["run"]
    other = cell.ask(fork, "fork", step=1, entered={"text": "x"})["run"]
    until(lambda: cell.shown_below(run) == [cell.view(fork), cell.view(other)])
    assert cell.shown_below(fork) == []
    everyone = [run.id, fork, other]
    until(lambda: all([id for id, _ in cell.family(each)] == everyone for each in everyone))
    assert [lane["depth"] for lane in cell.picture(run).family["lanes"]] == [0, 1, 2]


def test_lanes_follow_what_their_runs_do(cell: Cell, run: Run) -> None:
    fork = run.fork(1)
    until(lambda: len(cell.family(run)) == 2)
    settled(fork, Status.WAITING).answer("gate", "approve")
    until(lambda: cell.family(run) == cell.family(fork) == [(run.id, "waiting"), (fork.id, "done")])


def test_a_run_that_is_over_is_forked_and_others_are_opened_from_it(cell: Cell, run: Run) -> None:
    run.answer("gate", "approve")
    until(lambda: cell.displays[run.id]._run is None)
    fork = cell.ask(run, "fork", step=1, entered={"text": "x"})["run"]
    until(lambda: cell.shown_below(run) == [cell.view(fork)])
    stranger = settled(essay().run(topic="ants", store=run.lookback.store), Status.WAITING)
    cell.ask(run, "open", run=stranger.id)
    until(lambda: cell.shown_below(run) == [cell.view(fork), cell.view(stranger)])


def test_a_fork_that_is_refused_is_told_and_shows_nothing(cell: Cell, run: Run) -> None:
    cell.picture(run)._receive(None, {"kind": "ask", "what": "fork", "number": 1, "step": 9}, [])
    assert cell.sent[-1] == {"kind": "refused", "number": 1, "text": f"{run.id} has 1 step; 9 is none of them."}
    assert cell.shown_below(run) == []
