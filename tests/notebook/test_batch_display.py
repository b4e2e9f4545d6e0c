"""Batches in a notebook: a live view where somebody watches, the record alone where nobody does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fresh_notebook import Notebook
from front_end import FrontEnd, Message, started

from nbgraph import Graph, library
from nbgraph.notebook.batch_display import Rows

slow = pytest.mark.slow

GRAPHS = """
%load_ext nbgraph
import asyncio, gc, time, weakref
from nbgraph import Graph
essay = Graph("essay")
@essay.node
async def draft(topic):
    await asyncio.sleep(0.05)
    print("drafting", topic)
    return {"text": f"All about {topic}.", "count": 1 / len(topic)}
essay.edges("START -> draft -> END")
asks = Graph("asks")
asks.human("gate", "Fine? {{ topic }}")
asks.edges("START -> gate -> END")
topics = [{"topic": topic} for topic in ("bees", "", "ants")]
"""
MENDED = "@essay.node\nasync def draft(topic):\n    return {'text': topic, 'count': 0}\n"


@pytest.fixture(scope="module")
def page() -> Iterator[FrontEnd]:
    with started() as front_end:
        yield front_end


@pytest.fixture(autouse=True)
def graphs(request: pytest.FixtureRequest) -> None:
    if "page" in request.fixturenames:
        request.getfixturevalue("page").run(GRAPHS)


def displayed(page: FrontEnd, cell: str) -> list[Message]:
    return [each["content"] for each in page.of(cell, "display_data")]


def records(page: FrontEnd, cell: str) -> list[str]:
    """The texts of all records that a cell published, first and later ones."""
    published = [*page.of(cell, "display_data"), *page.of(cell, "update_display_data")]
    return [each["content"]["data"]["text/plain"] for each in published if "text/html" in each["content"]["data"]]


def news(page: FrontEnd, cell: str) -> list[Message]:
    """What was sent to widgets on behalf of a cell."""
    sent = page.of(cell, "comm_msg")
    return [each for each in sent if each["content"]["data"].get("method") != "echo_update"]


DONE_FAILED_DONE = [
    "essay: 3 rows, 2 done, 1 failed",
    "  0. topic = 'bees' -> done: text = 'All about bees.', count = 0.25",
    "  1. topic = '' -> failed: ZeroDivisionError: division by zero",
    "  2. topic = 'ants' -> done: text = 'All about ants.', count = 0.25",
]


@slow
def test_a_watched_batch_returns_at_once_with_a_live_view_and_a_record(page: FrontEnd) -> None:
    cell = page.run("batch = essay.map(topics, parallel=1)\nprint(batch.at_rest)")
    live, record = displayed(page, cell)
    assert live["data"]["text/plain"] == "<live view of the batch essay>"
    assert sorted(record["data"]) == ["text/html", "text/plain"]
    assert page.text(cell).startswith("False\n")
    page.wait(lambda: records(page, cell)[-1].splitlines() == DONE_FAILED_DONE)


@slow
def test_its_runs_are_not_displayed_and_what_they_print_lands_in_its_cell(page: FrontEnd) -> None:
    cell = page.run("batch = essay.map(topics[:1] * 20, parallel=1)")
    busy = page.run("time.sleep(0.5)")
    page.wait(lambda: page.text(cell).count("drafting bees") == 20)
    assert len(displayed(page, cell)) == 2
    assert page.text(busy) == ""


@slow
def test_the_view_is_changed_at_most_five_times_a_second(page: FrontEnd) -> None:
    cell = page.run("began = time.time()\nbatch = essay.map(topics[:1] * 100, parallel=4).wait()")
    seconds = page.run("print(time.time() - began)")
    page.settle()
    flushes = {each["content"]["data"]["state"].get("value") for each in news(page, cell)}
    counted = [value for value in flushes if isinstance(value, str) and " of 100" in value]
    assert 2 < len(counted) <= 5 * float(page.text(seconds)) + 2


@slow
def test_a_batch_as_the_value_of_a_cell_is_displayed_there_too(page: FrontEnd) -> None:
    first = page.run("batch = essay.map(topics)\nbatch")
    second = page.run("batch")
    shown = [[each["transient"].get("display_id") for each in displayed(page, cell)] for cell in (first, second)]
    assert shown[0] == shown[1]
    assert len(shown[0]) == 2


@slow
def test_a_batch_that_is_over_is_let_go(page: FrontEnd) -> None:
    page.run("batch = essay.map(topics[:1]).wait()\nseen = weakref.ref(batch)")
    page.settle()
    cell = page.run("del batch\n_ = gc.collect()\nprint(seen())")
    assert page.text(cell) == "None\n"


@slow
def test_a_resumed_batch_brings_its_record_up_to_date(page: FrontEnd) -> None:
    cell = page.run("batch = essay.map(topics).wait()")
    page.wait(lambda: "1 failed" in records(page, cell)[-1])
    page.run(MENDED + "batch.resume()")
    page.wait(lambda: records(page, cell)[-1].startswith("essay: 3 rows, 3 done"))


@slow
def test_a_batch_that_a_node_runs_is_not_displayed(page: FrontEnd) -> None:
    cell = page.run("""
outer = Graph("outer")
@outer.node
def calls(): return {"rows": len(essay.map(topics).results())}
outer.edges("START -> calls -> END")
_ = outer.run().wait()""")
    assert [each["data"]["text/plain"] for each in displayed(page, cell)][:1] == ["<live view of outer>"]
    assert len(displayed(page, cell)) == 2


@slow
def test_unwatched_a_batch_waits_and_shows_the_record_alone(page: FrontEnd) -> None:
    cell = page.run("batch = essay.map(topics)\nprint(batch.status)", watched=False)
    assert page.text(cell).endswith("2 done, 1 failed\n")
    assert len(displayed(page, cell)) == 1
    assert records(page, cell)[0].splitlines() == DONE_FAILED_DONE


@slow
def test_unwatched_answers_and_resumes_bring_the_record_up_to_date(page: FrontEnd) -> None:
    page.run("batch = asks.map(topics)", watched=False)
    answering = page.run("_ = batch.waiting[1].answer('gate', 'approve')", watched=False)
    [update] = page.of(answering, "update_display_data")
    assert update["content"]["data"]["text/plain"].startswith("asks: 3 rows, 1 done, 2 waiting")
    page.run("batch = essay.map(topics)", watched=False)
    [record] = records(page, page.run(MENDED + "batch.resume()", watched=False))
    assert record.startswith("essay: 3 rows, 3 done")


# -- which rows, and how -----------------------------------------------------------------------------------------------


def labels(rows: list[dict[str, Any]], limit: int) -> list[str]:
    graph = Graph("g")

    @graph.node
    def work(n: int, fail: bool = False) -> dict[str, int]:
        return {"inverse": n // (not fail)}

    graph.edges("START -> work -> END")
    return [row.label for row in Rows().shown(graph.map(rows).wait(60), limit).rows]


def test_where_there_is_no_room_for_all_rows_those_that_failed_are_shown_first() -> None:
    rows = [{"n": n, "fail": n in (7, 9)} for n in range(12)]
    assert labels(rows, 4) == ["0", "1", "7", "9"]
    assert labels(rows, 1) == ["7"]
    assert len(labels(rows, 12)) == 12


def test_values_are_short_and_secrets_masked() -> None:
    graph = Graph("g")

    @graph.node
    def work(api_key: str, text: str) -> dict[str, str]:
        return {"token": api_key, "more": text * 2}

    graph.edges("START -> work -> END")
    shown = Rows().shown(graph.map([{"api_key": "sk-123", "text": "x" * 500}]).wait(60), 10)
    [row] = shown.rows
    assert "sk-123" not in str(shown)
    assert (row.inputs["api_key"], row.results["token"]) == ("•••", "•••")
    assert max(map(len, (*row.inputs.values(), *row.results.values()))) <= 40


def test_results_are_what_the_run_has_added_or_changed() -> None:
    graph = Graph("g")
    graph.node(lambda text, same: {"text": text + "!", "new": 1}, name="work")
    graph.edges("START -> work -> END")
    [row] = Rows().shown(graph.map([{"text": "a", "same": "b"}]).wait(60), 10).rows
    assert dict(row.results) == {"text": "'a!'", "new": "1"}


def test_in_a_terminal_a_batch_returns_at_once_and_displays_nothing(notebook: Notebook) -> None:
    notebook.run("%%node\ndef draft(topic):\n    return {'text': topic}")
    notebook.run("%edge START -> draft -> END")
    assert notebook.run("batch = essay.map([{'topic': 'bees'}])").text == ""
    assert notebook["batch"].wait(60).status == "1 done"


def test_unloading_leaves_nothing_behind(notebook: Notebook) -> None:
    assert len(library.on_map) == 1
    notebook.run("%unload_ext nbgraph")
    assert library.on_map == []
