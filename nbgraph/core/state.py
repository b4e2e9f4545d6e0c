"""State: the keys a graph declares, the reducers that fold parallel updates, and what a node's return value writes.

A reducer takes the value so far (None where there is none yet) and one update, and returns the new value. It never
changes the old value: other branches may still see it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from itertools import compress
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

from nbgraph.core.edges import check_name
from nbgraph.errors import DeclarationError, UpdateError, brief, told

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


_BUILT_IN = ("append", "extend", "add", "merge", "union", "last")


def _listed(values: Any) -> Any:
    if values is None:
        return ()
    if isinstance(values, list | tuple):
        return values
    raise TypeError(f"a list is needed, not {type(values).__name__}")


class Schema(NamedTuple):
    """What a `%%state` class declares: keys with their annotations, defaults and reducers."""

    keys: tuple[str, ...] = ()
    annotations: Mapping[str, Any] = {}
    defaults: Mapping[str, Any] = {}
    reducers: Mapping[str, Reducer] = {}

    def fresh_defaults(self) -> dict[str, Any]:
        """The defaults as copies of their own, for a new run."""
        return {key: copy.deepcopy(value) for key, value in self.defaults.items()}


def read_schema(declared: type) -> Schema:
    """The schema that a class with annotated fields declares.

    `Annotated[list[str], append]` gives a key its reducer, a class attribute its default.

    Raises:
        DeclarationError: the class declares no key, a reserved name, or two reducers for one key.
    """
    try:
        hints = get_type_hints(declared, include_extras=True)
    except NameError as error:
        raise DeclarationError(f"class {declared.__name__}: {error}; import it before this cell.") from None
    except Exception as error:  # an annotation may be any text
        raise DeclarationError(f"class {declared.__name__} has an annotation that cannot be read: {error}.") from None
    if not hints:
        raise DeclarationError(f"class {declared.__name__} declares no key; write fields such as `topic: str`.")
    for key in hints:
        check_name(key, "key")
    stray = sorted(key for key in vars(declared) if not key.startswith("__") and key not in hints)
    if stray:
        raise DeclarationError(f"{declared.__name__}.{stray[0]} has no annotation; write `{stray[0]}: type = ...`.")
    reducers = {key: _reducer(key, hint) for key, hint in hints.items()}
    given = {key: value for base in reversed(declared.__mro__[:-1]) for key, value in vars(base).items()}
    defaults = {key: given[key] for key in hints if key in given}
    return Schema(tuple(hints), hints, defaults, {key: reducer for key, reducer in reducers.items() if reducer})


def _reducer(key: str, hint: Any) -> Reducer | None:
    if get_origin(hint) is not Annotated:
        return None
    quoted = [extra for extra in get_args(hint)[1:] if isinstance(extra, str) and extra in _BUILT_IN]
    if quoted:
        name = quoted[0]
        raise DeclarationError(
            f"the key {key!r} has {name!r} as a text; `from nbgraph import {name}` and write {name}."
        )
    found = [extra for extra in get_args(hint)[1:] if callable(extra)]
    if len(found) > 1:
        raise DeclarationError(f"the key {key!r} has {len(found)} reducers; keep one.")
    return found[0] if found else None


def as_update(node: str, writes: tuple[str, ...] | None, returned: Any) -> Mapping[str, Any]:
    """The update that a node's return value stands for.

    Args:
        node: the node's name, which is also the key of a value that is no dict.
        writes: the declared keys, or None where none were declared.
        returned: what the node returned; None writes nothing.

    Raises:
        UpdateError: it does not fit `writes`, or a dict's key is no name.
    """
    if returned is None:
        return {}
    if writes is None:
        return _free_update(node, returned) if isinstance(returned, dict) else {node: returned}
    if len(writes) == 1:
        return {writes[0]: returned}
    if isinstance(returned, dict) and set(returned) == set(writes):
        return returned
    got = (
        f"a dict with {', '.join(map(repr, returned)) or 'no keys'}" if isinstance(returned, dict) else _brief(returned)
    )
    raise UpdateError(
        f"{node} writes {', '.join(writes)} and so returns a dict with just those keys; it returned {got}."
    )


_spelling: dict[str, str] = {}  # of names already checked: a step must not pay for it twice


def _free_update(node: str, returned: dict[Any, Any]) -> dict[str, Any]:
    update = {}
    for key, value in returned.items():
        spelt = _spelling.get(key) if type(key) is str else None
        update[spelt or _checked(node, key)] = value
    return update


def _checked(node: str, key: Any) -> str:
    if not isinstance(key, str):
        raise UpdateError(
            f"{node} returned a dict with the key {brief(key)}, which is no name of a key. "
            f"To keep the dict as one value, declare `--writes {node}`."
        )
    try:
        spelt = check_name(key, "key")
    except DeclarationError as error:
        why = f"{node} returned the key {brief(key)}: {error}"
        raise UpdateError(f"{why}; `--writes {node}` keeps the dict as one value.") from None
    if len(_spelling) < 10_000:
        _spelling[key] = spelt
    return spelt


def _brief(value: Any) -> str:
    return f"{type(value).__name__} {brief(value)}"


class Gathered(NamedTuple):
    """What the items of a map wrote to one key, in item order; those that did not write it give None, see `wrote`."""

    values: tuple[Any, ...]
    wrote: tuple[bool, ...]


def combine_items(updates: list[Mapping[str, Any]], known: tuple[str, ...]) -> tuple[tuple[str, Gathered], ...]:
    """What a map over items writes, from the items' updates in item order; `known` keys are written even by no item."""
    keys = dict.fromkeys(known)
    for update in updates:
        keys |= dict.fromkeys(update)
    return tuple(
        (key, Gathered(tuple([update.get(key) for update in updates]), tuple([key in update for update in updates])))
        for key in keys
    )


def plain_value(written: Any) -> Any:
    """What a plain key holds after `written`: a map gives the list of its items' values."""
    return list(written.values) if type(written) is Gathered else written


def fold_into(values: dict[str, Any], key: str, reducer: Reducer, written: Any, node: str) -> None:
    """Fold what `node` wrote into the value of `key`, item by item where it is mapped.

    Raises:
        UpdateError: the reducer refused a value.
    """
    for value in compress(written.values, written.wrote) if type(written) is Gathered else (written,):
        try:
            values[key] = reducer(values.get(key), value)
        except Exception as error:
            name = getattr(reducer, "__name__", "the reducer")
            raise UpdateError(f"{name}({key}) refused what {node} wrote, {brief(value)}: {told(error)}.") from error


COPIED_ELEMENTS = 10_000  # what is larger is handed out as it is: a step must not pay for what it does not touch


def own_copy(value: Any) -> Any:
    """A copy of a list, dict or set, also within others, so that a node that changes it in place affects nobody else.

    Other values, and containers of more than `COPIED_ELEMENTS` elements in all, are given as they are.
    """
    if type(value) not in (list, dict, set):
        return value
    left = [COPIED_ELEMENTS]
    try:
        copied = _copied(value, left)
    except RecursionError:
        return value
    return copied if left[0] >= 0 else value


def _copied(value: Any, left: list[int]) -> Any:
    kind = type(value)
    if kind not in (list, dict, set):
        return value
    left[0] -= len(value) + 1
    if left[0] < 0:
        return value
    if kind is dict:
        return {key: _copied(item, left) for key, item in value.items()}
    return set(value) if kind is set else [_copied(item, left) for item in value]
