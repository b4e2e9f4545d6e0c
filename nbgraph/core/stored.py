"""Stored runs: a run that was kept goes on, is forked, is looked at as it once stood, or has a step called again."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Mapping
from itertools import takewhile
from typing import Any, NamedTuple, TypeGuard

from nbgraph.core import scheduler
from nbgraph.core.approvals import Answers, given_answers
from nbgraph.core.diff import equal
from nbgraph.core.engine import engine_loop
from nbgraph.core.events import ENDED, Status
from nbgraph.core.fit import check_inputs
from nbgraph.core.graph import Graph
from nbgraph.core.lookback import check_step, state_of
from nbgraph.core.past import Past, entries_upto, gathered, without_unfinished
from nbgraph.core.plan import Plan
from nbgraph.core.ports import History, Store
from nbgraph.core.records import Begun, Entry, Journaled, ModelAnswered, Moved, Recorded, Resumed, Step, ToolReturned
from nbgraph.core.retell import retold
from nbgraph.core.run_loop import RunLoop, Settings, live
from nbgraph.core.structure import GoneBody, missing_sentence, planned
from nbgraph.core.task_names import EDIT, is_within, place_of, static_of, walk_name
from nbgraph.core.walk import Walk
from nbgraph.errors import GraphChanged, RunError

_taking = threading.Lock()
TICK = 0.005  # seconds between looks at a step that is called again


def resumed(
    graph: Graph, run_id: str, renamed: Mapping[str, str], settings: Settings, loop: asyncio.AbstractEventLoop
) -> RunLoop:
    """The stored run, going on; where it lives in this process it is that one.

    Raises:
        NoSuchRun, OwnedElsewhere, GraphChanged: see `Graph.resume`.
        RunError: it has ended, or is another graph's.
    """
    with _taking:  # who comes second finds the run of the first one
        alive = live.get(run_id)
        if alive is None or alive.taken or not _same(alive.store, settings.store):
            return _taken(graph, run_id, renamed, settings, loop)
        if alive.loop.is_closed():
            alive.abandon()
            return _taken(graph, run_id, renamed, settings, loop)
    _check_graph(graph, run_id, alive.name)
    return _gone_on(alive, graph)


def _check_graph(graph: Graph, run_id: str, name: str) -> None:
    if name != graph.name:
        raise RunError(f"{run_id} is a run of {name}, not of {graph.name}.")


def _same(one: Store, other: Store) -> bool:
    return one is other or getattr(one, "path", one) == getattr(other, "path", other)


def _taken(
    graph: Graph, run_id: str, renamed: Mapping[str, str], settings: Settings, loop: asyncio.AbstractEventLoop
) -> RunLoop:
    """The stored run, taken by this process and going on."""
    store = settings.store
    summary = store.run(run_id)
    _check_graph(graph, run_id, summary.graph)
    if summary.status in ENDED:
        raise RunError(f"{run_id} is {summary.status}, so there is nothing to resume; fork it, or run again.")
    log = store.open(run_id)
    try:
        history = store.history(run_id)
        plan = planned(history.run.structure, graph, renamed)
        past = _gathered(store, history, plan)
        _check_pending(graph, past)
        given = _as_before(settings, history)
        past.events = without_unfinished(past)
        run = RunLoop(run_id, graph, plan, history.run.inputs, loop, given, past)
        run.write_to(log)
    except BaseException:
        log.close()
        raise
    run.go_on(f"process {os.getpid()} on {socket.gethostname()}", history.run.structure)
    return run


def _as_before(settings: Settings, history: History) -> Settings:
    """The settings with what the stored run began with."""
    run = history.run
    return settings._replace(limit=run.limit, parallel=run.parallel, budget=run.budget)


def _gone_on(run: RunLoop, graph: Graph) -> RunLoop:
    """A run that lives here, going on by `graph`, which may have been declared anew."""
    if run.turn((Status.PAUSED, Status.FAILED), Status.RUNNING):
        run.walk.graph = graph
        run.post(run.resume)
    elif run.status in ENDED:
        raise RunError(f"{run.run_id} is {run.status}, so there is nothing to resume; fork it, or run again.")
    return run


def _gathered(store: Store, history: History, plan: Plan) -> Past:
    since = store.snapshot(history.run.id, len(history.steps))
    if since is not None and any(key in plan.schema.reducers for key in since[0].versions):
        since = None  # a key has gained a reducer since, and is folded from the beginning
    return gathered(history, plan, since=since)


def _check_pending(graph: Graph, past: Past) -> None:
    """GraphChanged where a node that is about to be called is gone."""
    walks = [walk for within, walk in past.walks.items() if _is_walked(past, within)]
    pending = [(walk, task.node) for walk in walks for task in walk.frontier.active.values()]
    gone = tuple(dict.fromkeys(name for walk, name in pending if isinstance(walk.plan.nodes[name].body, GoneBody)))
    if gone:
        raise GraphChanged(missing_sentence(graph.name, gone), gone)


def _is_walked(past: Past, within: str) -> bool:
    """Whether what a subgraph was is one still; a function in its place is called as such."""
    plan = past.walks[""].plan
    for name in static_of(within).split("/")[:-1]:
        if plan.nodes[name].kind not in ("subgraph", "agent") or isinstance(plan.nodes[name].body, GoneBody):
            return False
        plan = plan.inner[name]
    return True


def stored_state(store: Store, run_id: str, graph: Graph) -> dict[str, Any]:
    """The final state of a stored run; `graph` gives the reducers where it is a run of it.

    Raises:
        NoSuchRun: the store holds none with that id.
        RunError: it has not finished.
    """
    summary = store.run(run_id)
    if summary.status is not Status.DONE:
        raise RunError(f"{run_id} is {summary.status}; a run goes on after one that is done.")
    history = store.history(run_id)
    known = graph if graph.name == history.run.graph else Graph(history.run.graph)
    plan = planned(history.run.structure, known, {})
    return state_of(_gathered(store, history, plan), history)


# Time travel


def _checked(run: RunLoop, number: int) -> History:
    """The history of a run; RunError where it has no such step."""
    history = run.store.history(run.run_id)
    check_step(history, number)
    return history


def forked(run: RunLoop, number: int, changes: Mapping[str, Any], run_id: str) -> RunLoop:
    """A new run that shares the past of `run` up to the step `number`, with `changes` of the state; it has not begun.

    It asks its questions again, and does again what was under way.
    """
    history = _checked(run, number)
    check_inputs(changes, run.plan.schema)
    settings = run.settings._replace(given=given_answers(None))
    loop = engine_loop() if run.loop.is_closed() else run.loop
    return _fork(run.walk.graph, run.plan, history, number, changes, run_id, settings, loop)


def forked_from_store(
    graph: Graph,
    run_id: str,
    number: int,
    changes: Mapping[str, Any],
    new_id: str,
    settings: Settings,
    loop: asyncio.AbstractEventLoop,
) -> RunLoop:
    """The same from a run as it is stored, whoever has it, by the nodes of `graph`."""
    history = settings.store.history(run_id)
    _check_graph(graph, run_id, history.run.graph)
    check_step(history, number)
    plan = planned(history.run.structure, graph, {})
    check_inputs(changes, plan.schema)
    _check_pending(graph, gathered(history._replace(entries=tuple(_upto(history, number))), plan))
    return _fork(graph, plan, history, number, changes, new_id, _as_before(settings, history), loop)


def salvaged(
    graph: Graph, history: History, run_id: str, settings: Settings, loop: asyncio.AbstractEventLoop
) -> RunLoop:
    """A new run from what is left of a damaged one, up to its last good step; it has not begun."""
    plan = planned(history.run.structure, graph, {})
    given = _as_before(settings, history)
    return _fork(graph, plan, history, len(history.steps), {}, run_id, given, loop)


def _fork(
    graph: Graph,
    plan: Plan,
    history: History,
    number: int,
    changes: Mapping[str, Any],
    run_id: str,
    settings: Settings,
    loop: asyncio.AbstractEventLoop,
) -> RunLoop:
    entries, inputs = _upto(history, number), history.run.inputs
    past = gathered(History(history.run, tuple(entries), ()), plan)
    past.events = without_unfinished(past)
    if changes and past.walks:
        entries.append(_edit(past, changes, settings.clock()))
        past.events += retold(entries[-1], past.approvals.get)
    else:  # it had not begun
        inputs = {**inputs, **changes}
    parent = (history.run.id, number, "fork")
    made = RunLoop(run_id, graph, plan, inputs, loop, settings._replace(parent=parent), past)
    made.write_to(settings.store.create(made.record(), entries))
    return made


def _upto(history: History, number: int) -> list[Entry]:
    """What is shared with a fork at the step `number`: how it went and when it rested, not what was under way."""
    shared = Begun | Step | Moved | Resumed
    return [entry for entry in entries_upto(history.entries, number) if isinstance(entry, shared)]


def _edit(past: Past, changes: Mapping[str, Any], at: float) -> Step:
    """The changes as the next step of the past."""
    walk = past.walks[""]
    walk.frontier, number = scheduler.edit(walk.frontier, changes)
    writes = tuple(changes.items())
    step = Step(len(past.steps) + 1, f"{EDIT}#{number}", EDIT, number, (), writes, (), (), at, edited=True, began=at)
    past.steps.append(step)
    return step


class Replayed(NamedTuple):
    """A step that was called again: the `update` now, what was `recorded` then, and whether they are the `same`."""

    task: str
    update: Mapping[str, Any]
    recorded: Mapping[str, Any]
    same: bool


async def replayed(run: RunLoop, number: int) -> Replayed:
    """Call the node of a step again, apart from the run, with what it saw, recorded and was told then.

    Raises:
        RunError: the step is an edit, or the node now asks what it did not ask then.
        Exception: what the node raised.
    """
    history = await asyncio.to_thread(_checked, run, number)
    step = next((each for each in history.steps if each.number == number), None)
    if step is None or place_of(step.task).node == EDIT:
        raise RunError(f"step {number} of {run.run_id} called no node, so it cannot be called again.")
    apart = _apart(run, history, step)
    apart.resume()
    while apart.status is Status.RUNNING:  # noqa: ASYNC110  as awaiting a run does
        await asyncio.sleep(TICK)
    again = apart.history[-1] if apart.history else None
    if again is not None and again.task == step.task:
        same = equal(again.update, step.update) and again.errors == step.errors
        return Replayed(step.task, again.update, step.update, same)
    asking = apart.questions.asking
    apart.turn((Status.WAITING, Status.PAUSED, Status.FAILED), Status.CANCELLED)
    apart.cancel()
    raise RunError(f"{step.task} now asks what it did not ask then.") if asking else apart.failures[0].error


def _apart(run: RunLoop, history: History, step: Step) -> RunLoop:
    """A run that is kept nowhere, in which only the task of `step` is to run."""
    place, graph = place_of(step.task), run.walk.graph
    earlier = takewhile(lambda entry: entry is not step, history.entries)  # also what was begun after the step before
    past = gathered(history._replace(entries=tuple(earlier)), run.plan)
    within = (step.task, walk_name(place))
    past.journal = {each.place: each for each in history.entries if _recorded_in(each, within)}
    past.tries.clear()
    alone = past.walks[place.within]
    alone.items.clear()
    alone.frontier = alone.frontier._replace(active={place.id: alone.frontier.active[place.id]}, arrived={})
    past.walks, plan = {}, run.plan
    for name in place.static.split("/")[:-1]:
        graph, plan = plan.nodes[name].inner or graph, plan.inner[name]
    settings = run.settings._replace(given=Answers("nobody"), pause_before=(), pause_after=())
    apart = RunLoop(run.run_id, graph, plan, alone.inputs, run.loop, settings, past)
    apart.walk = Walk(apart, graph, plan, alone.inputs, 1, within=place.within, static=place.static[:-1], past=alone)
    return apart


def _recorded_in(entry: Entry, names: tuple[str, ...]) -> TypeGuard[Journaled]:
    journaled = Recorded | ModelAnswered | ToolReturned
    return isinstance(entry, journaled) and any(is_within(entry.place, name) for name in names)
