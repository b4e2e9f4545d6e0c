"""The family of a run as its page shows it: a lane for each run, from where it was forked to where it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from nbgraph.core.usage import dollars
from nbgraph.view.run_table import SIGNS


class Lane(NamedTuple):
    """A run of the family, `depth` forks away from the first one, forked after the step `at` of its parent."""

    id: str
    depth: int
    at: int
    steps: int
    status: str
    cost: float | None = None


def strip(run_id: str, lanes: Sequence[Lane]) -> dict[str, Any]:
    """What the page of a run is told of its family; no lanes where there is that run alone."""
    shown = [_told(lane) for lane in lanes] if len(lanes) > 1 else []
    return {"run": run_id, "lanes": shown}


def _told(lane: Lane) -> dict[str, Any]:
    cost = "" if lane.cost is None else dollars(lane.cost)
    return {**lane._asdict(), "sign": SIGNS.get(lane.status, ""), "cost": cost}
