"""The table of a run's steps: a row for each, in short texts that are made once somebody reads them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from nbgraph.view.values import short_update, shown_reason

LIVE_ROWS = 200  # that a page shows
RECORD_ROWS = 500


class Row:
    """A step: what its task wrote, and where the run went on to; of a long past most rows are never read.

    Args:
        texts: what is known of it but that.
        edges: for each that was taken its target, the reason, and the guard as written.
    """

    __slots__ = ("_edges", "_texts", "_update")

    def __init__(self, texts: dict[str, Any], update: Mapping[str, Any], edges: list[tuple[str, str, str]]) -> None:
        self._texts, self._edges = texts, edges
        self._update: Mapping[str, Any] | None = update  # let go when it has been read

    def told(self) -> dict[str, Any]:
        """The row as plain data."""
        if self._update is not None:
            edges = [{"target": target, "reason": shown_reason(*why)} for target, *why in self._edges]
            self._texts.update(edges=edges, update=short_update(self._update))
            self._update = None
        return self._texts


class Rows:
    """The newest rows, and which of them were not told yet."""

    def __init__(self) -> None:
        self._rows: deque[Row] = deque(maxlen=RECORD_ROWS)
        self.count = self._told = 0

    def add(self, row: Row) -> None:
        """Add the row of the latest step."""
        self._rows.append(row)
        self.count += 1

    def newest(self, number: int = RECORD_ROWS) -> list[dict[str, Any]]:
        """At most so many of the newest rows, the latest one at the end."""
        return [row.told() for row in list(self._rows)[max(0, len(self._rows) - number) :]]

    def news(self) -> list[dict[str, Any]]:
        """The newest of the rows that came since the last call."""
        fresh, self._told = self.count - self._told, self.count
        return self.newest(min(fresh, RECORD_ROWS))[-LIVE_ROWS:]
