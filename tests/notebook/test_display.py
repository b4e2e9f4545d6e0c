"""Runs in a notebook: a live view where somebody watches, the record alone where nobody does."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from fresh_notebook import Notebook
from front_end import FrontEnd, Message, started

from nbgraph import library
from nbgraph.notebook.display import headless

slow = pytest.mark.slow

GRAPH = """
%load_ext nbgraph
import asyncio, gc, time, weakref
from nbgraph import Graph
essay = Graph("essay")
@essay.node
async def draft(topic):
    await asyncio.sleep(0.2)
    return {"text": topic}
essay.human("gate", "Fine? {{ text }}")
essay.edges("START -> draft -> gate -> END")
long = Graph("long")
@long.node
async def count(number):
    await asyncio.sleep(0 if number else 0.5)
    return {"number": number + 1}
long.edges("START -> count; count -> count if number < 15000; count -> END else")
"""


@pytest.fixture(scope="module")
def page() -> Iterator[FrontEnd]:
    with started() as front_end:
        front_end.run(GRAPH)
        yield front_end


def displayed(page: FrontEnd, cell: str) -> list[Message]:
    return [each["content"] for each in page.of(cell, "display_data")]


def records(page: FrontEnd, cell: str) -> list[str]:
    """The texts of all records that a cell published, first and later ones."""
    published = [*page.of(cell, "display_data"), *page.of(cell, "update_display_data")]
    return [each["content"]["data"]["text/plain"] for each in published if "text/html" in each["content"]["data"]]


def name(content: Message) -> Any:
    return content["transient"].get("display_id")


@slow
def test_a_watched_run_returns_at_once_with_a_live_view_and_a_record(page: FrontEnd) -> None:
    cell = page.run("run = essay.run(topic='bees')\nprint(str(run.status))")
    live, record = displayed(page, cell)
    assert page.text(cell) == "running\n"
    assert live["data"]["text/plain"] == "<live view of essay>"
    assert sorted(record["data"]) == ["text/html", "text/plain"]
    assert record["data"]["text/plain"] == "essay: running, 0 steps"


@slow
def test_the_record_belongs_to_the_cell_that_started_the_run_also_when_it_has_ended(page: FrontEnd) -> None:
    cell = page.run("run = essay.run(topic='bees')")
    busy = page.run("time.sleep(0.6)")
    answering = page.run("_ = run.answer('gate', 'approve')")
    page.wait(lambda: any("done, 2 steps" in text for text in records(page, cell)))
    assert any(text.startswith("essay: waiting, 1 step") for text in records(page, cell))
    assert records(page, busy) == records(page, answering) == []


@slow
def test_a_run_as_the_value_of_a_cell_is_displayed_there_too(page: FrontEnd) -> None:
    first = page.run("run = essay.run(topic='bees')\nrun")
    second = page.run("run")
    assert [name(each) for each in displayed(page, first)] == [name(each) for each in displayed(page, second)]
    assert [len(displayed(page, cell)) for cell in (first, second)] == [2, 2]
    assert page.of(second, "execute_result") == []


@slow
def test_a_long_run_sends_at_most_20_messages_a_second(page: FrontEnd) -> None:
    cell = page.run("began = time.time()\nrun = long.run(number=0, limit=20000).wait()\nprint(time.time() - began)")
    page.settle()
    news = [each for each in page.of(cell, "comm_msg") if each["content"]["data"].get("method") != "echo_update"]
    assert 3 < len(news) <= 20 * float(page.text(cell)) + 3


@slow
def test_a_finished_run_is_let_go(page: FrontEnd) -> None:
    page.run("run = essay.run(topic='bees', answers={'gate': 'approve'}).wait()\nseen = weakref.ref(run)")
    page.settle()
    cell = page.run("del run\n_ = gc.collect()\nprint(seen())")
    assert page.text(cell) == "None\n"


@slow
def test_a_graph_that_a_node_runs_is_not_displayed(page: FrontEnd) -> None:
    cell = page.run("""
inner = Graph("inner")
@inner.node
def one(): return {"one": 1}
outer = Graph("outer")
@outer.node
def calls(): return {"one": inner.run().result()["one"]}
print(outer.run().result())""")
    assert page.text(cell) == "{'one': 1}\n"
    assert [each["data"]["text/plain"] for each in displayed(page, cell)][:1] == ["<live view of outer>"]
    assert len(displayed(page, cell)) == 2


@slow
def test_unwatched_a_run_waits_until_it_needs_a_person_and_shows_the_record_alone(page: FrontEnd) -> None:
    cell = page.run("run = essay.run(topic='bees')\nprint(str(run.status))", watched=False)
    assert page.text(cell) == "waiting\n"
    assert len(displayed(page, cell)) == 1
    assert records(page, cell)[0].startswith("essay: waiting, 1 step")


@slow
def test_unwatched_a_later_cell_brings_the_record_up_to_date(page: FrontEnd) -> None:
    cell = page.run("run = essay.run(topic='bees')", watched=False)
    later = page.run("_ = run.answer('gate', 'approve')", watched=False)
    [update] = page.of(later, "update_display_data")
    assert name(update["content"]) == name(displayed(page, cell)[0])
    assert update["content"]["data"]["text/plain"].startswith("essay: done, 2 steps")


@slow
def test_unwatched_nothing_is_sent_where_nothing_has_changed(page: FrontEnd) -> None:
    page.run("run = essay.run(topic='bees')", watched=False)
    assert page.of(page.run("_ = run.wait()", watched=False), "update_display_data") == []


@slow
def test_a_run_on_the_loop_of_the_notebook_is_displayed_when_it_is_the_value(page: FrontEnd) -> None:
    cell = page.run("await essay.arun(topic='bees')", watched=False)
    assert records(page, cell)[0].startswith("essay: waiting, 1 step")


@pytest.mark.parametrize(("said", "typing", "expected"), [
    ("", True, False), ("", False, True), ("1", True, True), ("0", False, False),
])  # fmt: skip
def test_headless_is_what_the_environment_says_else_whether_somebody_can_type(
    said: str, typing: bool, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBGRAPH_HEADLESS", said)
    assert headless(SimpleNamespace(_allow_stdin=typing)) is expected


@pytest.mark.parametrize(("server", "expected"), [("voila/0.5.13", False), ("jupyterhub", True)])
def test_voila_has_somebody_who_clicks_though_nobody_types(
    server: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NBGRAPH_HEADLESS", raising=False)
    monkeypatch.setenv("SERVER_SOFTWARE", server)
    assert headless(SimpleNamespace(_allow_stdin=False)) is expected


def test_in_a_terminal_a_run_returns_at_once_and_displays_nothing(notebook: Notebook) -> None:
    notebook.run("import time")
    notebook.run("%%node\ndef draft():\n    time.sleep(0.2)\n    return {'text': 1}")
    notebook.run("%edge START -> draft -> END")
    assert notebook.run("run = essay.run()").text == ""
    assert notebook["run"].wait(60).status == "done"


def test_unloading_leaves_nothing_behind(notebook: Notebook) -> None:
    notebook.run("%unload_ext nbgraph")
    assert library.on_run == []
