"""Runs in the memory of this process: gone when it ends."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

from nbgraph.core.approvals import Answer, Approval
from nbgraph.core.events import Status
from nbgraph.core.ports import History, RunSummary
from nbgraph.core.records import Asked, Moved, Step, Withdrawn
from nbgraph.errors import AlreadyAnswered, ApprovalError, NoSuchRun, OwnedElsewhere


class MemoryLog:
    lost: Any = None
    answered: Any = None

    def __init__(self, store, run):
        self.store, self.run, self.entries = store, run, []
        self.note = self.entries.append
        self.open = True

    def pack(self, writes):
        return None

    def note(self, entry):
        self.entries.append(entry)
        if isinstance(entry, Withdrawn):
            self.store._withdrawn.add(entry.approval_id)

    async def keep(self, entry, packed=None):
        self.entries.append(entry)

    async def ask(self, approval):
        self.store._approvals[approval.id] = approval
        self.entries.append(Asked(approval.id, approval.asked_at))

    def snapshot(self, make):
        pass

    def close(self):
        self.open = False


class MemoryStore:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logs = {}
        self._approvals = {}
        self._withdrawn = set()

    def create(self, run, past=(), approvals=()):
        with self._lock:
            if run.id in self._logs:
                raise ValueError(f"the store already holds a run {run.id!r}; give another id.")
            log = self._logs[run.id] = MemoryLog(self, run)
        log.entries.extend(past)
        return log

    def open(self, run_id):
        log = self._logs[run_id]
        if log.open:
            raise OwnedElsewhere(run_id, 0, "here", 0.0)
        log.open = True
        return log

    def history(self, run_id, after=0):
        if run_id not in self._logs:
            raise NoSuchRun(run_id)
        log = self._logs[run_id]
        return History(log.run, tuple(log.entries[after:]), tuple(self.approvals(run_id)))

    def snapshot(self, run_id, number):
        return None

    def run(self, run_id):
        if run_id not in self._logs:
            raise NoSuchRun(run_id)
        log = self._logs[run_id]
        moved = [e for e in log.entries if isinstance(e, Moved)]
        steps = sum(isinstance(e, Step) for e in log.entries)
        m = moved[-1] if moved else Moved(Status.RUNNING, "", log.run.started_at)
        return RunSummary(run_id, log.run.graph, m.status, m.reason, steps, log.run.started_at, m.at, m.waiting)

    def runs(self, graph=None, status=(), limit=100, before=None):
        return [self.run(id) for id in self._logs]

    def approvals(self, run_id=None, open_only=False):
        return [a for a in self._approvals.values() if (run_id is None or a.run_id == run_id) and not (open_only and a.answer)]

    def answer(self, approval_id, answer):
        with self._lock:
            approval = self._approvals.get(approval_id)
            if approval is None:
                raise ApprovalError(f"there is no question {approval_id!r}.")
            if approval.answer is not None:
                raise AlreadyAnswered(told(approval, approval.answer))
            answered = self._approvals[approval_id] = replace(approval, answer=answer)
            return answered

    def delete(self, run_id): ...
    def compact(self): return 0
    def size(self): return 0


def told(approval: Approval, answer: Answer) -> str:
    """Who answered a question, what, and when."""
    at = time.strftime("%H:%M:%S", time.localtime(answer.at))
    return f"{approval.node} was already answered: {answer.option!r} by {answer.by} at {at}."
