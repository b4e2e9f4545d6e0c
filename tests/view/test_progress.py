import json
from dataclasses import replace

import pytest

from nbgraph.core.events import (
    ApprovalAnswered,
    ApprovalAsked,
    Failure,
    Printed,
    Status,
    StatusChanged,
    Taken,
    TaskCancelled,
    TaskFailed,
    TaskFinished,
    TaskStarted,
)
from nbgraph.view.node_progress import LOG
from nbgraph.view.progress import LIVE_ROWS, RECORD_ROWS, Progress, merged
from tests.view.stories import ANSWERED, APPROVAL, ESSAY, LOOP, TO_A_FAILURE, TO_THE_END, TO_THE_GATE, folded

FAILURE = Failure("ValueError", "no", "cell 3", ValueError("no"))


def states(progress: Progress) -> dict[str, str]:
    return {name: node["state"] for name, node in progress.snapshot()["nodes"].items()}


def test_a_loop_counts_visits_and_taken_edges():
    shown = folded(LOOP).snapshot()
    assert shown["nodes"]["draft"] == {"state": "active", "visits": 2, "error": ""}
    assert shown["edges"]["2"] == {"taken": 1, "reason": "score 6 < 7, 1 of 3"}
    assert [row["node"] for row in shown["rows"]] == ["draft", "review"]
    assert shown["rows"][0]["seconds"] == 1.2


def test_plain_edges_out_of_start_are_taken_once():
    assert folded(TO_THE_END).snapshot()["edges"]["0"] == {"taken": 1, "reason": ""}


def test_a_question_waits_and_its_answer_is_recorded():
    assert states(folded(TO_THE_GATE))["gate"] == "waiting"
    shown = folded(TO_THE_END).snapshot()
    assert shown["nodes"]["gate"]["state"] == "done"
    assert shown["answers"][0]["by"] == "a client of this kernel"
    assert shown["run"] == {"status": "done", "reason": ""}


def test_two_questions_of_a_task_wait_until_both_are_answered():
    other = replace(APPROVAL, id="a2")
    progress = folded((ApprovalAsked(APPROVAL, 1.0), ApprovalAsked(other, 1.0), ApprovalAnswered(ANSWERED, 2.0)))
    assert states(progress)["gate"] == "waiting"
    progress.apply(ApprovalAnswered(replace(ANSWERED, id="a2"), 3.0))
    assert states(progress)["gate"] == "active"


def test_active_beats_waiting_beats_failed_beats_done():
    progress = folded((TaskStarted("gate", 1, 0.0), TaskFinished("gate", 1, 0.0, 1, {}, ())))
    assert states(progress)["gate"] == "done"
    progress.apply(TaskFailed("gate", 2, 0.0, FAILURE))
    assert states(progress)["gate"] == "failed"
    progress.apply(ApprovalAsked(replace(APPROVAL, visit=3), 0.0))
    assert states(progress)["gate"] == "waiting"
    progress.apply(TaskStarted("gate", 4, 0.0))
    assert states(progress)["gate"] == "active"


def test_a_failure_is_told_and_a_new_attempt_clears_it():
    progress = folded(TO_A_FAILURE)
    assert progress.snapshot()["nodes"]["draft"]["error"] == "ValueError: no <b>bees</b>"
    assert progress.details("draft")["where"] == "cell 3, line 3"
    progress.apply(StatusChanged(Status.RUNNING, 3.0))
    progress.apply(TaskStarted("draft", 2, 3.0))
    assert progress.snapshot()["nodes"]["draft"] == {"state": "active", "visits": 2, "error": ""}
    assert not progress.failures


def test_a_failed_task_that_takes_its_error_edge_stays_failed():
    progress = folded((TaskStarted("draft", 1, 0.0), TaskFailed("draft", 1, 0.0, FAILURE)))
    progress.apply(TaskFinished("draft", 1, 0.0, 1, {}, (Taken(1, "draft", "review", "error"),)))
    assert states(progress)["draft"] == "failed"
    assert progress.snapshot()["edges"]["1"]["taken"] == 1


def test_a_cancelled_task_is_shown_as_such():
    progress = folded((TaskStarted("draft", 1, 0.0), TaskCancelled("draft", 1, 1.0)))
    assert states(progress)["draft"] == "cancelled"


def test_items_of_a_map_are_shown():
    assert folded((TaskStarted("draft", 1, 0.0, 12),)).snapshot()["nodes"]["draft"]["items"] == 12


def test_secrets_appear_nowhere():
    progress = folded(TO_THE_END)
    progress.apply(TaskFinished("review", 3, 9.0, 9, {}, (Taken(3, "review", "gate", "password 'sk-123' == 'x'"),)))
    assert "sk-123" not in json.dumps([progress.snapshot(), progress.details("draft")])
    assert progress.snapshot()["edges"]["3"]["reason"] == "else"


def test_the_printed_text_is_bounded_and_shown_on_demand():
    progress = folded(tuple(Printed("draft", 1, 0.0, f"{i}\n") for i in range(5000)))
    assert len(progress.details("draft")["log"]) == LOG
    assert progress.details("draft")["log"].endswith("4999\n")
    assert "log" not in json.dumps(progress.snapshot())


def test_snapshots_are_bounded_and_count_what_is_left_out():
    progress = folded(tuple(TaskFinished("draft", i, 0.0, i, {"text": "x" * 999}, ()) for i in range(1, 1001)))
    assert len(progress.snapshot()["rows"]) == LIVE_ROWS
    assert len(progress.snapshot(RECORD_ROWS)["rows"]) == RECORD_ROWS
    assert progress.snapshot()["steps"] == 1000
    assert progress.nodes["draft"].tasks == {}
    assert len(progress.changes()["rows"]) == LIVE_ROWS


@pytest.mark.parametrize("story", [LOOP, TO_THE_GATE, TO_A_FAILURE, TO_THE_END])
@pytest.mark.parametrize("every", [1, 3])
def test_changes_folded_into_a_snapshot_are_the_later_snapshot(story, every):
    progress = Progress(ESSAY)
    shown = progress.snapshot()
    for place, event in enumerate(story):
        progress.apply(event)
        if place % every == 0:
            shown = merged(shown, json.loads(json.dumps(progress.changes())))
    assert merged(shown, progress.changes()) == progress.snapshot()


def test_changes_told_before_a_snapshot_are_not_counted_twice():
    progress = folded(TO_THE_END)
    shown = progress.snapshot()
    assert merged(shown, progress.changes()) == shown


def test_nothing_changed_is_an_empty_message():
    progress = folded(LOOP)
    progress.changes()
    assert progress.changes() == {}


def test_a_changed_graph_keeps_the_counts_of_the_edges_it_still_has():
    progress = folded(LOOP)
    progress.outline = ESSAY._replace(edges=ESSAY.edges[1:])
    assert progress.snapshot()["edges"]["1"] == {"taken": 1, "reason": "score 6 < 7, 1 of 3"}
    assert "0" in progress.changes()["edges"]
