"""A question to a person in a notebook, built of core widgets, with its answer once there is one."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from threading import Lock
from typing import Any

import ipywidgets

from nbgraph.core.approvals import REJECT, Approval
from nbgraph.errors import ApprovalError, told
from nbgraph.view.edit_field import WIDE, EditField
from nbgraph.view.form_fields import FormFields
from nbgraph.view.markdown import display, question_html
from nbgraph.view.times import clock, until
from nbgraph.view.values import unseen

DEADLINE = "deadline"  # what answers where nobody did in time
PAST = {"approve": "approved", REJECT: "rejected", "answer": "answered"}
STYLE = """<style>
.nbgraph-approval { border-left: 3px solid var(--jp-warn-color1, #f57c00); padding: 4px 0 6px 14px }
.nbgraph-approval .nbgraph-value { white-space: pre-wrap; overflow-wrap: anywhere }
.nbgraph-approval pre { white-space: pre-wrap; overflow-wrap: anywhere; max-height: 320px;
  overflow: auto; margin: 2px 0 8px; padding: 8px 10px;
  border-radius: 5px; background: var(--jp-layout-color2, #f4f4f4); line-height: 1.5 }
.nbgraph-approval .widget-html-content { line-height: 1.5 }
.nbgraph-approval .jupyter-widgets:is(.widget-textarea, .widget-text, .widget-dropdown) {
  flex-direction: column; height: auto }
.nbgraph-approval :is(.nbgraph-key, .nbgraph-hint, .widget-label:not(.widget-label-basic)) {
  font-size: 12px; line-height: 20px; height: auto; color: var(--jp-ui-font-color2, #656d76) }
.nbgraph-approval :is(.widget-textarea, .widget-text) > :is(textarea, input) { width: 100%; flex: 0 0 auto }
.nbgraph-approval .widget-dropdown > select { flex: 0 0 auto; min-width: 160px; height: 28px }
.nbgraph-approval .nbgraph-field { margin-bottom: 6px }
.nbgraph-approval .nbgraph-wrong { font-size: 12px; color: var(--jp-error-color1, #c62828) }
.nbgraph-approval .nbgraph-edited { max-width: 720px; max-height: 240px; overflow: auto;
  margin: 2px 0 6px; padding: 4px 8px; border: 1px solid var(--jp-border-color2, #ddd); border-radius: 4px;
  white-space: pre-wrap; overflow-wrap: anywhere; font: 12px/1.5 var(--jp-code-font-family, monospace) }
.nbgraph-edited > div > span { display: inline-block; width: 14px; font-weight: 700 }
.nbgraph-edited ins { background: color-mix(in srgb, var(--jp-success-color1, #388e3c) 22%, transparent) }
.nbgraph-edited del { background: color-mix(in srgb, var(--jp-error-color1, #d32f2f) 16%, transparent) }
.nbgraph-edited:focus-visible { outline: 2px solid var(--jp-brand-color1, #1976d2) }
.nbgraph-approval .nbgraph-options { margin: 6px 0 2px }
.nbgraph-approval button:focus-visible { outline: 2px solid var(--jp-brand-color1, #1976d2); outline-offset: 2px }
.nbgraph-settled { border-left-color: var(--jp-border-color1, #bdbdbd) }
</style>"""


class ApprovalWidget(ipywidgets.VBox):  # type: ignore[misc]
    """One approval, to be answered once.

    Args:
        approval: the question, what is shown with it, its options, editable keys and form.
        shown_beside: the keys whose values stand below the question; one that can be edited stands in its field.
        on_answer: called with option, note, edited values and what was entered into the form, never twice at once;
            gives None when the answer was accepted, or a sentence that says why not, or raises it as an error.
        caption: what stands above the question, such as the run that asks it.
    """

    def __init__(
        self,
        approval: Approval,
        shown_beside: tuple[str, ...],
        on_answer: Callable[[str, str, dict[str, Any], dict[str, Any]], str | None],
        caption: str = "",
    ) -> None:
        self._on_answer = on_answer
        self._settled = False
        self._answering = Lock()
        self.buttons = [self._button(index, option) for index, option in enumerate(approval.options)]
        self._options = approval.options
        self.fields = {key: EditField(key, value, self._count_changes) for key, value in approval.editable.items()}
        self.form = FormFields(approval.form)
        look = {"description": "note", "style": {"description_width": "initial"}}
        self.note = ipywidgets.Text(placeholder="a note (optional)", layout=WIDE, continuous_update=False, **look)
        self.message = ipywidgets.HTML()
        self.message.add_class("nbgraph-message")
        options = ipywidgets.HBox(self.buttons)
        options.add_class("nbgraph-options")
        beside = [key for key in shown_beside if key in approval.shown and key not in self.fields]
        super().__init__(
            [
                ipywidgets.HTML(STYLE + _hint(caption) + question_html(approval.question, approval.shown)),
                *(_shown(key, approval.shown[key]) for key in beside),
                *(field.box for field in self.fields.values()),
                *self.form.boxes,
                self.note,
                *([ipywidgets.HTML(_hint(until(approval)))] if until(approval) else []),
                options,
                self.message,
            ]
        )
        self.add_class("nbgraph-approval")
        if approval.answer is not None:
            self.settle(approval)

    @property
    def interactive(self) -> tuple[ipywidgets.Widget, ...]:
        """The widgets that receive messages from the page."""
        return (*self.buttons, *(field.control for field in self.fields.values()), *self.form.controls, self.note)

    def settle(self, approval: Approval) -> None:
        """Show the answer and let nothing more be entered."""
        self._settled = True
        self._enable(False)
        self.add_class("nbgraph-settled")
        for key, value in (approval.answer.edit if approval.answer else {}).items():
            if key in self.fields:
                self.fields[key].show(value)
        self.form.show(approval.answer.form if approval.answer else {})
        self.form.tell({})
        self._say(_settled(approval))

    def _button(self, index: int, option: str) -> ipywidgets.Button:
        style = "danger" if option == REJECT else ""
        made = ipywidgets.Button(description=option, button_style=style, tooltip=f"answer: {option}")
        made.layout.width = "auto"
        made.add_class(f"nbgraph-option-{index}")
        made.on_click(lambda _: self._answer(option))
        return made

    def _count_changes(self) -> None:
        """The buttons say what they send."""
        wrong = any(field.wrong() for field in self.fields.values())
        changes = 0 if wrong or self._settled else len(self._edited())
        with_changes = f" with {changes} change{'s' * (changes != 1)}" if changes else ""
        for button, option in zip(self.buttons, self._options, strict=True):
            button.description = option if option == REJECT else f"{option}{with_changes}"

    def _answer(self, option: str) -> None:
        # clicks can come on several threads at once
        if not self._answering.acquire(blocking=False):
            return
        try:
            if not self.buttons[0].disabled:
                self._try(option)
        finally:
            self._answering.release()

    def _try(self, option: str) -> None:
        self.form.tell({})
        try:
            edit, form = ({}, {}) if option == REJECT else (self._edited(), self.form.entries())
        except ApprovalError as error:
            return self._refuse(error)
        self._enable(False)
        refusal = self._asked(option, edit, form)
        if self._settled:  # the run's own thread was quicker, and knows who answered
            return
        if refusal is None:
            return self._say(f"{PAST.get(option, option)}, recorded")
        self._enable(True)
        self._refuse(refusal)

    def _asked(self, option: str, edit: dict[str, Any], form: dict[str, Any]) -> Exception | None:
        # what is raised in a widget's callback appears nowhere
        try:
            refusal = self._on_answer(option, self.note.value, edit, form)
        except Exception as error:
            return error
        return None if refusal is None else ApprovalError(refusal)

    def _refuse(self, error: Exception) -> None:
        wrong = error.fields if isinstance(error, ApprovalError) else {}
        all_said = self.form.tell(wrong)
        self._say("not answered yet" if wrong and all_said else told(error))

    def _edited(self) -> dict[str, Any]:
        return {key: field.read() for key, field in self.fields.items() if field.changed()}

    def _enable(self, enabled: bool) -> None:
        for widget in (*self.buttons, self.note):
            widget.disabled = not enabled
        for field in self.fields.values():
            field.enable(enabled)
        self.form.enable(enabled)

    def _say(self, sentence: str) -> None:
        self.message.value = f'<span role="status">{escape(sentence)}</span>'


def _shown(key: str, value: Any) -> ipywidgets.HTML:
    text = display(value)
    made = f'<span class="nbgraph-key">{escape(key)}</span><pre>{escape(text)}</pre>'
    return ipywidgets.HTML(made + _hint(unseen(text)))


def _hint(text: str) -> str:
    return f'<span class="nbgraph-hint">{escape(text)}</span>' if text else ""


def _settled(approval: Approval) -> str:
    answer = approval.answer
    if answer is None:
        return "no longer asked"
    if answer.by == DEADLINE:
        return f"{PAST.get(answer.option, answer.option)} — nobody had answered at the deadline, {clock(answer.at)}"
    said = "" if answer.option == "answer" else f"{PAST.get(answer.option, answer.option)} — "
    when = f" at {clock(answer.at)}"
    return f"{said}answered by {answer.by}{when}" + (f": {answer.note}" if answer.note else "")
