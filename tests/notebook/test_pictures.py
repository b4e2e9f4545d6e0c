"""Pictures of graphs that follow their declarations."""

from __future__ import annotations

import gc

import pytest
from fresh_notebook import Notebook

from nbgraph import Graph
from nbgraph.notebook import pictures


def shown(graph: Graph) -> pictures.Picture:
    return pictures._pictures[graph]


@pytest.fixture
def graph(notebook: Notebook) -> Graph:
    """A graph with a picture."""
    essay: Graph = notebook["essay"]
    essay.edges("START -> draft -> END")
    notebook.shell.user_ns["show_picture"] = pictures.show_picture
    notebook.run("show_picture(essay)")
    return essay


def test_every_picture_of_a_graph_is_one_widget(notebook: Notebook, graph: Graph) -> None:
    before = shown(graph).widget
    notebook.run("show_picture(essay)")
    assert shown(graph).widget is before


def test_a_cell_that_changes_the_graph_changes_the_picture(notebook: Notebook, graph: Graph) -> None:
    assert shown(graph).widget.drawing["undefined"] == 1
    notebook.run("%%node\ndef draft():\n    return {'text': 1}")
    assert shown(graph).widget.drawing["undefined"] == 0


def test_a_cell_that_changes_nothing_draws_nothing(notebook: Notebook, graph: Graph) -> None:
    before = shown(graph).widget.drawing
    notebook.run("1 + 1")
    assert shown(graph).widget.drawing is before


def test_a_graph_without_a_picture_is_refreshed_for_nothing() -> None:
    graph = Graph("plain")
    pictures.refresh(graph)
    assert graph not in pictures._pictures


@pytest.mark.slow
def test_a_graph_that_is_gone_takes_its_picture_along() -> None:
    graph = Graph("gone")
    pictures._pictures[graph] = pictures.Picture(graph.outline(), graph.revision)
    del graph
    gc.collect()
    assert "gone" not in {each.name for each in pictures._pictures}
