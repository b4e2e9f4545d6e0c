"""Two runs side by side: their steps, each beside its like, what they took, and the keys that came out differently."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from nbgraph.core.diff import Diff, alike
from nbgraph.core.lookback import Outcome
from nbgraph.core.records import Step
from nbgraph.core.task_names import EDIT, place_of
from nbgraph.core.usage import NOTHING
from nbgraph.view.text_diff import rows_page
from nbgraph.view.values import secret, short, short_update, shorten

ROWS = 60  # a page
BEFORE = 3  # rows that are shown above the first difference
KEYS = 50
VISITS = 50
LINE = 160
VALUE = 300
ALIGNED = 1_000  # steps whose order is looked into
MISSING = object()

Told = dict[str, Any]
Pair = tuple[Step | None, Step | None]


def compared(one: Outcome, other: Outcome, found: Diff, offset: int | None = None) -> Told:
    """A page on two runs, by default that with their first difference.

    Each of the `rows` has two `cells` (number, task, where it went, update), or none for a run without such a step;
    `mark` is "first" at the first difference, "unlike" at others. `turns` lead to the pages before and after.
    """
    pairs = aligned(one.steps, other.steps, len(one.steps) if found.step is None else found.step - 1)
    first = None if found.step is None else found.step - 1
    start = max((first or 0) - BEFORE, 0) if offset is None else min(max(offset, 0), max(len(pairs) - 1, 0))
    rows = [_row(pair, start + place == first) for place, pair in enumerate(pairs[start : start + ROWS])]
    return {
        "said": "the same steps" if first is None else f"first difference at step {first + 1}",
        "rows": rows,
        "turns": _turns(start, len(rows), len(pairs)),
        "facts": _facts(one, other, found),
        "keys": _keys(one, other, found),
    }


def aligned(one: Sequence[Step], other: Sequence[Step], alike_until: int) -> list[Pair]:
    """The steps in pairs: one to one until they differ, then those of the same tasks beside each other."""
    pairs: list[Pair] = list(zip(one[:alike_until], other[:alike_until], strict=False))
    left, right = one[alike_until:], other[alike_until:]
    if max(len(left), len(right)) > ALIGNED:
        return [*pairs, *zip_longest(left, right)]
    tasks = [step.task for step in left], [step.task for step in right]
    for _, start, end, begin, stop in SequenceMatcher(None, *tasks, autojunk=False).get_opcodes():
        pairs += zip_longest(left[start:end], right[begin:stop])
    return pairs


def _turns(start: int, shown: int, total: int) -> list[list[Any]]:
    """The pages before and after, where there are any, by their first rows."""
    before = [[f"{start} before", max(start - ROWS, 0)]] if start else []
    left = total - start - shown
    return [*before, *([[f"{left} after", start + shown]] if left > 0 else [])]


def _row(pair: Pair, first: bool) -> Told:
    mark = "" if alike(*pair) else "first" if first else "unlike"
    return {"mark": mark, "cells": [_cell(step) for step in pair]}


def _cell(step: Step | None) -> list[str] | None:
    if step is None:
        return None
    wrote = ", ".join(f"{key}={value}" for key, value in short_update(step.update).items())
    went = ", ".join(edge.target for edge in step.taken)
    told = shorten(wrote or step.error or "nothing", LINE)
    task = "edited by hand" if place_of(step.task).node == EDIT else shorten(step.task, 80)
    return [str(step.number), task, f"→ {shorten(went, 80)}" if went else "", told]


def _facts(one: Outcome, other: Outcome, found: Diff) -> list[list[str]]:
    """What stands in a table: a name, and what is said of each run."""
    rows = [["steps", f"{len(one.steps):,}", f"{len(other.steps):,}"]]
    rows += [["time in nodes", *(f"{seconds:.2f} s" for seconds in found.seconds)]]
    if found.used != (NOTHING, NOTHING):
        rows.append(["models", *(str(used) if used.calls else "none" for used in found.used)])
    visits = list(found.visits.items())
    rows += [[f"visits of {shorten(node, 60)}", f"{many}", f"{others}"] for node, (many, others) in visits[:VISITS]]
    left = len(visits) - VISITS
    return [*rows, [f"visits of {left} more nodes", "", ""]] if left > 0 else rows


def _keys(one: Outcome, other: Outcome, found: Diff) -> Told:
    rows = [
        changed_key(key, one.state.get(key, MISSING), other.state.get(key, MISSING), "differs")
        for key in _some(found.keys)
    ]
    both = len(one.state.keys() | other.state.keys())
    return {"rows": rows, "left": len(found.keys) - len(rows), "unchanged": both - len(found.keys)}


def _some(keys: Iterable[str]) -> list[str]:
    return list(keys)[:KEYS]


def changed_key(key: str, before: Any, after: Any, sign: str = "changed") -> Told:
    """A key with two values, as the inspector shows what changed: texts by their words, others in short."""
    told: Told = {"key": shorten(str(key), 60), "name": key, "sign": sign}
    told |= {"before": _line(key, before), "after": _line(key, after)}
    if isinstance(before, str) and isinstance(after, str) and not secret(key):
        return {**told, "diff": _bounded(rows_page(str(before), str(after)))}
    return told


def _bounded(page: Told | None) -> Told | None:
    """The first page of a difference is all that is shown of it here."""
    return page and {**page, "more": False, "cut": page["more"]}


def _line(key: str, value: Any) -> Told:
    return {"short": "not set" if value is MISSING else short(key, value, VALUE), "open": False}
