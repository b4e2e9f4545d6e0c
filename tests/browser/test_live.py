"""A run watched in JupyterLab: what lights up, what prints where, the stop button, and a node that is mended."""

from __future__ import annotations

import pytest
from jupyterlab_page import NotebookPage
from stories import CELLS, LOAD, RUN

pytestmark = pytest.mark.slow

WATCH_ACTIVE = """() => {
    window.__active = [];
    const note = (element) => {
        const { node, state } = element.dataset ?? {};
        if (node && state === "active" && window.__active.at(-1) !== node) window.__active.push(node);
    };
    new MutationObserver((changes) => changes.forEach((change) => note(change.target))).observe(
        document.body, { subtree: true, attributes: true, attributeFilter: ["data-state"] });
}"""


def test_nodes_light_up_in_order(lab: NotebookPage) -> None:
    lab.write("live.ipynb", *CELLS)
    lab.open("live.ipynb")
    for index in range(3):
        lab.run_cell(index)
    lab.node(2, "draft").wait_for()  # a page that has loaded the script for one picture shows the next one at once
    lab.page.evaluate(WATCH_ACTIVE)
    before = lab.picture("before")
    lab.run_all(wait=False)
    lab.wait_for_state(RUN, "critique", "active")
    running = lab.picture("running", RUN)
    lab.wait_for_state(RUN, "gate", "waiting")
    lab.option(RUN).click()
    lab.wait_for_status(RUN, "done")
    done = lab.picture("done", RUN)
    assert lab.page.evaluate("window.__active") == ["draft", "critique", "publish"]
    assert len({before, running, done}) == 3
    assert lab.errors == []


def test_a_picture_follows_the_cells(lab: NotebookPage) -> None:
    lab.write("picture.ipynb", *CELLS[:3], CELLS[3])
    lab.open("picture.ipynb")
    for index in range(3):
        lab.run_cell(index)
    lab.cell(2).get_by_text("4 nodes not written yet").wait_for()
    lab.picture("dashed")
    lab.run_cell(3)
    lab.cell(2).get_by_text("3 nodes not written yet").wait_for()


def test_prints_land_in_the_cell_that_started_the_run_and_in_the_log(lab: NotebookPage) -> None:
    other = 'for i in range(10):\n    time.sleep(0.1)\nprint("stranger")'
    lab.write("prints.ipynb", *CELLS, other)
    lab.open("prints.ipynb")
    lab.run_all()
    lab.wait_for_state(RUN, "gate", "waiting")
    lab.cell(RUN).get_by_text("drafting bees").first.wait_for()
    assert lab.text(RUN + 1).strip() == "stranger"
    lab.node(RUN, "draft").click()
    panel = lab.cell(RUN).locator(".nbgraph-panel")
    panel.get_by_role("tab", name="Output").click()
    panel.get_by_text("drafting bees", exact=True).wait_for()
    panel.get_by_role("tab", name="Code").click()
    panel.get_by_text('print(f"drafting {topic}")').wait_for()
    lab.picture("panel", RUN)


def test_the_stop_button_stops_the_waiting_and_not_the_run(lab: NotebookPage) -> None:
    slow = "%%node\ndef slow():\n    time.sleep(4)\n    note('slow')\n    return {'slow': 1}"
    wait = "_ = run.wait()\nprint('stopped while', str(run.status))"
    lab.write("stop.ipynb", LOAD, "%graph new g", "%%edges\nSTART -> slow -> END", slow, "run = g.run()", wait)
    lab.open("stop.ipynb")
    lab.run_all(wait=False)
    lab.wait_for_state(4, "slow", "active")
    lab.page.wait_for_timeout(500)
    lab.interrupt()
    lab.cell(5).get_by_text("stopped while running").wait_for()
    assert "Stopped waiting; g goes on." in lab.text(5)
    lab.wait_for_status(4, "done")


def test_the_cancel_button_ends_the_run(lab: NotebookPage) -> None:
    lab.write("cancel.ipynb", *CELLS)
    lab.open("cancel.ipynb")
    lab.run_all()
    lab.wait_for_state(RUN, "gate", "waiting")
    lab.cell(RUN).get_by_role("button", name="Cancel").click()
    lab.wait_for_status(RUN, "cancelled")
    lab.cell(RUN).get_by_text("no longer asked").wait_for()
    lab.picture("cancelled", RUN)


BROKEN = "%%node\ndef total(lines):\n    return {'total': sum(float(each) for each in lines)}"
MENDED = BROKEN.replace("float(each)", "float(each.replace(',', '.'))")
READ = "%%node\ndef read():\n    print('reading')\n    return {'lines': ['3.20', '4,80']}"


def test_a_failed_node_is_mended_and_resumed_by_the_button(lab: NotebookPage) -> None:
    edges = "%%edges\nSTART -> read -> total -> END"
    lab.write("mend.ipynb", LOAD, "%graph new sums", edges, READ, BROKEN, "run = sums.run()", "")
    lab.open("mend.ipynb")
    lab.run_all()
    lab.wait_for_state(5, "total", "failed")
    lab.page.wait_for_timeout(300)
    lab.picture("failed")
    lab.run_cell(4, MENDED)
    lab.cell(5).get_by_role("button", name="Resume").click()
    lab.wait_for_status(5, "done")
    lab.run_cell(6, "print(run.result()['total'], [step.node for step in run.steps])")
    assert lab.text(6).strip() == "8.0 ['read', 'total']"
    assert lab.text(5).count("reading") == 1
    lab.picture("mended")
