"""What a store tells where a run or a question is not as was thought: the same sentences for every store."""

from __future__ import annotations

import time

from nbgraph.core.approvals import Answer, Approval
from nbgraph.errors import AlreadyAnswered, ApprovalError, NoSuchRun


def told(approval: Approval, answer: Answer) -> str:
    """Who answered a question, what, and when."""
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(answer.at))
    return f"{approval.node} was already answered: {answer.option!r} by {answer.by} at {at}."


def unanswerable(approval_id: str, approval: Approval | None) -> ApprovalError:
    """Why a question takes no answer: it has one, it was withdrawn, or nobody asked it (`approval` is None)."""
    if approval is None:
        return ApprovalError(f"there is no question {approval_id!r}.")
    if approval.answer is not None:
        return AlreadyAnswered(told(approval, approval.answer))
    return ApprovalError(f"{approval.node} asks this no more: its task has ended.")


def no_run(run_id: str) -> NoSuchRun:
    """That no run has the id."""
    return NoSuchRun(f"the store holds no run {run_id!r}; graph.runs() lists those that it holds.")


def taken(run_id: str) -> ValueError:
    """That another run has the id already."""
    return ValueError(f"the store already holds a run {run_id!r}; give another id.")
