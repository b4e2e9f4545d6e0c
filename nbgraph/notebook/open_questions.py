"""`%graph approvals`: the open questions of stored runs, to be answered, whoever has their runs."""

from __future__ import annotations

from html import escape
from typing import Any, NamedTuple

import ipywidgets

from nbgraph.core.approvals import Approval
from nbgraph.errors import AlreadyAnswered, ApprovalError
from nbgraph.notebook.below import Below
from nbgraph.notebook.listing import Bundle, Listing
from nbgraph.notebook.questions import Questions
from nbgraph.notebook.run_display import CLIENT
from nbgraph.notebook.stored import Stored
from nbgraph.view import question_table
from nbgraph.view.times import clock

STYLE = """<style>
.jp-OutputArea:has(.nbgraph-open-questions) .nbgraph-record { display: none }
.nbgraph-open-questions .nbgraph-said { white-space: pre-wrap; line-height: 1.5 }
</style>"""


class Found(NamedTuple):
    """Questions that are open, and those that were and are not any more, as they are now."""

    open: tuple[Approval, ...]
    closed: tuple[Approval, ...]

    @property
    def signs(self) -> list[tuple[str, str]]:
        """What tells it from what was found before; values may not let themselves be compared."""
        return [*((asked.id, asked.digest) for asked in self.open), *((asked.id, "closed") for asked in self.closed)]


class OpenQuestions(Listing[Found]):
    """The open questions of the runs of a graph, or of all.

    Args:
        graph: the name of a graph, or None.
    """

    def __init__(self, stored: Stored, graph: str | None, publisher: Any, watched: bool) -> None:
        self._stored, self._graph = stored, graph
        self._asked: dict[str, Approval] = {}  # as they are shown
        super().__init__(publisher, watched)

    def read(self) -> Found:
        """The questions that the stores hold now."""
        found = tuple(self._stored.questions(self._graph))
        listed = {asked.id for asked in found}
        gone = [asked for asked in list(self._asked.values()) if asked.id not in listed]
        return Found(found, tuple(self._stored.question(asked.id, asked.run_id) or asked for asked in gone))

    def same(self, found: Found) -> bool:
        """Whether it is what is shown."""
        return found.signs == self.shown.signs

    def record(self) -> Bundle:
        """The table of those that are open."""
        asked = self.shown.open
        return {"text/plain": question_table.text(asked), "text/html": question_table.html(asked)}

    def view(self, below: Below) -> ipywidgets.Widget:
        """A widget for each question."""
        self._head, self._said = ipywidgets.HTML(), ipywidgets.HTML()
        self._said.add_class("nbgraph-said")
        self._questions = Questions(self.answer, _caption)
        self.put(self.shown)
        return _View([self._head, self._questions, self._said, below])

    def put(self, found: Found) -> None:
        """Show the questions as they are now."""
        for asked in found.closed:
            self._asked.pop(asked.id, None)
            (self._questions.note if asked.answer else self._questions.note_withdrawn)(asked)
        for asked in found.open:
            before = self._asked.get(asked.id)
            if before is None or before.digest != asked.digest:
                self._asked[asked.id] = asked
                self._questions.note(asked)
        self._questions.flush()
        self._head.value = f"{STYLE}<strong>{escape(question_table.headline(found.open))}</strong>"

    def say(self, sentence: str) -> None:
        """Show a sentence below the questions; read aloud."""
        self._said.value = f'<span role="status">{escape(sentence)}</span>' if sentence else ""

    # From the page, on any thread

    def answer(self, id: str, option: str, note: str, edit: dict[str, Any], form: dict[str, Any]) -> str | None:
        """Answer a question; its run is shown below where it goes on here.

        Raises:
            AlreadyAnswered: somebody was first.
            ApprovalError: the question is asked no more or has changed, or the answer does not fit it.
        """
        asked = self._asked.get(id)
        if asked is None or self.below is None:
            raise ApprovalError("this is asked no more.")
        try:
            said = self.below.call(lambda: self._stored.answer(asked, option, note, edit, form, CLIENT))
        except AlreadyAnswered:
            self.refresh()  # the widget then says who it was
            raise
        self.later(lambda: self.say(said))
        self.refresh()
        return None


class _View(ipywidgets.VBox):  # type: ignore[misc]
    def __init__(self, children: list[ipywidgets.Widget]) -> None:
        super().__init__(children)
        self.add_class("nbgraph-open-questions")

    def __repr__(self) -> str:
        return "<open questions>"


def _caption(asked: Approval) -> str:
    return f"{asked.run_id} · {asked.node} · asked {clock(asked.asked_at)}"
