"""The rows of a batch as a table of short texts: what a widget, a saved notebook and a terminal show of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import NamedTuple

from nbgraph.view.times import duration

COLUMNS = 6  # of inputs, and as many of results
SIGNS = {
    "done": "✓\ufe0e",
    "failed": "✗\ufe0e",
    "waiting": "?",
    "paused": "‖",
    "running": "▶\ufe0e",
    "queued": "·",
    "cancelled": "×",
}


class ShownRow(NamedTuple):
    """One row, its values in short: `inputs` and `results` by key, and a `note` such as its error."""

    label: str
    status: str
    inputs: Mapping[str, str]
    results: Mapping[str, str]
    note: str = ""


class ShownBatch(NamedTuple):
    """A batch of the graph `name`: how many rows have each status, and those that are shown."""

    name: str
    counts: Mapping[str, int]
    rows: Sequence[ShownRow]

    @property
    def total(self) -> int:
        """How many rows there are."""
        return sum(self.counts.values())

    @property
    def over(self) -> int:
        """How many rows have ended, as well or badly as may be."""
        return sum(self.counts.get(status, 0) for status in ("done", "failed", "cancelled"))

    @property
    def status(self) -> str:
        """Such as "7 done, 1 failed"."""
        return ", ".join(f"{count:,} {status}" for status, count in self.counts.items()) or "no rows"

    def left_out(self) -> str:
        """A sentence on the rows that are not shown, or nothing."""
        left = self.total - len(self.rows)
        return f"{left:,} other row{'s are' if left > 1 else ' is'} left out here." if left > 0 else ""


def text(batch: ShownBatch) -> str:
    """The batch as text, without durations: the same for the same runs."""
    lines = [f"{batch.name}: {_rows(batch.total)}, {batch.status}" if batch.total else f"{batch.name}: no rows"]
    lines += [f"  {row.label}. {_text_row(row)}" for row in batch.rows]
    return "\n".join(lines + [f"  {sentence}" for sentence in [batch.left_out()] if sentence])


def html(batch: ShownBatch, seconds: float) -> str:
    """The batch as HTML that stays right when it is sanitised: no styles; the duration stands in a `<time>` element."""
    time = f", <time>{duration(seconds)}</time>"
    head = f"<p><strong>{escape(batch.name)}</strong>: {_rows(batch.total)}, {escape(batch.status)}{time}</p>"
    return f'<div class="nbgraph-record">{head}{table(batch)}</div>'


def table(batch: ShownBatch) -> str:
    """The rows as a table of HTML, and sentences on what is left out of it."""
    inputs, more_inputs = _columns(row.inputs for row in batch.rows)
    results, more_results = _columns(row.results for row in batch.rows)
    notes = any(row.note for row in batch.rows)
    named = [f"{key} (result)" if key in inputs else key for key in results]
    heads = ["row", *inputs, "status", *(["note"] if notes else []), *named]
    body = "".join(_row(row, inputs, results, notes) for row in batch.rows)
    top = "".join(f"<th>{_left(escape(head))}</th>" for head in heads)
    sentences = [batch.left_out(), _keys_left_out((*more_inputs, *more_results))]
    below = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences if sentence)
    return (f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>" if body else "") + below


def _row(row: ShownRow, inputs: Sequence[str], results: Sequence[str], notes: bool) -> str:
    status = f'<span class="nbgraph-{escape(row.status)}">{SIGNS.get(row.status, "")}&nbsp;{escape(row.status)}</span>'
    cells = [escape(row.label), *(escape(row.inputs.get(key, "")) for key in inputs), status]
    cells += [escape(row.note)] if notes else []
    cells += [escape(row.results.get(key, "")) for key in results]
    return "<tr>" + "".join(f"<td>{_left(cell)}</td>" for cell in cells) + "</tr>"


def _left(cell: str) -> str:
    # JupyterLab aligns cells to the right, and its sanitiser leaves this attribute where it removes styles
    return f'<div align="left">{cell}</div>'


def _columns(values: Iterable[Mapping[str, str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The keys that get a column, and those for which there is no room."""
    keys = tuple(dict.fromkeys(key for each in values for key in each))
    return keys[:COLUMNS], keys[COLUMNS:]


def _keys_left_out(keys: Sequence[str]) -> str:
    if not keys:
        return ""
    listed = ", ".join(keys[:12]) + ", …" * (len(keys) > 12)
    return f"No column here for {listed}."


def _text_row(row: ShownRow) -> str:
    given = ", ".join(f"{key} = {value}" for key, value in row.inputs.items())
    came = row.note or ", ".join(f"{key} = {value}" for key, value in row.results.items())
    return (f"{given} -> " if given else "") + row.status + (f": {came}" if came else "")


def _rows(count: int) -> str:
    return f"{count:,} row{'s' * (count != 1)}"
