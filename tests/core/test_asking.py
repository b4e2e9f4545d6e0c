"""Asking: questions inside nodes, once or many times, in loops and in maps; and that the body of a node runs once."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from nbgraph.core.approvals import Answer, Approval
from nbgraph.core.events import Status
from nbgraph.core.run import Run
from nbgraph.errors import AlreadyAnswered, ApprovalError, DeclarationError
from nbgraph.library import Graph
from tests.core.running import (
    Gate,
    graph,
    quiet_engine,  # noqa: F401
    reached,
    settled,
)

ASK = "START -> ask -> END"
EACH = "START -> ask each items as item; ask -> END"


@dataclass
class Verdict:
    score: int
    tone: Literal["formal", "casual"] = "formal"
    urgent: bool = False


class Body:
    """The body of a node `ask`, async or blocking: `questions` yields what it asks and returns what it got."""

    def __init__(self, blocking: bool, questions: Callable[[Any], Any]) -> None:
        self.calls, self.ended = 0, threading.Event()

        def blocks(ctx: Any) -> Any:
            self.calls += 1
            asked, answer = questions(ctx), None
            try:
                while True:
                    answer = asked.send(answer)
            except StopIteration as end:
                return {"got": end.value}
            finally:
                self.ended.set()

        async def waits(ctx: Any) -> Any:
            self.calls += 1
            asked, answer = questions(ctx), None
            try:
                while True:
                    answer = await asked.send(answer)
            except StopIteration as end:
                return {"got": end.value}
            finally:
                self.ended.set()

        self.node = blocks if blocking else waits
        self.node.__name__ = "ask"


both = pytest.mark.parametrize("blocking", [False, True], ids=["async", "blocking"])


def open_questions(run: Run) -> list[Approval]:
    return [approval for approval in run.approvals if approval.answer is None]


def settle(run: Run, **form: Any) -> Run:
    """Answer the one open question by its id, and wait for what comes next."""
    (asked,) = open_questions(run)
    run.answer(asked.id, asked.options[0], form=form or None)
    return run.wait(60)


def one_value(entry: Any) -> dict[str, Any]:
    return {"": entry}


# -- one question ------------------------------------------------------------------------------------------------------


@both
def test_a_node_asks_and_gets_the_answer_while_its_body_runs_once(blocking: bool) -> None:
    def questions(ctx: Any) -> Any:
        return (
            yield ctx.ask("Is {{ text }} good?", show={"text": "this"}, edit={"text": "this"}, options=["yes", "no"])
        )

    body = Body(blocking, questions)
    run = settled(graph(ASK, body.node).run(id="r"), Status.WAITING)
    (asked,) = run.approvals
    assert (asked.id, asked.node, asked.visit, asked.options) == ("r/ask#1", "ask", 1, ("yes", "no"))
    assert (asked.question, asked.shown, asked.editable) == ("Is {{ text }} good?", {"text": "this"}, {"text": "this"})
    run.answer("ask", "no", "not yet", {"text": "that"})
    got = settled(run, Status.DONE).state["got"]
    assert isinstance(got, Answer)
    assert (got.option, got.note, got.edit, body.calls) == ("no", "not yet", {"text": "that"}, 1)


@both
def test_without_options_a_person_can_approve_and_reject(blocking: bool) -> None:
    def questions(ctx: Any) -> Any:
        return (yield ctx.ask("Go?")).option

    run = settled(graph(ASK, Body(blocking, questions).node).run(), Status.WAITING)
    assert run.approvals[0].options == ("approve", "reject")
    run.answer("ask", "reject")
    assert settled(run, Status.DONE).state["got"] == "reject"


@both
def test_a_form_gives_a_value_of_its_type(blocking: bool) -> None:
    def questions(ctx: Any) -> Any:
        return (yield ctx.ask("How is it?", form=Verdict))

    run = settled(graph(ASK, Body(blocking, questions).node).run(), Status.WAITING)
    assert [field.name for field in run.approvals[0].form] == ["score", "tone", "urgent"]
    assert run.approvals[0].options == ("answer",)
    run.answer("ask", "answer", form={"score": "7", "urgent": True})
    assert settled(run, Status.DONE).state["got"] == Verdict(7, "formal", True)
    assert run.approvals[0].answer is not None
    assert run.approvals[0].answer.form == {"score": "7", "tone": "formal", "urgent": True}


def test_entries_that_do_not_fit_leave_the_question_open_and_say_which() -> None:
    async def ask(ctx: Any) -> Any:
        return {"got": await ctx.ask("How is it?", form=Verdict)}

    run = settled(graph(ASK, ask).run(), Status.WAITING)
    for form, told in [
        ({"score": "x", "tone": "rude"}, r"score should be a whole number, not 'x'. tone should be one of formal"),
        ({"tone": "formal"}, "ask asks for score, which was not given"),
        ({"score": 1, "tonne": "formal"}, r"ask asks for no entry 'tonne'; did you mean 'tone'\?"),
    ]:
        with pytest.raises(ApprovalError, match=told):
            run.answer("ask", "answer", form=form)
    assert (run.status, run.approvals[0].answer) == (Status.WAITING, None)
    run.answer("ask", "answer", form={"score": 1})
    assert settled(run, Status.DONE).state["got"] == Verdict(1)


def test_a_type_that_nobody_can_be_asked_for_fails_the_node_before_anybody_is_asked() -> None:
    async def ask(ctx: Any) -> None:
        await ctx.ask("Which?", form=object())

    run = settled(graph(ASK, ask).run(), Status.FAILED)
    with pytest.raises(DeclarationError, match="nobody can be asked for <object"):
        run.result()
    assert run.approvals == []


def test_a_question_with_another_form_is_another_question() -> None:
    async def ask(ctx: Any, other: bool) -> None:
        await ctx.ask("How many?", form=int if other else float)

    made = graph(ASK, ask)
    digests = {settled(made.run(other=other), Status.WAITING).approvals[0].digest for other in (True, False, True)}
    assert len(digests) == 2


# -- several questions -------------------------------------------------------------------------------------------------


@both
def test_several_questions_of_one_node_are_asked_one_after_the_other(blocking: bool) -> None:
    def questions(ctx: Any) -> Any:
        first = yield ctx.ask("How many?", form=int)
        second = yield ctx.ask("Of what?", form=str)
        third = yield ctx.ask("Sure?")
        return [first, second, third.option]

    body = Body(blocking, questions)
    run = settled(graph(ASK, body.node).run(id="r"), Status.WAITING)
    for form in (one_value(3), one_value("bees"), {}):
        settle(run, **form)
    assert settled(run, Status.DONE).state["got"] == [3, "bees", "approve"]
    assert [asked.id for asked in run.approvals] == ["r/ask#1", "r/ask#1/ask2", "r/ask#1/ask3"]
    assert body.calls == 1


@both
def test_a_node_asks_again_until_the_answer_is_right(blocking: bool) -> None:
    def questions(ctx: Any) -> Any:
        given: list[int] = []
        while not given or given[-1] <= 10:
            given.append((yield ctx.ask("More than ten, please", form=int, show={"given": list(given)})))
        return given

    body = Body(blocking, questions)
    run = settled(graph(ASK, body.node).run(), Status.WAITING)
    for number in (1, 5, 11):
        settle(run, **one_value(number))
    assert settled(run, Status.DONE).state["got"] == [1, 5, 11]
    assert [asked.shown for asked in run.approvals] == [{"given": []}, {"given": [1]}, {"given": [1, 5]}]
    assert body.calls == 1


def test_an_async_node_asks_several_questions_at_once() -> None:
    async def ask(ctx: Any) -> Any:
        return {"got": await asyncio.gather(*(ctx.ask(f"Number {number}?", form=int) for number in range(3)))}

    run = settled(graph(ASK, ask).run(), Status.WAITING)
    assert len(open_questions(run)) == 3
    with pytest.raises(ApprovalError, match="ask asks 3 questions; answer one by its id"):
        run.answer("ask", "answer", form=one_value(1))
    for asked in reversed(open_questions(run)):
        run.answer(asked.id, "answer", form=one_value(int(asked.question[7])))
    assert settled(run, Status.DONE).state["got"] == [0, 1, 2]


def test_a_node_in_a_loop_asks_anew_in_each_visit() -> None:
    async def ask(ctx: Any) -> Any:
        return {"n": await ctx.ask("How many?", form=int)}

    made = graph("START -> ask; ask -> ask if n < 3; ask -> END else", ask)
    run = settled(made.run(id="r"), Status.WAITING)
    settle(run, **one_value(1))
    settle(run, **one_value(3))
    assert settled(run, Status.DONE).state == {"n": 3}
    assert [asked.id for asked in run.approvals] == ["r/ask#1", "r/ask#2"]


# -- items of a map ----------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("parallel", [None, 1])
def test_every_item_of_a_map_asks_for_itself_whatever_may_be_called_at_once(
    blocking: bool, parallel: int | None
) -> None:
    calls: list[int] = []

    def asks(ctx: Any, item: str) -> Any:
        calls.append(ctx.item)
        return {"got": ctx.ask("How good is {{ it }}?", show={"it": item}, form=int)}

    async def awaits(ctx: Any, item: str) -> Any:
        calls.append(ctx.item)
        return {"got": await ctx.ask("How good is {{ it }}?", show={"it": item}, form=int)}

    made = Graph("g")
    made.node(asks if blocking else awaits, name="ask", parallel=parallel)
    made.edges(EACH)
    run = settled(made.run(items=["a", "bb", "ccc"], id="r"), Status.WAITING)
    assert {asked.id for asked in open_questions(run)} == {f"r/ask#1[{index}]" for index in range(3)}
    for asked in sorted(open_questions(run), key=lambda asked: asked.id, reverse=True):
        run.answer(asked.id, "answer", form=one_value(len(asked.shown["it"])))
    assert settled(run, Status.DONE).state["got"] == [1, 2, 3]
    assert sorted(calls) == [0, 1, 2]


def test_items_that_ask_several_times_keep_their_answers_apart() -> None:
    async def ask(ctx: Any, item: str) -> Any:
        first = await ctx.ask(f"first of {item}", form=str)
        return {"got": [first, await ctx.ask(f"second of {item}", form=str)]}

    run = settled(graph(EACH, ask).run(items=["a", "b"], id="r"), Status.WAITING)
    for id in ("r/ask#1[1]", "r/ask#1[0]"):
        run.answer(id, "answer", form=one_value(id[-2] + "1"))
    settled(run, Status.WAITING)
    for id in ("r/ask#1[0]/ask2", "r/ask#1[1]/ask2"):
        run.answer(id, "answer", form=one_value(id[-7] + "2"))
    assert settled(run, Status.DONE).state["got"] == [["01", "02"], ["11", "12"]]


def test_an_answered_item_goes_on_while_others_still_wait() -> None:
    ended: list[int] = []

    async def ask(ctx: Any, item: str) -> Any:
        await ctx.ask("Go?")
        ended.append(ctx.item)

    run = settled(graph(EACH, ask).run(items=["a", "b"], id="r"), Status.WAITING)
    run.answer("r/ask#1[1]", "approve")
    settled(run, Status.WAITING)
    assert ended == [1]
    run.answer("r/ask#1[0]", "approve")
    settled(run, Status.DONE)


# -- what goes on meanwhile --------------------------------------------------------------------------------------------


@both
def test_other_branches_go_on_while_a_node_asks(blocking: bool) -> None:
    def questions(ctx: Any) -> Any:
        return (yield ctx.ask("Go?")).option

    made = graph(f"{ASK}; START -> free -> END", Body(blocking, questions).node)
    made.node(lambda: {"x": 1}, name="free")
    run = settled(made.run(parallel=1), Status.WAITING)
    assert run.state["x"] == 1
    settle(run)
    settled(run, Status.DONE)


@pytest.mark.slow
@both
def test_no_time_runs_out_while_a_person_is_awaited(blocking: bool) -> None:
    def questions(ctx: Any) -> Any:
        return (yield ctx.ask("Go?")).option

    made = Graph("g")
    made.node(Body(blocking, questions).node, timeout=0.5)
    made.edges(ASK)
    run = settled(made.run(), Status.WAITING)
    time.sleep(0.8)
    settle(run)
    assert settled(run, Status.DONE).state["got"] == "approve"


@both
def test_a_cancelled_run_asks_no_more_and_ends_the_node(blocking: bool) -> None:
    def questions(ctx: Any) -> Any:
        yield ctx.ask("Go?")

    body = Body(blocking, questions)
    run = settled(graph(ASK, body.node).run(), Status.WAITING)
    run.cancel()
    reached(body.ended)
    with pytest.raises(ApprovalError, match="cancelled"):
        run.answer("ask", "approve")


# -- a task that runs again --------------------------------------------------------------------------------------------


def test_a_node_that_is_tried_again_is_given_the_answer_of_before() -> None:
    attempts: list[int] = []

    async def ask(ctx: Any) -> Any:
        number = await ctx.ask("How many?", form=int)
        attempts.append(number)
        if len(attempts) < 3:
            raise RuntimeError("not yet")
        return {"got": number}

    made = Graph("g")
    made.node(ask, retry=3, backoff=0)
    made.edges(ASK)
    run = settled(made.run(), Status.WAITING)
    settle(run, **one_value(7))
    assert settled(run, Status.DONE).state["got"] == 7
    assert (attempts, len(run.approvals)) == ([7, 7, 7], 1)


@both
def test_a_failed_node_that_runs_again_at_resume_is_given_the_answers_of_before(blocking: bool) -> None:
    fails = [True]

    def questions(ctx: Any) -> Any:
        first = yield ctx.ask("How many?", form=int)
        if fails.pop() if fails else False:
            raise RuntimeError("not yet")
        return [first, (yield ctx.ask("Of what?", form=str))]

    run = settled(graph(ASK, Body(blocking, questions).node).run(), Status.WAITING)
    settle(run, **one_value(7))
    settled(run, Status.FAILED).resume()
    settle(settled(run, Status.WAITING), **one_value("bees"))
    assert settled(run, Status.DONE).state["got"] == [7, "bees"]
    assert len(run.approvals) == 2


def test_a_question_that_changed_is_asked_anew() -> None:
    words = ["How many?"]

    async def ask(ctx: Any) -> Any:
        number = await ctx.ask(words[0], form=int)
        if words[0] == "How many?":
            raise RuntimeError("not yet")
        return {"got": number}

    run = settled(graph(ASK, ask).run(id="r"), Status.WAITING)
    settle(run, **one_value(1))
    words[0] = "How many bees?"
    settled(run, Status.FAILED).resume()
    settle(settled(run, Status.WAITING), **one_value(2))
    assert settled(run, Status.DONE).state["got"] == 2
    assert [asked.id for asked in run.approvals] == ["r/ask#1", "r/ask#1/ask2"]


# -- who answers -------------------------------------------------------------------------------------------------------


def test_a_second_answer_to_a_question_inside_a_node_is_told_who_was_first() -> None:
    later = Gate("later")

    async def ask(ctx: Any) -> Any:
        return {"got": await ctx.ask("How many?", form=int)}

    run = settled(graph("START -> ask -> later -> END", ask, later.node).run(), Status.WAITING)
    run.answer("ask", "answer", form=one_value(1))
    reached(later.begun)
    with pytest.raises(AlreadyAnswered, match="ask was already answered: 'answer' by"):
        run.answer("ask", "answer", form=one_value(2))
    later.let.set()
    assert settled(run, Status.DONE).state["got"] == 1


def test_answers_given_beforehand_fill_forms_in_nodes_and_at_gates(tmp_path: Path) -> None:
    async def ask(ctx: Any) -> Any:
        return {"got": [await ctx.ask("How many?", form=int), await ctx.ask("How is it?", form=Verdict)]}

    made = graph("START -> ask -> gate -> END", ask)
    made.human("gate", "Go?", form=Verdict)
    path = tmp_path / "answers.json"
    entries = [{"answer": "answer", "form": {"": 3}}, {"answer": "answer", "form": {"score": 7}}]
    path.write_text(json.dumps({"ask": entries, "gate": [{"answer": "approve", "form": {"score": 8}}]}))
    state = settled(made.run(answers=path), Status.DONE).state
    assert (state["got"], state["gate_form"]) == ([3, Verdict(7)], Verdict(8))


def test_answers_given_beforehand_that_do_not_fit_the_form_leave_the_question_open() -> None:
    made = Graph("g")
    made.human("gate", "Go?", form=Verdict)
    made.edges("START -> gate -> END")
    answers = {"gate": [{"answer": "approve", "form": {"score": "x"}}]}
    run = settled(made.run(answers=answers), Status.WAITING)
    assert run.notices == ["an answer given beforehand was not used: score should be a whole number, not 'x'."]
    run.answer("gate", "approve", form={"score": 1})
    assert settled(run, Status.DONE).state["gate_form"] == Verdict(1)
