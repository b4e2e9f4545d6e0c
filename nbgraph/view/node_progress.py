"""What one node of a run did so far."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

STATES = ("active", "waiting", "failed", "cancelled", "done")


@dataclass(slots=True)
class NodeProgress:
    """What one node did: its tasks that are not done by visit, and the latest that each can show."""

    tasks: dict[int, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    started: dict[int, float] = field(default_factory=dict)
    visits: int = 0
    items: int | None = None
    update: dict[str, str] = field(default_factory=dict)
    log: str = ""
    error: str = ""
    where: str = ""

    def become(self, visit: int, state: str) -> None:
        """Put a task into a state."""
        before = self.tasks.pop(visit, None)
        if before:
            self.counts[before] -= 1
        self.counts[state] += 1
        self.visits = max(self.visits, visit)
        if state != "done":
            self.tasks[visit] = state

    @property
    def state(self) -> str:
        """What the node as a whole is: active beats waiting beats failed beats cancelled beats done."""
        return next((state for state in STATES if self.counts[state]), "idle")
