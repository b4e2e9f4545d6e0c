"""What the tests of the SQLite store write, and how they read all of it again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from nbgraph.core.approvals import Answer, Approval
from nbgraph.core.events import Status
from nbgraph.core.ports import Log
from nbgraph.core.records import Entry, Moved, RunRecord, Snapshot, Step, Withdrawn
from nbgraph.core.updates import Later
from nbgraph.store.sqlite import SqliteStore
from tests.core.running import until

LARGE = "large " * 5000
ANSWER = Answer("approve", "fine", {}, "me", 4.5)


def record(run_id: str = "r", at: float = 1.0, **inputs: Any) -> RunRecord:
    return RunRecord(run_id, "g", inputs, at)


def step(number: int, **values: Any) -> Step:
    writes = tuple(values.items()) or (("k", number),)
    return Step(number, f"a#{number}", "a", number, (), writes, (), (), float(number))


def question(place: str = "gate#1", run_id: str = "r", shown: Any = "Dear all", digest: str = "d1") -> Approval:
    return Approval(f"{run_id}/{place}", run_id, "gate", 1, "Send?", {"draft": shown}, ("approve",), {}, 3.5, digest)


def keep(log: Log, *entries: Entry) -> None:
    """Keep entries one after the other, on a loop of their own."""

    async def kept() -> None:
        for entry in entries:
            await log.keep(entry)

    asyncio.run(kept())


def ask(log: Log, *approvals: Approval) -> None:
    async def asked() -> None:
        for approval in approvals:
            await log.ask(approval)

    asyncio.run(asked())


def filled(path: Path) -> SqliteStore:
    """A store with runs, questions in each state, large values and a snapshot, all in the one file."""
    store = SqliteStore(path, synchronous="NORMAL")
    first = store.create(record("r", topic="ducks", whole=LARGE))
    keep(first, *[step(number, text=f"text {number} " * 20) for number in range(1, 41)])
    keep(first, step(41, large=LARGE * 2), Moved(Status.FAILED, "it broke", 50.0, ("gate",)))
    second = store.create(record("s", 2.0), [step(1), step(2)])
    ask(second, *[question(f"gate#{number}", "s") for number in (1, 2, 3)])
    store.answer("s/gate#1", ANSWER)
    keep(second, Withdrawn("s/gate#2", 5.0))
    shot(second, Snapshot(2, {"k": 2, "large": LARGE * 3}, {"k": 2}, {"rest": [1, 2]}))
    for log in (first, second):
        log.close()
    store.compact()
    return store


def shot(log: Any, snapshot: Snapshot, kept: bool = True) -> None:
    """Take this snapshot, be it time for one or not, and wait until it is `kept`."""
    log._due = -1
    log.snapshot(lambda: snapshot)
    if kept:
        until(lambda: not log._snapping)


def plain(entry: Entry) -> Any:
    """An entry with the large values that are read later."""
    if type(entry) is not Step:
        return entry
    return entry._replace(
        writes=tuple((key, value.value if type(value) is Later else value) for key, value in entry.writes)
    )


def everything(store: SqliteStore) -> Any:
    """All that a filled store holds, without what names the moment of reading."""
    runs = [run._replace(owner=run.owner and run.owner._replace(alive=True)) for run in store.runs()]
    assert [store.run(run.id).id for run in runs] == [run.id for run in runs]
    found: list[Any] = [runs, store.approvals(), store.approvals(open_only=True), store.snapshot("s", 2)]
    for id in ("r", "s"):
        history = store.history(id)
        found.append((history.run, [plain(entry) for entry in history.entries], history.approvals))
        found.append([plain(entry) for entry in store.history(id, 1).entries])
        found.append(store.approvals(id, open_only=True))
    return found
