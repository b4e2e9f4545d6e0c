"""Runs in an SQLite database: one file, kept through crashes, shared by the processes of one machine."""

from __future__ import annotations

import os
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import TypeVar

from nbgraph.core.approvals import Answer, Approval
from nbgraph.core.events import Status
from nbgraph.core.ports import History, RunSummary
from nbgraph.core.records import Asked, Entry, RunRecord, Snapshot, Withdrawn
from nbgraph.errors import OwnedElsewhere, StoreDamaged
from nbgraph.store.blobs import drop_blobs, write_blobs
from nbgraph.store.classes import KNOWN, Classes
from nbgraph.store.commits import Held, keep_answer, write_approval
from nbgraph.store.database import explained, reading
from nbgraph.store.packing import Packer
from nbgraph.store.reading import Reader, last_step
from nbgraph.store.rows import ANSWERED, OPEN, SPAN, WITHDRAWN, RunRow, Standing, checksum, count, root
from nbgraph.store.sqlite_log import SqliteLog
from nbgraph.store.telling import no_run, taken, unanswerable
from nbgraph.store.writer import Writer
from nbgraph.store.writers import writer_of

_T = TypeVar("_T")
_MARKS = ", ".join("?" * (len(RunRow._fields) + 1))


class SqliteStore:
    """Keeps runs in the database at `path`, which is made with the first run.

    Args:
        synchronous: "FULL": what was kept survives a power failure; "NORMAL": it survives the end of the process, and a
            power failure may cost the last moments. Where two stores of a process have one file, FULL wins.
        wait: seconds to wait for a file that another process has locked.
        lease: seconds after which a process that does not show up any more has lost its runs.
        classes: those that read values may be made of.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        synchronous: str = "FULL",
        wait: float = 5.0,
        lease: float = 30.0,
        classes: Classes = KNOWN,
    ) -> None:
        if synchronous not in ("FULL", "NORMAL"):
            raise ValueError(f"synchronous is 'FULL' or 'NORMAL', not {synchronous!r}.")
        self.path = os.path.realpath(path)
        self._settings = synchronous, wait, lease
        self._wait, self._classes = wait, classes
        self._warned = False

    def __repr__(self) -> str:
        return f"SqliteStore({self.path!r})"

    @property
    def notice(self) -> str:
        """What the file system lacks, or an empty text."""
        return self._writer.file.notice

    # Runs of this process

    def create(self, run: RunRecord, past: Iterable[Entry] = (), approvals: Iterable[Approval] = ()) -> SqliteLog:
        """Keep a new run, and what is known of it already; ValueError where the id is taken."""
        new = _New(run, past, approvals)
        writer = self._writer
        held = writer.do(lambda connection: new.write(connection, writer, self._classes))
        return self._log(writer, held)

    def open(self, run_id: str) -> SqliteLog:
        """Take a run that nobody owns, or whose owner is no more."""
        writer = self._writer

        def take(connection: sqlite3.Connection) -> Held:
            reader = Reader(connection, self.path, self._classes)
            row = reader.row(run_id)
            _check_free(reader, row)
            now = time.time()
            row = row._replace(fence=row.fence + 1, owner=writer.lease.own(connection), since=now)
            connection.execute(
                "UPDATE runs SET fence = ?, owner = ?, since = ?, checksum = ? WHERE number = ?",
                (*row[-3:], checksum(row), row.number),
            )
            held = Held(row, Packer(), self._classes)
            asked = connection.execute("SELECT id FROM approvals WHERE run = ? AND state = ?", (row.number, OPEN))
            held.asking = {id for (id,) in asked}
            return held

        return self._log(writer, writer.do(take))

    def _log(self, writer: Writer, held: Held) -> SqliteLog:
        if writer.file.notice and not self._warned:
            self._warned = True
            warnings.warn(writer.file.notice, stacklevel=3)
        return SqliteLog(writer, held)

    # Reading

    def history(self, run_id: str, after: int = 0) -> History:
        """All that is kept of a run; of its log what follows the first `after` entries."""
        try:
            return self._read(lambda reader: reader.history(run_id, after), no_run(run_id))
        except StoreDamaged as error:
            raise self._damaged(run_id, error) from None

    def salvage(self, run_id: str) -> History:
        """What is sound of a damaged run, up to the first entry that is not; StoreDamaged where not even it began."""
        return self._read(lambda reader: reader.salvage(run_id), no_run(run_id))

    def _damaged(self, run_id: str, error: StoreDamaged) -> StoreDamaged:
        """The same error, with the last good step."""
        try:
            last = last_step(self.salvage(run_id))
        except Exception:
            return StoreDamaged(f"{run_id} in the store {self.path} is damaged, and nothing of it can be read: {error}")
        return StoreDamaged(
            f"{run_id} in the store {self.path} is damaged: {error} It is sound up to step {last}; fork it there.", last
        )

    def snapshot(self, run_id: str, number: int) -> tuple[Snapshot, int] | None:
        """The latest snapshot up to the step `number`, and how many entries the log had then."""
        return self._read(lambda reader: reader.snapshot(run_id, number), no_run(run_id))

    def run(self, run_id: str) -> RunSummary:
        """Where a run stands; NoSuchRun where there is none with that id."""
        return self._read(lambda reader: reader.summary(reader.row(run_id)), no_run(run_id))

    def runs(
        self,
        graph: str | None = None,
        status: Iterable[Status] = (),
        limit: int = 100,
        before: float | None = None,
        parent: str | None = None,
    ) -> list[RunSummary]:
        """The runs of a graph, or of all, in one of the statuses; those that started last come first."""
        wanted = tuple(status)
        return self._read(lambda reader: reader.runs(graph, wanted, limit, before, parent), [])

    def approvals(self, run_id: str | None = None, open_only: bool = False) -> list[Approval]:
        """The questions of a run, or of all, in the order of asking; those that can be answered where `open_only`."""
        return self._read(lambda reader: reader.approvals(run_id, open_only), [])

    def _read(self, read: Callable[[Reader], _T], empty: _T | Exception) -> _T:
        """What `read` gives, also of what this process has just noted; `empty` where there is no database yet."""
        self._writer.settle()
        return self._read_now(read, empty)

    def _load(self, digest: bytes) -> bytes:
        """A large value, at the time when somebody needs it."""
        return self._read_now(lambda reader: reader.load(digest), StoreDamaged(f"the store {self.path} is gone."))

    def _read_now(self, read: Callable[[Reader], _T], empty: _T | Exception) -> _T:
        try:
            connection = self._reading()
            if connection is not None:
                with closing(connection):
                    connection.execute("BEGIN")
                    return read(Reader(connection, self.path, self._classes, self._load))
        except (sqlite3.Error, OSError, UnicodeError) as error:  # the last where SQLite quotes what is damaged
            raise explained(error, self.path, self._wait) from None
        if isinstance(empty, Exception):
            raise empty
        return empty

    def _reading(self) -> sqlite3.Connection | None:
        connection = reading(self.path, self._wait)
        if connection is None and os.path.exists(self.path):
            self._writer.do(lambda connection: None)  # which brings it to the present schema
            connection = reading(self.path, self._wait)
        return connection

    # Writing without having a run

    def answer(self, approval_id: str, answer: Answer) -> Approval:
        """Keep the first answer to a question, in one transaction; see `Store.answer` for the errors."""
        writer = self._writer
        writer.settle()
        if not os.path.exists(self.path):
            raise unanswerable(approval_id, None)
        run, answered = writer.do(lambda connection: keep_answer(connection, approval_id, answer, self._classes))
        writer.tell(run, answered)
        return answered

    def delete(self, run_id: str) -> None:
        """Forget a run; OwnedElsewhere where a process that is alive has it, NoSuchRun where there is none."""
        if not os.path.exists(self.path):
            raise no_run(run_id)

        def remove(connection: sqlite3.Connection) -> None:
            reader = Reader(connection, self.path, self._classes)
            number = _free_number(connection, reader, run_id)
            for table in ("log", "snapshots"):
                span = number * SPAN, (number + 1) * SPAN
                connection.execute(f"DELETE FROM {table} WHERE place >= ? AND place < ?", span)
            drop_blobs(connection, number)
            connection.execute("DELETE FROM approvals WHERE run = ?", (number,))
            connection.execute("DELETE FROM runs WHERE number = ?", (number,))
            count(connection, "runs", -1, self.path)

        self._writer.do(remove)

    def compact(self) -> int:
        """Give back the space of what was deleted; the bytes that this saved."""
        if not os.path.exists(self.path):
            return 0

        def pack(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM blobs WHERE digest NOT IN (SELECT digest FROM blob_uses)")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

        self._writer.settle()
        before = self.size()
        self._writer.do(pack, whole=False)
        return max(before - self.size(), 0)

    def size(self) -> int:
        """The bytes that the file and its log take."""
        return sum(os.path.getsize(self.path + end) for end in ("", "-wal") if os.path.exists(self.path + end))

    @property
    def _writer(self) -> Writer:
        return writer_of(self.path, *self._settings)


def _check_free(reader: Reader, row: RunRow) -> None:
    owner = reader.owner(row)
    if owner is not None and owner.alive:
        raise OwnedElsewhere(row.id, owner.pid, owner.host, owner.since)


def _free_number(connection: sqlite3.Connection, reader: Reader, run_id: str) -> int:
    """The number of a run that nobody has; a damaged one can be deleted too."""
    try:
        row = reader.row(run_id)
    except StoreDamaged:
        found = connection.execute("SELECT number FROM runs WHERE id = ?", (run_id,)).fetchone()
        if found is None:
            raise
        number: int = found[0]
        return number
    _check_free(reader, row)
    return row.number


class _New:
    """A new run, encoded."""

    def __init__(self, run: RunRecord, past: Iterable[Entry], approvals: Iterable[Approval]) -> None:
        self.run, self.packer, self.standing = run, Packer(), Standing(run.started_at)
        mine = root("log", run.id)
        packed = self.packer.run(run)
        self.blobs = [*packed.blobs]
        self.records = [self.standing.add(mine, packed.data)]
        self.withdrawn: set[str] = set()
        for entry in past:
            packed = self.packer.entry(entry)
            self.standing.take(entry)
            self.records.append(self.standing.add(mine, packed.data))
            self.blobs += packed.blobs
            self._mind(entry)
        self.approvals = {approval.id: (approval, self.packer.approval(approval)) for approval in approvals}

    def _mind(self, entry: Entry) -> None:
        if type(entry) is Withdrawn:
            self.withdrawn.add(entry.approval_id)
        elif type(entry) is Asked:
            self.withdrawn.discard(entry.approval_id)

    def write(self, connection: sqlite3.Connection, writer: Writer, classes: Classes) -> Held:
        """Keep it, as this process's."""
        run, standing = self.run, self.standing
        if connection.execute("SELECT 1 FROM runs WHERE id = ?", (run.id,)).fetchone():
            raise taken(run.id)
        fixed = run.id, run.graph, run.parent, run.parent_step, run.relation, float(run.started_at)
        owned = 1, writer.lease.own(connection), time.time()
        row = RunRow._make((0, *fixed, *standing.columns(), len(self.approvals), 0, 0, *owned))
        added = connection.execute(f"INSERT INTO runs VALUES ({_MARKS})", (None, *row[1:], 0))
        row = row._replace(number=int(added.lastrowid or 0))
        places = range(row.number * SPAN, row.number * SPAN + len(self.records))
        connection.executemany("INSERT INTO log VALUES (?, ?)", zip(places, self.records, strict=True))
        size = sum(map(len, self.records)) + write_blobs(connection, row.number, self.blobs)
        for approval, packed in self.approvals.values():
            size += len(packed.data) + write_blobs(connection, row.number, packed.blobs)
            write_approval(connection, row.number, run.id, approval.id, self._state(approval), packed.data)
        row = row._replace(bytes=size)
        connection.execute(
            "UPDATE runs SET bytes = ?, checksum = ? WHERE number = ?", (size, checksum(row), row.number)
        )
        count(connection, "runs", 1, writer.path)
        held = Held(row, self.packer, classes)
        held.asking = {id for id, (approval, _) in self.approvals.items() if self._state(approval) == OPEN}
        return held

    def _state(self, approval: Approval) -> int:
        if approval.answer is not None:
            return ANSWERED
        return WITHDRAWN if approval.id in self.withdrawn else OPEN
