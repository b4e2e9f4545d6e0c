"""Graphviz's SVG made ours: allowed elements only, generated ids, classes in place of colours, room for marks."""

from __future__ import annotations

import re
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

from nbgraph.core.outline import Outline, OutlineNode
from nbgraph.view.clusters import ENDS, Shown, marks, title
from nbgraph.view.values import shorten

ELEMENTS = frozenset({"svg", "g", "path", "polygon", "polyline", "ellipse", "circle", "rect", "text", "tspan"})
ATTRIBUTES = frozenset(
    {"viewBox", "width", "height", "transform", "d", "points", "text-anchor"}
    | {"x", "y", "dx", "dy", "cx", "cy", "r", "rx", "ry"}
)
KINDS = frozenset({"start", "end", "function", "human", "agent", "subgraph"})
GUARDS = frozenset({"plain", "if", "else", "always", "by", "each", "error"})
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


class Box(NamedTuple):
    """Where a shape is."""

    left: float
    top: float
    right: float
    bottom: float


def cleaned(svg: str, outline: Outline, what: Shown, direction: str) -> str:
    """The SVG of a layout with only what is known to be harmless, and with classes by which a theme colours it.

    What opens and closes the subgraph that is node `i` is added as `c<i>`.
    """
    old = fromstring(svg)
    root = _copy(old)
    root.set("xmlns", "http://www.w3.org/2000/svg")
    for side, value in zip(("width", "height"), old.get("viewBox", "0 0 0 0").split()[2:], strict=False):
        root.set(side, value)
    _drop_background(root)
    groups = by_id(root)
    for index, node in enumerate(outline.nodes):
        if f"n{index}" in groups:
            _dress_node(groups[f"n{index}"], node, what, direction)
    for index, edge in enumerate(outline.edges):
        _dress_edge(groups.get(f"e{index}"), edge.kind)
    _arrange(root, outline, what)
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


def _dress_node(group: Element, node: OutlineNode, what: Shown, direction: str) -> None:
    opened, closed = node.name in what.open, node.name in what.closed
    group.set("class", node_classes(node) + " nbgraph-open" * opened + " nbgraph-closed" * closed)
    box = box_of(group)
    if node.kind in ENDS:
        # within a cluster its place says which it is
        return None if node.cluster else _name_end(group, shorten(node.name, 24), box, direction)
    name = group.find("text")
    if name is not None:
        name.set("class", "nbgraph-label")
        _place_name(group, name, node, box, opened, closed)
    mark(group, box, opened)


def _place_name(group: Element, name: Element, node: OutlineNode, box: Box, opened: bool, closed: bool) -> None:
    """Make room for the marks of a node below its name, and for the sign of a subgraph before it."""
    x, y = float(name.get("x", 0)) + 7 * closed, float(name.get("y", 0))
    if opened:  # the name is a part of what closes the cluster
        group.remove(name)
        return
    said = marks(node)
    name.attrib.update({"x": f"{x:.2f}", "y": f"{y - 7 * bool(said):.2f}"})
    if said:
        put_text(group, "nbgraph-marks", x, y + 8, said)


def _name_end(group: Element, name: str, box: Box, direction: str) -> None:
    """Write START or END where no edge is: below where edges go to the right, beside where they go down."""
    if direction == "LR":
        put_text(group, "nbgraph-label", (box.left + box.right) / 2, box.bottom + 12, name)
    else:
        text = put_text(group, "nbgraph-label", box.right + 5, (box.top + box.bottom) / 2 + 3, name)
        text.set("text-anchor", "start")


def mark(group: Element, box: Box, opened: bool = False) -> None:
    """Room for what is shown of a run, at the corners.

    At the upper right the icon of a state and the count of visits, at the lower left a note, at the upper left a
    breakpoint before the node, at the lower right one after it.
    """
    inset = 3.0 if group.find("path") is not None else 3 + min(10.0, (box.right - box.left) / 8)
    x, y = box.right - inset, box.top + 2
    SubElement(group, "circle", {"class": "nbgraph-disc", "cx": f"{x:.2f}", "cy": f"{y:.2f}", "r": "7.5"})
    put_text(group, "nbgraph-icon", x, y + 3.4, "")
    put_text(group, "nbgraph-visits", x + 10, y - 1, "").set("text-anchor", "start")
    note = box.left + (12 if opened else inset), box.bottom + (-8 if opened else 12)
    put_text(group, "nbgraph-note", *note, "").set("text-anchor", "start")
    for when, across, down in (("before", box.left + inset, box.top + 2), ("after", x, box.bottom - 2)):
        for part, radius in (("ring", "5"), ("dot", "2.2")):
            place = {"cx": f"{across:.2f}", "cy": f"{down:.2f}", "r": radius}
            SubElement(group, "circle", {"class": f"nbgraph-{part} nbgraph-{when}", **place})


def _arrange(root: Element, outline: Outline, what: Shown) -> None:
    """Put what has text upon the lines, in the order of the outline, and beside each subgraph what opens and closes it.

    That is no part of it: a button within a button could not be reached by keyboard.
    """
    groups, parents = by_id(root), {child: parent for parent in root.iter() for child in parent}
    for index, node in enumerate(outline.nodes):
        group = groups.get(f"n{index}")
        if group is None:
            continue
        parent, opened = parents[group], node.name in what.open
        if not opened:
            parent.remove(group)
            parent.append(group)
        if opened or node.name in what.closed:
            _fill_toggle(SubElement(parent, "g", {"id": f"c{index}", "class": "nbgraph-toggle"}), node, group, opened)


def _fill_toggle(toggle: Element, node: OutlineNode, group: Element, opened: bool) -> None:
    box = box_of(group)
    if not opened:
        left, middle = box.left + 16, (box.top + box.bottom) / 2
        area = Box(box.left + 4, box.top + 4, box.left + 30, box.bottom - 4)
        put_arrow(toggle, area, ((left, middle - 4.5), (left + 6, middle), (left, middle + 4.5)))
        return
    name, said = shorten(title(node), 40), marks(node)
    left, middle = box.left + 12, box.top + 15
    area = Box(box.left + 5, box.top + 5, box.left + 34 + 7.4 * len(name) + 5.4 * len(said), box.top + 26)
    put_arrow(toggle, area, ((left, middle - 3), (left + 9, middle - 3), (left + 4.5, middle + 3)))
    text = put_text(toggle, "nbgraph-label", left + 16, middle + 4.5, name)
    text.set("text-anchor", "start")
    if said:
        more = SubElement(text, "tspan", {"class": "nbgraph-marks", "dx": "8"})
        more.text = said


def put_arrow(toggle: Element, area: Box, points: tuple[tuple[float, float], ...]) -> None:
    sides = {"x": area.left, "y": area.top, "width": area.right - area.left, "height": area.bottom - area.top}
    SubElement(toggle, "rect", {**{side: f"{value:.2f}" for side, value in sides.items()}, "rx": "4"})
    corners = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
    SubElement(toggle, "polygon", {"class": "nbgraph-arrow", "points": corners})


def _dress_edge(group: Element | None, kind: str) -> None:
    if group is None:
        return
    group.set("class", edge_classes(kind))
    label = group.find("text")
    if label is not None:
        label.set("class", "nbgraph-why")
        label.set("y", f"{float(label.get('y', 0)) - 2:.2f}")
        return
    x, y = _middle(group)
    put_text(group, "nbgraph-why", x, y - 4, "")


def node_classes(node: OutlineNode) -> str:
    kind = f" nbgraph-{node.kind}" if node.kind in KINDS else ""
    return f"nbgraph-node{kind}" + ("" if node.defined else " nbgraph-undefined")


def edge_classes(kind: str) -> str:
    return f"nbgraph-edge nbgraph-{kind}" if kind in GUARDS else "nbgraph-edge"


def put_text(parent: Element, name: str, x: float, y: float, text: str) -> Element:
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
