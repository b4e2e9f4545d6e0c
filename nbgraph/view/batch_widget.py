"""The live view of a batch in a notebook, built of core widgets: how far it is, what came of its rows, two buttons."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import ipywidgets

from nbgraph.view.batch_table import ShownBatch, table
from nbgraph.view.pace import joined, rate
from nbgraph.view.times import duration

STYLE = """<style>
.jp-OutputArea:has(.nbgraph-batch) .nbgraph-record { display: none }
.nbgraph-batch { padding: 2px 4px 8px }
.nbgraph-batch .widget-html-content { line-height: 1.5; font-size: 13px }
.nbgraph-batch .nbgraph-count { color: var(--jp-ui-font-color2, #656d76); font-variant-numeric: tabular-nums }
.nbgraph-batch button:focus-visible { outline: 2px solid var(--jp-brand-color1, #1976d2); outline-offset: 2px }
.nbgraph-batch .nbgraph-head { align-items: center; gap: 8px; overflow: visible }
.nbgraph-batch .nbgraph-message { color: var(--jp-error-color1, #d32f2f) }
.nbgraph-batch table { border-collapse: collapse; font-size: 12px; margin: 0; table-layout: auto }
.nbgraph-batch :is(th, td) { text-align: left; vertical-align: top; padding: 3px 14px 3px 0; border: 0;
  border-bottom: 1px solid var(--jp-border-color2, #e0e0e0);
  background: none; color: var(--jp-ui-font-color1, #1f2328) }
.nbgraph-batch th { position: sticky; top: 0; white-space: nowrap; font-weight: 600;
  background: var(--jp-layout-color0, #fff); color: var(--jp-ui-font-color2, #656d76) }
.nbgraph-batch td > div { max-width: 44ch; overflow-wrap: break-word }
.nbgraph-batch td span { white-space: nowrap }
.nbgraph-batch .nbgraph-done { color: var(--jp-success-color1, #388e3c) }
.nbgraph-batch .nbgraph-failed { color: var(--jp-error-color1, #d32f2f) }
.nbgraph-batch :is(.nbgraph-waiting, .nbgraph-paused) { color: var(--jp-warn-color1, #f57c00) }
.nbgraph-batch .nbgraph-running { color: var(--jp-brand-color1, #1976d2) }
</style>"""


class BatchWidget(ipywidgets.VBox):  # type: ignore[misc]
    """The progress of a batch and a table of its rows; `show` is called by one thread only.

    Args:
        batch: what is shown first.
        on_action: called with "cancel" or "resume" when that button is clicked; what it raises is shown.
    """

    def __init__(self, batch: ShownBatch, on_action: Callable[[str], None]) -> None:
        self._name, self._on_action = batch.name, on_action
        self.bar = ipywidgets.IntProgress(min=0, max=max(1, batch.total), layout={"width": "220px"})
        self.count, self.message, self.table = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        self.cancel = self._button("Cancel", "end every run that has not ended, and start no more")
        self.resume = self._button("Resume", "let failed and paused rows go on, with the nodes as they are now")
        self.count.add_class("nbgraph-count")
        self.message.add_class("nbgraph-message")
        self.table.layout.max_height, self.table.layout.overflow = "420px", "auto"
        name = ipywidgets.HTML(f"{STYLE}<strong>{escape(batch.name)}</strong>")
        # the count, which grows and shrinks, comes last: a button must not move away from under a click
        head = ipywidgets.HBox([name, self.bar, self.cancel, self.resume, self.count])
        head.add_class("nbgraph-head")
        super().__init__([head, self.message, self.table])
        self.add_class("nbgraph-batch")
        self.show(batch, 0.0)

    def __repr__(self) -> str:
        return f"<live view of the batch {self._name}>"

    @property
    def interactive(self) -> tuple[ipywidgets.Widget, ...]:
        """The widgets that receive messages from the page."""
        return self.cancel, self.resume

    def show(self, batch: ShownBatch, seconds: float) -> None:
        """Show where the batch stands now, `seconds` after it began; what has not changed is not sent."""
        counts = batch.counts
        going = any(counts.get(status) for status in ("running", "queued"))
        self.bar.value = batch.over
        self.bar.bar_style = _style(batch, going)
        told = joined(
            (f"{batch.over:,} of {batch.total:,} · {batch.status} · {duration(seconds)}", *_pace(batch, seconds, going))
        )
        role = "" if going else ' role="status"'  # read aloud when it is at rest, not with each row
        self.count.value = f"<span{role}>{escape(told)}</span>"
        self.cancel.disabled = not going and not any(counts.get(status) for status in ("waiting", "paused"))
        self.resume.disabled = not any(counts.get(status) for status in ("failed", "paused"))
        self.table.value = table(batch)

    def _button(self, name: str, tooltip: str) -> ipywidgets.Button:
        made = ipywidgets.Button(description=name, tooltip=tooltip, layout={"width": "auto"})
        made.on_click(lambda _: self._act(name.lower()))
        return made

    def _act(self, action: str) -> None:
        refusal = ""
        # what is raised in a widget's callback appears nowhere
        try:
            self._on_action(action)
        except Exception as error:
            refusal = str(error) or type(error).__name__
        self.message.value = f'<span role="status">{escape(refusal)}</span>' if refusal else ""


def _pace(batch: ShownBatch, seconds: float, going: bool) -> tuple[str, ...]:
    """How many rows end in a second or a minute, and how long the rest may take; nothing where none goes on."""
    left = seconds / batch.over * (batch.total - batch.over) if batch.over else 0.0
    return (rate(batch.over, seconds), f"about {duration(left)} left" if left >= 1 else "") if going else ()


def _style(batch: ShownBatch, going: bool) -> str:
    counts = batch.counts
    if counts.get("failed"):
        return "danger"
    if counts.get("waiting") or counts.get("paused"):
        return "warning"
    return "" if going or counts.get("cancelled") else "success"
