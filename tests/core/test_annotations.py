"""Annotations: taken apart and spelt out."""

from __future__ import annotations

import collections.abc
import typing
from collections.abc import Callable
from typing import Annotated, Any, Literal, NewType, Optional, TypeVar, Union

import pytest
from typing_extensions import TypeAliasType

from nbgraph.core.annotations import bare, element_of, is_any, plain, spelt
from nbgraph.core.reducers import append

Item = TypeVar("Item")
Score = NewType("Score", int)
Notes = NewType("Notes", list[str])  # type: ignore[valid-newtype]


class Draft:
    pass


class Constraint:
    pass


constrained = Annotated[int, Constraint()]


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (int, "int"),
        (None, "None"),
        (Any, "Any"),
        (Draft, "Draft"),
        (list[Draft], "list[Draft]"),
        (Optional[int], "int | None"),  # noqa: UP045
        (Union[int, list[str]], "int | list[str]"),  # noqa: UP007
        (dict[str, Draft | None], "dict[str, Draft | None]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (Literal["a.b", 1], "Literal['a.b', 1]"),
        (Callable[[int], str], "Callable[[int], str]"),
        (Callable[..., str], "Callable[..., str]"),
        (Annotated[list[int], append], "list[int]"),
        (Score, "Score"),
        (typing.List, "List"),  # noqa: UP006
        (typing.List[int], "list[int]"),  # noqa: UP006
        (collections.abc.Sequence[int], "Sequence[int]"),
        (Item, "Item"),
        ("text", "text"),
    ],
)
def test_a_type_is_spelt_as_a_person_writes_it(hint: Any, text: str) -> None:
    assert spelt(hint) == text


@pytest.mark.parametrize(
    ("hint", "element"),
    [
        (list[str], str),
        (list, Any),
        (typing.List, Any),  # noqa: UP006
        (Any, Any),
        (object, Any),
        (Annotated[list[str], append], str),
        (Notes, str),
        (list[str] | None, str),
        (list[str] | list[int], str | int),
        (collections.abc.Sequence[str], str),
        (collections.abc.Iterable, Any),
        (list[constrained], constrained),
        (str, None),
        (tuple[str, ...], None),
        (dict[str, int], None),
        (int | None, None),
    ],
)
def test_the_type_of_an_element_is_known_where_a_list_fits(hint: Any, element: Any) -> None:
    assert element_of(hint) == element


def test_remarks_and_reducers_mean_nothing_and_constraints_do() -> None:
    assert plain(Annotated[int, "a remark", append, max]) is int
    assert (plain(constrained), bare(constrained)) == (constrained, int)
    assert plain(NewType("Positive", constrained)) == constrained  # type: ignore[valid-newtype]


def test_an_alias_stands_for_its_type() -> None:
    alias = TypeAliasType("Alias", list[str])
    assert bare(alias) == plain(alias) == list[str]
    assert spelt(alias) == "Alias"


def test_what_takes_every_value_is_known() -> None:
    assert all(map(is_any, (Any, object, Item, Annotated[Any, "a remark"])))
    assert not any(map(is_any, (int, list, list[Any], Annotated[Any, Constraint()], None)))
