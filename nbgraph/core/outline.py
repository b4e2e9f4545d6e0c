"""What a picture of a graph needs, as plain data: its nodes, its edges, its name."""

from __future__ import annotations

from typing import NamedTuple


class OutlineNode(NamedTuple):
    """A node to draw. `kind` is "start", "end", "function", "human" or "subgraph".

    `defined` is False while only edges name it. `signature` is one line such as `draft(topic, [feedback]) -> text`;
    `code` is its cell's source, or empty; `where` names the cell. A node of a subgraph has a path as its name, such as
    `research/search`, and stands in the `cluster` `research`. `marks` are a few words each on how it is called.
    """

    name: str
    kind: str
    defined: bool
    signature: str = ""
    code: str = ""
    where: str = ""
    cluster: str = ""
    marks: tuple[str, ...] = ()


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

    def with_inner(self, inner: Outline) -> Outline:
        """This outline, with the nodes and edges of a subgraph after its own."""
        nodes, listed = (*self.nodes, *inner.nodes), (*self.edges, *inner.edges)
        return self._replace(nodes=nodes, edges=listed, undefined=self.undefined + inner.undefined)
