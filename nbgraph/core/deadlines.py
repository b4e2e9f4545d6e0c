"""Deadlines: how long a question waits for a person, and which option is the answer then, as in `24h=reject`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nbgraph.errors import DeclarationError, brief, nearest

UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
LONGEST = 3650 * UNITS["d"]  # what lies behind it no clock can be trusted with, and some calendars cannot show

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhd]?)")


def read_duration(text: str) -> float | None:
    """The seconds that `30`, `0.5`, `30s`, `5m`, `2h` or `7d` means; None where it is none of these."""
    found = _DURATION.fullmatch(text)
    return float(found[1]) * UNITS[found[2]] if found and len(text) <= 20 else None


def read_deadline(text: str, options: Sequence[str]) -> tuple[float, str]:
    """The seconds and the option that `24h=reject` means.

    Args:
        options: those of the question.

    Raises:
        DeclarationError: it is none, or its option is none of the question's.
    """
    if not isinstance(text, str):
        raise DeclarationError(f"a deadline is a text such as '24h=reject', not {brief(text)}.")
    time, equals, option = text.partition("=")
    if not equals or not option.strip():
        last = options[-1] if options else "reject"
        raise DeclarationError(
            f"a deadline needs the option that is the answer then: `{time.strip() or '24h'}={last}`; not {text!r}."
        )
    seconds = read_duration(time.strip())
    if not seconds or seconds > LONGEST:
        raise DeclarationError(
            f"a deadline is a time of more than 0s and at most 3650d, as 45s, 30m, 24h or 2d; not {time.strip()!r}."
        )
    if option.strip() not in options:
        close = nearest(option.strip(), options) or "."
        raise DeclarationError(f"at the deadline the answer is one of {', '.join(options)}, not {option!r}{close}")
    return seconds, option.strip()


def describe(seconds: float, option: str) -> str:
    """Such as `until 24h, then reject`."""
    return f"until {_spelt(seconds)}, then {option}"


def _spelt(seconds: float) -> str:
    """In the largest unit that it fills: `24h`, `2d`, `90m`."""
    fitting = (unit for unit in ("d", "h", "m") if seconds >= (2 if unit == "d" else 1) * UNITS[unit])
    for unit in fitting:
        if seconds % UNITS[unit] == 0:
            return f"{seconds / UNITS[unit]:g}{unit}"
    return f"{seconds:g}s"
