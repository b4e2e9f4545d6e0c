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
    *_, hint, _ = EditField("key", value).box.children
    assert "characters in it cannot be seen (U+" in hint.value


@pytest.mark.parametrize("value", ["plain\n\ttext\r\n", "שלום", ["é", 1], 3, True])
def test_where_all_can_be_seen_nothing_is_said(value):
    assert all("cannot be seen" not in child.value for child in EditField("key", value).box.children[1:])


def test_what_was_changed_is_shown_before_it_is_sent_and_nothing_where_nothing_was():
    field = EditField("key", "All about bees.\nThey dance.")
    assert field.change.value == ""
    field.control.value = "All about ants.\nThey dance."
    assert "<del>bees</del><ins>ants</ins>" in field.change.value
    field.control.value = "All about bees.\nThey dance."
    assert field.change.value == ""


def test_a_change_in_json_is_shown_by_lines_and_what_is_no_json_is_said_at_once():
    field = EditField("key", {"a": 1, "b": [1, 2, 3]})
    field.control.value = '{"a": 2, "b": [1, 2, 3]}'
    assert "<del>1</del><ins>2</ins>" in field.change.value
    field.control.value = '{"a": 2,'
    assert "key is not JSON" in field.change.value
    assert 'role="alert"' in field.change.value
    field.control.value = '{"b": [1, 2, 3], "a": 1}'
    assert field.change.value == ""


@pytest.mark.parametrize(("before", "after"), [(3, 4), (1.5, 2.0), (True, False)])
def test_a_small_value_stands_beside_what_it_was(before, after):
    field = EditField("key", before)
    field.control.value = after
    texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in (before, after)]
    assert f"<del>{texts[0]}</del> → <ins>{texts[1]}</ins>" in field.change.value


def test_what_is_typed_is_told_key_by_key_but_for_long_texts():
    assert EditField("key", "short").control.continuous_update
    assert not EditField("key", "x" * 20_000).control.continuous_update


def test_whoever_listens_hears_of_each_change():
    heard = []
    field = EditField("key", "a", lambda: heard.append(field.control.value))
    field.control.value = "b"
    assert heard == ["b"]
