"""Forking and comparing in a real browser: the form, what it says before it is sent, the family and two runs beside."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from nbgraph.core.family import family
from nbgraph.core.run import Run
from nbgraph.library import Graph
from nbgraph.notebook.forking import Forking
from nbgraph.notebook.relatives import _lane
from nbgraph.view.family import strip
from tests.core.running import quiet_engine  # noqa: F401
from tests.notebook.places import Place
from tests.view.graph_page import DARK, LIGHT
from tests.view.inspected_page import inspected

pytestmark = pytest.mark.slow
SHOTS = os.environ.get("NBGRAPH_SHOTS", "")
HOSTILE = "<img src=x onerror=window.canary=1>"


@pytest.fixture
def run() -> Run:
    """A loop of two rounds, with a secret, a value that is no JSON, and a hostile text."""
    made = Graph("essay")

    @made.node
    def draft(topic: str, rounds: int = 0, strict: bool = True):
        text = f"All about {topic}.\nRound {rounds} of two."
        return {"text": text, "rounds": rounds + 1, "api_key": "s3cr3t", "odd": {1: 2}, "said": HOSTILE}

    @made.node
    def review(rounds: int, strict: bool = True):
        return {"score": 4 * rounds if strict else 9}

    made.edges("START -> draft -> review; review -> draft if score < 8 max 3; review -> END else")
    return made.run({"topic": "bees", "strict": True}).wait()


@contextmanager
def page_of(
    browser: Browser, run: Run, theme: Mapping[str, str] = LIGHT, width: int = 1200
) -> Iterator[tuple[Page, Place]]:
    place = Place()
    lanes = [_lane(member) for member in family(run.lookback.store, run.id)]
    answers = Forking(lambda: run, lambda: run.lookback, place).answers
    with inspected(browser, run, theme, width, more=answers, family=strip(run.id, lanes)) as page:
        yield page, place


def opened(page: Page) -> Locator:
    page.get_by_role("button", name="Fork here").click()
    page.locator("[data-key=topic]").wait_for()
    return page.locator(".nbgraph-forkform")


def forks(run: Run) -> list[Any]:
    return [each for each in run.lookback.store.runs("essay") if each.id != run.id]


def submit(page: Page) -> Locator:
    return page.get_by_role("button", name="Fork", exact=True)


# The form


def test_the_form_has_a_field_for_each_key_as_its_type_asks_for(browser: Browser, run: Run) -> None:
    with page_of(browser, run) as (page, _):
        form = opened(page)
        expect(page.locator("[data-key=topic]")).to_be_focused()
        assert form.get_attribute("aria-label") == "Fork after step 4"
        assert page.get_by_role("checkbox", name="strict").is_checked()
        assert page.get_by_role("textbox", name="text").evaluate("each => each.tagName") == "TEXTAREA"
        assert page.get_by_role("textbox", name="api_key").is_disabled()
        assert page.get_by_role("textbox", name="odd").is_disabled()
        assert "s3cr3t" not in page.content()


def test_what_changes_is_shown_before_it_is_sent(browser: Browser, run: Run) -> None:
    with page_of(browser, run) as (page, _):
        form = opened(page)
        expect(form.locator(".nbgraph-preview")).to_contain_text("Nothing changes")
        page.get_by_role("textbox", name="text").fill("All about honey bees.\nRound 1 of two.")
        expect(form.locator(".nbgraph-preview")).to_contain_text("What changes")
        expect(form.locator(".nbgraph-preview ins")).to_have_text("honey ")
        page.get_by_role("textbox", name="text").fill("All about bees.\nRound 1 of two.")
        expect(form.locator(".nbgraph-preview")).to_contain_text("Nothing changes")
        assert forks(run) == []


def test_what_cannot_be_read_is_told_beside_its_field_and_is_not_sent(browser: Browser, run: Run) -> None:
    with page_of(browser, run) as (page, _):
        form, score = opened(page), page.get_by_role("textbox", name="score")
        score.fill("nine")
        expect(form.locator(".nbgraph-wrong", has_text="score is a whole number, not 'nine'.")).to_be_visible()
        expect(score).to_have_attribute("aria-invalid", "true")
        expect(submit(page)).to_be_disabled()
        score.press("Enter")
        score.fill("9")
        expect(submit(page)).to_be_enabled()
        expect(score).to_have_attribute("aria-invalid", "false")
        assert forks(run) == []


def test_a_fork_begins_after_the_step_that_was_chosen_with_what_was_entered(browser: Browser, run: Run) -> None:
    with page_of(browser, run) as (page, _):
        page.get_by_role("slider", name="step").fill("2")
        expect(page.locator(".nbgraph-forkbar")).to_contain_text("after step 2")
        form = opened(page)
        expect(form).to_contain_text("runs next: draft")
        page.get_by_role("textbox", name="topic").fill("wasps")
        page.get_by_role("checkbox", name="strict").uncheck()
        expect(form.locator(".nbgraph-preview")).to_contain_text("wasps")
        submit(page).click()
        expect(form).to_be_hidden()
    (made,) = forks(run)
    assert (made.parent, made.parent_step) == (run.id, 2)
    fork = run.lookback.beside(made.id)
    assert fork.at(3).state == {**run.at(2).state, "topic": "wasps", "strict": False}


def test_the_whole_of_it_can_be_done_by_keyboard(browser: Browser, run: Run) -> None:
    with page_of(browser, run) as (page, _):
        page.locator('[data-node="draft"]').focus()
        page.keyboard.press("[")
        page.keyboard.press("[")
        expect(page.locator(".nbgraph-forkbar")).to_contain_text("after step 2")
        fork_here = page.get_by_role("button", name="Fork here")
        fork_here.focus()
        page.keyboard.press("Enter")
        page.locator("[data-key=topic]").wait_for()
        page.keyboard.press("Escape")
        expect(fork_here).to_be_focused()
        assert fork_here.get_attribute("aria-expanded") == "false"
        page.keyboard.press("Enter")
        expect(page.locator("[data-key=topic]")).to_be_focused()
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.type("ants")
        expect(submit(page)).to_be_enabled()
        expect(page.locator(".nbgraph-preview")).to_contain_text("ants")
        submit(page).focus()
        page.keyboard.press("Enter")
        expect(page.locator(".nbgraph-forkform")).to_be_hidden()
    assert len(forks(run)) == 1


def test_a_fork_that_the_kernel_refuses_is_told_and_can_be_sent_again(browser: Browser, run: Run) -> None:
    with page_of(browser, run) as (page, _):
        opened(page)
        page.evaluate("""() => {
            const { answer } = window;
            window.answer = (asked) => (asked.what === "fork" ? Promise.resolve([null, "no disk"]) : answer(asked));
        }""")
        expect(submit(page)).to_be_enabled()
        submit(page).click()
        expect(page.get_by_text("no disk")).to_be_visible()
        expect(submit(page)).to_be_enabled()


def test_hostile_values_are_text(browser: Browser, run: Run) -> None:
    fork = run.fork(2, {"topic": HOSTILE}).wait()
    with page_of(browser, fork) as (page, _):
        opened(page)
        expect(page.get_by_role("textbox", name="said")).to_have_value(HOSTILE)
        page.get_by_role("button", name=f"compare with {run.id}").click()
        expect(page.locator(".nbgraph-pair.nbgraph-first")).to_be_visible()
        assert page.locator("#live img").count() == 0


# Its family, and two runs beside each other


def test_each_run_of_the_family_has_a_lane_that_begins_where_it_was_forked(browser: Browser, run: Run) -> None:
    fork = run.fork(2, {"strict": False}).wait()
    with page_of(browser, run) as (page, place):
        lanes = page.locator(".nbgraph-kin")
        expect(lanes).to_have_count(2)
        expect(lanes.last).to_contain_text("forked after step 2")
        spans = [lane.locator(".nbgraph-kinspan").bounding_box() for lane in lanes.all()]
        assert spans[1]["x"] == pytest.approx(spans[0]["x"] + spans[0]["width"] / 2, abs=2)
        assert lanes.first.get_by_role("button").first.get_attribute("aria-current") == "true"
        lanes.last.get_by_role("button").first.click()
        page.wait_for_function("() => window.sent.some(({ what }) => what === 'open')")
        page.wait_for_timeout(200)
        assert [shown.id for shown in place.shown] == [fork.id]


def test_two_runs_stand_side_by_side_with_the_first_difference_marked(browser: Browser, run: Run) -> None:
    fork = run.fork(2, {"strict": False}).wait()
    with page_of(browser, run) as (page, _):
        page.get_by_role("button", name=f"compare with {fork.id}").click()
        first = page.locator(".nbgraph-pair.nbgraph-first")
        expect(first).to_have_count(1)
        expect(page.locator(".nbgraph-firstsaid")).to_have_text("first difference at step 3")
        expect(first).to_contain_text("strict=False")
        expect(first.get_by_role("img", name="the first difference")).to_be_visible()
        beside = page.get_by_role("region", name="comparison of two runs")
        expect(beside).to_contain_text("What differs in the end")
        expect(beside).to_contain_text("score")
        left, right = (cell.bounding_box() for cell in first.locator(".nbgraph-paircell").all())
        assert left["x"] + left["width"] <= right["x"]
        assert left["y"] == right["y"]


def test_a_run_is_compared_with_none_until_one_is_chosen(browser: Browser, run: Run) -> None:
    with page_of(browser, run) as (page, _):
        page.get_by_role("button", name="Compare", exact=True).click()
        expect(page.get_by_role("combobox", name="compare with")).to_contain_text("there is no other run")
        expect(page.locator(".nbgraph-pair")).to_have_count(0)


def test_a_fork_that_changed_nothing_is_told_to_be_the_same(browser: Browser, run: Run) -> None:
    fork = run.fork(4).wait()
    with page_of(browser, run) as (page, _):
        page.get_by_role("button", name=f"compare with {fork.id}").click()
        expect(page.locator(".nbgraph-firstsaid")).to_have_text("the same steps")
        expect(page.locator(".nbgraph-compare")).to_contain_text("The same state in the end")


@pytest.mark.parametrize(("name", "theme"), [("light", LIGHT), ("dark", DARK)])
@pytest.mark.parametrize("width", [1200, 520])
def test_form_and_comparison_stay_inside_the_page(browser, run, name, theme, width) -> None:
    fork = run.fork(2, {"strict": False}).wait()
    with page_of(browser, run, theme, width) as (page, _):
        opened(page)
        page.get_by_role("textbox", name="text").fill("All about ants.")
        page.get_by_role("button", name=f"compare with {fork.id}").click()
        page.locator(".nbgraph-first").wait_for()
        page.wait_for_timeout(400)
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/forking_{name}_{width}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
