"""Retries: how often a call is tried, after which errors, and what is told of it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from nbgraph.core import calls
from nbgraph.core.events import Status, TaskCancelled, TaskFailed, TaskFinished, TaskRetried, TaskStarted
from tests.core.patterns import failing, happened, made
from tests.core.running import (
    quiet_engine,  # noqa: F401
    reached,
    settled,
    until,
)

ALONE = "START -> work -> END"
EACH = "START -> work each items as item; work -> END"
THREE = {"retry": 3, "backoff": 0}


@pytest.mark.parametrize("blocking", [True, False])
def test_a_node_is_tried_until_it_succeeds(blocking: bool) -> None:
    call, attempts = failing(2, value={"x": 1}), list[int]()

    def work(ctx: Any) -> Any:
        attempts.append(ctx.attempt)
        return call()

    async def later(ctx: Any) -> Any:
        return work(ctx)

    graph = made("START -> n -> END")
    graph.node(work if blocking else later, name="n", **THREE)
    run = settled(graph.run(), Status.DONE)
    assert (run.state["x"], attempts, len(run.steps)) == (1, [1, 2, 3], 1)


def test_after_the_last_attempt_the_task_fails_with_the_last_error() -> None:
    def work() -> None:
        raise ValueError("never")

    run = settled(made(ALONE, work, work=THREE).run(), Status.FAILED)
    assert [event.attempt for event in happened(run, TaskRetried)] == [1, 2]
    assert [str(event.failure.error) for event in happened(run, TaskFailed)] == ["never"]


def test_at_resume_the_attempts_are_counted_anew() -> None:
    call, attempts = failing(4, value={"x": 1}), list[int]()

    def work(ctx: Any) -> Any:
        attempts.append(ctx.attempt)
        return call()

    run = settled(made(ALONE, work, work=THREE).run(), Status.FAILED)
    run.resume()
    settled(run, Status.DONE)
    assert attempts == [1, 2, 3, 1, 2]


def test_a_node_is_told_as_started_finished_and_failed_once_whatever_its_attempts() -> None:
    call = failing(2)

    def work() -> Any:
        call()

    run = settled(made(ALONE, work, work=THREE).run(), Status.DONE)
    kinds = [type(event) for event in happened(run, TaskStarted | TaskRetried | TaskFailed | TaskFinished)]
    assert kinds == [TaskStarted, TaskRetried, TaskRetried, TaskFinished]


def test_what_is_told_of_a_retry_names_node_visit_attempt_error_and_delay() -> None:
    call = failing(1)

    def work() -> Any:
        call()

    run = settled(made(ALONE, work, work={"retry": 2, "backoff": 0.002}).run(), Status.DONE)
    (event,) = happened(run, TaskRetried)
    assert (event.node, event.visit, event.attempt, event.item, event.within) == ("work", 1, 1, None, "")
    assert (event.failure.type, event.failure.message) == ("ValueError", "0 left")
    assert 0.001 <= event.delay <= 0.002


def test_the_delays_that_are_told_are_slept_and_double(monkeypatch: pytest.MonkeyPatch) -> None:
    slept = list[float]()
    real = asyncio.sleep

    async def sleep(seconds: float, *rest: Any) -> None:
        if seconds > 5:
            slept.append(seconds)
        await real(0 if seconds > 5 else seconds, *rest)

    monkeypatch.setattr(calls.asyncio, "sleep", sleep)
    monkeypatch.setattr(calls.random, "random", lambda: 1.0)
    call = failing(3)

    def work() -> Any:
        call()

    run = settled(made(ALONE, work, work={"retry": 4, "backoff": 10.0}).run(), Status.DONE)
    assert slept == [10.0, 20.0, 40.0] == [event.delay for event in happened(run, TaskRetried)]


@pytest.mark.parametrize(("raised", "calls"), [(TimeoutError, 3), (ConnectionError, 3), (OSError, 1), (KeyError, 1)])
def test_only_the_errors_named_are_tried_again(raised: type[Exception], calls: int) -> None:
    made_calls = list[int]()

    def work() -> None:
        made_calls.append(1)
        raise raised("x")

    options = {**THREE, "retry_on": (TimeoutError, ConnectionError)}
    settled(made(ALONE, work, work=options).run(), Status.FAILED)
    assert len(made_calls) == calls


def test_what_is_no_plain_error_is_not_tried_again() -> None:
    made_calls = list[int]()

    def work() -> None:
        made_calls.append(1)
        raise SystemExit(3)

    settled(made(ALONE, work, work=THREE).run(), Status.FAILED)
    assert len(made_calls) == 1


def test_a_return_value_that_does_not_fit_is_tried_again() -> None:
    returned = iter([{"a": 1}, {"a": 1, "b": 2}])

    def work() -> Any:
        return next(returned)

    assert settled(made(ALONE, work, work={**THREE, "writes": ("a", "b")}).run(), Status.DONE).state["b"] == 2


def test_each_item_of_a_map_has_attempts_of_its_own() -> None:
    attempts: dict[int, list[int]] = {}

    def work(item: int, ctx: Any) -> int:
        attempts.setdefault(item, []).append(ctx.attempt)
        if ctx.attempt <= item:
            raise ValueError(f"item {item}")
        return item * 10

    run = settled(made(EACH, work, work=THREE).run(items=[0, 1, 2]), Status.DONE)
    assert run.state["work"] == [0, 10, 20]
    assert attempts == {0: [1], 1: [1, 2], 2: [1, 2, 3]}
    assert sorted((event.item, event.attempt) for event in happened(run, TaskRetried)) == [(1, 1), (2, 1), (2, 2)]


def test_an_item_that_uses_up_its_attempts_keeps_the_others() -> None:
    tried = list[int]()
    broken = threading.Event()
    broken.set()

    def work(item: int) -> int:
        tried.append(item)
        if item == 1 and broken.is_set():
            raise ValueError("one")
        return item

    run = settled(made(EACH, work, work=THREE).run(items=[0, 1, 2]), Status.FAILED)
    assert sorted(tried) == [0, 1, 1, 1, 2]
    broken.clear()
    run.resume()
    assert settled(run, Status.DONE).state["work"] == [0, 1, 2]
    assert sorted(tried) == [0, 1, 1, 1, 1, 2]


def test_the_key_of_a_task_is_the_same_in_each_attempt() -> None:
    keys = list[str]()

    def work(ctx: Any) -> None:
        keys.append(ctx.key)
        if ctx.attempt < 3:
            raise ValueError

    settled(made(ALONE, work, work=THREE).run(id="r"), Status.DONE)
    assert keys == ["r/work#1"] * 3


def test_an_attempt_starts_with_the_values_that_the_first_one_saw() -> None:
    seen = list[list[int]]()

    def work(items: list[int], ctx: Any) -> None:
        seen.append(list(items))
        items.append(ctx.attempt)
        if ctx.attempt < 3:
            raise ValueError

    settled(made(ALONE, work, work=THREE).run(items=[0]), Status.DONE)
    assert seen == [[0], [0], [0]]


def test_a_cancelled_run_tries_nothing_again() -> None:
    failed, attempts = threading.Event(), list[int]()

    async def work(ctx: Any) -> None:
        attempts.append(ctx.attempt)
        failed.set()
        raise ValueError

    run = made(ALONE, work, work={"retry": 5, "backoff": 60.0}).run()
    reached(failed)
    run.cancel()
    settled(run, Status.CANCELLED)
    assert attempts == [1]
    until(lambda: [event.node for event in happened(run, TaskCancelled)] == ["work"])
    assert attempts == [1]


def test_a_pause_while_a_node_is_tried_lets_it_succeed() -> None:
    failed, let = threading.Event(), threading.Event()

    def work(ctx: Any) -> dict[str, int]:
        if ctx.attempt == 1:
            failed.set()
            let.wait(60)
            raise ValueError
        return {"x": ctx.attempt}

    def then(x: int) -> None: ...

    run = made("START -> work -> then -> END", work, then, work=THREE).run()
    reached(failed)
    run.pause()
    let.set()
    assert settled(run, Status.PAUSED).state["x"] == 2
    assert run.next_tasks == ["then#1"]
    run.resume()
    settled(run, Status.DONE)
