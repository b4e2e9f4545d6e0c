"""Strict schemas: the form in which endpoints hold a model to a schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from nbgraph.models.schemas import adapter_of, schema_of
from nbgraph.models.strictness import KEPT, strict_schema
from tests.models.kinds import KINDS, LOOSE


def wrapped(hint: Any) -> dict[str, Any]:
    own = schema_of(adapter_of(hint))
    defs = {"$defs": own.pop("$defs")} if "$defs" in own else {}
    return {"type": "object", "properties": {"value": own}, "required": ["value"], **defs}


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema within a schema, itself too."""
    yield schema
    for key in ("properties", "$defs"):
        for each in schema.get(key, {}).values():
            yield from parts(each)
    for each in [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else [])]:
        yield from parts(each)


@pytest.mark.parametrize("hint", [hint for hint, _ in KINDS])
def test_every_object_names_all_its_fields_and_needs_them(hint: Any) -> None:
    found = strict_schema(wrapped(hint))
    assert found is not None
    for part in parts(found):
        assert set(part) <= KEPT | {"$defs", "format", "pattern"}
        assert "$ref" not in part or set(part) == {"$ref"}
        if part.get("type") == "object":
            assert part["required"] == list(part["properties"])
            assert part["additionalProperties"] is False
        assert part.keys() & {"type", "anyOf", "$ref"}


@pytest.mark.parametrize("hint", [hint for hint, _ in KINDS])
def test_a_strict_schema_is_its_own_strict_schema(hint: Any) -> None:
    found = strict_schema(wrapped(hint))
    assert found is not None
    assert strict_schema(found) == found


@pytest.mark.parametrize("hint", [hint for hint, _ in LOOSE])
def test_what_is_not_fixed_has_no_strict_schema(hint: Any) -> None:
    assert strict_schema(wrapped(hint)) is None


def test_a_field_that_may_be_left_out_may_be_null() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "integer", "default": 3, "description": "how many"},
            "b": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        },
    }
    found = strict_schema(schema)
    assert found is not None
    assert found["properties"] == {
        "a": {"anyOf": [{"type": "integer"}, {"type": "null"}], "description": "how many"},
        "b": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    }


def test_a_constraint_that_endpoints_do_not_know_is_told_in_words() -> None:
    field = {"type": "string", "description": "a word", "minLength": 2, "maxLength": 9, "pattern": "(?i)a"}
    schema = {"type": "object", "properties": {"a": field}, "required": ["a"]}
    found = strict_schema(schema)
    assert found is not None
    told = "a word (minLength 2, maxLength 9, pattern (?i)a)"
    assert found["properties"]["a"] == {"type": "string", "description": told}


def test_the_given_schema_is_not_changed() -> None:
    schema = wrapped(KINDS[-1][0])
    before = repr(schema)
    strict_schema(schema)
    assert repr(schema) == before


def test_what_stands_beside_a_reference_goes_around_it() -> None:
    field = {"$ref": "#/$defs/Size", "description": "how large"}
    size = {"type": "string", "enum": ["small", "large"]}
    schema = {"type": "object", "properties": {"a": field, "b": field}, "required": ["a"], "$defs": {"Size": size}}
    found = strict_schema(schema)
    assert found is not None
    around = {"anyOf": [{"$ref": "#/$defs/Size"}], "description": "how large"}
    assert found["properties"]["a"] == around
    assert found["properties"]["b"] == {**around, "anyOf": [*around["anyOf"], {"type": "null"}]}
    assert strict_schema(found) == found


@pytest.mark.parametrize(
    "field",
    [
        {},
        {"type": "array"},
        {"type": "object"},
        {"enum": [[1]]},
        {"allOf": [{"type": "string"}]},
        {"anyOf": [{"type": "string"}, {}]},
        {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}},
    ],
)
def test_what_leaves_something_open_is_not_strict(field: dict[str, Any]) -> None:
    assert strict_schema({"type": "object", "properties": {"a": field}, "required": ["a"]}) is None
    assert strict_schema({"type": "object", "properties": {"a": field}}) is None


def test_an_enum_of_several_types_names_them_all() -> None:
    found = strict_schema({"type": "object", "properties": {"a": {"enum": ["a", 1, None, True, 0.5]}}})
    assert found is not None
    kinds = ["string", "integer", "null", "boolean", "number"]
    assert found["properties"]["a"]["anyOf"][0] == {"enum": ["a", 1, None, True, 0.5], "type": kinds}
