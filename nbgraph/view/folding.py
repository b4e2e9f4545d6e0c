"""Snapshots of a run with later changes folded in; the script of the graph widget does the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbgraph.view.rows import LIVE_ROWS
from nbgraph.view.talk import heard
from nbgraph.view.timeline import joined


def merged(snapshot: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A snapshot of `Progress` with what its `changes` gave later; what it holds already is not counted twice."""
    result = {**snapshot, **changes}
    for part in ("nodes", "edges"):
        result[part] = {**snapshot.get(part, {}), **changes.get(part, {})}
    for part, number in (("rows", "step"), ("answers", "number")):
        result[part] = _appended(snapshot.get(part, []), changes.get(part, []), number)
    result["talk"] = heard(snapshot.get("talk", {}), changes.get("talk", {}))
    result["bars"] = joined(snapshot.get("bars", {}), changes.get("bars", {}))
    return result


def _appended(rows: list[dict[str, Any]], more: list[dict[str, Any]], number: str) -> list[dict[str, Any]]:
    """Rows with those of `more` that come after the last of them."""
    last = rows[-1][number] if rows else -1
    return [*rows, *(row for row in more if row[number] > last)][-LIVE_ROWS:]
