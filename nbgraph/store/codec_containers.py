"""Containers: tuples, sets, dicts of all kinds, and what a node may write: `Overwrite` and `Gathered`."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any

from msgspec.msgpack import Encoder

from nbgraph.core.updates import Gathered, Overwrite
from nbgraph.errors import NotStorable, brief
from nbgraph.store import codec_forms as codes
from nbgraph.store.codec_forms import MARKS, Kinds, Make, Malformed, Reader, Writer, exactly, refusal
from nbgraph.store.codec_leaves import int_form

_FACTORIES: dict[str, type] = {
    kind.__name__: kind for kind in (bool, bytes, dict, float, frozenset, int, list, set, str, tuple)
}
_encode = Encoder().encode


def forms(write: Writer, values: Iterable[Any], left: int) -> list[Any]:
    """The forms of the elements of a container, whose place a refusal names."""
    made = []
    index = 0
    try:
        for index, value in enumerate(values):  # noqa: B007, named in the refusal
            made.append(write.form(value, left))
    except NotStorable as error:
        raise within(error, f"[{index}]") from None
    return made


def pairs(write: Writer, values: dict[Any, Any], left: int) -> list[Any]:
    """The forms of keys and values in turn."""
    made = []
    key = None
    try:
        for key, value in values.items():
            made.append(write.form(key, left))
            made.append(write.form(value, left))
    except NotStorable as error:
        raise within(error, f"[{shown(key)}]") from None
    return made


def shown(key: Any) -> str:
    """A key, as a path names it."""
    return f'"{key}"' if type(key) is str and key.isidentifier() else brief(key)


def within(error: NotStorable, where: str) -> NotStorable:
    """The same refusal, of a value that stands at `where` in another."""
    return NotStorable(error.kind, where + error.path, error.why)


def values_of(read: Reader, parts: Iterable[Any], left: int) -> list[Any]:
    """The values of forms."""
    return [read.value(part, left) for part in parts]


def fill(into: Any, read: Reader, parts: list[Any], left: int) -> Any:
    """`into`, filled with keys and values in turn."""
    if len(parts) % 2:
        raise Malformed("a dict has a key without a value")
    values = values_of(read, parts, left)
    dict.update(into, zip(values[::2], values[1::2], strict=True))
    return into


def _tuple_form(write: Writer, value: tuple[Any, ...], left: int) -> Any:
    return [MARKS[codes.TUPLE], *forms(write, value, left)]


def _set_form(code: int) -> Make:
    """Sets in the order of their bytes: an order of their own they have not."""

    def make(write: Writer, value: Iterable[Any], left: int) -> Any:
        made = []
        for element in value:
            try:
                made.append(write.form(element, left))
            except NotStorable as error:
                raise within(error, f"{{{brief(element)}}}") from None
        return [MARKS[code], *sorted(made, key=_encode)]

    return make


def _range_form(write: Writer, value: range, left: int) -> Any:
    return [MARKS[codes.RANGE], int_form(value.start), int_form(value.stop), int_form(value.step)]


def _range(read: Reader, parts: list[Any], left: int) -> range:
    start, stop, step = (exactly(int, read.value(part, left)) for part in parts)
    return range(start, stop, step)


def _deque_form(write: Writer, value: deque[Any], left: int) -> Any:
    return [MARKS[codes.DEQUE], value.maxlen, *forms(write, value, left)]


def _deque(read: Reader, parts: list[Any], left: int) -> deque[Any]:
    most, *elements = parts
    if most is not None and len(elements) > exactly(int, most):
        raise Malformed("a deque holds more than it may")
    return deque(values_of(read, elements, left), most)


def _dict_form(code: int) -> Make:
    def make(write: Writer, value: dict[Any, Any], left: int) -> Any:
        _no_attributes(value)
        return [MARKS[code], *pairs(write, value, left)]

    return make


def _no_attributes(value: Any) -> None:
    extra = getattr(value, "__dict__", None)
    if extra:
        raise refusal(type(value).__name__, f"it has the attribute {next(iter(extra))!r}, which would be lost")


def _default_dict_form(write: Writer, value: defaultdict[Any, Any], left: int) -> Any:
    factory = value.default_factory
    name = None if factory is None else getattr(factory, "__name__", "")
    if name is not None and _FACTORIES.get(name) is not factory:
        why = f"its factory {brief(factory)} is code; one of {', '.join(_FACTORIES)} can be kept, or return a dict"
        raise refusal("defaultdict", why)
    return [MARKS[codes.DEFAULT_DICT], name, *pairs(write, value, left)]


def _default_dict(read: Reader, parts: list[Any], left: int) -> defaultdict[Any, Any]:
    name, *rest = parts
    into: defaultdict[Any, Any] = defaultdict(None if name is None else _FACTORIES[exactly(str, name)])
    fill(into, read, rest, left)
    return into


def _overwrite_form(write: Writer, value: Overwrite, left: int) -> Any:
    return [MARKS[codes.OVERWRITE], write.form(value.value, left)]


def _overwrite(read: Reader, parts: list[Any], left: int) -> Overwrite:
    (value,) = parts
    return Overwrite(read.value(value, left))


def _gathered_form(write: Writer, value: Gathered, left: int) -> Any:
    return [MARKS[codes.GATHERED], list(value.wrote), *forms(write, value.values, left)]


def _gathered(read: Reader, parts: list[Any], left: int) -> Gathered:
    wrote, *values = parts
    if len(exactly(list, wrote)) != len(values):
        raise Malformed("a map has more or fewer values than items")
    return Gathered(tuple(values_of(read, values, left)), tuple([exactly(bool, each) for each in wrote]))


def _into(kind: Callable[[list[Any]], Any]) -> Any:
    return lambda read, parts, left: kind(values_of(read, parts, left))


CONTAINERS = Kinds(
    make={
        tuple: _tuple_form,
        set: _set_form(codes.SET),
        frozenset: _set_form(codes.FROZENSET),
        range: _range_form,
        deque: _deque_form,
        OrderedDict: _dict_form(codes.ORDERED_DICT),
        Counter: _dict_form(codes.COUNTER),
        defaultdict: _default_dict_form,
        Overwrite: _overwrite_form,
        Gathered: _gathered_form,
    },
    leaves={},
    marks={
        codes.TUPLE: _into(tuple),
        codes.SET: _into(set),
        codes.FROZENSET: _into(frozenset),
        codes.DICT: lambda read, parts, left: fill({}, read, parts, left),
        codes.RANGE: _range,
        codes.DEQUE: _deque,
        codes.ORDERED_DICT: lambda read, parts, left: _ordered(fill({}, read, parts, left)),
        codes.COUNTER: lambda read, parts, left: fill(Counter(), read, parts, left),
        codes.DEFAULT_DICT: _default_dict,
        codes.OVERWRITE: _overwrite,
        codes.GATHERED: _gathered,
    },
)


def _ordered(pairs: dict[Any, Any]) -> OrderedDict[Any, Any]:
    return OrderedDict(pairs)  # its own insertion keeps the order, that of dict does not
