"""A subgraph in JupyterLab: opened and closed by click and key, before a run, during one, and after it."""

from __future__ import annotations

import pytest
from jupyterlab_page import NotebookPage
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.slow

INNER = """
%load_ext nbgraph
from nbgraph import Graph
research = Graph("research")
@research.node
def search(topic):
    return {"found": f"notes on {topic}"}
@research.node
def rate(found):
    return {"score": len(found)}
research.human("gate", "Are the notes on **{{ topic }}** good?")
research.edges("START -> search -> rate -> gate -> END")
"""
PLAN = "%%node\ndef plan(topics: list):\n    return {'list': sorted(topics)}"
WRITE = "%%node\ndef write(gate: list):\n    return {'page': ', '.join(gate)}"
EDGES = "%%edges\nSTART -> plan\nplan -> research each list as topic\nresearch -> write -> END"
CELLS = [INNER, "%graph new essay", PLAN, WRITE, EDGES, "run = essay.run(topics=['wasps', 'bees'])", ""]
DRAWN, RUN = 4, 5


def toggle(lab: NotebookPage, index: int) -> Locator:
    return lab.cell(index).locator('[data-toggle="research"]')


def opened(lab: NotebookPage, name: str, cells: int) -> None:
    """Open a notebook and run its first cells."""
    lab.write(name, *CELLS)
    lab.open(name)
    for index in range(cells):
        lab.run_cell(index)


def test_a_picture_is_closed_and_opened_by_click_and_key(lab: NotebookPage) -> None:
    opened(lab, "closed.ipynb", DRAWN + 1)
    lab.node(DRAWN, "research/search").wait_for()
    lab.picture("subgraph open", DRAWN)
    toggle(lab, DRAWN).click()
    expect(toggle(lab, DRAWN)).to_have_attribute("aria-expanded", "false")
    expect(lab.node(DRAWN, "research/search")).to_have_count(0)
    lab.picture("subgraph closed", DRAWN)
    expect(toggle(lab, DRAWN)).to_be_focused()
    lab.page.keyboard.press("Enter")
    lab.node(DRAWN, "research/search").wait_for()
    expect(toggle(lab, DRAWN)).to_have_attribute("aria-expanded", "true")


def test_a_choice_stays_when_the_graph_changes(lab: NotebookPage) -> None:
    opened(lab, "kept.ipynb", DRAWN + 1)
    toggle(lab, DRAWN).click()
    expect(lab.node(DRAWN, "research/search")).to_have_count(0)
    lab.run_cell(6, "%edge plan -> write")
    lab.cell(DRAWN).locator("[data-edge='3']").wait_for(state="attached")
    expect(lab.node(DRAWN, "research/search")).to_have_count(0)


def test_a_closed_subgraph_of_a_run_says_what_waits_inside_and_goes_on(lab: NotebookPage) -> None:
    opened(lab, "run.ipynb", RUN + 1)
    lab.wait_for_state(RUN, "research/gate", "waiting")
    lab.option(RUN).first.wait_for()
    lab.picture("run with an open subgraph", RUN)
    toggle(lab, RUN).click()
    note = lab.node(RUN, "research").locator(".nbgraph-note")
    expect(note).to_have_text("gate waits, 2 items")
    lab.wait_for_state(RUN, "research", "active")
    lab.picture("run with a closed subgraph", RUN)
    for settled in (1, 2):
        lab.option(RUN).first.click()
        expect(lab.cell(RUN).locator(".nbgraph-settled")).to_have_count(settled)
    lab.wait_for_status(RUN, "done")
    lab.wait_for_state(RUN, "research", "done")
    toggle(lab, RUN).click()
    lab.wait_for_state(RUN, "research/gate", "done")
    expect(lab.node(RUN, "research/search").locator(".nbgraph-visits")).to_have_text("2×")
    lab.cell(RUN).locator(".nbgraph-steps summary").click()
    lab.cell(RUN).locator(".nbgraph-steps").get_by_text("research[1]/search").wait_for()
    lab.picture("run that is over", RUN)
    assert (lab.errors, lab.foreign) == ([], [])
