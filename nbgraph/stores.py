"""Stores: which one a run is kept in, by what was asked for, configured, or set from outside."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any, TypeAlias

from nbgraph.core.graph import Graph
from nbgraph.core.ports import History, Store
from nbgraph.errors import InputError, brief
from nbgraph.store.classes import KNOWN
from nbgraph.store.memory import MemoryStore

Where: TypeAlias = str | os.PathLike[str] | Store

DEFAULT = os.path.join(".nbgraph", "runs.db")

_lock = threading.Lock()
_open: dict[str, Store] = {}
_seen: set[str] = set()  # the paths at which there was a database
_configured: dict[str, Any] = {"store": None, "synchronous": "FULL"}


def configure_stores(*, store: Where | None = None, synchronous: str | None = None) -> None:
    """Set where runs of this program are kept, and how safely; see `nbgraph.configure`.

    Raises:
        InputError: one of them makes no sense.
    """
    if synchronous is not None and synchronous not in ("FULL", "NORMAL"):
        raise InputError(f"synchronous is 'FULL' or 'NORMAL', not {brief(synchronous)}.")
    if store is not None:
        _checked(store)
        if isinstance(store, str | os.PathLike) and store != "memory":
            store = _path(store)  # the same file wherever the program goes later
        _configured["store"] = store
    if synchronous is not None:
        _configured["synchronous"] = synchronous


def default_store() -> Where:
    """What `configure_stores` was told, else what NBGRAPH_STORE says, else `.nbgraph/runs.db` in the working folder."""
    configured = _configured["store"]
    return configured if configured is not None else os.environ.get("NBGRAPH_STORE") or DEFAULT


def how_safely() -> str:
    """ "FULL" or "NORMAL", as `configure_stores` was told."""
    found: str = _configured["synchronous"]
    return found


def open_store(where: Where | None = None) -> Store:
    """The store at a path, "memory", or the store that is given; None for the default.

    A path is opened once in a program. "memory" gives an empty one each time, which is gone with its runs.

    Raises:
        InputError: it is none of these.
        StoreError: the database cannot be opened.
    """
    where = default_store() if where is None else where
    _checked(where)
    if where == "memory":
        return MemoryStore()
    if not isinstance(where, str | os.PathLike):
        return where
    path = _path(where)
    with _lock:
        there = Path(path).exists()
        if path not in _open or (path in _seen and not there):  # it was deleted; one that was never there is made later
            from nbgraph.store.sqlite import SqliteStore  # loaded when first needed

            _open[path] = SqliteStore(path, synchronous=how_safely())
        (_seen.add if there else _seen.discard)(path)
        return _open[path]


def learn_classes(graph: Graph) -> None:
    """Make the classes known that a graph's annotations name, so that stored values of them can be read.

    In a notebook those of its own variables are found by their names.
    """
    if graph.lookup is not None:
        KNOWN.lookup = graph.lookup
    nodes = graph.nodes.values()
    annotations = [read.annotation for node in nodes for read in node.reads]
    annotations += [hint for node in nodes for hint in node.writes.types.values()]
    for annotation in (*annotations, *graph.schema.annotations.values()):
        KNOWN.add(annotation)
    for node in nodes:
        if node.inner is not None:
            learn_classes(node.inner)


def salvageable(store: Store, run_id: str) -> History:
    """What is left of a run, damaged or not, up to the last good step."""
    found: History = getattr(store, "salvage", store.history)(run_id)
    return found


def _path(where: str | os.PathLike[str]) -> str:
    return os.path.realpath(os.path.expanduser(where))


def _checked(where: Any) -> None:
    if not isinstance(where, str | os.PathLike) and not hasattr(where, "create"):
        raise InputError(f"a store is 'memory', the path of a database, or a store, not {brief(where)}.")
    if isinstance(where, str) and where.strip() in ("", ":memory:"):
        said = "empty" if not where.strip() else "':memory:'"
        raise InputError(f"the path of the store is {said}; write 'memory' or a path such as 'runs.db'.")
    if isinstance(where, str | os.PathLike) and "\0" in os.fsdecode(where):
        raise InputError(f"the path of the store holds a character that no path can: {brief(where)}.")
