"""Subgraph checks: what keeps a graph that is used as a node from running or from giving a result; what is private."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from nbgraph.core.graph import Graph, Node
from nbgraph.core.problems import Found, Problem
from nbgraph.core.survey import Survey


def inside(survey: Survey, check: Callable[[Graph], Iterable[Problem]]) -> Found:
    """What keeps a subgraph from running keeps the graph that uses it from running too."""
    for name, inner in _walked(survey.graph, survey.nodes):
        for problem in check(inner):
            if problem.severity in ("error", "todo"):
                yield problem._replace(text=f"in {name}: {problem.text}")


def _walked(graph: Graph, nodes: Mapping[str, Node]) -> Iterator[tuple[str, Graph]]:
    """The subgraphs, and the graphs that agents call."""
    for name, inner in graph.subgraphs(nodes):
        if inner.toolbox:
            yield from _walked(inner, inner.nodes)
        else:
            yield name, inner


def hands_out_nothing_known(survey: Survey) -> Found:
    """What a subgraph hands out is known from its last nodes, or said."""
    for name, inner in [each for each in survey.graph.subgraphs(survey.nodes) if not each[1].toolbox]:
        writes = survey.nodes[name].writes
        if not writes.certain:
            known = f"no more than {', '.join(writes.keys)}" if writes.keys else "nothing"
            text = f"{name} hands out {known}, for it is not known what its last nodes write"
            remedy = f"say it: {survey.graph.name}.node({inner.name}, writes=...), or annotate what they return"
            yield Problem("NBG128", "warning", survey.place(name), text, remedy)


def within_itself(survey: Survey) -> Found:
    """A graph that an edge names must not hold the graph of that edge."""
    for name in survey.names:
        inner = survey.graph.graph_named(name) if name not in survey.nodes else None
        if inner is not None:
            text = f"{survey.graph.name} would run within itself: {name} is a graph that is or uses it"
            yield Problem("NBG127", "error", survey.place(name), text, "name another node, or loop over edges")


def private_in_conditions(survey: Survey) -> Found:
    """Conditions and `by` decide on the state, and a private value is no part of it."""
    for reader in survey.readers:
        if reader.in_edge and reader.key in survey.schema.private:
            text = f"a condition after {reader.node} reads {reader.key!r}, which is private"
            remedy = "let a node read it and write what the condition needs"
            yield Problem("NBG126", "error", survey.place(reader.node), text, remedy)


SUBGRAPH_CHECKS: tuple[Callable[[Survey], Found], ...] = (hands_out_nothing_known, within_itself, private_in_conditions)
