"""What nodes print: into the log of their task, besides the cell that started the run."""

from __future__ import annotations

import sys
from typing import Any

from nbgraph.core.context import current

STREAMS = ("stdout", "stderr")


class Tee:
    """A stream that copies what nodes write into their logs, and is otherwise the stream that it stands before.

    IPython puts its own `write` on the stream for the time of each cell and then puts back what it found, so that a
    `write` of ours, put there by the cell that loads the extension, would be gone with that cell. Which cell shows a
    text is the kernel's doing: it goes by the context of the run.
    """

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> Any:
        """Write, and copy what a node wrote into its log."""
        context = current.get()
        if context is not None and isinstance(text, str):
            context.printed(text)
        return self.stream.write(text)

    def writelines(self, lines: Any) -> None:
        """Write each of `lines`."""
        for line in lines:
            self.write(line)


def install() -> None:
    """Stand before stdout and stderr; called twice it does so once."""
    for name in STREAMS:
        stream = getattr(sys, name)
        if not isinstance(stream, Tee):
            setattr(sys, name, Tee(stream))


def uninstall() -> None:
    """Step aside, unless somebody else has come between."""
    for name in STREAMS:
        stream = getattr(sys, name)
        if isinstance(stream, Tee):
            setattr(sys, name, stream.stream)
