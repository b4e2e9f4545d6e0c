"""Arrays of numpy and their scalars: dtype, shape, order, and the bytes as they are."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any

from nbgraph.store import codec_forms as codes
from nbgraph.store.codec_forms import MARKS, Kinds, Make, Malformed, Reader, Writer, exactly, refusal
from nbgraph.store.codec_leaves import text_form
from nbgraph.store.codec_outside import imported, needed

_SPELLING = re.compile(r"[<>|=]?\w+(\[\w+(/\w+)?\])?")


@cache
def maker_of_numpy(kind: type) -> Make | None:
    """What gives the form of arrays, or of the scalars of a dtype."""
    np = imported("numpy")
    if kind is np.ndarray:
        return array_form
    if kind in (np.str_, np.bytes_):
        return _text_form
    return _scalar_form if issubclass(kind, np.generic) and kind is not np.object_ else None


def dtype_form(write: Writer, dtype: Any) -> Any:
    """The form of a dtype: its spelling, or what it consists of."""
    kind = f"array of dtype {dtype}"
    if dtype.hasobject or dtype.metadata:
        raise refusal(kind, "it holds Python objects; return a list, or an array of numbers or of texts")
    try:
        form = _parts(dtype)
        same = dtype_of(form, imported("numpy")) == dtype
    except (TypeError, ValueError, Malformed):
        same = False
    if not same:
        raise refusal(kind, "its bytes mean something to its package only; use one of the dtypes of numpy")
    return form


def _parts(dtype: Any) -> Any:
    """A spelling; or fields, the size, and whether it is aligned; or a base and a shape.

    A field is its name, its dtype, its offset, and its title where it has one.
    """
    if dtype.names is not None:
        fields = [(name, *dtype.fields[name]) for name in dtype.names]
        parts = [[name, _parts(inner), offset, *titles] for name, inner, offset, *titles in fields]
        return [parts, dtype.itemsize, dtype.isalignedstruct]
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return [_parts(base), list(shape)]
    np, named = imported("numpy"), dtype.type.__name__
    if np.dtype(dtype.str).num != dtype.num and getattr(np, named, None) is dtype.type and np.dtype(named) == dtype:
        return named  # such as longlong, which is spelt like another one
    return dtype.str


def dtype_of(form: Any, np: Any) -> Any:
    """The dtype of a form."""
    if type(form) is str:
        if not _SPELLING.fullmatch(form) or np.dtype(form).hasobject:
            raise Malformed(f"{form!r} is no dtype of an array")
        return np.dtype(form)
    if len(exactly(list, form)) == 2:
        base, shape = form
        return np.dtype((dtype_of(base, np), tuple(exactly(list, shape))))
    fields, size, aligned = form
    padded = [(*exactly(list, field), None)[:4] for field in fields]
    spec = {
        "names": [exactly(str, name) for name, _, _, _ in padded],
        "formats": [dtype_of(inner, np) for _, inner, _, _ in padded],
        "offsets": [exactly(int, offset) for _, _, offset, _ in padded],
        "titles": [title if title is None else exactly(str, title) for _, _, _, title in padded],
        "itemsize": exactly(int, size),
    }
    return np.dtype(spec, align=exactly(bool, aligned))


def array_form(write: Writer, value: Any, left: int) -> Any:
    """The form of an array."""
    dtype = dtype_form(write, value.dtype)
    if not value.dtype.itemsize:
        raise refusal(f"array of dtype {value.dtype}", "its elements have no bytes")
    order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
    return [MARKS[codes.ARRAY], dtype, list(value.shape), order, value.tobytes(order)]


def array_of(form: Any, np: Any, read: Reader) -> Any:
    """The array of a form that is part of another."""
    return exactly(np.ndarray, read.value(form, codes.DEPTH))


def _array(read: Reader, parts: list[Any], left: int) -> Any:
    spelt, shape, order, data = parts
    np = needed("numpy")
    dtype = dtype_of(spelt, np)
    sides = [exactly(int, side) for side in shape]
    if (
        not dtype.itemsize
        or min(sides, default=0) < 0
        or math.prod(sides) * dtype.itemsize != len(exactly(bytes, data))
    ):
        raise Malformed("an array has more or fewer bytes than its shape says")
    return np.ndarray(sides, dtype, bytearray(data), order=exactly(str, order))


def _scalar_form(write: Writer, value: Any, left: int) -> Any:
    return [MARKS[codes.SCALAR], dtype_form(write, value.dtype), value.tobytes()]


def _text_form(write: Writer, value: Any, left: int) -> Any:
    """The scalars that hold a text: as such, since the dtype of an empty one has no bytes."""
    is_text = isinstance(value, str)
    return [
        MARKS[codes.SCALAR],
        "str" if is_text else "bytes",
        text_form(str.__str__(value)) if is_text else bytes(value),
    ]


def _scalar(read: Reader, parts: list[Any], left: int) -> Any:
    spelt, data = parts
    np = needed("numpy")
    if spelt == "str":
        return np.str_(exactly(str, read.value(data, left + 1)))
    if spelt == "bytes":
        return np.bytes_(exactly(bytes, data))
    dtype = dtype_of(spelt, np)
    if len(exactly(bytes, data)) != dtype.itemsize:
        raise Malformed("a scalar has more or fewer bytes than its dtype says")
    return np.ndarray((), dtype, bytearray(data))[()]


ARRAYS = Kinds(make={}, leaves={}, marks={codes.ARRAY: _array, codes.SCALAR: _scalar})
