"""The memory store: runs, steps, and the first answer to a question."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from nbgraph.core.approvals import Answer, Approval
from nbgraph.core.ports import RunRecord, Step, Store
from nbgraph.errors import AlreadyAnswered, ApprovalError
from nbgraph.store.memory import MemoryStore


def store_with(*run_ids: str) -> Store:
    store = MemoryStore()
    for run_id in run_ids:
        store.create(RunRecord(run_id, "g", {}, 0.0))
    return store


def step(number: int) -> Step:
    return Step(number, f"a#{number}", "a", number, (), (("k", number),), (), (), 0.0)


def question(id: str, run_id: str = "r") -> Approval:
    return Approval(id, run_id, "gate", 1, "Go?", {}, ("approve",), {}, 0.0)


def answer(by: str = "me") -> Answer:
    return Answer("approve", "", {}, by, 0.0)


def test_steps_come_back_in_order_for_each_run() -> None:
    store = store_with("r", "s")
    for number in (1, 2):
        asyncio.run(store.append("r", step(number)))
    asyncio.run(store.append("s", step(9)))
    assert [kept.number for kept in store.steps("r")] == [1, 2]
    assert [kept.number for kept in store.steps("s")] == [9]


def test_steps_that_were_read_do_not_change() -> None:
    store = store_with("r")
    before = store.steps("r")
    asyncio.run(store.append("r", step(1)))
    assert before == []


def test_a_run_id_is_taken_once() -> None:
    with pytest.raises(ValueError, match="already holds a run 'r'"):
        store_with("r", "r")


def test_a_new_run_has_no_steps_and_no_questions() -> None:
    store = store_with("r")
    assert (store.steps("r"), store.approvals("r")) == ([], [])


def test_questions_come_back_in_the_order_of_asking_for_each_run() -> None:
    store = store_with("r", "s")
    for id, run_id in (("b", "r"), ("x", "s"), ("a", "r")):
        store.ask(question(id, run_id))
    assert [approval.id for approval in store.approvals("r")] == ["b", "a"]


def test_the_first_answer_is_kept() -> None:
    store = store_with("r")
    store.ask(question("a"))
    answered = store.answer("a", answer())
    assert answered.answer == answer()
    assert store.approvals("r") == [answered]


def test_a_second_answer_is_told_who_was_first_and_changes_nothing() -> None:
    store = store_with("r")
    store.ask(question("a"))
    store.answer("a", answer("first"))
    with pytest.raises(AlreadyAnswered, match="gate was already answered: 'approve' by first at"):
        store.answer("a", answer("second"))
    assert store.approvals("r")[0].answer == answer("first")


def test_an_answer_to_a_question_that_was_never_asked_is_refused() -> None:
    with pytest.raises(ApprovalError, match="there is no question 'a'"):
        store_with("r").answer("a", answer())


def test_of_many_threads_that_answer_one_wins() -> None:
    store, barrier, outcomes = store_with("r"), threading.Barrier(16), list[Any]()
    store.ask(question("a"))

    def work(number: int) -> None:
        barrier.wait(60)
        try:
            outcomes.append(store.answer("a", answer(str(number))).answer)
        except AlreadyAnswered:
            outcomes.append(None)

    threads = [threading.Thread(target=work, args=[number]) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert [outcome for outcome in outcomes if outcome] == [store.approvals("r")[0].answer]
