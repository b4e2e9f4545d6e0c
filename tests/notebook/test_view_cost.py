"""What a live view costs, counted: bytes of its state, messages, and calls for an event, also late in a long run."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from nbgraph.core.events import Event, Status, StatusChanged, Taken, TaskFinished, TaskStarted
from nbgraph.notebook import live
from nbgraph.notebook.live import Clicks, LiveView
from nbgraph.view.graph_widget import GraphWidget
from nbgraph.view.progress import Progress
from nbgraph.view.rows import LIVE_ROWS
from tests.call_count import calls_in
from tests.view.stories import ESSAY

pytestmark = pytest.mark.slow
MEGABYTE = 2**20
PERIOD = 0.1


def step(number: int) -> list[Event]:
    """A task that starts and finishes, with much to say."""
    node, at = ("draft", "critique")[number % 2], number / 250
    update = {f"key {each}": f"A text of some length, which is number {number}. " * 10 for each in range(5)}
    edges = (Taken(number % 2, 1, node, "the score was below what is asked for " * 10),)
    return [TaskStarted(node, number, at), TaskFinished(node, number, at + 0.002, number, update, edges)]


class Clock:
    now = 1.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(live, "monotonic", lambda: made.now)
    return made


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The messages of the picture: changes, and whole statuses; not those of runs that other tests have left."""
    found: list[Any] = []
    here = threading.get_ident()

    def note(message: Any) -> None:
        if threading.get_ident() == here:
            found.append(message)

    monkeypatch.setattr(GraphWidget, "send", lambda self, content, buffers=None: note(content))
    monkeypatch.setattr(GraphWidget, "send_state", lambda self, key=None: note(self.get_state(key)))
    return found


def viewed() -> tuple[Progress, LiveView]:
    progress = Progress(ESSAY)
    progress.apply(StatusChanged(Status.RUNNING, 0.0))
    return progress, LiveView(progress, Clicks(None, None, lambda *_: None, {}), lambda call: call())


def take(progress: Progress, view: LiveView, clock: Clock, first: int, last: int, burst: int = 12) -> None:
    for number in range(first, last):
        for event in step(number):
            progress.apply(event)
            view.take(event)
        if number % burst == 0:
            clock.now += PERIOD
            view.flush()
    view.flush()


def states(view: LiveView) -> Iterator[bytes]:
    yield json.dumps(view.get_state(), default=str).encode()
    for child in view.children:
        yield json.dumps(child.get_state(), default=str).encode()


def test_the_state_of_all_widgets_of_a_run_of_ten_thousand_steps_is_small(clock: Clock, sent: list[Any]) -> None:
    progress, view = viewed()
    take(progress, view, clock, 1, 10_001)
    assert progress.rows.count == 10_000
    assert sum(map(len, states(view))) < MEGABYTE
    view._graph.send_status(progress.snapshot())
    assert sum(map(len, states(view))) < MEGABYTE


def test_what_a_page_has_at_the_end_is_what_the_kernel_knows(clock: Clock, sent: list[Any]) -> None:
    progress, view = viewed()
    take(progress, view, clock, 1, 3_000)
    assert view._graph.status == progress.snapshot()


def test_a_flush_is_one_message_however_many_events_there_were(clock: Clock, sent: list[Any]) -> None:
    progress, view = viewed()
    for burst in (1, 10, 1_000):
        sent.clear()
        take(progress, view, clock, burst, 2 * burst, burst=10**6)
        assert len(sent) == 1
    assert len(sent[0]["rows"]) <= LIVE_ROWS


def test_nothing_new_is_no_message(clock: Clock, sent: list[Any]) -> None:
    progress, view = viewed()
    take(progress, view, clock, 1, 20)
    sent.clear()
    view.flush()
    assert sent == []


def test_an_event_costs_the_same_late_in_a_long_run(clock: Clock, sent: list[Any]) -> None:
    progress, view = viewed()
    take(progress, view, clock, 1, 2_001)
    early = calls_in(lambda: take(progress, view, clock, 2_001, 2_201))
    take(progress, view, clock, 2_201, 8_001)
    late = calls_in(lambda: take(progress, view, clock, 8_001, 8_201))
    assert late <= 1.05 * early
