"""Tools: functions as models are told of them, calls as arguments that fit, and results as models read them."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import functools
import json
import math
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any, Literal, Optional, Self, Union

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from nbgraph.errors import DeclarationError
from nbgraph.models.tools import (
    LONGEST_DESCRIPTION,
    BadCall,
    Tool,
    checked_edit,
    function_tool,
    plain_arguments,
    read_arguments,
    shown,
)
from tests.models.kinds import FEW, KINDS, LOOSE, SOME, Colour, Paper, Place, Point, Shelf


def search(
    query: str,
    limit: int = 10,
    tags: list[str] = [],  # noqa: B006
    day: datetime.date | None = None,
    kind: Literal["book", "article"] = "book",
) -> list[str]:
    """Find papers.

    Args:
        query: what to look for.
        limit: how many.
    """
    return [query] * limit


SEARCH = function_tool(search)
OWN_WORDS: Any = Annotated[int, Field(description="of the field", ge=1)]


def taking(hint: Any, *default: Any) -> Callable[..., Any]:
    """A function with the one parameter `x`."""

    def tool(x: Any) -> Any:
        """Do it."""
        return x

    tool.__annotations__["x"], tool.__defaults__ = hint, default or None
    return tool


def told(function: Callable[..., Any], name: str = "x") -> Any:
    return function_tool(function).parameters["properties"].get(name)


def refused(function: Any, name: str | None = None) -> str:
    with pytest.raises(DeclarationError) as caught:
        function_tool(function, name)
    return str(caught.value)


def fault(text: str, tool: Tool = SEARCH) -> str:
    with pytest.raises(BadCall) as caught:
        read_arguments(tool, text)
    return str(caught.value)


# What a model is told


def test_a_function_is_told_by_its_name_docstring_and_annotations() -> None:
    assert SEARCH.schema == {
        "type": "function",
        "function": {
            "name": "search",
            "description": "Find papers.",
            "parameters": {
                "type": "object",
                "properties": {
                    "query": {"type": "string", "description": "what to look for."},
                    "limit": {"type": "integer", "description": "how many.", "default": 10},
                    "tags": {"type": "array", "items": {"type": "string"}, "default": []},
                    "day": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
                    "kind": {"type": "string", "enum": ["book", "article"], "default": "book"},
                },
                "required": ["query"],
                "additionalProperties": False,
            },
        },
    }


@pytest.mark.slow
@pytest.mark.parametrize(("hint", "values"), KINDS + LOOSE)
@FEW
@given(data=st.data())
def test_what_fits_the_schema_of_a_parameter_arrives_as_its_type(
    hint: Any, values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    tool, value = function_tool(taking(hint)), data.draw(values)
    text = f'{{"x": {tool.adapter.dump_json({"x": value}).decode()[5:-1]}}}'
    jsonschema.Draft202012Validator.check_schema(tool.parameters)
    jsonschema.validate(json.loads(text), tool.parameters)
    assert tool.call(read_arguments(tool, text)) == value
    json.dumps(tool.schema, allow_nan=False)


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (Optional[int], {"anyOf": [{"type": "integer"}, {"type": "null"}]}),  # noqa: UP045
        (Union[int, str], {"anyOf": [{"type": "integer"}, {"type": "string"}]}),  # noqa: UP007
        ("int | None", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (Annotated[int, "how many"], {"type": "integer", "description": "how many"}),
        (
            Annotated[int, "how many"] | None,
            {"anyOf": [{"type": "integer"}, {"type": "null"}], "description": "how many"},
        ),
        (OWN_WORDS, {"type": "integer", "minimum": 1, "description": "of the field"}),
        (list[Paper], {"type": "array", "items": {"$ref": "#/$defs/Paper"}}),
        (Colour, {"$ref": "#/$defs/Colour"}),
        (Place, {"$ref": "#/$defs/Place"}),
        (Shelf, {"$ref": "#/$defs/Shelf"}),
        (Any, {}),
        ("NotThere", {}),
        ("no type (", {}),
    ],
)
def test_an_annotation_of_any_kind_is_told(hint: Any, schema: dict[str, Any]) -> None:
    assert told(taking(hint)) == schema


def test_a_parameter_without_an_annotation_takes_anything() -> None:
    def tool(x, y=1):  # type: ignore[no-untyped-def]
        return x

    assert function_tool(tool).parameters["properties"] == {"x": {}, "y": {"default": 1}}


def test_classes_are_told_with_their_own_words() -> None:
    class Order(BaseModel):
        """An order."""

        size: int = Field(description="in pieces")

    @dataclasses.dataclass
    class Box:
        width: int

    defs = function_tool(taking(list[Order | Box])).parameters["$defs"]
    assert defs["Order"]["description"] == "An order."
    assert defs["Order"]["properties"] == {"size": {"type": "integer", "description": "in pieces"}}
    assert "description" not in defs["Box"]


@pytest.mark.parametrize(
    ("hint", "default", "schema"),
    [
        (int, None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ("int", None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (Colour, Colour.RED, {"$ref": "#/$defs/Colour", "default": "red"}),
        (datetime.date, datetime.date(2025, 1, 31), {"type": "string", "format": "date", "default": "2025-01-31"}),
        (float, math.inf, {"type": "number"}),
        (float, math.nan, {"type": "number"}),
        (str, "x" * 1000, {"type": "string"}),
        (Any, object(), {}),
        (list[int], 3, {"type": "array", "items": {"type": "integer"}, "default": 3}),
    ],
)
def test_a_default_is_told_where_it_is_short_and_json(hint: Any, default: Any, schema: dict[str, Any]) -> None:
    tool = function_tool(taking(hint, default))
    assert tool.parameters["properties"]["x"] == schema
    assert tool.parameters["required"] == []
    assert tool.call(read_arguments(tool, "{}")) is default


def test_a_model_is_not_told_of_keys() -> None:
    def fetch(url: str, api_key: str = "abc", mode: str = "sk-abcdefghijkl0123") -> str:
        return url

    properties = function_tool(fetch).parameters["properties"]
    assert properties["api_key"] == {"type": "string"}
    assert "sk-" not in str(properties)
    bound = functools.partial(fetch, mode="fast")
    assert list(function_tool(bound).parameters["properties"]) == ["url", "api_key"]
    assert function_tool(bound).name == "fetch"


@pytest.mark.parametrize("hint", [Colour.RED, [int], (int, str), {}, Callable, type, object().__class__ | Self, "Self"])
def test_a_default_makes_an_annotation_harmless_that_no_json_stands_for(hint: Any) -> None:
    tool = function_tool(taking(hint, None))
    assert tool.call(read_arguments(tool, "{}")) is None


@pytest.mark.parametrize("hint", [Callable[[int], int], math, type, Colour.RED, [int], Self])
def test_a_needed_parameter_that_no_model_can_give_is_refused(hint: Any) -> None:
    message = refused(taking(hint))
    assert message.startswith("tool: no model can give x: ")
    assert message.endswith("Take a type such as str, a Literal or a dataclass, or give x a default.")


def test_styles_of_docstrings_tell_the_same() -> None:
    def google(query: str) -> None:
        """Find.

        Args:
            query: what
        """

    def numpy(query: str) -> None:
        """Find.

        Parameters
        ----------
        query : str
            what
        """

    def sphinx(query: str) -> None:
        """Find.

        :param query: what
        """

    tools = [function_tool(each, "find") for each in (google, numpy, sphinx)]
    assert tools[0].schema == tools[1].schema == tools[2].schema
    assert tools[0].description == "Find."
    assert tools[0].parameters["properties"] == {"query": {"type": "string", "description": "what"}}


def test_an_annotation_that_says_what_it_is_for_goes_before_the_docstring() -> None:
    def tool(a: Annotated[int, "noted"], b: Annotated[int, Field(description="of the field")], c: int) -> None:
        """Do.

        Args:
            a: of the docstring
            b: of the docstring
            c: of the docstring
        """

    said = [each["description"] for each in function_tool(tool).parameters["properties"].values()]
    assert said == ["noted", "of the field", "of the docstring"]


def test_a_long_description_is_cut_at_a_word() -> None:
    function = taking(int)
    function.__doc__ = "word " * 1000
    description = function_tool(function).description
    assert len(description) <= LONGEST_DESCRIPTION
    assert description.endswith("word …")


# Functions of all kinds


def test_each_kind_of_parameter_gets_its_argument() -> None:
    def tool(a: int, b: int = 2, /, c: int = 3, *, d: int, e: int = 5, ctx: Any) -> Any:
        return a, b, c, d, e, ctx

    made = function_tool(tool)
    assert list(made.parameters["properties"]) == ["a", "b", "c", "d", "e"]
    assert made.parameters["required"] == ["a", "d"]
    assert made.takes_context
    assert made.call({**read_arguments(made, '{"a": 1, "d": 4}'), "ctx": "c"}) == (1, 2, 3, 4, 5, "c")
    assert "there is no 'ctx'" in fault('{"a": 1, "d": 4, "ctx": {}}', made).lower()


def test_a_context_by_position_is_given_too() -> None:
    def tool(ctx: Any, a: int, /) -> Any:
        return ctx, a

    assert function_tool(tool).call({"a": 1, "ctx": "c"}) == ("c", 1)


@pytest.mark.parametrize("star", ["*args", "**kwargs"])
def test_a_function_that_takes_any_arguments_is_refused(star: str) -> None:
    names: dict[str, Any] = {}
    exec(f"def tool(x, {star}): pass", names)
    assert refused(names["tool"]) == (
        f"tool takes {star}, but a model has to be told of each parameter of a tool: write def tool(query, limit=10)."
    )


def test_what_yields_is_refused() -> None:
    def one_by_one() -> Any:
        yield 1

    async def later() -> Any:
        yield 1

    assert refused(one_by_one) == "one_by_one yields its results one by one; a tool returns them, all in a list."
    assert refused(later) == "later yields its results one by one; a tool returns them, all in a list."


def test_methods_objects_and_builtins_are_tools() -> None:
    class Shop:
        """Ask the shop."""

        def price(self, item: str) -> int:
            """What it costs."""
            return len(item)

        async def __call__(self, item: str) -> int:
            return len(item)

    shop = Shop()
    method, called = function_tool(shop.price), function_tool(shop, "shop")
    assert (method.name, method.description, method.call({"item": "abc"})) == ("price", "What it costs.", 3)
    assert (called.description, called.blocking, list(called.parameters["properties"])) == (
        "Ask the shop.",
        False,
        ["item"],
    )
    assert function_tool(math.sqrt).call({"x": 4}) == 2


def test_what_has_no_name_or_no_signature_is_refused() -> None:
    class Shop:
        def __call__(self) -> None:
            pass

    function: Any = taking(int)
    function.__signature__ = "unknown"
    assert "a tool needs a name" in refused(Shop())
    assert "a tool needs a name" in refused(lambda: 1)
    assert refused(function).startswith("tool does not say which parameters it has; write a def that calls it")


@pytest.mark.parametrize("name", ["a b", "ä", "a.b", "x" * 65, "a\n"])
def test_a_name_that_models_do_not_take_is_refused(name: str) -> None:
    assert "cannot name a tool: models take at most 64 letters" in refused(search, name)


# Arguments


@pytest.mark.parametrize("text", ["", " \n", "null", "{}"])
def test_nothing_at_all_stands_for_no_arguments(text: str) -> None:
    def now() -> str:
        return "now"

    assert read_arguments(function_tool(now), text) == {} == plain_arguments(text)


def test_arguments_are_read_as_leniently_as_json_is() -> None:
    text = '{"query": "a\nb", "limit": "3", "day": "2025-01-31", "tags": null}'
    assert read_arguments(SEARCH, text) == {"query": "a\nb", "limit": 3, "day": datetime.date(2025, 1, 31)}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "the arguments are no JSON: expecting property name enclosed in double quotes at character 2"),
        ("{'query': 'a'}", "at character 2, near \"{'query': 'a'}\". Send one JSON object."),
        ('{"query": "a"}{"query": "b"}', "extra data at character 15"),
        ('{"query": "a", "query": "b"}', "the key 'query' is given twice"),
        ('{"query": NaN}', "NaN is no number in JSON"),
        ('{"query": "\\ud800"}', "'\\ud800' is half a sign"),
        ('["a"]', 'the arguments are not one JSON object with a value for each, such as {"query": "bees"}.'),
        ('"{}"', "the arguments are not one JSON object"),
        ("{}", "search was not called. 'query' is missing."),
        ('{"qeury": "a"}', "search was not called. 'query' is missing, there is no 'qeury'; did you mean 'query'?"),
        (
            '{"query": "a", "x": 1, "y": 2}',
            "There is no 'x', there is no 'y'; there is query, limit, tags, day, kind.",
        ),
        ('{"query": 1}', "search was not called. query is 1: it should be a valid string."),
        ('{"query": null}', "query is null: it should be a valid string."),
        ('{"query": "a", "limit": 1.5}', "limit is 1.5: it should be a valid integer"),
        ('{"query": "a", "tags": [1, null]}', "tags[0] is 1: it should be a valid string. tags[1] is null: "),
        ('{"query": "a", "day": "soon"}', "day is 'soon': it should be a valid date"),
        ('{"query": "a", "kind": "film"}', "kind is 'film': it should be 'book' or 'article'."),
        ('{"query": "a", "__class__": 1}', "There is no '__class__'"),
    ],
)
def test_what_is_wrong_with_a_call_is_told_in_a_sentence(text: str, why: str) -> None:
    message = fault(text)
    assert why in message
    assert message.endswith((".", "?"))


@pytest.mark.parametrize(
    "text",
    [
        '{"query": ' + "[" * 100_000,
        '{"query": ' + "[" * 150 + "]" * 150 + "}",
        '{"query": ["' + "x" * 1_000_000 + '"]}',
        '{"' + "x" * 1_000_000 + '": 1}',
        "x" * 1_000_000,
        '{"query": "a", "limit": ' + "9" * 10_000 + "}",
        "{" + ",".join(f'"k{number}": 1' for number in range(2000)) + "}",
        '{"query": "a", "tags": [' + "1," * 12_000 + "1]}",
    ],
)
def test_a_call_without_measure_is_told_in_few_words(text: str) -> None:
    began = time.process_time()
    assert len(fault(text)) <= 1000
    assert time.process_time() - began < 5


def test_a_long_argument_arrives_whole() -> None:
    assert read_arguments(SEARCH, json.dumps({"query": "x" * 1_000_000})) == {"query": "x" * 1_000_000}


@SOME
@given(st.text() | st.builds(json.dumps, st.dictionaries(st.sampled_from(["query", "limit", "z"]), st.integers())))
def test_any_text_is_a_call_or_none(text: str) -> None:
    with suppress(BadCall):
        assert "query" in read_arguments(SEARCH, text)


def test_a_validator_that_fails_is_told_to_the_model() -> None:
    class Odd(BaseModel):
        number: int

        def model_post_init(self, context: Any) -> None:
            raise SystemExit("out")

    assert "a validator raised SystemExit: out" in fault('{"x": {"number": 1}}', function_tool(taking(Odd)))


# Edits


def test_an_edit_is_checked_like_a_call() -> None:
    before = {"query": "bees", "limit": 3}
    assert checked_edit(SEARCH, before, {"limit": 4}) == {"query": "bees", "limit": 4}
    assert checked_edit(SEARCH, before, {"day": datetime.date(2025, 1, 31)})["day"] == datetime.date(2025, 1, 31)
    assert before == {"query": "bees", "limit": 3}
    for edit, why in [({"limit": "many"}, "limit is 'many'"), ({"limti": 1}, "did you mean 'limit'?")]:
        with pytest.raises(BadCall) as caught:
            checked_edit(SEARCH, before, edit)
        assert why in str(caught.value)
    with pytest.raises(BadCall, match="the arguments are no JSON"):
        checked_edit(SEARCH, before, {"limit": object()})


# Results


class Mood(enum.Enum):
    CALM = "calm"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        ("", ""),
        (None, "null"),
        (["é", 1], '["é",1]'),
        (Paper(title="a"), '{"title":"a","year":2020,"kind":null}'),
        (Point(1), "[1,0.5]"),
        (Mood.CALM, "calm"),
        (b"\xff", "_w=="),
        (ValueError("x"), "x"),
        ("half \ud800 of it", "half � of it"),
        ("\ud83d\ude00", "\U0001f600"),
    ],
)
def test_a_result_is_text_as_it_is_and_anything_else_as_json(value: Any, text: str) -> None:
    assert shown(value) == text
    shown(value).encode()


def test_a_long_result_is_cut_and_says_so() -> None:
    assert shown("x" * 20, 10) == "x" * 10 + "\n[cut: these are the first 10 of 20 characters]"
    assert shown("x" * 10, 10) == "x" * 10
