"""Run: one execution, driven from other threads; nodes wait for events that the test sets, never for time."""

from __future__ import annotations

import asyncio
import gc
import signal
import subprocess
import sys
import threading
import weakref
from typing import Any

import pytest

from nbgraph.core import run as run_module
from nbgraph.core.events import Event, RunStarted, Status, StatusChanged, TaskFailed, TaskFinished, TaskStarted
from nbgraph.core.run import Run
from nbgraph.errors import Cancelled, InputError, Paused, RunError, Waiting
from nbgraph.library import Graph
from nbgraph.store.memory import MemoryStore
from tests.core.running import (
    ONE_TWO,
    SOON,
    Gate,
    graph,
    on_loop,
    one,
    quiet_engine,  # noqa: F401
    reached,
    settled,
    statuses,
    told,
    two,
    until,
)

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


def test_everybody_whom_on_run_tells_gets_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Run] = []
    monkeypatch.setattr(run_module, "on_run", [seen.append])
    run = graph(ONE_TWO, one, two).run()
    assert seen == [run]


def test_inputs_go_by_name() -> None:
    with pytest.raises(InputError, match="inputs go by name"):
        graph("START -> one -> END", one).run(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused(limit: int) -> None:
    with pytest.raises(InputError, match="limit is the number of steps"):
        graph(ONE_TWO, one, two).run(limit=limit)


# -- watching ----------------------------------------------------------------------------------------------------------


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


def test_edges_out_of_start_are_told_with_their_reasons() -> None:
    run = settled(graph("START -> one if x > 1; START -> two else; one, two -> END", one, two).run(x=5), Status.DONE)
    begun = next(event for event in told(run) if isinstance(event, RunStarted))
    assert [(edge.target, edge.reason) for edge in begun.taken] == [("one", "x 5 > 1")]


def test_a_failed_task_is_told_with_its_error() -> None:
    def breaks() -> None:
        raise ValueError("broken")

    run = settled(graph("START -> breaks -> END", breaks).run(), Status.FAILED)
    (failed,) = [event for event in told(run) if isinstance(event, TaskFailed)]
    assert (failed.node, failed.visit) == ("breaks", 1)
    assert (failed.failure.type, failed.failure.message) == ("ValueError", "broken")


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


def test_a_run_that_is_resumed_the_moment_it_failed_goes_on_with_what_failed() -> None:
    def flaky(ctx: Any) -> dict[str, int]:
        if len(tries) < 3:
            tries.append(1)
            raise ValueError("again")
        return {"x": len(tries)}

    tries: list[int] = []
    gate = Gate("gate")
    run = graph("START -> gate -> flaky -> END", gate.node, flaky).run()

    def resume_soon(event: Event) -> None:
        # before the loop comes to hear that the task has ended, as another thread may do
        if isinstance(event, StatusChanged) and event.status is Status.FAILED:
            asyncio.get_running_loop().call_soon(run.resume)

    run.subscribe(resume_soon)
    on_loop(run, gate.let.set)
    until(lambda: run.status is Status.DONE)
    assert [event.failure.type for event in told(run) if isinstance(event, TaskFailed)] == ["ValueError"] * 3


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


@pytest.mark.slow
def test_no_thread_keeps_a_process_from_ending_with_a_stuck_node_and_an_open_question() -> None:
    ended = subprocess.run([sys.executable, "-W", "error", "-c", SCRIPT], capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "running\n", "")
