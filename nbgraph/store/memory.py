"""Runs in the memory of this process: gone when it ends."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from nbgraph.core.approvals import Answer, Approval
from nbgraph.core.ports import Recorded, RunRecord, Step
from nbgraph.errors import AlreadyAnswered, ApprovalError


class MemoryStore:
    """A store for one process: it lives as long as somebody holds it; a run has its own unless it is given one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[str, RunRecord] = {}
        self._steps: dict[str, list[Step]] = {}
        self._approvals: dict[str, Approval] = {}
        self._recorded: dict[tuple[str, str], Recorded] = {}

    def create(self, run: RunRecord) -> None:
        """Keep a new run; ValueError where the id is taken."""
        with self._lock:
            if run.id in self._runs:
                raise ValueError(f"the store already holds a run {run.id!r}; give another id.")
            self._runs[run.id] = run
            self._steps[run.id] = []

    async def append(self, run_id: str, step: Step) -> None:
        """Keep a step."""
        self._steps[run_id].append(step)

    def steps(self, run_id: str) -> list[Step]:
        """The steps of a run, in order."""
        return list(self._steps[run_id])

    async def record(self, run_id: str, place: str, recorded: Recorded) -> None:
        """Keep what a side effect returned, at a place within a task, in place of what was recorded there."""
        self._recorded[run_id, place] = recorded

    def recorded(self, run_id: str, place: str) -> Recorded | None:
        """What was recorded at that place, or None."""
        return self._recorded.get((run_id, place))

    def ask(self, approval: Approval) -> None:
        """Keep an open question, in place of one with the same id."""
        with self._lock:
            self._approvals[approval.id] = approval

    def answer(self, approval_id: str, answer: Answer) -> Approval:
        """Keep the first answer to a question.

        Raises:
            AlreadyAnswered: somebody was first.
            ApprovalError: no question has that id.
        """
        with self._lock:
            approval = self._approvals.get(approval_id)
            if approval is None:
                raise ApprovalError(f"there is no question {approval_id!r}.")
            if approval.answer is not None:
                raise AlreadyAnswered(told(approval, approval.answer))
            answered = self._approvals[approval_id] = replace(approval, answer=answer)
            return answered

    def approvals(self, run_id: str) -> list[Approval]:
        """The questions of a run with their answers, in the order of asking."""
        with self._lock:
            return [approval for approval in self._approvals.values() if approval.run_id == run_id]


def told(approval: Approval, answer: Answer) -> str:
    """Who answered a question, what, and when."""
    at = time.strftime("%H:%M:%S", time.localtime(answer.at))
    return f"{approval.node} was already answered: {answer.option!r} by {answer.by} at {at}."
