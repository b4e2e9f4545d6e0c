"""Parts of a condition's text: what is always the same and what reads state, for printing and for explaining it."""

from __future__ import annotations

import re
import reprlib
from dataclasses import dataclass
from typing import Any

from nbgraph.core.condition_operations import Evaluate, Values

SHOWN = 24  # characters of a value in an explanation


@dataclass(frozen=True, slots=True)
class Read:
    """A part of a condition that reads state, such as `score` or `len(items)`."""

    text: str
    value: Evaluate


Parts = tuple[str | Read, ...]


def joined(between: str, pieces: list[Parts]) -> Parts:
    return tuple(part for parts in pieces for part in (between, *parts))[1:]


def printed(parts: Parts) -> str:
    return "".join(part if isinstance(part, str) else part.text for part in parts)


def explained(parts: Parts, values: Values) -> str:
    """The text with a value after each part that reads one; never raises."""
    return "".join([part if isinstance(part, str) else _explained(part, values) for part in parts])


def _explained(part: Read, values: Values) -> str:
    try:
        value = part.value(values)
    except Exception:  # holds() tells what is wrong
        return f"{part.text} (no value)"
    return f"{part.text} {_shown(value)}"


def _shown(value: Any) -> str:
    try:
        kind = type(value)
        if kind in _PLAIN or (kind is str and len(value) <= SHOWN):  # quick: each step of a loop is explained
            return cut(repr(value))
        return cut(re.sub(r"\s*\n\s*", " ", _short.repr(value)))
    except Exception:  # whatever a value's own repr raises
        return f"<{type(value).__name__}>"


def cut(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


_PLAIN = frozenset({int, float, bool, type(None)})
_short = reprlib.Repr()  # looks at no more of a list than is shown
_short.maxstring = _short.maxother = _short.maxlong = 4 * SHOWN
_short.fillvalue = "…"
