"""Inputs of a run: what is needed, what is known, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from nbgraph.core.inputs import Reader, checked_inputs, readers, required_keys, writers
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


def test_what_is_read_and_never_written_is_required() -> None:
    assert required_keys(essay()) == ("topic", "goal")


def test_a_key_with_a_default_is_not_required() -> None:
    made = essay()
    made.state(type("S", (), {"__annotations__": {"goal": int}, "goal": 7}))
    assert required_keys(made) == ("topic",)


def test_where_a_node_may_write_anything_only_the_edges_out_of_start_require() -> None:
    made = essay()
    made.node(lambda: dict(), name="draft")  # noqa: C408
    made.edges("START -> draft if fast; START -> check else")
    assert required_keys(made) == ("fast",)


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
