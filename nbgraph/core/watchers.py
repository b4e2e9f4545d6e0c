"""Watchers: who is told what happens in a run, in order and from the beginning."""

from __future__ import annotations

from collections.abc import Callable

from nbgraph.core.events import Event

Watcher = Callable[[Event], None]


class Watchers:
    """The events of one run and the functions that are called with them, all on the run's loop.

    Each watcher gets every event once, the past ones first. One that raises is dismissed, with a sentence in `notices`.
    """

    def __init__(self, notices: list[str]) -> None:
        self._events: list[Event] = []
        self._next: dict[Watcher, int] = {}
        self._notices = notices
        self._telling = False

    @property
    def watched(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self._next)

    def begin_with(self, events: list[Event]) -> None:
        """What had happened before anybody was told anything here."""
        self._events[:0] = events
        for watcher in self._next:
            self._next[watcher] = 0

    def admit(self, watcher: Watcher) -> None:
        """Tell `watcher` the past, and from now on everything."""
        self._next.setdefault(watcher, 0)
        self._deliver()

    def dismiss(self, watcher: Watcher) -> None:
        """Tell `watcher` nothing more."""
        self._next.pop(watcher, None)

    def tell(self, event: Event) -> None:
        """Tell everybody."""
        self._events.append(event)
        if self._next:
            self._deliver()

    def _deliver(self) -> None:
        """Bring each watcher up to date; what a watcher causes meanwhile is told when it has returned, not inside."""
        if self._telling:
            return
        self._telling = True
        while behind := [watcher for watcher, told in self._next.items() if told < len(self._events)]:
            for watcher in behind:
                self._tell_up_to(watcher, len(self._events))
        self._telling = False

    def _tell_up_to(self, watcher: Watcher, count: int) -> None:
        while self._next.get(watcher, count) < count:
            event = self._events[self._next[watcher]]
            self._next[watcher] += 1
            try:
                watcher(event)
            except BaseException as error:  # a watcher must not end the engine, whatever it raises
                self.dismiss(watcher)
                self._notices.append(f"a watcher raised {type(error).__name__} and is told nothing more")
