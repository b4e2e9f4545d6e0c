"""The codec, by thousands of values: what is read is what was written; other bytes are refused, and do nothing."""

from __future__ import annotations

import datetime
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from nbgraph.core.updates import Gathered, Overwrite
from nbgraph.store.classes import KNOWN, Classes
from nbgraph.store.codec import pack, unpack
from tests.store.values import check_damage, mark, mutated, same, there_and_back


class Side(Enum):
    LEFT = "l"
    RIGHT = ("r",)


@dataclass(frozen=True)
class Node:
    held: Any
    side: Side = Side.LEFT


class Two(NamedTuple):
    one: Any
    two: Any


class Kept(BaseModel):
    model_config = {"extra": "allow"}
    held: Any = None


for cls in (Side, Node, Two, Kept):
    KNOWN.add(cls)

TEXTS = st.text(st.characters(codec=None))
ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**200), 2**200)
    | st.floats()
    | st.complex_numbers()
    | TEXTS
    | st.binary()
    | st.binary().map(bytearray)
    | st.decimals()
    | st.fractions()
    | st.uuids()
    | st.dates()
    | st.times()
    | st.datetimes(timezones=st.none() | st.timezones())
    | st.timedeltas()
    | st.sampled_from(Side)
    | st.builds(range, st.integers(), st.integers(), st.integers(1))
    | st.just(datetime.UTC)
)
KEYS = st.integers() | TEXTS | st.booleans() | st.none() | st.tuples(st.integers(), TEXTS) | st.sampled_from(Side)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists, dicts = st.lists(inner, max_size=5), st.dictionaries(KEYS, inner, max_size=5)
    return (
        lists
        | dicts
        | lists.map(tuple)
        | lists.map(deque)
        | st.frozensets(KEYS, max_size=5)
        | st.sets(KEYS, max_size=5)
        | dicts.map(OrderedDict)
        | dicts.map(Counter)
        | st.builds(Overwrite, inner)
        | st.builds(Node, inner, st.sampled_from(Side))
        | st.builds(Two, inner, inner)
        | st.builds(lambda held, extra: Kept.model_construct(held=held, extra=extra), inner, inner)
        | lists.map(lambda values: Gathered(tuple(values), tuple([True] * len(values))))
    )


VALUES = st.recursive(ATOMS, containers, max_leaves=20)
FEW = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
MANY = settings(max_examples=3000, suppress_health_check=[HealthCheck.too_slow], deadline=None)


def alike(one: Any, other: Any) -> bool:
    """As `same`, and into what holds others."""
    if type(one) is not type(other):
        return False
    for kind, parts in (
        (Overwrite, lambda value: value.value),
        (Node, lambda value: (value.held, value.side)),
        (Kept, lambda value: (vars(value), value.model_extra, value.model_fields_set)),
        (deque, lambda value: (list(value), value.maxlen)),
    ):
        if isinstance(one, kind):
            return alike(parts(one), parts(other))
    if isinstance(one, dict):
        return alike(list(one.items()), list(other.items()))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    return same(one, other)


def check_round_trip(value: Any) -> None:
    assert alike(there_and_back(value), value)
    data = pack(value)
    assert pack(unpack(data, Classes())) == data


@pytest.mark.slow
@FEW
@given(VALUES)
def test_what_is_read_is_what_was_written(value: Any) -> None:
    check_round_trip(value)


@FEW
@given(st.binary())
def test_random_bytes_are_a_value_or_damage(data: bytes) -> None:
    check_damage(data)


@FEW
@given(mutated(VALUES.map(pack)))
def test_mutated_bytes_are_a_value_or_damage(data: bytes) -> None:
    check_damage(data)


PARTS = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**40) | st.floats() | st.text(max_size=5) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@FEW
@given(st.integers(0, 90), st.lists(PARTS, max_size=6))
def test_marks_with_parts_of_any_kind_are_a_value_or_damage(code: int, parts: list[Any]) -> None:
    check_damage(mark(code, *parts))


@pytest.mark.slow
@MANY
@given(VALUES)
def test_thousands_of_values(value: Any) -> None:
    check_round_trip(value)


@pytest.mark.slow
@MANY
@given(
    st.binary()
    | mutated(VALUES.map(pack))
    | st.builds(lambda code, parts: mark(code, *parts), st.integers(0, 90), st.lists(PARTS))
)
def test_thousands_of_damages(data: bytes) -> None:
    check_damage(data)
