"""What a picture of a graph needs, as plain data: its nodes, its edges, its name."""

from __future__ import annotations

from typing import NamedTuple


class OutlineNode(NamedTuple):
    """A node to draw. `kind` is "start", "end", "function" or "human"; `defined` is False while only edges name it.

    `signature` is one line such as `draft(topic, [feedback]) -> text`; `code` is its cell's source, or empty;
    `where` names the cell.
    """

    name: str
    kind: str
    defined: bool
    signature: str = ""
    code: str = ""
    where: str = ""


class OutlineEdge(NamedTuple):
    """An edge to draw, at the index that `Taken.edge` names. `label` is its guard as written, such as `if score < 7`.

    `kind` is "plain", "if", "else", "always", "by", "each" or "error".
    """

    source: str
    target: str
    kind: str
    label: str


class Outline(NamedTuple):
    """A graph to draw; `notes` are sentences to show below it (problems), `undefined` counts nodes not yet written."""

    name: str
    nodes: tuple[OutlineNode, ...]
    edges: tuple[OutlineEdge, ...]
    notes: tuple[str, ...] = ()
    undefined: int = 0
