"""An agent is killed between calls of its model and its tools; another process goes on, and pays for nothing twice."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from nbgraph.core.approvals import Answer
from nbgraph.testing import ScriptedModel, calls
from tests.crash.ground import Ground

pytestmark = pytest.mark.slow

APPROVED = Answer("approve", "", {}, "another process", 1.0)
SIDE_BY_SIDE = calls(("look", {"what": "c"}), ("look", {"what": "d"}))
TURNS = {
    "tool: deleted": "All clean.",
    "tool: found d": calls("delete", path="x"),
    "tool: found b": SIDE_BY_SIDE,
    "tool: found a": calls("look", what="b"),
    "user: Clean up": calls("look", what="a"),
}
TOOLS = ["1.1", "2.1", "3.1", "3.2", "4.1"]
CALLS = 5  # of the model


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    """A model that answers by what it was told last, so that it does not mind who asks."""
    with ScriptedModel(TURNS) as made:
        found = {"OPENAI_BASE_URL": made.url, "OPENAI_API_KEY": "scripted", "NBGRAPH_MODEL": "scripted"}
        with mock.patch.dict(os.environ, found):
            yield made


def goes_on(ground: Ground) -> Any:
    """Another process goes on, waits for a person, is answered, and ends."""
    child = ground.go("agent", stay=True)
    told = child.told()
    if told.status == "waiting":
        [asked] = ground.store.approvals("r", open_only=True)
        ground.store.answer(asked.id, APPROVED)
        told = child.told()
    assert (told.status, told.what) == ("done", {"ops": "All clean."})
    return told


def asked_for(model: ScriptedModel) -> Counter[int]:
    """How often each turn was asked for, told by the length of the conversation."""
    return Counter(len(request["messages"]) for request in model.requests)


@pytest.mark.parametrize(
    ("boundary", "paid_again", "done_again"),
    [
        ("before the answer@ops#1/model2", 1, {}),
        ("after the answer@ops#1/model2", 0, {}),
        ("after the effect@ops#1/tool1.1", 0, {"ops#1/tool1.1": 1}),
        ("before the result@ops#1/tool1.1", 0, {"ops#1/tool1.1": 1}),
        ("after the result@ops#1/tool1.1", 0, {}),
        ("after the result@ops#1/tool2.1", 0, {}),
        ("before the commit@ops#1", 0, {}),
        ("after the commit@ops#1", 0, {}),
    ],
)
def test_what_was_kept_is_neither_paid_nor_done_again(
    ground: Ground, model: ScriptedModel, boundary: str, paid_again: int, done_again: dict[str, int]
) -> None:
    if "commit" in boundary:
        child = ground.go("agent", stay=True, die=boundary, fired=ground.fired_path)
        assert child.told().status == "waiting"
        [asked] = ground.store.approvals("r", open_only=True)
        ground.store.answer(asked.id, APPROVED)
        assert child.wait() == -9
        assert ground.fired_path.read_text().startswith(boundary)
    else:
        ground.dies("agent", boundary)
    goes_on(ground)
    assert sum(asked_for(model).values()) == CALLS + paid_again
    assert ground.witness.repeated == done_again


def test_of_two_tools_side_by_side_the_one_that_had_finished_is_not_called_again(
    ground: Ground, model: ScriptedModel
) -> None:
    ground.dies("agent", "after the result@ops#1/tool3.1")
    goes_on(ground)
    assert set(ground.witness.repeated) <= {"ops#1/tool3.2"}
    assert sum(asked_for(model).values()) == CALLS


@pytest.mark.parametrize("boundary", ["after the question@ops.delete", "status@waiting"])
def test_a_call_that_waits_for_approval_still_waits_and_is_made_once(
    ground: Ground, model: ScriptedModel, boundary: str
) -> None:
    ground.dies("agent", boundary)
    [asked] = ground.store.approvals("r", open_only=True)
    assert (asked.node, dict(asked.editable)) == ("ops.delete", {"path": "x"})
    goes_on(ground)
    assert len(ground.store.approvals("r")) == 1
    assert not ground.witness.repeated
    assert sum(asked_for(model).values()) == CALLS


def test_a_budget_counts_what_another_process_paid_and_is_renewed_by_hand_only(
    ground: Ground, model: ScriptedModel
) -> None:
    ground.dies("agent", "after the answer@ops#1/model1", budget="1 tokens")
    assert sum(asked_for(model).values()) == 1
    for paid in (1, 2, 3):  # the first one only finds that all is spent, the others are allowed a call each
        told = ground.finishes("agent")
        assert told.status == "paused"
        assert "the budget of 1 tokens is spent" in told.what
        assert sum(asked_for(model).values()) == paid


def test_the_cost_of_a_run_counts_what_every_process_paid(ground: Ground, model: ScriptedModel) -> None:
    ground.dies("agent", "after the result@ops#1/tool2.1")
    goes_on(ground)
    answered = [entry for entry in ground.history().entries if type(entry).__name__ == "ModelAnswered"]
    assert len(answered) == len(model.requests) == CALLS
