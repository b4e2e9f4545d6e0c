"""A question is answered once, by whoever is first, and survives everything."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from nbgraph.core.approvals import Approval
from nbgraph.core.ports import Store
from nbgraph.core.records import Asked, Withdrawn
from nbgraph.errors import AlreadyAnswered, ApprovalError
from nbgraph.store.transfer import copy
from tests.stores.writing import (
    SOON,
    WHOLE_QUESTION,
    WHOLE_RUN,
    answer,
    ask,
    exact,
    let_go,
    made,
    note,
    question,
    read,
    record,
    step,
    until,
    write,
)

Again = Callable[[Store], Store]


def test_a_question_comes_back_as_it_was_asked(store: Store, reopened: Again) -> None:
    asked = replace(WHOLE_QUESTION, answer=None)
    ask(store.create(WHOLE_RUN), asked)
    assert exact(reopened(store).approvals()) == exact([asked])


def test_a_question_comes_back_with_its_answer(store: Store, reopened: Again) -> None:
    given = WHOLE_QUESTION.answer
    assert given is not None
    ask(store.create(WHOLE_RUN), replace(WHOLE_QUESTION, answer=None))
    assert exact(reopened(store).answer(WHOLE_QUESTION.id, given)) == exact(WHOLE_QUESTION)
    assert exact(reopened(store).approvals()) == exact([WHOLE_QUESTION])


def test_that_it_was_asked_is_in_the_log(store: Store, reopened: Again) -> None:
    log = store.create(record())
    ask(log, question())
    write(log, step(1))
    assert read(reopened(store)) == [Asked("r/gate#1", 3.5), step(1)]


def test_questions_come_in_the_order_of_asking_for_each_run(store: Store, reopened: Again) -> None:
    logs = {run_id: store.create(record(run_id)) for run_id in ("r", "s")}
    for id, run_id, at in (("r/b", "r", 9.0), ("s/x", "s", 1.0), ("r/a", "r", 5.0)):
        ask(logs[run_id], replace(question(id, run_id), asked_at=at))
    again = reopened(store)
    assert [approval.id for approval in again.approvals("r")] == ["r/b", "r/a"]
    assert [approval.id for approval in again.approvals()] == ["r/b", "s/x", "r/a"]
    assert [approval.id for approval in again.history("r").approvals] == ["r/b", "r/a"]
    assert again.approvals("nowhere") == []


def test_the_first_answer_is_kept(store: Store, reopened: Again) -> None:
    ask(store.create(record()), question())
    answered = store.answer("r/gate#1", answer(draft="Dear you"))
    assert answered == replace(question(), answer=answer(draft="Dear you"))
    assert reopened(store).approvals("r") == [answered]
    assert reopened(store).approvals(open_only=True) == []


def test_a_second_answer_is_told_who_was_first_and_changes_nothing(store: Store, reopened: Again) -> None:
    ask(store.create(record()), question())
    store.answer("r/gate#1", answer("first"))
    for again in (store, reopened(store)):
        with pytest.raises(AlreadyAnswered, match="gate was already answered: 'approve' by first at"):
            again.answer("r/gate#1", answer("second"))
    assert reopened(store).approvals("r")[0].answer == answer("first")


def test_an_answer_to_a_question_that_was_never_asked_is_refused(store: Store) -> None:
    store.create(record())
    with pytest.raises(ApprovalError, match="no question 'r/gate#1'") as refused:
        store.answer("r/gate#1", answer())
    assert not isinstance(refused.value, AlreadyAnswered)


def test_a_question_that_is_withdrawn_takes_no_answer(store: Store, reopened: Again) -> None:
    log = store.create(record())
    ask(log, question())
    note(log, Withdrawn("r/gate#1", 5.0))
    write(log, step(1))
    again = reopened(store)
    with pytest.raises(ApprovalError, match="gate asks this no more") as refused:
        again.answer("r/gate#1", answer())
    assert not isinstance(refused.value, AlreadyAnswered)
    assert again.approvals(open_only=True) == []
    assert again.approvals() == [question()]


def test_a_question_that_was_answered_and_then_withdrawn_tells_who_answered(store: Store, reopened: Again) -> None:
    log = store.create(record())
    ask(log, question())
    store.answer("r/gate#1", answer("first"))
    write(log, Withdrawn("r/gate#1", 5.0))
    with pytest.raises(AlreadyAnswered, match="by first"):
        reopened(store).answer("r/gate#1", answer("second"))


def test_a_question_asked_anew_takes_the_place_of_the_one_before(store: Store, reopened: Again) -> None:
    log = store.create(record())
    ask(log, question(), question(shown="Dear you", digest="d2"))
    assert reopened(store).approvals() == [question(shown="Dear you", digest="d2")]
    assert [type(entry) for entry in read(reopened(store))] == [Asked, Asked]


def test_a_question_asked_anew_is_the_latest_one(store: Store, reopened: Again) -> None:
    log = store.create(record())
    ask(log, question("r/gate#1"), question("r/gate#2"), replace(question("r/gate#1"), asked_at=9.5))
    assert [(each.id, each.asked_at) for each in reopened(store).approvals()] == [("r/gate#2", 3.5), ("r/gate#1", 9.5)]
    assert reopened(store).history("r").approvals == tuple(reopened(store).approvals("r"))


def test_a_question_asked_anew_with_something_else_is_open_though_it_was_answered(
    store: Store, reopened: Again
) -> None:
    log = store.create(record())
    ask(log, question())
    store.answer("r/gate#1", answer("first"))
    ask(log, question(shown="Dear you", digest="d2"))
    assert reopened(store).answer("r/gate#1", answer("second")).answer == answer("second")


def test_a_question_asked_anew_is_open_though_it_was_withdrawn(store: Store, reopened: Again) -> None:
    log = store.create(record())
    ask(log, question())
    write(log, Withdrawn("r/gate#1", 5.0))
    ask(log, question())
    assert reopened(store).approvals(open_only=True) == [question()]
    assert reopened(store).answer("r/gate#1", answer()).answer == answer()


def test_just_the_same_question_asked_anew_keeps_its_answer_and_tells_it(store: Store, reopened: Again) -> None:
    log, told = store.create(record()), list[Approval]()
    ask(log, question())
    let_go(store, log)
    answered = store.answer("r/gate#1", answer("meanwhile"))
    log = store.open("r")
    log.answered = told.append
    ask(log, question())
    until(lambda: told)
    assert told[0] == answered
    assert reopened(store).approvals() == [answered]


def test_an_answer_given_elsewhere_reaches_the_log(store: Store, reopened: Again) -> None:
    log, told = store.create(record()), list[Approval]()
    log.answered = told.append
    ask(log, question())
    answered = reopened(store).answer("r/gate#1", answer("another"))
    until(lambda: told)
    assert told == [answered]
    log.close()


def test_a_question_is_answered_while_nobody_has_its_run(store: Store, reopened: Again) -> None:
    log = store.create(record())
    ask(log, question())
    let_go(store, log)
    reopened(store).answer("r/gate#1", answer())
    assert reopened(store).history("r").approvals == (replace(question(), answer=answer()),)


def test_questions_that_were_withdrawn_stay_so_in_a_copy(store: Store, reopened: Again) -> None:
    log = store.create(record())
    ask(log, question("r/gate#1"), question("r/gate#2"))
    write(log, Withdrawn("r/gate#1", 5.0))
    copy(store, "r", "s")
    assert [approval.id for approval in reopened(store).approvals("s", open_only=True)] == ["s/gate#2"]


def test_answers_that_are_copied_stay(store: Store, reopened: Again) -> None:
    made(store, record(), [], [replace(question(), answer=answer("first"))])
    with pytest.raises(AlreadyAnswered, match="by first"):
        reopened(store).answer("r/gate#1", answer("second"))


def test_of_many_threads_that_answer_one_wins(store: Store, reopened: Again) -> None:
    ask(store.create(record()), question())
    stores, barrier, outcomes = [store, reopened(store)], threading.Barrier(20), list[Any]()

    def work(number: int) -> None:
        barrier.wait(SOON)
        try:
            outcomes.append(stores[number % 2].answer("r/gate#1", answer(str(number))).answer)
        except AlreadyAnswered as error:
            outcomes.append(error)

    threads = [threading.Thread(target=work, args=[number]) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    kept = reopened(store).approvals("r")[0].answer
    assert kept is not None
    assert [each for each in outcomes if not isinstance(each, AlreadyAnswered)] == [kept]
    assert len(outcomes) == 20
    assert all(f"by {kept.by} at" in str(each) for each in outcomes if isinstance(each, AlreadyAnswered))
