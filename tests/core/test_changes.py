"""Changes: a node that changes what it was handed is told so, and nobody is told what is not so."""

from __future__ import annotations

import asyncio
import collections
import functools
import itertools
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbgraph.core.changes import changed_in_place, changed_keys, in_place
from nbgraph.core.copies import own_copy
from nbgraph.core.updates import Overwrite
from tests.core.json_values import containers, mutate


@pytest.mark.slow
@given(containers(), st.randoms(use_true_random=False))
def test_a_change_in_place_is_seen(value: Any, random: Any) -> None:
    handed = own_copy(value)
    mutate(handed, random)
    assert changed_in_place(value, handed)


@pytest.mark.slow
@given(containers())
def test_what_is_not_changed_is_not_reported(value: Any) -> None:
    assert not changed_in_place(value, own_copy(value))


class Ambiguous:
    """As an array of numbers: `==` has no truth."""

    dtype = None

    def __init__(self, *items: float) -> None:
        self.items = list(items)

    @property
    def shape(self) -> tuple[int]:
        return (len(self.items),)

    def __eq__(self, other: object) -> Any:
        return NotImplemented if not isinstance(other, Ambiguous) else Truthless()

    __hash__ = None  # type: ignore[assignment]

    def tobytes(self) -> bytes:
        return repr(self.items).encode()


class Pointers(Ambiguous):
    """As an array of objects: its bytes are addresses."""

    class dtype:  # noqa: N801
        hasobject = True

    def tobytes(self) -> bytes:
        return str(id(self)).encode()


class Truthless:
    def __bool__(self) -> bool:
        raise ValueError("the truth of an array is ambiguous")


class Frame(Ambiguous):
    """As a frame: it has a comparison of its own."""

    def equals(self, other: Frame) -> bool:
        return self.items == other.items


class Plain:
    """It has no `==` of its own."""

    def __init__(self) -> None:
        self.notes, self._items = ["a"], [1]


class Slotted:
    __slots__ = ("__hidden", "later", "notes")

    def __init__(self) -> None:
        self.notes, self.__hidden = ["a"], ["a"]

    def change(self) -> None:
        self.__hidden.append("b")


@dataclass
class Draft:
    title: str = "a"
    notes: list[Any] = field(default_factory=list)


class Model(pydantic.BaseModel):
    notes: list[int] = []


class Bag(list[Any]):
    name = "a"


changes: list[tuple[Any, Callable[[Any], object]]] = [
    ([[1]], lambda value: value[0].append(2)),
    ({"a": {"b": 1}}, lambda value: value["a"].pop("b")),
    ({1, 2}, lambda value: value.add(3)),
    (([1],), lambda value: value[0].clear()),
    (collections.deque([1]), lambda value: value.append(2)),
    (collections.OrderedDict(a=1), lambda value: value.update(a=2)),
    (collections.Counter("aab"), lambda value: value.update("b")),
    (bytearray(b"abc"), lambda value: value.append(1)),
    (Ambiguous(1, math.nan), lambda value: value.items.append(2)),
    ([Ambiguous(1), 5], lambda value: value[0].items.append(2)),
    ({"a": Ambiguous(1)}, lambda value: value.update(a=Ambiguous(2))),
    (Frame(1), lambda value: value.items.append(2)),
    (Plain(), lambda value: value.notes.append("b")),
    (Plain(), lambda value: value._items.append(2)),
    (Plain(), lambda value: setattr(value, "title", "b")),
    (Plain(), lambda value: delattr(value, "notes")),
    (Slotted(), lambda value: value.notes.append("b")),
    (Slotted(), Slotted.change),
    (Slotted(), lambda value: setattr(value, "later", "b")),
    ([Plain(), Plain()], lambda value: value[1].notes.append("b")),
    (Draft(), lambda value: value.notes.append(1)),
    (Draft(notes=[Plain(), Ambiguous(1)]), lambda value: setattr(value, "title", "b")),
    (Draft(notes=[Ambiguous(1)]), lambda value: value.notes[0].items.append(2)),
    (Model(), lambda value: value.notes.append(1)),
    (Bag([Plain()]), lambda value: value.append(1)),
    (Bag([Plain()]), lambda value: setattr(value, "name", "b")),
    ({Plain(), 1}, lambda value: value.add(2)),
    ([1, Plain()], lambda value: value.__setitem__(0, "1")),
]


@pytest.mark.parametrize(("value", "change"), changes, ids=itertools.count())
def test_a_change_of_any_kind_of_value_is_seen(value: Any, change: Callable[[Any], object]) -> None:
    handed = own_copy(value)
    assert not changed_in_place(value, handed)
    change(handed)
    assert changed_in_place(value, handed)


def test_a_change_beside_a_part_that_holds_the_whole_is_seen() -> None:
    value: list[Any] = []
    value += [value, Plain()]
    handed = own_copy(value)
    assert not changed_in_place(value, handed)
    handed[1].notes.append("b")
    assert changed_in_place(value, handed)


# -- what is no change -------------------------------------------------------------------------------------------------


class NeverEqual:
    def __init__(self) -> None:
        self.a = 1

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = object.__hash__


class OnlyItself:
    """Nothing of it shows, and it equals only itself."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__


class Numbered:
    """Every copy is another."""

    count = itertools.count()

    def __init__(self) -> None:
        self.number = next(self.count)

    def __deepcopy__(self, memo: object) -> Numbered:
        return Numbered()


class Hostile:
    def __init__(self, error: type[BaseException] = ValueError) -> None:
        self.error = error

    def __eq__(self, other: object) -> bool:
        raise self.error("no")

    __hash__ = object.__hash__


def cycle() -> list[Any]:
    value: list[Any] = [math.nan]
    value.append(value)
    return value


def deep() -> list[Any]:
    value: list[Any] = [Plain()]
    for _ in range(300):
        value = [value]
    return value


unchanged = [
    Pointers(1),
    NeverEqual(),
    OnlyItself(),
    Numbered(),
    Hostile(),
    cycle(),
    deep(),
    {Plain()},
    threading.Lock(),
    {1: Plain()},
]


@pytest.mark.parametrize("value", [*unchanged, [unchanged], {"a": [math.nan]}, list(range(50_000))])
def test_an_untouched_copy_is_no_change(value: Any) -> None:
    assert not changed_in_place(value, own_copy(value))


def test_a_large_value_is_not_compared() -> None:
    value = list(range(50_000))
    handed = own_copy(value)
    handed.append(1)
    assert not changed_in_place(value, handed)


class Caching:
    def __init__(self) -> None:
        self.text, self._words, self._cache = "a b", None, {"old": 1}

    @functools.cached_property
    def length(self) -> int:
        return len(self.text)

    @property
    def words(self) -> list[str]:
        self._words = self.text.split()  # type: ignore[assignment]
        self._cache["new"] = self._parts = 1
        return self._words  # type: ignore[return-value]


def test_reading_is_no_change_though_it_fills_caches() -> None:
    value = Caching()
    handed = own_copy(value)
    assert (handed.length, handed.words) == (3, ["a", "b"])
    assert not changed_in_place(value, handed)


def test_comparing_never_raises() -> None:
    for other in (Hostile(), [Hostile()], 5, None, Truthless(), asyncio.Event()):
        for value in (Hostile(), [Hostile(SystemExit)], {"a": Hostile()}):
            changed_in_place(value, other)


def test_another_nan_is_no_change() -> None:
    assert not changed_in_place([float("nan")], [float("nan")])


# -- which keys --------------------------------------------------------------------------------------------------------


def test_what_was_changed_and_not_returned_is_named() -> None:
    originals = {"a": [1], "b": [1], "c": [1], "d": [1], "e": [1], "f": "text"}
    handed = own_copy(originals)
    for key in "abcd":
        handed[key].append(2)
    update = {"a": handed["a"], "other": handed["b"], "more": Overwrite(handed["c"])}
    assert changed_keys(originals, handed, update) == ("d",)


def test_a_key_that_the_node_writes_anew_is_not_named() -> None:
    assert changed_keys({"a": [1]}, {"a": [1, 2]}, {"a": "other"}) == ()


def test_a_node_is_told_its_name_the_key_and_what_to_do() -> None:
    assert in_place("draft", "notes") == (
        "draft changed notes in place; that is seen nowhere else. To keep the change return {'notes': notes}."
    )
