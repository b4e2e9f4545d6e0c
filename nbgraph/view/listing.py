"""The picture of a graph where there is no layout: a list."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, tostring

from nbgraph.core.outline import Outline, OutlineEdge, OutlineNode
from nbgraph.view.clusters import Shown, title
from nbgraph.view.svg import Box, edge_classes, mark, node_classes, put_arrow, put_text
from nbgraph.view.values import shorten


def listed(outline: Outline, what: Shown, trouble: str) -> str:
    """A picture without a layout: the nodes in a column, the edges of each beside it."""
    root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg"})
    bottom = 24.0
    put_text(root, "nbgraph-hint", 12, bottom, shorten(f"Shown as a list: {trouble}", 110)).set("text-anchor", "start")
    leaving: dict[str, list[tuple[int, OutlineEdge]]] = {}
    for line in what.lines:
        leaving.setdefault(line.edge.source, []).append((line.place, line.edge))
    for index in sorted(index for members in what.members.values() for index in members):
        node = outline.nodes[index]
        _list_node(root, index, node, bottom + 22, what)
        bottom = _list_edges(root, leaving.get(node.name, []), bottom + 22)
    size = {"width": "720", "height": f"{bottom + 16:.0f}"}
    root.attrib.update(size, viewBox=f"0 0 {size['width']} {size['height']}")
    return tostring(root, encoding="unicode")


def _list_node(root: Element, index: int, node: OutlineNode, top: float, what: Shown) -> None:
    group = SubElement(root, "g", {"id": f"n{index}", "class": node_classes(node)})
    left, right, bottom = 30.0, 236.0, top + 28
    corners = f"{left},{top} {right},{top} {right},{bottom} {left},{bottom}"
    SubElement(group, "polygon", {"points": corners})
    put_text(group, "nbgraph-label", (left + right) / 2, top + 18, shorten(title(node, node.name), 26))
    mark(group, Box(left, top, right, bottom))
    if node.name in what.open | what.closed:
        toggle = SubElement(root, "g", {"id": f"c{index}", "class": "nbgraph-toggle"})
        down = ((14.0, top + 11), (23.0, top + 11), (18.5, top + 17))
        right_ = ((15.0, top + 9.5), (21.0, top + 14), (15.0, top + 18.5))
        put_arrow(toggle, Box(6, top + 2, 28, bottom - 2), down if node.name in what.open else right_)


def _list_edges(root: Element, leaving: list[tuple[int, OutlineEdge]], top: float) -> float:
    """Write the edges that leave a node beside it; give where the list goes on."""
    y = top + 18
    for index, edge in leaving:
        group = SubElement(root, "g", {"id": f"e{index}", "class": edge_classes(edge.kind)})
        put_text(group, "nbgraph-target", 264, y, f"→ {shorten(edge.target, 24)}").set("text-anchor", "start")
        put_text(group, "nbgraph-why", 440, y, shorten(edge.label, 40)).set("text-anchor", "start")
        y += 20
    return max(top + 32, y - 4)
