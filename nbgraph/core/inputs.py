"""Inputs of a run: which keys a graph needs from outside, and whether what was given fits."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from nbgraph.core.graph import START, Graph
from nbgraph.core.plan import maps_of
from nbgraph.core.signature import Read, read_keys
from nbgraph.errors import DeclarationError, InputError, brief, nearest


class Reader(NamedTuple):
    """One reading of a key: `node` reads it, itself or in a condition on an edge out of it (`in_edge`)."""

    key: str
    required: bool
    node: str
    in_edge: bool


def readers(graph: Graph) -> Iterator[Reader]:
    """Every reading of a key in `graph`, by nodes, conditions, `by` and `each`."""
    maps = maps_of(graph)
    for node in graph.nodes.values():
        item = maps[node.name].item if node.name in maps else None
        yield from (Reader(read.key, read.required, node.name, False) for read in node.reads if read.key not in (item, "error", "errors"))
    for statement in graph.statements:
        guard = statement.guard
        keys = guard.condition.keys if guard.condition else {guard.key} if guard.key else set()
        function = graph.function(guard.function) if guard.function else None
        required = {read.key: read.required for read in _reads(function)}
        for source in statement.sources:
            yield from (Reader(key, True, source, True) for key in sorted(keys))
            yield from (Reader(key, needed, source, True) for key, needed in required.items())


def _reads(function: Callable[..., Any] | None) -> tuple[Read, ...]:
    """What the function of a `by` reads; nothing where it cannot be called, which is a problem of its own."""
    try:
        return read_keys(function) if function else ()
    except DeclarationError:
        return ()


def writers(graph: Graph) -> dict[str, list[str]]:
    """The nodes that are known to write each key."""
    found: dict[str, list[str]] = {}
    for node in graph.nodes.values():
        for key in node.writes.keys:
            found.setdefault(key, []).append(node.name)
    return found


def required_keys(graph: Graph) -> tuple[str, ...]:
    """The keys that a run must be given: read without a default, written by nothing, and with no default of their own.

    Where what some node writes is not known from its text, a key that nothing else writes may come from it, so it is
    required only of the edges out of START.
    """
    written, certain = writers(graph), all(node.writes.certain for node in graph.nodes.values())
    needed = (
        reader.key
        for reader in readers(graph)
        if reader.required and reader.key not in written and reader.key not in graph.schema.defaults
        if reader.key not in graph.schema.private
        if certain or reader.node == START
    )
    return tuple(dict.fromkeys(needed))


def checked_inputs(graph: Graph, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """`inputs` as they are.

    Raises:
        InputError: one is missing, or none of the graph's nodes and edges knows it.
    """
    known = dict.fromkeys((*(reader.key for reader in readers(graph)), *graph.schema.keys, *writers(graph)))
    for key in inputs:
        if not isinstance(key, str) or key not in known:
            names = ", ".join(required_keys(graph)) or "none"
            raise InputError(
                f"{graph.name} has no input {brief(key)}{nearest(key, known) or '.'} "
                f"It knows {', '.join(known) or 'no key'}, and needs {names}."
            )
    missing = [key for key in required_keys(graph) if key not in inputs]
    if missing:
        example = ", ".join(f"{key}=..." for key in required_keys(graph))
        raise InputError(f"{graph.name} needs the input {', '.join(missing)}: {graph.name}.run({example}).")
    return dict(inputs)


def signature(graph: Graph) -> inspect.Signature:
    """PLACEHOLDER until the flow checks land."""
    return inspect.Signature([inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY) for key in required_keys(graph)])


def describe_inputs(graph: Graph) -> str:
    """PLACEHOLDER until the flow checks land."""
    return "\n".join(required_keys(graph))
