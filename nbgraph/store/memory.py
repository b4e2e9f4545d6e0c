"""Runs in the memory of this process: gone when it ends."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice

from nbgraph.core.approvals import Answer, Approval
from nbgraph.core.events import Status
from nbgraph.core.ports import History, Owner, Packed, RunSummary
from nbgraph.core.records import Asked, Entry, ModelAnswered, Moved, Resumed, RunRecord, Snapshot, Step, Withdrawn
from nbgraph.core.views import Writes
from nbgraph.errors import OwnedElsewhere
from nbgraph.store.telling import no_run, taken, unanswerable

EVERY = 500  # steps between snapshots


class MemoryStore:
    """Keeps every object as it is and refuses none, so the state may hold live ones: a client, a lock.

    Nothing is copied: a kept object that is changed in place is changed in the store.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards the tables and what was read of the logs; never the logs themselves
        self._runs: dict[str, _Run] = {}
        self._asked: dict[str, _Run] = {}  # by the ids of questions, in the order of asking

    def create(self, run: RunRecord, past: Iterable[Entry] = (), approvals: Iterable[Approval] = ()) -> MemoryLog:
        """Keep a new run, and what is known of it already; ValueError where the id is taken."""
        kept = _Run(run, list(past), {approval.id: approval for approval in approvals})
        with self._lock:
            if run.id in self._runs:
                raise taken(run.id)
            self._runs[run.id] = kept
            self._asked |= dict.fromkeys(kept.approvals, kept)
            return self._log(kept)

    def open(self, run_id: str) -> MemoryLog:
        """Take a run; NoSuchRun where there is none with that id, OwnedElsewhere where its log is still open."""
        with self._lock:
            kept = self._found(run_id)
            kept.check_free()
            return self._log(kept)

    def history(self, run_id: str, after: int = 0) -> History:
        """All that is kept of a run; of its log what follows the first `after` entries."""
        with self._lock:
            kept = self._found(run_id)
            return History(kept.record, tuple(kept.entries[after:]), tuple(kept.approvals.values()))

    def snapshot(self, run_id: str, number: int) -> tuple[Snapshot, int] | None:
        """The latest snapshot up to the step `number`, and how many entries the log had then."""
        with self._lock:
            snapshots = self._found(run_id).snapshots
            return next((each for each in reversed(snapshots) if each[0].number <= number), None)

    def run(self, run_id: str) -> RunSummary:
        """Where a run stands; NoSuchRun where there is none with that id."""
        with self._lock:
            return self._found(run_id).summary()

    def runs(
        self,
        graph: str | None = None,
        status: Iterable[Status] = (),
        limit: int = 100,
        before: float | None = None,
        parent: str | None = None,
    ) -> list[RunSummary]:
        """The runs of a graph, or of all, in one of the statuses; of those of one moment the last kept is first."""
        wanted = frozenset(status)
        with self._lock:
            latest = sorted(self._runs.values(), key=lambda kept: kept.record.started_at)[::-1]
            found = (
                kept.summary()
                for kept in latest
                if graph in (None, kept.record.graph)
                and parent in (None, kept.record.parent)
                and (before is None or kept.record.started_at < before)
            )
            return list(islice((each for each in found if not wanted or each.status in wanted), limit))

    def approvals(self, run_id: str | None = None, open_only: bool = False) -> list[Approval]:
        """The questions of a run, or of all, in the order of asking; those that can be answered where `open_only`."""
        with self._lock:
            kept = self._runs.get(run_id) if run_id is not None else None
            asked = self._asked if run_id is None else dict.fromkeys(kept.approvals, kept) if kept else {}
            return [kept.approvals[id] for id, kept in asked.items() if not open_only or kept.is_open(id)]

    def answer(self, approval_id: str, answer: Answer) -> Approval:
        """Keep the first answer to a question, and tell it to the log of its run; see `Store.answer` for the errors."""
        with self._lock:
            kept = self._asked.get(approval_id)
            approval = kept.approvals[approval_id] if kept else None
            if kept is None or approval is None or not kept.is_open(approval_id):
                raise unanswerable(approval_id, approval)
            answered = kept.approvals[approval_id] = replace(approval, answer=answer)
            log = kept.log
        if log is not None and log.answered is not None:
            log.answered(answered)
        return answered

    def delete(self, run_id: str) -> None:
        """Forget a run; OwnedElsewhere where its log is still open, NoSuchRun where there is none with that id."""
        with self._lock:
            kept = self._found(run_id)
            kept.check_free()
            del self._runs[run_id]
            for id in kept.approvals:
                if self._asked.get(id) is kept:
                    del self._asked[id]

    def compact(self) -> int:
        """Nothing: what was deleted takes no space."""
        return 0

    def size(self) -> int:
        """Nothing, since nothing is encoded."""
        return 0

    def ask(self, kept: _Run, approval: Approval) -> Approval:
        """Keep an open question; returns it, with its answer where just this one has been answered already."""
        with self._lock:
            before = kept.approvals.get(approval.id)
            if before is not None and before.answer is not None and before.digest == approval.digest:
                approval = before
            kept.approvals.pop(approval.id, None)  # asked anew, it is the latest one
            self._asked.pop(approval.id, None)
            kept.approvals[approval.id], self._asked[approval.id] = approval, kept
            kept.entries.append(Asked(approval.id, approval.asked_at))
        return approval

    def _found(self, run_id: str) -> _Run:
        kept = self._runs.get(run_id)
        if kept is None:
            raise no_run(run_id)
        return kept

    def _log(self, kept: _Run) -> MemoryLog:
        kept.log = log = MemoryLog(self, kept)
        return log


class MemoryLog:
    """The log of a run. It is appended to without a lock, on the run's loop alone."""

    lost: Callable[[Exception], None] | None = None  # never called: a run is taken only after its log was closed
    answered: Callable[[Approval], None] | None = None

    def __init__(self, store: MemoryStore, kept: _Run) -> None:
        self.owner = Owner(os.getpid(), socket.gethostname(), time.time())
        self._store, self._kept, self._entries = store, kept, kept.entries
        self._closed = False
        self._left = EVERY

    def pack(self, writes: Writes) -> Packed | None:
        """Nothing: the values are kept as they are."""
        return None

    def note(self, entry: Entry) -> None:
        """Keep an entry; what it means for the run's questions is read when somebody wants to know."""
        if self._closed:
            raise self._elsewhere()
        self._entries.append(entry)

    async def keep(self, entry: Entry, packed: Packed | None = None) -> None:
        """Keep an entry."""
        if self._closed:
            raise self._elsewhere()
        self._entries.append(entry)

    async def ask(self, approval: Approval) -> None:
        """Keep an open question, in place of one with the same id; an answer to just this one stays, and is told."""
        if self._closed:
            raise self._elsewhere()
        kept = self._store.ask(self._kept, approval)
        if kept.answer is not None and self.answered is not None:
            asyncio.get_running_loop().call_soon(self.answered, kept)  # once who asks waits for it

    def snapshot(self, make: Callable[[], Snapshot | None]) -> None:
        """Take a snapshot every 500 steps; where none can be made then, with the next step that lets it."""
        self._left -= 1
        if self._left > 0 or self._closed:
            return
        made = make()
        if made is not None:
            self._left = EVERY
            self._kept.snapshots.append((made, len(self._entries)))

    def close(self) -> None:
        """Let the run go. It takes no lock, since the garbage collector may call it anywhere."""
        self._closed = True
        if self._kept.log is self:
            self._kept.log = None

    def _elsewhere(self) -> OwnedElsewhere:
        owner = (self._kept.log or self).owner
        return OwnedElsewhere(self._kept.record.id, owner.pid, owner.host, owner.since)


class _Run:
    """What is kept of a run, and what was read so far of its log: how it stands, and which questions are withdrawn."""

    def __init__(self, record: RunRecord, entries: list[Entry], approvals: dict[str, Approval]) -> None:
        self.record, self.entries, self.approvals = record, entries, approvals
        self.snapshots: list[tuple[Snapshot, int]] = []
        self.log: MemoryLog | None = None
        self._read = self._steps = 0
        self._cost: float | None = None
        self._moved = Moved(Status.RUNNING, "", record.started_at)
        self._changed_at = record.started_at
        self._withdrawn: set[str] = set()

    def check_free(self) -> None:
        """OwnedElsewhere where a log of it is open."""
        if self.log is not None:
            owner = self.log.owner
            raise OwnedElsewhere(self.record.id, owner.pid, owner.host, owner.since)

    def is_open(self, approval_id: str) -> bool:
        """Whether a question can be answered."""
        self._catch_up()
        return self.approvals[approval_id].answer is None and approval_id not in self._withdrawn

    def summary(self) -> RunSummary:
        """Where it stands."""
        self._catch_up()
        record, moved = self.record, self._moved
        return RunSummary(
            id=record.id,
            graph=record.graph,
            status=moved.status,
            reason=moved.reason,
            steps=self._steps,
            started_at=record.started_at,
            changed_at=self._changed_at,
            waiting=moved.waiting,
            owner=self.log.owner if self.log else None,
            parent=record.parent,
            parent_step=record.parent_step,
            relation=record.relation,
            cost=self._cost,
        )

    def _catch_up(self) -> None:
        """Read what has been added to the log since the last time."""
        new = self.entries[self._read :]
        self._read += len(new)
        for entry in new:
            self._take(entry)
        if latest := next((entry for entry in reversed(new) if hasattr(entry, "at")), None):
            self._changed_at = latest.at

    def _take(self, entry: Entry) -> None:
        match entry:
            case Step():
                self._steps += 1
            case ModelAnswered(cost=float(cost)):
                self._cost = (self._cost or 0.0) + cost
            case Moved():
                self._moved = entry
            case Resumed(_, _, at):
                self._moved = Moved(Status.RUNNING, "", at)
            case Withdrawn(id):
                self._withdrawn.add(id)
            case Asked(id):
                self._withdrawn.discard(id)
