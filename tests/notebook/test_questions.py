"""The questions of a run below its picture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nbgraph.core.approvals import Answer, Approval
from nbgraph.notebook.questions import SETTLED_SHOWN, Questions
from nbgraph.view.approval_widget import ApprovalWidget

ANSWER = Answer("approve", "", {}, "somebody", 0.0)


def approval(name: str = "run/gate#1", question: str = "Fine? {{ text }}", text: str = "bees") -> Approval:
    shown = {"text": text, "score": 7}
    return Approval(name, "run", "gate", 1, question, shown, ("approve", "reject"), {}, 0.0)


class Answers:
    """What was clicked."""

    def __init__(self, refusal: str | None = None) -> None:
        self.given: list[tuple[str, str, str, dict[str, Any], dict[str, Any]]] = []
        self.refusal = refusal

    def __call__(self, *given: Any) -> str | None:
        self.given.append(given)
        return self.refusal


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def questions(answers: Answers) -> Questions:
    return Questions(answers)


def show(questions: Questions, *news: Approval) -> tuple[ApprovalWidget, ...]:
    for each in news:
        questions.note(each)
    questions.flush()
    return tuple(questions.children)


def text(widget: Any) -> str:
    own = str(getattr(widget, "value", ""))
    return own + "".join(text(child) for child in getattr(widget, "children", ()))


def test_a_question_that_was_asked_is_shown_with_what_it_does_not_name_beside_it(questions: Questions) -> None:
    [widget] = show(questions, approval())
    assert "bees" in text(widget)
    assert "score" in text(widget)


def test_a_click_is_handed_on_with_the_id(questions: Questions, answers: Answers) -> None:
    [widget] = show(questions, approval())
    widget.note.value = "good"
    widget.buttons[0].click()
    assert answers.given == [("run/gate#1", "approve", "good", {}, {})]


def test_an_answer_from_anywhere_settles_the_widget_and_says_who(questions: Questions) -> None:
    show(questions, approval())
    [widget] = show(questions, replace(approval(), answer=ANSWER))
    assert all(button.disabled for button in widget.buttons)
    assert "answered by somebody" in text(widget)


def test_what_was_answered_before_it_was_shown_stays_unseen(questions: Questions) -> None:
    assert show(questions, approval(), replace(approval(), answer=ANSWER)) == ()


def test_a_question_asked_anew_takes_the_place_of_the_old_one(questions: Questions) -> None:
    [before] = show(questions, approval())
    [after] = show(questions, approval(text="wasps"))
    assert after is not before
    assert before.comm is None
    assert "wasps" in text(after)


def test_the_last_few_settled_ones_are_kept(questions: Questions) -> None:
    for number in range(SETTLED_SHOWN + 3):
        asked = approval(f"run/gate#{number}")
        show(questions, asked)
        show(questions, replace(asked, answer=ANSWER))
    assert len(questions.children) == SETTLED_SHOWN


def test_withdrawn_questions_can_not_be_answered(questions: Questions, answers: Answers) -> None:
    [widget] = show(questions, approval())
    questions.withdraw()
    widget.buttons[0].click()
    assert answers.given == []
    assert "no longer asked" in text(widget)


def test_a_question_that_cannot_be_read_is_shown_as_it_is_written(questions: Questions) -> None:
    [widget] = show(questions, approval(question="Fine? {{ text.title }}"))
    assert "text.title" in text(widget)
    assert len(widget.buttons) == 2


def test_the_description_is_stable(questions: Questions) -> None:
    show(questions, approval())
    assert repr(questions) == "<questions: 1 open>"
