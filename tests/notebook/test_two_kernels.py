"""Two kernels and one store: a run is seen from both, has one owner, and is answered from either."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from front_end import FrontEnd, started

from nbgraph.store.sqlite import SqliteStore

pytestmark = pytest.mark.slow

DECLARE = """
%load_ext nbgraph
%config NbGraph.store = {path!r}
%config NbGraph.synchronous = "NORMAL"
from nbgraph import Graph
essay = Graph("essay")
essay.node(lambda topic: {{"text": topic}}, name="draft")
essay.human("gate", "Fine? {{{{ text }}}}", timeout="24h=reject")
essay.edges("START -> draft -> gate -> END")
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "runs.db")


@pytest.fixture
def first(path: str) -> Iterator[FrontEnd]:
    """A kernel in which the run `one` waits."""
    with started() as page:
        page.run(DECLARE.format(path=path))
        page.run("run = essay.run(topic='bees', id='one').wait()")
        yield page


@pytest.fixture
def second(first: FrontEnd, path: str) -> Iterator[FrontEnd]:
    with started() as page:
        page.run(DECLARE.format(path=path))
        yield page


def texts(page: FrontEnd, cell: str) -> list[str]:
    return [each["content"]["data"]["text/plain"] for each in page.of(cell, "display_data")]


def updates(page: FrontEnd, cell: str) -> list[str]:
    return [each["content"]["data"]["text/plain"] for each in page.of(cell, "update_display_data")]


def model(page: FrontEnd, cell: str) -> Any:
    """The state of the list of runs that a cell has shown."""
    opened = [each["content"]["data"]["state"] for each in page.of(cell, "comm_open")]
    return next(state for state in opened if "heads" in state)


def test_the_list_says_who_has_a_run_and_offers_no_resume(first: FrontEnd, second: FrontEnd) -> None:
    cell = second.run("%graph runs all")
    (row,) = model(second, cell)["rows"]
    assert row["actions"] == ["open"]
    assert "has it since" in row["cells"][-1]
    refused = second.start("%graph resume one")
    second.wait(lambda: second.of(refused, "error"))
    assert "one is run by process" in second.of(refused, "error")[0]["content"]["evalue"]


def test_a_run_of_another_kernel_is_watched_live(first: FrontEnd, second: FrontEnd) -> None:
    cell = second.run("looked_at = essay.watch('one')\nlooked_at")
    first.run("_ = run.answer('gate', 'approve')")
    second.wait(lambda: any("done, 2 steps" in text for text in updates(second, cell)))
    assert texts(second, cell)[0] == "<live view of essay>"
    assert texts(second, cell)[1].startswith("essay: ")


def test_an_answer_from_the_other_kernel_reaches_the_run(first: FrontEnd, second: FrontEnd, path: str) -> None:
    cell = second.run("%graph approvals", watched=False)
    assert texts(second, cell)[0].startswith("1 open question\n  one, gate: Fine?")
    second.run("_ = essay.watch('one').answer('gate', 'approve')", watched=False)
    first.run("import time\nwhile str(run.status) != 'done': time.sleep(0.05)")
    assert SqliteStore(path).run("one").status == "done"


def test_a_run_of_a_kernel_that_was_killed_goes_on_in_the_other(path: str) -> None:
    with started() as page:
        page.run(DECLARE.format(path=path))
        page.run("run = essay.run(topic='bees', id='one').wait()\nimport os, signal")
        page.start("os.kill(os.getpid(), signal.SIGKILL)")
        with started() as second:
            second.run(DECLARE.format(path=path))
            cell = second.run("%graph resume one", watched=False)
            assert second.text(cell).startswith("one goes on")
            assert texts(second, cell)[0].startswith("essay: waiting, 1 step")
            second.run("_ = essay.resume('one').answer('gate', 'approve')", watched=False)
    assert SqliteStore(path).run("one").status == "done"
