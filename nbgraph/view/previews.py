"""Previews: a value as one short line, and opened as a page of what is in it. Whatever a foreign object does is caught.

A page is plain data of one kind: "text" (a piece of it), "parts" (the lines of what is in it, each of which can be
opened), "table" (some rows and columns), "image" (as a data URL), or "none", with a note on why nothing is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from nbgraph.view.grids import Grid, grid_of
from nbgraph.view.images import ImageTooLarge, as_image, image_kind
from nbgraph.view.values import MASK, SECRET_TYPES, fields, names_secret, plain, secret, short, shorten

CHARACTERS = 2_000
BYTES = 800
PARTS = 50
ROWS, COLUMNS = 20, 12
LINE = 120
CELL = 60
LISTS = (list, tuple, set, frozenset)

Page = dict[str, Any]


class Hidden(Exception):
    """What was asked for is secret."""


def preview(label: object, value: Any) -> Page:
    """One line on a value: its `short` text, its `type` and `size`, and whether there is more to `open`."""
    if secret(label) or _is_secret(value):
        return {"short": MASK, "type": "", "size": "", "open": False}
    return _safely(lambda: _preview(label, value), lambda: {**_nothing(value), "short": f"<{_kind(value)}>"})


def opened(value: Any, offset: int = 0, across: int = 0) -> Page:
    """A page of a value from `offset` on; of a table from the column `across` on."""
    offset, across = max(offset, 0), max(across, 0)
    return _safely(lambda: _opened(value, offset, across), lambda: _told("it cannot be shown"))


def part(value: Any, place: int) -> tuple[str, Any]:
    """What is in a value at a place, as a page lists it, with its label.

    Raises:
        Hidden: it must not be shown.
        IndexError: there is nothing.
    """
    found = _parts(value)
    if found is None:
        raise IndexError(place)
    for label, inner in islice(found, place, place + 1):
        if secret(label) or _is_secret(inner):
            raise Hidden
        return str(label), inner
    raise IndexError(place)


def parts_page(value: Mapping[Any, Any], offset: int = 0) -> Page:
    """A page of the lines of what is in a mapping."""
    return _parts_page(value, max(offset, 0))


def text_page(text: str, offset: int = 0) -> Page:
    """A page of a text."""
    piece = str.__getitem__(text, slice(offset, offset + CHARACTERS))
    return _text(plain(str.__str__(piece)), offset, CHARACTERS, str.__len__(text))


def _text(text: str, offset: int, size: int, length: int) -> Page:
    return {"kind": "text", "text": text, "shown": min(offset + size, length), "length": length}


def _preview(label: object, value: Any) -> Page:
    if isinstance(value, str):
        length = str.__len__(value)
        line = shorten(plain(str.__str__(str.__getitem__(value, slice(0, LINE)))), LINE)
        more = length > LINE or "\n" in value
        return {"short": f"'{line}{'…' * (length > LINE)}'", "type": "str", "size": _size(value), "open": more}
    if isinstance(value, bytes) and image_kind(value):
        return {"short": f"{image_kind(value).upper()} image", "type": "bytes", "size": _size(value), "open": True}
    grid = grid_of(value)
    shown = short(label, value, LINE) if grid is None else shorten(_brief(grid), LINE)
    return {"short": shown, "type": _kind(value), "size": _size(value), "open": _can_open(value)}


def _brief(grid: Grid) -> str:
    """What a line says of a table: its own repr may tell what a column hides."""
    if not grid.flat:
        return grid.note
    columns, rows = grid.page(0, 6, 0, COLUMNS)
    names = ", ".join(_cell("", column) for column in columns[:8])
    if names:
        return names + ", …" * (grid.columns > 8)
    return ", ".join(_cell("", row[0]) for _, row in rows) + ", …" * (grid.rows > 6)


def _can_open(value: Any) -> bool:
    if value is None or isinstance(value, bool | int | float | complex | type):
        return False
    if isinstance(value, bytes | bytearray):
        return bool(value)
    if isinstance(value, (Mapping, *LISTS)):
        return len(value) > 0
    return True


def _size(value: Any) -> str:
    grid = grid_of(value)
    if grid is not None:
        return grid.shape
    if isinstance(value, str):
        length = str.__len__(value)
        return f"{length:,} characters" if length > LINE else ""
    if isinstance(value, bytes | bytearray):
        return f"{len(value):,} bytes"
    if isinstance(value, (Mapping, *LISTS)):
        count = len(value)
        return f"{count:,} {'key' if isinstance(value, Mapping) else 'item'}{'s' * (count != 1)}"
    return ""


def _opened(value: Any, offset: int, across: int) -> Page:
    if _is_secret(value):
        return _told(MASK)
    if isinstance(value, str):
        return text_page(value, offset)
    try:
        image = as_image(value)
    except ImageTooLarge as error:
        return _told(str(error))
    if image is not None:
        return {"kind": "image", **image}
    grid = grid_of(value)
    if grid is not None and grid.flat:
        return _table(grid, offset, across)
    found = _parts(value)
    return _of_repr(value, offset) if found is None else _parts_page(value, offset)


def _parts_page(value: Any, offset: int) -> Page:
    found = _parts(value)
    listed = list(islice(found or (), offset, offset + PARTS + 1))
    lines = [
        {"label": shorten(str(label), 60), "at": offset + place, **preview(label, inner)}
        for place, (label, inner) in enumerate(listed[:PARTS])
    ]
    return {
        "kind": "parts",
        "parts": lines,
        "shown": offset + len(lines),
        "length": _length(value, offset + len(listed)),
    }


def _length(value: Any, least: int) -> int:
    try:
        return max(len(value), 0)
    except Exception:  # of a foreign class
        return least


def _parts(value: Any) -> Any:
    """Pairs of label and value of what is in a value, in order; None where there is nothing to list."""
    if isinstance(value, Mapping):
        return ((_label(key), inner) for key, inner in value.items())
    declared = fields(value)
    if declared is not None:
        return iter(declared.items())
    if isinstance(value, LISTS):
        return enumerate(value)
    grid = grid_of(value)
    if grid is not None and not grid.flat:
        return enumerate(grid.slices())
    inner = getattr(value, "__dict__", None)
    return iter(inner.items()) if isinstance(inner, dict) and inner else None


def _label(key: Any) -> str:
    return key if type(key) is str else short("", key, 60)


def _of_repr(value: Any, offset: int) -> Page:
    if isinstance(value, bytes | bytearray):
        return _text(repr(bytes(value[offset : offset + BYTES])), offset, BYTES, len(value))
    text = repr(value)
    return _told(MASK) if names_secret(text[: 50 * CHARACTERS]) else text_page(text, offset)


def _table(grid: Grid, offset: int, across: int) -> Page:
    columns, rows = grid.page(offset, ROWS, across, COLUMNS)
    hidden = [secret(column) for column in columns]
    return {
        "kind": "table",
        "columns": [_cell("", column) for column in columns],
        "rows": [
            [_cell("", label), *(MASK if hide else _cell("", each) for each, hide in zip(row, hidden, strict=True))]
            for label, row in rows
        ],
        "offset": offset,
        "length": grid.rows,
        "across": across,
        "width": grid.columns,
        "note": grid.note,
    }


def _cell(label: object, value: Any) -> str:
    """A cell of a table, as the notebook would show it: texts without quotes, numbers in few digits."""
    if isinstance(value, str):
        return shorten(str.__str__(value), CELL)
    if isinstance(value, float):
        return f"{value:.6g}"
    if type(value).__module__.partition(".")[0] in ("numpy", "pandas", "datetime", "decimal"):
        return shorten(str(value), CELL)
    return short(label, value, CELL)


def _is_secret(value: Any) -> bool:
    return _kind(value) in SECRET_TYPES


def _kind(value: Any) -> str:
    return shorten(str(type.__dict__["__name__"].__get__(type(value))), 40)


def _nothing(value: Any) -> Page:
    return {"short": "", "type": _kind(value), "size": "", "open": False}


def _told(note: str) -> Page:
    return {"kind": "none", "note": note}


def _safely(make: Callable[[], Page], otherwise: Callable[[], Page]) -> Page:
    try:
        return make()
    except BaseException:  # whatever a foreign class raises when it is looked at; SystemExit must not end the kernel
        return otherwise()
