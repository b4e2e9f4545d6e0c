"""Several runs of one graph at once, started from several threads: each has its own inputs, state, answers and log."""

from __future__ import annotations

import asyncio
import io
import random
import threading
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Annotated, Any

import pytest

from nbgraph import Graph, append
from nbgraph.core.events import ApprovalAsked, Printed, Status, TaskFinished
from nbgraph.core.run import Run
from nbgraph.notebook.prints import Tee
from tests.core.running import SOON, Gate, at_once, graph, quiet_engine, reached, settled, told  # noqa: F401

pytestmark = pytest.mark.slow  # many threads

THREADS = 20


def everything() -> Graph:
    """Blocking and async nodes, a map, a loop, parallel branches, a reducer and a person; all of them print."""

    class State:
        seen: Annotated[list[str], append] = []

    def split(n: int) -> dict[str, Any]:
        print(f"split {n}")
        return {"items": [100 * n + each for each in range(4)], "rounds": 0}

    async def work(item: int) -> dict[str, int]:
        await asyncio.sleep(random.random() / 200)
        print(f"work {item // 100}")
        return {"worked": item + 1}

    def left(n: int, worked: list[int]) -> dict[str, Any]:
        print(f"left {n}")
        return {"sum": sum(worked), "seen": f"left {n}"}

    async def right(n: int, rounds: int) -> dict[str, Any]:
        await asyncio.sleep(random.random() / 200)
        print(f"right {n}")
        return {"rounds": rounds + 1, "seen": f"right {n}"}

    async def publish(n: int, sum: int, gate_note: str) -> dict[str, Any]:
        print(f"publish {n}")
        return {"page": f"{n}: {sum}, {gate_note}"}

    made = graph("", split, work, left, right, publish, name="everything", state=State)
    made.human("gate", "Publish {{ sum }} of {{ n }}?")
    made.edges("""
        START -> split -> work each items as item
        work -> left, right
        right -> right if rounds < 3
        right -> gate else
        left -> gate -> publish -> END
    """)
    return made


def expected(n: int) -> dict[str, Any]:
    items = [100 * n + each for each in range(4)]
    worked = [each + 1 for each in items]
    seen = [f"left {n}"] + [f"right {n}"] * 3
    last = {"gate": "approve", "gate_note": f"note {n}", "page": f"{n}: {sum(worked)}, note {n}"}
    return {"n": n, "items": items, "worked": worked, "sum": sum(worked), "rounds": 3, "seen": seen, **last}


def in_threads(work: Callable[[int], Run]) -> dict[int, Run]:
    """What `work` gives in each of the threads, by the thread's number; they begin at the same moment."""
    numbers, found = iter(range(THREADS)), dict[int, Run]()
    lock = threading.Lock()

    def one() -> None:
        with lock:
            number = next(numbers)
        found[number] = work(number)

    errors = [error for error in at_once(THREADS, one) if error is not None]
    assert errors == []
    return found


def answered(made: Graph, n: int) -> Run:
    """A run that was answered by the thread that started it."""
    run = settled(made.run(n=n), Status.WAITING)
    run.answer("gate", "approve", f"note {n}")
    return settled(run, Status.DONE)


# -- from several threads ----------------------------------------------------------------------------------------------


def test_each_run_has_its_own_result() -> None:
    made = everything()
    found = in_threads(lambda n: answered(made, n))
    assert {n: run.result() for n, run in found.items()} == {n: expected(n) for n in range(THREADS)}


def test_each_run_has_its_own_events_and_steps() -> None:
    made = everything()
    for n, run in in_threads(lambda n: answered(made, n)).items():
        finished = [event for event in told(run) if isinstance(event, TaskFinished)]
        assert [event.step for event in finished] == [step.number for step in run.steps] == list(range(1, 9))
        [asked] = [event.approval for event in told(run) if isinstance(event, ApprovalAsked)]
        assert (asked.run_id, asked.shown) == (run.id, {"sum": expected(n)["sum"], "n": n})


def test_what_a_node_prints_lands_in_the_log_of_its_own_task() -> None:
    made = everything()
    with redirect_stdout(Tee(io.StringIO())):
        found = in_threads(lambda n: answered(made, n))
    for n, run in found.items():
        printed = [event for event in told(run) if isinstance(event, Printed)]
        assert {event.text.strip() for event in printed} >= {f"{event.node} {n}" for event in printed}
        assert all(event.text.strip() in ("", f"{event.node} {n}") for event in printed)
        assert {event.node for event in printed} == {"split", "work", "left", "right", "publish"}


def test_answers_by_other_threads_reach_the_run_they_are_meant_for() -> None:
    made = everything()
    found = in_threads(lambda n: settled(made.run(n=n), Status.WAITING))
    crossed = {n: found[THREADS - 1 - n] for n in found}
    in_threads(lambda n: (crossed[n].answer("gate", "approve", f"note {THREADS - 1 - n}"), crossed[n])[1])
    assert {n: run.result() for n, run in found.items()} == {n: expected(n) for n in range(THREADS)}


def test_of_many_threads_that_answer_one_run_one_is_heard() -> None:
    run = settled(everything().run(n=1), Status.WAITING)
    outcomes = at_once(THREADS, lambda: run.answer("gate", "approve", "note 1"))
    assert [str(type(error).__name__) for error in outcomes if error] == ["AlreadyAnswered"] * (THREADS - 1)
    assert settled(run, Status.DONE).result() == expected(1)


def test_runs_on_loops_of_their_own_do_not_mix_with_those_of_the_engine() -> None:
    made = everything()

    async def alone(n: int) -> Run:
        run = await made.arun(n=n)
        run.answer("gate", "approve", f"note {n}")
        return await run

    found = in_threads(lambda n: asyncio.run(alone(n)) if n % 2 else answered(made, n))
    assert {n: run.result() for n, run in found.items()} == {n: expected(n) for n in range(THREADS)}


def test_batches_of_several_threads_do_not_mix() -> None:
    made = everything()

    def one(thread: int) -> Any:
        batch = made.map([{"n": 10 * thread + each} for each in range(3)], parallel=2).wait(SOON)
        for row, run in batch.waiting.items():
            run.answer("gate", "approve", f"note {10 * thread + row}")
        assert batch.results() == [expected(10 * thread + each) for each in range(3)]
        return batch

    assert {batch.status for batch in in_threads(one).values()} == {"3 done"}  # type: ignore[comparison-overlap]


def test_some_are_cancelled_and_some_fail_and_the_others_do_not_notice() -> None:
    made = everything()

    def one(n: int) -> Run:
        run = settled(made.run(n=n), Status.WAITING)
        if n % 3 == 0:
            run.cancel()
            return settled(run, Status.CANCELLED)
        run.answer("gate", "approve", f"note {n}")
        return settled(run, Status.DONE)

    found = in_threads(one)
    assert {n for n, run in found.items() if run.status is Status.CANCELLED} == set(range(0, THREADS, 3))
    assert all(run.result() == expected(n) for n, run in found.items() if n % 3)


# -- while the graph is declared anew ----------------------------------------------------------------------------------


def versioned(made: Graph, version: int) -> None:
    """Declare both nodes of a graph in a version."""
    made.clear()
    made.node(lambda: {"first": version}, name="first")
    made.node(lambda first: {"second": (first, version)}, name="second")
    made.human("gate", f"Version {version}?")
    made.edges("START -> first -> gate -> second -> END")


def test_runs_keep_the_graph_that_they_began_with() -> None:
    made, runs = Graph("g"), []
    for version in range(THREADS):
        versioned(made, version)
        runs.append(made.run())
    found = in_threads(lambda n: (settled(runs[n], Status.WAITING).answer("gate", "approve"), runs[n])[1])
    assert [found[n].result()["second"] for n in range(THREADS)] == [(n, n) for n in range(THREADS)]
    assert [run.approvals[0].question for run in runs] == [f"Version {n}?" for n in range(THREADS)]


def test_a_node_may_be_declared_anew_while_other_threads_start_runs() -> None:
    made, stop = everything(), threading.Event()

    async def work(item: int) -> dict[str, int]:
        return {"worked": item + 1}

    def declare() -> None:
        while not stop.is_set():
            made.node(work)

    declaring = threading.Thread(target=declare)
    declaring.start()
    try:
        found = in_threads(lambda n: answered(made, n))
    finally:
        stop.set()
        declaring.join()
    assert {n: run.result() for n, run in found.items()} == {n: expected(n) for n in range(THREADS)}


def test_a_node_that_is_mended_lets_each_failed_run_go_on_from_its_own_state() -> None:
    made = graph("START -> first -> breaks -> END", name="g")
    made.node(lambda n: {"first": n + 1}, name="first")
    made.node(lambda first: 1 / 0, name="breaks")
    runs = in_threads(lambda n: settled(made.run(n=n), Status.FAILED))
    made.node(lambda first: {"breaks": first * 2}, name="breaks")
    in_threads(lambda n: (runs[n].resume(), settled(runs[n], Status.DONE))[1])
    assert {n: run.state["breaks"] for n, run in runs.items()} == {n: 2 * (n + 1) for n in range(THREADS)}


@pytest.mark.parametrize("blocking", [True, False])
def test_a_run_that_is_held_up_holds_up_no_other(blocking: bool) -> None:
    gate = Gate("gate", blocking=blocking)
    made = graph("START -> quick if n; START -> gate else; quick -> END; gate -> END", gate.node)
    made.node(lambda n: {"quick": n}, name="quick")
    held = made.run(n=0)
    reached(gate.begun)
    found = in_threads(lambda n: settled(made.run(n=n + 1), Status.DONE))
    assert {n: run.state["quick"] for n, run in found.items()} == {n: n + 1 for n in range(THREADS)}
    assert held.status is Status.RUNNING
    gate.let.set()
    settled(held, Status.DONE)
