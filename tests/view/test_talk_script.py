"""The pane of what models write, in a real browser with a stand-in model."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

from nbgraph.core.events import Event, Status, StatusChanged, ToolCalled
from nbgraph.view.progress import Progress
from nbgraph.view.talk import TAIL, VOICES
from tests.view.graph_page import DARK, LIGHT
from tests.view.stories import HOSTILE
from tests.view.talks import (
    DESK,
    TO_THE_ANSWER,
    TO_THE_END,
    TO_THE_TOOL,
    again,
    called,
    finished,
    started,
    talked,
    used,
    wrote,
)
from tests.view.test_graph_script import changes, open_steps, opened

pytestmark = pytest.mark.slow

CANARY = "<img src=x onerror='window.canary=1'><script>window.canary=1</script><a href='javascript:canary=1'>a</a>"
ANSI = "\x1b[31mred\x1b[0m\x1b]0;title\x07"
RTL = "\u202egnorts\u202c שלום עולם"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that has seen the beginning of a run."""
    with opened(browser, DESK, talked(StatusChanged(Status.RUNNING, 0.0), started())) as page:
        yield page


def tell(page: Page, progress: Progress, *events: Event) -> None:
    """Tell the page what these events come to, in one message."""
    for event in events:
        progress.apply(event)
    changes(page, progress)


def quiet() -> Progress:
    """What `page` has seen, with nothing left to tell."""
    progress = talked(StatusChanged(Status.RUNNING, 0.0), started())
    progress.changes()
    return progress


def words(page: Page, number: int = 0) -> Locator:
    return page.locator(".nbgraph-words").nth(number)


def test_nothing_stands_there_before_a_model_writes(page: Page) -> None:
    assert not page.locator(".nbgraph-talk").is_visible()
    tell(page, quiet(), called())
    assert not page.locator(".nbgraph-talk").is_visible()


def test_a_text_grows_message_by_message(page: Page) -> None:
    progress = quiet()
    tell(page, progress, wrote("Bees "))
    assert words(page).inner_text() == "Bees "
    assert page.locator(".nbgraph-who").inner_text().split("\n") == ["ops", "gpt-5-mini", "is writing"]
    tell(page, progress, wrote("dance."), wrote("\n\n  Well."))
    assert words(page).inner_text() == "Bees dance.\n\n  Well."
    tell(page, progress, called())
    assert "is writing" not in page.locator(".nbgraph-who").inner_text()
    assert page.locator(".nbgraph-used").inner_text() == "1 call · 1,204 + 88 tokens · $0.0012"


def test_every_message_of_a_run_comes_to_what_a_page_that_is_loaded_later_shows(browser: Browser) -> None:
    progress = quiet()
    with opened(browser, DESK, quiet()) as page:
        for event in (*TO_THE_TOOL, again(), *TO_THE_END):
            tell(page, progress, event)
        told = page.locator(".nbgraph-talk").inner_text()
        assert page.evaluate("model.get('status').talk") == progress.snapshot()["talk"]
    with opened(browser, DESK, progress) as page:
        assert page.locator(".nbgraph-talk").inner_text() == told
        assert "Bees dance." in told
        assert "O bees" in told


def test_calls_of_tools_stand_where_they_were_made(browser: Browser) -> None:
    progress = talked(*TO_THE_ANSWER, used("no such file", failed=True, call="tool2.1", path="/x"))
    with opened(browser, DESK, progress) as page:
        text = page.locator(".nbgraph-voice").inner_text()
        assert text.index("search(query='bees') → 3 results") < text.index("Bees dance.")
        assert text.index("Bees dance.") < text.index("search(path='/x') → failed: no such file")
        assert page.locator(".nbgraph-call.nbgraph-failed").count() == 1


def test_a_call_that_is_tried_again_says_so_and_shows_no_text_that_does_not_count(page: Page) -> None:
    progress = quiet()
    tell(page, progress, wrote("Bees da"))
    tell(page, progress, again())
    said = "tries again: attempt 2 in 3 s: ModelError: the endpoint answered 429: slow down."
    assert page.locator(".nbgraph-voice").get_by_text(said).is_visible()
    assert not words(page).is_visible()


def test_beginning_and_end_are_read_aloud_and_no_token_between_them(page: Page) -> None:
    progress = quiet()
    page.evaluate("""() => {
        window.spoken = [];
        const aloud = document.querySelector(".nbgraph-aloud");
        new MutationObserver(() => spoken.push(aloud.textContent)).observe(aloud, { childList: true });
    }""")
    for event in (*(wrote("x") for _ in range(50)), called()):
        tell(page, progress, event)
    assert page.evaluate("spoken") == ["ops is writing", "ops has written 50 characters"]
    assert page.locator(".nbgraph-aloud").get_attribute("aria-live") == "polite"
    assert page.locator(".nbgraph-talk[aria-live], .nbgraph-talk [aria-live]").count() == 0


@pytest.mark.parametrize("text", [*HOSTILE, CANARY, ANSI, RTL, "**bold** $x$ {{ 7 * 7 }}", CANARY * 10_000])
def test_what_a_hostile_model_writes_and_calls_is_text(page: Page, text: str) -> None:
    progress = quiet()
    call = ToolCalled("ops", 1, 2.5, "tool1.1", text, {text: text}, text, True, 0.1)
    error = again()
    error = error._replace(failure=error.failure._replace(message=text))
    tell(page, progress, wrote(text), called()._replace(model=text), call)
    shown = progress.snapshot()["talk"]["ops"]["text"]
    assert words(page).text_content() == ("…" if len(text) > TAIL else "") + shown
    tell(page, progress, error, wrote(text), finished())
    open_steps(page)
    assert page.locator("#live :is(img, script, b, a, em, iframe, form:not(.nbgraph-forkform))").count() == 0


def test_names_of_tasks_that_are_names_of_things_in_the_page_do_no_harm(page: Page) -> None:
    for name in ("constructor", "__proto__", "toString"):
        tell(page, quiet(), wrote("Bees", name))
    assert page.evaluate("({}).text") is None
    assert page.locator(".nbgraph-voice").count() >= 2


def test_the_pane_is_bounded_whatever_is_written(browser: Browser) -> None:
    progress = quiet()
    for item in range(VOICES * 2):
        for event in (wrote("word " * 200_000, item=item), wrote("x" * 5000, item=item), used("y" * 10**6)):
            progress.apply(event)
    for number in range(50):
        progress.apply(used("z" * 10**6, call=f"tool1.{number}", **{f"key{number}": "x" * 10**6}))
    with opened(browser, DESK, progress) as page:
        pane = page.locator(".nbgraph-talk")
        assert len(json.dumps(page.evaluate("model.get('status').talk"))) < VOICES * (TAIL + 4 * 400)
        assert len(pane.text_content()) < VOICES * (TAIL + 4 * 400)
        assert pane.bounding_box()["height"] < VOICES * 320
        assert pane.bounding_box()["width"] <= 880
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert all(text.startswith("…") for text in page.locator(".nbgraph-words").all_text_contents())


def test_the_end_of_a_long_text_is_in_sight_unless_somebody_reads_farther_up(page: Page) -> None:
    progress = quiet()
    lines = [f"line {number}\n" for number in range(60)]
    tell(page, progress, wrote("".join(lines)))
    hidden = "words => words.scrollHeight - words.clientHeight - words.scrollTop"
    assert words(page).evaluate(hidden) < 9
    tell(page, progress, wrote("".join(lines)))
    assert words(page).evaluate(hidden) < 9
    words(page).press("Home")
    page.wait_for_function("document.querySelector('.nbgraph-words').scrollTop === 0")
    tell(page, progress, wrote("more"))
    assert words(page).evaluate("words => words.scrollTop") == 0


def test_a_text_from_right_to_left_begins_at_the_right(page: Page) -> None:
    tell(page, quiet(), wrote("שלום עולם"))
    assert words(page).evaluate(
        """words => {
            const range = document.createRange();
            range.selectNodeContents(words);
            return words.getBoundingClientRect().right - range.getBoundingClientRect().right < 30;
        }"""
    )


@pytest.mark.parametrize(("name", "theme"), [("light", LIGHT), ("dark", DARK)])
def test_the_pane_can_be_read(browser: Browser, name: str, theme: dict[str, str], tmp_path: Path) -> None:
    folder = Path(os.environ.get("NBGRAPH_SCREENSHOTS", tmp_path))
    with opened(browser, DESK, talked(*TO_THE_ANSWER, wrote("O bees,\nO bees", "poet")), theme) as page:
        page.screenshot(path=folder / f"talk-{name}.png")
        boxes = [each.bounding_box() for each in page.locator(".nbgraph-voice").all()]
        assert len(boxes) == 2
        assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]
    with opened(browser, DESK, talked(*TO_THE_TOOL, again()), theme) as page:
        page.screenshot(path=folder / f"talk-again-{name}.png")
        assert page.locator(".nbgraph-who").bounding_box()["height"] < 60
