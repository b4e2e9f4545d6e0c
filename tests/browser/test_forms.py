"""A node asks for a dataclass in JupyterLab: what does not fit is told below its field, and what fits goes on."""

from __future__ import annotations

import pytest
from jupyterlab_page import NotebookPage
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.slow

DECLARE = """
%load_ext nbgraph
from dataclasses import dataclass, field
from typing import Annotated, Literal
from pydantic import Field

@dataclass
class Review:
    score: Annotated[int, Field(ge=0, le=10, description="How good is it?")]
    tone: Literal["formal", "casual"]
    urgent: bool = False
    sources: list[str] = field(default_factory=list)
"""
ASK = """
%%node
def review(ctx, text: str):
    return ctx.ask("Please review **{{ text }}**.", show={"text": text}, form=Review)
"""
CELLS = [DECLARE, "%graph new essay", "%%edges\nSTART -> review -> END", ASK, 'run = essay.run(text="All about bees.")']
RUN = len(CELLS) - 1


def asked(lab: NotebookPage, name: str, *more: str) -> Locator:
    """Open a notebook and run it until the node asks; the question below the run."""
    lab.write(name, *CELLS, *more)
    lab.open(name)
    for index in range(len(CELLS)):
        lab.run_cell(index)
    lab.option(RUN).wait_for()
    return lab.cell(RUN).locator(".nbgraph-approval")


def test_a_wrong_entry_is_told_below_its_field_and_a_right_one_goes_on(lab: NotebookPage) -> None:
    question = asked(lab, "form.ipynb", "print(run.result()['review'])")
    score, tone = question.get_by_label("score *"), question.get_by_label("tone *")
    assert tone.evaluate("select => select.selectedOptions[0].text") == "—"
    lab.picture("asked", RUN)
    score.fill("eleven")
    lab.option(RUN).click()
    question.get_by_text("tone is missing; it should be one of formal, casual.").wait_for()
    tone.select_option("casual")
    lab.option(RUN).click()
    question.get_by_text("score should be a whole number from 0 to 10, not 'eleven'.").wait_for()
    expect(question.get_by_text("tone is missing")).to_have_count(0)
    lab.picture("wrong", RUN)
    score.fill("7")
    question.get_by_label("urgent").check()
    question.get_by_label("sources").fill('["bees.example"]')
    lab.option(RUN).click()
    question.get_by_text("answered by a client of this kernel").wait_for()
    lab.wait_for_status(RUN, "done")
    lab.picture("answered", RUN)
    expect(score).to_be_disabled()
    lab.run_cell(RUN + 1)
    assert lab.text(RUN + 1).strip() == "Review(score=7, tone='casual', urgent=True, sources=['bees.example'])"


def test_an_answer_by_code_is_shown_in_the_fields(lab: NotebookPage) -> None:
    question = asked(lab, "code.ipynb", "_ = run.answer('review', 'answer', form={'score': '9', 'tone': 'formal'})")
    lab.run_cell(RUN + 1)
    question.get_by_text("answered by run.answer").wait_for()
    score = question.get_by_label("score *")
    expect(score).to_have_value("9")
    expect(score).to_be_disabled()
    assert question.get_by_label("tone *").evaluate("select => select.selectedOptions[0].text") == "formal"
    assert question.locator("button:enabled, input:enabled, select:enabled, textarea:enabled").count() == 0
