"""Type agreement: which types can hold the same value, what is told apart, and what is left unknown."""

from __future__ import annotations

import collections.abc
import enum
import io
import numbers
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Annotated, Any, Literal, NewType, NotRequired, Optional, Protocol, TypedDict, TypeVar, Union

import pytest

from nbgraph.core.type_agreement import UNKNOWN, can_agree, element, hints_of, strings_of, without_none

T = TypeVar("T")
Name = NewType("Name", str)


class Sized(Protocol):
    def size(self) -> int: ...


class Base: ...


class Derived(Base): ...


@dataclass
class Draft:
    text: str


class Fields(TypedDict):
    text: NotRequired[str]


class Color(str, enum.Enum):  # noqa: UP042  # people write it
    RED = "red"


class Odd(type):
    def __subclasscheck__(cls, other: type) -> bool:
        raise RuntimeError("no")


class Hostile(metaclass=Odd): ...


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (int, int),
        (int, float),
        (bool, int),
        (bool, complex),
        (int, numbers.Number),
        (Base, Derived),
        (str, str | None),
        (Optional[int], None),  # noqa: UP045
        (Union[int, str], str),  # noqa: UP007
        (str, Any),
        (str, object),
        (str, T),
        (Draft, Sized),
        (str, UNKNOWN),
        (Name, str),
        (Annotated[int, "unit"], int),
        (Annotated[int, []], float),
        (Literal["a", "b"], str),
        (Literal["a"], Literal["a", "b"]),
        (Literal["red"], Color),
        (Color, str),
        (list, list[int]),
        (list[int], list[float]),
        (list[Any], list[int]),
        (list[int | None], list[int]),
        (list[str], Sequence[str]),
        (str, Sequence[int]),
        (dict[str, int], Mapping[str, int]),
        (Fields, dict),
        (Fields, dict[str, Any]),
        (tuple[int, ...], tuple[int, int]),
        (tuple[int, str], Sequence[str]),
        (tuple, tuple[int, ...]),
        (io.StringIO, IO[str]),
        (Callable[[int], str], Callable[..., int]),
        (collections.abc.Generator[int, None, None], Iterable[int]),
        (typing.List[int], list[int]),  # noqa: UP006  # people write it
        (Hostile, int),
        ("text", int),
    ],
)
def test_types_that_may_hold_the_same_value(one: Any, other: Any) -> None:
    assert can_agree(one, other)
    assert can_agree(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (str, int),
        (str, bytes),
        (str, None),
        (int | None, str),
        (Draft, Base),
        (Draft, dict),
        (Name, int),
        (Literal["a"], Literal["b"]),
        (Literal["a"], int),
        (list[str], list[int]),
        (list[str], tuple[str, ...]),
        (list[list[str]], list[list[int]]),
        (dict[str, int], dict[str, str]),
        (dict[str, int], Sequence[str]),
        (set[int], list[int]),
        (tuple[int, str], tuple[int]),
        (tuple[int, ...], tuple[str, str]),
        (tuple[int, ...], Sequence[str]),
        (Fields, str),
        (int, Iterable[int]),
        (Annotated[str, "unit"], int),
        (typing.Dict[str, int], typing.List[int]),  # noqa: UP006
    ],
)
def test_types_that_cannot(one: Any, other: Any) -> None:
    assert not can_agree(one, other)
    assert not can_agree(other, one)


def test_a_type_that_holds_itself_agrees_with_what_is_like_it() -> None:
    one, other = NewType("one", Any), NewType("other", Any)  # type: ignore[valid-newtype]
    one.__supertype__, other.__supertype__ = list[one], list[other]  # type: ignore[valid-type]
    assert can_agree(one, other)


@pytest.mark.parametrize(
    ("annotation", "found"),
    [
        (list[int], int),
        (list[int] | None, int),
        (tuple[int, ...], int),
        (tuple[int, str], int | str),
        (set[str] | list[int], str | int),
        (list, UNKNOWN),
        (str, UNKNOWN),
        (dict[str, int], UNKNOWN),
        (list[int] | str, UNKNOWN),
        (Any, UNKNOWN),
    ],
)
def test_the_element_of_a_list(annotation: Any, found: Any) -> None:
    assert element(annotation) == found


@pytest.mark.parametrize(
    ("annotation", "alone", "listed"),
    [
        (Literal["a", "b"], ("a", "b"), ("a", "b")),
        (Literal["a"] | Literal["b"] | None, ("a", "b"), ("a", "b")),
        (Annotated[Literal["a", None], 1], ("a",), ("a",)),
        (list[Literal["a", "b"]], None, ("a", "b")),
        (tuple[Literal["a"], Literal["b"]] | Literal["c"], None, ("a", "b", "c")),
        (list[str], None, None),
        (Literal["a", 1], None, None),
        (str, None, None),
        (UNKNOWN, None, None),
    ],
)
def test_the_strings_that_a_value_may_be(annotation: Any, alone: Any, listed: Any) -> None:
    assert strings_of(annotation) == alone
    assert strings_of(annotation, lists=True) == listed


def test_what_is_left_without_none() -> None:
    assert without_none(int | None) is int
    assert without_none(None) is UNKNOWN
    assert without_none(Literal["a", None]) == Literal["a"]
    assert without_none(Any) is Any
    unhashable = list[Annotated[int, []]]
    left = without_none(unhashable | set[int] | None)
    assert left is Any or left == unhashable | set[int]  # newer Pythons can put it together again


def test_each_annotation_is_resolved_for_itself() -> None:
    def function(one: Missing, two: int, three=1) -> str: ...  # type: ignore[no-untyped-def,name-defined]  # noqa: F821

    assert hints_of(function) == {"two": int, "return": str}


def test_what_has_no_annotations_is_no_error() -> None:
    assert hints_of(len) == {}
    assert hints_of(object()) == {}  # type: ignore[arg-type]
