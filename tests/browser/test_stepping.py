"""A run looked into in JupyterLab: breakpoints by click, the Next button, what waits, what was cached or retried."""

from __future__ import annotations

import pytest
from jupyterlab_page import NotebookPage
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.slow

LOAD = "%load_ext nbgraph\nimport asyncio"
EDGES = "%%edges\nSTART -> a -> b -> c -> END"
NODES = [f"%%node\nasync def {name}():\n    await asyncio.sleep(0.3)\n    return {{'{name}': 1}}" for name in "abc"]
RUN = 6


def opened(lab: NotebookPage, name: str, run: str) -> None:
    lab.write(name, LOAD, "%graph new steps", EDGES, *NODES, run, "")
    lab.open(name)
    lab.run_all()


def press(lab: NotebookPage, name: str) -> None:
    lab.cell(RUN).get_by_role("button", name=name, exact=True).click()


def reason(lab: NotebookPage) -> Locator:
    return lab.cell(RUN).locator(".nbgraph-reason")


def panel(lab: NotebookPage) -> Locator:
    return lab.cell(RUN).locator(".nbgraph-panel")


def test_a_run_is_stepped_through_by_the_next_button(lab: NotebookPage) -> None:
    opened(lab, "next.ipynb", "run = steps.run(step=True)")
    for node in "abc":
        expect(reason(lab)).to_have_text(f"one step at a time; next: {node}#1")
        lab.wait_for_status(RUN, "paused")
        lab.wait_for_state(RUN, node, "idle")
        press(lab, "Next")
        lab.wait_for_state(RUN, node, "done")
    lab.wait_for_status(RUN, "done")
    assert lab.cell(RUN).locator(".nbgraph-buttons button").count() == 0


def test_a_breakpoint_by_click_holds_the_run_until_it_is_resumed(lab: NotebookPage) -> None:
    opened(lab, "break.ipynb", "run = steps.run(step=True)")
    lab.wait_for_status(RUN, "paused")
    lab.node(RUN, "c").click()
    panel(lab).get_by_text("No edge has led to c.").wait_for()
    stop = panel(lab).get_by_role("button", name="Pause before")
    stop.click()
    expect(stop).to_have_attribute("aria-pressed", "true")
    expect(lab.node(RUN, "c").locator(".nbgraph-ring.nbgraph-before")).to_be_visible()
    lab.picture("breakpoint", RUN)
    press(lab, "Resume")
    lab.wait_for_state(RUN, "b", "done")
    lab.wait_for_status(RUN, "paused")
    expect(reason(lab)).to_have_text("paused before c")
    panel(lab).get_by_text("c#1 is ready and starts when the run goes on").wait_for()
    lab.picture("paused before c", RUN)
    stop.click()
    expect(stop).to_have_attribute("aria-pressed", "false")
    press(lab, "Resume")
    lab.wait_for_status(RUN, "done")
    expect(panel(lab).get_by_role("button", name="Pause before")).to_have_count(0)
    lab.run_cell(RUN + 1, "print(run.breakpoints)")
    assert lab.text(RUN + 1).strip() == "{'before': [], 'after': []}"
    assert (lab.errors, lab.foreign) == ([], [])


CALLED = """
%%node --retry 3 --cache
def fetch(topic: str):
    calls.append(topic)
    if len(calls) < 3:
        raise TimeoutError("no answer")
    return {"page": topic.upper()}
"""


def test_retries_and_cached_results_are_marked(lab: NotebookPage) -> None:
    cells = [LOAD + "\ncalls = []", "%graph new steps", "%%edges\nSTART -> fetch -> END", CALLED]
    lab.write("cached.ipynb", *cells, *["run = steps.run(topic='bees')"] * 2, "print(calls)")
    lab.open("cached.ipynb")
    for index in range(5):
        lab.run_cell(index)
    lab.wait_for_status(4, "done")
    lab.run_cell(5)
    lab.wait_for_status(5, "done")
    expect(lab.node(4, "fetch").locator(".nbgraph-note")).to_have_text("2 retries")
    expect(lab.node(5, "fetch").locator(".nbgraph-note")).to_have_text("cached")
    expect(lab.node(4, "fetch").locator(".nbgraph-marks")).to_have_text("retry 3 · cache")
    lab.node(4, "fetch").click()
    lab.cell(4).get_by_role("tab", name="Output").click()
    lab.cell(4).get_by_text("attempt 2 failed: TimeoutError: no answer").wait_for()
    lab.picture("retried and cached", 3)
    lab.run_cell(6)
    assert lab.text(6).strip() == "['bees', 'bees', 'bees']"
