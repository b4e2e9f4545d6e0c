"""Quick checks: most values are plainly of their type, and a look at their own types shows it.

What is not shown to fit here may fit nevertheless, for a subclass does: a thorough check has to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, get_args, get_origin

from nbgraph.core.annotations import is_any, is_union, plain

Fits = Callable[[Any], bool]
"""Whether a value surely fits."""

_CONTAINERS = (list, dict, set, frozenset, tuple)
_AllFit = Callable[[Iterable[Any]], bool]


def fitting_types(hint: Any) -> frozenset[type] | None:
    """The types whose values fit `hint` whatever they hold; None where more than the type has to be looked at."""
    hint = plain(hint)
    if is_union(hint):
        members = [fitting_types(each) for each in get_args(hint)]
        known = [types for types in members if types is not None]
        return frozenset().union(*known) if len(known) == len(members) else None
    if not isinstance(hint, type) or get_origin(hint) is not None:
        return None
    return frozenset({float, int} if hint is float else {hint})


def quick_check(hint: Any) -> Fits | None:
    """Shows for most values that they fit `hint`; None where nothing can be shown quickly."""
    types = fitting_types(hint)
    if types is not None:
        return lambda value: type(value) in types
    hint = plain(hint)
    if is_union(hint):
        members = [fits for each in get_args(hint) if (fits := quick_check(each))]
        return lambda value: any(fits(value) for fits in members)
    if get_origin(hint) is Literal:
        return _one_of(get_args(hint))
    return _container(get_origin(hint), get_args(hint))


def _one_of(given: tuple[Any, ...]) -> Fits:
    known = frozenset((type(each), each) for each in given)
    return lambda value: isinstance(value, str | int) and (type(value), value) in known


def _container(kind: Any, args: tuple[Any, ...]) -> Fits | None:
    if not args or kind not in _CONTAINERS or (kind is tuple and args[1:] != (...,)):
        return None
    if kind is dict:
        return _dict(_all(args[0]), _all(args[1]))
    every = _all(args[0])
    return (lambda value: type(value) is kind and every(value)) if every else None


def _dict(keys: _AllFit | None, values: _AllFit | None) -> Fits | None:
    if keys is None or values is None:
        return None
    return lambda value: type(value) is dict and keys(value) and values(value.values())


def _all(hint: Any) -> _AllFit | None:
    """Shows of many values that all fit."""
    if is_any(hint):
        return lambda values: True
    types = fitting_types(hint)
    if types is not None:
        return lambda values: types.issuperset(map(type, values))
    fits = quick_check(hint)
    return (lambda values: all(map(fits, values))) if fits else None
