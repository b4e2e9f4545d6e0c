"""How many calls are made at once, by a map and by a run, and what holds no place among them."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from nbgraph.core.events import Status
from nbgraph.errors import InputError
from tests.core.patterns import Crowd, failing, made
from tests.core.running import (
    SOON,
    quiet_engine,  # noqa: F401
    settled,
    until,
)

EACH = "START -> work each items as item; work -> END"
ITEMS = list(range(12))


def working(crowd: Crowd, blocking: bool) -> Any:
    def blocks(item: int) -> int:
        with crowd:
            threading.Event().wait(0.005)
        return item

    async def waits(item: int) -> int:
        with crowd:
            await asyncio.sleep(0.005)
        return item

    node = blocks if blocking else waits
    node.__name__ = "work"
    return node


@pytest.mark.parametrize("blocking", [True, False])
@pytest.mark.parametrize("most", [1, 3])
def test_a_map_calls_no_more_items_at_once_than_it_may_and_so_many(blocking: bool, most: int) -> None:
    crowd = Crowd()
    run = made(EACH, working(crowd, blocking), work={"parallel": most}).run(items=ITEMS)
    assert settled(run, Status.DONE).state["work"] == ITEMS
    assert (crowd.most, crowd.entered) == (most, 12)


@pytest.mark.parametrize("blocking", [True, False])
@pytest.mark.parametrize(("of_run", "of_map", "most"), [(2, None, 2), (2, 5, 2), (5, 2, 2), (1, None, 1)])
def test_neither_run_nor_map_is_exceeded(blocking: bool, of_run: int, of_map: int | None, most: int) -> None:
    crowd = Crowd()
    run = made(EACH, working(crowd, blocking), work={"parallel": of_map}).run(items=ITEMS, parallel=of_run)
    settled(run, Status.DONE)
    assert crowd.most == most


def test_the_nodes_of_a_run_together_are_no_more_than_it_may_call() -> None:
    crowd = Crowd()
    graph = made("START -> a, b, c, d, e -> END")
    for name in "abcde":

        async def node() -> None:
            with crowd:
                await asyncio.sleep(0.01)

        graph.node(node, name=name)
    settled(graph.run(parallel=2), Status.DONE)
    assert (crowd.most, crowd.entered) == (2, 5)


def test_the_nodes_of_subgraphs_count_and_the_subgraphs_themselves_do_not() -> None:
    crowd = Crowd()
    inner = made("START -> work -> END", working(crowd, False), called="inner")
    for depth in range(3):
        inner = made(f"START -> {inner.name} -> END", inner, called=f"level{depth}")
    graph = made("START -> level2 each items as item; level2 -> END", inner)
    settled(graph.run(items=ITEMS, parallel=1), Status.DONE)
    assert (crowd.most, crowd.entered) == (1, 12)


def test_a_map_over_a_subgraph_runs_no_more_of_them_at_once_than_it_may() -> None:
    crowd = Crowd()
    inner = made("START -> work -> END", working(crowd, False), called="inner")
    graph = made("START -> inner each items as item; inner -> END", inner, inner={"parallel": 2})
    settled(graph.run(items=ITEMS), Status.DONE)
    assert (crowd.most, crowd.entered) == (2, 12)


def test_a_call_that_waits_for_a_person_holds_no_place() -> None:
    others = Crowd()

    async def work(item: int, ctx: Any) -> str:
        if item < 3:
            return (await ctx.ask(f"Is {item} good?")).option
        with others:
            return "done"

    run = settled(made(EACH, work, work={"parallel": 1}).run(id="r", items=ITEMS, parallel=1), Status.WAITING)
    assert (others.entered, len(run.approvals)) == (9, 3)
    for item in (2, 0, 1):
        run.answer(f"r/work#1[{item}]", "approve")
    assert settled(run, Status.DONE).state["work"] == ["approve"] * 3 + ["done"] * 9


def test_after_the_answer_a_place_is_needed_again() -> None:
    crowd = Crowd()

    async def work(item: int, ctx: Any) -> None:
        await ctx.ask("Go?")
        with crowd:
            await asyncio.sleep(0.01)

    run = settled(made(EACH, work, work={"parallel": 2}).run(id="r", items=list(range(6))), Status.WAITING)
    for item in range(6):
        run.answer(f"r/work#1[{item}]", "approve")
    settled(run, Status.DONE)
    assert (crowd.most, crowd.entered) == (2, 6)


def test_a_person_asked_in_a_subgraph_holds_no_place_of_its_map() -> None:
    crowd = Crowd()
    inner = made("START -> gate -> work -> END", working(crowd, False), called="inner")
    inner.human("gate", "Go?")
    graph = made("START -> inner each items as item; inner -> END", inner, inner={"parallel": 1})
    run = settled(graph.run(id="r", items=[0, 1, 2]), Status.WAITING)
    assert len(run.approvals) == 3
    for item in range(3):
        run.answer(f"r/inner[{item}]/gate#1", "approve")
    settled(run, Status.DONE)
    assert (crowd.most, crowd.entered) == (1, 3)


def test_a_call_that_failed_or_took_too_long_gives_its_place_back() -> None:
    call = failing(2)

    async def work(item: int) -> int:
        if item == 0:
            call()
        if item == 1:
            await asyncio.sleep(SOON)
        return item

    graph = made(EACH, work, work={"parallel": 1, "timeout": 0.1, "retry": 2, "backoff": 0})
    run = settled(graph.run(items=[0, 1, 2, 3], parallel=1), Status.FAILED)
    assert "in item 0" in str(run._engine.failures[0].error.__notes__)
    assert "2 failed" in str(run._engine.failures[0].error.__notes__)


def test_a_cancelled_map_calls_no_further_items() -> None:
    crowd, let = Crowd(), threading.Event()

    def work(item: int) -> None:
        with crowd:
            let.wait(SOON)

    run = made(EACH, work, work={"parallel": 2}).run(items=ITEMS)
    until(lambda: crowd.inside == 2)
    run.cancel()
    let.set()
    settled(run, Status.CANCELLED)
    until(lambda: crowd.inside == 0)
    assert crowd.entered == 2


@pytest.mark.parametrize("parallel", [0, -1])
def test_a_run_of_no_calls_at_once_is_refused(parallel: int) -> None:
    graph = made("START -> a -> END")
    graph.node(lambda: None, name="a")
    with pytest.raises(InputError, match="parallel is the number of calls at once"):
        graph.run(parallel=parallel)
