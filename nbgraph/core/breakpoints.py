"""Breakpoints: the nodes before and after which a run pauses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Stops(Protocol):
    """What can be stopped."""

    def stop(self, why: str) -> None: ...


class Breakpoints:
    """Sets of nodes, by their paths such as `draft` or `research/search`."""

    def __init__(self, before: Iterable[str], after: Iterable[str]) -> None:
        self.all = {"before": dict.fromkeys(before), "after": dict.fromkeys(after)}

    def __bool__(self) -> bool:
        return bool(self.all["before"] or self.all["after"])

    def put(self, name: str, when: str | None) -> None:
        """Pause "before" or "after" the node, or (None) at it no more."""
        for kind, names in self.all.items():
            names.pop(name, None)
            if kind == when:
                names[name] = None

    def before(self, name: str, run: Stops) -> bool:
        """Whether there is one before the node; then the run stops."""
        if name not in self.all["before"]:
            return False
        run.stop(f"paused before {name}")
        return True

    def after(self, name: str, run: Stops) -> None:
        """Stop the run where there is one after the node."""
        if name in self.all["after"]:
            run.stop(f"paused after {name}")
