"""The choice a finished task makes: which of its node's edges are taken, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from nbgraph.core.events import Taken
from nbgraph.core.plan import Candidate, Edge, Exits, Routing, Stamp
from nbgraph.core.signature import Read, in_signature
from nbgraph.errors import MissingKey, RoutingError, brief, nearest

Counted = Mapping[tuple[int, str], tuple[Stamp, int]]
"""How often a source took a limited statement, by both, with the stamp at which its loop was entered."""


class Choice(NamedTuple):
    """The edges taken, how they are told, and the counts of limited statements after it."""

    edges: tuple[Edge, ...]
    taken: tuple[Taken, ...]
    counted: Counted


def choose(exits: Exits, node: str, stamp: Stamp, values: Mapping[str, Any], counted: Counted) -> Choice:
    """What a task of `node` takes: the edges that are always taken, and the first candidate that applies.

    Raises:
        MissingKey, ConditionFailed, RoutingError: the choice cannot be made.
    """
    for candidate in exits.choice:
        place, entry = (candidate.statement, node), stamp[: candidate.scope]
        count = 0 if candidate.limit is None else _count(counted.get(place), entry)
        if candidate.limit is not None and count >= candidate.limit:
            continue
        edges, reason = _offered(candidate, node, values)
        if edges is None:
            continue
        if candidate.limit is not None and edges:
            counted = {**counted, place: (entry, count + 1)}
            reason += f", {count + 1} of {candidate.limit}"
        chosen = tuple([Taken(edge.place, edge.source, edge.target, reason) for edge in edges])
        return Choice(exits.always + edges, exits.taken + chosen, counted)
    return Choice(exits.always, exits.taken, counted)


def counted_again(exits: Exits, node: str, stamp: Stamp, taken: Iterable[Edge], counted: Counted) -> Counted:
    """The counts of limited statements after a choice that was made before."""
    places = {edge.place for edge in taken}
    for candidate in exits.choice:
        if candidate.limit is not None and any(edge.place in places for edge in candidate.edges):
            place, entry = (candidate.statement, node), stamp[: candidate.scope]
            counted = {**counted, place: (entry, _count(counted.get(place), entry) + 1)}
    return counted


def _count(counted: tuple[Stamp, int] | None, entry: Stamp) -> int:
    """How often since its loop was entered at `entry`; a later entry starts again."""
    return counted[1] if counted and counted[0] == entry else 0


def _offered(candidate: Candidate, node: str, values: Mapping[str, Any]) -> tuple[tuple[Edge, ...] | None, str]:
    """The edges of `candidate` that apply, or None where the choice goes on to the next one, and the reason."""
    if candidate.routing is not None:
        return _routed(candidate, candidate.routing, node, values)
    if candidate.condition is None:
        return candidate.edges, "else"
    if not candidate.condition.holds(values):
        return None, ""
    return candidate.edges, candidate.condition.explain(values)


def _routed(
    candidate: Candidate, routing: Routing, node: str, values: Mapping[str, Any]
) -> tuple[tuple[Edge, ...] | None, str]:
    chosen = _route(routing, node, values)
    if chosen is None and not candidate.last:
        return None, ""
    names = chosen if isinstance(chosen, list | tuple) else [chosen]
    edges = {edge.target: edge for edge in candidate.edges}
    for name in names:
        if not isinstance(name, str) or name not in edges:
            raise RoutingError(_nowhere(node, routing, name, edges))
    return tuple(edges[name] for name in dict.fromkeys(names)), f"{routing.text}: {', '.join(names) or 'nothing'}"


def _nowhere(node: str, routing: Routing, name: Any, edges: Mapping[str, Edge]) -> str:
    alike = nearest(name, edges)
    if name is None:
        alike = "; an else beside it would serve None, and an empty list ends the branch."
    return (
        f"{node} chose {brief(name)} ({routing.text}), and no edge leads there{alike or '.'} "
        f"It can go to {', '.join(edges)}."
    )


def _route(routing: Routing, node: str, values: Mapping[str, Any]) -> Any:
    if routing.function is not None:
        return routing.function(**arguments(node, routing.text, routing.reads, values))
    if routing.key is None or routing.key not in values:
        raise MissingKey(f"{node} goes on {routing.text}, and nothing has set the key {routing.key!r}.")
    return values[routing.key]


def arguments(
    node: str,
    reader: str,
    reads: Iterable[Read],
    values: Mapping[str, Any],
    default_for: Callable[[str], str] = in_signature,
) -> dict[str, Any]:
    """The values of the keys that `reader` reads at `node`; a key with a default may be absent.

    `default_for` tells where a default for a key is written.

    Raises:
        MissingKey: a required key was set by nothing on the paths that led here.
    """
    given = {}
    for read in reads:
        if read.key in values:
            given[read.key] = values[read.key]
        elif read.required:
            raise MissingKey(
                f"{reader} needs the key {read.key!r}, and nothing on the way to {node} has set it"
                f"{nearest(read.key, values) or '.'} Give it as an input of the run, or {default_for(read.key)}."
            )
    return given
