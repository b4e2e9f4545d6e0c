"""The count of open questions in the header, the list that it opens, and notifications, in a real browser."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from nbgraph.core.run import Run
from nbgraph.library import Graph
from tests.core.running import quiet_engine  # noqa: F401
from tests.view.inspected_page import inspected

pytestmark = pytest.mark.slow

IMAGE = "<img src=x onerror='window.canary=1'>"
STAND_IN = """([permission, away]) => {
    window.notified = [];
    window.Notification = class {
        static permission = permission;
        static requestPermission() {
            if (this.permission === "default") this.permission = "granted";
            return Promise.resolve(this.permission);
        }
        constructor(title, told) { Object.assign(this, told, { title }); window.notified.push(this); }
        close() { this.closed = true; }
    };
    document.hasFocus = () => !away;
}"""
AGAIN = """async () => {
    const widget = (await import("/graph.js")).default;
    widget.render({ model, el: document.getElementById("live") });
}"""
QUESTION = """() => {
    const asked = document.createElement("div"), field = document.createElement("textarea");
    asked.className = "nbgraph-approval";
    asked.append(field);
    document.querySelector("#live").append(asked);
}"""


@pytest.fixture(scope="module")
def run() -> Run:
    made = Graph("essay")
    made.human("gate", "Publish?")
    made.edges("START -> gate -> END")
    return made.run().wait()


def told(page: Page, here: int, everywhere: int, latest: str = "gate asks: Publish?") -> None:
    page.evaluate("asks => model.set('asks', asks)", {"here": here, "all": everywhere, "latest": latest})


def header(page: Page) -> Locator:
    return page.locator(".nbgraph-asks")


def bell(page: Page) -> Locator:
    return header(page).get_by_role("button", name="Notify me")


def shown(page: Page) -> list[str]:
    return [text for text in header(page).get_by_role("button").all_inner_texts() if text != "Notify me"]


def notified(page: Page) -> list[dict[str, Any]]:
    return json.loads(page.evaluate("JSON.stringify(window.notified)"))


def test_nothing_is_counted_where_nothing_is_asked(browser: Browser, run: Run) -> None:
    with inspected(browser, run) as page:
        told(page, 0, 0)
        assert shown(page) == []


def test_questions_here_and_in_the_notebook_are_counted(browser: Browser, run: Run) -> None:
    with inspected(browser, run) as page:
        told(page, 1, 1)
        assert shown(page) == ["1 question for you"]
        told(page, 1, 3)
        assert shown(page) == ["1 question for you", "3 in the notebook"]
        told(page, 0, 1)
        assert shown(page) == ["1 in the notebook"]


def test_the_count_leads_to_the_first_question_below(browser: Browser, run: Run) -> None:
    with inspected(browser, run) as page:
        page.evaluate(QUESTION)
        told(page, 1, 1)
        header(page).get_by_role("button", name="1 question for you").focus()
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"


def test_the_other_count_opens_the_list(browser: Browser, run: Run) -> None:
    with inspected(browser, run, more={"questions": lambda _: {}}) as page:
        told(page, 1, 3)
        header(page).get_by_role("button", name="3 in the notebook").click()
        assert [each["what"] for each in page.evaluate("sent") if each["kind"] == "ask"][-1] == "questions"


def test_whoever_looks_elsewhere_is_notified_of_a_new_question_where_it_was_allowed(browser: Browser, run: Run) -> None:
    with inspected(browser, run) as page:
        page.evaluate(STAND_IN, ["default", True])
        page.evaluate(QUESTION)
        told(page, 1, 1)
        assert notified(page) == []
        bell(page).click()
        expect(bell(page)).to_have_attribute("aria-pressed", "true")
        told(page, 2, 2, IMAGE)
        assert [(each["title"], each["body"]) for each in notified(page)] == [("essay asks you", IMAGE)]
        page.evaluate("window.notified[0].onclick()")
        assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"
        told(page, 1, 1)
        assert len(notified(page)) == 1
        bell(page).click()
        expect(bell(page)).to_have_attribute("aria-pressed", "false")
        told(page, 2, 2)
        assert len(notified(page)) == 1


def test_what_was_asked_before_the_page_came_is_no_news(browser: Browser, run: Run) -> None:
    with inspected(browser, run) as page:
        page.evaluate(STAND_IN, ["granted", True])
        page.evaluate("localStorage.setItem('nbgraph-notify', 'on')")
        told(page, 1, 1)
        assert len(notified(page)) == 1
        page.evaluate("window.leave()")
        page.evaluate(AGAIN)
        assert shown(page) == ["1 question for you"]
        assert len(notified(page)) == 1


def test_whoever_looks_here_is_not_notified(browser: Browser, run: Run) -> None:
    with inspected(browser, run) as page:
        page.evaluate(STAND_IN, ["granted", False])
        page.evaluate("localStorage.setItem('nbgraph-notify', 'on')")
        told(page, 1, 1)
        assert notified(page) == []


def test_a_browser_that_refuses_says_so(browser: Browser, run: Run) -> None:
    with inspected(browser, run) as page:
        page.evaluate(STAND_IN, ["denied", True])
        bell(page).click()
        expect(bell(page)).to_be_disabled()
        assert "does not allow" in str(bell(page).get_attribute("title"))
