"""Checks: all that is wrong, or worth knowing, with a graph as it is declared so far.

Each check is a function from a `Survey` of the graph to problems. Nothing is run; what is not known is not reported
as fine, it is not reported at all.
"""

from __future__ import annotations

from nbgraph.core.agent_checks import AGENT_CHECKS
from nbgraph.core.choice_checks import CHOICE_CHECKS
from nbgraph.core.graph import Graph
from nbgraph.core.key_checks import KEY_CHECKS
from nbgraph.core.problems import Problem, Severity
from nbgraph.core.shape_checks import SHAPE_CHECKS
from nbgraph.core.subgraph_checks import SUBGRAPH_CHECKS, inside
from nbgraph.core.survey import Survey
from nbgraph.core.type_checks import TYPE_CHECKS

__all__ = ["Problem", "Severity", "check"]

_GRAVITY: dict[Severity, int] = {"error": 0, "todo": 1, "warning": 2, "info": 3}


def check(graph: Graph) -> list[Problem]:
    """All problems of `graph`, the grave ones first."""
    survey = Survey(graph)
    checks = (*SHAPE_CHECKS, *CHOICE_CHECKS, *KEY_CHECKS, *TYPE_CHECKS, *SUBGRAPH_CHECKS, *AGENT_CHECKS)
    found = dict.fromkeys(problem for each in checks for problem in each(survey))
    found |= dict.fromkeys(inside(survey, check))
    return sorted(found, key=lambda problem: _GRAVITY[problem.severity])
