"""The events of a run as an iterator, for a cell or for a coroutine."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from threading import Condition
from typing import Protocol

from nbgraph.core.events import Event, Status, StatusChanged

TICK = 0.1  # seconds; a cell that awaits in one piece ignores the stop button


class Watched(Protocol):
    """What the iterator needs of a run."""

    answerable: bool

    @property
    def status(self) -> Status: ...
    @property
    def at_rest(self) -> bool: ...
    def subscribe(self, watcher: Callable[[Event], None]) -> Callable[[], None]: ...


class Events:
    """Every event of a run once, in order, the past ones first; it ends where the run is at rest, and can go on."""

    def __init__(self, run: Watched) -> None:
        self._run = run
        self._changed = Condition()
        self._waiting: deque[Event] = deque()
        self._told = Status.RUNNING  # the status as of the last event that was taken out
        run.subscribe(self._take)

    def _take(self, event: Event) -> None:
        with self._changed:
            self._waiting.append(event)
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Event]:
        while True:
            with self._changed:
                while not self._waiting:
                    if self._at_rest(through_people=False):
                        return
                    self._changed.wait(TICK)
            yield self._next()

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            while not self._waiting:
                if self._at_rest(through_people=self._run.answerable):
                    return
                await asyncio.sleep(TICK / 10)
            yield self._next()

    def _next(self) -> Event:
        event = self._waiting.popleft()
        if isinstance(event, StatusChanged):
            self._told = event.status
        return event

    def _at_rest(self, through_people: bool) -> bool:
        """Whether nothing more will come by itself: the run says so, and so did the last event."""
        if through_people and self._run.status is Status.WAITING:
            return False
        return self._run.at_rest and not self._waiting and self._told is self._run.status
