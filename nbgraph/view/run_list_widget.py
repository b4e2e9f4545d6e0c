"""The list of stored runs in a notebook, with buttons to go on with one and to open it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from nbgraph.errors import told
from nbgraph.view.run_table import HEADS, ShownRuns
from nbgraph.view.values import shorten

ACTIONS = ("resume", "open")
_STATIC = Path(__file__).parent / "static"


class RunListWidget(anywidget.AnyWidget):
    """A table of runs; `show` and `say` are called by one thread only.

    Args:
        runs: what is shown first.
        on_action: called with "resume" or "open" and the id of a run when that button is clicked; may be called on any
            thread, and what it raises is shown.
        say: shows a sentence; called where `on_action` raises.
    """

    _esm = _STATIC / "run_list.js"
    _css = _STATIC / "run_list.css"
    heads = traitlets.List(list(HEADS)).tag(sync=True)
    headline = traitlets.Unicode().tag(sync=True)
    rows: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)

    def __init__(
        self, runs: ShownRuns, on_action: Callable[[str, str], None], say: Callable[[str], None] | None = None
    ) -> None:
        self._on_action, self._say = on_action, say or self.say
        super().__init__(headline=runs.headline, rows=_rows(runs))
        self.on_msg(self._receive)

    def __repr__(self) -> str:
        return f"<{self.headline}>"

    def show(self, runs: ShownRuns) -> None:
        """Show these runs; what has not changed is not sent."""
        self.headline, self.rows = runs.headline, _rows(runs)

    def say(self, sentence: str) -> None:
        """Show a sentence below the table; read aloud."""
        self.message = shorten(sentence, 1000)

    def _receive(self, _: object, content: Mapping[str, Any], buffers: object) -> None:
        match content:
            case {"kind": "act", "action": str(action), "run": str(run)} if action in ACTIONS:
                # what is raised in a widget's callback appears nowhere
                try:
                    self._on_action(action, run)
                except Exception as error:
                    self._say(told(error))


def _rows(runs: ShownRuns) -> list[dict[str, Any]]:
    return [
        {"id": row.id, "status": row.status, "cells": list(row.cells), "actions": list(row.actions)}
        for row in runs.rows
    ]
