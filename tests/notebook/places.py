"""A place below a run, as its page has one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Place:
    """Keeps the runs that are shown."""

    def __init__(self) -> None:
        self.shown: list[Any] = []

    def call(self, do: Callable[[], Any]) -> Any:
        """Call it."""
        return do()

    def show_run(self, run: Any) -> None:
        """Note that it is shown."""
        self.shown.append(run)
