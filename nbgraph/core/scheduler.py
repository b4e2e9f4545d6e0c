"""The scheduler: which tasks start when, and what each of them sees. Pure: no clock, no chance, no I/O, no await.

`begin` and `advance` take a frontier and return the next one with the tasks to start; a frontier is never changed.
The rule is that of timely dataflow (Murray et al., "Naiad", SOSP 2013, could-result-in): a node is ready when nothing
active could still lead to it. A task's view is what happened on the paths that led to it; where views meet they are
merged like branches, so that no result depends on timing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from nbgraph.core.choice import Counted, choose
from nbgraph.core.events import Taken
from nbgraph.core.graph import END, START
from nbgraph.core.plan import Plan, Stamp
from nbgraph.core.state import fold_into, plain_value
from nbgraph.core.views import Commit, Origin, View, Writes, meet, refold
from nbgraph.errors import WriteConflict


class Arrival(NamedTuple):
    """What the finished task `id` sends along its edges."""

    id: str
    node: str
    visit: int
    view: View


class Task(NamedTuple):
    """One execution of one node, with an id such as `draft#2`; its view was merged from those of its `parents`."""

    id: str
    node: str
    visit: int
    stamp: Stamp
    view: View
    parents: tuple[str, ...]


class Frontier(NamedTuple):
    """Where a run stands.

    `arrived`: what waits to start, by node and stamp. `active`: the tasks that were started and have not finished.
    `last`: the latest task of each node in a loop. `ended`: what reached END, the latest of each node (its earlier ones
    are in its past). `written`: how often each plain key was written, and by whom last. `taken`: how often a limited
    statement was taken by a source since its loop was entered.
    """

    plan: Plan
    arrived: Mapping[tuple[str, Stamp], tuple[Arrival, ...]]
    active: Mapping[str, Task]
    visits: Mapping[str, int]
    last: Mapping[str, Arrival]
    ended: Mapping[str, Arrival]
    written: Mapping[str, tuple[int, str]]
    taken: Counted

    @property
    def finished(self) -> bool:
        """Whether everything has reached END."""
        return not self.arrived and not self.active


class Advance(NamedTuple):
    """The next frontier, the tasks to start, and the edges that were taken to get there."""

    frontier: Frontier
    started: tuple[Task, ...]
    taken: tuple[Taken, ...]


def begin(plan: Plan, inputs: Mapping[str, Any]) -> Advance:
    """The first tasks of a run with `inputs`, which are the state before the first node."""
    values = {**plan.schema.fresh_defaults(), **inputs}
    view = View(Origin(values, {}), {}, values, {})
    return _follow(Frontier(plan, {}, {}, {}, {}, {}, {}, {}), START, (), Arrival(START, START, 0, view))


def advance(frontier: Frontier, task: Task, writes: Writes) -> Advance:
    """What follows when `task` has finished with `writes`.

    Raises:
        WriteConflict: a task beside this one wrote the same plain key.
        UpdateError: a reducer refused a value.
        MissingKey, ConditionFailed, RoutingError: the choice that the task has to make cannot be made.
    """
    plan, arrived, active, visits, last, ended, written, counted = frontier
    active = dict(active)
    del active[task.id]
    # alone, and everything is in its past: the history starts again, so that it does not grow with the run
    alone = not active and not arrived and not ended
    view, written = _commit(frontier, task, writes, alone)
    arrival = Arrival(task.id, task.node, task.visit, view)
    if alone:
        last = {}
    if plan.loops.around[task.node]:
        last = {**last, task.node: arrival}
    after = Frontier(plan, arrived, active, visits, last, ended, written, counted)
    return _follow(after, task.node, task.stamp, arrival)


def state(frontier: Frontier) -> Mapping[str, Any]:
    """All that has happened so far, merged as END would merge it; the final state when the run has finished."""
    arrivals = [arrival for group in frontier.arrived.values() for arrival in group]
    tasks = [Arrival(task.id, task.node, task.visit, task.view) for task in frontier.active.values()]
    tips = _sorted(frontier.plan, [*frontier.ended.values(), *arrivals, *tasks])
    return _merge(frontier.plan, tips).values if tips else {}


def adopt(frontier: Frontier, plan: Plan) -> Frontier:
    """The same frontier under a plan with the same edges: new node bodies, new reducers.

    A key that gained a reducer is folded anew from its history, so that a conflict over it can be mended.
    """
    old, new = frontier.plan.schema.reducers, plan.schema.reducers
    changed = {key: reducer for key, reducer in new.items() if old.get(key) is not reducer}
    frontier = frontier._replace(plan=plan)
    if not changed:
        return frontier

    def refolded(view: View) -> View:
        plain = {key: version for key, version in view.versions.items() if key not in changed}
        return view._replace(values=refold(view, changed), versions=plain)

    def arrival(old: Arrival) -> Arrival:
        return old._replace(view=refolded(old.view))

    return frontier._replace(
        arrived={key: tuple(map(arrival, group)) for key, group in frontier.arrived.items()},
        active={key: task._replace(view=refolded(task.view)) for key, task in frontier.active.items()},
        last={node: arrival(old) for node, old in frontier.last.items()},
        ended={node: arrival(old) for node, old in frontier.ended.items()},
    )


# Views


def _commit(frontier: Frontier, task: Task, writes: Writes, alone: bool) -> tuple[View, Mapping[str, tuple[int, str]]]:
    """The view of `task` with its own writes, without its history where it is `alone`, and who has written what."""
    view = task.view
    if not writes and not alone:
        return view, frontier.written
    reducers, node = frontier.plan.schema.reducers, task.node
    values, versions, written = dict(view.values), dict(view.versions), dict(frontier.written)
    for key, value in writes:
        reducer = reducers.get(key)
        if reducer is not None:
            fold_into(values, key, reducer, value, node)
            continue
        versions[key] = number = _number_after(frontier, view, key, node)
        written[key], values[key] = (number, node), plain_value(value)
    if alone:
        return View(Origin(values, versions), {}, values, versions), written
    history = Commit(view.history, node, task.visit, writes)
    return View(history, {**view.clock, node: task.visit}, values, versions), written


_UNWRITTEN = (0, "")


def _number_after(frontier: Frontier, view: View, key: str, node: str) -> int:
    count, writer = frontier.written.get(key, _UNWRITTEN)
    if view.versions.get(key, 0) == count:
        return count + 1
    first, second = sorted((writer, node), key=frontier.plan.order.__getitem__)
    raise WriteConflict(key, (first, second))


def _merge(plan: Plan, parents: Sequence[Arrival]) -> View:
    """The first one's view, then from each further one what is not yet in it, in that view's order."""
    view = parents[0].view
    for parent in parents[1:]:
        view = meet(view, parent.view, plan.schema.reducers)
    return view


def _sorted(plan: Plan, arrivals: Iterable[Arrival]) -> list[Arrival]:
    unique = {arrival.id: arrival for arrival in arrivals}
    return sorted(unique.values(), key=lambda arrival: (plan.order[arrival.node], arrival.visit))


# Going on


def _follow(frontier: Frontier, node: str, stamp: Stamp, arrival: Arrival) -> Advance:
    """Send `arrival` along the edges that it takes, and start what is ready then."""
    plan, arrived, active, visits, last, ended, written, counted = frontier
    edges, taken, counted = choose(plan.exits[node], node, stamp, arrival.view.values, counted)
    arrived, active, visits = dict(arrived), dict(active), dict(visits)
    for edge in edges:
        if edge.target != END:
            place = (edge.target, plan.follow(edge, stamp))
            arrived[place] = (*arrived.get(place, ()), arrival)
    if not edges or END in [edge.target for edge in edges]:
        ended = {**ended, node: arrival}
    started: list[Task] = []
    for place in _ready(plan, arrived, active):
        task = _task(plan, place, arrived.pop(place), last.get(place[0]), visits)
        visits[task.node], active[task.id] = task.visit, task
        started.append(task)
    return Advance(Frontier(plan, arrived, active, visits, last, ended, written, counted), tuple(started), taken)


def _ready(
    plan: Plan, arrived: Mapping[tuple[str, Stamp], object], active: Mapping[str, Task]
) -> list[tuple[str, Stamp]]:
    """Where something has arrived that nothing active could still lead to."""
    places = list(arrived)
    if len(places) == 1 and not active:
        return places
    running = [(task.node, task.stamp) for task in active.values()]
    return [place for place in places if not _awaited(plan, place, running) and not _awaited(plan, place, places)]


def _awaited(plan: Plan, place: tuple[str, Stamp], others: list[tuple[str, Stamp]]) -> bool:
    """Whether one of `others` could still lead to `place`."""
    node, stamp = place
    return any(plan.could_lead(other, at, node, stamp) for other, at in others if other != node or at != stamp)


def _task(
    plan: Plan,
    place: tuple[str, Stamp],
    arrivals: tuple[Arrival, ...],
    before: Arrival | None,
    visits: Mapping[str, int],
) -> Task:
    """The task that `arrivals` become, with the node's previous visit among its parents."""
    node, stamp = place
    visit = visits.get(node, 0) + 1
    parents: Sequence[Arrival] = arrivals
    if len(arrivals) > 1 or (before is not None and before is not arrivals[0]):
        parents = _sorted(plan, arrivals if before is None else (*arrivals, before))
    return Task(f"{node}#{visit}", node, visit, stamp, _merge(plan, parents), tuple([each.id for each in parents]))
