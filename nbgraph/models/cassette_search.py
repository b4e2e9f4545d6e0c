"""Searching a cassette: the recorded request that is most like one that is not on it, and where they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from nbgraph.errors import brief

_NOTHING = object()  # in place of what one of the two has not
AROUND = 15  # characters before the first different one


class Nearest(NamedTuple):
    """The request most like another: which it is, and where it differs first: the path, and both values, shortened."""

    number: int
    path: str
    recorded: str
    now: str


def nearest(body: Any, recorded: Sequence[Any]) -> Nearest:
    """Which of the `recorded` bodies, of which there is one at least, is most like `body`."""
    now = dict(_leaves(body))
    others = [dict(_leaves(each)) for each in recorded]
    number = max(range(len(others)), key=lambda each: _likeness(now, others[each]))
    path, before, after = _first_difference(others[number], now)
    return Nearest(number, path, *_shortened(before, after))


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """What `value` is made of, each with its path such as messages[1].content."""
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from _leaves(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for number, each in enumerate(value):
            yield from _leaves(each, f"{path}[{number}]")
    else:
        yield path, value


def _likeness(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    same = sum(_alike(value, other[path]) for path, value in one.items() if path in other)
    return same / max(len(one.keys() | other.keys()), 1)


def _alike(one: Any, other: Any) -> float:
    if _same(one, other):
        return 1.0
    if isinstance(one, str) and isinstance(other, str):
        return 0.9 * _shared(one, other) / max(len(one), len(other))
    return 0.0


def _same(one: Any, other: Any) -> bool:
    """Whether JSON says them alike, which has 1 and true apart."""
    return type(one) is type(other) and bool(one == other)


def _first_difference(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, Any, Any]:
    pairs = ((path, recorded.get(path, _NOTHING), now.get(path, _NOTHING)) for path in {**now, **recorded})
    return next((pair for pair in pairs if not _same(pair[1], pair[2])), ("", _NOTHING, _NOTHING))


def _shortened(recorded: Any, now: Any) -> tuple[str, str]:
    """Both as they are shown, of long texts the part where they begin to differ."""
    if isinstance(recorded, str) and isinstance(now, str):
        begin = _shared(recorded, now) - AROUND
        if begin > 0:
            recorded, now = "…" + recorded[begin:], "…" + now[begin:]
    return _shown(recorded), _shown(now)


def _shown(value: Any) -> str:
    return "nothing" if value is _NOTHING else brief(value)


def _shared(one: str, other: str) -> int:
    """How many signs at their beginnings are the same."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if one[:middle] == other[:middle] else (least, middle - 1)
    return least
