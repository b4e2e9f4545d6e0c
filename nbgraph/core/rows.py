"""Row: one row of a batch, and what became of it."""

from __future__ import annotations

from typing import Any

from nbgraph.core.events import Event, Status, StatusChanged, TaskFailed, TaskFinished
from nbgraph.core.run import Run
from nbgraph.errors import RunError, told

QUEUED = "queued"


class Row:
    """One row: its `number` from 0, its `label` in the table, its `inputs`, and its `run` once that has started.

    `error` is that of the node that failed, or what kept the run from starting.
    """

    __slots__ = ("_raised", "error", "inputs", "label", "number", "queued", "run")

    def __init__(self, number: int, label: Any, inputs: dict[str, Any]) -> None:
        self.number, self.label, self.inputs = number, label, inputs
        self.run: Run | None = None
        self.error: BaseException | None = None
        self.queued = True
        self._raised: dict[tuple[str, str, int], BaseException] = {}  # by tasks that have failed and did not finish

    @property
    def status(self) -> str:
        """The status of its run; "queued" while it has to wait for a place."""
        if self.queued:
            return QUEUED
        if self.run is not None:
            return self.run.status
        return Status.FAILED if self.error is not None else Status.CANCELLED

    @property
    def reason(self) -> str:
        """Why it stands there, for a person; may be empty."""
        if self.error is not None:
            return f"{type(self.error).__name__}: {told(self.error)}"
        return "" if self.run is None or self.queued else self.run.reason

    def note(self, event: Event) -> None:
        """Keep what made the run fail."""
        match event:
            case TaskFailed():
                self._raised[event.within, event.node, event.visit] = event.failure.error
            case TaskFinished() if self._raised:  # it went on along an error edge
                self._raised.pop((event.within, event.node, event.visit), None)
            case StatusChanged(Status.FAILED):
                self.error = next(iter(self._raised.values()), RunError(event.reason))
            case StatusChanged():
                self.error = None
                self._raised.clear()
