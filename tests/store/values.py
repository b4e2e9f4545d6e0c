"""What the tests of the codec compare by: the same type everywhere, the same bits, the same order."""

from __future__ import annotations

import struct
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec.msgpack import Ext

from nbgraph.errors import NotStorable, StoreDamaged
from nbgraph.store.classes import KNOWN, Classes
from nbgraph.store.codec import pack, unpack


def same(one: Any, other: Any) -> bool:
    """Whether two values are alike in type, bits and order, on all levels."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return struct.pack("d", one) == struct.pack("d", other)
    if isinstance(one, complex):
        return same(one.real, other.real) and same(one.imag, other.imag)
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    if isinstance(one, set | frozenset):
        return same(sorted(map(pack, one)), sorted(map(pack, other)))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, Decimal):  # a signalling NaN cannot be compared
        return str(one) == str(other)
    return bool(one == other) and (isinstance(one, int) or repr(one) == repr(other))


def there_and_back(value: Any) -> Any:
    """What is read of a value; its bytes must be the same when it is written again."""
    data = pack(value)
    read = unpack(data, KNOWN)
    assert pack(read) == data
    return read


def is_kept_exactly(value: Any) -> bool:
    return same(there_and_back(value), value)


def mark(code: int, *parts: Any) -> bytes:
    """The bytes of a value of many parts, as somebody else might write them."""
    return msgspec.msgpack.encode([Ext(code, b""), *parts])


def leaf(code: int, data: bytes) -> bytes:
    """The bytes of a value of one part, as somebody else might write them."""
    return msgspec.msgpack.encode(Ext(code, data))


def check_damage(data: bytes) -> None:
    """Either it is a value, which is then written and read as itself, or it is damage; nothing else happens."""
    for classes in (KNOWN, Classes()):
        try:
            value = unpack(data, classes)
        except StoreDamaged:
            continue
        try:
            again = pack(value)
        except NotStorable:
            continue  # a class may be filled with what its own code would not have
        assert pack(unpack(again, classes)) == again


@st.composite
def mutated(draw: st.DrawFn, packed: st.SearchStrategy[bytes]) -> bytes:
    """Bytes of values with a few bytes changed, cut out, put in or repeated."""
    data = bytearray(draw(packed))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data) - 1))
        change = draw(st.sampled_from(["flip", "cut", "insert", "repeat"]))
        if change == "flip":
            data[place] = draw(st.integers(0, 255))
        elif change == "cut":
            del data[place : place + draw(st.integers(1, 3))]
        elif change == "insert":
            data[place:place] = draw(st.binary(max_size=5))
        else:
            data[place:place] = data[place : place + 20]
        data = data or bytearray(b"\xc1")
    return bytes(data)
