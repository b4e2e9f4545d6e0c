"""nbgraph: draw, run, watch, approve and teach agent graphs in a notebook.

`%load_ext nbgraph` gives the magics; in plain Python begin with `Graph`.
"""

from __future__ import annotations

import typing

from nbgraph.batch import Batch
from nbgraph.core import events
from nbgraph.core.approvals import Answer, Approval
from nbgraph.core.checks import Problem
from nbgraph.core.context import Context
from nbgraph.core.diff import Diff
from nbgraph.core.events import Event, Status, TaskError
from nbgraph.core.graph import END, START
from nbgraph.core.lookback import KeyUse, Moment, Visit
from nbgraph.core.ports import RunSummary, Store
from nbgraph.core.records import Step
from nbgraph.core.reducers import add, append, extend, last, merge, union
from nbgraph.core.run import Run
from nbgraph.core.schema import Private
from nbgraph.core.stored import Replayed
from nbgraph.core.updates import Overwrite
from nbgraph.errors import (
    AlreadyAnswered,
    ApprovalError,
    BadAnswer,
    Cancelled,
    ConditionFailed,
    DeclarationError,
    GraphChanged,
    GraphError,
    InputError,
    MissingKey,
    ModelError,
    NbgraphError,
    NoModel,
    NoSuchRun,
    NotStorable,
    OwnedElsewhere,
    Paused,
    RoutingError,
    RunError,
    StoreDamaged,
    StoreError,
    TextError,
    TimedOut,
    UpdateError,
    Waiting,
    WorkerDied,
    WriteConflict,
)
from nbgraph.library import Graph
from nbgraph.settings import configure
from nbgraph.store.classes import register
from nbgraph.store.memory import MemoryStore
from nbgraph.stores import open_store
from nbgraph.watching import Watch

__version__ = "0.1.0"


def load_ipython_extension(shell: typing.Any) -> None:
    """What `%load_ext nbgraph` calls: the magics, Tab completion, and live views of runs."""
    from nbgraph.notebook import load

    load(shell)


def unload_ipython_extension(shell: typing.Any) -> None:
    """What `%unload_ext nbgraph` calls: takes back all that loading changed."""
    from nbgraph.notebook import unload

    unload(shell)


__all__ = [
    "END",
    "START",
    "AlreadyAnswered",
    "Answer",
    "Approval",
    "ApprovalError",
    "BadAnswer",
    "Batch",
    "Cancelled",
    "ConditionFailed",
    "Context",
    "DeclarationError",
    "Diff",
    "Event",
    "Graph",
    "GraphChanged",
    "GraphError",
    "InputError",
    "KeyUse",
    "MemoryStore",
    "MissingKey",
    "ModelError",
    "Moment",
    "NbgraphError",
    "NoModel",
    "NoSuchRun",
    "NotStorable",
    "Overwrite",
    "OwnedElsewhere",
    "Paused",
    "Private",
    "Problem",
    "Replayed",
    "RoutingError",
    "Run",
    "RunError",
    "RunSummary",
    "Status",
    "Step",
    "Store",
    "StoreDamaged",
    "StoreError",
    "TaskError",
    "TextError",
    "TimedOut",
    "UpdateError",
    "Visit",
    "Waiting",
    "Watch",
    "WorkerDied",
    "WriteConflict",
    "add",
    "append",
    "configure",
    "events",
    "extend",
    "last",
    "load_ipython_extension",
    "merge",
    "open_store",
    "register",
    "union",
    "unload_ipython_extension",
]
