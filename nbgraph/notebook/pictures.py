"""Pictures of graphs under declaration, each kept current as cells are run."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from IPython.display import display

from nbgraph.core.outline import Outline
from nbgraph.library import Graph
from nbgraph.notebook.comms import deliver_while_busy
from nbgraph.view.graph_widget import GraphWidget


class Picture:
    """The picture of one graph: however often it is displayed, there is one widget behind it."""

    def __init__(self, outline: Outline, revision: int) -> None:
        self.widget = GraphWidget(outline)
        self.revision = revision
        deliver_while_busy([self.widget])

    def refresh(self, graph: Graph) -> None:
        """Draw the graph again, if it changed."""
        if graph.revision != self.revision:
            self.revision = graph.revision
            self.widget.show(graph.outline())


# a graph that is gone takes its picture along
_pictures: WeakKeyDictionary[Graph, Picture] = WeakKeyDictionary()


def show_picture(graph: Graph) -> None:
    """Display the graph in the current cell; `refresh` keeps the picture current."""
    picture = _pictures.get(graph)
    if picture is None:
        picture = _pictures[graph] = Picture(graph.outline(), graph.revision)
    picture.refresh(graph)
    display(picture.widget)


def refresh(graph: Graph) -> None:
    """Let every picture of the graph show what has changed; costs nothing where nothing did or none is displayed."""
    picture: Any = _pictures.get(graph)
    if picture is not None:
        picture.refresh(graph)
