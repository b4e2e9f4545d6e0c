"""The record of a run, for readers without a kernel: a picture and tables as plain HTML, and a plain text."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Any

from nbgraph.core.outline import Outline
from nbgraph.view.dot import Drawing
from nbgraph.view.pace import clock_face
from nbgraph.view.picture import picture
from nbgraph.view.progress import Progress
from nbgraph.view.rows import RECORD_ROWS


def html(outline: Outline, drawing: Drawing, progress: Progress) -> str:
    """The record as HTML that stays right when it is sanitised: an image, a status line and tables, no styles.

    Durations and times stand in `<time>` elements, so that one pattern can take them out for a comparison.
    """
    shown = progress.snapshot(RECORD_ROWS)
    parts = [
        _image(picture(drawing, outline, progress), _alt(outline, progress)),
        _status(outline, progress),
        _failures(progress),
        _steps(shown),
        _answers(shown),
        *(f"<p>{escape(note)}</p>" for note in outline.notes),
    ]
    return f'<div class="nbgraph-record">{"".join(parts)}</div>'


def text(outline: Outline, progress: Progress) -> str:
    """The record as text, without durations, times and ids: the same for the same run."""
    shown = progress.snapshot(RECORD_ROWS)
    lines = [headline(outline, progress)]
    lines += [f"  {_models(progress)}"] if progress.used.calls else []
    lines += [f"  {sentence}" for sentence in _left_out(shown["steps"], shown["rows"])]
    lines += [f"  {text_row(row)}" for row in shown["rows"]]
    lines += [f"  {one['task']} was answered {one['option']!r} by {one['by']}" for one in shown["answers"]]
    lines += [f"  {one['task']} {_failed(one)}: {one['error']}" for one in progress.failures]
    return "\n".join(lines)


def headline(outline: Outline, progress: Progress) -> str:
    """Such as `essay: waiting, 3 steps; waits for a person at gate`."""
    count = f"{progress.rows.count} step" + ("" if progress.rows.count == 1 else "s")
    head = f"{outline.name}: {progress.status or 'not run yet'}, {count}"
    return f"{head}; {progress.reason}" if progress.reason else head


def _alt(outline: Outline, progress: Progress) -> str:
    states = ", ".join(f"{name} {node.state}" for name, node in list(progress.nodes.items())[:40])
    return f"{headline(outline, progress)}. {states}".strip()


def _image(svg: str, alt: str) -> str:
    data = b64encode(svg.encode()).decode()
    return f'<p><img alt="{escape(alt)}" src="data:image/svg+xml;base64,{data}"></p>'


def _status(outline: Outline, progress: Progress) -> str:
    head = headline(outline, progress)[len(outline.name) :]
    time = f", <time>{clock_face(progress.clock.told()['seconds'])}</time>" if progress.status else ""
    used = f"<p>{escape(_models(progress))}</p>" if progress.used.calls else ""
    return f"<p><strong>{escape(outline.name)}</strong>{escape(head)}{time}</p>{used}"


def _models(progress: Progress) -> str:
    return f"models: {progress.used}"


def _failures(progress: Progress) -> str:
    lines = (
        f"<p><strong>{escape(one['task'])} {_failed(one)}</strong>: {escape(one['error'])}"
        + (f" ({escape(one['where'])})" if one["where"] else "")
        + "</p>"
        for one in progress.failures
    )
    return "".join(lines)


def _steps(shown: dict[str, Any]) -> str:
    models = ["models"] if any("used" in row for row in shown["rows"]) else []
    rows = (
        [
            str(row["step"]),
            escape(row["task"]),
            "<br>".join(escape(f"{key} = {value}") for key, value in row["update"].items()),
            "<br>".join(escape(_taken(edge)) for edge in row["edges"]),
            *(escape(row.get("used", "")) for _ in models),
            "" if row["seconds"] is None else f"<time>{row['seconds']:.2f}</time>",
        ]
        for row in shown["rows"]
    )
    note = "".join(f"<p>{escape(sentence)}</p>" for sentence in _left_out(shown["steps"], shown["rows"]))
    return note + _table(("step", "node", "update", "went on to", *models, "seconds"), rows)


def _answers(shown: dict[str, Any]) -> str:
    rows = (
        [
            *(escape(value) for value in (one["task"], one["option"], one["note"], one["by"])),
            f"<time>{datetime.fromtimestamp(one['at']):%Y-%m-%d %H:%M}</time>",
        ]
        for one in shown["answers"]
    )
    note = "".join(f"<p>{escape(sentence)}</p>" for sentence in _left_out(shown["answered"], shown["answers"]))
    return note + _table(("asked by", "answer", "note", "given by", "at"), rows)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already, or nothing where there are no rows."""
    body = "".join("<tr>" + "".join(f"<td>{_left(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    top = "".join(f"<th>{_left(head)}</th>" for head in heads)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>" if body else ""


def _left(cell: str) -> str:
    # JupyterLab aligns cells to the right, and its sanitiser leaves this attribute where it removes styles
    return f'<div align="left">{cell}</div>'


def _left_out(total: int, rows: Sequence[object]) -> list[str]:
    left = total - len(rows)
    return [f"The first {left} are left out here."] if left > 0 else []


def _failed(failure: dict[str, Any]) -> str:
    return "failed, and the run went on" if failure["handled"] else "failed"


def _taken(edge: dict[str, str]) -> str:
    return f"{edge['target']}: {edge['reason']}" if edge["reason"] else edge["target"]


def text_row(row: dict[str, Any]) -> str:
    """A step, such as `2. review: score = 6 -> draft (score 6 < 7, 1 of 3)`."""
    update = ", ".join(f"{key} = {value}" for key, value in row["update"].items())
    targets = ", ".join(edge["target"] + (f" ({edge['reason']})" if edge["reason"] else "") for edge in row["edges"])
    return f"{row['step']}. {row['task']}" + (f": {update}" if update else "") + (f" -> {targets}" if targets else "")
