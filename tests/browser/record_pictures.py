"""Makes the pictures of the README anew, in a real JupyterLab: `python tests/browser/record_pictures.py`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import nbformat
from conftest import CHROMIUM, FLAGS, ROOT, Server
from jupyterlab_page import NotebookPage
from nbformat.v4 import new_code_cell
from playwright.sync_api import expect, sync_playwright

QUICKSTART = ROOT / "notebooks" / "01_quickstart.ipynb"
IMAGES = ROOT / "notebooks" / "images"
RUN, FORK = 15, 16
WIDE, TALL = 1180, 2400


def main() -> None:
    """Run the quickstart to its question, look at its past, fork it and compare the two."""
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        server = Server(Path(home))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        page = browser.new_page(viewport={"width": WIDE, "height": TALL}, device_scale_factor=1.5)
        try:
            record(NotebookPage(page, server.url, server.folder, Path(home)))
        finally:
            browser.close()
            server.stop()


def record(lab: NotebookPage) -> None:
    """All pictures, one after another."""
    notebook = nbformat.read(QUICKSTART, as_version=4)
    notebook.cells = [*notebook.cells[:FORK], new_code_cell("other = run.fork(1, wanted=5)")]
    nbformat.write(notebook, lab.folder / "essay.ipynb")
    lab.open("essay.ipynb")
    lab.command("application:toggle-left-area")
    for index in range(FORK):
        lab.run_cell(index)
    lab.wait_for_state(RUN, "gate", "waiting")
    lab.node(RUN, "critique").click()
    lab.option(RUN).wait_for()
    shot(lab, "waiting")
    lab.cell(RUN).get_by_role("slider", name="step").fill("3")
    expect(lab.cell(RUN).locator(".nbgraph-at-step")).to_contain_text("as it stood")
    lab.node(RUN, "draft").click()
    lab.cell(RUN).locator(".nbgraph-panel ins").first.wait_for()
    shot(lab, "past", "graph")
    lab.cell(RUN).get_by_role("button", name="Live").click()
    lab.cell(RUN).locator(".nbgraph-panel").get_by_role("button", name="close").click()
    lab.run_cell(FORK)
    lab.wait_for_state(FORK, "gate", "waiting")
    lab.cell(RUN).get_by_role("button", name="compare with").first.click()
    lab.cell(RUN).locator(".nbgraph-pair.nbgraph-first").wait_for()
    shot(lab, "compared", "compare")


def shot(lab: NotebookPage, name: str, part: str = "") -> None:
    """A picture of the run's cell, or of a part of its dashboard."""
    lab.page.mouse.move(0, 0)
    lab.page.wait_for_timeout(500)
    shown = lab.cell(RUN).locator(f".nbgraph-{part}" if part else ".jp-Cell-outputWrapper").first
    shown.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
