"""Retelling: the events of a run that happened in another process, or before, made from its log."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nbgraph.core import events
from nbgraph.core.approvals import Approval
from nbgraph.core.events import Event, Failure, Status
from nbgraph.core.records import (
    Answered,
    Asked,
    Begun,
    Entry,
    Failed,
    ModelAnswered,
    Moved,
    Resumed,
    Step,
    ToolReturned,
    Tried,
    Withdrawn,
)
from nbgraph.core.task_names import EDIT, place_of, static_of
from nbgraph.errors import RunError


def retold(entry: Entry, question: Callable[[str], Approval | None]) -> Iterator[Event]:
    """What was told when `entry` was kept; a task is told to have started as soon as it could.

    Args:
        question: gives the question with an id.
    """
    match entry:
        case Begun(within, _, taken, started, _, at):
            yield events.RunStarted(at, taken, within)
            yield from _started(within, static_of(within), started, at)
        case Step():
            yield from _step(entry)
        case Tried() | Failed() | ModelAnswered() | ToolReturned():
            yield _of_part(entry)
        case Asked(id, at) | Answered(id, at) | Withdrawn(id, at):
            approval = question(id)
            if approval is not None:
                yield _of_question(entry, approval, at)
        case Moved(status, reason, at):
            yield events.StatusChanged(status, at, reason)
        case Resumed():
            yield events.StatusChanged(Status.RUNNING, entry.at)


def of_call(entry: ModelAnswered | ToolReturned) -> events.ModelCalled | events.ToolCalled:
    """The event that tells of a call which a task made."""
    place, call = place_of(entry.place), entry.place.rpartition("/")[2]
    node, visit, item, within = place.static + place.node, place.visit, place.item, place.within
    if isinstance(entry, ModelAnswered):
        tokens, cost = (entry.input, entry.cached, entry.output), entry.cost
        return events.ModelCalled(node, visit, entry.at, call, entry.model, *tokens, cost, entry.seconds, item, within)
    came = entry.result, entry.failed, entry.seconds
    return events.ToolCalled(node, visit, entry.at, call, entry.tool, entry.arguments, *came, item, within)


def _of_part(entry: Tried | Failed | ModelAnswered | ToolReturned) -> Event:
    match entry:
        case ModelAnswered() | ToolReturned():
            return of_call(entry)
        case Tried(name, attempt, error, at):
            place = place_of(name)
            node, failure = place.static + place.node, _failure("", error, "")
            call = "" if name.endswith("]") or "#" in (last := name.rpartition("/")[2]) else last
            return events.TaskRetried(node, place.visit, at, attempt, failure, 0.0, place.item, place.within, call)
        case Failed(name, node, type, message, where, at):
            place = place_of(name)
            return events.TaskFailed(node, place.visit, at, _failure(type, message, where), place.within)


def _step(step: Step) -> Iterator[Event]:
    place = place_of(step.task)
    if place.node == EDIT:
        yield events.StateEdited(step.at, step.number, step.update, place.within)
        return
    if step.errors:
        failure = _failure(step.errors[0].type, step.errors[0].message, "")
        yield events.TaskFailed(step.node, step.visit, step.at, failure, place.within)
    told = step.update, step.taken, step.cached, place.within, step.edited
    yield events.TaskFinished(step.node, step.visit, step.at, step.number, *told)
    yield from _started(place.within, place.static, step.started, step.at)


def _started(within: str, static: str, ids: tuple[str, ...], at: float) -> Iterator[Event]:
    for id in ids:
        node, _, visit = id.rpartition("#")
        yield events.TaskStarted(static + node, int(visit), at, None, within)


def _failure(type: str, message: str, where: str) -> Failure:
    return Failure(type, message, where, RunError(f"{type}: {message}" if type else message))


def _of_question(entry: Asked | Answered | Withdrawn, approval: Approval, at: float) -> Event:
    match entry:
        case Asked():
            return events.ApprovalAsked(approval, at)
        case Answered():
            return events.ApprovalAnswered(approval, at)
        case Withdrawn():
            return events.ApprovalWithdrawn(approval, at)
