"""Agent checks: the tools that agents name, and where a handoff leads."""

from __future__ import annotations

from collections.abc import Callable

from nbgraph.core.problems import Found, Problem
from nbgraph.core.survey import Survey


def tools_not_written(survey: Survey) -> Found:
    """A tool is a function or a graph of the notebook; which one is found when a run starts."""
    for name, node in survey.nodes.items():
        for tool in getattr(node.body, "missing", ()):
            remedy = f"run the cell that defines the function or graph {tool}"
            yield Problem("NBG129", "todo", node.where, f"the tool {tool} of {name} is not written yet", remedy)


def tools_that_hold_their_agent(survey: Survey) -> Found:
    """A graph that an agent calls must not hold the agent."""
    for name, node in survey.nodes.items():
        for tool in getattr(node.body, "circular", ()):
            text = f"{name} would run within itself: its tool {tool} is a graph that is or uses {survey.graph.name}"
            yield Problem("NBG131", "error", node.where, text, "give it another graph, or loop over edges")


def handoffs_that_lead_nowhere(survey: Survey) -> Found:
    """An agent hands over by a key, which an edge has to follow."""
    for name, node in survey.nodes.items():
        handoffs = node.writes.names.get("handoff", ()) if node.kind == "agent" else ()
        followed = any(each.guard.key == "handoff" for each in survey.choices.get(name, ()))
        if handoffs and not followed and name in survey.linked:
            text = f"{name} may hand over to {', '.join(handoffs)}, and no edge out of it follows that"
            remedy = f"add {name} -> {', '.join(handoffs)} by handoff, and {name} -> END else"
            yield Problem("NBG130", "warning", node.where, text, remedy)


AGENT_CHECKS: tuple[Callable[[Survey], Found], ...] = (
    tools_not_written,
    tools_that_hold_their_agent,
    handoffs_that_lead_nowhere,
)
