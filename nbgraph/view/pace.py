"""Pace: how long a run has been under way, and how far the maps are that it is in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nbgraph.core.events import Event, RunStarted, StateEdited, Status, StatusChanged
from nbgraph.view.node_progress import NodeProgress


class Clock:
    """Counts the seconds of a run by the times of its events; the time at rest, as for a person, does not count."""

    def __init__(self) -> None:
        self._counted = 0.0
        self._since: float | None = None
        self._last = 0.0

    def hear(self, event: Event) -> None:
        """Take in one event."""
        if isinstance(event, RunStarted) and not event.within:
            self._counted, self._since = 0.0, event.at
        elif isinstance(event, StatusChanged):
            self._turn(event)
        if not isinstance(event, StateEdited):  # which a person does while nothing runs
            self._last = event.at

    def _turn(self, event: StatusChanged) -> None:
        going = event.status is Status.RUNNING
        if self._since is not None:  # one that goes on twice was lost in between, at its last event at the earliest
            self._counted += max(0.0, (self._last if going else event.at) - self._since)
        self._since = event.at if going else None

    def told(self) -> dict[str, float]:
        """The `seconds` counted up to its last rest, and `since` when it goes on, if it does."""
        counted = {"seconds": round(self._counted, 2)}
        return counted if self._since is None else {**counted, "since": self._since}

    def seconds(self, now: float) -> float:
        """What was counted until now."""
        return self._counted + (0.0 if self._since is None else max(0.0, now - self._since))


def items(nodes: Mapping[str, NodeProgress]) -> dict[str, float]:
    """Of the maps under way, without those inside them: how many items have ended, of how many, and since when."""
    mapping = {name: node for name, node in nodes.items() if node.maps}
    depth = min((name.count("/") for name in mapping), default=0)
    outer = [node for name, node in mapping.items() if name.count("/") == depth]
    maps = [ended for node in outer for ended in node.maps.values()]
    begun = [node.started[task] for node in outer for task in node.maps if task in node.started]
    if not maps:
        return {}
    over = sum(ended.done + ended.failed for ended in maps)
    return {"over": over, "items": sum(ended.items for ended in maps), "begun": min(begun, default=0.0)}


def pace(clock: Clock, nodes: Mapping[str, NodeProgress]) -> dict[str, Any]:
    """What a page needs to tell the time and the rate by itself."""
    return {**clock.told(), **items(nodes)}


def rate(number: float, seconds: float) -> str:
    """Such as "2.8/s" or "14/min"; nothing where there is nothing to count yet."""
    if number <= 0 or seconds <= 0:
        return ""
    each = number / seconds
    if each < 1:
        return f"{each * 60:.0f}/min"
    return f"{each:,.0f}/s" if each >= 10 else f"{each:.1f}/s"


def clock_face(seconds: float) -> str:
    """Such as "0:07", "12:05" or "1:02:03"."""
    minutes, left = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def joined(parts: Iterable[str]) -> str:
    """What there is to tell, on one line."""
    return " · ".join(filter(None, parts))
