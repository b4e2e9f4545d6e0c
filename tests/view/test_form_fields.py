"""The fields of a form: which widget each kind gets, what is read from it, and what is said of it."""

from __future__ import annotations

import enum
import re
from typing import Any

import ipywidgets
import pytest

from nbgraph.core.forms import Field
from nbgraph.errors import ApprovalError
from nbgraph.view.form_fields import FormField, FormFields
from tests.view.stories import HOSTILE

Colour = enum.Enum("Colour", ["RED", "BLUE"])
SCORE = Field("score", "integer", "a whole number from 0 to 10", help="How good is it?")
TONE = Field("tone", "choice", "one of formal, casual", choices=("formal", "casual"))
URGENT = Field("urgent", "yes or no", "yes or no", False, False)
TAGS = Field("tags", "json", 'JSON such as ["text"]', False)


def field(kind: Any = "text", **parts: Any) -> FormField:
    name, type = parts.pop("name", "it"), parts.pop("type", "a thing")
    return FormField(Field(name, kind, type, **parts))


def options(made: FormField) -> list[str]:
    return [label for label, _ in made.control.options]


def hint(made: FormField) -> str:
    return "".join(each.value for each in made.box.children if "nbgraph-hint" in each._dom_classes)


@pytest.mark.parametrize(
    ("kind", "parts", "widget"),
    [
        ("text", {}, ipywidgets.Text),
        ("text", {"required": False, "default": "two\nlines"}, ipywidgets.Textarea),
        ("integer", {}, ipywidgets.Text),
        ("number", {}, ipywidgets.Text),
        ("yes or no", {}, ipywidgets.Checkbox),
        ("yes or no", {"required": False, "optional": True}, ipywidgets.Dropdown),
        ("choice", {"choices": ("a", "b")}, ipywidgets.Dropdown),
        ("json", {}, ipywidgets.Textarea),
    ],
)
def test_the_widget_fits_the_kind(kind: str, parts: dict[str, Any], widget: type) -> None:
    assert type(field(kind, **parts).control) is widget


def test_what_is_required_is_marked() -> None:
    assert field(name="title").control.description == "title *"
    assert field(name="title", required=False).control.description == "title"
    assert field(name="").control.description == "answer *"


def test_what_it_is_for_and_what_it_takes_is_said() -> None:
    assert hint(FormField(SCORE)) == "How good is it? — a whole number from 0 to 10"
    assert hint(FormField(TONE._replace(help="How?"))) == "How?"
    assert hint(FormField(TONE)) == hint(field(type="a text")) == hint(FormField(URGENT)) == ""


@pytest.mark.parametrize(
    ("kind", "default", "shown"),
    [("text", "a", "a"), ("integer", 3, "3"), ("number", 0.5, "0.5"), ("json", [1], "[\n  1\n]"), ("json", None, "")],
)
def test_a_default_stands_in_the_field_from_the_start(kind: str, default: Any, shown: str) -> None:
    made = field(kind, required=False, default=default)
    assert made.control.value == shown
    assert made.entry() == ({} if default is None else {"it": default})


@pytest.mark.parametrize(
    ("kind", "entered", "entry"),
    [
        ("text", "a b", "a b"),
        ("text", "7", "7"),
        ("integer", " 7 ", 7),
        ("integer", "7.5", "7.5"),
        ("integer", "seven", "seven"),
        ("number", "7", 7.0),
        ("number", "x", "x"),
        ("yes or no", True, True),
        ("json", '{"a": [1]}', {"a": [1]}),
        ("json", "null", None),
    ],
)
def test_what_was_entered_is_read_as_its_kind(kind: str, entered: Any, entry: Any) -> None:
    made = field(kind)
    made.control.value = entered
    assert made.entry() == {"it": entry}
    assert type(made.entry()["it"]) is type(entry)


def test_a_choice_is_made_by_nobody_but_the_person() -> None:
    made = FormField(TONE)
    assert (options(made), made.control.label) == (["—", "formal", "casual"], "—")
    with pytest.raises(ApprovalError, match=r"^tone is missing; it should be one of formal, casual.$"):
        made.entry()
    made.control.label = "casual"
    assert made.entry() == {"tone": "casual"}


def test_a_choice_with_a_default_offers_nothing_only_where_that_is_an_answer() -> None:
    made = FormField(TONE._replace(required=False, default="casual"))
    assert (options(made), made.entry()) == (["formal", "casual"], {"tone": "casual"})
    made = FormField(TONE._replace(required=False, default="casual", optional=True))
    assert (options(made), made.entry()) == (["—", "formal", "casual"], {"tone": "casual"})
    made.control.label = "—"
    assert made.entry() == {"tone": None}


def test_choices_of_any_kind_come_back_as_they_were() -> None:
    made = field("choice", choices=(1, "1", True))
    made.control.value = 1
    assert made.entry() == {"it": "1"}
    assert options(made) == ["—", "1", "1", "yes"]


def test_yes_no_or_nothing_are_three_choices() -> None:
    made = FormField(URGENT._replace(default=None, optional=True))
    assert (options(made), made.entry()) == (["—", "yes", "no"], {"urgent": None})
    made.control.label = "no"
    assert made.entry() == {"urgent": False}


@pytest.mark.parametrize(
    ("parts", "entry"),
    [
        ({"required": False, "default": None}, {}),
        ({"required": False, "default": "a"}, {"it": ""}),
        ({"required": False, "default": "a", "optional": True}, {"it": None}),
        ({"required": False, "default": 3, "kind": "integer"}, {}),
        ({"required": False, "default": [1], "kind": "json"}, {}),
        ({"required": False, "default": [1], "kind": "json", "optional": True}, {"it": None}),
    ],
)
def test_a_field_that_was_emptied_is_nothing_where_that_is_an_answer_and_else_left_out(
    parts: dict[str, Any], entry: dict[str, Any]
) -> None:
    made = field(**parts)
    made.control.value = "  "
    assert made.entry() == entry


def test_what_is_missing_is_told() -> None:
    with pytest.raises(ApprovalError, match=r"^score is missing; it should be a whole number from 0 to 10.$"):
        FormField(SCORE).entry()
    with pytest.raises(ApprovalError, match=r"^the answer is missing; it should be a whole number from 0 to 10.$"):
        FormField(SCORE._replace(name="")).entry()


def test_what_is_no_json_is_told() -> None:
    made = FormField(TAGS)
    made.control.value = "[oops"
    with pytest.raises(ApprovalError, match=r"^tags is not JSON: Expecting value"):
        made.entry()


def test_a_form_tells_all_that_cannot_be_read_at_once() -> None:
    form = FormFields((SCORE, TONE, URGENT, TAGS))
    form["tags"].control.value = "[oops"
    with pytest.raises(ApprovalError) as caught:
        form.entries()
    assert list(caught.value.fields) == ["score", "tone", "tags"]


def test_a_form_gives_its_entries_by_name() -> None:
    form = FormFields((SCORE, TONE, URGENT, TAGS))
    form["score"].control.value = "7"
    form["tone"].control.label = "formal"
    assert form.entries() == {"score": 7, "tone": "formal", "urgent": False}


def test_what_is_wrong_stands_below_its_field_until_it_is_told_anew() -> None:
    form = FormFields((SCORE, TONE))
    assert form.tell({"score": "score is <odd>"})
    assert form["score"].wrong.value == '<span role="alert">score is &lt;odd&gt;</span>'
    assert (form["score"].wrong.layout.display, form["tone"].wrong.layout.display) == ("", "none")
    assert not form.tell({"": "all of it is odd", "tone": "odd"})
    assert (form["score"].wrong.value, form["score"].wrong.layout.display) == ("", "none")


@pytest.mark.parametrize(
    ("asked", "entry", "shown"),
    [
        (SCORE, 7, "7"),
        (SCORE, "7", "7"),
        (SCORE, None, ""),
        (URGENT, True, True),
        (URGENT, "yes", True),
        (URGENT, "no", False),
        (TAGS, ["a"], '[\n  "a"\n]'),
        (TAGS, {1}, "{1}"),
        (TONE, "casual", "casual"),
        (TONE, Colour.RED, "RED"),
        (TONE, None, "—"),
        (URGENT._replace(optional=True), True, "yes"),
    ],
)
def test_what_was_answered_is_shown_whoever_gave_it_and_in_whatever_form(asked: Field, entry: Any, shown: Any) -> None:
    form = FormFields((asked,))
    form.show({asked.name: entry, "other": 1})
    control = form[asked.name].control
    assert (control.label if isinstance(control, ipywidgets.Dropdown) else control.value) == shown


def test_all_controls_are_enabled_and_disabled_together() -> None:
    form = FormFields((SCORE, TONE, URGENT, TAGS))
    form.enable(False)
    assert [control.disabled for control in form.controls] == [True] * 4
    form.enable(True)
    assert [control.disabled for control in form.controls] == [False] * 4


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_is_shown_unescaped(text: str) -> None:
    made = field("json", help=text, type=text, name=text)
    made.tell(text)
    assert not re.search(r"<(?!/?span)", made.wrong.value + hint(made))
    assert not getattr(made.control, "description_allow_html", False)
