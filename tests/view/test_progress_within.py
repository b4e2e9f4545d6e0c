"""Progress of runs with subgraphs."""

import json
from dataclasses import replace

import pytest

from nbgraph.core.events import (
    ApprovalAnswered,
    Status,
    StatusChanged,
    Taken,
    TaskFailed,
    TaskFinished,
    TaskStarted,
)
from nbgraph.core.outline import OutlineEdge
from nbgraph.view.folding import merged
from nbgraph.view.progress import Progress
from nbgraph.view.timeline import LIVE_BARS
from tests.view.stories import ANSWERED
from tests.view.trips import (
    FAILURE,
    INTO_THE_SUBGRAPH,
    SECOND,
    TO_THE_INNER_GATE,
    TRIP,
    found,
    search,
    taken,
    travelled,
)


def test_the_same_visit_in_several_instances_is_several_tasks():
    progress = travelled(*INTO_THE_SUBGRAPH)
    assert progress.node("research/search") == {"state": "active", "visits": 3, "error": ""}
    progress.apply(found(0, 2))
    progress.apply(found(2, 3))
    assert progress.node("research/search")["state"] == "active"
    progress.apply(found(1, 4))
    assert progress.node("research/search") == {"state": "done", "visits": 3, "error": ""}


def test_edges_inside_light_up_and_those_out_of_an_inner_start_only_when_told():
    assert set(travelled(StatusChanged(Status.RUNNING, 0.0)).edges) == {0}
    progress = travelled(*INTO_THE_SUBGRAPH)
    assert progress.edge(4) == {"taken": 3, "reason": ""}
    assert 8 not in progress.edges


def test_rows_name_the_task_by_its_path():
    rows = travelled(*TO_THE_INNER_GATE).snapshot()["rows"]
    assert [row["task"] for row in rows] == [
        "plan",
        "research[1]/search",
        "research[1]/deep/leaf",
        "research[1]/deep",
    ]
    second = TaskFinished("research/search", 2, 1.0, 1, {}, (), within="research#2")
    assert travelled(second).rows.newest()[0]["task"] == "research#2/search #2"
    first = TaskFinished("research/search", 1, 1.0, 1, {}, (), within="research")
    assert travelled(first).rows.newest()[0]["task"] == "research/search"


def test_a_question_inside_waits_in_its_instance():
    progress = travelled(*TO_THE_INNER_GATE, TaskStarted("research/gate", 1, 3.0, None, "research[2]"))
    assert progress.nodes["research/gate"].counts["waiting"] == 1
    progress.apply(ApprovalAnswered(replace(SECOND, answer=ANSWERED.answer), 4.0))
    assert progress.node("research/gate")["state"] == "active"
    assert progress.answers[0]["task"] == "research[1]/gate"


def test_a_subgraph_tells_what_is_going_on_inside():
    progress = travelled(*TO_THE_INNER_GATE)
    assert progress.node("research")["inside"] == "search runs, gate waits"
    progress.apply(TaskStarted("research/deep", 1, 3.0, None, "research[2]"))
    progress.apply(TaskFailed("research/deep/leaf", 1, 3.0, FAILURE, "research[2]/deep"))
    assert progress.node("research")["inside"] == "search runs, gate waits, 1 more"
    assert progress.node("research/deep")["inside"] == "leaf failed"


def test_a_change_inside_is_a_change_of_the_subgraphs_around():
    progress = travelled(*TO_THE_INNER_GATE)
    progress.changes()
    progress.apply(TaskStarted("research/deep/leaf", 2, 4.0, None, "research[1]/deep"))
    assert set(progress.changes()["nodes"]) == {"research", "research/deep", "research/deep/leaf"}


def test_what_failed_inside_is_handled_where_the_subgraph_took_its_error_edge():
    outline = TRIP._replace(edges=(*TRIP.edges[:-1], OutlineEdge("research", "write", "error", "on error")))
    progress = Progress(outline)
    failed = TaskFailed("research/search", 1, 2.0, FAILURE, "research[2]"), TaskFailed("research", 1, 2.0, FAILURE)
    for event in (*INTO_THE_SUBGRAPH, found(0, 2), found(1, 3), *failed):
        progress.apply(event)
    assert progress.node("research/search")["state"] == "failed"
    progress.apply(TaskFinished("research", 1, 3.0, 4, {}, (Taken(9, "research", "write", "TimeoutError"),)))
    assert progress.node("research/search")["state"] == progress.node("research")["state"] == "handled"
    assert [failure["handled"] for failure in progress.failures] == [True, True]


def test_another_visit_of_the_subgraph_leaves_failures_of_the_first_as_they_are():
    failed = TaskFailed("research/search", 1, 2.0, FAILURE, "research#2")
    progress = travelled(failed, TaskFailed("research", 1, 2.0, FAILURE))
    progress.apply(TaskFinished("research", 1, 3.0, 1, {}, taken(2)))
    assert progress.node("research/search")["state"] == "failed"


@pytest.mark.parametrize("every", [1, 3])
def test_changes_folded_into_a_snapshot_are_the_later_snapshot(every):
    progress = Progress(TRIP)
    shown = progress.snapshot()
    for place, event in enumerate(TO_THE_INNER_GATE):
        progress.apply(event)
        if place % every == 0:
            shown = merged(shown, json.loads(json.dumps(progress.changes())))
    assert merged(shown, progress.changes()) == progress.snapshot()


def test_a_map_of_many_items_is_shown_by_counts():
    progress = travelled(TaskStarted("research", 1, 0.0, 10_000))
    for item in range(10_000):
        for event in search(item):
            progress.apply(event)
    shown = progress.snapshot()
    assert shown["nodes"]["research"]["note"] == "10,000 items"
    assert shown["nodes"]["research/search"]["visits"] == 10_000
    assert len(shown.pop("bars")) == LIVE_BARS
    assert len(json.dumps(shown)) < 2000


def test_what_is_over_is_not_kept_by_instance():
    progress = travelled(*(event for item in range(50) for event in (*search(item), found(item, item + 1))))
    assert progress.nodes["research/search"].tasks == progress.nodes["research/search"].started == {}


def test_details_of_a_node_inside_name_its_place():
    assert travelled().details("research/search")["signature"] == "research/search()"
    assert travelled().details("research/search")["marks"] == "retry 2"
