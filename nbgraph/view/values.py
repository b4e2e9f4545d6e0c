"""Values as short text for people: one line, bounded, secrets masked."""

from __future__ import annotations

import re
import reprlib
import unicodedata
from collections.abc import Mapping
from itertools import islice
from typing import Any

from nbgraph.view.grids import Frame, grid_of

LIMIT = 80
MASK = "•••"
SECRET_TYPES = ("SecretStr", "SecretBytes", "Secret")
UPDATE_KEYS = 12
UNSEEN = 5  # characters that are named
FEW = 8  # elements of an array that are shown

_SECRET = re.compile(
    r"(^|_)(password|passwd|passphrase|pwd|secrets?|token|credentials?|authorization|bearer|cookie"
    r"|api_?key|apikey|access_?key|private_?key|secret_?key)(_|$)"
)
_COUNTED = re.compile(r"_(count|limit|usage|budget)s?$")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_TURNS = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_WORD = re.compile(r"[A-Za-z_]\w*")


def secret(key: object) -> bool:
    """Whether a key's name says that its value must not be shown: `api_key` does, `token_count` does not."""
    name = _CAMEL.sub("_", str(key)).lower().replace("-", "_")
    return bool(_SECRET.search(name)) and not _COUNTED.search(name)


def names_secret(text: str) -> bool:
    """Whether a text, such as a condition with its values, speaks of a key whose value must not be shown."""
    return any(secret(word) for word in _WORD.findall(text))


def shown_reason(reason: str, guard: str) -> str:
    """Why an edge was taken, or its guard as written where the reason would tell a secret's value."""
    return guard if names_secret(reason) else shorten(reason)


def shorten(text: str, limit: int = LIMIT) -> str:
    """`text` on one line, at most `limit` characters long, without characters that XML cannot hold.

    Nor are there any that turn the direction of writing, since other text stands on the same line.
    """
    line = " ".join(_TURNS.sub("", plain(text[: 20 * limit])).split())
    return line if len(line) <= limit and len(text) <= 20 * limit else line[: limit - 1] + "…"


def plain(text: str) -> str:
    """`text` without terminal colours, control characters (but line breaks and tabs) and broken surrogates."""
    return _CONTROL.sub(" ", _ANSI.sub("", text))


def unseen(text: str) -> str:
    """A sentence that names what a page does not show of a text; empty where there is nothing, as in most."""
    found = sorted(each for each in set(text) if each not in "\r\n\t" and unicodedata.category(each) in ("Cc", "Cf"))
    if not found:
        return ""
    names = [f"U+{ord(each):04X}" for each in found[:UNSEEN]] + ["others"] * (len(found) > UNSEEN)
    return f"It may not be what it looks like: characters in it cannot be seen ({', '.join(names)})."


def short(key: object, value: Any, limit: int = LIMIT) -> str:
    """The value of `key` in short, or a mask where the name or the type says that it is secret."""
    if secret(key):
        return MASK
    return shorten(_ADDRESS.sub("", _repr(value)), limit)


def _repr(value: Any) -> str:
    # a foreign repr, or that of a whole number beyond 4,300 digits, can raise anything
    try:
        return _SHORT.repr(value)
    except Exception:
        return f"<{type(value).__name__}>"


def short_update(update: Mapping[str, Any]) -> dict[str, str]:
    """The first keys of an update with their values in short, and how many were left out."""
    shown = {shorten(str(key), 40): short(key, value) for key, value in islice(update.items(), UPDATE_KEYS)}
    left = len(update) - UPDATE_KEYS
    return {**shown, "…": f"{left} more"} if left > 0 else shown


class _Short(reprlib.Repr):
    """A bounded repr that masks secrets at any depth."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxdict, self.maxlist, self.maxtuple, self.maxset = 4, 8, 8, 8, 8
        self.maxstring = self.maxother = 2 * LIMIT
        self.maxlong = LIMIT

    def repr1(self, value: Any, level: int) -> str:
        return MASK if type(value).__name__ in SECRET_TYPES else super().repr1(value, level)

    def repr_dict(self, value: dict[Any, Any], level: int) -> str:
        return "{" + self._pairs(value, level, lambda key: f"{self.repr1(key, level - 1)}: ") + "}"

    def repr_instance(self, value: Any, level: int) -> str:
        declared = fields(value)
        if declared is not None:
            return f"{type(value).__name__}({self._pairs(declared, level, lambda key: f'{key}=')})"
        grid = grid_of(value)
        if grid is not None and (isinstance(grid, Frame) or grid.rows * grid.columns > FEW):
            return f"{type(value).__name__} {grid.shape}: {grid.note}"  # its cells may be secret, and are many
        return super().repr_instance(value, level)

    def _pairs(self, value: Mapping[Any, Any], level: int, lead: Any) -> str:
        if level <= 0:
            return "…"
        shown = [
            lead(key) + (MASK if secret(key) else self.repr1(item, level - 1))
            for key, item in islice(value.items(), self.maxdict)
        ]
        return ", ".join(shown + ["…"] * (len(value) > self.maxdict))


def fields(value: Any) -> Mapping[str, Any] | None:
    """The declared fields of a dataclass, pydantic model or namedtuple, else None."""
    kind = type(value)
    names = next((getattr(kind, mark) for mark in _FIELDS if hasattr(kind, mark)), None)
    if isinstance(value, type) or not isinstance(names, Mapping | tuple):
        return None
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


_FIELDS = ("__dataclass_fields__", "__pydantic_fields__", "_fields")
_SHORT = _Short()
