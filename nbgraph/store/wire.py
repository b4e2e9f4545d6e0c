"""The form that records have in a store: arrays of msgpack, the kind first, without their values.

This is the format. A field may be appended, with a default: what was written before is read with that default. Nothing
else may change without a new `FORMAT`. Values are in `Pairs` (key, value, key, value) or alone, each one as a byte
string that the codec made, or as an Ext with the digest of one that is kept apart.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from nbgraph.core.events import Status
from nbgraph.core.forms import Kind
from nbgraph.core.task_names import place_of

FORMAT = 1
APART = 1
"""The code of an Ext that holds a digest."""
DIGEST = 20
"""How many bytes of blake2b a digest has."""
CACHED, EDITED = 1, 2
"""The flags of a step."""

Pairs = list[Any]
Texts = tuple[str, ...]
Stamps = tuple[tuple[int, ...], ...]


class Record(Struct, array_like=True, gc=False, tag_field="record"):
    """What is written as a record of its own."""


class Taken(Struct, array_like=True, gc=False):
    """`target` is an index into what was started, or a name; `source` is left out where it is the step's own node."""

    edge: int
    target: int | str
    reason: str = ""
    source: str | None = None


class TaskError(Struct, array_like=True, gc=False):
    """A `records.TaskError`."""

    node: str
    type: str
    message: str
    item: int | None = None


class Begun(Record, tag=1):
    """A `records.Begun`."""

    within: str
    inputs: Pairs
    taken: tuple[Taken, ...]
    started: Texts
    stamps: Stamps
    at: float


class Step(Record, tag=2):
    """A `records.Step`; what follows from others is left out: `began` where it is `at`, the place where `task` says it.

    `writes` are Pairs. `flags` are CACHED and EDITED.
    """

    number: int
    task: str
    parents: Texts
    writes: Any
    taken: tuple[Taken, ...]
    started: Texts
    stamps: Stamps
    at: float
    began: float | None = None
    digest: str = ""
    flags: int = 0
    errors: tuple[TaskError, ...] = ()
    place: tuple[str, int] | None = None


class Recorded(Record, tag=3):
    """A `records.Recorded`."""

    place: str
    name: str
    value: Any


class Tried(Record, tag=4):
    """A `records.Tried`."""

    place: str
    attempt: int
    error: str
    at: float


class Failed(Record, tag=5):
    """A `records.Failed`."""

    task: str
    node: str
    type: str
    message: str
    where: str
    at: float


class ItemDone(Record, tag=6):
    """A `records.ItemDone`."""

    task: str
    item: int
    update: Pairs


class Asked(Record, tag=7):
    """A `records.Asked`."""

    approval_id: str
    at: float


class Answered(Record, tag=8):
    """A `records.Answered`."""

    approval_id: str
    at: float


class Withdrawn(Record, tag=9):
    """A `records.Withdrawn`."""

    approval_id: str
    at: float


class Moved(Record, tag=10):
    """A `records.Moved`."""

    status: Status
    reason: str
    at: float
    waiting: Texts = ()


class Resumed(Record, tag=11):
    """A `records.Resumed`."""

    by: str
    notices: Texts
    at: float


class ModelAnswered(Record, tag=12):
    """A `records.ModelAnswered`; `asked` and `reply` are values."""

    place: str
    name: str
    model: str
    asked: Any
    reply: Any
    input: int | None
    cached: int | None
    output: int | None
    cost: float | None
    seconds: float
    at: float


class ToolReturned(Record, tag=13):
    """A `records.ToolReturned`; `arguments` and `result` are values."""

    place: str
    name: str
    tool: str
    arguments: Any
    result: Any
    failed: bool
    seconds: float
    at: float


class Renewed(Record, tag=14):
    """A `records.Renewed`."""

    at: float


Entry = (
    Begun
    | Step
    | Recorded
    | Tried
    | Failed
    | ItemDone
    | Asked
    | Answered
    | Withdrawn
    | Moved
    | Resumed
    | ModelAnswered
    | ToolReturned
    | Renewed
)


class NodeRecord(Struct, array_like=True, gc=False):
    """A `records.NodeRecord`."""

    name: str
    kind: str
    join: str
    digest: str


class Structure(Struct, array_like=True, gc=False):
    """A `records.Structure`."""

    name: str = ""
    edges: Texts = ()
    nodes: tuple[NodeRecord, ...] = ()
    reducers: dict[str, str] = {}
    inner: dict[str, Structure] = {}


class RunRecord(Record, tag=32):
    """A `records.RunRecord`."""

    id: str
    graph: str
    inputs: Pairs
    started_at: float
    structure: Structure
    limit: int = 1000
    parallel: int | None = None
    parent: str = ""
    parent_step: int = 0
    relation: str = ""
    budget: tuple[float, str] | None = None


class Snapshot(Record, tag=33):
    """A `records.Snapshot`."""

    number: int
    values: Pairs
    versions: dict[str, int]
    rest: Any


class Answer(Struct, array_like=True, gc=False):
    """An `approvals.Answer`."""

    option: str
    note: str
    edit: Pairs
    by: str
    at: float
    form: Pairs = []


class Field(Struct, array_like=True, gc=False):
    """A `forms.Field`; its `choices` are one value."""

    name: str
    kind: Kind
    type: str
    required: bool
    default: Any
    choices: Any
    help: str = ""
    optional: bool = False


class Approval(Record, tag=34):
    """An `approvals.Approval`."""

    id: str
    run_id: str
    node: str
    visit: int
    question: str
    shown: Pairs
    options: Texts
    editable: Pairs
    asked_at: float
    digest: str = ""
    answer: Answer | None = None
    form: tuple[Field, ...] = ()
    within: str = ""
    deadline: float | None = None
    otherwise: str = ""


def place(task: str) -> tuple[str, int] | None:
    """The node's path and the visit that the name of a task says, or None where it says none."""
    try:
        if "/" not in task:
            node, _, visit = task.rpartition("#")
            return node, int(visit)
        found = place_of(task)
        return found.static + found.node, found.visit
    except ValueError:
        return None


def local(node: str) -> str:
    """The name of a node within its graph."""
    return node.rpartition("/")[2] if "/" in node else node
