"""Values in a prompt: how they stand in it as text, and how much of them it may build.

Imported when first a prompt is read, and jinja2 with it.
"""

from __future__ import annotations

import types
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from jinja2 import StrictUndefined, Undefined, UndefinedError, pass_context
from jinja2.runtime import Context, LoopContext, Macro
from jinja2.utils import missing

from nbgraph.errors import brief, nearest

LONGEST = 4_000_000  # characters of a prompt
MOST_WORK = 100_000_000  # characters built on the way
ROUND = 2000  # what a round of a loop or a call costs at least; it may repeat all of the template
ELEMENT, CALL = 200, 300  # what a filter costs for each element, and for itself
LARGEST = 4096  # bits of a whole number
WORK = " work"  # no template can spell it
FOREIGN = (  # whose attributes lead out of the values
    *(type, types.ModuleType, types.FunctionType, types.MethodType, types.BuiltinFunctionType, types.GeneratorType),
    *(types.CodeType, types.FrameType, types.TracebackType, types.CoroutineType, types.AsyncGeneratorType),
)


TOO_LARGE = f"a number of more than {LARGEST} bits is too large for a prompt"
TOO_LONG = f"it builds a text or list of more than {LONGEST:,} characters or elements"


class Refused(Exception):
    """What a prompt may not do."""


class Work:
    """What a template may still build; `round` is what a round of a loop costs."""

    def __init__(self, left: int, round: int) -> None:
        self.left, self.round = left, round

    def does(self, cost: int) -> None:
        """Count what was built; raises where it is too much."""
        self.left -= cost
        if self.left < 0:
            raise Refused("it builds too much, or goes round too often; prepare this in a node")

    def builds(self, size: int) -> None:
        """Count a text or list of that size before it is built."""
        if size > LONGEST:
            raise Refused(TOO_LONG)
        self.does(size)

    def holds(self, made: Any) -> Any:
        """Count all that is in a list, tuple or dict that the template made; it may hold one list many times."""
        left, count = [made], 0
        while left:
            within = left.pop()
            count += len(within)
            if count > LONGEST:
                raise Refused(TOO_LONG)
            self.does(ELEMENT + len(within))
            parts = (*within, *within.values()) if isinstance(within, dict) else within
            left += [part for part in parts if isinstance(part, list | tuple | dict)]
        return made

    def streamed(self, values: Iterable[Any]) -> Iterator[Any]:
        """The values one by one, each counted; they may have no end."""
        for number, value in enumerate(values):
            if number == LONGEST:
                raise Refused(TOO_LONG)
            self.does(ELEMENT)
            yield value


def work_of(context: Context) -> Work:
    """What the template that is being filled in may still do."""
    work: Work = context.parent[WORK]
    return work


def size_of(value: Any) -> int:
    """The length of a text or a container of Python's own; 0 for anything else."""
    return len(value) if isinstance(value, str | list | tuple | dict | bytes) else 0


# Values as text


@pass_context
def finalized(context: Context, value: Any) -> str:
    """What stands in the text for a value."""
    text = value if type(value) is str else text_of(value)
    work_of(context).does(len(text))
    return text


def text_of(value: Any) -> str:
    """A value as a model reads it; raises where something in it is undefined."""
    if isinstance(value, Undefined):
        return str(value)
    if isinstance(value, (Macro, LoopContext, *FOREIGN)) and not isinstance(value, types.GeneratorType):
        name = getattr(value, "__name__", None) or getattr(value, "name", type(value).__name__)
        raise Refused(f"{name} is no value that can stand in a text; a method is called with ()")
    if type(value) is int:
        return int.__repr__(value)
    from nbgraph.models.schemas import as_text, plain_part

    undefined = list[Undefined]()

    def unknown(part: Any) -> Any:
        if isinstance(part, Undefined):
            undefined.append(part)
        return None if undefined else plain_part(part)

    if isinstance(value, range | KeysView | ValuesView | ItemsView):
        value = list(value)
    _check_length(value)
    text = as_text(value, unknown)
    if undefined:
        return str(undefined[0])
    return text


def _check_length(value: Any) -> None:
    """Whether its text is not too long; a template can make a list that holds one long text many times."""
    left, length = [value], 0
    while left:
        part = left.pop()
        length += 1 + size_of(part)
        if length > LONGEST:
            raise Refused(TOO_LONG)
        if isinstance(part, Iterator):  # to read it would use it up, and may have no end
            raise Refused(f"{brief(part)} is no value that can stand in a text; let a node make a list of it")
        if isinstance(part, list | tuple):
            left += part
        elif isinstance(part, dict):
            left += part.values()


class NoKey(UndefinedError):
    """A variable that nothing has set; its message is its name."""


class Missing(StrictUndefined):
    """What is not there; says so in a sentence."""

    __slots__ = ()

    def __init__(
        self, hint: str | None = None, obj: Any = missing, name: Any = None, exc: Any = UndefinedError
    ) -> None:
        super().__init__(hint, obj, name, NoKey if obj is missing and hint is None else exc)

    @property
    def _undefined_message(self) -> str:
        name, within = self._undefined_name, self._undefined_obj
        if self._undefined_hint or within is missing:
            return self._undefined_hint or str(name)
        known = within if isinstance(within, Mapping) else getattr(type(within), "__annotations__", ())
        return f"{brief(within)} has no {brief(name)}{nearest(name, map(str, known))}"
