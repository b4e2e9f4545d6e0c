"""Pictures of graphs under declaration, each kept current as cells are run."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from IPython.display import display

from nbgraph.core import graph as core
from nbgraph.core.outline import Outline
from nbgraph.library import Graph
from nbgraph.notebook.comms import deliver_while_busy
from nbgraph.view.graph_widget import GraphWidget


class Picture:
    """The picture of one graph: however often it is displayed, there is one widget behind it."""

    def __init__(self, outline: Outline, drawn: object) -> None:
        self.widget = GraphWidget(outline)
        self.drawn = drawn
        deliver_while_busy([self.widget])

    def refresh(self, graph: Graph) -> None:
        """Draw the graph again, if it or a graph that is drawn inside it changed."""
        now = _revisions(graph)
        if now != self.drawn:
            self.drawn = now
            self.widget.show(graph.outline())


def _revisions(graph: core.Graph) -> tuple[object, ...]:
    """What tells a graph and its subgraphs, as they are now, from what they were before."""
    inner = graph.subgraphs(graph.nodes)
    return (id(graph), graph.revision, *((name, _revisions(subgraph)) for name, subgraph in inner))


# a graph that is gone takes its picture along
_pictures: WeakKeyDictionary[Graph, Picture] = WeakKeyDictionary()


def show_picture(graph: Graph) -> None:
    """Display the graph in the current cell; `refresh` keeps the picture current."""
    picture = _pictures.get(graph)
    if picture is None:
        picture = _pictures[graph] = Picture(graph.outline(), _revisions(graph))
    picture.refresh(graph)
    display(picture.widget)


def refresh(graph: Graph) -> None:
    """Let every picture of the graph show what has changed; costs nothing where nothing did or none is displayed."""
    picture: Any = _pictures.get(graph)
    if picture is not None:
        picture.refresh(graph)
