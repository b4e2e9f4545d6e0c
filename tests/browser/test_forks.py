"""Forks in JupyterLab: from a chosen step, with another state, compared with where they came from; after a restart."""

from __future__ import annotations

import pytest
from jupyterlab_page import NotebookPage
from playwright.sync_api import Locator, expect
from stories import CELLS, RUN

from nbgraph.store.sqlite import SqliteStore

pytestmark = pytest.mark.slow

KEPT = "%config NbGraph.store = 'forks.db'"
DECLARING = [CELLS[0], KEPT, *CELLS[1:RUN]]
STARTS = len(DECLARING)


def view(lab: NotebookPage, cell: int, number: int = 0) -> Locator:
    """The dashboard of a run below a cell; those of runs that were opened from it come after it."""
    return lab.cell(cell).locator(".nbgraph-graph").nth(number)


def done(lab: NotebookPage) -> None:
    lab.run_cell(STARTS)
    lab.option(STARTS).click()
    lab.wait_for_status(STARTS, "done")


def fork(lab: NotebookPage, cell: int, topic: str) -> Locator:
    """Fork the run after its first step, with another text; the dashboard of the fork."""
    first = view(lab, cell)
    number = lab.cell(cell).locator(".nbgraph-graph").count()
    first.locator(".nbgraph-bar").first.click()
    expect(first.locator(".nbgraph-forkbar")).to_contain_text("after step 1")
    first.get_by_role("button", name="Fork here").click()
    first.get_by_role("textbox", name="text").fill(f"All about {topic}.")
    expect(first.locator(".nbgraph-preview")).to_contain_text("What changes")
    lab.picture(f"form of {topic}", cell)
    first.get_by_role("button", name="Fork", exact=True).click()
    made = view(lab, cell, number)
    made.wait_for()
    return made


def approve(asked: Locator) -> None:
    asked.locator(".nbgraph-approval:not(.nbgraph-settled) .nbgraph-option-0").last.click()


def kept(lab: NotebookPage) -> list[tuple[str | None, int, str]]:
    runs = SqliteStore(lab.folder / "forks.db").runs("essay")
    return sorted((run.parent, run.parent_step, str(run.status)) for run in runs if run.parent)


def test_a_run_is_forked_after_a_step_with_another_text_and_compared(lab: NotebookPage) -> None:
    lab.write("forks.ipynb", *DECLARING, CELLS[RUN])
    lab.open("forks.ipynb")
    for index in range(STARTS):
        lab.run_cell(index)
    done(lab)
    made = fork(lab, STARTS, "wasps")
    expect(made.locator('[data-node="gate"]')).to_have_attribute("data-state", "waiting")
    approve(lab.cell(STARTS))
    expect(made).to_have_attribute("data-status", "done")
    parent = view(lab, STARTS)
    lanes = parent.locator(".nbgraph-kin")
    expect(lanes).to_have_count(2)
    expect(lanes.last).to_contain_text("forked after step 1")
    expect(lanes.last).to_contain_text("done")
    name = made.get_attribute("data-run")
    parent.get_by_role("button", name=f"compare with {name}").click()
    first = parent.locator(".nbgraph-pair.nbgraph-first")
    expect(first).to_contain_text("edited by hand")
    expect(parent.locator(".nbgraph-compare ins").first).to_have_text("wasps")
    lab.picture("compared", STARTS)
    lanes.last.get_by_role("button").first.click()
    expect(made).to_be_focused()
    assert kept(lab) == [(parent.get_attribute("data-run"), 1, "done")]
    assert lab.errors == []


def test_after_a_restart_the_run_is_opened_from_the_list_and_forked(lab: NotebookPage) -> None:
    lab.write("reopened.ipynb", *DECLARING, CELLS[RUN], "%graph runs")
    lab.open("reopened.ipynb")
    for index in range(STARTS):
        lab.run_cell(index)
    done(lab)
    lab.restart()
    for index in range(STARTS):
        lab.run_cell(index)
    listing = STARTS + 1
    lab.run_cell(listing)
    lab.cell(listing).get_by_role("button", name="Open").first.click()
    view(lab, listing).wait_for()
    expect(view(lab, listing)).to_have_attribute("data-status", "done")
    made = fork(lab, listing, "ants")
    expect(made.locator('[data-node="gate"]')).to_have_attribute("data-state", "waiting")
    approve(lab.cell(listing))
    expect(made).to_have_attribute("data-status", "done")
    lab.picture("forked after a restart", listing)
    assert [(step, status) for _, step, status in kept(lab)][-1] == (1, "done")
    assert lab.errors == []
