"""Same round: who leads to whom without going round any of the loops that hold both, as bit sets.

Each loop is looked at on its own: inside it its own edges count, outside it what the loop around it knows already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import takewhile

from nbgraph.core.loops import Loops, Successors

Nest = tuple[str, ...]


class SameRound:
    """Who leads to whom in one round of the loops around both; or who is led to by whom, if `backward`.

    Args:
        loops: the loops of the graph.
        bit: the place of each node in the bit sets.
        successors: the nodes that each node leads to.
        backward: whether to ask who leads to a node.
    """

    def __init__(self, loops: Loops, bit: Mapping[str, int], successors: Successors, *, backward: bool = False) -> None:
        self.around, self.bit = loops.around, bit
        self.onward = _turned(successors, bit) if backward else successors
        self.rounds = {(pair[::-1] if backward else pair): pair[1] for pair in loops.rounds}
        self._members = members_of(loops)
        self._backward = backward
        self._sets: dict[Nest, int] = {}
        self._tables: dict[Nest, dict[str, int]] = {}

    def of(self, name: str, nest: Nest | None = None) -> int:
        """The nodes that `name` leads to in one round of the loops of `nest`, by default of those around itself."""
        around = self.around[name]
        return self._table(around if nest is None else shared(around, nest))[name]

    def with_both(self, name: str) -> int:
        """The nodes that `name` leads to in one round of the loops that hold the two of them."""
        found, nearer = 0, 0
        for depth in range(len(self.around[name]), -1, -1):
            nest = self.around[name][:depth]
            found |= self._table(nest)[name] & self.members(nest) & ~nearer
            nearer = self.members(nest)
        return found

    def members(self, nest: Nest) -> int:
        """The nodes in the innermost loop of `nest`."""
        if nest not in self._sets:
            self._sets[nest] = union(self.bit[name] for name in self._members[nest])
        return self._sets[nest]

    def _table(self, nest: Nest) -> dict[str, int]:
        """What each node of the innermost loop of `nest` leads to; of the loops around it, what is known is enough."""
        if nest in self._tables:
            return self._tables[nest]
        for depth in range(len(nest) + 1):
            if nest[:depth] not in self._tables:
                self._tables[nest[:depth]] = self._found(nest[:depth])
        return self._tables[nest]

    def _found(self, nest: Nest) -> dict[str, int]:
        members = self._members[nest]
        inside, reached = {}, {}
        for name in members:
            onward = [to for to in self.onward[name] if to in self.bit and self.rounds.get((name, to)) not in nest]
            inside[name] = [to for to in onward if self.around[to][: len(nest)] == nest]
            outside = [to for to in onward if self.around[to][: len(nest)] != nest]
            reached[name] = self._outside(outside, nest) | union(self.bit[to] for to in inside[name])
        return _closed(members if self._backward else members[::-1], inside, reached)

    def _outside(self, names: list[str], nest: Nest) -> int:
        found = 0
        for name in names:
            found |= self.bit[name] | self._tables[shared(self.around[name], nest)][name]
        return found


def members_of(loops: Loops) -> dict[Nest, list[str]]:
    """The nodes in the innermost loop of each nest, in order of discovery; of the empty nest, all nodes."""
    members: dict[Nest, list[str]] = {}
    for name in loops.found:
        heads = loops.around[name]
        for depth in range(len(heads) + 1):
            members.setdefault(heads[:depth], []).append(name)
    return members


def shared(one: Nest, other: Nest) -> Nest:
    """The loops that hold both, from the outermost inwards."""
    if one == other:
        return one
    depth = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    return one[:depth]


def _turned(successors: Successors, names: Iterable[str]) -> Successors:
    turned: dict[str, list[str]] = {name: [] for name in names}
    for name in turned:
        for to in successors[name]:
            turned[to].append(name)
    return turned


def union(sets: Iterable[int]) -> int:
    """All that is in one of the sets."""
    found = 0
    for each in sets:
        found |= each
    return found


def _closed(order: list[str], onward: Mapping[str, list[str]], reached: dict[str, int]) -> dict[str, int]:
    """What each node leads to over `onward` in the end; quick where most of that stands before it in `order`."""
    changed = True
    while changed:
        changed = False
        for name in order:
            now = reached[name]
            for to in onward[name]:
                now |= reached[to]
            if now != reached[name]:
                reached[name], changed = now, True
    return reached
