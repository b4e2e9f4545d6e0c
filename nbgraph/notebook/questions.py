"""The questions of a run, as a notebook shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import ipywidgets

from nbgraph.core.approvals import Approval
from nbgraph.errors import TextError
from nbgraph.notebook.comms import deliver_while_busy
from nbgraph.view.approval_widget import ApprovalWidget
from nbgraph.view.markdown import placeholders

SETTLED_SHOWN = 5

OnAnswer = Callable[[str, str, str, dict[str, Any], dict[str, Any]], str | None]


class Questions(ipywidgets.VBox):  # type: ignore[misc]
    """The open questions of a run and the last few that were settled; changed from the run's loop only.

    Args:
        on_answer: called with the approval's id, option, note, edited values and form; gives None, or a sentence that
            says why not, or raises it as an error.
        caption: gives what stands above a question; by default that is which tool is to be called.
    """

    def __init__(self, on_answer: OnAnswer, caption: Callable[[Approval], str] | None = None) -> None:
        self._on_answer, self._caption = on_answer, caption or _tool
        self._news: dict[str, tuple[Approval, bool]] = {}  # with whether it is asked
        self._open: dict[str, tuple[Approval, ApprovalWidget]] = {}
        self._settled: list[ApprovalWidget] = []
        super().__init__([])

    def __repr__(self) -> str:
        return f"<questions: {len(self._open)} open>"

    @property
    def asking(self) -> list[Approval]:
        """The open questions that are shown."""
        return [approval for approval, _ in self._open.values()]

    def note(self, approval: Approval) -> None:
        """Remember that a question was asked, asked anew with other values, or answered; `flush` shows it."""
        self._news[approval.id] = approval, approval.answer is None

    def note_withdrawn(self, approval: Approval) -> None:
        """Remember that a question is asked no more, unless it is asked anew before `flush` shows it."""
        self._news[approval.id] = approval, False

    def withdraw(self) -> None:
        """Nothing is asked any more."""
        self._news.clear()
        for approval, _ in list(self._open.values()):
            self._settle(approval)

    def flush(self) -> None:
        """Show what was noted; a question that was answered before it was ever shown stays unseen."""
        if not self._news:
            return
        news, self._news = self._news, {}
        for approval, asked in news.values():
            if asked:
                self._ask(approval)
            else:
                self._settle(approval)
        self._arrange()

    def _ask(self, approval: Approval) -> None:
        _, before = self._open.pop(approval.id, (None, None))
        if before is not None:
            close(before)
        self._open[approval.id] = approval, self._widget(approval)

    def _widget(self, approval: Approval) -> ApprovalWidget:
        readable, said = _readable(approval)
        beside = tuple(key for key in approval.shown if key not in said)
        answer = partial(self._on_answer, approval.id)
        made = ApprovalWidget(readable, beside, answer, self._caption(approval))
        deliver_while_busy((made, *made.interactive))
        return made

    def _settle(self, approval: Approval) -> None:
        _, widget = self._open.pop(approval.id, (None, None))
        if widget is not None:
            widget.settle(approval)
            self._settled.append(widget)

    def _arrange(self) -> None:
        gone, self._settled = self._settled[:-SETTLED_SHOWN], self._settled[-SETTLED_SHOWN:]
        self.children = (*self._settled, *(widget for _, widget in self._open.values()))
        for widget in gone:
            close(widget)


def _tool(approval: Approval) -> str:
    """Which tool of which agent is about to be called; of any other question, nothing."""
    return approval.node if approval.node != approval.asker else ""


def _readable(approval: Approval) -> tuple[Approval, tuple[str, ...]]:
    """The question and the keys it names; one that cannot be read is shown as written, for it waits all the same."""
    try:
        return approval, placeholders(approval.question)
    except TextError:
        return replace(approval, question=approval.question.replace("{{", "{\u200b{")), ()


def close(widget: ipywidgets.Widget) -> None:
    """Let go of a widget and all within it, here and in the page."""
    for child in getattr(widget, "children", ()):
        close(child)
    widget.close()
