"""A run as it once stood, as the page shows it."""

from __future__ import annotations

from typing import Any

from nbgraph.core.lookback import Moment
from nbgraph.view.progress import Progress
from nbgraph.view.values import short_update


def as_it_stood(moment: Moment, bars: bool = True) -> dict[str, Any]:
    """The status of a page at that moment, with the state as short texts, and what was to run next.

    Args:
        bars: whether the page needs those of the timeline, since it holds newer ones only.
    """
    progress = Progress(moment.outline)
    for event in moment.events:
        progress.apply(event)
    return {
        "step": moment.step,
        "status": progress.snapshot(rows=0),
        "state": short_update(moment.state),
        "active": list(moment.active),
    }
