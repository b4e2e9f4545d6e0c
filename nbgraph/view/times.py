"""Times for reading: of today the hour, of another day the date too; until when a question waits; how long it took."""

from __future__ import annotations

import time
from datetime import datetime

from nbgraph.core.approvals import Approval


def clock(at: float, now: float | None = None) -> str:
    """Such as `14:05`, or `24 Nov 14:05` where that is not today, with the year where it is another one."""
    then, today = datetime.fromtimestamp(at), datetime.fromtimestamp(time.time() if now is None else now)
    if then.date() == today.date():
        return f"{then:%H:%M}"
    return f"{then.day} {then:%b %H:%M}" if then.year == today.year else f"{then.day} {then:%b %Y %H:%M}"


def until(approval: Approval, now: float | None = None) -> str:
    """Such as `until 14:05, then reject`; empty for a question without a deadline."""
    if approval.deadline is None:
        return ""
    return f"until {clock(approval.deadline, now)}, then {approval.otherwise}"


def duration(seconds: float) -> str:
    """Such as "3 s", "2 min 5 s", "3 h 20 min" or "2 d 4 h"."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
