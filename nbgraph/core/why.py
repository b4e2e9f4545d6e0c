"""Why: what a node of a run waits for, or why no edge has led to it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from nbgraph.core.graph import END, START
from nbgraph.core.plan import Candidate, Edge, Plan
from nbgraph.core.run_loop import RunLoop
from nbgraph.core.scheduler import Place, Task
from nbgraph.core.walk import Walk
from nbgraph.errors import NbgraphError, RunError, brief, nearest


def why(run: RunLoop, name: str) -> str:
    """Why the node has not run (again) yet; in a subgraph it is named by its path, such as `research/search`.

    Raises:
        RunError: the run has no such node.
    """
    known = [each.name for each in run.plan.outline.nodes]
    if name not in known:
        raise RunError(f"{run.name} has no node {name!r}{nearest(name, known) or '.'}")
    outer, _, node = name.rpartition("/")
    if not outer:
        return _told(run, run.walk, node)
    walk = next((each for each in run.walks.values() if each.static == f"{outer}/"), None)
    if walk is None:
        return f"{name} does not run now, since {outer} does not. {why(run, outer)}"
    return _told(run, walk, node)


def _told(run: RunLoop, walk: Walk, node: str) -> str:
    active = [task for task in walk.frontier.active.values() if task.node == node]
    if active:
        return " ".join(_of_task(run, walk, task) for task in active)
    arrived = [place for place in walk.frontier.arrived if place[0] == node]
    if arrived:
        return " ".join(_waits(walk, place) for place in arrived)
    ran = walk.frontier.visits.get(node, 0)
    times = f"{node} has run {ran} time{'s' * (ran != 1)}; no edge has led to it since."
    return " ".join((times if ran else f"No edge has led to {node}.", *_not_taken(walk, node)))


def _of_task(run: RunLoop, walk: Walk, task: Task) -> str:
    if task.id in walk.failures:
        return f"{task.id} has failed: {walk.failures[task.id].message}; run.resume() tries it again."
    if task.id in walk.held:
        return f"{task.id} is ready and starts when the run goes on: {run.reason or run.status}."
    if walk.static + task.node in [name.partition(".")[0] for name in run.questions.asking]:
        return f"{task.id} waits for a person."
    return f"{task.id} is running."


def _waits(walk: Walk, place: Place) -> str:
    """What an arrival waits for, and over which way that could still lead here."""
    plan, frontier = walk.plan, walk.frontier
    others = [(task.id, task.node, task.stamp) for task in frontier.active.values()]
    others += [(f"what has arrived at {other[0]}", *other) for other in frontier.arrived if other != place]
    leading = [(who, node) for who, node, at in others if plan.could_lead(node, at, *place)]
    awaited = [f"{who} ({' -> '.join(_path(plan, node, place[0]))})" for who, node in leading]
    sources = ", ".join(arrival.id for arrival in frontier.arrived[place])
    return f"{place[0]} was led to by {sources}, and waits for {', '.join(awaited) or 'the next step'}."


def _path(plan: Plan, start: str, end: str) -> list[str]:
    """The shortest way over edges from one node to another, which it can reach."""
    before: dict[str, str] = {}
    waiting = deque([start])
    while waiting:
        node = waiting.popleft()
        for edge in _edges(plan, node):
            if edge.target not in before and edge.target != END:
                before[edge.target] = node
                waiting.append(edge.target)
    path = [end]
    while path[0] != start or len(path) == 1:
        path.insert(0, before[path[0]])
    return path


def _edges(plan: Plan, node: str) -> list[Edge]:
    exits = plan.exits[node]
    return [*exits.always, *exits.errors, *(edge for candidate in exits.choice for edge in candidate.edges)]


def _not_taken(walk: Walk, node: str) -> Iterator[str]:
    """For each edge to the node, why it was not taken when its source finished last."""
    for source, exits in walk.plan.exits.items():
        finished = source in walk.latest or source == START
        if finished and source != START and node in [edge.target for edge in walk.latest[source].taken]:
            continue
        if any(edge.target == node for edge in exits.errors):
            yield f"{source} -> {node} on error is taken when {source} fails."
        if any(edge.target == node for edge in exits.always) and not finished:
            yield f"{source} -> {node} waits for {source}, which has not finished."
        for candidate in exits.choice:
            if any(edge.target == node for edge in candidate.edges):
                yield f"{source} -> {node} {_candidate(walk, source, candidate)}."


def _candidate(walk: Walk, source: str, candidate: Candidate) -> str:
    """Why one candidate of a choice was not taken."""
    if source != START and source not in walk.latest:
        return f"waits for {source}, which has not finished"
    values = walk.inputs if source == START else walk.latest[source].values
    if candidate.routing is not None:
        key = candidate.routing.key
        return f"was not taken: {candidate.routing.text} chose {brief(values.get(key)) if key else 'another'}"
    if candidate.condition is None:
        return "was not taken: a condition before its else held"
    try:
        held, explained = candidate.condition.holds(values), candidate.condition.explain(values)
    except NbgraphError as error:
        return f"was not taken: {error}".rstrip(".")
    if not held:
        return f"was not taken: {explained} does not hold"
    spent = f"its max {candidate.limit} was spent" if candidate.limit else "one before it was"
    return f"was not taken: {explained}, but {spent}"
