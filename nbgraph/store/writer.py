"""The writer: the one thread of this process that writes to a database file, for all runs that are kept there.

What is there when it comes by is written in one transaction, so that runs share the cost of a commit.
"""

from __future__ import annotations

import sqlite3
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from nbgraph.errors import OwnedElsewhere, StoreError
from nbgraph.store.commits import Held, Item, advance, is_ours, new_answers, resolve, why_gone, write_snapshot
from nbgraph.store.file import File, is_of_all
from nbgraph.store.leases import Lease
from nbgraph.store.owners import this_process
from nbgraph.store.queued import Close, End, Job, Snap
from nbgraph.store.rows import HOT, checksum

LOOK = 0.25  # seconds between looks for answers that another process gave
SOON = 0.01  # seconds that what nobody waits for may wait for what somebody does
IDLE = 5.0  # seconds without a run and without work until the thread ends
_T = TypeVar("_T")


class Writer:
    """The thread of one file; `writers.writer_of` gives it. Methods without an underscore are for any thread."""

    def __init__(self, path: str, synchronous: str, wait: float, lease: float) -> None:
        self.path = path
        self.file = File(path, synchronous, wait)
        self.lease = Lease(this_process(), lease)
        self._queue: deque[Item | Job | Close | Snap | End] = deque()
        self._signal = threading.Lock()  # free where there is something to do
        self._signal.acquire()
        self._state = threading.RLock()  # guards the start and the end of the thread
        self._running = self._ended = self._urgent = self._soon = False
        self._thread: threading.Thread | None = None
        self._renewed = self._worked = 0.0
        self._version = -1  # of the data that was looked at for answers
        self._held: dict[int, Held] = {}
        self._listening: set[Held] = set()  # with open questions
        self._snaps: list[Snap] = []  # which come after what somebody waits for
        self._ready: dict[Held, None] = {}  # with something in the outbox

    # For any thread

    # `put` and `put_soon` wait for nothing, since the garbage collector may be what closes a log

    def put(self, thing: Item | Job | Close | End) -> None:
        """See that something is written now, after all that was queued before."""
        self._queue.append(thing)
        self._urgent = True
        self._wake()

    def put_soon(self, thing: Item | Snap) -> None:
        """See that something is written with the next thing that somebody waits for, or after a moment."""
        self._queue.append(thing)
        if not self._soon:
            self._soon = True
            self._wake()

    def _wake(self) -> None:
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
            if self._soon and not self._urgent:
                self._signal.acquire(timeout=SOON)
            self._soon = self._urgent = False
            try:
                self._drain()
                self._look_around()
            except Exception:  # somebody who was told raised; others must still be written
                threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), self._thread)))
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
            self.file.close()
            return True

    def _pause(self) -> float:
        if not self._held:
            return IDLE
        return LOOK if self._listening else self.lease.seconds / 3

    def _drain(self) -> None:
        """Take all that is queued, in order; entries are gathered until something else comes."""
        if self._queue:
            self._worked = time.monotonic()
        while self._queue:
            thing = self._queue.popleft()
            if type(thing) is Item:
                self._gather(thing)
            elif type(thing) is Snap:
                self._snaps.append(thing)
            else:
                self._flush()
                self._other(thing)
        self._flush()
        self._take_snaps()

    def _gather(self, item: Item) -> None:
        """Put an entry into the outbox of its run; one that failed may be given again."""
        held = item.held
        if item.kept:
            resolve([(item, None)])
        elif not held.tried or item not in held.outbox:
            held.outbox.append(item)
        self._ready[held] = None

    def _other(self, thing: Any) -> None:
        if isinstance(thing, Job):
            self._job(thing)
        elif isinstance(thing, Close):
            self._take_snaps()
            thing.held.closing = True
            self.file.look()
            self._let_go(thing.held)
        else:
            self._end()

    # What is done

    def _connection(self) -> sqlite3.Connection:
        return self.file.connection(kept=bool(self._held))

    def _within(self, done: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do something in one transaction."""
        return self.file.within(self._connection(), done)

    def _job(self, job: Job) -> None:
        try:
            connection = self._connection()
            made = self.file.within(connection, job.done) if job.whole else job.done(connection)
        except BaseException as error:
            job.future.set_exception(self.file.explained(error))
            return
        if isinstance(made, Held):
            self._held[made.number] = made
            self._listen(made)
        job.future.set_result(made)

    def _flush(self) -> None:
        """Commit all outboxes together; where that fails for a reason of one of them, each by itself."""
        ready, self._ready = [held for held in self._ready if held.outbox], {}
        if not ready:
            return
        error = self._commit(ready)
        if error is None:
            return
        if len(ready) > 1 and not is_of_all(error):
            for held in ready:
                if (error := self._commit([held])) is not None:
                    self._put_off([held], error)
        else:
            self._put_off(ready, error)

    def _commit(self, ready: list[Held]) -> Exception | None:
        outcome: dict[Held, tuple[int, int] | None] = {}
        gone: dict[Held, Exception] = {}

        def write(connection: sqlite3.Connection) -> None:
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
                item.kept = True
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
        told = self.file.explained(error)
        for held in ready:
            held.tried = True
            self._ready[held] = None
        resolve((item, told) for held in ready for item in held.outbox)

    def _lose(self, held: Held, error: Exception) -> None:
        self._forget(held)
        if held.gone is None:
            held.lose(error)

    def _forget(self, held: Held) -> None:
        held.outbox = []
        self._held.pop(held.number, None)
        self._listening.discard(held)

    def _let_go(self, held: Held) -> None:
        """Give up a run whose log was closed; where that fails it is tried again later."""
        if self._held.get(held.number) is not held:
            return
        if self.file.gone():  # with its runs; a new one may be made once nobody has any
            self._forget(held)
            return
        if held.outbox:
            return
        free = held.row._replace(owner=None)

        def release(connection: sqlite3.Connection) -> None:
            columns = (*free[:HOT], *held.columns, held.asked, held.shots, held.bytes, *free[-3:])
            connection.execute(
                "UPDATE runs SET owner = NULL, checksum = ? WHERE number = ? AND fence = ?",
                (checksum(columns), held.number, held.fence),
            )

        with suppress(sqlite3.Error, StoreError, OSError):
            self._within(release)
            self._forget(held)

    def _take_snaps(self) -> None:
        snaps, self._snaps = self._snaps, []
        for snap in snaps:
            self._snap(snap)

    def _snap(self, snap: Snap) -> None:
        """Keep a snapshot; where that fails there is just none."""
        held, took = snap.held, 0
        if held.outbox or self._held.get(held.number) is not held:
            snap.told(0)
            return
        try:
            packed = held.packer.snapshot(snap.snapshot)
            held.orphans = {blob.digest: blob.raw for blob in packed.blobs if blob.raw}
            given = held, snap.seq, snap.snapshot.number, packed
            more, took = self._within(lambda connection: write_snapshot(connection, *given))
            held.orphans = {}
            held.shots, held.bytes = held.shots + more, held.bytes + took
        except Exception:
            held.packer.forget()
        snap.told(took)

    # Now and then

    def _look_around(self) -> None:
        now = time.monotonic()
        with suppress(sqlite3.Error, StoreError, OSError):
            if self._held and now - self._renewed > self.lease.seconds / 3:
                self._renewed = now
                self._again()
            if self._listening:
                self._hear()

    def _again(self) -> None:
        """Renew the lease, find out which runs were taken, and try again what failed."""
        self._within(self.lease.own)
        for held in list(self._held.values()):
            if not is_ours(self._connection(), held):
                self._lose(held, why_gone(self._connection(), held, self.path))
        self._flush()
        for held in list(self._held.values()):
            if held.closing:
                self._let_go(held)

    def _hear(self) -> None:
        """Tell the runs what another process has answered."""
        connection = self._connection()
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
        self.file.close()
        for thing in self._queue:
            if isinstance(thing, Job):
                thing.future.set_exception(StoreError(f"the store {self.path} is closed: this process is ending."))

    def end(self) -> None:
        """Write what is queued and end the thread."""
        thread = self._thread
        if self._running and thread is not None:
            self.put(End())
            thread.join(self.file.wait + 5)
        self._ended = True

    def abandon(self) -> None:
        """Leave all to the parent: this process is a fork of it."""
        self._ended = True
        for held in self._held.values():
            held.gone = OwnedElsewhere(held.run_id, *self.lease.process[:2], held.row.since)
