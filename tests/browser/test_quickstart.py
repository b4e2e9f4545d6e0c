"""The quickstart notebook, run by hand in JupyterLab."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from jupyterlab_page import NotebookPage

pytestmark = pytest.mark.slow

QUICKSTART = Path(__file__).parents[2] / "notebooks" / "01_quickstart.ipynb"


def place(notebook: nbformat.NotebookNode, start: str) -> int:
    """The first cell whose source begins with `start`."""
    return next(index for index, cell in enumerate(notebook.cells) if cell.source.startswith(start))


def test_the_quickstart_runs_asks_and_goes_on(lab: NotebookPage) -> None:
    notebook = nbformat.read(QUICKSTART, as_version=4)
    nbformat.write(notebook, lab.folder / QUICKSTART.name)
    drawn, run, broken = (place(notebook, start) for start in ("%%edges", "run = essay.run", "sums = receipts.run"))
    lab.open(QUICKSTART.name)
    lab.run_cell(1)
    lab.run_cell(2)
    lab.run_cell(drawn)
    lab.cell(drawn).get_by_text("6 nodes not written yet").wait_for()
    lab.picture("drawn first")
    lab.run_all()
    lab.wait_for_state(run, "gate", "waiting")
    lab.picture("asked", run)
    lab.cell(run).get_by_placeholder("a note").fill("checked by hand")
    lab.option(run).click()
    lab.wait_for_status(run, "done")
    lab.run_cell(run + 2)
    assert "(checked by hand)" in lab.text(run + 2)
    lab.wait_for_status(broken, "done")
    lab.wait_for_status(len(notebook.cells) - 1, "done")
    lab.picture("done", run)
    assert (lab.errors, lab.foreign) == ([], [])
