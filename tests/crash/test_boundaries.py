"""A kill at every named boundary, each proven to have fired; then another process goes on, and is judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nbgraph.core.approvals import Answer
from nbgraph.core.records import ItemDone
from tests.crash.graphs import TOUR_STEPS
from tests.crash.ground import GIVEN, Ground, undisturbed

pytestmark = pytest.mark.slow

APPROVED = Answer("approve", "by hand", {}, "another process", 1.0)


def ends_like_the_undisturbed(ground: Ground, graph: str, **options: Any) -> None:
    """Another process goes on to the end, where the state is that of a run that nothing disturbed."""
    told = ground.finishes(graph, **options)
    assert (told.status, told.what) == ("done", undisturbed(graph))
    assert not ground.witness.after_shown()
    assert {step.number: step.task for step in ground.steps()} == ground.witness.shown


# -- a task, and its commit --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["plan#1", "plan#2", "judge#5"])
@pytest.mark.parametrize(
    ("boundary", "again"),
    [
        ("before the effect", False),
        ("after the effect", True),
        ("before the return", True),
        ("before the commit", True),
        ("between the statements", True),
        ("before COMMIT", True),
        ("after the commit", False),
        ("shown", False),
    ],
)
def test_a_task_is_repeated_only_where_its_step_was_not_committed(
    ground: Ground, boundary: str, again: bool, task: str
) -> None:
    ground.dies("tour", f"{boundary}@{task}")
    kept = [step.task for step in ground.steps()]
    assert (task in kept) == (not again and boundary != "before the effect")
    ends_like_the_undisturbed(ground, "tour")
    assert ground.witness.repeated == ({task: 1} if again else {})


@pytest.mark.parametrize("delay", [0.0, 0.00002, 0.00005, 0.0001, 0.0002, 0.0004, 0.0008, 0.0015])
def test_a_kill_during_commit_leaves_all_of_the_step_or_nothing(ground: Ground, delay: float) -> None:
    ground.dies("tour", "during COMMIT@plan#2", delay=delay)
    kept = "plan#2" in [step.task for step in ground.steps()]
    returned = "COMMIT has returned" in ground.fired_path.read_text()
    print(f"\nstruck {delay * 1e6:g} microseconds into COMMIT; it had returned: {returned}; kept: {kept}")
    assert kept or not returned
    ends_like_the_undisturbed(ground, "tour")
    assert ground.witness.repeated == ({} if kept else {"plan#2": 1})


# -- fan-out and join --------------------------------------------------------------------------------------------------


def test_of_a_fan_out_the_branch_that_had_finished_is_not_repeated(ground: Ground) -> None:
    ground.dies("tour", "after the commit@left#2", pauses={"left": 0.15, "middle": 5, "right": 5})
    assert ground.in_flight() == {"middle#2", "right#2"}
    ends_like_the_undisturbed(ground, "tour")
    assert ground.witness.repeated == {"middle#2": 1, "right#2": 1}


@pytest.mark.parametrize(
    ("boundary", "again"),
    [
        ("after the commit@right#2", {}),
        ("before the effect@gather#2", {}),
        ("after the effect@gather#2", {"gather#2": 1}),
        ("before COMMIT@gather#2", {"gather#2": 1}),
        ("after the commit@gather#2", {}),
    ],
)
def test_a_join_that_was_killed_has_what_all_its_branches_wrote(
    ground: Ground, boundary: str, again: dict[str, int]
) -> None:
    ground.dies("tour", boundary, pauses={"middle": 0.05, "right": 0.3})
    ends_like_the_undisturbed(ground, "tour")
    assert ground.witness.repeated == again
    gathered = next(step for step in ground.steps() if step.task == "gather#2")
    assert {*gathered.parents} == {"left#2", "middle#2", "right#2"}


# -- a question --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("boundary", ["before the question@gate", "after the question@gate", "status@waiting"])
def test_a_question_that_was_asked_is_still_open_and_an_answer_from_another_process_reaches_its_task(
    ground: Ground, boundary: str
) -> None:
    ground.dies("question", boundary)
    asked_at = [approval.asked_at for approval in ground.store.approvals("r", open_only=True)]
    assert len(asked_at) == (boundary != "before the question@gate")
    child = ground.go("question", stay=True)
    assert child.told().status == "waiting"
    [open_one] = ground.store.approvals("r", open_only=True)
    assert open_one.asked_at == (asked_at or [open_one.asked_at])[0]
    ground.store.answer(open_one.id, APPROVED)
    told = child.told()
    assert (told.status, told.what) == ("done", undisturbed("question"))
    assert len(ground.store.approvals("r")) == 1
    assert not ground.witness.repeated


def test_an_answer_given_while_nobody_had_the_run_counts_when_it_is_resumed(ground: Ground) -> None:
    ground.dies("question", "status@waiting")
    [asked] = ground.store.approvals("r", open_only=True)
    ground.store.answer(asked.id, APPROVED)
    ends_like_the_undisturbed(ground, "question")
    assert len(ground.store.approvals("r")) == 1
    assert not ground.witness.repeated


def test_an_answer_that_was_kept_and_had_not_reached_its_task_is_not_asked_for_again(
    ground: Ground, tmp_path: Path
) -> None:
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps(GIVEN))
    ground.dies("question", "answered@gate", answers=answers)
    assert [approval.answer is not None for approval in ground.store.approvals("r")] == [True]
    ends_like_the_undisturbed(ground, "question")
    assert len(ground.store.approvals("r")) == 1
    assert not ground.witness.repeated


# -- a subgraph, a map -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("boundary", "again"),
    [
        ("before the effect@research/look#1", {}),
        ("after the commit@research/look#1", {}),
        ("after the effect@research/read#1", {"research/read#1": 1}),
        ("before COMMIT@research/read#1", {"research/read#1": 1}),
        ("after the commit@research/read#1", {}),
        ("before the commit@research#1", {}),
        ("after the commit@research#1", {}),
        ("after the effect@research#2/read#1", {"research#2/read#1": 1}),
    ],
)
def test_a_subgraph_goes_on_where_it_was(ground: Ground, boundary: str, again: dict[str, int]) -> None:
    ground.dies("subgraph", boundary)
    ends_like_the_undisturbed(ground, "subgraph")
    assert ground.witness.repeated == again


def test_the_items_of_a_map_that_had_finished_are_not_repeated(ground: Ground) -> None:
    ground.dies("items", "before the return@work#1[5]", pauses={"work": 0.1})
    finished = {entry.item for entry in ground.history().entries if isinstance(entry, ItemDone)}
    assert finished == {0, 1, 2, 3, 4}
    ends_like_the_undisturbed(ground, "items")
    assert ground.witness.repeated == {"work#1[5]": 1}


# -- within a task -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("boundary", "attempts"),
    [
        ("after the effect@fetch#1", [1, 1, 2, 3]),
        ("before the failed attempt@fetch#1", [1, 1, 2, 3]),
        ("after the failed attempt@fetch#1", [1, 2, 3]),
        ("before the commit@fetch#1", [1, 2, 3, 3]),
    ],
)
def test_the_count_of_attempts_is_kept(ground: Ground, boundary: str, attempts: list[int]) -> None:
    ground.dies("flaky", boundary)
    ends_like_the_undisturbed(ground, "flaky")
    assert ground.witness.attempts("fetch#1") == attempts


@pytest.mark.parametrize(
    ("boundary", "again"),
    [
        ("after the effect@send#1/letter", {"send#1/letter": 1}),
        ("before the record@send#1/step1", {"send#1/letter": 1}),
        ("after the record@send#1/step1", {}),
        ("after the effect@send#1/parcel", {"send#1/parcel": 1}),
        ("after the record@send#1/step2", {}),
        ("after the effect@send#1", {"send#1": 1}),
    ],
)
def test_what_a_task_recorded_is_not_done_again(ground: Ground, boundary: str, again: dict[str, int]) -> None:
    ground.dies("journal", boundary)
    ends_like_the_undisturbed(ground, "journal")
    assert ground.witness.repeated == again


# -- a snapshot --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("boundary", ["in a snapshot", "before COMMIT of a snapshot"])
def test_a_snapshot_that_was_killed_costs_no_step(ground: Ground, boundary: str) -> None:
    ground.dies("tour", boundary, pauses={"*": 0.02})
    assert ground.store.snapshot("r", TOUR_STEPS) is None
    flying = ground.in_flight()
    ends_like_the_undisturbed(ground, "tour")
    assert {*ground.witness.repeated} <= flying


def test_a_run_goes_on_from_its_snapshot(ground: Ground) -> None:
    ground.dies("tour", "after the commit@judge#5")
    assert ground.store.snapshot("r", TOUR_STEPS) is not None
    ends_like_the_undisturbed(ground, "tour")
    assert not ground.witness.repeated
