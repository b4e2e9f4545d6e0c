"""The timeline of a run: one bar a task, the same by live events as by retold ones."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nbgraph.core.events import (
    Event,
    RunStarted,
    StateEdited,
    Status,
    StatusChanged,
    TaskCancelled,
    TaskFailed,
    TaskFinished,
    TaskRetried,
    TaskStarted,
)
from nbgraph.view.timeline import AT_REST, BY_HAND, LIVE_BARS, Timeline, joined
from tests.view.stories import TO_THE_GATE
from tests.view.trips import FAILURE


def drawn(*events: Event) -> list[list[Any]]:
    timeline = Timeline()
    for event in events:
        timeline.hear(event)
    return list(timeline.snapshot().values())


BEGIN = RunStarted(100.0, ())
DRAFT = TaskStarted("draft", 1, 100.0)


def done(at: float, step: int = 1, **more: Any) -> TaskFinished:
    return TaskFinished("draft", 1, at, step, {}, (), **more)


def test_a_bar_lasts_from_when_a_task_could_start_to_its_end_in_seconds_after_the_first() -> None:
    assert drawn(BEGIN, DRAFT) == [["draft", "draft", 0, 0.0, None, "active", "", []]]
    assert drawn(BEGIN, DRAFT, done(102.0)) == [["draft", "draft", 1, 0.0, 2.0, "done", "", []]]


def test_each_visit_has_a_bar_and_those_of_a_subgraph_have_a_lane_of_their_own() -> None:
    inner = TaskStarted("g/two", 2, 101.0, None, "g#3")
    assert [bar[:2] for bar in drawn(BEGIN, DRAFT, inner)] == [["draft", "draft"], ["g/two", "g#3/two #2"]]


def test_what_was_tried_again_cached_or_given_by_hand_is_marked() -> None:
    again = TaskRetried("draft", 1, 101.0, 1, FAILURE, 0.1)
    assert drawn(BEGIN, DRAFT, again, again, done(102.0, cached=True))[0][6] == "cached · 2 retries"
    assert drawn(BEGIN, DRAFT, done(102.0, edited=True))[0][6] == BY_HAND


def test_a_failure_is_handled_where_the_run_went_on_over_an_error_edge() -> None:
    failed = TaskFailed("draft", 1, 101.0, FAILURE)
    assert drawn(BEGIN, DRAFT, failed)[0][4:6] == [1.0, "failed"]
    assert drawn(BEGIN, DRAFT, failed, done(101.0))[0][5] == "handled"


def test_a_task_that_failed_and_is_resumed_goes_on_in_its_bar() -> None:
    [bar] = drawn(BEGIN, DRAFT, TaskFailed("draft", 1, 101.0, FAILURE), DRAFT._replace(at=110.0), done(112.0))
    assert bar[2:6] == [1, 0.0, 12.0, "done"]


def test_a_task_that_was_ended_and_an_edit_by_hand_have_bars_too() -> None:
    ended = drawn(BEGIN, DRAFT, TaskCancelled("draft", 1, 101.0), StateEdited(103.0, 2, {"x": 1}))
    assert [bar[5] for bar in ended] == ["cancelled", "done"]
    assert ended[1][:5] == [BY_HAND, "edited by hand", 2, 1.0, 1.0]


def test_the_time_in_which_a_person_was_awaited_is_told() -> None:
    bars = drawn(*TO_THE_GATE)
    waited = [bar for bar in bars if bar[7]]
    assert waited
    for bar in waited:
        for begin, end in bar[7]:
            assert bar[3] <= begin
            assert end is None or begin <= end


def test_a_page_holds_the_newest_bars() -> None:
    timeline = Timeline()
    timeline.hear(BEGIN)
    for number in range(1, 2 * LIVE_BARS + 1):
        timeline.hear(TaskStarted("draft", number, 100.0 + number))
        timeline.hear(TaskFinished("draft", number, 100.5 + number, number, {}, ()))
    newest = timeline.snapshot()
    assert [bar[2] for bar in newest.values()] == list(range(LIVE_BARS + 1, 2 * LIVE_BARS + 1))
    assert len(json.dumps(newest)) < 100_000


def at_rest(status: Status, begin: float, end: float) -> tuple[Event, ...]:
    return StatusChanged(status, begin), StatusChanged(Status.RUNNING, end)


def test_of_a_long_rest_a_quarter_of_the_time_before_it_is_drawn() -> None:
    bars = drawn(BEGIN, DRAFT, *at_rest(Status.WAITING, 140.0, 40_000.0), done(40_001.0))
    assert bars == [
        ["draft", "draft", 1, 0.0, 51.0, "done", "", []],
        [AT_REST, "11 h 4 min left out", 0, 50.0, 50.0, "done", "", []],
    ]


def test_an_edit_stands_where_the_rest_began_in_which_it_was_made() -> None:
    paused, going = at_rest(Status.PAUSED, 140.0, 40_000.0)
    bars = drawn(BEGIN, DRAFT, done(139.0), paused, StateEdited(39_000.0, 2, {"x": 1}), going)
    assert [bar[:4] for bar in bars[1:]] == [
        [BY_HAND, "edited by hand", 2, 40.0],
        [AT_REST, "11 h 4 min left out", 0, 50.0],
    ]


def test_the_night_between_a_run_and_its_fork_is_left_out() -> None:
    next_day = 90_000.0
    fork = StateEdited(next_day, 2, {"x": 1}), StatusChanged(Status.RUNNING, next_day)
    bars = drawn(BEGIN, DRAFT, done(104.0), *fork, TaskStarted("draft", 2, next_day))
    assert [bar[3] for bar in bars] == [0.0, 4.0, 6.0, 6.0]


def test_a_short_rest_is_drawn_whole() -> None:
    assert drawn(BEGIN, DRAFT, *at_rest(Status.PAUSED, 101.0, 103.0), done(104.0))[0][3:5] == [0.0, 4.0]


def test_a_run_that_was_lost_rested_from_the_last_that_was_heard_of_it() -> None:
    bars = drawn(BEGIN, DRAFT, StatusChanged(Status.RUNNING, 9_000.0), DRAFT._replace(at=9_000.0), done(9_001.0))
    assert bars[0][2:6] == [1, 0.0, 3.0, "done"]
    assert bars[1][:2] == [AT_REST, "2 h 28 min left out"]


def test_several_statuses_of_one_rest_are_one_rest() -> None:
    twice = StatusChanged(Status.WAITING, 101.0), StatusChanged(Status.PAUSED, 5_000.0)
    bars = drawn(BEGIN, DRAFT, *twice, StatusChanged(Status.RUNNING, 9_000.0), done(9_001.0))
    assert bars[0][3:5] == [0.0, 4.0]
    assert len(bars) == 2


@given(st.lists(st.integers(1, 30), max_size=60), st.lists(st.integers(0, 60), max_size=8))
def test_changes_folded_in_are_the_snapshot(visits: list[int], cuts: list[int]) -> None:
    timeline, held, seen = Timeline(), dict[str, Any](), set[int]()
    timeline.hear(BEGIN)
    for place, visit in enumerate(visits):
        if visit in seen:
            timeline.hear(TaskFinished("draft", visit, 101.0 + place, place, {}, ()))
        else:
            timeline.hear(TaskStarted("draft", visit, 101.0 + place))
        seen ^= {visit}
        if place in cuts:
            held = joined(held, timeline.changes())
    assert joined(held, timeline.changes()) == timeline.snapshot()
