"""Watching a run in a terminal: drawn in place where somebody looks, by lines where only a log does."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from threading import Event as Signal
from typing import TYPE_CHECKING, Protocol, TextIO, TypeVar
from weakref import WeakKeyDictionary

from nbgraph.batch import Batch
from nbgraph.core.approvals import Approval
from nbgraph.core.events import ApprovalAnswered, ApprovalAsked, ApprovalWithdrawn, Event, StatusChanged
from nbgraph.core.run import Run
from nbgraph.view.batch_table import ShownBatch, ShownRow
from nbgraph.view.log_lines import LogLines
from nbgraph.view.terminal import batch_picture, run_picture
from nbgraph.view.values import plain, shorten
from nbgraph.watching import Watch

if TYPE_CHECKING:
    from rich.console import RenderableType

EVERY = 0.1  # seconds between two pictures where nothing happens
SOON = 0.05  # and where much does
SELDOM = 5.0  # between two lines on a batch
URGENT = ("failed", "waiting", "paused", "running")

Watched = TypeVar("Watched", Run, Watch, Batch)

_written: WeakKeyDictionary[Run | Watch, int] = WeakKeyDictionary()
"""How many events of a run were written into a log: watched again, it goes on there."""


def watch(run: Watched, *, file: TextIO | None = None) -> Watched:
    """Draw a run or a batch until it is done or cannot go on by itself, such as without a person; gives it back.

    In a terminal it is a table that is redrawn in its place, below what nodes print; elsewhere, as in a log, a line
    for each step. Questions are told with what to type.

    Args:
        file: where to; by default the standard output.

    Raises:
        RunError: the run lives on the event loop that this would block; `await run` there.
    """
    run.wait(0)  # which refuses to block the loop
    out = sys.stdout if file is None else file
    seen = _Batch(run) if isinstance(run, Batch) else _Run(run)
    try:
        _draw(seen, out) if _is_terminal(out) else _log(seen, out)
    except KeyboardInterrupt:
        if not run.attended:
            raise
        print(f"Stopped watching; {run.name} goes on.", file=out)
    finally:
        seen.leave()
    return run


class _Seen(Protocol):
    """What is watched, brought up to date in the caller's thread."""

    @property
    def news(self) -> Signal: ...
    @property
    def leave(self) -> Callable[[], object]: ...
    def over(self) -> bool: ...
    def lines(self) -> Iterator[str]: ...
    def picture(self, lines: int) -> RenderableType: ...


class _Run:
    """A run: its events pile up here, and are taken in when it is drawn."""

    def __init__(self, run: Run | Watch) -> None:
        self._run, self._log = run, LogLines(run.outline)
        self._events: deque[Event] = deque()
        self._asked: dict[str, Approval] = {}
        self._told, self._taken = "", 0
        self.news = Signal()
        self.leave = run.subscribe(self._hear)

    def _hear(self, event: Event) -> None:
        self._events.append(event)
        self.news.set()

    def over(self) -> bool:
        """Whether nothing more will come by itself, and all that came was taken in."""
        return self._run.at_rest and not self._events and self._told == self._run.status

    def lines(self) -> Iterator[str]:
        if self._log.progress.outline != self._run.outline:
            self._log.progress.outline = self._run.outline
        while self._events:
            lines = self._take(self._events.popleft())
            if self._taken > _written.get(self._run, 0):
                _written[self._run] = self._taken
                yield from lines

    def _take(self, event: Event) -> list[str]:
        self._taken += 1
        self._note(event)
        return list(self._log.of(event))

    def _note(self, event: Event) -> None:
        match event:
            case ApprovalAsked():
                self._asked[event.approval.id] = event.approval
            case ApprovalAnswered() | ApprovalWithdrawn():
                self._asked.pop(event.approval.id, None)
            case StatusChanged():
                self._told = event.status

    def picture(self, lines: int) -> RenderableType:
        while self._events:
            self._take(self._events.popleft())
        return run_picture(self._log.progress, list(self._asked.values()), time.time(), lines)


class _Batch:
    """A batch: how many rows have ended, and those that need somebody or run."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._said, self._last = 0.0, ""
        self.news = Signal()
        self.leave = batch.subscribe(lambda _: self.news.set())

    def over(self) -> bool:
        return self._batch.at_rest

    def lines(self) -> Iterator[str]:
        over, now = self._batch.at_rest, time.monotonic()
        if self._batch.status == self._last or not (over or now - self._said > SELDOM):
            return
        self._said, self._last = now, self._batch.status
        yield f"{self._batch.name}: {self._last}"
        if over:
            yield from (f"  {row.label}. {row.status}: {row.note}".rstrip(": ") for row in self._shown().rows)

    def picture(self, lines: int) -> RenderableType:
        return batch_picture(self._shown(), self._batch.seconds, lines)

    def _shown(self) -> ShownBatch:
        rows = self._batch.by_status()
        counts = {status: len(found) for status, found in rows.items()}
        urgent = [
            ShownRow(shorten(str(row.label), 40), str(row.status), {}, {}, shorten(row.reason, 160))
            for status in URGENT
            for row in rows.get(status, ())[:50]
        ]
        return ShownBatch(self._batch.name, counts, urgent)


def _is_terminal(out: TextIO) -> bool:
    return out.isatty() and os.environ.get("TERM") != "dumb"


def _log(seen: _Seen, out: TextIO) -> None:
    while True:
        over = seen.over()
        for line in seen.lines():
            print(_writable(plain(line), out), file=out, flush=True)
        if over:
            return
        _rest(seen)


def _writable(line: str, out: TextIO) -> str:
    """The line, with question marks for what the encoding of a log does not hold."""
    encoding = getattr(out, "encoding", None) or "utf-8"
    return line.encode(encoding, "replace").decode(encoding)


def _draw(seen: _Seen, out: TextIO) -> None:
    from rich.console import Console
    from rich.live import Live

    console = Console(file=None if out is sys.stdout else out)
    live = Live(seen.picture(console.height), console=console, auto_refresh=False)
    try:  # not `with`, which leaves the cursor hidden where Ctrl+C comes while it begins
        live.start()
        while True:
            over = seen.over()
            live.update(seen.picture(console.height), refresh=True)
            if over:
                return
            _rest(seen)
    finally:
        live.stop()


def _rest(seen: _Seen) -> None:
    seen.news.wait(EVERY)
    time.sleep(SOON)
    seen.news.clear()
