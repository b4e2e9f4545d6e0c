import re
import threading
from dataclasses import replace

import ipywidgets
import pytest

from nbgraph.core.approvals import Answer
from nbgraph.core.forms import Field
from nbgraph.errors import ApprovalError
from nbgraph.view.approval_widget import STYLE, ApprovalWidget
from tests.view.stories import ANSWERED, APPROVAL, HOSTILE

FORM = (
    Field("score", "integer", "a whole number from 0 to 10"),
    Field("tone", "choice", "one of formal, casual", choices=("formal", "casual")),
    Field("urgent", "yes or no", "yes or no", False, False),
)
ASKED = replace(APPROVAL, options=("answer",), form=FORM)


def asked(refusal: str | None = None, approval=APPROVAL):
    given = []
    widget = ApprovalWidget(approval, ("text",), lambda *answer: (given.append(answer), refusal)[1])
    return widget, given


def everything(widget: ipywidgets.Widget) -> list[ipywidgets.Widget]:
    return [widget, *(one for child in getattr(widget, "children", ()) for one in everything(child))]


def markup(widget: ipywidgets.Widget) -> str:
    return "".join(one.value for one in everything(widget) if isinstance(one, ipywidgets.HTML)).replace(STYLE, "")


def test_a_click_gives_option_note_and_changed_values():
    widget, given = asked()
    widget.fields["score"].control.value = 9
    widget.note.value = "fine"
    widget.buttons[0].click()
    assert given == [("approve", "fine", {"score": 9}, {})]
    assert all(button.disabled for button in widget.buttons)


def test_a_reject_carries_no_edits():
    widget, given = asked()
    widget.fields["score"].control.value = 9
    widget.fields["tags"].control.value = "no json"
    widget.buttons[1].click()
    assert given == [("reject", "", {}, {})]


def test_a_refusal_is_shown_and_the_answer_can_be_given_again():
    widget, given = asked("answered <b>elsewhere</b>")
    widget.buttons[0].click()
    widget.buttons[0].click()
    assert len(given) == 2
    assert "answered &lt;b&gt;elsewhere&lt;/b&gt;" in widget.message.value


def test_bad_json_is_told_and_nothing_is_sent_or_lost():
    widget, given = asked()
    widget.fields["tags"].control.value = "[oops"
    widget.buttons[0].click()
    assert given == []
    assert "tags is not JSON" in widget.message.value
    assert widget.fields["tags"].control.value == "[oops"
    assert not widget.buttons[0].disabled


def test_two_clicks_at_once_are_one_answer():
    entered, leave, given = threading.Event(), threading.Event(), []

    def slow(*answer):
        given.append(answer)
        entered.set()
        leave.wait(60)

    widget = ApprovalWidget(APPROVAL, (), slow)
    first = threading.Thread(target=widget.buttons[0].click)
    first.start()
    entered.wait(60)
    widget.buttons[1].click()
    leave.set()
    first.join()
    widget.buttons[1].click()
    assert [answer[0] for answer in given] == ["approve"]


def filled(receive):
    """A question with a form that was filled in, and clicked."""
    widget = ApprovalWidget(ASKED, (), receive)
    widget.form["score"].control.value = "11"
    widget.form["tone"].control.label = "casual"
    widget.buttons[0].click()
    return widget


def refusing(*arguments):
    def refuse(*answer):
        raise ApprovalError(*arguments)

    return refuse


def test_what_was_entered_into_the_form_is_given():
    given = []
    widget = filled(lambda *answer: given.append(answer))
    assert given == [("answer", "", {}, {"score": 11, "tone": "casual", "urgent": False})]
    assert "answered, recorded" in widget.message.value
    assert all(control.disabled for control in widget.form.controls)


def test_what_is_missing_is_told_below_its_field_and_nothing_is_given():
    widget, given = asked(approval=ASKED)
    widget.form["score"].control.value = "7"
    widget.buttons[0].click()
    assert given == []
    assert "tone is missing; it should be one of formal, casual." in widget.form["tone"].wrong.value
    assert (widget.form["score"].wrong.value, "not answered yet" in widget.message.value) == ("", True)


def test_entries_that_do_not_fit_are_told_below_their_field_and_can_be_mended():
    widget = filled(refusing("score should be less.", {"score": "score should be less."}))
    assert "score should be less." in widget.form["score"].wrong.value
    assert "not answered yet" in widget.message.value
    assert (widget.form["score"].control.value, widget.form["score"].control.disabled) == ("11", False)
    assert not widget.buttons[0].disabled


def test_a_mended_form_has_nothing_wrong_said_of_it_any_more():
    refusals = [ApprovalError("score should be less.", {"score": "score should be less."})]

    def receive(*answer):
        if refusals:
            raise refusals.pop()

    widget = filled(receive)
    widget.form["score"].control.value = "7"
    widget.buttons[0].click()
    assert (widget.form["score"].wrong.value, "recorded" in widget.message.value) == ("", True)


def test_what_is_wrong_with_the_whole_form_is_told_below_it():
    widget = filled(refusing("more words than the limit.", {"": "more words than the limit."}))
    assert "more words than the limit." in widget.message.value


def test_a_reject_needs_no_form():
    widget, given = asked(approval=replace(APPROVAL, form=FORM))
    widget.buttons[1].click()
    assert given == [("reject", "", {}, {})]


def test_a_settled_form_shows_what_was_answered_by_whomever_and_takes_nothing_more():
    widget, _ = asked(approval=ASKED)
    widget.buttons[0].click()
    form = {"score": "9", "tone": "formal", "urgent": True}
    widget.settle(replace(ASKED, answer=Answer("answer", "", {}, "run.answer", 1100.0, form)))
    controls = [widget.form[name].control for name in ("score", "tone", "urgent")]
    assert [controls[0].value, controls[1].label, controls[2].value] == ["9", "formal", True]
    assert all(control.disabled for control in controls)
    assert widget.form["tone"].wrong.value == ""
    assert re.search(r">answered by run.answer at 1 Jan 1970 \d\d:\d\d<", widget.message.value)


def test_an_error_of_the_receiver_is_shown():
    def fail(*answer):
        raise RuntimeError("the store is gone")

    widget = ApprovalWidget(APPROVAL, (), fail)
    widget.buttons[0].click()
    assert "the store is gone" in widget.message.value
    assert not widget.buttons[0].disabled


def test_a_settled_question_says_who_answered_and_takes_nothing_more():
    widget, given = asked()
    widget.settle(ANSWERED)
    assert re.search(
        r"approved — answered by a client of this kernel at 1 Jan 1970 \d\d:\d\d: fine", widget.message.value
    )
    assert all(one.disabled for one in widget.interactive)
    assert widget.fields["score"].control.value == 9
    widget.buttons[0].click()
    assert given == []


def test_an_answered_question_is_settled_from_the_start():
    assert all(one.disabled for one in asked(approval=ANSWERED)[0].interactive)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_is_shown_unescaped(text):
    answer = Answer("yes", text, {}, text, 0.0)
    hostile = replace(
        APPROVAL,
        question="{{ text }}",
        shown={"text": text},
        editable={"text": text},
        options=("yes", text),
        answer=answer,
    )
    widget, _ = asked(approval=hostile)
    assert set(re.findall(r"<(\w+)", markup(widget))) <= {"p", "span", "pre"}
    assert not any(getattr(one, "description_allow_html", False) for one in everything(widget))


def test_reject_stands_out_and_options_can_be_found_by_class():
    widget, _ = asked()
    assert [button.button_style for button in widget.buttons] == ["", "danger", ""]
    assert "nbgraph-option-2" in widget.buttons[2]._dom_classes
    assert "nbgraph-approval" in widget._dom_classes


def test_interactive_names_every_widget_that_hears_the_page():
    widget, _ = asked(approval=replace(APPROVAL, form=FORM))
    hearing = {one for one in everything(widget) if hasattr(one, "disabled") and not isinstance(one, ipywidgets.Box)}
    assert set(widget.interactive) == {one for one in hearing if not isinstance(one, ipywidgets.HTML)}


def test_a_deadline_is_shown_with_what_it_means():
    widget, _ = asked(approval=replace(APPROVAL, deadline=0.0, otherwise="<b>reject</b>"))
    assert re.search(r"until 1 Jan 1970 \d\d:\d\d, then &lt;b&gt;reject", markup(widget))


def test_that_the_deadline_has_answered_is_told():
    widget, _ = asked()
    widget.settle(replace(APPROVAL, answer=Answer("reject", "", {}, "deadline", 0.0)))
    assert re.search("rejected — nobody had answered at the deadline, 1 Jan 1970", widget.message.value)


def test_a_caption_stands_above_the_question_as_text():
    widget = ApprovalWidget(APPROVAL, (), lambda *answer: None, "<b>r1</b> · gate")
    assert "&lt;b&gt;r1&lt;/b&gt; · gate" in widget.children[0].value


def test_a_value_that_may_not_be_what_it_looks_like_says_so():
    approval = replace(APPROVAL, shown={"text": "\u202etxt.exe"}, editable={})
    assert "cannot be seen (U+202E)" in markup(asked(approval=approval)[0])
    assert "cannot be seen" not in markup(asked()[0])


def test_the_buttons_say_how_many_changes_they_send_and_reject_sends_none():
    widget, _ = asked(approval=replace(APPROVAL, editable={"text": "All about bees.", "score": 3}))
    assert [button.description for button in widget.buttons] == ["approve", "reject", "later"]
    widget.fields["text"].control.value = "All about ants."
    assert [button.description for button in widget.buttons] == [
        "approve with 1 change",
        "reject",
        "later with 1 change",
    ]
    widget.fields["score"].control.value = 4
    assert widget.buttons[0].description == "approve with 2 changes"
    widget.fields["text"].control.value = "All about bees."
    widget.fields["score"].control.value = 3
    assert widget.buttons[0].description == "approve"


def test_a_click_sends_the_option_whatever_its_button_says():
    widget, answers = asked(approval=replace(APPROVAL, editable={"text": "All about bees."}))
    widget.fields["text"].control.value = "All about ants."
    widget.buttons[0].click()
    assert answers[0][0] == "approve"
