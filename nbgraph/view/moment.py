"""A run as it once stood, as the page shows it."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any, NamedTuple

from nbgraph.core.events import Event
from nbgraph.core.lookback import Moment
from nbgraph.core.outline import Outline
from nbgraph.view.progress import Progress
from nbgraph.view.values import short_update

RUNGS = (8192, 2048, 512, 128)  # what was folded is kept at the last multiple of each before a moment asked for
MOST = 3  # of each
OF_THE_GRAPH = ("_outline", "_nesting")


class Folded(NamedTuple):
    """A `Progress` put aside, and the last event that it had taken in."""

    data: bytes
    last: tuple[type[Event], float]


class Folds:
    """What a run's events were folded into at some moments, as short texts: from there the next one is near."""

    def __init__(self) -> None:
        self._outline: Outline | None = None
        self._kept: dict[int, dict[int, Folded]] = {}

    def progress(self, outline: Outline, events: Sequence[Event]) -> Progress:
        """The events of a run up to some moment, folded."""
        if outline != self._outline:
            self._outline, self._kept = outline, {}
        progress, begun = self._nearest(outline, events)
        for rung in RUNGS:
            end = (len(events) - rung) // rung * rung
            if begun < end:
                _fold(progress, events[begun:end])
                self._keep(rung, end, Folded(_put_aside(progress), _mark(events[end - 1])))
                begun = end
        _fold(progress, events[begun:])
        return progress

    def _nearest(self, outline: Outline, events: Sequence[Event]) -> tuple[Progress, int]:
        """The latest that was kept, and how many of the events are in it."""
        progress, begun = Progress(outline), 0
        for count, kept in (each for rung in self._kept.values() for each in rung.items()):
            if begun < count <= len(events) and kept.last == _mark(events[count - 1]):
                begun, data = count, kept.data
        if begun:
            vars(progress).update(pickle.loads(data))
        return progress, begun

    def _keep(self, rung: int, count: int, folded: Folded) -> None:
        kept = self._kept.setdefault(rung, {})
        kept[count] = folded
        while len(kept) > MOST:
            del kept[next(iter(kept))]


def _fold(progress: Progress, events: Sequence[Event]) -> None:
    for event in events:
        progress.apply(event)


def _put_aside(progress: Progress) -> bytes:
    progress.changes()  # which nobody will ask for
    return pickle.dumps({name: part for name, part in vars(progress).items() if name not in OF_THE_GRAPH})


def _mark(event: Event) -> tuple[type[Event], float]:
    return type(event), event.at


def as_it_stood(moment: Moment, folds: Folds | None = None, bars: bool = True) -> dict[str, Any]:
    """The status of a page at that moment, with the state as short texts, and what was to run next.

    Args:
        folds: makes it quick, where moments of the run are asked for one after another.
        bars: whether the page needs those of the timeline, since it holds newer ones only.
    """
    *events, stood = moment.events
    progress = (folds or Folds()).progress(moment.outline, events)
    progress.apply(stood)
    status = progress.snapshot(rows=0)
    return {
        "step": moment.step,
        "status": status if bars else {part: told for part, told in status.items() if part != "bars"},
        "state": short_update(moment.state),
        "active": list(moment.active),
    }
