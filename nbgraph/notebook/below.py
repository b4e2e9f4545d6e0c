"""The displays of runs that a click has started or opened: below the list that was clicked in."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any, Protocol, TypeVar

import ipywidgets

T = TypeVar("T")
MOST = 10  # an output that is clicked in for days must not grow for ever


class Shown(Protocol):
    """The display of one run, or of a list."""

    live: Any
    bundle: dict[str, str]
    published: list[Callable[[], None]]


class Below(ipywidgets.VBox):  # type: ignore[misc]
    """The displays of runs in one output, the latest last.

    A cell that has ended takes no new output, but what it shows already may change.

    Args:
        changed: called on the engine's loop when the records of the displays have changed.
        later: calls something on the engine's loop.
    """

    def __init__(self, changed: Callable[[], None], later: Callable[[Callable[[], None]], None]) -> None:
        self._changed, self._later = changed, later
        self._shown: dict[str, Shown] = {}
        self._context = copy_context()  # by it the kernel knows the cell that an output belongs to
        super().__init__([])

    def __repr__(self) -> str:
        return f"<{len(self._shown)} runs below>"

    def call(self, do: Callable[[], T]) -> T:
        """Call something as if in the cell of this output; the runs that it starts are shown here."""

        def called() -> T:
            below.set(self)
            return do()

        return self._context.copy().run(called)

    def add(self, run_id: str, shown: Shown) -> None:
        """Show a run, in place of what was shown of it before."""
        self._later(lambda: self._add(run_id, shown))

    def _add(self, run_id: str, shown: Shown) -> None:
        if self._shown.get(run_id) is not shown:
            shown.published.append(self._changed)
        self._shown.pop(run_id, None)
        self._shown[run_id] = shown
        for old in list(self._shown)[:-MOST]:
            del self._shown[old]
        self.children = [each.live for each in self._shown.values()]
        self._changed()

    def records(self, kind: str) -> list[str]:
        """What is kept of each display in a saved notebook, as "text/html" or "text/plain"."""
        return [each.bundle[kind] for each in self._shown.values()]


class Nearby:
    """Where the runs are shown that a click on the page of a run starts or opens: beside it in a list, else below it.

    Args:
        show: displays a run.
        put: shows what is below; called with `later`.
        changed: called on the loop when the records of what is below have changed.
        later: calls something on the loop.
    """

    def __init__(
        self,
        show: Callable[[Any], None] | None,
        put: Callable[[Below], None],
        changed: Callable[[], None],
        later: Callable[[Callable[[], None]], None],
    ) -> None:
        self._show, self._put, self._changed, self._later = show, put, changed, later
        self._context = copy_context()
        self._own: Below | None = None

    def call(self, do: Callable[[], T]) -> T:
        """Call something; the runs that it starts are shown here."""
        return self._below().call(do)

    def show_run(self, run: Any) -> None:
        """Show a run here."""
        if self._show is not None:
            self._below().call(partial(self._show, run))

    def show_list(self, show: Callable[[Below], None]) -> None:
        """Let a list be shown here."""
        place = self._below()
        place.call(partial(show, place))

    def records(self, kind: str) -> list[str]:
        """What is kept of the runs below, as `Below.records` gives it."""
        return [] if self._own is None else self._own.records(kind)

    def _below(self) -> Below:
        around = self._context.get(below)
        if around is not None:
            return around
        if self._own is None:
            self._own = self._context.copy().run(Below, self._changed, self._later)
            self._later(partial(self._put, self._own))
        return self._own


below: ContextVar[Below | None] = ContextVar("below", default=None)
"""Where a run that is started now is shown; None for the cell that is being executed."""
