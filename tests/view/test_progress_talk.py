"""Calls of models and tools, with tokens and cost, in what pictures and tables show of a run."""

from __future__ import annotations

import json

from nbgraph.core.events import Status, StatusChanged, TaskCancelled, TaskFailed
from nbgraph.view.progress import LIVE_ROWS
from tests.view.talks import (
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
from tests.view.trips import FAILURE


def test_tokens_and_cost_are_told_of_the_run_of_each_task_and_on_demand_of_a_node() -> None:
    progress = talked(*TO_THE_END)
    assert progress.snapshot()["run"]["used"] == "3 calls · 3,612 + 264 tokens · $0.0024 and more"
    rows = {row["task"]: row.get("used") for row in progress.snapshot()["rows"]}
    assert rows == {
        "ops/search#1.1/find": None,
        "ops": "2 calls · 2,408 + 176 tokens · $0.0012 and more",
        "poet": "1 call · 1,204 + 88 tokens · $0.0012",
    }
    assert progress.details("ops")["used"] == "2 calls · 2,408 + 176 tokens · $0.0012 and more"


def test_each_visit_is_counted_by_itself_and_the_node_in_all() -> None:
    again_from_the_start = started(visit=2), called(visit=2), finished(visit=2, step=2)
    progress = talked(started(), called(), finished(), *again_from_the_start)
    assert [row["used"][:6] for row in progress.snapshot()["rows"]] == ["1 call", "1 call"]
    assert progress.details("ops")["used"].startswith("2 calls")


def test_a_run_without_models_tells_no_cost() -> None:
    progress = talked(started(), finished())
    assert "used" not in progress.snapshot()["run"]
    assert "used" not in progress.snapshot()["rows"][0]
    assert progress.details("ops")["used"] == ""


def test_calls_of_tasks_that_failed_or_were_cancelled_are_paid_for_too() -> None:
    for over in (TaskFailed("ops", 1, 2.0, FAILURE), TaskCancelled("ops", 1, 2.0)):
        progress = talked(started(), called(), over)
        assert progress.snapshot()["run"]["used"].startswith("1 call")
        assert progress.details("ops")["used"].startswith("1 call")


def test_the_log_of_a_node_tells_its_calls_in_order() -> None:
    lines = talked(*TO_THE_ANSWER).details("ops")["log"].splitlines()
    assert lines == [
        "gpt-5-mini: 1 call · 1,204 + 88 tokens · $0.0012 · 0.8 s",
        "search(query='bees') → 3 results",
        "gpt-5-mini: 1 call · 1,204 + 88 tokens · cost unknown · 0.8 s",
    ]


def test_a_call_that_is_tried_again_is_told_until_it_is_answered() -> None:
    progress = talked(started(), again())
    assert progress.details("ops")["attempt"] == "model1 attempt 2 after ModelError"
    assert "model1 attempt 1 failed: ModelError: the endpoint answered 429" in progress.details("ops")["log"]
    progress.apply(called())
    assert progress.details("ops")["attempt"] == ""


def test_a_graph_that_is_called_as_a_tool_is_active_until_it_has_returned() -> None:
    assert talked(*TO_THE_TOOL).node("ops/search")["state"] == "active"
    assert talked(*TO_THE_ANSWER).node("ops/search")["state"] == "done"
    assert talked(*TO_THE_TOOL, used(failed=True)).node("ops/search")["state"] == "handled"
    assert talked(*TO_THE_TOOL, TaskCancelled("ops", 1, 2.0)).node("ops/search")["state"] == "cancelled"


def test_what_is_written_changes_only_the_talk() -> None:
    progress = talked(started())
    progress.changes()
    progress.apply(wrote("Bees"))
    assert list(progress.changes()) == ["talk"]


def test_a_long_run_of_agents_is_told_in_little() -> None:
    progress = talked()
    for visit in range(2000):
        story = started(visit=visit), wrote("Bees " * 500, visit=visit), called(visit=visit)
        for event in (*story, finished(visit=visit, step=visit)):
            progress.apply(event)
    progress.apply(StatusChanged(Status.DONE, 9.0))
    snapshot = progress.snapshot()
    assert len(json.dumps(snapshot["rows"])) < LIVE_ROWS * 300
    assert len(json.dumps(snapshot["talk"])) < 3000
