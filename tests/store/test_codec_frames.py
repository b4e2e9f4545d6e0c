"""The codec and pandas: frames, series, indexes and moments with the same dtypes, labels and names."""

from __future__ import annotations

import datetime
import warnings
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbgraph.errors import NotStorable, StoreDamaged
from nbgraph.store.classes import KNOWN
from nbgraph.store.codec import pack, unpack
from nbgraph.store.codec_forms import FRAME, INDEX, NA, NAT, TIMESTAMP
from tests.store.values import check_damage, leaf, mark, mutated, there_and_back

BERLIN = ZoneInfo("Europe/Berlin")
DAYS = pd.date_range("2024-10-26", periods=3, tz=BERLIN)
COLUMNS: dict[str, Any] = {
    "ints": [1, 2, 3],
    "floats": [1.5, -0.0, np.nan],
    "small": np.array([1, 2, 3], "i1"),
    "texts": ["a", None, "\U0001f600"],
    "objects": pd.Series([1, [2], None], dtype=object),
    "texts as objects": pd.Series(["a", None, 1], dtype=object),
    "masked": pd.array([1, None, 3], dtype="Int64"),
    "masked floats": pd.array([1.5, None, 3], dtype="Float32"),
    "masked truths": pd.array([True, None, False], dtype="boolean"),
    "unsigned": pd.array([1, None, 3], dtype="UInt8"),
    "python texts": pd.array(["a", None, "c"], dtype=pd.StringDtype("python")),
    "categories": pd.Categorical(["x", None, "y"], categories=["y", "x", "z"], ordered=True),
    "naive": pd.to_datetime(["2024-01-01", None, "2024-01-03"]),
    "seconds": np.array(["2024-01-01", "NaT", "2024-01-03"], "M8[s]"),
    "zoned": DAYS,
    "utc": pd.to_datetime(["2024-01-01", None, "2024-01-03"], utc=True),
    "lengths": pd.to_timedelta([1, None, 3], unit="h"),
    "periods": pd.period_range("2024-01", periods=3, freq="M"),
    "intervals": pd.interval_range(0, 3, closed="both"),
    "complex": [1j, 2j, 3j],
}
INDEXES = [
    *(pd.RangeIndex(1, 9, 3, name="n"), pd.Index([3, 1, 3], name=("a", 1)), pd.Index(["a", None]), pd.Index([])),
    *(
        pd.Index([1, "a"], dtype=object),
        pd.Index([(1, 2), (3, 4)], tupleize_cols=False),
        pd.Index([1.5], dtype="Float64"),
    ),
    *(DAYS, pd.date_range("2024", periods=3, freq="2h"), pd.to_datetime(["2024-01-01"]).as_unit("s")),
    *(
        pd.timedelta_range(0, periods=3, freq="D"),
        pd.period_range("2024", periods=2, freq="Q"),
        pd.interval_range(0, 2),
    ),
    *(pd.CategoricalIndex(["a", "b"], ordered=True), pd.Index([], dtype=object), pd.Index([True, False])),
    pd.MultiIndex.from_tuples([("a", 1), ("b", 2), ("a", 2)], names=["x", None]),
    pd.MultiIndex.from_product([DAYS, pd.Categorical(["u", "v"])]),
]
MOMENTS = [
    *(pd.Timestamp("2024-02-29"), pd.Timestamp("2024-02-29").as_unit("s"), pd.Timestamp("2024-10-27 04:30", tz=BERLIN)),
    *(pd.Timestamp("2024-10-27 02:30", tz="UTC"), pd.Timestamp(1, unit="ns"), pd.Timestamp(2**62).as_unit("ns")),
    pd.Timestamp(datetime.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=BERLIN)),
    *(pd.Timedelta("1D"), pd.Timedelta(1, unit="ns"), pd.Timedelta(-5, unit="s").as_unit("s")),
]


def index_same(one: Any, other: Any) -> bool:
    pd.testing.assert_index_equal(one, other, exact=True)
    return (
        type(one) is type(other) and one.dtype == other.dtype and getattr(one, "freq", 0) == getattr(other, "freq", 0)
    )


def test_every_column_of_a_frame_keeps_its_dtype_and_values() -> None:
    frame = pd.DataFrame(COLUMNS)
    read = there_and_back([frame])[0]
    pd.testing.assert_frame_equal(read, frame, check_freq=True, check_flags=True, check_exact=True)
    assert list(read.dtypes) == list(frame.dtypes)
    assert [type(value) for value in read["objects"]] == [int, list, type(None)]


@pytest.mark.parametrize("name", COLUMNS)
def test_a_series_comes_back_exactly(name: str) -> None:
    series = pd.Series(COLUMNS[name], name=name)
    read = there_and_back(series)
    pd.testing.assert_series_equal(read, series, check_exact=True)
    assert (read.dtype, type(read.array)) == (series.dtype, type(series.array))


@pytest.mark.parametrize("index", INDEXES, ids=lambda index: f"{type(index).__name__} {index.dtype}")
def test_an_index_comes_back_exactly(index: Any) -> None:
    assert index_same(there_and_back(index), index)
    series = pd.Series(range(len(index)), index=index)
    assert index_same(there_and_back(series).index, index)
    assert index_same(there_and_back(series.to_frame().T).columns, index)


@pytest.mark.parametrize("moment", MOMENTS, ids=repr)
def test_a_moment_comes_back_exactly(moment: Any) -> None:
    read = there_and_back(moment)
    assert (type(read), read, read.unit) == (type(moment), moment, moment.unit)
    assert (getattr(read, "fold", 0), getattr(read, "tz", None)) == (
        getattr(moment, "fold", 0),
        getattr(moment, "tz", None),
    )


def test_what_is_missing_stays_the_same_thing() -> None:
    assert there_and_back([pd.NaT])[0] is pd.NaT
    assert there_and_back([pd.NA])[0] is pd.NA


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame(index=[3, 1]),
        pd.DataFrame(columns=["a", "b"]),
        pd.DataFrame([[1, "a"], [2, "b"]], columns=["same", "same"], index=["twice", "twice"]),
        pd.DataFrame(np.arange(6).reshape(2, 3), columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)])),
        pd.DataFrame({1: [1], "1": [2], (1, 2): [3], None: [4]}),
    ],
    ids=["empty", "no columns", "no rows", "labels twice", "labels of two levels", "labels of all kinds"],
)
def test_a_frame_of_an_unusual_shape_comes_back_exactly(frame: Any) -> None:
    pd.testing.assert_frame_equal(there_and_back(frame), frame, check_column_type=True, check_index_type=True)


def test_attrs_and_flags_are_kept() -> None:
    frame = pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False)
    frame.attrs["source"] = ("here", 1)
    read = there_and_back(frame)
    assert read.attrs == {"source": ("here", 1)}
    assert not read.flags.allows_duplicate_labels


def test_a_frame_that_was_read_can_be_changed() -> None:
    read = there_and_back(pd.DataFrame({"a": [1, 2]}))
    read.loc[0, "a"] = 5
    read["b"] = read["a"] * 2
    assert read.to_dict("list") == {"a": [5, 2], "b": [10, 4]}


class Mine(pd.DataFrame):
    pass


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (Mine({"a": [1]}), ""),
        (pd.DataFrame({"a": pd.Series([1, object()], dtype=object)}), "['a'][1]"),
        (pd.DataFrame({"a": pd.arrays.SparseArray([0, 1])}), "['a']"),
        (pd.Series([1], name="s").groupby([1]), ""),
        (pd.DataFrame({"a": [1]}).rolling(2), ""),
    ],
    ids=["a kind of frame", "an object", "sparse", "a grouping", "a window"],
)
def test_what_would_not_be_the_same_is_refused(value: Any, path: str) -> None:
    with pytest.raises(NotStorable) as caught:
        pack(value)
    assert caught.value.path == path


def test_attrs_that_cannot_be_kept_are_refused() -> None:
    frame = pd.DataFrame()
    frame.attrs["client"] = object()
    with pytest.raises(NotStorable, match=r'\.attrs\["client"\]'):
        pack(frame)


DAMAGED = {
    "nothing": mark(FRAME),
    "columns of no kind": mark(FRAME, [["code", 1]], 1, 2, {}, True),
    "labels that are none": mark(FRAME, [], 5, 5, {}, True),
    "an index of no kind": mark(INDEX, "eval", None, ["objects"], None),
    "a frequency that is none": mark(INDEX, "Index", None, ["objects"], "often"),
    "a range of texts": mark(INDEX, "RangeIndex", None, "a", "b", "c"),
    "a moment of no unit": mark(TIMESTAMP, 1, "years", 0, None),
    "a moment beyond time": mark(TIMESTAMP, 2**63, "s", 0, None),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_what_was_never_a_frame_is_damage(data: bytes) -> None:
    with pytest.raises(StoreDamaged):
        unpack(data, KNOWN)


def test_leaves_of_pandas_need_no_bytes() -> None:
    assert unpack(leaf(NAT, b""), KNOWN) is pd.NaT
    assert unpack(leaf(NA, b""), KNOWN) is pd.NA


HELD = [pd.DataFrame(COLUMNS), *[pd.Series(values) for values in COLUMNS.values()], *INDEXES, *MOMENTS]


@settings(max_examples=40, deadline=None)
@given(mutated(st.sampled_from(HELD).map(pack)))
def test_mutated_frames_are_a_value_or_damage(data: bytes) -> None:
    with warnings.catch_warnings(action="ignore"):
        check_damage(data)


@pytest.mark.slow
@settings(max_examples=5000, deadline=None)
@given(mutated(st.sampled_from(HELD).map(pack)))
def test_thousands_of_mutated_frames(data: bytes) -> None:
    with warnings.catch_warnings(action="ignore"):
        check_damage(data)
