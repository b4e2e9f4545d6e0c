"""Why: what a node of a run waits for, or why no edge has led to it."""

from __future__ import annotations

from collections import deque

from nbgraph.core.graph import END
from nbgraph.core.not_taken import edges_of, not_taken
from nbgraph.core.plan import Plan
from nbgraph.core.run_loop import RunLoop
from nbgraph.core.scheduler import Place, Task
from nbgraph.core.walk import Walk
from nbgraph.errors import RunError, nearest


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
    return " ".join((times if ran else f"No edge has led to {node}.", *not_taken(walk, node)))


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
        for edge in edges_of(plan.exits[node]):
            if edge.target not in before and edge.target != END:
                before[edge.target] = node
                waiting.append(edge.target)
    path = [end]
    while path[0] != start or len(path) == 1:
        path.insert(0, before[path[0]])
    return path
