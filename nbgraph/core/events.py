"""What happens in a run, as frozen records in the past tense; times are seconds since the epoch.

Match on them and end with `assert_never`: `Event` is the whole union. The `node` of an event in a subgraph is a path
such as `research/search`, and `within` names the task that the subgraph runs in: `research`, `research#2` for its
second visit, `research[3]` for an item of a map; it is empty at the top.
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


ENDED = (Status.DONE, Status.CANCELLED)
"""A run that is one of these does not go on."""


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


class TaskError(NamedTuple):
    """What the node that an error edge leads to sees of a failure: the node that failed, the error's type and message.

    `item` is the index of the map's item that failed, or None.
    """

    node: str
    type: str
    message: str
    item: int | None = None


class RunStarted(NamedTuple):
    """The run, or the subgraph of a task, began, and took these edges out of START."""

    at: float
    taken: tuple[Taken, ...]
    within: str = ""


class TaskStarted(NamedTuple):
    """A node began: `visit` counts its tasks from 1; `items` is the number of a map's items, or None."""

    node: str
    visit: int
    at: float
    items: int | None = None
    within: str = ""


class ItemsEnded(NamedTuple):
    """Of a map's `items` so many are `done` so far, and so many have `failed`; told while somebody watches.

    Of very many items not each one is told. Where some failed, that is told at the end in any case.
    """

    node: str
    visit: int
    at: float
    done: int
    failed: int
    items: int
    within: str = ""


class TaskFinished(NamedTuple):
    """A task's update was committed as step number `step`, and its edges were taken.

    Where the task failed and went on along its error edges, TaskFailed was told before. `cached` means that the update
    came from the cache, `edited` that a person gave the node its result.
    """

    node: str
    visit: int
    at: float
    step: int
    update: Mapping[str, Any]
    taken: tuple[Taken, ...]
    cached: bool = False
    within: str = ""
    edited: bool = False


class TaskRetried(NamedTuple):
    """An attempt failed, and the next one starts after `delay` seconds; `item` is the index of a map's item.

    `call` names the call of a model that is tried again, such as `model1`; it is empty for the whole task.
    """

    node: str
    visit: int
    at: float
    attempt: int
    failure: Failure
    delay: float
    item: int | None = None
    within: str = ""
    call: str = ""


class TaskFailed(NamedTuple):
    """A task raised, or its update was refused."""

    node: str
    visit: int
    at: float
    failure: Failure
    within: str = ""


class TaskCancelled(NamedTuple):
    """A task was ended before its time; what it still returns does not count."""

    node: str
    visit: int
    at: float
    within: str = ""


class ApprovalAsked(NamedTuple):
    """A person is awaited."""

    approval: Approval
    at: float


class ApprovalAnswered(NamedTuple):
    """A question was answered; the approval holds the answer."""

    approval: Approval
    at: float


class ApprovalWithdrawn(NamedTuple):
    """A question is asked no more: its task was ended, or timed out."""

    approval: Approval
    at: float


class Printed(NamedTuple):
    """A node printed or logged `text`."""

    node: str
    visit: int
    at: float
    text: str
    within: str = ""


class Emitted(NamedTuple):
    """A node called `ctx.emit(value)`."""

    node: str
    visit: int
    at: float
    value: Any
    within: str = ""


class ModelWrote(NamedTuple):
    """The model `model` wrote `text`, a piece of its answer to the call `call` of the task, such as `model1`.

    Where that call is tried again (TaskRetried) or the task is, what it had written so far does not count.
    """

    node: str
    visit: int
    at: float
    call: str
    text: str
    model: str = ""
    item: int | None = None
    within: str = ""


class ModelCalled(NamedTuple):
    """A model answered: what the call took, in tokens (None where that is not told), US dollars and seconds."""

    node: str
    visit: int
    at: float
    call: str
    model: str
    input: int | None
    cached: int | None
    output: int | None
    cost: float | None
    seconds: float
    item: int | None = None
    within: str = ""


class ToolCalled(NamedTuple):
    """A tool that a model called returned `result`, as the model is told it; `failed` means that it went wrong."""

    node: str
    visit: int
    at: float
    call: str
    tool: str
    arguments: Mapping[str, Any]
    result: str
    failed: bool
    seconds: float
    item: int | None = None
    within: str = ""


class StateEdited(NamedTuple):
    """A person changed the state of a run at rest; it is step number `step` of the history."""

    at: float
    step: int
    update: Mapping[str, Any]
    within: str = ""


class BreakpointsChanged(NamedTuple):
    """The run now pauses before and after these nodes."""

    at: float
    before: tuple[str, ...]
    after: tuple[str, ...]


class StatusChanged(NamedTuple):
    """The run's status changed; `reason` is a sentence for a person, or empty."""

    status: Status
    at: float
    reason: str = ""


Event = (
    RunStarted
    | TaskStarted
    | ItemsEnded
    | TaskFinished
    | TaskRetried
    | TaskFailed
    | TaskCancelled
    | ApprovalAsked
    | ApprovalAnswered
    | ApprovalWithdrawn
    | Printed
    | Emitted
    | ModelWrote
    | ModelCalled
    | ToolCalled
    | StateEdited
    | BreakpointsChanged
    | StatusChanged
)
