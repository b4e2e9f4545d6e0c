"""The clock, the rate and the bar in the header of the dashboard, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from nbgraph.core.events import ItemsEnded, RunStarted, Status, StatusChanged, TaskStarted
from tests.view.graph_page import DARK
from tests.view.stories import ESSAY, folded
from tests.view.test_graph_script import opened

pytestmark = pytest.mark.slow

NOW = 1_700_000_000.0
GOING = (RunStarted(NOW - 65, ()), StatusChanged(Status.RUNNING, NOW - 65))
MAPPING = (*GOING, TaskStarted("draft", 1, NOW - 10, 40), ItemsEnded("draft", 1, NOW - 1, 29, 1, 40))


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    with opened(browser, ESSAY, folded(()), **getattr(request, "param", {})) as page:
        page.clock.install(time=NOW)
        yield page


def show(page: Page, *events: Any, **more: Any) -> None:
    page.evaluate("status => model.set('status', status)", {**folded(events).snapshot(), **more})


def test_the_clock_ticks_without_a_message_and_stands_still_at_rest(page: Page) -> None:
    show(page, *GOING)
    clock = page.locator(".nbgraph-pace")
    expect(clock).to_have_text("1:05")
    page.clock.run_for(3000)
    expect(clock).to_have_text("1:08")
    show(page, *GOING, StatusChanged(Status.WAITING, NOW + 4))
    page.clock.run_for(60_000)
    expect(clock).to_have_text("1:09")
    show(page, *GOING, StatusChanged(Status.WAITING, NOW + 4), StatusChanged(Status.RUNNING, NOW + 63))
    page.clock.run_for(2000)
    expect(clock).to_have_text("1:11")
    assert [each for each in page.evaluate("window.sent") if each["kind"] != "ask"] == []


def test_a_clock_of_the_kernel_that_is_ahead_never_runs_backwards(page: Page) -> None:
    show(page, RunStarted(NOW + 500, ()), StatusChanged(Status.RUNNING, NOW + 500))
    expect(page.locator(".nbgraph-pace")).to_have_text("0:00")


@pytest.mark.parametrize("page", [{}, {"theme": DARK}], indirect=True)
def test_a_map_has_a_bar_with_its_rate_and_the_time_that_is_left(page: Page, tmp_path: Any) -> None:
    show(page, *MAPPING)
    expect(page.locator(".nbgraph-pace")).to_have_text("1:05 · 30/40 items · 3.0/s · about 0:03 left")
    bar = page.get_by_role("progressbar", name="30 of 40 items")
    expect(bar).to_have_attribute("value", "30")
    page.screenshot(path=tmp_path / "map.png", clip={"x": 0, "y": 0, "width": 900, "height": 260})
    show(page, *GOING)
    expect(bar).to_have_count(0)


def test_many_steps_have_a_rate(page: Page) -> None:
    show(page, *GOING, steps=19)
    expect(page.locator(".nbgraph-pace")).to_have_text("1:05")
    show(page, *GOING, steps=1300)
    expect(page.locator(".nbgraph-pace")).to_have_text("1:05 · 1,300 steps · 20/s")


def test_the_clock_is_not_read_aloud_each_second(page: Page) -> None:
    show(page, *GOING)
    assert page.locator("[aria-live] .nbgraph-pace").count() == 0


def test_a_page_that_was_left_ticks_no_more(page: Page) -> None:
    show(page, *GOING)
    page.evaluate("window.kept = document.querySelector('.nbgraph-pace'); leave()")
    page.clock.run_for(1000)
    last = page.evaluate("kept.textContent")
    page.clock.run_for(5000)
    assert page.evaluate("kept.textContent") == last
