"""Survey: a graph with what several checks need to know of it, each worked out once; sets of nodes are bit sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

from nbgraph.core.edges import Statement
from nbgraph.core.flow import Flow
from nbgraph.core.graph import END, START, Graph
from nbgraph.core.inputs import readers, writers
from nbgraph.core.loops import Loops, find_loops, reach
from nbgraph.core.plan import maps_of
from nbgraph.core.same_round import SameRound, union
from nbgraph.core.ways import Ways, ways_out


class Apart(NamedTuple):
    """A node that leads to several at once, as what these lead to.

    `all` are the nodes that any of them leads to, `twice` those that two or more do; `others` are pairs of the nodes
    that one of them alone leads to, with what the others do.
    """

    all: int
    twice: int
    others: tuple[tuple[int, int], ...]


class Survey:
    """A graph with what several checks need to know of it, each worked out once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.schema = graph.whole_schema()
        self.nodes = graph.nodes
        self.statements = graph.statements
        self.edges = graph.edge_list()
        self.names = graph.names()
        self.maps = maps_of(graph)
        self.writers = writers(graph, self.nodes)
        self.readers = list(readers(graph, self.nodes))
        self.eager = {name: join for name, node in self.nodes.items() if (join := node.join) != "all"}
        self._beside: dict[str, int] = {}
        self._last_writers: dict[str, Mapping[str, int]] = {}

    # Edges

    @cached_property
    def successors(self) -> dict[str, list[str]]:
        """The nodes that each node leads to, END left out."""
        leads: dict[str, list[str]] = {name: [] for name in (START, *self.names)}
        for edge in self.edges:
            if edge.target != END:
                leads[edge.source].append(edge.target)
        return leads

    @cached_property
    def linked(self) -> set[str]:
        """The nodes that some edge names."""
        return {name for edge in self.edges for name in (edge.source, edge.target)}

    @cached_property
    def into(self) -> dict[str, int]:
        """How many edges lead to each node."""
        found: dict[str, int] = {}
        for edge in self.edges:
            found[edge.target] = found.get(edge.target, 0) + 1
        return found

    @cached_property
    def choices(self) -> dict[str, list[Statement]]:
        """The guarded statements out of each node: its exclusive choice."""
        found: dict[str, list[Statement]] = {}
        for statement in self.statements:
            if statement.guard.kind in ("if", "else", "by"):
                for source in statement.sources:
                    found.setdefault(source, []).append(statement)
        return found

    @cached_property
    def ways(self) -> Mapping[str, Ways]:
        """What leads out of each node together."""
        return ways_out((START, *self.names), self.edges, self.choices)

    # Places

    def place(self, name: str) -> str:
        """Where a node is declared, or the first edge that names it."""
        if name in self.nodes:
            return self.nodes[name].where
        return self.edge_place(lambda statement: name in (*statement.sources, *statement.targets))

    def edge_place(self, matches: Callable[[Statement], bool]) -> str:
        """Where the first statement that matches is declared."""
        placed = zip(self.statements, self._places, strict=True)
        return next((place for statement, place in placed if matches(statement)), "")

    @cached_property
    def _places(self) -> tuple[str, ...]:
        return self.graph.places()

    # Loops

    @cached_property
    def loops(self) -> Loops:
        """The loops among what START leads to."""
        return find_loops(START, self.successors)

    @cached_property
    def loops_of_success(self) -> Loops:
        """The loops that can be gone round without a failure."""
        failing = {(edge.source, edge.target) for edge in self.edges if edge.kind == "error"}
        if not failing:
            return self.loops
        onward = {name: [to for to in found if (name, to) not in failing] for name, found in self.successors.items()}
        onward[START] += [target for _, target in failing if target != END]
        return find_loops(START, onward)

    def can_leave(self, members: Iterable[str]) -> bool:
        """Whether a choice can lead out of the loop of `members`; a `by` can choose nothing at all."""
        inside = set(members)
        return any(
            statement.guard.kind == "by" or not inside.issuperset(statement.targets)
            for name in inside
            for statement in self.choices.get(name, ())
        )

    # Who leads to whom

    @cached_property
    def bit(self) -> dict[str, int]:
        """The place of each node that START leads to in the bit sets."""
        return {name: 1 << index for index, name in enumerate(self.loops.found)}

    @cached_property
    def onward(self) -> SameRound:
        """Who leads to whom in one round."""
        return SameRound(self.loops, self.bit, self.successors)

    @cached_property
    def _backward(self) -> SameRound:
        return SameRound(self.loops, self.bit, self.successors, backward=True)

    @cached_property
    def _forward(self) -> dict[str, int]:
        return reach(self.loops.found, self.successors, self.loops.rounds)

    def leads_at_first(self, one: str, other: str) -> bool:
        """Whether a path that goes round no loop leads from `one` to `other`: only then can it come first."""
        return bool(self._forward[one] & self.bit[other])

    def reached(self, name: str) -> int:
        """The nodes that `name` leads to in the same round of its loops, as a bit set."""
        return self.onward.of(name)

    # What is certain

    @cached_property
    def key_bit(self) -> dict[str, int]:
        """The place of each key that some node writes in the bit sets."""
        return {key: 1 << index for index, key in enumerate(self.writers)}

    @cached_property
    def flow(self) -> Flow:
        """What has surely happened before each node."""
        gives = {name: self.gives(name) for name in self.loops.found}
        return Flow(self.loops, self.ways, self.onward, self.eager, gives)

    def gives(self, name: str) -> int:
        """The keys that are there when `name` has succeeded; any, where it may write what its text does not tell."""
        if not self.tells(name):
            return 0 if name == START else -1
        node = self.nodes[name]
        read = () if name in self.maps else [read.key for read in node.reads if read.required]
        return union(self.key_bit.get(key, 0) for key in (*node.writes.keys, *read))

    def writing(self, key: str) -> int:
        """The nodes that are known to write `key`, as a bit set."""
        return union(self.bit[name] for name in self.writers.get(key, ()) if name in self.bit)

    def last_writers(self, key: str) -> Mapping[str, int]:
        """The nodes that may have been the last to write `key` before each node, as bit sets; START for none."""
        if key not in self._last_writers:
            uncertain = (name for name in self.bit if name != START and not self.tells(name))
            may_write = union(self.bit[name] for name in uncertain)
            self._last_writers[key] = self.flow.last_writers(self.writing(key), may_write)
        return self._last_writers[key]

    def tells(self, name: str) -> bool:
        """Whether all that a node writes is known."""
        return name in self.nodes and self.nodes[name].writes.certain

    def names_in(self, found: int) -> list[str]:
        """The nodes in a bit set, in order of discovery."""
        names = []
        while found:
            low = found & -found
            found ^= low
            names.append(self.loops.found[low.bit_length() - 1])
        return names

    # What can run at once

    @cached_property
    def fan_outs(self) -> list[Apart]:
        """Each node that leads to several at once."""
        spans = (
            tuple(self.onward.of(to, self.loops.around[source]) | self.bit[to] for to in targets if to != END)
            for source, ways in self.ways.items()
            if source in self.bit
            for targets in ways.together()
            if len(targets) > 1
        )
        return [_apart(each) for each in dict.fromkeys(spans)]

    def parallel(self, one: str, other: str) -> bool:
        """Whether both can run at once: neither leads to the other, and some node leads to both over two edges."""
        return one in self.bit and bool(self.meanwhile(one) & self.bit.get(other, 0))

    def meanwhile(self, name: str) -> int:
        """The nodes that can run while `name` does, as a bit set."""
        return self.beside(name) & ~self.reached(name) & ~self._backward.of(name) & ~self.bit[name]

    def beside(self, name: str) -> int:
        """The nodes that some node leads to over one edge and to `name` over another, as a bit set."""
        if name not in self._beside:
            self._beside[name] = self._found_beside(self.bit[name])
        return self._beside[name]

    def _found_beside(self, bit: int) -> int:
        found = 0
        for all, twice, others in self.fan_outs:
            if bit & twice:
                found |= all
            elif bit & all:
                found |= next(rest for alone, rest in others if alone & bit)
        return found


def _apart(spans: tuple[int, ...]) -> Apart:
    all = twice = 0
    before = []  # of each span: what those before it lead to
    for span in spans:
        before.append(all)
        twice |= all & span
        all |= span
    others, after = [], 0
    for span, earlier in zip(reversed(spans), reversed(before), strict=True):
        others.append((span & ~twice, earlier | after))
        after |= span
    return Apart(all, twice, tuple(others))
