"""The live view of a run: its picture, and below it the questions to a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, NamedTuple

import ipywidgets

from nbgraph.core.events import ApprovalAnswered, ApprovalAsked, ApprovalWithdrawn, Event, Status, StatusChanged
from nbgraph.notebook.comms import deliver_while_busy
from nbgraph.notebook.questions import OnAnswer, Questions
from nbgraph.view.asking import question
from nbgraph.view.graph_widget import Answer, GraphWidget
from nbgraph.view.progress import Progress

SNAPSHOT_SECONDS = 10.0


class Clicks(NamedTuple):
    """What clicks lead to; each may be called on any thread.

    `act` is called with "cancel", "pause", "resume" or "next"; `stop` with a node and "before", "after" or None; there
    are no buttons without them. For `answer` see `Questions`, for `answers` the `GraphWidget`.
    """

    act: Callable[[str], None] | None
    stop: Callable[[str, str | None], None] | None
    answer: OnAnswer
    answers: Mapping[str, Answer]


class LiveView(ipywidgets.VBox):  # type: ignore[misc]
    """What a page shows of a run while the kernel lives; changed from the run's loop only.

    Args:
        progress: what happened so far; kept current by the caller.
        later: calls something on the run's loop.
    """

    def __init__(self, progress: Progress, clicks: Clicks, later: Callable[[Callable[[], None]], None]) -> None:
        self._progress = progress
        self._snapshot_at, self._waiting = 0.0, 0
        self._at_rest = False
        self._graph = GraphWidget(progress.outline, clicks.act, clicks.stop, clicks.answers, later)
        self._questions = Questions(clicks.answer)
        deliver_while_busy([self._graph])
        super().__init__([self._graph, self._questions])

    def __repr__(self) -> str:
        return f"<live view of {self._progress.outline.name}>"

    def take(self, event: Event) -> None:
        """Note what an event means for the questions; `flush` shows it."""
        if isinstance(event, ApprovalAsked | ApprovalAnswered):
            self._questions.note(event.approval)
        if isinstance(event, ApprovalWithdrawn):
            self._questions.note_withdrawn(event.approval)
        if isinstance(event, StatusChanged):
            self._at_rest = event.status is not Status.RUNNING
        if isinstance(event, StatusChanged) and event.status is Status.CANCELLED:
            self._questions.withdraw()

    def flush(self) -> None:
        """Send what has changed, as one small message; at each rest, and now and then, all of it.

        That heals what a message has left out that a busy server dropped.
        """
        changes, now = self._progress.changes(), monotonic()
        if self._at_rest or now - self._snapshot_at > SNAPSHOT_SECONDS:
            self._at_rest, self._snapshot_at = False, now
            self._graph.send_status(self._progress.snapshot())
        else:
            self._graph.send_changes(changes)
        self._questions.flush()
        self._show_count()

    def count(self, waiting: int) -> None:
        """Show how many questions are open in all of the notebook."""
        self._waiting = waiting
        self._show_count()

    def _show_count(self) -> None:
        here = self._questions.asking
        latest = question(here[-1]) if here else ""
        self._graph.asks = {"here": len(here), "all": max(self._waiting, len(here)), "latest": latest}

    def show_family(self, strip: Mapping[str, Any]) -> None:
        """Show the runs that this one was forked from, and its forks."""
        self._graph.family = dict(strip)

    def put_below(self, below: ipywidgets.Widget) -> None:
        """Show what belongs below the run."""
        self.children = [self._graph, self._questions, below]

    def redraw(self) -> None:
        """Draw the graph again, where the run goes on with another one; from a thread, since it may take a while."""
        self._graph.show(self._progress.outline)
