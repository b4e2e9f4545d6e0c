"""The codec and numpy: arrays and scalars with the same dtype, shape, order and bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nbgraph.errors import NotStorable, StoreDamaged
from nbgraph.store.classes import KNOWN
from nbgraph.store.codec import pack, unpack
from nbgraph.store.codec_forms import ARRAY, SCALAR
from tests.store.values import check_damage, mark, mutated, there_and_back

POINT = np.dtype([("x", "<f4"), ("name", "S3"), ("at", ">i2", (2, 2)), ("in", [("deep", "?")])])
ARRAYS = [
    *(np.arange(6).reshape(2, 3), np.array(3.5), np.array([]), np.zeros((0, 3, 0)), np.array([True, False])),
    *(np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(20)[::3], np.arange(6).reshape(2, 3).T),
    *(np.array([1 + 2j, complex(-0.0, np.nan)]), np.array(["a", "\ud800\U0001f600"]), np.array([b"a\0b", b""])),
    *(np.array(["2024-02-29", "NaT"], "M8[s]"), np.array([1, 2], "m8[25us]"), np.arange(3, dtype=">u2")),
    *(np.arange(3, dtype=np.float16), np.arange(3, dtype=np.longdouble), np.arange(3, dtype=np.longlong)),
    *(np.zeros(2, POINT), np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True)), np.zeros(2, "V5")),
    *(np.zeros(2, np.dtype({"names": ["a", "b"], "formats": ["i4", "i2"], "offsets": [0, 0], "itemsize": 16})),),
]
SCALARS = [
    *(np.float64(-0.0), np.float32("nan"), np.int8(-1), np.uint64(2**64 - 1), np.bool_(True), np.complex64(1j)),
    *(np.longlong(3), np.longdouble("0.1"), np.str_(""), np.str_("a\0"), np.str_("\ud800"), np.bytes_(b"a\0")),
    *(np.datetime64("2024-02-29"), np.datetime64("NaT", "s"), np.timedelta64(5, "h")),
    *(np.zeros(1, POINT)[0], np.void(b"ab")),
]


def shown(value: Any) -> str:
    return f"{type(value).__name__} {value.dtype} {getattr(value, 'shape', '')}"


def same(one: Any, other: Any) -> bool:
    return (
        type(one) is type(other)
        and (one.dtype, one.dtype.num, one.shape) == (other.dtype, other.dtype.num, other.shape)
        and one.tobytes() == other.tobytes()
    )


@pytest.mark.parametrize("value", ARRAYS, ids=shown)
def test_an_array_comes_back_exactly_and_can_be_written(value: Any) -> None:
    read = there_and_back({"in": [value]})["in"][0]
    assert same(read, value)
    assert read.flags.writeable
    assert read.flags.aligned
    assert read.flags.f_contiguous >= (value.flags.f_contiguous and not value.flags.c_contiguous)


@pytest.mark.parametrize("value", SCALARS, ids=shown)
def test_a_scalar_comes_back_exactly(value: Any) -> None:
    assert same(there_and_back(value), value)


@pytest.mark.slow
@given(arrays.arrays(arrays.scalar_dtypes() | arrays.array_dtypes(), arrays.array_shapes(min_dims=0, min_side=0)))
def test_any_array_comes_back_exactly(value: Any) -> None:
    if not value.dtype.itemsize:
        return
    assert same(there_and_back(value), value)


class Mine(np.ndarray[Any, Any]):
    pass


REFUSED = [
    np.array([1, "a", None], object),
    np.zeros(2, [("a", object)]),
    np.ma.masked_array([1], [True]),
    np.matrix([[1]]) if False else np.arange(2).view(Mine),
    np.arange(2).view(np.recarray),
    np.zeros(2, np.dtype("f8", metadata={"unit": "m"})),
    np.array(["a"], np.dtypes.StringDType()),
    np.random.default_rng(0),
    np.dtype("f8"),
    np.zeros(3, []),
]


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: type(value).__name__)
def test_an_array_that_would_not_be_the_same_is_refused(value: Any) -> None:
    with pytest.raises(NotStorable) as caught:
        pack({"a": [value]})
    assert caught.value.path == '["a"][0]'


DAMAGED = {
    "objects": mark(ARRAY, "O", [1], "C", bytes(8)),
    "objects in fields": mark(ARRAY, [[["a", "|O", 0]], 8, False], [1], "C", bytes(8)),
    "no dtype": mark(ARRAY, "nothing", [1], "C", bytes(8)),
    "a dtype that is code": mark(ARRAY, "(2,)f4,(__import__('os'))", [1], "C", bytes(8)),
    "too few bytes": mark(ARRAY, "<f8", [2], "C", bytes(8)),
    "a huge shape": mark(ARRAY, "<f8", [2**40, 2**40], "C", b""),
    "a shape that overflows": mark(ARRAY, "|u1", [2**63, 0, 2**63], "C", b""),
    "a negative shape": mark(ARRAY, "<f8", [-1, -1], "C", bytes(8)),
    "no order": mark(ARRAY, "<f8", [1], "Q", bytes(8)),
    "a dtype without bytes": mark(ARRAY, "|V0", [2**62], "C", b""),
    "fields beyond the size": mark(ARRAY, [[["a", "<f8", 100]], 8, False], [1], "C", bytes(8)),
    "a scalar cut off": mark(SCALAR, "<f8", b"123"),
    "a scalar that is an object": mark(SCALAR, "|O", bytes(8)),
    "a text that is a number": mark(SCALAR, "str", 5),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_what_was_never_an_array_is_damage(data: bytes) -> None:
    with pytest.raises(StoreDamaged):
        unpack(data, KNOWN)


@settings(max_examples=60, deadline=None)
@given(mutated(st.sampled_from([*ARRAYS, *SCALARS]).map(pack)))
def test_mutated_arrays_are_a_value_or_damage(data: bytes) -> None:
    check_damage(data)


@pytest.mark.slow
@settings(max_examples=5000, deadline=None)
@given(mutated(st.sampled_from([*ARRAYS, *SCALARS]).map(pack)))
def test_thousands_of_mutated_arrays(data: bytes) -> None:
    check_damage(data)
