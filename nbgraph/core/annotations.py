"""Annotations: types as the state declares them, taken apart and spelt out."""

from __future__ import annotations

import collections.abc
import types
import typing
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

_LISTS = (
    list,
    *(collections.abc.Sequence, collections.abc.MutableSequence, collections.abc.Collection),
    *(collections.abc.Reversible, collections.abc.Iterable, collections.abc.Container),
)


def bare(hint: Any) -> Any:
    """The type that a new name, an alias or `Annotated` stands for."""
    return _unwrapped(hint, all=True)


def plain(hint: Any) -> Any:
    """As `bare`, but `Annotated` stays where it adds more than remarks and reducers: a constraint."""
    return _unwrapped(hint, all=False)


def _unwrapped(hint: Any, all: bool) -> Any:
    while True:
        if get_origin(hint) is Annotated and (all or _is_remarked(hint)):
            hint = get_args(hint)[0]
        elif isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        elif type(hint).__name__ == "TypeAliasType":  # of Python 3.12
            hint = hint.__value__
        else:
            return type(None) if hint is None else hint


def _is_remarked(hint: Any) -> bool:
    remarks = (str, types.FunctionType, types.BuiltinFunctionType)
    return all(isinstance(extra, remarks) for extra in get_args(hint)[1:])


def is_any(hint: Any) -> bool:
    """Whether every value fits."""
    hint = plain(hint)
    return hint is Any or hint is object or isinstance(hint, TypeVar)


def is_union(hint: Any) -> bool:
    """Whether it is `A | B`, `Union` or `Optional`."""
    return get_origin(hint) in (Union, types.UnionType)


def element_of(hint: Any) -> Any:
    """The type of the elements where a list fits `hint`, else None."""
    hint = bare(hint)
    if is_union(hint):
        found = [element for each in get_args(hint) if (element := element_of(each)) is not None]
        return Union[tuple(found)] if found else None  # noqa: UP007  # `|` takes no list
    if is_any(hint):
        return Any
    if (get_origin(hint) or hint) not in _LISTS:
        return None
    return get_args(hint)[0] if get_args(hint) else Any


def spelt(hint: Any) -> str:
    """A type as a person would write it: `list[Draft] | None`; remarks and constraints are left out."""
    if isinstance(hint, typing.NewType):
        return hint.__name__
    if get_origin(hint) is Annotated:
        return spelt(get_args(hint)[0])
    if hint is None or hint is type(None):
        return "None"
    if is_union(hint):
        return " | ".join(map(spelt, get_args(hint)))
    return _generic(hint) if get_args(hint) else getattr(hint, "__name__", str(hint))


def _generic(hint: Any) -> str:
    origin, args = get_origin(hint), get_args(hint)
    name = getattr(origin, "__name__", None) or str(origin).removeprefix("typing.")
    inner = map(repr, args) if origin is Literal else map(_argument, args)
    return f"{name}[{', '.join(inner)}]"


def _argument(hint: Any) -> str:
    if isinstance(hint, list):
        return f"[{', '.join(map(spelt, hint))}]"
    return "..." if hint is ... else spelt(hint)
