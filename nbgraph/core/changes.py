"""Changes: whether a node has changed in place what it was handed.

Told by comparing it with the original. In doubt nothing has changed: to miss a change costs a hint, for nobody else
sees the change anyway; to report one that there was not would teach people to look away.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from nbgraph.core.copies import ATOMS, attributes, nature, own_copy
from nbgraph.core.updates import Overwrite

_Seen = set[tuple[int, int]]


def changed_keys(originals: Mapping[str, Any], handed: Mapping[str, Any], update: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys whose values a node changed in place without returning them.

    Args:
        originals: the values of the keys that the node read.
        handed: the copies of them that it was given, see `own_copy`.
        update: what it returned.
    """
    returned = {id(value.value if type(value) is Overwrite else value) for value in update.values()}
    return tuple(
        key
        for key, value in handed.items()
        if key not in update and id(value) not in returned and changed_in_place(originals.get(key, value), value)
    )


def in_place(node: str, key: str) -> str:
    """The sentence for a person whose node changed the value of `key` in place."""
    return f"{node} changed {key} in place; that is seen nowhere else. To keep the change return {{{key!r}: {key}}}."


def changed_in_place(original: Any, handed: Any) -> bool:
    """Whether a node changed `handed`, its copy of `original`; never raises.

    False where both are one object (a large value), and for objects of which even an untouched copy differs.
    """
    if handed is original:
        return False
    try:
        return _equal(original, handed) is not True and _changed(original, handed)
    except (Exception, SystemExit):  # too deep, or an attribute that cannot be read
        return False


def _changed(original: Any, handed: Any) -> bool:
    return _differs(original, handed, set()) and not _differs(original, own_copy(original), set())


def _equal(one: Any, other: Any) -> bool | None:
    """What `==` tells, which is None for arrays and frames."""
    try:
        equal = one == other
    except (Exception, SystemExit):
        return None
    return equal if equal is True or equal is False else None


def _differs(one: Any, other: Any, seen: _Seen) -> bool:
    if one is other or (id(one), id(other)) in seen:
        return False
    if type(one) is not type(other):
        return True
    if type(one) in ATOMS:
        return bool(one != other and (one == one or other == other))  # two NaN do not differ
    seen.add((id(one), id(other)))
    if type(one) in (list, tuple, dict, set, frozenset):
        return _elements_differ(one, other, seen)
    return _objects_differ(one, other, seen)


def _elements_differ(one: Any, other: Any, seen: _Seen) -> bool:
    if len(one) != len(other):
        return True
    if isinstance(one, set | frozenset):  # the copies of elements that are no atoms cannot be found again
        return {each for each in one if type(each) in ATOMS} != {each for each in other if type(each) in ATOMS}
    if isinstance(one, dict):
        return one.keys() != other.keys() or any(_differs(one[key], other[key], seen) for key in one)
    return any(_differs(mine, yours, seen) for mine, yours in zip(one, other, strict=True))


def _objects_differ(one: Any, other: Any, seen: _Seen) -> bool:
    equal = _equal(one, other)
    if equal is True:
        return False
    if equal is None and (hasattr(one, "equals") or hasattr(one, "tobytes")):
        return _arrays_differ(one, other)
    if nature(type(one)).holds and _elements_differ(one, other, seen):
        return True
    if _attributes_differ(one, other, seen):
        return True
    # nothing that Python shows: the word of `==` counts where it knows a copy for what it is
    return equal is False and _equal(one, own_copy(one)) is True


def _arrays_differ(one: Any, other: Any) -> bool:
    if hasattr(one, "equals"):
        return not one.equals(other)
    if getattr(one.dtype, "hasobject", False):  # their bytes are addresses
        return False
    return bool(one.shape != other.shape or one.tobytes() != other.tobytes())


def _attributes_differ(one: Any, other: Any, seen: _Seen) -> bool:
    mine, yours = attributes(one), attributes(other)
    return any(
        name not in mine or name not in yours or _differs(mine[name], yours[name], seen)
        for name in {**mine, **yours}
        if not _is_cache(type(one), name, mine.get(name))
    )


def _is_cache(kind: type, name: str, before: Any) -> bool:
    """Whether an attribute looks like one that reading fills, which is no change."""
    if name[0] == "_":
        return before is None or "cache" in name
    return before is None and isinstance(getattr(kind, name, None), cached_property)
