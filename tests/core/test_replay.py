"""Replay: what the records say gives exactly the frontier that the scheduler had, and nothing is decided anew."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from nbgraph.core import replay, scheduler
from nbgraph.core.events import TaskError
from nbgraph.core.plan import Plan
from nbgraph.core.records import Begun, Step
from nbgraph.core.scheduler import Advance, Frontier
from nbgraph.core.task_names import EDIT
from tests.core.random_graphs import ITEMS, loop_around_fan_out
from tests.core.storing import fields
from tests.core.test_pattern_properties import MOST, Varied, faulty, racing

quiet = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


class Told:
    """Plays a graph in a random order, with edits between, and tells each step as a record."""

    def __init__(self, varied: Varied, plan: Plan, seed: int, edits: int) -> None:
        self.varied, self.plan, self.order, self.edits = varied, plan, random.Random(seed), edits
        self.inputs = {**plan.schema.fresh_defaults(), "items": ITEMS}
        self.moved = scheduler.begin(plan, self.inputs)
        self.begun = Begun("", {}, self.moved.taken, *started(self.moved), 0.0)
        self.count = self.edited = self.failed = 0

    def play(self) -> Iterator[tuple[Step, Frontier]]:
        while self.moved.frontier.active:
            assume(self.count < MOST)
            self.count += 1
            if self.edited < self.edits and self.order.random() < 0.3:
                yield self.edit(), self.moved.frontier
            else:
                yield self.step(), self.moved.frontier

    def step(self) -> Step:
        frontier = self.moved.frontier
        task = frontier.active[self.order.choice(sorted(frontier.active))]
        errors, writes = (), self.varied.writes(task)
        if (task.node, task.visit) in self.varied.fails:
            errors, writes = (TaskError(task.node, "ValueError", str(task.visit)),), ()
            self.failed += 1
        self.moved = scheduler.advance(frontier, task, writes, errors)
        ids, stamps = started(self.moved)
        told = task.id, task.node, task.visit, task.parents, writes, self.moved.taken, ids
        return Step(self.count, *told, 0.0, errors=errors, stamps=stamps)

    def edit(self) -> Step:
        lines = scheduler.state(self.moved.frontier)["lines"]
        self.edited += 1
        update = {"edited": self.edited, "lines": [*lines, "edit"]}
        frontier, number = scheduler.edit(self.moved.frontier, update)
        self.moved = self.moved._replace(frontier=frontier)
        return Step(self.count, f"{EDIT}#{number}", EDIT, number, (), tuple(update.items()), (), (), 0.0, edited=True)


def started(moved: Advance) -> tuple[Any, Any]:
    return tuple(task.id for task in moved.started), tuple(task.stamp for task in moved.started)


class Counts:
    def __init__(self) -> None:
        self.graphs = self.around_fan_out = self.steps = self.failed = self.edited = self.snapshots = self.lost = 0

    def add(self, told: Told, steps: int, snapshots: int) -> None:
        self.graphs += 1
        self.around_fan_out += loop_around_fan_out(told.plan)
        self.steps += steps
        self.failed += bool(told.failed)
        self.edited += bool(told.edited)
        self.snapshots += snapshots
        self.lost += sum(told.moved.frontier.visits.values()) > steps

    def __str__(self) -> str:
        return (
            f"{self.graphs} graphs, {self.around_fan_out} with a loop around a fan-out, {self.steps} steps, each "
            f"compared; {self.failed} with a failure, {self.edited} with an edit, {self.lost} with a race that was "
            f"lost; {self.snapshots} snapshots"
        )


def compare_all(varied: Varied, seed: int, edits: int, counts: Counts) -> None:
    """Play a graph, and replay each of its steps beside it, and from each snapshot on."""
    plan = varied.plan()
    told = Told(varied, plan, seed, edits)
    replayed = replay.begun(plan, told.inputs, told.begun)
    assert fields(replayed) == fields(scheduler.begin(plan, told.inputs).frontier)
    others: list[Frontier] = []
    steps = snapshots = 0
    for step, frontier in told.play():
        id = step.task
        replayed = replay.advanced(replayed, id, step).frontier
        assert fields(replayed) == fields(frontier), step
        others = [replay.advanced(other, id, step).frontier for other in others[-2:]]
        for other in others:
            assert fields(other) == fields(frontier), step
        steps += 1
        if (snapshot := replay.snapshot(frontier, step.number)) is not None:
            others.append(replay.restored(plan, snapshot))
            assert fields(others[-1]) == fields(frontier)
            snapshots += 1
    assert replayed.finished
    counts.add(told, steps, snapshots)


@pytest.mark.slow
def test_every_prefix_of_a_log_gives_the_frontier_with_failures_and_edits(capsys: pytest.CaptureFixture[str]) -> None:
    counts = Counts()

    @quiet
    @given(faulty(), st.integers(0, 2**32), st.integers(0, 3))
    def replayed_alike(varied: Varied, seed: int, edits: int) -> None:
        compare_all(varied, seed, edits, counts)

    replayed_alike()
    with capsys.disabled():
        print(f"\n{counts}")
    assert counts.around_fan_out > counts.graphs / 3
    assert min(counts.failed, counts.edited) > counts.graphs / 4
    assert counts.snapshots > counts.graphs


@pytest.mark.slow
def test_every_prefix_of_a_log_gives_the_frontier_with_races(capsys: pytest.CaptureFixture[str]) -> None:
    counts = Counts()

    @quiet
    @given(racing(), st.integers(0, 2**32), st.integers(0, 2))
    def replayed_alike(varied: Varied, seed: int, edits: int) -> None:
        compare_all(varied, seed, edits, counts)

    replayed_alike()
    with capsys.disabled():
        print(f"\n{counts}")
    assert counts.around_fan_out > counts.graphs / 3
    assert counts.lost > counts.graphs / 6
