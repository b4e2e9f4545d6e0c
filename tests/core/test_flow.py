"""Flow: what is certain before a node, played against the scheduler on random graphs."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbgraph import Graph, last
from nbgraph.core import scheduler
from nbgraph.core.events import TaskError
from nbgraph.core.plan import compile
from nbgraph.core.scheduler import Task
from nbgraph.core.signature import Read, Writes
from nbgraph.core.survey import Survey
from tests.core.declared import graph
from tests.core.random_graphs import ITEMS, Shape, shapes

KEYS = ("k0", "k1", "k2")
MOST_STEPS = 200


@dataclass(frozen=True)
class Data:
    """Which keys each node of a shape reads and writes, where each leads when it fails, and how some join."""

    reads: dict[str, tuple[str, ...]]
    writes: dict[str, tuple[str, ...]]
    failing: dict[str, str]
    joins: dict[str, str]

    def graph(self, shape: Shape) -> Graph:
        made = shape.graph()
        for source, to in self.failing.items():
            made.edges(f"{source} -> {to} on error")
        for name in shape.nodes:
            reads = tuple(Read(key, True) for key in self.reads[name])
            writes = Writes(self.writes[name], True)
            made.add(replace(made.nodes[name], reads=reads, writes=writes, join=self.joins.get(name, "all")))
        folded = dict.fromkeys((*KEYS, *(f"go_{name}" for name in shape.nodes)), last)
        made.schema = made.schema._replace(reducers={**made.schema.reducers, **folded})
        return made

    def inputs(self) -> dict[str, Any]:
        """The keys that nobody writes."""
        return {key: 0 for key in KEYS if not any(key in written for written in self.writes.values())}


@st.composite
def cases(draw: st.DrawFn) -> tuple[Shape, Data]:
    shape = draw(shapes())
    some_keys = st.lists(st.sampled_from(KEYS), max_size=2, unique=True).map(tuple)
    later = {name: shape.nodes[index + 1 :] for index, name in enumerate(shape.nodes)}
    targets = {name: [to for to in later[name] if to != shape.mapped] for name in shape.nodes}
    failing = {name: draw(st.sampled_from(to)) for name, to in targets.items() if to and draw(st.integers(0, 7)) == 0}
    looped = {name for edge in shape.back for name in edge[:2]} | {shape.mapped}
    joins = st.sampled_from(["all"] * 10 + ["any", "first"])
    return shape, Data(
        {name: draw(some_keys) for name in shape.nodes},
        {name: draw(some_keys) for name in shape.nodes},
        failing,
        {name: draw(joins) for name in shape.nodes if name not in looped},
    )


def missed(made: Graph, shape: Shape, data: Data, order: random.Random) -> set[tuple[str, str]]:
    """What a task lacks that it reads, in a run with random choices and failures and any order of completion."""
    plan = compile(made, made.outlined())
    moved = scheduler.begin(plan, {**made.schema.fresh_defaults(), "items": ITEMS, **data.inputs()})
    active = list(moved.started)
    for _ in range(MOST_STEPS):
        if not active:
            break
        task = active.pop(order.randrange(len(active)))
        lacks = {(task.node, key) for key in data.reads[task.node] if key not in task.view.values}
        if lacks:
            return lacks
        fails = task.node in data.failing and order.random() < 0.5
        errors = (TaskError(task.node, "ValueError", "no"),) if fails else ()
        moved = scheduler.advance(moved.frontier, task, () if fails else written(shape, data, task, order), errors)
        active = [other for other in (*active, *moved.started) if other.id in moved.frontier.active]
    return set()


def written(shape: Shape, data: Data, task: Task, order: random.Random) -> tuple[tuple[str, Any], ...]:
    """The keys of the node; a count that grows by chance, which conditions go by; and the choice of a `by`."""
    name = task.node
    ends = task.view.values[f"c_{name}"] > 2 or order.random() < 0.3
    routes = [to for source, to, guard in shape.back if source == name and guard.startswith("by")]
    choice = ((f"go_{name}", None if ends else to) for to in routes)
    return (*((key, 1) for key in data.writes[name]), (f"c_{name}", order.randint(1, 2)), *choice)


def told(made: Graph) -> set[tuple[str, str]]:
    """The readings that NBG106 tells of."""
    texts = (problem.text for problem in made.check() if problem.code == "NBG106")
    return {found.groups() for text in texts if (found := re.match(r"(\w+) reads '(\w+)'", text))}  # type: ignore[misc]


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(cases(), st.integers(0, 2**32))
def test_a_reading_that_is_not_told_of_always_finds_its_key(case: tuple[Shape, Data], seed: int) -> None:
    shape, data = case
    made = data.graph(shape)
    known = told(made)
    for run in range(8):
        lacks = missed(made, shape, data, random.Random(seed + run))
        assert lacks <= known, f"{shape.text()}\n{data}"


def test_a_way_without_a_key_is_a_shortest_one() -> None:
    made = graph("START -> s; s -> a if c; s -> b else; b -> d; a -> d -> r; s -> r -> END", write={"a": "{'k': 1}"})
    survey = Survey(made)
    assert survey.flow.way_without(survey.key_bit["k"], "r") == ("START", "s", "r")
    assert survey.flow.way_without(survey.key_bit["k"], "START") == ("START",)


def test_a_way_is_not_named_where_a_branch_with_the_key_is_waited_for() -> None:
    made = graph("START -> s -> a, r; a -> r -> p -> END; START -> b -> p", write={"a": "{'k': 1}"}, p="k")
    survey = Survey(made)
    assert survey.flow.keys("r") & survey.key_bit["k"]
    assert survey.names_in(survey.flow.done("p")) == ["START", "s", "b", "a", "r"]


def test_a_node_that_may_have_failed_is_not_done() -> None:
    survey = Survey(graph("START -> a -> b -> r -> END; a -> r on error"))
    assert survey.names_in(survey.flow.done("r")) == ["START"]
