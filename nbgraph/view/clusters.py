"""What of a graph is drawn: a subgraph is a cluster with its nodes in it, or one box."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from nbgraph.core.outline import Outline, OutlineEdge, OutlineNode
from nbgraph.view.values import shorten

ROOM = 12
"""As many nodes of subgraphs are drawn without being asked for."""
ENDS = ("start", "end")
SPARK = "✦\ufe0e"


class Line(NamedTuple):
    """Edge `place` of the outline as it is drawn, between the nodes at `tail` and `head`.

    Where an open subgraph has no START or END, the line ends at the border of the cluster `tail_of` or `head_of`, the
    index of the subgraph; else these are None.
    """

    place: int
    edge: OutlineEdge
    tail: int
    head: int
    tail_of: int | None = None
    head_of: int | None = None


class Shown(NamedTuple):
    """What is drawn: subgraphs that are `open` or `closed`; the nodes in each open one, "" being the graph; `lines`."""

    open: frozenset[str]
    closed: frozenset[str]
    members: Mapping[str, tuple[int, ...]]
    lines: tuple[Line, ...]


def own_name(node: OutlineNode) -> str:
    """The name of a node within its subgraph: `search` of `research/search`."""
    return node.name.removeprefix(f"{node.cluster}/") if node.cluster else node.name


def title(node: OutlineNode, name: str = "") -> str:
    """What is written on a node: its `name`, by default that within its subgraph; before that of an agent a sign."""
    return f"{SPARK} {name or own_name(node)}" if node.kind == "agent" else name or own_name(node)


def marks(node: OutlineNode) -> str:
    """How a node is called, as the line below its name: `retry 3 · timeout 30 s`; an agent is told to be one."""
    said = ("agent", *node.marks) if node.kind == "agent" else node.marks
    return shorten(" · ".join(said), 44)


def shown(outline: Outline, chosen: Mapping[str, bool]) -> Shown:
    """What is drawn of a graph: subgraphs are open or closed as `chosen`, the others open where all are small."""
    inside = _inside(outline)
    few = sum(node.kind not in ENDS for node in outline.nodes if node.cluster) <= ROOM
    members: dict[str, tuple[int, ...]] = {}
    closed, waiting = set(), [""]
    while waiting:
        cluster = waiting.pop()
        members[cluster] = tuple(inside.get(cluster, ()))
        for name in (outline.nodes[index].name for index in members[cluster]):
            if name and name in inside:
                waiting.append(name) if chosen.get(name, few) else closed.add(name)
    doors = _Doors(outline, members)
    return Shown(doors.open, frozenset(closed), members, tuple(doors.lines()))


class Nesting:
    """The subgraphs `around` each node, from the inside outwards, and the nodes `inside` each one, at any depth.

    `called` are the graphs that each agent calls, `tools` all of them.
    """

    def __init__(self, outline: Outline) -> None:
        clusters = {node.name: node.cluster for node in outline.nodes}
        self.around: dict[str, tuple[str, ...]] = {}
        self.inside: dict[str, list[str]] = {}
        self.called: dict[str, list[str]] = {node.name: [] for node in outline.nodes if node.kind == "agent"}
        for node in outline.nodes:
            if node.cluster in self.called:
                self.called[node.cluster].append(node.name)
            if node.cluster and node.kind not in ENDS:
                self.around[node.name] = tuple(_upwards(clusters, node.cluster))
                for name in self.around[node.name]:
                    self.inside.setdefault(name, []).append(node.name)
        self.tools = frozenset(name for names in self.called.values() for name in names)


def _upwards(clusters: Mapping[str, str], cluster: str) -> Iterator[str]:
    while cluster:
        yield cluster
        cluster = clusters.get(cluster, "")


def task_name(node: str, visit: int, within: str, sign: str = " #") -> str:
    """What a task is called: `draft`, `draft #2`, and in a subgraph `research[3]/search #2`."""
    path = f"{within}/{node.rpartition('/')[2]}" if within else node
    return path + (f"{sign}{visit}" if visit > 1 else "")


def node_path(within: str) -> str:
    """The path of nodes that a path of tasks follows: `research/deep` for `research#2/deep[3]`."""
    return "/".join(part.partition("#")[0].partition("[")[0] for part in within.split("/"))


def is_in(within: str, task: str) -> bool:
    """Whether what runs `within` runs in the subgraph of a task, or of one of its items."""
    return within == task or within.startswith((f"{task}/", f"{task}["))


def _inside(outline: Outline) -> dict[str, list[int]]:
    inside: dict[str, list[int]] = {}
    for index, node in enumerate(outline.nodes):
        inside.setdefault(node.cluster, []).append(index)
    return inside


class _Doors:
    """Where edges enter and leave the open subgraphs: at their START and END."""

    def __init__(self, outline: Outline, members: Mapping[str, tuple[int, ...]]) -> None:
        self._outline, self._members = outline, members
        self.open = frozenset(members) - {""}
        visible = [index for listed in members.values() for index in listed]
        self._places = {outline.nodes[index].name: index for index in visible}
        self._sources = {edge.source for edge in outline.edges}

    def lines(self) -> Iterator[Line]:
        """The edges between nodes that are drawn."""
        for index, edge in enumerate(self._outline.edges):
            if edge.source in self._places and edge.target in self._places:
                tail, tail_of = self._exit(edge.source)
                head, head_of = self._entry(edge.target)
                yield Line(index, edge, tail, head, tail_of, head_of)

    def _entry(self, name: str) -> tuple[int, int | None]:
        if name not in self.open:
            return self._places[name], None
        dot = self._of_kind(name, "start")
        if dot is not None:
            return dot, None
        first = self._tool(name) if self._is_agent(name) else self._members[name][0]
        return self._entry(self._outline.nodes[first].name)[0], self._places[name]

    def _exit(self, name: str) -> tuple[int, int | None]:
        if name not in self.open:
            return self._places[name], None
        dot = self._of_kind(name, "end")
        if dot is not None:
            return dot, None
        ends = [index for index in self._members[name] if self._outline.nodes[index].name not in self._sources]
        last = self._tool(name) if self._is_agent(name) else (ends or self._members[name])[-1]
        return self._exit(self._outline.nodes[last].name)[0], self._places[name]

    def _is_agent(self, name: str) -> bool:
        return self._outline.nodes[self._places[name]].kind == "agent"

    def _tool(self, name: str) -> int:
        """Of the graphs that an agent calls the one of which most is drawn: it reaches farthest."""
        nodes, members = self._outline.nodes, self._members
        return max(members[name], key=lambda index: len(members.get(nodes[index].name, ())))

    def _of_kind(self, name: str, kind: str) -> int | None:
        return next((index for index in self._members[name] if self._outline.nodes[index].kind == kind), None)
