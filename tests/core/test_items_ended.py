"""How many items of a map have ended: told while somebody watches, and that some failed in any case."""

from __future__ import annotations

import pytest

from nbgraph.core import calls
from nbgraph.core.events import Event, ItemsEnded, Status
from nbgraph.core.run import Run
from tests.core.patterns import made
from tests.core.running import (
    quiet_engine,  # noqa: F401
    settled,
    told,
)


async def work(item: int) -> int:
    if item < 0:
        raise ValueError(f"{item} is negative")
    return item


def waiting(items: list[int]) -> Run:
    """A run that waits for a person before it maps over items, one at a time."""
    line = made("START -> gate -> work each items as item; work -> END", work, work={"parallel": 1})
    line.human("gate", "go on?")
    return settled(line.run(items=items), Status.WAITING)


def watched(items: list[int], status: Status) -> list[tuple[int, int, int]]:
    """What is told of the items of a map that somebody watches: done, failed, and how many there are."""
    run, seen = waiting(items), list[Event]()
    run.subscribe(seen.append)
    run.answer("gate", "approve")
    return ended(settled(run, status))


def ended(run: Run) -> list[tuple[int, int, int]]:
    return [(event.done, event.failed, event.items) for event in told(run) if isinstance(event, ItemsEnded)]


def test_each_item_that_ends_is_told() -> None:
    assert watched([1, 2, 3], Status.DONE) == [(1, 0, 3), (2, 0, 3), (3, 0, 3)]


def test_failed_items_are_counted_apart() -> None:
    assert watched([1, -2, 3, -4], Status.FAILED) == [(1, 0, 4), (1, 1, 4), (2, 1, 4), (2, 2, 4)]


def test_where_nobody_watches_only_the_end_of_a_map_that_failed_is_told() -> None:
    run = waiting([1, 2, 3])
    run.answer("gate", "approve")
    assert ended(settled(run, Status.DONE)) == []
    run = waiting([1, -2, 3])
    run.answer("gate", "approve")
    assert ended(settled(run, Status.FAILED)) == [(2, 1, 3)]


def test_of_very_many_items_the_last_is_told_and_not_each_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "ITEMS_TOLD", 4)
    assert watched(list(range(10)), Status.DONE) == [(1, 0, 10), (4, 0, 10), (7, 0, 10), (10, 0, 10)]


def test_a_resumed_map_begins_with_what_had_finished_before() -> None:
    run, seen = waiting([1, -2, 3]), list[Event]()
    run.subscribe(seen.append)
    run.answer("gate", "approve")
    settled(run, Status.FAILED)
    run.resume()
    settled(run, Status.FAILED)
    assert ended(run)[3:] == [(2, 0, 3), (2, 1, 3)]


def test_the_items_of_a_cancelled_run_are_not_told_to_have_failed() -> None:
    line = made("START -> ask each items as item; ask -> END")
    line.human("ask", "{{ item }}?")
    run, seen = line.run(items=[1, 2]), list[Event]()
    run.subscribe(seen.append)
    settled(run, Status.WAITING).cancel()
    assert ended(settled(run, Status.CANCELLED)) == []
