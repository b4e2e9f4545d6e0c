"""The fields of a form, in which a person enters what is asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import ipywidgets

from nbgraph.core.forms import Field
from nbgraph.errors import ApprovalError
from nbgraph.view.edit_field import WIDE, area, written
from nbgraph.view.markdown import display

NOTHING = "—", -1  # a choice that is none, and its place
YES = ("true", "yes", "on", "y", "t", "1")
LONG = 80  # signs from which on a text gets several lines


class FormFields:
    """All fields of a form; `boxes` are what a page shows of them, `controls` the widgets to enter them in."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self._fields = {field.name: FormField(field) for field in fields}
        self.boxes = tuple(field.box for field in self._fields.values())
        self.controls = tuple(field.control for field in self._fields.values())

    def __getitem__(self, name: str) -> FormField:
        return self._fields[name]

    def entries(self) -> dict[str, Any]:
        """What was entered, by field; what was left out is not in it.

        Raises:
            ApprovalError: something is missing, or is no JSON; with a sentence for each such field.
        """
        entered, wrong = dict[str, Any](), dict[str, str]()
        for name, field in self._fields.items():
            try:
                entered |= field.entry()
            except ApprovalError as error:
                wrong[name] = str(error)
        if wrong:
            raise ApprovalError(" ".join(wrong.values()), wrong)
        return entered

    def tell(self, wrong: Mapping[str, str]) -> bool:
        """Say below each field what is wrong with it, and nothing below the others; whether all was said."""
        for name, field in self._fields.items():
            field.tell(wrong.get(name, ""))
        return wrong.keys() <= self._fields.keys()

    def show(self, entries: Mapping[str, Any]) -> None:
        """Show what was answered, whoever entered it."""
        for name in entries.keys() & self._fields.keys():
            self._fields[name].show(entries[name])

    def enable(self, enabled: bool) -> None:
        """Let something be entered, or not."""
        for control in self.controls:
            control.disabled = not enabled


class FormField:
    """One field: `control` is the widget to enter it in, `box` holds that and what is to be said of it."""

    def __init__(self, field: Field) -> None:
        self._field = field
        self.control = _control(field)
        self.wrong = ipywidgets.HTML()
        self.wrong.add_class("nbgraph-wrong")
        hint = ipywidgets.HTML(escape(_hint(field)))
        hint.add_class("nbgraph-hint")
        self.box = ipywidgets.VBox([self.control, *([hint] if hint.value else []), self.wrong])
        self.box.add_class("nbgraph-field")
        self.tell("")

    def tell(self, sentence: str) -> None:
        """Say what is wrong with what was entered, or nothing."""
        self.wrong.value = f'<span role="alert">{escape(sentence)}</span>' if sentence else ""
        self.wrong.layout.display = "" if sentence else "none"

    def show(self, entry: Any) -> None:
        """Show what was answered."""
        if isinstance(self.control, ipywidgets.Dropdown):
            self.control.options = [NOTHING if entry is None else (_label(entry), 0)]
            self.control.index = 0
        elif isinstance(self.control, ipywidgets.Checkbox):
            self.control.value = entry is True or str(entry).strip().lower() in YES
        else:
            self.control.value = _text(self._field, entry)

    def entry(self) -> dict[str, Any]:
        """What was entered, by the name of the field; nothing where it was left out, and its default counts.

        Raises:
            ApprovalError: it is missing, or is no JSON.
        """
        field, entered = self._field, self.control.value
        if isinstance(self.control, ipywidgets.Checkbox):
            return {field.name: entered}
        if isinstance(self.control, ipywidgets.Dropdown):
            return self._nothing() if entered == NOTHING[1] else {field.name: _choices(field)[entered]}
        return {field.name: _read(field, entered)} if entered.strip() else self._nothing()

    def _nothing(self) -> dict[str, Any]:
        field = self._field
        if field.required:
            raise ApprovalError(f"{_name(field)} is missing; it should be {field.type}.")
        if field.optional:
            return {field.name: None}
        return {field.name: ""} if field.kind == "text" and field.default is not None else {}


def _name(field: Field) -> str:
    return field.name or "the answer"


def _hint(field: Field) -> str:
    """What it is for, and what it takes where that is not to be seen."""
    plain = field.kind in ("choice", "yes or no") or field.type == "a text"
    return " — ".join(filter(None, (field.help, "" if plain else field.type)))


def _control(field: Field) -> ipywidgets.Widget:
    name = (field.name or "answer") + (" *" if field.required else "")
    look = {"description": name, "style": {"description_width": "initial"}}
    if field.kind == "choice" or (field.kind == "yes or no" and field.optional):
        return _dropdown(field, look)
    if field.kind == "yes or no":
        return ipywidgets.Checkbox(value=bool(field.default), indent=False, **look)
    text = "" if field.default is None else _text(field, field.default)
    if field.kind == "json" or "\n" in text or len(text) > LONG:
        return area(text, look)
    return ipywidgets.Text(text, layout=WIDE, continuous_update=False, **look)


def _dropdown(field: Field, look: dict[str, Any]) -> ipywidgets.Dropdown:
    """A choice that is made by nobody but the person, where the type has no default."""
    choices = _choices(field)
    options = [(_label(choice), index) for index, choice in enumerate(choices)]
    chosen = choices.index(field.default) if field.default in choices else NOTHING[1]
    nothing = [NOTHING] if field.optional or field.default not in choices else []
    return ipywidgets.Dropdown(options=[*nothing, *options], value=chosen, **look)


def _choices(field: Field) -> tuple[Any, ...]:
    return field.choices if field.kind == "choice" else (True, False)


def _label(choice: Any) -> str:
    return ("no", "yes")[choice] if isinstance(choice, bool) else display(getattr(choice, "name", choice))


def _text(field: Field, entry: Any) -> str:
    if field.kind == "json":
        return written(entry)
    return "" if entry is None else display(entry)


def _read(field: Field, entered: str) -> Any:
    """What a text says; one that says no number stays as it is, for the form to refuse."""
    if field.kind == "json":
        try:
            return json.loads(entered)
        except ValueError as error:
            raise ApprovalError(f"{_name(field)} is not JSON: {error}.") from None
    if field.kind not in ("integer", "number"):
        return entered
    try:
        return int(entered) if field.kind == "integer" else float(entered)
    except ValueError:
        return entered
