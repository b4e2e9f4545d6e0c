"""Returns: what the text of a function tells of the values that it gives back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple


class Returns(NamedTuple):
    """The values of all return statements of one function."""

    values: tuple[ast.expr | None, ...]

    def keys(self, name: str) -> tuple[tuple[str, ...], bool]:
        """The keys that they are an update of, and whether there can be no others; a plain value goes to `name`."""
        found = [_keys(value, name) for value in self.values]
        return tuple(dict.fromkeys(key for each in found if each for key in each)), None not in found

    def strings(self, name: str, *, whole: bool) -> dict[str, tuple[str, ...]]:
        """The constant strings that each key is given, in lists too; with `whole` a returned dict is one value."""
        found: dict[str, dict[str, None]] = {}
        for value in self.values:
            pairs = None if value is None or whole else _pairs(value)
            for key, item in (pairs if pairs is not None else {name: value}).items():
                found.setdefault(key, {}).update(dict.fromkeys(_strings(item)))
        return {key: tuple(strings) for key, strings in found.items() if strings}


def returned(source: str) -> Returns | None:
    """The values of all return statements of the function in `source`, or None where the text does not tell."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return None
    if not tree.body or not isinstance(tree.body[0], ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    values = (statement.value for statement in _own_returns(tree.body[0]))
    return Returns(tuple(each for value in values for each in ([None] if value is None else _alternatives(value))))


def _own_returns(function: ast.AST) -> Iterator[ast.Return]:
    for child in ast.iter_child_nodes(function):
        if isinstance(child, ast.Return):
            yield child
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield from _own_returns(child)


_PLAIN_VALUES = (ast.Constant, ast.List, ast.Tuple, ast.Set, ast.ListComp, ast.SetComp, ast.JoinedStr, ast.Compare)


def _keys(value: ast.expr | None, name: str) -> tuple[str, ...] | None:
    """The keys that one returned expression writes, or None where its text does not tell."""
    if value is None or (isinstance(value, ast.Constant) and value.value is None):
        return ()
    if isinstance(value, _PLAIN_VALUES):
        return (name,)
    pairs = _pairs(value)
    return None if pairs is None else tuple(pairs)


def _pairs(value: ast.expr) -> dict[str, ast.expr] | None:
    """Keys and values of a dict display or a `dict(...)` call whose keys all stand in the text."""
    match value:
        case ast.Dict(keys=keys, values=values):
            names = [key.value if isinstance(key, ast.Constant) else None for key in keys]
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
            names, values = [keyword.arg for keyword in keywords], [keyword.value for keyword in keywords]
        case _:
            return None
    pairs = {name: item for name, item in zip(names, values, strict=True) if isinstance(name, str)}
    return pairs if len(pairs) == len(values) else None


def _alternatives(value: ast.expr) -> list[ast.expr]:
    """The values that an expression can have: both sides of `one if condition else other`."""
    return [*_alternatives(value.body), *_alternatives(value.orelse)] if isinstance(value, ast.IfExp) else [value]


def _strings(value: ast.expr | None) -> Iterator[str]:
    for each in _alternatives(value) if value is not None else ():
        for item in each.elts if isinstance(each, ast.List | ast.Tuple) else [each]:
            if isinstance(item, ast.Constant) and isinstance(item.value, str):
                yield item.value
