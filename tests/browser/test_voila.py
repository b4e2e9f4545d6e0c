"""A run in Voila: cells have run before there is a page, and the run waits there for a person who has only the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from other_pages import Voila, VoilaPage
from playwright.sync_api import BrowserContext, expect
from stories import CELLS

pytestmark = pytest.mark.slow

PAGE = 0  # all that the cells give stands on one page


@pytest.fixture
def voila(window: BrowserContext, tmp_path: Path) -> Iterator[VoilaPage]:
    server = Voila(tmp_path)
    page = VoilaPage(window.new_page(), server.url, server.folder, tmp_path)
    yield page
    page.picture("at the end")
    page.page.close()
    server.stop()


def test_a_run_lights_up_is_answered_and_looked_into(voila: VoilaPage) -> None:
    voila.write("essay.ipynb", *CELLS)
    voila.page.route("https://**", lambda route: route.abort())
    voila.open("essay.ipynb")
    voila.foreign.clear()  # Voila itself asks for a font
    voila.wait_for_state(PAGE, "gate", "waiting")
    voila.picture("asked")
    voila.option(PAGE).click()
    voila.wait_for_state(PAGE, "publish", "active")
    voila.wait_for_status(PAGE, "done")
    assert not voila.page.locator(".nbgraph-record").first.is_visible()
    live = voila.page.locator(".nbgraph-live")
    live.locator('[data-node="draft"]').click()
    panel = live.locator(".nbgraph-panel")
    expect(panel).to_have_attribute("aria-label", "details of draft")
    panel.get_by_role("tab", name="Output").click()
    expect(panel.get_by_role("tabpanel")).to_contain_text("drafting bees")
    voila.picture("inspector")
    assert (voila.errors, voila.foreign) == ([], [])
