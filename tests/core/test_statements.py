"""Statements and guards as records: how they compare and print; reading them is for test_edges."""

import dataclasses

import pytest

from nbgraph.core import conditions
from nbgraph.core.statements import Guard, Statement, format_guard

PLAIN = Guard("plain")
WHEN = Guard("if", condition=conditions.parse("score<7"))


@pytest.mark.parametrize(
    ("guard", "text"),
    [
        (PLAIN, ""),
        (WHEN, "if score < 7"),
        (Guard("else"), "else"),
        (Guard("always"), "always"),
        (Guard("by", key="next"), "by next"),
        (Guard("by", function="route"), "by route()"),
        (Guard("each", key="items", item="item"), "each items as item"),
        (Guard("error"), "on error"),
    ],
)
def test_a_guard_is_printed_as_it_is_written(guard: Guard, text: str) -> None:
    assert str(guard) == text
    assert str(Statement(("a", "b"), ("c", "END"), guard)) == f"a, b -> c, END {text}".rstrip()


def test_a_guard_is_printed_with_its_limit() -> None:
    assert format_guard(WHEN, 3) == "if score < 7 max 3"
    assert format_guard(Guard("by", function="route"), None) == "by route()"
    assert format_guard(PLAIN, None) == ""


def test_the_line_of_a_statement_is_of_no_weight() -> None:
    assert Statement(("a",), ("b",), PLAIN, line=3) == Statement(("a",), ("b",), PLAIN)
    assert Statement(("a",), ("b",), PLAIN, 2) != Statement(("a",), ("b",), PLAIN)


def test_a_statement_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Statement(("a",), ("b",), PLAIN).limit = 3  # type: ignore[misc]
