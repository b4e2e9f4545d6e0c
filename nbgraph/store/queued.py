"""What is queued for the writer beside entries."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple

from nbgraph.core.records import Snapshot
from nbgraph.store.commits import Held


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
