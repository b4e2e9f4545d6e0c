"""What keeps a subgraph from running, and what is private to a run."""

from __future__ import annotations

from typing import Annotated, Any

import pytest

from nbgraph import Graph, GraphError, Private


def inner_graph(text: str = "START -> search -> END") -> Graph:
    inner = Graph("research")
    inner.edges(text)
    inner.node(lambda: 1, name="search", writes="hits")
    return inner


def codes(graph: Graph) -> list[str]:
    return [problem.code for problem in graph.check()]


def test_a_subgraph_that_can_run_is_no_problem() -> None:
    outer = Graph("outer")
    outer.node(inner_graph())
    outer.edges("START -> research -> END")
    assert outer.check() == []


def test_what_keeps_a_subgraph_from_running_is_a_problem_of_the_outer_graph() -> None:
    outer = Graph("outer")
    outer.node(inner_graph("START -> search -> summarize -> END"))
    outer.edges("START -> research -> END")
    assert "in research: the node summarize is not written yet" in [problem.text for problem in outer.check()]
    with pytest.raises(GraphError, match="in research"):
        outer.run()


def test_nbg127_a_graph_that_an_edge_names_cannot_hold_that_edge() -> None:
    outer, inner = Graph("outer"), inner_graph("START -> search -> outer -> END")
    known: dict[str, Any] = {"outer": outer, "research": inner}
    outer.lookup = inner.lookup = known.get
    outer.edges("START -> research -> END")
    assert "NBG127" in codes(outer)


def test_nbg126_no_condition_reads_what_is_private() -> None:
    graph = Graph("g")

    @graph.state
    class State:
        client: Annotated[object, Private(object)]

    graph.node(lambda client: {"x": 1}, name="a")
    graph.edges("START -> a; a -> END if client; a -> END else")
    assert "NBG126" in codes(graph)


def test_nbg128_a_subgraph_whose_result_is_not_known() -> None:
    inner, name = Graph("research"), "computed"
    inner.node(lambda: {name: 1}, name="search")
    inner.edges("START -> search -> END")
    outer = Graph("outer")
    outer.node(inner)
    outer.edges("START -> research -> END")
    assert codes(outer) == ["NBG128"]
    outer.node(inner, writes="computed")
    assert codes(outer) == []
