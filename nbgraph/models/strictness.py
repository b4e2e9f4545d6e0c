"""Strictness: schemas in the form that endpoints want in order to hold a model to them.

They take objects only that name each field, need all of them and take no others, and know few of the constraints of
JSON Schema; one that they do not know is told to the model in words instead. pydantic still checks it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

JsonSchema = dict[str, Any]

KEPT = {
    *("type", "enum", "const", "anyOf", "$ref", "description", "title", "properties", "required", "items"),
    *("additionalProperties", "multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("minItems", "maxItems"),
}
FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
TOLD = ("minLength", "maxLength", "pattern", "format", "uniqueItems", "contentEncoding")
LOOSE = ("allOf", "not", "if", "prefixItems", "patternProperties", "propertyNames", "dependentSchemas")
TYPES: Mapping[type, str] = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


class _Loose(Exception):
    """A schema that no endpoint holds a model to."""


def strict_schema(schema: Mapping[str, Any]) -> JsonSchema | None:
    """`schema` of an object in that form; None where it has none, as an object with any keys has not.

    A field that may be left out is needed and may be null.
    """
    own = {key: value for key, value in schema.items() if key != "$defs"}
    try:
        strict = _strict(own)
        if "$defs" in schema:
            strict["$defs"] = {name: _strict(each) for name, each in schema["$defs"].items()}
    except _Loose:
        return None
    return strict


def _strict(schema: Mapping[str, Any]) -> JsonSchema:
    if any(key in schema for key in LOOSE):
        raise _Loose
    made = {key: value for key, value in schema.items() if _is_kept(key, value)}
    if "oneOf" in schema:
        made["anyOf"] = schema["oneOf"]
    words = [f"{key} {schema[key]}" for key in TOLD if key in schema and key not in made]
    if words:
        made["description"] = " ".join(filter(None, (schema.get("description"), f"({', '.join(words)})")))
    if "$ref" in made and len(made) > 1:  # nothing may stand beside it
        made["anyOf"] = [{"$ref": made.pop("$ref")}]
    form = next((form for key, form in FORMS.items() if key in made), None)
    if isinstance(made.get("type"), str):
        form = FORMS_OF_TYPES.get(made["type"], form)
    if form is None:
        raise _Loose  # anything goes
    return form(made)


def _is_kept(key: str, value: Any) -> bool:
    return key in KEPT or (key == "format" and value in FORMATS) or (key == "pattern" and "(?" not in value)


def _object(schema: JsonSchema) -> JsonSchema:
    if schema.get("additionalProperties") or "properties" not in schema:
        raise _Loose
    needed, properties = schema.get("required", ()), {}
    for name, each in schema["properties"].items():
        properties[name] = _strict(each) if name in needed else _nullable(_strict(each))
    return {**schema, "properties": properties, "required": list(properties), "additionalProperties": False}


def _nullable(schema: JsonSchema) -> JsonSchema:
    null = {"type": "null"}
    rest = {"description": schema["description"]} if "description" in schema else {}
    plain = {key: value for key, value in schema.items() if key != "description"}
    if set(plain) == {"anyOf"}:
        return schema if null in schema["anyOf"] else {"anyOf": [*schema["anyOf"], null], **rest}
    return {"anyOf": [plain, null], **rest}


def _array(schema: JsonSchema) -> JsonSchema:
    if "items" not in schema:
        raise _Loose
    return {**schema, "items": _strict(schema["items"])}


def _either(schema: JsonSchema) -> JsonSchema:
    return {**schema, "anyOf": [_strict(each) for each in schema["anyOf"]]}


def _choice(schema: JsonSchema) -> JsonSchema:
    if "type" in schema:
        return schema
    values = schema["enum"] if "enum" in schema else [schema["const"]]
    found = list(dict.fromkeys(TYPES.get(type(value), "") for value in values))
    if "" in found:
        raise _Loose
    return {**schema, "type": found[0] if len(found) == 1 else found}


def _as_it_is(schema: JsonSchema) -> JsonSchema:
    return schema


Form = Callable[[JsonSchema], JsonSchema]
FORMS_OF_TYPES: Mapping[str, Form] = {"object": _object, "array": _array}
FORMS: Mapping[str, Form] = {
    "enum": _choice,
    "const": _choice,
    "anyOf": _either,
    "$ref": _as_it_is,
    "type": _as_it_is,
}
