"""Random graphs: no result depends on the order in which tasks finish."""

from __future__ import annotations

import asyncio
import importlib.util
import random
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbgraph.core import scheduler
from nbgraph.core.plan import compile
from tests.core.random_graphs import ITEMS, Played, Shape, loop_around_fan_out, play, shapes, writes_of

pytestmark = pytest.mark.slow  # hundreds of graphs in several orders each

EXAMPLES = 500
PROTOTYPE = Path(__file__).parents[3] / "shared" / "scheduler_prototype.py"
quiet = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def test_no_result_depends_on_the_order_of_completion(capsys: pytest.CaptureFixture[str]) -> None:
    seen, around_fan_out, with_maps, steps = 0, 0, 0, 0

    @quiet
    @given(shapes(), st.integers(0, 2**32))
    def every_order_agrees(shape: Shape, seed: int) -> None:
        nonlocal seen, around_fan_out, with_maps, steps
        plan = compile(shape.graph(), shape.graph().outlined())
        first, *others = [play(plan, shape, random.Random(seed + run)) for run in range(5)]
        for other in others:
            assert other == first
        assert_own_keys_are_whole(shape, first)
        seen, steps = seen + 1, steps + first.steps
        around_fan_out += loop_around_fan_out(plan)
        with_maps += shape.mapped is not None

    every_order_agrees()
    with capsys.disabled():
        print(f"\n{seen} graphs, five orders each, {steps} steps an order: {around_fan_out} hold a loop ", end="")
        print(f"around a fan-out ({around_fan_out / seen:.0%}), {with_maps} a map")
    assert seen >= EXAMPLES
    assert around_fan_out / seen >= 0.3


def assert_own_keys_are_whole(shape: Shape, played: Played) -> None:
    """Each node alone writes its own key: never a conflict, and what END sees is its last visit's."""
    for name in shape.nodes:
        visits = played.visits.get(name, 0)
        assert played.state[f"c_{name}"] == visits
        assert played.state.get(f"own_{name}", 0) == (ITEMS if name == shape.mapped and visits else visits)


@quiet
@given(shapes(), st.integers(0, 2**32))
def test_advance_changes_neither_the_frontier_nor_the_task(shape: Shape, seed: int) -> None:
    order = random.Random(seed)
    plan = compile(shape.graph(), shape.graph().outlined())
    moved = scheduler.begin(plan, {**plan.schema.fresh_defaults(), "items": ITEMS})
    active = list(moved.started)
    while active:
        task = active.pop(order.randrange(len(active)))
        before = [dict(part) for part in moved.frontier[1:]]
        once = scheduler.advance(moved.frontier, task, writes_of(task, shape))
        assert [dict(part) for part in moved.frontier[1:]] == before
        moved = scheduler.advance(moved.frontier, task, writes_of(task, shape))
        assert [(other.id, other.stamp, other.parents) for other in once.started] == [
            (other.id, other.stamp, other.parents) for other in moved.started
        ]
        assert once.taken == moved.taken
        active += moved.started


@pytest.fixture(scope="module")
def prototype() -> ModuleType:
    if not PROTOTYPE.exists():
        pytest.skip("the prototype of the scheduler is not beside this checkout")
    spec = importlib.util.spec_from_file_location("scheduler_prototype", PROTOTYPE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.sys = SimpleNamespace(setrecursionlimit=lambda limit: None)  # hypothesis minds; these graphs are small
    return module


def test_the_prototype_comes_to_the_same_result(prototype: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    exact = 0

    @settings(quiet, max_examples=200)
    @given(shapes(plain=True), st.integers(0, 2**32))
    def both_agree(shape: Shape, seed: int) -> None:
        nonlocal exact
        ours = play(compile(shape.graph(), shape.graph().outlined()), shape, random.Random(seed))
        state, steps = asyncio.run(in_prototype(prototype, shape))
        assert steps == ours.steps
        assert {key: state.get(key, 0) for key in ours.state if key[:2] == "c_"} == {
            key: value for key, value in ours.state.items() if key[:2] == "c_"
        }
        once_each = max(ours.ends.values()) == 1
        assert (state["log"] if once_each else sorted(state["log"])) == (
            ours.state["log"] if once_each else sorted(ours.state["log"])
        )
        exact += once_each

    both_agree()
    with capsys.disabled():
        print(f"\n200 graphs against the prototype, {exact} of them to the order of the log")
    assert exact >= 50


async def in_prototype(prototype: ModuleType, shape: Shape) -> tuple[dict[str, Any], int]:
    """The same graph in the prototype, which merges all arrivals at END; we the latest of each node."""
    reducers = {"log": lambda old, new: [*(old or []), *new], **{f"c_{name}": plus for name in shape.nodes}}
    made = prototype.Graph(reducers)
    for name in shape.graph().names():
        made.node(name, body(name))
    for start in shape.starts:
        made.edge(prototype.START, start)
    sources = {source for source, _, _ in shape.back}
    for source, to in shape.forward:
        made.edge(source, to)
    for source, to, _ in shape.back:
        made.edge(source, to, lambda state, source=source: state[f"c_{source}"] < 3)
        made.edge(source, prototype.END, lambda state, source=source: state[f"c_{source}"] >= 3)
    for name in shape.nodes:
        if not shape.targets(name) and name not in sources:
            made.edge(name, prototype.END)
    made.compile()
    result: tuple[dict[str, Any], int] = await made.run({"log": []})
    return result


def plus(old: int | None, new: int) -> int:
    return (old or 0) + new


def body(name: str) -> Any:
    async def call(state: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"log": [f"{name}:{len(state['log'])}"], f"c_{name}": 1, f"own_{name}": state.get(f"c_{name}", 0) + 1}

    return call
