"""The scheduler: which tasks start when, and what each of them sees. Pure: no clock, no chance, no I/O, no await.

`begin` and `advance` take a frontier and return the next one with the tasks to start; a frontier is never changed.
The rule is that of timely dataflow (Murray et al., "Naiad", SOSP 2013, could-result-in): a node is ready when nothing
active could still lead to it. A task's view is what happened on the paths that led to it; where views meet they are
merged like branches, so that no result depends on timing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from nbgraph.core.events import Taken
from nbgraph.core.graph import END, START
from nbgraph.core.plan import Candidate, Edge, Exits, Plan, Routing, Stamp
from nbgraph.core.state import Reducer
from nbgraph.errors import MissingKey, RoutingError, UpdateError, WriteConflict, nearest

Writes = tuple[tuple[str, Any], ...]  # a key with a reducer may stand in it several times


class Origin(NamedTuple):
    """Where a history begins: the inputs, or the values at the last moment when one task alone was active."""

    values: Mapping[str, Any]


class Commit(NamedTuple):
    """A task's writes, on top of the history that the task saw."""

    before: History
    node: str
    visit: int
    writes: Writes


class Meeting(NamedTuple):
    """A history with the commits of another that were not yet in it, in that other's order."""

    before: History
    added: tuple[Commit, ...]


History = Origin | Commit | Meeting


class View(NamedTuple):
    """What a task sees: values, and how they came about.

    `clock` holds for each node the last visit whose writes are in the view (a node sees its own past, so all earlier
    ones are too). `versions` counts, for each plain key, the writes up to the one seen.
    """

    history: History
    clock: Mapping[str, int]
    values: Mapping[str, Any]
    versions: Mapping[str, int]


class Arrival(NamedTuple):
    """What the finished task `id` sends along its edges."""

    id: str
    node: str
    visit: int
    view: View


class Task(NamedTuple):
    """One execution of one node, with an id such as `draft#2`; `parents` are the tasks whose views it was merged from."""

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
    taken: Mapping[tuple[int, str], tuple[Stamp, int]]

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
    view = View(Origin(values), {}, values, {})
    return _follow(Frontier(plan, {}, {}, {}, {}, {}, {}, {}), START, (), Arrival(START, START, 0, view))


def advance(frontier: Frontier, task: Task, writes: Writes) -> Advance:
    """What follows when `task` has finished with `writes`.

    Raises:
        WriteConflict: a task beside this one wrote the same plain key.
        UpdateError: a reducer refused a value.
        MissingKey, ConditionFailed, RoutingError: the choice that the task has to make cannot be made.
    """
    view, written = _commit(frontier, task, writes)
    active, last = dict(frontier.active), frontier.last
    del active[task.id]
    if not active and not frontier.arrived and not frontier.ended:
        # alone, and everything is in its past: the history starts again, so that it does not grow with the run
        view, last = View(Origin(view.values), {}, view.values, view.versions), {}
    arrival = Arrival(task.id, task.node, task.visit, view)
    if frontier.plan.loops.around[task.node]:
        last = {**last, task.node: arrival}
    plan, arrived, _, visits, _, ended, _, taken = frontier
    after = Frontier(plan, arrived, active, visits, last, ended, written, taken)
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
        return view._replace(values=_refold(view, changed))

    def arrival(old: Arrival) -> Arrival:
        return old._replace(view=refolded(old.view))

    return frontier._replace(
        arrived={key: tuple(map(arrival, group)) for key, group in frontier.arrived.items()},
        active={key: task._replace(view=refolded(task.view)) for key, task in frontier.active.items()},
        last={node: arrival(old) for node, old in frontier.last.items()},
        ended={node: arrival(old) for node, old in frontier.ended.items()},
    )


# Views


def _commit(frontier: Frontier, task: Task, writes: Writes) -> tuple[View, Mapping[str, tuple[int, str]]]:
    """The view of `task` with its own writes, and who has written what by then."""
    view = task.view
    if not writes:
        return view, frontier.written
    reducers, node = frontier.plan.schema.reducers, task.node
    values, versions, written = dict(view.values), dict(view.versions), dict(frontier.written)
    for key, value in writes:
        reducer = reducers.get(key)
        if reducer is not None:
            values[key] = _folded(reducer, key, values.get(key), value, node)
            continue
        versions[key] = number = _number_after(frontier, view, key, node)
        written[key], values[key] = (number, node), value
    history = Commit(view.history, node, task.visit, writes)
    return View(history, {**view.clock, node: task.visit}, values, versions), written


_UNWRITTEN = (0, "")


def _number_after(frontier: Frontier, view: View, key: str, node: str) -> int:
    count, writer = frontier.written.get(key, _UNWRITTEN)
    if view.versions.get(key, 0) == count:
        return count + 1
    first, second = sorted((writer, node), key=frontier.plan.order.__getitem__)
    raise WriteConflict(key, (first, second))


def _folded(reducer: Reducer, key: str, current: Any, value: Any, node: str) -> Any:
    try:
        return reducer(current, value)
    except Exception as error:
        name = getattr(reducer, "__name__", "the reducer")
        raise UpdateError(f"{name}({key}) refused what {node} wrote, {value!r:.60}: {error}.") from error


def _merge(plan: Plan, parents: Sequence[Arrival]) -> View:
    """The first one's view, then from each further one what is not yet in it, in that view's order."""
    view = parents[0].view
    for parent in parents[1:]:
        view = _met(plan, view, parent.view)
    return view


def _met(plan: Plan, view: View, other: View) -> View:
    clock = view.clock
    if all(clock.get(node, 0) >= visit for node, visit in other.clock.items()):
        return view
    added = _missing(other.history, clock)
    reducers, values, versions = plan.schema.reducers, dict(view.values), dict(view.versions)
    for commit in added:
        for key, value in commit.writes:
            if key in reducers:
                values[key] = _folded(reducers[key], key, values.get(key), value, commit.node)
    for key, version in other.versions.items():
        if version > versions.get(key, 0):
            versions[key], values[key] = version, other.values[key]
    later = {node: visit for node, visit in other.clock.items() if visit > clock.get(node, 0)}
    return View(Meeting(view.history, added), {**clock, **later}, values, versions)


def _missing(history: History, clock: Mapping[str, int]) -> tuple[Commit, ...]:
    """The commits of `history` that are not in `clock`, oldest first.

    What lies before a commit that is in the clock is in it too, so the walk ends there.
    """
    found: list[Commit] = []
    while not isinstance(history, Origin):
        if isinstance(history, Meeting):
            found += [commit for commit in reversed(history.added) if clock.get(commit.node, 0) < commit.visit]
        elif clock.get(history.node, 0) < history.visit:
            found.append(history)
        else:
            break
        history = history.before
    return tuple(reversed(found))


def _refold(view: View, changed: Mapping[str, Reducer]) -> dict[str, Any]:
    values, history = dict(view.values), view.history
    while not isinstance(history, Origin):
        history = history.before
    for key in changed:
        values.pop(key, None)
        if key in history.values:
            values[key] = history.values[key]
    for commit in _missing(view.history, {}):
        for key, value in commit.writes:
            if key in changed:
                values[key] = _folded(changed[key], key, values.get(key), value, commit.node)
    return values


def _sorted(plan: Plan, arrivals: Iterable[Arrival]) -> list[Arrival]:
    unique = {arrival.id: arrival for arrival in arrivals}
    return sorted(unique.values(), key=lambda arrival: (plan.order[arrival.node], arrival.visit))


# Edges


def _follow(frontier: Frontier, node: str, stamp: Stamp, arrival: Arrival) -> Advance:
    """Send `arrival` along the edges that it takes, and start what is ready then."""
    plan, arrived, active, visits, last, ended, written, _ = frontier
    edges, taken, counted = _chosen(frontier, plan.exits[node], stamp, arrival)
    arrived, at_end = dict(arrived), not edges
    for edge in edges:
        if edge.target == END:
            at_end = True
            continue
        place = (edge.target, plan.follow(edge, stamp))
        arrived[place] = (*arrived.get(place, ()), arrival)
    if at_end:
        ended = {**ended, node: arrival}
    return _start(Frontier(plan, arrived, active, visits, last, ended, written, counted), taken)


Counted = Mapping[tuple[int, str], tuple[Stamp, int]]


def _chosen(
    frontier: Frontier, exits: Exits, stamp: Stamp, arrival: Arrival
) -> tuple[tuple[Edge, ...], tuple[Taken, ...], Counted]:
    """The edges that `arrival` takes, why, and the counts of limited statements after it."""
    for candidate in exits.choice:
        if candidate.limit is None:
            entry, count = stamp[:0], 0
        else:
            entry = stamp[: candidate.scope]
            count = _count(frontier.taken.get((candidate.statement, arrival.node)), entry)
            if count >= candidate.limit:
                continue
        edges, reason = _offered(candidate, arrival)
        if edges is None:
            continue
        counted = frontier.taken
        if candidate.limit is not None:
            counted = {**counted, (candidate.statement, arrival.node): (entry, count + 1)}
            reason += f", {count + 1} of {candidate.limit}"
        chosen = tuple([Taken(edge.place, edge.source, edge.target, reason) for edge in edges])
        return exits.always + edges, exits.taken + chosen, counted
    return exits.always, exits.taken, frontier.taken


def _count(counted: tuple[Stamp, int] | None, entry: Stamp) -> int:
    """How often since its loop was entered at `entry`; a later entry starts again."""
    return counted[1] if counted and counted[0] == entry else 0


def _offered(candidate: Candidate, arrival: Arrival) -> tuple[tuple[Edge, ...] | None, str]:
    """The edges of `candidate` that apply, or None where the choice goes on to the next one, and the reason."""
    values = arrival.view.values
    if candidate.routing is not None:
        return _routed(candidate, candidate.routing, arrival)
    if candidate.condition is None:
        return candidate.edges, "else"
    if not candidate.condition.holds(values):
        return None, ""
    return candidate.edges, candidate.condition.explain(values)


def _routed(candidate: Candidate, routing: Routing, arrival: Arrival) -> tuple[tuple[Edge, ...] | None, str]:
    chosen = _route(routing, arrival)
    if chosen is None:
        return None, ""
    names = chosen if isinstance(chosen, list | tuple) else [chosen]
    edges = {edge.target: edge for edge in candidate.edges}
    for name in names:
        if name not in edges:
            known = ", ".join(edges)
            raise RoutingError(
                f"{arrival.node} chose {name!r} ({routing.text}), and no edge leads there"
                f"{nearest(str(name), edges) or '.'} It can go to {known}."
            )
    return tuple(edges[name] for name in dict.fromkeys(names)), f"{routing.text}: {', '.join(names) or 'nothing'}"


def _route(routing: Routing, arrival: Arrival) -> Any:
    values = arrival.view.values
    if routing.function is not None:
        return routing.function(**arguments(arrival.node, routing.text, routing.reads, values))
    if routing.key is None or routing.key not in values:
        raise MissingKey(f"{arrival.node} goes on {routing.text}, and nothing has set the key {routing.key!r}.")
    return values[routing.key]


def arguments(node: str, reader: str, reads: Iterable[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the keys that `reader` reads at `node`; a key with a default may be absent.

    Raises:
        MissingKey: a required key was set by nothing on the paths that led here.
    """
    given = {}
    for key, required in reads:
        if key in values:
            given[key] = values[key]
        elif required:
            raise MissingKey(
                f"{reader} needs the key {key!r}, and nothing on the way to {node} has set it"
                f"{nearest(key, values) or '.'} Give it as an input of the run, or a default in the signature."
            )
    return given


# Starting


def _start(frontier: Frontier, taken: tuple[Taken, ...]) -> Advance:
    """Start every node that nothing active could still lead to."""
    ready = _ready(frontier)
    if not ready:
        return Advance(frontier, (), taken)
    plan, arrived, active, visits, last, ended, written, counted = frontier
    arrived, active, visits = dict(arrived), dict(active), dict(visits)
    started = []
    for place in ready:
        task = _task(plan, place, arrived.pop(place), last.get(place[0]), visits)
        visits[task.node] = task.visit
        active[task.id] = task
        started.append(task)
    return Advance(Frontier(plan, arrived, active, visits, last, ended, written, counted), tuple(started), taken)


def _ready(frontier: Frontier) -> list[tuple[str, Stamp]]:
    places = list(frontier.arrived)
    if len(places) == 1 and not frontier.active:
        return places
    could_lead = frontier.plan.could_lead
    running = [(task.node, task.stamp) for task in frontier.active.values()]
    return [
        (node, stamp)
        for node, stamp in places
        if not any(could_lead(*other, node, stamp) for other in running)
        and not any(could_lead(*other, node, stamp) for other in places if other != (node, stamp))
    ]


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
    view = _merge(plan, parents)
    return Task(f"{node}#{visit}", node, visit, stamp, view, tuple([parent.id for parent in parents]))
