"""Deadlines of questions: what nobody has answered by then is answered by the deadline, also after a restart."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from nbgraph import MemoryStore
from nbgraph.core.events import ApprovalAnswered, Status
from nbgraph.errors import AlreadyAnswered
from nbgraph.library import Graph
from tests.core.patterns import happened, made
from tests.core.running import (
    quiet_engine,  # noqa: F401
    settled,
    until,
)
from tests.core.storing import crash, cut


class Clock:
    """A clock on the wall that goes on when it is told to."""

    def __init__(self) -> None:
        self.at = 1_000_000.0

    def time(self) -> float:
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made_clock = Clock()
    monkeypatch.setattr("nbgraph.starting.time", SimpleNamespace(time=made_clock.time))
    monkeypatch.setattr("nbgraph.core.asking.CLOCK_LOOKED_AT", 0.005)
    return made_clock


def gate(timeout: str = "24h=reject") -> Graph:
    line = made("START -> gate -> END")
    line.human("gate", "go on?", timeout=timeout)
    return line


def asked_in_node() -> Graph:
    async def gate(ctx: Any) -> dict[str, str]:
        return {"gate": (await ctx.ask("go on?", timeout="24h=reject")).option}

    return made("START -> gate -> END", gate)


both = pytest.mark.parametrize("line", [gate, asked_in_node])


@both
def test_a_deadline_that_has_passed_answers_and_the_record_says_so(line: Any, clock: Clock) -> None:
    run = settled(line().run(), Status.WAITING)
    (asked,) = run.approvals
    assert (asked.deadline, asked.otherwise) == (clock.at + 86400, "reject")
    clock.at += 86399
    time.sleep(0.03)
    assert run.status is Status.WAITING
    clock.at += 1
    settled_after(run)
    assert run.state["gate"] == "reject"
    (answered,) = run.approvals
    assert answered.answer is not None
    assert (answered.answer.by, answered.answer.at) == ("deadline", clock.at)
    assert len(happened(run, ApprovalAnswered)) == 1
    with pytest.raises(AlreadyAnswered, match="deadline"):
        run.answer("gate", "approve")


def settled_after(run: Any) -> None:
    until(lambda: run.status is Status.DONE)


@both
def test_an_answer_before_the_deadline_is_the_only_one(line: Any, clock: Clock) -> None:
    run = settled(line().run(), Status.WAITING)
    run.answer("gate", "approve")
    settled(run, Status.DONE)
    clock.at += 1e6
    time.sleep(0.03)
    assert [approval.answer and approval.answer.by for approval in run.approvals] == ["run.answer"]


@both
def test_a_deadline_stays_that_of_the_first_asking_after_a_restart(line: Any, clock: Clock) -> None:
    store = MemoryStore()
    run = settled(line().run(store=store, id="r"), Status.WAITING)
    (asked,) = run.approvals
    crash(run)
    clock.at += 3600
    again = settled(line().resume("r", store=store), Status.WAITING)
    assert again.approvals == [asked]
    clock.at = asked.deadline or 0.0
    settled_after(again)
    assert again.approvals[0].answer is not None
    assert again.approvals[0].answer.by == "deadline"


@both
def test_a_deadline_that_has_passed_while_no_process_had_the_run_answers_at_its_resume(line: Any, clock: Clock) -> None:
    store = MemoryStore()
    crash(settled(line().run(store=store, id="r"), Status.WAITING))
    clock.at += 1e6
    again = line().resume("r", store=store)
    settled_after(again)
    assert again.state["gate"] == "reject"


def test_an_answer_given_while_no_process_had_the_run_counts_though_the_deadline_has_passed(
    clock: Clock,
) -> None:
    store = MemoryStore()
    crash(settled(gate().run(store=store, id="r"), Status.WAITING))
    gate().watch("r", store=store).answer("gate", "approve")
    clock.at += 1e6
    again = gate().resume("r", store=store)
    settled_after(again)
    assert again.state["gate"] == "approve"


def test_a_fork_asks_with_a_deadline_of_its_own(clock: Clock) -> None:
    run = settled(gate().run(), Status.WAITING)
    clock.at += 3600
    fork = settled(run.fork(0), Status.WAITING)
    assert fork.approvals[0].deadline == clock.at + 86400
    run.cancel()
    fork.cancel()


def test_a_question_that_is_withdrawn_has_no_deadline_any_more(clock: Clock) -> None:
    store = MemoryStore()
    run = settled(gate().run(store=store, id="r"), Status.WAITING)
    run.cancel()
    until(lambda: store.run("r").owner is None)
    clock.at += 1e6
    time.sleep(0.03)
    assert [approval.answer for approval in store.approvals("r")] == [None]


def test_a_question_that_shows_something_else_has_its_time_anew(clock: Clock) -> None:
    line = made("START -> gate -> END")
    line.human("gate", "go on with {{ x }}?", timeout="24h=reject")
    run = settled(line.run(x=1), Status.WAITING)
    clock.at += 3600
    run.edit(x=2)
    assert run.approvals[-1].deadline == clock.at + 86400
    run.cancel()


def test_a_deadline_passes_in_each_item_of_a_map_by_itself(clock: Clock) -> None:
    async def gate(item: int, ctx: Any) -> dict[str, str]:
        return {"said": (await ctx.ask(f"{item}?", timeout="24h=reject" if item else "48h=approve")).option}

    each = made("START -> gate each items as item; gate -> END", gate)
    run = settled(each.run(items=[0, 1]), Status.WAITING)
    clock.at += 86400
    until(lambda: [approval.answer is not None for approval in run.approvals].count(True) == 1)
    until(lambda: run.status is Status.WAITING)
    clock.at += 86400
    settled_after(run)
    assert run.state["said"] == ["approve", "reject"]


def test_an_answer_by_the_deadline_survives_a_crash_before_its_step(clock: Clock) -> None:
    store = MemoryStore()
    run = settled(gate().run(store=store, id="r"), Status.WAITING)
    clock.at += 86400
    settled_after(run)
    for count in range(len(store.history("r").entries)):
        part = cut(store.history("r"), count)
        if part.run("r").status is Status.DONE or not part.approvals():
            continue
        again = gate().resume("r", store=part)
        settled_after(again)
        assert [approval.answer and approval.answer.by for approval in again.approvals] == ["deadline"]
