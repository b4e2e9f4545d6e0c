"""The picture of a run as it stands: colours, icons, counts and taken edges drawn into the SVG itself."""

from __future__ import annotations

from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

from nbgraph.core.outline import Outline, OutlineNode
from nbgraph.view.clusters import ENDS
from nbgraph.view.dot import Drawing
from nbgraph.view.progress import Progress
from nbgraph.view.svg import by_id
from nbgraph.view.values import shorten

ICONS = {"active": "▶\ufe0e", "waiting": "?", "failed": "✗\ufe0e", "cancelled": "×", "done": "✓\ufe0e"}
ICONS["handled"] = ICONS["failed"]
INK, DIM, LINE, PAPER, TAKEN = "#1f2328", "#656d76", "#a3a8ae", "#ffffff", "#31753a"
FONT = "Helvetica, Arial, Liberation Sans, sans-serif"
SHAPES = ("path", "polygon", "ellipse")


class Look(NamedTuple):
    """The colours of a node."""

    line: str
    fill: str


LOOKS = {
    "idle": Look(LINE, PAPER),
    "active": Look("#1976d2", "#e1edf9"),
    "waiting": Look("#d96c00", "#fdeedd"),
    "failed": Look("#d32f2f", "#fbe9e9"),
    "handled": Look("#d32f2f", PAPER),
    "cancelled": Look("#656d76", "#f3f4f5"),
    "done": Look("#388e3c", "#f1f7f1"),
}


def picture(drawing: Drawing, outline: Outline, progress: Progress) -> str:
    """A drawing with a run's progress in it, readable on light and on dark pages."""
    root = fromstring(drawing.svg.replace(' xmlns="http://www.w3.org/2000/svg"', "", 1))
    root.set("xmlns", "http://www.w3.org/2000/svg")
    root.set("font-family", FONT)
    groups = by_id(root)
    for index, node in enumerate(outline.nodes):
        if f"n{index}" in groups:
            _paint_node(groups[f"n{index}"], node, progress, drawing)
        if f"c{index}" in groups:
            _paint_toggle(groups[f"c{index}"])
    for index, edge in enumerate(outline.edges):
        if f"e{index}" in groups:
            _paint_edge(groups[f"e{index}"], progress.edge(index), dashed=edge.kind == "error")
    root.insert(0, _background(root))
    _bare(root)
    return tostring(root, encoding="unicode")


def _background(root: Element) -> Element:
    width, height = root.get("width", "100%"), root.get("height", "100%")
    return Element("rect", {"width": width, "height": height, "rx": "8", "fill": PAPER})


def _paint_node(group: Element, node: OutlineNode, progress: Progress, drawing: Drawing) -> None:
    shown = progress.node(node.name)
    look = LOOKS[shown["state"]]
    if node.kind in ENDS:
        return _paint_end(group, node.kind)
    inked = INK if node.defined else DIM
    for place, shape in enumerate(_of(group, *SHAPES)):
        fill = "none" if place else look.fill  # of a doubled border the outer one comes second
        fill = PAPER if node.name in drawing.open else fill
        shape.attrib.update({"fill": fill, "stroke": look.line, "stroke-width": "1.25"})
        if not node.defined:
            shape.set("stroke-dasharray", "4 3")
    for text in _of(group, "text"):
        small = text.get("class") == "nbgraph-marks"
        text.attrib.update({"fill": DIM if small else inked, "font-size": "10" if small else "13"})
    _paint_mark(group, look.line, shown)
    note = ", ".join(
        filter(None, (shown.get("inside", "") if node.name in drawing.closed else "", shown.get("note", "")))
    )
    _paint_note(group, note)


def _paint_toggle(group: Element) -> None:
    """The name of a cluster; what could be clicked is left out."""
    for element in _of(group, "rect", "polygon"):
        group.remove(element)
    for text in _of(group, "text"):
        text.attrib.update({"fill": INK, "font-size": "13", "x": f"{float(text.get('x', 0)) - 14:.2f}"})
        for more in text:
            more.attrib.update({"fill": DIM, "font-size": "10"})
        rim = fromstring(tostring(text))
        for part in rim.iter():
            part.attrib.update({"fill": PAPER, "stroke": PAPER, "stroke-width": "4"})
        group.insert(0, rim)


def _paint_end(group: Element, kind: str) -> None:
    for place, shape in enumerate(_of(group, "ellipse")):
        filled = kind == "start" or place == 0
        shape.attrib.update({"fill": LINE if filled else "none", "stroke": LINE})
    for text in _of(group, "text"):
        text.attrib.update({"fill": DIM, "font-size": "8.5", "letter-spacing": "0.5"})


def _paint_mark(group: Element, colour: str, shown: dict[str, Any]) -> None:
    marks = {element.get("class"): element for element in group if element.get("class")}
    disc, icon, count = (marks[f"nbgraph-{part}"] for part in ("disc", "icon", "visits"))
    hollow = shown["state"] == "handled"
    disc.attrib.update({"fill": PAPER if hollow else colour, "stroke": colour if hollow else PAPER})
    disc.set("stroke-width", "1.5")
    icon.attrib.update({"fill": colour if hollow else PAPER, "font-size": "10", "font-weight": "bold"})
    icon.text = ICONS.get(shown["state"], "")
    count.attrib.update({"fill": colour, "font-size": "10.5", "font-weight": "bold"})
    count.text = f"{shown['visits']}×" if shown["visits"] > 1 else ""
    if not icon.text:
        group.remove(disc)
    for sign in [element for element in group if element.get("class", "").startswith(("nbgraph-ring", "nbgraph-dot"))]:
        group.remove(sign)


def _paint_note(group: Element, said: str) -> None:
    for text in _of(group, "text"):
        if said and text.get("class") == "nbgraph-note":
            text.attrib.update({"fill": DIM, "font-size": "10"})
            _explain(group, text, said)


def _paint_edge(group: Element, seen: dict[str, object], dashed: bool) -> None:
    colour = TAKEN if seen else LINE
    for path in _of(group, "path"):
        path.attrib.update({"fill": "none", "stroke": colour, "stroke-width": "2" if seen else "1.1"})
        if dashed:
            path.set("stroke-dasharray", "5 3")
    for polygon in _of(group, "polygon"):
        fill = PAPER if polygon.get("class") == "nbgraph-hollow" else colour
        polygon.attrib.update({"fill": fill, "stroke": colour})
    for text in _of(group, "text"):
        text.attrib.update({"fill": INK if seen else DIM, "font-size": "11"})
        if text.get("class") == "nbgraph-why" and seen and seen["reason"]:
            _explain(group, text, shorten(str(seen["reason"]), 44))


def _explain(group: Element, text: Element, reason: str) -> None:
    """Write the reason with a light rim, by a copy below it, since few renderers know paint-order."""
    rim = SubElement(group, "text", {**text.attrib, "stroke": PAPER, "stroke-width": "3", "fill": PAPER})
    rim.text = text.text = reason
    group.remove(text)
    group.append(text)


def _of(group: Element, *tags: str) -> list[Element]:
    return [element for element in group if element.tag in tags]


def _bare(root: Element) -> None:
    """Leave out what only the live picture needs: names for styles and scripts, and room for what is not there."""
    for element in root.iter():
        element.attrib.pop("class", None)
        element.attrib.pop("id", None)
        for text in _of(element, "text"):
            if not text.text and not len(text):
                element.remove(text)
