"""`%graph approvals`: the open questions of stored runs, to be answered, whoever has their runs."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from html import escape
from typing import Any, NamedTuple

import ipywidgets

from nbgraph.core.approvals import Approval
from nbgraph.errors import AlreadyAnswered, ApprovalError, told
from nbgraph.notebook.below import Below
from nbgraph.notebook.comms import deliver_while_busy
from nbgraph.notebook.listing import Bundle, Listing
from nbgraph.notebook.questions import Questions, close
from nbgraph.notebook.run_display import CLIENT
from nbgraph.notebook.stored import Stored
from nbgraph.view import question_table
from nbgraph.view.bulk_widget import BulkWidget, alike, sign
from nbgraph.view.times import clock

STYLE = """<style>
.jp-OutputArea:has(.nbgraph-open-questions) .nbgraph-record { display: none }
.nbgraph-open-questions .nbgraph-said { white-space: pre-wrap; line-height: 1.5 }
.nbgraph-bulk { margin: 6px 0 10px; padding: 8px 14px; border-radius: 5px;
  border: 1px solid var(--jp-border-color2, #ddd) }
.nbgraph-bulk :is(.widget-checkbox, .widget-checkbox label) { width: auto; max-width: 100%; white-space: normal }
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
        self._bulks: dict[Hashable, BulkWidget] = {}
        self._alike = ipywidgets.VBox()
        self.put(self.shown)
        return _View([self._head, self._alike, self._questions, self._said, below])

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
        self._put_alike(found.open)
        self._head.value = f"{STYLE}<strong>{escape(question_table.headline(found.open))}</strong>"

    def _put_alike(self, questions: Sequence[Approval]) -> None:
        """Above the questions those that can be answered at once; what was ticked and noted there stays."""
        before, self._bulks = self._bulks, {}
        for group in alike(questions):
            old = before.get(sign(group[0]))
            self._bulks[sign(group[0])] = old if old is not None and old.same(group) else self._bulk(group, old)
        self._alike.children = tuple(self._bulks.values())
        for old in before.values():
            if old not in self._bulks.values():
                close(old)

    def _bulk(self, group: Sequence[Approval], before: BulkWidget | None) -> BulkWidget:
        made = BulkWidget(group, self.answer_all, before)
        deliver_while_busy((made, *made.interactive))
        return made

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
        try:
            said = self._send(id, option, note, edit, form)
        except AlreadyAnswered:
            self.refresh()  # the widget then says who it was
            raise
        self.later(lambda: self.say(said))
        self.refresh()
        return None

    def answer_all(self, ids: Sequence[str], option: str, note: str) -> None:
        """Give several questions the same answer, each by itself: one that cannot be answered holds up no other."""
        failed = [line for id in ids if (line := self._why_not(id, option, note))]
        lines = [f"{len(ids) - len(failed)} of {len(ids)} answered: {option}", *failed]
        self.later(lambda: self.say("\n".join(lines)))
        self.refresh()

    def _why_not(self, id: str, option: str, note: str) -> str:
        """Answer one of several; gives why it was not answered."""
        asked = self._asked.get(id)
        try:
            self._send(id, option, note, {}, {})
        except Exception as error:
            return f"{asked.run_id if asked else id}: {told(error)}"
        return ""

    def _send(self, id: str, option: str, note: str, edit: dict[str, Any], form: dict[str, Any]) -> str:
        asked = self._asked.get(id)
        if asked is None or self.below is None:
            raise ApprovalError("this is asked no more.")
        return self.below.call(lambda: self._stored.answer(asked, option, note, edit, form, CLIENT))


class _View(ipywidgets.VBox):  # type: ignore[misc]
    def __init__(self, children: list[ipywidgets.Widget]) -> None:
        super().__init__(children)
        self.add_class("nbgraph-open-questions")

    def __repr__(self) -> str:
        return "<open questions>"


def _caption(asked: Approval) -> str:
    return f"{asked.run_id} · {asked.node} · asked {clock(asked.asked_at)}"
