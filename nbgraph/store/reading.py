"""Reading: what a database holds of runs, checked; each function reads within one transaction of its caller."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from nbgraph.core.approvals import Approval
from nbgraph.core.events import Status
from nbgraph.core.ports import History, Owner, RunSummary
from nbgraph.core.records import Entry, RunRecord, Snapshot, Step
from nbgraph.errors import StoreDamaged
from nbgraph.store.blobs import expanded, loader
from nbgraph.store.classes import Classes
from nbgraph.store.packing import Unpacker
from nbgraph.store.rows import (
    OPEN,
    RUN_COLUMNS,
    SPAN,
    RunRow,
    chained,
    counted,
    owner_row,
    root,
    run_row,
    split,
    texts,
    unsealed,
)
from nbgraph.store.telling import no_run

_SELECT = f"SELECT {RUN_COLUMNS}, checksum FROM runs"


class Reader:
    """Reads through a connection.

    Args:
        path: for messages.
        later: reads a large value by its digest once the connection is closed.
    """

    def __init__(
        self, connection: sqlite3.Connection, path: str, classes: Classes, later: Callable[[bytes], bytes] | None = None
    ) -> None:
        self._connection, self._path, self._later = connection, path, later
        self._fetch, self._unpacker = loader(connection), Unpacker(self.load, classes)

    def load(self, digest: bytes) -> bytes:
        """A large value by its digest."""
        try:
            return self._fetch(digest)
        except sqlite3.ProgrammingError:  # the connection is closed, or another thread's
            if self._later is None:
                raise
            return self._later(digest)

    def row(self, run_id: str) -> RunRow:
        """Where a run stands; NoSuchRun where there is none with that id."""
        row = self._connection.execute(f"{_SELECT} WHERE id = ?", (run_id,)).fetchone()
        if row is None:
            self._check_rows()
            raise no_run(run_id)
        return run_row(row, self._path)

    def summary(self, row: RunRow) -> RunSummary:
        """The same, as it is told."""
        return RunSummary(
            id=row.id,
            graph=row.graph,
            status=Status(row.status),
            reason=row.reason,
            steps=row.steps,
            started_at=row.started_at,
            changed_at=row.changed_at,
            waiting=texts(row.waiting),
            owner=self.owner(row),
            bytes=row.bytes,
            parent=row.parent,
            parent_step=row.parent_step,
            relation=row.relation,
            cost=row.cost,
        )

    def owner(self, row: RunRow) -> Owner | None:
        """The process that has a run."""
        if row.owner is None:
            return None
        _, process, lease_until = owner_row(self._connection, row.owner, self._path)
        return Owner(process.pid, process.host, row.since, process.alive(lease_until, time.time()))

    def runs(
        self, graph: str | None, status: Iterable[Status], limit: int, before: float | None, parent: str | None
    ) -> list[RunSummary]:
        """A page of runs; of those that started at one moment the last kept is first."""
        self._check_count()
        wanted = [str(each) for each in status]
        where, given = ["1"], list[str | float](wanted)
        if wanted:
            where = [f"status IN ({', '.join('?' * len(wanted))})"]
        for column, value in (("graph = ?", graph), ("started_at < ?", before), ("parent = ?", parent)):
            if value is not None:
                where.append(column)
                given.append(value)
        found = self._connection.execute(
            f"{_SELECT} WHERE {' AND '.join(where)} ORDER BY started_at DESC, number DESC LIMIT ?", (*given, limit)
        )
        return [self.summary(run_row(row, self._path)) for row in found.fetchall()]

    def _check_count(self) -> None:
        """StoreDamaged where the row of a run has vanished."""
        there = self._connection.execute("SELECT count(*) FROM runs NOT INDEXED").fetchone()[0]
        if there != counted(self._connection, "runs", self._path):
            raise StoreDamaged(f"the store {self._path} is damaged: it does not hold as many runs as were kept in it.")

    def _check_rows(self) -> None:
        """StoreDamaged where a run was not found since its row, or the way to it, is damaged."""
        self._check_count()
        for row in self._connection.execute(f"{_SELECT} NOT INDEXED").fetchall():
            found = self._connection.execute("SELECT number FROM runs WHERE id = ?", (row[1],)).fetchone()
            if found != (run_row(row, self._path).number,):
                raise StoreDamaged(f"the store {self._path} is damaged: the index of its runs is.")

    # Logs

    def history(self, run_id: str, after: int) -> History:
        """All of a run, of its log what follows the first `after` entries; StoreDamaged without `last_good`."""
        row = self.row(run_id)
        record, chain = self._record(row.number, run_id)
        entries: list[Entry] = []
        last = min(after, row.seq)
        if last > 0:
            chain = split(self._at(row.number * SPAN + last))[0]
        for seq, mark, data in self._chained(row.number, run_id, last, chain):
            entries.append(self._unpacker.entry(data))
            last, chain = seq, mark
        if (last, chain) != (row.seq, row.chain):
            raise StoreDamaged(f"its log ends with the entry {last}, and {row.seq} were written.")
        return History(record, tuple(entries), tuple(self._asked(row)))

    def salvage(self, run_id: str) -> History:
        """What is sound of a run, up to the first entry that is not."""
        found = self._connection.execute("SELECT number FROM runs WHERE id = ?", (run_id,)).fetchone()
        if found is None:
            raise no_run(run_id)
        record, chain = self._record(found[0], run_id)
        entries: list[Entry] = []
        approvals: list[Approval] = []
        with suppress(StoreDamaged, sqlite3.DatabaseError):
            for _, _, data in self._chained(found[0], run_id, 0, chain):
                entries.append(whole(self._unpacker.entry(data)))
        with suppress(StoreDamaged, sqlite3.DatabaseError):
            approvals.extend(self._approvals(found[0], run_id))
        return History(record, tuple(entries), tuple(approvals))

    def _at(self, place: int) -> bytes:
        row = self._connection.execute("SELECT record FROM log WHERE place = ?", (place,)).fetchone()
        if row is None:
            raise StoreDamaged(f"its entry {place % SPAN} is gone.")
        record: bytes = row[0]
        return record

    def _record(self, number: int, run_id: str) -> tuple[RunRecord, int]:
        """What the run began with, and its checksum."""
        stored, data = split(self._at(number * SPAN))
        if stored != chained(root("log", run_id), 0, 0, data):
            raise StoreDamaged("what it began with is not what was written.")
        return self._unpacker.run(data), stored

    def _chained(self, number: int, run_id: str, seq: int, chain: int) -> Iterator[tuple[int, int, bytes]]:
        """The entries after `seq`, checked one by one: number, checksum, what it holds."""
        start, mine = number * SPAN, root("log", run_id)
        rows = self._connection.execute(
            "SELECT place, record FROM log WHERE place > ? AND place < ? ORDER BY place", (start + seq, start + SPAN)
        )
        for place, record in rows:
            seq += 1
            stored, data = split(record)
            chain = chained(mine, seq, chain, data)
            if place != start + seq or stored != chain:
                raise StoreDamaged(f"its entry {seq} is not what was written.")
            yield seq, chain, data

    def snapshot(self, run_id: str, number: int) -> tuple[Snapshot, int] | None:
        """The latest snapshot up to a step, and how many entries the log had."""
        row = self.row(run_id)
        start = row.number * SPAN
        there = "SELECT count(*) FROM snapshots WHERE place >= ? AND place < ?"
        if self._connection.execute(there, (start, start + SPAN)).fetchone()[0] != row.shots:
            raise StoreDamaged(f"the store {self._path} is damaged: a snapshot of {run_id} is gone.")
        found = self._connection.execute(
            "SELECT place, seq, size, record FROM snapshots WHERE place BETWEEN ? AND ? ORDER BY place DESC LIMIT 1",
            (start, start + min(number, SPAN - 1)),
        ).fetchone()
        if found is None:
            return None
        place, seq, size, record = found
        data = unsealed(root("snapshot", run_id), (place, seq, size), record)
        return self._unpacker.snapshot(expanded(data, size)), seq

    # Questions

    def approvals(self, run_id: str | None, open_only: bool) -> list[Approval]:
        """The questions of a run, or of all, in the order of asking."""
        if run_id is not None:
            found = self._connection.execute(f"{_SELECT} WHERE id = ?", (run_id,)).fetchone()
            if found is None:
                self._check_rows()
                return []
            return self._asked(run_row(found, self._path), open_only)
        self._check_count()
        asked = self._connection.execute("SELECT total(asked) FROM runs NOT INDEXED").fetchone()[0]
        rows = self._connection.execute(
            "SELECT approvals.number, state, record, runs.id FROM approvals NOT INDEXED"
            " LEFT JOIN runs ON runs.number = run ORDER BY approvals.number"
        ).fetchall()
        if len(rows) != asked:
            raise StoreDamaged(f"the store {self._path} is damaged: a question is gone.")
        sound = [
            (state, unsealed(root("approval", str(id)), (number, state), data)) for number, state, data, id in rows
        ]
        return [self._unpacker.approval(data) for state, data in sound if not open_only or state == OPEN]

    def _asked(self, row: RunRow, open_only: bool = False) -> list[Approval]:
        states = self._connection.execute("SELECT state FROM approvals WHERE run = ?", (row.number,)).fetchall()
        if len(states) != row.asked:
            raise StoreDamaged(f"{row.asked} questions were asked in {row.id}, and {len(states)} are there.")
        return list(self._approvals(row.number, row.id, open_only))

    def _approvals(self, number: int, run_id: str, open_only: bool = False) -> Iterator[Approval]:
        rows = self._connection.execute(
            "SELECT number, state, record FROM approvals WHERE run = ? ORDER BY number", (number,)
        )
        for asked, state, record in rows.fetchall():
            data = unsealed(root("approval", run_id), (asked, state), record)
            if not open_only or state == OPEN:
                yield self._unpacker.approval(data)


def whole(entry: Entry) -> Entry:
    """The entry, once all its values could be read."""
    if type(entry) is Step:
        for _, value in entry.writes:
            getattr(value, "value", None)
    return entry


def last_step(history: History) -> int:
    """The number of the last step."""
    return history.steps[-1].number if history.steps else 0
