"""What makes runs appear in a notebook: `install` hooks it up, `uninstall` takes it back."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from nbgraph import library
from nbgraph.core.context import current
from nbgraph.core.run import Run
from nbgraph.notebook import prints
from nbgraph.notebook.comms import arrive_while_awaiting
from nbgraph.notebook.pictures import refresh, show_picture
from nbgraph.notebook.run_display import RunDisplay

HEADLESS = "NBGRAPH_HEADLESS"


def install(shell: Any) -> None:
    """Show every run that a cell of `shell` starts; installed again it replaces what was there."""
    global _runs
    uninstall(shell)
    prints.install()
    _runs = Runs(shell)
    library.on_run.append(_runs.begin)
    if _runs.kernel is not None:
        shell.display_formatter.ipython_display_formatter.for_type(Run, _runs.show)


def uninstall(shell: Any) -> None:
    """Show nothing any more; what is displayed already stays alive."""
    global _runs
    prints.uninstall()
    if _runs is None:
        return
    library.on_run.remove(_runs.begin)
    if _runs.kernel is not None:
        shell.display_formatter.ipython_display_formatter.pop(Run, None)
    _runs = None


class Runs:
    """The runs of one shell and where they are displayed."""

    def __init__(self, shell: Any) -> None:
        self.kernel = getattr(shell, "kernel", None)
        self._shell = shell
        self._displays: WeakKeyDictionary[Run, RunDisplay] = WeakKeyDictionary()
        self._shown_in: WeakKeyDictionary[Run, Any] = WeakKeyDictionary()

    def begin(self, run: Run) -> None:
        """A run was started: show it, and where nobody watches wait until it needs a person."""
        run.attended = True
        if self.kernel is None or current.get() is not None:  # a terminal, or a node that runs a graph of its own
            return
        watched = not headless(self.kernel)
        run.answerable = watched and arrive_while_awaiting(self.kernel)
        if not watched:
            run.wait()
            run.after_wait = self._display(run).update
        self.show(run)

    def show(self, run: Run) -> None:
        """Display a run in the current cell, once an execution."""
        cell = _execution(self._shell)
        if cell is None or self._shown_in.get(run) != cell:
            self._shown_in[run] = cell
            self._display(run).show()

    def _display(self, run: Run) -> RunDisplay:
        if run not in self._displays:
            self._displays[run] = RunDisplay(run, self._shell.display_pub, not headless(self.kernel))
        return self._displays[run]


_runs: Runs | None = None


def headless(kernel: Any) -> bool:
    """Whether nobody can watch or click: NBGRAPH_HEADLESS says so (1 or 0), else that nobody could type either."""
    said = os.environ.get(HEADLESS, "")
    return said != "0" if said else not getattr(kernel, "_allow_stdin", True)


def _execution(shell: Any) -> str | None:
    """What tells this execution of a cell from all others."""
    parent: Callable[[], Any] | None = getattr(shell, "get_parent", None)
    return parent()["header"].get("msg_id") if parent else None


__all__ = ["headless", "install", "refresh", "show_picture", "uninstall"]
