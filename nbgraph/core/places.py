"""Places in a text: as Python tells them, and as errors point at them."""

from __future__ import annotations

import re

from nbgraph.errors import TextError


class Places:
    """The places in a text that Python tells by a line and a column of bytes in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]  # as Python counts them

    def position(self, line: int | None, column: int | None) -> int:
        begin = self.lines[(line or 1) - 1]
        return begin + len(self.text[begin:].encode()[:column].decode())


def fault(message: str, text: str, position: int, what: str) -> TextError:
    """A TextError that points at a position in `text`."""
    before = (text[:position] + "^").splitlines()  # splitlines, as TextError finds its lines that way
    return TextError(message, text, len(before), len(before[-1]), what)
