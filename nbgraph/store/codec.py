"""The codec: values to bytes and back, exactly, or a refusal that names the place. Reading never runs code.

A value is one msgpack; `codec_forms` says what it consists of. The types are a closed registry: builtins, those of the
standard library that hold data, dataclasses, Enums, named tuples and pydantic models, arrays, frames and images. All
but plain data is written by one function for each type, and read by one for each code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import DecodeError, Raw, ValidationError
from msgspec.msgpack import Decoder, Encoder, Ext

from nbgraph.errors import NotStorable, StoreDamaged
from nbgraph.store import codec_forms as codes
from nbgraph.store.classes import Classes, Unknown, packed_of
from nbgraph.store.codec_arrays import ARRAYS, maker_of_numpy
from nbgraph.store.codec_classes import CLASSES, maker_of_class
from nbgraph.store.codec_containers import CONTAINERS, forms, pairs, shown, within
from nbgraph.store.codec_forms import DEPTH, MARKS, SIZE, Kinds, Leaf, Make, Malformed, Read, Writer, refusal
from nbgraph.store.codec_frames import FRAMES, maker_of_arrow, maker_of_pandas
from nbgraph.store.codec_images import IMAGES, maker_of_image
from nbgraph.store.codec_leaves import LEAVES, int_form, text_form
from nbgraph.store.codec_outside import package_of

_PLAIN = frozenset({type(None), bool, int, float, str, bytes})
_SURE = _PLAIN - {int, str}  # those of which each value has a form in msgpack
_ELEMENTS = 50_000_000  # a small value may hold so many, where the same list stands in it again and again

_encode = Encoder().encode
_decode = Decoder().decode


def pack(value: Any) -> bytes:
    """The bytes of a value.

    Raises:
        NotStorable: it, or a value in it, cannot be kept; `path` says which.
    """
    try:
        data = _packed(value)
    except (_TooDeep, RecursionError):
        why = f"it is nested more than {DEPTH} levels deep, or holds itself; return it flatter"
        raise refusal(type(value).__name__, why) from None
    except _TooMuch:
        why = f"it has more than {_ELEMENTS:,} elements; keep them in a file or an array"
        raise refusal(type(value).__name__, why) from None
    if len(data) > SIZE:
        why = f"it takes {len(data):,} bytes, and a value may take {SIZE:,}; keep it in a file, and return its path"
        raise refusal(type(value).__name__, why)
    return data


def _packed(value: Any) -> bytes:
    try:
        return _encode(value if type(value) in _PLAIN else _Writing(_PLAIN).form(value, DEPTH))
    except (OverflowError, UnicodeEncodeError):  # an int of many digits, or half a character: rare, so not sought
        form = _Writing(_SURE).form(value, DEPTH)
    try:
        return _encode(form)
    except UnicodeEncodeError:  # of the name of a field, which has no other form
        raise refusal(type(value).__name__, "a name in it holds half a character; rename it") from None


def unpack(data: bytes, classes: Classes) -> Any:
    """The value of such bytes.

    Raises:
        StoreDamaged: they are not what `pack` writes, or beyond its limits.
    """
    if len(data) > SIZE:
        raise StoreDamaged(f"A stored value takes {len(data):,} bytes; one may take {SIZE:,}.")
    try:
        return _Reading(classes).value(_decode(data), DEPTH)
    except Malformed as error:
        raise StoreDamaged(f"A stored value cannot be read: {error}.") from None
    except (DecodeError, ValidationError, UnicodeDecodeError) as error:
        raise StoreDamaged(f"A stored value is not well formed: {error}.") from None
    except Exception as error:  # whatever the parts of a value say to what never was one
        raise StoreDamaged(f"A stored value cannot be read: {type(error).__name__}: {error}.") from error


class _TooDeep(Exception):
    """Containers stand in each other beyond what is kept."""


class _TooMuch(Exception):
    """There are more elements than are kept."""


class _Writing:
    """Gives the forms of values; those whose type is in `plain` are their own."""

    def __init__(self, plain: frozenset[type]) -> None:
        self._plain = plain
        self._left = _ELEMENTS

    def form(self, value: Any, left: int) -> Any:
        """The form of `value`; NotStorable where it has none."""
        kind = type(value)
        if kind in self._plain:
            return value
        if left <= 0:
            raise _TooDeep
        if kind is dict:
            return self._dict_form(value, left - 1)
        if kind is list:
            self._count(len(value))
            return value if self._plain.issuperset(map(type, value)) else forms(self, value, left - 1)
        self._count(0)
        return maker_of(kind)(self, value, left - 1)

    def _dict_form(self, value: dict[Any, Any], left: int) -> Any:
        self._count(len(value))
        if not self._plain.issuperset(map(type, value)) and not all(map(_stands, value)):
            return [MARKS[codes.DICT], *pairs(self, value, left)]
        if self._plain.issuperset(map(type, value.values())):
            return value
        made = {}
        key = None
        try:
            for key, each in value.items():
                made[key] = self.form(each, left)
        except NotStorable as error:
            raise within(error, f"[{shown(key)}]") from None
        return made

    def _count(self, elements: int) -> None:
        self._left -= elements + 1
        if self._left < 0:
            raise _TooMuch


def _stands(key: Any) -> bool:
    """Whether a key is its own form."""
    if type(key) is str:
        return text_form(key) is key
    return int_form(key) is key if type(key) is int else type(key) in _PLAIN


class _Reading:
    """Gives the values of forms."""

    def __init__(self, classes: Classes) -> None:
        self.classes = classes

    def value(self, form: Any, left: int) -> Any:
        """The value of `form`; an error where it has none."""
        kind = type(form)
        if kind in _PLAIN:
            return form
        if left <= 0:
            raise Malformed(f"it is nested more than {DEPTH} levels deep")
        if kind is dict:
            return self._dict(form, left - 1)
        if kind is list:
            return self._list(form, left - 1)
        if kind is Ext:
            return leaf_of(form.code)(form.data)
        raise Malformed(f"there is a {kind.__name__}, which values do not consist of")

    def _dict(self, form: dict[Any, Any], left: int) -> dict[Any, Any]:
        if not _PLAIN.issuperset(map(type, form)):
            raise Malformed("a dict has a key that is written otherwise")
        if _PLAIN.issuperset(map(type, form.values())):
            return form
        return {key: self.value(each, left) for key, each in form.items()}

    def _list(self, form: list[Any], left: int) -> Any:
        if _PLAIN.issuperset(map(type, form)):
            return form
        if type(form[0]) is Ext and not form[0].data and (read := _MARKED.get(form[0].code)):
            return read(self, form[1:], left)
        return [self.value(each, left) for each in form]


_KINDS: tuple[Kinds, ...] = (LEAVES, CONTAINERS, CLASSES, ARRAYS, FRAMES, IMAGES)
_MAKE: dict[type, Make] = {kind: make for kinds in _KINDS for kind, make in kinds.make.items()}
_LEAVES: dict[int, Leaf] = {code: leaf for kinds in _KINDS for code, leaf in kinds.leaves.items()}
_MARKED: dict[int, Read] = {code: read for kinds in _KINDS for code, read in kinds.marks.items()}
_OUTSIDE: dict[str, Callable[[type], Make | None]] = {
    "numpy": maker_of_numpy,
    "pandas": maker_of_pandas,
    "pyarrow": maker_of_arrow,
    "PIL": maker_of_image,
}


def _unknown_form(write: Writer, value: Unknown, left: int) -> Any:
    """The bytes that it was read from, if as many levels as it has may still follow."""
    packed = packed_of(value)
    try:
        _Reading(Classes()).value(_decode(packed), left + 1)
    except Malformed:
        raise _TooDeep from None
    return Raw(packed)


_MAKE[Unknown] = _unknown_form


def leaf_of(code: int) -> Leaf:
    """What reads a leaf; Malformed where there is none."""
    leaf = _LEAVES.get(code)
    if leaf is None:
        raise Malformed(f"it holds an extension with the code {code}, which a later nbgraph may have written")
    return leaf


def maker_of(kind: type) -> Make:
    """What gives the form of values of this type; NotStorable where nothing does."""
    make = _MAKE.get(kind)
    if make is not None:
        return make
    package = package_of(kind)
    return (package and _OUTSIDE[package](kind)) or maker_of_class(kind)
