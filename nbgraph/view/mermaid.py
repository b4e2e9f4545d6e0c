"""A graph as Mermaid text, for a README or a wiki."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from nbgraph.core.outline import Outline, OutlineNode
from nbgraph.view.clusters import ENDS, Line, Shown, marks, shown, title
from nbgraph.view.values import shorten

LABEL = 60
_SHAPES = {"start": "((", "end": "(((", "human": "{{", "subgraph": "[["}
_CLOSING = str.maketrans("([{", ")]}")
_LIST = re.compile(r"(\d+\.|[-+])( |$)")  # what Markdown takes for the beginning of a list
_MISSING = "classDef missing stroke-dasharray:4 3"


def mermaid(outline: Outline, chosen: Mapping[str, bool] | None = None, direction: str = "LR") -> str:
    """The Mermaid text of a graph; every id in it is generated.

    Args:
        chosen: whether a subgraph is drawn with what is in it; the others are where that is little.
        direction: "LR" or "TB".
    """
    what = shown(outline, chosen or {})
    lines = [f"flowchart {direction}", *_nodes(outline, what, "", "  "), *(f"  {_arrow(line)}" for line in what.lines)]
    missing = [index for members in what.members.values() for index in members if not outline.nodes[index].defined]
    if missing:
        lines += [f"  {_MISSING}", f"  class {','.join(f'n{index}' for index in missing)} missing"]
    return "\n".join(lines) + "\n"


def _nodes(outline: Outline, what: Shown, cluster: str, indent: str) -> Iterator[str]:
    for index in what.members[cluster]:
        node = outline.nodes[index]
        if node.name not in what.open:
            yield f"{indent}n{index}{_shape(node)}"
            continue
        yield f"{indent}subgraph n{index}[{quoted(_said(node))}]"
        yield from _nodes(outline, what, node.name, indent + "  ")
        yield f"{indent}end"


def _shape(node: OutlineNode) -> str:
    opening = _SHAPES.get(node.kind, "(")
    name = " " if node.kind in ENDS and node.cluster else _said(node)
    return f"{opening}{quoted(name)}{opening.translate(_CLOSING)}"


def _said(node: OutlineNode) -> str:
    said = marks(node)
    return f"{title(node)} · {said}" if said else title(node)


def _arrow(line: Line) -> str:
    tail, head = (
        f"n{place if border is None else border}"
        for place, border in ((line.tail, line.tail_of), (line.head, line.head_of))
    )
    arrow = {"error": "-.->", "each": "==>"}.get(line.edge.kind, "-->")
    return f"{tail} {arrow}{f'|{quoted(line.edge.label)}|' if line.edge.label else ''} {head}"


def quoted(text: str) -> str:
    """Any text as a Mermaid label that shows just that text: no markup, no entities, no directives."""
    short = shorten(text, LABEL) or " "
    found = _LIST.match(short)
    sign = found.end(1) - 1 if found else -1
    coded = (f"#{ord(each)};" if place == sign or not _is_plain(each) else each for place, each in enumerate(short))
    return f'"{"".join(coded)}"'


def _is_plain(sign: str) -> bool:
    return sign.isalnum() or sign in " _,.=/+-"
