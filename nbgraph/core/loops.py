"""Loops of a graph as nested strongly connected components, and who reaches whom without going round.

The nesting is Bourdoncle's ("Efficient chaotic iteration strategies with widenings", 1993). Everything is iterative:
a chain of a thousand nodes must not meet the recursion limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

Successors = Mapping[str, Sequence[str]]


class Loops(NamedTuple):
    """The loops of a graph.

    `around` maps a node to the heads of the loops around it, outermost first; `rounds` are the edges that go round a
    loop, which are those into its head from inside; `found` is every node in the order of discovery from START.
    """

    around: Mapping[str, tuple[str, ...]]
    rounds: frozenset[tuple[str, str]]
    found: tuple[str, ...]


def find_loops(start: str, successors: Successors) -> Loops:
    """The loops among the nodes that `start` leads to: breadth first, in declaration order."""
    found = discover(start, successors)
    rank = {name: index for index, name in enumerate(found)}
    around: dict[str, tuple[str, ...]] = dict.fromkeys(found, ())
    rounds: set[tuple[str, str]] = set()
    left = [(list(found), {name: list(successors[name]) for name in found})]
    while left:
        members, inner = left.pop()
        for component in components(members, inner):
            if len(component) == 1 and component[0] not in inner[component[0]]:
                continue
            head = min(component, key=rank.__getitem__)
            inside = set(component)
            for name in component:
                around[name] += (head,)
            rounds |= {(name, head) for name in component if head in inner[name]}
            rest = sorted(inside - {head}, key=rank.__getitem__)
            left.append((rest, {name: [to for to in inner[name] if to in inside and to != head] for name in rest}))
    return Loops(around, frozenset(rounds), found)


def discover(start: str, successors: Successors) -> tuple[str, ...]:
    """Every node that `start` leads to, itself first, breadth first."""
    found = {start: None}
    queue = [start]
    for name in queue:
        fresh = [to for to in dict.fromkeys(successors[name]) if to not in found]
        found |= dict.fromkeys(fresh)
        queue += fresh
    return tuple(found)


def components(members: Sequence[str], successors: Successors) -> list[list[str]]:
    """Strongly connected components among `members` (Tarjan 1972, with a stack of its own)."""
    within = set(members)
    search = _Search(within, successors)
    for name in members:
        if name not in search.low:
            search.visit(name)
    return search.components


class _Search:
    def __init__(self, within: set[str], successors: Successors) -> None:
        self.within, self.successors = within, successors
        self.index: dict[str, int] = {}
        self.low: dict[str, int] = {}
        self.path: list[str] = []
        self.on_path: set[str] = set()
        self.components: list[list[str]] = []

    def visit(self, root: str) -> None:
        stack = [(root, iter(self._enter(root)))]
        while stack:
            name, targets = stack[-1]
            fresh = next((to for to in targets if self._meet(name, to)), None)
            if fresh is not None:
                stack.append((fresh, iter(self._enter(fresh))))
                continue
            stack.pop()
            if stack:
                above = stack[-1][0]
                self.low[above] = min(self.low[above], self.low[name])
            if self.low[name] == self.index[name]:
                self.components.append(self._leave(name))

    def _enter(self, name: str) -> list[str]:
        self.index[name] = self.low[name] = len(self.index)
        self.path.append(name)
        self.on_path.add(name)
        return [to for to in self.successors[name] if to in self.within]

    def _meet(self, name: str, to: str) -> bool:
        """Whether `to` is new; one on the path lowers `name`."""
        if to in self.on_path:
            self.low[name] = min(self.low[name], self.index[to])
        return to not in self.index

    def _leave(self, name: str) -> list[str]:
        place = self.path.index(name)
        component = self.path[place:]
        del self.path[place:]
        self.on_path.difference_update(component)
        return component


def reach(nodes: Sequence[str], successors: Successors, cut: Iterable[tuple[str, str]] = ()) -> dict[str, int]:
    """Who reaches whom over one edge or more, without the edges in `cut`, as bit sets over the positions in `nodes`.

    `nodes` in order of discovery: then most edges lead forward and few passes are needed.
    """
    onward = _without(nodes, successors, cut)
    return _closed({name: 1 << index for index, name in enumerate(nodes)}, onward, tuple(reversed(nodes)))


def _without(nodes: Sequence[str], successors: Successors, cut: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    within, without = set(nodes), set(cut)
    return {name: [to for to in successors[name] if to in within and (name, to) not in without] for name in nodes}


def _closed(bit: Mapping[str, int], onward: Successors, order: Sequence[str]) -> dict[str, int]:
    """The transitive closure of `onward`; quick where most of what a node leads to stands before it in `order`."""
    reached = dict.fromkeys(bit, 0)
    changed = True
    while changed:
        changed = False
        for name in order:
            now = reached[name]
            for to in onward[name]:
                now |= bit[to] | reached[to]
            if now != reached[name]:
                reached[name], changed = now, True
    return reached
