"""Pending: how many questions wait for a person in all of the notebook, told to each live view."""

from __future__ import annotations

import weakref
from collections.abc import Callable

from nbgraph.core.engine import engine_loop
from nbgraph.core.ports import Store
from nbgraph.errors import NbgraphError

SOON = 0.2  # seconds: an answer is on disk by then, and several are counted at once

_counts: weakref.WeakSet[Count] = weakref.WeakSet()
_due = False


class Count:
    """The number of open questions of a store, for one view.

    Args:
        put: shows it; called on a thread of its own.
    """

    def __init__(self, store: Store, put: Callable[[int], None]) -> None:
        self.store, self.put = store, put
        _counts.add(self)
        count_soon()


def count_soon() -> None:
    """Count anew in a moment, for all views; from any thread."""
    engine_loop().call_soon_threadsafe(_later)


def _later() -> None:
    global _due
    if not _due:
        _due = True
        engine_loop().call_later(SOON, _start)


def _start() -> None:
    global _due
    _due = False
    engine_loop().run_in_executor(None, _count)


def _count() -> None:
    counted = tuple(_counts)
    found = {store: _open(store) for store in {each.store for each in counted}}
    for each in counted:
        each.put(found[each.store])


def _open(store: Store) -> int:
    try:
        return len(store.approvals(open_only=True))
    except (NbgraphError, RuntimeError):  # it cannot be read now; or the interpreter is ending
        return 0
