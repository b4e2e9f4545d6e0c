"""Fingerprints: equal for equal values, different for different ones, the same in every process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import OrderedDict, deque, namedtuple
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, Flag
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from nbgraph.core.copies import own_copy
from nbgraph.core.fingerprints import NoFingerprint, fingerprint

atoms = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.complex_numbers(allow_nan=False),
    st.text(),
    st.binary(),
    st.dates(),
    st.datetimes(),
    st.decimals(allow_nan=False),
    st.uuids(),
    st.fractions(),
)
keys = st.one_of(st.text(), st.integers(), st.tuples(st.integers(), st.text()))
values = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(keys, inner, max_size=4),
        st.frozensets(keys, max_size=4),
        st.sets(keys, max_size=4),
    ),
    max_leaves=8,
)
quiet = settings(deadline=None, max_examples=300, derandomize=True)


@dataclass
class Point:
    x: int
    y: Any = 0
    hidden: list[int] = field(default_factory=list, repr=False, compare=False)


@dataclass
class Other:
    x: int
    y: Any = 0


class Colour(Enum):
    RED = 1
    BLUE = 2


class Right(Flag):
    READ = 1
    WRITE = 2


class Model(BaseModel):
    x: int
    _kept: int = 0


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    x: int


class Tagged(list):  # type: ignore[type-arg]
    tag = ""


class TaggedDict(dict):  # type: ignore[type-arg]
    tag = ""


Pair = namedtuple("Pair", "x y")
Twin = namedtuple("Twin", "x y")


def exactly(value: Any) -> str:
    """A text that is the same for values of the same types with the same contents."""
    if isinstance(value, set | frozenset):
        return f"{type(value)}{sorted(map(exactly, value))}"
    if isinstance(value, list | tuple):
        return f"{type(value)}{[exactly(item) for item in value]}"
    if isinstance(value, dict):
        return f"{type(value)}{[(exactly(key), exactly(item)) for key, item in value.items()]}"
    return f"{type(value)}{value!r}"


@pytest.mark.slow
@quiet
@given(values)
def test_a_copy_has_the_same_fingerprint(value: Any) -> None:
    assert fingerprint(own_copy(value)) == fingerprint(value)


@pytest.mark.slow
@quiet
@given(values, values)
def test_two_values_have_the_same_fingerprint_just_if_they_are_the_same(one: Any, other: Any) -> None:
    assert (fingerprint(one) == fingerprint(other)) == (exactly(one) == exactly(other))


@pytest.mark.slow
@quiet
@given(st.lists(values, max_size=3), st.lists(values, max_size=3))
def test_several_values_are_not_mixed_up(one: list[Any], other: list[Any]) -> None:
    assert (fingerprint(*one) == fingerprint(*other)) == (exactly(one) == exactly(other))


@pytest.mark.slow
@quiet
@given(st.lists(keys, unique=True, max_size=5), st.randoms())
def test_the_order_in_which_a_set_was_filled_does_not_matter(items: list[Any], order: Any) -> None:
    shuffled = items[:]
    order.shuffle(shuffled)
    assert fingerprint(set(items)) == fingerprint(set(shuffled))


DIFFERENT = [
    (1, 1.0),
    (1, True),
    (0, False),
    (0.0, -0.0),
    ("1", 1),
    ("a", b"a"),
    ("", None),
    ([], ()),
    ([], {}),
    (set(), frozenset()),
    ([[1], 2], [[1, 2]]),
    (["a", "b"], ["ab"]),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),  # a node can see the order
    ({1: "a"}, {"1": "a"}),
    ({}, OrderedDict()),
    (Point(1), Point(2)),
    (Point(1), Other(1)),
    (Point(1, [1]), Point(1, (1,))),
    (Point(1, hidden=[1]), Point(1, hidden=[2])),
    (Pair(1, 2), Twin(1, 2)),
    (Pair(1, 2), (1, 2)),
    (Colour.RED, Colour.BLUE),
    (Right.READ, Right.READ | Right.WRITE),
    (Model(x=1), Model(x=2)),
    (Open(x=1, more=1), Open(x=1, more=2)),
    (Open(x=1), Model(x=1)),
    (datetime(2020, 1, 1), datetime(2020, 1, 1, tzinfo=UTC)),
    (datetime(2020, 1, 1, fold=0), datetime(2020, 1, 1, fold=1)),
    (date(2020, 1, 1), datetime(2020, 1, 1)),
    (timedelta(1), timedelta(2)),
    (Decimal("1.0"), Decimal("1.00")),
    (Fraction(1, 2), Fraction(1, 3)),
    (Path("a"), "a"),
    (Path("a"), PurePosixPath("a")),
    (UUID(int=1), UUID(int=2)),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=[f"{one!r} {other!r}" for one, other in DIFFERENT])
def test_what_a_node_can_tell_apart_has_another_fingerprint(one: Any, other: Any) -> None:
    assert fingerprint(one) != fingerprint(other)
    assert fingerprint([one]) != fingerprint([other])
    assert fingerprint(one) == fingerprint(own_copy(one))


@pytest.mark.parametrize("kind", [Tagged, TaggedDict])
def test_the_attributes_of_a_container_count_too(kind: Any) -> None:
    one, other = kind(), kind()
    one.tag, other.tag = "a", "b"
    assert fingerprint(one) != fingerprint(other)


def test_what_is_kept_privately_in_a_model_counts_too() -> None:
    one, other = Model(x=1), Model(x=1)
    other._kept = 5
    assert fingerprint(one) != fingerprint(other)


def test_nan_is_like_itself() -> None:
    assert fingerprint(float("nan")) == fingerprint(float("nan"))


@pytest.mark.parametrize(
    "value", [object(), threading.Lock(), lambda: 1, deque([1]), iter([]), int, [1, {"a": (object(),)}]], ids=str
)
def test_what_cannot_be_told_from_others_has_none(value: Any) -> None:
    with pytest.raises(NoFingerprint):
        fingerprint(value)


def test_what_holds_itself_has_none() -> None:
    inside: list[Any] = []
    inside.append(inside)
    with pytest.raises(NoFingerprint):
        fingerprint(inside)


PROGRAM = """
from datetime import datetime
from nbgraph.core.fingerprints import fingerprint
value = {"a": {"x", "y", "z", 1, (2, "b")}, "b": [1.5, None, datetime(2020, 1, 1)]}
print(fingerprint("n", value, frozenset("abcdef")))
"""


@pytest.mark.slow
def test_a_fingerprint_is_the_same_in_every_process() -> None:
    found = set()
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        found.add(ran.stdout.strip())
    assert len(found) == 1
    assert len(found.pop()) == 32
