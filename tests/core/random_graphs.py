"""Random graphs for the property tests of the scheduler, and a way to play them in any order of completion."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from nbgraph import Graph, add, append
from nbgraph.core import scheduler
from nbgraph.core.graph import END, START
from nbgraph.core.plan import Plan
from nbgraph.core.scheduler import Frontier, Task
from nbgraph.core.state import Gathered
from nbgraph.core.views import Writes

ITEMS = [1, 2, 3]


@dataclass(frozen=True)
class Shape:
    """A random graph: forward edges, edges back (each with its guard), branches (exclusive choices), a mapped node."""

    nodes: tuple[str, ...]
    starts: tuple[str, ...]
    forward: tuple[tuple[str, str], ...]
    back: tuple[tuple[str, str, str], ...]
    branching: tuple[str, ...]
    mapped: str | None

    def targets(self, name: str) -> list[str]:
        return [to for source, to in self.forward if source == name]

    def text(self) -> str:
        """The graph in the edge language."""
        guarded = {source for source, _, _ in self.back}
        lines = [f"START -> {', '.join(self.starts)}"]
        for name in self.nodes:
            lines += self._forward_lines(name, name in guarded)
        for source, to, guard in self.back:
            lines += [f"{source} -> {to} {guard.format(source=source)}", f"{source} -> END else"]
        return "\n".join(lines)

    def _forward_lines(self, name: str, guarded: bool) -> list[str]:
        targets = self.targets(name)
        if name in self.branching:
            return [f"{name} -> {targets[0]} if c_{name} % 2 == 1", f"{name} -> {', '.join(targets[1:])} else"]
        word = " always" if guarded else ""
        lines = [f"{name} -> {to}{word}" for to in targets if to != self.mapped]
        lines += [f"{name} -> {to} each items as item" for to in targets if to == self.mapped]
        return lines or ([] if guarded else [f"{name} -> END"])

    def graph(self) -> Graph:
        """The graph with a body for each node, which the player never calls."""
        made = Graph("random")
        for name in self.nodes:
            made.node(lambda: None, name=name)
        made.edges(self.text())

        class State:
            pass

        State.__annotations__ = {"log": list}
        made.schema = made.schema._replace(
            reducers={"log": append, **{f"c_{name}": add for name in self.nodes}},
            defaults={f"c_{name}": 0 for name in self.nodes} | {"log": []},
        )
        return made


GUARDS = ("if c_{source} < 3", "if c_{source} < 9 max 2", "by go_{source}")


@st.composite
def shapes(draw: st.DrawFn, plain: bool = False) -> Shape:
    """Graphs of three to eight nodes, most with a loop around a fan-out; `plain` ones the prototype can play too."""
    count = draw(st.integers(3, 8))
    nodes = tuple(f"n{index}" for index in range(count))
    edges = {(nodes[draw(st.integers(0, index - 1))], nodes[index]) for index in range(1, count)}
    for _ in range(draw(st.integers(0, count))):
        one, other = sorted(draw(st.lists(st.integers(0, count - 1), min_size=2, max_size=2, unique=True)))
        edges.add((nodes[one], nodes[other]))
    back: dict[str, tuple[str, str, str]] = {}
    if count > 4 and draw(st.integers(0, 4)) > 0:
        edges |= {("n0", "n1"), ("n0", "n2"), ("n1", "n3"), ("n2", "n3")}
        back["n3"] = ("n3", "n0", GUARDS[0] if plain else draw(st.sampled_from(GUARDS)))
    starts = (nodes[0], *([draw(st.sampled_from(nodes[1:]))] if draw(st.integers(0, 3)) == 0 else []))
    for _ in range(draw(st.sampled_from([0, 1, 1, 2, 2, 3]))):
        to = draw(st.integers(0, max(0, count // 2 - 1)))
        source = nodes[draw(st.integers(max(to, count // 2), count - 1))]
        back[source] = (source, nodes[to], GUARDS[0] if plain else draw(st.sampled_from(GUARDS)))
    forward = tuple(sorted(edges))
    shape = Shape(nodes, starts, forward, tuple(back.values()), (), None)
    return shape if plain else _varied(draw, shape)


def _varied(draw: st.DrawFn, shape: Shape) -> Shape:
    back_sources, back_targets = {edge[0] for edge in shape.back}, {edge[1] for edge in shape.back}
    wide = [name for name in shape.nodes if len(shape.targets(name)) > 1 and name not in back_sources]
    branching = tuple(name for name in wide if draw(st.integers(0, 3)) == 0)
    incoming = Counter(to for _, to in shape.forward)
    lonely = [
        to
        for source, to in shape.forward
        if incoming[to] == 1 and to not in shape.starts and to not in back_targets and source not in branching
    ]
    mapped = draw(st.sampled_from([None, *lonely])) if lonely else None
    return Shape(shape.nodes, shape.starts, shape.forward, shape.back, branching, mapped)


def loop_around_fan_out(plan: Plan) -> bool:
    """Whether some node in a loop leads to two nodes of the same loop at once."""
    around = plan.loops.around
    return any(
        sum(around[edge.target][: len(heads)] == heads for edge in plan.exits[name].always if edge.target != END) > 1
        for name, heads in around.items()
        if heads
    )


def writes_of(task: Task, shape: Shape) -> Writes:
    """What the body of `task` would write: counts, a key of its own, a line in the shared log, its choice."""
    name = task.node
    count = task.view.values[f"c_{name}"] + 1
    routes = {source: (to if count < 3 else None) for source, to, guard in shape.back if guard.startswith("by")}
    choice = ((f"go_{name}", routes[name]),) if name in routes else ()
    length = len(task.view.values["log"])
    if name == shape.mapped:
        lines = tuple(f"{name}[{item}]:{length}" for item in task.view.values["items"])
        gathered = (Gathered(lines, (True,) * len(lines)), Gathered(tuple(ITEMS), (True,) * len(ITEMS)))
        return (("log", gathered[0]), (f"c_{name}", 1), (f"own_{name}", gathered[1]), *choice)
    return (("log", f"{name}:{length}"), (f"c_{name}", 1), (f"own_{name}", count), *choice)


@dataclass
class Played:
    """What came of one order of completion. `seen` is the log that each task saw; `ends` counts arrivals at END."""

    state: dict[str, Any]
    visits: dict[str, int]
    seen: dict[str, tuple[str, ...]]
    ends: Counter[str]
    steps: int


def play(plan: Plan, shape: Shape, order: random.Random) -> Played:
    """Run the graph with tasks that finish in a random order."""
    moved = scheduler.begin(plan, {**plan.schema.fresh_defaults(), "items": ITEMS})
    active, seen, ends, steps = list(moved.started), {}, Counter[str](), 0
    while active:
        task = active.pop(order.randrange(len(active)))
        seen[task.id] = tuple(task.view.values["log"])
        moved = scheduler.advance(moved.frontier, task, writes_of(task, shape))
        ends.update(edge.source for edge in moved.taken if edge.target == END)
        active += moved.started
        steps += 1
    assert_at_end(moved.frontier)
    return Played(dict(scheduler.state(moved.frontier)), dict(moved.frontier.visits), seen, ends, steps)


def assert_at_end(frontier: Frontier) -> None:
    assert frontier.finished, f"deadlock: {list(frontier.arrived)} wait for each other"
    assert START not in frontier.visits
