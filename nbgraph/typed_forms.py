"""Forms for types: what a person is asked to enter for an int, a Literal, a dataclass or a pydantic model.

A type is looked at as pydantic reads it from JSON, for that is what a page, a file and a store can hold. This module is
imported when first a form is asked for, and pydantic with it.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from types import BuiltinFunctionType, FunctionType
from typing import Any, NamedTuple, NotRequired, Required, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import ErrorDetails, to_jsonable_python
from pydantic_core.core_schema import EnumSchema, LiteralSchema
from typing_extensions import TypedDict, is_typeddict

from nbgraph.core.annotations import is_union, spelt
from nbgraph.core.forms import Field, Form, Kind
from nbgraph.errors import ApprovalError, DeclarationError, brief, told
from nbgraph.typed import misfit, qualified

Schema = dict[str, Any]  # a JSON schema

CHOICES_TOLD = 8
EXAMPLE_LENGTH = 160
EXAMPLE_DEPTH = 4
THE_ONE = "the answer"  # what the field without a name is called
KINDS: Mapping[str, tuple[Kind, str]] = {
    "string": ("text", "a text"),
    "integer": ("integer", "a whole number"),
    "number": ("number", "a number"),
    "boolean": ("yes or no", "yes or no"),
}
EXAMPLES = {"string": "text", "integer": 1, "number": 1.5, "boolean": True, "null": None}
FORMATS = {
    "date": ("a date", "2025-01-31"),
    "date-time": ("a date and time", "2025-01-31T09:30:00"),
    "time": ("a time of day", "09:30:00"),
    "duration": ("a duration", "P1DT2H30M"),
    "email": ("an e-mail address", "name@example.org"),
    "uri": ("a web address", "https://example.org"),
    "uuid": ("a UUID", "123e4567-e89b-12d3-a456-426614174000"),
}
BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
    "multipleOf": "a multiple of",
}
OF_ITS_TYPE = (  # errors about which the type in words says all
    *("_type", "_parsing", "_from_float", "literal_error", "enum"),
    *("greater_than", "greater_than_equal", "less_than", "less_than_equal", "multiple_of"),
)


def read_form(declared: Any) -> Form:
    """The form that asks for a value of the type `declared`.

    A dataclass, a TypedDict and a pydantic model have a field each; any other type has one field without a name.

    Raises:
        DeclarationError: it is no type, or there are values of it that cannot be read from JSON.
    """
    try:
        hash(declared)
    except TypeError:  # of `Annotated` with a dict
        return _read(declared)
    return _remembered(declared)


def _read(declared: Any) -> Form:
    if isinstance(declared, str | FunctionType | BuiltinFunctionType):
        raise _refusal(declared, "it is no type")
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(_known(declared))
        root = adapter.json_schema(by_alias=False, schema_generator=_FormSchema)
    except Exception as error:  # an annotation may be anything
        why = told(error).partition("\n")[0].partition(". Set `arbitrary")[0].rstrip(".")
        raise _refusal(declared, f"not all of it can be read from JSON ({why})") from None
    schema = _resolved(root, root)
    parts = tuple(part for part in _parts(schema, root) if part.field.name not in _made_by_itself(declared))
    if not parts or schema.get("type") == "null":
        raise _refusal(declared, "there is nothing to enter")
    return Form(tuple(part.field for part in parts), _Reader(adapter, parts).value)


_remembered = lru_cache(maxsize=100)(_read)  # a node in a loop, or each item of a map, asks for the same type


def _refusal(declared: Any, why: str) -> DeclarationError:
    what = brief(declared) if isinstance(declared, str) else spelt(declared)
    advice = "Give a type such as int, a Literal, a dataclass or a pydantic model"
    return DeclarationError(f"nobody can be asked for {what}: {why}. {advice}.")


# A type, as pydantic is to see it


def _known(hint: Any) -> Any:
    """`hint` with TypedDicts that pydantic takes; before Python 3.12 it does not take those of typing."""
    origin, args = get_origin(hint), get_args(hint)
    if is_typeddict(hint):
        return _typed_dict(hint)
    if is_union(hint):
        return Union[tuple(map(_known, args))]  # noqa: UP007  # `|` takes no list
    if origin in (list, dict, tuple, set):
        return origin[tuple(map(_known, args))]
    return hint


def _typed_dict(kind: Any) -> Any:
    fields = {}
    for key, hint in get_type_hints(kind, include_extras=True).items():
        needed, hint = qualified(key in kind.__required_keys__, hint)
        fields[key] = (Required if needed else NotRequired)[_known(hint)]
    declare: Any = TypedDict
    return declare(kind.__name__, fields)


class _FormSchema(GenerateJsonSchema):
    """A JSON schema in which `members` are the values to choose from."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}

    def enum_schema(self, schema: EnumSchema) -> Schema:
        return {"members": list(schema["members"])}

    def literal_schema(self, schema: LiteralSchema) -> Schema:
        return {"members": list(schema["expected"])}

    def encode_default(self, dft: Any) -> Any:
        return _label(dft) if isinstance(dft, Enum) else super().encode_default(dft)


def _label(member: Any) -> Any:
    """What stands for a choice: the values of an enum where all are texts, else its names."""
    if isinstance(member, Enum):
        return member.value if all(isinstance(each.value, str) for each in type(member)) else member.name
    return member if isinstance(member, str | int | float) else str(member)


# Its fields


class _Part(NamedTuple):
    """A field, the values that its choices stand for, and whether pydantic has no default for it."""

    field: Field
    members: tuple[Any, ...]
    needed: bool


def _made_by_itself(declared: Any) -> set[str]:
    """The fields that a dataclass takes from nobody."""
    known = dataclasses.fields(declared) if dataclasses.is_dataclass(declared) else ()
    return {field.name for field in known if not field.init}


def _parts(schema: Schema, root: Schema) -> Iterator[_Part]:
    if "properties" not in schema:
        yield _part("", root, root, "default" not in root)
        return
    for name, asked in schema["properties"].items():
        yield _part(name, asked, root, name in schema.get("required", ()))


def _part(name: str, asked: Schema, root: Schema, needed: bool) -> _Part:
    schema, optional = _without_null(_resolved(asked, root), root)
    members = _members(schema)
    optional = optional or len(members) < len(schema.get("members", ()))
    choices, default, help = tuple(map(_label, members)), asked.get("default"), asked.get("description", "")
    field = Field(name, *_kind(schema, root), needed and not optional, default, choices, help, optional)
    return _Part(field, members, needed)


def _members(schema: Schema) -> tuple[Any, ...]:
    return tuple(member for member in schema.get("members", ()) if member is not None)


def _resolved(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema


def _without_null(schema: Schema, root: Schema) -> tuple[Schema, bool]:
    """What is to be entered where it is not None, and whether it may be."""
    each = [_resolved(one, root) for one in schema.get("anyOf", ())]
    left = [one for one in each if one.get("type") != "null"]
    if len(left) == 1:
        return left[0], len(each) > 1
    return ({"anyOf": left} if left else schema), len(left) < len(each)


def _one_of(members: Sequence[Any]) -> str:
    labels = [str(_label(member)) for member in members[:CHOICES_TOLD]]
    return f"one of {', '.join(labels)}" + (", …" if len(members) > CHOICES_TOLD else "")


def _kind(schema: Schema, root: Schema) -> tuple[Kind, str]:
    if "members" in schema:
        return "choice", _one_of(_members(schema))
    if [one.get("type") for one in schema.get("anyOf", ())] == ["number", "string"]:  # a Decimal
        return "text", "a number" + _bounds(schema["anyOf"][0])
    if schema.get("type", "") not in KINDS:
        return "json", f"JSON such as {_written(_example(schema, root))}" if schema else "any JSON"
    kind, words = KINDS[schema["type"]]
    if schema.get("format") in FORMATS:
        words = "{} such as {}".format(*FORMATS[schema["format"]])
    return kind, words + _bounds(schema)


def _bounds(schema: Schema) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f" from {schema['minimum']} to {schema['maximum']}"
    return "".join(f", {words} {schema[name]}" for name, words in BOUNDS.items() if name in schema)


def _written(example: Any) -> str:
    text = json.dumps(example, ensure_ascii=False)
    return text if len(text) <= EXAMPLE_LENGTH else f"{text[: EXAMPLE_LENGTH - 1]}…"


def _example(schema: Schema, root: Schema, depth: int = 0) -> Any:
    """A value in JSON of the shape that is wanted."""
    schema, _ = _without_null(_resolved(schema, root), root)
    for either in ("anyOf", "oneOf"):
        if either in schema:
            return _example(schema[either][0], root, depth)
    if "members" in schema:
        return to_jsonable_python(schema["members"][0])
    if schema.get("type") in ("array", "object"):
        return _example_of_many(schema, root, depth + 1)
    return FORMATS.get(schema.get("format", ""), ("", EXAMPLES.get(schema.get("type", ""), "...")))[1]


def _example_of_many(schema: Schema, root: Schema, depth: int) -> Any:
    deep = depth > EXAMPLE_DEPTH  # a type that holds itself has no end
    if schema["type"] == "array":
        items = schema.get("prefixItems") or [schema.get("items") or {}]
        return [] if deep else [_example(each, root, depth) for each in items]
    others = schema.get("additionalProperties")
    fields = schema.get("properties") or {"key": others if isinstance(others, dict) else {}}
    return {} if deep else {name: _example(each, root, depth) for name, each in fields.items()}


# What was entered


class _Reader:
    """Makes a value of what was entered."""

    def __init__(self, adapter: TypeAdapter[Any], parts: Sequence[_Part]) -> None:
        self._adapter, self._parts = adapter, {part.field.name: part for part in parts}
        self._is_record = "" not in self._parts

    def value(self, entries: Mapping[str, Any]) -> Any:
        """The value that `entries` are, by field; a text counts for what it says, other values as they are.

        Raises:
            ApprovalError: they do not fit; with a sentence for each field that is wrong.
        """
        given, wrong = dict[str, Any](), dict[str, str]()
        for name, part in self._parts.items():
            entry = entries.get(name, part.field.default)
            if not _counts(part, entry):
                continue
            if _is_odd(part.field, entry):
                wrong[name] = _unlike(part.field, entry)
            else:
                given[name] = _meant(part, entry)
        try:
            value = self._adapter.validate_python(
                given if self._is_record else given.get(""), strict=False, by_name=True, by_alias=False
            )
        except ValidationError as error:
            wrong = {**self._sentences(error, entries), **wrong}
        except Exception as error:
            wrong[""] = f"This cannot be checked: a validator raised {type(error).__name__}: {told(error)}."
        if wrong:
            raise ApprovalError(
                " ".join(wrong[name] for name in dict.fromkeys(["", *self._parts]) if name in wrong), wrong
            )
        return value

    def _sentences(self, error: ValidationError, entries: Mapping[str, Any]) -> dict[str, str]:
        """A sentence for each field; that on several of them together has no name."""
        found: dict[str, list[ErrorDetails]] = {}
        for each in error.errors(include_url=False):
            place = each["loc"] if self._is_record else ("", *each["loc"])
            found.setdefault(str(place[0]) if place else "", []).append({**each, "loc": place[1:]})
        return {name: self._sentence(name, entries.get(name), errors) for name, errors in found.items()}

    def _sentence(self, name: str, entry: Any, errors: list[ErrorDetails]) -> str:
        part, kinds = self._parts.get(name), [each["type"] for each in errors]
        if part is None:
            return f"{_own_words(errors[0]['msg'])}."
        if not errors[0]["loc"] and "missing" in kinds:
            return f"{name} is missing; it should be {part.field.type}."
        found = misfit(entry, errors, part.field.type)
        if not found.path and all(kind.endswith(OF_ITS_TYPE) for kind in kinds):
            return _unlike(part.field, entry)
        why = _own_words(found.why) or f"it should be {part.field.type}"
        return f"{name or THE_ONE}{found.path} is {brief(found.part)}: {why}."


def _is_odd(field: Field, entry: Any) -> bool:
    """Whether it is what pydantic takes for a number, and nobody else."""
    if field.kind not in ("integer", "number"):
        return False
    return isinstance(entry, bool) or (isinstance(entry, str | float) and not _is_finite(entry))


def _is_finite(entry: str | float) -> bool:
    try:
        return math.isfinite(float(entry))
    except ValueError:  # not for us to say
        return True


def _counts(part: _Part, entry: Any) -> bool:
    """Whether an entry is given to pydantic; else the type's own default counts, which is more than its JSON."""
    field = part.field
    if entry is None and not field.optional:
        return False
    return part.needed or not field.name or not (entry is field.default or _is_it(entry, field.default))


def _meant(part: _Part, entry: Any) -> Any:
    """The choice that an entry stands for, which can be it or its name; other entries as they are."""
    for same in (_is_it, _says_it):
        for member in part.members:
            if any(same(entry, spelling) for spelling in _spellings(member)):
                return member
    return entry


def _spellings(member: Any) -> tuple[Any, ...]:
    return (member, _label(member), *((member.value, member.name) if isinstance(member, Enum) else ()))


def _is_it(entry: Any, spelling: Any) -> bool:
    return type(entry) is type(spelling) and bool(entry == spelling)


def _says_it(entry: Any, spelling: Any) -> bool:
    return isinstance(entry, str) and entry.strip() == str(spelling)


def _unlike(field: Field, entry: Any) -> str:
    return f"{field.name or THE_ONE} should be {field.type}, not {brief(entry)}."


def _own_words(message: str) -> str:
    """What a validator of the user's own said, without what pydantic puts before it; else pydantic's, as a clause."""
    own = message.removeprefix("Value error, ").removeprefix("Assertion failed, ").rstrip(".")
    return own if own != message else message[:1].lower() + message[1:]
