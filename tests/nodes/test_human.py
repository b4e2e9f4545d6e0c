"""Human nodes: the question, what it reads and writes, what its answer becomes."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from nbgraph.core.approvals import Answer
from nbgraph.core.context import Question
from nbgraph.core.signature import Read
from nbgraph.errors import DeclarationError
from nbgraph.library import Graph
from nbgraph.nodes.human import human_node
from nbgraph.typed_forms import read_form


class Person:
    """A context whose person answers as the test says."""

    def __init__(self, answer: Answer) -> None:
        self.answer, self.asked = answer, list[Any]()

    async def person(self, question: Question) -> Answer:
        self.asked, self.form = [question.text, question.show, question.options, question.edit], question.form
        return self.answer


def answered(node: Any, person: Person, **arguments: Any) -> Any:
    async def call() -> Any:
        return await node.body(arguments, person)

    return asyncio.run(call())


def test_a_human_node_reads_what_it_shows_and_edits() -> None:
    node = human_node("gate", "Publish {{ text }} of {{topic}} and {{ text }}?", show=["score", "text"], edit=["text"])
    assert node.reads == tuple(Read(key, True) for key in ("text", "topic", "score"))


def test_a_human_node_writes_option_note_and_edited_keys() -> None:
    node = human_node("gate", "Go?", edit=["text"])
    assert node.writes.keys == ("gate", "gate_note", "text")
    assert node.writes.certain
    assert node.writes.names == {"gate": ("approve", "reject")}
    assert (node.kind, node.code, node.body.blocking) == ("human", "Go?", False)


def test_the_person_is_asked_with_what_is_shown_and_what_can_be_edited() -> None:
    person = Person(Answer("approve", "fine", {}, "me", 0.0))
    node = human_node("gate", "Publish {{ text }}?", show=["topic"], options=["approve", "later"], edit=["text"])
    answered(node, person, text="a", topic="t")
    assert person.asked == ["Publish {{ text }}?", {"text": "a", "topic": "t"}, ("approve", "later"), {"text": "a"}]


def test_the_answer_is_the_update() -> None:
    person = Person(Answer("approve", "fine", {"text": "b"}, "me", 0.0))
    update = answered(human_node("gate", "Go?", edit=["text"]), person, text="a")
    assert update == {"text": "b", "gate": "approve", "gate_note": "fine"}


def test_a_form_is_asked_for_and_its_value_is_part_of_the_update() -> None:
    person, form = Person(Answer("later", "", {}, "me", 0.0, {"": "7"})), read_form(int)
    node = human_node("gate", "How many?", options=["approve", "later"], form=form)
    assert node.writes.keys == ("gate", "gate_note", "gate_form")
    assert answered(node, person) == {"gate": "later", "gate_note": "", "gate_form": 7}
    assert person.form is form


def test_a_reject_writes_none_for_the_form() -> None:
    node = human_node("gate", "How many?", form=read_form(int))
    update = answered(node, Person(Answer("reject", "", {}, "me", 0.0)))
    assert update == {"gate": "reject", "gate_note": "", "gate_form": None}


def test_a_form_is_declared_by_its_type() -> None:
    made = Graph("g")
    made.human("gate", "How many?", form=int)
    made.edges("START -> gate -> END")
    run = made.run()
    assert run.wait(60).approvals[0].form == read_form(int).fields
    run.answer("gate", "approve", form={"": 7})
    assert run.result()["gate_form"] == 7


def test_the_key_of_a_form_can_be_read_by_the_nodes_after_it() -> None:
    made = Graph("g")
    made.human("gate", "How many?", form=int, options=["answer"])
    made.node(lambda gate_form: {"twice": 2 * gate_form}, name="double")
    made.edges("START -> gate -> double -> END")
    assert made.check() == []
    assert made.run(answers={"gate": {"answer": "answer", "form": {"": 7}}}).result()["twice"] == 14


def test_a_form_that_nobody_can_be_asked_for_is_refused_and_declares_nothing() -> None:
    made = Graph("g")
    with pytest.raises(DeclarationError, match="nobody can be asked for 'int': it is no type"):
        made.human("gate", "How many?", form="int")
    assert "gate" not in made.nodes


@pytest.mark.parametrize("question", ["", "  \n"])
def test_an_empty_question_is_refused(question: str) -> None:
    with pytest.raises(DeclarationError, match="gate asks nothing; write the question"):
        human_node("gate", question)


@pytest.mark.parametrize("options", [(), ("a", "a"), ("a", " ")])
def test_options_must_be_different_and_have_names(options: Any) -> None:
    with pytest.raises(DeclarationError, match="gate needs different options"):
        human_node("gate", "Go?", options=options)


@pytest.mark.parametrize("name", ["END", "step", "a b"])
def test_reserved_or_impossible_names_are_refused(name: str) -> None:
    for declare in (lambda: human_node(name, "Go?"), lambda: human_node("g", "Go?", show=[name])):
        with pytest.raises(DeclarationError, match="cannot name"):
            declare()


@pytest.mark.parametrize("name", ["error", "END", "ctx"])
def test_a_placeholder_that_can_be_no_key_is_refused(name: str) -> None:
    with pytest.raises(DeclarationError, match="cannot name a key"):
        human_node("gate", f"Is {{{{ {name} }}}} good?")


def test_names_are_spelt_as_python_spells_them() -> None:
    node = human_node("ﬁt", "Go?", show=["ﬁsh"])
    assert (node.name, node.writes.keys, node.reads[0].key) == ("fit", ("fit", "fit_note"), "fish")


def test_a_text_given_for_a_list_of_keys_is_one_key() -> None:
    assert human_node("gate", "Go?", show="text", edit="tone").reads == (Read("text", True), Read("tone", True))


def test_an_edited_key_that_the_answer_writes_itself_is_refused() -> None:
    for key in ("gate", "gate_note", "gate_form"):
        with pytest.raises(DeclarationError, match=key):
            human_node("gate", "Go?", edit=[key])


def test_single_braces_are_text() -> None:
    assert human_node("gate", "{ a } and }}?").reads == ()


@pytest.mark.parametrize("question", ["{{ a.b }}?", "{{ }}?", "{{ to", "{{ 1a }}", "{{ a b }}"])
def test_a_placeholder_that_is_no_key_is_refused(question: str) -> None:
    with pytest.raises(DeclarationError, match=r"write {{ topic }}"):
        human_node("gate", question)


def test_a_timeout_says_how_long_and_what_is_the_answer_then() -> None:
    node = human_node("gate", "Go?", timeout="24h=reject")
    assert (node.body.timeout, node.body.otherwise) == (86400, "reject")
    assert node.marks == ("until 24h, then reject",)
    assert human_node("gate", "Go?").marks == ()


def test_the_option_of_a_timeout_is_one_of_the_questions() -> None:
    assert human_node("gate", "Go?", options=["send it", "hold"], timeout="30m=send it").body.otherwise == "send it"
    with pytest.raises(
        DeclarationError, match="gate: at the deadline the answer is one of send it, hold, not 'reject'"
    ):
        human_node("gate", "Go?", options=["send it", "hold"], timeout="30m=reject")


def test_a_form_that_must_be_filled_in_can_only_be_rejected_at_the_deadline() -> None:
    assert human_node("gate", "How many?", form=read_form(int), timeout="1h=reject").body.otherwise == "reject"
    with pytest.raises(DeclarationError, match="gate asks for an entry, which nobody has entered at the deadline"):
        human_node("gate", "How many?", form=read_form(int), timeout="1h=approve")


def test_what_nobody_answers_in_time_is_answered_by_the_deadline() -> None:
    made = Graph("g")
    made.human("gate", "Go?", timeout="0.01s=reject")
    made.node(lambda gate: {"then": gate}, name="tell")
    made.edges("START -> gate -> tell -> END")
    run, until = made.run(), time.monotonic() + 60
    while run.wait(60).status == "waiting" and time.monotonic() < until:
        time.sleep(0.005)
    assert run.result()["then"] == "reject"
    assert [asked.answer.by for asked in run.approvals if asked.answer] == ["deadline"]
