"""Random graphs with failures on error edges, edits and races: what holds whatever the order in which tasks finish."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from nbgraph import Graph, add, append
from nbgraph.core import scheduler
from nbgraph.core.events import TaskError
from nbgraph.core.graph import END
from nbgraph.core.plan import Plan, compile
from nbgraph.core.scheduler import Advance, Task
from nbgraph.core.views import Writes
from tests.core.random_graphs import ITEMS, Shape, shapes, writes_of

pytestmark = pytest.mark.slow  # hundreds of graphs in several orders each

quiet = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
MOST = 3000  # tasks; where each arrival starts its own, loops multiply


@dataclass(frozen=True)
class Varied:
    """A random graph with nodes `h...` that are led to on error and lead on, tasks that fail, and joins."""

    shape: Shape
    caught: tuple[tuple[str, str], ...] = ()  # who fails, and where its error leads on to
    fails: frozenset[tuple[str, int]] = frozenset()
    joins: tuple[tuple[str, str], ...] = ()
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", (*self.shape.nodes, *(f"h_{source}" for source, _ in self.caught)))

    def text(self) -> str:
        """The graph in the edge language."""
        lines = [f"{source} -> h_{source} on error; h_{source} -> {to}" for source, to in self.caught]
        return "\n".join((self.shape.text(), *lines))

    def plan(self) -> Plan:
        made, joins = Graph("random"), dict(self.joins)
        for name in self.names:
            made.node(lambda: None, name=name, join=joins.get(name, "all"))
        made.edges(self.text())
        made.schema = made.schema._replace(
            reducers={"log": append, "lines": append, **{f"c_{name}": add for name in self.names}},
            defaults={f"c_{name}": 0 for name in self.names} | {"log": [], "lines": [], "edited": 0},
        )
        return compile(made, made.outlined())

    def writes(self, task: Task) -> Writes:
        """As in a graph without all this, and the task's name; a node of which many run at once writes no plain key."""
        written = writes_of(task, self.shape)
        if dict(self.joins).get(task.node) == "any":
            written = tuple((key, value) for key, value in written if key in ("log", f"c_{task.node}"))
        return (*written, ("lines", task.node))


@st.composite
def faulty(draw: st.DrawFn) -> Varied:
    shape = draw(shapes())
    caught = []
    for place, name in enumerate(shape.nodes):
        if draw(st.booleans()):
            later = [to for to in shape.nodes[place + 1 :] if to != shape.mapped]
            caught.append((name, draw(st.sampled_from([END, *later]))))
    fails = {(name, visit) for name, _ in caught for visit in (1, 2, 3) if draw(st.integers(0, 2)) == 0}
    return Varied(shape, tuple(caught), frozenset(fails))


@st.composite
def racing(draw: st.DrawFn) -> Varied:
    shape = draw(shapes(plain=True))
    incoming = Counter(to for _, to in shape.forward) + Counter(to for _, to, _ in shape.back)
    wide = [name for name in shape.nodes if incoming[name] > 1]
    joins = [(name, draw(st.sampled_from(["all", "any", "first", "first"]))) for name in wide]
    return Varied(shape, joins=tuple((name, join) for name, join in joins if join != "all"))


class Player:
    """Plays a graph with tasks that finish in a random order, and with edits before some of them."""

    def __init__(self, varied: Varied, plan: Plan, seed: int, edits: int = 0) -> None:
        self.varied, self.plan, self.order = varied, plan, random.Random(seed)
        self.moved = scheduler.begin(plan, {**plan.schema.fresh_defaults(), "items": ITEMS})
        self.seen: dict[str, Any] = {}
        self.finished: list[str] = []
        self.failed = 0
        self.edits = edits
        self.edited = 0

    def step(self) -> None:
        frontier = self.moved.frontier
        task = frontier.active[self.order.choice(sorted(frontier.active))]
        self.seen[task.id] = (task.parents, task.errors, tuple(task.view.values["log"]))
        if (task.node, task.visit) in self.varied.fails:
            self.failed += 1
            self.moved = scheduler.advance(frontier, task, (), (TaskError(task.node, "ValueError", str(task.visit)),))
        else:
            self.moved = scheduler.advance(frontier, task, self.varied.writes(task))
        self.finished.append(task.node)
        self.check(frontier.active, self.moved)

    def check(self, before: Any, moved: Advance) -> None:
        """What was under way has finished, is lost, or still is under way."""
        active = moved.frontier.active
        assert {task.id for task in moved.started} == active.keys() - before.keys()
        assert len(before.keys() - active.keys() - set(moved.lost)) == 1

    def edit(self) -> None:
        """The next value of a key that no node writes; of one that all write, what it holds and a line more."""
        lines = scheduler.state(self.moved.frontier)["lines"]
        self.edited += 1
        frontier, _ = scheduler.edit(self.moved.frontier, {"edited": self.edited, "lines": [*lines, "edit"]})
        self.moved = self.moved._replace(frontier=frontier)

    def play(self) -> dict[str, Any]:
        while self.moved.frontier.active:
            assume(len(self.finished) < MOST)
            if self.edited < self.edits and self.order.random() < 0.3:
                self.edit()
            self.step()
        assert self.moved.frontier.finished, f"deadlock: {list(self.moved.frontier.arrived)} wait for each other"
        return dict(scheduler.state(self.moved.frontier))


def test_with_failures_on_error_edges_no_result_depends_on_the_order(capsys: pytest.CaptureFixture[str]) -> None:
    seen = failed = 0

    @quiet
    @given(faulty(), st.integers(0, 2**32))
    def every_order_agrees(varied: Varied, seed: int) -> None:
        nonlocal seen, failed
        plan = varied.plan()
        players = [Player(varied, plan, seed + order) for order in range(4)]
        first, *others = [(player.play(), player.seen) for player in players]
        for other in others:
            assert other == first
        seen, failed = seen + 1, failed + bool(players[0].failed)

    every_order_agrees()
    with capsys.disabled():
        print(f"\n{seen} graphs with error edges, four orders each; in {failed} of them a task failed")
    assert failed > seen / 4


@quiet
@given(faulty(), st.integers(0, 2**32), st.integers(1, 4))
def test_with_edits_at_any_moment_nothing_is_lost_in_any_order(varied: Varied, seed: int, edits: int) -> None:
    plan = varied.plan()
    for order in range(3):
        player = Player(varied, plan, seed + order, edits)
        state = player.play()
        assert state["edited"] == player.edited
        done = Counter(player.finished)
        done.subtract(name for name, visit in varied.fails if visit <= player.moved.frontier.visits.get(name, 0))
        assert Counter(state["lines"]) == +done + Counter({"edit": player.edited} if player.edited else {})


def test_with_races_every_run_ends_without_a_conflict(capsys: pytest.CaptureFixture[str]) -> None:
    seen = lost = eager = 0

    @quiet
    @given(racing(), st.integers(0, 2**32))
    def every_order_ends(varied: Varied, seed: int) -> None:
        nonlocal seen, lost, eager
        plan = varied.plan()
        for order in range(3):
            player = Player(varied, plan, seed + order)
            state = player.play()  # WriteConflict would be raised
            assert Counter(state["lines"]) == Counter(player.finished)
            lost += sum(player.moved.frontier.visits.values()) > len(player.finished)
        seen, eager = seen + 1, eager + bool(varied.joins)

    every_order_ends()
    with capsys.disabled():
        print(f"\n{seen} graphs, {eager} with joins that wait for nothing; {lost} orders of three lost a task")
    assert lost > seen / 4
