"""A graph with agents, one of which calls a graph as a tool, and what they say: for the tests of the view."""

from __future__ import annotations

from nbgraph.core.events import (
    Event,
    Failure,
    ModelCalled,
    ModelWrote,
    RunStarted,
    Status,
    StatusChanged,
    Taken,
    TaskFinished,
    TaskRetried,
    TaskStarted,
    ToolCalled,
)
from nbgraph.core.outline import Outline
from nbgraph.errors import ModelError
from nbgraph.view.progress import Progress
from tests.view.trips import edges, node

DESK = Outline(
    "desk",
    (
        node("START", "start"),
        node("ops", "agent", "gpt-5-mini", "tools search, delete"),
        node("poet", "agent"),
        node("END", "end"),
        node("ops/search", "subgraph"),
        node("ops/search/START", "start"),
        node("ops/search/find"),
        node("ops/search/END", "end"),
    ),
    (
        *edges("START -> ops", "ops -> poet", "poet -> END"),
        *edges("ops/search/START -> ops/search/find", "ops/search/find -> ops/search/END"),
    ),
)
TO_POET = (Taken(1, "ops", "poet", ""),)


def wrote(text: str, node: str = "ops", visit: int = 1, call: str = "model1", item: int | None = None) -> ModelWrote:
    """A piece of what a model writes."""
    return ModelWrote(node, visit, 1.0, call, text, "gpt-5-mini", item)


def called(
    node: str = "ops", visit: int = 1, call: str = "model1", cost: float | None = 0.0012, item: int | None = None
) -> ModelCalled:
    """A model has answered."""
    return ModelCalled(node, visit, 2.0, call, "gpt-5-mini", 1204, 300, 88, cost, 0.8, item)


def used(result: str = "3 results", failed: bool = False, call: str = "tool1.1", **arguments: object) -> ToolCalled:
    """A tool has returned."""
    return ToolCalled("ops", 1, 2.5, call, "search", arguments or {"query": "bees"}, result, failed, 0.1)


def again(call: str = "model1", node: str = "ops") -> TaskRetried:
    """A call, or the whole task, is tried again."""
    error = ModelError("the endpoint answered 429: slow down.", status=429, again=True, wait=3.0)
    return TaskRetried(node, 1, 1.5, 1, Failure("ModelError", str(error), "", error), 3.0, None, "", call)


def started(node: str = "ops", visit: int = 1) -> TaskStarted:
    """A task begins."""
    return TaskStarted(node, visit, 0.5)


def finished(node: str = "ops", visit: int = 1, step: int = 1) -> TaskFinished:
    """A task is over."""
    return TaskFinished(node, visit, 3.0, step, {node: "Bees dance."}, TO_POET if node == "ops" else ())


TO_THE_TOOL: tuple[Event, ...] = (
    StatusChanged(Status.RUNNING, 0.0),
    started(),
    wrote("Let me "),
    wrote("look."),
    called(),
    RunStarted(2.1, (Taken(3, "START", "find", ""),), "ops/search#1.1"),
    TaskStarted("ops/search/find", 1, 2.1, None, "ops/search#1.1"),
)
TO_THE_ANSWER: tuple[Event, ...] = (
    *TO_THE_TOOL,
    TaskFinished("ops/search/find", 1, 2.2, 1, {"found": 3}, (Taken(4, "find", "END", ""),), False, "ops/search#1.1"),
    used(),
    wrote("Bees ", call="model2"),
    wrote("dance.", call="model2"),
    called(call="model2", cost=None),
    finished(step=2),
    started("poet"),
)
TO_THE_END: tuple[Event, ...] = (
    *TO_THE_ANSWER,
    wrote("O bees", "poet"),
    called("poet"),
    finished("poet", step=3),
    StatusChanged(Status.DONE, 4.0),
)


def talked(*events: Event) -> Progress:
    """What these events come to."""
    progress = Progress(DESK)
    for event in events:
        progress.apply(event)
    return progress
