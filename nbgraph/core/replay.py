"""Replay: a stored run is rebuilt from its records. They are applied as they are; nothing is decided anew.

No condition is evaluated, no function called but reducers, and no node.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nbgraph.core import scheduler
from nbgraph.core.choice import counted_again
from nbgraph.core.events import Taken, TaskError
from nbgraph.core.plan import Edge, Exits, Plan, Stamp
from nbgraph.core.records import Begun, Snapshot, Step
from nbgraph.core.scheduler import Advance, Arrival, Frontier, Task
from nbgraph.core.task_names import EDIT
from nbgraph.core.updates import Later
from nbgraph.core.views import Origin, View


def begun(plan: Plan, inputs: Mapping[str, Any], record: Begun) -> Frontier:
    """The frontier of a run, or of a subgraph, that has just begun."""
    return _moved(*scheduler.before(plan, inputs), record.taken, record.started, record.stamps).frontier


def advanced(frontier: Frontier, id: str, step: Step) -> Advance:
    """What followed when the task `id` had finished as `step` says."""
    writes = tuple([(key, value.value if type(value) is Later else value) for key, value in step.writes])
    if id.startswith(EDIT):
        frontier, _ = scheduler.edit(frontier, dict(writes))
        return Advance(frontier, (), (), (), {})
    after = scheduler.finished(frontier, frontier.active[id], writes, step.errors)
    return _moved(*after, step.taken, step.started, step.stamps)


def _moved(
    frontier: Frontier,
    node: str,
    stamp: Stamp,
    arrival: Arrival,
    taken: tuple[Taken, ...],
    started: tuple[str, ...],
    stamps: tuple[Stamp, ...],
) -> Advance:
    """Send `arrival` along the edges that were taken, and start what was started."""
    plan, _, active, visits, last, _, written, counted = frontier
    exits = plan.exits[node]
    edges = [_edge(exits, each) for each in taken]
    arrived, ended = scheduler.sent(frontier, node, stamp, arrival, edges)
    counted = counted_again(exits, node, stamp, edges, counted)
    active, visits = dict(active), dict(visits)
    tasks = []
    for id, where in zip(started, stamps, strict=True):
        place = id.rpartition("#")[0], where
        tasks.append(scheduler.start(plan, place, arrived, active, last, visits))
    after = Frontier(plan, arrived, active, visits, last, ended, written, counted)
    return Advance(after, tuple(tasks), taken, (), arrival.view.values)


def _edge(exits: Exits, taken: Taken) -> Edge:
    """The edge that was taken; where graphs beside it have become subgraphs since, its number is another one."""
    there = [edge for edge in _edges(exits) if edge.target == taken.target]
    return next((edge for edge in there if edge.place == taken.edge), there[0])


def _edges(exits: Exits) -> Iterator[Edge]:
    yield from exits.always
    yield from exits.errors
    for candidate in exits.choice:
        yield from candidate.edges


# Snapshots


def snapshot(frontier: Frontier, number: int) -> Snapshot | None:
    """The frontier after the step `number` as a record; None while branches see different things."""
    views = {id(view): view for view in _views(frontier)}
    if len(views) != 1:
        return None
    (view,) = views.values()
    if not isinstance(view.history, Origin):
        return None
    rest = {
        "active": [(*task[:4], task.parents, _plain(task.errors)) for task in frontier.active.values()],
        "arrived": [(place, [_sender(each) for each in group]) for place, group in frontier.arrived.items()],
        "last": [(node, _sender(each)) for node, each in frontier.last.items()],
        "ended": [(node, _sender(each)) for node, each in frontier.ended.items()],
        "visits": dict(frontier.visits),
        "written": dict(frontier.written),
        "taken": list(frontier.taken.items()),
    }
    return Snapshot(number, view.values, view.versions, rest)


def restored(plan: Plan, snapshot: Snapshot) -> Frontier:
    """The frontier that a snapshot was taken of."""
    values, versions, rest = snapshot.values, snapshot.versions, snapshot.rest
    view = View(Origin(values, versions), {}, values, versions)

    def arrival(sender: tuple[str, str, int, Any]) -> Arrival:
        id, node, visit, errors = sender
        return Arrival(id, node, visit, view, _errors(errors))

    tasks = [
        Task(id, node, visit, stamp, view, parents, _errors(errors))
        for id, node, visit, stamp, parents, errors in rest["active"]
    ]
    return Frontier(
        plan,
        {place: tuple(map(arrival, group)) for place, group in rest["arrived"]},
        {task.id: task for task in tasks},
        rest["visits"],
        {node: arrival(each) for node, each in rest["last"]},
        {node: arrival(each) for node, each in rest["ended"]},
        rest["written"],
        dict(rest["taken"]),
    )


def _views(frontier: Frontier) -> Iterator[View]:
    yield from (task.view for task in frontier.active.values())
    yield from (each.view for group in frontier.arrived.values() for each in group)
    yield from (each.view for each in frontier.last.values())
    yield from (each.view for each in frontier.ended.values())


def _sender(arrival: Arrival) -> tuple[str, str, int, Any]:
    return arrival.id, arrival.node, arrival.visit, _plain(arrival.errors)


def _plain(errors: Iterable[TaskError]) -> list[tuple[Any, ...]]:
    return [tuple(error) for error in errors]


def _errors(plain: Iterable[tuple[Any, ...]]) -> tuple[TaskError, ...]:
    return tuple(TaskError(*each) for each in plain)
