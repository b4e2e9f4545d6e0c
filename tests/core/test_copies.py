"""Copies: what a node is handed is its own, and what cannot be copied is handed out as it is."""

from __future__ import annotations

import asyncio
import datetime
import enum
import threading
from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbgraph.core.copies import COPIED_ELEMENTS, own_copy
from tests.core.json_values import containers, mutate


class Point(NamedTuple):
    x: int
    tags: list[str]


@dataclass
class Draft:
    title: str
    notes: list[str] = field(default_factory=list)


class Model(pydantic.BaseModel):
    title: str
    notes: list[str] = []


class Slotted:
    __slots__ = ("__hidden", "notes")

    def __init__(self) -> None:
        self.notes, self.__hidden = ["a"], ["b"]

    @property
    def hidden(self) -> list[str]:
        return self.__hidden


class Array:
    """As an array of numbers: it tells its size."""

    def __init__(self, nbytes: int) -> None:
        self._nbytes, self.items = nbytes, [1]

    @property
    def nbytes(self) -> int:
        return self._nbytes


class Frame:
    """As a frame: its columns tell their sizes."""

    def __init__(self, nbytes: int) -> None:
        self.columns = [nbytes]

    def memory_usage(self, index: bool, deep: bool) -> Any:
        assert index
        assert not deep
        return self

    def sum(self) -> int:
        return sum(self.columns)


class Colour(enum.Enum):
    RED = 1


@pytest.mark.slow
@given(containers(), st.randoms(use_true_random=False))
def test_no_change_of_a_copy_shows_in_the_original(value: Any, random: Any) -> None:
    before = repr(value)
    copied = own_copy(value)
    assert copied == value
    mutate(copied, random)
    assert repr(value) == before


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, {2}], "b": (3,)},
        ([1], {"a": {3}}),
        Point(1, ["a"]),
        [Point(1, ["a"])],
        Draft("a", ["b"]),
        Model(title="a", notes=["b"]),
        {"draft": [Draft("a", ["b"])]},
        deque([[1]]),
        OrderedDict(a=[1]),
        defaultdict(list, a=[1]),
        bytearray(b"abc"),
    ],
)
def test_a_copy_equals_the_original_and_shares_nothing_that_changes(value: Any) -> None:
    copied = own_copy(value)
    assert copied == value
    assert type(copied) is type(value)
    assert not mutable_parts(value) & mutable_parts(copied)


def mutable_parts(value: Any) -> set[int]:
    """The identities of all that can be changed in place within a value."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple | deque) else ()
    found = set().union(*map(mutable_parts, inner), *map(mutable_parts, getattr(value, "__dict__", {}).values()))
    return found if isinstance(value, tuple | str | int) else found | {id(value)}


def test_attributes_in_slots_are_copied_too() -> None:
    value = Slotted()
    copied = own_copy(value)
    copied.notes.append("c")
    copied.hidden.append("c")
    assert (value.notes, value.hidden) == (["a"], ["b"])


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 5, 1.5, "text", b"bytes", range(3), int, len, object()),
        *(datetime.date(2024, 1, 1), Colour.RED, (1, "a"), frozenset({1}), ((1,), "a")),
    ],
)
def test_what_never_changes_is_handed_out_as_it_is(value: Any) -> None:
    assert own_copy(value) is value


def test_what_is_shared_within_a_value_stays_shared() -> None:
    inner: list[int] = []
    draft = Draft("a")
    for shared in (inner, draft, {1: inner}, (inner,)):
        copied = own_copy([shared, {"again": shared}, (shared, 1)])
        assert copied[0] is copied[1]["again"] is copied[2][0]
        assert copied[0] is not shared


def test_an_object_and_its_container_share_their_parts() -> None:
    draft = Draft("a", ["b"])
    copied, notes = own_copy([draft, draft.notes])
    assert copied.notes is notes is not draft.notes


def test_a_value_that_holds_itself_is_copied() -> None:
    value: list[Any] = [1]
    value.append((value,))
    copied = own_copy(value)
    assert copied is not value
    assert copied[1][0] is copied


def test_a_tuple_that_holds_itself_is_copied() -> None:
    value: Any = ([1],)
    value[0].append(value)
    copied = own_copy(value)
    assert copied is copied[0][1] is not value


# -- what cannot be copied ---------------------------------------------------------------------------------------------


def numbers() -> Any:
    yield 1


class Client:
    """As the clients of most services: it holds a lock beside what else it holds."""

    def __init__(self) -> None:
        self.calls: list[int] = [1]
        self.lock = threading.Lock()
        self.more: list[int] = [2]


@pytest.mark.parametrize("live", [threading.Lock(), numbers(), threading, asyncio.Event(), Client()])
def test_what_cannot_be_copied_is_handed_out_as_it_is_and_the_rest_is_copied(live: Any) -> None:
    assert own_copy(live) is live
    value = {"live": live, "notes": [1]}
    copied = own_copy(value)
    assert copied["live"] is live
    assert copied["notes"] is not value["notes"]


def test_no_half_copied_part_of_what_cannot_be_copied_is_left_behind() -> None:
    client = Client()
    client.calls.append(client.lock)  # type: ignore[arg-type]
    copied, calls = own_copy([client, client.calls])
    assert copied is client
    assert calls == client.calls


def test_an_event_loops_object_within_another_is_shared() -> None:
    draft = Draft("a")
    draft.ready = asyncio.Event()  # type: ignore[attr-defined]
    copied = own_copy(draft)
    assert copied is not draft
    assert copied.ready is draft.ready  # type: ignore[attr-defined]


class Named:
    """As a logger: it is found again by its name, whatever it holds."""

    def __init__(self) -> None:
        self.known = list(range(2 * COPIED_ELEMENTS))

    def __reduce__(self) -> Any:
        return (named.get, ("it",))


named = {"it": Named()}


def test_what_is_copied_by_its_name_does_not_make_its_object_large() -> None:
    draft = Draft("a", ["b"])
    draft.logger = named["it"]  # type: ignore[attr-defined]
    copied = own_copy(draft)
    assert copied.notes is not draft.notes
    assert copied.logger is draft.logger  # type: ignore[attr-defined]


class Hostile:
    def __deepcopy__(self, memo: object) -> object:
        raise ValueError("no")


def test_an_object_that_refuses_is_handed_out_as_it_is() -> None:
    value = Hostile()
    assert own_copy(value) is value


class Unhashable(type):
    __hash__ = None  # type: ignore[assignment]


def test_an_object_of_a_class_without_a_hash_is_handed_out_as_it_is() -> None:
    value = Unhashable("Odd", (), {})()
    assert own_copy(value) is value
    assert own_copy([value])[0] is value


# -- what is large -----------------------------------------------------------------------------------------------------


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        list(range(COPIED_ELEMENTS + 1)),
        [[0] * 1000 for _ in range(11)],
        {"a": dict.fromkeys(range(COPIED_ELEMENTS))},
        Draft("a", ["b"] * COPIED_ELEMENTS),
        [Draft("a") for _ in range(COPIED_ELEMENTS)],
        deque([[]] * COPIED_ELEMENTS),
        (list(range(COPIED_ELEMENTS)),),
        deep(5000),
        Array(1_100_000),
        Frame(1_100_000),
        bytearray(1_100_000),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_large_or_deep_is_handed_out_as_it_is(value: Any) -> None:
    assert own_copy(value) is value


@pytest.mark.parametrize("large", [Array(1_100_000), Frame(1_100_000)])
def test_a_large_array_is_shared_and_what_is_around_it_copied(large: Any) -> None:
    value = {"large": large, "notes": [1], "draft": Draft("a", [large])}
    copied = own_copy(value)
    assert copied["large"] is copied["draft"].notes[0] is large
    assert copied["notes"] is not value["notes"]


@pytest.mark.parametrize("small", [Array(900_000), Frame(900_000)])
def test_a_small_array_is_copied(small: Any) -> None:
    assert own_copy(small) is not small


def test_small_arrays_count_together() -> None:
    value = [Array(300_000) for _ in range(5)]
    assert own_copy(value) is value


def test_what_python_does_not_show_is_bounded_while_it_is_copied() -> None:
    copies = []

    class Opaque:
        def __reduce__(self) -> Any:
            return (Opaque, (), None, iter([Draft("a") for _ in range(COPIED_ELEMENTS)]))

        def append(self, item: object) -> None:
            copies.append(item)

        extend = None

    value = Opaque()
    assert own_copy(value) is value
    assert 0 < len(copies) < COPIED_ELEMENTS
