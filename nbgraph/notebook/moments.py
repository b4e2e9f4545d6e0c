"""Moments: a run as it stood after a step, shown as the record of a run is."""

from __future__ import annotations

from typing import Any

from nbgraph.core.lookback import Moment
from nbgraph.view import record
from nbgraph.view.dot import draw
from nbgraph.view.progress import Progress


def install(shell: Any) -> None:
    """Let a cell that ends in `run.at(3)` show the picture."""
    shell.display_formatter.formatters["text/html"].for_type(Moment, html)


def uninstall(shell: Any) -> None:
    """Take back what `install` did."""
    shell.display_formatter.formatters["text/html"].pop(Moment, None)


def html(moment: Moment) -> str:
    """Picture, steps and answers up to the moment."""
    progress = Progress(moment.outline)
    for event in moment.events:
        progress.apply(event)
    return record.html(moment.outline, draw(moment.outline), progress)
