"""Flow: what has surely happened, and which keys are surely there, by the time a node runs, whatever way led to it.

A node sees what happened on the ways that led to it. So what is certain at a node is what is certain on each way into
it, and more where it waits: a branch that was surely started, and surely leads here, arrives too. All of it is worked
out as the greatest solution of these rules, so that a way round a loop takes nothing away that was certain before it.
Sets of nodes and keys are bit sets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from nbgraph.core.graph import END, START
from nbgraph.core.loops import Loops
from nbgraph.core.same_round import SameRound, union
from nbgraph.core.ways import Targets, Ways


class Way(NamedTuple):
    """One way into a node: from `source`, where it `failed` or not; taking it `starts` these nodes at once."""

    source: str
    starts: int
    failed: bool


class Known(NamedTuple):
    """What is certain: nodes that were `started`, those whose end is `seen`, however it was, `keys` that are there."""

    started: int
    seen: int
    keys: int


class Flow:
    """What is certain before each node that START leads to.

    Args:
        loops: the loops of the graph.
        ways: what leads out of each node.
        onward: who leads to whom in one round.
        eager: the nodes that wait for nothing, with their join, "any" or "first".
        gives: the keys that are there after a node has succeeded, those that may be there for all that is known too.
    """

    def __init__(
        self,
        loops: Loops,
        ways: Mapping[str, Ways],
        onward: SameRound,
        eager: Mapping[str, str],
        gives: Mapping[str, int],
    ) -> None:
        self.loops, self.ways, self.onward, self.eager, self.gives = loops, ways, onward, eager, gives
        self.names, self.bit = loops.found, onward.bit
        self._always = {name: self._set(ways[name].always) for name in self.names}
        self._fallible = self._set(name for name in self.names if ways[name].on_error)
        self._into = self._ways_in()
        self._order = _in_order(loops, self._into)
        self._leads = self._inevitable()
        self._known = self._certain()

    def done(self, name: str) -> int:
        """The nodes whose work a task of `name` surely sees; those that lead on when they fail are not among them."""
        return self._known[name].seen & ~self._fallible

    def keys(self, name: str) -> int:
        """The keys that are surely there before `name` runs."""
        return self._known[name].keys

    def way_without(self, key: int, name: str) -> tuple[str, ...]:
        """A shortest way from START to `name` on which nothing surely writes the key, where that is not certain."""
        onward = {name: name}
        for at in (queue := [name]):
            if at == START:
                return _followed(onward, name)
            for way, known in zip(self._into[at], self._arrived[at], strict=True):
                if not known.keys & key and way.source not in onward:
                    onward[way.source] = at
                    queue.append(way.source)
        return (START, name)

    def last_writers(self, writes: int, may_write: int) -> dict[str, int]:
        """The nodes that may have been the last to write a key before each node; START for those before all.

        Args:
            writes: the nodes that write it.
            may_write: those that may do.
        """
        before = dict.fromkeys(self.names, 0)
        before[START] = self.bit[START]
        changed = True
        while changed:
            changed = False
            for name in self._order[1:]:
                found = 0
                for source, _, failed in self._into[name]:
                    own = 0 if failed else self.bit[source] & (writes | may_write)
                    found |= own | (0 if own & writes else before[source])
                changed |= found != before[name]
                before[name] = found
        return before

    # What leads where

    def _set(self, names: Iterable[str]) -> int:
        found = 0
        for name in names:
            if name != END:
                found |= self.bit[name]
        return found

    def _ways_in(self) -> dict[str, list[Way]]:
        into: dict[str, list[Way]] = {name: [] for name in self.names}
        for source in self.names:
            ways, always = self.ways[source], self._always[source]
            for targets, starts, failed in (
                (ways.always, always, False),
                *((option, always | self._set(option), False) for option in ways.options),
                (ways.on_error, self._set(ways.on_error), True),
            ):
                for to in targets:
                    if to != END:
                        into[to].append(Way(source, starts, failed))
        return into

    def _inevitable(self) -> dict[str, int]:
        """The nodes that a task of each node leads to in any case, in the same round of the loops around both."""
        reached = {name: self.onward.with_both(name) for name in self.names}
        leads = dict(reached)
        changed = True
        while changed:
            changed = False
            for name in reversed(self._order):
                now = reached[name] & self._led(name, leads)
                changed |= now != leads[name]
                leads[name] = now
            changed &= bool(self.loops.rounds)
        races = [name for name, join in self.eager.items() if join == "first" and name in self.bit]
        return self._less_outrun(leads, races) if races else leads

    def _led(self, name: str, leads: Mapping[str, int]) -> int:
        always, options, on_error = self.ways[name]
        found = self._over(name, always, leads)
        if options:
            common = -1
            for option in options:
                common &= self._over(name, option, leads)
            found |= common
        return found & self._over(name, on_error, leads) if on_error else found

    def _over(self, name: str, targets: Targets, leads: Mapping[str, int]) -> int:
        """What following the edges to `targets` leads to in any case."""
        found = 0
        for to in targets:
            if to == END or self.eager.get(to) == "first":  # which may have gone on before
                continue
            onward = self.bit[to] | leads[to]
            if (name, to) in self.loops.rounds:
                onward &= ~self.onward.members(self.loops.around[to])
            found |= onward
        return found

    def _less_outrun(self, leads: Mapping[str, int], races: list[str]) -> dict[str, int]:
        """`leads`, less what goes on where a race that the node takes part in is over, and the node cancelled."""
        at_all = {name: self.onward.of(name, ()) for name in self.names}
        at_once = {name: self.onward.with_both(name) for name in self.names}
        kept = dict(leads)
        for reached in (at_all, at_once):
            for race in races:
                runners = [name for name in self.names if reached[name] & self.bit[race]]
                also = self._set(runners)
                for name in runners:
                    kept[name] &= also
        return kept

    # What is certain

    def _certain(self) -> dict[str, Known]:
        self._known = {START: Known(self.bit[START], 0, 0)}
        self._arrived: dict[str, list[Known]] = {START: []}
        changed = True
        while changed:
            changed = False
            for name in self._order[1:]:
                self._arrived[name] = self._arrivals(name)
                known = _on_each(self._arrived[name])
                changed |= known != self._known.get(name)
                self._known[name] = known
            changed &= bool(self.loops.rounds)
        return self._known

    def _arrivals(self, name: str) -> list[Known]:
        """What is certain on each way into `name`; of a way round that was not looked at yet, nothing is said."""
        ways = [way for way in self._into[name] if way.source in self._known]
        arrivals = [self._arrival(way) for way in ways]
        if len(ways) < 2 or name in self.eager:
            return arrivals
        ruled_out = _on_each(arrivals).seen | self.bit[name]
        keys: dict[int, int] = {}
        for way, known in zip(ways, arrivals, strict=True):
            source = self.bit[way.source]
            keys[source] = keys.get(source, -1) & known.keys
        waited: dict[int, Known] = {}
        for index, (started, seen, there) in enumerate(arrivals):
            under_way = started & ~ruled_out
            if under_way not in waited:
                waited[under_way] = self._waited(name, under_way, keys)
            also = waited[under_way]
            arrivals[index] = Known(started | also.started, seen | also.seen, there | also.keys)
        return arrivals

    def _arrival(self, way: Way) -> Known:
        started, seen, keys = self._known[way.source]
        gained = 0 if way.failed else self.gives[way.source]
        return Known(started | way.starts, seen | self.bit[way.source], keys | gained)

    def _waited(self, name: str, under_way: int, keys: Mapping[int, int]) -> Known:
        """What `name` waits for, of nodes that are `under_way`; `keys` are those that each node before it brings."""
        here, sources, found, brought = self.bit[name], union(keys), 0, 0
        started = left = under_way
        while left:
            low = left & -left
            left ^= low
            other = self.names[low.bit_length() - 1]
            if not self._leads[other] & here:
                continue
            found |= low
            brought |= _brought((self.onward.of(other, self.loops.around[name]) | low) & sources, keys)
            fresh = 0 if low & self._fallible else self._always[other] & ~started & ~here
            started, left = started | fresh, left | fresh
        return Known(started, found, brought)


def _brought(reached: int, keys: Mapping[int, int]) -> int:
    """The keys that come over one at least of the nodes in `reached`, whichever it is; none where that may be any."""
    if reached.bit_count() in (0, len(keys)):
        return 0
    found = -1
    while reached:
        low = reached & -reached
        reached ^= low
        found &= keys[low]
    return found


def _on_each(arrivals: list[Known]) -> Known:
    started = seen = keys = -1
    for known in arrivals:
        started, seen, keys = started & known.started, seen & known.seen, keys & known.keys
    return Known(started, seen, keys)


def _followed(onward: Mapping[str, str], name: str) -> tuple[str, ...]:
    at, found = START, [START]
    while at != name:
        at = onward[at]
        found.append(at)
    return tuple(found)


def _in_order(loops: Loops, into: Mapping[str, list[Way]]) -> list[str]:
    """The nodes in an order in which each comes after those that lead to it, but for the ways round loops."""
    onward: dict[str, list[str]] = {name: [] for name in into}
    left = dict.fromkeys(into, 0)
    for name, ways in into.items():
        for source in {way.source for way in ways}:
            if (source, name) not in loops.rounds:
                onward[source].append(name)
                left[name] += 1
    order = [START]
    for name in order:
        for to in onward[name]:
            left[to] -= 1
            if not left[to]:
                order.append(to)
    return order
