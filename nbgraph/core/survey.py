"""Survey: a graph with what several checks need to know of it, each worked out once; sets of nodes are bit sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property

from nbgraph.core.edges import Statement
from nbgraph.core.graph import END, START, Graph
from nbgraph.core.inputs import readers, writers
from nbgraph.core.loops import Loops, find_loops, reach, reached_by


class Survey:
    """A graph with what several checks need to know of it, each worked out once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.edges = graph.edge_list()
        self.names = graph.names()
        self.writers = writers(graph)
        self.readers = list(readers(graph))
        self._reach: dict[tuple[str, ...], dict[str, int]] = {}
        self._reach_back: dict[tuple[str, ...], dict[str, int]] = {}
        self._beside: dict[str, int] = {}
        self._forward: dict[str, int] | None = None

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
    def choices(self) -> dict[str, list[Statement]]:
        """The guarded statements out of each node: its exclusive choice."""
        found: dict[str, list[Statement]] = {}
        for statement in self.graph.statements:
            if statement.guard.kind in ("if", "else", "by"):
                for source in statement.sources:
                    found.setdefault(source, []).append(statement)
        return found

    @cached_property
    def loops(self) -> Loops:
        """The loops among what START leads to."""
        return find_loops(START, self.successors)

    @cached_property
    def fan_outs(self) -> list[tuple[int, ...]]:
        """For each node that leads to several at once: what each of these leads to, itself too, as bit sets."""
        always: dict[str, dict[str, None]] = {name: {} for name in self.successors}
        for edge in self.edges:
            if edge.kind in ("plain", "always", "each"):
                always[edge.source][edge.target] = None
        groups = list(always.items())
        for source, statements in self.choices.items():
            groups += [(source, always[source] | dict.fromkeys(to)) for each in statements for to in _at_once(each)]
        return [self._spans(source, targets) for source, targets in groups if len(targets) > 1 and source in self.bit]

    def _spans(self, source: str, targets: Iterable[str]) -> tuple[int, ...]:
        reached = self._reached(self.loops.around[source])
        return tuple(reached[target] | self.bit[target] for target in targets if target != END)

    @cached_property
    def bit(self) -> dict[str, int]:
        """The place of each node that START leads to in the bit sets of `reach`."""
        return {name: 1 << index for index, name in enumerate(self.loops.found)}

    def place(self, name: str) -> str:
        """Where a node is declared, or the first edge that names it."""
        if name in self.graph.nodes:
            return self.graph.nodes[name].where
        return self.edge_place(lambda statement: name in (*statement.sources, *statement.targets))

    def edge_place(self, matches: Callable[[Statement], bool]) -> str:
        """Where the first statement that matches is declared."""
        placed = zip(self.graph.statements, self.graph.places(), strict=True)
        return next((place for statement, place in placed if matches(statement)), "")

    def leads_at_first(self, one: str, other: str) -> bool:
        """Whether a path that goes round no loop leads from `one` to `other`: only then can it come first."""
        if self._forward is None:
            self._forward = reach(self.loops.found, self.successors, self.loops.rounds)
        return bool(self._forward[one] & self.bit[other])

    def can_leave(self, name: str, members: Iterable[str]) -> bool:
        """Whether a choice of `name` can lead out of the loop of `members`; a `by` can choose nothing at all."""
        inside = set(members)
        return any(
            statement.guard.kind == "by" or not inside.issuperset(statement.targets)
            for statement in self.choices.get(name, ())
        )

    def _reached(self, nest: tuple[str, ...]) -> dict[str, int]:
        if nest not in self._reach:
            self._reach[nest] = reach(self.loops.found, self.successors, self._rounds(nest))
        return self._reach[nest]

    def _rounds(self, nest: tuple[str, ...]) -> list[tuple[str, str]]:
        return [pair for pair in self.loops.rounds if pair[1] in nest]

    def parallel(self, one: str, other: str) -> bool:
        """Whether both can run at once: neither leads to the other, and some node leads to both over two edges."""
        return one in self.bit and bool(self.meanwhile(one) & self.bit.get(other, 0))

    def meanwhile(self, name: str) -> int:
        """The nodes that can run while `name` does, as a bit set."""
        return self.beside(name) & ~self.reached(name) & ~self._reaching(name) & ~self.bit[name]

    def reached(self, name: str) -> int:
        """The nodes that `name` leads to in the same round of its loops, as a bit set."""
        return self._reached(self.loops.around[name])[name]

    def _reaching(self, name: str) -> int:
        """The nodes that lead to `name` in the same round of its loops, as a bit set."""
        nest = self.loops.around[name]
        if nest not in self._reach_back:
            self._reach_back[nest] = reached_by(self.loops.found, self.successors, self._rounds(nest))
        return self._reach_back[nest][name]

    def beside(self, name: str) -> int:
        """The nodes that some node leads to over one edge and to `name` over another, as a bit set."""
        if name not in self._beside:
            self._beside[name] = self._found_beside(self.bit[name])
        return self._beside[name]

    def _found_beside(self, bit: int) -> int:
        found = 0
        for spans in self.fan_outs:
            apart = [span for span in spans if not span & bit]
            if len(apart) == len(spans):
                continue
            for span in spans if len(spans) - len(apart) > 1 else apart:
                found |= span
        return found


def _at_once(statement: Statement) -> list[tuple[str, ...]]:
    """The targets that one taking of a guarded statement leads to; a `by` is taken to choose one."""
    return [(target,) for target in statement.targets] if statement.guard.kind == "by" else [statement.targets]
