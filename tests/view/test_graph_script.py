"""The graph widget's script in a real browser, with a model that stands in for Jupyter's."""

import itertools
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from nbgraph.core.events import BreakpointsChanged, Status, StatusChanged, TaskFinished, TaskRetried
from nbgraph.core.outline import Outline, OutlineEdge, OutlineNode
from nbgraph.view.graph_widget import GraphWidget
from nbgraph.view.progress import Progress
from tests.view.graph_page import DARK, LIGHT, loaded
from tests.view.stories import ESSAY, HOSTILE, LOOP, TO_A_FAILURE, TO_THE_END, TO_THE_GATE, folded
from tests.view.trips import FAILURE, TO_THE_INNER_GATE, TRIP, found, travelled

pytestmark = pytest.mark.slow
PAUSED = StatusChanged(Status.PAUSED, 9.0, "one step at a time; next: draft#2")


@contextmanager
def opened(
    browser: Browser, outline: Outline = ESSAY, progress: Progress | None = None, theme=LIGHT, actions=True
) -> Iterator[Page]:
    drawing = GraphWidget(outline).drawing
    state = {"drawing": drawing, "status": progress.snapshot() if progress else {}, "actions": actions}
    with loaded(browser, state, theme) as page:
        yield page


def node(page: Page, name: str):
    return page.locator(f"[data-node={json.dumps(name)}]")


def open_steps(page: Page) -> None:
    page.locator(".nbgraph-steps summary").click()
    page.locator(".nbgraph-steps tbody tr").first.wait_for()  # the opening is told to the script a little later


def changes(page: Page, progress: Progress) -> None:
    page.evaluate("message => model.fire('msg:custom', message)", {"kind": "changes", **progress.changes()})


def test_a_picture_without_a_run_shows_no_run(browser):
    with opened(browser, actions=False) as page:
        assert page.locator(".nbgraph-graph").count() == 1
        assert page.locator(".nbgraph-live").count() == 0
        assert page.locator("button:visible:not(.nbgraph-tool)").count() == 0
        assert page.locator(".nbgraph-record").is_visible()
        assert page.get_by_text("1 node not written yet").is_visible()


def test_a_page_loaded_later_shows_the_run_from_traits_alone(browser):
    with opened(browser, progress=folded(TO_THE_GATE)) as page:
        assert page.locator(".nbgraph-live").get_attribute("data-status") == "waiting"
        assert node(page, "gate").get_attribute("data-state") == "waiting"
        assert node(page, "draft").get_attribute("aria-label") == "draft: done, 2 visits"
        assert node(page, "draft").locator(".nbgraph-visits").text_content() == "2×"
        assert page.locator("[data-edge='2']").get_attribute("data-taken") == "1"
        assert page.locator("[data-edge='2'] .nbgraph-why").text_content() == "score 6 < 7, 1 of 3"
        assert page.locator(".nbgraph-say[aria-live=polite]").inner_text().split() == [
            "waiting",
            "gate",
            "asks",
            "a",
            "person",
        ]
        assert not page.locator(".nbgraph-record").is_visible()


def test_messages_are_folded_in(browser):
    progress = folded(LOOP)
    with opened(browser, progress=progress) as page:
        progress.changes()
        for event in TO_THE_END[len(LOOP) :]:
            progress.apply(event)
            changes(page, progress)
        assert page.locator(".nbgraph-live").get_attribute("data-status") == "done"
        assert page.evaluate("model.get('status')") == progress.snapshot()
        open_steps(page)
        assert page.locator(".nbgraph-steps tbody tr").count() == 5 + 1


@pytest.mark.parametrize("key", ["click", "Enter", " "])
def test_a_node_opens_its_details(browser, key):
    progress = folded(TO_A_FAILURE)
    with opened(browser, progress=progress) as page:
        draft = node(page, "draft")
        draft.click() if key == "click" else draft.press(key)
        asked = {"kind": "ask", "node": "draft"}
        visit = {**asked, "what": "visit", "number": 2, "step": None, "which": None}
        assert page.evaluate("sent") == [{**asked, "what": "node", "number": 1}, visit]
        details = {"kind": "told", "number": 1, **progress.details("draft")}
        page.evaluate("details => model.fire('msg:custom', details)", details)
        shown = page.locator(".nbgraph-panel")
        texts = {"Error": "ValueError: no <b>bees</b>", "Output": "thinking about bees", "Code": "def draft"}
        for name, text in texts.items():
            page.get_by_role("tab", name=name).click()
            assert text in shown.inner_text()
        draft.click()
        assert not page.locator(".nbgraph-panel").is_visible()


def test_an_open_node_asks_again_when_it_changes(browser):
    progress = folded(LOOP)
    with opened(browser, progress=progress) as page:
        node(page, "draft").click()
        progress.changes()
        progress.apply(TO_THE_GATE[len(LOOP)])
        changes(page, progress)
        page.wait_for_function("sent.filter(({ what }) => what === 'node').length === 2")


@pytest.mark.parametrize(
    ("story", "buttons"),
    [
        (LOOP, ["Pause", "Cancel"]),
        (TO_THE_GATE, ["Cancel"]),
        ((*LOOP, PAUSED), ["Resume", "Next", "Cancel"]),
        (TO_A_FAILURE, ["Resume"]),
        (TO_THE_END, []),
    ],
)
def test_the_buttons_fit_the_status(browser, story, buttons):
    with opened(browser, progress=folded(story)) as page:
        assert page.locator(".nbgraph-buttons button").all_inner_texts() == buttons


def test_a_button_acts_once_until_it_is_refused(browser):
    with opened(browser, progress=folded(LOOP)) as page:
        button = page.get_by_role("button", name="Cancel")
        button.click()
        assert button.is_disabled()
        assert page.evaluate("sent") == [{"kind": "act", "action": "cancel"}]
        page.evaluate("model.fire('msg:custom', {kind: 'refused', text: 'the run is over'})")
        assert page.get_by_role("alert").inner_text() == "the run is over"
        assert button.is_enabled()


def test_a_graph_drawn_again_keeps_status_and_selection(browser):
    with opened(browser, progress=folded(TO_THE_GATE)) as page:
        node(page, "review").click()
        drawing = GraphWidget(ESSAY._replace(nodes=(*ESSAY.nodes, OutlineNode("extra", "function", True)))).drawing
        page.evaluate("drawing => model.set('drawing', drawing)", drawing)
        assert node(page, "extra").get_attribute("data-state") == "idle"
        assert node(page, "review").get_attribute("data-state") == "done"
        assert "nbgraph-selected" in node(page, "review").get_attribute("class")
        assert page.locator(".nbgraph-panel").is_visible()


def toggle(page: Page, name: str):
    return page.locator(f"[data-toggle={json.dumps(name)}]")


def draw_again(page: Page, outline: Outline, **chosen: bool) -> None:
    widget = GraphWidget(outline)
    for name, opened in chosen.items():
        widget._receive(None, {"kind": "toggle", "node": name, "open": opened}, [])
    page.evaluate("drawing => model.set('drawing', drawing)", widget.drawing)


@pytest.mark.parametrize("key", ["click", "Enter", " "])
def test_a_subgraph_is_closed_by_its_name(browser, key):
    with opened(browser, TRIP, travelled(*TO_THE_INNER_GATE)) as page:
        research = toggle(page, "research")
        assert research.get_attribute("aria-expanded") == "true"
        research.click() if key == "click" else research.press(key)
        assert page.evaluate("sent") == [{"kind": "toggle", "node": "research", "open": False}]
        assert not page.locator(".nbgraph-panel").is_visible()


def test_a_closed_subgraph_keeps_its_state_tells_what_is_inside_and_keeps_the_focus(browser):
    with opened(browser, TRIP, travelled(*TO_THE_INNER_GATE)) as page:
        node(page, "research/search").click()
        toggle(page, "research").focus()
        draw_again(page, TRIP, research=False)
        assert node(page, "research/search").count() == 0
        assert not page.locator(".nbgraph-panel").is_visible()
        assert node(page, "research").get_attribute("data-state") == "active"
        assert node(page, "research").locator(".nbgraph-note").text_content() == "search runs, gate waits, 3 items"
        assert toggle(page, "research").get_attribute("aria-expanded") == "false"
        assert page.evaluate("document.activeElement.dataset.toggle") == "research"
        toggle(page, "research").click()
        assert page.evaluate("sent.at(-1)") == {"kind": "toggle", "node": "research", "open": True}


def test_an_opened_subgraph_shows_what_happened_while_it_was_closed(browser):
    progress = travelled(*TO_THE_INNER_GATE)
    with opened(browser, TRIP, progress) as page:
        draw_again(page, TRIP, research=False)
        progress.changes()
        progress.apply(found(0, 5))
        progress.apply(found(2, 6))
        changes(page, progress)
        draw_again(page, TRIP)
        assert node(page, "research/search").get_attribute("data-state") == "done"
        assert node(page, "research/deep/leaf").get_attribute("aria-label") == "research/deep/leaf: done, 1 visit"
        assert page.locator("[data-edge='4']").get_attribute("data-taken") == "3"


def test_breakpoints_are_put_and_taken_away_in_the_details(browser):
    with opened(browser, progress=folded(LOOP)) as page:
        node(page, "review").click()
        before, after = (page.get_by_role("button", name=f"Pause {when}") for when in ("before", "after"))
        assert before.get_attribute("aria-pressed") == after.get_attribute("aria-pressed") == "false"
        before.click()
        assert page.evaluate("sent.at(-1)") == {"kind": "break", "node": "review", "when": "before"}
        page.evaluate("model.fire('msg:custom', {kind: 'changes', breaks: {before: ['review'], after: []}})")
        assert before.get_attribute("aria-pressed") == "true"
        assert page.evaluate("document.activeElement.textContent") == "Pause before"
        before.click()
        assert page.evaluate("sent.at(-1)") == {"kind": "break", "node": "review", "when": None}


def test_breakpoints_are_marked_in_the_picture(browser):
    progress = folded((*LOOP, BreakpointsChanged(2.0, ("draft",), ("draft", "gate"))))
    with opened(browser, progress=progress) as page:
        assert node(page, "draft").locator(".nbgraph-ring.nbgraph-before").is_visible()
        assert node(page, "gate").locator(".nbgraph-ring.nbgraph-after").is_visible()
        assert not node(page, "gate").locator(".nbgraph-ring.nbgraph-before").is_visible()
        label = node(page, "draft").get_attribute("aria-label")
        assert label == "draft: running, 2 visits, the run pauses before it, the run pauses after it"


def test_without_a_run_or_after_it_there_are_no_breakpoints(browser):
    for told in ({"actions": False}, {"progress": folded(TO_THE_END)}):
        with opened(browser, **told) as page:
            node(page, "review").click()
            assert page.locator(".nbgraph-panel").is_visible()
            assert not page.locator(".nbgraph-stops").is_visible()


def test_cached_and_retried_nodes_are_marked(browser):
    events = (TaskRetried("draft", 2, 2.0, 1, FAILURE, 0.5), TaskFinished("review", 2, 2.0, 3, {}, (), cached=True))
    with opened(browser, progress=folded((*LOOP, *events))) as page:
        assert node(page, "draft").locator(".nbgraph-note").text_content() == "1 retry"
        assert node(page, "review").get_attribute("aria-label") == "review: done, 2 visits, cached"
        open_steps(page)
        assert "review #2 (cached)" in page.locator(".nbgraph-steps").inner_text()


def test_the_details_say_why_a_node_has_not_run_and_how_it_is_called(browser):
    with opened(browser, TRIP, travelled(*TO_THE_INNER_GATE)) as page:
        node(page, "write").click()
        details = {"why": "No edge has led to write.", "marks": "retry 3", "attempt": "attempt 2 after ValueError"}
        page.evaluate(
            "told => model.fire('msg:custom', told)", {"kind": "told", "number": 1, "node": "write", **details}
        )
        shown = page.locator(".nbgraph-panel").inner_text()
        assert "Why not yet No edge has led to write." in shown
        assert page.locator(".nbgraph-about p").all_inner_texts() == [
            "not run yet · attempt 2 after ValueError",
            "retry 3",
        ]


def test_an_open_node_asks_again_when_the_run_comes_to_rest(browser):
    progress = folded(LOOP)
    with opened(browser, progress=progress) as page:
        node(page, "gate").click()
        progress.changes()
        progress.apply(PAUSED)
        changes(page, progress)
        page.wait_for_function("sent.filter(({ what }) => what === 'node').length === 2")
        assert {each["node"] for each in page.evaluate("sent")} == {"gate"}


def test_an_edit_by_hand_stands_among_the_steps(browser):
    edit = {"step": 9, "task": "edited by hand", "edges": [], "update": {"text": "'Wasps.'"}, "seconds": None}
    with opened(browser, progress=folded(LOOP)) as page:
        page.evaluate("row => model.fire('msg:custom', {kind: 'changes', rows: [row], steps: 3})", edit)
        open_steps(page)
        assert page.locator(".nbgraph-steps tbody tr").last.inner_text().split("\t")[:3] == [
            "9",
            "edited by hand",
            "text = 'Wasps.'",
        ]


def test_hostile_text_is_shown_as_text(browser):
    names = ("constructor", "__proto__", *HOSTILE)
    nodes = tuple(OutlineNode(name, "function", True) for name in names)
    edges = tuple(OutlineEdge(names[0], name, "if", name) for name in names)
    progress = Progress(Outline("<img src=x onerror=canary()>", nodes, edges, HOSTILE))
    for event in TO_A_FAILURE:
        progress.apply(event)
    inside = Outline(HOSTILE[2], (OutlineNode("sub", "subgraph", True), *nodes), edges)
    with opened(browser, inside._replace(nodes=_put_into("sub", inside.nodes)), progress) as page:
        assert page.locator("#live :is(img, script, b, a, foreignObject)").count() == 0
    with opened(browser, progress.outline, progress) as page:
        open_steps(page)
        assert page.locator("#live :is(img, script, b, a, foreignObject)").count() == 0
        assert page.locator("[data-node=constructor]").get_attribute("data-state") == "idle"
        details = {
            "kind": "told",
            "number": 1,
            "node": "constructor",
            "code": "<img src=x onerror=canary()>",
            "log": HOSTILE[2],
        }
        page.locator("[data-node=constructor]").click()
        page.evaluate("details => model.fire('msg:custom', details)", details)
        assert HOSTILE[2] in page.locator(".nbgraph-panel").inner_text()


def _put_into(cluster: str, nodes: tuple[OutlineNode, ...]) -> tuple[OutlineNode, ...]:
    return tuple(
        each._replace(cluster="" if each.name == cluster else cluster, marks=(each.name,), name=each.name)
        for each in nodes
    )


def test_an_svg_that_was_tampered_with_is_rebuilt_without_what_is_not_known(browser):
    with opened(browser) as page:
        svg = (
            '<svg xmlns="http://www.w3.org/2000/svg" onload="canary=1" width="9" height="9"><script>canary=1</script>'
            '<foreignObject><img xmlns="http://www.w3.org/1999/xhtml" src="x" onerror="canary=1"/></foreignObject>'
            '<a href="javascript:canary=1"><text>hi</text></a><style>*{display:none}</style>'
            '<g id="x" style="fill:red" onclick="canary=1"><rect width="9" height="9"/></g></svg>'
        )
        page.evaluate("svg => model.set('drawing', {...model.get('drawing'), svg})", svg)
        kept = page.locator(".nbgraph-picture").inner_html()
        assert page.locator(".nbgraph-picture *").evaluate_all("all => all.map(one => one.localName)") == [
            "svg",
            "g",
            "rect",
        ]
        assert "canary" not in kept
        assert "red" not in kept


def test_a_view_that_is_closed_leaves_nothing_behind(browser):
    with opened(browser, progress=folded(LOOP)) as page:
        assert page.evaluate("listening()") > 0
        page.evaluate("leave()")
        assert page.evaluate("listening()") == 0
        assert page.locator(".nbgraph-graph").count() == 0


def test_a_thousand_nodes_can_be_looked_at(browser):
    names = [f"node_{number}" for number in range(1000)]
    nodes = tuple(OutlineNode(name, "function", True) for name in names)
    edges = tuple(OutlineEdge(a, b, "plain", "") for a, b in itertools.pairwise(names))
    with opened(browser, Outline("long", nodes, edges), Progress(Outline("long", nodes, edges))) as page:
        picture = page.locator(".nbgraph-picture")
        node(page, "node_999").scroll_into_view_if_needed()
        assert node(page, "node_999").is_visible()
        assert picture.bounding_box()["height"] < 640
        assert node(page, "node_999").locator("text").first.bounding_box()["height"] > 8


@pytest.mark.parametrize(("name", "theme"), [("light", LIGHT), ("dark", DARK)])
def test_labels_can_be_read(browser, name, theme, tmp_path):
    with opened(browser, progress=folded(TO_THE_GATE), theme=theme) as page:
        node(page, "draft").focus()
        open_steps(page)
        boxes = [box.bounding_box() for box in page.locator(".nbgraph-node .nbgraph-icon").all()]
        label = node(page, "draft").locator("text").first.bounding_box()
        shape = node(page, "draft").locator("path").bounding_box()
        page.screenshot(path=Path(os.environ.get("NBGRAPH_SCREENSHOTS", tmp_path)) / f"graph-{name}.png")
        assert len(boxes) == 4
        assert shape["x"] < label["x"]
        assert label["x"] + label["width"] < shape["x"] + shape["width"]
        assert label["height"] > 10


@pytest.mark.parametrize(("name", "theme"), [("light", LIGHT), ("dark", DARK)])
def test_names_of_subgraphs_stand_within_their_borders(browser, name, theme, tmp_path):
    progress = travelled(*TO_THE_INNER_GATE, BreakpointsChanged(4.0, ("research", "write"), ("research/search",)))
    with opened(browser, TRIP, progress, theme) as page:
        page.screenshot(path=Path(os.environ.get("NBGRAPH_SCREENSHOTS", tmp_path)) / f"subgraph-{name}.png")
        for cluster in ("research", "research/deep"):
            written = toggle(page, cluster).locator("text").bounding_box()
            border = node(page, cluster).locator("path").first.bounding_box()
            assert border["x"] < written["x"]
            assert border["y"] < written["y"]
            assert written["x"] + written["width"] < border["x"] + border["width"]
