"""How a condition prints and explains itself, a value at a time."""

import math
import re
import types
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbgraph.core import condition_parts
from nbgraph.core.condition_parts import Read, explained, joined, printed
from nbgraph.core.conditions import parse
from tests.call_count import calls_in

PARTS = ("not ", Read("score", lambda values: values["score"]), " < 7")


def test_parts_are_printed_without_values() -> None:
    assert printed(PARTS) == "not score < 7"
    assert printed(()) == ""


def test_parts_are_explained_with_values() -> None:
    assert explained(PARTS, {"score": 6}) == "not score 6 < 7"
    assert explained(PARTS, {}) == "not score (no value) < 7"


def test_parts_are_joined() -> None:
    assert joined(", ", [("a",), ("b", "c")]) == ("a", ", ", "b", "c")
    assert joined(", ", []) == ()


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a" * 1000, "'" + "a" * 22 + "…"),
        (list(range(1000)), "[0, 1, 2, 3, 4, 5, …]"),
        ({str(number): "b" * 100 for number in range(1000)}, "{'0': 'bbbbbbbbbbbbbbbb…"),
        (types.SimpleNamespace(a=1), "namespace(a=1)"),
        (type("Table", (), {"__repr__": lambda self: "a  b\n 1  2"})(), "a  b 1  2"),
        pytest.param(10**5000, "<int>", id="long integer"),
        (Unprintable(), "<Unprintable instance a…"),
    ],
)
def test_a_value_is_shown_short(value: Any, shown: str) -> None:
    explained = parse("x").explain({"x": value})
    assert explained == f"x {shown}"
    assert len(explained) <= len("x ") + condition_parts.SHOWN


@pytest.mark.parametrize("value", [0, -(10**22), 2.5, -1.7976931348623157e308, math.nan, True, None, "", "it's", "\n"])
def test_a_plain_value_is_shown_as_python_shows_it(value: Any) -> None:
    assert explained(PARTS, {"score": value}) == f"not score {value!r} < 7"


class Plain(int):
    def __repr__(self) -> str:
        return "a\n b"


def test_a_kind_of_a_plain_type_shows_itself() -> None:
    assert parse("x").explain({"x": Plain(3)}) == "x a b"


PLAIN = st.one_of(st.integers(), st.integers(10**90, 10**110), st.floats(), st.text(), st.text("'\"\U00012345\n"))


@given(PLAIN)
def test_the_quick_way_shows_what_the_long_way_shows(value: Any) -> None:
    shown = condition_parts.cut(re.sub(r"\s*\n\s*", " ", condition_parts._short.repr(value)))
    assert explained(PARTS, {"score": value}) == f"not score {shown} < 7"


def test_a_simple_condition_is_explained_in_a_few_calls() -> None:
    explain, values = parse("score < 7").explain, {"score": 6}
    assert calls_in(lambda: explain(values)) <= 16
