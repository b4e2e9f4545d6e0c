"""The timeline of a run in JupyterLab: bars while it goes on, steps of its past, and back to what it does now."""

from __future__ import annotations

import re

import pytest
from jupyterlab_page import NotebookPage
from playwright.sync_api import Locator, expect
from stories import CELLS, RUN

pytestmark = pytest.mark.slow


def bar(lab: NotebookPage, lane: str) -> Locator:
    return lab.cell(RUN).locator(f'.nbgraph-lane[title="{lane}"] .nbgraph-bar')


def at(lab: NotebookPage) -> Locator:
    return lab.cell(RUN).locator(".nbgraph-at-step")


def test_the_past_of_a_run_is_stepped_through_while_it_waits_and_after_it_went_on(lab: NotebookPage) -> None:
    lab.write("timeline.ipynb", *CELLS)
    lab.open("timeline.ipynb")
    lab.run_all(wait=False)
    bar(lab, "critique").wait_for()
    lab.wait_for_state(RUN, "gate", "waiting")
    expect(bar(lab, "gate").locator(".nbgraph-hatched")).to_be_visible()
    lab.picture("waiting", RUN)

    lab.node(RUN, "critique").focus()
    lab.page.keyboard.press("[")
    expect(at(lab)).to_have_text("step 1 of 2 · draft · as it stood")
    lab.wait_for_state(RUN, "critique", "active")
    lab.wait_for_state(RUN, "gate", "idle")
    expect(lab.cell(RUN).get_by_text("State after step 1")).to_be_visible()
    lab.picture("past", RUN)

    lab.option(RUN).click()
    expect(bar(lab, "publish")).to_have_attribute("data-state", "done")
    expect(at(lab)).to_have_text("step 1 of 4 · draft · as it stood")
    lab.wait_for_state(RUN, "gate", "idle")
    bar(lab, "gate").click()
    expect(at(lab)).to_have_text("step 3 of 4 · gate · as it stood")
    lab.wait_for_state(RUN, "publish", "active")
    lab.cell(RUN).get_by_role("button", name="Live").click()
    lab.wait_for_status(RUN, "done")
    lab.wait_for_state(RUN, "publish", "done")
    expect(lab.cell(RUN).locator(".nbgraph-past")).to_have_count(0)
    lab.picture("done", RUN)
    assert lab.errors == []


def test_the_past_of_a_run_that_is_over_needs_no_idle_kernel(lab: NotebookPage) -> None:
    lab.write("busy.ipynb", *CELLS, "time.sleep(8)")
    lab.open("busy.ipynb")
    lab.run_all(wait=False)
    lab.option(RUN).click()
    lab.wait_for_status(RUN, "done")
    lab.cell(RUN + 1).locator(".jp-InputPrompt").get_by_text("[*]").wait_for()
    lab.cell(RUN).get_by_role("slider", name="step").fill("2")
    expect(at(lab)).to_have_text(re.compile("step 2 of 4 · critique"))
    lab.wait_for_state(RUN, "gate", "active")
    assert lab.cell(RUN + 1).locator(".jp-InputPrompt").inner_text() == "[*]:"
