"""What tests of policies and patterns share: nodes with options, and events of one kind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from nbgraph.core.approvals import Approval
from nbgraph.core.run import Run
from nbgraph.library import Graph
from tests.core.running import SOON, told

Kind = TypeVar("Kind")


def made(text: str, *nodes: Any, called: str = "g", typed: type | None = None, **options: dict[str, Any]) -> Graph:
    """A graph of `nodes`; the options of the node `x` are given as `x={...}`."""
    graph = Graph(called)
    for node in nodes:
        name = getattr(node, "name", getattr(node, "__name__", ""))
        graph.node(node, **options.get(name, {}))
    if typed is not None:
        graph.state(typed)
    graph.edges(text)
    return graph


def happened(run: Run, kind: type[Kind]) -> list[Kind]:
    """The events of one kind so far."""
    return [event for event in told(run) if isinstance(event, kind)]


def open_questions(run: Run) -> list[Approval]:
    return [approval for approval in run.approvals if approval.answer is None and approval.node in asked_at(run)]


def asked_at(run: Run) -> list[str]:
    """The nodes at which a person is awaited."""
    return run._engine.questions.asking


def failing(times: int, error: type[Exception] = ValueError, value: Any = None) -> Callable[[], Any]:
    """Raises so often, then gives `value`."""
    left = [times]

    def call() -> Any:
        if left[0]:
            left[0] -= 1
            raise error(f"{left[0]} left")
        return value

    return call


class Crowd:
    """Counts who is inside at once: `most` is the largest number that was."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.inside = self.most = self.entered = 0

    def __enter__(self) -> None:
        with self._lock:
            self.inside += 1
            self.entered += 1
            self.most = max(self.most, self.inside)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.inside -= 1


__all__ = ["SOON", "Crowd", "asked_at", "failing", "happened", "made", "open_questions"]
