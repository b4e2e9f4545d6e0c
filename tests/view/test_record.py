import base64
import re
from html.parser import HTMLParser
from xml.etree.ElementTree import fromstring

import bleach
import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output

from nbgraph.core.events import (
    BreakpointsChanged,
    Failure,
    RunStarted,
    StateEdited,
    Status,
    StatusChanged,
    Taken,
    TaskFailed,
    TaskFinished,
    TaskStarted,
)
from nbgraph.core.outline import Outline, OutlineEdge, OutlineNode
from nbgraph.view import record
from nbgraph.view.dot import draw
from nbgraph.view.progress import Progress
from tests.view.stories import ESSAY, HOSTILE, TO_A_FAILURE, TO_THE_END, folded
from tests.view.talks import DESK, talked, used, wrote
from tests.view.talks import TO_THE_END as TO_THE_LAST_WORD
from tests.view.trips import FAILURE, TO_THE_INNER_GATE, TRIP, found, travelled

PLAIN_TAGS = {"div", "p", "strong", "img", "table", "thead", "tbody", "tr", "th", "td", "br", "time"}


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.open = set(), set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in ("img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parsed(html: str) -> Tags:
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    return tags


def picture(html: str) -> str:
    found = re.search(r"data:image/svg\+xml;base64,([^\"]+)", html)
    return base64.b64decode(found[1]).decode()


def hostile_record(text: str) -> str:
    outline = Outline(text, (OutlineNode(text, "function", True),), (), (text,))
    progress = folded(())
    progress.outline = outline
    progress.apply(TaskStarted(text, 1, 0.0))
    progress.apply(TaskFinished(text, 1, 0.0, 1, {text: text}, ()))
    progress.apply(TaskFailed(text, 2, 0.0, Failure("Error", text, text, ValueError(text))))
    return record.html(outline, draw(outline), progress)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text):
    html = hostile_record(text)
    assert parsed(html).tags <= PLAIN_TAGS
    assert {element.tag.rpartition("}")[2] for element in fromstring(picture(html)).iter()} <= {
        *("svg", "g", "path", "polygon", "ellipse", "circle", "rect", "text")
    }


def test_the_record_needs_no_styles():
    tags = parsed(record.html(ESSAY, draw(ESSAY), folded(TO_THE_END)))
    assert tags.attributes == {"class", "alt", "src", "align"}


def test_a_sanitiser_leaves_the_record_as_it_is():
    html = record.html(ESSAY, draw(ESSAY), folded(TO_THE_END))
    kept = bleach.clean(html, PLAIN_TAGS, {"img": ["alt", "src"], "div": ["align"]}, ["data"])
    assert kept == html.replace(' class="nbgraph-record"', "")


def test_the_picture_has_colours_icons_counts_and_reasons_in_it():
    svg = picture(record.html(ESSAY, draw(ESSAY), folded(TO_THE_END)))
    texts = ["".join(element.itertext()) for element in fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert {"2×", "✓\ufe0e", "score 6 < 7, 1 of 3"} <= set(texts)
    assert 'stroke="#388e3c"' in svg
    assert "class=" not in svg


def test_the_text_is_the_same_for_the_same_run():
    later = tuple(event._replace(at=event.at * 3) for event in TO_THE_END)
    shown = record.text(ESSAY, folded(TO_THE_END))
    assert shown == record.text(ESSAY, folded(later))
    assert shown.splitlines()[:3] == [
        "essay: done, 5 steps",
        "  1. draft: text = 'Bees.' -> review",
        "  2. review: score = 6, feedback = 'say more' -> draft (score 6 < 7, 1 of 3)",
    ]
    assert "  gate was answered 'approve' by a client of this kernel" in shown


def test_times_stand_in_elements_of_their_own():
    def timeless(events):
        return re.sub("<time>.*?</time>", "", record.html(ESSAY, draw(ESSAY), folded(events)))

    assert timeless(TO_THE_END) == timeless(tuple(event._replace(at=event.at * 3) for event in TO_THE_END))


def test_a_failure_is_told_with_its_place():
    html = record.html(ESSAY, draw(ESSAY), folded(TO_A_FAILURE))
    assert "<strong>draft #2 failed</strong>: ValueError: no &lt;b&gt;bees&lt;/b&gt; (cell 3, line 3)" in html
    assert "  draft #2 failed: ValueError" in record.text(ESSAY, folded(TO_A_FAILURE))


def test_the_time_under_way_stands_beside_the_status():
    started = RunStarted(0.0, ())
    html = record.html(ESSAY, draw(ESSAY), folded((started, StatusChanged(Status.DONE, 75.0))))
    assert "<strong>essay</strong>: done, 0 steps, <time>1:15</time>" in html


def test_nbconvert_shows_the_picture_the_steps_the_answers_and_the_errors():
    html = record.html(ESSAY, draw(ESSAY), folded((*TO_THE_END, TaskFailed("draft", 9, 0.0, FAILURE))))
    output = new_output("display_data", {"text/html": html, "text/plain": "essay"})
    exported, _ = HTMLExporter().from_notebook_node(new_notebook(cells=[new_code_cell("run", outputs=[output])]))
    shown = exported[exported.index('class="nbgraph-record"') :]
    assert "review" in words(picture(shown))
    assert all(word in shown for word in ("score 6 &lt; 7, 1 of 3", "a client of this kernel", "TimeoutError"))


def words(svg: str) -> set[str]:
    return {"".join(element.itertext()) for element in fromstring(svg).iter("{http://www.w3.org/2000/svg}text")}


def test_subgraphs_are_drawn_open_or_closed_and_without_what_could_be_clicked():
    progress = travelled(*TO_THE_INNER_GATE, BreakpointsChanged(1.0, ("write",), ("plan",)))
    opened, closed = (picture(record.html(TRIP, draw(TRIP, {"research": told}), progress)) for told in (True, False))
    assert {"research4 at once", "search", "leaf", "3×", "3 items"} <= words(opened)
    assert {"research", "4 at once", "search runs, gate waits, 3 items"} <= words(closed)
    assert "search" not in words(closed)
    assert opened.count("<circle") == len(progress.nodes)


def test_tasks_of_subgraphs_are_named_by_their_paths():
    shown = record.text(TRIP, travelled(*TO_THE_INNER_GATE, found(0, 9, cached=True)))
    assert "  2. research[1]/search: found = 1 -> deep" in shown
    assert "  9. research[0]/search (cached): found = 0 -> deep" in shown


def test_an_edit_by_hand_is_told():
    progress = folded((*TO_THE_END, StateEdited(9.0, 6, {"text": "Wasps."})))
    assert "  6. edited by hand: text = 'Wasps.'" in record.text(ESSAY, progress)
    assert '<div align="left">edited by hand</div>' in record.html(ESSAY, draw(ESSAY), progress)


def test_a_failure_that_was_handled_is_told_as_such():
    outline = ESSAY._replace(edges=(OutlineEdge("draft", "review", "error", "on error"),))
    progress = Progress(outline)
    progress.apply(TaskFailed("draft", 1, 0.0, FAILURE))
    progress.apply(TaskFinished("draft", 1, 0.0, 1, {}, (Taken(0, "draft", "review", "TimeoutError"),)))
    assert "draft failed, and the run went on: TimeoutError" in record.text(outline, progress)
    svg = picture(record.html(outline, draw(outline), progress))
    assert 'fill="#ffffff" stroke="#d32f2f"' in svg


def test_notes_are_shown():
    assert "<p>publish: an edge leads to it" in record.html(ESSAY, draw(ESSAY), folded(()))


def test_values_are_short_and_secrets_masked():
    html = record.html(ESSAY, draw(ESSAY), folded((TaskFinished("draft", 1, 0.0, 1, {"text": "x" * 999}, ()),)))
    assert max(map(len, re.findall("x+", html.partition("<table>")[2]))) <= 80
    assert "sk-123" not in record.html(ESSAY, draw(ESSAY), folded(TO_THE_END))


def test_a_long_run_says_what_is_left_out():
    progress = folded(tuple(TaskFinished("draft", i, 0.0, i, {}, ()) for i in range(1, 701)))
    assert "The first 200 are left out here." in record.html(ESSAY, draw(ESSAY), progress)
    assert record.text(ESSAY, progress).splitlines()[1] == "  The first 200 are left out here."


def test_of_agents_the_calls_tokens_and_cost_are_told_in_all_and_by_step():
    progress = talked(*TO_THE_LAST_WORD)
    html = record.html(DESK, draw(DESK), progress)
    assert "<p>models: 3 calls · 3,612 + 264 tokens · $0.0024 and more</p>" in html
    assert re.findall(r'<div align="left">(\d calls? [^<]*)</div>', html) == [
        "2 calls · 2,408 + 176 tokens · $0.0012 and more",
        "1 call · 1,204 + 88 tokens · $0.0012",
    ]
    assert record.text(DESK, progress).splitlines()[:2] == [
        "desk: done, 3 steps",
        "  models: 3 calls · 3,612 + 264 tokens · $0.0024 and more",
    ]
    assert "models" not in record.html(ESSAY, draw(ESSAY), folded(TO_THE_END))


def test_what_models_write_and_tools_return_is_in_no_record():
    progress = talked(*TO_THE_LAST_WORD[:-1], wrote("<b>partial</b>" * 10_000), used("result " * 10_000))
    for text in (record.html(DESK, draw(DESK), progress), record.text(DESK, progress)):
        assert "partial" not in text
        assert "result" not in text
        assert len(text) < 20_000
