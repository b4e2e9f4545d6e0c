"""`ctx.step`: a side effect happens once, however often its task runs."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from nbgraph.core.events import Status
from tests.core.patterns import made
from tests.core.running import (
    quiet_engine,  # noqa: F401
    settled,
)

ALONE = "START -> work -> END"
THREE = {"retry": 3, "backoff": 0}


class Effects:
    """Counts what was done; `broken` lets the node fail after its effects."""

    def __init__(self) -> None:
        self.done, self.broken = list[Any](), 1

    def do(self, what: Any, *, times: int = 1) -> list[Any]:
        self.done.append(what)
        return [what] * times

    async def later(self, what: Any) -> list[Any]:
        await asyncio.sleep(0)
        return self.do(what)

    def fail(self) -> None:
        if self.broken:
            self.broken -= 1
            raise ValueError("after the effects")


def node(effects: Effects, blocking: bool, later: bool = False) -> Any:
    function = effects.later if later else effects.do

    def blocks(ctx: Any) -> dict[str, Any]:
        got = [ctx.step(function, "a"), ctx.step(function, "b")]
        effects.fail()
        return {"got": got}

    async def waits(ctx: Any) -> dict[str, Any]:
        got = [await ctx.step(function, "a"), await ctx.step(function, "b")]
        effects.fail()
        return {"got": got}

    made_node = blocks if blocking else waits
    made_node.__name__ = "work"
    return made_node


both = pytest.mark.parametrize("blocking", [True, False])


@both
@pytest.mark.parametrize("later", [True, False])
def test_a_task_that_runs_again_at_resume_gets_what_was_recorded(blocking: bool, later: bool) -> None:
    effects = Effects()
    run = settled(made(ALONE, node(effects, blocking, later)).run(), Status.FAILED)
    assert effects.done == ["a", "b"]
    run.resume()
    assert settled(run, Status.DONE).state["got"] == [["a"], ["b"]]
    assert effects.done == ["a", "b"]


@both
def test_an_attempt_after_a_failure_gets_what_was_recorded(blocking: bool) -> None:
    effects = Effects()
    effects.broken = 2
    run = settled(made(ALONE, node(effects, blocking), work=THREE).run(), Status.DONE)
    assert (run.state["got"], effects.done) == ([["a"], ["b"]], ["a", "b"])


@pytest.mark.slow
@both
def test_an_attempt_after_a_timeout_gets_what_was_recorded(blocking: bool) -> None:
    effects, let = Effects(), threading.Event()

    def blocks(ctx: Any) -> Any:
        got = ctx.step(effects.do, "a")
        if ctx.attempt == 1:
            let.wait(60)
        return got

    async def waits(ctx: Any) -> Any:
        got = await ctx.step(effects.do, "a")
        if ctx.attempt == 1:
            await asyncio.sleep(60)
        return got

    graph = made(ALONE)
    graph.node(blocks if blocking else waits, name="work", timeout=1.0, retry=2, backoff=0)
    run = settled(graph.run(), Status.DONE)
    let.set()
    assert (run.state["work"], effects.done) == (["a"], ["a"])


def test_a_step_that_fails_is_not_recorded() -> None:
    effects = Effects()

    def charge() -> str:
        effects.do("tried")
        effects.fail()
        return "charged"

    def work(ctx: Any) -> str:
        return str(ctx.step(charge))

    run = settled(made(ALONE, work, work=THREE).run(), Status.DONE)
    assert (run.state["work"], effects.done) == ("charged", ["tried", "tried"])


def test_every_item_of_a_map_records_its_own() -> None:
    effects = Effects()

    def work(item: int, ctx: Any) -> Any:
        got = ctx.step(effects.do, item)
        if item == 1:
            effects.fail()
        return got

    graph = made("START -> work each items as item; work -> END", work)
    run = settled(graph.run(items=[0, 1, 2]), Status.FAILED)
    run.resume()
    assert settled(run, Status.DONE).state["work"] == [[0], [1], [2]]
    assert sorted(effects.done) == [0, 1, 2]


def test_every_visit_records_its_own() -> None:
    effects = Effects()

    def work(ctx: Any, n: int = 0) -> dict[str, int]:
        ctx.step(effects.do, ctx.visit)
        return {"n": n + 1}

    settled(made("START -> work; work -> work if n < 3; work -> END else", work).run(), Status.DONE)
    assert effects.done == [1, 2, 3]


def test_every_instance_of_a_subgraph_records_its_own() -> None:
    effects = Effects()

    def work(item: int, ctx: Any) -> None:
        ctx.step(effects.do, item)

    inner = made("START -> work -> END", work, called="inner")
    settled(made("START -> inner each items as item; inner -> END", inner).run(items=[1, 2]), Status.DONE)
    assert sorted(effects.done) == [1, 2]


def test_another_function_at_the_same_place_is_called() -> None:
    effects = Effects()

    def other() -> str:
        effects.done.append("other")
        return "other"

    def work(ctx: Any) -> Any:
        got = ctx.step(effects.do, "a") if effects.broken else ctx.step(other)
        effects.fail()
        return got

    run = settled(made(ALONE, work).run(), Status.FAILED)
    run.resume()
    assert settled(run, Status.DONE).state["work"] == "other"
    assert effects.done == ["a", "other"]


def test_what_was_recorded_is_not_changed_by_who_got_it() -> None:
    effects = Effects()

    def work(ctx: Any) -> Any:
        got = ctx.step(effects.do, "a")
        got.append(len(got))
        effects.fail()
        return got

    run = settled(made(ALONE, work).run(), Status.FAILED)
    run.resume()
    assert settled(run, Status.DONE).state["work"] == ["a", 1]


def test_arguments_reach_the_function_by_place_and_by_name() -> None:
    effects = Effects()

    def work(ctx: Any) -> Any:
        return ctx.step(effects.do, "a", times=2)

    assert settled(made(ALONE, work).run(), Status.DONE).state["work"] == ["a", "a"]


def test_several_steps_at_once_are_told_apart_by_their_order() -> None:
    effects = Effects()

    async def work(ctx: Any) -> Any:
        got = await asyncio.gather(*(ctx.step(effects.later, name) for name in "abc"))
        effects.fail()
        return got

    run = settled(made(ALONE, work).run(), Status.FAILED)
    run.resume()
    assert settled(run, Status.DONE).state["work"] == [["a"], ["b"], ["c"]]
    assert effects.done == ["a", "b", "c"]


def test_a_blocking_step_of_an_async_node_does_not_block_the_loop() -> None:
    threads = list[threading.Thread]()

    async def work(ctx: Any) -> None:
        await ctx.step(lambda: threads.append(threading.current_thread()))
        threads.append(threading.current_thread())

    settled(made(ALONE, work).run(), Status.DONE)
    assert threads[0] is not threads[1]


def test_another_run_records_its_own() -> None:
    effects = Effects()
    effects.broken = 0
    graph = made(ALONE, node(effects, True))
    for _ in range(2):
        settled(graph.run(), Status.DONE)
    assert effects.done == ["a", "b", "a", "b"]
