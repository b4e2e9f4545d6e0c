"""Zoom, search, neighbours, keys, legend and export of the picture, in a real browser with a stand-in model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
from playwright.sync_api import Browser, Download, Locator, Page

from nbgraph.core.events import TaskStarted
from nbgraph.core.outline import Outline, OutlineEdge, OutlineNode
from nbgraph.view.graph_widget import GraphWidget
from nbgraph.view.progress import Progress
from tests.view.graph_page import DARK, LIGHT, loaded
from tests.view.stories import ESSAY, HOSTILE, TO_THE_GATE, folded
from tests.view.trips import TRIP

pytestmark = pytest.mark.slow

WATCH = """() => {
    window.touched = new Set();
    const note = ({ target }) => touched.add(target.closest?.("[data-id]")?.dataset.id ?? "");
    const all = { subtree: true, attributes: true, childList: true, characterData: true };
    new MutationObserver((changes) => changes.forEach(note)).observe(document.querySelector(".nbgraph-picture"), all);
}"""


def many(count: int) -> Outline:
    """A graph of nodes in ten rows, each with an edge to the next one of its row."""
    names = [f"n{number}" for number in range(count)]
    nodes = [OutlineNode(name, "function", True) for name in names]
    edges = [OutlineEdge(one, other, "plain", "") for one, other in zip(names, names[10:], strict=False)]
    return Outline("many", tuple(nodes), tuple(edges))


@contextmanager
def opened(
    browser: Browser,
    outline: Outline = ESSAY,
    progress: Progress | None = None,
    theme: dict[str, str] = LIGHT,
    chosen: dict[str, bool] | None = None,
) -> Iterator[Page]:
    widget = GraphWidget(outline)
    for name, open_ in (chosen or {}).items():
        widget._toggle(name, open_)
    state = {"drawing": widget.drawing, "status": progress.snapshot() if progress else {}, "actions": True}
    with loaded(browser, state, theme) as page:
        page.set_default_timeout(10_000)
        yield page


def node(page: Page, name: str) -> Locator:
    return page.locator(f"[data-node={json.dumps(name)}]")


def at(page: Page) -> str | None:
    return page.evaluate("document.activeElement.dataset.node")


def press(page: Page, *keys: str) -> str | None:
    """Press keys one after another; gives the node that has the focus then."""
    for key in keys:
        page.keyboard.press(key)
    return at(page)


def tool(page: Page, name: str) -> Locator:
    return page.locator(".nbgraph-toolbar").get_by_role("button", name=name, exact=True)


def wide(page: Page) -> float:
    return page.locator(".nbgraph-picture svg").bounding_box()["width"]  # type: ignore[index]


def clear(page: Page) -> list[str]:
    """The nodes that are not dimmed."""
    return page.eval_on_selector_all(".nbgraph-node:not(.nbgraph-faded)", "all => all.map(each => each.dataset.node)")


# Keys


def test_the_graph_is_one_stop_and_arrows_follow_its_edges(browser: Browser) -> None:
    with opened(browser) as page:
        assert page.locator(".nbgraph-picture [tabindex='0']").count() == 1
        node(page, "draft").focus()
        assert press(page, "ArrowRight") == "review"
        assert press(page, "ArrowRight") == "gate"
        assert press(page, "ArrowRight") == "publish"
        assert press(page, "ArrowRight") == "publish"
        assert press(page, "ArrowLeft", "ArrowLeft", "ArrowLeft") == "draft"
        assert press(page, "End", "Home") == "draft"
        assert page.locator(".nbgraph-picture [tabindex='0']").count() == 1
        page.keyboard.press("Tab")
        assert at(page) is None
        page.keyboard.press("Shift+Tab")
        assert at(page) == "draft"


def test_the_other_arrows_go_to_what_stands_beside(browser: Browser) -> None:
    names = ("a", "b", "c", "d")
    edges = tuple(OutlineEdge("a", name, "plain", "") for name in names[1:])
    outline = Outline("fan", tuple(OutlineNode(name, "function", True) for name in names), edges)
    with opened(browser, outline) as page:
        node(page, "b").focus()
        assert {press(page, "ArrowDown"), press(page, "ArrowDown")} == {"c", "d"}
        assert press(page, "ArrowUp", "ArrowUp") == "b"


def test_from_top_to_bottom_the_arrows_are_turned(browser: Browser) -> None:
    with opened(browser) as page:
        tool(page, "Top down").click()
        assert page.evaluate("sent.at(-1)") == {"kind": "turn", "direction": "TB"}
        widget = GraphWidget(ESSAY)
        widget._turn("TB")
        page.evaluate("drawing => model.set('drawing', drawing)", widget.drawing)
        assert tool(page, "Left to right").is_visible()
        node(page, "draft").focus()
        assert press(page, "ArrowDown", "ArrowDown") == "gate"
        assert press(page, "ArrowUp") == "review"


def test_arrows_lead_into_a_subgraph_and_out_of_it(browser: Browser) -> None:
    with opened(browser, TRIP) as page:
        node(page, "plan").focus()
        key = page.evaluate("model.get('drawing').direction") == "LR"
        on, back = ("ArrowRight", "ArrowLeft") if key else ("ArrowDown", "ArrowUp")
        trip = [press(page, on) for _ in range(6)]
        assert trip == ["research", "research/search", "research/deep", "research/deep/leaf", "research/gate", "write"]
        assert [press(page, back) for _ in range(6)] == [*trip[-2::-1], "plan"]


def test_enter_inspects_o_opens_and_escape_closes(browser: Browser) -> None:
    with opened(browser, TRIP) as page:
        node(page, "research").focus()
        page.keyboard.press("o")
        assert page.evaluate("sent.at(-1)") == {"kind": "toggle", "node": "research", "open": False}
        page.keyboard.press("Enter")
        assert page.locator(".nbgraph-selected").get_attribute("data-node") == "research"
        page.keyboard.press("Escape")
        assert page.locator(".nbgraph-selected").count() == 0
        assert at(page) == "research"


def test_e_goes_from_edge_to_edge_and_arrows_to_their_ends(browser: Browser) -> None:
    edge = "document.activeElement.dataset.edge"
    with opened(browser, progress=folded(TO_THE_GATE)) as page:
        node(page, "review").focus()
        assert [(press(page, "e"), page.evaluate(edge))[1] for _ in range(4)] == ["2", "3", "1", "2"]
        assert (
            page.evaluate("document.activeElement.ariaLabel")
            == "edge review to draft: score 6 < 7, 1 of 3, taken 1 time"
        )
        assert press(page, "ArrowRight") == "draft"
        press(page, "e")
        assert press(page, "Escape") == "draft"


def test_no_letter_reaches_the_notebook(browser: Browser) -> None:
    with opened(browser) as page:
        page.evaluate("window.heard = []; document.addEventListener('keydown', event => heard.push(event.key))")
        node(page, "draft").focus()
        press(page, "d", "d", "x", "f", "+", "0", "?", "ArrowRight", "Control+s")
        assert page.evaluate("heard") == ["Control", "s"]
        page.keyboard.press("/")
        page.keyboard.type("dd")
        assert page.evaluate("heard") == ["Control", "s"]


def test_a_question_mark_shows_the_keys(browser: Browser) -> None:
    with opened(browser) as page:
        node(page, "draft").focus()
        page.keyboard.press("?")
        assert page.get_by_text("follow an edge on, or back").is_visible()
        assert tool(page, "Keys").get_attribute("aria-expanded") == "true"
        page.keyboard.press("Escape")
        assert page.get_by_text("follow an edge on, or back").count() == 0
        assert at(page) == "draft"


def test_a_graph_drawn_again_keeps_where_one_was(browser: Browser) -> None:
    with opened(browser) as page:
        node(page, "gate").focus()
        page.evaluate("model.fire('change:drawing')")
        assert at(page) == "gate"
        assert page.locator(".nbgraph-picture [tabindex='0']").get_attribute("data-node") == "gate"


# Zoom


def test_buttons_keys_and_wheel_zoom_and_fit_shows_all(browser: Browser) -> None:
    with opened(browser, many(60)) as page:
        before = wide(page)
        tool(page, "zoom in").click()
        assert wide(page) == pytest.approx(before * 1.25, rel=0.02)
        node(page, "n0").focus()
        press(page, "-")
        assert wide(page) == pytest.approx(before, rel=0.02)
        page.locator(".nbgraph-picture").hover()
        page.keyboard.down("Control")
        page.mouse.wheel(0, -100)
        page.keyboard.up("Control")
        page.wait_for_function(
            "before => document.querySelector('.nbgraph-picture svg').clientWidth > before", arg=before
        )
        press(page, "0")
        box = page.locator(".nbgraph-picture").evaluate(
            "box => [box.scrollWidth - box.clientWidth, box.scrollHeight - box.clientHeight]"
        )
        assert max(box) <= 1


def test_what_is_below_the_pointer_stays_there(browser: Browser) -> None:
    with opened(browser, many(60)) as page:
        for _ in range(3):
            tool(page, "zoom in").click()
        middle = node(page, "n25").bounding_box()
        assert middle is not None
        x, y = middle["x"] + middle["width"] / 2, middle["y"] + middle["height"] / 2
        page.mouse.move(x, y)
        before = wide(page)
        page.keyboard.down("Control")
        page.mouse.wheel(0, -80)
        page.wait_for_function(
            "before => document.querySelector('.nbgraph-picture svg').getBoundingClientRect().width > before + 1",
            arg=before,
        )
        page.keyboard.up("Control")
        after = node(page, "n25").bounding_box()
        assert after is not None
        assert after["x"] + after["width"] / 2 == pytest.approx(x, abs=3)
        assert after["y"] + after["height"] / 2 == pytest.approx(y, abs=3)


def test_a_wheel_alone_scrolls_the_notebook(browser: Browser) -> None:
    with opened(browser) as page:
        before = wide(page)
        page.locator(".nbgraph-picture").hover()
        page.mouse.wheel(0, -100)
        page.wait_for_timeout(100)
        assert wide(page) == before


def test_dragging_and_shift_with_an_arrow_move_the_picture(browser: Browser) -> None:
    with opened(browser, many(60)) as page:
        for _ in range(6):
            tool(page, "zoom in").click()
        across = "document.querySelector('.nbgraph-picture').scrollLeft"
        box = page.locator(".nbgraph-picture").bounding_box()
        assert box is not None
        page.evaluate("document.querySelector('.nbgraph-picture').scrollTo(200, 0)")
        free = page.evaluate(
            """([left, top]) => { for (let x = left + 200; x < left + 700; x += 5)
            if (!document.elementFromPoint(x, top).closest("[role=button]")) return x; }""",
            [box["x"], box["y"] + 30],
        )
        page.mouse.move(free, box["y"] + 30)
        page.mouse.down()
        page.mouse.move(free - 50, box["y"] + 30)
        page.mouse.up()
        assert page.evaluate(across) == 250
        node(page, "n0").evaluate("node => node.focus({ preventScroll: true })")
        press(page, "Shift+ArrowRight")
        assert page.evaluate(across) == 310


# Neighbours and search


def test_focus_leaves_a_node_with_its_neighbours_then_theirs_then_all(browser: Browser) -> None:
    with opened(browser) as page:
        node(page, "draft").focus()
        page.keyboard.press("f")
        assert clear(page) == ["START", "draft", "review"]
        assert tool(page, "Focus: its neighbours").get_attribute("aria-pressed") == "true"
        page.keyboard.press("f")
        assert clear(page) == ["START", "draft", "review", "gate"]
        page.keyboard.press("f")
        assert len(clear(page)) == len(ESSAY.nodes)
        press(page, "f", "Escape")
        assert len(clear(page)) == len(ESSAY.nodes)
        assert tool(page, "Focus").get_attribute("aria-pressed") == "false"


def test_a_slash_searches_and_enter_walks_the_matches(browser: Browser) -> None:
    with opened(browser, many(60)) as page:
        node(page, "n0").focus()
        press(page, "/")
        page.keyboard.type("N1")
        status = page.locator(".nbgraph-toolbar [role=status]")
        assert status.inner_text() == "11"
        assert page.locator(".nbgraph-match").count() == 11
        page.keyboard.press("Enter")
        assert (status.inner_text(), page.locator(".nbgraph-at").get_attribute("data-node")) == ("1 of 11", "n1")
        page.keyboard.press("Enter")
        assert page.locator(".nbgraph-at").get_attribute("data-node") == "n10"
        page.keyboard.press("Shift+Enter")
        page.keyboard.press("Shift+Enter")
        assert status.inner_text() == "11 of 11"
        assert press(page, "Escape") == "n19"
        assert page.locator(".nbgraph-match").count() == 0


def test_what_is_found_is_scrolled_to(browser: Browser) -> None:
    with opened(browser, many(500)) as page:
        tool(page, "zoom in").click()
        node(page, "n0").focus()
        press(page, "/")
        page.keyboard.type("n499")
        page.keyboard.press("Enter")
        shape, box = node(page, "n499").bounding_box(), page.locator(".nbgraph-picture").bounding_box()
        assert shape is not None
        assert box is not None
        assert box["x"] <= shape["x"] <= box["x"] + box["width"]
        assert box["y"] <= shape["y"] <= box["y"] + box["height"]


def test_a_node_in_a_closed_subgraph_is_found_at_it(browser: Browser) -> None:
    with opened(browser, TRIP, chosen={"research": False}) as page:
        page.get_by_label("find a node").fill("leaf")
        assert page.locator(".nbgraph-match").get_attribute("data-node") == "research"


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_name_is_found_and_told_as_text(browser: Browser, text: str) -> None:
    outline = Outline(text, (OutlineNode(text, "function", True), OutlineNode("other", "function", True)), ())
    with opened(browser, outline) as page:
        page.get_by_label("find a node").fill(text[:3])
        page.get_by_label("find a node").press("Enter")
        node(page, "other").focus()
        press(page, "f", "Home", "?")
        tool(page, "Legend").click()
        assert page.locator(".nbgraph-tools b, .nbgraph-tools script").count() == 0


# Legend and export


def test_the_legend_tells_the_states_with_their_icons_and_the_kinds(browser: Browser) -> None:
    with opened(browser) as page:
        tool(page, "Legend").click()
        legend = page.locator(".nbgraph-legend").inner_text()
        for said in ("▶", "running", "waiting for a person", "✗", "✓", "an agent", "on", "once for each item", "START"):
            assert said in legend
        tool(page, "Legend").click()
        assert page.locator(".nbgraph-legend").count() == 0


def downloaded(page: Page, name: str) -> Download:
    with page.expect_download() as expected:
        page.get_by_role("button", name=name, exact=True).click()
    return expected.value


def test_the_svg_looks_the_same_without_the_page(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, progress=folded(TO_THE_GATE), theme=DARK) as page:
        node(page, "draft").click()
        tool(page, "Export").click()
        saved = downloaded(page, "SVG")
        assert saved.suggested_filename == "essay.svg"
        saved.save_as(tmp_path / "dark.svg")
        page.get_by_label("on white").check()
        downloaded(page, "SVG").save_as(tmp_path / "white.svg")
    dark, white = ((tmp_path / f"{name}.svg").read_text() for name in ("dark", "white"))
    for text, paper in ((dark, "rgb(17, 17, 17)"), (white, "rgb(255, 255, 255)")):
        root = fromstring(text)
        assert root[0].get("fill") == paper
        assert not re.search(r"class=|style=|data-|var\(|color-mix|color\(|aria-|tabindex", text)
        assert "score 8, not &lt; 7" in text
        assert "✓" in text


def test_the_png_is_as_large_as_the_picture_twice(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, progress=folded(TO_THE_GATE)) as page:
        tool(page, "Export").click()
        saved = downloaded(page, "PNG")
        assert saved.suggested_filename == "essay.png"
        saved.save_as(tmp_path / "essay.png")
        width = float(fromstring(page.evaluate("model.get('drawing').svg")).get("width", 0))
    data = (tmp_path / "essay.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert int.from_bytes(data[16:20], "big") == pytest.approx(2 * (width + 16), abs=3)


def test_dot_and_mermaid_are_asked_of_the_kernel(browser: Browser, tmp_path: Path) -> None:
    with opened(browser) as page:
        tool(page, "Export").click()
        with page.expect_download() as expected:
            page.get_by_role("button", name="Mermaid", exact=True).click()
            asked = page.evaluate("sent.at(-1)")
            assert (asked["what"], asked["form"]) == ("export", "mermaid")
            page.evaluate(
                "told => model.fire('msg:custom', told)",
                {"kind": "told", "number": asked["number"], "text": "flowchart LR\n"},
            )
        assert expected.value.suggested_filename == "essay.mmd"
        expected.value.save_as(tmp_path / "essay.mmd")
        assert (tmp_path / "essay.mmd").read_text() == "flowchart LR\n"


# Many nodes


def test_of_five_hundred_nodes_only_what_changed_is_touched(browser: Browser) -> None:
    outline = many(500)
    progress = Progress(outline)
    with opened(browser, outline, progress) as page:
        page.evaluate(WATCH)
        progress.apply(TaskStarted("n7", 1, 0.0))
        page.evaluate("message => model.fire('msg:custom', message)", {"kind": "changes", **progress.changes()})
        page.wait_for_timeout(50)
        assert page.evaluate("[...touched]") == ["n7"]
