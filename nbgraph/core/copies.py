"""Copies: what a node is handed is its own.

A copy is exact for what the state usually holds and bounded for everything: what is large, or cannot be copied, is
handed out as it is, for a step must not pay for what it does not touch.
"""

from __future__ import annotations

import copy
import datetime
import decimal
import types
import uuid
from collections import deque
from collections.abc import Callable, Collection
from enum import Enum
from functools import lru_cache
from pathlib import PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import Any, NamedTuple

COPIED_ELEMENTS = 10_000  # of a value, in all its levels
BYTES_AN_ELEMENT = 100  # of an array or a frame: so 1 MB is as much as a value may hold

ATOMS = frozenset(  # types whose values never change, or are one thing wherever they are
    {
        *(type(None), type(...), bool, int, float, complex, str, bytes, range, type, object),
        *(datetime.date, datetime.datetime, datetime.time, datetime.timedelta, datetime.timezone),
        *(decimal.Decimal, uuid.UUID, PosixPath, PurePosixPath, WindowsPath, PureWindowsPath),
        *(types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType, types.GeneratorType),
    }
)
_CONTAINERS = (list, dict, tuple, set, frozenset, deque)


class _TooLarge(Exception):
    """A value is more than what may be copied."""


class _Copied(dict[int, Any]):
    """The copies made so far, by the id of the original, as `copy.deepcopy` keeps them; `left` is what may be added."""

    left = COPIED_ELEMENTS

    def __setitem__(self, key: int, value: Any) -> None:  # by deepcopy, which cannot be counted otherwise
        self.pay(0)
        _note(self, key, value)

    def pay(self, elements: int) -> None:
        self.left -= elements + 1
        if self.left < 0:
            raise _TooLarge

    def keep_first(self, count: int) -> None:
        while len(self) > count:
            self.popitem()


_note = dict.__setitem__


def own_copy(value: Any) -> Any:
    """A copy of `value` that a node may change in place without affecting anybody else.

    Containers are copied on all levels, other objects by `copy.deepcopy`; what is shared within the value stays so.
    Values that never change are given as they are, and so are:

    - an object that cannot be copied (a client, a lock, a generator), also where it is part of a container;
    - an array or a frame of more than 1 MB, likewise;
    - a value of more than `COPIED_ELEMENTS` elements in all.
    """
    try:
        kind = type(value)
        if kind in ATOMS:
            return value
        if kind is list and len(value) < COPIED_ELEMENTS and ATOMS.issuperset(map(type, value)):
            return value[:]
        return _copied(value, _Copied())
    except (Exception, SystemExit):  # too large, too deep, or it does not let itself be looked at
        return value


def _copied(value: Any, made: _Copied) -> Any:
    if id(value) in made:
        return made[id(value)]
    kind = type(value)
    if kind is dict or kind is list:
        return _of_json(value, kind, made)
    if kind in (tuple, set, frozenset) or is_namedtuple(kind):
        return _rebuilt(value, kind, made)
    return _object(value, made)


def _of_json(value: Any, kind: type, made: _Copied) -> Any:
    """A copy of a list or dict."""
    made.left -= len(value) + 1
    if made.left < 0:
        raise _TooLarge
    copied = value.copy()
    _note(made, id(value), copied)
    if ATOMS.issuperset(map(type, value if kind is list else value.values())):
        return copied
    for place, item in enumerate(value) if kind is list else value.items():
        if type(item) not in ATOMS:
            copied[place] = _copied(item, made)
    return copied


def _rebuilt(value: Any, kind: Any, made: _Copied) -> Any:
    """A copy of a set or tuple; one that never changes is given as it is."""
    made.pay(len(value))
    if ATOMS.issuperset(map(type, value)):
        return value.copy() if kind is set else value
    items = [item if type(item) in ATOMS else _copied(item, made) for item in value]
    if id(value) in made:  # a tuple that holds itself, by way of a list
        return made[id(value)]
    if kind is not set and all(map(_is, items, value)):
        return value
    copied = kind._make(items) if is_namedtuple(kind) else kind(items)
    _note(made, id(value), copied)
    return copied


def _is(one: object, other: object) -> bool:
    return one is other


def is_namedtuple(kind: type) -> bool:
    return issubclass(kind, tuple) and hasattr(kind, "_make")


# Objects


class Nature(NamedTuple):
    """What is known of the objects of a class.

    `fixed`: they never change, or live in an event loop. `sized`: arrays and frames tell how many bytes they take.
    `holds`: they are containers too. `open`: what is copied of them is their attributes. `slots`: the names of those
    that are not in `__dict__`.
    """

    fixed: bool
    sized: bool
    holds: bool
    open: bool
    slots: tuple[str, ...]


def _nature(kind: type) -> Nature:
    bases = kind.__mro__[:-1]
    named = [(base, name) for base in bases for name in _declared_slots(base)]
    return Nature(
        fixed=issubclass(kind, type | Enum) or kind.__module__.partition(".")[0] == "asyncio",
        sized=kind is bytearray or hasattr(kind, "nbytes") or hasattr(kind, "memory_usage"),
        holds=issubclass(kind, _CONTAINERS),
        open=not any({"__reduce__", "__reduce_ex__"} & vars(base).keys() for base in bases),
        slots=tuple(_mangled(base, name) for base, name in named if name not in ("__dict__", "__weakref__")),
    )


nature: Callable[[type], Nature] = lru_cache(maxsize=500)(_nature)
"""What is known of the objects of a class."""


def _declared_slots(kind: type) -> tuple[str, ...]:
    slots = vars(kind).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _mangled(kind: type, name: str) -> str:
    private = name.startswith("__") and not name.endswith("__")
    return f"_{kind.__name__.lstrip('_')}{name}" if private else name


def attributes(value: Any) -> dict[str, Any]:
    """The attributes that an object has of its own, those in slots too."""
    held = dict(getattr(value, "__dict__", ()))
    for name in nature(type(value)).slots:
        if hasattr(value, name):
            held[name] = getattr(value, name)
    return held


def _object(value: Any, made: _Copied) -> Any:
    if nature(type(value)).fixed:
        return value
    known = len(made)
    try:
        _pay_for(value, made)
        return copy.deepcopy(value, made)
    except (_TooLarge, RecursionError):
        raise
    except Exception:  # it cannot be copied, and its parts were copied to no end
        made.keep_first(known)
        return value


def _pay_for(value: Any, made: _Copied) -> None:
    """Count what an object holds before it is copied; what is not to be copied is noted as its own copy."""
    seen: set[int] = set()
    left = [value]
    while left:
        inner = left.pop()
        if id(inner) in seen or id(inner) in made:
            continue
        seen.add(id(inner))
        kind = nature(type(inner))
        size = _bytes(inner) // BYTES_AN_ELEMENT if kind.sized else 0
        if kind.fixed or size > COPIED_ELEMENTS:
            _note(made, id(inner), inner)
            continue
        for parts in _parts(inner, kind):
            made.pay(size + len(parts))
            left += [part for part in parts if type(part) not in ATOMS]


def _parts(value: Any, kind: Nature) -> list[Collection[Any]]:
    """What an object holds as far as Python shows it: its elements, and its attributes where those are copied."""
    parts: list[Collection[Any]] = [attributes(value).values()] if kind.open else []
    if kind.holds:
        parts.append(value.values() if isinstance(value, dict) else value)
    return parts


def _bytes(value: Any) -> int:
    if isinstance(value, bytearray):
        return len(value)
    if hasattr(value, "nbytes"):
        return int(value.nbytes)
    return int(value.memory_usage(index=True, deep=False).sum())
