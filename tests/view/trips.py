"""A graph with a subgraph in a subgraph, and a run of it that the tests of the view tell."""

from __future__ import annotations

from nbgraph.core.approvals import Approval
from nbgraph.core.events import (
    ApprovalAsked,
    Event,
    Failure,
    RunStarted,
    Status,
    StatusChanged,
    Taken,
    TaskFinished,
    TaskStarted,
)
from nbgraph.core.outline import Outline, OutlineEdge, OutlineNode
from nbgraph.view.progress import Progress


def node(path: str, kind: str = "function", *marks: str) -> OutlineNode:
    cluster, _, name = path.rpartition("/")
    return OutlineNode(path, kind, True, f"{name}()" if kind == "function" else "", cluster=cluster, marks=marks)


def edges(*pairs: str) -> tuple[OutlineEdge, ...]:
    """Edges from texts such as `a -> b`."""
    return tuple(OutlineEdge(*pair.split(" -> "), "plain", "") for pair in pairs)


TRIP = Outline(
    "trip",
    (
        node("START", "start"),
        node("plan"),
        node("research", "subgraph", "4 at once"),
        node("write", "function", "retry 3", "timeout 30 s"),
        node("END", "end"),
        node("research/START", "start"),
        node("research/search", "function", "retry 2"),
        node("research/deep", "subgraph"),
        node("research/gate", "human"),
        node("research/END", "end"),
        node("research/deep/START", "start"),
        node("research/deep/leaf"),
        node("research/deep/END", "end"),
    ),
    (
        *edges("START -> plan"),
        OutlineEdge("plan", "research", "each", "each topics as topic"),
        *edges("research -> write", "write -> END"),
        *edges("research/START -> research/search", "research/search -> research/deep"),
        *edges("research/deep -> research/gate", "research/gate -> research/END"),
        *edges("research/deep/START -> research/deep/leaf", "research/deep/leaf -> research/deep/END"),
    ),
)
FAILURE = Failure("TimeoutError", "search took longer than its 30 seconds.", "cell 3", TimeoutError())
SECOND = Approval("a1", "r1", "research/gate", 1, "Fine?", {}, ("approve",), {}, 3.0, within="research[1]")


def taken(edge: int) -> tuple[Taken, ...]:
    """Edge number `edge` of the trip, as events tell it: by the names within the subgraph."""
    _, source, target, *_ = (None, *TRIP.edges[edge][:2])
    return (Taken(edge, source.rpartition("/")[2], target.rpartition("/")[2], ""),)


def search(item: int) -> tuple[Event, ...]:
    """The search of one item begins."""
    within = f"research[{item}]"
    return RunStarted(1.0, taken(4), within), TaskStarted("research/search", 1, 1.0, None, within)


def found(item: int, step: int, cached: bool = False) -> TaskFinished:
    """The search of one item is over."""
    return TaskFinished("research/search", 1, 2.0, step, {"found": item}, taken(5), cached, f"research[{item}]")


INTO_THE_SUBGRAPH: tuple[Event, ...] = (
    StatusChanged(Status.RUNNING, 0.0),
    RunStarted(0.0, taken(0)),
    TaskStarted("plan", 1, 0.0),
    TaskFinished("plan", 1, 1.0, 1, {"topics": ["a", "b", "c"]}, taken(1)),
    TaskStarted("research", 1, 1.0, 3),
    *search(0),
    *search(1),
    *search(2),
)
TO_THE_INNER_GATE: tuple[Event, ...] = (
    *INTO_THE_SUBGRAPH,
    found(1, 2),
    TaskStarted("research/deep", 1, 2.0, None, "research[1]"),
    RunStarted(2.0, taken(8), "research[1]/deep"),
    TaskStarted("research/deep/leaf", 1, 2.0, None, "research[1]/deep"),
    TaskFinished("research/deep/leaf", 1, 3.0, 3, {"leaf": 1}, taken(9), False, "research[1]/deep"),
    TaskFinished("research/deep", 1, 3.0, 4, {"leaf": 1}, taken(6), False, "research[1]"),
    TaskStarted("research/gate", 1, 3.0, None, "research[1]"),
    ApprovalAsked(SECOND, 3.0),
)


def travelled(*events: Event) -> Progress:
    """What these events of a trip come to."""
    progress = Progress(TRIP)
    for event in events:
        progress.apply(event)
    return progress
