"""The events of a run as an iterator: every one once, in order, the past ones first, for a cell or a coroutine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from nbgraph.core.event_stream import Events
from nbgraph.core.events import Event, RunStarted, Status, StatusChanged, TaskCancelled, TaskFinished, TaskStarted
from nbgraph.core.run import Run
from nbgraph.library import Graph
from tests.core.running import (
    ONE_TWO,
    SOON,
    Gate,
    graph,
    one,
    quiet_engine,  # noqa: F401
    reached,
    settled,
    told,
    two,
)


def in_a_cell(events: Events) -> list[Event]:
    return list(events)


def in_a_coroutine(events: Events) -> list[Event]:
    async def read() -> list[Event]:
        async with asyncio.timeout(SOON):
            return [event async for event in events]

    return asyncio.run(read())


Reader = Callable[[Events], list[Event]]
both = pytest.mark.parametrize("read", [in_a_cell, in_a_coroutine])


def gated() -> Graph:
    declared = graph("START -> one -> gate -> two -> END", one, two)
    declared.human("gate", "Go?")
    return declared


@both
def test_a_late_reader_gets_every_event_once_and_in_order(read: Reader) -> None:
    run = settled(graph(ONE_TWO, one, two).run(), Status.DONE)
    events = read(run.events())
    assert events == told(run)
    assert [type(event) for event in events] == [
        RunStarted,
        TaskStarted,
        TaskFinished,
        TaskStarted,
        TaskFinished,
        StatusChanged,
    ]


@both
def test_a_reader_from_the_start_gets_every_event_once_and_in_order(read: Reader) -> None:
    def count(n: int) -> dict[str, int]:
        return {"n": n + 1}

    run = graph("START -> count; count -> count if n < 200; count -> END else", count).run(n=0)
    events = read(run.events())
    assert events == told(settled(run, Status.DONE))
    assert [event.visit for event in events if isinstance(event, TaskFinished)] == list(range(1, 201))


@both
def test_it_ends_where_the_run_waits_and_goes_on_with_what_came_since(read: Reader) -> None:
    run = gated().run()
    events = run.events()
    first = read(events)
    assert isinstance(first[-1], StatusChanged)
    assert first[-1].status is Status.WAITING
    run.answer("gate", "approve")
    second = read(events)
    assert second[-1].status is Status.DONE  # type: ignore[union-attr]
    assert first + second == told(run)


@both
@pytest.mark.parametrize("status", [Status.FAILED, Status.PAUSED])
def test_it_ends_at_every_rest(read: Reader, status: Status) -> None:
    def one() -> dict[str, int]:
        if status is Status.FAILED:
            raise ValueError
        return {"x": 1}

    gate = Gate("gate")
    before = "gate" if status is Status.PAUSED else ()
    run = graph("START -> one -> gate -> END", one, gate.node).run(pause_before=before)
    last = read(run.events())[-1]
    assert isinstance(last, StatusChanged)
    assert last.status is status


@both
def test_it_ends_when_the_run_is_cancelled(read: Reader) -> None:
    gate = Gate("gate")
    run = graph("START -> gate -> END", gate.node).run()
    reached(gate.begun)
    run.cancel()
    assert [event.status for event in read(run.events()) if isinstance(event, StatusChanged)] == [Status.CANCELLED]


@pytest.mark.slow
def test_a_reader_of_a_cancelled_run_is_told_of_each_task_that_was_ended() -> None:
    begun = threading.Event()

    async def slow() -> None:
        begun.set()
        try:
            await asyncio.sleep(SOON)
        finally:
            await asyncio.sleep(0.3)

    run = graph("START -> slow -> END", slow).run()
    reached(begun)
    run.cancel()
    assert [event.node for event in run.events() if isinstance(event, TaskCancelled)] == ["slow"]


@both
def test_what_came_since_a_resume_is_read_at_once_or_later(read: Reader) -> None:
    run = graph(ONE_TWO, one, two).run(pause_before=["one", "two"])
    events, got = run.events(), []
    for _ in range(3):
        got += read(events)
        if run.status is Status.PAUSED:
            run.resume()
    assert run.status is Status.DONE
    assert got == told(run)


@both
def test_a_reader_that_comes_back_to_a_run_at_rest_gets_nothing_twice(read: Reader) -> None:
    run = settled(graph(ONE_TWO, one, two).run(), Status.DONE)
    events = run.events()
    assert len(read(events)) == 6
    assert read(events) == []


def test_a_reader_may_stop_in_the_middle_and_go_on() -> None:
    run = settled(graph(ONE_TWO, one, two).run(), Status.DONE)
    events = run.events()
    first = [event for event, _ in zip(events, range(2), strict=False)]
    rest = list(events)
    assert len(first) == 2
    assert told(run)[-len(rest) :] == rest
    assert len(rest) >= 3  # `zip` has taken one more


def test_several_readers_each_get_everything() -> None:
    gate = Gate("gate")
    run = graph("START -> one -> gate -> END", one, gate.node).run()
    got: list[list[Event]] = [[] for _ in range(4)]

    def work(place: int) -> None:
        got[place] = (in_a_cell if place % 2 else in_a_coroutine)(run.events())

    threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    reached(gate.begun)
    gate.let.set()
    for thread in threads:
        thread.join(SOON)
    assert got == [told(settled(run, Status.DONE))] * 4


def test_events_are_read_while_the_run_goes_on() -> None:
    gate = Gate("gate")
    run = graph("START -> gate -> END", gate.node).run()
    for event in run.events():
        if isinstance(event, TaskStarted):
            gate.let.set()
    assert run.status is Status.DONE


def test_a_coroutine_goes_on_through_a_person_where_answers_can_come() -> None:
    async def read(run: Run) -> list[Any]:
        run.answerable = True
        got = []
        async for event in run.events():
            got.append(event)
            if isinstance(event, StatusChanged) and event.status is Status.WAITING:
                run.answer("gate", "approve")
        return got

    run = gated().run()
    assert asyncio.run(asyncio.wait_for(read(run), SOON)) == told(run)
    assert run.status is Status.DONE


def test_events_can_be_read_on_the_loop_of_an_arun() -> None:
    async def main() -> tuple[list[Event], list[Event]]:
        run = await graph(ONE_TWO, one, two).arun()
        return [event async for event in run.events()], list(run._engine.watchers._events)

    got, all_of_them = asyncio.run(asyncio.wait_for(main(), SOON))
    assert got == all_of_them
