"""What makes runs appear in a notebook: `install` hooks it up, `uninstall` takes it back."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from nbgraph import library
from nbgraph.batch import Batch
from nbgraph.core.context import current
from nbgraph.core.run import Run
from nbgraph.notebook import prints
from nbgraph.notebook.batch_display import BatchDisplay
from nbgraph.notebook.comms import arrive_while_awaiting
from nbgraph.notebook.pictures import refresh, show_picture
from nbgraph.notebook.run_display import RunDisplay

HEADLESS = "NBGRAPH_HEADLESS"


def install(shell: Any) -> None:
    """Show every run and every batch that a cell of `shell` starts; installed again it replaces what was there."""
    global _runs
    uninstall(shell)
    prints.install()
    _runs = Runs(shell)
    library.on_run.append(_runs.begin)
    library.on_map.append(_runs.begin)
    if _runs.kernel is not None:
        for kind in (Run, Batch):
            shell.display_formatter.ipython_display_formatter.for_type(kind, _runs.show)


def uninstall(shell: Any) -> None:
    """Show nothing any more; what is displayed already stays alive."""
    global _runs
    prints.uninstall()
    if _runs is None:
        return
    library.on_run.remove(_runs.begin)
    library.on_map.remove(_runs.begin)
    if _runs.kernel is not None:
        for kind in (Run, Batch):
            shell.display_formatter.ipython_display_formatter.pop(kind, None)
    _runs = None


class Runs:
    """The runs and batches of one shell, and where they are displayed."""

    def __init__(self, shell: Any) -> None:
        self.kernel = getattr(shell, "kernel", None)
        self._shell = shell
        self._displays: WeakKeyDictionary[Run | Batch, RunDisplay | BatchDisplay] = WeakKeyDictionary()
        self._shown_in: WeakKeyDictionary[Run | Batch, Any] = WeakKeyDictionary()

    def begin(self, run: Run | Batch) -> None:
        """A run or a batch was started: show it, and where nobody watches wait until it needs a person."""
        run.attended = True
        if self.kernel is None or current.get() is not None:  # a terminal, or a node that runs a graph of its own
            return
        watched = not headless(self.kernel)
        if isinstance(run, Run):
            run.answerable = watched and arrive_while_awaiting(self.kernel)
        if not watched:
            run.wait()
            run.after_wait = self._display(run).update
        self.show(run)

    def show(self, run: Run | Batch) -> None:
        """Display it in the current cell, once an execution."""
        cell = _execution(self._shell)
        if cell is None or self._shown_in.get(run) != cell:
            self._shown_in[run] = cell
            self._display(run).show()

    def _display(self, run: Run | Batch) -> RunDisplay | BatchDisplay:
        if run not in self._displays:
            given = self._shell.display_pub, not headless(self.kernel)
            self._displays[run] = RunDisplay(run, *given) if isinstance(run, Run) else BatchDisplay(run, *given)
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
