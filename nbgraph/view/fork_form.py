"""The form in which the state of a fork is edited: a field for each key, read as the type of its value asks for."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from itertools import islice
from typing import Any

from nbgraph.errors import ApprovalError, brief
from nbgraph.view.comparing import MISSING, changed_key
from nbgraph.view.edit_field import has_own_widget, read_json, survives_json, written
from nbgraph.view.values import SECRET_TYPES, names_secret, secret, short, shorten

KEYS = 60
NOTHING_LEFT = "nothing is left to run after this step: choose an earlier one to go another way"
LONGEST = 20_000  # characters that a person edits in a form

Told = dict[str, Any]
Entered = Mapping[str, Any]


def form(step: int, state: Mapping[str, Any], active: Sequence[str]) -> Told:
    """The form for a fork after a step: what is said above it, a field for each key, and what is said below them."""
    fields = [_field(key, value) for key, value in islice(state.items(), KEYS)]
    left = len(state) - len(fields)
    return {
        "step": step,
        "title": f"Fork after step {step}" if step else "Fork before the first step",
        "next": f"runs next: {shorten(', '.join(active), 200)}" if active else NOTHING_LEFT,
        "fields": fields,
        "left": f"{left} more keys: give them in run.fork(...)" if left else "",
    }


def _field(key: str, value: Any) -> Told:
    """A field of so many `rows`, 1 for a line and 0 for a tick; one that is `locked` cannot be edited."""
    kind, locked = shorten(type(value).__name__, 40), _locked(key, value)
    told = {"key": key, "label": shorten(key, 60), "locked": bool(locked)}
    if locked:
        return {**told, "hint": f"{kind}, {locked}", "value": short(key, value), "rows": 1}
    if isinstance(value, bool):
        return {**told, "hint": kind, "value": value, "rows": 0}
    if not has_own_widget(value):
        text = written(value)
        return {**told, "hint": f"{kind}, as JSON", "value": text, "rows": _rows(text)}
    return {**told, "hint": kind, "value": str(value), "rows": _rows(value) if isinstance(value, str) else 1}


def _rows(text: str) -> int:
    """Rows of a field of several lines."""
    return min(8, max(2, text.count("\n") + 1, len(text) // 80 + 1))


def _locked(key: str, value: Any) -> str:
    """Why a value cannot be edited here; empty where it can."""
    if secret(key) or type(value).__name__ in SECRET_TYPES:
        return "secret; give it in run.fork(...)"
    if not has_own_widget(value) and not survives_json(value):
        return "give it in run.fork(...)"
    text = value if isinstance(value, str) else written(value)
    if len(text) > LONGEST:
        return "too long for a form; give it in run.fork(...)"
    if text.lstrip()[:1] in ("{", "[") and names_secret(text):
        return "it holds a secret; give it in run.fork(...)"
    return ""


def read(state: Mapping[str, Any], entered: Entered, declared: Container[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The keys that get another value, and what is wrong with those that cannot be read.

    Args:
        declared: the keys whose types the state declares; the others keep the type of their value.
    """
    changes: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for key, given in entered.items():
        try:
            value = _value(key, state, given, key in declared)
        except ApprovalError as error:
            wrong[key] = str(error)
            continue
        if repr(value) != repr(state[key]):
            changes[key] = value
    return changes, wrong


def _value(key: str, state: Mapping[str, Any], given: Any, declared: bool) -> Any:
    if key not in state or _locked(key, state[key]):
        raise ApprovalError(f"{shorten(key, 60)} cannot be edited here.")
    before = state[key]
    if has_own_widget(before):
        return _plain(key, before, given, declared)
    value = read_json(key, str(given), before)
    if declared or before is None or type(value) is type(before):
        return value
    wanted = type(before).__name__
    raise ApprovalError(f"{key} is {wanted}, and this is {type(value).__name__} {brief(value, 40)}; give a {wanted}.")


def _plain(key: str, before: Any, given: Any, declared: bool) -> Any:
    if isinstance(before, bool | str):
        if type(given) is not type(before):
            raise ApprovalError(f"{key} is {type(before).__name__}, not {brief(given, 40)}.")
        return given
    for kind in (int, float) if declared else (type(before),):
        try:
            return kind(str(given))
        except ValueError:
            pass
    wanted = "a whole number" if isinstance(before, int) and not declared else "a number"
    raise ApprovalError(f"{key} is {wanted}, not {brief(given, 40)}.")


def preview(state: Mapping[str, Any], changes: Mapping[str, Any]) -> Told:
    """What a fork would begin with that its parent had not, as a page shows differences."""
    rows = [changed_key(key, state.get(key, MISSING), value) for key, value in changes.items()]
    return {"rows": rows, "left": 0, "unchanged": len(state) - len(rows)}
