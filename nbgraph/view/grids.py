"""Grids: DataFrames, Series and arrays as rows and columns, where their libraries are loaded; none is loaded here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

Row = tuple[Any, list[Any]]
NAMED = 6  # columns


class Grid:
    """A value with rows and columns; `flat` says whether it has no more than these, `note` what it holds."""

    rows = columns = 0
    shape = note = ""
    flat = True

    def page(self, offset: int, count: int, across: int, width: int) -> tuple[list[Any], list[Row]]:
        """The names of some columns, and as many rows, each with its label."""
        raise NotImplementedError

    def slices(self) -> Iterator[Any]:
        """What an array of more dimensions consists of."""
        raise NotImplementedError


class Frame(Grid):
    """A DataFrame; its note names its columns."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self.rows, self.columns = (int(size) for size in frame.shape)
        self.shape = f"{self.rows:,} × {self.columns:,}"
        self.note = ", ".join(str(name) for name in frame.columns[:NAMED]) + (", …" if self.columns > NAMED else "")

    def page(self, offset: int, count: int, across: int, width: int) -> tuple[list[Any], list[Row]]:
        part = self._frame.iloc[offset : offset + count, across : across + width]
        rows = zip(part.index, part.itertuples(index=False, name=None), strict=True)
        return list(part.columns), [(label, list(row)) for label, row in rows]


class _Series(Grid):
    def __init__(self, series: Any) -> None:
        self._series = series
        self.rows, self.columns = len(series), 1
        self.shape, self.note = f"{self.rows:,}", str(series.dtype)

    def page(self, offset: int, count: int, across: int, width: int) -> tuple[list[Any], list[Row]]:
        part = self._series.iloc[offset : offset + count]
        name = "" if self._series.name is None else self._series.name
        return [name], [(label, [value]) for label, value in zip(part.index, part, strict=True)]


class _Array(Grid):
    def __init__(self, array: Any) -> None:
        self._array = array
        self.flat = 1 <= array.ndim <= 2 and array.dtype.names is None
        self.rows = len(array) if array.ndim else 0
        self.columns = array.shape[1] if array.ndim > 1 else 1
        self.shape = " × ".join(f"{size:,}" for size in array.shape)
        self.note = f"{array.dtype}"

    def page(self, offset: int, count: int, across: int, width: int) -> tuple[list[Any], list[Row]]:
        part = self._array[offset : offset + count]
        if part.ndim == 1:
            return [""], [(offset + number, [each]) for number, each in enumerate(part.tolist())]
        part = part[:, across : across + width]
        names: list[Any] = list(range(across, across + part.shape[1]))
        return names, [(offset + number, row) for number, row in enumerate(part.tolist())]

    def slices(self) -> Iterator[Any]:
        return iter(self._array)


KINDS = (("pandas", "DataFrame", Frame), ("pandas", "Series", _Series), ("numpy", "ndarray", _Array))


def grid_of(value: Any) -> Grid | None:
    """The value as a grid; None for what is none."""
    for module, name, kind in KINDS:
        found: Any = getattr(sys.modules.get(module), name, None)
        if found is not None and isinstance(value, found) and value.shape:
            return kind(value)
    return None
