"""Past: what is gathered from the records is where the engine stood, and from there every run comes to its end."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from nbgraph.core.events import Status
from nbgraph.core.past import Past, gathered
from nbgraph.core.plan import compile
from nbgraph.core.run import Run
from nbgraph.library import Graph
from tests.core.random_graphs import loop_around_fan_out
from tests.core.running import (
    quiet_engine,  # noqa: F401
    settled,
)
from tests.core.stored_graphs import Kept, kept, strided
from tests.core.storing import Frontiers, crash, cut, fields, tasks

quiet = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
LONGEST = 160  # entries of a log; each of many is resumed from
RESUMES = 10  # from one log


class Counts:
    def __init__(self) -> None:
        self.graphs = self.around_fan_out = self.frontiers = self.resumes = self.asked = self.nested = self.failed = 0
        self.snapshots = 0

    def add(self, one: Kept, graph: Graph, run: Run) -> None:
        shape = one.varied.shape.graph()
        self.graphs += 1
        self.around_fan_out += loop_around_fan_out(compile(shape, shape.outlined()))
        self.asked += bool(run.approvals)
        self.nested += bool(one.nesting)
        self.failed += any(step.errors for step in run.steps)

    def __str__(self) -> str:
        return (
            f"{self.graphs} graphs, {self.around_fan_out} with a loop around a fan-out, {self.asked} with questions, "
            f"{self.nested} in others, {self.failed} with failures; {self.frontiers} frontiers compared, "
            f"{self.resumes} resumes, {self.snapshots} from a snapshot"
        )


def finished(one: Kept) -> tuple[Graph, Frontiers, Run]:
    """The graph, run to its end, and where it stood after each step."""
    graph, frontiers = one.graph(), Frontiers()
    frontiers.run_id = "r"
    run = settled(graph.run(store=frontiers.store, id="r", answers=one.answers(), limit=3000), Status.DONE)
    assume(len(frontiers.store.history("r").entries) <= LONGEST)
    return graph, frontiers, run


def compare(graph: Graph, frontiers: Frontiers, run: Run, counts: Counts) -> None:
    history, plan = frontiers.store.history("r"), graph.plan()
    snapshots = frontiers.store._runs["r"].snapshots
    for count, walks in frontiers.seen.items():
        prefix = history._replace(entries=history.entries[:count])
        past = gathered(prefix, plan)
        for since in [each for each in snapshots if each[1] <= count][-1:]:
            assert_same(gathered(prefix, plan, since=since), past)
        for within, frontier in walks.items():
            assert fields(past.walks[within].frontier) == fields(frontier)
            counts.frontiers += 1
        number = past.steps[-1].number
        assert run.at(number).state == frontiers.states[number]


def assert_same(one: Past, other: Past) -> None:
    """Both say the same, but for what `why` is told by."""
    assert one.walks.keys() == other.walks.keys()
    for within, walk in one.walks.items():
        assert fields(walk.frontier) == fields(other.walks[within].frontier)
        assert (walk.items, walk.steps) == (other.walks[within].items, other.walks[within].steps)
    for name in ("steps", "journal", "tries", "approvals", "answered", "status", "reason"):
        assert getattr(one, name) == getattr(other, name)
    assert repr(one.events) == repr(other.events)


@pytest.mark.slow
def test_from_every_prefix_of_its_log_a_run_comes_to_the_same_end(capsys: pytest.CaptureFixture[str]) -> None:
    counts = Counts()

    @quiet
    @given(kept(), st.integers(0, 50))
    def resumed_alike(one: Kept, phase: int) -> None:
        graph, frontiers, run = finished(one)
        counts.add(one, graph, run)
        compare(graph, frontiers, run, counts)
        history, snapshots = frontiers.store.history("r"), frontiers.store._runs["r"].snapshots
        for count in strided(len(history.entries), RESUMES, phase):
            store = cut(history, count, count % 2 == 0, snapshots if count % 3 else ())
            counts.snapshots += bool(store._runs["r"].snapshots)
            if store.run("r").status is Status.DONE:
                continue
            again = settled(graph.resume("r", store=store, answers=one.answers()), Status.DONE)
            assert again.state == run.state
            assert tasks(again) == tasks(run)
            assert not again.notices
            crash(again)
            counts.resumes += 1

    resumed_alike()
    with capsys.disabled():
        print(f"\n{counts}")
    assert counts.around_fan_out > counts.graphs / 3
    assert min(counts.asked, counts.nested, counts.failed) > counts.graphs / 6


@pytest.mark.slow
def test_from_every_prefix_of_its_log_a_run_with_races_comes_to_an_end(capsys: pytest.CaptureFixture[str]) -> None:
    counts = Counts()

    @quiet
    @given(kept(race=True), st.integers(0, 50))
    def resumed_too(one: Kept, phase: int) -> None:
        graph, frontiers, run = finished(one)
        counts.add(one, graph, run)
        compare(graph, frontiers, run, counts)
        history = frontiers.store.history("r")
        for count in strided(len(history.entries), RESUMES // 2, phase):
            store = cut(history, count)
            if store.run("r").status is Status.DONE:
                continue
            again = settled(graph.resume("r", store=store, answers=one.answers()), Status.DONE)
            assert sorted(each.task for each in again.steps) == sorted({each.task for each in again.steps})
            crash(again)
            counts.resumes += 1

    resumed_too()
    with capsys.disabled():
        print(f"\n{counts}")
    assert counts.around_fan_out > counts.graphs / 3
