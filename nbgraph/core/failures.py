"""How a failed task is told to a person: the error, the cell and line it came from, without the engine's own frames."""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import Mapping
from types import TracebackType

from nbgraph.core.events import Failure, TaskError
from nbgraph.core.graph import Node
from nbgraph.errors import NbgraphError, told

LONGEST = 10_000  # characters of a message that are kept


class InnerFailure(Exception):
    """A subgraph has failed: carries the failure of its task, with the task's path, to the task that it runs in."""

    def __init__(self, path: str, failure: Failure) -> None:
        self.path, self.failure = path, failure


class ItemsFailed(Exception):
    """Items of a map have failed: their errors by index."""

    def __init__(self, errors: Mapping[int, BaseException], count: int) -> None:
        self.errors, self.count = errors, count


def unwrapped(error: BaseException) -> BaseException:
    """The error that a node raised, out of what carries it; of several items the first one's."""
    if isinstance(error, ItemsFailed):
        return unwrapped(error.errors[min(error.errors)])
    return error.failure.error if isinstance(error, InnerFailure) else error


def task_errors(error: BaseException, node: str) -> tuple[TaskError, ...]:
    """What the nodes that `node`'s error edges lead to are told of its failure."""
    if isinstance(error, ItemsFailed):
        return tuple([_task_error(error.errors[index], node, index) for index in sorted(error.errors)])
    return (_task_error(error, node, None),)


def _task_error(error: BaseException, node: str, item: int | None) -> TaskError:
    inner = error.path if isinstance(error, InnerFailure) else node
    raised = unwrapped(error)
    return TaskError(inner, type(raised).__name__, told(raised), item)


def shortened(message: str) -> str:
    """What the log keeps of a message; whoever lists runs reads it each time."""
    return message if len(message) <= LONGEST else f"{message[:LONGEST]}… ({len(message):,} characters)"


_OURS = os.path.dirname(os.path.dirname(__file__))
_PLUMBING = (_OURS, os.path.dirname(asyncio.__file__))


def failure_of(error: BaseException, node: Node | None) -> Failure:
    """The failure that `error` is for the person who wrote `node`; its traceback is cut to their own frames."""
    if isinstance(error, InnerFailure):
        failure, within = error.failure, error.path.removesuffix("#1")
        if failure.message.startswith((f"in {within}/", f"in {within}[")):  # told by the innermost subgraph
            return failure
        return failure._replace(message=f"in {error.path}: {failure.message}")
    if isinstance(error, ItemsFailed):
        return _failure_of_items(error, node)
    error.__traceback__ = own_frames(error.__traceback__)
    message = told(error)
    if isinstance(error, RuntimeError) and ("different loop" in message or "different event loop" in message):
        message += (
            f". {node.name if node else 'START'} used an object, such as a client or a lock, that was made in a cell "
            "and belongs to the notebook's loop; make it inside the node."
        )
    return Failure(type(error).__name__, message, place(error, node), error, error.__traceback__)


def _failure_of_items(failed: ItemsFailed, node: Node | None) -> Failure:
    index = min(failed.errors)
    failure = failure_of(failed.errors[index], node)
    note = f"in item {index} of {failed.count}; {len(failed.errors)} failed, the others are kept"
    if note not in getattr(failure.error, "__notes__", ()):
        failure.error.add_note(note)
    return failure


def own_frames(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame that is neither the engine's nor asyncio's."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_PLUMBING):
        trace = trace.tb_next
    return trace


def place(error: BaseException, node: Node | None) -> str:
    """The last line of the node's own cell in the traceback, such as `cell [3], line 5`."""
    if node is None:
        return "START"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == node.file]
    if lines:
        return f"{node.where}, line {lines[-1]}"
    if isinstance(error, NbgraphError) or not frames:
        return node.where
    return f"{frames[-1].filename}, line {frames[-1].lineno}"
