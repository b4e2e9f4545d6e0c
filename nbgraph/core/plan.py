"""Plan: a graph compiled to what the scheduler needs; a run keeps the plan it started with.

Static here: the loops around each node, who reaches whom without going round, what each node's edges offer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any, NamedTuple

from nbgraph.core.conditions import Condition
from nbgraph.core.edges import Guard, Statement
from nbgraph.core.events import Taken
from nbgraph.core.graph import END, START, Graph, Node
from nbgraph.core.loops import Loops, Successors, find_loops, reach
from nbgraph.core.outline import Outline, OutlineEdge
from nbgraph.core.policies import Join
from nbgraph.core.signature import Read, read_keys
from nbgraph.core.state import Schema

Stamp = tuple[int, ...]


class Edge(NamedTuple):
    """One edge: where it leads and what following it does to a stamp.

    `kept` counters of the source's stamp stay. A `rounds` edge adds one to the last of them; else `entered` zeros
    follow, one for each loop that the edge enters. `place` is that of the edge in the outline.
    """

    source: str
    target: str
    place: int
    kept: int
    rounds: bool
    entered: Stamp


class Routing(NamedTuple):
    """How a `by` edge finds its targets: the value of `key`, or what `function` returns for the keys it reads."""

    text: str
    key: str | None
    function: Callable[..., Any] | None
    reads: tuple[Read, ...]


class Candidate(NamedTuple):
    """One candidate of a node's exclusive choice.

    It holds a condition (`if`), a routing (`by`), or neither (`else`). `limit` takings are allowed each time the loop
    at depth `scope` is entered; `statement` is what is counted; after the `last` one there is no other.
    """

    edges: tuple[Edge, ...]
    condition: Condition | None
    routing: Routing | None
    limit: int | None
    scope: int
    statement: int
    last: bool = False


class Exits(NamedTuple):
    """What leads out of a node: edges that are always taken (and how they are told), and one exclusive choice.

    `errors` are the edges that a failed task takes instead.
    """

    always: tuple[Edge, ...]
    taken: tuple[Taken, ...]
    choice: tuple[Candidate, ...]
    errors: tuple[Edge, ...] = ()


class Each(NamedTuple):
    """A map: the node is called once for each element of `key`, given to it as `item`."""

    key: str
    item: str


@dataclass(frozen=True, eq=False)
class Plan:
    """A compiled graph: `order` is each node's declaration index; plans of one `shape` have the same edges.

    `eager` are the nodes that join "any" or "first", and so wait for nothing; `told_errors` those that error edges lead
    to; `inner` the plans of the subgraphs; `first` is the index of the first edge in the outline of the whole run.
    `renamed` gives for names of a stored run those that the graph has for these nodes now.
    """

    name: str
    nodes: Mapping[str, Node]
    order: Mapping[str, int]
    exits: Mapping[str, Exits]
    maps: Mapping[str, Each]
    eager: Mapping[str, Join]
    told_errors: frozenset[str]
    inner: Mapping[str, Plan]
    first: int
    schema: Schema
    outline: Outline
    loops: Loops
    shape: tuple[tuple[Statement, ...], tuple[OutlineEdge, ...]]
    forward: Mapping[tuple[str, ...], Mapping[str, int]]
    place: Mapping[str, int]
    shared: dict[tuple[str, str], int] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)

    def follow(self, edge: Edge, stamp: Stamp) -> Stamp:
        """The stamp of what arrives over `edge` from a task with `stamp`."""
        if edge.rounds:
            return (*stamp[: edge.kept - 1], stamp[edge.kept - 1] + 1)
        return stamp[: edge.kept] + edge.entered

    def could_lead(self, active: str, stamp: Stamp, to: str, at: Stamp) -> bool:
        """Whether a task of `active` at `stamp` could still lead to one of `to` at stamp `at`."""
        if not self.forward[()][active] >> self.place[to] & 1:
            return False  # not even over the edges that go round
        depth = self.shared.get((active, to))
        if depth is None:
            depth = self.shared[active, to] = shared_depth(self.loops.around[active], self.loops.around[to])
        mine, yours = stamp[:depth], at[:depth]
        if mine != yours:
            return mine < yours
        heads = self.loops.around[active][:depth]
        return bool(self.forward[heads][active] >> self.place[to] & 1)

    def loop_of(self, name: str) -> tuple[str, ...]:
        """The members of the innermost loop around `name`, in order of discovery; empty outside loops."""
        heads = self.loops.around[name]
        if not heads:
            return ()
        return tuple(other for other in self.loops.found if self.loops.around[other][: len(heads)] == heads)


def shared_depth(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """How many loops, from the outermost inwards, hold both nodes."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def compile(graph: Graph, outline: Outline, first: int = 0) -> Plan:
    """The plan of `graph`; the caller has made sure that the graph has no problem that keeps it from running.

    Args:
        outline: what a picture of it needs.
        first: the index of its first edge in the outline of the whole run.
    """
    listed, nodes = graph.edge_list(), dict(graph.nodes)
    names = (START, *graph.names())
    successors: dict[str, list[str]] = {name: [] for name in names}
    for edge in listed:
        if edge.target != END:
            successors[edge.source].append(edge.target)
    loops = find_loops(START, successors)
    compiled = {
        index: _edge(first + index, edge, loops) for index, edge in enumerate(listed) if edge.source in loops.around
    }
    return Plan(
        name=graph.name,
        nodes=nodes,
        order={name: index for index, name in enumerate(names)},
        exits=_exits(graph, compiled, loops),
        maps=maps_of(graph),
        eager={name: node.join for name, node in nodes.items() if node.join != "all"},
        told_errors=frozenset(edge.target for edge in listed if edge.kind == "error"),
        inner=_inner(graph, nodes, first + len(listed)),
        first=first,
        schema=graph.whole_schema(),
        outline=outline,
        loops=loops,
        shape=_shape(graph),
        forward=_forward(loops, successors),
        place={name: index for index, name in enumerate(loops.found)},
    )


def askers(plan: Plan, lead: str = "") -> list[str]:
    """The names under which people may be asked in a run: of nodes, and of the tools that need approval in them."""
    own = [(lead + name, getattr(node.body, "asks", ())) for name, node in plan.nodes.items()]
    names = [name for node, tools in own for name in (node, *(f"{node}.{tool}" for tool in tools))]
    return names + [name for inner, each in plan.inner.items() for name in askers(each, f"{lead}{inner}/")]


def _inner(graph: Graph, nodes: Mapping[str, Node], first: int) -> dict[str, Plan]:
    """The plans of the subgraphs; their edges follow those of `graph` in the outline of the whole."""
    plans = {}
    for name, inner in graph.subgraphs(nodes):
        outline = inner.outlined()
        plans[name] = compile(inner, outline, first)
        first += len(outline.edges)
    return plans


def _shape(graph: Graph) -> tuple[tuple[Statement, ...], tuple[OutlineEdge, ...]]:
    return (graph.statements, graph.edge_list()[-1:])


def refreshed(plan: Plan, graph: Graph) -> tuple[Plan, str]:
    """The plan of a run that goes on: nodes and reducers as `graph` has them now, edges and joins as they were.

    What the graph no longer declares stays as it was. Returns with the plan a sentence for the person where the edges
    have changed since, else an empty string.
    """
    nodes = _nodes_now(plan, graph)
    uses = ((name, kept, nodes[name].inner) for name, kept in plan.inner.items())
    followed = {name: refreshed(kept, used) for name, kept, used in uses if used is not None}
    told = " ".join(notice for _, notice in followed.values() if notice)
    if _shape(graph) == plan.shape:
        base = compile(graph, graph.outlined(plan.outline.notes), plan.first)
    else:
        base, kept = plan, "have changed; this run keeps those it began with. A new run uses the new ones."
        told = f"the edges of {plan.name} {kept} {told}".rstrip()
    inner = {**base.inner, **plan.inner, **{name: each for name, (each, _) in followed.items()}}
    for name in plan.order:  # functions that are graphs now
        if name not in inner and name in nodes and (made := nodes[name].inner) is not None:
            inner[name] = compile(made, made.outlined(), plan.first + len(base.outline.edges))
    old, new = plan.schema, graph.whole_schema()
    schema = new._replace(reducers={**old.reducers, **new.reducers}, private={**old.private, **new.private})
    outline = plan.outline if told else base.outline
    base = replace(base, eager=plan.eager, renamed=plan.renamed)
    return replace(base, nodes=nodes, schema=schema, inner=inner, outline=outline), told


def _nodes_now(plan: Plan, graph: Graph) -> dict[str, Node]:
    now, before = graph.nodes, plan.nodes
    nodes = {**before, **now, **{old: now[new] for old, new in plan.renamed.items() if new in now}}
    return {
        name: node
        if name not in before or (node.name, node.join) == (name, before[name].join)
        else replace(node, name=name, join=before[name].join, now=None)
        for name, node in nodes.items()
    }


def maps_of(graph: Graph) -> dict[str, Each]:
    """The mapped nodes of `graph`, with what each is mapped over."""
    return {
        target: Each(str(statement.guard.key), str(statement.guard.item))
        for statement in graph.statements
        if statement.guard.kind == "each"
        for target in statement.targets
    }


def _edge(index: int, edge: OutlineEdge, loops: Loops) -> Edge:
    if edge.target == END:
        return Edge(edge.source, END, index, 0, False, ())
    source, target = loops.around[edge.source], loops.around[edge.target]
    if (edge.source, edge.target) in loops.rounds:
        return Edge(edge.source, edge.target, index, len(target), True, ())
    kept = shared_depth(source, target)
    return Edge(edge.source, edge.target, index, kept, False, (0,) * (len(target) - kept))


def _forward(loops: Loops, successors: Successors) -> dict[tuple[str, ...], dict[str, int]]:
    """Who reaches whom, for each nest of loops, without the round edges of the loops in it."""
    nests = {heads[:depth] for heads in loops.around.values() for depth in range(len(heads) + 1)}
    return {nest: reach(loops.found, successors, (pair for pair in loops.rounds if pair[1] in nest)) for nest in nests}


def _exits(graph: Graph, compiled: Mapping[int, Edge], loops: Loops) -> dict[str, Exits]:
    always: dict[str, dict[str, Edge]] = {name: {} for name in loops.around}
    errors: dict[str, dict[str, Edge]] = {name: {} for name in loops.around}
    choices: dict[str, list[Candidate]] = {name: [] for name in loops.around}
    index = 0
    for number, statement in enumerate(graph.statements):
        for source in statement.sources:
            offered = tuple(
                compiled[place] for place in range(index, index + len(statement.targets)) if place in compiled
            )
            index += len(statement.targets)
            if not offered:
                continue
            kind = statement.guard.kind
            if kind in ("plain", "always", "each", "error"):
                group = errors if kind == "error" else always
                group[source] |= {edge.target: edge for edge in offered}
            else:
                choices[source].append(_candidate(graph, number, statement, offered, loops))
    if index in compiled:  # the start that is not written
        always[START][compiled[index].target] = compiled[index]
    return {name: _exit(always[name].values(), choices[name], errors[name].values()) for name in loops.around}


def _exit(always: Iterable[Edge], choice: list[Candidate], errors: Iterable[Edge]) -> Exits:
    taken = tuple(Taken(edge.place, edge.source, edge.target, "") for edge in always)
    ordered = sorted(choice, key=_is_else)
    last = tuple(each._replace(last=each is ordered[-1]) for each in ordered)
    return Exits(tuple(always), taken, last, tuple(errors))


def _is_else(candidate: Candidate) -> bool:
    """Whether it is the `else`, which comes after all others wherever it was written."""
    return candidate.condition is None and candidate.routing is None


def _candidate(graph: Graph, number: int, statement: Statement, offered: tuple[Edge, ...], loops: Loops) -> Candidate:
    guard = statement.guard
    around = loops.around[offered[0].source]
    inside = [shared_depth(around, loops.around[edge.target]) for edge in offered if edge.target != END]
    scope = max(min(inside, default=0) - 1, 0)
    routing = _routing(graph, guard) if guard.kind == "by" else None
    return Candidate(offered, guard.condition, routing, statement.limit, scope, number)


def _routing(graph: Graph, guard: Guard) -> Routing:
    if guard.function is None:
        return Routing(f"by {guard.key}", guard.key, None, ())
    function = graph.function(guard.function)
    reads = read_keys(function) if function else ()
    return Routing(f"by {guard.function}()", None, function, reads)
