"""Questions that are the same, answered at once: what is ticked, what is sent, what stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ipywidgets

from nbgraph.core.approvals import Approval, digest
from nbgraph.core.forms import Field
from nbgraph.view.bulk_widget import BulkWidget, alike
from tests.view.stories import APPROVAL, HOSTILE


def asked(id: str, **more: Any) -> Approval:
    made = replace(APPROVAL, id=id, run_id=f"essay-{id}", **more)
    return replace(made, digest=digest(made.question, made.options, made.shown))


def bulk(*group: Approval, before: BulkWidget | None = None) -> tuple[BulkWidget, list[Any]]:
    sent: list[Any] = []
    return BulkWidget(group, lambda ids, option, note: sent.append((ids, option, note)), before), sent


def test_questions_are_alike_that_ask_the_same_whatever_is_shown_with_them() -> None:
    one, two, other = asked("a"), asked("b", shown={"text": "ants"}), asked("c", question="Else?")
    assert alike([one, other, two]) == [[one, two]]
    assert alike([one, other]) == []


def test_other_options_other_fields_or_a_form_are_not_alike() -> None:
    for more in ({"options": ("yes",)}, {"editable": {"x": 1}}, {"node": "else"}):
        assert alike([asked("a"), asked("b", **more)]) == []
    form = (Field("", "text", "text"),)
    assert alike([asked("a", form=form), asked("b", form=form)]) == []


def test_those_that_show_the_same_as_the_first_are_ticked() -> None:
    widget, _ = bulk(asked("a"), asked("b"), asked("c", shown={"text": "ants"}))
    assert [box.value for box in widget.boxes.values()] == [True, True, False]
    assert widget.buttons[0].description == "approve: 2 of 3"


def test_a_click_sends_the_option_and_the_note_for_those_that_are_ticked() -> None:
    widget, sent = bulk(asked("a"), asked("b"), asked("c"))
    widget.boxes["b"].value = False
    widget.note.value = "all fine"
    widget.buttons[0].click()
    assert sent == [(["a", "c"], "approve", "all fine")]


def test_where_none_is_ticked_nothing_can_be_sent() -> None:
    widget, _ = bulk(asked("a"), asked("b"))
    for box in widget.boxes.values():
        box.value = False
    assert all(button.disabled for button in widget.buttons)


def test_when_a_question_comes_or_goes_what_was_ticked_and_noted_stays() -> None:
    before, _ = bulk(asked("a"), asked("b"))
    before.boxes["a"].value = False
    before.note.value = "half written"
    widget, _ = bulk(asked("a"), asked("b"), asked("c"), before=before)
    assert {id: box.value for id, box in widget.boxes.items()} == {"a": False, "b": True, "c": True}
    assert widget.note.value == "half written"


def test_hostile_text_is_text() -> None:
    for hostile in HOSTILE:
        widget, _ = bulk(asked("a", node=hostile, shown={hostile: hostile}), asked("b", node=hostile))
        assert not any(box.description_allow_html for box in widget.boxes.values())
        title = widget.children[0]
        assert isinstance(title, ipywidgets.HTML)
        assert "<b>hi" not in title.value
        assert "<script" not in title.value
