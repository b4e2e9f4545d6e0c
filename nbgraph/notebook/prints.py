"""What nodes print: into the log of their task, besides the cell that started the run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from nbgraph.core.context import current

_teed: list[Any] = []


def install() -> None:
    """Copy what nodes write to stdout and stderr into their logs, until `uninstall`; called twice it does so once.

    The streams stay the same objects, so that a log handler made earlier is heard too and nothing that others wrapped
    around them is lost. Which cell shows the text is the kernel's doing: it goes by the context of the run.
    """
    for stream in (sys.stdout, sys.stderr):
        if not any(stream is known for known in _teed):
            setattr(stream, "write", partial(_write, stream.write))  # noqa: B010  a stream's method, not ours
            _teed.append(stream)


def uninstall() -> None:
    """Leave the streams as they were."""
    while _teed:
        delattr(_teed.pop(), "write")


def _write(write: Callable[[str], int | None], text: str) -> int | None:
    context = current.get()
    if context is not None and isinstance(text, str):
        context.printed(text)
    return write(text)
