"""Tables of pandas and pyarrow: each column with its dtype, the labels with theirs, names, and attrs.

A column is a list that begins with its kind: an array of numpy as it is, objects one by one, and for each extension of
pandas the arrays that it consists of.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from msgspec.msgpack import Ext

from nbgraph.errors import NotStorable
from nbgraph.store import codec_forms as codes
from nbgraph.store.codec_arrays import array_form, array_of
from nbgraph.store.codec_containers import forms, values_of, within
from nbgraph.store.codec_forms import MARKS, Kinds, Make, Malformed, Reader, Writer, exactly, refusal
from nbgraph.store.codec_outside import imported, needed

_UNITS = ("s", "ms", "us", "ns")
_INDEXES = ("Index", "DatetimeIndex", "TimedeltaIndex", "PeriodIndex", "IntervalIndex", "CategoricalIndex")
_MASKED = {"I": "IntegerArray", "U": "IntegerArray", "F": "FloatingArray", "b": "BooleanArray"}


@cache
def maker_of_pandas(kind: type) -> Make | None:
    """What gives the form of frames, series, indexes, and moments."""
    pd = imported("pandas")
    kinds: dict[Any, Make] = {
        pd.DataFrame: _frame_form,
        pd.Series: _series_form,
        pd.RangeIndex: _index_form,
        pd.MultiIndex: _index_form,
        pd.Timestamp: _timestamp_form,
        pd.Timedelta: _timedelta_form,
        type(pd.NaT): lambda write, value, left: Ext(codes.NAT, b""),
        type(pd.NA): lambda write, value, left: Ext(codes.NA, b""),
        **{getattr(pd, name): _index_form for name in _INDEXES},
    }
    return kinds.get(kind)


def maker_of_arrow(kind: type) -> Make | None:
    """What gives the form of tables of pyarrow."""
    return _table_form if kind is imported("pyarrow").Table else None


# Columns.


def _column_form(write: Writer, held: Any, left: int) -> Any:
    """The form of what a series or an index holds."""
    pd, dtype = imported("pandas"), held.dtype
    if isinstance(dtype, imported("numpy").dtype):
        values = held.to_numpy()
        return (
            ["objects", *forms(write, values, left)] if dtype.hasobject else ["numpy", array_form(write, values, left)]
        )
    array = held.array
    make = {
        pd.DatetimeTZDtype: _zoned_form,
        pd.StringDtype: _strings_form,
        pd.CategoricalDtype: _categories_form,
        pd.PeriodDtype: _periods_form,
        pd.IntervalDtype: _intervals_form,
        pd.ArrowDtype: _arrow_form,
    }.get(type(dtype))
    if make is None:
        if not hasattr(array, "_mask") or type(dtype).__module__.partition(".")[0] != "pandas":
            raise refusal(f"column of dtype {dtype}", "convert it to a dtype of numpy or pandas with values")
        make = _masked_form
    found: Any = make
    return found(write, array, left)


def _zoned_form(write: Writer, array: Any, left: int) -> Any:
    moments = array.asi8.view(f"M8[{array.dtype.unit}]")
    return ["zoned", array_form(write, moments, left), write.form(array.dtype.tz, left)]


def _strings_form(write: Writer, array: Any, left: int) -> Any:
    dtype = array.dtype
    na = "NA" if getattr(dtype, "na_value", None) is imported("pandas").NA else "nan"
    texts = [None if missing else str(text) for text, missing in zip(array.tolist(), array.isna(), strict=True)]
    return ["strings", dtype.storage, na, *forms(write, texts, left)]


def _categories_form(write: Writer, array: Any, left: int) -> Any:
    return ["categories", array_form(write, array.codes, left), write.form(array.categories, left), array.ordered]


def _periods_form(write: Writer, array: Any, left: int) -> Any:
    freq = array.dtype.name.removeprefix("period[").removesuffix("]")
    return ["periods", array_form(write, array.asi8, left), freq]


def _intervals_form(write: Writer, array: Any, left: int) -> Any:
    return ["intervals", write.form(array.left, left), write.form(array.right, left), array.closed]


def _arrow_form(write: Writer, array: Any, left: int) -> Any:
    arrow = needed("pyarrow")
    return ["arrow", _arrow_bytes(arrow.table({"": array.__arrow_array__()}))]


def _masked_form(write: Writer, array: Any, left: int) -> Any:
    return ["masked", array.dtype.name[0], array_form(write, array._data, left), array_form(write, array._mask, left)]


def _column(read: Reader, form: Any, left: int) -> Any:
    """The array of a column: one of numpy, or of pandas."""
    kind, *parts = exactly(list, form)
    return _COLUMNS[exactly(str, kind)](read, parts, left)


def _numpy(read: Reader, parts: list[Any], left: int) -> Any:
    return array_of(parts[0], needed("numpy"), read)


def _objects(read: Reader, parts: list[Any], left: int) -> Any:
    made = needed("numpy").empty(len(parts), object)
    for index, value in enumerate(values_of(read, parts, left)):
        made[index] = value  # at once numpy would look into lists
    return made


def _zoned(read: Reader, parts: list[Any], left: int) -> Any:
    moments, zone = parts
    naive = needed("pandas").array(array_of(moments, needed("numpy"), read))
    return naive.tz_localize("UTC").tz_convert(read.value(zone, left))


def _strings(read: Reader, parts: list[Any], left: int) -> Any:
    pd = needed("pandas")
    storage, na, *texts = parts
    dtype = pd.StringDtype(storage) if na == "NA" else pd.StringDtype(storage, na_value=needed("numpy").nan)
    return pd.array(values_of(read, texts, left), dtype=dtype)


def _categories(read: Reader, parts: list[Any], left: int) -> Any:
    pd = needed("pandas")
    numbers, categories, ordered = parts
    dtype = pd.CategoricalDtype(read.value(categories, left), exactly(bool, ordered))
    return pd.Categorical.from_codes(array_of(numbers, needed("numpy"), read), dtype=dtype)


def _periods(read: Reader, parts: list[Any], left: int) -> Any:
    numbers, freq = parts
    ordinals = array_of(numbers, needed("numpy"), read)
    return needed("pandas").PeriodIndex.from_ordinals(ordinals, freq=exactly(str, freq)).array


def _intervals(read: Reader, parts: list[Any], left: int) -> Any:
    below, above, closed = parts
    make = needed("pandas").arrays.IntervalArray.from_arrays
    return make(read.value(below, left), read.value(above, left), exactly(str, closed))


def _arrow(read: Reader, parts: list[Any], left: int) -> Any:
    table = _arrow_table(exactly(bytes, parts[0]))
    return needed("pandas").arrays.ArrowExtensionArray(table.column(0))


def _masked(read: Reader, parts: list[Any], left: int) -> Any:
    letter, values, mask = parts
    np = needed("numpy")
    make = getattr(needed("pandas").arrays, _MASKED[exactly(str, letter)])
    return make(array_of(values, np, read), array_of(mask, np, read))


_COLUMNS: dict[str, Callable[[Reader, list[Any], int], Any]] = {
    "numpy": _numpy,
    "objects": _objects,
    "zoned": _zoned,
    "strings": _strings,
    "categories": _categories,
    "periods": _periods,
    "intervals": _intervals,
    "arrow": _arrow,
    "masked": _masked,
}


# Labels.


def _index_form(write: Writer, value: Any, left: int) -> Any:
    """The form of an index: its kind, its name or names, and what it holds."""
    pd, mark = imported("pandas"), MARKS[codes.INDEX]
    kind = type(value).__name__
    if type(value) is pd.MultiIndex:
        levels = [write.form(level, left) for level in value.levels]
        numbers = [array_form(write, each, left) for each in value.codes]
        return [mark, kind, forms(write, value.names, left), levels, numbers]
    name = write.form(value.name, left)
    if type(value) is pd.RangeIndex:
        return [mark, kind, name, value.start, value.stop, value.step]
    return [mark, kind, name, _column_form(write, value, left), _freq_form(value)]


def _freq_form(value: Any) -> str | None:
    freq = None if type(value).__name__ == "PeriodIndex" else getattr(value, "freq", None)
    if freq is None:
        return None
    to_offset = imported("pandas").tseries.frequencies.to_offset
    try:
        same = to_offset(freq.freqstr) == freq
    except ValueError:
        same = False
    if not same:
        raise refusal(f"index of the frequency {freq!r}", "such a frequency has no name; set index.freq = None")
    return str(freq.freqstr)


def _index(read: Reader, parts: list[Any], left: int) -> Any:
    pd = needed("pandas")
    kind, name, *rest = parts
    if kind == "MultiIndex":
        levels, numbers = (values_of(read, exactly(list, each), left) for each in rest)
        return pd.MultiIndex(levels, numbers, names=values_of(read, exactly(list, name), left))
    if kind == "RangeIndex":
        start, stop, step = (exactly(int, each) for each in rest)
        return pd.RangeIndex(start, stop, step, name=read.value(name, left))
    column, freq = rest
    values = _column(read, column, left)
    made = pd.Index(values, dtype=values.dtype, name=read.value(name, left), tupleize_cols=False)
    if type(made).__name__ != kind:
        raise Malformed(f"an index is no {kind}")
    if freq is not None:
        if not hasattr(made, "freq"):
            raise Malformed("an index has a frequency and no moments")
        made.freq = exactly(str, freq)
    return made


# Series and frames.


def _series_form(write: Writer, value: Any, left: int) -> Any:
    column = _column_form(write, value, left)
    return [
        MARKS[codes.SERIES],
        column,
        write.form(value.index, left),
        write.form(value.name, left),
        *_about(write, value, left),
    ]


def _frame_form(write: Writer, value: Any, left: int) -> Any:
    columns = []
    for place, label in enumerate(value.columns):
        try:
            columns.append(_column_form(write, value.iloc[:, place], left))
        except NotStorable as error:
            raise within(error, f"[{label!r}]") from None
    labels = write.form(value.columns, left), write.form(value.index, left)
    return [MARKS[codes.FRAME], columns, *labels, *_about(write, value, left)]


def _about(write: Writer, value: Any, left: int) -> tuple[Any, bool]:
    try:
        return write.form(value.attrs, left), value.flags.allows_duplicate_labels
    except NotStorable as error:
        raise within(error, ".attrs") from None


def _series(read: Reader, parts: list[Any], left: int) -> Any:
    column, index, name, attrs, duplicates = parts
    values = _column(read, column, left)
    made = needed("pandas").Series(values, read.value(index, left), values.dtype, read.value(name, left))
    return _described(read, made, attrs, duplicates, left)


def _frame(read: Reader, parts: list[Any], left: int) -> Any:
    pd = needed("pandas")
    columns, labels, index, attrs, duplicates = parts
    arrays = [_column(read, column, left) for column in exactly(list, columns)]
    index = read.value(index, left)
    series = {place: pd.Series(array, dtype=array.dtype) for place, array in enumerate(arrays)}
    made = pd.DataFrame(series, index=pd.RangeIndex(len(index)))
    if any(len(array) != len(index) for array in arrays):
        raise Malformed("a frame has columns of other lengths than its index")
    made.columns, made.index = read.value(labels, left), index
    return _described(read, made, attrs, duplicates, left)


def _described(read: Reader, made: Any, attrs: Any, duplicates: Any, left: int) -> Any:
    made.attrs = exactly(dict, read.value(attrs, left))
    made.flags.allows_duplicate_labels = exactly(bool, duplicates)
    return made


# Moments.


def _timestamp_form(write: Writer, value: Any, left: int) -> Any:
    zone = None if value.tzinfo is None else write.form(value.tzinfo, left)
    return [MARKS[codes.TIMESTAMP], int(value.asm8.view("i8")), value.unit, value.fold, zone]


def _timestamp(read: Reader, parts: list[Any], left: int) -> Any:
    number, unit, fold, zone = parts
    made = needed("pandas").Timestamp(needed("numpy").datetime64(exactly(int, number), _unit(unit)))
    if zone is not None:
        made = made.tz_localize("UTC").tz_convert(read.value(zone, left))
    return made if made.fold == fold else made.replace(fold=fold)


def _timedelta_form(write: Writer, value: Any, left: int) -> Any:
    return [MARKS[codes.PANDAS_TIMEDELTA], int(value.asm8.view("i8")), value.unit]


def _timedelta(read: Reader, parts: list[Any], left: int) -> Any:
    number, unit = parts
    return needed("pandas").Timedelta(needed("numpy").timedelta64(exactly(int, number), _unit(unit)))


def _unit(unit: Any) -> str:
    if unit not in _UNITS:
        raise Malformed(f"{unit!r} is no unit of time")
    return str(unit)


# Tables of pyarrow.


def _table_form(write: Writer, value: Any, left: int) -> Any:
    return [MARKS[codes.TABLE], _arrow_bytes(value)]


def _arrow_bytes(table: Any) -> bytes:
    arrow = needed("pyarrow")
    for field in table.schema:
        if isinstance(field.type, arrow.BaseExtensionType):
            raise NotStorable(f"column of the type {field.type}", f"[{field.name!r}]", "it is an extension of pyarrow")
    sink = arrow.BufferOutputStream()
    with arrow.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def _arrow_table(data: bytes) -> Any:
    arrow = needed("pyarrow")
    table = arrow.ipc.open_stream(arrow.py_buffer(data)).read_all()
    table.validate(full=True)
    return table


def _table(read: Reader, parts: list[Any], left: int) -> Any:
    return _arrow_table(exactly(bytes, parts[0]))


FRAMES = Kinds(
    make={},
    leaves={codes.NAT: lambda data: needed("pandas").NaT, codes.NA: lambda data: needed("pandas").NA},
    marks={
        codes.FRAME: _frame,
        codes.SERIES: _series,
        codes.INDEX: _index,
        codes.TIMESTAMP: _timestamp,
        codes.PANDAS_TIMEDELTA: _timedelta,
        codes.TABLE: _table,
    },
)
