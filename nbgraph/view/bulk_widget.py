"""Questions that are the same, answered at once in a notebook, each recorded by itself."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from html import escape
from threading import Lock

import ipywidgets

from nbgraph.core.approvals import REJECT, Approval
from nbgraph.view.edit_field import WIDE
from nbgraph.view.times import clock
from nbgraph.view.values import short, shorten

SHOWN = 3  # keys of a question
MOST = 100  # of one group

OnAnswer = Callable[[list[str], str, str], object]


def alike(questions: Iterable[Approval]) -> list[list[Approval]]:
    """Those that ask the same of a person, two or more of each; what is shown with them may differ.

    A question with a form is left out, for each is to be filled in by itself.
    """
    groups: dict[Hashable, list[Approval]] = {}
    for asked in questions:
        if not asked.form:
            groups.setdefault(sign(asked), []).append(asked)
    return [group[:MOST] for group in groups.values() if len(group) > 1]


def sign(asked: Approval) -> Hashable:
    """What two questions have in common that can be answered at once."""
    return asked.node, asked.question, asked.options, tuple(asked.editable)


class BulkWidget(ipywidgets.VBox):  # type: ignore[misc]
    """One group of questions: those that are ticked get the same answer. What was edited is never sent from here.

    Args:
        on_answer: called with the ids of those that are ticked, the option and the note, never twice at once.
        before: the widget that stood in its place: its note, and what was not ticked there, are kept.
    """

    def __init__(self, group: Sequence[Approval], on_answer: OnAnswer, before: BulkWidget | None = None) -> None:
        self.group, self._on_answer, self._options = group, on_answer, group[0].options
        self._answering = Lock()
        ticks, noted = ({}, "") if before is None else before.entered
        self.boxes = {asked.id: _box(asked, ticks.get(asked.id, asked.digest == group[0].digest)) for asked in group}
        self.note = ipywidgets.Text(noted, placeholder="one note for all (optional)", layout=WIDE)
        self.note.description, self.note.style.description_width = "note", "initial"
        self.buttons = [self._button(option) for option in self._options]
        title = f"<strong>{len(group)} times the same question</strong>, asked by {escape(group[0].node)}"
        options = ipywidgets.HBox(self.buttons)
        options.add_class("nbgraph-options")
        super().__init__([ipywidgets.HTML(title), *self.boxes.values(), self.note, options])
        self.add_class("nbgraph-bulk")
        for box in self.boxes.values():
            box.observe(self._count, "value")
        self._count()

    @property
    def entered(self) -> tuple[dict[str, bool], str]:
        """Which are ticked, and the note."""
        return {id: box.value for id, box in self.boxes.items()}, self.note.value

    def same(self, group: Sequence[Approval]) -> bool:
        """Whether it shows these questions as they are."""
        return [(asked.id, asked.digest) for asked in group] == [(asked.id, asked.digest) for asked in self.group]

    @property
    def interactive(self) -> tuple[ipywidgets.Widget, ...]:
        """The widgets that receive messages from the page."""
        return (*self.buttons, *self.boxes.values(), self.note)

    def _button(self, option: str) -> ipywidgets.Button:
        made = ipywidgets.Button(button_style="danger" if option == REJECT else "")
        made.layout.width = "auto"
        made.on_click(lambda _: self._answer(option))
        return made

    def _count(self, _: object = None) -> None:
        many = len(self._ticked())
        for button, option in zip(self.buttons, self._options, strict=True):
            button.description, button.disabled = f"{option}: {many} of {len(self.boxes)}", not many

    def _ticked(self) -> list[str]:
        return [id for id, box in self.boxes.items() if box.value]

    def _answer(self, option: str) -> None:
        # clicks can come on several threads at once
        if not self._answering.acquire(blocking=False):
            return
        try:
            self._on_answer(self._ticked(), option, self.note.value)
        finally:
            self._answering.release()


def _box(asked: Approval, ticked: bool) -> ipywidgets.Checkbox:
    shown = ", ".join(f"{key} = {short(key, value, 60)}" for key, value in list(asked.shown.items())[:SHOWN])
    about = " · ".join(filter(None, (asked.run_id, shorten(asked.within, 40), clock(asked.asked_at), shown)))
    return ipywidgets.Checkbox(
        ticked, description=shorten(about, 200), description_allow_html=False, indent=False, layout=WIDE
    )
