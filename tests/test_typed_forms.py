"""Forms for types: which fields a type has, and which value what was entered becomes."""

from __future__ import annotations

import datetime
import enum
import subprocess
import sys
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict

import pydantic
import pytest
import typing_extensions

from nbgraph.core.forms import Field
from nbgraph.errors import ApprovalError, DeclarationError
from nbgraph.typed_forms import read_form


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Tone(enum.Enum):
    FORMAL = "formal"
    CASUAL = "casual"


class Plain:
    pass


class Point(NamedTuple):
    x: int
    y: str


@dataclass
class Source:
    url: str
    pages: int = 1


@dataclass
class Review:
    score: Annotated[int, pydantic.Field(ge=0, le=10, description="How good is it?")]
    tone: Literal["formal", "casual"]
    colour: Colour = Colour.BLUE
    urgent: bool = False
    sources: list[Source] = field(default_factory=list)
    first: Source = field(default_factory=lambda: Source("made up"))
    size: tuple[int, int] = (2, 3)
    due: datetime.date | None = None


class Page(pydantic.BaseModel):
    title: str = pydantic.Field(min_length=2, alias="Title", description="in few words")
    words: int = 100
    limit: int = 200

    @pydantic.field_validator("words")
    @classmethod
    def _odd(cls, words: int) -> int:
        if words == 7:
            raise ValueError("seven is not enough.")
        return {}[words] if words == 8 else words

    @pydantic.model_validator(mode="after")
    def _fits(self) -> Page:
        if self.words > self.limit:
            raise ValueError("there are more words than the limit.")
        return self


class Options(TypedDict):
    size: Annotated[int, pydantic.Field(description="in pages")]
    origin: NotRequired[Origin]
    tags: NotRequired[list[Origin]]


class Origin(TypedDict):
    url: str


class Sealed(typing_extensions.TypedDict, total=False):
    size: typing_extensions.Required[int]
    title: str | None


class Tree(pydantic.BaseModel):
    name: str
    children: list[Tree] = []


def only(declared: Any) -> Field:
    (found,) = read_form(declared).fields
    assert found.name == ""
    return found


def fields(declared: Any) -> dict[str, Field]:
    return {each.name: each for each in read_form(declared).fields}


def one(declared: Any, entry: Any) -> Any:
    return read_form(declared).value({"": entry})


def refusal(declared: Any, entries: dict[str, Any]) -> ApprovalError:
    with pytest.raises(ApprovalError) as caught:
        read_form(declared).value(entries)
    return caught.value


# -- a value on its own ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "kind", "type"),
    [
        (str, "text", "a text"),
        (int, "integer", "a whole number"),
        (float, "number", "a number"),
        (bool, "yes or no", "yes or no"),
        (Literal["a", "b"], "choice", "one of a, b"),
        (Literal["a"], "choice", "one of a"),
        (Colour, "choice", "one of RED, BLUE"),
        (Tone, "choice", "one of formal, casual"),
        (datetime.date, "text", "a date such as 2025-01-31"),
        (Decimal, "text", "a number"),
        (list[Source], "json", 'JSON such as [{"url": "text", "pages": 1}]'),
        (dict[str, Literal["a", "b"]], "json", 'JSON such as {"key": "a"}'),
        (dict, "json", 'JSON such as {"key": "..."}'),
        (tuple[int, str], "json", 'JSON such as [1, "text"]'),
        (Point, "json", 'JSON such as [1, "text"]'),
        (list[Tone], "json", 'JSON such as ["formal"]'),
        (list[float | None], "json", "JSON such as [1.5]"),
        (int | str, "json", "JSON such as 1"),
        (list[datetime.date], "json", 'JSON such as ["2025-01-31"]'),
        (Any, "json", "any JSON"),
        (Annotated[int, pydantic.Field(gt=2)], "integer", "a whole number, more than 2"),
        (Annotated[float, pydantic.Field(ge=0, le=1)], "number", "a number from 0 to 1"),
    ],
)
def test_a_type_is_one_field_that_says_in_words_what_it_takes(declared: Any, kind: str, type: str) -> None:
    found = only(declared)
    assert (found.kind, found.type, found.required, found.optional) == (kind, type, True, False)


@pytest.mark.parametrize("declared", [int, Literal["a", "b"], Tone, bool, list[int], Source])
def test_what_may_be_none_is_not_required_and_nothing_is_none(declared: Any) -> None:
    found = only(declared | None)
    if declared is not Source:
        assert found == only(declared)._replace(required=False, optional=True)
    assert (found.required, found.optional) == (False, True)
    assert one(declared | None, None) is None


def test_a_literal_with_none_is_a_choice_that_may_be_left_out() -> None:
    assert only(Literal["a", None]) == only(Literal["a"] | None)


def test_the_choices_of_an_enum_are_its_texts_or_else_its_names() -> None:
    assert only(Tone).choices == ("formal", "casual")
    assert only(Colour).choices == ("RED", "BLUE")
    assert only(Literal[Colour.RED, 3]).choices == ("RED", 3)


def test_many_choices_are_not_all_told() -> None:
    assert only(Literal[1, 2, 3, 4, 5, 6, 7, 8, 9]).type == "one of 1, 2, 3, 4, 5, 6, 7, 8, …"


def test_a_type_that_holds_itself_has_an_example_with_an_end() -> None:
    assert only(list[Tree]).type.startswith(
        'JSON such as [{"name": "text", "children": [{"name": "text", "children": ['
    )


def test_help_and_default_of_a_value_on_its_own() -> None:
    declared = Annotated[int, pydantic.Field(description="in pages", default=3)]
    found = only(declared)
    assert (found.help, found.default, found.required) == ("in pages", 3, False)
    assert one(declared, 3) == 3
    assert read_form(declared).value({}) == 3


@pytest.mark.parametrize(
    ("declared", "entry", "value"),
    [
        (int, "7", 7),
        (int, " 7 ", 7),
        (float, "7.5", 7.5),
        (float, 7, 7.0),
        (bool, "yes", True),
        (bool, False, False),
        (Literal[1, 2], "2", 2),
        (Colour, "RED", Colour.RED),
        (Colour, 2, Colour.BLUE),
        (Colour, Colour.BLUE, Colour.BLUE),
        (Tone, "casual", Tone.CASUAL),
        (Tone, "CASUAL", Tone.CASUAL),
        (Tone | None, "casual", Tone.CASUAL),
        (datetime.date, "2025-01-31", datetime.date(2025, 1, 31)),
        (datetime.date, datetime.date(2025, 1, 31), datetime.date(2025, 1, 31)),
        (Decimal, "1.10", Decimal("1.10")),
        (list[Source], [{"url": "a"}, Source("b", 2)], [Source("a"), Source("b", 2)]),
        (tuple[int, str], [1, "a"], (1, "a")),
        (set[int], [1, 1], {1}),
        (dict[int, Colour], {"1": 2}, {1: Colour.BLUE}),
        (Point, [1, "a"], Point(1, "a")),
        (Source | None, {"url": "a"}, Source("a")),
    ],
)
def test_an_entry_becomes_a_value_of_the_type(declared: Any, entry: Any, value: Any) -> None:
    made = one(declared, entry)
    assert (made, type(made)) == (value, type(value))


@pytest.mark.parametrize(
    ("declared", "entry", "told"),
    [
        (int, "x", "the answer should be a whole number, not 'x'."),
        (int, "", "the answer should be a whole number, not ''."),
        (int, 7.5, "the answer should be a whole number, not 7.5."),
        (int, True, "the answer should be a whole number, not True."),
        (int, None, "the answer should be a whole number, not None."),
        (float, "x", "the answer should be a number, not 'x'."),
        (float, "nan", "the answer should be a number, not 'nan'."),
        (float, float("inf"), "the answer should be a number, not inf."),
        (str, 7, "the answer should be a text, not 7."),
        (bool, "maybe", "the answer should be yes or no, not 'maybe'."),
        (Tone, "rude", "the answer should be one of formal, casual, not 'rude'."),
        (Literal["a"], "b", "the answer should be one of a, not 'b'."),
        (datetime.date, "soon", "the answer should be a date such as 2025-01-31, not 'soon'."),
        (list[int], 7, "the answer should be JSON such as [1], not 7."),
        (list[Tone], ["rude"], "the answer[0] is 'rude': it should be 'formal' or 'casual'."),
        (list[Source], [{"ur": 1}], "the answer[0] is {'ur': 1}: 'url' is missing."),
        (Annotated[int, pydantic.Field(le=10)], 11, "the answer should be a whole number, at most 10, not 11."),
    ],
)
def test_an_entry_that_does_not_fit_is_refused_in_a_sentence(declared: Any, entry: Any, told: str) -> None:
    error = refusal(declared, {"": entry})
    assert (str(error), error.fields) == (told, {"": told})


# -- a record ----------------------------------------------------------------------------------------------------------


def test_a_dataclass_has_a_field_each() -> None:
    found = fields(Review)
    assert list(found) == ["score", "tone", "colour", "urgent", "sources", "first", "size", "due"]
    assert [each.kind for each in found.values()] == [
        *("integer", "choice", "choice", "yes or no"),
        *("json", "json", "json", "text"),
    ]
    assert [name for name, each in found.items() if each.required] == ["score", "tone"]
    assert [name for name, each in found.items() if each.optional] == ["due"]


def test_defaults_are_what_json_can_hold_and_none_where_they_are_made_anew() -> None:
    found = fields(Review)
    assert [found[name].default for name in ("colour", "urgent", "size", "sources", "first", "due")] == [
        *("BLUE", False, [2, 3]),
        *(None, None, None),
    ]


def test_help_comes_from_the_description() -> None:
    assert fields(Review)["score"].help == "How good is it?"
    assert fields(Page)["title"].help == "in few words"
    assert fields(Options)["size"].help == "in pages"
    assert fields(Review)["colour"].help == ""


def test_entries_become_a_dataclass_and_what_was_left_out_its_own_defaults() -> None:
    made = read_form(Review).value({"score": "7", "tone": "formal"})
    assert made == Review(7, "formal")
    assert isinstance(made.size, tuple)
    assert made.first is not read_form(Review).value({"score": 7, "tone": "formal"}).first


def test_the_defaults_that_the_form_names_are_those_of_the_type() -> None:
    form = read_form(Review)
    defaults = {each.name: each.default for each in form.fields}
    assert form.value({**defaults, "score": 7, "tone": "formal"}) == Review(7, "formal")


def test_what_a_python_caller_gives_is_used_as_it_is() -> None:
    source = Source("a")
    entries = {"score": 1, "tone": "casual", "first": source, "size": (4, 5), "due": datetime.date(2025, 1, 31)}
    made = read_form(Review).value(entries)
    assert made.first is source
    assert made == Review(1, "casual", first=source, size=(4, 5), due=datetime.date(2025, 1, 31))


def test_none_is_given_where_it_may_be_and_the_default_is_not_none() -> None:
    @dataclass
    class Limits:
        most: int | None = 5
        least: int = 1

    Limits.__annotations__ = {"most": int | None, "least": int}
    assert read_form(Limits).value({"most": None, "least": None}) == Limits(None, 1)
    assert read_form(Limits).value({}) == Limits(5, 1)


def test_all_that_is_wrong_is_told_at_once_each_by_its_field() -> None:
    error = refusal(Review, {"score": 11, "tone": "rude", "sources": [{"url": "a"}, {"url": 1}], "urgent": "x"})
    assert error.fields == {
        "score": "score should be a whole number from 0 to 10, not 11.",
        "tone": "tone should be one of formal, casual, not 'rude'.",
        "urgent": "urgent should be yes or no, not 'x'.",
        "sources": "sources[1]['url'] is 1: it should be a valid string.",
    }
    assert str(error) == " ".join(error.fields[name] for name in ("score", "tone", "urgent", "sources"))


def test_what_is_missing_is_told_with_what_it_should_be() -> None:
    assert refusal(Review, {"tone": "formal"}).fields == {
        "score": "score is missing; it should be a whole number from 0 to 10."
    }


def test_a_model_is_filled_by_the_names_of_its_fields() -> None:
    assert list(fields(Page)) == ["title", "words", "limit"]
    assert read_form(Page).value({"title": "Bees"}) == Page(Title="Bees")
    assert refusal(Page, {"title": "B"}).fields == {"title": "title is 'B': string should have at least 2 characters."}


def test_a_strict_model_takes_texts_from_a_form_too() -> None:
    class Strict(pydantic.BaseModel, strict=True):
        pages: int

    assert read_form(Strict).value({"pages": "7"}).pages == 7


def test_validators_of_the_users_own_are_quoted() -> None:
    assert refusal(Page, {"title": "Bees", "words": 7}).fields == {"words": "words is 7: seven is not enough."}
    assert refusal(Page, {"title": "Bees", "words": 201}).fields == {"": "there are more words than the limit."}
    assert "a validator raised KeyError: 8" in str(refusal(Page, {"title": "Bees", "words": 8}))


def test_a_typed_dict_has_a_field_each_and_leaves_out_what_was_not_entered() -> None:
    found = fields(Options)
    assert [(each.name, each.kind, each.required) for each in found.values()] == [
        ("size", "integer", True),
        ("origin", "json", False),
        ("tags", "json", False),
    ]
    assert read_form(Options).value({"size": "3", "origin": None, "tags": [{"url": "a"}]}) == {
        "size": 3,
        "tags": [{"url": "a"}],
    }
    assert refusal(Options, {"size": 3, "origin": {}}).fields == {"origin": "origin is {}: 'url' is missing."}


def test_a_typed_dict_of_typing_extensions_is_read_too() -> None:
    assert [(each.required, each.optional) for each in fields(Sealed).values()] == [(True, False), (False, True)]
    assert read_form(Sealed).value({"size": 1}) == {"size": 1}


def test_a_default_that_json_cannot_hold_still_counts() -> None:
    class Odd(pydantic.BaseModel):
        words: int = None  # type: ignore[assignment]
        rest: Any = (1, Plain)

    assert [each.default for each in read_form(Odd).fields] == [None, None]
    assert read_form(Odd).value({}).rest == (1, Plain)


def test_what_a_dataclass_makes_by_itself_is_not_asked_for() -> None:
    @dataclass
    class Counted:
        words: int
        start: InitVar[int] = 3
        total: int = field(init=False, default=0)
        rate: float = float("nan")

        def __post_init__(self, start: int) -> None:
            self.total = self.words + start

    Counted.__annotations__ = {"words": int, "start": InitVar[int], "total": int, "rate": float}
    assert list(fields(Counted)) == ["words", "start", "rate"]
    assert read_form(Counted).value({"words": 4}).total == 7


# -- types that nobody can be asked for --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ("int", "'int': it is no type"),
        (len, "len: it is no type"),
        (lambda: 1, "<lambda>: it is no type"),
        (None, "None: there is nothing to enter"),
        (type("Empty", (pydantic.BaseModel,), {}), "Empty: there is nothing to enter"),
        (Plain, r"Plain: not all of it can be read from JSON \(Unable to generate .*Plain'>\)"),
        (Callable[[], int], r"Callable\[\[\], int\]: not all of it can be read from JSON"),
        (list[Plain], r"list\[Plain\]: not all of it"),
        (7, "7: not all of it"),
    ],
)
def test_a_type_that_cannot_be_asked_for_is_refused(declared: Any, told: str) -> None:
    with pytest.raises(DeclarationError, match=f"nobody can be asked for {told}.*Give a type such as int, a Literal"):
        read_form(declared)


# -- what it costs -----------------------------------------------------------------------------------------------------


def test_a_type_is_read_once_and_one_that_has_no_hash_each_time() -> None:
    assert read_form(Review) is read_form(Review)
    assert only(Annotated[int, {"a": 1}]).kind == "integer"


@pytest.mark.slow
def test_pydantic_is_imported_when_first_a_form_is_asked_for() -> None:
    script = (
        "import sys, nbgraph; g = nbgraph.Graph('g'); g.human('a', 'Go?'); assert 'pydantic' not in sys.modules;"
        "g.human('b', 'How many?', form=int); assert 'pydantic' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
