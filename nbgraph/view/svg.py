"""Graphviz's SVG made ours: allowed elements only, generated ids, classes in place of colours, room for marks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

from nbgraph.core.outline import Outline, OutlineNode
from nbgraph.view.values import shorten

ELEMENTS = frozenset({"svg", "g", "path", "polygon", "polyline", "ellipse", "circle", "rect", "text", "tspan"})
ATTRIBUTES = frozenset(
    {"viewBox", "width", "height", "transform", "d", "points", "text-anchor"}
    | {"x", "y", "dx", "dy", "cx", "cy", "r", "rx", "ry"}
)
KINDS = frozenset({"start", "end", "function", "human", "plain", "if", "else", "always", "by", "each", "error"})
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


class Box(NamedTuple):
    """Where a shape is."""

    left: float
    top: float
    right: float
    bottom: float


def cleaned(svg: str, outline: Outline) -> str:
    """The SVG of a layout with only what is known to be harmless, and with classes by which a theme colours it."""
    old = fromstring(svg)
    root = _copy(old)
    root.set("xmlns", "http://www.w3.org/2000/svg")
    for side, value in zip(("width", "height"), old.get("viewBox", "0 0 0 0").split()[2:], strict=False):
        root.set(side, value)
    _drop_background(root)
    groups = by_id(root)
    for index, node in enumerate(outline.nodes):
        _dress_node(groups.get(f"n{index}"), node)
    for index, edge in enumerate(outline.edges):
        _dress_edge(groups.get(f"e{index}"), edge.kind)
    return tostring(root, encoding="unicode")


def by_id(root: Element) -> dict[str, Element]:
    """The elements that carry an id."""
    return {element.get("id", ""): element for element in root.iter() if element.get("id")}


def _copy(old: Element) -> Element:
    new = Element(_local(old.tag))
    for name, value in old.attrib.items():
        if name in ATTRIBUTES:
            new.set(name, value)
    if re.fullmatch(r"[ne]\d+", old.get("id", "")):
        new.set("id", old.get("id", ""))
    if old.tag.endswith("polygon") and old.get("fill") == "none":
        new.set("class", "nbgraph-hollow")
    new.text = (old.text or "").strip() if new.tag in ("text", "tspan") else None
    new.extend(_copy(child) for child in old if _local(child.tag) in ELEMENTS)
    return new


def _local(tag: object) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _drop_background(root: Element) -> None:
    for group in root.findall("g"):
        for polygon in group.findall("polygon"):
            group.remove(polygon)


def _dress_node(group: Element | None, node: OutlineNode) -> None:
    if group is None:
        return
    group.set("class", _node_classes(node))
    box = box_of(group)
    if node.kind in ("start", "end"):
        _put_text(group, "nbgraph-label", (box.left + box.right) / 2, box.bottom + 12, shorten(node.name, 24))
        return
    _mark(group, box)


def _mark(group: Element, box: Box) -> None:
    """Room for the icon of a state at the upper right corner, and for the count of visits beside it."""
    inset = 0.0 if group.find("path") is not None else min(10.0, (box.right - box.left) / 8)
    x, y = box.right - inset - 3, box.top + 2
    SubElement(group, "circle", {"class": "nbgraph-disc", "cx": f"{x:.2f}", "cy": f"{y:.2f}", "r": "7.5"})
    _put_text(group, "nbgraph-icon", x, y + 3.4, "")
    _put_text(group, "nbgraph-visits", x + 10, y - 1, "").set("text-anchor", "start")


def _dress_edge(group: Element | None, kind: str) -> None:
    if group is None:
        return
    group.set("class", _classes("edge", kind))
    label = group.find("text")
    if label is not None:
        label.set("class", "nbgraph-why")
        label.set("y", f"{float(label.get('y', 0)) - 2:.2f}")
        return
    x, y = _middle(group)
    _put_text(group, "nbgraph-why", x, y - 4, "")


def _node_classes(node: OutlineNode) -> str:
    return _classes("node", node.kind) + ("" if node.defined else " nbgraph-undefined")


def _classes(what: str, kind: str) -> str:
    return f"nbgraph-{what} nbgraph-{kind}" if kind in KINDS else f"nbgraph-{what}"


def _put_text(parent: Element, name: str, x: float, y: float, text: str) -> Element:
    made = SubElement(parent, "text", {"class": name, "text-anchor": "middle", "x": f"{x:.2f}", "y": f"{y:.2f}"})
    made.text = text
    return made


def _middle(edge: Element) -> tuple[float, float]:
    path = edge.find("path")
    points = _points(path) if path is not None else []
    return points[len(points) // 2] if points else (0.0, 0.0)


def box_of(group: Element) -> Box:
    """Where a node is: the box around its shapes."""
    points = [point for element in group for point in _points(element)] or [(0.0, 0.0)]
    across, down = [x for x, _ in points], [y for _, y in points]
    return Box(min(across), min(down), max(across), max(down))


def _points(element: Element) -> list[tuple[float, float]]:
    if element.tag == "ellipse":
        cx, cy, rx, ry = (float(element.get(name, 0)) for name in ("cx", "cy", "rx", "ry"))
        return [(cx - rx, cy - ry), (cx + rx, cy + ry)]
    numbers = [float(number) for number in _NUMBER.findall(element.get("points") or element.get("d") or "")]
    return list(zip(numbers[::2], numbers[1::2], strict=False))


def listed(outline: Outline, trouble: str) -> str:
    """A picture without a layout: the nodes in a column, the edges of each beside it."""
    root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg"})
    bottom = 24.0
    _put_text(root, "nbgraph-note", 12, bottom, shorten(f"Shown as a list: {trouble}", 110)).set("text-anchor", "start")
    for index, node in enumerate(outline.nodes):
        _list_node(root, index, node, bottom + 22)
        bottom = _list_edges(root, outline, node.name, bottom + 22)
    size = {"width": "720", "height": f"{bottom + 16:.0f}"}
    root.attrib.update(size, viewBox=f"0 0 {size['width']} {size['height']}")
    return tostring(root, encoding="unicode")


def _list_node(root: Element, index: int, node: OutlineNode, top: float) -> None:
    group = SubElement(root, "g", {"id": f"n{index}", "class": _node_classes(node)})
    left, right, bottom = 16.0, 196.0, top + 28
    corners = f"{left},{top} {right},{top} {right},{bottom} {left},{bottom}"
    SubElement(group, "polygon", {"points": corners})
    _put_text(group, "nbgraph-label", (left + right) / 2, top + 18, shorten(node.name, 24))
    _mark(group, Box(left, top, right, bottom))


def _list_edges(root: Element, outline: Outline, source: str, top: float) -> float:
    """Write the edges that leave a node beside it; give where the list goes on."""
    y = top + 18
    for index, target, kind, label in _leaving(outline, source):
        group = SubElement(root, "g", {"id": f"e{index}", "class": _classes("edge", kind)})
        _put_text(group, "nbgraph-target", 224, y, f"→ {shorten(target, 24)}").set("text-anchor", "start")
        _put_text(group, "nbgraph-why", 400, y, shorten(label, 40)).set("text-anchor", "start")
        y += 20
    return max(top + 32, y - 4)


def _leaving(outline: Outline, source: str) -> Iterator[tuple[int, str, str, str]]:
    return (
        (index, edge.target, edge.kind, edge.label) for index, edge in enumerate(outline.edges) if edge.source == source
    )
