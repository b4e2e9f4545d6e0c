"""What an option names in the notebook: kinds of errors, executors, types; they are looked up, never evaluated."""

from __future__ import annotations

import builtins
import functools
import types
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any, NamedTuple, NewType, get_origin

from nbgraph.core.policies import EXECUTORS
from nbgraph.errors import brief, nearest
from nbgraph.notebook.option_lines import Calling, Word
from nbgraph.notebook.options import FORM, ON, RETRY_ON, Option

Variables = Mapping[str, Any]
_NOTHING = object()


def _is_error(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)


def _is_type(value: Any) -> bool:
    alias = isinstance(value, types.UnionType | NewType) or type(value).__name__ == "TypeAliasType"
    return isinstance(value, type) or alias or get_origin(value) is not None


class _Sort(NamedTuple):
    """What an option may name: `words` before variables of the notebook, which come before names of `python`."""

    what: str
    fits: Callable[[Any], bool]
    words: Variables = types.MappingProxyType({})
    python: Variables = types.MappingProxyType({})


_SORTS = {
    "errors": _Sort("kinds of errors", _is_error, python={k: v for k, v in vars(builtins).items() if _is_error(v)}),
    "executor": _Sort(
        "thread, process or an executor of concurrent.futures",
        lambda value: isinstance(value, Executor),
        words={name: name for name in EXECUTORS},
    ),
    "type": _Sort("a type", _is_type, python={name: vars(builtins)[name] for name in FORM.choices}),
}


def found(option: Option, word: Word, variables: Variables) -> Any:
    """What `word` names, as Python would find it; dotted names are read from left to right.

    Raises:
        TextError: there is no such name, or what it names is nothing for this option.
    """
    sort = _SORTS[option.kind]
    if word.text in sort.words:
        return sort.words[word.text]
    value = _looked_up(word.text, (variables, sort.python))
    if value is _NOTHING:
        known = (*sort.words, *sort.python, *_fitting(sort, variables))
        raise word.wrong(f"the notebook knows no {word.text!r}{nearest(word.text, known) or '.'}")
    if not sort.fits(value):
        raise word.wrong(f"{option.name} takes {sort.what}, and {word.text!r} is {brief(value)}.")
    return value


def offered(option: Option, variables: Variables) -> tuple[str, ...]:
    """What Tab offers for `option`: the usual ones, and those of the notebook."""
    return tuple(dict.fromkeys((*option.choices, *_fitting(_SORTS[option.kind], variables))))


def calling(said: Calling, variables: Variables) -> dict[str, Any]:
    """What was said of how a node is called, as arguments of `Graph.node`; TextError as `found` raises it."""
    given: dict[str, Any] = {name: value for name, value in said._asdict().items() if value is not None}
    if said.retry_on is not None:
        given["retry_on"] = tuple(found(RETRY_ON, each, variables) for each in said.retry_on)
    if said.on is not None:
        given["on"] = found(ON, said.on, variables)
    return given


def _fitting(sort: _Sort, variables: Variables) -> list[str]:
    listed = list(variables.items())
    return [name for name, value in listed if not name.startswith("_") and sort.fits(value)]


def _looked_up(text: str, places: tuple[Variables, ...]) -> Any:
    root, *path = text.split(".")
    place = next((place for place in places if root in place), None)
    try:
        return _NOTHING if place is None else functools.reduce(getattr, path, place[root])
    except Exception:  # an attribute may be any code
        return _NOTHING
