"""Problems: what checks find, as records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

Severity = Literal["error", "todo", "warning", "info"]


class Problem(NamedTuple):
    """One finding. Errors and todos keep a graph from running; a todo is merely not written yet."""

    code: str
    severity: Severity
    where: str
    text: str
    remedy: str

    def __str__(self) -> str:
        where = f" ({self.where})" if self.where else ""
        return f"{self.code} {self.text}{where}; {self.remedy}."


Found = Iterator[Problem]
"""What a check finds."""
