"""Structure: a graph as data, so that a stored run goes on by the edges it began with, whatever was declared since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from nbgraph.core.graph import Graph, Node
from nbgraph.core.plan import Plan, compile
from nbgraph.core.policies import checked_join
from nbgraph.core.records import NodeRecord, Structure
from nbgraph.core.reducers import BUILT_IN, Reducer
from nbgraph.core.signature import Writes
from nbgraph.errors import GraphChanged


def described(plan: Plan) -> Structure:
    """The graph that `plan` was compiled from, as data."""
    names = [name for name in plan.order if name in plan.nodes]
    return Structure(
        plan.name,
        tuple(map(str, plan.shape[0])),
        tuple(
            NodeRecord(name, plan.nodes[name].kind, plan.nodes[name].join, digest(plan.nodes[name])) for name in names
        ),
        {key: getattr(reducer, "__name__", "") for key, reducer in plan.schema.reducers.items()},
        {name: described(inner) for name, inner in plan.inner.items()},
    )


def digest(node: Node) -> str:
    """A fingerprint of what a node does: 8 hex digits of SHA-256 over its source, and that of all within a subgraph."""
    if isinstance(node.body, GoneBody):
        return node.body.digest
    return _digest(node.whole_code)


@lru_cache(maxsize=1000)
def _digest(code: str) -> str:
    import hashlib  # only runs need it

    return hashlib.sha256(code.encode(errors="replace")).hexdigest()[:8]


def planned(structure: Structure, graph: Graph, renamed: Mapping[str, str]) -> Plan:
    """The plan of a stored run: its edges, with the nodes as `graph` has them now.

    A node that is gone gets a body that says so when it is called.

    Args:
        renamed: for names of the stored run, those that the nodes have now.

    Raises:
        GraphChanged: a name in `renamed` is known to neither.
    """
    stand_in = _stand_in(structure, graph, renamed)
    return replace(compile(stand_in, stand_in.outlined()), renamed=dict(renamed))


def _stand_in(structure: Structure, graph: Graph, renamed: Mapping[str, str]) -> Graph:
    """A graph with the edges of `structure` and the nodes of `graph`."""
    made, nodes = Graph(structure.name, lookup=graph.lookup), graph.nodes
    known = [each.name for each in structure.nodes]
    for old, new in renamed.items():
        if old not in known or new not in nodes:
            raise GraphChanged(_wrong_name(structure, graph, old, new))
    functions = [each.guard.function for each in graph.statements if each.guard.function]
    calls = {name: graph.function(name) for name in functions}
    made.add_edges("\n".join(structure.edges), {name: call for name, call in calls.items() if call is not None})
    made.schema = graph.schema._replace(reducers=_reducers(structure, graph))
    for record in structure.nodes:
        node = nodes.get(renamed.get(record.name, record.name)) or _gone(structure.name, record)
        known_inner = structure.inner.get(record.name)  # what was walked then is walked in a replay, whatever it is now
        inner = None if known_inner is None else _stand_in(known_inner, node.inner or Graph(known_inner.name), {})
        if inner is not None:
            inner.toolbox = record.kind == "agent"
        join = checked_join(record.name, record.join)
        made.declared[record.name] = replace(node, name=record.name, join=join, now=None, inner=inner)
    return made


def _reducers(structure: Structure, graph: Graph) -> dict[str, Reducer]:
    """Those of the graph as it is now; a key that has lost one keeps it where it is built in."""
    found: dict[str, Reducer] = {}
    for key, name in structure.reducers.items():
        reducer = graph.schema.reducers.get(key) or BUILT_IN.get(name)
        if reducer is None:
            raise GraphChanged(
                f"the key {key!r} of the stored run has the reducer {name}, and {graph.name} declares none for it any "
                f"more, so what it holds cannot be told. Declare {key!r} with {name} again."
            )
        found[key] = reducer
    return {**found, **graph.schema.reducers}


def _wrong_name(structure: Structure, graph: Graph, old: str, new: str) -> str:
    if old not in [each.name for each in structure.nodes]:
        return f"the stored run has no node {old!r}; its nodes are {', '.join(each.name for each in structure.nodes)}."
    return f"{graph.name} has no node {new!r} that could take the place of {old!r}."


class GoneBody:
    """What is left of a node that the graph does not declare any more."""

    blocking = False

    def __init__(self, graph: str, record: NodeRecord) -> None:
        self.graph, self.name, self.digest = graph, record.name, record.digest

    async def __call__(self, arguments: dict[str, Any], context: Any) -> Any:
        raise GraphChanged(missing_sentence(self.graph, (self.name,)), (self.name,))


def _gone(graph: str, record: NodeRecord) -> Node:
    return Node(record.name, record.kind, GoneBody(graph, record), writes=Writes((), False))


def missing_sentence(graph: str, names: tuple[str, ...]) -> str:
    """What to do about nodes that a stored run needs and that are gone."""
    listed, first = ", ".join(names), names[0]
    return (
        f"{graph} declares no {listed} any more, and the stored run is about to call it. Declare it again; or let "
        f'another node take its place, graph.resume(run_id, rename={{"{first}": "new_name"}}); or fork the run before '
        f"that step, or leave it and delete it."
    )


def changes(before: Structure, now: Structure) -> list[str]:
    """Sentences on what has changed between a stored run's graph and the graph as it is now."""
    told = []
    old, new = {each.name: each for each in before.nodes}, {each.name: each for each in now.nodes}
    changed = [name for name in old if name in new and old[name].digest != new[name].digest]
    if changed:
        told.append(f"{', '.join(changed)} changed since; what is still to run runs as it is now.")
    return told
