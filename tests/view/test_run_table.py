"""Stored runs as a table of texts."""

import pytest

from nbgraph.view.run_table import ShownRun, ShownRuns, html, size, text
from tests.view.stories import HOSTILE

WAITING = ShownRun("essay-1", "essay", "waiting", 3, "12:01", "gate", None, 2048, "", ("resume", "open"))
FAILED = ShownRun("essay-2", "essay", "failed", 1, "11:58", cost=0.0125, note="draft failed: no bees")
LOST = ShownRun("essay-3", "essay", "interrupted", 7, "22 Nov 23:59")
RUNS = ShownRuns("runs of essay", [WAITING, FAILED, LOST])


def test_the_text_has_a_line_for_each_run():
    assert text(RUNS).splitlines() == [
        "runs of essay: 3",
        "  essay-1: waiting, step 3, started 12:01, waiting for gate",
        "  essay-2: failed, step 1, started 11:58, $0.0125; draft failed: no bees",
        "  essay-3: interrupted, step 7, started 22 Nov 23:59",
    ]


def test_a_status_is_an_icon_and_a_word():
    assert [run.cells[2] for run in RUNS.rows] == ["?\u00a0waiting", "✗\ufe0e\u00a0failed", "!\u00a0interrupted"]


def test_an_unknown_cost_is_a_dash():
    assert [run.cells[6] for run in RUNS.rows] == ["–", "$0.0125", "–"]


@pytest.mark.parametrize(
    ("count", "words"), [(0, "–"), (512, "0.5 KB"), (2048, "2.0 KB"), (3_000_000, "2.9 MB"), (10**10, "9,536.7 MB")]
)
def test_a_size_is_in_kilobytes_or_megabytes(count, words):
    assert size(count) == words


def test_no_runs_are_told_without_a_table():
    empty = ShownRuns("runs of essay", [])
    assert text(empty) == "runs of essay: none"
    assert "<table" not in html(empty)


def test_that_there_are_more_is_told():
    assert ShownRuns("runs of essay", [WAITING], True).headline == "runs of essay: the latest 1"


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text_in_the_html(name):
    shown = html(ShownRuns(name, [WAITING._replace(id=name, waiting=name, note=name)]))
    harmless = html(ShownRuns("x", [WAITING._replace(id="x", waiting="x", note="x")]))
    assert [shown.count(sign) for sign in "<\x00\x1b"] == [harmless.count(sign) for sign in "<\x00\x1b"]
