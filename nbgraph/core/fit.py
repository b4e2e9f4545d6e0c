"""Fit: whether what nodes write and people give fits the types that the state declares.

How a value is checked against a type is not known here: `Schema.checks` holds that, see `nbgraph.typed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbgraph.core.reducers import BUILT_IN, Reducer, append, extend, merge, union
from nbgraph.core.schema import Checks, Fresh, Misfit, Schema
from nbgraph.core.updates import Overwrite
from nbgraph.errors import DeclarationError, InputError, UpdateError, brief

_TYPED = tuple(BUILT_IN.values())  # what the others take is not known


def check_update(node: str, update: Mapping[str, Any], schema: Schema, mapped: bool = False) -> None:
    """Refuse an update that writes a private key, or a value that does not fit the type of its key.

    Args:
        mapped: whether the update is that of one item of a map, whose plain keys become lists of such values.

    Raises:
        UpdateError: naming node, key, value and types.
    """
    if schema.private:
        refuse_private(node, update, schema)
    if schema.checks:
        check_types(node, update, schema, mapped)


def refuse_private(node: str, update: Mapping[str, Any], schema: Schema) -> None:
    """Refuse an update that writes a private key.

    Raises:
        UpdateError: it does.
    """
    for key in schema.private:
        if key in update:
            raise UpdateError(f"`{key}` is private: its factory makes it, a node cannot write it; {node} did.")


def check_types(node: str, update: Mapping[str, Any], schema: Schema, mapped: bool = False) -> None:
    """Refuse an update with a value that does not fit the type of its key.

    A key without a reducer takes its type; in one item of a map an element of that list. `append` takes an element, the
    other reducers of nbgraph the whole type. What a reducer of one's own takes nobody knows: it is not checked. An
    `Overwrite` always takes the whole type.

    Raises:
        UpdateError: a value does not fit.
    """
    checks, reducers = schema.checks, schema.reducers
    for key, written in update.items():
        check = checks.get(key)
        if check is None:
            continue
        reducer, value = reducers.get(key), written
        element = reducer is append or (mapped and reducer is None)
        if type(written) is Overwrite:
            value, element = written.value, mapped and reducer is None
        elif reducer is not None:
            if reducer not in _TYPED:
                continue
            value = _as_taken(reducer, written)
        told = _element_misfit(key, value, check) if element else _whole_misfit(key, value, check)
        if told:
            raise UpdateError(f"{node} wrote {told}. Return what fits, or change the type of {key} in the state class.")


def check_inputs(values: Mapping[str, Any], schema: Schema) -> None:
    """Refuse values that a run begins with, or that a person has changed, where they do not fit the type of their key.

    Raises:
        InputError: one does not fit, or its key is private.
    """
    for key, value in values.items():
        if key in schema.private:
            raise InputError(f"`{key}` is private: its factory makes it, so a run is not given it.")
        told = misfit_of(key, value, schema)
        if told:
            raise InputError(f"the state cannot hold {told}.")


def check_defaults(schema: Schema) -> None:
    """Refuse a default that does not fit the type of its key; those that are made for each run are not made here.

    Raises:
        DeclarationError: one does not fit.
    """
    for key, value in schema.defaults.items():
        told = "" if type(value) is Fresh else misfit_of(key, value, schema)
        if told:
            raise DeclarationError(f"the default {told}.")


def misfit_of(key: str, value: Any, schema: Schema) -> str:
    """Why `value` cannot be the whole value of `key`, as a clause, or an empty string."""
    check = schema.checks.get(key)
    return _whole_misfit(key, value, check) if check else ""


def _whole_misfit(key: str, value: Any, check: Checks) -> str:
    misfit = check.whole(value)
    return _told(key, key, misfit) if misfit else ""


def _element_misfit(key: str, value: Any, check: Checks) -> str:
    if check.element is not None:
        misfit = check.element(value)
        return _told(key, f"an item of {key}", misfit) if misfit else ""
    misfit = check.whole([value])
    return f"{key}, which becomes a list of such values, but {key} is {misfit.wanted}" if misfit else ""


def _told(key: str, what: str, misfit: Misfit) -> str:
    shown = f"{key}{misfit.path} = {brief(misfit.part)} ({type(misfit.part).__name__})"
    return f"{shown}, but {what} is {misfit.wanted}" + (f": {misfit.why}" if misfit.why else "")


def _as_taken(reducer: Reducer, value: Any) -> Any:
    """The update as one of the key's type, where a reducer takes others too: a tuple for a list, a list for a set."""
    if reducer is extend and (value is None or isinstance(value, tuple)):
        return list(value or ())
    if reducer is merge and isinstance(value, Mapping):
        return dict(value)
    if reducer is union and isinstance(value, list | tuple | frozenset):
        return _as_set(value)
    return value


def _as_set(values: Any) -> Any:
    try:
        return set(values)
    except TypeError:  # the reducer will say so
        return values
