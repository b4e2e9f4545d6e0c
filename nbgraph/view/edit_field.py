"""A field in which a person edits one value of an approval, fitting the value's type."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets

from nbgraph.errors import ApprovalError, told
from nbgraph.view.edit_diff import difference
from nbgraph.view.values import unseen

# the page counts in doubles, so larger whole numbers would change on their way
SAFE_INT = 2**53
WIDE = ipywidgets.Layout(width="100%", max_width="720px")
AS_TYPED = (
    10_000  # characters up to which each key is sent as it is typed, so that what changed is shown before a click
)


class EditField:
    """One editable key: `control` is the widget to enter its value in, and below it stands what was changed.

    Args:
        on_change: called when something else is entered.
    """

    def __init__(self, key: str, value: Any, on_change: Callable[[], None] = lambda: None) -> None:
        self.key, self.before = key, value
        self.as_json = not has_own_widget(value)
        self.editable = not self.as_json or survives_json(value)
        self.control = _control(key, value)
        self.entered = self.control.value
        hints = filter(None, (_hint(self.as_json, self.editable), unseen(str(self.entered))))
        self.change = ipywidgets.HTML()
        self.box = ipywidgets.VBox([self.control, *map(_small, hints), self.change])
        self.enable(True)
        self._on_change = on_change
        self.control.observe(self._show_change, "value")

    def enable(self, enabled: bool) -> None:
        """Let the value be edited, or not."""
        self.control.disabled = not (enabled and self.editable)

    def show(self, value: Any) -> None:
        """Show the value that was answered, whoever entered it."""
        self.control.value = written(value) if self.as_json else value

    def wrong(self) -> str:
        """Why what was entered cannot be read; empty where it can."""
        try:
            self.changed()
        except ApprovalError as error:
            return told(error)
        return ""

    def _show_change(self, _: object) -> None:
        wrong = self.wrong()
        if wrong:
            self.change.value = f'<span class="nbgraph-wrong" role="alert">{escape(wrong)}</span>'
        else:
            self.change.value = difference(self.before, self.read(), written) if self.changed() else ""
        self._on_change()

    def changed(self) -> bool:
        """Whether another value was entered; ApprovalError where it cannot be read."""
        if not self.editable or self.control.value == self.entered:
            return False
        return not self.as_json or _canonical(self.read()) != _canonical(self.before)

    def read(self) -> Any:
        """The value as entered; ApprovalError where it is no JSON."""
        return read_json(self.key, self.control.value, self.before) if self.as_json else self.control.value


def read_json(key: str, text: str, before: Any) -> Any:
    """The value of a key as it was entered in the place of `before`; ApprovalError where it is no JSON."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ApprovalError(f"{key} is not JSON: {error}.") from None
    return tuple(value) if isinstance(before, tuple) and isinstance(value, list) else value


def has_own_widget(value: Any) -> bool:
    """Whether a value is entered as it is, and not as JSON."""
    if type(value) is int:
        return abs(value) < SAFE_INT
    if type(value) is float:
        return math.isfinite(value)
    return type(value) in (str, bool)


def _control(key: str, value: Any) -> ipywidgets.Widget:
    look = {"description": key, "style": {"description_width": "initial"}}
    if isinstance(value, str) or not has_own_widget(value):
        made = area(value if isinstance(value, str) else written(value), look)
        made.continuous_update = len(made.value) <= AS_TYPED
        return made
    if isinstance(value, bool):
        return ipywidgets.Checkbox(value=value, indent=False, **look)
    kind = ipywidgets.IntText if isinstance(value, int) else ipywidgets.FloatText
    return kind(value=value, continuous_update=True, **look)


def area(text: str, look: dict[str, Any]) -> ipywidgets.Textarea:
    """Several lines to write in, as many as `text` needs but for long ones; `look` is what else the widget is given."""
    rows = min(14, max(3, text.count("\n") + 1, len(text) // 80))
    return ipywidgets.Textarea(text, rows=rows, layout=WIDE, continuous_update=False, **look)


def written(value: Any) -> str:
    """A value as JSON, or by its `repr` where JSON cannot hold it."""
    return json.dumps(value, indent=2, ensure_ascii=False) if survives_json(value) else repr(value)


def survives_json(value: Any) -> bool:
    """Whether a value comes back from JSON as it was: a dict with int keys does not."""
    try:
        back = json.loads(json.dumps(value))
    except (TypeError, ValueError, RecursionError):
        return False
    back = tuple(back) if type(value) is tuple else back
    return type(back) is type(value) and repr(back) == repr(value)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _small(hint: str) -> ipywidgets.HTML:
    made = ipywidgets.HTML(hint)
    made.add_class("nbgraph-hint")
    return made


def _hint(as_json: bool, editable: bool) -> str:
    if not as_json:
        return ""
    return "as JSON" if editable else "This value cannot be edited here; give it in run.answer(..., edit={...})."
