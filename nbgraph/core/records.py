"""Records: what the log of a run consists of. A run is rebuilt from them alone, and none is ever changed.

A place is a task within its run, such as `draft#2`, `work#1[3]` for an item of a map, `research#2/search#1` in a
subgraph. Times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from nbgraph.core.events import Status, Taken, TaskError
from nbgraph.core.state import plain_value
from nbgraph.core.usage import Budget
from nbgraph.errors import brief

Stamp = tuple[int, ...]


class NodeRecord(NamedTuple):
    """A node as a run knew it: `digest` is a fingerprint of its code."""

    name: str
    kind: str
    join: str
    digest: str


class Structure(NamedTuple):
    """A graph as data: its edge statements as texts, its nodes in order, each key's reducer by name, its subgraphs."""

    name: str = ""
    edges: tuple[str, ...] = ()
    nodes: tuple[NodeRecord, ...] = ()
    reducers: Mapping[str, str] = {}
    inner: Mapping[str, Structure] = {}


class RunRecord(NamedTuple):
    """A run as it began.

    `inputs` is the state before the first node; `budget` is what its models may take. `parent` is the run that it goes
    on from: `relation` says whether as a "fork" of it at the step `parent_step`, or as the next one "after" it.
    """

    id: str
    graph: str
    inputs: Mapping[str, Any]
    started_at: float
    structure: Structure = Structure()
    limit: int = 1000
    parallel: int | None = None
    parent: str = ""
    parent_step: int = 0
    relation: str = ""
    budget: Budget | None = None


class Begun(NamedTuple):
    """The run (`within` is empty), or the subgraph of a task, began: the edges out of START, and what they started.

    `inputs` are those of the subgraph; those of the run are in its RunRecord. A subgraph that begins anew is told
    again.
    """

    within: str
    inputs: Mapping[str, Any]
    taken: tuple[Taken, ...]
    started: tuple[str, ...]
    stamps: tuple[Stamp, ...]
    at: float


class Step(NamedTuple):
    """A finished task in a run's history.

    `number` counts from 1. `writes` are the committed pairs of key and value; `taken` the edges taken; `started` the
    tasks that could start then, by their ids without the path, with their `stamps`. A task is named by its place.
    `cached` means that the update came from the cache; `errors` are there where the task failed and went on along an
    error edge; `edited` means that a person made the update: as the node's, or of its own as `run.edit`. `began` and
    `at` are when the task started and when it finished; `digest` is a fingerprint of its node's code.
    """

    number: int
    task: str
    node: str
    visit: int
    parents: tuple[str, ...]
    writes: tuple[tuple[str, Any], ...]
    taken: tuple[Taken, ...]
    started: tuple[str, ...]
    at: float
    cached: bool = False
    errors: tuple[TaskError, ...] = ()
    edited: bool = False
    stamps: tuple[Stamp, ...] = ()
    began: float = 0.0
    digest: str = ""

    @property
    def update(self) -> dict[str, Any]:
        """The writes by key; those of a map as lists."""
        return {key: plain_value(written) for key, written in self.writes}

    @property
    def error(self) -> str:
        """The first of its errors, as a text; empty where there is none."""
        return f"{self.errors[0].type}: {self.errors[0].message}" if self.errors else ""

    def __repr__(self) -> str:
        wrote = ", ".join(f"{key}={brief(value, 40)}" for key, value in self.update.items())
        went = ", ".join(f"{edge.target} ({edge.reason})" if edge.reason else edge.target for edge in self.taken)
        return f"<{self.number} {self.task}: {wrote or 'wrote nothing'} -> {went or 'END'}>"


class Recorded(NamedTuple):
    """What was recorded at a place such as `draft#2/step1` under a name: for `ctx.step` what the function returned."""

    place: str
    name: str
    value: Any


class ModelAnswered(NamedTuple):
    """A model answered at a place such as `draft#2/model1`.

    `name` is a fingerprint of what it was asked, of which `asked` are the messages that nothing else in the log tells;
    `reply` is its message. `input`, `cached` (of the input) and `output` are tokens, None where the endpoint does not
    say; `cost` is in US dollars, None where the price is not known.
    """

    place: str
    name: str
    model: str
    asked: tuple[Mapping[str, Any], ...]
    reply: Mapping[str, Any]
    input: int | None
    cached: int | None
    output: int | None
    cost: float | None
    seconds: float
    at: float


class ToolReturned(NamedTuple):
    """A tool that a model called at a place such as `draft#2/tool1.1` returned `result`, as the model is told it.

    `name` is a fingerprint of the call; `failed` means that the result says what went wrong.
    """

    place: str
    name: str
    tool: str
    arguments: Mapping[str, Any]
    result: str
    failed: bool
    seconds: float
    at: float


class Renewed(NamedTuple):
    """A person let the run go on past its budget: it may spend as much again."""

    at: float


class Tried(NamedTuple):
    """An attempt at a place failed; `attempt` is its number, counted from 1, and `error` what was raised.

    The place is that of a task, or of the call of a model in it, such as `draft#2/model1`.
    """

    place: str
    attempt: int
    error: str
    at: float


class Failed(NamedTuple):
    """The task failed, and nothing new starts; `where` is the cell and line, or empty."""

    task: str
    node: str
    type: str
    message: str
    where: str
    at: float


class ItemDone(NamedTuple):
    """An item of the map `task`, by its index, has finished with `update`."""

    task: str
    item: int
    update: Mapping[str, Any]


class Asked(NamedTuple):
    """The question `approval_id` was asked; the store's approvals hold it."""

    approval_id: str
    at: float


class Answered(NamedTuple):
    """The answer to the question has reached its task."""

    approval_id: str
    at: float


class Withdrawn(NamedTuple):
    """The question is asked no more: its task was ended, or timed out."""

    approval_id: str
    at: float


class Moved(NamedTuple):
    """The run's status changed; `waiting` are the nodes that wait for a person."""

    status: Status
    reason: str
    at: float
    waiting: tuple[str, ...] = ()


class Resumed(NamedTuple):
    """The run was resumed by another process than the one before; `notices` tell what had changed meanwhile."""

    by: str
    notices: tuple[str, ...]
    at: float


Journaled = Recorded | ModelAnswered | ToolReturned
"""What a task that runs again finds at its place, instead of doing it again."""

Entry = Begun | Step | Journaled | Tried | Failed | ItemDone | Asked | Answered | Withdrawn | Moved | Resumed | Renewed


class Snapshot(NamedTuple):
    """Where the run's own graph stood after the step `number`, when all that was active saw the same.

    `values` is the state and `versions` counts the writes of plain keys; `rest` is what else the frontier held, as
    plain data (see `replay`).
    """

    number: int
    values: Mapping[str, Any]
    versions: Mapping[str, int]
    rest: Any
