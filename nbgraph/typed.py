"""Types: values checked against annotations. The one home of pydantic, which is imported when first it is needed.

A check is strict: nothing is converted, so what a node returned is what is stored. What Python's own rules of types
allow fits (a subclass, an int for a float), but a bool is no int here and a datetime no date. Of a dataclass, a
namedtuple or a pydantic model an instance is needed; what is in it is its own concern.

An annotation that pydantic does not know is no mistake, for other tools may: its values are checked by `isinstance`
where it has a class, else not at all. To refuse it would have to wait for the first value, in the midst of a run, or
import pydantic at every declaration.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import typing
from collections.abc import Mapping, Sequence, Set
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from nbgraph.core.annotations import bare, element_of, is_any, is_union, spelt
from nbgraph.core.fit import check_defaults
from nbgraph.core.quick_checks import fitting_types, quick_check
from nbgraph.core.schema import Check, Checks, Misfit, Schema
from nbgraph.errors import brief, told

if typing.TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import CoreSchema, ErrorDetails


def with_checks(schema: Schema) -> Schema:
    """`schema` with the checks of its types.

    Raises:
        DeclarationError: a default does not fit its type.
    """
    typed = schema._replace(checks=type_checks(schema))
    check_defaults(typed)
    return typed


def type_checks(schema: Schema) -> Mapping[str, Checks]:
    """The checks of all keys that have a type and are not private; a key with `Any` has none."""
    return {key: Checks(check(hint), _check_of_element(hint)) for key, hint in _typed(schema).items()}


def check(hint: Any) -> Check:
    """The check of values against an annotation; pydantic makes it up when first a value is not plainly right."""
    thorough: list[Check] = []

    def slow(value: Any) -> Misfit | None:
        if not thorough:
            thorough.append(_thorough(hint))
        return thorough[0](value)

    types = fitting_types(hint)
    if types is not None:
        return lambda value: None if type(value) in types else slow(value)
    fits = quick_check(hint)
    return (lambda value: None if fits(value) else slow(value)) if fits else slow


def _typed(schema: Schema) -> dict[str, Any]:
    return {key: hint for key, hint in schema.annotations.items() if key not in schema.private and not is_any(hint)}


def _check_of_element(hint: Any) -> Check | None:
    element = element_of(hint)
    return check(element) if element is not None else None


def _thorough(hint: Any) -> Check:
    """The check by pydantic, or by what is left of it."""
    try:
        adapter = _adapter(_strict(hint, ()))
    except Exception:  # an annotation may be anything
        kind = get_origin(bare(hint)) or bare(hint)
        return _by_class(kind, spelt(hint)) if _is_testable(kind) else lambda value: None
    return _by_adapter(adapter, spelt(hint))


def _by_class(kind: type, wanted: str) -> Check:
    return lambda value: None if isinstance(value, kind) else Misfit("", value, wanted, "")


def _is_testable(kind: Any) -> bool:
    try:
        isinstance(None, kind)
    except TypeError:
        return False
    return True


def _by_adapter(adapter: TypeAdapter[Any], wanted: str) -> Check:
    from pydantic import ValidationError

    def check(value: Any) -> Misfit | None:
        try:
            adapter.validate_python(value, strict=True)
        except ValidationError as error:
            return misfit(value, error.errors(include_url=False), wanted)
        except Exception as error:  # a validator of the user's own
            return Misfit("", value, wanted, f"its validator raised {type(error).__name__}: {told(error)}")
        return None

    return check


# Annotations as pydantic is to see them


def _adapter(hint: Any) -> TypeAdapter[Any]:
    from pydantic import PydanticUserError, TypeAdapter

    try:
        return TypeAdapter(hint, config=_config())
    except PydanticUserError as error:
        if error.code == "type-adapter-config-unused":  # a TypedDict has its own
            return TypeAdapter(hint)
        raise


def _config() -> Any:
    from pydantic import ConfigDict

    return ConfigDict(strict=True, arbitrary_types_allowed=True)


_KNOWN = ("builtins", "collections", "collections.abc", "re", "os")  # whose generics pydantic knows
_AS_THEY_ARE = (Literal, type, collections.abc.Callable)


def _strict(hint: Any, within: tuple[Any, ...]) -> Any:
    """`hint` with every class in it that pydantic would make of a dict replaced by one that needs an instance.

    `within` are the TypedDicts that it is part of.
    """
    from typing_extensions import is_typeddict

    origin, args = get_origin(hint), get_args(hint)
    if isinstance(hint, typing.NewType):
        return _strict(hint.__supertype__, within)
    if origin is Annotated:
        return Annotated[(_strict(args[0], within), *args[1:])]
    if is_union(hint):
        return Union[tuple(_strict(each, within) for each in args)]  # noqa: UP007  # `|` takes no list
    if is_typeddict(origin or hint):
        return _typed_dict(origin or hint, within)
    if origin is None or origin in _AS_THEY_ARE or not args:
        return _class(hint)
    if getattr(origin, "__module__", "") not in _KNOWN:
        return _class(origin)
    return origin[tuple(each if each is ... else _strict(each, within) for each in args)]


def _class(kind: Any) -> Any:
    from pydantic import BaseModel

    if not isinstance(kind, type):
        return kind
    if getattr(kind, "_is_protocol", False) and not getattr(kind, "_is_runtime_protocol", False):
        return Any  # only a type checker can tell
    made_of_parts = issubclass(kind, BaseModel) or (issubclass(kind, tuple) and kind is not tuple)
    return Annotated[kind, _Instance()] if made_of_parts or dataclasses.is_dataclass(kind) else kind


class _Instance:
    """Says to pydantic that an instance is needed."""

    def __get_pydantic_core_schema__(self, source: Any, _: object) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.is_instance_schema(source)


def _typed_dict(kind: Any, within: tuple[Any, ...]) -> Any:
    """A TypedDict that pydantic takes (before Python 3.12 not that of typing); within itself it is any dict."""
    from typing_extensions import TypedDict

    if kind in within:
        return dict[str, Any]
    fields = {}
    for key, hint in get_type_hints(kind, include_extras=True).items():
        needed, hint = qualified(key in kind.__required_keys__, hint)
        fields[key] = (Required if needed else NotRequired)[_strict(hint, (*within, kind))]
    declare: Any = TypedDict
    made = declare(kind.__name__, fields)
    made.__pydantic_config__ = _config()
    return made


def qualified(needed: bool, hint: Any) -> tuple[bool, Any]:
    """Whether a key is needed, and its type; `__required_keys__` is wrong where annotations were texts."""
    while True:
        origin = get_origin(hint)
        if origin in (Required, NotRequired):
            needed = origin is Required
        elif getattr(origin, "_name", "") != "ReadOnly":
            return needed, hint
        (hint,) = get_args(hint)


# What pydantic says, for a person


class _Place(NamedTuple):
    """Where in a value an error is: the path to it, how long that is, and what is there."""

    path: str
    depth: int
    part: Any


def misfit(value: Any, errors: list[ErrorDetails], wanted: str) -> Misfit:
    """The error that lies deepest: of a union's members that is the one that was meant."""
    places = [_place(value, error) for error in errors]
    deepest = max(places, key=lambda place: place.depth)
    reasons = (_reason(error, place) for error, place in zip(errors, places, strict=True) if place.path == deepest.path)
    why = " or ".join(dict.fromkeys(reason for reason in reasons if reason))
    return Misfit(deepest.path, deepest.part, wanted, why)


def _place(value: Any, error: ErrorDetails) -> _Place:
    path, depth, steps = "", 0, error["loc"]
    of_key = steps[-1:] == ("[key]",)
    for step in steps[:-2] if of_key else steps:  # some steps name the member of a union, not a place
        if isinstance(value, Mapping) and step in value:
            path, depth, value = f"{path}[{brief(step)}]", depth + 1, value[step]
        elif isinstance(value, Sequence) and isinstance(step, int) and step < len(value):
            path, depth, value = f"{path}[{step}]", depth + 1, value[step]
        elif isinstance(value, Set) and isinstance(step, int):
            path, depth, value = f"{path}{{}}", depth + 1, error["input"]
    return _Place(f"{path}{{}}", depth + 1, error["input"]) if of_key else _Place(path, depth, value)


def _reason(error: ErrorDetails, place: _Place) -> str:
    """Why, as a clause; nothing where it is merely of another type than the one that is told anyway."""
    kind, message, steps = error["type"], error["msg"], error["loc"]
    if kind == "missing":
        return f"{steps[-1]!r} is missing"
    if kind == "is_instance_of" and isinstance(place.part, dict):
        name = error["ctx"]["class"]
        return f"it should be an instance of {name}, which {name}(**value) makes of a dict"
    if not place.path and (kind.endswith("_type") or kind == "is_instance_of"):
        return ""
    return message.replace("Input should be", "the key should be" if steps[-1:] == ("[key]",) else "it should be", 1)
