"""Context: what a node is told of its own task, and what it prints."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from nbgraph.core.context import Context, current
from nbgraph.core.events import Event, Printed, Status
from nbgraph.core.run import Run
from nbgraph.library import Graph

SOON = 60.0


def done(made: Graph, **inputs: Any) -> Run:
    run = made.run(id="r", **inputs)
    run.wait(SOON)
    assert run.status is Status.DONE, run.reason
    return run


def printed(run: Run) -> list[str]:
    seen: list[Event] = []
    flushed = threading.Event()
    run.subscribe(seen.append)()
    run.loop.call_soon_threadsafe(flushed.set)
    assert flushed.wait(SOON)
    return [f"{event.node}#{event.visit}: {event.text}" for event in seen if isinstance(event, Printed)]


def one_node(function: Any) -> Graph:
    made = Graph("g")
    made.node(function, name="n")
    made.edges("START -> n -> END")
    return made


def test_a_node_is_told_its_run_name_visit_and_key() -> None:
    def n(ctx: Any) -> dict[str, Any]:
        return {"seen": (ctx.run_id, ctx.node, ctx.visit, ctx.item, ctx.key)}

    assert done(one_node(n)).state["seen"] == ("r", "n", 1, None, "r/n#1")


def test_each_visit_has_a_key_of_its_own() -> None:
    async def n(ctx: Any, keys: list[str]) -> dict[str, Any]:
        return {"keys": [*keys, ctx.key]}

    made = one_node(n)
    made.drop("n")
    made.node(n)
    made.edges("START -> n; n -> n if len(keys) < 3; n -> END else")
    assert done(made, keys=[]).state["keys"] == ["r/n#1", "r/n#2", "r/n#3"]


def test_the_key_is_the_same_when_the_task_runs_again() -> None:
    keys: list[str] = []

    def n(ctx: Any) -> None:
        keys.append(ctx.key)
        if len(keys) == 1:
            raise ValueError("again")

    run = one_node(n).run(id="r").wait(SOON)
    run.resume()
    run.wait(SOON)
    assert keys == ["r/n#1"] * 2


@pytest.mark.parametrize("blocking", [True, False], ids=["sync", "async"])
def test_what_a_node_logs_is_told_in_order(blocking: bool) -> None:
    def sync_node(ctx: Any) -> None:
        ctx.log("one", 1, None)
        ctx.log()

    async def async_node(ctx: Any) -> None:
        sync_node(ctx)

    assert printed(done(one_node(sync_node if blocking else async_node))) == ["n#1: one 1 None\n", "n#1: \n"]


def test_a_node_can_log_from_threads_of_its_own() -> None:
    def n(ctx: Any) -> None:
        threads = [threading.Thread(target=ctx.log, args=[number]) for number in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(printed(done(one_node(n)))) == [f"n#1: {number}\n" for number in range(10)]


def test_logging_after_the_run_has_ended_is_no_error() -> None:
    kept: list[Context] = []
    run = done(one_node(lambda ctx: kept.append(ctx)))
    kept[0].log("late")
    assert printed(run)[-1] == "n#1: late\n"


def test_the_current_context_is_that_of_the_node_whose_code_runs_also_in_worker_threads() -> None:
    def sync_node(ctx: Any) -> dict[str, bool]:
        return {"sync": current.get() is ctx}

    async def async_node(ctx: Any) -> dict[str, bool]:
        return {"async_": current.get() is ctx}

    made = Graph("g")
    made.node(sync_node)
    made.node(async_node)
    made.edges("START -> sync_node -> async_node -> END")
    assert done(made).state == {"sync": True, "async_": True}
    assert current.get() is None


def test_the_current_context_of_a_maps_items_is_each_items_own() -> None:
    async def n(item: int, ctx: Any) -> dict[str, Any]:
        seen = current.get()
        return {"seen": (seen is ctx, ctx.item)}

    made = Graph("g")
    made.node(n)
    made.edges("START -> n each items as item; n -> END")
    assert done(made, items=["a", "b"]).state["seen"] == [(True, 0), (True, 1)]
