"""The form in which the state of a fork is edited: a field for each key, read as the type of its value asks for."""

from __future__ import annotations

from collections.abc import Container, Mapping
from itertools import islice
from typing import Any

from nbgraph.errors import ApprovalError, brief
from nbgraph.view.comparing import MISSING, changed_key
from nbgraph.view.edit_field import has_own_widget, read_json, survives_json, written
from nbgraph.view.values import SECRET_TYPES, names_secret, secret, short, shorten

KEYS = 60
LONGEST = 20_000  # characters that a person edits in a form

Told = dict[str, Any]
Entered = Mapping[str, Any]


def form(state: Mapping[str, Any]) -> Told:
    """The fields for a state, and how many keys are left out."""
    fields = [_field(key, value) for key, value in islice(state.items(), KEYS)]
    return {"fields": fields, "left": len(state) - len(fields)}


def _field(key: str, value: Any) -> Told:
    told = {"key": key, "label": shorten(key, 60), "type": shorten(type(value).__name__, 40)}
    locked = _locked(key, value)
    if locked:
        return {**told, "kind": "locked", "value": short(key, value), "note": locked}
    if not has_own_widget(value):
        return {**told, "kind": "json", "value": written(value), "note": "as JSON"}
    kind = {bool: "flag", int: "integer", float: "number", str: "text"}[type(value)]
    return {**told, "kind": kind, "value": value if kind == "flag" else str(value), "note": ""}


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
