"""Stored runs: a run that was kept goes on, is forked, is looked at as it once stood, or has a step called again."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeGuard

from nbgraph.core import scheduler
from nbgraph.core.approvals import Answers
from nbgraph.core.events import Event, Status, StatusChanged
from nbgraph.core.fit import check_inputs
from nbgraph.core.graph import Graph
from nbgraph.core.outline import Outline
from nbgraph.core.past import Past, gathered, without_unfinished
from nbgraph.core.plan import Plan
from nbgraph.core.ports import History, Store
from nbgraph.core.records import Begun, Entry, Recorded, Step
from nbgraph.core.run_loop import RunLoop, Settings, live
from nbgraph.core.structure import GoneBody, missing_sentence, planned
from nbgraph.core.task_names import is_within, place_of
from nbgraph.core.views import EDIT
from nbgraph.core.walk import Walk
from nbgraph.errors import GraphChanged, RunError, brief

TICK = 0.005  # seconds between looks at a step that is called again
ENDED = (Status.DONE, Status.CANCELLED)


def resumed(
    graph: Graph, run_id: str, renamed: Mapping[str, str], settings: Settings, loop: asyncio.AbstractEventLoop
) -> RunLoop:
    """The stored run, going on; where it lives in this process it is that one.

    Raises:
        NoSuchRun, OwnedElsewhere, GraphChanged: see `Graph.resume`.
        RunError: it has ended, or is another graph's.
    """
    store = settings.store
    alive = live.get(run_id)
    if alive is not None and alive.store is store and not alive.taken:
        return _gone_on(alive)
    summary = store.run(run_id)
    if summary.graph != graph.name:
        raise RunError(f"{run_id} is a run of {summary.graph}, not of {graph.name}.")
    if summary.status in ENDED:
        raise RunError(f"{run_id} is {summary.status}, so there is nothing to resume; fork it, or run again.")
    log = store.open(run_id)
    try:
        history = store.history(run_id)
        plan = planned(history.run.structure, graph, renamed)
        past = _gathered(store, history, plan)
        _check_pending(graph, past)
        given = settings._replace(limit=history.run.limit, parallel=history.run.parallel)
        past.events = without_unfinished(past)
        run = RunLoop(run_id, graph, plan, history.run.inputs, loop, given, past)
        run.write_to(log)
    except BaseException:
        log.close()
        raise
    run.go_on(f"process {os.getpid()} on {socket.gethostname()}", history.run.structure)
    return run


def _gone_on(run: RunLoop) -> RunLoop:
    if run.turn((Status.PAUSED, Status.FAILED), Status.RUNNING):
        run.post(run.resume)
    elif run.status in ENDED:
        raise RunError(f"{run.run_id} is {run.status}, so there is nothing to resume; fork it, or run again.")
    return run


def _gathered(store: Store, history: History, plan: Plan) -> Past:
    since = store.snapshot(history.run.id, len(history.steps))
    return gathered(history, plan, since=since)


def _check_pending(graph: Graph, past: Past) -> None:
    """GraphChanged where a node that is about to be called is gone."""
    pending = [(walk, task.node) for walk in past.walks.values() for task in walk.frontier.active.values()]
    gone = tuple(dict.fromkeys(name for walk, name in pending if isinstance(walk.plan.nodes[name].body, GoneBody)))
    if gone:
        raise GraphChanged(missing_sentence(graph.name, gone), gone)


def stored_state(store: Store, run_id: str) -> dict[str, Any]:
    """The final state of a stored run.

    Raises:
        NoSuchRun: the store holds none with that id.
        RunError: it has not finished.
    """
    summary = store.run(run_id)
    if summary.status is not Status.DONE:
        raise RunError(f"{run_id} is {summary.status}; a run goes on after one that is done.")
    history = store.history(run_id)
    plan = planned(history.run.structure, Graph(history.run.graph), {})
    return _state(_gathered(store, history, plan), history)


def _state(past: Past, history: History) -> dict[str, Any]:
    return dict(scheduler.state(past.walks[""].frontier) if "" in past.walks else {}) or dict(history.run.inputs)


# Time travel


class Moment(NamedTuple):
    """A run as it stood after a step.

    `state` is what had been committed, `active` the tasks that were under way or could start, `waiting` the nodes that
    had been led to and waited for others. `outline` and `events` are what a picture of it needs.
    """

    run_id: str
    step: int
    state: dict[str, Any]
    active: tuple[str, ...]
    waiting: tuple[str, ...]
    outline: Outline
    events: tuple[Event, ...]

    def __repr__(self) -> str:
        active, waiting = ", ".join(self.active) or "nothing", ", ".join(self.waiting)
        held = f", {waiting} had been led to" if waiting else ""
        state = ", ".join(f"{key}={brief(value, 40)}" for key, value in self.state.items())
        return f"<{self.run_id} after step {self.step}: {active} to run{held}; {state or 'nothing written'}>"


def moment(run: RunLoop, number: int) -> Moment:
    """The run as it stood after the step `number`; 0 is before the first."""
    history = _checked(run, number)
    past = gathered(history, run.plan, number)
    walks = past.walks
    at = past.steps[-1].at if past.steps else history.run.started_at
    stood = StatusChanged(Status.PAUSED, at, f"as it stood after step {number}")
    return Moment(
        run.run_id,
        number,
        _state(past, history),
        tuple(_named(within, id) for within, walk in walks.items() for id in walk.frontier.active),
        tuple(_named(within, node) for within, walk in walks.items() for node, _ in walk.frontier.arrived),
        run.plan.outline,
        (*past.events, stood),
    )


def _named(within: str, name: str) -> str:
    return f"{within}/{name}" if within else name


def _checked(run: RunLoop, number: int) -> History:
    """The history of a run; RunError where it has no such step."""
    if not isinstance(number, int) or not 0 <= number <= run.steps_taken:
        raise RunError(f"{run.run_id} has {run.steps_taken} steps; {brief(number)} is none of them.")
    return run.store.history(run.run_id)


def forked(run: RunLoop, number: int, changes: Mapping[str, Any], run_id: str) -> RunLoop:
    """A new run that shares the past of `run` up to the step `number`, with `changes` of the state; it has not begun.

    It asks its questions again, and does again what was under way.
    """
    history = _checked(run, number)
    check_inputs(changes, run.plan.schema)
    return _fork(run.walk.graph, run.plan, history, number, changes, run_id, run.settings, run.loop)


def salvaged(
    graph: Graph, history: History, run_id: str, settings: Settings, loop: asyncio.AbstractEventLoop
) -> RunLoop:
    """A new run from what is left of a damaged one, up to its last good step; it has not begun."""
    plan = planned(history.run.structure, graph, {})
    given = settings._replace(limit=history.run.limit, parallel=history.run.parallel)
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
    past = gathered(history._replace(approvals=()), plan, number)
    past.journal.clear()
    past.tries.clear()
    past.events = without_unfinished(past)
    entries: list[Entry] = _upto(history, number)
    if changes and "" in past.walks:
        entries.append(_edit(past, changes, settings.clock()))
    parent = (history.run.id, number, "fork")
    made = RunLoop(run_id, graph, plan, history.run.inputs, loop, settings._replace(parent=parent), past)
    made.write_to(settings.store.create(made.record(), entries))
    return made


def _upto(history: History, number: int) -> list[Entry]:
    kept = [entry for entry in history.entries if isinstance(entry, Begun | Step)]
    end = next((place for place, entry in enumerate(kept) if isinstance(entry, Step) and entry.number == number), 0)
    return list(kept[: end + 1])


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
    apart.resume(stepping=True)
    while apart.status is Status.RUNNING:  # noqa: ASYNC110  as awaiting a run does
        await asyncio.sleep(TICK)
    if len(apart.history) >= number:
        return Replayed(step.task, apart.history[-1].update, step.update, apart.history[-1].update == step.update)
    asking = apart.questions.asking
    apart.turn((Status.WAITING, Status.PAUSED, Status.FAILED), Status.CANCELLED)
    apart.cancel()
    raise RunError(f"{step.task} now asks what it did not ask then.") if asking else apart.failures[0].error


def _apart(run: RunLoop, history: History, step: Step) -> RunLoop:
    """A run that is kept nowhere, in which only the task of `step` is to run."""
    place, graph = place_of(step.task), run.walk.graph
    past = gathered(history, run.plan, step.number - 1)
    past.journal = {each.place: each for each in history.entries if _recorded_in(each, step.task)}
    past.tries.clear()
    alone = past.walks[place.within]
    alone.frontier = alone.frontier._replace(active={place.id: alone.frontier.active[place.id]}, arrived={})
    past.walks, plan = {}, run.plan
    for name in place.static.split("/")[:-1]:
        graph, plan = plan.nodes[name].inner or graph, plan.inner[name]
    settings = run.settings._replace(given=Answers("nobody"), pause_before=(), pause_after=())
    apart = RunLoop(run.run_id, graph, plan, alone.inputs, run.loop, settings, past)
    apart.walk = Walk(
        apart, graph, plan, alone.inputs, settings.limit, within=place.within, static=place.static[:-1], past=alone
    )
    return apart


def _recorded_in(entry: Entry, task: str) -> TypeGuard[Recorded]:
    return isinstance(entry, Recorded) and is_within(entry.place, task)
