"""`%graph runs`: the stored runs, to go on with one or to open it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ipywidgets

from nbgraph.core.events import Status
from nbgraph.core.ports import RunSummary
from nbgraph.notebook import display
from nbgraph.notebook.below import Below
from nbgraph.notebook.comms import deliver_while_busy
from nbgraph.notebook.listing import Bundle, Listing
from nbgraph.notebook.options import INTERRUPTED
from nbgraph.notebook.relatives import status
from nbgraph.notebook.stored import Stored, elsewhere, who
from nbgraph.view import run_table
from nbgraph.view.run_list_widget import RunListWidget
from nbgraph.view.run_table import ShownRun, ShownRuns
from nbgraph.view.times import clock
from nbgraph.view.values import shorten

NOTE = 120
TO_GO_ON = (Status.WAITING.value, Status.PAUSED.value, Status.FAILED.value, INTERRUPTED)


class RunList(Listing[ShownRuns]):
    """The runs of a graph, or of all.

    Args:
        graph: the name of a graph, or None.
        standing: only those that stand so, where anything is said.
        limit: how many at most.
    """

    def __init__(
        self, stored: Stored, graph: str | None, standing: Iterable[str], limit: int, publisher: Any, watched: bool
    ) -> None:
        self._stored, self._graph, self._standing, self._limit = stored, graph, tuple(standing), limit
        super().__init__(publisher, watched)

    def read(self) -> ShownRuns:
        """The runs that the stores hold now."""
        found = self._stored.runs(self._graph, self._standing, self._limit + 1)
        rows = [shown(run) for run in found[: self._limit]]
        return ShownRuns(self._title(), rows, len(found) > self._limit)

    def _title(self) -> str:
        which = f"{', '.join(self._standing)} runs" if self._standing else "runs"
        return f"{which} of {self._graph or 'all graphs'}"

    def record(self) -> Bundle:
        """The table."""
        return {"text/plain": run_table.text(self.shown), "text/html": run_table.html(self.shown)}

    def view(self, below: Below) -> ipywidgets.Widget:
        """The table with its buttons."""
        self._widget = RunListWidget(self.shown, self.act, lambda text: self.later(lambda: self.say(text)))
        deliver_while_busy([self._widget])
        return _View([self._widget, below])

    def put(self, found: ShownRuns) -> None:
        """Show the runs as they are now."""
        self._widget.show(found)

    def say(self, sentence: str) -> None:
        """Show a sentence below the table."""
        self._widget.say(sentence)

    # From the page, on any thread

    def act(self, action: str, run_id: str) -> None:
        """Go on with a run, or open it: it is shown below."""
        assert self.below is not None
        do = self._stored.resume if action == "resume" else self._stored.opened
        self.later(lambda: self.say(""))
        self.below.call(lambda: display.show(do(run_id)))
        self.refresh()


class _View(ipywidgets.VBox):  # type: ignore[misc]
    def __repr__(self) -> str:
        return "<list of runs>"


def shown(run: RunSummary) -> ShownRun:
    """A run as texts."""
    stands, away = status(run), elsewhere(run)
    actions = ("resume", "open") if stands in TO_GO_ON and not away else ("open",)
    waiting = ", ".join(run.waiting) if run.status is Status.WAITING else ""
    started, note = clock(run.started_at), "; ".join(_notes(run))
    return ShownRun(run.id, run.graph, stands, run.steps, started, waiting, run.cost, run.bytes, note, actions)


def _notes(run: RunSummary) -> list[str]:
    notes = []
    if run.owner is not None and elsewhere(run):
        notes.append(f"{who(run.owner)} has it since {clock(run.owner.since)}")
    if run.status in (Status.FAILED, Status.PAUSED) and run.reason:
        notes.append(shorten(run.reason, NOTE))
    if run.relation:
        at = f" at step {run.parent_step}" if run.relation == "fork" else ""
        notes.append(f"{'fork of' if run.relation == 'fork' else run.relation} {run.parent}{at}")
    return notes
