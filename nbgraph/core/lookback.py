"""Looking back: a run as it stood after a step, what one task saw, did and made of it, and who wrote and read a key.

All of it comes from the records of the run, so it is the same for one that goes on here, elsewhere, or no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from nbgraph.core import replay, scheduler
from nbgraph.core.approvals import Approval
from nbgraph.core.diff import Diff, diff
from nbgraph.core.events import ENDED, Event, Status, StatusChanged
from nbgraph.core.graph import START, Graph
from nbgraph.core.not_taken import why_not
from nbgraph.core.outline import Outline, OutlineEdge
from nbgraph.core.past import Past, WalkPast, gathered, plan_within
from nbgraph.core.plan import Plan
from nbgraph.core.ports import History, Store
from nbgraph.core.reading import Memory, Reading
from nbgraph.core.records import Begun, Entry, Failed, ModelAnswered, Moved, Recorded, Step, ToolReturned, Tried
from nbgraph.core.structure import planned
from nbgraph.core.task_names import EDIT, Place, is_within, place_of, static_of
from nbgraph.core.usage import Used
from nbgraph.errors import RunError, brief

Done = Recorded | ModelAnswered | ToolReturned | Tried


class Lookback:
    """A stored run to look back on; it holds none of its values.

    Args:
        plan: the run's edges, with the nodes as they are now.
        graph: gives the nodes of other runs that it is compared with.
    """

    def __init__(self, store: Store, run_id: str, plan: Plan, graph: Graph) -> None:
        self.store, self.run_id, self.plan, self.graph = store, run_id, plan, graph
        self._read: Reading | None = None
        self._memory: Memory | None = None

    def read(self) -> Lookback:
        """The same with all that is stored of the run read now, and once: for several looks, and not to be kept."""
        found = self._same()
        found._read = self._reading
        return found

    def remembered(self, memory: Memory) -> Lookback:
        """The same, quick where `memory` has what it needs; for one who changes nothing of what is told."""
        found = self._same()
        found._memory = memory
        return found

    def _same(self) -> Lookback:
        return Lookback(self.store, self.run_id, self.plan, self.graph)

    def at(self, step: int) -> Moment:
        """See `Run.at`."""
        return moment(self._reading, step)

    def visit(self, task: str) -> Visit:
        """See `Run.visit`."""
        return visit(self._reading, task)

    def uses(self, key: str, within: str = "") -> KeyUse:
        """See `Run.uses`."""
        return uses(self._reading.history, self.plan, key, within)

    def visits(self, node: str) -> tuple[VisitMark, ...]:
        """All tasks of a node, in the order in which they could start; in a subgraph it is named by its path."""
        return visits(self._reading.history, node)

    def edge(self, index: int, step: int | None = None) -> EdgeUse:
        """How often an edge of the outline was taken, and why; or why not.

        Args:
            step: as it stood after that step; None for now.
        """
        return edge_use(self._reading, index, step)

    def beside(self, run_id: str) -> Lookback:
        """Another run of the graph in the same store, to look back on.

        Raises:
            NoSuchRun: the store holds none with that id.
            RunError: it is another graph's.
        """
        run = self.store.history(run_id).run
        if run.graph != self.plan.name:
            raise RunError(f"{run_id} is a run of {run.graph}, not of {self.plan.name}.")
        return Lookback(self.store, run_id, planned(run.structure, self.graph, {}), self.graph)

    def outcome(self) -> Outcome:
        """What it did and came to."""
        history = self._reading.history
        past = gathered(history, self.plan)
        return Outcome(history.steps, state_of(past, history), past.usage.total)

    @property
    def _reading(self) -> Reading:
        if self._memory is not None:
            return self._memory.reading(self.store, self.run_id, self.plan)
        return self._read or Reading(self.store.history(self.run_id), self.plan)


class Outcome(NamedTuple):
    """What a run did, the state that it came to, and what its models took."""

    steps: Sequence[Step]
    state: Mapping[str, Any]
    used: Used

    def diff(self, other: Outcome) -> Diff:
        """What tells this run from another."""
        return diff(self.steps, other.steps, self.state, other.state, (self.used, other.used))


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


def moment(read: Reading, number: int) -> Moment:
    """The run as it stood after the step `number`; 0 is before the first.

    Raises:
        RunError: it has no such step.
    """
    history, plan = read.history, read.plan
    check_step(history, number)
    past = read.past(_place_of_step(history, number) + 1) if number else gathered(history, plan, 0)
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


def _place_of_step(history: History, number: int) -> int:
    """Where the log has the step."""
    places = (
        place for place, entry in enumerate(history.entries) if isinstance(entry, Step) and entry.number == number
    )
    return next(places)


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


def visit(read: Reading, task: str) -> Visit:
    """The task with that name, such as `draft#2` or `research/search#1`.

    Raises:
        RunError: the run has no such task.
    """
    history = read.history
    step = next((each for each in history.steps if each.task == task), None)
    try:
        place = place_of(task)
        walk = _walk(read, place, step)
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


class VisitMark(NamedTuple):
    """A task in the list of its node's: it could start after the step `begun`, and finished as `step`, or has not."""

    task: str
    begun: int
    step: int | None


def visits(history: History, node: str) -> tuple[VisitMark, ...]:
    """The tasks of the node, in the order in which they could start."""
    found: dict[str, int] = {}
    number = 0
    for entry in history.entries:
        number = entry.number if isinstance(entry, Step) else number
        for task in _started(entry, node):
            found.setdefault(task, number)
    finished = {step.task: step.number for step in history.steps}
    return tuple(VisitMark(task, begun, finished.get(task)) for task, begun in found.items())


def _started(entry: Entry, node: str) -> list[str]:
    """The tasks of the node that could start with an entry."""
    if not isinstance(entry, Begun | Step):
        return []
    within = _within(entry)
    lead, name = static_of(within), node.rpartition("/")[2]
    return [_named(within, id) for id in entry.started if id.rpartition("#")[0] == name and node == lead + name]


def _within(entry: Begun | Step) -> str:
    return entry.within if isinstance(entry, Begun) else place_of(entry.task).within


def _walk(read: Reading, place: Place, step: Step | None) -> WalkPast:
    """The walk of the task as it stood just before the task finished, or as it stands."""
    count = None if step is None else _place_of_step(read.history, step.number)
    return read.past(count).walks[place.within]


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


LAST = 5
"""As many reasons are told of an edge that was taken again and again."""


class Passage(NamedTuple):
    """An edge was taken after a step (0: when the graph began), by a task, for a reason; a plain edge needs none."""

    step: int
    task: str
    reason: str


class EdgeUse(NamedTuple):
    """An edge, how often it was `taken`, and the last passages, oldest first.

    `why_not` says why it was not taken when its source finished last; empty where it was.
    """

    edge: OutlineEdge
    taken: int
    last: tuple[Passage, ...]
    why_not: str


def edge_use(read: Reading, index: int, step: int | None = None) -> EdgeUse:
    """What became of the edge with that index in the outline.

    Raises:
        RunError: there is no such edge, or no such step.
    """
    history, plan = read.history, read.plan
    if not isinstance(index, int) or not 0 <= index < len(plan.outline.edges):
        raise RunError(f"{history.run.id} has no edge {brief(index)}.")
    if step is not None:
        check_step(history, step)
    edge = plan.outline.edges[index]
    entries = [each for each in _until(history.entries, step) if isinstance(each, Begun | Step)]
    passed = [passage for entry in entries for passage in _passages(entry, index)]
    why = _why_not(read, edge, index, entries, over=step is None and _is_over(history))
    return EdgeUse(edge, len(passed), tuple(passed[-LAST:]), why)


def _until(entries: Iterable[Entry], step: int | None) -> Iterable[Entry]:
    """The entries before the step that follows the given one."""
    return takewhile(lambda entry: step is None or not isinstance(entry, Step) or entry.number <= step, entries)


def _passages(entry: Begun | Step, index: int) -> list[Passage]:
    number, task = (entry.number, entry.task) if isinstance(entry, Step) else (0, _named(entry.within, START))
    return [Passage(number, task, taken.reason) for taken in entry.taken if taken.edge == index]


def _is_over(history: History) -> bool:
    last = history.entries[-1] if history.entries else None
    return isinstance(last, Moved) and last.status in ENDED


def _why_not(read: Reading, edge: OutlineEdge, index: int, entries: list[Begun | Step], over: bool) -> str:
    outer, _, source = edge.source.rpartition("/")
    lead = f"{outer}/" if outer else ""
    seen = next((each for each in reversed(entries) if static_of(_within(each)) == lead), None)
    if seen is None:
        return f"{outer or read.history.run.graph} has not begun"
    left = [each for each in reversed(entries) if _leaves(each, edge.source) and static_of(_within(each)) == lead]
    if left and any(taken.edge == index for taken in left[0].taken):
        return ""
    place = next(place for place, entry in enumerate(read.history.entries) if entry is seen)
    walk = read.past(place + 1).walks[_within(seen)]
    return why_not(walk, source, index, over) if source in walk.plan.exits else ""


def _leaves(entry: Begun | Step, source: str) -> bool:
    """Whether with an entry the edges out of a node were chosen."""
    return (static_of(entry.within) + START if isinstance(entry, Begun) else entry.node) == source


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
