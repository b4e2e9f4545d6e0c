"""The writer: the one thread of this process that writes to a database file, for all runs that are kept there.

What is there when it comes by is written in one transaction, so that runs share the cost of a commit.
"""

from __future__ import annotations

import atexit
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, TypeVar

from nbgraph.core.records import Snapshot
from nbgraph.errors import OwnedElsewhere, StoreError
from nbgraph.store.commits import Held, Item, advance, new_answers, resolve, why_gone, write_snapshot
from nbgraph.store.database import explained, identity, make_file, writing
from nbgraph.store.migrations import migrate
from nbgraph.store.owners import Process, this_process
from nbgraph.store.rows import HOT, checksum

LOOK = 0.25  # seconds between looks at the file's name, and for answers that another process gave
IDLE = 5.0  # seconds without a run and without work until the thread ends
_T = TypeVar("_T")


class Job(NamedTuple):
    """Something to be done with the connection, `whole` within one transaction."""

    done: Callable[[sqlite3.Connection], Any]
    whole: bool
    future: Future[Any]


class Close(NamedTuple):
    """A run is let go."""

    held: Held


class Snap(NamedTuple):
    """A snapshot of a run whose log had `seq` entries; `told` is called with the bytes that it took."""

    held: Held
    snapshot: Snapshot
    seq: int
    told: Callable[[int], None]


class End(NamedTuple):
    """The process ends."""


class Writer:
    """The thread of one file; `writer_of` gives it. Every method but those with an underscore is for any thread."""

    def __init__(self, path: str, synchronous: str, wait: float, lease: float) -> None:
        self.path, self.synchronous, self.wait, self.lease = path, synchronous, wait, lease
        self.process: Process = this_process()
        self.notice = ""
        self._queue: deque[Item | Job | Close | Snap | End] = deque()
        self._signal = threading.Lock()  # free where there is something to do
        self._signal.acquire()
        self._state = threading.RLock()  # guards the start and the end of the thread
        self._running = self._ended = False
        self._thread: threading.Thread | None = None
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._looked = self._renewed = self._worked = 0.0
        self._version = -1
        self._owner: int | None = None
        self._held: dict[int, Held] = {}
        self._listening: set[Held] = set()  # with open questions
        self._ready: dict[Held, None] = {}  # with something in the outbox

    # For any thread

    def put(self, thing: Item | Job | Close | Snap | End) -> None:
        """Queue something; nothing in here waits, since the garbage collector may be what calls it."""
        self._queue.append(thing)

    def wake(self) -> None:
        """See that what was queued is written now."""
        with suppress(RuntimeError):  # it is awake already
            self._signal.release()
        if not self._running:
            self._start()

    def do(self, done: Callable[[sqlite3.Connection], _T], *, whole: bool = True) -> _T:
        """Have something done with the connection, after all that was queued before; blocks."""
        if self._ended:
            raise StoreError(f"the store {self.path} is closed: this process is ending.")
        future: Future[_T] = Future()
        self.put(Job(done, whole, future))
        self.wake()
        return future.result()

    def settle(self) -> None:
        """Wait until what was queued is written, where there is anything to wait for."""
        if self._running and (self._held or self._queue):
            self.do(lambda connection: None, whole=False)

    def holds(self, number: int) -> bool:
        """Whether this process has the run."""
        return number in self._held

    # The thread

    def _start(self) -> None:
        with self._state:
            if self._running or self._ended or not self._queue:
                return
            self._running = True
            self._thread = threading.Thread(target=self._work, name=f"nbgraph writes {self.path}", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        self._worked = time.monotonic()
        while not self._ended:
            self._signal.acquire(timeout=self._pause())
            self._drain()
            self._look_around()
            if not self._held and not self._ready and self._may_end():
                return

    def _may_end(self) -> bool:
        """Whether the thread has had nothing to do for a while; then it is over."""
        if time.monotonic() - self._worked < IDLE and not self._ended:
            return False
        with self._state:
            self._running = False
            if self._queue:  # and whoever queues something now starts another
                self._running = True
                return False
            self._hang_up()
            return True

    def _pause(self) -> float:
        if not self._held:
            return IDLE
        return LOOK if self._listening else self.lease / 3

    def _drain(self) -> None:
        """Take all that is queued, in order; entries are gathered until something else comes."""
        snaps = []
        if self._queue:
            self._worked = time.monotonic()
        while self._queue:
            thing = self._queue.popleft()
            if type(thing) is Item:
                thing.held.outbox.append(thing)
                self._ready[thing.held] = None
            elif type(thing) is Snap:
                snaps.append(thing)
            else:
                self._flush()
                self._other(thing)
        self._flush()
        for snap in snaps:
            self._snap(snap)

    def _other(self, thing: Any) -> None:
        if isinstance(thing, Job):
            self._job(thing)
        elif isinstance(thing, Close):
            thing.held.closing = True
            self._let_go(thing.held)
        else:
            self._end()

    # What is done

    def _job(self, job: Job) -> None:
        try:
            connection = self._connected()
            made = self._within(partial(job.done, connection)) if job.whole else job.done(connection)
        except BaseException as error:
            job.future.set_exception(self._explained(error))
            return
        if isinstance(made, Held):
            self._held[made.number] = made
            self._listen(made)
        job.future.set_result(made)

    def _within(self, done: Callable[[], _T]) -> _T:
        """Do something in one transaction."""
        connection = self._connected()
        try:
            connection.execute("BEGIN IMMEDIATE")
            made = done()
            connection.execute("COMMIT")
        except BaseException:
            self._looked = 0.0  # the file may be gone
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise
        return made

    def _flush(self) -> None:
        """Commit all outboxes together; where that fails for a reason of one of them, each by itself."""
        ready, self._ready = [held for held in self._ready if held.outbox], {}
        if not ready:
            return
        error = self._commit(ready)
        if error is None:
            return
        if len(ready) > 1 and not isinstance(error, sqlite3.OperationalError | StoreError | OSError):
            for held in ready:
                if (error := self._commit([held])) is not None:
                    self._put_off([held], error)
        else:
            self._put_off(ready, error)

    def _commit(self, ready: list[Held]) -> Exception | None:
        outcome: dict[Held, tuple[int, int] | None] = {}
        gone: dict[Held, Exception] = {}

        def write() -> None:
            connection = self._connected()
            for held in ready:
                if held.gone is None:
                    outcome[held] = advance(connection, held)
                if outcome.get(held) is None:
                    gone[held] = held.gone or why_gone(connection, held, self.path)

        try:
            self._within(write)
        except Exception as error:
            return error
        self._committed({held: sums for held, sums in outcome.items() if sums is not None}, gone)
        return None

    def _committed(self, outcome: dict[Held, tuple[int, int]], gone: dict[Held, Exception]) -> None:
        done: list[tuple[Item, Exception | None]] = []
        for held, sums in outcome.items():
            items, held.outbox, held.tried = held.outbox, [], False
            held.asked, held.bytes = sums
            held.columns = items[-1].columns
            for item in items:
                if item.approval is not None or item.withdraws:
                    self._heard_of(item)
            done += [(item, None) for item in items]
        for held, error in gone.items():
            done += [(item, error) for item in held.outbox]
            self._lose(held, error)
        resolve(done)

    def _heard_of(self, item: Item) -> None:
        """A question was asked, or withdrawn."""
        held = item.held
        if item.approval is not None and item.found is None:
            held.asking.add(item.approval[0].id)
        elif item.withdraws:
            held.asking.discard(item.withdraws)
        self._listen(held)

    def _listen(self, held: Held) -> None:
        """Look for answers while it has open questions."""
        if held.asking:
            self._listening.add(held)
            self._version = -1  # what it waits for may have come before
        else:
            self._listening.discard(held)

    def _put_off(self, ready: list[Held], error: Exception) -> None:
        """What could not be committed is tried again with what comes next; those who wait are told."""
        told = self._explained(error)
        for held in ready:
            held.tried = True
            self._ready[held] = None
        resolve((item, told) for held in ready for item in held.outbox)

    def _lose(self, held: Held, error: Exception) -> None:
        held.outbox = []
        self._held.pop(held.number, None)
        self._listening.discard(held)
        if held.gone is None:
            held.lose(error)

    def _let_go(self, held: Held) -> None:
        """Give up a run whose log was closed; where that fails it is tried again later."""
        if held.outbox or self._held.get(held.number) is not held:
            return
        free = held.row._replace(owner=None)

        def release() -> None:
            columns = (*free[:HOT], *held.columns, held.asked, held.bytes, *free[-3:])
            self._connected().execute(
                "UPDATE runs SET owner = NULL, checksum = ? WHERE number = ? AND fence = ?",
                (checksum(columns), held.number, held.fence),
            )

        with suppress(sqlite3.Error, StoreError, OSError):
            self._within(release)
            del self._held[held.number]
            self._listening.discard(held)

    def _snap(self, snap: Snap) -> None:
        """Keep a snapshot; where that fails there is just none."""
        held, took = snap.held, 0
        if held.outbox or held.gone is not None:
            snap.told(0)
            return
        try:
            packed = held.packer.snapshot(snap.snapshot)
            held.orphans = {blob.digest: blob.raw for blob in packed.blobs if blob.raw}
            given = held, snap.seq, snap.snapshot.number, packed
            took = self._within(lambda: write_snapshot(self._connected(), *given))
            held.orphans = {}
            held.bytes += max(took, 0)
        except Exception:
            held.packer.forget()
        snap.told(max(took, 0))

    # The file

    def _connected(self) -> sqlite3.Connection:
        """The connection; StoreError where the file is not the one that was opened."""
        if self._connection is not None and self._is_same():
            return self._connection
        if self._held and self._connection is not None:
            raise self._moved()
        self._hang_up()
        make_file(self.path)
        connection, self.notice = writing(self.path, self.synchronous, self.wait)
        try:
            migrate(connection, self.path)
        except BaseException:
            connection.close()
            raise
        self._connection, self._file, self._looked = connection, identity(self.path), time.monotonic()
        return connection

    def _moved(self) -> StoreError:
        return StoreError(
            f"the store {self.path} was moved or deleted while runs were kept in it; put it back, then resume."
        )

    def _is_same(self) -> bool:
        now = time.monotonic()
        if now - self._looked < LOOK:
            return True
        same = identity(self.path) == self._file
        self._looked = now if same else 0.0
        return same

    def _hang_up(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
        self._connection = self._owner = None
        self._version = -1

    def _explained(self, error: BaseException) -> Exception:
        if isinstance(error, sqlite3.Error | OSError):
            if self._connection is not None and not self._is_same():
                return self._moved()
            return explained(error, self.path, self.wait)
        return error if isinstance(error, Exception) else StoreError(f"the store {self.path} was interrupted.")

    # Now and then

    def own(self, connection: sqlite3.Connection) -> int:
        """The number of this process among the owners, with a fresh lease. Within a transaction of the writer."""
        now = time.time()
        if self._owner is None or not self._renew(connection, now):
            connection.execute(
                "DELETE FROM owners WHERE lease_until < ? AND number NOT IN"
                " (SELECT owner FROM runs WHERE owner IS NOT NULL)",
                (now,),
            )
            added = connection.execute("INSERT INTO owners VALUES (NULL, ?, ?, ?, ?, 0, 0)", self.process)
            self._owner = int(added.lastrowid or 0)
            self._renew(connection, now)
        return self._owner

    def _renew(self, connection: sqlite3.Connection, now: float) -> bool:
        row = (self._owner, *self.process, now + self.lease)
        done = connection.execute(
            "UPDATE owners SET lease_until = ?, checksum = ? WHERE number = ?", (row[-1], checksum(row), self._owner)
        )
        return done.rowcount == 1

    def _look_around(self) -> None:
        now = time.monotonic()
        with suppress(sqlite3.Error, StoreError, OSError):
            if self._held and now - self._renewed > self.lease / 3:
                self._renewed = now
                self._again()
            if self._listening:
                self._hear()

    def _again(self) -> None:
        """Renew the lease, find out which runs were taken, and try again what failed."""
        self._within(lambda: self.own(self._connected()))
        for held in list(self._held.values()):
            row = self._connected().execute("SELECT fence FROM runs WHERE number = ?", (held.number,)).fetchone()
            if row != (held.fence,):
                self._lose(held, why_gone(self._connected(), held, self.path))
        self._flush()
        for held in list(self._held.values()):
            if held.closing:
                self._let_go(held)

    def _hear(self) -> None:
        """Tell the runs what another process has answered."""
        connection = self._connected()
        version = connection.execute("PRAGMA data_version").fetchone()[0]
        if version == self._version:
            return
        for held in list(self._listening):
            for approval in new_answers(connection, held):
                held.told(approval)
            if not held.asking:
                self._listening.discard(held)
        self._version = version

    def tell(self, run: int, approval: Any) -> None:
        """A question of a run was answered in this process."""
        held = self._held.get(run)
        if held is not None:
            held.told(approval)

    # The end

    def _end(self) -> None:
        self._ended = True
        for held in list(self._held.values()):
            self._let_go(held)
        self._hang_up()
        for thing in self._queue:
            if isinstance(thing, Job):
                thing.future.set_exception(StoreError(f"the store {self.path} is closed: this process is ending."))

    def end(self) -> None:
        """Write what is queued and end the thread."""
        thread = self._thread
        if self._running and thread is not None:
            self.put(End())
            self.wake()
            thread.join(self.wait + 5)
        self._ended = True

    def abandon(self) -> None:
        """Leave all to the parent: this process is a fork of it."""
        self._ended = True
        for held in self._held.values():
            held.gone = OwnedElsewhere(held.run_id, self.process.pid, self.process.host, held.row.since)


_writers: dict[str, Writer] = {}
_lock = threading.Lock()
_abandoned: list[Writer] = []  # their connections are the parent's: closed here they would end its locks


def writer_of(path: str, synchronous: str, wait: float, lease: float) -> Writer:
    """The writer of a file; where one wants FULL it is FULL for all, else it is as the first one wanted."""
    with _lock:
        writer = _writers.get(path)
        if writer is None:
            writer = _writers[path] = Writer(path, synchronous, wait, lease)
    if synchronous == "FULL" != writer.synchronous:
        writer.synchronous = "FULL"
        writer.do(lambda connection: connection.execute("PRAGMA synchronous = FULL"), whole=False)
    return writer


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    for writer in _writers.values():
        writer.abandon()
    _abandoned.extend(_writers.values())
    _writers.clear()


def _at_exit() -> None:
    for writer in list(_writers.values()):
        writer.end()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
