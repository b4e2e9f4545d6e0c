"""Inspecting: what the page of a run may ask about visits, values, keys and edges, from what is stored of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nbgraph.core.lookback import Lookback
from nbgraph.core.outline import Outline
from nbgraph.core.task_names import place_of
from nbgraph.errors import RunError
from nbgraph.view import inspector
from nbgraph.view.graph_widget import Answer
from nbgraph.view.outputs import Outputs
from nbgraph.view.paging import Shelf
from nbgraph.view.previews import parts_page

Asked = Mapping[str, Any]


class Inspecting:
    """Answers what is asked of one run; it holds the one visit and the one state that were looked at last.

    Args:
        lookback: gives what looks back on the run.
        outline: gives the graph as the run knows it.
    """

    def __init__(self, lookback: Callable[[], Lookback], outline: Callable[[], Outline]) -> None:
        self._lookback, self._outline = lookback, outline
        self._shelf = Shelf(lookback)
        self._outputs = Outputs()
        self.hear = self._outputs.hear

    @property
    def answers(self) -> Mapping[str, Answer]:
        """What may be asked for, by name."""
        return {
            "visit": self._visit,
            "tab": self._tab,
            "value": lambda asked: {"page": self._shelf.page(asked)},
            "edge": self._edge,
            "uses": self._uses,
        }

    def why_not(self, node: str) -> str:
        """Why no edge has led to a node of a run that is over."""
        lookback, edges = self._lookback().read(), self._outline().edges
        leading = [index for index, edge in enumerate(edges) if edge.target == node]
        told = [inspector.edge_told(lookback.edge(index)) for index in leading[:10]]
        # in a run that is over nothing waits any more
        return " ".join(f"{edge['name']} {edge['why']}." for edge in told if edge["why"].startswith("was not taken"))

    def _visit(self, asked: Asked) -> Asked:
        """A visit of a `node`: `which` is its number; else that at the `step`, else the last."""
        node, lookback = str(asked.get("node")), self._lookback().read()
        marks = lookback.visits(node)
        place = inspector.chosen(marks, asked.get("step"), asked.get("which"))
        told = {"node": node, "of": len(marks), "edges": inspector.around(self._outline(), node)}
        if place is None:
            return {"visit": told}
        visit = self._shelf.visit(marks[place].task, lookback)
        within = place_of(visit.task).within
        log = self._outputs.of(within, visit.node, visit.number)
        return {"visit": {**told, **inspector.head(visit, place + 1, len(marks), log)}}

    def _tab(self, asked: Asked) -> Asked:
        """A page of one tab of the visit that is the `task`."""
        return {"page": self._page(asked)}

    def _page(self, asked: Asked) -> Asked:
        visit, offset = self._shelf.visit(str(asked.get("task"))), int(asked.get("offset", 0))
        match asked.get("tab"):
            case "diff" if "key" in asked:
                return inspector.difference(visit, str(asked["key"]), offset)
            case "diff":
                return inspector.changes(visit, offset)
            case "input":
                return parts_page(visit.inputs, offset)
            case "update":
                return parts_page(visit.update, offset)
            case "model":
                return inspector.talk(visit, inspector.tools(self._outline(), visit.node), offset)
        raise RunError(f"there is no tab {asked.get('tab')!r}.")

    def _edge(self, asked: Asked) -> Asked:
        """An edge of the picture, by its `index`; as it stood after a `step` where one is given."""
        return {"edge": inspector.edge_told(self._lookback().edge(asked["index"], asked.get("step")))}

    def _uses(self, asked: Asked) -> Asked:
        """Who wrote a `key`, and who reads it."""
        key = str(asked.get("key"))
        return {"uses": inspector.key_told(key, self._lookback().uses(key, str(asked.get("within", ""))))}
