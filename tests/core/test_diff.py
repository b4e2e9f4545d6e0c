"""Diff: the first step that differs between two runs, the keys, the visits, the time."""

from __future__ import annotations

from nbgraph.core.events import Status
from nbgraph.core.run import Run
from tests.core.running import (
    counting,
    graph,
    quiet_engine,  # noqa: F401
    settled,
)
from tests.core.test_time_travel import Vague, rounds


def test_runs_that_did_the_same_have_no_difference() -> None:
    first, second = (settled(rounds().run(), Status.DONE) for _ in range(2))
    found = first.diff(second)
    assert (found.same, found.step, found.keys, found.visits) == (True, None, {}, {})
    assert repr(found).startswith("no difference\n")


def test_the_first_step_that_differs_is_told_with_keys_and_visits() -> None:
    run = settled(counting().run(n=0), Status.DONE)
    fork = settled(run.fork(4, n=22), Status.DONE)
    found = run.diff(fork)
    assert (found.step, found.same, found.keys, found.visits) == (5, False, {}, {"count": (25, 7)})
    assert [step and step.task for step in found.steps] == ["count#5", "run.edit#1"]
    assert "first difference at step 5" in repr(found)
    assert "count ran 25 | 7 times" in repr(found)
    assert fork.diff(run).visits == {"count": (7, 25)}


def test_a_run_that_stopped_earlier_has_no_step_there() -> None:
    long, short = (settled(counting().run(n=0, limit=limit), Status.PAUSED) for limit in (5, 3))
    found = long.diff(short)
    assert (found.step, found.steps[1], found.keys) == (4, None, {"n": (5, 3)})
    assert "(no more steps)" in repr(found)


def test_a_key_that_only_one_run_has_differs_even_where_it_is_none() -> None:
    with_key = graph("START -> work -> END")
    with_key.node(lambda: {"x": None}, name="work")
    without = graph("START -> work -> END")
    without.node(lambda: None, name="work")
    found = settled(with_key.run(), Status.DONE).diff(settled(without.run(), Status.DONE))
    assert (dict(found.keys), found.step) == ({"x": (None, None)}, 1)


def test_values_that_cannot_be_compared_are_told_apart_by_how_they_look() -> None:
    def one_of(text: str) -> Run:
        line = graph("START -> work -> END")
        line.node(lambda: {"v": Vague(text)}, name="work")
        return settled(line.run(), Status.DONE)

    assert one_of("a").diff(one_of("a")).same
    assert list(one_of("a").diff(one_of("b")).keys) == ["v"]
