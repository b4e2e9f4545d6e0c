"""A run or a batch as a picture of a terminal, redrawn in its place; Rich draws, and is imported when it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbgraph.core.approvals import Approval
from nbgraph.view.asking import how_to_answer, question
from nbgraph.view.batch_table import SIGNS, ShownBatch
from nbgraph.view.node_progress import NodeProgress
from nbgraph.view.pace import clock_face, items, joined, rate
from nbgraph.view.progress import Progress
from nbgraph.view.values import plain, shorten

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

ICONS = {"done": "✓", "failed": "✗", "handled": "✗", "waiting": "?", "active": "▶", "cancelled": "×", "idle": "·"}
ICONS |= {"running": "▶", "paused": "‖"}
STYLES = {
    "done": "green",
    "failed": "bold red",
    "handled": "yellow",
    "waiting": "yellow",
    "paused": "yellow",
    "active": "bold blue",
    "running": "bold blue",
    "cancelled": "dim",
    "queued": "dim",
    "idle": "dim",
}
FIRST = ("active", "waiting", "failed", "handled", "cancelled", "done", "idle")  # where there is no room for all
NAME, NOTE, BAR, STEPS, ASKED = 40, 60, 30, 20, 5
AROUND = 6  # lines above and below the table, at least
HINTS = {
    "waiting": "batch.waiting gives the runs that ask, by row; run.answer answers there",
    "failed": "batch.failures gives the errors, by row; batch.resume() goes on with what was mended",
}


def run_picture(progress: Progress, asked: Sequence[Approval], now: float, lines: int) -> RenderableType:
    """A run as it stands: its status, a row for each node, what failed, and the open questions.

    Args:
        lines: the height of the terminal, which the picture does not outgrow.
    """
    from rich.console import Group

    below = [*_failures(progress), *_questions(asked)]
    room = max(3, lines - AROUND - len(below))
    parts: list[RenderableType] = [_head(progress, now), *_bar(items(progress.nodes), now)]
    return Group(*parts, *_nodes(progress, now, room), *below)


def batch_picture(batch: ShownBatch, seconds: float, lines: int) -> RenderableType:
    """A batch as it stands: how many rows have ended and how fast, and the rows that `batch` holds."""
    from rich.console import Group

    going = any(batch.counts.get(status) for status in ("running", "queued"))
    left = _left(batch.over, batch.total, seconds) if going else ""
    told = joined((batch.status, clock_face(seconds), rate(batch.over, seconds), left))
    head = _text((shorten(batch.name, NAME), "bold"), (f"  {told}", ""))
    bar = _progress(batch.over, batch.total, f"{batch.over:,} of {batch.total:,}")
    rows = [_row(row.label, row.status, row.note) for row in batch.rows[: max(3, lines - AROUND)]]
    hints = [_text((f"  {hint}", "dim")) for status, hint in HINTS.items() if batch.counts.get(status)]
    return Group(head, bar, *rows, *hints)


def _head(progress: Progress, now: float) -> Text:
    seconds, status = progress.clock.seconds(now), progress.status
    many = progress.rows.count >= STEPS
    steps = f"{progress.rows.count:,} step{'s' * (progress.rows.count != 1)}"
    told = joined(
        (
            clock_face(seconds),
            steps,
            rate(progress.rows.count, seconds) if many else "",
            f"models: {progress.used}" if progress.used.calls else "",
        )
    )
    name = (shorten(progress.outline.name, NAME), "bold")
    reason = f"  {progress.reason}" if progress.reason else ""
    return _text(name, (f"  {ICONS[status]} {status}", STYLES[status]), (f"  {told}{reason}", ""))


def _bar(mapping: Mapping[str, float], now: float) -> list[RenderableType]:
    """How far the maps are that are under way."""
    if not mapping:
        return []
    over, total, seconds = int(mapping["over"]), int(mapping["items"]), now - mapping["begun"]
    told = joined((f"{over:,}/{total:,} items", rate(over, seconds), _left(over, total, seconds)))
    return [_progress(over, total, told)]


def _progress(over: int, total: int, told: str) -> RenderableType:
    from rich.columns import Columns
    from rich.progress_bar import ProgressBar

    bar = ProgressBar(max(1, total), over, width=BAR, complete_style="blue", finished_style="green")
    return Columns((bar, _text((told, ""))))


def _left(over: int, total: int, seconds: float) -> str:
    left = seconds / over * (total - over) if over else 0.0
    return f"about {clock_face(left)} left" if left >= 1 else ""


def _nodes(progress: Progress, now: float, room: int) -> list[RenderableType]:
    from rich.table import Table

    names = [node.name for node in progress.outline.nodes if node.kind not in ("start", "end")]
    nodes = {name: progress.nodes.get(name, NodeProgress()) for name in names}
    shown = _chosen(nodes, room)
    took = {row["node"]: row["seconds"] for row in progress.rows.newest()}
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_column(justify="right")
    for name in shown:
        node = nodes[name]
        style = STYLES[node.state]
        told = shorten(joined((_visits(node), node.note, progress.node(name).get("inside", ""))), NOTE)
        named = _text((ICONS[node.state], style)), _text((shorten(name, NAME), ""))
        table.add_row(*named, _text((told, "dim")), _text((_seconds(node, took.get(name), now), "dim")))
    return [table, *_rest(nodes, shown)]


def _chosen(nodes: Mapping[str, NodeProgress], room: int) -> list[str]:
    """The names of at most `room` nodes, in the order of the graph: those with which something is the matter."""
    if len(nodes) <= room:
        return list(nodes)
    urgent = sorted(nodes, key=lambda name: FIRST.index(nodes[name].state))[: room - 1]
    kept = set(urgent)
    return [name for name in nodes if name in kept]


def _rest(nodes: Mapping[str, NodeProgress], shown: Sequence[str]) -> list[Text]:
    kept = set(shown)
    states = Counter(node.state for name, node in nodes.items() if name not in kept)
    told = ", ".join(f"{count:,} {'not reached' if state == 'idle' else state}" for state, count in states.items())
    return [_text((f"… {states.total():,} more: {told}", "dim"))] if states else []


def _visits(node: NodeProgress) -> str:
    return f"{node.visits:,} visits" if node.visits > 1 else ""


def _seconds(node: NodeProgress, took: float | None, now: float) -> str:
    going = (task for task, state in node.tasks.items() if state in ("active", "waiting"))
    begun = min((node.started[task] for task in going if task in node.started), default=None)
    spent = took if begun is None else max(0.0, now - begun)
    return "" if spent is None else f"{spent:.1f} s"


def _failures(progress: Progress) -> list[Text]:
    lines = [
        _text((f"{one['task']} failed", "bold red"), (f": {one['error']} {_where(one['where'])}".rstrip(), ""))
        for one in progress.failures
        if not one["handled"]
    ][-ASKED:]
    return [*lines, _text(("    run.resume() goes on when that is mended", "dim"))] if lines else []


def _where(where: str) -> str:
    return f"({where})" if where else ""


def _questions(asked: Sequence[Approval]) -> list[Text]:
    lines = [
        line
        for approval in asked[:ASKED]
        for line in (_text((f"? {question(approval)}", "yellow")), _text((f"    {how_to_answer(approval, asked)}", "")))
    ]
    more = len(asked) - ASKED
    return [*lines, _text((f"  {more:,} more questions: run.approvals", ""))] if more > 0 else lines


def _row(label: str, status: str, note: str) -> Text:
    sign = SIGNS.get(status, "").rstrip("\ufe0e")
    return _text((f"  {sign} {label}. {status}", STYLES.get(status, "")), (f": {note}" if note else "", ""))


def _text(*parts: tuple[Any, str]) -> Text:
    # never markup, and nothing that moves the cursor: names, values and errors come from anywhere
    from rich.text import Text

    return Text.assemble(*((plain(str(text)).replace("\n", " "), style) for text, style in parts))
