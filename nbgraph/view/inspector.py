"""What the inspector of a page shows: of one visit of a node, tab by tab, each bounded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from nbgraph.core.diff import equal
from nbgraph.core.lookback import EdgeUse, KeyUse, Visit, VisitMark
from nbgraph.core.outline import Outline
from nbgraph.core.records import ModelAnswered, Recorded, ToolReturned, Tried
from nbgraph.core.task_names import place_of
from nbgraph.core.usage import NOTHING, Used
from nbgraph.view.previews import Page, preview, text_page
from nbgraph.view.text_diff import rows_page
from nbgraph.view.values import MASK, names_secret, plain, secret, short, shorten

KEYS = 100
CALLS = 10
MESSAGES = 20
WRITERS = 5

Told = dict[str, Any]


def chosen(marks: Sequence[VisitMark], step: int | None = None, number: int | None = None) -> int | None:
    """Which visit is meant: the one with that number, else that of the step, or the last that had begun by then."""
    if number is not None and 1 <= number <= len(marks):
        return number - 1
    if step is None:
        return len(marks) - 1 if marks else None
    by_step = [place for place, mark in enumerate(marks) if mark.step == step]
    begun = [place for place, mark in enumerate(marks) if mark.begun <= step]
    return by_step[-1] if by_step else begun[-1] if begun else None


def head(visit: Visit, number: int, of: int, log: str) -> Told:
    """What is said of a visit above the tabs, and how much each of them holds."""
    calls = [each for each in visit.done if not isinstance(each, Tried)]
    counts = {"diff": len(visit.update), "input": len(visit.inputs), "update": len(visit.update)}
    counts |= {"log": int(bool(log)), "model": len(calls)}
    return {
        "task": visit.task,
        "number": number,
        "of": of,
        "step": visit.step,
        "counts": counts,
        "error": _error(visit),
        "log": log,
        "used": _used(visit),
    }


def _error(visit: Visit) -> Told | None:
    tries = [each for each in visit.done if isinstance(each, Tried)]
    if not visit.error and not tries:
        return None
    kind, _, message = visit.error.partition(": ")
    return {
        "type": shorten(kind, 200),
        "message": text_page(message)["text"],
        "where": visit.where,
        "attempts": [_tried(visit, each) for each in tries[-CALLS:]],
        "handled": bool(visit.error) and visit.step is not None,
    }


def _tried(visit: Visit, tried: Tried) -> Told:
    return {"what": _what(visit, tried.place), "number": tried.attempt, "error": shorten(tried.error, 500)}


def _used(visit: Visit) -> str:
    used: Used = NOTHING
    for each in visit.done:
        used = used.plus(each) if isinstance(each, ModelAnswered) else used
    return str(used) if used.calls else ""


def _what(visit: Visit, name: str) -> str:
    """What of the task is meant: an item, a call; nothing for all of it."""
    item, call = place_of(name).item, name.rpartition("/")[2]
    call = "" if "#" in call else call
    return " ".join(filter(None, ("" if item is None else f"item {item}", call)))


# Tabs


def changes(visit: Visit, offset: int = 0) -> Told:
    """The keys that a visit added and changed, and how many it left as they were."""
    after = visit.after or {}
    touched = [key for key in visit.update if key in after]
    same = [key for key in touched if key in visit.before and equal(visit.before[key], after[key])]
    told = [key for key in touched if key not in same]
    rows = [_change(visit, after, key) for key in told[offset : offset + KEYS]]
    return {"rows": rows, "left": len(told) - offset - len(rows), "unchanged": len(after) - len(told)}


def _change(visit: Visit, after: Mapping[str, Any], key: str) -> Told:
    now = {"key": shorten(str(key), 60), "name": key, "after": _line(after, key)}
    if key not in visit.before:
        return {"sign": "added", **now}
    old, new = visit.before[key], after[key]
    told = {"sign": "changed", **now, "before": _line(visit.before, key)}
    if secret(key):
        return told
    if isinstance(old, str) and isinstance(new, str):
        return {**told, "diff": rows_page(str(old), str(new))}
    return {**told, **_appended(old, new)}


def _appended(old: Any, new: Any) -> Told:
    """Where a list is the same with more items after it, how many these are."""
    if isinstance(old, list) and isinstance(new, list) and len(new) > len(old) and equal(old, new[: len(old)]):
        return {"more": len(new) - len(old), "from": len(old)}
    return {}


def difference(visit: Visit, key: str, offset: int) -> Told:
    """Some more rows of how a text changed."""
    after = visit.after or {}
    if secret(key) or not isinstance(visit.before.get(key), str) or not isinstance(after.get(key), str):
        return {"rows": [], "offset": offset, "more": False}
    return rows_page(visit.before[key], after[key], offset) or {"rows": [], "offset": offset, "more": False}


def _line(values: Mapping[str, Any], key: str) -> Page:
    """A line on a value that the page can open, by its place among the others."""
    return {"label": shorten(str(key), 60), "at": list(values).index(key), **preview(key, values[key])}


def talk(visit: Visit, tools: Sequence[str], offset: int = 0) -> Told:
    """What a visit asked of models and tools and was told, call by call, and the tools that it could call."""
    calls = [(place, each) for place, each in enumerate(visit.done) if not isinstance(each, Tried)]
    page = calls[offset : offset + CALLS]
    return {
        "calls": [_call(visit, place, each) for place, each in page],
        "left": len(calls) - offset - len(page),
        "tools": [shorten(name, 60) for name in tools],
    }


def _call(visit: Visit, place: int, done: ModelAnswered | ToolReturned | Recorded | Tried) -> Told:
    told = {"what": _what(visit, done.place), "at": place}
    match done:
        case ModelAnswered():
            return {**told, "kind": "model", **_model(done, place)}
        case ToolReturned():
            return {**told, "kind": "tool", **_tool(done, place)}
        case Recorded():
            return {**told, "kind": "step", "name": shorten(done.name, 60), "value": _part(done, place, "value")}
        case Tried():
            return {**told, "kind": "tried", "error": shorten(done.error, 500)}


def tools(outline: Outline, node: str) -> list[str]:
    """The tools that an agent can call, as the graph says it now."""
    marks = next((each.marks for each in outline.nodes if each.name == node), ())
    listed = next((mark.removeprefix("tools ") for mark in marks if mark.startswith("tools ")), "")
    return listed.split(", ") if listed else []


def _model(done: ModelAnswered, place: int) -> Told:
    base = [place, done._fields.index("asked")]
    asked = [_message(message, [*base, number]) for number, message in enumerate(done.asked[-MESSAGES:])]
    return {
        "model": shorten(done.model, 80),
        "messages": [*asked, _message(done.reply, [place, done._fields.index("reply")])],
        "left": max(len(done.asked) - MESSAGES, 0),
        "used": str(NOTHING.plus(done)).partition(" · ")[2],
        "cached": done.cached or 0,
        "seconds": round(done.seconds, 2),
    }


def _message(message: Mapping[str, Any], path: list[int]) -> Told:
    role, said = shorten(str(message.get("role", "")), 40), message.get("content")
    told: Told = {"role": role, "path": path, "calls": [_asked_for(each) for each in _calls(message)]}
    if isinstance(said, str):
        inside = [*path, list(message).index("content")]
        return {**told, "text": _words(said), "path": inside}
    return told if said is None else {**told, "value": preview("content", said)}


def _calls(message: Mapping[str, Any]) -> Iterable[Any]:
    found = message.get("tool_calls")
    return islice(found, CALLS) if isinstance(found, list) else ()


def _asked_for(call: Any) -> str:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping):
        return ""
    given = str(function.get("arguments", ""))
    return f"{shorten(str(function.get('name', '')), 60)}({MASK if names_secret(given) else shorten(given, 300)})"


def _words(text: str) -> Page:
    """The beginning of a text; of data that speaks of a secret nothing."""
    if text.lstrip()[:1] in ("{", "[") and names_secret(text):
        return {"kind": "none", "note": MASK}
    return text_page(text)


def _tool(done: ToolReturned, place: int) -> Told:
    return {
        "tool": shorten(done.tool, 60),
        "arguments": [{"name": shorten(str(key), 40), "value": short(key, value, 300)} for key, value in _some(done)],
        "text": _words(done.result),
        "path": [place, done._fields.index("result")],
        "failed": done.failed,
        "seconds": round(done.seconds, 2),
    }


def _some(done: ToolReturned) -> Iterable[tuple[str, Any]]:
    return islice(done.arguments.items(), CALLS)


def _part(done: Recorded, place: int, name: str) -> Page:
    return {"label": name, "path": [place, done._fields.index(name)], **preview(done.name, getattr(done, name))}


# Why


def edge_told(use: EdgeUse) -> Told:
    """How often an edge was taken and the last reasons with their values, or why it was not."""
    edge = use.edge
    return {
        "name": f"{edge.source} → {edge.target}",
        "label": plain(edge.label),
        "taken": use.taken,
        "last": [
            {"step": each.step, "task": each.task, "reason": _reason(each.reason, edge.label)} for each in use.last
        ],
        "why": _reason(use.why_not, f"{edge.label} did not hold"),
    }


def _reason(reason: str, otherwise: str) -> str:
    return otherwise if names_secret(reason) else shorten(reason, 300)


def key_told(key: str, use: KeyUse) -> Told:
    """Who wrote a key, the last ones, and which nodes read it."""
    last = [{"step": step, "task": task} for step, task in use.writers[-WRITERS:]]
    return {"key": shorten(key, 60), "written": len(use.writers), "last": last, "readers": list(use.readers[:20])}


def around(outline: Outline, node: str) -> list[Told]:
    """The edges that lead to a node and out of it."""
    return [
        {"index": index, "out": edge.source == node, "node": edge.target if edge.source == node else edge.source}
        | {"label": shorten(edge.label, 60)}
        for index, edge in enumerate(outline.edges)
        if node in (edge.source, edge.target)
    ][:40]
