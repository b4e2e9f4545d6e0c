"""Open questions as a table of texts."""

import time
from dataclasses import replace

import pytest

from nbgraph.view.question_table import headline, html, text
from tests.view.stories import APPROVAL, HOSTILE

ASKED = replace(
    APPROVAL,
    question="Shall\n  this go out? {{ text }}",
    asked_at=time.time(),
    deadline=time.time() + 1,
    otherwise="no",
)


def test_the_text_has_a_line_for_each_question():
    first, line = text([ASKED]).splitlines()
    assert first == "1 open question"
    assert line.startswith(f"  {ASKED.run_id}, {ASKED.node}: Shall this go out? {{{{ text }}}} (")
    assert line.endswith(", then no")


def test_no_question_is_told_without_a_table():
    assert text([]) == "no open questions"
    assert "<table" not in html([])


def test_the_values_that_were_shown_stay_out_of_the_record():
    asked = replace(ASKED, shown={"text": "SECRET"}, editable={"text": "SECRET"})
    assert "SECRET" not in html([asked]) + text([asked])


@pytest.mark.parametrize("name", [*HOSTILE, "x" * 500])
def test_questions_are_text_in_the_html(name):
    shown, harmless = (
        html([replace(ASKED, question=each, node=each, options=(each,), otherwise=each)]) for each in (name, "x")
    )
    assert [shown.count(sign) for sign in "<\x00\x1b"] == [harmless.count(sign) for sign in "<\x00\x1b"]


def test_the_headline_counts():
    assert [headline([ASKED] * count) for count in (0, 1, 2)] == [
        "no open questions",
        "1 open question",
        "2 open questions",
    ]
