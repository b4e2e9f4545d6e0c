"""Schemas: types as models are told of them, values read from JSON, and values written for a model."""

from __future__ import annotations

import dataclasses
import datetime
import json
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import to_jsonable_python

from nbgraph.models.schemas import BadJson, Misread, adapter_of, as_text, json_of, read, schema_of
from tests.models.kinds import FEW, KINDS, LOOSE, SOME, Paper, Place, Shelf

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def misread(hint: Any, plain: Any, names: tuple[str, ...] = ()) -> tuple[str, ...]:
    with pytest.raises(Misread) as caught:
        read(adapter_of(hint), plain, names)
    return caught.value.faults


# JSON


@SOME
@given(json_values)
def test_json_is_read_as_python_writes_it(value: Any) -> None:
    assert json_of(json.dumps(value)) == value
    assert json_of(json.dumps(value, ensure_ascii=False, indent=1)) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "expecting value at character 1, near ''"),
        ("{'a': 1}", "expecting property name enclosed in double quotes at character 2, near \"{'a': 1}\""),
        ('{"a": 1} and more', "extra data at character 10"),
        ('{"a": 1,}', "at character 9"),
        ('{"a": 1, "b": {"a": 1, "a": 2}}', "the key 'a' is given twice"),
        ("[NaN]", "NaN is no number in JSON"),
        ("[-Infinity]", "-Infinity is no number in JSON"),
        ("[1e999]", "'1e999' is no number in JSON"),
        ("1" * 5000, "exceeds the limit"),
        ("[" * 101 + "]" * 101, "it is nested more than 100 levels deep"),
        ('{"a":' * 200 + "1" + "}" * 200, "it is nested more than 100 levels deep"),
        ("[" * 200_000, "it is nested more than 100 levels deep"),
        ('["\\ud800"]', "'\\ud800' is half a sign; write the sign itself"),
        ('{"\\uD800": 1}', "'\\ud800' is half a sign"),
    ],
)
def test_what_is_no_json_is_told(text: str, why: str) -> None:
    with pytest.raises(BadJson) as caught:
        json_of(text)
    assert why in str(caught.value)


def test_a_line_may_end_within_a_text() -> None:
    assert json_of('{"a": "b\n\tc"}') == {"a": "b\n\tc"}


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert json_of("[" + ",".join(["[]"] * 1000) + "]") == [[]] * 1000
    assert json_of("[" * 100 + "]" * 100)
    assert json_of('"\\ud83d\\ude00"') == "\U0001f600"


# Types


@pytest.mark.parametrize(("hint", "values"), KINDS + LOOSE)
@FEW
@given(data=st.data())
def test_what_pydantic_writes_fits_the_schema_and_is_read_again(
    hint: Any, values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    adapter, value = adapter_of(hint), data.draw(values)
    plain = json.loads(adapter.dump_json(value))
    jsonschema.validate(plain, schema_of(adapter))
    assert read(adapter, plain) == value


def test_a_schema_has_no_titles_but_fields_of_that_name() -> None:
    schema = schema_of(adapter_of(Shelf))
    assert list(schema["$defs"]["Paper"]["properties"]) == ["title", "year", "kind"]
    assert "title" not in schema
    assert "title" not in schema["$defs"]["Paper"]["properties"]["title"]


def test_fields_have_the_names_that_they_have_in_python() -> None:
    class Model(BaseModel):
        full_name: str = Field(alias="fullName")

    adapter = adapter_of(Model)
    assert list(schema_of(adapter)["properties"]) == ["full_name"]
    assert read(adapter, {"full_name": "Ada"}).full_name == "Ada"


def test_a_default_that_json_cannot_write_is_left_out() -> None:
    class Model(BaseModel):
        limit: float = float("inf")
        least: float = 0.5

    properties = schema_of(adapter_of(Model))["properties"]
    assert properties == {"limit": {"type": "number"}, "least": {"type": "number", "default": 0.5}}


def test_typeddicts_of_typing_are_read_even_within_themselves() -> None:
    from typing import NotRequired, TypedDict

    Branch = TypedDict("Branch", {"name": "str", "inner": "NotRequired[list[Branch]]"})  # noqa: UP013
    Branch.__annotations__["inner"] = NotRequired[list[Branch]]  # type: ignore[index,valid-type]
    assert read(adapter_of(list[Branch] | None), [{"name": "a", "inner": [{"name": "b"}]}])


# Faults


@pytest.mark.parametrize(
    ("hint", "plain", "faults"),
    [
        (int, "x", ("It is 'x': it should be a valid integer, unable to parse string as an integer.",)),
        (Paper, {}, ("'title' is missing.",)),
        (Paper, [], ("It is []: it should be an object.",)),
        (Paper, {"title": ""}, ("title is '': string should have at least 1 character.",)),
        (Paper, {"title": "a", "kind": "c"}, ("kind is 'c': it should be 'book' or 'article'.",)),
        (
            Shelf,
            {"name": 1, "papers": [{"title": "a"}, {"year": "x"}]},
            (
                "name is 1: it should be a valid string.",
                "papers[1] is {'year': 'x'}: 'title' is missing.",
                "papers[1].year is 'x': it should be a valid integer, unable to parse string as an integer.",
            ),
        ),
        (
            list[int | bool],
            ["x"],
            (
                (
                    "[0] is 'x': it should be a valid integer, unable to parse string as an integer or "
                    "it should be a valid boolean, unable to interpret input."
                ),
            ),
        ),
        (dict[int, int], {"x": 1}, ("x is 1: it should be a valid integer, unable to parse string as an integer.",)),
        (bool, None, ("It is null: it should be a valid boolean.",)),
    ],
)
def test_each_part_that_is_wrong_is_told(hint: Any, plain: Any, faults: tuple[str, ...]) -> None:
    assert misread(hint, plain) == faults


def test_an_unknown_name_is_told_with_the_nearest_one_or_all() -> None:
    class Closed(BaseModel):
        model_config = ConfigDict(extra="forbid")
        query: str = ""

    assert misread(Closed, {"querry": 1}, ("query", "limit")) == ("There is no 'querry'; did you mean 'query'?",)
    assert misread(Closed, {"xyz": 1}, ("query", "limit")) == ("There is no 'xyz'; there is query, limit.",)


def test_no_more_than_some_faults_are_told() -> None:
    class Closed(BaseModel):
        model_config = ConfigDict(extra="forbid")

    assert misread(list[int], ["x"] * 20)[-1] == "So are 12 more."
    assert misread(list[int], ["x"] * 10_020)[-1] == "So are 10012 more."
    assert misread(Closed, {f"k{number}": 1 for number in range(20)})[0].endswith("'k7', and so on, 20 in all.")


def test_a_place_is_told_from_the_root_that_is_given() -> None:
    with pytest.raises(Misread) as caught:
        read(adapter_of(list[Place]), [{"town": 1}, {}], root="value")
    assert caught.value.faults == (
        "value[0].town is 1: it should be a valid string.",
        "value[1] is {}: 'town' is missing.",
    )


def test_what_a_validator_says_is_told_in_its_words() -> None:
    class Odd(BaseModel):
        number: int
        other: int = 0

        @field_validator("number")
        @classmethod
        def odd(cls, number: int) -> int:
            if number % 2 == 0:
                raise ValueError("It has to be odd.")
            return number

        @field_validator("other")
        @classmethod
        def broken(cls, number: int) -> int:
            raise (KeyError if number == 2 else SystemExit)("lost")

    assert misread(Odd, {"number": 2}) == ("number is 2: it has to be odd.",)
    assert misread(Odd, {"number": 1, "other": 2}) == ("It cannot be checked: a validator raised KeyError: 'lost'.",)
    assert misread(Odd, {"number": 1, "other": 3}) == ("It cannot be checked: a validator raised SystemExit: lost.",)


def test_a_null_counts_as_left_out_where_none_may_be() -> None:
    plain = {"name": "a", "papers": [{"title": "b", "year": None, "kind": None}]}
    assert read(adapter_of(Shelf), plain) == Shelf("a", [Paper(title="b")])
    assert read(adapter_of(Place), {"town": "a", "zip": None}) == {"town": "a"}
    assert plain["papers"][0] == {"title": "b", "year": None, "kind": None}  # type: ignore[comparison-overlap,index]
    assert misread(Paper, {"title": None, "year": None}) == (
        "title is null: it should be a valid string.",
        "year is null: it should be a valid integer.",
    )


# Values as text


@SOME
@given(json_values)
def test_plain_values_are_json_and_texts_themselves(value: Any) -> None:
    assert (value if isinstance(value, str) else json.loads(as_text(value))) == (
        as_text(value) if isinstance(value, str) else value
    )


def test_values_of_many_kinds_have_a_text() -> None:
    assert as_text(Shelf("a", [Paper(title="b")])) == '{"name":"a","papers":[{"title":"b","year":2020,"kind":null}]}'
    assert as_text(datetime.timedelta(hours=1)) == "PT1H"
    assert as_text({1: (2, {3})}) == '{"1":[2,[3]]}'
    assert as_text(b"\xff") == "_w=="
    assert as_text(np.array([[1, 2]])) == "[[1,2]]"
    assert as_text(np.float64(0.5)) == "0.5"
    assert as_text(float("nan")) == "NaN"


def test_what_json_has_no_form_for_is_shown_as_python_shows_it() -> None:
    class Thing:
        def __str__(self) -> str:
            return "a thing"

    class Broken:
        def __str__(self) -> str:
            raise ValueError

    knot: list[Any] = []
    knot.append(knot)
    assert as_text(Thing()) == "a thing"
    assert as_text([Thing()]) == '["a thing"]'
    assert as_text(Broken()) == "<Broken that cannot be shown>"
    assert as_text(knot) == "[[...]]"
    assert as_text(["\ud800"]) == "['\\ud800']"


def test_a_dataclass_is_written_as_pydantic_does() -> None:
    @dataclasses.dataclass
    class Inner:
        day: datetime.date

    assert json.loads(as_text([Inner(datetime.date(2025, 1, 31))])) == to_jsonable_python([{"day": "2025-01-31"}])
