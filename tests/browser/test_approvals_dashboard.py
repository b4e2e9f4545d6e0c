"""Approvals in the dashboard, in JupyterLab: what was changed is shown first, all open ones listed, several at once."""

from __future__ import annotations

import pytest
from jupyterlab_page import NotebookPage
from playwright.sync_api import Locator, expect
from stories import CELLS, RUN

pytestmark = pytest.mark.slow

ANSWERS = """
for each in (run, other, third):
    print([(asked.answer.option, asked.answer.note, asked.answer.by) for asked in each.approvals])
"""
MORE = ['other = essay.run(topic="bees")', 'third = essay.run(topic="ants")', ANSWERS]


def waiting(lab: NotebookPage, name: str) -> None:
    lab.write(name, *CELLS, *MORE)
    lab.open(name)
    for index in range(len(CELLS) + 2):
        lab.run_cell(index)
    for index in (RUN, RUN + 1, RUN + 2):
        lab.wait_for_state(index, "gate", "waiting")
        lab.option(index).wait_for()


def header(lab: NotebookPage) -> Locator:
    return lab.cell(RUN).locator(".nbgraph-asks")


def test_what_was_changed_is_shown_before_it_is_sent(lab: NotebookPage) -> None:
    waiting(lab, "changed.ipynb")
    asked = lab.cell(RUN).locator(".nbgraph-approval")
    asked.locator("textarea").fill("All about honey bees.")
    expect(asked.locator(".nbgraph-edited ins")).to_have_text("honey ")
    expect(lab.option(RUN)).to_have_text("approve with 1 change")
    lab.picture("changed", RUN)
    lab.option(RUN).click()
    lab.wait_for_status(RUN, "done")
    expect(asked.locator(".nbgraph-edited ins")).to_have_text("honey ")
    assert lab.errors == []


def test_all_open_questions_are_listed_from_the_header_and_equal_ones_answered_at_once(lab: NotebookPage) -> None:
    waiting(lab, "several.ipynb")
    expect(header(lab)).to_contain_text("1 question for you")
    header(lab).get_by_role("button", name="3 in the notebook").click()
    listed = lab.cell(RUN).locator(".nbgraph-open-questions")
    expect(listed).to_contain_text("3 open questions")
    bulk = listed.locator(".nbgraph-bulk")
    expect(bulk).to_contain_text("3 times the same question")
    expect(bulk.locator("input[type=checkbox]:checked")).to_have_count(2)
    lab.picture("listed", RUN)
    bulk.get_by_placeholder("one note for all").fill("both alike")
    bulk.get_by_role("button", name="approve: 2 of 3").click()
    lab.wait_for_status(RUN, "done")
    lab.wait_for_status(RUN + 1, "done")
    lab.wait_for_state(RUN + 2, "gate", "waiting")
    expect(listed).to_contain_text("2 of 2 answered: approve")
    expect(listed).to_contain_text("1 open question")
    expect(header(lab)).to_contain_text("1 in the notebook")
    lab.picture("answered", RUN)
    lab.option(RUN + 2, 1).click()
    lab.wait_for_state(RUN + 2, "draft", "active")
    lab.run_cell(RUN + 3)
    told = lab.text(RUN + 3).splitlines()
    assert told[:2] == ["[('approve', 'both alike', 'a client of this kernel')]"] * 2
    assert told[2].startswith("[('reject', '', 'a client of this kernel')")
    assert lab.errors == []


def test_the_count_leads_to_the_question(lab: NotebookPage) -> None:
    waiting(lab, "count.ipynb")
    header(lab).get_by_role("button", name="1 question for you").click()
    assert lab.cell(RUN).locator(".nbgraph-approval :focus").count() == 1
