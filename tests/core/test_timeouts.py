"""Timeouts: what takes too long is given up, wherever it runs, and nothing of it counts."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from nbgraph.core.events import ApprovalAsked, ApprovalWithdrawn, Emitted, Status, TaskFailed, TaskRetried
from nbgraph.core.run import Run
from nbgraph.errors import Cancelled, TimedOut
from nbgraph.library import Graph
from tests.core.patterns import asked_at, happened, made
from tests.core.running import (
    SOON,
    quiet_engine,  # noqa: F401
    reached,
    settled,
    until,
)
from tests.executors.test_processes import gone

pytestmark = pytest.mark.slow  # they wait for time to pass

ALONE = "START -> work -> END"
SHORT = {"timeout": 0.05}


class Stuck:
    """A blocking node that is stuck until it is let, and what came of each thread in it."""

    def __init__(self, then: Any = lambda ctx: {"x": "late"}) -> None:
        self.let, self.ended, self.calls, self.outcomes = threading.Event(), threading.Event(), 0, list[Any]()

        def work(ctx: Any) -> Any:
            self.calls += 1
            self.let.wait(SOON)
            try:
                self.outcomes.append(then(ctx))
            except BaseException as error:
                self.outcomes.append(error)
                raise
            finally:
                self.ended.set()
            return self.outcomes[-1]

        self.work = work


def test_an_async_node_that_takes_too_long_is_cancelled_and_fails() -> None:
    ended = threading.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(SOON)
        finally:
            ended.set()

    run = settled(made(ALONE, work, work=SHORT).run(), Status.FAILED)
    assert ended.is_set()
    with pytest.raises(TimedOut, match=r"work took longer than its 0.05 seconds \(--timeout\)"):
        run.result()
    assert [event.failure.type for event in happened(run, TaskFailed)] == ["TimedOut"]


def test_a_timeout_error_of_the_node_itself_is_its_own() -> None:
    async def work() -> None:
        raise TimeoutError("mine")

    run = settled(made(ALONE, work, work={"timeout": SOON}).run(), Status.FAILED)
    with pytest.raises(TimeoutError, match="mine") as raised:
        run.result()
    assert not isinstance(raised.value, TimedOut)


def test_a_blocking_node_that_takes_too_long_is_abandoned_and_its_late_result_ignored() -> None:
    stuck = Stuck()
    run = settled(made(ALONE, stuck.work, work=SHORT).run(), Status.FAILED)
    with pytest.raises(TimeoutError, match="work took longer"):
        run.result()
    stuck.let.set()
    reached(stuck.ended)
    assert (run.status, run.state, run.steps) == (Status.FAILED, {}, [])


def test_a_blocking_node_that_was_given_up_and_then_fails_changes_nothing() -> None:
    def fails(ctx: Any) -> None:
        raise ValueError("late")

    stuck = Stuck(fails)
    run = settled(made(ALONE, stuck.work, work=SHORT).run(), Status.FAILED)
    stuck.let.set()
    reached(stuck.ended)
    assert len(happened(run, TaskFailed)) == 1


@pytest.mark.parametrize("ask", [lambda ctx: ctx.ask("Go?"), lambda ctx: ctx.step(time.time)], ids=["ask", "step"])
def test_what_a_thread_that_was_given_up_asks_for_is_refused(ask: Any) -> None:
    stuck = Stuck(ask)
    run = settled(made(ALONE, stuck.work, work=SHORT).run(), Status.FAILED)
    stuck.let.set()
    reached(stuck.ended)
    assert isinstance(stuck.outcomes[0], Cancelled)
    assert "work was given up" in str(stuck.outcomes[0])
    assert (run.approvals, run.status) == ([], Status.FAILED)


@pytest.mark.parametrize("ask", [lambda ctx: ctx.ask("Go?"), lambda ctx: ctx.step(time.time)], ids=["ask", "step"])
def test_what_a_thread_asks_for_whose_run_was_cancelled_is_refused(ask: Any) -> None:
    stuck = Stuck(ask)
    run = made(ALONE, stuck.work).run()
    until(lambda: stuck.calls)
    run.cancel()
    settled(run, Status.CANCELLED)
    stuck.let.set()
    reached(stuck.ended)
    assert isinstance(stuck.outcomes[0], Cancelled)
    assert (run.approvals, run.status) == ([], Status.CANCELLED)


def test_what_a_coroutine_asks_for_that_outlived_its_node_is_refused() -> None:
    let, kept, refused = asyncio.Event(), list[Any](), threading.Event()

    async def outlives(ctx: Any) -> None:
        await let.wait()
        try:
            await ctx.ask("Go?")
        except Cancelled:
            refused.set()

    async def work(ctx: Any) -> None:
        kept.append(asyncio.ensure_future(outlives(ctx)))

    run = settled(made(ALONE, work).run(), Status.DONE)
    run.loop.call_soon_threadsafe(let.set)
    reached(refused)
    assert (run.approvals, run.status) == ([], Status.DONE)


def test_what_one_of_several_coroutines_asked_is_withdrawn_when_its_node_fails() -> None:
    asked = asyncio.Event()

    async def asks(ctx: Any) -> None:
        asked.set()
        await ctx.ask("Go?")

    async def fails() -> None:
        await asked.wait()
        await asyncio.sleep(0.01)
        raise ValueError("beside it")

    async def work(ctx: Any) -> None:
        await asyncio.gather(asks(ctx), fails())

    run = made(ALONE, work).run()
    until(lambda: run.status is Status.FAILED)
    until(lambda: happened(run, ApprovalWithdrawn))
    assert asked_at(run) == []


def test_a_node_that_takes_too_long_can_be_tried_again() -> None:
    let, attempts = threading.Event(), list[int]()

    def work(ctx: Any) -> dict[str, int]:
        attempts.append(ctx.attempt)
        if ctx.attempt == 1:
            let.wait(SOON)
        return {"x": ctx.attempt}

    run = settled(made(ALONE, work, work={"timeout": 0.2, "retry": 2, "backoff": 0}).run(), Status.DONE)
    let.set()
    assert (run.state["x"], attempts) == (2, [1, 2])
    assert [event.failure.type for event in happened(run, TaskRetried)] == ["TimedOut"]


def test_each_attempt_has_the_whole_time() -> None:
    async def work(ctx: Any) -> None:
        await asyncio.sleep(0.3)
        if ctx.attempt < 4:
            raise ValueError

    settled(made(ALONE, work, work={"timeout": 1.0, "retry": 4, "backoff": 0}).run(), Status.DONE)


def test_an_item_that_takes_too_long_fails_alone() -> None:
    async def work(item: int) -> int:
        if item == 1:
            await asyncio.sleep(SOON)
        return item

    graph = made("START -> work each items as item; work -> END", work, work={"timeout": 0.1})
    run = settled(graph.run(items=[0, 1, 2]), Status.FAILED)
    with pytest.raises(TimedOut) as raised:
        run.result()
    assert raised.value.__notes__ == ["in item 1 of 3; 1 failed, the others are kept"]


def test_a_process_that_takes_too_long_is_really_ended(tmp_path: Path) -> None:
    place = tmp_path / "pid"

    def work() -> None:
        import os
        import time

        place.write_text(str(os.getpid()))
        time.sleep(3600)

    run = settled(made(ALONE, work, work={"timeout": 5.0, "on": "process"}).run(), Status.FAILED)
    with pytest.raises(TimedOut):
        run.result()
    pid = int(place.read_text())
    assert pid != os.getpid()
    until(lambda: gone(pid))


def test_the_process_of_a_cancelled_run_is_really_ended(tmp_path: Path) -> None:
    place = tmp_path / "pid"

    def work() -> None:
        import os
        import time

        place.write_text(str(os.getpid()))
        time.sleep(3600)

    run = made(ALONE, work, work={"on": "process"}).run()
    until(lambda: place.exists() and place.read_text())
    run.cancel()
    settled(run, Status.CANCELLED)
    until(lambda: gone(int(place.read_text())))


def waited_long(run: Run) -> Run:
    """A run that waits for a person, much longer than its timeouts."""
    settled(run, Status.WAITING)
    time.sleep(0.6)
    assert run.status is Status.WAITING, run.reason
    return run


async def asking(ctx: Any) -> dict[str, str]:
    return {"said": (await ctx.ask("Go?")).option}


def test_waiting_for_a_person_does_not_count() -> None:
    run = waited_long(made("START -> asking -> END", asking, asking={"timeout": 0.3}).run())
    run.answer("asking", "approve")
    assert settled(run, Status.DONE).state["said"] == "approve"


def test_the_time_goes_on_after_the_answer() -> None:
    async def work(ctx: Any) -> None:
        await ctx.ask("Go?")
        await asyncio.sleep(SOON)

    run = waited_long(made(ALONE, work, work={"timeout": 0.3}).run())
    run.answer("work", "approve")
    settled(run, Status.FAILED)
    with pytest.raises(TimedOut):
        run.result()


def test_while_one_of_several_questions_is_open_no_time_goes_by() -> None:
    async def work(ctx: Any) -> dict[str, int]:
        answers = await asyncio.gather(ctx.ask("First?"), ctx.ask("Second?"))
        return {"n": len(answers)}

    run = settled(made(ALONE, work, work={"timeout": 0.3}).run(id="r"), Status.WAITING)
    run.answer("r/work#1", "approve")
    waited_long(run)
    run.answer("r/work#1/ask2", "approve")
    assert settled(run, Status.DONE).state["n"] == 2


def gates() -> Graph:
    inner = Graph("inner")
    for name in ("left", "right"):
        inner.human(name, "Go?")
    inner.edges("START -> left, right -> END")
    return inner


def test_a_person_asked_in_a_subgraph_stops_its_time_too() -> None:
    run = settled(made("START -> inner -> END", gates(), inner={"timeout": 0.3}).run(), Status.WAITING)
    waited_long(run)
    run.answer("inner/left", "approve")
    waited_long(run)
    run.answer("inner/right", "reject")
    assert settled(run, Status.DONE).state["right"] == "reject"


def test_a_person_asked_in_a_subgraph_that_is_tried_again_stops_the_time_of_the_new_attempt() -> None:
    call = {"broken": True}

    def check() -> None:
        if call.pop("broken", False):
            raise ValueError

    inner = Graph("inner")
    inner.node(check)
    inner.human("gate", "Go?")
    inner.edges("START -> check -> gate -> END")
    options = {"timeout": 0.4, "retry": 2, "backoff": 0}
    run = waited_long(made("START -> inner -> END", inner, inner=options).run())
    run.answer("inner/gate", "approve")
    settled(run, Status.DONE)


def test_a_question_in_a_subgraph_that_has_failed_beside_it_can_be_answered() -> None:
    broken, asked = {"x": True}, threading.Event()

    def check() -> None:
        asked.wait(SOON)
        if broken["x"]:
            raise ValueError("broken")

    inner = Graph("inner")
    inner.node(check)
    inner.human("gate", "Go?")
    inner.edges("START -> check, gate -> END")
    run = made("START -> inner -> END", inner, inner={"timeout": 30.0}).run()
    until(lambda: happened(run, ApprovalAsked))
    asked.set()
    settled(run, Status.FAILED)
    run.answer("inner/gate", "approve")
    broken["x"] = False
    run.resume()
    assert settled(run, Status.DONE).state["gate"] == "approve"
    assert len(happened(run, ApprovalAsked)) == 1


def test_a_paused_run_loses_no_time_in_its_subgraphs() -> None:
    def one() -> None: ...
    def two() -> None: ...

    inner = made("START -> one -> two -> END", one, two, called="inner")
    run = made("START -> inner -> END", inner, inner={"timeout": 0.4}).run(pause_before="inner/two")
    settled(run, Status.PAUSED)
    time.sleep(0.8)
    assert run.status is Status.PAUSED, run.reason
    run.resume()
    settled(run, Status.DONE)


def test_what_a_thread_that_was_given_up_emits_is_no_error() -> None:
    stuck = Stuck(lambda ctx: ctx.emit("late"))
    run = settled(made(ALONE, stuck.work, work=SHORT).run(), Status.FAILED)
    stuck.let.set()
    reached(stuck.ended)
    assert stuck.outcomes == [None]
    until(lambda: happened(run, Emitted))


def test_a_node_that_keeps_its_cancellation_to_itself_has_taken_too_long_all_the_same() -> None:
    async def work() -> dict[str, int]:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(SOON)
        return {"got": 1}

    run = settled(made(ALONE, work, work=SHORT).run(), Status.FAILED)
    assert "took longer than its" in run.reason
