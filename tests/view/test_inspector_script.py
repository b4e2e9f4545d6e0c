"""The inspector, the state and the tooltips in a real browser, with answers about a real run."""

import io
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from nbgraph.core.events import Printed, Status
from nbgraph.library import Graph
from nbgraph.testing import calls
from tests.core.running import quiet_engine  # noqa: F401
from tests.nodes.talking import ended, one, scripted
from tests.view.inspected_page import inspected
from tests.view.stories import HOSTILE

pytestmark = pytest.mark.slow

LINES = [f"Line {number} of the essay." for number in range(30)]


@dataclass
class Account:
    user: str
    password: str


def values(rounds: int) -> dict[str, object]:
    kept = io.BytesIO()
    Image.new("RGB", (8, 4), "red").save(kept, "PNG")
    frame = pd.DataFrame({f"c{number}": range(50) for number in range(30)})
    return {
        "frame": frame, "array": np.eye(3), "picture": kept.getvalue(), "account": Account("ann", "s3cr3t"),
        "long": "0123456789" * 1_000, "many": list(range(120)), "hostile": {name: name for name in HOSTILE},
        "rounds": rounds + 1,
    }  # fmt: skip


@pytest.fixture(scope="module")
def run():
    made = Graph("essay")

    @made.node
    def draft(topic: str, feedback: str = "", rounds: int = 0):
        return {"text": "\n".join(LINES).replace("Line 7", f"Row {rounds}" if rounds else "Line 7")}

    @made.node
    def measure(text: str, rounds: int = 0):
        return values(rounds)

    @made.node
    def publish(text: str):
        raise ValueError("no <b>paper</b>")

    made.edges(
        "START -> draft -> measure; measure -> draft if rounds < 2 max 3; measure -> publish else; publish -> END"
    )
    run = made.run(topic="bees").wait(60)
    assert run.status is Status.FAILED, run.reason
    return run


def choose(page: Page, node: str) -> None:
    page.locator(f'[data-node="{node}"]').click()
    expect(page.locator(".nbgraph-which")).to_contain_text("visit")


def tab(page: Page, name: str):
    return page.get_by_role("tab", name=name)


def panel(page: Page):
    return page.get_by_role("tabpanel")


def line(page: Page, name: str):
    return panel(page).locator("button.nbgraph-line", has=page.locator(f".nbgraph-term:text-is('{name}')"))


def sent(page: Page, what: str) -> list[dict[str, object]]:
    return [each for each in page.evaluate("sent") if each.get("what") == what]


# Tabs


def test_a_node_shows_the_difference_that_its_last_visit_made(browser, run):
    with inspected(browser, run) as page:
        choose(page, "draft")
        expect(page.locator(".nbgraph-which")).to_contain_text("visit 2 of 2")
        expect(tab(page, "Diff")).to_have_attribute("aria-selected", "true")
        expect(panel(page).locator("del")).to_have_text(["Line", "7"])
        expect(panel(page).locator("ins")).to_have_text(["Row", "1"])
        expect(panel(page)).to_contain_text("lines as before")
        expect(panel(page)).to_contain_text("9 keys unchanged")


def test_tabs_without_content_are_disabled_and_the_others_are_reached_by_arrows_home_and_end(browser, run):
    with inspected(browser, run) as page:
        choose(page, "draft")
        disabled = [
            name
            for name in ("Diff", "Input", "Update", "Output", "Model", "Code", "Error")
            if tab(page, name).is_disabled()
        ]
        assert disabled == ["Output", "Model", "Error"]
        tab(page, "Diff").focus()
        for key, name in [
            ("ArrowRight", "Input"),
            ("End", "Code"),
            ("ArrowRight", "Diff"),
            ("ArrowLeft", "Code"),
            ("Home", "Diff"),
        ]:
            page.keyboard.press(key)
            expect(tab(page, name)).to_have_attribute("aria-selected", "true")
            expect(tab(page, name)).to_be_focused()
        page.keyboard.press("Tab")
        expect(panel(page)).to_be_focused()
        assert panel(page).get_attribute("aria-labelledby") == tab(page, "Diff").get_attribute("id")
        assert tab(page, "Diff").get_attribute("aria-controls") == panel(page).get_attribute("id")


def test_the_chosen_tab_stays_from_node_to_node_as_far_as_it_can_be_shown(browser, run):
    with inspected(browser, run) as page:
        choose(page, "draft")
        tab(page, "Update").click()
        choose(page, "measure")
        expect(tab(page, "Update")).to_have_attribute("aria-selected", "true")
        choose(page, "publish")
        expect(tab(page, "Error")).to_have_attribute("aria-selected", "true")
        choose(page, "draft")
        expect(tab(page, "Update")).to_have_attribute("aria-selected", "true")


def test_visits_are_gone_through_by_button(browser, run):
    with inspected(browser, run) as page:
        choose(page, "draft")
        page.get_by_role("button", name="visit before").click()
        expect(page.locator(".nbgraph-which")).to_contain_text("visit 1 of 2")
        expect(panel(page)).to_contain_text("added")
        expect(page.get_by_role("button", name="visit before")).to_be_disabled()
        expect(page.get_by_role("button", name="visit after")).to_be_focused()


def test_what_a_visit_printed_is_its_output(browser, run):
    with inspected(
        browser, run, heard=[Printed("draft", 1, 0.0, "first\n"), Printed("draft", 2, 0.0, "second\n")]
    ) as page:
        choose(page, "draft")
        tab(page, "Output").click()
        expect(panel(page)).to_have_text("second\n")
        page.get_by_role("button", name="visit before").click()
        expect(panel(page)).to_have_text("first\n")


def test_an_error_stands_first_and_can_be_retried_once(browser, run):
    with inspected(browser, run) as page:
        choose(page, "publish")
        expect(panel(page)).to_contain_text("ValueError: no <b>paper</b>")
        expect(panel(page)).to_contain_text("line")
        retry = page.get_by_role("button", name="Retry from here")
        retry.click()
        expect(retry).to_be_disabled()
        assert page.evaluate("sent.at(-1)") == {"kind": "act", "action": "resume"}


def test_the_code_of_the_node_is_shown_with_its_cell(browser, run):
    with inspected(browser, run) as page:
        choose(page, "publish")
        tab(page, "Code").click()
        expect(panel(page)).to_contain_text("def publish(text: str)")


def test_calls_of_models_are_shown_by_role_with_tools_and_what_they_took(browser):
    def search(query: str) -> str:
        """Search."""
        return f"{query}: <b>3</b> results " + "x" * 3_000

    script = [calls("search", query="bees") for _ in range(6)]
    with scripted([*script, "Bees <i>dance</i>."]):
        run = ended(one("ops", "Tell me about bees.", tools=[search], turns=9).run())
    assert run.status is Status.DONE, run.reason
    with inspected(browser, run) as page:
        choose(page, "ops")
        tab(page, "Model").click()
        expect(panel(page).locator(".nbgraph-entry")).to_have_count(10)
        expect(panel(page).locator(".nbgraph-role").first).to_have_text("user")
        expect(panel(page)).to_contain_text("can call")
        expect(panel(page).locator(".nbgraph-of-tool").first).to_contain_text("search(query='bees')")
        panel(page).get_by_role("button", name="show more (3 more calls)").click()
        expect(panel(page).locator(".nbgraph-entry")).to_have_count(13)
        expect(panel(page)).to_contain_text("Bees <i>dance</i>.")
        panel(page).get_by_role("button", name="show more (2,000 of").first.click()
        expect(panel(page).locator(".nbgraph-of-tool pre").first).to_contain_text("x" * 2_500)
        assert page.locator("#live :is(b, i, script)").count() == 0


# Values


def test_values_are_asked_for_when_they_are_opened_and_not_before(browser, run):
    with inspected(browser, run) as page:
        choose(page, "measure")
        tab(page, "Update").click()
        expect(line(page, "many")).to_have_attribute("aria-expanded", "false")
        assert sent(page, "value") == []
        line(page, "many").click()
        expect(line(page, "many")).to_have_attribute("aria-expanded", "true")
        expect(panel(page).get_by_role("button", name="show more (50 of 120 lines)")).to_be_visible()
        panel(page).get_by_role("button", name="show more (50 of 120 lines)").click()
        panel(page).get_by_role("button", name="show more (100 of 120 lines)").click()
        expect(panel(page).locator(".nbgraph-inside .nbgraph-datum")).to_have_count(120)
        assert [each.get("offset", 0) for each in sent(page, "value")] == [0, 50, 100]
        line(page, "many").click()
        expect(panel(page).locator(".nbgraph-inside .nbgraph-datum").first).to_be_hidden()


def test_a_long_text_is_shown_by_pages(browser, run):
    with inspected(browser, run) as page:
        choose(page, "measure")
        tab(page, "Update").click()
        line(page, "long").click()
        expect(panel(page).locator("pre")).to_have_text("0123456789" * 200)
        panel(page).get_by_role("button", name="show more (2,000 of 10,000 characters)").click()
        expect(panel(page).locator("pre")).to_have_text("0123456789" * 400)


def test_a_frame_is_a_table_whose_rows_and_columns_are_paged(browser, run):
    with inspected(browser, run) as page:
        choose(page, "measure")
        tab(page, "Update").click()
        line(page, "frame").click()
        grid = panel(page).locator("table")
        expect(grid.locator("tbody tr")).to_have_count(20)
        expect(grid.locator("thead th")).to_have_count(13)
        page.get_by_role("button", name="rows after").click()
        expect(grid.locator("tbody th").first).to_have_text("20")
        page.get_by_role("button", name="columns after").click()
        expect(grid.locator("thead th").nth(1)).to_have_text("c12")
        page.get_by_role("button", name="columns after").click()
        page.get_by_role("button", name="rows after").click()
        expect(page.get_by_text("rows 41–50 of 50")).to_be_visible()
        expect(page.get_by_text("columns 25–30 of 30")).to_be_visible()
        expect(page.get_by_role("button", name="rows after")).to_be_disabled()


def test_an_image_is_shown_as_one(browser, run):
    with inspected(browser, run) as page:
        choose(page, "measure")
        tab(page, "Update").click()
        line(page, "picture").click()
        image = panel(page).get_by_role("img", name="image, 8 × 4, PNG")
        image.wait_for()
        assert image.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [8, 4]
        assert image.get_attribute("src").startswith("data:image/png;base64,")


def test_secrets_are_masked_and_hostile_texts_are_texts(browser, run):
    with inspected(browser, run) as page:
        choose(page, "measure")
        tab(page, "Update").click()
        line(page, "account").click()
        expect(panel(page)).to_contain_text("•••")
        line(page, "hostile").click()
        expect(panel(page).locator(".nbgraph-inside .nbgraph-datum")).to_have_count(2 + len(HOSTILE))
        expect(panel(page)).to_contain_text(HOSTILE[2])
        assert "s3cr3t" not in page.content()
        assert page.locator("#live :is(b, script)").count() == 0


# The state


def test_the_state_is_shown_after_the_chosen_step_with_who_used_each_key(browser, run):
    with inspected(browser, run) as page:
        page.locator(".nbgraph-state summary").click()
        state = page.locator(".nbgraph-statebox")
        expect(state.locator(".nbgraph-keyname")).to_have_count(10)
        state.get_by_role("button", name="text", exact=True).focus()
        tip = page.get_by_role("tooltip")
        expect(tip).to_contain_text("written by draft#1 (step 1), draft#2 (step 3)")
        expect(tip).to_contain_text("read by measure, publish")
        assert state.get_by_role("button", name="text", exact=True).get_attribute(
            "aria-describedby"
        ) == tip.get_attribute("id")
        page.keyboard.press("Escape")
        expect(tip).to_be_hidden()
        state.get_by_role("button", name="topic").focus()
        expect(tip).to_contain_text("given as an input")


def test_nothing_of_the_state_is_asked_for_before_it_is_opened(browser, run):
    with inspected(browser, run) as page:
        choose(page, "draft")
        assert sent(page, "value") == []
        assert page.locator(".nbgraph-state summary").inner_text() == "State after step 4"


# Why


def test_an_edge_that_is_pointed_at_says_why_it_was_taken_and_why_not(browser, run):
    with inspected(browser, run) as page:
        tip = page.get_by_role("tooltip")
        page.locator("[data-edge='2'] text").hover()
        expect(tip).to_contain_text("measure → draft if rounds < 2 max 3")
        expect(tip).to_contain_text("taken 1×")
        expect(tip).to_contain_text("step 2: rounds 1 < 2, 1 of 3")
        expect(tip).to_contain_text("the last time it was not taken: rounds 2 < 2 does not hold")
        tip.hover()
        page.wait_for_timeout(400)
        expect(tip).to_be_visible()
        page.mouse.move(2, 2)
        expect(tip).to_be_hidden()


def test_an_edge_is_reached_by_keyboard_from_the_node_at_its_end(browser, run):
    with inspected(browser, run) as page:
        choose(page, "publish")
        way = page.get_by_role("button", name="edge from measure else")
        way.focus()
        tip = page.get_by_role("tooltip")
        expect(tip).to_contain_text("step 4: else")
        assert way.get_attribute("aria-describedby") == tip.get_attribute("id")
        expect(page.locator("[data-edge='3'].nbgraph-pointed")).to_have_count(1)
        way.press("Enter")
        expect(page.locator(".nbgraph-panel")).to_have_attribute("aria-label", "details of measure")


# The room


def test_the_inspector_stands_beside_the_picture_where_there_is_room_and_below_it_else(browser, run):
    for width, beside in ((1200, True), (700, False)):
        with inspected(browser, run, width=width) as page:
            choose(page, "draft")
            picture, shown = (page.locator(name).bounding_box() for name in (".nbgraph-picture", ".nbgraph-panel"))
            assert (shown["x"] >= picture["x"] + picture["width"]) == beside
            assert (shown["y"] >= picture["y"] + picture["height"]) != beside


def test_it_is_closed_by_its_button(browser, run):
    with inspected(browser, run) as page:
        choose(page, "draft")
        page.get_by_role("button", name="close details of draft").click()
        expect(page.locator(".nbgraph-panel")).to_be_hidden()
        expect(page.locator('[data-node="draft"]')).to_be_focused()


def test_what_was_opened_stays_open_when_the_run_tells_more_of_others(browser, run):
    with inspected(browser, run) as page:
        choose(page, "measure")
        tab(page, "Update").click()
        line(page, "many").click()
        expect(panel(page).locator(".nbgraph-inside .nbgraph-datum")).to_have_count(50)
        asked = len(sent(page, "visit"))
        page.evaluate(
            "model.fire('msg:custom', {kind: 'changes', run: {...model.get('status').run, reason: 'another'}})"
        )
        page.wait_for_function(f"sent.filter(({{ what }}) => what === 'visit').length > {asked}")
        page.wait_for_timeout(200)
        expect(panel(page).locator(".nbgraph-inside .nbgraph-datum")).to_have_count(50)


def test_what_was_opened_stays_open_when_the_graph_is_drawn_again(browser, run):
    with inspected(browser, run) as page:
        choose(page, "measure")
        tab(page, "Update").click()
        line(page, "many").click()
        expect(panel(page).locator(".nbgraph-inside .nbgraph-datum")).to_have_count(50)
        page.evaluate("model.set('drawing', {...model.get('drawing')})")
        page.wait_for_timeout(200)
        expect(panel(page).locator(".nbgraph-inside .nbgraph-datum")).to_have_count(50)
        page.locator("[data-edge='2'] text").hover()
        expect(page.get_by_role("tooltip")).to_contain_text("taken 1×")
