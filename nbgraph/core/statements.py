"""Statements of the edge language: which nodes lead to which, and when; printed as they are written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from nbgraph.core.conditions import Condition


@dataclass(frozen=True, slots=True)
class Guard:
    """When an edge is taken.

    Args:
        kind: the word that it starts with; "plain" for none, "error" for `on error`.
        condition: of `if`.
        key: of `by KEY` and `each KEY`.
        function: of `by FUNCTION()`.
        item: the name after `as`.
    """

    kind: Literal["plain", "if", "else", "always", "by", "each", "error"]
    condition: Condition | None = None
    key: str | None = None
    function: str | None = None
    item: str | None = None

    def __str__(self) -> str:
        match self.kind:
            case "plain":
                return ""
            case "if":
                return f"if {self.condition}"
            case "by":
                return f"by {self.function}()" if self.function else f"by {self.key}"
            case "each":
                return f"each {self.key} as {self.item}"
            case "error":
                return "on error"
            case word:
                return word


@dataclass(frozen=True, slots=True)
class Statement:
    """One arrow: every source leads to every target.

    Args:
        sources, targets: names of nodes, in order, each once.
        guard: when the edges are taken.
        limit: how often they are taken at most, or None.
        line: 1-based line of the text where the sources start; of no weight in a comparison.
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    guard: Guard
    limit: int | None = None
    line: int = field(default=1, compare=False)

    def __str__(self) -> str:
        arrow = f"{', '.join(self.sources)} -> {', '.join(self.targets)}"
        return f"{arrow} {format_guard(self.guard, self.limit)}".rstrip()


def format_guard(guard: Guard, limit: int | None) -> str:
    """A guard and a limit as they are written, such as `if score < 7 max 3`."""
    return f"{guard} max {limit}".lstrip() if limit else str(guard)
