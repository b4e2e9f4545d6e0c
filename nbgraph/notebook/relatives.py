"""Relatives: the strip of a run's family on its page, kept current as runs of this process are forked and move on."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any

from nbgraph.core.engine import engine_loop
from nbgraph.core.family import Member, family
from nbgraph.core.ports import RunSummary, Store
from nbgraph.core.run_loop import live
from nbgraph.errors import NbgraphError
from nbgraph.notebook.options import INTERRUPTED
from nbgraph.view.family import Lane, strip

SOON = 0.2  # seconds: a change is on disk by then, and several are told at once

_strips: weakref.WeakSet[Strip] = weakref.WeakSet()


class Strip:
    """The family of one run that is shown.

    Args:
        put: shows it; called on a thread of its own.
    """

    def __init__(self, store: Store, run_id: str, put: Callable[[Mapping[str, Any]], None]) -> None:
        self._store, self._run_id, self._put = store, run_id, put
        self._known = {run_id}
        self._due = False
        _strips.add(self)
        self.look()

    def look(self) -> None:
        """Read it anew in a moment; from any thread."""
        if not self._due:
            self._due = True
            engine_loop().call_soon_threadsafe(_later, weakref.ref(self))

    def moved(self) -> None:
        """Its run stands elsewhere now: its relatives show that."""
        if len(self._known) > 1:
            self._tell(self._known)

    def read(self) -> None:
        """Read it, and tell those who do not know of each other yet; blocks."""
        self._due = False
        try:
            members = family(self._store, self._run_id)
        except (NbgraphError, RuntimeError):  # it is kept no more; or the interpreter is ending
            return
        before, self._known = self._known, {member.run.id for member in members}
        self._put(strip(self._run_id, [_lane(member) for member in members]))
        if self._known != before:
            self._tell(self._known - {self._run_id})

    def _tell(self, run_ids: set[str]) -> None:
        for each in tuple(_strips):
            if each._run_id in run_ids and each._store is self._store:
                each.look()


def status(run: RunSummary) -> str:
    """Its status as a word, "interrupted" where its process has ended."""
    return INTERRUPTED if run.interrupted else str(run.status)


def _later(strip: weakref.ref[Strip]) -> None:
    engine_loop().call_later(SOON, _read, strip)


def _read(strip: weakref.ref[Strip]) -> None:
    found = strip()
    if found is not None:
        engine_loop().run_in_executor(None, found.read)


def _lane(member: Member) -> Lane:
    run, alive = member.run, live.get(member.run.id)
    stands = status(run) if alive is None or alive.taken else str(alive.status)
    return Lane(run.id, member.depth, run.parent_step, run.steps, stands, run.cost)
