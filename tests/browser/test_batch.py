"""A table of inputs run in JupyterLab: progress, a failed row mended and resumed by the button, what is saved."""

from __future__ import annotations

import pytest
from jupyterlab_page import NotebookPage
from stories import LOAD

pytestmark = pytest.mark.slow

EDGES = "%%edges\nSTART -> draft -> gate if careful\ndraft -> END else\ngate -> END"
DRAFT = """
%%node
async def draft(topic: str, careful: bool = False):
    import asyncio
    await asyncio.sleep(0.6)
    print(f"drafting {topic}")
    return {"text": f"All about {topic}.", "score": 100 // len(topic)}
"""
LONG = DRAFT.replace("0.6", "3")  # time to click, also on a slow machine
MENDED = DRAFT.replace("len(topic)", "max(1, len(topic))")
GATE = "%%human gate\nIs **{{ text }}** fine?"
ROWS = """
rows = [{"topic": topic, "careful": topic == "wasps"} for topic in ("bees", "<b>ants</b>", "", "wasps", "x" * 200)]
batch = essay.map(rows + rows[:1] * 25, parallel=3)
"""
CELLS = [LOAD, "%graph new essay", EDGES, DRAFT, GATE, ROWS]
RUN = len(CELLS) - 1


def started(lab: NotebookPage, name: str, *more: str, draft: str = DRAFT) -> None:
    """Open a notebook and run it up to the cell that starts the batch."""
    lab.write(name, *(draft if cell is DRAFT else cell for cell in CELLS), *more)
    lab.open(name)
    for index in range(RUN):
        lab.run_cell(index)
    lab.run_cell(RUN)


def count(lab: NotebookPage, text: str) -> None:
    lab.cell(RUN).locator(".nbgraph-count").get_by_text(text).wait_for()


def test_a_table_runs_before_ones_eyes_and_a_failed_row_is_mended_and_resumed(lab: NotebookPage) -> None:
    started(lab, "batch.ipynb", "batch.waiting[3]", "")
    count(lab, "3 running")
    lab.picture("running", RUN)
    count(lab, "29 of 30 · 28 done, 1 failed, 1 waiting")
    assert "ZeroDivisionError" in lab.cell(RUN).locator(".nbgraph-batch tr", has_text="failed").inner_text()
    assert "<b>ants</b>" in lab.cell(RUN).locator(".nbgraph-batch table").inner_text()
    lab.picture("at rest", RUN)
    lab.run_cell(3, MENDED)
    lab.cell(RUN).get_by_role("button", name="Resume").click()
    count(lab, "29 of 30 · 29 done, 1 waiting")
    lab.run_cell(RUN + 1)
    lab.option(RUN + 1).click()
    count(lab, "30 of 30 · 30 done")
    lab.picture("done", RUN)
    lab.run_cell(RUN + 2, "print(batch.status, [row['score'] for row in batch.table('score')][:5])")
    assert lab.text(RUN + 2).strip() == "30 done [25, 9, 100, 20, 0]"
    assert (lab.errors, lab.foreign) == ([], [])


def test_a_batch_is_cancelled_by_its_button_while_a_cell_is_busy(lab: NotebookPage) -> None:
    started(lab, "cancel.ipynb", "time.sleep(25)\nprint('busy until', batch.status)", draft=LONG)
    lab.run_cell(RUN + 1, wait=False)
    count(lab, "3 running")
    lab.cell(RUN).get_by_role("button", name="Cancel").click()
    count(lab, "30 of 30")
    assert "cancelled" in lab.cell(RUN).locator(".nbgraph-count").inner_text()
    assert "busy until" not in lab.text(RUN + 1)


def test_a_saved_batch_is_a_table_for_readers_without_a_kernel(lab: NotebookPage) -> None:
    started(lab, "saved.ipynb")
    count(lab, "28 done, 1 failed, 1 waiting")
    assert not lab.cell(RUN).locator(".nbgraph-record").is_visible()
    lab.page.wait_for_timeout(500)
    lab.save()
    lab.copy_untrusted("saved.ipynb", "reopened.ipynb")
    lab.shut_down()
    lab.load_without_kernel("reopened.ipynb")
    record = lab.cell(RUN).locator(".jp-RenderedHTMLCommon", has_text="essay")
    assert "30 rows, 28 done, 1 failed, 1 waiting" in record.inner_text()
    assert record.locator("tbody tr").count() == 30
    assert "ZeroDivisionError: integer division or modulo by zero" in record.inner_text()
    lab.picture("reopened", RUN)
