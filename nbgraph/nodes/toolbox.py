"""Toolboxes: what an agent may call: functions, graphs, and handing over to another agent."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from nbgraph.core.context import Context
from nbgraph.core.graph import Graph, Node
from nbgraph.core.inputs import describe_inputs, signature
from nbgraph.core.signature import source_of
from nbgraph.errors import DeclarationError, brief
from nbgraph.models.tools import Tool, function_tool
from nbgraph.nodes.subgraph import LIMIT, SubgraphBody, subgraph_node

HAND_OVER = "transfer_to_"
CIRCULAR = object()  # stands for a graph that the agent is in itself


class Toolbox:
    """The tools of one agent, by name.

    `graphs` holds those that are graphs, as nodes of it. `missing` are names that stand for nothing callable yet,
    `circular` those of graphs that the agent is in itself.
    """

    def __init__(self, name: str, found: Mapping[str, Any], handoffs: Iterable[str]) -> None:
        self.graphs = Graph(name, lookup=None, toolbox=True)
        self.circular = tuple(each for each, tool in found.items() if tool is CIRCULAR)
        self.missing = tuple(each for each, tool in found.items() if not _is_tool(tool) and tool is not CIRCULAR)
        self.handoffs = {HAND_OVER + node: node for node in handoffs}
        self.tools: dict[str, Tool] = {}
        for each, tool in found.items():
            if isinstance(tool, Graph):
                self.tools[each] = self._of_graph(each, tool)
            elif _is_tool(tool):
                self.tools[each] = function_tool(tool, each)

    @property
    def schemas(self) -> tuple[Mapping[str, Any], ...]:
        """What the model is told of them."""
        return (*(tool.schema for tool in self.tools.values()), *map(_handing_over, self.handoffs.values()))

    @property
    def names(self) -> tuple[str, ...]:
        """All that the model may call."""
        return (*self.tools, *self.handoffs)

    @cached_property
    def code(self) -> tuple[str, ...]:
        """The text of what the tools do, as far as it is known; that of graphs among them is theirs to tell."""
        return tuple(f"{tool.schema}\n{source_of(tool.function)}" for tool in self.tools.values())

    def _of_graph(self, name: str, graph: Graph) -> Tool:
        self.graphs.add(subgraph_node(graph, name=name))

        def call(**inputs: Any) -> None:
            """Stands for the graph, which `use` walks."""

        call.__signature__ = _plain_signature(graph)  # type: ignore[attr-defined]
        call.__doc__ = f"{graph.name} {signature(graph)}.\n\n{describe_inputs(graph)}"
        return function_tool(call, name)

    async def use(self, name: str, arguments: dict[str, Any], context: Context) -> Any:
        """What the tool returns for arguments that fit it."""
        node = self.graphs.declared.get(name)
        if node is not None:
            return await self._walk(node, arguments, context)
        tool = self.tools[name]
        if tool.takes_context:
            arguments = {**arguments, "ctx": context}
        if not tool.blocking:
            return await tool.call(arguments)
        returned = await context.in_thread(lambda **given: tool.call(given), arguments)
        return await returned if inspect.isawaitable(returned) else returned

    async def _walk(self, node: Node, arguments: dict[str, Any], context: Context) -> Any:
        """What a graph hands out: one value as it is, several by their keys."""
        body = (node.now() if node.now else node).body
        assert isinstance(body, SubgraphBody)
        state = await context.walk(body.graph, arguments, LIMIT)
        handed = {key: state[inner] for key, inner in body.writes.items() if inner in state}
        return next(iter(handed.values())) if len(handed) == 1 else handed


def _is_tool(found: Any) -> bool:
    return isinstance(found, Graph) or (callable(found) and not isinstance(found, type))


def _plain_signature(graph: Graph) -> inspect.Signature:
    """The inputs of a graph as parameters; run options, which its own signature may tell too, are none."""
    return signature(graph).replace(return_annotation=inspect.Signature.empty)


def _handing_over(node: str) -> dict[str, Any]:
    said = {"type": "string", "description": "Why, and what the other should know, in a sentence or two."}
    nothing_needed = {"type": "object", "properties": {"reason": said}, "required": [], "additionalProperties": False}
    told = f"Hand the conversation over to {node}, who goes on with it."
    return {
        "type": "function",
        "function": {"name": HAND_OVER + node, "description": told, "parameters": nothing_needed},
    }


def named_tools(agent: str, given: Iterable[Any]) -> dict[str, Any]:
    """Tools as they were given, by name: a name stands for itself until it is looked up.

    Raises:
        DeclarationError: one is no name, function or graph, or two have one name.
    """
    named: dict[str, Any] = {}
    for tool in (given,) if isinstance(given, str) else given:
        name = tool if isinstance(tool, str) else getattr(tool, "name", getattr(tool, "__name__", ""))
        if not isinstance(name, str) or not name or not (isinstance(tool, str) or _is_tool(tool)):
            raise DeclarationError(f"{agent}: a tool is a function or a graph, or the name of one, not {brief(tool)}.")
        if name in named:
            raise DeclarationError(f"{agent} is given two tools with the name {name!r}; give one of them another name.")
        named[name] = tool
    return named


def looked_up(named: Mapping[str, Any], home: Graph | None) -> dict[str, Any]:
    """The same with what the notebook of `home` has for the names now; None where it has nothing."""
    find = (home and home.lookup) or (lambda name: None)
    found = {name: find(name) if isinstance(tool, str) else tool for name, tool in named.items()}
    return {name: CIRCULAR if _holds(tool, home) else tool for name, tool in found.items()}


def _holds(tool: Any, home: Graph | None) -> bool:
    return home is not None and isinstance(tool, Graph) and tool.holds(home)
