"""Choice checks: names that lead nowhere, targets that nothing chooses, comparisons that are never true."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

import pytest

from nbgraph.core.state import append, last
from nbgraph.library import Graph
from tests.core.declared import codes, graph, only, returning, state

A_OR_B = Literal["a", "b"]


class Choice(TypedDict):
    next: Literal["a", "c"]


def choosing(text: str = "s -> a, b by next", **more: Any) -> Graph:
    return graph(f"START -> s; {text}; a, b -> END", **more)


def test_nbg108_an_outcome_of_by_without_an_edge() -> None:
    made = graph("START -> a; a -> publish by next; publish -> END", write={"a": "{'next': 'publsh'}"})
    problem = only(made, "NBG108")
    assert problem.text == "a can choose 'publsh', and by next leads only to publish"
    assert problem.remedy.endswith("did you mean 'publish'")


def test_nbg117_by_a_function_that_is_not_there() -> None:
    made = graph("START -> a -> END by route()")
    problem = only(made, "NBG117")
    assert (problem.severity, problem.text) == ("todo", "by route() calls a function that is not there")


def test_a_by_function_that_names_no_keys_is_told_and_does_not_raise() -> None:
    made = graph("START -> a -> END by route()")
    made.lookup = {"route": lambda *names: "END"}.get
    assert any("route" in str(problem) for problem in made.check())


@pytest.mark.parametrize(
    ("gives", "key"),
    [
        (Literal["a", "b", "c"], "s"),
        (list[Literal["b", "c"]], "s"),
        (Literal["a", "c"] | None, "s"),
        (Choice, "next"),
    ],
    ids=["literal", "list", "optional", "typed dict"],
)
def test_nbg108_an_outcome_of_a_literal_without_an_edge(gives: Any, key: str) -> None:
    problem = only(choosing(f"s -> a, b by {key}", gives={"s": gives}, write={"s": "pick()"}), "NBG108")
    assert problem.text == f"s can choose 'c', and by {key} leads only to a, b"


def test_nbg108_an_outcome_that_the_state_allows() -> None:
    made = choosing(write={"s": "{'next': pick()}"})
    assert codes(made) == []
    assert only(state(made, {"next": Literal["a", "b", "c"]}), "NBG108").text.startswith("s can choose 'c'")


def test_nbg108_a_constant_in_a_list_or_on_one_side_of_an_if() -> None:
    made = choosing(write={"s": "{'next': ['a', 'x'] if y else 'b'}"})
    assert only(made, "NBG108").text == "s can choose 'x', and by next leads only to a, b"


def test_nbg108_a_name_that_another_node_wrote_before() -> None:
    made = graph("START -> s -> log; log -> a, b by next; a, b -> END", write={"s": "{'next': 'x'}", "log": "{'n': 1}"})
    assert only(made, "NBG108").text == "s can choose 'x', and by next leads only to a, b"


def test_nbg108_what_a_function_gives_back() -> None:
    made = choosing("s -> a, b by route()")
    made.lookup = {"route": returning("def route():\n    return 'a' if x else 'x'\n", "route")}.get
    problem = only(made, "NBG108")
    assert problem.text == "route() can choose 'x', and by route() leads only to a, b"


def test_nbg108_what_a_function_is_annotated_with() -> None:
    made = choosing("s -> a, b by route()")
    made.lookup = {"route": returning("def route() -> G:\n    return pick()\n", "route", G=Literal["a", "c"])}.get
    assert [problem.code for problem in made.check()] == ["NBG108", "NBG122"]


def test_nbg108_not_of_a_key_that_a_reducer_folds() -> None:
    made = choosing(write={"s": "{'next': 'x'}"})
    made.state(type("S", (), {"__annotations__": {"next": list}}))
    made.schema = made.schema._replace(reducers={"next": append})
    assert codes(made) == []
    made.schema = made.schema._replace(reducers={"next": last})
    assert "NBG108" in codes(made)


def test_nbg117_a_function_cannot_read_an_error() -> None:
    made = choosing("s -> a, b by route()")
    made.lookup = {"route": lambda error: "a"}.get
    problem = only(made, "NBG117")
    assert (problem.severity, problem.text) == (
        "error",
        "by route() cannot be called: its parameter 'error' is no key",
    )


def test_nbg122_a_target_that_nothing_chooses() -> None:
    problem = only(choosing("s -> a, b, END by s", gives={"s": A_OR_B}), "NBG122")
    assert problem.severity == "info"
    assert problem.text == "nothing chooses END, which by s after s could lead to"
    assert problem.remedy == "leave END out of the group, or return it"


def test_nbg122_a_target_that_is_no_option_of_a_question() -> None:
    made = Graph("g")
    made.human("gate", "Go?", options=["a", "b"])
    made.edges("START -> gate; gate -> a, b, c by gate; a, b, c -> END")
    assert only(made, "NBG122").text == "nothing chooses c, which by gate after gate could lead to"


def test_nbg122_not_where_other_names_may_come() -> None:
    assert codes(choosing("s -> a, b by next", write={"s": "{'next': 'a'}"})) == []  # a first sketch
    assert codes(choosing("s -> a, b by s", gives={"s": str}, write={"s": "'a'"})) == []


def test_nbg122_not_where_the_key_may_be_an_input() -> None:
    made = graph(
        "START -> p; p -> s if x; p -> t else; s, t -> r; r -> a, b by s; a, b -> END",
        gives={"s": Literal["a"]},
        write={"p": "{'x': 1}"},
    )
    assert "NBG122" not in codes(made)


# -- comparisons -------------------------------------------------------------------------------------------------------


def asking(condition: str) -> Graph:
    made = Graph("g")
    made.human("gate", "Go?")
    made.node(returning("def publish():\n    return {'done': 1}\n", "publish"))
    made.edges(f"START -> gate; gate -> publish if {condition}; gate -> END else; publish -> END")
    return made


@pytest.mark.parametrize(
    "condition",
    [
        'gate == "aprove"',
        'gate != "aprove"',
        '"aprove" == gate',
        'gate in ("aprove", "reject")',
        'gate not in ["aprove"]',
        'gate_note == "" and (gate == "aprove" or gate == "reject")',
    ],
)
def test_nbg123_a_comparison_with_what_a_key_never_is(condition: str) -> None:
    problem = only(asking(condition), "NBG123")
    assert problem.severity == "warning"
    assert "compares gate with 'aprove', and gate is only 'approve' or 'reject'" in problem.text
    assert problem.remedy == "did you mean 'approve'"


def test_nbg123_has_another_remedy_where_no_value_is_alike() -> None:
    assert only(asking('gate == "yes"'), "NBG123").remedy == "compare gate with what it can be"


@pytest.mark.parametrize(
    "condition",
    [
        'gate == "approve"',
        'gate_note == "aprove"',
        '"a" in gate',
        "gate == gate_note",
        'gate != "reject"',
        "len(gate) > 3",
    ],
)
def test_nbg123_not_of_other_conditions(condition: str) -> None:
    assert codes(asking(condition)) == []


def test_nbg123_a_literal_of_a_node_before() -> None:
    made = graph(
        "START -> rate -> log; log -> a if rate == 'hihg'; log -> END else; a -> END",
        gives={"rate": Literal["high", "low"]},
        write={"log": "{'n': 1}"},
    )
    assert only(made, "NBG123").remedy == "did you mean 'high'"


def test_nbg123_a_literal_of_the_state() -> None:
    made = graph("START -> a; a -> b if mood == 'sda'; a -> END else; b -> END")
    assert "NBG123" not in codes(made)
    assert "NBG123" in codes(state(made, {"mood": Literal["sad", "glad"]}))


def test_nbg123_not_where_another_node_may_have_written_the_key() -> None:
    made = graph(
        """
        START -> s; s -> rate if x; s -> other else; rate, other -> log
        log -> a if next == "z"; log -> END else; a -> END
        """,
        gives={"rate": Choice},
        write={"s": "{'x': 1}", "other": "{'next': pick()}"},
    )
    assert codes(made) == []


def test_nbg123_not_of_a_map_whose_values_are_a_list() -> None:
    made = graph(
        "START -> s; s -> rate each items as item; rate -> a if rate == 'x'; rate -> END else; a -> END",
        gives={"rate": A_OR_B},
        write={"s": "{'items': []}"},
    )
    assert codes(made) == []


def test_nbg123_a_value_that_was_surely_overwritten_does_not_count() -> None:
    text = "START -> one -> two; one, two -> log; log -> a if k == 'x'; log -> END else; a -> END"
    made = graph(text, write={"one": "{'k': 'x'}", "two": "pick()"}, gives={"two": TypedDict("Two", {"k": A_OR_B})})
    assert only(made, "NBG123").text.endswith("k is only 'a' or 'b'")
