"""Outputs: types of answers as schemas for a model, and answers as values or as what is wrong with them."""

from __future__ import annotations

import datetime
import enum
import json
import time
from contextlib import suppress
from typing import Annotated, Any, Literal, Self

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, RootModel

from nbgraph.errors import DeclarationError
from nbgraph.models.output import BadOutput, Output, read_output
from nbgraph.models.strictness import strict_schema
from tests.models.kinds import FEW, KINDS, LOOSE, SOME, Colour, Paper, Place, Shelf, Size, Tree

Answer = Literal["yes", "no"]
PAPER = '{"title": "Bees", "year": 2021}'


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


class Home(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]


class Numbers(RootModel[list[int]]):
    pass


OUTPUTS = [read_output(hint) for hint in (Answer, int, list[int], Place)]


def fault(hint: Any, text: str) -> str:
    with pytest.raises(BadOutput) as caught:
        read_output(hint).value(text)
    return str(caught.value)


def in_json(output: Output, value: Any) -> str:
    text = output.adapter.dump_json(value).decode()
    return f'{{"value": {text}}}' if output.wrapped else text


# Types


@pytest.mark.slow
@pytest.mark.parametrize(("hint", "values"), KINDS + LOOSE)
@FEW
@given(data=st.data())
def test_what_fits_the_schema_is_read_as_the_value(
    hint: Any, values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    output, value = read_output(hint), data.draw(values)
    text = in_json(output, value)
    assert output.value(text) == value
    assert output.value(f"Here it is:\n\n```json\n{text}\n```\n\nI hope it helps.") == value


@pytest.mark.parametrize("hint", [hint for hint, _ in KINDS])
def test_a_fixed_type_has_a_strict_schema_of_an_object(hint: Any) -> None:
    output = read_output(hint)
    assert output.strict
    assert output.schema["type"] == "object"
    assert output.schema["required"] == list(output.schema["properties"])
    assert output.schema["additionalProperties"] is False
    assert strict_schema(output.schema) == output.schema
    jsonschema.Draft202012Validator.check_schema(output.schema)


@pytest.mark.parametrize("hint", [hint for hint, _ in LOOSE])
def test_a_type_that_is_not_fixed_has_an_object_too_and_is_not_strict(hint: Any) -> None:
    output = read_output(hint)
    assert not output.strict
    assert output.schema["type"] == "object"


@pytest.mark.parametrize("hint", [Paper, Shelf, Tree, Place, Home, Cat])
def test_an_object_is_the_whole_answer(hint: Any) -> None:
    assert not read_output(hint).wrapped


@pytest.mark.parametrize("hint", [int, list[Paper], Answer, Colour, Cat | Dog, Paper | None, Numbers, dict[str, int]])
def test_anything_else_is_a_field_of_it(hint: Any) -> None:
    assert list(read_output(hint).schema["properties"]) == ["value"]


@pytest.mark.parametrize(
    ("hint", "outcomes"),
    [
        (Answer, ("yes", "no")),
        (Literal["a"] | Literal["b"], ("a", "b")),
        (Annotated[Answer, "an answer"], ("yes", "no")),
        (Size, ("small", "large")),
        (Colour, ()),
        (Literal["a", 1], ()),
        (Answer | None, ()),
        (str, ()),
        (bool, ()),
    ],
)
def test_the_outcomes_are_the_texts_that_it_is_one_of(hint: Any, outcomes: tuple[str, ...]) -> None:
    assert read_output(hint).outcomes == outcomes


def test_a_model_whose_endpoint_takes_no_schema_is_told_in_words() -> None:
    assert read_output(Answer).instruction == 'Answer with one of these and nothing else: "yes", "no".'
    told, _, schema = read_output(Paper).instruction.partition("\n")
    assert told == "Answer with one JSON object that fits this JSON schema, and with nothing else:"
    assert json.loads(schema)["properties"]["title"] == {
        "description": "what it is called",
        "minLength": 1,
        "type": "string",
    }


@pytest.mark.parametrize(
    ("hint", "name"),
    [(Paper, "Paper"), (list[Paper], "list_Paper"), (Answer, "Literal_yes_no"), (Literal["ä"], "Literal")],
)
def test_a_type_has_a_name_that_endpoints_take(hint: Any, name: str) -> None:
    assert read_output(hint).name == name


@pytest.mark.parametrize(
    "hint",
    [None, type(None), "Paper", print, lambda: 1, 5, object.__new__, type, list["Gone"], Self],  # type: ignore[name-defined]  # noqa: F821
)
def test_what_no_model_can_answer_with_is_refused(hint: Any) -> None:
    with pytest.raises(DeclarationError, match="no model can answer with") as caught:
        read_output(hint)
    assert str(caught.value).endswith("Give a type such as a Literal, a dataclass, a pydantic model or list[str].")


# Answers


@pytest.mark.parametrize(
    "text",
    [
        PAPER,
        f"\n  {PAPER}\n",
        f"```json\n{PAPER}\n```",
        f"```\n{PAPER}\n```",
        f"```JSON\r\n{PAPER}\r\n```",
        f"  ```json\n  {PAPER}\n  ```  ",
        f"<think>Hm, {{x}}?</think>\n```json\n{PAPER}\n```\nDone.",
        f"```json\n{PAPER}",
        '{"title": "Bees", "year": 2021, "kind": null, "more": 1}',
        '{"title": "Bees", "year": "2021"}',
    ],
)
def test_an_answer_may_stand_alone_or_in_its_one_block(text: str) -> None:
    assert read_output(Paper).value(text) == Paper(title="Bees", year=2021)


def test_a_fence_within_a_text_of_the_answer_is_part_of_it() -> None:
    paper = Paper(title="Use\n```\n{}\n```\nor\n```json\n1\n```")
    assert read_output(Paper).value(paper.model_dump_json()) == paper
    assert read_output(Paper).value('{"title": "Use\n```\n1\n```"}'.replace("\n", "\\n")).title == "Use\n```\n1\n```"


@pytest.mark.parametrize(
    ("hint", "text", "value"),
    [
        (Answer, "yes", "yes"),
        (Answer, " Yes.\n", "yes"),
        (Answer, "**NO**", "no"),
        (Answer, '"yes"', "yes"),
        (Answer, "```\nyes\n```", "yes"),
        (Answer, '{"value": "yes"}', "yes"),
        (Literal["yes", "Yes"], "Yes", "Yes"),
        (Size, "Small", Size.SMALL),
        (Colour, "red", Colour.RED),
        (Colour, '"red"', Colour.RED),
        (datetime.date, "2025-01-31", datetime.date(2025, 1, 31)),
        (str, "Bees dance.\nAnd sing.", "Bees dance.\nAnd sing."),
        (str, '"Bees"', "Bees"),
        (int, "5", 5),
        (int, "```\n5\n```", 5),
        (list[int], "[1, 2]", [1, 2]),
        (list[int], '{"value": [1, 2]}', [1, 2]),
        (Numbers, "[1]", Numbers([1])),
        (dict[str, int], '{"a": 1}', {"a": 1}),
        (dict[str, int], '{"value": {"a": 1}}', {"a": 1}),
        (Paper | None, "null", None),
        (Home, '{"pet": {"kind": "dog", "name": "Rex"}}', Home(pet=Dog(kind="dog", name="Rex"))),
    ],
)
def test_a_value_may_stand_bare_or_in_its_field(hint: Any, text: str, value: Any) -> None:
    assert read_output(hint).value(text) == value


@pytest.mark.parametrize(
    ("hint", "text", "why"),
    [
        (Paper, "", "The answer is empty."),
        (Paper, " \n", "The answer is empty."),
        (Paper, "I cannot.", "The answer is not the JSON that was asked for: expecting value at character 1, near"),
        (Paper, f"{PAPER} Done.", 'extra data at character 33, near \'ees", "year": 2021} Done.\'.'),
        (Paper, '{"title": "Be', "unterminated string starting at character 11"),
        (Paper, f"```\n{PAPER}\n```\n```\n{PAPER}\n```", "it has 2 fenced blocks, and one is wanted."),
        (Paper, '{"title": NaN}', "NaN is no number in JSON."),
        (Paper, "[]", "The answer does not fit its schema. It is []: it should be an object."),
        (Paper, "{}", "The answer does not fit its schema. 'title' is missing."),
        (Paper, '{"title": ""}', "title is '': string should have at least 1 character."),
        (Paper, '{"title": "a", "kind": "film"}', "kind is 'film': it should be 'book' or 'article'."),
        (Shelf, '{"name": "a", "papers": [{"title": "b"}, {}]}', "papers[1] is {}: 'title' is missing."),
        (Answer, "maybe", "It is 'maybe': it should be 'yes' or 'no'. Give it as {\"value\": ...}."),
        (Answer, '{"value": "maybe"}', "value is 'maybe': it should be 'yes' or 'no'."),
        (Answer, '{"answer": "yes"}', "It should be 'yes' or 'no'. Give it as {\"value\": ...}."),
        (Literal["yes", "Yes"], "YES", "It is 'YES': it should be 'yes' or 'Yes'."),
        (str, '{"value": "cut', "unterminated string"),
        (int, "five", "It is 'five': it should be a valid integer"),
        (list[int], '{"value": [1, "x"]}', "value[1] is 'x': it should be a valid integer"),
        (Home, '{"pet": {"kind": "cow"}}', "pet is {'kind': 'cow'}: input tag 'cow' found using 'kind'"),
    ],
)
def test_what_is_wrong_with_an_answer_is_told_with_its_place(hint: Any, text: str, why: str) -> None:
    assert why in fault(hint, text)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        "[" * 500_000,
        "[" + "null," * 12_000 + "null]",
        '["' + "x" * 1_000_000 + '"]',
        "```x\n" * 200_000,
        "```\n" * 100_000,
        " " * 500_000 + "```" + " " * 500_000,
        '{"value": [' + "9" * 5000 + "]}",
    ],
)
def test_an_answer_without_measure_is_told_in_few_words(text: str) -> None:
    began = time.process_time()
    assert len(fault(list[int], text)) <= 1100
    assert time.process_time() - began < 5


def test_a_long_answer_is_read() -> None:
    assert read_output(Paper).value(json.dumps({"title": "x" * 1_000_000})).title == "x" * 1_000_000


@SOME
@given(st.text() | st.text(alphabet='`{}[]":,1 \nvaluejson'))
def test_any_text_is_an_answer_or_none(text: str) -> None:
    for output in OUTPUTS:
        with suppress(BadOutput):
            output.value(text)


def test_an_enum_of_texts_is_read_by_its_values_and_not_its_names() -> None:
    class Mark(str, enum.Enum):  # noqa: UP042  # as people write it
        GOOD = "passed"
        BAD = "failed"

    assert read_output(Mark).outcomes == ("passed", "failed")
    assert read_output(Mark).value("Passed") is Mark.GOOD
    assert "it should be 'passed' or 'failed'" in fault(Mark, "GOOD")
