"""The timeline of a run: a bar for each task, from when it could start to when it ended, with the time it waited."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbgraph.core.events import (
    ApprovalAnswered,
    ApprovalAsked,
    ApprovalWithdrawn,
    Event,
    StateEdited,
    Status,
    StatusChanged,
    TaskCancelled,
    TaskFailed,
    TaskFinished,
    TaskRetried,
    TaskStarted,
)
from nbgraph.view.clusters import task_name
from nbgraph.view.node_progress import Key
from nbgraph.view.times import duration

LIVE_BARS = 500  # older ones come with the run as it stood then
WAITS = 20  # of one bar
REST = 2.0  # seconds that a rest is drawn with at least, where it took as long
BY_HAND = "by hand"
AT_REST = "at rest"


@dataclass(slots=True)
class Bar:
    """One task: in the lane of its node, from `began` to `ended` (None while it goes on), in seconds after the first.

    `step` is 0 until it has finished. `waits` are the times in which it waited for a person, `marks` say how it went.
    """

    number: int
    lane: str
    task: str
    began: float
    ended: float | None = None
    step: int = 0
    state: str = "active"
    waits: list[list[float | None]] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    retries: int = 0
    asked: int = 0

    def told(self) -> list[Any]:
        """The bar as a page takes it."""
        retried = [f"{self.retries} retr{'y' if self.retries == 1 else 'ies'}"] if self.retries else []
        marks = " · ".join((*self.marks, *retried))
        return [self.lane, self.task, self.step, self.began, self.ended, self.state, marks, self.waits]


class Timeline:
    """Events in, bars out; an event costs the same however long the run is.

    A rest, as for a person, is drawn with a quarter of the time before it at most: a night would leave nothing to see.
    """

    def __init__(self) -> None:
        self._bars: deque[Bar] = deque(maxlen=LIVE_BARS)
        self._open: dict[tuple[str, Key], Bar] = {}
        self._changed: dict[int, Bar] = {}
        self._zero: float | None = None
        self._rests = self._heard = 0.0
        self._number = 0

    def hear(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case StatusChanged():
                self._turn(event)
            case TaskStarted():
                self._begin(event)
            case TaskRetried():
                self._retry(event)
            case TaskFinished():
                self._finish(event)
            case TaskFailed() | TaskCancelled():
                self._stop(event)
            case StateEdited():
                return self._edit(event)  # of the run itself nothing was heard
            case ApprovalAsked() | ApprovalAnswered() | ApprovalWithdrawn():
                self._wait(event)
        self._heard = event.at

    def snapshot(self) -> dict[str, list[Any]]:
        """The newest bars by their numbers, in their order."""
        return {str(bar.number): bar.told() for bar in self._bars}

    def changes(self) -> dict[str, list[Any]]:
        """The bars that changed since the last call, the newest of them."""
        changed, self._changed = self._changed, {}
        newest = sorted(changed)[-LIVE_BARS:]
        return {str(number): changed[number].told() for number in newest}

    def _seconds(self, at: float) -> float:
        if self._zero is None:
            self._zero = at
        return round(max(0.0, at - self._zero), 3)

    def _add(self, lane: str, task: str, at: float) -> Bar:
        self._number += 1
        bar = Bar(self._number, lane, task, self._seconds(at))
        self._bars.append(bar)
        self._changed[bar.number] = bar
        return bar

    def _of(self, event: TaskStarted | TaskRetried | TaskFinished | TaskFailed | TaskCancelled) -> Bar | None:
        bar = self._open.get((event.node, (event.within, event.visit)))
        if bar is not None:
            self._changed[bar.number] = bar
        return bar

    def _turn(self, event: StatusChanged) -> None:
        """A rest begins, or is over: the time that it took beyond what is drawn of it does not count."""
        going = event.status is Status.RUNNING
        before, self._rests = self._rests, 0.0 if going else self._rests or event.at
        began = before or self._heard  # one that goes on without a rest was lost in between
        if not going or self._zero is None or not began:
            return
        left_out = event.at - began - max(REST, (began - self._zero) / 4)
        if left_out > 0:
            self._zero += left_out
            bar = self._add(AT_REST, f"{duration(left_out)} left out", event.at)
            self._end(bar, event.at, "done")

    def _begin(self, event: TaskStarted) -> None:
        """A task that failed and begins again goes on in its bar."""
        bar = self._of(event)
        if bar is None:
            bar = self._add(event.node, task_name(event.node, event.visit, event.within), event.at)
            self._open[event.node, (event.within, event.visit)] = bar
        bar.state, bar.ended = "active", None

    def _retry(self, event: TaskRetried) -> None:
        if bar := self._of(event):
            bar.retries += 1

    def _edit(self, event: StateEdited) -> None:
        """Somebody edits while the run rests, or as it is forked long after: that time is left out, so it has none."""
        at = self._rests or self._heard or event.at
        bar = self._add(BY_HAND, "edited by hand", at)
        bar.step = event.step
        self._end(bar, at, "done")

    def _wait(self, event: ApprovalAsked | ApprovalAnswered | ApprovalWithdrawn) -> None:
        approval = event.approval
        bar = self._open.get((approval.asker, (approval.within, approval.visit)))
        if bar is None:
            return
        self._changed[bar.number] = bar
        asks = isinstance(event, ApprovalAsked)
        bar.asked = max(0, bar.asked + (1 if asks else -1))
        bar.state = "waiting" if bar.asked else "active"
        if asks and bar.asked == 1 and len(bar.waits) < WAITS:
            bar.waits.append([self._seconds(event.at), None])
        elif not bar.asked:
            self._stop_waiting(bar, event.at)

    def _finish(self, event: TaskFinished) -> None:
        bar = self._of(event) or self._add(event.node, task_name(event.node, event.visit, event.within), event.at)
        said = {"cached": event.cached, BY_HAND: event.edited}
        bar.marks, bar.step = [mark for mark, so in said.items() if so], event.step
        self._end(bar, event.at, "handled" if bar.state == "failed" and not event.edited else "done")
        self._open.pop((event.node, (event.within, event.visit)), None)

    def _stop(self, event: TaskFailed | TaskCancelled) -> None:
        if bar := self._of(event):
            self._end(bar, event.at, "failed" if isinstance(event, TaskFailed) else "cancelled")

    def _end(self, bar: Bar, at: float, state: str) -> None:
        bar.state, bar.ended, bar.asked = state, self._seconds(at), 0
        self._stop_waiting(bar, at)

    def _stop_waiting(self, bar: Bar, at: float) -> None:
        if bar.waits and bar.waits[-1][1] is None:
            bar.waits[-1][1] = self._seconds(at)


def joined(before: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    """The bars of a snapshot with later ones folded in; the script of the graph widget does the same."""
    if not news:
        return dict(before)
    bars = {**before, **news}
    if len(bars) <= LIVE_BARS:
        return bars
    return {number: bars[number] for number in sorted(bars, key=int)[-LIVE_BARS:]}
