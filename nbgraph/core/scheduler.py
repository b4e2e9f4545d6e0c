"""The scheduler: which tasks start when, and what each of them sees. Pure: no clock, no chance, no I/O, no await.

`begin` and `advance` take a frontier and return the next one with the tasks to start; a frontier is never changed.
The rule is that of timely dataflow (Murray et al., "Naiad", SOSP 2013, could-result-in): a node is ready when nothing
active could still lead to it. A task's view is what happened on the paths that led to it; where views meet they are
merged like branches, so that no result depends on timing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from nbgraph.core.choice import Counted, choose
from nbgraph.core.events import Taken, TaskError
from nbgraph.core.graph import END, START
from nbgraph.core.plan import Edge, Plan, Stamp
from nbgraph.core.state import Overwrite, fold_into, plain_value
from nbgraph.core.task_names import EDIT
from nbgraph.core.views import Commit, Origin, View, Writes, edited, meet, refold
from nbgraph.errors import WriteConflict

Place = tuple[str, Stamp]


class Arrival(NamedTuple):
    """What the finished task `id` sends along its edges; `errors` where it failed."""

    id: str
    node: str
    visit: int
    view: View
    errors: tuple[TaskError, ...] = ()


class Task(NamedTuple):
    """One execution of one node, with an id such as `draft#2`; its view was merged from those of its `parents`.

    `errors` are those of the parents that failed, in their order.
    """

    id: str
    node: str
    visit: int
    stamp: Stamp
    view: View
    parents: tuple[str, ...]
    errors: tuple[TaskError, ...] = ()


class Frontier(NamedTuple):
    """Where a run stands.

    `arrived`: what waits to start, by node and stamp. `active`: the tasks that were started and have not finished.
    `last`: the latest task of each node in a loop. `ended`: what reached END, the latest of each node (its earlier ones
    are in its past). `written`: how often each plain key was written, and by whom last. `taken`: how often a limited
    statement was taken by a source since its loop was entered.
    """

    plan: Plan
    arrived: Mapping[Place, tuple[Arrival, ...]]
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
    """The next frontier, the tasks to start, and the edges that were taken to get there.

    `lost` are the tasks that were outrun in a race, `values` what the choice of edges was made on.
    """

    frontier: Frontier
    started: tuple[Task, ...]
    taken: tuple[Taken, ...]
    lost: tuple[str, ...]
    values: Mapping[str, Any]


def begin(plan: Plan, inputs: Mapping[str, Any]) -> Advance:
    """The first tasks of a run with `inputs`, which are the state before the first node."""
    return _follow(*before(plan, inputs))


def before(plan: Plan, inputs: Mapping[str, Any]) -> tuple[Frontier, str, Stamp, Arrival]:
    """The frontier before anything, and what START sends along its edges."""
    values = dict(inputs)
    view = View(Origin(values, {}), {}, values, {})
    return Frontier(plan, {}, {}, {}, {}, {}, {}, {}), START, (), Arrival(START, START, 0, view)


def advance(frontier: Frontier, task: Task, writes: Writes, errors: tuple[TaskError, ...] = ()) -> Advance:
    """What follows when `task` has finished with `writes`, or has failed with `errors` and so writes nothing.

    Raises:
        WriteConflict: a task beside this one wrote the same plain key.
        UpdateError: a reducer refused a value.
        MissingKey, ConditionFailed, RoutingError: the choice that the task has to make cannot be made.
    """
    return _follow(*finished(frontier, task, writes, errors))


def finished(
    frontier: Frontier, task: Task, writes: Writes, errors: tuple[TaskError, ...]
) -> tuple[Frontier, str, Stamp, Arrival]:
    """The frontier without `task`, and what it sends along the edges that it takes, with its node and stamp."""
    plan, arrived, active, visits, last, ended, written, counted = frontier
    active = dict(active)
    task = active.pop(task.id)  # as it is now: while it waited for a person its view may have been edited
    # alone, and everything is in its past: the history starts again, so that it does not grow with the run
    alone = not active and not arrived and not ended
    view, written = _commit(frontier, task, writes, alone)
    arrival = Arrival(task.id, task.node, task.visit, view, errors)
    if alone:
        last = {}
    if plan.loops.around[task.node] and plan.eager.get(task.node) != "any":
        last = {**last, task.node: arrival}
    return Frontier(plan, arrived, active, visits, last, ended, written, counted), task.node, task.stamp, arrival


def state(frontier: Frontier) -> Mapping[str, Any]:
    """All that has happened so far, merged as END would merge it; the final state when the run has finished."""
    arrivals = [arrival for group in frontier.arrived.values() for arrival in group]
    tasks = [Arrival(task.id, task.node, task.visit, task.view) for task in frontier.active.values()]
    tips = _sorted(frontier.plan, [*frontier.ended.values(), *arrivals, *tasks])
    return _merge(frontier.plan, tips).values if tips else {}


def edit(frontier: Frontier, update: Mapping[str, Any]) -> tuple[Frontier, int]:
    """The frontier with `update` as the next version of its keys wherever they are seen, and the number of the edit.

    The caller makes sure that nothing runs.
    """
    number = frontier.visits.get(EDIT, 0) + 1
    plain = {key for key in update if key not in frontier.plan.schema.reducers}
    written = {key: (frontier.written.get(key, _UNWRITTEN)[0] + 1, START) for key in plain}
    writes = tuple((key, value if key in plain else Overwrite(value)) for key, value in update.items())
    versions = {key: count for key, (count, _) in written.items()}
    changed = _everywhere(frontier, lambda view: edited(view, number, writes, versions))
    return changed._replace(visits={**frontier.visits, EDIT: number}, written={**frontier.written, **written}), number


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

    return _everywhere(frontier, refolded)


# Views


def _everywhere(frontier: Frontier, change: Callable[[View], View]) -> Frontier:
    """The frontier with each of its views changed."""

    def arrival(old: Arrival) -> Arrival:
        return old._replace(view=change(old.view))

    return frontier._replace(
        arrived={place: tuple(map(arrival, group)) for place, group in frontier.arrived.items()},
        active={id: task._replace(view=change(task.view)) for id, task in frontier.active.items()},
        last={node: arrival(old) for node, old in frontier.last.items()},
        ended={node: arrival(old) for node, old in frontier.ended.items()},
    )


def _author(plan: Plan, node: str, id: str) -> str:
    """Who a commit is by: the node, whose visits see each other; where they run side by side, the task itself."""
    return id if plan.eager.get(node) == "any" else node


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
    author = _author(frontier.plan, node, task.id)
    history = Commit(view.history, author, task.visit, writes)
    return View(history, {**view.clock, author: task.visit}, values, versions), written


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
    plan, _, active, visits, last, _, written, counted = frontier
    if arrival.errors:
        edges, taken = _after_failure(plan, node, arrival)
    else:
        edges, taken, counted = choose(plan.exits[node], node, stamp, arrival.view.values, counted)
    arrived, ended = sent(frontier, node, stamp, arrival, edges)
    active, visits = dict(active), dict(visits)
    started = _eager(plan, arrived, active, last, visits) if plan.eager else []
    for place in _ready(plan, arrived, active):
        started.append(start(plan, place, arrived, active, last, visits))
    after = Frontier(plan, arrived, active, visits, last, ended, written, counted)
    outrun = tuple([id for id in frontier.active if id not in active]) if plan.eager else ()
    return Advance(after, tuple(started), taken, outrun, arrival.view.values)


def sent(
    frontier: Frontier, node: str, stamp: Stamp, arrival: Arrival, edges: Sequence[Edge]
) -> tuple[dict[Place, tuple[Arrival, ...]], Mapping[str, Arrival]]:
    """What has arrived where, and what has reached END, once `arrival` was sent along `edges`."""
    plan, arrived, ended = frontier.plan, dict(frontier.arrived), frontier.ended
    for edge in edges:
        if edge.target != END:
            place = (edge.target, plan.follow(edge, stamp))
            arrived[place] = (*arrived.get(place, ()), arrival)
    if not edges or END in [edge.target for edge in edges]:
        ended = {**ended, _author(plan, node, arrival.id): arrival}
    return arrived, ended


def start(
    plan: Plan,
    place: Place,
    arrived: dict[Place, tuple[Arrival, ...]],
    active: dict[str, Task],
    last: Mapping[str, Arrival],
    visits: dict[str, int],
) -> Task:
    """Let what has arrived at `place` become a task; all but `last` are changed. A race ends what it has outrun."""
    join = plan.eager.get(place[0])
    lost = _outrun(plan, place, arrived, active) if join == "first" else ()
    before = None if join == "any" else last.get(place[0])
    task = _task(plan, place, (*arrived.pop(place), *lost), before, visits)
    visits[task.node], active[task.id] = task.visit, task
    return task


def _eager(
    plan: Plan,
    arrived: dict[Place, tuple[Arrival, ...]],
    active: dict[str, Task],
    last: Mapping[str, Arrival],
    visits: dict[str, int],
) -> list[Task]:
    """Start what waits for nothing, but for what a race that starts beside it would end at once."""
    places, started = [place for place in arrived if place[0] in plan.eager], []
    for index, place in enumerate(places):
        if place in arrived and not _beaten(plan, place, places[index + 1 :]):
            started.append(start(plan, place, arrived, active, last, visits))
    return started


def _beaten(plan: Plan, place: Place, others: list[Place]) -> bool:
    """Whether one of `others` is a race that `place` could still lead to."""
    return any(plan.eager[node] == "first" and plan.could_lead(*place, node, stamp) for node, stamp in others)


def _after_failure(plan: Plan, node: str, arrival: Arrival) -> tuple[tuple[Edge, ...], tuple[Taken, ...]]:
    edges, error = plan.exits[node].errors, arrival.errors[0]
    reason = f"on error: {error.type}"  # an edge has little room; the failure tells more
    return edges, tuple([Taken(edge.place, edge.source, edge.target, reason) for edge in edges])


def _outrun(
    plan: Plan, place: Place, arrived: dict[Place, tuple[Arrival, ...]], active: dict[str, Task]
) -> tuple[Arrival, ...]:
    """Take away all that could still lead to `place`, where the first arrival counts; its past goes along with that."""
    tasks = [task for task in active.values() if plan.could_lead(task.node, task.stamp, *place)]
    places = [other for other in arrived if other != place and plan.could_lead(*other, *place)]
    for task in tasks:
        del active[task.id]
    waiting = [arrival._replace(errors=()) for other in places for arrival in arrived.pop(other)]
    return (*(Arrival(task.id, task.node, task.visit, task.view) for task in tasks), *waiting)


def _ready(plan: Plan, arrived: Mapping[Place, object], active: Mapping[str, Task]) -> list[Place]:
    """Where something has arrived that nothing active could still lead to."""
    places = list(arrived)
    if len(places) == 1 and not active:
        return places
    running = [(task.node, task.stamp) for task in active.values()]
    return [place for place in places if not _awaited(plan, place, running) and not _awaited(plan, place, places)]


def _awaited(plan: Plan, place: Place, others: list[Place]) -> bool:
    """Whether one of `others` could still lead to `place`."""
    node, stamp = place
    return any(plan.could_lead(other, at, node, stamp) for other, at in others if other != node or at != stamp)


def _task(
    plan: Plan, place: Place, arrivals: tuple[Arrival, ...], before: Arrival | None, visits: Mapping[str, int]
) -> Task:
    """The task that `arrivals` become, with the node's previous visit among its parents."""
    node, stamp = place
    visit = visits.get(node, 0) + 1
    parents: Sequence[Arrival] = arrivals
    if len(arrivals) > 1 or (before is not None and before is not arrivals[0]):
        parents = _sorted(plan, arrivals if before is None else (*arrivals, before))
    failed = [each.id for each in arrivals if each.errors]
    errors = tuple([error for each in parents for error in each.errors if each.id in failed]) if failed else ()
    ids = tuple([each.id for each in parents])
    return Task(f"{node}#{visit}", node, visit, stamp, _merge(plan, parents), ids, errors)
