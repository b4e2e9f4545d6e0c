"""Type agreement: the types that functions and states declare, as far as these are known, and whether two can agree."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    Literal,
    NamedTuple,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from nbgraph.core.updates import Overwrite

UNKNOWN: Any = inspect.Parameter.empty
"""The type of what has no annotation, or one that cannot be resolved."""

_UNIONS = (Union, types.UnionType)
_WRAPPERS = {Annotated, Required, NotRequired, Final, ClassVar, getattr(typing, "ReadOnly", Final)}
_ALIASES: Any = getattr(typing, "TypeAliasType", ())
_NUMBERS = (int, float, complex)
_LISTS = (list, tuple, set, frozenset)
_CALLABLE: Any = Callable


class Value(NamedTuple):
    """One value of a Literal."""

    value: Any


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of `function` that can be resolved, by parameter, and of what it gives back as "return"."""
    with suppress(Exception):  # an annotation may be any text
        return get_type_hints(function, include_extras=True)
    found: dict[str, Any] = {}
    with suppress(Exception):
        plain = inspect.unwrap(function)
        for name, annotation in plain.__annotations__.items():
            alone = types.SimpleNamespace(__annotations__={name: annotation})
            with suppress(Exception):
                found |= get_type_hints(alone, plain.__globals__, include_extras=True)
    return found


def fields_of(annotation: Any) -> dict[str, Any]:
    """The fields of a TypedDict with their types, UNKNOWN where these cannot be resolved."""
    with suppress(Exception):
        return get_type_hints(annotation)
    return dict.fromkeys(annotation.__annotations__, UNKNOWN)


def members(annotation: Any) -> tuple[Any, ...]:
    """What a value of that type may be: classes, generics, and a `Value` for each one of a Literal."""
    origin = get_origin(annotation)
    if origin in _UNIONS:
        return tuple(member for each in get_args(annotation) for member in members(each))
    if origin is Literal:
        return tuple(Value(value) for value in get_args(annotation))
    if origin in _WRAPPERS:
        return members(get_args(annotation)[0])
    if isinstance(annotation, typing.NewType):
        return members(annotation.__supertype__)
    if isinstance(annotation, _ALIASES):
        return members(annotation.__value__)
    return (types.NoneType if annotation is None else annotation,)


def class_of(member: Any) -> type | None:
    """The class of a member, or None where its values may be of any."""
    if isinstance(member, Value):
        return type(member.value)
    found = get_origin(member) or member
    if is_typeddict(found):
        return dict
    if not isinstance(found, type) or found in (UNKNOWN, Overwrite) or getattr(found, "_is_protocol", False):
        return None
    return None if found.__module__ in ("typing", "typing_extensions") else found


def without_none(annotation: Any) -> Any:
    """The type without None; UNKNOWN where nothing else is left."""
    return _united([member for member in members(annotation) if not _is_none(member)])


def _is_none(member: Any) -> bool:
    return member is types.NoneType or (isinstance(member, Value) and member.value is None)


def _united(found: Collection[Any]) -> Any:
    values = tuple(each.value for each in found if isinstance(each, Value))
    others = tuple(each for each in found if not isinstance(each, Value))
    written = (*others, Literal[values]) if values else others
    try:
        return Union[written] if written else UNKNOWN  # noqa: UP007  # `|` takes no tuple
    except TypeError:  # not all that can stand as an annotation can stand in a union
        return Any


def element(annotation: Any) -> Any:
    """The type of one element of a list, tuple, set or other collection; UNKNOWN where it is not said."""
    found: list[Any] = []
    for member in members(annotation):
        if _is_none(member):
            continue
        inner = [each for each in get_args(member) if each is not Ellipsis]
        kind = class_of(member)
        if not inner or kind is None or not issubclass(kind, Collection) or issubclass(kind, dict):
            return UNKNOWN
        found += inner if kind is tuple else inner[:1]
    return _united(found)


def is_list(annotation: Any) -> bool:
    """Whether all its values are lists, tuples or sets."""
    kinds = [class_of(member) for member in members(annotation)]
    return all(kind is not None and issubclass(kind, _LISTS) for kind in kinds)


def strings_of(annotation: Any, *, lists: bool = False) -> tuple[str, ...] | None:
    """The strings that a value may be, None where it may be anything else but None.

    Args:
        lists: whether it may be a list of such strings too.
    """
    found: list[str] = []
    for member in members(annotation):
        inner = strings_of(element(member)) if lists and is_list(member) else None
        if inner is not None:
            found += inner
        elif isinstance(member, Value) and isinstance(member.value, str):
            found.append(member.value)
        elif not _is_none(member):
            return None
    return tuple(dict.fromkeys(found))


def can_agree(one: Any, other: Any) -> bool:
    """Whether some value may be of both types: False only where both are known well enough to tell.

    An int does for a float, a value of a Literal for its class, None for an Optional. Of a protocol, a type variable
    and what else is no class nothing is known.
    """
    try:
        return _agree(one, other)
    except Exception:  # a class may have its own idea of what a subclass is; a recursive type never ends
        return True


def _agree(one: Any, other: Any) -> bool:
    return one is other or any(_match(first, second) for first in members(one) for second in members(other))


def _match(one: Any, other: Any) -> bool:
    first, second = class_of(one), class_of(other)
    if first is None or second is None:
        return True
    if isinstance(one, Value) and isinstance(other, Value):
        return bool(one.value == other.value)
    alike = issubclass(first, second) or issubclass(second, first)
    numbers = issubclass(first, _NUMBERS) and issubclass(second, _NUMBERS)
    return numbers or (alike and _arguments_match(one, other))


def _arguments_match(one: Any, other: Any) -> bool:
    first, second = _arguments(one), _arguments(other)
    if first and second and tuple in (get_origin(one), get_origin(other)):
        return _tuples_match(one, other)
    return len(first) != len(second) or all(map(_agree, first, second))


def _arguments(member: Any) -> tuple[Any, ...]:
    """What a member is of, as `str` is in `list[str]`; of what can be called, nothing is compared."""
    return () if isinstance(member, Value) or class_of(member) is _CALLABLE else get_args(member)


def _tuples_match(one: Any, other: Any) -> bool:
    first, second = get_args(one), get_args(other)
    fixed = get_origin(one) is get_origin(other) and Ellipsis not in (*first, *second)
    if fixed:
        return len(first) == len(second) and all(map(_agree, first, second))
    return _agree(element(one), element(other))
