"""A run in Jupyter Notebook 7: the picture lights up, a person answers, and the dashboard is looked into."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from other_pages import Notebook7, Notebook7Page
from playwright.sync_api import BrowserContext, expect
from stories import CELLS, RUN

pytestmark = pytest.mark.slow


@pytest.fixture
def book(window: BrowserContext, tmp_path: Path) -> Iterator[Notebook7Page]:
    server = Notebook7(tmp_path)
    page = Notebook7Page(window.new_page(), server.url, server.folder, tmp_path)
    yield page
    page.picture("at the end")
    page.page.close()
    server.stop()


def test_a_run_lights_up_is_answered_and_looked_into(book: Notebook7Page) -> None:
    book.write("seven.ipynb", *CELLS)
    book.open("seven.ipynb")
    book.errors.clear()  # Notebook 7.6 raises one of its own when it loads, also without a cell of ours
    for index in range(RUN):
        book.run_cell(index)
    book.node(2, "draft").wait_for()
    book.run_cell(RUN, wait=False)
    book.wait_for_state(RUN, "draft", "active")
    book.wait_for_state(RUN, "gate", "waiting")
    book.picture("asked", RUN)
    book.option(RUN).click()
    book.wait_for_status(RUN, "done")
    assert not book.cell(RUN).locator(".nbgraph-record").is_visible()
    book.node(RUN, "draft").click()
    panel = book.cell(RUN).locator(".nbgraph-panel")
    expect(panel).to_have_attribute("aria-label", "details of draft")
    panel.get_by_role("tab", name="Output").click()
    expect(panel.get_by_role("tabpanel")).to_contain_text("drafting bees")
    book.picture("inspector", RUN)
    assert (book.errors, book.foreign) == ([], [])
