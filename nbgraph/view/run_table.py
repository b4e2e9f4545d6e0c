"""Stored runs as a table of short texts: what a widget, a saved notebook and a terminal show of them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from nbgraph.core.usage import dollars
from nbgraph.view import batch_table
from nbgraph.view.values import plain

SIGNS = {**batch_table.SIGNS, "interrupted": "!"}
UNKNOWN = "–"
HEADS = ("run", "graph", "status", "step", "started", "waiting for", "cost", "size", "note")


class ShownRun(NamedTuple):
    """One run, all of it as texts; `note` says who has it, or why it failed. `actions` are those that make sense."""

    id: str
    graph: str
    status: str
    step: int
    started: str
    waiting: str = ""
    cost: float | None = None
    bytes: int = 0
    note: str = ""
    actions: tuple[str, ...] = ("open",)

    @property
    def cells(self) -> tuple[str, ...]:
        """A text for each of the heads."""
        status = f"{SIGNS.get(self.status, '')}\u00a0{self.status}".strip()
        cost = UNKNOWN if self.cost is None else dollars(self.cost)
        told = (str(self.step), self.started, self.waiting, cost, size(self.bytes), self.note)
        return (self.id, self.graph, status, *told)


class ShownRuns(NamedTuple):
    """Runs in a list, with a `title` such as "runs of essay"; `more` says that there are others beyond them."""

    title: str
    rows: Sequence[ShownRun]
    more: bool = False

    @property
    def headline(self) -> str:
        """Such as "runs of essay: the latest 20"."""
        if not self.rows:
            return f"{self.title}: none"
        return f"{self.title}: {'the latest ' if self.more else ''}{len(self.rows):,}"


def size(count: int) -> str:
    """Bytes in KB or MB; a dash where none are known."""
    if not count:
        return UNKNOWN
    kilobytes = count / 1024
    return f"{kilobytes:,.1f} KB" if kilobytes < 1000 else f"{kilobytes / 1024:,.1f} MB"


def text(runs: ShownRuns) -> str:
    """The runs as text, a line each."""
    return "\n".join([runs.headline, *(f"  {_line(row)}" for row in runs.rows)])


def html(runs: ShownRuns) -> str:
    """The runs as HTML that stays right when it is sanitised: a table without styles."""
    top = "".join(f"<th>{_left(escape(head))}</th>" for head in HEADS)
    body = "".join(
        f"<tr>{''.join(f'<td>{_left(escape(plain(cell)))}</td>' for cell in row.cells)}</tr>" for row in runs.rows
    )
    table = f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>" if body else ""
    return f'<div class="nbgraph-record"><p><strong>{escape(plain(runs.headline))}</strong></p>{table}</div>'


def _line(run: ShownRun) -> str:
    told = [f"{run.id}: {run.status}, step {run.step}, started {run.started}"]
    told += [f"waiting for {run.waiting}"] if run.waiting else []
    told += [dollars(run.cost)] if run.cost is not None else []
    return ", ".join(told) + (f"; {run.note}" if run.note else "")


def _left(cell: str) -> str:
    # JupyterLab aligns cells to the right, and its sanitiser leaves this attribute where it removes styles
    return f'<div align="left">{cell}</div>'
