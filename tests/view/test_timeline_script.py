"""The timeline in a real browser: bars, marks, the slider and its keys, and what follows the step that was chosen."""

from __future__ import annotations

import os
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from nbgraph.core.events import RunStarted, TaskFinished, TaskStarted
from nbgraph.core.run import Run
from nbgraph.library import Graph
from nbgraph.view.graph_widget import GraphWidget
from nbgraph.view.timeline import LIVE_BARS
from tests.core.running import quiet_engine  # noqa: F401
from tests.view.graph_page import DARK, LIGHT
from tests.view.inspected_page import inspected

pytestmark = pytest.mark.slow
SHOTS = os.environ.get("NBGRAPH_SHOTS", "")


def _work() -> Graph:
    made = Graph("work")

    @made.node
    def look(topic: str):
        return {"found": topic.upper()}

    @made.node
    def weigh(found: str):
        return {"found": f"{found}!"}

    made.edges("START -> look -> weigh -> END")
    return made


@pytest.fixture(scope="module")
def run() -> Run:
    """A loop, retries, a node whose result is kept, a failure that is handled, a map over a subgraph, a question."""
    made, tries = Graph("essay"), []
    made.node(_work(), writes="found")

    @made.node
    def draft(rounds: int = 0):
        return {"rounds": rounds + 1, "topics": ["bees", "ants"]}

    @made.node(cache=True)
    def style(topics: list):
        return {"tone": "calm"}

    @made.node(retry=3, backoff=0.01)
    def flaky(tone: str):
        tries.append(1)
        if len(tries) < 3:
            raise OSError("busy")
        return {"tries": len(tries)}

    @made.node
    def risky(tone: str):
        raise ValueError("no <b>paper</b>")

    @made.node
    def rescue(tone: str):
        return {"saved": True}

    made.human("gate", "Publish?")
    made.edges(
        "START -> draft -> style; style -> draft if rounds < 2 max 3; style -> flaky else; flaky -> risky\n"
        "risky -> rescue on error; rescue -> work each topics as topic; work -> gate; gate -> END"
    )
    done = made.run().wait()
    assert "gate" in done.reason, done.reason
    return done


def bars(page: Page, *lane: str) -> Locator:
    """The bars of a lane, or of all."""
    return page.locator(f'.nbgraph-lane[title="{lane[0]}"] .nbgraph-bar' if lane else ".nbgraph-bar")


def at(page: Page) -> Locator:
    return page.locator(".nbgraph-at-step")


def slide(page: Page) -> Locator:
    return page.get_by_role("slider", name="step")


def button(page: Page, name: str) -> Locator:
    return page.locator(".nbgraph-scrub").get_by_role("button", name=name, exact=True)


def lanes(page: Page) -> list[str]:
    return page.eval_on_selector_all(
        ".nbgraph-lane", "all => all.filter(({hidden}) => !hidden).map(({title}) => title)"
    )


# Bars


def test_each_task_has_a_bar_in_the_lane_of_its_node_and_those_inside_stand_below_their_subgraph(browser, run) -> None:
    with inspected(browser, run) as page:
        expect(bars(page, "draft")).to_have_count(2)
        assert lanes(page) == ["draft", "style", "flaky", "risky", "rescue", "work", "work/look", "work/weigh", "gate"]
        expect(bars(page, "work/look")).to_have_count(2)


def test_what_went_otherwise_is_marked_by_signs_and_told_in_words(browser, run) -> None:
    with inspected(browser, run) as page:
        expect(bars(page, "style").last).to_have_text("=")
        expect(bars(page, "flaky")).to_have_text("↻")
        expect(bars(page, "risky")).to_have_text("✗\ufe0e")
        assert "cached" in bars(page, "style").last.get_attribute("title")
        assert "2 retries" in bars(page, "flaky").get_attribute("title")
        assert "failed, and the run went on" in bars(page, "risky").get_attribute("title")
        assert "step 1" in bars(page, "draft").first.get_attribute("title")


def test_where_a_person_is_awaited_the_bar_is_hatched(browser, run) -> None:
    with inspected(browser, run) as page:
        assert bars(page, "gate").locator(".nbgraph-hatched").bounding_box()["width"] > 1
        assert bars(page, "gate").get_attribute("data-state") == "waiting"


def test_a_subgraph_that_is_folded_in_the_picture_folds_its_lanes(browser, run) -> None:
    with inspected(browser, run) as page:
        widget = GraphWidget(run.outline)
        widget._toggle("work", False)
        page.evaluate("drawing => model.set('drawing', drawing)", widget.drawing)
        assert lanes(page)[-2:] == ["work", "gate"]


# The slider


def test_the_graph_the_state_and_the_inspector_follow_the_chosen_step(browser, run) -> None:
    with inspected(browser, run) as page:
        expect(at(page)).to_have_text(
            f"step {len(run.steps)} of {len(run.steps)} · {run.steps[-1].task.replace('#1', '')}"
        )
        slide(page).fill("1")
        expect(at(page)).to_have_text(f"step 1 of {len(run.steps)} · draft · as it stood")
        expect(page.locator('[data-node="style"]')).to_have_attribute("data-state", "active")
        expect(page.locator('[data-node="work"]')).to_have_attribute("data-state", "idle")
        expect(page.locator(".nbgraph-bar.nbgraph-chosen")).to_have_count(1)
        assert slide(page).get_attribute("aria-valuetext") == f"step 1 of {len(run.steps)} · draft · as it stood"
        button(page, "Live").click()
        expect(page.locator('[data-node="work"]')).to_have_attribute("data-state", "done")
        expect(page.locator(".nbgraph-bar.nbgraph-chosen")).to_have_count(0)


def test_a_click_on_a_bar_goes_to_its_step_and_its_node(browser, run) -> None:
    with inspected(browser, run) as page:
        bars(page, "draft").last.click()
        expect(at(page)).to_contain_text("step 3 of")
        expect(at(page)).to_contain_text("draft #2")
        expect(page.locator('[data-node="draft"]')).to_have_class(re.compile("nbgraph-selected"))


def test_brackets_step_from_anywhere_but_from_fields(browser, run) -> None:
    with inspected(browser, run) as page:
        page.locator('[data-node="draft"]').focus()
        page.keyboard.press("[")
        expect(at(page)).to_contain_text(f"step {len(run.steps) - 1} of")
        page.keyboard.press("[")
        expect(at(page)).to_contain_text(f"step {len(run.steps) - 2} of")
        page.keyboard.press("]")
        expect(at(page)).to_contain_text(f"step {len(run.steps) - 1} of")
        page.keyboard.press("]")
        expect(at(page)).to_contain_text(f"step {len(run.steps)} of")
        page.keyboard.press("]")
        expect(page.locator(".nbgraph-past")).to_have_count(0)
        page.keyboard.press("/")
        page.keyboard.press("[")
        expect(page.locator(".nbgraph-past")).to_have_count(0)


def test_before_the_first_step_nothing_has_run(browser, run) -> None:
    with inspected(browser, run) as page:
        slide(page).fill("0")
        expect(at(page)).to_have_text(f"step 0 of {len(run.steps)} · before the first · as it stood")
        expect(page.locator('[data-node="draft"]')).to_have_attribute("data-state", "active")
        button(page, "one step back").click()
        expect(at(page)).to_contain_text("step 0 of")
        button(page, "one step on").click()
        expect(at(page)).to_contain_text("step 1 of")


def test_more_room_for_each_second_is_given_and_taken_back(browser, run) -> None:
    with inspected(browser, run) as page:
        track = page.locator(".nbgraph-track")
        before = track.bounding_box()["width"]
        button(page, "stretch the timeline").click()
        assert track.bounding_box()["width"] > 1.8 * before
        button(page, "draw the timeline together").click()
        assert abs(track.bounding_box()["width"] - before) < 2


# While the run goes on


def test_a_bar_that_comes_later_is_drawn_and_a_moment_stays_as_it_was(browser, run) -> None:
    with inspected(browser, run) as page:
        slide(page).fill("1")
        expect(at(page)).to_contain_text("as it stood")
        news = {"bars": {"900": ["late", "late", 0, 1.0, None, "active", "", []]}, "steps": len(run.steps) + 1}
        page.evaluate("news => model.fire('msg:custom', { kind: 'changes', ...news })", news)
        expect(bars(page, "late")).to_have_count(1)
        expect(at(page)).to_have_text(f"step 1 of {len(run.steps) + 1} · draft · as it stood")
        expect(page.locator('[data-node="work"]')).to_have_attribute("data-state", "idle")


def test_of_a_long_run_the_bars_of_the_chosen_step_are_fetched(browser) -> None:
    made = Graph("long")

    @made.node
    def tick(n: int = 0):
        return {"n": n + 1}

    made.edges(f"START -> tick; tick -> tick if n < {LIVE_BARS + 200} max {LIVE_BARS + 300}; tick -> END else")
    done = made.run(limit=LIVE_BARS + 300).wait()
    with inspected(browser, done) as page:
        expect(bars(page)).to_have_count(LIVE_BARS)
        slide(page).fill("50")
        expect(at(page)).to_have_text(f"step 50 of {LIVE_BARS + 200:,} · tick #50 · as it stood")
        expect(bars(page)).to_have_count(51)  # with the one that was to run next
        button(page, "Live").click()
        expect(bars(page)).to_have_count(LIVE_BARS)


def test_names_are_text(browser, run) -> None:
    name = "<img src=x onerror='window.canary=1'>"
    heard = [RunStarted(1.0, ()), TaskStarted(name, 1, 2.0), TaskFinished(name, 1, 3.0, 99, {}, ())]
    with inspected(browser, run, heard=heard) as page:
        expect(page.locator(".nbgraph-lane-name").last).to_have_text(name)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_it_is_shown_in_light_and_dark(browser, run, theme) -> None:
    with inspected(browser, run, theme) as page:
        slide(page).fill("4")
        expect(at(page)).to_contain_text("as it stood")
        ink, paper = page.locator(".nbgraph-at-step").evaluate(
            "shown => [getComputedStyle(shown).color, getComputedStyle(document.body).backgroundColor]"
        )
        assert ink != paper
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/timeline_{'dark' if theme is DARK else 'light'}.png", full_page=True)
