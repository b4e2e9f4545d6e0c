"""The live picture of a graph in a notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import anywidget
import traitlets

from nbgraph.core.outline import Outline
from nbgraph.errors import told
from nbgraph.view.dot import draw, written
from nbgraph.view.folding import merged
from nbgraph.view.mermaid import mermaid
from nbgraph.view.progress import Progress
from nbgraph.view.scripts import packed
from nbgraph.view.values import shorten

ACTIONS = ("cancel", "pause", "resume", "next")
STOPS = ("before", "after", None)
DIRECTIONS = ("LR", "TB")
FORMS = {"dot": written, "mermaid": mermaid}

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class GraphWidget(anywidget.AnyWidget):
    """A graph drawn, and a run of it lit up. Subgraphs are opened and closed by a click.

    Args:
        outline: the graph.
        on_action: called with "cancel", "pause", "resume" or "next" when that button is clicked; without it there are
            none.
        on_break: called with a node and "before", "after" or None when the run is to pause there, or no more.
        answers: what the page may ask for, by name: each is called with what it wants to know, and gives it as plain
            data. "node" is what is shown of a node, as `Progress.details` gives it; without it only its code is.
        later: calls what changes the picture, where all such calls must come one after another.
    """

    _esm = packed("graph")
    drawing = traitlets.Dict().tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    actions = traitlets.Bool(False).tag(sync=True)
    family = traitlets.Dict().tag(sync=True)
    asks = traitlets.Dict(default_value={"here": 0, "all": 0, "latest": ""}).tag(sync=True)

    def __init__(
        self,
        outline: Outline,
        on_action: Callable[[str], None] | None = None,
        on_break: Callable[[str, str | None], None] | None = None,
        answers: Mapping[str, Answer] | None = None,
        later: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._on_action, self._on_break = on_action, on_break
        own: dict[str, Answer] = {"node": self._code, "export": self._export}
        self._answers, self._later = {**own, **(answers or {})}, later or _at_once
        self._outline = outline
        self._chosen: dict[str, bool] = {}
        self._direction = ""
        super().__init__(drawing=_drawing(outline, {}, ""), actions=on_action is not None)
        self.on_msg(self._receive)

    def __repr__(self) -> str:
        return f"<picture of {self._outline.name}>"

    def show(self, outline: Outline) -> None:
        """Draw the graph again, if it changed."""
        if outline != self._outline:
            self._outline = outline
            self._redraw()

    def send_status(self, snapshot: Mapping[str, Any]) -> None:
        """Show a whole snapshot of `Progress`; also what a page loaded later begins with."""
        self.status = dict(snapshot)

    def send_changes(self, changes: Mapping[str, Any]) -> None:
        """Show what `Progress.changes` gave, by one small message; nothing is sent when it is empty."""
        if not changes:
            return
        # the trait is changed in place, so that a page loaded later asks for it and misses nothing, yet no
        # message with the whole of it is sent now
        self.status.update(merged(self.status, changes))
        self.send({"kind": "changes", **changes})

    def _receive(self, _: object, content: Mapping[str, Any], buffers: object) -> None:
        match content:
            case {"kind": "ask", "what": str(what), "number": int(number)} if what in self._answers:
                self._answer(lambda: self._tell(number, self._answers[what](content)), number)
            case {"kind": "act", "action": str(action)} if action in ACTIONS and self._on_action:
                self._answer(partial(self._on_action, action))
            case {"kind": "break", "node": str(node), "when": when} if when in STOPS and self._on_break:
                self._answer(partial(self._on_break, node, when))
            case {"kind": "toggle", "node": str(node), "open": bool(opened)}:
                self._answer(lambda: self._toggle(node, opened))
            case {"kind": "turn", "direction": str(direction)} if direction in DIRECTIONS:
                self._answer(lambda: self._turn(direction))

    def _answer(self, do: Callable[[], object], number: int = 0) -> None:
        # what is raised in a widget's callback appears nowhere
        try:
            do()
        except Exception as error:
            refused = {"kind": "refused", "text": shorten(told(error), 300)}
            self.send({**refused, "number": number} if number else refused)

    def _tell(self, number: int, answer: Mapping[str, Any]) -> None:
        self.send({"kind": "told", "number": number, **answer})

    def _code(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        return Progress(self._outline).details(str(asked.get("node")))

    def _export(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The picture as a text in another form."""
        direction = self.drawing["direction"] or DIRECTIONS[0]
        return {"text": FORMS[asked["form"]](self._outline, self._chosen, direction)}

    def _turn(self, direction: str) -> None:
        """Draw the graph from left to right or from top to bottom, from now on."""
        self._direction = direction
        self._redraw()

    def _toggle(self, name: str, opened: bool) -> None:
        """Draw a subgraph with or without what is in it, from now on."""
        if any(node.name == name for node in self._outline.nodes):
            self._chosen = {**self._chosen, name: opened}
            self._redraw()

    def _redraw(self) -> None:
        asked = self._outline, self._chosen, self._direction
        drawing = _drawing(*asked)  # here, since it may take a while

        def put() -> None:
            if asked == (self._outline, self._chosen, self._direction):  # else a later drawing is on its way
                self.drawing = drawing

        self._later(put)


def _at_once(call: Callable[[], None]) -> None:
    call()


def _drawing(outline: Outline, chosen: Mapping[str, bool], direction: str) -> dict[str, Any]:
    """A picture as the script wants it: SVG, and the nodes and edges that belong to its ids."""
    drawn = draw(outline, chosen, direction)
    place = {node.name: index for index, node in enumerate(outline.nodes)}
    return {
        "name": outline.name,
        "direction": drawn.direction,
        "edges": [[place[edge.source], place[edge.target]] for edge in outline.edges],
        "svg": drawn.svg,
        "nodes": [
            {
                "name": node.name,
                "kind": node.kind,
                "defined": node.defined,
                "open": node.name in drawn.open,
                "cluster": node.cluster,
            }
            for node in outline.nodes
        ],
        "notes": list(outline.notes),
        "undefined": outline.undefined,
    }
