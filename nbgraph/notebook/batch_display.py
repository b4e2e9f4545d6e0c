"""A batch in a notebook: its live view, and beside it the record that stays in the saved file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextvars import copy_context
from heapq import merge
from itertools import chain, islice
from typing import Any
from uuid import uuid4

from IPython.display import display

from nbgraph.batch import Batch
from nbgraph.core.events import ENDED, Status
from nbgraph.core.rows import QUEUED, Row
from nbgraph.errors import RunError
from nbgraph.notebook.comms import deliver_while_busy
from nbgraph.view import batch_table
from nbgraph.view.batch_table import ShownBatch, ShownRow
from nbgraph.view.batch_widget import BatchWidget
from nbgraph.view.values import short, shorten

FLUSH_SECONDS = 0.2
TICK_SECONDS = 1.0  # the time that has passed is shown also where no row ends
LIVE_ROWS = 50
RECORD_ROWS = 100
VALUE = 40
NOTE = 160
FIRST = (Status.FAILED, Status.WAITING, Status.PAUSED)  # where there is no room for all, those that need somebody

Bundle = dict[str, str]


class BatchDisplay:
    """What a notebook shows of one batch, in as many cells as it is displayed in.

    Where somebody watches, the engine's loop alone draws: at most five times a second, the record whenever the batch is
    at rest. Where nobody does there is only the record, brought up to date by the cells that wait.

    Args:
        publisher: the `display_pub` of the shell.
        watched: whether somebody can watch and click.
    """

    def __init__(self, batch: Batch, publisher: Any, watched: bool) -> None:
        self._batch: Batch | None = batch  # let go at the end: a widget lives as long as the kernel
        self._loop, self._publisher = batch.loop, publisher
        self._context = copy_context()  # by it the kernel knows the cell that an output belongs to
        self._name = f"nbgraph-{uuid4().hex}"
        self._rows = Rows()
        self._live: BatchWidget | None = None
        self._flushing = False
        self._tick: asyncio.TimerHandle | None = None
        self._bundle = self._drawn(batch)
        if watched:
            self._watch(batch)
            return
        for row in batch.rows:
            if row.run is not None:  # to answer or resume it waits, as with a run of its own
                row.run.after_wait = self.update

    def _watch(self, batch: Batch) -> None:
        self._live = BatchWidget(self._rows.shown(batch, LIVE_ROWS), self._act)
        deliver_while_busy(self._live.interactive)
        batch.subscribe(self._hear)
        self._loop.call_soon_threadsafe(self._hear, 0)

    # In a cell

    def show(self) -> None:
        """Display the batch in the current cell."""
        if self._live is not None:
            display(self._live)
        elif self._batch is not None:
            self._bundle = self._drawn(self._batch)
        display(self._bundle, raw=True, display_id=self._name)

    def update(self) -> None:
        """Bring the record up to date by a message of the current cell: no other is kept where nobody watches."""
        if self._live is None and self._batch is not None:
            self._publish(self._drawn(self._batch))

    def _publish(self, bundle: Bundle) -> None:
        before, self._bundle = self._bundle, bundle
        if bundle["text/plain"] != before["text/plain"]:
            self._publisher.publish(data=bundle, metadata={}, transient={"display_id": self._name}, update=True)

    def _drawn(self, batch: Batch) -> Bundle:
        shown = self._rows.shown(batch, RECORD_ROWS)
        return {"text/plain": batch_table.text(shown), "text/html": batch_table.html(shown, batch.seconds)}

    # From the page, on any thread

    def _act(self, action: str) -> None:
        batch = self._batch
        if batch is None:
            raise RunError("the batch is over.")
        {"cancel": batch.cancel, "resume": batch.resume}[action]()

    # On the engine's loop

    def _hear(self, _: int) -> None:
        if not self._flushing:
            self._flushing = True
            self._loop.call_later(FLUSH_SECONDS, self._flush, context=self._context)

    def _flush(self) -> None:
        self._flushing = False
        if self._tick is not None:
            self._tick.cancel()
        batch, live = self._batch, self._live
        if batch is None or live is None:
            return
        live.show(self._rows.shown(batch, LIVE_ROWS), batch.seconds)
        if not batch.at_rest:
            self._tick = self._loop.call_later(TICK_SECONDS, self._hear, 0)
            return
        self._publish(self._drawn(batch))
        if set(batch.counts) <= set(ENDED):
            self._batch = None


class Rows:
    """What is shown of the rows of one batch; the values of a row that is done are put into words once."""

    def __init__(self) -> None:
        self._done: dict[int, ShownRow] = {}

    def shown(self, batch: Batch, limit: int) -> ShownBatch:
        """The batch with at most `limit` of its rows."""
        rows = batch.by_status()
        counts = {status: len(found) for status, found in rows.items()}
        return ShownBatch(batch.name, counts, [self._row(batch, row) for row in _chosen(rows, limit)])

    def _row(self, batch: Batch, row: Row) -> ShownRow:
        if row.number in self._done:
            return self._done[row.number]
        status = str(row.status)
        given = {column: row.inputs[column] for column in batch.columns if column in row.inputs}
        note = "" if status == Status.CANCELLED else shorten(row.reason, NOTE)
        results = _results(row) if status == Status.DONE else {}
        shown = ShownRow(shorten(str(row.label), VALUE), status, _short(given), _short(results), note)
        if status == Status.DONE:
            self._done[row.number] = shown
        return shown


def _chosen(rows: Mapping[str, Sequence[Row]], limit: int) -> list[Row]:
    """Those that need somebody; then those that run and have ended last, or the first ones where none runs."""
    urgent = [row for status in FIRST for row in rows.get(status, ())]
    running, queued = rows.get(Status.RUNNING, ()), rows.get(QUEUED, ())
    ended = [rows.get(status, ()) for status in ENDED]
    others: Iterable[Row] = merge(*ended, key=_number)
    if running:
        others = chain(running, merge(*map(reversed, ended), key=_number, reverse=True))
    return sorted(islice(chain(urgent, others, queued), limit), key=_number)


def _number(row: Row) -> int:
    return row.number


def _results(row: Row) -> dict[str, Any]:
    """What the run has added to its inputs, or made of them."""
    state = row.run.state if row.run is not None else {}
    return {key: value for key, value in state.items() if key not in row.inputs or value is not row.inputs[key]}


def _short(values: Mapping[str, Any]) -> dict[str, str]:
    return {shorten(str(key), 40): short(key, value, VALUE) for key, value in values.items()}
