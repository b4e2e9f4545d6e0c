"""What one node of a run did so far, and how often one edge was taken."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nbgraph.core.usage import NOTHING, Taking, Used
from nbgraph.view.rows import Row
from nbgraph.view.values import shown_reason

STATES = ("active", "waiting", "failed", "handled", "cancelled", "done")
LASTING = ("active", "waiting", "failed", "cancelled")
LOG = 4000

Key = tuple[str, int]
"""A task of a node: the task that its subgraph runs in (or ""), and the visit."""


class Ended(NamedTuple):
    """Of a map's `items` so many are `done` so far, and so many have `failed`."""

    items: int
    done: int = 0
    failed: int = 0


@dataclass(slots=True)
class NodeProgress:
    """What one node did: its tasks that may go on, and the latest that each can show; `maps` are those over items.

    A task that failed and went on along an error edge is "handled".
    """

    tasks: dict[Key, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    started: dict[Key, float] = field(default_factory=dict)
    calls: dict[Key, Used] = field(default_factory=dict)
    used: Used = NOTHING
    visits: int = 0
    items: int | None = None
    maps: dict[Key, Ended] = field(default_factory=dict)
    retries: int = 0
    attempt: str = ""
    cached: bool = False
    row: Row | None = None  # of its last step
    log: str = ""
    error: str = ""
    where: str = ""

    def become(self, task: Key, state: str) -> None:
        """Put a task into a state; one that is not known counts as a visit."""
        before = self.tasks.pop(task, None)
        if before:
            self.counts[before] -= 1
        else:
            self.visits += 1
        self.counts[state] += 1
        if state in LASTING:
            self.tasks[task] = state

    def call(self, task: Key, call: Taking) -> None:
        """Count a call of a model by a task."""
        self.calls[task] = self.calls.get(task, NOTHING).plus(call)
        self.used = self.used.plus(call)
        self.attempt = ""

    def say(self, text: str) -> None:
        """Add to what it printed, of which the end is kept."""
        self.log = (self.log + text)[-LOG:]

    def say_line(self, line: str) -> None:
        """Add a line of its own."""
        self.say(f"{'' if self.log.endswith(chr(10)) or not self.log else chr(10)}{line}\n")

    @property
    def state(self) -> str:
        """What the node as a whole is: of the states of its tasks the one that comes first in `STATES`."""
        return next((state for state in STATES if self.counts[state]), "idle")

    @property
    def ended(self) -> str:
        """How many items have ended of the maps that are under way, such as `7/10, 1 failed`, or nothing."""
        items, done, failed = map(sum, zip(Ended(0), *self.maps.values(), strict=True))
        lost = f", {failed:,} failed" if failed else ""
        return f"{done:,}/{items:,}{lost}" if done or failed else ""

    @property
    def note(self) -> str:
        """What stands beside it, such as `7/10, 1 failed` or `12 items · 2 retries · cached`, or nothing."""
        items = self.ended or ("" if self.items is None else f"{self.items:,} item{'s' * (self.items != 1)}")
        retries = f"{self.retries:,} retr{'y' if self.retries == 1 else 'ies'}" if self.retries else ""
        return " · ".join(filter(None, (items, retries, "cached" if self.cached else "")))


@dataclass(slots=True)
class EdgeProgress:
    """How often an edge was `taken`, the `reason` of the last time, and its `guard` as written."""

    taken: int = 0
    reason: str = ""
    guard: str = ""

    def told(self) -> dict[str, Any]:
        """What the picture shows of it."""
        return {"taken": self.taken, "reason": shown_reason(self.reason, self.guard)}
