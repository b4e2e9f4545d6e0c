"""Inputs of a run: which keys a graph needs from outside, and whether what was given fits."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, get_args, get_origin

from nbgraph.core.annotations import spelt
from nbgraph.core.graph import START, Graph, Node
from nbgraph.core.plan import maps_of
from nbgraph.core.schema import Fresh
from nbgraph.core.signature import Read, read_keys
from nbgraph.core.type_agreement import UNKNOWN
from nbgraph.errors import DeclarationError, InputError, brief, nearest


@dataclass(frozen=True, slots=True)
class Reader:
    """One reading of a key: `node` reads it, itself or in a condition on an edge out of it (`in_edge`).

    `annotation` and `default` are those of the parameter that reads it, UNKNOWN where there is none.
    """

    key: str
    required: bool
    node: str
    in_edge: bool
    annotation: Any = field(default=UNKNOWN, compare=False)
    default: Any = field(default=UNKNOWN, compare=False)


def readers(graph: Graph, nodes: Mapping[str, Node] | None = None) -> Iterator[Reader]:
    """Every reading of a key in `graph`, by nodes, conditions, `by` and `each`.

    What is local to a task is no key: the item of a map, and what failed before an `on error` edge.

    Args:
        nodes: its nodes, where they are at hand.
    """
    local = _local(graph)
    for node in (graph.nodes if nodes is None else nodes).values():
        skipped = local.get(node.name, _ERROR)
        yield from (_reader(read, node.name, False) for read in node.reads if read.key not in skipped)
    for statement in graph.statements:
        guard = statement.guard
        keys = guard.condition.keys if guard.condition else {guard.key} if guard.key else set()
        function = graph.function(guard.function) if guard.function else None
        called = [read for read in _reads(function) if read.key not in _ERROR]
        for source in statement.sources:
            yield from (Reader(key, True, source, True) for key in sorted(keys))
            yield from (_reader(read, source, True) for read in called)


_ERROR = frozenset({"error"})


def _reader(read: Read, node: str, in_edge: bool) -> Reader:
    return Reader(read.key, read.required, node, in_edge, read.annotation, read.default)


def _local(graph: Graph) -> dict[str, frozenset[str]]:
    """The parameters that are no keys, of mapped nodes and of those that an `on error` edge leads to."""
    local = {name: _ERROR | {each.item} for name, each in maps_of(graph).items()}
    for statement in graph.statements:
        for target in statement.targets if statement.guard.kind == "error" else ():
            local[target] = local.get(target, _ERROR) | {"errors"}
    return local


def _reads(function: Callable[..., Any] | None) -> tuple[Read, ...]:
    """What the function of a `by` reads; nothing where it cannot be called, which is a problem of its own."""
    try:
        return read_keys(function) if function else ()
    except (DeclarationError, ValueError, TypeError):
        return ()


def writers(graph: Graph, nodes: Mapping[str, Node] | None = None) -> dict[str, list[str]]:
    """The nodes that are known to write each key."""
    found: dict[str, list[str]] = {}
    for node in (graph.nodes if nodes is None else nodes).values():
        for key in node.writes.keys:
            found.setdefault(key, []).append(node.name)
    return found


def required_keys(graph: Graph) -> tuple[str, ...]:
    """The keys that a run must be given: read without a default, not given by the state, and written by nothing.

    What is read before any node has written counts too.

    Where what some node writes is not known from its text, a key that nothing else writes may come from it, so it is
    required only of what that node does not lead to.
    """
    nodes = graph.nodes
    return _required(graph, nodes, list(readers(graph, nodes)))


def _required(graph: Graph, nodes: Mapping[str, Node], reading: list[Reader]) -> tuple[str, ...]:
    known = {*writers(graph, nodes), *graph.schema.defaults, *graph.schema.private}
    unclear = {name for name, node in nodes.items() if not node.writes.certain}
    after = _led_to(graph, unclear)
    needed = (
        reader.key
        for reader in reading
        if reader.required and reader.key not in known
        if reader.node not in after and not (reader.in_edge and reader.node in unclear)
    )
    return tuple(dict.fromkeys((*needed, *_read_first(graph, reading))))


def _read_first(graph: Graph, reading: list[Reader]) -> list[str]:
    """What the first nodes need, though another node or a later visit writes it: nothing is written before them."""
    edges, given = graph.edge_list(), {*graph.schema.defaults, *graph.schema.private}
    later = {edge.target for edge in edges if edge.source not in (START, edge.target)}
    first = {edge.target for edge in edges if edge.source == START} - later
    needed = (reader for reader in reading if reader.required and reader.node in first and not reader.in_edge)
    return [reader.key for reader in needed if reader.key not in given]


def _led_to(graph: Graph, names: set[str]) -> set[str]:
    """The nodes that one of `names` leads to, at whatever distance."""
    onward: dict[str, list[str]] = {}
    for edge in graph.edge_list() if names else ():
        onward.setdefault(edge.source, []).append(edge.target)
    found: dict[str, None] = {}
    left = list(names)
    while left:
        fresh = [to for to in onward.get(left.pop(), ()) if to not in found]
        found |= dict.fromkeys(fresh)
        left += fresh
    return set(found)


def _optional(graph: Graph, nodes: Mapping[str, Node], reading: list[Reader]) -> tuple[str, ...]:
    """The keys that a run may be given: those with a default in the state, and those that are read and never written.

    Of the latter some have no default: a node of which it is not known what it writes may write them.
    """
    others = {*_required(graph, nodes, reading), *graph.schema.private}
    written = writers(graph, nodes)
    read = (reader.key for reader in reading if reader.key not in written)
    return tuple(key for key in dict.fromkeys((*graph.schema.defaults, *read)) if key not in others)


def signature(graph: Graph) -> inspect.Signature:
    """The inputs of a run as parameters, the required ones first, with their types and defaults where these are known.

    A default stands as `...` where it is made anew for each run, or where a node may write the key itself.
    """
    return inspect.Signature([parameter for parameter, _ in _inputs(graph)])


def describe_inputs(graph: Graph) -> str:
    """The inputs of a run for a person: a line each, such as `topic: str, required, read by draft`."""
    return "\n".join(_described(*each) for each in _inputs(graph)) or f"{graph.name} takes no inputs."


def _inputs(graph: Graph) -> list[tuple[inspect.Parameter, list[Reader]]]:
    """Each input as a parameter, with those who read it, the ones that cannot do without it first."""
    nodes = graph.nodes
    reading = list(readers(graph, nodes))
    by_key: dict[str, list[Reader]] = {}
    for reader in sorted(reading, key=lambda reader: not reader.required):
        by_key.setdefault(reader.key, []).append(reader)
    required = _required(graph, nodes, reading)
    keys = (*required, *_optional(graph, nodes, reading))
    return [(_parameter(graph, key, by_key.get(key, []), key in required), by_key.get(key, [])) for key in keys]


def _parameter(graph: Graph, key: str, reading: list[Reader], needed: bool) -> inspect.Parameter:
    types = (graph.schema.annotations.get(key, UNKNOWN), *(reader.annotation for reader in reading))
    annotation = next((_plain(found) for found in types if found is not UNKNOWN), UNKNOWN)
    default = UNKNOWN if needed else _default(graph, key, reading)
    return inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _plain(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _default(graph: Graph, key: str, reading: list[Reader]) -> Any:
    if key in graph.schema.defaults:
        found = graph.schema.defaults[key]
        return ... if isinstance(found, Fresh) else found
    return ... if reading[0].required else reading[0].default


def _described(parameter: inspect.Parameter, reading: list[Reader]) -> str:
    kind = "" if parameter.annotation is UNKNOWN else f": {spelt(parameter.annotation)}"
    by = dict.fromkeys(f"an edge out of {reader.node}" if reader.in_edge else reader.node for reader in reading)
    return f"{parameter.name}{kind}, {_given(parameter.default)}, read by {', '.join(by) or 'no node'}"


def _given(default: Any) -> str:
    if default is UNKNOWN:
        return "required"
    return "optional" if default is ... else f"{brief(default)} by default"


def checked_inputs(graph: Graph, inputs: Mapping[str, Any], before: Mapping[str, Any] = {}) -> dict[str, Any]:
    """The state before the first node: `before`, which another run has left, and `inputs` over it.

    Raises:
        InputError: one is missing, or none of the graph's nodes and edges knows it.
    """
    nodes = graph.nodes
    reading = list(readers(graph, nodes))
    needed = _required(graph, nodes, reading)
    known = dict.fromkeys((*(reader.key for reader in reading), *graph.schema.keys, *writers(graph, nodes)))
    for key in inputs:
        if not isinstance(key, str) or key not in known:
            raise InputError(
                f"{graph.name} has no input {brief(key)}{nearest(key, known) or '.'} "
                f"It knows {', '.join(known) or 'no key'}, and needs {', '.join(needed) or 'none'}."
            )
    missing = [key for key in needed if key not in inputs and key not in before]
    if missing:
        example = ", ".join(f"{key}=..." for key in needed)
        raise InputError(f"{graph.name} needs the input {', '.join(missing)}: {graph.name}.run({example}).")
    return {**before, **inputs}
