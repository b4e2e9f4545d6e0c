"""Holdings: which nodes may have written a key last, and what they may have written."""

from __future__ import annotations

from typing import Literal

from nbgraph.core.graph import START
from nbgraph.core.holdings import held, last_writers, written_type
from nbgraph.core.signature import Outcomes
from nbgraph.core.survey import Survey
from nbgraph.core.type_agreement import UNKNOWN
from nbgraph.library import Graph
from tests.core.declared import graph, returning, state

WRITE = {"a": "{'k': 'x'}", "b": "{'k': 'y'}", "s": "{'c': 1}"}


def before(text: str, node: str = "r", *, after: bool = False) -> list[str]:
    return last_writers(Survey(graph(text, write=WRITE)), "k", node, after=after)


def test_the_last_of_two_in_a_row() -> None:
    assert before("START -> a -> b -> r -> END") == ["b"]


def test_a_node_is_the_last_after_itself() -> None:
    assert before("START -> a -> b -> END", "b", after=True) == ["b"]
    assert before("START -> a -> b -> END", "b") == ["a"]


def test_both_of_a_choice() -> None:
    assert before("START -> s; s -> a if c; s -> b else; a, b -> r -> END") == ["a", "b"]


def test_start_stands_for_what_was_given_before() -> None:
    assert before("START -> s; s -> a if c; s -> r else; a -> r -> END") == [START, "a"]
    assert before("START -> r -> a -> END") == [START]


def test_one_that_comes_round_a_loop() -> None:
    assert before("START -> r -> a; a -> r if c; a -> END else") == [START, "a"]


def test_one_that_failed_wrote_nothing() -> None:
    assert before("START -> a -> b -> END; b -> r on error; r -> END") == ["a"]


def test_a_branch_that_surely_wrote_later_counts_alone() -> None:
    assert before("START -> a -> r; a -> b -> r -> END") == ["b"]
    assert before("START -> a -> r; a -> p; p -> b if c; p -> r else; b -> r -> END") == ["a", "b"]


def test_in_each_round_of_a_loop_too() -> None:
    assert before("START -> a -> r; a -> b -> r; r -> a if c max 2; r -> END else") == ["b"]


def test_a_node_that_may_write_anything_may_have_been_the_last() -> None:
    made = graph("START -> a -> p -> r -> END", write=WRITE)
    made.node(returning("def p():\n    return anything()\n", "p"))
    assert last_writers(Survey(made), "k", "r", after=False) == ["a", "p"]
    assert last_writers(Survey(made), "k", "p", after=True) == ["a", "p"]


def test_of_a_node_that_start_does_not_lead_to_nothing_is_known() -> None:
    assert before("START -> a -> END; b -> r -> END") == [START]


def test_what_each_of_them_may_have_written() -> None:
    made = graph("START -> s; s -> a if c; s -> b else; a, b -> r -> END", write=WRITE, gives={"b": Literal["y", "z"]})
    made.node(returning("def b() -> L:\n    return pick()\n", "b", L=Literal["y", "z"]), writes="k")
    found = dict(held(Survey(made), "k", "r", lists=False))
    assert found == {"a": Outcomes(("x",), whole=False), "b": Outcomes(("y", "z"), whole=True)}


def test_the_state_says_what_an_input_may_be() -> None:
    made = state(graph("START -> r -> END"), {"k": Literal["x"]})
    assert dict(held(Survey(made), "k", "r", lists=False)) == {START: Outcomes(("x",), whole=True)}


def test_a_person_writes_strings() -> None:
    made = Graph("g")
    made.human("gate", "Go? {{ text }}", edit=["text"])
    made.edges("START -> gate -> END")
    types = [written_type(Survey(made), "gate", key) for key in ("gate", "gate_note", "text")]
    assert types == [str, str, UNKNOWN]
    assert dict(held(Survey(made), "gate", "gate", lists=False)) == {"gate": Outcomes(("approve", "reject"), True)}
