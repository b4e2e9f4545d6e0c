"""What a person sees of a mistake in a notebook: its sentence, and no frames of this library."""

from __future__ import annotations

import functools
import linecache
import traceback
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from IPython.core.getipython import get_ipython

from nbgraph.errors import NbgraphError

P = ParamSpec("P")
T = TypeVar("T")


def install() -> None:
    """From now on IPython shows an error of this library as its sentence and the line of the cell that led to it."""
    setattr(NbgraphError, "_render_traceback_", _sentence_and_place)  # noqa: B010 the name by which IPython asks


def uninstall() -> None:
    """Take back `install`."""
    if "_render_traceback_" in vars(NbgraphError):
        delattr(NbgraphError, "_render_traceback_")


def in_one_sentence(magic: Callable[P, T]) -> Callable[P, T]:
    """A magic whose errors show only their sentence: the magic itself is the line that led to them."""

    @functools.wraps(magic)
    def declared(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return magic(*args, **kwargs)
        except NbgraphError as error:
            shown = [sentence(error)]
            error.__dict__.setdefault("_render_traceback_", lambda: shown)
            raise

    return declared


def sentence(error: NbgraphError) -> str:
    """The error in one line, or with the text it is about below."""
    return f"{type(error).__name__}: {error}"


def _sentence_and_place(error: NbgraphError) -> list[str]:
    return [sentence(error), *_place(error)]


def _place(error: NbgraphError) -> list[str]:
    """The line of a cell that led to `error`, as `Cell In[3], line 2: run = essay.run()`."""
    shell = get_ipython()
    if shell is None:
        return []
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    cells = [(shell.compile.format_code_name(file), file, line) for file, line in frames]
    named = [(" ".join(label), file, line) for label, file, line in cells if label]
    return [f"{label}, line {line}: {linecache.getline(file, line).strip()}" for label, file, line in named[-1:]]
