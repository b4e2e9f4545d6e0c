"""Commits: what is written of the runs that this process has, within a transaction of the writer."""

from __future__ import annotations

import asyncio
import sqlite3
import time
import weakref
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nbgraph.core.approvals import Answer, Approval
from nbgraph.errors import NbgraphError, NoSuchRun, OwnedElsewhere, StoreDamaged
from nbgraph.store.blobs import compressed, loader, write_blobs
from nbgraph.store.classes import Classes
from nbgraph.store.packing import Blob, PackedRecord, Packer, Unpacker
from nbgraph.store.rows import (
    ANSWERED,
    HOT,
    OPEN,
    RUN_COLUMNS,
    SPAN,
    TOLD,
    WITHDRAWN,
    RunRow,
    checksum,
    owner_row,
    root,
    run_row,
    sealed,
    unsealed,
)
from nbgraph.store.telling import unanswerable

if TYPE_CHECKING:
    from nbgraph.store.sqlite_log import SqliteLog

_INSERT = "INSERT INTO log VALUES (?, ?)"
_ADVANCE = (
    "UPDATE runs SET status = ?, reason = ?, waiting = ?, changed_at = ?, steps = ?, cost = ?, seq = ?, chain = ?,"
    " asked = ?, shots = ?, bytes = ?, checksum = ? WHERE number = ? AND fence = ?"
)


class Item:
    """An entry on its way into the log, with where the run stands after it.

    `approval` is the question that it asks, and how that is packed; `withdraws` the id of one that is asked no more.
    """

    __slots__ = ("approval", "blobs", "columns", "found", "future", "held", "kept", "place", "record", "withdraws")

    def __init__(self, held: Held, seq: int, record: bytes, blobs: tuple[Blob, ...], columns: tuple[Any, ...]) -> None:
        self.held, self.place, self.record, self.blobs, self.columns = held, held.base + seq, record, blobs, columns
        self.future: asyncio.Future[Approval | None] | None = None
        self.approval: tuple[Approval, PackedRecord] | None = None
        self.withdraws = ""
        self.kept = False
        self.found: Approval | None = None  # the question, where it has an answer already


class Held:
    """A run that this process has, as the writer knows it. What is not yet committed is in the `outbox`, in order."""

    def __init__(self, row: RunRow, packer: Packer, classes: Classes) -> None:
        self.row, self.packer, self.classes = row, packer, classes
        self.number, self.run_id, self.fence, self.base = row.number, row.id, row.fence, row.number * SPAN
        self.columns: tuple[Any, ...] = row[HOT:TOLD]  # where it stands by the last commit
        self.asked, self.shots, self.bytes = row.asked, row.shots, row.bytes
        self.outbox: list[Item] = []
        self.tried = False  # whether a commit of the outbox has failed, so that some of it may be there
        self.gone: Exception | None = None  # why it can be written no more
        self.closing = False
        self.asking: set[str] = set()
        self.orphans: dict[bytes, bytes] = {}  # of the last snapshot that failed, what entries may name already
        self.log: weakref.ref[SqliteLog] | None = None

    def lose(self, error: Exception) -> None:
        """It can be written no more."""
        self.gone = error
        log = self.log() if self.log is not None else None
        if log is not None and log.lost is not None:
            log.lost(error)

    def told(self, approval: Approval) -> None:
        """A question was answered."""
        self.asking.discard(approval.id)
        log = self.log() if self.log is not None else None
        if log is not None and log.answered is not None:
            log.answered(approval)


def advance(connection: sqlite3.Connection, held: Held) -> tuple[int, int] | None:
    """Write what is in the outbox; how many questions and bytes it has then, or None where the run was taken."""
    items = _left(connection, held) if held.tried else held.outbox
    rich = [item for item in items if item.blobs or item.approval or item.withdraws]
    if rich and not is_ours(connection, held):  # of others `move` tells, which comes before them
        return None
    asked, size = held.asked, held.bytes + sum([len(item.record) for item in items])
    for item in rich:
        added, took = _beside(connection, held, item)
        asked, size = asked + added, size + took
    if not move(connection, held, held.outbox[-1].columns, asked, size):
        return None
    if len(items) == 1:
        connection.execute(_INSERT, (items[0].place, items[0].record))
    else:
        connection.executemany(_INSERT, [(item.place, item.record) for item in items])
    return asked, size


def _beside(connection: sqlite3.Connection, held: Held, item: Item) -> tuple[int, int]:
    """Write what an entry brings beside itself; how many questions and bytes that is."""
    asked, took = 0, write_blobs(connection, held.number, item.blobs, held.orphans)
    if item.approval is not None:
        asked, more = _ask(connection, held, item, *item.approval)
        took += more
    elif item.withdraws:
        _withdraw(connection, held, item.withdraws)
    return asked, took


def is_ours(connection: sqlite3.Connection, held: Held) -> bool:
    """Whether no other process has taken the run."""
    row = connection.execute("SELECT fence FROM runs WHERE number = ?", (held.number,)).fetchone()
    return row is not None and row[0] == held.fence


def _left(connection: sqlite3.Connection, held: Held) -> list[Item]:
    """What is not there of an outbox whose commit seemed to fail: it may have been kept all the same."""
    left = [item for item in held.outbox if not _is_there(connection, item)]
    if len(left) < len(held.outbox):
        found = connection.execute("SELECT asked, bytes FROM runs WHERE number = ?", (held.number,)).fetchone()
        held.asked, held.bytes = found or (held.asked, held.bytes)
    return left


def _is_there(connection: sqlite3.Connection, item: Item) -> bool:
    """Whether the entry was kept by a commit that seemed to have failed."""
    found = connection.execute("SELECT record FROM log WHERE place = ?", (item.place,)).fetchone()
    if found is not None and found[0] != item.record:
        raise StoreDamaged(
            f"{item.held.run_id} is damaged: another entry stands where its {item.place - item.held.base}th belongs."
        )
    return found is not None


def move(
    connection: sqlite3.Connection, held: Held, columns: tuple[Any, ...], asked: int, size: int, shots: int = 0
) -> bool:
    """Write where the run stands, with `shots` more snapshots; False where another process has taken it."""
    row, columns = held.row, (*columns, asked, held.shots + shots, size)
    mark = checksum((*row[:HOT], *columns, *row[-3:]))
    return connection.execute(_ADVANCE, (*columns, mark, held.number, held.fence)).rowcount == 1


def why_gone(connection: sqlite3.Connection, held: Held, path: str) -> NbgraphError:
    """Why a run is no longer this process's."""
    row = connection.execute(f"SELECT {RUN_COLUMNS}, checksum FROM runs WHERE number = ?", (held.number,)).fetchone()
    if row is None:
        return NoSuchRun(f"{held.run_id} was deleted from {path} by another process.")
    found = run_row(row, path)
    if found.owner is None:
        return _let_go_since(found)
    owner = owner_row(connection, found.owner, path)
    return OwnedElsewhere(held.run_id, owner.process.pid, owner.process.host, found.since)


def _let_go_since(row: RunRow) -> OwnedElsewhere:
    error = OwnedElsewhere(row.id, 0, "", row.since)
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row.since))
    error.args = (f"another process took {row.id} at {at}, and has let it go again; resume it to go on from there.",)
    return error


# Questions


def approval_place(number: int, state: int) -> tuple[int, int]:
    """What the checksum of a question covers beside its run and its record."""
    return number, state


def _ask(
    connection: sqlite3.Connection, held: Held, item: Item, approval: Approval, packed: PackedRecord
) -> tuple[int, int]:
    """Keep an open question in place of one with the same id; one that was answered meanwhile keeps its answer."""
    before = connection.execute(
        "SELECT number, state, record FROM approvals WHERE id = ? AND run = ?", (approval.id, held.number)
    ).fetchone()
    state, data, blobs = OPEN, packed.data, packed.blobs
    item.found = None
    if before is not None:
        item.found = _same(connection, held, approval, *before)
        connection.execute("DELETE FROM approvals WHERE number = ?", (before[0],))
    if before is not None and item.found is not None:
        state, data, blobs = ANSWERED, before[2][4:], ()
    took = write_blobs(connection, held.number, blobs, held.orphans)
    write_approval(connection, held.number, held.run_id, approval.id, state, data)
    return int(before is None), took + len(data)


def _same(
    connection: sqlite3.Connection, held: Held, approval: Approval, number: int, state: int, record: bytes
) -> Approval | None:
    """The question as it was kept, where it is just this one and has been answered."""
    if state != ANSWERED:
        return None
    data = unsealed(root("approval", held.run_id), approval_place(number, state), record)
    kept = Unpacker(loader(connection), held.classes).approval(data)
    return kept if kept.digest == approval.digest else None


def write_approval(
    connection: sqlite3.Connection, run: int, run_id: str, approval_id: str, state: int, data: bytes
) -> None:
    """Keep a question as the last one."""
    added = connection.execute("INSERT INTO approvals VALUES (NULL, ?, ?, ?, x'')", (approval_id, run, state))
    _seal(connection, int(added.lastrowid or 0), run_id, state, data)


def _seal(connection: sqlite3.Connection, number: int, run_id: str, state: int, data: bytes) -> None:
    record = sealed(root("approval", run_id), approval_place(number, state), data)
    connection.execute("UPDATE approvals SET state = ?, record = ? WHERE number = ?", (state, record, number))


def _withdraw(connection: sqlite3.Connection, held: Held, approval_id: str) -> None:
    row = connection.execute(
        "SELECT number, state, record FROM approvals WHERE id = ? AND run = ?", (approval_id, held.number)
    ).fetchone()
    if row is not None and row[1] == OPEN:
        data = unsealed(root("approval", held.run_id), approval_place(*row[:2]), row[2])
        _seal(connection, row[0], held.run_id, WITHDRAWN, data)


def keep_answer(
    connection: sqlite3.Connection, approval_id: str, answer: Answer, classes: Classes
) -> tuple[int, Approval]:
    """Keep the first answer to a question; the number of its run, and the question with its answer.

    Raises:
        AlreadyAnswered, ApprovalError: see `Store.answer`.
    """
    row = connection.execute(
        "SELECT approvals.number, state, record, run, runs.id FROM approvals JOIN runs ON runs.number = run"
        " WHERE approvals.id = ? ORDER BY approvals.number DESC LIMIT 1",
        (approval_id,),
    ).fetchone()
    if row is None:
        raise unanswerable(approval_id, None)
    number, state, record, run, run_id = row
    data = unsealed(root("approval", run_id), approval_place(number, state), record)
    approval = Unpacker(loader(connection), classes).approval(data)
    if state != OPEN:
        raise unanswerable(approval_id, approval)
    answered = replace(approval, answer=answer)
    packed = Packer().approval(answered)
    write_blobs(connection, run, packed.blobs)
    _seal(connection, number, run_id, ANSWERED, packed.data)
    return run, answered


def new_answers(connection: sqlite3.Connection, held: Held) -> list[Approval]:
    """The questions that the run waits for and that have been answered."""
    rows = connection.execute(
        "SELECT number, state, record, id FROM approvals WHERE run = ? AND state = ?", (held.number, ANSWERED)
    ).fetchall()
    unpack, mine = Unpacker(loader(connection), held.classes).approval, root("approval", held.run_id)
    return [
        unpack(unsealed(mine, approval_place(number, state), record))
        for number, state, record, id in rows
        if id in held.asking
    ]


# Snapshots


def write_snapshot(
    connection: sqlite3.Connection, held: Held, seq: int, number: int, packed: PackedRecord
) -> tuple[int, int]:
    """Keep a snapshot; how many there are more, and the bytes that it took."""
    if not is_ours(connection, held):
        return 0, 0
    took = write_blobs(connection, held.number, packed.blobs)
    size, data = len(packed.data), compressed(packed.data)
    place = held.base + number
    record = sealed(root("snapshot", held.run_id), (place, seq, size), data)
    more = 1 - connection.execute("DELETE FROM snapshots WHERE place = ?", (place,)).rowcount
    connection.execute("INSERT INTO snapshots VALUES (?, ?, ?, ?)", (place, seq, size, record))
    took += len(record)
    move(connection, held, held.columns, held.asked, held.bytes + took, more)
    return more, took


# Answers to those who wait


def resolve(done: Iterable[tuple[Item, Exception | None]]) -> None:
    """Tell those who wait for the items, by one call a loop."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Approval | None], Any]]] = {}
    for item, error in done:
        future, item.future = item.future, None
        if future is not None:
            loops.setdefault(future.get_loop(), []).append((future, error or item.found))
    for loop, told in loops.items():
        try:
            loop.call_soon_threadsafe(_tell, told)
        except RuntimeError:  # the loop was closed; the entries are kept all the same
            continue


def _tell(told: list[tuple[asyncio.Future[Approval | None], Any]]) -> None:
    for future, outcome in told:
        if future.done():  # who waited gave up
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
