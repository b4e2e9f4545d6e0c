"""Past: what a stored run has behind it, gathered from its records so that it can go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nbgraph.core import replay
from nbgraph.core.approvals import Approval
from nbgraph.core.events import Event, Status, TaskStarted
from nbgraph.core.plan import Plan
from nbgraph.core.ports import History
from nbgraph.core.records import (
    Answered,
    Asked,
    Begun,
    Entry,
    Failed,
    ItemDone,
    Journaled,
    ModelAnswered,
    Moved,
    Recorded,
    Renewed,
    Resumed,
    Snapshot,
    Step,
    ToolReturned,
    Tried,
)
from nbgraph.core.retell import retold
from nbgraph.core.scheduler import Advance, Frontier
from nbgraph.core.task_names import Place, is_within, place_of, static_of, walk_name
from nbgraph.core.usage import Usage, Used


@dataclass(slots=True)
class WalkPast:
    """Where the walk of one graph stands: the run's own, or a subgraph's that has not finished.

    `latest` is what came of each node's last task, `items` the updates of the finished items of maps, `steps` counts
    what it has finished.
    """

    plan: Plan
    inputs: Mapping[str, Any]
    frontier: Frontier
    latest: dict[str, Advance] = field(default_factory=dict)
    items: dict[str, dict[int, Mapping[str, Any]]] = field(default_factory=dict)
    steps: int = 0


@dataclass(slots=True)
class Past:
    """What a run has behind it.

    `walks` are by what they run within. `journal` is what was recorded in tasks that have not finished, `tries` how
    many attempts of theirs have failed. `answered` are the questions whose answers have reached their tasks. `usage` is
    what models took, `renewed` what they had taken when last a person renewed the budget.
    """

    walks: dict[str, WalkPast] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    journal: dict[str, Journaled] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    approvals: dict[str, Approval] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    renewed: Used = Used()
    status: Status = Status.RUNNING
    reason: str = ""

    @property
    def frontier(self) -> Frontier:
        """Where the run's own graph stands."""
        return self.walks[""].frontier

    def forget(self, task: str) -> None:
        """A task has finished: what was kept for it is needed no more."""
        drop(self.journal, task)
        drop(self.tries, task)


def drop(kept: dict[str, Any], task: str) -> None:
    """Drop what is kept for a task and its items, such as `draft#2/step1` and `work#1[3]`."""
    for name in [name for name in kept if is_within(name, task)]:
        del kept[name]


def gathered(history: History, plan: Plan, upto: int | None = None, since: tuple[Snapshot, int] | None = None) -> Past:
    """What `history` says, replayed on `plan`.

    Args:
        upto: the number of the last step that counts; None for all.
        since: a snapshot to begin from, and how many entries the log had then.
    """
    entries = history.entries if upto is None else entries_upto(history.entries, upto)
    past = Past(approvals={approval.id: approval for approval in history.approvals})
    replayed_from = 0
    if since is not None:
        snapshot, replayed_from = since
        past.walks[""] = WalkPast(plan, history.run.inputs, replay.restored(plan, snapshot))
    for index, entry in enumerate(entries):
        past.events += retold(entry, past.approvals.get)
        if isinstance(entry, Step):
            past.steps.append(entry)
        apply(past, plan, history.run.inputs, entry, known=index < replayed_from)
    return past


def entries_upto(entries: Iterable[Entry], number: int) -> list[Entry]:
    """The entries up to the step with that number; what was begun after it is left out."""
    found: list[Entry] = []
    if number <= 0:
        found += [entry for entry in entries if isinstance(entry, Begun) and not entry.within][:1]
        return found
    for entry in entries:
        found.append(entry)
        if isinstance(entry, Step) and entry.number == number:
            break
    return found


def apply(past: Past, plan: Plan, inputs: Mapping[str, Any], entry: Entry, known: bool = False) -> None:
    """Add what `entry` says to the past of a run that began with `inputs`.

    Where the run's own graph went is left out if it is `known` from a snapshot; what is under way in it is not.
    """
    match entry:
        case Begun(within) if known and not within:
            pass
        case Begun(within):
            inner, given = plan_within(plan, within), entry.inputs if within else inputs
            past.walks[within] = WalkPast(inner, given, replay.begun(inner, given, entry))
        case Step():
            _finish(past, entry, place_of(entry.task), known)
        case Moved(status, reason):
            past.status, past.reason = status, reason
        case Resumed():
            past.status, past.reason = Status.RUNNING, ""
        case Renewed():
            past.renewed = past.usage.total
        case Recorded() | ModelAnswered() | ToolReturned():
            _record(past, entry)
        case _:
            _keep(past, entry)


def _record(past: Past, entry: Journaled) -> None:
    """Keep what a task has done that has not finished, and count what models took."""
    past.journal[entry.place] = entry
    if isinstance(entry, ModelAnswered):
        past.usage.add(entry)


def _keep(past: Past, entry: Entry) -> None:
    """Keep what a task has behind it that has not finished."""
    match entry:
        case Tried(name, attempt):
            past.tries[name] = attempt
        case Failed(task):
            drop(past.tries, task)
        case Asked(id):
            past.answered.discard(id)
        case Answered(id):
            past.answered.add(id)
        case ItemDone(task, item, update):
            place = place_of(task)
            past.walks[place.within].items.setdefault(place.id, {})[item] = update
            _leave(past, f"{walk_name(place)}[{item}]")


def plan_within(plan: Plan, within: str) -> Plan:
    """The plan of the subgraph of a task, of whatever depth."""
    for name in static_of(within).split("/")[:-1]:
        plan = plan.inner[name]
    return plan


def _finish(past: Past, step: Step, place: Place, known: bool) -> None:
    walk = past.walks[place.within]
    walk.steps += 1
    if place.within or not known:
        moved = replay.advanced(walk.frontier, place.id, step)
        walk.frontier, walk.latest[place.node] = moved.frontier, moved
    walk.items.pop(place.id, None)
    past.forget(step.task)
    _leave(past, walk_name(place))


def _leave(past: Past, within: str) -> None:
    for name in [name for name in past.walks if name and is_within(name, within)]:
        del past.walks[name]


def without_unfinished(past: Past) -> list[Event]:
    """The events of a past that goes on, without the starts of tasks that will start again."""
    active = {
        (within, static_of(within) + task.node, task.visit)
        for within, walk in past.walks.items()
        for task in walk.frontier.active.values()
    }
    return [
        event
        for event in past.events
        if not isinstance(event, TaskStarted) or (event.within, event.node, event.visit) not in active
    ]
