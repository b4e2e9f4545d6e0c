"""A run as it once stood, as the page shows it."""

from __future__ import annotations

from typing import Any

from nbgraph.core.lookback import Moment
from nbgraph.view.progress import Progress
from nbgraph.view.values import short_update


def as_it_stood(moment: Moment) -> dict[str, Any]:
    """The status of a page at that moment, with the state as short texts, and what was to run next."""
    progress = Progress(moment.outline)
    for event in moment.events:
        progress.apply(event)
    status = {**progress.snapshot(rows=0), "bars": {}}
    return {"step": moment.step, "status": status, "state": short_update(moment.state), "active": list(moment.active)}
