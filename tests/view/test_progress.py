import json
from dataclasses import replace

import pytest

from nbgraph.core.events import (
    ApprovalAnswered,
    ApprovalAsked,
    ApprovalWithdrawn,
    BreakpointsChanged,
    Emitted,
    Failure,
    ItemsEnded,
    Printed,
    StateEdited,
    Status,
    StatusChanged,
    Taken,
    TaskCancelled,
    TaskFailed,
    TaskFinished,
    TaskRetried,
    TaskStarted,
)
from nbgraph.core.outline import OutlineEdge
from nbgraph.view.folding import merged
from nbgraph.view.node_progress import LOG
from nbgraph.view.progress import Progress
from nbgraph.view.rows import LIVE_ROWS, RECORD_ROWS
from tests.view.stories import (
    ANSWERED,
    APPROVAL,
    ESSAY,
    LOOP,
    TO_A_FAILURE,
    TO_REVIEW,
    TO_THE_END,
    TO_THE_GATE,
    folded,
)

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


def test_a_failed_task_that_takes_its_error_edge_is_marked_as_handled():
    progress = Progress(ESSAY._replace(edges=(OutlineEdge("draft", "review", "error", "on error"),)))
    for event in (TaskStarted("draft", 1, 0.0), TaskFailed("draft", 1, 0.0, FAILURE)):
        progress.apply(event)
    progress.apply(TaskFinished("draft", 1, 0.0, 1, {}, (Taken(0, "draft", "review", "ValueError"),)))
    shown = progress.snapshot()
    assert shown["nodes"]["draft"] == {"state": "handled", "visits": 1, "error": "ValueError: no"}
    assert shown["edges"]["0"] == {"taken": 1, "reason": "ValueError"}
    assert shown["rows"][0]["task"] == "draft (failed)"
    assert [failure["handled"] for failure in progress.failures] == [True]


def test_a_failure_that_was_handled_is_told_after_a_resume_too():
    progress = Progress(ESSAY._replace(edges=(OutlineEdge("draft", "review", "error", "on error"),)))
    for event in (TaskFailed("draft", 1, 0.0, FAILURE), TaskFailed("review", 1, 0.0, FAILURE)):
        progress.apply(event)
    progress.apply(TaskFinished("draft", 1, 0.0, 1, {}, (Taken(0, "draft", "review", ""),)))
    for status in (Status.FAILED, Status.RUNNING):
        progress.apply(StatusChanged(status, 1.0))
    assert [failure["task"] for failure in progress.failures] == ["draft"]


def test_a_failed_task_that_was_given_its_result_by_hand_is_done():
    progress = folded((TaskStarted("draft", 1, 0.0), TaskFailed("draft", 1, 0.0, FAILURE)))
    progress.apply(TaskFinished("draft", 1, 0.0, 1, {"text": "Bees."}, (TO_REVIEW,)))
    assert progress.snapshot()["nodes"]["draft"] == {"state": "done", "visits": 1, "error": ""}


def test_a_cancelled_task_is_shown_as_such():
    progress = folded((TaskStarted("draft", 1, 0.0), TaskCancelled("draft", 1, 1.0)))
    assert states(progress)["draft"] == "cancelled"


def test_items_of_a_map_are_shown():
    assert folded((TaskStarted("draft", 1, 0.0, 12),)).snapshot()["nodes"]["draft"]["note"] == "12 items"
    assert folded((TaskStarted("draft", 1, 0.0, 10000),)).node("draft")["note"] == "10,000 items"


def test_the_items_of_a_map_that_have_ended_are_counted_until_it_is_over():
    begun = (TaskStarted("draft", 1, 0.0, 10), ItemsEnded("draft", 1, 0.1, 6, 0, 10))
    assert folded(begun).node("draft")["note"] == "6/10"
    progress = folded((*begun, ItemsEnded("draft", 1, 0.2, 6, 1, 10)))
    assert progress.changes()["nodes"]["draft"]["note"] == "6/10, 1 failed"
    progress.apply(TaskFinished("draft", 1, 1.0, 1, {}, ()))
    assert progress.node("draft")["note"] == "10 items"


def test_maps_under_way_at_once_are_counted_together():
    events = [TaskStarted("draft", visit, 0.0, 10) for visit in (1, 2)]
    events += [ItemsEnded("draft", visit, 0.1, 3, 1, 10) for visit in (1, 2)]
    assert folded(tuple(events)).node("draft")["note"] == "6/20, 2 failed"


def test_a_retry_leaves_the_node_active_and_is_counted_and_told():
    failure = Failure("TimeoutError", "too slow.", "cell 3", TimeoutError())
    progress = folded((TaskStarted("draft", 1, 0.0), TaskRetried("draft", 1, 1.0, 1, failure, 0.52)))
    assert progress.snapshot()["nodes"]["draft"] == {"state": "active", "visits": 1, "error": "", "note": "1 retry"}
    assert progress.details("draft")["attempt"] == "attempt 2 after TimeoutError"
    assert progress.details("draft")["log"] == "attempt 1 failed: TimeoutError: too slow; the next one in 0.52 s\n"
    progress.apply(TaskFinished("draft", 1, 2.0, 1, {}, ()))
    assert (progress.details("draft")["attempt"], progress.node("draft")["note"]) == ("", "1 retry")


def test_a_retry_of_an_item_says_which():
    progress = folded((TaskStarted("draft", 1, 0.0, 9), TaskRetried("draft", 1, 1.0, 1, FAILURE, 0.5, item=7)))
    assert progress.details("draft")["attempt"] == "item 7: attempt 2 after ValueError"
    assert progress.details("draft")["log"].startswith("item 7: attempt 1 failed")
    assert progress.node("draft")["note"] == "9 items · 1 retry"


def test_a_cached_task_is_shown_as_such():
    progress = folded((TaskStarted("draft", 1, 0.0), TaskFinished("draft", 1, 0.0, 1, {}, (), cached=True)))
    assert progress.node("draft")["note"] == "cached"
    assert progress.snapshot()["rows"][0]["task"] == "draft (cached)"
    progress.apply(TaskStarted("draft", 2, 1.0))
    assert "note" not in progress.node("draft")


def test_what_a_node_emits_is_a_line_of_its_log():
    progress = folded((Printed("draft", 1, 0.0, "half a"), Emitted("draft", 1, 0.0, {"token": "sk", "n": "x" * 999})))
    lines = progress.details("draft")["log"].splitlines()
    assert lines[0] == "half a"
    assert lines[1].startswith("emitted {'token': •••, 'n': 'xxx")
    assert len(lines[1]) < 100


def test_an_edit_by_hand_is_a_step():
    progress = folded((*LOOP, StateEdited(2.0, 3, {"text": "Wasps."})))
    row = progress.snapshot()["rows"][-1]
    assert (row["step"], row["task"], row["update"]) == (3, "edited by hand", {"text": "'Wasps.'"})
    assert progress.changes()["steps"] == progress.rows.count == 3


def test_a_question_that_is_withdrawn_is_waited_for_no_more():
    progress = folded((*TO_THE_GATE, ApprovalWithdrawn(APPROVAL, 4.0)))
    assert states(progress)["gate"] == "active"
    progress.apply(TaskCancelled("gate", 1, 4.0))
    progress.apply(ApprovalWithdrawn(APPROVAL, 4.0))
    assert states(progress)["gate"] == "cancelled"


def test_breakpoints_are_told():
    progress = folded((BreakpointsChanged(0.0, ("draft",), ("review", "gate")),))
    assert progress.changes()["breaks"] == {"before": ["draft"], "after": ["review", "gate"]}
    assert progress.snapshot()["breaks"]["after"] == ["review", "gate"]
    assert "breaks" not in progress.changes()


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
    assert progress.nodes["draft"].tasks == progress.nodes["draft"].started == {}
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
