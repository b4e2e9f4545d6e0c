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
from nbgraph.notebook.below import Below, below
from nbgraph.notebook.comms import arrive_while_awaiting
from nbgraph.notebook.open_questions import OpenQuestions
from nbgraph.notebook.run_display import RunDisplay
from nbgraph.notebook.stored import Stored
from nbgraph.watching import Watch

HEADLESS = "NBGRAPH_HEADLESS"
SERVER = "SERVER_SOFTWARE"  # in a kernel of Voila, "voila/" and its version

Started = Run | Watch | Batch


def install(shell: Any, stored: Stored | None = None) -> None:
    """Show every run and every batch that a cell of `shell` starts; installed again it replaces what was there.

    Args:
        stored: lets a run go on that has been answered where it was only looked on, and knows all open questions.
    """
    global _runs
    uninstall(shell)
    prints.install()
    _runs = Runs(shell, stored)
    library.on_run.append(_runs.begin)
    library.on_map.append(_runs.begin)
    if _runs.kernel is not None:
        for kind in (Run, Watch, Batch):
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
        for kind in (Run, Watch, Batch):
            shell.display_formatter.ipython_display_formatter.pop(kind, None)
    _runs = None


class Runs:
    """The runs and batches of one shell, and where they are displayed."""

    def __init__(self, shell: Any, stored: Stored | None = None) -> None:
        self.kernel = getattr(shell, "kernel", None)
        self._shell, self._stored = shell, stored
        self._displays: WeakKeyDictionary[Started, RunDisplay | BatchDisplay] = WeakKeyDictionary()
        self._shown_in: WeakKeyDictionary[Started, Any] = WeakKeyDictionary()

    def begin(self, run: Started) -> None:
        """A run or a batch was started, or is looked at: show it; where nobody watches wait until it needs a person."""
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

    def show(self, run: Started) -> None:
        """Display it in the current cell, once an execution; or below a list in which it was clicked."""
        place, shown = below.get(), self._display(run)
        if place is not None and isinstance(shown, RunDisplay) and not isinstance(run, Batch):
            return place.add(run.id, shown)
        cell = _execution(self._shell)
        if cell is None or self._shown_in.get(run) != cell:
            self._shown_in[run] = cell
            shown.show()

    def _display(self, run: Started) -> RunDisplay | BatchDisplay:
        if run not in self._displays:
            given = self._shell.display_pub, not headless(self.kernel)
            go_on = None if self._stored is None else self._stored.go_on
            self._displays[run] = (
                BatchDisplay(run, *given)
                if isinstance(run, Batch)
                else RunDisplay(run, *given, go_on, self.show, self._list_questions)
            )
        return self._displays[run]

    def _list_questions(self, place: Below) -> None:
        if self._stored is not None:
            OpenQuestions(self._stored, None, self._shell.display_pub, True).show_in(place)


_runs: Runs | None = None


def show(run: Started) -> None:
    """Display a run in the current cell, or where a click was; nothing in a terminal."""
    if _runs is not None and _runs.kernel is not None:
        _runs.show(run)


def watched(shell: Any) -> bool:
    """Whether somebody can watch and click."""
    kernel = getattr(shell, "kernel", None)
    return kernel is not None and not headless(kernel)


def headless(kernel: Any) -> bool:
    """Whether nobody can watch or click: NBGRAPH_HEADLESS says so (1 or 0), else that nobody could type either.

    Voila runs the cells before there is a page, so that nobody can type, and then shows it to somebody who can click.
    """
    said = os.environ.get(HEADLESS, "")
    if said:
        return said != "0"
    return not getattr(kernel, "_allow_stdin", True) and not os.environ.get(SERVER, "").startswith("voila/")


def _execution(shell: Any) -> str | None:
    """What tells this execution of a cell from all others."""
    parent: Callable[[], Any] | None = getattr(shell, "get_parent", None)
    return parent()["header"].get("msg_id") if parent else None


__all__ = ["headless", "install", "show", "uninstall", "watched"]
