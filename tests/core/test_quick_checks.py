"""Quick checks: they show of most values that they fit, and never of one that does not."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NewType, Protocol, TypedDict

import pytest

from nbgraph.core.quick_checks import fitting_types, quick_check
from nbgraph.core.reducers import append


class Draft:
    pass


class Later(Draft):
    pass


class Options(TypedDict):
    size: int


class Speaks(Protocol):
    def speak(self) -> str: ...


class Constraint:
    pass


Score = NewType("Score", int)

fitting = [
    (int, [1, -1]),
    (float, [1.5, 1]),
    (None, [None]),
    (Draft, [Draft()]),
    (Score, [1]),
    (int | None, [1, None]),
    (list, [[], [1, "a"]]),
    (list[str], [[], ["a"]]),
    (list[Any], [[], [1, "a"]]),
    (list[int | None], [[1, None]]),
    (list[list[int]], [[[1], []]]),
    (set[str], [{"a"}]),
    (frozenset[str], [frozenset("a")]),
    (tuple[int, ...], [(), (1, 2)]),
    (dict[str, int], [{}, {"a": 1}]),
    (dict[str, list[int]], [{"a": [1]}]),
    (list[str] | str, ["a", ["a"]]),
    (Literal["a", 1], ["a", 1]),
    (list[Literal["a"]], [["a", "a"]]),
    (Annotated[list[str], "a remark", append], [["a"]]),
]
not_fitting = [
    (int, [True, 1.5, "1", None]),
    (float, [True, "1"]),
    (str, [1, b"a"]),
    (int | None, ["a", 1.5]),
    (list[str], [("a",), [1], "a", None]),
    (list[list[int]], [[["a"]], [1]]),
    (set[str], [{1}, ["a"]]),
    (tuple[int, ...], [("a",), [1]]),
    (dict[str, int], [{1: 1}, {"a": "b"}, []]),
    (list[str] | str, [1, [1]]),
    (Literal["a", 1], ["b", True, 1.0, ["a"], None]),
    (Draft, ["a", Draft]),
]


@pytest.mark.parametrize(("hint", "values"), fitting)
def test_most_values_that_fit_are_shown_to(hint: Any, values: list[Any]) -> None:
    quick = quick_check(hint)
    assert quick is not None
    assert [value for value in values if not quick(value)] == []


@pytest.mark.parametrize(("hint", "values"), not_fitting)
def test_what_does_not_fit_is_not_shown_to(hint: Any, values: list[Any]) -> None:
    quick = quick_check(hint)
    assert quick is not None
    assert [value for value in values if quick(value)] == []


@pytest.mark.parametrize(
    "hint",
    [
        *(
            Annotated[int, Constraint()],
            NewType("Positive", Annotated[int, Constraint()]),
            list[Annotated[int, Constraint()]],
        ),
        *(tuple[int, str], tuple[()], type[Draft], dict[str, Annotated[int, Constraint()]], "a text"),
    ],
)
def test_where_more_is_to_be_looked_at_nothing_is_shown(hint: Any) -> None:
    assert quick_check(hint) is None


@pytest.mark.parametrize(("hint", "value"), [(Draft, Later()), (Options, {"size": "large"}), (Speaks, Draft())])
def test_a_subclass_and_a_structure_are_left_to_the_thorough_check(hint: Any, value: Any) -> None:
    quick = quick_check(hint)
    assert quick is not None
    assert not quick(value)


def test_the_types_that_fit_are_those_of_all_members() -> None:
    assert fitting_types(int | str | None) == {int, str, type(None)}
    assert fitting_types(int | list[str]) is None
