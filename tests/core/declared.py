"""Graphs for the tests of checks: a few lines each, with nodes whose source can be found."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from nbgraph.core.checks import Problem
from nbgraph.library import Graph


def returning(source: str, name: str = "n", **known: Any) -> Callable[..., Any]:
    """The function `name` of `source`, which may use what is `known`."""
    file = f"<check {len(linecache.cache)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    space: dict[str, Any] = dict(known)
    exec(compile(source, file, "exec"), space)
    return space[name]  # type: ignore[no-any-return]


def graph(
    text: str, *, write: dict[str, str] | None = None, gives: dict[str, Any] | None = None, **signatures: str
) -> Graph:
    """A graph with all its nodes.

    Args:
        write: the expressions that they return, None by default.
        gives: their return annotations.
        signatures: their parameters.
    """
    made = Graph("g")
    if text:
        made.edges(text)
    for name in made.names():
        body = (write or {}).get(name, "None")
        function = returning(f"def {name}({signatures.get(name, '')}):\n    return {body}\n", name)
        if name in (gives or {}):
            function.__annotations__["return"] = (gives or {})[name]
        made.node(function)
    return made


def joining(made: Graph, **joins: Any) -> Graph:
    """The same graph, with nodes that join otherwise."""
    for name, join in joins.items():
        made.add(replace(made.nodes[name], join=join))
    return made


def state(made: Graph, annotations: dict[str, Any], **defaults: Any) -> Graph:
    """The same graph with a state of these types and defaults."""
    made.state(type("State", (), {"__annotations__": annotations, **defaults}))
    return made


def codes(made: Graph) -> list[str]:
    return [problem.code for problem in made.check()]


def only(made: Graph, code: str) -> Problem:
    found = [problem for problem in made.check() if problem.code == code]
    assert len(found) == 1, made.check()
    return found[0]
