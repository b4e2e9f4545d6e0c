"""Nowhere: a log that keeps nothing, for a run that has not begun, and for one that is not to be kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbgraph.core.approvals import Approval


class Nowhere:
    """Takes everything and keeps nothing."""

    lost: Callable[[Exception], None] | None = None
    answered: Callable[[Approval], None] | None = None

    def pack(self, writes: Any) -> None:
        return None

    def note(self, entry: Any) -> None:
        pass

    async def keep(self, entry: Any, packed: Any = None) -> None:
        pass

    async def ask(self, approval: Approval) -> None:
        pass

    def snapshot(self, make: Any) -> None:
        pass

    def close(self) -> None:
        pass
