"""Run: one execution, driven from other threads; nodes wait for events that the test sets, never for time."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Annotated, Any

import pytest

from nbgraph import library
from nbgraph.core.engine import engine_loop
from nbgraph.core.events import (
    Event,
    RunStarted,
    Status,
    StatusChanged,
    TaskCancelled,
    TaskFailed,
    TaskFinished,
    TaskStarted,
)
from nbgraph.core.ports import Step
from nbgraph.core.run import Run
from nbgraph.core.state import append
from nbgraph.errors import Cancelled, InputError, MissingKey, Paused, RoutingError, RunError, UpdateError, Waiting
from nbgraph.library import Graph
from nbgraph.store.memory import MemoryStore

SOON = 60.0  # seconds in which everything here happens, or something is wrong


@pytest.fixture(autouse=True)
def quiet_engine(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing that the engine's loop calls may raise: asyncio would log it and the run would hang."""
    yield
    logged = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert not logged, [record.getMessage() for record in logged]


def graph(text: str, *nodes: Callable[..., Any], name: str = "g", state: type | None = None) -> Graph:
    made = Graph(name)
    for node in nodes:
        made.node(node)
    if state is not None:
        made.state(state)
    made.edges(text)
    return made


def settled(run: Run, status: Status) -> Run:
    run.wait(SOON)
    assert run.status is status, f"{run.status}: {run.reason}"
    return run


def reached(*flags: threading.Event) -> None:
    for flag in flags:
        assert flag.wait(SOON)


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.001)


async def async_until(flag: threading.Event) -> None:
    while not flag.is_set():  # noqa: ASYNC110
        await asyncio.sleep(0.001)


def told(run: Run) -> list[Event]:
    """All events so far."""
    found: list[Event] = []
    here = threading.Event()
    run.subscribe(found.append)()
    run.loop.call_soon_threadsafe(here.set)
    reached(here)
    return found


def statuses(happened: list[Event]) -> list[Status]:
    return [event.status for event in happened if isinstance(event, StatusChanged)]


def on_loop(run: Run, call: Callable[[], Any]) -> None:
    """Call on the run's loop and wait until it has been called."""
    done = threading.Event()
    run.loop.call_soon_threadsafe(lambda: (call(), done.set()))
    reached(done)


@contextmanager
def engine_held() -> Iterator[None]:
    """What is asked of the engine inside is heard after it."""
    held, let = threading.Event(), threading.Event()
    engine_loop().call_soon_threadsafe(lambda: (held.set(), let.wait(SOON)))
    reached(held)
    yield
    let.set()


def one() -> dict[str, int]:
    return {"x": 1}


async def two(x: int) -> dict[str, int]:
    return {"y": x + 1}


ONE_TWO = "START -> one -> two -> END"


class Gate:
    """An async or blocking node that says when it has begun and ends when it is let."""

    def __init__(self, name: str, *, blocking: bool = False, value: Any = None) -> None:
        self.begun, self.let = threading.Event(), threading.Event()
        self.calls = 0

        async def waits() -> Any:
            self.calls += 1
            self.begun.set()
            await async_until(self.let)
            return value

        def blocks() -> Any:
            self.calls += 1
            self.begun.set()
            self.let.wait(SOON)
            return value

        self.node = blocks if blocking else waits
        self.node.__name__ = name


# -- running -----------------------------------------------------------------------------------------------------------


def test_a_run_returns_at_once_and_ends_done() -> None:
    gate = Gate("gate", value=7)
    run = graph("START -> gate -> END", gate.node).run()
    assert run.status is Status.RUNNING
    gate.let.set()
    assert settled(run, Status.DONE).result() == {"gate": 7}


def test_sync_and_async_nodes_see_what_those_before_them_wrote() -> None:
    assert graph(ONE_TWO, one, two).run().result() == {"x": 1, "y": 2}


def test_a_run_of_no_nodes_gives_its_inputs_back() -> None:
    made = graph("START -> END")
    assert made.run().result() == {}
    assert settled(made.run(), Status.DONE).steps == []


def test_a_run_has_an_id_of_its_own_or_the_given_one() -> None:
    made = graph(ONE_TWO, one, two)
    ids = {made.run().id, made.run().id, made.run(id="mine").id}
    assert len(ids) == 3
    assert "mine" in ids


def test_an_id_that_the_store_already_holds_is_refused() -> None:
    made, store = graph(ONE_TWO, one, two), MemoryStore()
    settled(made.run(id="mine", store=store), Status.DONE)
    with pytest.raises(ValueError, match="already holds a run 'mine'"):
        made.run(id="mine", store=store)


def test_steps_tell_tasks_parents_updates_edges_and_what_they_started() -> None:
    first, second = settled(graph(ONE_TWO, one, two).run(), Status.DONE).steps
    assert (first.number, first.task, first.node, first.visit, first.update) == (1, "one#1", "one", 1, {"x": 1})
    assert (first.parents, first.started) == (("START",), ("two#1",))
    assert (second.number, second.parents, second.started) == (2, ("one#1",), ())
    assert [edge.target for edge in second.taken] == ["END"]


def test_a_step_reads_well() -> None:
    steps = settled(graph(ONE_TWO, one, two).run(), Status.DONE).steps
    assert list(map(repr, steps)) == ["<1 one#1: x=1 -> two>", "<2 two#1: y=2 -> END>"]


def test_a_run_reads_well() -> None:
    assert repr(settled(graph(ONE_TWO, one, two).run(), Status.DONE)) == "<Run g: done, 2 steps>"


def test_state_can_be_read_while_the_run_goes_on() -> None:
    gate = Gate("gate", value=1)
    run = graph("START -> one -> gate -> END", one, gate.node).run()
    reached(gate.begun)
    assert run.state == {"x": 1}
    gate.let.set()
    assert settled(run, Status.DONE).state == {"x": 1, "gate": 1}


def test_the_state_before_the_first_step_is_the_inputs() -> None:
    def first(topic: str) -> None:
        reached(let)

    let = threading.Event()
    run = graph("START -> first -> END", first).run(topic="bees")
    assert run.state == {"topic": "bees"}
    let.set()
    settled(run, Status.DONE)


def test_events_come_in_order() -> None:
    run = settled(graph(ONE_TWO, one, two).run(), Status.DONE)
    kinds = [(type(event), getattr(event, "node", "")) for event in told(run)]
    both = [(TaskStarted, "one"), (TaskFinished, "one"), (TaskStarted, "two"), (TaskFinished, "two")]
    assert kinds == [(RunStarted, ""), *both, (StatusChanged, "")]


def test_a_late_subscriber_gets_the_past_and_one_that_left_gets_no_more() -> None:
    gate = Gate("gate")
    run = graph("START -> one -> gate -> END", one, gate.node).run()
    reached(gate.begun)
    early, late = list[Event](), list[Event]()
    run.subscribe(early.append)()
    run.subscribe(late.append)
    on_loop(run, lambda: None)
    gate.let.set()
    settled(run, Status.DONE)
    until(lambda: late and isinstance(late[-1], StatusChanged))
    assert [type(event) for event in early] == [RunStarted, TaskStarted, TaskFinished, TaskStarted]
    assert late == told(run)


def test_times_of_events_never_go_back() -> None:
    run = settled(graph(ONE_TWO, one, two).run(), Status.DONE)
    times = [event.at for event in told(run)]
    assert times == sorted(times)


def test_two_runs_at_once_never_mix() -> None:
    async def work(n: int) -> dict[str, int]:
        await asyncio.sleep(0)
        return {"n": n + 2}

    made = graph("START -> work; work -> work if n < 100; work -> END else", work)
    runs = [made.run(n=number) for number in range(20)]
    assert [run.result()["n"] for run in runs] == [100, 101] * 10


def test_runs_started_from_many_threads_all_end() -> None:
    made, found = graph(ONE_TWO, one, two), list[dict[str, Any]]()
    threads = [threading.Thread(target=lambda: found.append(made.run().result())) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert found == [{"x": 1, "y": 2}] * 20


def test_a_run_started_inside_a_blocking_node_can_be_waited_for_there() -> None:
    inner = graph(ONE_TWO, one, two)

    def outer() -> dict[str, Any]:
        return {"got": inner.run().result()}

    assert graph("START -> outer -> END", outer).run().result() == {"got": {"x": 1, "y": 2}}


def test_a_run_can_be_awaited_inside_an_async_node() -> None:
    inner = graph(ONE_TWO, one, two)

    async def outer() -> dict[str, Any]:
        run = await inner.run()
        return {"got": run.state}

    assert graph("START -> outer -> END", outer).run().result() == {"got": {"x": 1, "y": 2}}


def test_everybody_whom_library_on_run_tells_gets_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Run] = []
    monkeypatch.setattr(library, "on_run", [seen.append])
    run = graph(ONE_TWO, one, two).run()
    assert seen == [run]


# -- waiting -----------------------------------------------------------------------------------------------------------


def test_wait_gives_up_after_its_timeout_and_leaves_the_run_alive() -> None:
    gate = Gate("gate")
    run = graph("START -> gate -> END", gate.node).run()
    assert run.wait(0.01) is run
    assert run.status is Status.RUNNING
    gate.let.set()
    settled(run, Status.DONE)


def test_many_threads_can_wait_for_one_run() -> None:
    gate = Gate("gate", value=1)
    run = graph("START -> gate -> END", gate.node).run()
    seen: list[Any] = []
    threads = [threading.Thread(target=lambda: seen.append(run.result())) for _ in range(8)]
    for thread in threads:
        thread.start()
    gate.let.set()
    for thread in threads:
        thread.join(SOON)
    assert seen == [{"gate": 1}] * 8


def test_waiting_on_the_engines_own_loop_is_refused_with_a_sentence() -> None:
    gate = Gate("gate")
    run = graph("START -> gate -> END", gate.node).run()
    reached(gate.begun)
    caught: list[RunError] = []

    def wait() -> None:
        try:
            run.wait(0.1)
        except RunError as error:
            caught.append(error)

    on_loop(run, wait)
    gate.let.set()
    assert "await run" in str(caught[0])


def test_a_run_that_an_async_node_has_just_started_is_not_waited_for_there() -> None:
    inner = graph(ONE_TWO, one, two)

    async def outer() -> dict[str, Any]:
        try:
            inner.run().wait(0.2)
        except RunError as error:
            return {"said": str(error)}
        return {"said": "nothing: the engine stood still"}

    assert "await run" in graph("START -> outer -> END", outer).run().result()["said"]


def test_an_interrupt_while_waiting_ends_the_waiting_and_not_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    gate = Gate("gate")
    run = graph("START -> gate -> END", gate.node).run()
    run.attended = True
    timer = threading.Timer(0.05, signal.pthread_kill, [threading.get_ident(), signal.SIGINT])
    timer.start()
    assert run.wait(SOON).status is Status.RUNNING
    timer.join()
    assert "g goes on" in capsys.readouterr().out
    gate.let.set()
    settled(run, Status.DONE)


def test_an_interrupt_while_waiting_unattended_is_raised_and_the_run_goes_on() -> None:
    gate = Gate("gate")
    run = graph("START -> gate -> END", gate.node).run()
    timer = threading.Timer(0.05, signal.pthread_kill, [threading.get_ident(), signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run.wait(SOON)
    timer.join()
    gate.let.set()
    settled(run, Status.DONE)


def test_where_only_the_current_cell_shows_output_each_wait_says_so_and_answering_waits_too() -> None:
    made = Graph("g")
    made.human("gate", "Go?")
    run = settled(made.run(), Status.WAITING)
    waited: list[Status] = []
    run.after_wait = lambda: waited.append(run.status)
    run.wait(SOON)
    run.answer("gate", "approve")
    assert waited == [Status.WAITING, Status.DONE]


def test_awaiting_a_run_in_another_loop_ends_when_it_is_done() -> None:
    async def main() -> Run:
        return await graph(ONE_TWO, one, two).run()

    assert asyncio.run(main()).state == {"x": 1, "y": 2}


def test_awaiting_returns_at_a_question_unless_answers_can_come() -> None:
    made = Graph("g")
    made.human("gate", "Go?")

    async def main() -> tuple[Status, Status]:
        run = await made.run()
        before = run.status
        run.answerable = True
        asyncio.get_running_loop().call_later(0.05, run.answer, "gate", "approve")
        return before, (await run).status

    assert asyncio.run(main()) == (Status.WAITING, Status.DONE)


def test_a_loop_that_awaited_a_run_and_is_gone_does_not_disturb_it() -> None:
    first, second = Gate("first"), Gate("second")
    run = graph("START -> first -> second -> END", first.node, second.node).run()
    reached(first.begun)
    held, let = threading.Event(), threading.Event()

    async def main() -> None:
        waiting = asyncio.ensure_future(run._wait_in_ticks())
        await asyncio.sleep(0.01)
        run.loop.call_soon_threadsafe(lambda: (held.set(), let.wait(SOON)))
        await asyncio.to_thread(held.wait, SOON)
        run.pause()  # told on the engine's loop after this loop has gone
        waiting.cancel()

    asyncio.run(main())
    first.let.set()
    let.set()
    settled(run, Status.PAUSED)
    run.resume()
    second.let.set()
    settled(run, Status.DONE)


# -- on the caller's loop ----------------------------------------------------------------------------------------------


def test_arun_runs_on_the_callers_loop() -> None:
    loops: list[Any] = []

    async def here() -> None:
        loops.append(asyncio.get_running_loop())

    async def main() -> Run:
        loops.append(asyncio.get_running_loop())
        return await graph("START -> here -> END", here).arun()

    assert asyncio.run(main()).status is Status.DONE
    assert loops[0] is loops[1]


def test_the_result_of_an_arun_can_be_asked_for_on_its_loop_and_after_it() -> None:
    async def main() -> tuple[Run, dict[str, Any]]:
        run = await graph(ONE_TWO, one, two).arun()
        return run, run.result()

    run, result = asyncio.run(main())
    assert result == run.result() == {"x": 1, "y": 2}


def test_arun_returns_at_a_question_and_goes_on_when_answered() -> None:
    made = Graph("g")
    made.human("gate", "Go?")

    async def main() -> list[Status]:
        run = await made.arun()
        seen = [run.status]
        run.answer("gate", "approve")
        return [*seen, (await run).status]

    assert asyncio.run(main()) == [Status.WAITING, Status.DONE]


def test_an_arun_that_waits_still_waits_after_its_loop_has_ended() -> None:
    made = Graph("g")
    made.human("gate", "Go?")
    run = asyncio.run(made.arun())
    assert run.status is Status.WAITING
    with pytest.raises(Waiting, match="gate"):
        run.result()


def test_a_run_whose_loop_is_closed_says_so() -> None:
    def breaks() -> None:
        raise ValueError("no")

    run = asyncio.run(graph("START -> breaks -> END", breaks).arun())
    with pytest.raises(RunError, match="event loop on which g ran is closed"):
        run.resume()


def test_arun_raises_what_is_wrong_with_inputs_where_it_is_awaited() -> None:
    with pytest.raises(InputError, match="'z'"):
        asyncio.run(graph(ONE_TWO, one, two).arun(z=1))


# -- results -----------------------------------------------------------------------------------------------------------


def test_the_result_of_a_failed_run_is_the_nodes_own_error() -> None:
    def breaks() -> None:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        graph("START -> breaks -> END", breaks).run().result()


def test_the_result_of_a_waiting_run_is_refused_with_the_question() -> None:
    made = Graph("g")
    made.human("gate", "Go?")
    with pytest.raises(Waiting, match=r'waits for a person at gate.*run.answer\("gate"'):
        made.run().result()


def test_the_result_of_a_paused_or_cancelled_run_is_refused() -> None:
    gate = Gate("gate")
    run = graph("START -> gate -> one -> END", gate.node, one).run()
    reached(gate.begun)
    run.pause()
    on_loop(run, gate.let.set)
    with pytest.raises(Paused, match=r"run\.pause"):
        run.result()
    run.cancel()
    with pytest.raises(Cancelled, match="g was cancelled"):
        run.result()


# -- pause, resume and the step limit ----------------------------------------------------------------------------------


def test_pause_lets_what_runs_finish_and_resume_goes_on() -> None:
    gate = Gate("gate", value=1)
    run = graph("START -> gate -> one -> END", gate.node, one).run()
    reached(gate.begun)
    run.pause()
    on_loop(run, gate.let.set)
    assert [step.node for step in settled(run, Status.PAUSED).steps] == ["gate"]
    run.resume()
    assert settled(run, Status.DONE).result() == {"gate": 1, "x": 1}


def test_pause_during_begin_lets_at_most_the_first_node_run() -> None:
    with engine_held():
        run = graph(ONE_TWO, one, two).run()
        run.pause()
    until(lambda: run.status is not Status.RUNNING)
    assert len(settled(run, Status.PAUSED).steps) <= 1
    run.resume()
    settled(run, Status.DONE)


def test_a_run_that_is_not_paused_or_failed_is_not_resumed() -> None:
    run = settled(graph(ONE_TWO, one, two).run(), Status.DONE)
    with pytest.raises(RunError, match="g is done; only a paused or failed run can be resumed"):
        run.resume()


def test_of_two_threads_that_resume_one_is_told_that_the_run_goes_on() -> None:
    gate, later = Gate("gate"), Gate("later")
    run = graph("START -> gate -> later -> END", gate.node, later.node).run()
    reached(gate.begun)
    run.pause()
    on_loop(run, gate.let.set)
    settled(run, Status.PAUSED)
    outcomes = at_once(8, run.resume)
    later.let.set()
    settled(run, Status.DONE)
    assert sum(outcome is None for outcome in outcomes) == 1
    assert later.calls == 1


def at_once(count: int, call: Callable[[], Any]) -> list[Exception | None]:
    """What each of `count` threads that call at the same moment gets: None, or an error."""
    barrier, outcomes = threading.Barrier(count), list[Exception | None]()

    def work() -> None:
        barrier.wait(SOON)
        try:
            call()
            outcomes.append(None)
        except Exception as error:
            outcomes.append(error)

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    return outcomes


def test_pause_of_a_run_that_waits_for_a_person_keeps_the_question_open() -> None:
    made = Graph("g")
    made.human("gate", "Go?")
    made.node(one)
    made.edges("START -> gate -> one -> END")
    run = settled(made.run(), Status.WAITING)
    run.pause()
    until(lambda: run.status is Status.PAUSED)
    run.answer("gate", "approve")
    until(lambda: len(run.steps) == 1)
    assert settled(run, Status.PAUSED).state["gate"] == "approve"
    run.resume()
    assert settled(run, Status.DONE).state["x"] == 1


def test_resume_with_a_question_open_waits_again() -> None:
    made = Graph("g")
    made.human("gate", "Go?")
    run = settled(made.run(), Status.WAITING)
    run.pause()
    until(lambda: run.status is Status.PAUSED)
    run.resume()
    settled(run, Status.WAITING)
    assert len(run.approvals) == 1


def counting() -> Graph:
    async def count(n: int) -> dict[str, int]:
        return {"n": n + 1}

    return graph("START -> count; count -> count if n < 25; count -> END else", count)


def test_the_step_limit_pauses_names_the_loop_and_can_be_resumed() -> None:
    run = settled(counting().run(n=0, limit=10), Status.PAUSED)
    assert "10 steps were taken in the loop count -> count" in run.reason
    assert "run.resume()" in run.reason
    assert len(run.steps) == 10
    run.resume()
    assert len(settled(run, Status.PAUSED).steps) == 20
    run.resume()
    assert settled(run, Status.DONE).state == {"n": 25}


def test_the_step_limit_of_a_run_that_just_ends_is_not_reached() -> None:
    assert settled(counting().run(n=0, limit=25), Status.DONE).state == {"n": 25}


def test_the_step_limit_is_a_thousand_unless_said() -> None:
    async def spin() -> None:
        return None

    run = settled(graph("START -> spin; spin -> spin if len([]) == 0; spin -> END else", spin).run(), Status.PAUSED)
    assert len(run.steps) == 1000
    assert "1,000 steps" in run.reason


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused(limit: int) -> None:
    with pytest.raises(InputError, match="limit is the number of steps"):
        graph(ONE_TWO, one, two).run(limit=limit)


# -- cancelling --------------------------------------------------------------------------------------------------------


def test_cancel_ends_an_async_node_within_a_second() -> None:
    ended = threading.Event()

    async def forever() -> None:
        try:
            begun.set()
            await asyncio.sleep(3600)
        finally:
            ended.set()

    begun = threading.Event()
    run = graph("START -> forever -> END", forever).run()
    reached(begun)
    run.cancel()
    assert run.status is Status.CANCELLED
    assert ended.wait(1.0)


def test_a_cancelled_task_is_told_once_and_then_the_status() -> None:
    gate = Gate("gate")
    run = graph("START -> gate -> END", gate.node).run()
    reached(gate.begun)
    run.cancel()
    until(lambda: len(told(run)) == 4)
    kinds = [type(event) for event in told(run)]
    assert sorted(kinds, key=str) == sorted([RunStarted, TaskStarted, TaskCancelled, StatusChanged], key=str)


def test_the_late_result_of_a_blocking_node_does_not_count() -> None:
    gate = Gate("gate", blocking=True, value=1)
    run = graph("START -> gate -> one -> END", gate.node, one).run()
    reached(gate.begun)
    run.cancel()
    settled(run, Status.CANCELLED)
    until(lambda: any(isinstance(event, TaskCancelled) for event in told(run)))
    gate.let.set()
    assert (run.steps, run.state) == ([], {})


def test_a_node_that_swallows_its_cancellation_does_not_go_on() -> None:
    async def stubborn() -> dict[str, int]:
        begun.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            return {"x": 1}
        return {}

    begun = threading.Event()
    run = graph("START -> stubborn -> two -> END", stubborn, two).run()
    reached(begun)
    run.cancel()
    until(lambda: any(isinstance(event, TaskCancelled) for event in told(run)))
    assert (run.status, run.steps) == (Status.CANCELLED, [])


def test_cancel_during_begin_starts_no_node() -> None:
    gate = Gate("gate")
    with engine_held():
        run = graph("START -> gate -> END", gate.node).run()
        run.cancel()
    settled(run, Status.CANCELLED)
    on_loop(run, lambda: None)
    assert gate.calls == 0
    assert statuses(told(run)) == [Status.CANCELLED]


def test_cancel_of_a_done_run_changes_nothing() -> None:
    run = settled(graph(ONE_TWO, one, two).run(), Status.DONE)
    run.cancel()
    assert (run.status, run.reason) == (Status.DONE, "")


def test_a_waiting_a_paused_and_a_failed_run_can_be_cancelled() -> None:
    def breaks() -> None:
        raise ValueError

    human = Graph("h")
    human.human("gate", "Go?")
    runs = [settled(human.run(), Status.WAITING), settled(counting().run(n=0, limit=1), Status.PAUSED)]
    runs.append(settled(graph("START -> breaks -> END", breaks).run(), Status.FAILED))
    for run in runs:
        run.cancel()
        settled(run, Status.CANCELLED)
        on_loop(run, lambda: None)
        with pytest.raises(RunError, match="is cancelled"):
            run.resume()
    assert statuses(told(runs[0])) == [Status.WAITING, Status.CANCELLED]


def spinning() -> tuple[Graph, threading.Event]:
    begun = threading.Event()

    async def spin() -> None:
        begun.set()

    return graph("START -> spin; spin -> spin if len([]) == 0; spin -> END else", spin), begun


@pytest.mark.parametrize(("stop", "status"), [(Run.cancel, Status.CANCELLED), (Run.pause, Status.PAUSED)])
def test_a_loop_of_async_nodes_that_never_waits_can_be_stopped(stop: Callable[[Run], None], status: Status) -> None:
    made, begun = spinning()
    run = made.run(limit=10**9)
    reached(begun)
    stop(run)
    settled(run, status)
    on_loop(run, lambda: None)
    taken = len(run.steps)
    on_loop(run, lambda: None)
    assert len(run.steps) == taken


def test_a_loop_that_never_waits_lets_other_runs_go_on() -> None:
    made, begun = spinning()
    busy = made.run(limit=10**9)
    reached(begun)
    assert settled(graph(ONE_TWO, one, two).run(), Status.DONE).state == {"x": 1, "y": 2}
    busy.cancel()


# -- fix and go on -----------------------------------------------------------------------------------------------------


def test_a_node_fixed_after_it_failed_goes_on_and_finished_tasks_are_not_repeated() -> None:
    calls: list[str] = []

    def first() -> dict[str, int]:
        calls.append("first")
        return {"x": 1}

    def second(x: int) -> dict[str, int]:
        raise ValueError("broken")

    made = graph("START -> first -> second -> END", first, second)
    run = settled(made.run(), Status.FAILED)
    assert run.reason == "second#1: broken"
    made.node(lambda x: {"y": x + 1}, name="second")
    run.resume()
    assert settled(run, Status.DONE).result() == {"x": 1, "y": 2}
    assert calls == ["first"]


def test_a_node_that_is_not_fixed_fails_again() -> None:
    tries: list[int] = []

    def breaks() -> None:
        tries.append(1)
        raise ValueError(f"try {len(tries)}")

    run = settled(graph("START -> breaks -> END", breaks).run(), Status.FAILED)
    run.resume()
    assert settled(run, Status.FAILED).reason == "breaks#1: try 2"


def failing_beside(gate: Gate) -> Graph:
    def breaks() -> None:
        raise ValueError("broken")

    return graph("START -> gate, breaks; gate -> one -> END; breaks -> END", gate.node, breaks, one)


def test_tasks_in_flight_beside_a_failure_finish_and_are_kept_and_nothing_new_starts() -> None:
    gate = Gate("gate", value=5)
    made = failing_beside(gate)
    run = settled(made.run(), Status.FAILED)
    reached(gate.begun)
    gate.let.set()
    until(lambda: len(run.steps) == 1)
    assert [step.node for step in run.steps] == ["gate"]
    made.node(lambda: {"mended": True}, name="breaks")
    run.resume()
    assert settled(run, Status.DONE).result() == {"gate": 5, "x": 1, "mended": True}
    assert gate.calls == 1


def test_waiting_right_after_resume_does_not_see_the_failure_that_was_mended() -> None:
    flag = asyncio.Event()
    begun = threading.Event()

    async def gate() -> None:
        begun.set()
        await flag.wait()

    def breaks() -> None:
        raise ValueError("broken")

    made = graph("START -> gate, breaks; gate, breaks -> END", gate, breaks)
    run = settled(made.run(), Status.FAILED)
    reached(begun)
    made.node(lambda: None, name="breaks")
    held, resumed, seen = threading.Event(), threading.Event(), list[Status]()

    def gate_ends_before_the_resume_is_heard() -> None:
        flag.set()
        for _ in range(3):  # callbacks of the waking node
            run.loop.call_soon(lambda: None)
        run.loop.call_soon(lambda: seen.append(run.status))
        held.set()
        resumed.wait(SOON)

    run.loop.call_soon_threadsafe(gate_ends_before_the_resume_is_heard)
    reached(held)
    run.resume()
    resumed.set()
    settled(run, Status.DONE)
    assert seen == [Status.RUNNING]


def test_an_edge_changed_before_resume_gives_a_notice_and_the_run_keeps_its_own() -> None:
    def breaks() -> None:
        raise ValueError("broken")

    made = graph("START -> breaks -> one -> END", breaks, one)
    run = settled(made.run(), Status.FAILED)
    made.node(lambda: None, name="breaks")
    made.node(lambda: {"new": 1}, name="other")
    made.edges("breaks -> other; other -> END")
    run.resume()
    assert [step.node for step in settled(run, Status.DONE).steps] == ["breaks", "one"]
    assert run.notices == [
        "the edges of g have changed; this run keeps those it began with. A new run uses the new ones."
    ]
    assert settled(made.run(), Status.DONE).state == {"x": 1, "new": 1}


def test_a_graph_cleared_before_resume_leaves_the_run_its_nodes_edges_and_reducers() -> None:
    class Log:
        log: Annotated[list[int], append]

    def first() -> dict[str, int]:
        return {"log": 1}

    def second() -> dict[str, int]:
        return {"log": 2}

    made = graph("START -> first -> second -> END", first, second, state=Log)
    run = settled(made.run(limit=1), Status.PAUSED)
    made.clear()
    run.resume()
    assert settled(run, Status.DONE).state == {"log": [1, 2]}


def test_a_conflict_is_mended_by_a_reducer_and_no_node_runs_again() -> None:
    calls: list[str] = []

    def writer() -> dict[str, str]:
        calls.append("writer")
        return {"text": "w"}

    def critic() -> dict[str, str]:
        calls.append("critic")
        return {"text": "c"}

    class Both:
        text: Annotated[list[str], append]

    made = graph("START -> writer, critic; writer, critic -> END", writer, critic)
    run = settled(made.run(), Status.FAILED)
    assert "writer and critic both wrote the key 'text'" in run.reason
    made.state(Both)
    run.resume()
    assert settled(run, Status.DONE).result() == {"text": ["w", "c"]}
    assert sorted(calls) == ["critic", "writer"]


def test_a_reducer_that_cannot_fold_the_past_pauses_with_the_reason_and_loses_nothing() -> None:
    def writer() -> dict[str, int]:
        return {"total": 1}

    def critic() -> dict[str, int]:
        return {"total": 2}

    class Wrong:
        total: Annotated[dict[str, int], lambda current, value: {**current, **value}]

    made = graph("START -> writer, critic; writer, critic -> END", writer, critic)
    run = settled(made.run(), Status.FAILED)
    made.state(Wrong)
    run.resume()
    until(lambda: "refused what" in run.reason)
    assert len(run.steps) == 1
    made.state(type("Right", (), {"__annotations__": {"total": Annotated[int, lambda old, new: (old or 0) + new]}}))
    run.resume()
    assert settled(run, Status.DONE).result() == {"total": 3}


def test_a_choice_out_of_start_that_cannot_be_made_fails_and_can_be_mended() -> None:
    def route() -> str:
        return names[0]

    names = ["nowhere"]
    made = Graph("g")
    made.node(one)
    made.edges("START -> one by route(); one -> END", route=route)
    run = settled(made.run(), Status.FAILED)
    with pytest.raises(RoutingError, match="START chose 'nowhere'"):
        run.result()
    names[0] = "one"
    run.resume()
    assert settled(run, Status.DONE).result() == {"x": 1}


def test_a_function_of_by_that_can_no_longer_be_called_does_not_hang_the_resumed_run() -> None:
    def breaks() -> None:
        raise ValueError("broken")

    space: dict[str, Any] = {"route": lambda: "one"}
    made = graph("START -> breaks; breaks -> one by route(); one -> END", breaks, one)
    made.lookup = space.get
    run = settled(made.run(), Status.FAILED)
    made.node(lambda: None, name="breaks")
    space["route"] = lambda *names: "one"
    run.resume()
    settled(run, Status.FAILED if run.status is Status.FAILED else Status.PAUSED)
    space["route"] = lambda: "one"
    run.resume()
    settled(run, Status.DONE)


def test_several_failures_are_all_told() -> None:
    def a() -> None:
        raise ValueError("from a")

    gate = threading.Barrier(2)

    def b() -> None:
        gate.wait(SOON)
        raise ValueError("from b")

    def c() -> None:
        gate.wait(SOON)
        raise ValueError("from c")

    run = graph("START -> b, c; b, c -> END", b, c).run()
    until(lambda: "from b" in run.reason and "from c" in run.reason)


# -- what nodes may raise ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [SystemExit(3), KeyboardInterrupt(), StopIteration(1), asyncio.CancelledError(), GeneratorExit(), RecursionError()],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("blocking", [True, False], ids=["sync", "async"])
def test_nothing_that_a_node_raises_ends_the_engine(error: BaseException, blocking: bool) -> None:
    def sync_node() -> None:
        raise error

    async def async_node() -> None:
        raise error

    made = graph("START -> n -> END")
    made.node(sync_node if blocking else async_node, name="n")
    settled(made.run(), Status.FAILED)
    assert settled(graph(ONE_TWO, one, two).run(), Status.DONE)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, StopIteration], ids=lambda error: error.__name__)
@pytest.mark.parametrize("source", ["START", "one"])
def test_nothing_that_a_by_function_raises_ends_the_engine(error: type[BaseException], source: str) -> None:
    def route() -> str:
        raise error

    made = Graph("g")
    made.node(one)
    made.node(lambda: None, name="next")
    made.edges({"START": "", "one": "START -> one;"}[source] + f"{source} -> next by route(); next -> END", route=route)
    if source == "START":
        made.edges("next -> one -> END")
    settled(made.run(), Status.FAILED)
    assert settled(graph(ONE_TWO, one, two).run(), Status.DONE)


def test_a_node_that_cancels_its_own_task_fails_and_the_run_does_not_hang() -> None:
    async def n() -> None:
        this = asyncio.current_task()
        assert this is not None
        this.cancel()
        await asyncio.sleep(3600)

    made = graph("START -> n -> END", n)
    run = settled(made.run(), Status.FAILED)
    made.node(lambda: None, name="n")
    run.resume()
    settled(run, Status.DONE)


class Hostile:
    """Nothing that is usually asked of an object can be asked of this one."""

    def refuse(self, *arguments: Any) -> Any:
        raise RuntimeError("hostile")

    __repr__ = __str__ = __eq__ = __bool__ = __len__ = __iter__ = __format__ = __hash__ = refuse


def test_hostile_values_pass_from_node_to_node() -> None:
    made = Graph("g")
    made.node(lambda: Hostile(), name="a", writes="v")
    made.node(lambda v: {"same": v}, name="b")
    made.edges("START -> a -> b -> END")
    state = settled(made.run(), Status.DONE).state
    assert state["v"] is state["same"]


def test_steps_with_hostile_values_can_be_shown() -> None:
    made = Graph("g")
    made.node(lambda: Hostile(), name="a", writes="v")
    made.edges("START -> a -> END")
    assert "a#1" in repr(settled(made.run(), Status.DONE).steps)


def test_hostile_values_join_from_parallel_branches() -> None:
    made = Graph("g")
    for name in ("a", "b"):
        made.node(lambda: Hostile(), name=name)
    made.node(lambda a, b: {"got": isinstance(a, Hostile) and isinstance(b, Hostile)}, name="join")
    made.edges("START -> a, b; a, b -> join -> END")
    assert settled(made.run(), Status.DONE).state["got"] is True


@pytest.mark.parametrize("text", ["x -> b if v", "x -> b if v == 1", "x -> b if v in [1]", "x -> b if len(v) > 1"])
def test_a_condition_on_a_hostile_value_fails_the_run_and_no_more(text: str) -> None:
    made = Graph("g")
    made.node(lambda: Hostile(), name="x", writes="v")
    made.node(lambda: None, name="b")
    made.edges(f"START -> x; {text}; x -> END else; b -> END")
    assert "cannot be judged" in settled(made.run(), Status.FAILED).reason


@pytest.mark.parametrize("value", [Hostile(), [Hostile()]], ids=["value", "list"])
def test_by_a_hostile_value_fails_the_run_and_no_more(value: Any) -> None:
    made = Graph("g")
    made.node(lambda: value, name="x", writes="next")
    made.node(lambda: None, name="b")
    made.edges("START -> x; x -> b by next; b -> END")
    settled(made.run(), Status.FAILED)


@pytest.mark.parametrize("raised", [ValueError, SystemExit])
def test_an_error_that_cannot_be_told_fails_the_run_and_no_more(raised: type[BaseException]) -> None:
    class Silent(Exception):
        def __str__(self) -> str:
            raise raised("no words")

    def breaks() -> None:
        raise Silent

    run = settled(graph("START -> breaks -> END", breaks).run(), Status.FAILED)
    assert "Silent" in run.reason


def test_endless_recursion_in_a_node_fails_the_run_and_no_more() -> None:
    def deep() -> Any:
        return deep()

    async def deeper() -> Any:
        return await deeper()

    for node in (deep, deeper):
        made = Graph("g")
        made.node(node, name="n")
        made.edges("START -> n -> END")
        assert "recursion" in settled(made.run(), Status.FAILED).reason


@pytest.mark.parametrize("key", ["__class__", "__init__", "_", "values", "self", "node", "items", "name"])
def test_keys_with_names_that_python_uses_are_keys_like_any(key: str) -> None:
    made = Graph("g")
    made.node(lambda: {key: 1}, name="a")
    made.node(lambda: None, name="b")
    made.edges(f"START -> a; a -> b if {key} == 1; a -> END else; b -> END")
    run = settled(made.run(), Status.DONE)
    assert run.state == {key: 1}
    assert run.steps[-1].node == "b"


def test_a_key_in_another_spelling_of_its_letters_is_the_same_key() -> None:
    def reads(fit: int) -> dict[str, int]:
        return {"got": fit}

    made = Graph("g")
    made.node(lambda: {"ﬁt": 1}, name="a")
    made.node(reads)
    made.edges("START -> a -> reads -> END")
    assert settled(made.run(), Status.DONE).state["got"] == 1


def test_a_watcher_that_raises_does_not_disturb_the_run() -> None:
    gate = Gate("gate", value=1)
    run = graph("START -> gate -> one -> END", gate.node, one).run()
    reached(gate.begun)

    def angry(event: Event) -> None:
        if not isinstance(event, TaskStarted):
            raise RuntimeError("angry")

    run.subscribe(angry)
    on_loop(run, gate.let.set)
    assert settled(run, Status.DONE).state == {"gate": 1, "x": 1}


def test_a_watcher_may_resume_a_failed_run() -> None:
    tries: list[int] = []

    def flaky() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise ValueError("again")

    gate = Gate("gate")
    run = graph("START -> gate -> flaky -> END", gate.node, flaky).run()
    seen: list[Status] = []
    run.subscribe(lambda event: run.resume() if isinstance(event, StatusChanged) and event.status == "failed" else None)
    run.subscribe(lambda event: seen.append(event.status) if isinstance(event, StatusChanged) else None)
    on_loop(run, gate.let.set)
    until(lambda: run.status is Status.DONE)
    assert seen == [Status.FAILED, Status.RUNNING, Status.FAILED, Status.RUNNING, Status.DONE]


# -- what nodes return -------------------------------------------------------------------------------------------------


def failing(writes: Any, returned: Any) -> str:
    made = Graph("g")
    made.node(lambda: returned, name="n", writes=writes)
    made.node(one)
    made.edges("START -> n -> one -> END")
    run = settled(made.run(), Status.FAILED)
    assert run.steps == [], "the next node has not started"
    with pytest.raises(UpdateError):
        run.result()
    return run.reason


def test_a_return_value_that_does_not_fit_its_writes_names_both() -> None:
    assert "n writes a, b" in failing(["a", "b"], {"a": 1})
    assert "it returned a dict with 'a'" in failing(["a", "b"], {"a": 1})
    assert "it returned int 5" in failing(["a", "b"], 5)


def test_a_returned_dict_whose_keys_are_no_names_says_how_to_keep_it() -> None:
    assert "--writes n" in failing(None, {1: 2})
    assert "--writes n" in failing(None, {"a b": 2})
    assert "reserved" in failing(None, {"error": 2})


def test_a_node_that_needs_a_key_which_nothing_on_its_path_wrote_says_so() -> None:
    def reader(late: int) -> None: ...

    def maybe(x: int) -> Any:
        update = {"late": 1}
        return update if x else {}

    run = settled(graph("START -> maybe -> reader -> END", maybe, reader).run(x=0), Status.FAILED)
    with pytest.raises(MissingKey, match=r"reader needs the key 'late', and nothing on the way to reader has set it"):
        run.result()


# -- maps --------------------------------------------------------------------------------------------------------------

MAP = "START -> split; split -> work each items as item; work -> END"


def mapped(work: Callable[..., Any], items: Any = (1, 2, 3), state: type | None = None, **options: Any) -> Graph:
    made = Graph("g")
    made.node(lambda: {"items": items}, name="split")
    made.node(work, name="work", **options)
    if state:
        made.state(state)
    made.edges(MAP)
    return made


def test_a_map_calls_its_node_for_each_item_and_keeps_their_order() -> None:
    async def work(item: int) -> int:
        await asyncio.sleep(0.01 / item)
        return item * 10

    run = settled(mapped(work).run(), Status.DONE)
    assert run.state["work"] == [10, 20, 30]
    assert [step.node for step in run.steps] == ["split", "work"]
    assert run.steps[1].update == {"work": [10, 20, 30]}
    assert "work=[10, 20, 30]" in repr(run.steps[1])


def test_blocking_items_run_side_by_side() -> None:
    together = threading.Barrier(8)

    def work(item: int) -> int:
        return together.wait(SOON) * 0 + item

    assert settled(mapped(work, list(range(8))).run(), Status.DONE).state["work"] == list(range(8))


def test_blocking_items_do_not_run_all_at_once() -> None:
    running, most = [0], [0]
    lock = threading.Lock()

    def work(item: int) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.002)
        with lock:
            running[0] -= 1

    settled(mapped(work, list(range(100))).run(), Status.DONE)
    assert 1 < most[0] <= 32


def test_an_item_is_local_to_its_call_and_no_key_of_the_state() -> None:
    async def work(item: int, ctx: Any) -> dict[str, Any]:
        return {"seen": (item, ctx.item, ctx.key)}

    run = settled(mapped(work).run(id="r"), Status.DONE)
    assert run.state["seen"] == [(1, 0, "r/work#1[0]"), (2, 1, "r/work#1[1]"), (3, 2, "r/work#1[2]")]
    assert "item" not in run.state


def test_an_empty_list_still_fires_the_edges_and_known_keys_become_empty() -> None:
    class Log:
        log: Annotated[list[int], append]

    async def work(item: int) -> dict[str, int]:
        return {"done": item, "log": item}

    run = settled(mapped(work, [], Log).run(), Status.DONE)
    assert run.state == {"items": [], "done": []}
    assert [step.node for step in run.steps] == ["split", "work"]


def test_reducer_keys_of_a_map_are_folded_in_item_order() -> None:
    class Log:
        log: Annotated[list[int], append]

    async def work(item: int) -> dict[str, int]:
        await asyncio.sleep(0.01 / item)
        return {"log": item}

    assert settled(mapped(work, state=Log).run(), Status.DONE).state["log"] == [1, 2, 3]


def test_an_item_that_wrote_nothing_gives_none() -> None:
    async def work(item: int) -> dict[str, int] | None:
        return {"big": item} if item > 1 else None

    assert settled(mapped(work).run(), Status.DONE).state["big"] == [None, 2, 3]


def test_only_failed_items_run_again_on_resume() -> None:
    calls: list[int] = []

    async def work(item: int) -> int:
        calls.append(item)
        if item == 2:
            raise ValueError("two is bad")
        return item

    made = mapped(work)
    run = settled(made.run(), Status.FAILED)
    assert sorted(calls) == [1, 2, 3]
    with pytest.raises(ValueError, match="two is bad") as caught:
        run.result()
    assert caught.value.__notes__ == ["in item 1 of 3; 1 failed, the others are kept"]
    made.node(lambda item: calls.append(item) or item, name="work")
    run.resume()
    assert settled(run, Status.DONE).state["work"] == [1, 2, 3]
    assert calls[3:] == [2]


@pytest.mark.parametrize(
    "items", [5, "text", {"a": 1}, {1, 2}, None, Hostile()], ids=lambda items: type(items).__name__
)
def test_what_is_mapped_over_must_be_a_list(items: Any) -> None:
    async def work(item: int) -> None: ...

    run = settled(mapped(work, items).run(), Status.FAILED)
    assert "work runs for each of items, which must be a list" in run.reason


def test_pause_in_a_map_lets_its_items_finish() -> None:
    gate = Gate("gate")

    async def work(item: int) -> int:
        await gate.node()
        return item

    made = Graph("g")
    made.node(lambda: {"items": [1, 2]}, name="split")
    made.node(work)
    made.node(one)
    made.edges("START -> split; split -> work each items as item; work -> one -> END")
    run = made.run()
    reached(gate.begun)
    run.pause()
    on_loop(run, gate.let.set)
    assert settled(run, Status.PAUSED).state["work"] == [1, 2]
    run.resume()
    assert settled(run, Status.DONE).state["x"] == 1


def test_cancel_in_a_map_ends_its_items() -> None:
    ended: list[int] = []

    async def work(item: int) -> None:
        try:
            begun.set()
            await asyncio.sleep(3600)
        finally:
            ended.append(item)

    begun = threading.Event()
    run = mapped(work).run()
    reached(begun)
    run.cancel()
    until(lambda: len(ended) == 3)


def test_a_map_in_a_loop_starts_anew_each_round() -> None:
    async def work(item: int) -> int:
        return item

    async def again(n: int, work: list[int]) -> dict[str, Any]:
        return {"n": n + 1, "items": work * 2}

    made = graph(
        "START -> split; split -> work each items as item; work -> again; again -> split if n < 2; again -> END else",
        work,
        again,
    )
    made.node(lambda items: None, name="split")
    assert settled(made.run(n=0, items=[1]), Status.DONE).state["work"] == [1, 1]


def test_a_conflict_over_the_list_of_a_map_is_mended_like_any() -> None:
    class Log:
        seen: Annotated[list[int], append]

    gate = Gate("gate", value={"seen": 0})

    async def work(item: int) -> dict[str, int]:
        return {"seen": item}

    made = Graph("g")
    made.node(work)
    made.node(gate.node)
    made.edges("START -> work each items as item; START -> gate; work, gate -> END")
    run = made.run(items=[1, 2])
    until(lambda: len(run.steps) == 1)
    gate.let.set()
    settled(run, Status.FAILED)
    made.state(Log)
    run.resume()
    assert settled(run, Status.DONE).state["seen"] == [1, 2, 0]


def test_a_question_for_each_item_does_not_hide_that_another_branch_runs() -> None:
    gate = Gate("gate")
    made = Graph("g")
    made.node(gate.node)
    made.human("ask", "Is {{ item }} good?")
    made.edges("START -> gate; START -> ask each items as item; gate, ask -> END")
    run = made.run(items=[1, 2, 3])
    until(lambda: len(run.approvals) == 3)
    reached(gate.begun)
    on_loop(run, lambda: None)
    status = run.status
    gate.let.set()
    settled(run, Status.WAITING)
    for approval in run.approvals:
        run.answer(approval.id, "approve")
    assert settled(run, Status.DONE).state["ask"] == ["approve"] * 3
    assert status is Status.RUNNING


# -- context variables -------------------------------------------------------------------------------------------------

variable: ContextVar[Any] = ContextVar("variable", default="unset")


@pytest.mark.parametrize("blocking", [True, False], ids=["sync", "async"])
def test_context_variables_that_a_node_sets_do_not_leak_to_its_successor(blocking: bool) -> None:
    def sync_first() -> None:
        variable.set("leaked")

    async def async_first() -> None:
        variable.set("leaked")

    async def second() -> dict[str, Any]:
        return {"seen": variable.get()}

    made = graph("START -> first -> second -> END", second)
    made.node(sync_first if blocking else async_first, name="first")
    assert settled(made.run(), Status.DONE).state == {"seen": "unset"}


def test_a_context_variable_that_cannot_be_compared_does_not_hang_the_run() -> None:
    async def first() -> None:
        variable.set(Hostile())

    async def second() -> dict[str, Any]:
        return {"seen": isinstance(variable.get(), Hostile)}

    token = variable.set(Hostile())
    run = graph("START -> first -> second -> END", first, second).run()
    variable.reset(token)
    assert settled(run, Status.DONE).state == {"seen": True}


def test_nodes_see_the_context_variables_of_who_started_the_run() -> None:
    def sync_reads() -> dict[str, Any]:
        return {"sync": variable.get()}

    async def async_reads() -> dict[str, Any]:
        return {"async_": variable.get()}

    token = variable.set("from the cell")
    run = graph("START -> sync_reads -> async_reads -> END", sync_reads, async_reads).run()
    variable.reset(token)
    assert settled(run, Status.DONE).state == {"sync": "from the cell", "async_": "from the cell"}


# -- threads, memory, the end of the process ---------------------------------------------------------------------------


def test_every_method_can_be_called_from_another_thread() -> None:
    gate = Gate("gate")
    made = Graph("g")
    made.node(gate.node)
    made.human("ask", "Go?")
    made.edges("START -> gate -> ask -> END")
    run = made.run()
    reached(gate.begun)
    done: list[Any] = []

    def elsewhere() -> None:
        run.pause()
        on_loop(run, gate.let.set)
        run.wait(SOON)
        run.resume()
        run.wait(SOON)
        run.answer("ask", "approve")
        run.subscribe(lambda event: None)()
        done.extend([run.result(), run.steps, run.state, run.approvals, run.outline])
        run.cancel()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join(SOON)
    assert len(done) == 5
    assert run.status is Status.DONE


def test_a_done_run_that_nobody_holds_is_freed() -> None:
    run = settled(graph(ONE_TWO, one, two).run(), Status.DONE)
    on_loop(run, lambda: None)
    gone = weakref.ref(run)
    del run
    until(lambda: gc.collect() is not None and gone() is None)


def test_a_waiting_run_that_nobody_holds_goes_quietly(caplog: pytest.LogCaptureFixture) -> None:
    made = Graph("g")
    made.human("gate", "Go?")
    run = settled(made.run(), Status.WAITING)
    on_loop(run, lambda: None)
    del run
    gc.collect()
    assert [record.getMessage() for record in caplog.records] == []


SCRIPT = """
import threading, time
from nbgraph import Graph
g = Graph("g")
g.node(lambda: time.sleep(3600), name="stuck")
g.human("gate", "Go?")
g.node(lambda: None, name="free")
g.edges("START -> stuck, gate, free; stuck, gate, free -> END")
run = g.run()
while not run.steps or not run.approvals:
    time.sleep(0.001)
print(run.status)
"""


def test_no_thread_keeps_a_process_from_ending_with_a_stuck_node_and_an_open_question() -> None:
    ended = subprocess.run([sys.executable, "-W", "error", "-c", SCRIPT], capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "running\n", "")


def test_the_status_of_a_run_goes_through_every_stage_in_order() -> None:
    made = Graph("g")
    made.human("gate", "Go?")
    made.node(lambda: 1 / 0, name="n")
    made.edges("START -> gate -> n -> END")
    run = settled(made.run(), Status.WAITING)
    run.answer("gate", "approve")
    settled(run, Status.FAILED)
    made.node(lambda: None, name="n")
    run.resume()
    settled(run, Status.DONE)
    assert statuses(told(run)) in (
        [Status.WAITING, Status.FAILED, Status.RUNNING, Status.DONE],
        [Status.WAITING, Status.RUNNING, Status.FAILED, Status.RUNNING, Status.DONE],
    )


def test_a_failed_task_is_told_with_its_error() -> None:
    def breaks() -> None:
        raise ValueError("broken")

    run = settled(graph("START -> breaks -> END", breaks).run(), Status.FAILED)
    (failed,) = [event for event in told(run) if isinstance(event, TaskFailed)]
    assert (failed.node, failed.visit) == ("breaks", 1)
    assert (failed.failure.type, failed.failure.message) == ("ValueError", "broken")


def test_a_map_tells_how_many_items_it_has() -> None:
    async def work(item: int) -> int:
        return item

    started = [event for event in told(settled(mapped(work).run(), Status.DONE)) if isinstance(event, TaskStarted)]
    assert [event.items for event in started] == [None, 3]


def test_a_store_that_fails_fails_the_task_and_no_more() -> None:
    class Full(MemoryStore):
        async def append(self, run_id: str, step: Any) -> None:
            raise OSError("disk full")

    run = settled(graph(ONE_TWO, one, two).run(store=Full()), Status.FAILED)
    assert "disk full" in run.reason


def test_a_list_changed_in_place_reaches_no_other_node_and_no_history() -> None:
    def source() -> dict[str, Any]:
        return {"y": [0]}

    def changes(y: list[int]) -> None:
        y.append(1)

    def reads(y: list[int]) -> dict[str, Any]:
        return {"length": len(y)}

    run = settled(graph("START -> source -> changes -> reads -> END", source, changes, reads).run(), Status.DONE)
    assert run.state == {"y": [0], "length": 1}
    assert run.steps[0].update == {"y": [0]}


def test_an_approval_keeps_what_was_shown() -> None:
    shown = ["a"]
    made = graph("START -> source -> gate -> END", source_of_list(shown))
    made.human("gate", "{{ items }}?")
    run = settled(made.run(), Status.WAITING)
    shown.append("changed later")
    assert run.approvals[0].shown == {"items": ["a"]}


def source_of_list(items: list[str]) -> Any:
    def source() -> dict[str, Any]:
        return {"items": items}

    return source


def test_edges_out_of_start_are_told_with_their_reasons() -> None:
    run = settled(graph("START -> one if x > 1; START -> two else; one, two -> END", one, two).run(x=5), Status.DONE)
    begun = next(event for event in told(run) if isinstance(event, RunStarted))
    assert [(edge.target, edge.reason) for edge in begun.taken] == [("one", "x 5 > 1")]


def test_a_run_that_ends_while_it_is_to_be_paused_is_done() -> None:
    gate = Gate("gate")
    run = graph("START -> gate -> END", gate.node).run()
    reached(gate.begun)
    run.pause()
    on_loop(run, gate.let.set)
    settled(run, Status.DONE)


def test_inputs_go_by_name() -> None:
    with pytest.raises(InputError, match="inputs go by name"):
        graph("START -> one -> END", one).run(3)  # type: ignore[arg-type]


class ForgetfulStore(MemoryStore):
    """A store whose disk is full for once."""

    def __init__(self) -> None:
        super().__init__()
        self.full = True

    async def append(self, run_id: str, step: Step) -> None:
        if self.full:
            self.full = False
            raise OSError("the disk is full")
        await super().append(run_id, step)


def test_a_step_that_could_not_be_stored_is_stored_at_resume_and_its_node_not_called_again() -> None:
    calls: list[int] = []

    def once() -> dict[str, int]:
        calls.append(1)
        return {"x": 1}

    run = settled(graph("START -> once -> two -> END", once, two).run(store=ForgetfulStore()), Status.FAILED)
    assert "the disk is full" in run.reason
    run.resume()
    settled(run, Status.DONE)
    assert ([step.node for step in run.steps], len(calls)) == (["once", "two"], 1)
