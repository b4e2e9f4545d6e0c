"""Type checks: writers and readers of a key that cannot mean the same type, and silence where they may."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

import pytest

from nbgraph.core.state import Overwrite, add, append, extend, last, merge, union
from nbgraph.library import Graph
from tests.core.declared import codes, graph, only, state

LINE = "START -> a -> b -> END"


class Fields(TypedDict, total=False):
    k: int
    other: str


def line(gives: Any, reads: str, text: str = LINE) -> Graph:
    """The node `a` gives that type to its own key, which `b` reads."""
    return graph(text, gives={"a": gives}, b=reads)


def test_nbg121_a_writer_and_a_reader_that_cannot_agree() -> None:
    problem = only(line(str, "a: int"), "NBG121")
    assert (problem.severity, problem.text) == ("warning", "a writes 'a' as str, and b reads it as int")
    assert problem.remedy == "let both say the same type, or use a key of its own for one of them"


def test_nbg121_a_field_of_a_typed_dict() -> None:
    assert only(line(Fields, "k: str"), "NBG121").text == "a writes 'k' as int, and b reads it as str"
    assert codes(line(Fields, "k: int, other: str")) == []


@pytest.mark.parametrize(
    ("gives", "reads"),
    [
        (str, "a"),
        (str, "a: str | None = None"),
        (int, "a: float"),
        (str | None, "a: str"),
        (Any, "a: int"),
        (dict[str, Any], "a: int"),
        (str, "a: 'Missing'"),
    ],
)
def test_nbg121_not_where_they_may_agree(gives: Any, reads: str) -> None:
    assert codes(line(gives, reads)) == []


def test_nbg121_a_declared_key() -> None:
    made = graph(LINE, b="text: int")
    made.node(_text, name="a", writes="text")
    assert only(made, "NBG121").text == "a writes 'text' as dict[str, int], and b reads it as int"


def _text() -> dict[str, int]:
    return {}


def test_nbg121_the_function_of_a_by_reads_too() -> None:
    made = Graph("g")
    made.node(_text, name="a", writes="text")
    made.edges("START -> a -> END by route()", route=_route)
    assert only(made, "NBG121").text.endswith("and an edge out of a reads it as str")


def _route(text: str) -> str:
    return "END"


def test_nbg121_a_persons_answer_is_a_string() -> None:
    made = graph("START -> gate -> b -> END", b="gate: bool, gate_note: int")
    made.human("gate", "Go?")
    assert [problem.text for problem in made.check()] == [
        "gate writes 'gate' as str, and b reads it as bool",
        "gate writes 'gate_note' as str, and b reads it as int",
    ]


# -- which value is read -----------------------------------------------------------------------------------------------


def test_nbg121_not_of_a_value_that_another_node_replaces() -> None:
    made = graph(
        "START -> a -> c -> b -> END", gives={"a": Fields, "c": TypedDict("C", {"k": str})}, b="k: str", c="k: int"
    )
    assert codes(made) == []


def test_nbg121_not_of_a_value_that_was_surely_replaced_where_branches_meet() -> None:
    made = graph("START -> a -> c; a, c -> b -> END", gives={"a": Fields, "c": TypedDict("C", {"k": str})}, b="k: str")
    assert codes(made) == []


def test_nbg121_of_a_value_that_may_not_have_been_replaced() -> None:
    made = graph(
        "START -> s; s -> a; a -> c if x; a -> b else; c -> b -> END",
        gives={"a": Fields, "c": TypedDict("C", {"k": str})},
        write={"s": "{'x': 1}"},
        b="k: str",
    )
    assert only(made, "NBG121").text == "a writes 'k' as int, and b reads it as str"


def test_nbg121_not_of_a_writer_that_does_not_lead_to_the_reader() -> None:
    assert codes(line(str, "a: int = 0", "START -> b -> a -> END")) == []


def test_nbg121_of_a_value_that_comes_round_a_loop() -> None:
    made = line(str, "a: int = 0", "START -> b -> a; a -> b if a != 'x' max 2; a -> END else")
    assert only(made, "NBG121").text == "a writes 'a' as str, and b reads it as int"


# -- the state ---------------------------------------------------------------------------------------------------------


def test_nbg121_a_writer_against_the_state() -> None:
    problem = only(state(line(str, "x=1"), {"a": int}), "NBG121")
    assert problem.text == "a writes 'a' as str, and the state declares int"


def test_nbg121_a_reader_against_the_state() -> None:
    problem = only(state(line(Any, "a: list[str]"), {"a": list[int]}), "NBG121")
    assert problem.text == "the state declares 'a' as list[int], and b reads it as list[str]"


def test_nbg121_is_told_once_where_both_are_against_the_state() -> None:
    made = state(line(str, "a: int"), {"a": int | str})
    assert only(made, "NBG121").text == "a writes 'a' as str, and b reads it as int"
    assert only(state(line(str, "a: int"), {"a": int}), "NBG121").text.endswith("the state declares int")


@pytest.mark.parametrize(
    ("reducer", "declared", "fits", "differs"),
    [
        (append, list[str], str, int),
        (extend, list[str], tuple[str, ...], list[int]),
        (extend, list[str], list[str] | None, str),
        (union, set[str], list[str], set[int]),
        (union, set[str], frozenset[str], str),
        (add, int, bool, str),
        (merge, dict[str, int], dict[str, int], list[str]),
        (last, Literal["x"], str, int),
    ],
)
def test_nbg121_what_a_reducer_takes(reducer: Any, declared: Any, fits: Any, differs: Any) -> None:
    annotations = {"k": Annotated[declared, reducer]}

    def wrote(gives: Any) -> list[str]:
        return codes(state(graph("START -> a -> END", gives={"a": TypedDict("Given", {"k": gives})}), annotations))

    assert (wrote(fits), wrote(differs)) == ([], ["NBG121"])


def test_nbg121_says_what_append_takes() -> None:
    made = state(line(list[str], "x=1"), {"a": Annotated[list[str], append]})
    problem = only(made, "NBG121")
    assert problem.text == "a writes 'a' as list[str], and the state declares list[str]"
    assert problem.remedy == "append takes one element of a at a time"


def test_nbg121_what_a_reducer_of_ones_own_takes_is_not_known() -> None:
    def folded(current: Any, value: Any) -> Any:
        return value

    assert codes(state(line(str, "a: int"), {"a": Annotated[int, folded]})) == []


def test_nbg121_the_reader_of_a_folded_key_gets_what_the_state_declares() -> None:
    made = state(line(str, "a: list[str]"), {"a": Annotated[list[str], append]})
    assert codes(made) == []
    assert codes(state(line(str, "a: str"), {"a": Annotated[list[str], append]})) == ["NBG121"]


def test_nbg121_not_of_an_overwrite() -> None:
    assert codes(state(line(Overwrite, "x=1"), {"a": Annotated[list[str], append]})) == []


# -- maps --------------------------------------------------------------------------------------------------------------

MAP = "START -> s; s -> a each s as item; a -> b -> END"


def test_nbg121_a_map_gives_a_list() -> None:
    assert codes(graph(MAP, gives={"s": list[str], "a": int}, a="item: str", b="a: list[int]")) == []
    made = graph(MAP, gives={"s": list[str], "a": int}, a="item: str", b="a: int")
    assert only(made, "NBG121").text == "a writes 'a' as list[int], and b reads it as int"


def test_nbg121_an_item_has_the_type_of_the_lists_elements() -> None:
    made = graph(MAP, gives={"s": list[str]}, a="item: int")
    assert only(made, "NBG121").text == "s writes 's' as list[str], and a takes each of it as int"
    assert codes(graph(MAP, gives={"s": tuple[str, ...]}, a="item: str")) == []


@pytest.mark.parametrize("gives", [str, int, set[str]])
def test_nbg121_what_a_map_runs_over_is_a_list(gives: Any) -> None:
    assert only(graph(MAP, gives={"s": gives}, a="item"), "NBG121").text.endswith("and a runs for each of it")


def test_nbg121_the_items_of_a_folded_key_are_as_the_state_declares() -> None:
    made = state(graph(MAP, gives={"s": str}, a="item: str"), {"s": Annotated[list[str], append]})
    assert codes(made) == []
