"""Tables of inputs: a mapping for each row, or a DataFrame, which is known by its shape and never imported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from nbgraph.core.fit import check_inputs
from nbgraph.core.graph import Graph
from nbgraph.core.inputs import checked_inputs
from nbgraph.errors import InputError, brief

SHAPE = "a table is a list of dicts, one for each row, or a DataFrame"


class Table(NamedTuple):
    """Rows of inputs.

    `columns` are the keys that stand in the table, `rows` the inputs of each run, those that all share included. A
    DataFrame's own `index` is kept, and names the rows as `labels`; without one they are numbered from 0.
    """

    columns: tuple[str, ...]
    rows: list[dict[str, Any]]
    labels: list[Any]
    index: Any = None


def checked_table(graph: Graph, given: Any, shared: Mapping[str, Any]) -> Table:
    """The table that was given, with what all its rows share, if each row can be the inputs of a run.

    Raises:
        InputError: it is no table, or a row lacks an input, has an unknown one, or one of a wrong type.
    """
    table = _read(given)
    rows = [{**row, **shared} for row in table.rows]
    _check(graph, rows)
    return table._replace(rows=rows)


def _read(given: Any) -> Table:
    if all(hasattr(given, name) for name in ("to_dict", "index", "columns")):
        return Table(tuple(given.columns), list(given.to_dict("records")), list(given.index), given.index)
    if isinstance(given, Mapping | str | bytes) or not isinstance(given, Iterable):
        raise InputError(f"{SHAPE}, not {brief(given)}.")
    rows = [_row(number, row) for number, row in enumerate(given)]
    columns = dict.fromkeys(key for row in rows for key in row)
    return Table(tuple(columns), rows, list(range(len(rows))))


def _row(number: int, row: Any) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        raise InputError(f"row {number} is {brief(row)}; {SHAPE}.")
    return dict(row)


def _check(graph: Graph, rows: list[dict[str, Any]]) -> None:
    """Check each row; which inputs a graph knows is asked once for all rows with the same keys."""
    seen: set[frozenset[str]] = set()
    wrong: dict[int, InputError] = {}
    for number, row in enumerate(rows):
        try:
            if frozenset(row) not in seen:
                checked_inputs(graph, row)
                seen.add(frozenset(row))
            check_inputs(row, graph.schema)
        except InputError as error:
            wrong[number] = error
    if wrong:
        number, first = next(iter(wrong.items()))
        raise InputError(f"row {number}: {first}{_also(list(wrong)[1:])}") from None


def _also(numbers: list[int]) -> str:
    if not numbers:
        return ""
    named = ", ".join(map(str, numbers[:10])) + ", …" * (len(numbers) > 10)
    return (
        f" Nor can row {named} start." if len(numbers) == 1 else f" Nor can {len(numbers)} other rows start: {named}."
    )
