"""What a function reads and writes, known without running it: from its signature, annotation and return statements."""

from __future__ import annotations

import ast
import inspect
import textwrap
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, get_type_hints, is_typeddict

from nbgraph.core.edges import check_name
from nbgraph.errors import DeclarationError


class Read(NamedTuple):
    """A key that a function reads; one with a default need not be there."""

    key: str
    required: bool


class Writes(NamedTuple):
    """The keys a function writes, as far as its text tells.

    `certain` is False where some return value may hold more. `names` are the constant strings that each key is given,
    which a `by` edge can be checked against.
    """

    keys: tuple[str, ...]
    certain: bool
    names: Mapping[str, tuple[str, ...]] = {}


def read_keys(function: Callable[..., Any]) -> tuple[Read, ...]:
    """The parameters of `function` as keys; `ctx` is the task's context and no key.

    Raises:
        DeclarationError: a parameter is positional-only, `*args` or `**kwargs`, or a reserved name.
    """
    reads = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "ctx":
            continue
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise DeclarationError(
                f"{function.__name__} takes {parameter}, but a node names each key that it reads: "
                f"write def {function.__name__}(topic, feedback='')."
            )
        if parameter.name != "error":
            check_name(parameter.name, "key")
        reads.append(Read(parameter.name, parameter.default is parameter.empty))
    return tuple(reads)


def takes_context(function: Callable[..., Any]) -> bool:
    """Whether `function` has the parameter `ctx`."""
    return "ctx" in inspect.signature(function).parameters


def source_of(function: Callable[..., Any]) -> str:
    """The source of `function`, or an empty string where there is none."""
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError, IndentationError, SyntaxError):
        return ""


def written_keys(function: Callable[..., Any], name: str, declared: tuple[str, ...] | None) -> Writes:
    """The keys that the node `name` writes when `function` is its body.

    `declared` keys are taken at their word; else the return annotation and the return statements tell.
    """
    returns = _returned(source_of(function))
    if declared is not None:
        alone = declared[0] if len(declared) == 1 else None
        return Writes(declared, True, _names(returns or (), alone or name, whole=alone is not None))
    annotated = _annotated(function, name)
    if returns is None:
        return annotated or Writes((), False)
    found = [_keys(value, name) for value in returns]
    names = _names(returns, name, whole=False)
    if annotated is not None:
        return annotated._replace(names=names)
    keys = dict.fromkeys(key for each in found if each is not None for key in each)
    return Writes(tuple(keys), None not in found, names)


def _annotated(function: Callable[..., Any], name: str) -> Writes | None:
    try:
        hint = get_type_hints(function).get("return", inspect.Signature.empty)
    except (NameError, TypeError, AttributeError, SyntaxError):
        return None
    if is_typeddict(hint):
        return Writes(tuple(hint.__annotations__), True)
    if hint in (None, types.NoneType):
        return Writes((), True)
    if hint in (str, int, float, bool, list, tuple, set, bytes):
        return Writes((name,), True)
    return None


def _returned(source: str) -> tuple[ast.expr | None, ...] | None:
    """The values of all return statements of the function in `source`, or None where the text does not tell."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return None
    if not tree.body or not isinstance(tree.body[0], ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    return tuple(statement.value for statement in _own_returns(tree.body[0]))


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
    if isinstance(value, ast.IfExp):
        one, other = _keys(value.body, name), _keys(value.orelse, name)
        return None if one is None or other is None else (*one, *other)
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


def _names(returns: tuple[ast.expr | None, ...], name: str, *, whole: bool) -> dict[str, tuple[str, ...]]:
    """The constant strings that each key is given; `whole` means that a returned dict is one value."""
    found: dict[str, list[str]] = {}
    for value in returns:
        pairs = None if value is None or whole else _pairs(value)
        for key, item in (pairs if pairs is not None else {name: value}).items():
            if isinstance(item, ast.Constant) and isinstance(item.value, str):
                found.setdefault(key, []).append(item.value)
    return {key: tuple(dict.fromkeys(values)) for key, values in found.items()}
