"""Subgraph checks: what keeps a graph that is used as a node from running, and what is private to a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nbgraph.core.graph import Graph
from nbgraph.core.problems import Found, Problem
from nbgraph.core.survey import Survey


def inside(survey: Survey, check: Callable[[Graph], Iterable[Problem]]) -> Found:
    """What keeps a subgraph from running keeps the graph that uses it from running too."""
    for name, inner in survey.graph.subgraphs(survey.nodes):
        for problem in check(inner):
            if problem.severity in ("error", "todo"):
                yield problem._replace(text=f"in {name}: {problem.text}")


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
