"""Retelling: the events that a log gives are those that were told when it was written, but for what is not kept."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbgraph import MemoryStore
from nbgraph.core import events
from nbgraph.core.events import Event, Status
from nbgraph.core.retell import retold
from nbgraph.core.run import Run
from tests.core.patterns import failing, made
from tests.core.running import (
    ONE_TWO,
    counting,
    graph,
    one,
    quiet_engine,  # noqa: F401
    settled,
    told,
    two,
)
from tests.core.stored_graphs import Kept, kept

KEPT = (
    events.RunStarted, events.TaskStarted, events.TaskFinished, events.TaskFailed, events.TaskRetried,
    events.ApprovalAsked, events.ApprovalAnswered, events.ApprovalWithdrawn, events.StatusChanged, events.StateEdited,
)  # fmt: skip


def retold_of(run: Run) -> list[Event]:
    history = run._engine.store.history(run.id)
    asked = {approval.id: approval for approval in history.approvals}
    return [event for entry in history.entries for event in retold(entry, asked.get)]


def plain(happened: list[Event]) -> list[Any]:
    """What tells one event from another, but for when it was; of an approval with its answer, as the store has it."""
    return [_plain(event) for event in happened if isinstance(event, KEPT)]


def _plain(event: Event) -> Any:
    left_out = {"at", "items", "delay", "approval", "failure"}
    values = {name: value for name, value in event._asdict().items() if name not in left_out}
    if hasattr(event, "approval"):
        values["approval"] = event.approval.id
    return type(event).__name__, values


def starts(listed: list[Any]) -> list[Any]:
    return [each for each in listed if each[0] == "TaskStarted"]


def others(listed: list[Any]) -> list[Any]:
    return [each for each in listed if each[0] != "TaskStarted"]


def assert_retold(run: Run) -> None:
    then, now = plain(told(run)), plain(retold_of(run))
    assert others(now) == others(then)
    assert sorted(map(repr, starts(now))) == sorted(map(repr, starts(then)))


def test_a_run_is_retold_as_it_was_told() -> None:
    run = settled(counting().run(n=0), Status.DONE)
    assert plain(retold_of(run)) == plain(told(run))


def test_a_subgraph_is_retold_with_its_path() -> None:
    line = made("START -> g -> END", graph(ONE_TWO, one, two), called="outer")
    run = settled(line.run(), Status.DONE)
    assert_retold(run)
    assert ("RunStarted", {"taken": told(run)[2].taken, "within": "g"}) in plain(retold_of(run))  # type: ignore[union-attr]


def test_a_question_and_its_answer_are_retold() -> None:
    line = made("START -> gate -> END")
    line.human("gate", "go on?")
    run = settled(line.run(), Status.WAITING)
    run.answer("gate", "approve")
    assert_retold(settled(run, Status.DONE))


def test_a_failure_and_an_error_edge_are_retold() -> None:
    def caught(error: Any) -> None:
        return None

    line = made("START -> bad -> END; bad -> caught on error; caught -> END", caught)
    line.node(failing(9), name="bad")
    assert_retold(settled(line.run(), Status.DONE))
    alone = made("START -> bad -> END")
    alone.node(failing(9), name="bad")
    run = settled(alone.run(), Status.FAILED)
    assert_retold(run)
    (failed,) = [event for event in retold_of(run) if isinstance(event, events.TaskFailed)]
    assert (failed.failure.type, failed.failure.message) == ("ValueError", "8 left")


def test_attempts_are_retold() -> None:
    line = made("START -> bad -> END")
    line.node(failing(2), name="bad", retry=3, backoff=0)
    run = settled(line.run(), Status.DONE)
    assert_retold(run)
    retried = [event for event in retold_of(run) if isinstance(event, events.TaskRetried)]
    assert [(event.node, event.attempt, event.failure.message) for event in retried] == [
        ("bad", 1, "ValueError: 1 left"),
        ("bad", 2, "ValueError: 0 left"),
    ]


def test_an_edit_is_retold() -> None:
    run = settled(graph(ONE_TWO, one, two).run(pause_before="two"), Status.PAUSED)
    run.edit(x=5)
    run.resume()
    settled(run, Status.DONE)
    edited = [event for event in retold_of(run) if isinstance(event, events.StateEdited)]
    assert [(event.step, event.update) for event in edited] == [(2, {"x": 5})]


def test_a_question_that_the_store_has_forgotten_is_not_told() -> None:
    store = MemoryStore()
    line = made("START -> gate -> END")
    line.human("gate", "go on?")
    settled(line.run(store=store, id="r", answers={"gate": "approve"}), Status.DONE)
    all_told = [event for entry in store.history("r").entries for event in retold(entry, lambda name: None)]
    assert not any(hasattr(event, "approval") for event in all_told)


@pytest.mark.slow
def test_random_runs_are_retold_as_they_were_told() -> None:
    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(kept(), st.none())
    def retold_alike(one: Kept, _: None) -> None:
        assert_retold(settled(one.graph().run(answers=one.answers(), limit=3000), Status.DONE))

    retold_alike()
