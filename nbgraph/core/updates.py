"""Updates: what a node's return value writes, and how that becomes the value of a key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import compress
from typing import Any, NamedTuple

from nbgraph.core.names import check_name
from nbgraph.core.reducers import Reducer
from nbgraph.errors import DeclarationError, UpdateError, brief, told


@dataclass(frozen=True, slots=True)
class Overwrite:
    """Returned for a key with a reducer, `value` takes the place of all that was folded before; no reducer is called.

    For a key without a reducer it is the value itself.
    """

    value: Any


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


class Later:
    """A large value of a stored run, which is read when it is needed."""

    __slots__ = ("_load", "_value")

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load: Callable[[], Any] | None = load
        self._value: Any = None

    @property
    def value(self) -> Any:
        """The value, read once."""
        if self._load is not None:
            self._value, self._load = self._load(), None
        return self._value


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
    if type(written) is Later:
        written = written.value
    if type(written) is Gathered:
        return [value.value if type(value) is Overwrite else value for value in written.values]
    return written.value if type(written) is Overwrite else written


def fold_into(values: dict[str, Any], key: str, reducer: Reducer, written: Any, node: str) -> None:
    """Fold what `node` wrote into the value of `key`, item by item where it is mapped.

    An `Overwrite` sets the value, and what follows it is folded onto that.

    Raises:
        UpdateError: the reducer refused a value.
    """
    if type(written) is Later:
        written = written.value
    for value in compress(written.values, written.wrote) if type(written) is Gathered else (written,):
        if type(value) is Overwrite:
            values[key] = value.value
            continue
        try:
            values[key] = reducer(values.get(key), value)
        except Exception as error:
            name = getattr(reducer, "__name__", "the reducer")
            raise UpdateError(f"{name}({key}) refused what {node} wrote, {brief(value)}: {told(error)}.") from error
