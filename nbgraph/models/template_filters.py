"""Filters of prompts: those of Jinja that build little from much, and others that first tell how much they build.

Imported when first a prompt is read, and jinja2 with it.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jinja2 import Environment, Undefined, pass_context
from jinja2.runtime import Context

from nbgraph.errors import brief
from nbgraph.models.template_values import (
    CALL,
    ELEMENT,
    LARGEST,
    TOO_LARGE,
    Refused,
    size_of,
    text_of,
    work_of,
)

Filter = Callable[..., Any]

WIDEST = 1000  # characters that a filter fills up to
HELD, JOINED, MEMBERS, ROUNDS = " held", " joined", " members", " rounds"  # no template can spell them
OF_JINJA = (
    *("abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "groupby", "int", "items", "last"),
    *("length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "select", "selectattr"),
    *("sort", "title", "trim", "truncate", "unique", "upper", "urlencode", "wordcount"),
)
THROUGH = {
    *("first", "groupby", "list", "map", "max", "min", "reject", "rejectattr", "reverse", "select", "selectattr"),
    *("sort", "unique"),
}


def filters(plain: Environment) -> Mapping[str, Filter]:
    """All that a prompt has; `plain` is an environment with the filters of Jinja as they are."""
    return {**{name: _of_jinja(name, plain) for name in OF_JINJA}, **OWN}


def _of_jinja(name: str, plain: Environment) -> Filter:
    """A filter of Jinja whose results are counted; none of these builds Markup, or much at once from little."""

    @pass_context
    def filter(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:
        work = work_of(context)
        work.does(CALL)
        if name in THROUGH and not isinstance(value, Undefined):
            value = _stream(context, value)
        result = plain.call_filter(name, value, args, kwargs, context=context, eval_ctx=context.eval_ctx)
        if isinstance(result, Iterator):
            result = list(result)
        if isinstance(result, int) and result.bit_length() > LARGEST:
            raise Refused(TOO_LARGE)
        work.does(size_of(result))
        return result

    return filter


def _stream(context: Context, values: Any) -> Any:
    """What a filter goes through; each element counted, unless it has a length that Python itself knows."""
    if isinstance(values, str | list | tuple | dict | set | frozenset | range):
        work_of(context).does(ELEMENT * len(values))
        return values
    return work_of(context).streamed(values) if isinstance(values, Iterable) else values


@pass_context
def _members(context: Context, values: Any) -> Any:
    """What `in` looks into."""
    return values if hasattr(type(values), "__contains__") else _stream(context, values)


@pass_context
def _held(context: Context, made: Any) -> Any:
    """A list, tuple or dict of the template, all that is in it counted."""
    return work_of(context).holds(made)


@pass_context
def _rounds(context: Context, values: Iterable[Any]) -> Iterator[Any]:
    """What a loop goes through, each round counted."""
    work = work_of(context)
    for value in values:
        work.does(work.round)
        yield value


def _read(context: Context, values: Iterable[Any], attribute: Any) -> list[Any]:
    read = list(_stream(context, values))
    return read if attribute is None else [context.environment.getitem(value, attribute) for value in read]


@pass_context
def _joined(context: Context, values: Iterable[Any], between: Any = "", attribute: Any = None) -> str:
    texts, between = [text_of(value) for value in _read(context, values, attribute)], text_of(between)
    work_of(context).builds(sum(map(len, texts)) + len(between) * len(texts))
    return str(between.join(texts))


@pass_context
def _string(context: Context, value: Any) -> str:
    text = text_of(value)
    work_of(context).builds(len(text))
    return text


@pass_context
def _replaced(context: Context, value: Any, old: str, new: str, count: int | None = None) -> str:
    text, times = text_of(value), -1 if count is None else count
    work_of(context).builds(len(text) + text.count(old) * len(new))
    return text.replace(old, new, times)


@pass_context
def _indented(context: Context, value: Any, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    text, lead = text_of(value), width if isinstance(width, str) else " " * _wide(width)
    lines = text.split("\n")
    work_of(context).builds(len(text) + len(lead) * len(lines))
    return "\n".join(lead + line if (index or first) and (line or blank) else line for index, line in enumerate(lines))


@pass_context
def _centred(context: Context, value: Any, width: int = 80) -> str:
    text = text_of(value)
    work_of(context).builds(len(text) + _wide(width))
    return text.center(width)


@pass_context
def _wrapped(context: Context, value: Any, width: int = 79) -> str:
    text = text_of(value)
    longest = max(map(len, text.split()), default=0)
    work_of(context).builds(2 * len(text))
    work_of(context).does(longest**2 // max(width, 1))  # a long word is copied for each of its lines
    return "\n".join(textwrap.fill(line, _wide(width)) for line in text.split("\n"))


@pass_context
def _json(context: Context, value: Any, indent: int | None = None) -> str:
    """JSON, a text in quotes too; without the escapes that Jinja puts in for HTML."""
    text = text_of([value])[1:-1]
    work_of(context).builds(len(text) * (2 + _wide(indent or 0)))
    return text if indent is None else json.dumps(json.loads(text), ensure_ascii=False, indent=indent)


@pass_context
def _summed(context: Context, values: Iterable[Any], attribute: Any = None) -> Any:
    numbers = _read(context, values, attribute)
    for each in numbers:
        if isinstance(each, Undefined):
            str(each)
        if isinstance(each, str | list | tuple):
            raise Refused(f"sum adds numbers, not {brief(each)}")
    return sum(numbers)


def _rounded(value: Any, digits: int = 0) -> float:
    """As Python rounds; whole where there are no digits."""
    return round(float(value), _wide(digits)) if digits else round(float(value))


def _wide(width: int) -> int:
    if width > WIDEST:
        raise Refused(f"a width is at most {WIDEST}, not {brief(width)}")
    return width


OWN: Mapping[str, Filter] = {
    "center": _centred,
    "indent": _indented,
    "join": _joined,
    "replace": _replaced,
    "round": _rounded,
    "string": _string,
    "sum": _summed,
    "tojson": _json,
    "wordwrap": _wrapped,
    HELD: _held,
    JOINED: _joined,
    MEMBERS: _members,
    ROUNDS: _rounds,
}
