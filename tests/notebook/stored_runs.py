"""Stores with runs that nobody has, as another process would leave them."""

from __future__ import annotations

from nbgraph import Graph, MemoryStore
from nbgraph.core.ports import Store
from nbgraph.core.records import Moved
from nbgraph.core.run_loop import live
from nbgraph.store.transfer import copy


def essay() -> Graph:
    """`draft`, then a person at `gate`."""
    made = Graph("essay")
    made.node(lambda topic: {"text": topic}, name="draft")
    made.human("gate", "Fine? {{ text }}")
    made.edges("START -> draft -> gate -> END")
    return made


def left_waiting(graph: Graph, id: str = "left") -> MemoryStore:
    """A store with a run that waits at its gate, and that no process has."""
    store, kept = MemoryStore(), MemoryStore()
    run = graph.run(topic="bees", store=store, id=f"{id}-before").wait(60)
    copy(store, run.id, id, to=kept)
    run.cancel()
    live.pop(run.id)
    return kept


def leave_interrupted(store: Store, run_id: str, id: str) -> None:
    """Keep a run as another that was under way in a process that is no more."""
    history = store.history(run_id)
    entries = [entry for entry in history.entries if not isinstance(entry, Moved)]
    store.create(history.run._replace(id=id), entries).close()
    assert store.run(id).interrupted
