"""Batch: a run for each row of a table, a few at once."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from threading import Condition
from typing import Any, Protocol

from nbgraph.core.engine import engine_loop
from nbgraph.core.events import Event, Status, StatusChanged
from nbgraph.core.plan import Plan
from nbgraph.core.rows import QUEUED, Row
from nbgraph.core.run import TICK, Run
from nbgraph.core.run_loop import RunLoop
from nbgraph.core.tables import Table
from nbgraph.errors import InputError, NbgraphError, RunError, brief

ORDER = (Status.DONE, Status.FAILED, Status.WAITING, Status.PAUSED, Status.RUNNING, QUEUED, Status.CANCELLED)


class Startable(Protocol):
    """What a batch needs of a graph."""

    name: str

    def plan(self) -> Plan: ...
    def ready(self, loop: Any, compiled: Plan, inputs: Mapping[str, Any], options: Mapping[str, Any]) -> RunLoop: ...


class Stopwatch:
    """Counts the seconds while it goes; it goes from the beginning."""

    def __init__(self) -> None:
        self._counted, self._going, self._last = 0.0, True, time.monotonic()

    @property
    def seconds(self) -> float:
        """What was counted until now."""
        return self._counted + (time.monotonic() - self._last) * self._going

    def go(self, going: bool) -> None:
        """Go on counting, or stop."""
        self._counted, self._last, self._going = self.seconds, time.monotonic(), going


class Batch:
    """The runs of a table, of which at most `parallel` run at once; `Graph.map` makes it.

    A run that is done, failed, cancelled or paused, or that waits for a person, frees its place for the next row. One
    that was answered goes on at once, whether there is a place or not. All rows go by the graph as it was when the
    batch began, or was last resumed.

    A notebook sets `attended` and `after_wait`, as with a `Run`.
    """

    def __init__(
        self, graph: Startable, compiled: Plan, table: Table, parallel: int, options: Mapping[str, Any]
    ) -> None:
        if not isinstance(parallel, int) or parallel < 1:
            raise InputError(f"parallel is the number of runs at once, 1 or more, not {brief(parallel)}.")
        self.name, self.parallel, self.loop = graph.name, parallel, engine_loop()
        self.attended = False
        self.after_wait: Callable[[], None] | None = None
        self._graph, self._plan, self._options = graph, compiled, options
        self.columns, self._index = table.columns, table.index
        self.rows = [Row(number, *each) for number, each in enumerate(zip(table.labels, table.rows, strict=True))]
        self._queue = deque(self.rows)
        self._running: set[Row] = set()  # what has a place; this and the queue change on the loop alone
        self._rested: list[Row] = []  # in the order in which they came to rest
        self._orders = 0  # given, and not yet heard by the loop
        self._starting: set[asyncio.Task[None]] = set()
        self._filling = True  # whether the loop will look for a place
        self._watchers: dict[Callable[[int], None], None] = {}
        self._changed = Condition()
        self._time = Stopwatch()
        self._context = copy_context()  # what nodes print then lands in the cell that started the batch
        if self.rows:
            self._begin(self._next())  # here, so that options which make no sense are refused before anything runs
            self._soon(self._fill)

    def __repr__(self) -> str:
        return f"<Batch {self.name}: {self.status}>"

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[int, Run | None]]:
        """The number and the run of each row, as they come to rest; ends when nothing more will by itself."""
        self._refuse_to_block()
        seen: set[Row] = set()
        for row in self._coming_to_rest():
            if row not in seen:
                seen.add(row)
                yield row.number, row.run

    def _coming_to_rest(self) -> Iterator[Row]:
        taken = 0
        while True:
            with self._changed:
                while taken == len(self._rested) and not self.at_rest:
                    self._changed.wait(TICK)
            if taken == len(self._rested):
                return
            yield self._rested[taken]
            taken += 1

    # How it stands

    @property
    def runs(self) -> list[Run | None]:
        """The runs in the order of the rows; None for a row that has not started."""
        return [row.run for row in self.rows]

    @property
    def counts(self) -> dict[str, int]:
        """How many rows have each status; those of none are left out."""
        return {status: len(rows) for status, rows in self.by_status().items()}

    def by_status(self) -> dict[str, list[Row]]:
        """The rows that have each status, in their order; those of none are left out."""
        found: dict[str, list[Row]] = {str(status): [] for status in ORDER}
        for row in self.rows:
            found[row.status].append(row)
        return {status: rows for status, rows in found.items() if rows}

    @property
    def status(self) -> str:
        """Where the rows stand, such as "7 done, 1 failed, 2 waiting"."""
        return ", ".join(f"{count} {status}" for status, count in self.counts.items()) or "no rows"

    @property
    def seconds(self) -> float:
        """How long it has been under way in all; the time at rest does not count."""
        return self._time.seconds if self.rows else 0.0

    @property
    def at_rest(self) -> bool:
        """Whether every row has ended or cannot go on by itself, such as without a person."""
        if self._orders or self._queue or self._running:
            return False
        return all(row.status not in (Status.RUNNING, QUEUED) for row in self.rows)

    @property
    def waiting(self) -> dict[int, Run]:
        """The runs that wait for a person, by row; `run.answer` answers there."""
        return {row.number: row.run for row in self.rows if row.run is not None and row.status is Status.WAITING}

    @property
    def failures(self) -> dict[int, BaseException]:
        """The errors of the rows that failed, by row."""
        return {row.number: row.error for row in self.rows if row.error is not None and row.status is Status.FAILED}

    def wait(self, timeout: float | None = None) -> Batch:
        """Wait until every row has ended or cannot go on by itself, such as without a person.

        Args:
            timeout: seconds; None waits as long as it takes.
        """
        self._refuse_to_block()
        end = None if timeout is None else time.monotonic() + timeout
        try:
            with self._changed:
                while not self.at_rest and (left := TICK if end is None else end - time.monotonic()) > 0:
                    self._changed.wait(min(TICK, left))
        except KeyboardInterrupt:
            if not self.attended:
                raise
            print(f"Stopped waiting; {self.name} goes on. batch.wait() waits again, batch.cancel() ends its runs.")
        if self.after_wait is not None:
            self.after_wait()
        return self

    def __await__(self) -> Generator[Any, None, Batch]:
        return self._wait_in_ticks().__await__()

    async def _wait_in_ticks(self) -> Batch:
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def wake(_: int) -> None:
            with suppress(RuntimeError):  # the caller's loop may be closed by now
                loop.call_soon_threadsafe(changed.set)

        dismiss = self.subscribe(wake)
        try:
            while not self.at_rest:
                changed.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), TICK)
        finally:
            dismiss()
        return self

    # What came of it

    def results(self) -> list[dict[str, Any] | None]:
        """Wait as `wait` does, then the final states in the order of the rows; None for a row that is not done."""
        self.wait()
        return [_final(row) for row in self.rows]

    def table(self, *keys: str) -> list[dict[str, Any]]:
        """A dict for each row as it stands now: its inputs, keys of its final state, and its `status` and `error`.

        A value that is not there is None, `error` is empty where there is none. Where a key has one of these two names,
        ours are `run_status` and `run_error`.

        Args:
            keys: of the final state; by default all that are no inputs.
        """
        finals = [_final(row) or {} for row in self.rows]
        pairs = zip(self.rows, finals, strict=True)
        named = keys or tuple(dict.fromkeys(key for row, final in pairs for key in final if key not in row.inputs))
        status, error = (_free(name, {*self.columns, *named}) for name in ("status", "error"))
        return [
            {column: row.inputs.get(column) for column in self.columns}
            | {key: final.get(key) for key in named}
            | {status: str(row.status), error: row.reason if row.status is Status.FAILED else ""}
            for row, final in zip(self.rows, finals, strict=True)
        ]

    def frame(self, *keys: str) -> Any:
        """What `table` gives as a DataFrame, with the index of the one that the batch was made of.

        Raises:
            NbgraphError: pandas is not installed.
        """
        try:
            import pandas  # type: ignore[import-not-found,import-untyped,unused-ignore]
        except ImportError:
            hint = "`pip install pandas`, or take batch.table(), which gives the same as a list of dicts."
            raise NbgraphError(f"batch.frame() needs pandas, which is not installed: {hint}") from None
        rows = self.table(*keys)
        columns = list(rows[0]) if rows else [*self.columns, *keys, "status", "error"]
        return pandas.DataFrame(rows, index=self._index, columns=columns)

    # What a person does

    def cancel(self) -> None:
        """End every run that has not ended and start no more; rows that have failed can still be resumed."""
        self._order(self._cancel)

    def resume(self) -> None:
        """Let every row that has failed or is paused go on, by the graph as it is now; rows in the queue go by it too.

        Finished tasks are kept. No more than `parallel` runs go on at once.

        Raises:
            RunError: no row has failed or is paused.
            GraphError: the graph has problems.
        """
        __tracebackhide__ = True
        again = [row for row in self.rows if row.status in (Status.FAILED, Status.PAUSED)]
        if not again:
            raise RunError(f"no row of {self.name} has failed or is paused, so there is none to resume: {self.status}.")
        self._order(partial(self._resume, again, self._graph.plan()))
        if self.after_wait is not None and not self._here:
            self.wait()

    def subscribe(self, watcher: Callable[[int], None]) -> Callable[[], None]:
        """Call `watcher` on the engine's loop with the number of each row that changes; returns what ends it.

        A watcher must not block, and is dismissed where it raises.
        """
        self._watchers[watcher] = None
        return lambda: self._watchers.pop(watcher, None)

    @property
    def _here(self) -> bool:
        """Whether this is the thread of the engine's loop."""
        try:
            return asyncio.get_running_loop() is self.loop
        except RuntimeError:
            return False

    def _refuse_to_block(self) -> None:
        if self._here and not self.at_rest:
            raise RunError("this would block the loop that the runs need; inside an async node, `await batch` instead.")

    def _order(self, do: Callable[[], None]) -> None:
        with self._changed:
            self._orders += 1
        self._soon(partial(self._obey, do))

    def _soon(self, call: Callable[[], None]) -> None:
        self.loop.call_soon_threadsafe(call, context=self._context)

    # On the loop

    def _obey(self, do: Callable[[], None]) -> None:
        try:
            do()
        finally:
            with self._changed:
                self._orders -= 1
            self._wake()

    def _cancel(self) -> None:
        dropped = list(self._queue)
        self._queue.clear()
        for row in dropped:
            row.queued = False
            self._come_to_rest(row)
        for row in self.rows:
            if row.run is not None and row.status in (Status.RUNNING, Status.WAITING, Status.PAUSED):
                row.run.cancel()

    def _resume(self, rows: list[Row], compiled: Plan) -> None:
        self._plan = compiled
        for row in rows:
            if row.status in (Status.FAILED, Status.PAUSED):
                row.queued = True
                self._queue.append(row)
                self._tell(row)
        self._fill_soon()

    def _fill_soon(self) -> None:
        """Look for a place, later: rows that end at once would pile up on the stack."""
        if not self._filling:
            self._filling = True
            self._soon(self._fill)

    def _fill(self) -> None:
        """Let one more row go on where there is a place, and give way to what else the loop has to do."""
        self._filling = False
        if not self._queue or len(self._running) >= self.parallel:
            return
        row = self._next()
        try:
            self._begin(row) if row.run is None else self._go_on(row, row.run)
        except BaseException as error:
            self._refused(row, error)
        self._fill_soon()

    def _refused(self, row: Row, error: BaseException) -> None:
        """The store refuses the run; the other rows go on, and this one can be tried again."""
        row.error, row.queued, row.run = error, False, None
        self._come_to_rest(row)
        self._fill_soon()

    def _next(self) -> Row:
        """The first row of the queue, which takes a place; seen from other threads it is never in neither."""
        self._running.add(self._queue[0])
        return self._queue.popleft()

    def _begin(self, row: Row) -> None:
        options = dict(self._options)
        if options.get("id"):
            options["id"] = f"{options['id']}-{row.number}"
        row.error = None
        ready = self._graph.ready(self.loop, self._plan, row.inputs, options)
        row.run, row.queued = Run.of(ready), False
        self._tell(row)
        row.run.subscribe(partial(self._heard, row))
        starting = self.loop.create_task(self._start(row, ready), context=self._context)
        self._starting.add(starting)  # an event loop does not hold its tasks
        starting.add_done_callback(self._starting.discard)

    async def _start(self, row: Row, ready: RunLoop) -> None:
        try:
            await ready.start_here()
        except BaseException as error:
            self._refused(row, error)

    def _go_on(self, row: Row, run: Run) -> None:
        with suppress(RunError):  # somebody has resumed or cancelled it by itself meanwhile
            run.resume()
        row.queued = False
        if run.status is not Status.RUNNING:
            self._come_to_rest(row)

    def _heard(self, row: Row, event: Event) -> None:
        row.note(event)
        if not isinstance(event, StatusChanged):
            return
        if event.status is Status.RUNNING:
            self._running.add(row)
            self._tell(row)
        else:
            self._come_to_rest(row)
            self._fill_soon()

    def _come_to_rest(self, row: Row) -> None:
        self._rested.append(row)
        self._running.discard(row)
        self._tell(row)

    def _tell(self, row: Row) -> None:
        for watcher in tuple(self._watchers):
            try:
                watcher(row.number)
            except BaseException:  # a watcher must not end the engine, whatever it raises
                self._watchers.pop(watcher, None)
        self._wake()

    def _wake(self) -> None:
        self._time.go(not self.at_rest)
        with self._changed:
            self._changed.notify_all()


def _final(row: Row) -> dict[str, Any] | None:
    return row.run.state if row.run is not None and row.status is Status.DONE else None


def _free(name: str, taken: set[str]) -> str:
    """A name for a column of ours that no key has."""
    while name in taken:
        name = f"run_{name}"
    return name
