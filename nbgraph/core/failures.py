"""How a failed task is told to a person: the error, the cell and line it came from, without the engine's own frames."""

from __future__ import annotations

import asyncio
import os
import traceback
from types import TracebackType

from nbgraph.core.events import Failure
from nbgraph.core.graph import Node
from nbgraph.errors import NbgraphError, told

_OURS = os.path.dirname(os.path.dirname(__file__))
_PLUMBING = (_OURS, os.path.dirname(asyncio.__file__))


def failure_of(error: BaseException, node: Node | None) -> Failure:
    """The failure that `error` is for the person who wrote `node`; its traceback is cut to their own frames."""
    error.__traceback__ = own_frames(error.__traceback__)
    message = told(error)
    if isinstance(error, RuntimeError) and ("different loop" in message or "different event loop" in message):
        message += (
            f". {node.name if node else 'START'} used an object, such as a client or a lock, that was made in a cell "
            "and belongs to the notebook's loop; make it inside the node."
        )
    return Failure(type(error).__name__, message, place(error, node), error, error.__traceback__)


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
