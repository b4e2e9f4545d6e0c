"""A run as lines of a log: one for each step, failure, question and answer, and now and then one for a map."""

from __future__ import annotations

import time
from collections.abc import Iterator

from nbgraph.core.events import (
    ApprovalAnswered,
    ApprovalAsked,
    Event,
    ItemsEnded,
    StateEdited,
    Status,
    StatusChanged,
    TaskFailed,
    TaskFinished,
    TaskRetried,
)
from nbgraph.core.outline import Outline
from nbgraph.view.asking import how_to_answer, question
from nbgraph.view.clusters import task_name
from nbgraph.view.pace import clock_face, joined
from nbgraph.view.progress import Progress
from nbgraph.view.record import headline, text_row

SELDOM = 5.0  # seconds between two lines on one map


class LogLines:
    """Events in, lines out."""

    def __init__(self, outline: Outline) -> None:
        self.progress = Progress(outline)
        self.progress.apply(StatusChanged(Status.RUNNING, time.time()))  # which a run that begins does not tell
        self._said: dict[str, float] = {}  # when a line on a map was written last

    def of(self, event: Event) -> Iterator[str]:
        """The lines that tell of one event."""
        self.progress.apply(event)
        match event:
            case TaskFinished() | StateEdited():
                yield text_row(self.progress.rows.newest(1)[0])
            case TaskFailed():
                where = f" ({event.failure.where})" if event.failure.where else ""
                yield f"{_task(event)} failed: {self.progress.nodes[event.node].error}{where}"
            case TaskRetried():
                yield f"{_task(event)}: {self.progress.nodes[event.node].attempt}"
            case ItemsEnded():
                yield from self._of_map(event)
            case ApprovalAsked():
                yield from (question(event.approval), f"  {how_to_answer(event.approval)}")
            case ApprovalAnswered():
                answer = self.progress.answers[-1]
                yield f"{answer['task']} was answered {answer['option']!r} by {answer['by']}"
            case StatusChanged():
                yield self._of_status()

    def _of_map(self, event: ItemsEnded) -> Iterator[str]:
        if event.at - self._said.get(event.node, 0.0) >= SELDOM:
            self._said[event.node] = event.at
            yield f"{_task(event)}: {self.progress.nodes[event.node].ended} items"

    def _of_status(self) -> str:
        if self.progress.status == Status.RUNNING:
            return f"{self.progress.outline.name}: goes on"
        used = f"models: {self.progress.used}" if self.progress.used.calls else ""
        seconds = self.progress.clock.told()["seconds"]
        return joined((headline(self.progress.outline, self.progress), clock_face(seconds), used))


def _task(event: TaskFailed | TaskRetried | ItemsEnded) -> str:
    return task_name(event.node, event.visit, event.within)
