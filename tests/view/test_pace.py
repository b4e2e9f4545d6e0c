"""The time a run was under way, its rate, and how far its maps are."""

from __future__ import annotations

import pytest

from nbgraph.core.events import ItemsEnded, RunStarted, StateEdited, Status, StatusChanged, TaskFinished, TaskStarted
from nbgraph.view.pace import clock_face, rate
from nbgraph.view.progress import Progress
from tests.view.stories import ESSAY, folded

STARTED = RunStarted(100.0, ())
RUNNING, WAITING = Status.RUNNING, Status.WAITING


def told(*events) -> dict[str, float]:
    return folded(events).snapshot()["pace"]


def test_the_time_in_which_a_run_waits_for_a_person_does_not_count() -> None:
    events = (STARTED, StatusChanged(RUNNING, 100.0), StatusChanged(WAITING, 107.0), StatusChanged(RUNNING, 900.0))
    assert told(*events) == {"seconds": 7.0, "since": 900.0}
    assert told(*events, StatusChanged(Status.DONE, 903.5)) == {"seconds": 10.5}


def test_a_run_that_was_seen_late_counts_from_its_beginning() -> None:
    assert told(StatusChanged(RUNNING, 130.0), STARTED) == {"seconds": 0.0, "since": 100.0}


def test_the_time_between_a_crash_and_the_resume_does_not_count() -> None:
    ended = TaskFinished("draft", 1, 104.0, 1, {}, ())
    assert told(STARTED, ended, StatusChanged(RUNNING, 9000.0)) == {"seconds": 4.0, "since": 9000.0}


def test_the_time_between_a_run_and_its_fork_does_not_count() -> None:
    ended, edited = TaskFinished("draft", 1, 104.0, 1, {}, ()), StateEdited(9000.0, 2, {"x": 1})
    assert told(STARTED, ended, edited, StatusChanged(RUNNING, 9000.0)) == {"seconds": 4.0, "since": 9000.0}


def test_a_subgraph_that_begins_is_not_the_run() -> None:
    assert told(STARTED, RunStarted(105.0, (), "research#1"))["since"] == 100.0


def test_of_maps_under_way_the_outer_ones_count_until_they_are_over() -> None:
    mapping = (STARTED, TaskStarted("work", 1, 101.0, 10), ItemsEnded("work", 1, 103.0, 6, 1, 10))
    inside = TaskStarted("work/each", 1, 102.0, 99, "work[3]")
    assert told(*mapping, inside) == {"seconds": 0.0, "since": 100.0, "over": 7, "items": 10, "begun": 101.0}
    assert "items" not in told(*mapping, TaskFinished("work", 1, 104.0, 1, {}, ()))


def test_it_is_told_with_the_changes_only_where_it_has_changed() -> None:
    progress = Progress(ESSAY)
    assert progress.changes() == {}
    progress.apply(STARTED)
    assert progress.changes() == {"pace": {"seconds": 0.0, "since": 100.0}}
    progress.apply(TaskStarted("draft", 1, 101.0))
    assert "pace" not in progress.changes()


@pytest.mark.parametrize(
    ("number", "seconds", "expected"),
    [(0, 3, ""), (3, 0, ""), (7, 60, "7/min"), (28, 10, "2.8/s"), (99, 4, "25/s"), (12_000, 4, "3,000/s")],
)
def test_rates(number: int, seconds: float, expected: str) -> None:
    assert rate(number, seconds) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(7.9, "0:07"), (725, "12:05"), (3723, "1:02:03")])
def test_clock_faces(seconds: float, expected: str) -> None:
    assert clock_face(seconds) == expected
