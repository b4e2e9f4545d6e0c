"""Watching: a run that another process has is seen as it goes on there, answered, and moved by nothing else."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import Any

import pytest

from nbgraph import MemoryStore, watching
from nbgraph.core.events import ApprovalAsked, Status, StatusChanged, TaskFinished
from nbgraph.errors import AlreadyAnswered, ApprovalError, NoSuchRun, RunError
from nbgraph.library import Graph
from nbgraph.watching import Watch
from tests.core.running import (
    ONE_TWO,
    Gate,
    counting,
    graph,
    on_loop,
    one,
    quiet_engine,  # noqa: F401
    reached,
    settled,
    two,
    until,
)
from tests.core.storing import crash


@pytest.fixture(autouse=True)
def looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbgraph.watching.EVERY", 0.01)
    monkeypatch.setattr("nbgraph.watching.SELDOM", 0.01)


def gated() -> tuple[Graph, Gate]:
    gate = Gate("second")
    return graph("START -> one -> second -> END", one, gate.node), gate


def asking() -> Graph:
    line = graph("START -> one -> gate -> END", one)
    line.human("gate", "go on with {{ x }}?", edit=["x"])
    return line


def events_of(watch: Watch) -> list[Any]:
    found: list[Any] = []
    here = threading.Event()
    watch.subscribe(found.append)()
    watch.loop.call_soon_threadsafe(here.set)
    reached(here)
    return found


def test_a_watched_run_shows_where_it_stands_and_goes_on_with_it() -> None:
    store = MemoryStore()
    line, gate = gated()
    run = line.run(store=store, id="r")
    reached(gate.begun)
    watch = line.watch("r", store=store)
    assert (watch.id, watch.name, watch.status, watch.live) == ("r", "g", Status.RUNNING, False)
    assert ([step.task for step in watch.steps], watch.state) == (["one#1"], {"x": 1})
    assert repr(watch) == "<Watch of r: running, 1 step>"
    gate.let.set()
    settled(run, Status.DONE)
    assert watch.wait(60).status is Status.DONE
    assert (watch.steps, watch.state, watch.at_rest) == (run.steps, run.state, True)


def test_a_watched_run_that_has_ended_is_seen_at_once() -> None:
    store = MemoryStore()
    run = settled(counting().run(n=0, store=store, id="r"), Status.DONE)
    watch = counting().watch("r", store=store)
    assert (watch.status, watch.state, len(watch.steps)) == (Status.DONE, run.state, 25)
    assert (watch.outline.nodes, watch.outline.edges) == (run.outline.nodes, run.outline.edges)


def test_every_event_is_told_once_in_order() -> None:
    store = MemoryStore()
    line, gate = gated()
    run = line.run(store=store, id="r")
    reached(gate.begun)
    watch, found = line.watch("r", store=store), list[Any]()
    dismiss = watch.subscribe(found.append)
    gate.let.set()
    settled(run, Status.DONE)
    until(lambda: any(isinstance(event, StatusChanged) for event in found))
    assert [event.step for event in found if isinstance(event, TaskFinished)] == [1, 2]
    assert [event.status for event in found if isinstance(event, StatusChanged)] == [Status.DONE]
    dismiss()


class Ending(MemoryStore):
    """A store whose run ends just when it is looked at."""

    end: Any = None

    def run(self, run_id: str) -> Any:
        if self.end is not None:
            self.end()
        return super().run(run_id)


def test_an_end_between_two_looks_is_seen_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbgraph.watching.SELDOM", 3600.0)
    store = Ending()
    line, gate = gated()
    run = line.run(store=store, id="r")
    reached(gate.begun)
    store.end = lambda: (gate.let.set(), until(lambda: run._engine._let_go_of))
    assert line.watch("r", store=store).wait(60).status is Status.DONE


def test_its_events_can_be_iterated_to_the_end() -> None:
    store = MemoryStore()
    line, gate = gated()
    line.run(store=store, id="r")
    reached(gate.begun)
    watch = line.watch("r", store=store)
    gate.let.set()
    assert [event.node for event in watch.events() if isinstance(event, TaskFinished)] == ["one", "second"]


def test_an_answer_reaches_the_process_that_has_the_run() -> None:
    store = MemoryStore()
    run = settled(asking().run(store=store, id="r"), Status.WAITING)
    watch = asking().watch("r", store=store)
    assert watch.status is Status.WAITING
    assert [approval.node for approval in watch.approvals] == ["gate"]
    answered = watch.answer("gate", "approve", "from here", {"x": 7})
    assert answered.answer is not None
    assert (answered.answer.by, answered.answer.note) == ("graph.watch", "from here")
    settled(run, Status.DONE)
    assert (run.state["gate"], run.state["x"]) == ("approve", 7)
    until(lambda: watch.status is Status.DONE)
    assert watch.state == run.state
    with pytest.raises(AlreadyAnswered, match=r"graph\.watch"):
        watch.answer("gate", "reject")


def test_an_answer_that_does_not_fit_is_refused() -> None:
    store = MemoryStore()
    settled(asking().run(store=store, id="r"), Status.WAITING)
    watch = asking().watch("r", store=store)
    with pytest.raises(ApprovalError, match="no option 'maybe'"):
        watch.answer("gate", "maybe")
    with pytest.raises(ApprovalError, match="r asks nothing at 'door'"):
        watch.answer("door", "approve")


def test_a_question_is_told_with_its_answer_when_that_has_come() -> None:
    store = MemoryStore()
    run = settled(asking().run(store=store, id="r"), Status.WAITING)
    watch = asking().watch("r", store=store)
    (asked,) = [event for event in events_of(watch) if isinstance(event, ApprovalAsked)]
    assert asked.approval.answer is None
    run.answer("gate", "reject")
    until(lambda: watch.status is Status.DONE)
    assert [approval.answer and approval.answer.option for approval in watch.approvals] == ["reject"]


def test_a_run_that_nobody_has_any_more_is_told_with_the_way_on() -> None:
    store = MemoryStore()
    line, gate = gated()
    run = line.run(store=store, id="r")
    reached(gate.begun)
    watch = line.watch("r", store=store)
    run._engine.log.close()
    until(lambda: watch.status is Status.PAUSED)
    assert watch.reason == "the process that had it has ended; graph.resume('r') goes on."
    gate.let.set()
    until(lambda: not run._engine.calls.busy)


def test_a_run_that_is_resumed_elsewhere_is_seen_going_on() -> None:
    store = MemoryStore()
    run = settled(asking().run(store=store, id="r"), Status.WAITING)
    watch = asking().watch("r", store=store)
    crash(run)
    again = settled(asking().resume("r", store=store), Status.WAITING)
    again.answer("gate", "approve")
    settled(again, Status.DONE)
    until(lambda: watch.status is Status.DONE)
    assert watch.steps == again.steps


def test_a_failure_is_seen_with_its_reason() -> None:
    store = MemoryStore()

    def broken() -> None:
        raise ValueError("broken")

    line = graph("START -> broken -> END", broken)
    run = settled(line.run(store=store, id="r"), Status.FAILED)
    watch = line.watch("r", store=store)
    assert (watch.status, watch.reason) == (Status.FAILED, run.reason)


def test_a_run_that_is_deleted_can_be_watched_no_longer() -> None:
    store = MemoryStore()
    run = settled(counting().run(n=0, store=store, id="r", limit=3), Status.PAUSED)
    watch = counting().watch("r", store=store)
    crash(run)
    store.delete("r")
    until(lambda: watch.status is Status.FAILED)
    assert "it can be watched no longer" in watch.reason


def test_an_unknown_run_cannot_be_watched() -> None:
    with pytest.raises(NoSuchRun):
        counting().watch("nobody", store=MemoryStore())


@pytest.mark.parametrize("name", ["pause", "cancel", "resume", "next", "breakpoint", "edit", "fork", "replay", "diff"])
def test_nothing_else_moves_a_watched_run(name: str) -> None:
    store = MemoryStore()
    settled(counting().run(n=0, store=store, id="r", limit=3), Status.PAUSED)
    watch = counting().watch("r", store=store)
    with pytest.raises(RunError, match=r"r is only looked at here; graph\.resume\('r'\)"):
        getattr(watch, name)()


def test_a_watch_has_all_that_a_view_asks_of_a_run() -> None:
    store = MemoryStore()
    run = settled(counting().run(n=0, store=store, id="r", limit=3), Status.PAUSED)
    watch = counting().watch("r", store=store)
    asked = ("id", "name", "status", "reason", "notices", "loop", "steps", "state", "approvals")
    assert {name: getattr(watch, name) for name in asked} == {name: getattr(run, name) for name in asked}
    assert (watch.next_tasks, watch.breakpoints, watch.why("count")[:2]) == ([], {"before": [], "after": []}, "r ")


def test_nodes_that_are_not_declared_here_hinder_no_watching() -> None:
    store = MemoryStore()
    run = settled(graph(ONE_TWO, one, two).run(store=store, id="r"), Status.DONE)
    watch = Graph("g").watch("r", store=store)
    assert (watch.steps, watch.state) == (run.steps, run.state)


@pytest.mark.slow
def test_a_watch_that_nobody_holds_looks_no_more() -> None:
    store, others = MemoryStore(), set(watching._following)  # those of other tests may still be held
    settled(asking().run(store=store, id="r"), Status.WAITING)
    watch = asking().watch("r", store=store)
    on_loop(watch, lambda: None)  # type: ignore[arg-type]
    gone = weakref.ref(watch)
    del watch

    def is_gone() -> bool:
        gc.collect()
        return gone() is None

    until(is_gone)
    until(lambda: watching._following <= others)


def test_it_can_be_awaited_for_events_on_another_loop() -> None:
    store = MemoryStore()
    settled(counting().run(n=0, store=store, id="r"), Status.DONE)
    watch = counting().watch("r", store=store)

    async def steps() -> int:
        return len([event async for event in watch.events() if isinstance(event, TaskFinished)])

    assert asyncio.run(steps()) == 25
