"""The stored runs that a notebook can see, and what is done with them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from stored_runs import essay, leave_interrupted, left_waiting

from nbgraph import Graph, MemoryStore, Run, Watch, stores
from nbgraph.core.approvals import Answer, Approval
from nbgraph.core.ports import Owner, Store
from nbgraph.core.run_loop import live
from nbgraph.errors import AlreadyAnswered, ApprovalError, DeclarationError, NoSuchRun
from nbgraph.notebook import stored
from nbgraph.notebook.stored import Stored, elsewhere, status

ME = "a client of this kernel"


def seen(store: Store, *graphs: Graph) -> Stored:
    """What a notebook with these graphs sees, where that is the default store."""
    stores.configure_stores(store=store)
    catalog: Any = SimpleNamespace(graphs=lambda: {f"variable_{graph.name}": graph for graph in graphs})
    return Stored(catalog)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = dict(stores._configured)
    live.clear()  # runs that other tests still hold
    yield
    stores._configured.update(before)


def question(seen: Stored, **changed: Any) -> Approval:
    (asked,) = seen.questions(None)
    return replace(asked, **changed)


def answered(seen: Stored, asked: Approval, option: str = "approve", form: Any = None) -> str:
    return seen.answer(asked, option, "", {}, form or {}, ME)


def test_runs_of_the_default_store_and_those_that_live_elsewhere_are_seen() -> None:
    graph = essay()
    mine = graph.run(topic="ants", store=MemoryStore(), id="mine").wait(60)
    found = seen(left_waiting(graph), graph).runs("essay", (), 10)
    assert [run.id for run in found] == ["left", mine.id] or [run.id for run in found] == [mine.id, "left"]
    mine.cancel()


def test_runs_are_found_by_how_they_stand() -> None:
    graph = essay()
    store = left_waiting(graph)
    leave_interrupted(store, "left", "lost")
    both = seen(store, graph)
    assert [run.id for run in both.runs(None, ("interrupted",), 10)] == ["lost"]
    assert [run.id for run in both.runs(None, ("waiting",), 10)] == ["left"]
    assert [run.id for run in both.runs(None, ("running",), 10)] == []
    assert {status(run) for run in both.runs(None, (), 10)} == {"interrupted", "waiting"}
    assert both.runs("other", (), 10) == []
    assert len(both.runs(None, (), 1)) == 1


def test_a_run_goes_on_by_the_graph_that_the_notebook_declares() -> None:
    graph = essay()
    run = seen(left_waiting(graph), graph).resume("left")
    assert run.wait(60).status == "waiting"
    run.answer("gate", "approve")
    assert run.result()["gate"] == "approve"


def test_a_run_of_a_graph_that_is_not_declared_says_what_to_do() -> None:
    with pytest.raises(DeclarationError, match="declares no graph of that name; run the cells that declare it"):
        seen(left_waiting(essay())).resume("left")


def test_a_run_that_nobody_knows_is_told() -> None:
    with pytest.raises(NoSuchRun, match="nowhere"):
        seen(MemoryStore(), essay()).resume("nowhere")


def test_a_run_of_this_process_is_opened_as_itself_and_any_other_is_watched() -> None:
    graph = essay()
    mine = graph.run(topic="ants", store=MemoryStore(), id="mine").wait(60)
    both = seen(left_waiting(graph), graph)
    assert both.opened("mine") is mine
    assert isinstance(both.opened("left"), Watch)
    mine.cancel()


def test_a_run_of_a_graph_that_is_not_declared_can_be_opened() -> None:
    opened = seen(left_waiting(essay())).opened("left")
    assert (opened.name, len(opened.steps), opened.status) == ("essay", 1, "waiting")


def test_the_answer_to_a_run_that_nobody_has_lets_it_go_on_here() -> None:
    graph = essay()
    both = seen(left_waiting(graph), graph)
    assert answered(both, question(both)) == "left goes on"
    run = both.opened("left")
    assert isinstance(run, Run)
    assert run.result()["gate"] == "approve"
    assert [asked.answer.by for asked in run.approvals if asked.answer] == [ME]


def test_the_answer_to_a_run_of_this_process_goes_to_it() -> None:
    graph = essay()
    run = graph.run(topic="ants", store=MemoryStore(), id="mine").wait(60)
    both = seen(MemoryStore(), graph)
    assert answered(both, question(both)).startswith("mine ")
    assert run.result()["gate"] == "approve"


def test_the_answer_to_a_graph_that_is_not_declared_is_kept_until_it_is_resumed() -> None:
    store, graph = left_waiting(essay()), essay()
    without = seen(store)
    said = answered(without, question(without))
    assert said.startswith("recorded; left goes on when essay is resumed: run the cells")
    assert seen(store, graph).resume("left").result()["gate"] == "approve"


def test_who_is_second_is_told_who_was_first() -> None:
    graph = essay()
    store = left_waiting(graph)
    both = seen(store, graph)
    asked = question(both)
    store.answer(asked.id, Answer("reject", "", {}, "another kernel", time.time()))
    with pytest.raises(AlreadyAnswered, match="another kernel"):
        answered(both, asked)


def test_a_question_that_has_changed_since_it_was_shown_is_not_answered() -> None:
    graph = essay()
    store = left_waiting(graph)
    both = seen(store, graph)
    with pytest.raises(ApprovalError, match="has changed since it was shown"):
        answered(both, question(both, digest="another"))
    assert [asked.answer for asked in store.approvals()] == [None]


def test_an_answer_after_the_deadline_is_that_of_the_deadline() -> None:
    graph = essay()
    graph.human("gate", "Fine? {{ text }}", timeout="1h=reject")
    store = left_waiting(graph)
    both = seen(store, graph)
    (asked,) = store.approvals()
    late = replace(asked, deadline=time.time() - 60)
    store._runs["left"].approvals[asked.id] = late
    assert "and since then the answer is reject; left goes on" in answered(both, late)
    assert both.opened("left").wait(60).state["gate"] == "reject"
    (asked,) = store.approvals()
    assert asked.answer == Answer("reject", "", {}, "deadline", late.deadline or 0)


def test_entries_that_do_not_fit_the_form_leave_the_question_open() -> None:
    graph = essay()
    graph.human("gate", "How many? {{ text }}", form=int)
    store = left_waiting(graph)
    both = seen(store, graph)
    with pytest.raises(ApprovalError):
        answered(both, question(both), form={"": "many"})
    assert [asked.answer for asked in store.approvals()] == [None]
    assert answered(both, question(both), form={"": 7}) == "left goes on"


def test_the_form_of_a_question_in_a_subgraph_is_known_too() -> None:
    outer, graph = Graph("outer"), essay()
    graph.human("gate", "How many? {{ text }}", form=int)
    outer.node(graph, name="inner")
    outer.edges("START -> inner -> END")
    both = seen(left_waiting(outer), outer)
    with pytest.raises(ApprovalError):
        answered(both, question(both), form={"": "many"})


def test_where_another_process_has_the_run_it_goes_on_there(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = essay()
    store = left_waiting(graph)
    found = MemoryStore.run
    owner = Owner(4711, "vm", 0.0)
    monkeypatch.setattr(MemoryStore, "run", lambda self, run_id: found(self, run_id)._replace(owner=owner))
    both = seen(store, graph)
    assert elsewhere(store.run("left"))
    assert answered(both, question(both)) == "recorded; left goes on in process 4711 on vm"


def test_where_the_run_cannot_go_on_the_answer_is_kept_and_that_is_told() -> None:
    graph = essay()
    store = left_waiting(graph)
    both = seen(store, graph)
    asked = question(both)
    graph.drop("gate")
    assert answered(both, asked).startswith("recorded, but left cannot go on: ")
    assert store.approvals()[0].answer is not None


def test_questions_are_those_of_a_graph_where_one_is_named() -> None:
    graph = essay()
    both = seen(left_waiting(graph), graph)
    assert [asked.run_id for asked in both.questions("essay")] == ["left"]
    assert both.questions("other") == []


def test_a_process_of_this_machine_is_this_one_only_by_its_number() -> None:
    run = left_waiting(essay()).run("left")
    assert not elsewhere(run)
    assert elsewhere(run._replace(owner=Owner(1, stored.socket.gethostname(), 0.0)))
    assert not elsewhere(run._replace(owner=Owner(1, stored.socket.gethostname(), 0.0, alive=False)))
