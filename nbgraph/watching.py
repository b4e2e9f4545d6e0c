"""Watching: a run that another process has, as it stands in the store and as it goes on there."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, NoReturn

from nbgraph.core import scheduler
from nbgraph.core.approvals import Approval, checked_answer
from nbgraph.core.event_stream import Events
from nbgraph.core.events import ENDED, Event, Status, StatusChanged
from nbgraph.core.graph import Graph
from nbgraph.core.lookback import KeyUse, Lookback, Moment, Visit
from nbgraph.core.outline import Outline
from nbgraph.core.past import Past, apply
from nbgraph.core.ports import History, Store
from nbgraph.core.records import Entry, Step
from nbgraph.core.retell import retold
from nbgraph.core.structure import planned
from nbgraph.core.usage import Usage
from nbgraph.core.watchers import Watchers
from nbgraph.errors import ApprovalError, NbgraphError, RunError, told

EVERY = 0.25  # seconds between looks at the store
SELDOM = 5.0  # where no process has the run


class Watch:
    """A stored run, looked at: what a `Run` tells, and nothing that moves it but the answer to a question.

    Args:
        graph: gives what the picture needs of the nodes.
        loop: the event loop on which watchers are told.
    """

    answerable = attended = False
    after_wait: Callable[[], None] | None = None
    live = False

    def __init__(self, graph: Graph, store: Store, run_id: str, loop: asyncio.AbstractEventLoop) -> None:
        history = store.history(run_id)
        self._store, self._run, self.loop = store, history.run, loop
        self._plan, self._graph = planned(history.run.structure, graph, {}), graph
        self._past, self._due, self._lock = Past(), deque[Entry](), Lock()
        self._seen = 0
        self._asked: dict[str, Approval] = {}
        self.status, self.reason, self.notices = Status.RUNNING, "", list[str]()
        self._watchers = Watchers(self.notices)
        self._take(history)
        loop.call_soon_threadsafe(_follow, weakref.ref(self), loop)

    def __repr__(self) -> str:
        taken = len(self._gathered().steps)
        return f"<Watch of {self.id}: {self.status}, {taken} step{'s' * (taken != 1)}>"

    @property
    def id(self) -> str:
        """The run's name."""
        return self._run.id

    @property
    def name(self) -> str:
        """The graph's name."""
        return self._run.graph

    @property
    def at_rest(self) -> bool:
        """Whether nothing goes on by itself."""
        return self.status is not Status.RUNNING

    @property
    def outline(self) -> Outline:
        """The graph as the run knows it."""
        return self._plan.outline

    @property
    def steps(self) -> list[Step]:
        """The finished tasks, in the order in which they finished."""
        return list(self._gathered().steps)

    @property
    def usage(self) -> Usage:
        """What models took so far."""
        return self._gathered().usage

    @property
    def state(self) -> dict[str, Any]:
        """All that has been committed so far, merged as at the end."""
        walk = self._gathered().walks.get("")
        return dict(scheduler.state(walk.frontier) if walk else {}) or dict(self._run.inputs)

    @property
    def approvals(self) -> list[Approval]:
        """All questions asked so far, with their answers."""
        return list(self._asked.values())

    @property
    def breakpoints(self) -> dict[str, list[str]]:
        """None are known here."""
        return {"before": [], "after": []}

    @property
    def next_tasks(self) -> list[str]:
        """None are known here."""
        return []

    def answer(
        self,
        name: str,
        option: str,
        note: str = "",
        edit: Mapping[str, Any] | None = None,
        *,
        form: Any = None,
        by: str = "graph.watch",
    ) -> Approval:
        """Answer an open question, as `Run.answer` does; the process that has the run goes on with it.

        Raises:
            AlreadyAnswered: somebody was first.
            ApprovalError: there is no such question, or the answer does not fit it.
        """
        asked = [each for each in self._store.approvals(self.id) if name in (each.node, each.id)]
        if not asked:
            raise ApprovalError(f"{self.id} asks nothing at {name!r}.")
        entered = form if form is None or isinstance(form, Mapping) else {"": form}
        answer = checked_answer(asked[-1], option, note, edit or {}, by, time.time(), entered)
        return self._store.answer(asked[-1].id, answer)

    def wait(self, timeout: float | None = None) -> Watch:
        """Wait until the run has ended or cannot go on by itself, at most `timeout` seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        while not self.at_rest and (end is None or time.monotonic() < end):
            time.sleep(EVERY / 5)
        return self

    def events(self) -> Events:
        """Every event once, in order, the past ones first."""
        return Events(self)

    def subscribe(self, watcher: Callable[[Event], None]) -> Callable[[], None]:
        """Call `watcher` on the loop with every event, the past ones first; returns what ends it."""
        self.loop.call_soon_threadsafe(self._watchers.admit, watcher)

        def dismiss() -> None:
            self.loop.call_soon_threadsafe(self._watchers.dismiss, watcher)

        return dismiss

    def why(self, node: str) -> str:
        """What is known of a node from here."""
        return f"{self.id} runs in another process, which knows why {node} does not run; this one only looks on."

    def at(self, step: int) -> Moment:
        """The run as it stood after a step; 0 is before the first.

        Raises:
            RunError: the run has no such step.
        """
        return self.lookback.at(step)

    def visit(self, task: str) -> Visit:
        """What a task such as `draft#2` saw, did and wrote.

        Raises:
            RunError: the run has no such task.
        """
        return self.lookback.visit(task)

    def uses(self, key: str, within: str = "") -> KeyUse:
        """Who wrote a key, and which nodes read it; `within` names the task whose subgraph is meant."""
        return self.lookback.uses(key, within)

    @property
    def lookback(self) -> Lookback:
        """What looks back on it, as it is stored, without holding it."""
        return Lookback(self._store, self.id, self._plan, self._graph)

    def _refuse(self, *arguments: Any, **named: Any) -> NoReturn:
        raise RunError(f"{self.id} is only looked at here; graph.resume({self.id!r}) takes it once nobody has it.")

    pause = cancel = resume = next = breakpoint = edit = fork = replay = diff = _refuse

    # On the loop

    async def look(self) -> float | None:
        """Look at the store once; the seconds until the next look, None where there is nothing more to come."""
        try:
            summary = await asyncio.to_thread(self._store.run, self.id)  # first, for it may end between the two
            history = await asyncio.to_thread(self._store.history, self.id, self._seen)
        except (NbgraphError, RuntimeError) as error:  # the latter where the interpreter is ending
            self._stand(Status.FAILED, f"it can be watched no longer: {told(error)}")
            return None
        self._take(history)
        if self.status in ENDED:
            return None
        if history.entries:
            return EVERY
        if summary.interrupted:
            self._stand(Status.PAUSED, f"the process that had it has ended; graph.resume({self.id!r}) goes on.")
        return EVERY if summary.owner is not None and summary.owner.alive else SELDOM

    def _take(self, history: History) -> None:
        """Take in what has been added to the log."""
        self._asked |= {approval.id: approval for approval in history.approvals}
        self._seen += len(history.entries)
        self._due.extend(history.entries)
        for entry in history.entries:
            for event in retold(entry, self._asked.get):
                if isinstance(event, StatusChanged):
                    self.status, self.reason = event.status, event.reason
                self._watchers.tell(event)

    def _gathered(self) -> Past:
        """What is behind it; put together once somebody asks, for a picture needs the events alone."""
        with self._lock:
            while self._due:
                entry = self._due.popleft()
                apply(self._past, self._plan, self._run.inputs, entry)
                if isinstance(entry, Step):
                    self._past.steps.append(entry)
            return self._past

    def _stand(self, status: Status, reason: str) -> None:
        if (self.status, self.reason) != (status, reason):
            self.status, self.reason = status, reason
            self._watchers.tell(StatusChanged(status, time.time(), reason))


_following: set[asyncio.Task[None]] = set()
"""An event loop does not hold its tasks."""


def _follow(watch: weakref.ref[Watch], loop: asyncio.AbstractEventLoop) -> None:
    task = loop.create_task(_look_on(watch))
    _following.add(task)
    task.add_done_callback(_following.discard)


async def _look_on(watch: weakref.ref[Watch]) -> None:
    """Look again and again, while somebody holds the watch and there is more to come."""
    while (looking := watch()) is not None:
        pause = await looking.look()
        del looking
        if pause is None:
            return
        await asyncio.sleep(pause)
