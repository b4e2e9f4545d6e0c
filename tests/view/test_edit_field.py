from enum import Enum

import ipywidgets
import pytest

from nbgraph.errors import ApprovalError
from nbgraph.view.edit_field import SAFE_INT, EditField


class Colour(Enum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "widget"),
    [
        ("text", ipywidgets.Textarea),
        (True, ipywidgets.Checkbox),
        (3, ipywidgets.IntText),
        (0.5, ipywidgets.FloatText),
        ([1, 2], ipywidgets.Textarea),
        (None, ipywidgets.Textarea),
        (SAFE_INT, ipywidgets.Textarea),
        (float("nan"), ipywidgets.Textarea),
    ],
)
def test_the_widget_fits_the_type_and_nothing_is_changed_yet(value, widget):
    field = EditField("key", value)
    assert type(field.control) is widget
    assert not field.control.disabled
    assert not field.changed()


@pytest.mark.parametrize(
    ("value", "entered", "read"),
    [
        ("a", "b", "b"),
        (True, False, False),
        (3, 4, 4),
        ([1], "[1, 2]", [1, 2]),
        ((1,), "[2]", (2,)),
        (None, '"x"', "x"),
    ],
)
def test_an_entered_value_keeps_its_type(value, entered, read):
    field = EditField("key", value)
    field.control.value = entered
    assert field.changed()
    assert field.read() == read


def test_the_same_json_otherwise_written_is_no_change():
    field = EditField("key", {"b": 1, "a": 2})
    field.control.value = '{"a":2,"b":1}'
    assert not field.changed()


def test_bad_json_is_one_sentence_and_stays_in_the_field():
    field = EditField("key", [1])
    field.control.value = "[1,"
    with pytest.raises(ApprovalError, match="key is not JSON: Expecting value"):
        field.changed()
    assert field.control.value == "[1,"


@pytest.mark.parametrize("value", [{1: "a"}, {2, 3}, Colour.RED, (1, (2,)), object()])
def test_what_json_cannot_hold_is_shown_and_cannot_be_edited(value):
    field = EditField("key", value)
    field.enable(True)
    field.control.value = "{}"
    assert field.control.disabled
    assert not field.changed()


@pytest.mark.parametrize("value", ["\u202etxt.exe", {"name": "old\u200b"}])
def test_characters_that_cannot_be_seen_are_named(value):
    *_, hint = EditField("key", value).box.children
    assert "characters in it cannot be seen (U+" in hint.value


@pytest.mark.parametrize("value", ["plain\n\ttext\r\n", "שלום", ["é", 1], 3, True])
def test_where_all_can_be_seen_nothing_is_said(value):
    assert all("cannot be seen" not in child.value for child in EditField("key", value).box.children[1:])
