"""Stored runs: what a graph does with runs that are kept: it resumes and watches them, lists them, and keeps house."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbgraph.core.approvals import Approval
from nbgraph.core.engine import engine_loop
from nbgraph.core.events import Status
from nbgraph.core.graph import Graph
from nbgraph.core.names import run_name
from nbgraph.core.ports import RunSummary, Store
from nbgraph.core.run import Run, announced
from nbgraph.core.run_loop import live
from nbgraph.core.stored import forked_from_store, resumed, salvaged
from nbgraph.starting import settings
from nbgraph.stores import default_store, learn_classes, open_store, salvageable
from nbgraph.watching import Watch

if TYPE_CHECKING:
    from nbgraph.store.transfer import Pruned


class StoredRuns(Graph):
    """The part of a graph that has to do with runs of it that are kept in a store.

    Where no `store` is named, a run that lives in this process is found in its own one, any other in the default store.
    """

    def resume(
        self, run_id: str, *, rename: Mapping[str, str] | None = None, store: Any = None, answers: Any = None
    ) -> Run:
        """Go on with a stored run, by the edges it began with and the nodes as they are declared now.

        Finished tasks are kept; those that were under way run again, and get what `ctx.step` and people gave them.

        Args:
            rename: for names of nodes in the stored run, those that they have now.
            store: where the run is kept, as `run` takes it.
            answers: answers for human nodes, as `run` takes them.

        Raises:
            NoSuchRun: the store holds none with that id.
            OwnedElsewhere: a process that is alive has it.
            GraphChanged: a node that it is about to call is gone; the message tells the ways forward.
            RunError: it has ended, or is another graph's.
        """
        __tracebackhide__ = True
        learn_classes(self)
        made = settings(None, {"store": self._store_of(run_id, store), "answers": answers})
        return announced(Run.of(resumed(self, run_id, rename or {}, made, engine_loop())))

    def fork(
        self,
        run_id: str,
        step: int,
        update: Mapping[str, Any] | None = None,
        /,
        *,
        id: str | None = None,
        store: Any = None,
        answers: Any = None,
        **changes: Any,
    ) -> Run:
        """Fork a stored run, as `Run.fork` does: by the edges it began with and the nodes as they are declared now.

        Args:
            run_id: the run, whoever has it; it stays as it is.
            step: the last step that they share; 0 for none.
            update: keys of the state that are changed first, as a mapping; further ones as keywords.
            id: a name for the new run; made up by default.
            store: where the run is kept, as `run` takes it; the new one is kept there too.
            answers: answers for human nodes, as `run` takes them.

        Raises:
            NoSuchRun: the store holds none with that id.
            RunError: it has no such step, or is another graph's.
            GraphChanged: a node that the new run is about to call is gone.
            InputError: a value does not fit the type of its key.
        """
        __tracebackhide__ = True
        learn_classes(self)
        made = settings(None, {"store": self._store_of(run_id, store), "answers": answers})
        new = run_name(id, self.name)
        forking = forked_from_store(self, run_id, step, {**(update or {}), **changes}, new, made, engine_loop())
        forking.go_on(f"fork of {run_id} at step {step}")
        return announced(Run.of(forking))

    def salvage(self, run_id: str, *, id: str | None = None, store: Any = None, answers: Any = None) -> Run:
        """A new run from what is left of a damaged one: it shares the past up to the last good step, and goes on.

        Args:
            id: a name for the new run; made up by default.

        Raises:
            NoSuchRun: the store holds none with that id.
            StoreDamaged: nothing of it is left.
        """
        __tracebackhide__ = True
        learn_classes(self)
        made = settings(None, {"store": self._store_of(run_id, store), "answers": answers})
        new = run_name(id, self.name)
        run = salvaged(self, salvageable(made.store, run_id), new, made, engine_loop())
        run.go_on(f"salvaged from {run_id}")
        return announced(Run.of(run))

    def watch(self, run_id: str, *, store: Any = None) -> Watch:
        """Look on at a stored run that another process has: as it stands, and what happens from now on.

        Raises:
            NoSuchRun: the store holds none with that id.
        """
        __tracebackhide__ = True
        learn_classes(self)
        return Watch(self, self._store_of(run_id, store), run_id, engine_loop())

    def runs(self, *, status: Iterable[str] | str = (), limit: int = 100, store: Any = None) -> list[RunSummary]:
        """The stored runs of this graph, those that started last first.

        Args:
            status: only those that stand so, such as "waiting".
            limit: how many at most.
        """
        wanted = tuple(Status(each) for each in ((status,) if isinstance(status, str) else status))
        found = [run for opened in _stores(store) for run in opened.runs(self.name, wanted, limit)]
        return sorted(found, key=lambda run: run.started_at, reverse=True)[:limit]

    def approvals(self, *, store: Any = None) -> list[Approval]:
        """The open questions of all stored runs of this graph, in the order of asking."""
        graphs: dict[str, str] = {}
        found = [(opened, approval) for opened in _stores(store) for approval in opened.approvals(open_only=True)]
        for opened, approval in found:
            if approval.run_id not in graphs:
                graphs[approval.run_id] = opened.run(approval.run_id).graph
        return [approval for _, approval in found if graphs[approval.run_id] == self.name]

    def prune(
        self,
        *,
        older_than: float | None = None,
        keep: int | None = None,
        status: Iterable[str] = ("done", "cancelled"),
        dry_run: bool = False,
        store: Any = None,
    ) -> Pruned:
        """Delete stored runs of this graph that have ended; those that a living process has are left alone.

        Args:
            older_than: seconds since their last change; younger ones are left.
            keep: so many of the latest ones are left.
            status: only those that stand so.
            dry_run: True deletes nothing and says what would be.
        """
        wanted = tuple(Status(each) for each in status)
        given = {"older_than": older_than, "keep": keep, "status": wanted, "dry_run": dry_run}
        pruned: Pruned = transfer().prune(open_store(store), graph=self.name, **given)
        return pruned

    def delete(self, run_id: str, *, store: Any = None) -> None:
        """Delete a stored run; OwnedElsewhere where a process that is alive has it."""
        self._store_of(run_id, store).delete(run_id)

    def copy(self, run_id: str, new_id: str, *, store: Any = None, to: Any = None) -> None:
        """Copy a stored run under another id, into another store where `to` names one."""
        transfer().copy(
            self._store_of(run_id, store),
            run_id,
            run_name(new_id, self.name),
            to=None if to is None else open_store(to),
        )

    def export(self, run_id: str, path: str | os.PathLike[str], *, store: Any = None) -> Path:
        """Write a stored run with all its history to one file; returns its path, which ends in .nbrun."""
        written: Path = transfer().export(self._store_of(run_id, store), run_id, path)
        return written

    def import_run(self, path: str | os.PathLike[str], *, id: str | None = None, store: Any = None) -> str:
        """Read a run from a file that `export` wrote; returns its id."""
        imported: str = transfer().import_run(
            open_store(store), path, id=None if id is None else run_name(id, self.name)
        )
        return imported

    def _store_of(self, run_id: str, store: Any) -> Store:
        alive = live.get(run_id)
        return alive.store if store is None and alive is not None else open_store(store)


def _stores(store: Any) -> list[Store]:
    """The store that is named; where runs are kept in memory, those of the runs that live in this process."""
    where = default_store() if store is None else store
    if where != "memory":
        return [open_store(where)]
    return list({id(run.store): run.store for run in tuple(live.values())}.values())


def transfer() -> Any:
    """The module that copies, exports and prunes; loaded when first needed."""
    from nbgraph.store import transfer

    return transfer
