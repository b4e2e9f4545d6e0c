"""Subgraph nodes: a graph used as a node of another, with a state of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nbgraph.core.context import Context
from nbgraph.core.graph import END, Graph, Node, declared_in
from nbgraph.core.inputs import readers, required_keys, writers
from nbgraph.core.names import check_name
from nbgraph.core.policies import PLAIN, Join, Policy
from nbgraph.core.signature import Read, Writes
from nbgraph.errors import DeclarationError, nearest

LIMIT = 1000


class SubgraphBody:
    """Walks the graph with what it reads as inputs, and gives what it hands out.

    Both mappings are read like assignments: `reads` gives our key for its input, `writes` its key for ours.
    """

    blocking = False

    def __init__(self, graph: Graph, reads: Mapping[str, str], writes: Mapping[str, str], limit: int) -> None:
        self.graph, self.reads, self.writes, self.limit = graph, reads, writes, limit

    async def __call__(self, arguments: dict[str, Any], context: Context) -> dict[str, Any]:
        inputs = {inner: arguments[outer] for inner, outer in self.reads.items() if outer in arguments}
        state = await context.walk(self.graph, inputs, self.limit)
        return {outer: state[inner] for outer, inner in self.writes.items() if inner in state}


def subgraph_node(
    graph: Graph,
    *,
    name: str | None = None,
    reads: Mapping[str, str] | None = None,
    writes: str | Iterable[str] | Mapping[str, str] | None = None,
    limit: int = LIMIT,
    policy: Policy = PLAIN,
    join: Join = "all",
) -> Node:
    """The node that runs `graph`.

    Args:
        name: the node's name; the graph's own by default.
        reads: our key for an input of the graph, as `{"question": "topic"}`; an input that is not named has our key
            of its own name.
        writes: what the graph hands out: keys of it, or for keys of ours those of it, as `{"notes": "findings"}`; by
            default what the nodes that lead to its END write.
        limit: its steps until the run is paused.

    Raises:
        DeclarationError: it names inputs or keys that the graph does not have.
    """
    called, source = check_name(name or graph.name, "node"), declared_in.get()

    latest: list[tuple[object, Node]] = []

    def now() -> Node:
        """The node as the graph is declared now; made anew only when that has changed."""
        version = graph.declared_so_far()
        if not latest or latest[0][0] != version:
            latest[:] = [(version, made())]
        return latest[0][1]

    def made() -> Node:
        required = required_keys(graph)
        given = _given(graph, required, reads or {})
        handed = _handed(graph, writes)
        return Node(
            name=called,
            kind="subgraph",
            body=SubgraphBody(graph, given, handed, limit),
            reads=tuple(Read(outer, inner in required) for inner, outer in given.items()),
            writes=Writes(tuple(handed), writes is not None or _certain(graph)),
            code="\n".join((*map(str, graph.statements), *_told("reads", given), *_told("writes", handed))),
            source=source,
            policy=policy,
            join=join,
            inner=graph,
            now=now,
        )

    _check(graph, reads or {}, writes)
    return now()


def _told(what: str, mapping: Mapping[str, str]) -> list[str]:
    """The keys that have another name here, each as `ours=its`; as a comment below the edges."""
    pairs = [f"{key}={value}" for key, value in mapping.items() if key != value]
    return [f"# {what} {', '.join(pairs)}"] if pairs else []


def _given(graph: Graph, required: Iterable[str], reads: Mapping[str, str]) -> dict[str, str]:
    """Our key for each input of the graph: those that it needs, and those that it reads and nothing in it writes."""
    written, private = writers(graph), graph.schema.private
    optional = (reader.key for reader in readers(graph) if reader.key not in written and reader.key not in private)
    inputs = dict.fromkeys((*required, *optional, *reads))
    return {inner: reads.get(inner, inner) for inner in inputs}


def _handed(graph: Graph, writes: str | Iterable[str] | Mapping[str, str] | None) -> dict[str, str]:
    """The graph's key for each of ours that it writes."""
    if isinstance(writes, Mapping):
        return dict(writes)
    if writes is not None:
        return {key: key for key in ((writes,) if isinstance(writes, str) else writes)}
    nodes = graph.nodes
    last = dict.fromkeys(edge.source for edge in graph.edge_list() if edge.target == END)
    return {key: key for name in last if name in nodes for key in nodes[name].writes.keys}


def _certain(graph: Graph) -> bool:
    nodes = graph.nodes
    last = (edge.source for edge in graph.edge_list() if edge.target == END)
    return all(nodes[name].writes.certain for name in last if name in nodes)


def _check(graph: Graph, reads: Mapping[str, str], writes: Any) -> None:
    for outer in reads.values():
        check_name(outer, "key")
    for outer in writes if isinstance(writes, Mapping) else ():
        check_name(outer, "key")
    if not graph.statements:  # it may be written later
        return
    known = dict.fromkeys((*(reader.key for reader in readers(graph)), *graph.schema.keys))
    for inner in reads:
        if inner not in known:
            raise DeclarationError(f"{graph.name} reads no key {inner!r}{nearest(inner, known) or '.'}")
    made = dict.fromkeys((*writers(graph), *known))
    uncertain = any(not node.writes.certain for node in graph.nodes.values())
    for inner in _handed(graph, writes).values() if writes is not None and not uncertain else ():
        if inner not in made:
            raise DeclarationError(f"{graph.name} writes no key {inner!r}{nearest(inner, made) or '.'}")
