"""Agents in JupyterLab: a text that grows while it is written, tools, approvals of their calls, cost, and mistakes.

One notebook and one kernel for all tests, which run cells of their own: starting those takes longer than most tests.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import nbformat
import pytest
from conftest import Server
from jupyterlab_page import NotebookPage
from nbformat import NotebookNode
from playwright.sync_api import BrowserContext, Locator
from stories import LOAD

pytestmark = pytest.mark.slow

STORY = " ".join(f"Sentence {number} of a story about bees." for number in range(1, 13))
HOSTILE = (
    "<img src=x onerror='window.canary = 1'><script>window.canary = 1</script> **bold** {{ 7 * 7 }} "
    "[link](javascript:window.canary=1) ![](http://canary.invalid/a.png) \x1b[31mred\x1b[0m \u202egnorts \u05e9\u05dc"
)
SETTING_UP = f"""{LOAD}
import os, nbgraph
from nbgraph.testing import ScriptedModel, calls, drips, says
nbgraph.configure(prices=dict(scripted=(1.0, 2.0)))
story, hostile = {STORY!r}, {HOSTILE!r}
disk = dict(old="40 GB", new="48 GB")
def look(at: str = "disk") -> dict[str, str]:
    "What is on the disk."
    return {{**disk, at: at}}
def delete(name: str) -> str:
    "Delete for good."
    return f"deleted {{name}} ({{disk.pop(name)}})"
model = ScriptedModel([])
def told():
    return [m["content"] for m in model.requests[-1]["messages"] if m["role"] == "tool"]
"""
DELETING = 'disk["old"] = "40 GB"\nmodel = ScriptedModel([calls("delete", name="old"), "So be it."]).use()'
GUARDED = "%%agent ops --tools delete --approve delete\nTidy up."

SECTIONS = {  # what is set up, the agent, what runs it, and what is looked at
    "grows": ("model = ScriptedModel([drips(story, every=0.05)]).use()", "%%agent ops\nTell a story.", "grows.run()"),
    "flood": (
        'model = ScriptedModel([drips("word " * 4000 + "end", every=0.0005)]).use()',
        "%%agent ops\nTell much.",
        "run = flood.run()",
    ),
    "tools": (
        'model = ScriptedModel([says("I look.", calls("look", at="the disk")), "Two of them."]).use()',
        "%%agent ops --tools look\nWhat is there?",
        "tools.run()",
    ),
    "approved": (DELETING, GUARDED, "run = approved.run()", "print(told(), list(disk))"),
    "edited": (DELETING, GUARDED, "run = edited.run()", "print(told(), list(disk))"),
    "rejected": (DELETING, GUARDED, "run = rejected.run()", "print(told(), list(disk))"),
    "spent": (
        'model = ScriptedModel([says("", calls("look"), tokens=(90, 20)), "Two of them."]).use()',
        "%%agent ops --tools look\nWhat is there?",
        'run = spent.run(budget="100 tokens")',
    ),
    "hostile": (
        'model = ScriptedModel([says(hostile, calls("look", at=hostile)), drips(hostile * 5000, every=0)]).use()',
        "%%agent ops --tools look\n{{ text }}",
        "run = hostile_.run(text=hostile)",
    ),
    "keyless": (
        "model.close()\nos.environ.pop('OPENAI_API_KEY', None)",
        "%%agent ops\nHello.",
        "run = keyless.run()",
        "run.result()",
    ),
}
GRAPH = {"hostile": "hostile_"}
LENGTH = 4
TOO_FAINT = """element => {
    const light = (colour) => {
        const part = (value) => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
        const [red, green, blue] = colour.match(/[\\d.]+/g).map(Number).map(part);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const paper = getComputedStyle(document.querySelector(".jp-Notebook")).backgroundColor;
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
    for (const colour of [paper, getComputedStyle(element).color]) {
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
    }
    const shown = light(canvas.getImageData(0, 0, 1, 1).data.slice(0, 3).join()), behind = light(paper);
    return (Math.max(shown, behind) + 0.05) / (Math.min(shown, behind) + 0.05) < 4.5;
}"""


class Desk:
    """A notebook with a section for each test."""

    def __init__(self, lab: NotebookPage) -> None:
        self.lab = lab
        self.changes = 0  # messages from the kernel that change a picture
        lab.page.on("websocket", lambda socket: socket.on("framereceived", self._count))
        lab.write("desk.ipynb", SETTING_UP, *(cell for name in SECTIONS for cell in cells(name)))
        lab.open("desk.ipynb")
        lab.run_cell(0)

    def run(self, name: str, upto: int = 2) -> int:
        """Run a section up to its run; gives the number of the cell with the run."""
        first = 1 + LENGTH * list(SECTIONS).index(name)
        for index in range(first, first + upto + 1):
            self.lab.run_cell(index)
        return first + 2

    def says(self, index: int) -> Locator:
        """What is shown of what models write."""
        return self.lab.cell(index).locator(".nbgraph-talk")

    def used(self, index: int) -> str:
        """The sum of tokens and cost in the head."""
        return self.lab.cell(index).locator(".nbgraph-used").inner_text()

    def saved(self, index: int) -> NotebookNode:
        """The record of a run in the saved notebook."""
        self.lab.save()
        outputs = nbformat.read(self.lab.folder / "desk.ipynb", as_version=4).cells[index].outputs
        return next(output.data for output in outputs if "text/html" in output.get("data", {}))

    def _count(self, payload: str | bytes) -> None:
        text = payload if isinstance(payload, bytes) else payload.encode()
        self.changes += b"comm_msg" in text and (b"changes" in text or b"status" in text)


def cells(name: str) -> tuple[str, ...]:
    """The cells of a section."""
    script, agent, run, *more = SECTIONS[name]
    setting_up = f"{script}\n%graph new {GRAPH.get(name, name)}\n%edge START -> ops -> END"
    return setting_up, agent, run, *(more or ["None"])


@pytest.fixture(scope="module")
def desk(server: Server, window: BrowserContext, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    pictures = Path(os.environ.get("NBGRAPH_SCREENSHOTS", tmp_path_factory.mktemp("agents")))
    lab = NotebookPage(window.new_page(), server.url, server.folder, pictures)
    yield Desk(lab)
    lab.shut_down()
    lab.page.close()


def test_a_text_is_seen_to_grow_while_its_node_is_active(desk: Desk) -> None:
    run = desk.run("grows")
    words = desk.says(run).locator(".nbgraph-words")
    words.get_by_text("Sentence 2").wait_for()
    desk.lab.wait_for_state(run, "ops", "active")
    desk.says(run).get_by_text("is writing").wait_for()
    early = words.inner_text()
    desk.lab.picture("agent writing", run)
    words.get_by_text("Sentence 6").wait_for()
    later = words.inner_text()
    desk.lab.wait_for_status(run, "done")
    assert STORY.startswith(early.strip())
    assert len(early) < len(later) < len(STORY)
    assert words.inner_text() == STORY
    assert "1 call" in desk.used(run)
    assert desk.lab.errors == []


def test_thousands_of_tokens_are_few_messages_and_a_pane_of_little_height(desk: Desk) -> None:
    seconds = stopwatch(desk)
    before = desk.changes
    run = desk.run("flood")
    desk.lab.wait_for_status(run, "done")
    # at most one each 100 ms, and what begins and ends a run
    assert 5 < desk.changes - before <= 10 * seconds() + 10
    words = desk.says(run).locator(".nbgraph-words")
    assert words.text_content().startswith("\u2026")
    assert words.text_content().endswith("word end")
    assert len(words.text_content()) == 2001
    assert words.bounding_box()["height"] < 250


def stopwatch(desk: Desk) -> Callable[[], float]:
    started = desk.lab.page.evaluate("performance.now()")
    return lambda: (desk.lab.page.evaluate("performance.now()") - started) / 1000


def test_a_call_of_a_tool_is_shown_with_what_came_of_it_and_what_it_cost(desk: Desk) -> None:
    run = desk.run("tools")
    desk.lab.wait_for_status(run, "done")
    desk.says(run).get_by_text('look(at=\'the disk\') \u2192 {"old":"40 GB"').wait_for()
    sums = desk.used(run)
    assert re.fullmatch(r"2 calls · \d+ \+ \d+ tokens · \$0\.0\d+", sums)
    desk.lab.cell(run).locator(".nbgraph-steps summary").click()
    row = desk.lab.cell(run).locator(".nbgraph-steps tbody tr").first
    row.get_by_text(sums).wait_for()
    desk.lab.node(run, "ops").click()
    desk.lab.cell(run).get_by_role("tab", name="Code").click()
    desk.lab.cell(run).get_by_role("tabpanel").get_by_text("What is there?").first.wait_for()
    desk.lab.picture("agent with a tool", run)


def test_the_saved_record_tells_calls_tokens_and_cost_and_not_what_was_written(desk: Desk) -> None:
    run = desk.run("tools")
    desk.lab.wait_for_status(run, "done")
    desk.lab.page.wait_for_timeout(300)
    record, sums = desk.saved(run), desk.used(run)
    assert record["text/plain"].splitlines() == [
        "tools: done, 1 step",
        f"  models: {sums}",
        "  1. ops: ops = 'Two of them.' -> END",
    ]
    assert unescape(record["text/html"]).count(sums) == 2
    assert "I look." not in record["text/html"]
    assert len(record["text/html"]) < 12_000


def test_a_dangerous_call_shows_its_exact_arguments_and_is_made_when_it_is_approved(desk: Desk) -> None:
    run = desk.run("approved")
    desk.lab.wait_for_state(run, "ops", "waiting")
    approval = desk.lab.cell(run).locator(".nbgraph-approval")
    assert "ops wants to call delete" in approval.inner_text()
    assert approval.locator("textarea, input").first.input_value() == "old"
    assert not desk.says(run).is_visible()
    desk.lab.picture("agent asks", run)
    desk.lab.option(run).click()
    desk.lab.wait_for_status(run, "done")
    desk.lab.run_cell(run + 1)
    assert desk.lab.text(run + 1).strip() == "['deleted old (40 GB)'] ['new']"


def test_its_arguments_can_be_changed_before_it_is_approved(desk: Desk) -> None:
    run = desk.run("edited")
    desk.lab.cell(run).locator(".nbgraph-approval").locator("textarea, input").first.fill("new")
    desk.lab.option(run).click()
    desk.lab.wait_for_status(run, "done")
    desk.lab.run_cell(run + 1)
    assert "deleted new (48 GB)" in desk.lab.text(run + 1)
    assert "['old']" in desk.lab.text(run + 1)


def test_the_model_is_told_of_a_rejection_with_its_note(desk: Desk) -> None:
    run = desk.run("rejected")
    desk.lab.cell(run).get_by_placeholder("a note").fill("The auditors need it.")
    desk.lab.option(run, 1).click()
    desk.lab.wait_for_status(run, "done")
    desk.lab.run_cell(run + 1)
    assert desk.lab.text(run + 1).strip().startswith("['rejected: The auditors need it.'] ['old'")
    desk.says(run).get_by_text("delete(name='old') \u2192 rejected: The auditors need it.").wait_for()
    desk.lab.picture("agent rejected", run)


def test_a_spent_budget_pauses_the_run_and_the_button_allows_as_much_again(desk: Desk) -> None:
    run = desk.run("spent")
    desk.lab.wait_for_status(run, "paused")
    said = "the budget of 100 tokens is spent (110 tokens); run.resume() allows as much again."
    desk.lab.cell(run).locator(".nbgraph-head").get_by_text(said).wait_for()
    desk.lab.picture("agent budget", run)
    desk.lab.cell(run).get_by_role("button", name="Resume").click()
    desk.lab.wait_for_status(run, "done")
    assert "2 calls" in desk.used(run)


def test_what_a_hostile_model_writes_and_calls_is_text(desk: Desk) -> None:
    run = desk.run("hostile")
    desk.lab.wait_for_status(run, "done")
    desk.says(run).get_by_text("<img src=x onerror=").first.wait_for()
    desk.lab.node(run, "ops").click()
    desk.lab.cell(run).locator(".nbgraph-panel").get_by_text("onerror").first.wait_for()
    desk.lab.cell(run).locator(".nbgraph-steps summary").click()
    desk.lab.page.wait_for_timeout(300)
    desk.lab.picture("agent hostile", run)
    shown = desk.lab.cell(run).locator(".jp-OutputArea")
    assert shown.locator(":is([onerror], [onload], script, a[href^='javascript'])").count() == 0
    assert shown.locator(".nbgraph-live :is(img, a, strong + em)").count() == 0
    record = desk.saved(run)
    assert "<img src=x" not in record["text/html"]
    assert len(record["text/html"]) < 12_000
    assert "\x1b" not in record["text/plain"]
    assert "\u202e" not in record["text/plain"]
    assert desk.lab.page.evaluate("window.canary === undefined")
    assert desk.lab.foreign == []
    assert desk.lab.errors == []


def test_without_a_model_it_is_said_what_to_do_and_no_traceback_is_shown(desk: Desk) -> None:
    run = desk.run("keyless")
    desk.lab.wait_for_state(run, "ops", "failed")
    desk.lab.run_cell(run + 1)
    desk.lab.cell(run + 1).get_by_text("Set OPENAI_API_KEY in the environment").first.wait_for()
    for index in (run, run + 1):
        shown = desk.lab.text(index)
        assert "Traceback" not in shown
        assert "File " not in shown
        assert shown.count("no model is set up") == 1
        for way in ("ScriptedModel", "cassette", "nbgraph lab --local"):
            assert way in shown
    desk.lab.picture("agent without a key", run)


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_all_of_it_can_be_read(desk: Desk, theme: str) -> None:
    desk.lab.page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
    desk.lab.page.wait_for_function("theme => document.body.dataset.jpThemeName === theme", arg=theme)
    for name in ("tools", "grows"):
        desk.lab.wait_for_status(desk.run(name), "done")
    texts = desk.lab.page.locator(":is(.nbgraph-words, .nbgraph-call, .nbgraph-used, .nbgraph-who *):visible")
    assert texts.count() > 5
    desk.lab.picture(theme, 1)
    assert [each.inner_text() for each in texts.all() if each.evaluate(TOO_FAINT)] == []
