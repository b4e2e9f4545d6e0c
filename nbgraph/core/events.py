"""What happens in a run, as frozen records in the past tense; times are seconds since the epoch.

Match on them and end with `assert_never`: `Event` is the whole union.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import TracebackType
from typing import Any, NamedTuple

from nbgraph.core.approvals import Approval


class Status(StrEnum):
    """Where a run is."""

    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DONE = "done"


class Taken(NamedTuple):
    """An edge that a finished task took: its index in the outline, and why (the condition with its values)."""

    edge: int
    source: str
    target: str
    reason: str


class Failure(NamedTuple):
    """Why a task failed: the error's type and message, where it was raised (cell and line), the error and its trace."""

    type: str
    message: str
    where: str
    error: BaseException
    trace: TracebackType | None = None


class RunStarted(NamedTuple):
    """The run began, and took these edges out of START."""

    at: float
    taken: tuple[Taken, ...]


class TaskStarted(NamedTuple):
    """A node began: `visit` counts its tasks from 1; `items` is the number of a map's items, or None."""

    node: str
    visit: int
    at: float
    items: int | None = None


class TaskFinished(NamedTuple):
    """A task's update was committed as step number `step`, and its edges were taken."""

    node: str
    visit: int
    at: float
    step: int
    update: Mapping[str, Any]
    taken: tuple[Taken, ...]


class TaskFailed(NamedTuple):
    """A task raised, or its update was refused."""

    node: str
    visit: int
    at: float
    failure: Failure


class TaskCancelled(NamedTuple):
    """A task was ended before its time; what it still returns does not count."""

    node: str
    visit: int
    at: float


class ApprovalAsked(NamedTuple):
    """A person is awaited."""

    approval: Approval
    at: float


class ApprovalAnswered(NamedTuple):
    """A question was answered; the approval holds the answer."""

    approval: Approval
    at: float


class Printed(NamedTuple):
    """A node printed or logged `text`."""

    node: str
    visit: int
    at: float
    text: str


class StatusChanged(NamedTuple):
    """The run's status changed; `reason` is a sentence for a person, or empty."""

    status: Status
    at: float
    reason: str = ""


Event = (
    RunStarted
    | TaskStarted
    | TaskFinished
    | TaskFailed
    | TaskCancelled
    | ApprovalAsked
    | ApprovalAnswered
    | Printed
    | StatusChanged
)
