"""State: the keys that a class with annotated fields declares, and whatever else the state of a graph is made of.

The class may be plain, a dataclass, a TypedDict or a pydantic model; the last is read by its `__pydantic_fields__`, for
the core knows no package by name.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from types import MemberDescriptorType
from typing import Annotated, Any, ClassVar, Final, NotRequired, Required, get_args, get_origin, get_type_hints

from nbgraph.core.copies import own_copy
from nbgraph.core.names import check_name
from nbgraph.core.reducers import BUILT_IN, Reducer, add, append, check_reducer, extend, last, merge, union
from nbgraph.core.schema import Fresh, Private, Schema
from nbgraph.core.updates import Gathered, Overwrite, as_update, combine_items, fold_into, plain_value
from nbgraph.errors import DeclarationError, told

__all__ = [
    "Gathered",
    "Overwrite",
    "Private",
    "Reducer",
    "Schema",
    "add",
    "append",
    "as_update",
    "combine_items",
    "extend",
    "fold_into",
    "last",
    "merge",
    "own_copy",
    "plain_value",
    "read_schema",
    "union",
]

_NONE = object()  # no default


def read_schema(declared: type) -> Schema:
    """The schema that a class with annotated fields declares.

    `Annotated[list[str], append]` gives a key its reducer, `Annotated[Client, Private(make_client)]` the factory of a
    private key; a class attribute is a default, `dataclasses.field(default_factory=list)` one that each run has made.

    Raises:
        DeclarationError: the class declares no key, a reserved name, two reducers for one key, a reducer that cannot be
            one, a default that cannot be copied, or a private key with a default or reducer.
    """
    hints, given = _fields(declared)
    if not hints:
        raise DeclarationError(f"class {declared.__name__} declares no key; write fields such as `topic: str`.")
    for key in hints:
        check_name(key, "key")
    defaults = {key: given[key] for key in hints if key in given}
    private = {key: factory for key, hint in hints.items() if (factory := _private(key, hint))}
    reducers = {key: reducer for key, hint in hints.items() if (reducer := _reducer(key, hint))}
    for key in private:
        _check_private(key, reducers, defaults)
    for key, value in defaults.items():
        _check_copies(key, value)
    return Schema(tuple(hints), hints, defaults, reducers, private)


# The fields of a class


def _fields(declared: type) -> tuple[dict[str, Any], dict[str, Any]]:
    """The annotations and the defaults of a class."""
    if isinstance(getattr(declared, "__pydantic_fields__", None), Mapping):
        return _model_fields(declared)
    hints = {key: _unqualified(hint) for key, hint in _hints(declared).items() if _is_field(hint)}
    given: dict[str, Any] = {}
    for key, value in _attributes(declared):
        default = _default(key, value)
        given.pop(key, None)
        if default is not _NONE:
            given[key] = default
        if key in hints and _is_model_field(value):
            hints[key] = Annotated[hints[key], value]
    _refuse_strays(declared, hints)
    return hints, given


def _hints(declared: type) -> dict[str, Any]:
    try:
        return get_type_hints(declared, include_extras=True)
    except NameError as error:
        raise DeclarationError(f"class {declared.__name__}: {error}; import it before this cell.") from None
    except DeclarationError as error:
        raise DeclarationError(f"class {declared.__name__}: {error}") from None
    except Exception as error:  # an annotation may be any text
        raise DeclarationError(f"class {declared.__name__} has an annotation that cannot be read: {error}.") from None


def _is_field(hint: Any) -> bool:
    no_fields = (dataclasses.KW_ONLY, ClassVar, dataclasses.InitVar)
    return hint not in no_fields and get_origin(hint) is not ClassVar and not isinstance(hint, dataclasses.InitVar)


def _unqualified(hint: Any) -> Any:
    """The type within `Final[...]`, and within `NotRequired[...]` as a TypedDict has it."""
    while get_origin(hint) in (Required, NotRequired, Final):
        (hint,) = get_args(hint)
    return hint


def _attributes(declared: type) -> Iterator[tuple[str, Any]]:
    """What the class and those it derives from give their fields, the most derived last."""
    for base in reversed(declared.__mro__):
        if base.__module__ == "builtins":  # a TypedDict is a dict, whose methods are no defaults
            continue
        yield from vars(base).items()
        yield from vars(base).get("__dataclass_fields__", {}).items()  # slots hide them, and factories are no attribute


def _default(key: str, given: Any) -> Any:
    """The default that a class attribute, `dataclasses.field()` or pydantic's `Field()` stands for."""
    if isinstance(given, MemberDescriptorType):  # a slot
        return _NONE
    if isinstance(given, dataclasses.Field):
        return _chosen(given.default, given.default_factory, dataclasses.MISSING)
    if not _is_model_field(given):
        return given
    if given.default_factory_takes_validated_data:
        raise DeclarationError(f"the default factory of the key {key!r} takes other fields; it must take nothing.")
    return _NONE if given.is_required() else _chosen(given.default, given.default_factory, None)


def _is_model_field(given: Any) -> bool:
    """Whether a class attribute is what pydantic's `Field()` gives."""
    marks = ("is_required", "default_factory", "default_factory_takes_validated_data", "metadata")
    return not isinstance(given, type) and all(hasattr(given, mark) for mark in marks)


def _chosen(default: Any, factory: Any, none: Any) -> Any:
    if factory is not none:
        return Fresh(factory)
    return _NONE if default is dataclasses.MISSING else default


def _refuse_strays(declared: type, hints: Mapping[str, Any]) -> None:
    known = {"model_config", "_abc_impl", *hints, *inspect.get_annotations(declared)}  # a ClassVar is no key
    stray = sorted(key for key in vars(declared) if not key.startswith("__") and key not in known)
    if not stray:
        return
    name = f"{declared.__name__}.{stray[0]}"
    if callable(vars(declared)[stray[0]]):
        raise DeclarationError(f"{name} is no key; a state class holds keys alone.")
    raise DeclarationError(f"{name} has no annotation; write `{stray[0]}: type = ...`.")


def _model_fields(declared: type) -> tuple[dict[str, Any], dict[str, Any]]:
    """As `_fields`, of a pydantic model."""
    if not getattr(declared, "__pydantic_complete__", True):
        raise DeclarationError(
            f"class {declared.__name__} names a type that is not defined; import it before this cell."
        )
    hints: dict[str, Any] = {}
    given: dict[str, Any] = {}
    for key, field in declared.__pydantic_fields__.items():  # type: ignore[attr-defined]
        extras = tuple(field.metadata)
        hints[key] = Annotated[(field.annotation, *extras)] if extras else field.annotation
        default = _default(key, field)
        if default is not _NONE:
            given[key] = default
    _refuse_strays(declared, hints)
    return hints, given


# What `Annotated` adds


def _extras(hint: Any) -> tuple[Any, ...]:
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()


def _private(key: str, hint: Any) -> Private | None:
    if any(extra is Private for extra in _extras(hint)):
        raise DeclarationError(
            f"the key {key!r} is private without a factory; write Annotated[..., Private(make_{key})]."
        )
    found = [extra for extra in _extras(hint) if isinstance(extra, Private)]
    if len(found) > 1:
        raise DeclarationError(f"the key {key!r} has {len(found)} factories; keep one.")
    return found[0] if found else None


def _reducer(key: str, hint: Any) -> Reducer | None:
    quoted = [extra for extra in _extras(hint) if isinstance(extra, str) and extra in BUILT_IN]
    if quoted:
        name = quoted[0]
        raise DeclarationError(
            f"the key {key!r} has {name!r} as a text; `from nbgraph import {name}` and write {name}."
        )
    found = [extra for extra in _extras(hint) if callable(extra)]
    if len(found) > 1:
        raise DeclarationError(f"the key {key!r} has {len(found)} reducers; keep one.")
    for reducer in found:
        check_reducer(key, reducer)
    return found[0] if found else None


def _check_private(key: str, reducers: Mapping[str, Reducer], defaults: Mapping[str, Any]) -> None:
    if key in reducers:
        raise DeclarationError(f"the key {key!r} is private, so no node writes it and it takes no reducer.")
    if key in defaults:
        raise DeclarationError(f"the key {key!r} is private, so its factory makes it and it takes no default.")


def _check_copies(key: str, default: Any) -> None:
    if type(default) is Fresh:
        return
    try:
        copy.deepcopy(default)
    except Exception as error:
        raise DeclarationError(
            f"the default of the key {key!r} cannot be copied for each run ({told(error)}); "
            f"write Annotated[..., Private(make_{key})] for a live object."
        ) from None
