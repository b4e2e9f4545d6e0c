"""Forms: what a value becomes before it is msgpack, and what the modules of the codec share.

None, bool, int, float, str, bytes, list and dict are their own form. All else is an extension of msgpack, whose code
says what it is: alone, with its bytes (a leaf), or as the first element of a list, without any (a mark).

Codes are never used for anything else again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

from msgspec.msgpack import Ext

from nbgraph.errors import NotStorable
from nbgraph.store.classes import Classes

DEPTH: Final = 100
"""How many containers may stand in each other."""

SIZE: Final = 1 << 30
"""How many bytes a value may take."""

# Leaves.
INT, TEXT, COMPLEX, BYTEARRAY, DATE, TIME, DATETIME, DECIMAL, UUID, ZONE = range(1, 11)
PURE_POSIX_PATH, PURE_WINDOWS_PATH, POSIX_PATH, WINDOWS_PATH, ELLIPSIS = range(11, 16)
NAT, NA = range(16, 18)
# Marks.
TUPLE, SET, FROZENSET, DICT, RANGE, DEQUE, ORDERED_DICT, COUNTER, DEFAULT_DICT = range(32, 41)
AWARE_DATETIME, AWARE_TIME, TIMEDELTA, TIMEZONE, FRACTION, OVERWRITE, GATHERED = range(41, 48)
DATACLASS, NAMED_TUPLE, MODEL, MEMBER, FLAGS = range(48, 53)
ARRAY, SCALAR = range(56, 58)
FRAME, SERIES, INDEX, TIMESTAMP, PANDAS_TIMEDELTA = range(60, 65)
TABLE, IMAGE = range(72, 74)

MARKS: Final = tuple([Ext(code, b"") for code in range(80)])


class Writer(Protocol):
    """Gives the form of values; `left` is how many levels of containers may follow."""

    def form(self, value: Any, left: int) -> Any:
        """The form of `value`; NotStorable where it has none."""


class Reader(Protocol):
    """Gives the values of forms; `left` is how many levels of containers may follow."""

    classes: Classes

    def value(self, form: Any, left: int) -> Any:
        """The value of `form`; Malformed, or any other error of its parts, where it has none."""


class Malformed(Exception):
    """A form that no value has; the message is a sentence that ends the one of StoreDamaged."""


Make = Callable[[Writer, Any, int], Any]
Read = Callable[[Reader, list[Any], int], Any]
Leaf = Callable[[bytes], Any]


class Kinds(NamedTuple):
    """What a module of the codec knows: how types are written, by type, and how leaves and marks are read, by code."""

    make: dict[type, Make]
    leaves: dict[int, Leaf]
    marks: dict[int, Read]


def refusal(kind: str, why: str) -> NotStorable:
    """What says that a value is not kept; `within` then says where it stands."""
    return NotStorable(kind, "", f"{why}.")


def exactly(kind: type, value: Any) -> Any:
    """`value`, which must be of just that type; Malformed where it is not."""
    if type(value) is not kind:
        raise Malformed(f"there is a value of the type {type(value).__name__} where {kind.__name__} should be")
    return value
