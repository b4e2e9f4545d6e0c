"""`%graph approvals`: the open questions of stored runs, without a page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from stored_runs import essay, left_waiting
from test_run_list import Page, page, until

from nbgraph import Graph, MemoryStore, stores
from nbgraph.core.approvals import Answer
from nbgraph.core.run_loop import live
from nbgraph.notebook.below import Below
from nbgraph.notebook.open_questions import OpenQuestions
from nbgraph.notebook.stored import Stored
from nbgraph.store.transfer import copy
from nbgraph.view.approval_widget import ApprovalWidget
from nbgraph.view.bulk_widget import BulkWidget

__all__ = ["page"]

ANSWER = Answer("reject", "", {}, "another kernel", time.time())


def shown(page: Page, store: MemoryStore, *graphs: Graph) -> OpenQuestions:
    stores.configure_stores(store=store)
    catalog: Any = SimpleNamespace(graphs=lambda: {graph.name: graph for graph in graphs})
    page.outputs.clear()
    made = OpenQuestions(Stored(catalog), None, page.display_pub, True)
    made.show()
    return made


@pytest.fixture
def graph() -> Graph:
    return essay()


@pytest.fixture
def store(graph: Graph, page: Page) -> Iterator[MemoryStore]:
    """It holds the run `left`, which waits and which nobody has."""
    yield left_waiting(graph)
    for run in list(live.values()):
        run.face.cancel()  # type: ignore[attr-defined]


def widgets(asked: OpenQuestions) -> tuple[ApprovalWidget, ...]:
    return tuple(asked._questions.children)


def text(widget: Any) -> str:
    own = str(getattr(widget, "value", ""))
    return own + "".join(text(child) for child in getattr(widget, "children", ()))


def test_a_question_is_shown_with_its_run_and_what_was_shown(page: Page, store: MemoryStore) -> None:
    asked = shown(page, store)
    (widget,) = widgets(asked)
    assert "left · gate · asked " in text(widget)
    assert "bees" in text(widget)
    assert "1 open question" in asked._head.value
    assert page.outputs[1]["text/plain"].startswith("1 open question\n  left, gate: Fine?")


def test_no_question_is_told(page: Page) -> None:
    asked = shown(page, MemoryStore())
    assert "no open questions" in asked._head.value
    assert page.outputs[1]["text/plain"] == "no open questions"


def test_an_answer_lets_the_run_go_on_below(page: Page, store: MemoryStore, graph: Graph) -> None:
    asked = shown(page, store, graph)
    (widget,) = widgets(asked)
    widget.buttons[0].click()
    until(lambda: "left goes on" in asked._said.value)
    until(lambda: asked.below.children)  # type: ignore[union-attr]
    until(lambda: store.run("left").status == "done")
    until(lambda: "approved — answered by a client of this kernel" in widget.message.value)
    until(lambda: "no open questions" in asked._head.value)
    until(lambda: any("no open questions\nessay: done, 2 steps" in each for each in page.display_pub.texts))


def test_of_two_questions_the_other_stays(page: Page, store: MemoryStore, graph: Graph) -> None:
    copy(store, "left", "other")
    asked = shown(page, store, graph)
    first, second = widgets(asked)
    first.buttons[1].click()
    until(lambda: "1 open question<" in asked._head.value)
    assert (first._settled, second._settled) == (True, False)


def test_the_question_of_a_graph_that_is_not_declared_is_answered_too(page: Page, store: MemoryStore) -> None:
    asked = shown(page, store)
    (widget,) = widgets(asked)
    widget.buttons[0].click()
    until(lambda: "goes on when essay is resumed" in asked._said.value)
    until(lambda: "approved — answered by a client of this kernel" in widget.message.value)
    assert store.run("left").status == "waiting"


def test_where_somebody_was_first_the_widget_says_who(page: Page, store: MemoryStore, graph: Graph) -> None:
    asked = shown(page, store, graph)
    (widget,) = widgets(asked)
    store.answer(next(iter(store._asked)), ANSWER)
    widget.buttons[0].click()
    until(lambda: "rejected — answered by another kernel" in widget.message.value)
    assert all(button.disabled for button in widget.buttons)


def test_an_answer_from_elsewhere_is_seen_without_a_click(
    page: Page, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbgraph.notebook.listing.EVERY", 0.01)
    asked = shown(page, store)
    (widget,) = widgets(asked)
    store.answer(next(iter(store._asked)), ANSWER)
    until(lambda: "rejected — answered by another kernel" in widget.message.value)


def test_a_question_asked_later_appears(page: Page, store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbgraph.notebook.listing.EVERY", 0.01)
    asked = shown(page, store)
    copy(store, "left", "other")
    until(lambda: len(widgets(asked)) == 2)


def test_what_is_being_typed_is_not_lost_when_others_change(
    page: Page, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbgraph.notebook.listing.EVERY", 0.01)
    asked = shown(page, store)
    (widget,) = widgets(asked)
    widget.note.value = "half a sen"
    copy(store, "left", "other")
    until(lambda: len(widgets(asked)) == 2)
    assert widgets(asked)[0] is widget


def test_an_old_widget_answers_nothing_once_its_run_is_gone(page: Page, store: MemoryStore) -> None:
    asked = shown(page, store)
    (widget,) = widgets(asked)
    store.delete("left")
    widget.buttons[0].click()
    assert "the store holds no run" in widget.message.value


def test_a_question_that_is_asked_anew_is_shown_anew(
    page: Page, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbgraph.notebook.listing.EVERY", 0.01)
    asked = shown(page, store)
    (before,) = widgets(asked)
    (open_one,) = store.approvals()
    store._runs["left"].approvals[open_one.id] = replace(open_one, shown={"text": "wasps"}, digest="another")
    until(lambda: widgets(asked)[0] is not before)
    assert "wasps" in text(widgets(asked)[0])


def test_the_deadline_is_shown(page: Page, graph: Graph) -> None:
    graph.human("gate", "Fine? {{ text }}", timeout="24h=reject")
    asked = shown(page, left_waiting(graph))
    assert "then reject" in text(widgets(asked)[0])


# -- several at once ---------------------------------------------------------------------------------------------------


def bulk(asked: OpenQuestions) -> BulkWidget:
    (found,) = asked._alike.children
    assert isinstance(found, BulkWidget)
    return found


def answers(store: MemoryStore) -> dict[str, tuple[str, str, str]]:
    """By run the option, the note and who answered."""
    given = {asked.run_id: asked.answer for asked in store.approvals() if asked.answer}
    return {run_id: (answer.option, answer.note, answer.by) for run_id, answer in given.items()}


def test_one_question_is_not_asked_for_twice(page: Page, store: MemoryStore) -> None:
    assert shown(page, store)._alike.children == ()


def test_the_same_questions_are_answered_at_once_and_each_is_recorded_by_itself(page: Page, store: MemoryStore) -> None:
    copy(store, "left", "more")
    asked = shown(page, store)
    widget = bulk(asked)
    assert "2 times the same question" in text(widget)
    widget.note.value = "both"
    widget.buttons[1].click()
    assert answers(store) == dict.fromkeys(("left", "more"), ("reject", "both", "a client of this kernel"))
    until(lambda: "2 of 2 answered: reject" in asked._said.value)
    until(lambda: asked._alike.children == ())
    assert "no open questions" in asked._head.value


def test_one_that_was_answered_elsewhere_holds_up_no_other_and_is_told(page: Page, store: MemoryStore) -> None:
    copy(store, "left", "more")
    asked = shown(page, store)
    (mine,) = [each for each in store.approvals(open_only=True) if each.run_id == "left"]
    store.answer(mine.id, ANSWER)
    bulk(asked).buttons[0].click()
    until(lambda: "1 of 2 answered" in asked._said.value)
    assert "left: " in asked._said.value
    assert "another kernel" in asked._said.value
    assert {run_id: option for run_id, (option, *_) in answers(store).items()} == {"left": "reject", "more": "approve"}


def test_the_list_stands_below_another_output_too(page: Page, store: MemoryStore, graph: Graph) -> None:
    stores.configure_stores(store=store)
    catalog: Any = SimpleNamespace(graphs=lambda: {graph.name: graph})
    changed: list[str] = []
    place = Below(lambda: changed.append("published"), lambda call: call())
    asked = OpenQuestions(Stored(catalog), None, page.display_pub, True)
    asked.show_in(place)
    assert place.children == (asked.live,)
    assert place.records("text/plain")[0].startswith("1 open question")
    bulk_free, (widget,) = asked._alike.children, widgets(asked)
    assert bulk_free == ()
    changed.clear()
    widget.buttons[1].click()
    until(lambda: place.records("text/plain")[0].startswith("no open questions"))
    assert changed
    assert page.display_pub.texts == []
