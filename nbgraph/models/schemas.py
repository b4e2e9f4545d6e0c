"""Schemas: types as models are told of them, and values read from the JSON of a model or written for one.

This module is imported when first a tool, an answer or a value needs it, and pydantic with it.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple, NoReturn, NotRequired, Required, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import ErrorDetails, to_json
from typing_extensions import TypedDict, is_typeddict

from nbgraph.core.annotations import is_union
from nbgraph.errors import brief, nearest, told
from nbgraph.typed import qualified

JsonSchema = dict[str, Any]
Place = tuple[int | str, ...]  # the steps that lead to a part of a value

DEPTH = 100  # of JSON that a model sends
LONGEST_MESSAGE = 1000
MOST_FAULTS = 8
MOST_ERRORS = 10_000  # that are looked at
WORDS = {"None": "null", "True": "true", "False": "false"}
OF_ONE = ("items", "additionalProperties", "propertyNames", "not")  # the parts of a schema
OF_MANY = ("anyOf", "oneOf", "allOf", "prefixItems")
BY_NAME = ("properties", "$defs", "patternProperties")


class BadJson(Exception):
    """A text that is no JSON, or JSON that no value can be read from; the message is a clause."""


class Misread(Exception):
    """JSON that does not fit its type; `faults` has a sentence for each part that is wrong."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__(" ".join(faults))


# Types


class _Schema(GenerateJsonSchema):
    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def adapter_of(hint: Any) -> TypeAdapter[Any]:
    """What reads values of the type `hint` from JSON; raises whatever pydantic does where it cannot."""
    return TypeAdapter(known(hint))


def schema_of(adapter: TypeAdapter[Any]) -> JsonSchema:
    """The JSON schema of what `adapter` reads; fields have the names that they have in Python.

    It has no titles, which cost tokens and say nothing that the names do not.

    Raises:
        Exception: JSON does not stand for what it reads; whatever pydantic raises.
    """
    schema = adapter.json_schema(by_alias=False, schema_generator=_Schema)
    _untitle(schema)
    return schema


def _untitle(schema: JsonSchema) -> None:
    schema.pop("title", None)
    if isinstance(schema.get("default"), float) and not math.isfinite(schema["default"]):
        del schema["default"]  # JSON has no such number
    for part in _parts(schema):
        _untitle(part)


def _parts(schema: JsonSchema) -> Iterator[JsonSchema]:
    """The schemas that `schema` is made of, one level down."""
    for key in OF_ONE:
        if isinstance(schema.get(key), dict):
            yield schema[key]
    for key in OF_MANY:
        yield from schema.get(key, ())
    for key in BY_NAME:
        yield from schema.get(key, {}).values()


def record_of(name: str, fields: Mapping[str, tuple[Any, bool]]) -> TypeAdapter[Any]:
    """What reads an object with these fields, each a type and whether it is needed, and no others, as a dict."""
    declare: Any = TypedDict
    hints = {key: (Required if needed else NotRequired)[known(hint)] for key, (hint, needed) in fields.items()}
    made = declare(name, hints)
    made.__pydantic_config__ = ConfigDict(extra="forbid")
    return TypeAdapter(made)


def known(hint: Any, within: tuple[Any, ...] = ()) -> Any:
    """`hint` with TypedDicts that pydantic takes; before Python 3.12 it does not take those of typing.

    A TypedDict `within` itself is any dict.
    """
    origin, args = get_origin(hint), get_args(hint)
    if is_typeddict(hint):
        return _typed_dict(hint, within)
    if is_union(hint):
        return Union[tuple(known(each, within) for each in args)]  # noqa: UP007  # `|` takes no list
    if origin in (list, dict, tuple, set, frozenset):
        return origin[tuple(each if each is ... else known(each, within) for each in args)]
    return hint


def _typed_dict(kind: Any, within: tuple[Any, ...]) -> Any:
    if kind in within:
        return dict[str, Any]
    fields = {}
    for key, hint in get_type_hints(kind, include_extras=True).items():
        needed, hint = qualified(key in kind.__required_keys__, hint)
        fields[key] = (Required if needed else NotRequired)[known(hint, (*within, kind))]
    declare: Any = TypedDict
    made = declare(kind.__name__, fields)
    made.__doc__ = kind.__doc__
    made.__pydantic_config__ = getattr(kind, "__pydantic_config__", {})
    return made


# JSON of a model


def json_of(text: str) -> Any:
    """The value that `text` is the JSON of.

    Raises:
        BadJson: it is none, a key is given twice, a number is none that JSON has, or it is nested without measure.
    """
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_no_number, parse_float=_finite, strict=False
        )
    except json.JSONDecodeError as error:
        near = text[max(error.pos - 20, 0) : error.pos + 20]
        why = _clause(error.msg.removesuffix(" at"))
        raise BadJson(f"{why} at character {error.pos + 1}, near {brief(near)}") from None
    except RecursionError:
        raise BadJson(f"it is nested more than {DEPTH} levels deep") from None
    except ValueError as error:  # a number of thousands of digits
        raise BadJson(_clause(told(error).partition(";")[0])) from None
    if text.count("[") + text.count("{") > DEPTH and _is_deep(value):
        raise BadJson(f"it is nested more than {DEPTH} levels deep")
    if "\\ud" in text.lower():
        _check_signs(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise BadJson(f"the key {brief(next(name for name in names if names.count(name) > 1))} is given twice")
    return made


def _no_number(name: str) -> NoReturn:
    raise BadJson(f"{name} is no number in JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(brief(text))


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEPTH):
        level = [part for each in level for part in _within(each)]
    return any(isinstance(part, dict | list) for part in level)


def _within(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _check_signs(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise BadJson(f"{half!a} is half a sign; write the sign itself") from None


# Values


def read(adapter: TypeAdapter[Any], plain: Any, names: Iterable[str] = (), root: str = "") -> Any:
    """The value that JSON stands for, read as leniently as pydantic reads JSON: "3" will do for an int.

    A null where there should be none counts as left out, for endpoints want each field of an object to be there.

    Args:
        names: what the object may hold, to suggest from.
        root: where the value stands in what the model sent.

    Raises:
        Misread: it does not fit; with a sentence for each part that is wrong.
    """
    try:
        return _validated(adapter, plain)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        faults = [_fault(plain, each, tuple(names)) for each in errors[:MOST_ERRORS]]
    if nulls := [fault.place for fault in faults if fault.part is None]:
        with suppress(ValidationError):
            return _validated(adapter, _without(plain, nulls))
    raise Misread(_sentences(faults, root, len(errors) - len(faults)))


def _validated(adapter: TypeAdapter[Any], plain: Any) -> Any:
    try:
        return adapter.validate_json(to_json(plain), by_name=True, by_alias=False)
    except (ValidationError, KeyboardInterrupt):
        raise
    except BaseException as error:  # a validator of the user's own may raise anything
        raise Misread([f"It cannot be checked: a validator raised {type(error).__name__}: {told(error)}."]) from None


def _without(plain: Any, places: Iterable[Place]) -> Any:
    """A copy of `plain` without what is at these places in objects."""
    copied = copy.deepcopy(plain)
    for place in places:
        within = copied
        for step in place[:-1]:
            within = within[step]
        if place and isinstance(within, dict):
            within.pop(place[-1], None)
    return copied


class _Fault(NamedTuple):
    """Where an error is, what is there, why, what there may be, and whether it is of one member of a union."""

    place: Place
    part: Any
    why: str
    known: str
    of_union: bool

    def path(self, root: str) -> str:
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.place)
        return "".join((root, *steps)).removeprefix(".")


def _sentences(faults: Iterable[_Fault], root: str, unread: int) -> list[str]:
    by_path: dict[str, list[_Fault]] = {}
    for fault in faults:
        by_path.setdefault(fault.path(root), []).append(fault)
    sentences = [_sentence(path, faults) for path, faults in islice(by_path.items(), MOST_FAULTS)]
    more = len(by_path) - len(sentences) + unread
    return sentences + [f"So are {more} more."] * (more > 0)


def _sentence(path: str, faults: Sequence[_Fault]) -> str:
    between = " or " if any(fault.of_union for fault in faults) else ", "
    whys = sorted(dict.fromkeys(fault.why for fault in faults), key=lambda why: why.endswith("?"))
    if len(whys) > MOST_FAULTS:
        whys = [*whys[:MOST_FAULTS], f"and so on, {len(whys)} in all"]
    why = between.join(whys)
    why += "" if why.endswith("?") else f"{max(fault.known for fault in faults)}."
    if not path and isinstance(faults[0].part, dict):
        return f"{why[:1].upper()}{why[1:]}"
    part = brief(faults[0].part)
    return f"{path or 'It'} is {WORDS.get(part, part)}: {why}"


def _fault(plain: Any, error: ErrorDetails, names: tuple[str, ...]) -> _Fault:
    place, part, of_union = list[int | str](), plain, False
    steps = list(error["loc"])
    last = steps.pop() if error["type"] in ("missing", "extra_forbidden") else None
    for step in steps:
        if _leads_on(part, step):
            place.append(step)
            part = part[step]
        else:  # it names the member of a union, and no place
            of_union = True
    known = f"; there is {', '.join(names)}" if error["type"] == "extra_forbidden" and names and not place else ""
    return _Fault(tuple(place), part, _why(error, last, () if place else names), known, of_union)


def _leads_on(part: Any, step: int | str) -> bool:
    if isinstance(part, dict):
        return step in part
    return isinstance(part, list) and isinstance(step, int) and step < len(part)


def _why(error: ErrorDetails, last: Any, names: tuple[str, ...]) -> str:
    if error["type"] == "missing":
        return f"{last!r} is missing"
    if error["type"] == "extra_forbidden":
        return f"there is no {brief(last)}{nearest(last, names)}"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return _clause(message.replace("Input should be", "it should be", 1))


def _clause(message: str) -> str:
    return message[:1].lower() + message[1:].rstrip(".")


def bounded(message: str, limit: int = LONGEST_MESSAGE) -> str:
    """`message` in at most `limit` characters."""
    return message if len(message) <= limit else message[: limit - 1] + "…"


# Values, for a model


def as_text(value: Any, unknown: Callable[[Any], Any] | None = None) -> str:
    """A value as a model reads it: a text as it is, anything else as JSON; what JSON writes as a text is a text too.

    A dataclass and a pydantic model are objects, a date is ISO 8601, None is null. What JSON has no form for is shown
    as Python shows it, or as `unknown` says. It never raises.
    """
    if isinstance(value, str):
        return str.__str__(value)
    try:
        text = to_json(value, by_alias=False, bytes_mode="base64", fallback=unknown or plain_part).decode()
        return str(json.loads(text)) if text.startswith('"') else text
    except KeyboardInterrupt:
        raise
    except BaseException:  # it holds itself, half a sign, or a class whose own code fails
        return _shown(value)


def plain_part(value: Any) -> Any:
    """What stands for a value that JSON has no form for."""
    if hasattr(type(value), "tolist"):  # an array
        with suppress(Exception):
            return value.tolist()
    return _shown(value)


def _shown(value: Any) -> str:
    try:
        return str(value)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return f"<{type(value).__name__} that cannot be shown>"
