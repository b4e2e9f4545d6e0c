"""Inputs of a run: what is needed, what is known, what is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest

from nbgraph.core.inputs import Reader, checked_inputs, describe_inputs, readers, required_keys, signature, writers
from nbgraph.core.schema import Private
from nbgraph.core.state import append
from nbgraph.core.type_agreement import UNKNOWN
from nbgraph.errors import InputError
from nbgraph.library import Graph


def essay() -> Graph:
    made = Graph("essay")

    @made.node
    def draft(topic: str, feedback: str = "") -> Any:
        return {"text": topic + feedback}

    @made.node
    def check(text: str) -> Any:
        return {"score": len(text)}

    made.edges("START -> draft -> check; check -> draft if score < goal max 3; check -> END else")
    return made


def test_nodes_and_conditions_are_readers() -> None:
    assert set(readers(essay())) == {
        Reader("topic", True, "draft", False),
        Reader("feedback", False, "draft", False),
        Reader("text", True, "check", False),
        Reader("score", True, "check", True),
        Reader("goal", True, "check", True),
    }


def test_by_keys_and_functions_are_readers() -> None:
    made = Graph("g")
    made.edges("a -> b by next; b -> c by route()", route=lambda score, bonus=1: "c")
    assert set(readers(made)) == {
        Reader("next", True, "a", True),
        Reader("score", True, "b", True),
        Reader("bonus", False, "b", True),
    }


def test_a_maps_list_is_read_before_it_and_its_item_is_no_key() -> None:
    made = Graph("g")
    made.node(lambda item, tone: None, name="work")
    made.edges("a -> work each items as item")
    assert set(readers(made)) == {Reader("items", True, "a", True), Reader("tone", True, "work", False)}


def test_writers_are_known_by_key() -> None:
    assert writers(essay()) == {"text": ["draft"], "score": ["check"]}


def test_what_failed_is_local_to_the_node_that_an_error_edge_leads_to() -> None:
    made = Graph("g")
    made.node(lambda error, errors, topic: None, name="fallback")
    made.edges("START -> a -> END; a -> fallback on error")
    assert set(readers(made)) == {Reader("topic", True, "fallback", False)}
    made.clear()
    made.node(lambda error, errors: None, name="a")
    assert set(readers(made)) == {Reader("errors", True, "a", False)}


def test_a_reader_knows_the_type_and_the_default_of_its_parameter() -> None:
    found = {reader.key: (reader.annotation, reader.default) for reader in readers(essay())}
    assert found["topic"] == (str, UNKNOWN)
    assert found["feedback"] == (str, "")
    assert found["score"] == (UNKNOWN, UNKNOWN)


def test_a_by_function_that_cannot_be_read_reads_nothing() -> None:
    made = Graph("g")
    made.edges("a -> b by route(); a -> c by dict()", route=lambda *names: "b", dict=dict)
    assert list(readers(made)) == []


def test_what_is_read_and_never_written_is_required() -> None:
    assert required_keys(essay()) == ("topic", "goal")


def test_a_key_with_a_default_is_not_required() -> None:
    made = essay()
    made.state(type("S", (), {"__annotations__": {"goal": int}, "goal": 7}))
    assert required_keys(made) == ("topic",)


def test_a_private_key_is_not_required() -> None:
    made = essay()
    made.state(type("S", (), {"__annotations__": {"goal": Annotated[int, Private(int)]}}))
    assert required_keys(made) == ("topic",)


def unclear() -> Graph:
    """The essay with a check of which it is not known what it writes."""
    made = Graph("essay")
    made.node(lambda topic: {"text": topic}, name="draft", writes="text")
    made.node(lambda text, style: dict(text), name="check")
    made.node(lambda tone: None, name="publish")
    made.edges("START -> draft -> check -> publish; publish -> END if goal; publish -> END else")
    return made


def test_what_a_node_may_write_for_all_that_is_known_is_not_required_after_it() -> None:
    assert required_keys(unclear()) == ("topic", "style")


def test_only_the_edges_out_of_start_require_where_such_a_node_leads_to_all() -> None:
    made = essay()
    made.node(lambda: dict(), name="draft")  # noqa: C408
    made.edges("START -> draft if fast; START -> check else")
    assert required_keys(made) == ("fast",)


# -- the signature -----------------------------------------------------------------------------------------------------


def test_the_signature_has_the_required_inputs_first() -> None:
    made = essay()
    made.state(type("S", (), {"__annotations__": {"limit": int, "goal": float, "score": int}, "limit": 9}))
    assert str(signature(made)) == "(*, topic: str, goal: float, limit: int = 9, feedback: str = '')"


def test_a_type_of_the_state_goes_before_that_of_a_reader() -> None:
    made = essay()
    made.state(type("S", (), {"__annotations__": {"topic": Annotated[list[str], append]}}))
    assert signature(made).parameters["topic"].annotation == list[str]


def test_the_type_of_who_cannot_do_without_it_goes_first() -> None:
    def first(topic: int = 1) -> None: ...
    def second(topic: str) -> None: ...

    made = Graph("g")
    made.node(first)
    made.node(second)
    assert str(signature(made)) == "(*, topic: str)"


def test_an_input_with_a_default_that_is_made_anew_or_not_known_has_dots() -> None:
    made = unclear()
    made.state(dataclass(type("S", (), {"__annotations__": {"notes": list}, "notes": field(default_factory=list)})))
    assert str(signature(made)) == "(*, topic, style, notes: list = Ellipsis, tone=Ellipsis, goal=Ellipsis)"


def test_private_keys_and_items_are_no_inputs() -> None:
    made = Graph("g")
    made.node(lambda item, client=None: None, name="work")
    made.edges("START -> work each items as item; work -> END")
    made.state(type("S", (), {"__annotations__": {"client": Annotated[int, Private(int)]}}))
    assert str(signature(made)) == "(*, items)"


def test_inputs_are_described_a_line_each() -> None:
    made = essay()
    made.state(type("S", (), {"__annotations__": {"limit": int | None, "goal": int}, "limit": None}))
    assert describe_inputs(made).splitlines() == [
        "topic: str, required, read by draft",
        "goal: int, required, read by an edge out of check",
        "limit: int | None, None by default, read by no node",
        "feedback: str, '' by default, read by draft",
    ]
    assert describe_inputs(unclear()).splitlines()[-1] == "goal, optional, read by an edge out of publish"


def test_a_graph_that_needs_nothing_says_so() -> None:
    assert describe_inputs(Graph("g")) == "g takes no inputs."


# -- what is given -----------------------------------------------------------------------------------------------------


def test_inputs_that_fit_are_taken_as_they_are() -> None:
    value = object()
    assert checked_inputs(essay(), {"topic": value, "goal": 1, "feedback": "x", "text": ""})["topic"] is value


def test_a_missing_input_is_refused_with_an_example() -> None:
    with pytest.raises(InputError, match=r"essay needs the input goal: essay.run\(topic=..., goal=...\)"):
        checked_inputs(essay(), {"topic": "bees"})


def test_an_unknown_input_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(
        InputError, match=r"no input 'topik'; did you mean 'topic'\? It knows .*, and needs topic, goal"
    ):
        checked_inputs(essay(), {"topik": "bees"})


@pytest.mark.parametrize("key", [1, None, ("topic",)])
def test_an_input_that_is_no_name_is_refused(key: Any) -> None:
    with pytest.raises(InputError, match="essay has no input"):
        checked_inputs(essay(), {key: 1})


def test_a_graph_that_knows_no_key_says_so() -> None:
    made = Graph("g")
    made.node(lambda: None, name="a")
    with pytest.raises(InputError, match=r"g has no input 'x'\. It knows no key, and needs none"):
        checked_inputs(made, {"x": 1})


def test_any_key_that_a_node_may_write_can_be_an_input() -> None:
    assert checked_inputs(essay(), {"topic": 1, "goal": 1, "score": 5}) == {"topic": 1, "goal": 1, "score": 5}
