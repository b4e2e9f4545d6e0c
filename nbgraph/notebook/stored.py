"""The stored runs that a notebook can see, their open questions, and what a click on one of them leads to."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable, Mapping
from typing import Any

from nbgraph.core import graph as core
from nbgraph.core.approvals import REJECT, Answer, Approval, checked_answer
from nbgraph.core.events import Status
from nbgraph.core.ports import ALL, Owner, RunSummary, Store
from nbgraph.core.run import Run
from nbgraph.core.run_loop import RunLoop, live
from nbgraph.errors import ApprovalError, DeclarationError, NbgraphError, NoSuchRun, told
from nbgraph.library import Graph
from nbgraph.notebook.catalog import Catalog
from nbgraph.notebook.options import INTERRUPTED
from nbgraph.notebook.relatives import status
from nbgraph.stores import open_store
from nbgraph.view.times import clock
from nbgraph.watching import Watch


class Stored:
    """Runs of the default store, and those of this process that are kept elsewhere; blocks, as stores do.

    Args:
        catalog: knows the graphs that the notebook declares.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def stores(self) -> list[Store]:
        """The stores to look at, each once."""
        opened = [open_store(), *(run.store for run in list(live.values()))]
        return list({id(store): store for store in opened}.values())

    def graph(self, name: str) -> Graph | None:
        """The graph that the notebook declares by that name of its own, or None."""
        return next((graph for graph in self._catalog.graphs().values() if graph.name == name), None)

    # Runs

    def runs(self, graph: str | None, standing: Iterable[str], limit: int) -> list[RunSummary]:
        """The runs of a graph, or of all, that stand so where anything is said; those that started last first."""
        wanted = frozenset(standing)
        asked = {Status.RUNNING if each == INTERRUPTED else Status(each) for each in wanted}
        most = ALL if Status.RUNNING in asked else limit  # which of them are interrupted the store does not tell
        listed = {run.id: run for store in self.stores() for run in store.runs(graph, asked, most)}
        fitting = [run for run in listed.values() if not wanted or status(run) in wanted]
        return sorted(fitting, key=lambda run: run.started_at, reverse=True)[:limit]

    def resume(self, run_id: str, rename: Mapping[str, str] | None = None) -> Run:
        """Go on with a run by the graph that the notebook declares.

        Raises:
            NoSuchRun: no store holds it.
            DeclarationError: the notebook does not declare its graph.
        """
        store, summary = self.found(run_id)
        graph = self.graph(summary.graph)
        if graph is None:
            raise DeclarationError(
                f"{run_id} is a run of {summary.graph}, and this notebook declares no graph of that name; "
                f"run the cells that declare it, and resume then."
            )
        return graph.resume(run_id, rename=rename, store=store)

    def opened(self, run_id: str) -> Run | Watch:
        """A run to look at: itself where it lives in this process, else as the store tells of it."""
        store, summary = self.found(run_id)
        alive = _alive(run_id, store)
        if alive is not None:
            return Run.of(alive)
        return (self.graph(summary.graph) or Graph(summary.graph)).watch(run_id, store=store)

    def found(self, run_id: str) -> tuple[Store, RunSummary]:
        """The store that holds a run, and how it stands there; NoSuchRun where none does."""
        *others, last = self.stores()
        for store in others:
            try:
                return store, store.run(run_id)
            except NoSuchRun:
                pass
        return last, last.run(run_id)

    # Questions

    def questions(self, graph: str | None) -> list[Approval]:
        """The open questions of the runs of a graph, or of all, in the order of asking."""
        asked = {each.id: each for store in self.stores() for each in _open(store, graph)}
        return sorted(asked.values(), key=lambda each: each.asked_at)

    def question(self, approval_id: str, run_id: str) -> Approval | None:
        """A question as it is now; None where it is gone."""
        asked = (each for store in self.stores() for each in store.approvals(run_id))
        return next((each for each in asked if each.id == approval_id), None)

    def answer(
        self, asked: Approval, option: str, note: str, edit: dict[str, Any], form: dict[str, Any], by: str
    ) -> str:
        """Answer a question, and let its run go on here where nobody else has it; gives a sentence on that.

        Raises:
            AlreadyAnswered: somebody was first.
            ApprovalError: the answer does not fit the question, or the question is not what was shown any more.
        """
        store, _ = self.found(asked.run_id)
        now = self.question(asked.id, asked.run_id)
        if now is None or now.digest != asked.digest:
            raise ApprovalError(f"{asked.node} has changed since it was shown; look at it again.")
        alive = _alive(asked.run_id, store)
        if alive is not None:
            Run.of(alive).answer(asked.id, option, note, edit, form=form, by=by)
            return f"{asked.run_id} {'goes on' if alive.status is Status.RUNNING else f'is {alive.status}'}"
        late = asked.deadline is not None and time.time() >= asked.deadline
        store.answer(asked.id, _of_deadline(asked) if late else self._checked(asked, option, note, edit, form, by))
        gone_on = self.go_on(asked.run_id)
        return f"{_too_late(asked)}; {gone_on}" if late else gone_on

    def _checked(
        self, asked: Approval, option: str, note: str, edit: dict[str, Any], form: dict[str, Any], by: str
    ) -> Answer:
        answer = checked_answer(asked, option, note, edit, by, time.time(), form)
        declared = self._form(asked)
        if declared is not None and option != REJECT:
            declared.value(answer.form)  # entries that do not fit leave the question open
        return answer

    def _form(self, asked: Approval) -> Any:
        """The form of the human node that asked, where the notebook declares it."""
        summary = self.found(asked.run_id)[1]
        graph: core.Graph | None = self.graph(summary.graph)
        *path, name = asked.node.split("/")
        for part in path:
            node = graph.nodes.get(part) if graph else None
            graph = node.inner if node else None
        node = graph.nodes.get(name) if graph else None
        return getattr(node.body, "form", None) if node else None

    def go_on(self, run_id: str) -> str:
        """Let a run that has got an answer go on here, where nobody else has it; gives a sentence on that."""
        _, summary = self.found(run_id)
        if summary.owner is not None and summary.owner.alive:
            return f"recorded; {run_id} goes on in {who(summary.owner)}"
        if self.graph(summary.graph) is None:
            return (
                f"recorded; {run_id} goes on when {summary.graph} is resumed: "
                f"run the cells that declare it, then `%graph resume {run_id}`"
            )
        try:
            self.resume(run_id)
        except NbgraphError as error:
            return f"recorded, but {run_id} cannot go on: {told(error)}"
        return f"{run_id} goes on"


def elsewhere(run: RunSummary) -> bool:
    """Whether another process that is alive has it."""
    owner = run.owner
    return owner is not None and owner.alive and (owner.pid, owner.host) != (os.getpid(), socket.gethostname())


def who(owner: Owner) -> str:
    """Such as "process 4711 on vm"."""
    return f"process {owner.pid} on {owner.host}"


def _alive(run_id: str, store: Store) -> RunLoop | None:
    """The run in this process, where that is it."""
    found = live.get(run_id)
    return found if found is not None and found.store is store and not found.taken else None


def _open(store: Store, graph: str | None) -> list[Approval]:
    asked = store.approvals(open_only=True)
    if graph is None or not asked:
        return asked
    mine = {run.id for run in store.runs(graph, limit=ALL)}
    return [each for each in asked if each.run_id in mine]


def _of_deadline(asked: Approval) -> Answer:
    return Answer(asked.otherwise, "", {}, "deadline", asked.deadline or 0.0)


def _too_late(asked: Approval) -> str:
    return f"its deadline was {clock(asked.deadline or 0.0)}, and since then the answer is {asked.otherwise}"
