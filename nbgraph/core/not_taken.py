"""Not taken: why an edge of a run was not taken when its source finished last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from nbgraph.core.graph import START
from nbgraph.core.plan import Candidate, Edge, Exits, Plan
from nbgraph.core.scheduler import Advance
from nbgraph.errors import NbgraphError, brief


class Seen(Protocol):
    """What is asked of a walk: what it began with, and what came of each node's last task."""

    @property
    def plan(self) -> Plan: ...
    @property
    def inputs(self) -> Mapping[str, Any]: ...
    @property
    def latest(self) -> Mapping[str, Advance]: ...


def not_taken(walk: Seen, node: str) -> Iterator[str]:
    """A sentence for each edge to the node, where its source did not take it when it finished last."""
    for source, exits in walk.plan.exits.items():
        took = source in walk.latest and node in [edge.target for edge in walk.latest[source].taken]
        for edge in () if took else edges_of(exits):
            if edge.target == node and (reason := why_not(walk, source, edge.place)):
                guard = " on error" if edge in exits.errors else ""
                yield f"{source} -> {node}{guard} {reason}."


def edges_of(exits: Exits) -> list[Edge]:
    """All edges that lead out of a node."""
    return [*exits.errors, *exits.always, *(edge for candidate in exits.choice for edge in candidate.edges)]


def why_not(walk: Seen, source: str, place: int, over: bool = False) -> str:
    """Why the edge of `source` with that place in the outline was not taken, as what follows its name in a sentence.

    Args:
        over: whether the run has ended, so that nothing is waited for.
    """
    exits = walk.plan.exits[source]
    if any(edge.place == place for edge in exits.errors):
        return f"is taken when {source} fails"
    if source not in walk.latest and source != START:
        return f"was not taken: {source} never finished" if over else f"waits for {source}, which has not finished"
    for candidate in exits.choice:
        if any(edge.place == place for edge in candidate.edges):
            return _candidate(walk, source, candidate)
    return ""


def _candidate(walk: Seen, source: str, candidate: Candidate) -> str:
    """Why one candidate of a choice was not taken."""
    values = walk.inputs if source == START else walk.latest[source].values
    if candidate.routing is not None:
        key = candidate.routing.key
        return f"was not taken: {candidate.routing.text} chose {brief(values.get(key)) if key else 'another'}"
    if candidate.condition is None:
        return "was not taken: a condition before its else held"
    try:
        held, explained = candidate.condition.holds(values), candidate.condition.explain(values)
    except NbgraphError as error:
        return f"was not taken: {error}".rstrip(".")
    if not held:
        return f"was not taken: {explained} does not hold"
    spent = f"its max {candidate.limit} was spent" if candidate.limit else "one before it was"
    return f"was not taken: {explained}, but {spent}"
