"""Fingerprints: the same short text for the same value, in every process, so that results can be found again by it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from typing import Any

_ATOMS = (str, bytes, int, float, bool, complex, type(None))


class NoFingerprint(Exception):
    """A value that cannot be told from others by what it holds; `kind` names its type."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(kind)


def fingerprint(*values: Any) -> str:
    """32 hex digits of SHA-256 over values of Python's own types, dates, dataclasses, models, arrays and frames.

    Raises:
        NoFingerprint: a value holds something else.
    """
    found = hashlib.sha256()
    for part in _parts(values, 0):
        found.update(part)
    return found.hexdigest()[:32]


def _parts(value: Any, depth: int) -> Iterator[bytes]:
    """What the value is made of; each part says where it ends, so that no two values give the same bytes."""
    kind = type(value)
    if depth > 200:  # a value that holds itself
        raise NoFingerprint(kind.__name__)
    yield f"{kind.__module__}.{kind.__qualname__}(".encode()
    if kind in _ATOMS:
        text = value if kind is bytes else repr(value).encode()
        yield f"{len(text)}:".encode() + text
    elif kind in (set, frozenset):
        yield from sorted(b"".join(_parts(item, depth + 1)) for item in value)
    else:
        for part in _inside(value):
            yield from _parts(part, depth + 1)
    yield b")"


def _inside(value: Any) -> Any:
    """The parts of a value that tell it from others; the order of a dict is one of them, for a node can see it."""
    if isinstance(value, list | tuple | dict):
        parts = list(value.items() if isinstance(value, dict) else value)
        return [parts, value.__dict__] if getattr(value, "__dict__", None) else parts
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(each.name, getattr(value, each.name)) for each in dataclasses.fields(value)]
    return [_of_others(value)]


def _of_others(value: Any) -> Any:
    kind = type(value)
    # some of these stand in inner modules of late, such as pathlib._local
    if kind.__module__.partition(".")[0] in ("datetime", "decimal", "uuid", "pathlib", "fractions"):
        return repr(value)
    if isinstance(getattr(kind, "__pydantic_fields__", None), dict):
        return (value.__dict__, value.__pydantic_extra__, value.__pydantic_private__)
    if kind.__module__.startswith("numpy") and not getattr(getattr(value, "dtype", None), "hasobject", True):
        return (str(value.dtype), tuple(value.shape), value.tobytes())
    if kind.__module__.startswith("pandas"):
        return _of_pandas(value)
    if hasattr(kind, "__members__"):  # an enum
        return value.name
    raise NoFingerprint(kind.__name__)


def _of_pandas(value: Any) -> Any:
    """The parts of a frame, a series or a moment; labels may be there twice."""
    if hasattr(value, "axes"):
        frame = value.to_frame() if value.ndim == 1 else value
        columns = [frame.iloc[:, place].tolist() for place in range(frame.shape[1])]
        return (list(frame.columns), list(frame.index), [str(each) for each in frame.dtypes], columns)
    if hasattr(value, "isoformat"):  # a Timestamp, a Timedelta, or none
        return repr(value)
    raise NoFingerprint(type(value).__name__)
