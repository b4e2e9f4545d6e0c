"""The codec and pyarrow: tables, and the columns of pandas that are made of it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbgraph.errors import NotStorable, StoreDamaged
from nbgraph.store.classes import KNOWN
from nbgraph.store.codec import pack, unpack
from nbgraph.store.codec_forms import TABLE
from tests.store.values import check_damage, mark, mutated, there_and_back

TABLES = [
    pa.table({"a": [1, None, 3], "b": ["x", "y", None], "c": [[1], [], None], "d": [{"e": 1.5}, None, {"e": None}]}),
    pa.table({}),
    pa.table({"a": pa.array([], pa.timestamp("us", "Europe/Berlin"))}),
    pa.table({"a": pa.array(["x", "y", "x"]).dictionary_encode()}).replace_schema_metadata({"k": "v"}),
    pa.table([pa.chunked_array([[1], [2, 3]]), pa.array([1, 2, 3])], names=["same", "same"]),
]


@pytest.mark.parametrize("table", TABLES, ids=["kinds", "empty", "no rows", "dictionary", "chunks"])
def test_a_table_comes_back_exactly(table: Any) -> None:
    read = there_and_back({"in": table})["in"]
    assert type(read) is pa.Table
    assert read.equals(table, check_metadata=True)


@pytest.mark.parametrize("dtype", ["string[pyarrow]", "int64[pyarrow]", "list<item: int64>[pyarrow]"])
def test_a_column_of_pandas_made_of_arrow_comes_back_exactly(dtype: str) -> None:
    values = {"s": ["a", None], "i": [1, None], "l": [[1], None]}[dtype[0]]
    typed = pd.ArrowDtype(pa.list_(pa.int64())) if dtype[0] == "l" else dtype
    series = pd.Series(values, dtype=typed)
    read = there_and_back(series)
    pd.testing.assert_series_equal(read, series)
    assert (read.dtype, type(read.array)) == (series.dtype, type(series.array))


def test_other_things_of_arrow_are_refused() -> None:
    for value in (pa.array([1]), pa.scalar(1), pa.schema([])):
        with pytest.raises(NotStorable, match="Private"):
            pack(value)


def test_extensions_are_refused() -> None:
    with pytest.raises(NotStorable, match="extension"):
        pack(pa.table({"u": pa.array([b"0" * 16], pa.uuid())}))


def test_what_was_never_a_table_is_damage() -> None:
    for part in (b"", b"ARROW1", 5):
        with pytest.raises(StoreDamaged):
            unpack(mark(TABLE, part), KNOWN)


@pytest.mark.slow
@settings(max_examples=5000, deadline=None)
@given(mutated(st.sampled_from(TABLES).map(pack)))
def test_thousands_of_mutated_tables(data: bytes) -> None:
    check_damage(data)


def test_a_pyarrow_that_may_run_code_is_not_read_with(monkeypatch: pytest.MonkeyPatch) -> None:
    data = pack(pa.table({"n": [1]}))
    monkeypatch.setattr(pa, "__version__", "14.0.0")
    with pytest.raises(StoreDamaged, match="update pyarrow"):
        unpack(data, KNOWN)
