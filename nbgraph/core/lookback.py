"""Looking back: a run as it stood after a step, what one task saw, did and made of it, and who wrote and read a key.

All of it comes from the records of the run, so it is the same for one that goes on here, elsewhere, or no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any, NamedTuple

from nbgraph.core import replay, scheduler
from nbgraph.core.approvals import Approval
from nbgraph.core.events import Event, Status, StatusChanged
from nbgraph.core.outline import Outline
from nbgraph.core.past import Past, WalkPast, gathered, plan_within
from nbgraph.core.plan import Plan
from nbgraph.core.ports import History, Store
from nbgraph.core.records import Entry, Failed, ModelAnswered, Recorded, Step, ToolReturned, Tried
from nbgraph.core.task_names import Place, is_within, place_of
from nbgraph.core.views import EDIT
from nbgraph.errors import RunError, brief

Done = Recorded | ModelAnswered | ToolReturned | Tried


class Lookback:
    """A stored run to look back on; it holds none of its values.

    Args:
        plan: the run's edges, with the nodes as they are now.
    """

    def __init__(self, store: Store, run_id: str, plan: Plan) -> None:
        self._store, self._run_id, self._plan = store, run_id, plan

    def at(self, step: int) -> Moment:
        """See `Run.at`."""
        return moment(self._history, self._plan, step)

    def visit(self, task: str) -> Visit:
        """See `Run.visit`."""
        return visit(self._history, self._plan, task)

    def uses(self, key: str, within: str = "") -> KeyUse:
        """See `Run.uses`."""
        return uses(self._history, self._plan, key, within)

    @property
    def _history(self) -> History:
        return self._store.history(self._run_id)


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


def moment(history: History, plan: Plan, number: int) -> Moment:
    """The run as it stood after the step `number`; 0 is before the first.

    Raises:
        RunError: it has no such step.
    """
    check_step(history, number)
    past = gathered(history, plan, number)
    at = past.steps[-1].at if past.steps else history.run.started_at
    stood = StatusChanged(Status.PAUSED, at, f"as it stood after step {number}")
    return Moment(
        history.run.id,
        number,
        state_of(past, history),
        tuple(_named(within, id) for within, walk in past.walks.items() for id in walk.frontier.active),
        tuple(_named(within, node) for within, walk in past.walks.items() for node, _ in walk.frontier.arrived),
        plan.outline,
        (*past.events, stood),
    )


def check_step(history: History, number: int) -> None:
    """RunError where a run has no such step."""
    steps = len(history.steps)
    if not isinstance(number, int) or not 0 <= number <= steps:
        raise RunError(f"{history.run.id} has {steps} step{'s' * (steps != 1)}; {brief(number)} is none of them.")


def state_of(past: Past, history: History) -> dict[str, Any]:
    """All that had been committed, merged as at the end."""
    return dict(scheduler.state(past.walks[""].frontier) if "" in past.walks else {}) or dict(history.run.inputs)


def _named(within: str, name: str) -> str:
    return f"{within}/{name}" if within else name


class Visit(NamedTuple):
    """One task of a run.

    `step` is None until it has finished. `inputs` are the keys that its node reads, `before` is all that it saw and
    `after` the same with its update; while it has not finished there is neither update nor `after`. `done` is what it
    recorded: calls of models and tools, steps of its own, attempts that failed. `error` and `where` say why it failed.
    """

    task: str
    node: str
    number: int
    step: int | None
    inputs: Mapping[str, Any]
    before: Mapping[str, Any]
    after: Mapping[str, Any] | None
    update: Mapping[str, Any]
    done: tuple[Done, ...]
    approvals: tuple[Approval, ...]
    error: str
    where: str


def visit(history: History, plan: Plan, task: str) -> Visit:
    """The task with that name, such as `draft#2` or `research/search#1`.

    Raises:
        RunError: the run has no such task.
    """
    step = next((each for each in history.steps if each.task == task), None)
    try:
        place = place_of(task)
        walk = _walk(history, plan, place, step)
        before = _seen(walk, place)
    except (KeyError, ValueError):
        raise RunError(f"{history.run.id} has no task {task!r}.") from None
    after = None if step is None else _after(walk, place, step)
    failed = _failure(history.entries, task)
    reads = () if place.node == EDIT else [read.key for read in walk.plan.nodes[place.node].reads]
    return Visit(
        task,
        place.static + place.node,
        place.visit,
        step and step.number,
        {key: before[key] for key in reads if key in before},
        before,
        after,
        step.update if step else {},
        tuple(each for each in history.entries if isinstance(each, Done) and _is_of(each.place, place, task)),
        tuple(each for each in history.approvals if (each.within, each.visit, each.asker) == _asker(place)),
        step.error if step else f"{failed.type}: {failed.message}" if failed else "",
        failed.where if failed else "",
    )


def _walk(history: History, plan: Plan, place: Place, step: Step | None) -> WalkPast:
    """The walk of the task as it stood just before the task finished, or as it stands."""
    earlier = takewhile(lambda entry: entry is not step, history.entries)
    return gathered(history._replace(entries=tuple(earlier)), plan).walks[place.within]


def _seen(walk: WalkPast, place: Place) -> Mapping[str, Any]:
    if place.node == EDIT:
        return scheduler.state(walk.frontier)
    return walk.frontier.active[place.id].view.values


def _after(walk: WalkPast, place: Place, step: Step) -> Mapping[str, Any]:
    advance = replay.advanced(walk.frontier, place.id, step)
    return scheduler.state(advance.frontier) if place.node == EDIT else advance.values


def _failure(entries: Iterable[Entry], task: str) -> Failed | None:
    """The last failure of a task that has not finished, or that went on along an error edge."""
    return next((each for each in reversed(tuple(entries)) if isinstance(each, Failed) and each.task == task), None)


def _is_of(name: str, place: Place, task: str) -> bool:
    """Whether what is kept under `name` was done by the task itself, or by an item of it."""
    return is_within(name, task) and _task_of(place_of(name)) == _task_of(place)


def _task_of(place: Place) -> tuple[str, str]:
    return place.within, place.id


def _asker(place: Place) -> tuple[str, int, str]:
    return place.within, place.visit, place.static + place.node


class KeyUse(NamedTuple):
    """Who wrote a key, oldest first, and which nodes read it."""

    writers: tuple[tuple[int, str], ...]
    readers: tuple[str, ...]


def uses(history: History, plan: Plan, key: str, within: str = "") -> KeyUse:
    """The steps that wrote a key of the run, or of the subgraph `within`, as pairs of number and task."""
    steps = [step for step in history.steps if place_of(step.task).within == within]
    written = tuple((step.number, step.task) for step in steps if key in step.update)
    plan = plan_within(plan, within)
    readers = tuple(name for name, node in plan.nodes.items() if key in [read.key for read in node.reads])
    return KeyUse(written, readers)
