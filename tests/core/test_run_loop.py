"""The run loop: pausing, the step limit, cancelling, mending what failed, and what may go wrong around the nodes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Annotated, Any

import pytest

from nbgraph.core.events import RunStarted, Status, StatusChanged, TaskCancelled, TaskStarted
from nbgraph.core.records import Entry
from nbgraph.core.run import Run
from nbgraph.core.state import append
from nbgraph.errors import RoutingError, RunError, StoreError
from nbgraph.library import Graph
from tests.core.running import (
    ONE_TWO,
    SOON,
    Gate,
    Hostile,
    Slowed,
    at_once,
    counting,
    engine_held,
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


def test_a_run_that_ends_while_it_is_to_be_paused_is_done() -> None:
    gate = Gate("gate")
    run = graph("START -> gate -> END", gate.node).run()
    reached(gate.begun)
    run.pause()
    on_loop(run, gate.let.set)
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


@pytest.mark.slow
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


@pytest.mark.slow
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


# -- stores that refuse ------------------------------------------------------------------------------------------------


def test_a_store_that_fails_fails_the_task_and_no_more() -> None:
    async def full(entry: Entry) -> None:
        raise StoreError("disk full")

    run = settled(graph(ONE_TWO, one, two).run(store=Slowed(full)), Status.FAILED)
    assert "disk full" in run.reason


def test_a_step_that_could_not_be_stored_is_stored_at_resume_and_its_node_not_called_again() -> None:
    calls: list[int] = []
    refusals = [StoreError("the disk is full")]

    def once() -> dict[str, int]:
        calls.append(1)
        return {"x": 1}

    async def full_for_once(entry: Entry) -> None:
        if refusals:
            raise refusals.pop()

    run = settled(graph("START -> once -> two -> END", once, two).run(store=Slowed(full_for_once)), Status.FAILED)
    assert "the disk is full" in run.reason
    run.resume()
    settled(run, Status.DONE)
    assert ([step.node for step in run.steps], len(calls)) == (["once", "two"], 1)


# -- choices that raise ------------------------------------------------------------------------------------------------


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
