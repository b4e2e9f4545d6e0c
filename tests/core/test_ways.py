"""Ways: what one task leads to at once."""

from __future__ import annotations

from nbgraph.core.survey import Survey
from nbgraph.core.ways import Ways
from tests.core.declared import graph


def ways(text: str) -> Ways:
    return Survey(graph(f"START -> a; {text}")).ways["a"]


def test_plain_edges_and_maps_are_always_taken() -> None:
    assert ways("a -> b, c; a -> d each x as y") == Ways(("b", "c", "d"))


def test_a_statement_of_a_choice_is_taken_whole() -> None:
    assert ways("a -> b, c if x; a -> d else; a -> e always") == Ways(("e",), (("b", "c"), ("d",)))


def test_a_by_chooses_one_name() -> None:
    assert ways("a -> b, c by x").options == (("b",), ("c",))


def test_error_edges_are_taken_instead_of_the_others() -> None:
    found = ways("a -> b; a -> c, d on error")
    assert found == Ways(("b",), (), ("c", "d"))
    assert list(found.together()) == [("b",), ("c", "d")]


def test_what_is_taken_at_once() -> None:
    assert list(ways("a -> b always; a -> b, c if x; a -> d else").together()) == [("b", "c"), ("b", "d"), ()]


def test_the_start_that_is_not_written_is_a_way_too() -> None:
    assert Survey(graph("a -> b -> END")).ways["START"] == Ways(("a",))
