"""Reducers: how parallel updates of one key are folded into one value.

A reducer takes the value so far (None where there is none yet) and one update, and returns the new value. It never
changes the old value: other branches may still see it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from nbgraph.errors import DeclarationError

Reducer = Callable[[Any, Any], Any]


def append(current: Any, value: Any) -> list[Any]:
    """A list with `value` as its new last element."""
    return [*_listed(current), value]


def extend(current: Any, values: Any) -> list[Any]:
    """A list with all of `values` (a list or tuple) at its end."""
    return [*_listed(current), *_listed(values)]


def add(current: Any, value: Any) -> Any:
    """The sum of both."""
    return value if current is None else current + value


def merge(current: Any, value: Any) -> dict[Any, Any]:
    """A dict with the entries of both; those of `value` win."""
    if not isinstance(value, Mapping):
        raise TypeError(f"merge takes a dict, not {type(value).__name__}")
    return {**(current or {}), **value}


def union(current: Any, value: Any) -> set[Any]:
    """A set with the elements of both."""
    if isinstance(value, str):
        raise TypeError("union takes a set or list, not str")
    return set(current or ()) | set(value)


def last(current: Any, value: Any) -> Any:
    """The later of both, where branches meet in declaration order."""
    return value


def messages(current: Any, value: Any) -> list[Any]:
    """A conversation with one message more, or with all of a list; one that has the "id" of an earlier takes its place.

    A message is a dict such as `{"role": "user", "content": "Hello"}`.
    """
    talk = list(_listed(current))
    places = {message["id"]: place for place, message in enumerate(talk) if "id" in message}
    for message in [value] if isinstance(value, Mapping) else _listed(value):
        if not isinstance(message, Mapping):
            raise TypeError(f"messages takes messages, which are dicts, not {type(message).__name__}")
        place = places.get(message.get("id", None))
        if place is None:
            talk.append(message)
        else:
            talk[place] = message
    return talk


BUILT_IN: dict[str, Reducer] = {each.__name__: each for each in (append, extend, add, merge, union, last, messages)}


def _listed(values: Any) -> Any:
    if values is None:
        return ()
    if isinstance(values, list | tuple):
        return values
    raise TypeError(f"a list is needed, not {type(values).__name__}")


def check_reducer(key: str, reducer: Callable[..., Any]) -> None:
    """Refuse a reducer of `key` that cannot be called with two values; one that does not tell is taken at its word.

    Raises:
        DeclarationError: it takes fewer or more, or is async.
    """
    name = getattr(reducer, "__name__", type(reducer).__name__)
    if inspect.iscoroutinefunction(reducer):
        raise DeclarationError(f"the key {key!r} has the async reducer {name}; a reducer is a plain def.")
    try:
        signature = inspect.signature(reducer)
    except (TypeError, ValueError):  # some built-in functions have none
        return
    try:
        signature.bind(None, None)
    except TypeError:
        raise DeclarationError(
            f"the key {key!r} has the reducer {name}{signature}, which cannot be called with two values; "
            f"a reducer takes the value so far and the update, as in def {name}(current, update)."
        ) from None
