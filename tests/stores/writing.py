"""What the suite writes: runs, steps, questions, one entry of each kind; and how it is written and compared."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Any

from nbgraph.core.approvals import Answer, Approval
from nbgraph.core.events import Status, Taken, TaskError
from nbgraph.core.forms import Field
from nbgraph.core.ports import Log, Store
from nbgraph.core.records import (
    Answered,
    Asked,
    Begun,
    Entry,
    Failed,
    ItemDone,
    ModelAnswered,
    Moved,
    NodeRecord,
    Recorded,
    Renewed,
    Resumed,
    RunRecord,
    Step,
    Structure,
    ToolReturned,
    Tried,
    Withdrawn,
)
from nbgraph.core.updates import Gathered, Later, Overwrite
from nbgraph.core.usage import Budget

SOON = 30.0  # seconds that something may take which takes a moment


def record(run_id: str = "r", at: float = 1.0, graph: str = "g") -> RunRecord:
    return RunRecord(run_id, graph, {}, at)


def step(number: int, at: float = 0.0, **values: Any) -> Step:
    writes = tuple(values.items()) or (("k", number),)
    return Step(number, f"a#{number}", "a", number, (), writes, (), (), at)


def moved(status: Status, at: float = 2.0, *waiting: str, reason: str = "") -> Moved:
    return Moved(status, reason, at, waiting)


def question(id: str = "r/gate#1", run_id: str = "r", shown: Any = "Dear all", digest: str = "d1") -> Approval:
    return Approval(id, run_id, "gate", 1, "Send?", {"draft": shown}, ("approve", "reject"), {}, 3.5, digest)


def answer(by: str = "me", **edit: Any) -> Answer:
    return Answer("approve", "well done", edit, by, 4.5)


WHOLE_RUN = RunRecord(
    "r",
    "g",
    {"topic": "ducks", "pair": (1, [2.5, None])},
    1.5,
    Structure(
        "g",
        ("START -> draft -> gate", "gate -> END if gate == 'approve'"),
        (NodeRecord("draft", "function", "any", "f1"), NodeRecord("gate", "human", "all", "")),
        {"notes": "append"},
        {"draft": Structure("inner", ("START -> END",))},
    ),
    limit=30,
    parallel=4,
    parent="before",
    parent_step=7,
    relation="fork",
    budget=Budget(0.5, "USD"),
)
WHOLE_QUESTION = Approval(
    "r/draft#1/gate#2",
    "r",
    "gate",
    2,
    "Send {draft}?",
    {"draft": "Dear all", "count": 3},
    ("approve", "reject", "later"),
    {"draft": "Dear all"},
    3.5,
    "0123456789abcdef",
    Answer("approve", "well", {"draft": "Dear"}, "run.answer", 4.5, {"rate": 2.5}),
    (Field("rate", "number", "float", False, 1.5, (), "how good", True), Field("", "choice", "str", choices=("a", 2))),
    "draft#1",
    86_400.5,
    "reject",
)
WHOLE_STEP = Step(
    3,
    "draft#1/gate#2",
    "draft/gate",
    2,
    ("draft#1/write#1", "draft#1/check#2"),
    (
        ("gate", "approve"),
        ("notes", Overwrite(["a", ("b",)])),
        ("found", Gathered((1, None, Overwrite(3)), (True, False, True))),
    ),
    (Taken(2, "gate", "send", "gate == 'approve' (gate is 'approve')"), Taken(5, "gate", "END", "")),
    ("send#1", "tell#2"),
    5.25,
    cached=True,
    errors=(TaskError("gate", "ValueError", "no\nsuch", 4), TaskError("gate", "KeyError", "'x'")),
    edited=True,
    stamps=((0,), (1, 2)),
    began=4.75,
    digest="f3",
)
ENTRIES: tuple[Entry, ...] = (
    Begun("", {}, (Taken(0, "START", "draft", ""),), ("draft#1",), ((),), 1.5),
    Begun("draft#1", {"topic": "ducks"}, (Taken(0, "START", "gate", "topic"),), ("gate#1",), ((3,),), 1.75),
    step(1, 2.0, draft="Dear all"),
    step(2)._replace(writes=()),
    WHOLE_STEP,
    Recorded("draft#2/step1", "look_up", {"hits": [1, 2]}),
    ModelAnswered(
        "draft#2/model1",
        "0f0f",
        "a-model",
        ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Ducks?"}),
        {"role": "assistant", "content": "Yes."},
        *(120, 20, 3, 0.00025, 0.5, 5.5),
    ),
    ModelAnswered("draft#2/model2", "0f10", "b", (), {"role": "assistant"}, None, None, None, None, 0.5, 5.75),
    ToolReturned("draft#2/tool1.2", "0f11", "search", {"query": "ducks"}, "two hits", False, 0.25, 5.75),
    Renewed(5.8),
    Tried("draft#2", 1, "TimeoutError: 3 s", 2.5),
    Failed("draft#2", "draft", "ValueError", "no such thing", "cell 3, line 2", 2.75),
    ItemDone("work#1", 999, {"found": (1, 2)}),
    Asked("r/draft#1/gate#2", 3.5),
    Answered("r/draft#1/gate#2", 4.5),
    Withdrawn("r/other#1", 4.75),
    Resumed("process 7 on here", ("draft has changed.", "gate is new."), 6.0),
    Moved(Status.WAITING, "", 6.5, ("gate", "draft/gate")),
    Moved(Status.FAILED, "draft: no such thing", 7.0),
)


def write(log: Log, *entries: Entry) -> None:
    """Keep entries, each until it is safe."""

    async def keep() -> None:
        for entry in entries:
            await log.keep(entry, log.pack(entry.writes) if isinstance(entry, Step) else None)

    asyncio.run(keep())


def note(log: Log, *entries: Entry) -> None:
    """Keep entries without waiting."""

    async def each() -> None:
        for entry in entries:
            log.note(entry)

    asyncio.run(each())


def ask(log: Log, *approvals: Approval) -> None:
    async def each() -> None:
        for approval in approvals:
            await log.ask(approval)
        await asyncio.sleep(0)  # so that it is told of an answer that there is already

    asyncio.run(each())


def made(store: Store, run: RunRecord, entries: Iterable[Entry] = (), approvals: Iterable[Approval] = ()) -> None:
    """Keep a run that nobody owns then."""
    let_go(store, store.create(run, entries, approvals), run.id)


def let_go(store: Store, log: Log, run_id: str = "r") -> None:
    """Close a log, and wait until its run can be taken."""
    log.close()
    until(lambda: store.run(run_id).owner is None)


def until(true: Any) -> None:
    """Wait until something is true, for which another thread or process is needed."""
    end = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < end, "it has not become true"
        time.sleep(0.001)


def read(store: Store, run_id: str = "r", after: int = 0) -> list[Entry]:
    """The log of a run, with the values that a store reads when needed."""
    return [_read(entry) for entry in store.history(run_id, after).entries]


def _read(entry: Entry) -> Entry:
    if not isinstance(entry, Step):
        return entry
    return entry._replace(writes=tuple([(key, _value(value)) for key, value in entry.writes]))


def _value(value: Any) -> Any:
    return value.value if type(value) is Later else value


def exact(value: Any) -> str:
    """A value as a text that tells all types apart: 1 from True and 1.0, a tuple from a list, -0.0 from 0.0."""
    name = type(value).__name__
    if isinstance(value, dict):
        return f"{name}{[(exact(key), exact(each)) for key, each in value.items()]}"
    if isinstance(value, set | frozenset):
        return f"{name}{sorted(exact(each) for each in value)}"
    if isinstance(value, list | tuple):
        return f"{name}{[exact(each) for each in value]}"
    if is_dataclass(value):
        return f"{name}{[exact(getattr(value, each.name)) for each in fields(value)]}"
    return f"{name}:{value!r}"
