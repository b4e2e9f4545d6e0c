"""The inspector of a run in JupyterLab: what visits did, large values, why edges were taken, and a failure retried."""

from __future__ import annotations

import pytest
from jupyterlab_page import NotebookPage
from playwright.sync_api import Locator, expect
from stories import LOAD

pytestmark = pytest.mark.slow

EDGES = """
%%edges
START -> draft -> measure
measure -> draft if rounds < 2 max 3
measure -> publish else
publish -> END
"""
DRAFT = """
%%node
def draft(topic: str, rounds: int = 0):
    print("round", rounds)
    return {"text": f"All about {topic}.\\nRound {rounds}."}
"""
MEASURE = """
%%node
def measure(text: str, rounds: int = 0):
    import numpy, pandas
    table = pandas.DataFrame(numpy.arange(3000).reshape(100, 30))
    return {"table": table, "many": list(range(300)), "rounds": rounds + 1, "api_key": "s3cr3t"}
"""
BROKEN = "%%node\ndef publish(text: str):\n    raise ValueError('no paper')"
MENDED = "%%node\ndef publish(text: str):\n    return {'page': text.upper()}"
CELLS = [LOAD, "%graph new essay", EDGES, DRAFT, MEASURE, BROKEN, "run = essay.run(topic='bees')", ""]
RUN = 6


def panel(lab: NotebookPage) -> Locator:
    return lab.cell(RUN).locator(".nbgraph-panel")


def choose(lab: NotebookPage, node: str, tab: str) -> Locator:
    lab.node(RUN, node).click()
    expect(panel(lab)).to_have_attribute("aria-label", f"details of {node}")
    panel(lab).get_by_role("tab", name=tab).click()
    return panel(lab).get_by_role("tabpanel")


def test_a_run_is_looked_into_and_retried_after_its_cell_was_mended(lab: NotebookPage) -> None:
    lab.write("inspector.ipynb", *CELLS)
    lab.open("inspector.ipynb")
    lab.run_all()
    lab.wait_for_status(RUN, "failed")
    shown = choose(lab, "draft", "Diff")
    expect(shown.locator("ins")).to_have_text("1")
    expect(shown.locator("del")).to_have_text("0")
    lab.picture("diff", RUN)
    panel(lab).get_by_role("button", name="visit before").click()
    expect(panel(lab).locator(".nbgraph-which")).to_contain_text("visit 1 of 2")
    expect(choose_tab(lab, "Output")).to_have_text("round 0\n")

    shown = choose(lab, "measure", "Update")
    shown.get_by_role("button", name="table").click()
    expect(shown.locator("tbody tr")).to_have_count(20)
    shown.get_by_role("button", name="rows after").click()
    expect(shown.locator("tbody th").first).to_have_text("20")
    lab.picture("table", RUN)
    expect(shown).not_to_contain_text("s3cr3t")

    choose(lab, "publish", "Error")
    panel(lab).get_by_role("button", name="edge from measure else").focus()
    expect(lab.cell(RUN).get_by_role("tooltip")).to_contain_text("step 4: else")
    lab.picture("why", RUN)
    lab.run_cell(5, MENDED)
    panel(lab).get_by_role("button", name="Retry from here").click()
    lab.wait_for_status(RUN, "done")
    expect(panel(lab).locator(".nbgraph-which")).to_contain_text("step 5")
    lab.run_cell(RUN + 1, "print(run.result()['page'])")
    assert "ALL ABOUT BEES." in lab.text(RUN + 1)
    assert (lab.errors, lab.foreign) == ([], [])


def test_the_inspector_answers_when_the_run_is_over_and_the_page_was_loaded_anew(lab: NotebookPage) -> None:
    lab.write("over.ipynb", *[*CELLS[:5], MENDED, *CELLS[6:]])
    lab.open("over.ipynb")
    lab.run_all()
    lab.wait_for_status(RUN, "done")
    lab.save()
    lab.reload()
    lab.wait_for_status(RUN, "done")
    lab.cell(RUN).locator(".nbgraph-state summary").click()
    lab.cell(RUN).get_by_role("button", name="rounds", exact=True).focus()
    expect(lab.cell(RUN).get_by_role("tooltip")).to_contain_text("written by measure#1 (step 2), measure#2 (step 4)")
    lab.picture("state", RUN)
    expect(choose(lab, "publish", "Update")).to_contain_text("ALL ABOUT BEES.")
    assert (lab.errors, lab.foreign) == ([], [])


def choose_tab(lab: NotebookPage, name: str) -> Locator:
    panel(lab).get_by_role("tab", name=name).click()
    return panel(lab).get_by_role("tabpanel")
