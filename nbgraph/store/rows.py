"""Rows of the database: what stands in them, and the checksums by which a changed, moved or vanished one is found.

Each checksum is a CRC-32 that covers where the row belongs, too. That of a log's entry also covers the one before, so
that the last one, which the run's own row repeats, stands for the whole log.
"""

from __future__ import annotations

import sqlite3
import zlib
from struct import Struct
from typing import Any, NamedTuple

from msgspec import msgpack

from nbgraph.core.events import Status
from nbgraph.core.records import Entry, ModelAnswered, Moved, Resumed, Step
from nbgraph.errors import StoreDamaged
from nbgraph.store.owners import Process

SPAN = 1 << 32
"""Places of a run's rows begin at its number times this."""

OPEN, ANSWERED, WITHDRAWN = range(3)
MOST = 1_000_000_000
"""Bytes that one row can hold; SQLite's own limit."""

_CHECKSUM = Struct("<I")
_BEFORE = Struct("<QI")
_encode = msgpack.Encoder().encode
_texts = msgpack.Decoder(tuple[str, ...])


class RunRow(NamedTuple):
    """A row of `runs` but for its checksum; the columns are in the order of the table."""

    number: int
    id: str
    graph: str
    parent: str
    parent_step: int
    relation: str
    started_at: float
    status: str
    reason: str
    waiting: bytes
    changed_at: float
    steps: int
    cost: float | None
    seq: int
    chain: int
    asked: int
    shots: int
    bytes: int
    fence: int
    owner: int | None
    since: float


RUN_COLUMNS = ", ".join(RunRow._fields)
HOT = RunRow._fields.index("status")
"""The columns from here on change."""
TOLD = RunRow._fields.index("asked")
"""From HOT up to here they are those that `Standing` tells."""


class OwnerRow(NamedTuple):
    """A row of `owners` but for its checksum."""

    number: int
    process: Process
    lease_until: float


class Standing:
    """Where a run stands by the entries of its log so far."""

    __slots__ = ("chain", "changed_at", "cost", "reason", "seq", "status", "steps", "waiting")

    def __init__(self, at: float) -> None:
        self.status, self.reason, self.waiting = str(Status.RUNNING), "", packed_texts(())
        self.changed_at = float(at)
        self.steps, self.seq, self.chain = 0, -1, 0  # the run's own record is the entry 0
        self.cost: float | None = None

    @classmethod
    def of(cls, row: RunRow) -> Standing:
        """Where a stored run stands."""
        standing = cls(row.changed_at)
        standing.status, standing.reason, standing.waiting = row.status, row.reason, row.waiting
        standing.steps, standing.cost, standing.seq, standing.chain = row.steps, row.cost, row.seq, row.chain
        return standing

    def take(self, entry: Entry) -> None:
        """Read what an entry means for it."""
        kind = type(entry)
        if kind is Step:
            self.steps += 1
        elif kind is Moved or kind is Resumed:
            self._move(entry)
        elif kind is ModelAnswered and entry.cost is not None:  # type: ignore[union-attr]
            self.cost = (self.cost or 0.0) + entry.cost  # type: ignore[union-attr]
        self.changed_at = float(getattr(entry, "at", self.changed_at))

    def _move(self, entry: Entry) -> None:
        if isinstance(entry, Moved):
            self.status, self.reason = str(entry.status), writable(entry.reason)
            self.waiting = packed_texts(entry.waiting)
        else:
            self.status, self.reason, self.waiting = str(Status.RUNNING), "", packed_texts(())

    def add(self, root: int, data: bytes) -> bytes:
        """The record of the next entry of the log: its checksum before it."""
        self.seq += 1
        self.chain = chained(root, self.seq, self.chain, data)
        return _CHECKSUM.pack(self.chain) + data

    def columns(self) -> tuple[str, str, bytes, float, int, float | None, int, int]:
        """The columns of its row, from `status` to `chain`."""
        return self.status, self.reason, self.waiting, self.changed_at, self.steps, self.cost, self.seq, self.chain


def writable(text: str) -> str:
    """The same text, with what UTF-8 has no place for (half of a surrogate pair) as its escape."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def packed_texts(texts: tuple[str, ...]) -> bytes:
    """Texts as one column."""
    return _encode([writable(text) for text in texts])


def texts(packed: bytes) -> tuple[str, ...]:
    """The texts of a column."""
    return _texts.decode(packed)


def root(kind: str, run_id: str) -> int:
    """What the checksums of a run's records of a kind begin with."""
    return zlib.crc32(f"{kind} {run_id}".encode("utf-8", "surrogatepass"))


def chained(root: int, seq: int, before: int, data: bytes) -> int:
    """The checksum of an entry that follows one with the checksum `before`."""
    return zlib.crc32(data, zlib.crc32(_BEFORE.pack(seq, before), root))


def split(record: bytes) -> tuple[int, bytes]:
    """A record's checksum, and the rest of it."""
    if type(record) is not bytes or len(record) < 5:
        raise StoreDamaged("a record is damaged: it is too short.")
    return _CHECKSUM.unpack_from(record)[0], record[4:]


def sealed(root: int, place: tuple[Any, ...], data: bytes) -> bytes:
    """The record of a row that stands for itself; `place` is what its other columns say."""
    return _CHECKSUM.pack(zlib.crc32(data, zlib.crc32(_encode(place), root))) + data


def unsealed(root: int, place: tuple[Any, ...], record: bytes) -> bytes:
    """What a record holds; StoreDamaged where that, or where it stands, is not what was written."""
    checksum, data = split(record)
    if zlib.crc32(data, zlib.crc32(_encode(place), root)) != checksum:
        raise StoreDamaged("a record is damaged: its checksum is another.")
    return data


def checksum(columns: tuple[Any, ...]) -> int:
    """The checksum of a row of plain columns."""
    return zlib.crc32(_encode(columns))


def run_row(row: tuple[Any, ...], path: str) -> RunRow:
    """A row as it was selected, with its checksum last; StoreDamaged where it is not what was written."""
    if not sound(row):
        raise StoreDamaged(
            f"the store {path} is damaged: where the run {row[1]!r} stands is not what was written. "
            f"Salvage it, delete it, or put the store back from a copy."
        )
    return RunRow(*row[:-1])


def sound(row: tuple[Any, ...]) -> bool:
    """Whether a row that ends with its checksum is what was written."""
    try:
        return bool(checksum(row[:-1]) == row[-1])
    except (TypeError, ValueError, OverflowError):  # a column of another type
        return False


def owner_row(connection: sqlite3.Connection, number: int, path: str) -> OwnerRow:
    """The owner with a number."""
    row = connection.execute(
        "SELECT number, pid, host, machine, started, lease_until, checksum FROM owners WHERE number = ?", (number,)
    ).fetchone()
    if row is None or not sound(row):
        raise StoreDamaged(f"the store {path} is damaged: which process has a run is not what was written.")
    return OwnerRow(row[0], Process(*row[1:5]), row[5])


def counted(connection: sqlite3.Connection, name: str, path: str) -> int:
    """How many rows a table should have."""
    row = connection.execute("SELECT name, count, checksum FROM counts WHERE name = ?", (name,)).fetchone()
    if row is None:
        return 0
    if not sound(row):
        raise StoreDamaged(f"the store {path} is damaged: how many {name} it holds is not what was written.")
    count: int = row[1]
    return count


def count(connection: sqlite3.Connection, name: str, more: int, path: str) -> None:
    """Note that a table has so many rows more."""
    total = counted(connection, name, path) + more
    connection.execute("INSERT OR REPLACE INTO counts VALUES (?, ?, ?)", (name, total, checksum((name, total))))
