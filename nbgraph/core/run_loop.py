"""The run loop: where a run stands, and what moves it on: a person, a pause, a resume, an edit.

`Walk` does the work of a graph; a run has one for its own graph and one for each subgraph that is under way. Everything
happens on the run's event loop but for what `Run` calls from other threads; `changed` guards both.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from contextvars import copy_context
from threading import Condition
from typing import Any, NamedTuple

from nbgraph.core import events
from nbgraph.core.approvals import Answers, Approval
from nbgraph.core.breakpoints import Breakpoints
from nbgraph.core.calls import Calls
from nbgraph.core.context import Context
from nbgraph.core.engine import never_ends
from nbgraph.core.events import ENDED, Failure, Status
from nbgraph.core.failures import failure_of, shortened
from nbgraph.core.fit import check_inputs
from nbgraph.core.forms import Form
from nbgraph.core.graph import Graph
from nbgraph.core.nowhere import Nowhere
from nbgraph.core.past import Past, drop
from nbgraph.core.plan import Plan, askers
from nbgraph.core.ports import Log, Store
from nbgraph.core.questions import Questions
from nbgraph.core.records import Entry, Moved, Renewed, Resumed, RunRecord, Step, Structure, Withdrawn
from nbgraph.core.structure import changes, described
from nbgraph.core.task_names import is_within
from nbgraph.core.usage import Allowance, Budget
from nbgraph.core.walk import Walk
from nbgraph.core.watchers import Watchers
from nbgraph.errors import OwnedElsewhere, RunError, StoreError, nearest, told

_live: set[RunLoop] = set()
"""Runs with tasks: an event loop does not hold its tasks, and a run that waits for a person may be held by nobody."""

live: weakref.WeakValueDictionary[str, RunLoop] = weakref.WeakValueDictionary()
"""The runs of this process that somebody holds, by their ids."""

ONE_STEP = "one step at a time"


class Settings(NamedTuple):
    """How a run is made: what it keeps its steps in, what calls its nodes, what it was given beforehand.

    Args:
        executor: gives the executor that a node's policy names.
        read_form: the form that asks a person for a value of a type.
        limit: steps until the run is paused.
        parallel: how many calls run at once, or None.
        stepping: whether one ready set starts at a time.
        pause_before, pause_after: the nodes that the run pauses at.
        parent: the run that it goes on from, at which step, and as what; see `RunRecord`.
        clock: seconds since the epoch.
        budget: what models may take until the run is paused, or None.
    """

    store: Store
    executor: Callable[[str | Executor], Executor]
    read_form: Callable[[Any], Form]
    given: Answers
    clock: Callable[[], float]
    limit: int = 1000
    parallel: int | None = None
    stepping: bool = False
    pause_before: tuple[str, ...] = ()
    pause_after: tuple[str, ...] = ()
    parent: tuple[str, int, str] = ("", 0, "")
    budget: Budget | None = None


class RunLoop:
    """The engine of one run: `run_id`, of `plan`, on `loop`."""

    def __init__(
        self,
        run_id: str,
        graph: Graph,
        plan: Plan,
        inputs: Mapping[str, Any],
        loop: asyncio.AbstractEventLoop,
        settings: Settings,
        past: Past | None = None,
    ) -> None:
        self.run_id, self.name, self.loop, self.store = run_id, plan.name, loop, settings.store
        self.settings, self.past = settings, past or Past()
        self.log: Log = Nowhere()
        self._let_go: Callable[[], object] = lambda: None
        self._let_go_of = False
        self.face: object = None  # what shows this run to the outside
        self.status, self.reason = Status.RUNNING, ""
        self.changed = Condition()
        self.notices = settings.given.unknown(askers(plan))
        self.now, self.read_form = settings.clock, settings.read_form
        self.questions = Questions(
            self.store,
            settings.given,
            self.notices,
            self.changed,
            self.now,
            self._answered,
            self.past.approvals,
            self.past.answered,
        )
        self.calls = Calls(loop, settings.executor, settings.parallel, self.settle, self.now)
        self.variables = copy_context()  # what a node prints then lands in the cell that started the run
        self.history = self.past.steps  # the finished tasks, in order
        self.journal = self.past.journal  # what `ctx.step` recorded in tasks that have not finished
        self.tries = self.past.tries  # how many attempts of theirs have failed
        self.usage = self.past.usage  # what models took
        self.allowance = Allowance(settings.budget, self.past.renewed)
        self._renewals: set[asyncio.Future[None]] = set()  # who waits for a person to renew it
        self.walk = Walk(self, graph, plan, inputs, settings.limit, past=self.past.walks.pop("", None))
        self.walks: dict[str, Walk] = {}  # of subgraphs that have not finished, by what they run within
        self.breakpoints = Breakpoints(settings.pause_before, settings.pause_after)
        self.stepping = settings.stepping
        self.steps_taken = len(self.history)
        self.wakers: set[Callable[[], object]] = set()  # called with each change of status, and nothing else
        self.watchers = Watchers(self.notices)
        self.tell = self.watchers.tell
        self._stop = ONE_STEP if settings.stepping else ""  # why nothing new starts
        self._told = (Status.RUNNING, "")
        self._resuming = False
        self._taken: Exception | None = None  # why the run cannot be kept here any more

    # Called from any thread

    @property
    def plan(self) -> Plan:
        """What the run goes by."""
        return self.walk.plan

    @property
    def here(self) -> bool:
        """Whether this is the thread of the run's loop."""
        return self.walk.here

    @property
    def taken(self) -> bool:
        """Whether it cannot be kept here any more."""
        return self._taken is not None

    @property
    def failures(self) -> list[Failure]:
        """The failures that keep the run from going on."""
        taken = [] if self._taken is None else [failure_of(self._taken, None)]
        return [*taken, *self.walk.failures.values()]

    def steps(self) -> list[Step]:
        """The finished tasks, in the order in which they finished."""
        return list(self.history)

    def start(self) -> None:
        """Keep the run in its store, and begin; called once, from another thread, for it blocks for a moment."""
        self.write_to(self.store.create(self.record()))
        self.post(self._begin)

    async def start_here(self) -> None:
        """The same on the run's own loop, which goes on meanwhile."""
        _live.add(self)
        await asyncio.to_thread(lambda: self.write_to(self.store.create(self.record())))  # also where this loop ends
        if self.cancelled:  # which was told already, and not kept
            self.log.note(Moved(self.status, self.reason, self.now()))
            self._let_go()
            _live.discard(self)
        else:
            self._begin()

    async def start_soon(self) -> None:
        """The same, where nobody waits; what keeps it from starting is the run's own failure."""
        try:
            await self.start_here()
        except Exception as error:
            self.be_taken(error)

    def record(self) -> RunRecord:
        """The run as it begins."""
        settings, structure = self.settings, described(self.plan)
        given = self.walk.inputs, self.now(), structure, settings.limit, settings.parallel, *settings.parent
        return RunRecord(self.run_id, self.name, *given, settings.budget)

    def write_to(self, log: Log) -> None:
        """Keep everything in `log` from now on, until nobody holds this run."""
        self.log, mine, live[self.run_id] = log, weakref.ref(self), self
        self._let_go = weakref.finalize(self, log.close)

        def lost(error: Exception) -> None:
            if (run := mine()) is not None:
                run.post(run.be_taken, error)

        def answered(approval: Approval) -> None:
            if (run := mine()) is not None:
                run.questions.receive(approval)

        log.lost, log.answered = lost, answered

    def go_on(self, by: str, structure: Structure | None = None) -> None:
        """Go on from the past, as `by` says; `structure` is the graph that the run began with. Called once."""
        self.notices += changes(structure, described(self.plan)) if structure else []
        self._resuming = True
        self.post(self._go_on, by)

    def _go_on(self, by: str) -> None:
        _live.add(self)
        self.watchers.begin_with(self.past.events)
        self.note(Resumed(by, tuple(self.notices), self.now()))
        self.tell(events.StatusChanged(Status.RUNNING, self.now()))
        if self.walk.frontier.visits:
            self.resume(self.stepping)
        else:
            self._resuming = False
            self._begin()

    def wait(self, timeout: float | None) -> None:
        """Block until the run is not running, at most `timeout` seconds."""
        with self.changed:
            self.changed.wait_for(lambda: self.status is not Status.RUNNING, timeout)

    def turn(self, of: tuple[Status, ...], to: Status) -> bool:
        """Whether the status was one of `of`; then it is `to` at once, before the loop has heard of it."""
        with self.changed:
            if self.status not in of:
                return False
            self._resuming = self.status in (Status.FAILED, Status.PAUSED) and to is Status.RUNNING
            self.status, self.reason = to, "cancelled by run.cancel()" if to is Status.CANCELLED else ""
            if to is Status.CANCELLED:
                self.questions.close(f"{self.name} was cancelled; its questions take no answer any more.")
            self.changed.notify_all()
            return True

    def _answered(self, future: asyncio.Future[Approval], answered: Approval) -> None:
        if self.loop.is_closed():  # nobody waits here any more; who resumes the run finds the answer in its store
            return
        self.turn((Status.WAITING,), Status.RUNNING)
        self.post(self._arrived, future, answered)

    def _arrived(self, future: asyncio.Future[Approval], answered: Approval) -> None:
        if not future.done():
            future.set_result(answered)
            self.loop.call_soon(self._received)  # when who waits has gone on
        else:
            self._received()

    def _received(self) -> None:
        self.questions.arrived()
        self.settle()

    def post(self, call: Callable[..., None], *arguments: Any) -> None:
        """Call on the run's loop, at once where this is its thread."""
        if self.here or self.loop.is_closed():  # where the loop is closed nothing else happens any more
            call(*arguments)
        else:
            self.loop.call_soon_threadsafe(call, *arguments)

    def check_alive(self) -> None:
        """RunError where the run's loop is closed, and the run with it."""
        if self.loop.is_closed():
            again = f"graph.resume({self.run_id!r}) goes on with it"
            raise RunError(f"the event loop on which {self.name} ran is closed, and the run with it; {again}.")

    def abandon(self) -> None:
        """Let the run go, whose loop is closed, so that another one goes on with it."""
        _live.discard(self)
        self._taken = self._taken or RunError(f"the event loop on which {self.name} ran is closed.")
        self._let_go()

    def check_here(self) -> None:
        """RunError where it cannot go on here: its loop is closed, or another process has taken it."""
        self.check_alive()
        if self._taken is not None:
            raise RunError(f"{self._taken} Once it can be had again, graph.resume({self.run_id!r}) goes on with it.")

    # On the run's loop

    def be_taken(self, error: Exception) -> None:
        """The run cannot be kept here any more: nothing that still happens here counts."""
        self._taken = self._taken or error
        self._end_all()

    def note(self, entry: Entry) -> None:
        """Keep an entry that nobody waits for; where its log takes it no more, the run cannot be kept here any more."""
        if self._let_go_of:  # it is over; a task that was cancelled may still say so
            return
        try:
            self.log.note(entry)
        except (OwnedElsewhere, StoreError) as error:
            self.be_taken(error)

    @property
    def cancelled(self) -> bool:
        """Whether the run was cancelled."""
        return self.status is Status.CANCELLED

    @property
    def watched(self) -> bool:
        """Whether anybody is told what happens."""
        return self.watchers.watched

    def stops(self) -> bool:
        """Whether nothing new starts."""
        return bool(self._stop or self.walk.failures or self._taken) or self.status is Status.CANCELLED

    def number(self) -> int:
        """The number of the next step."""
        self.steps_taken += 1
        return self.steps_taken

    def _begin(self) -> None:
        _live.add(self)
        if self.breakpoints:
            self.tell(self._breakpoints_changed())
        self.walk.begin()
        self.settle()

    def stop(self, why: str) -> None:
        """Start nothing new, for the first reason that is given."""
        self._stop = self._stop or why

    def pause(self, why: str) -> None:
        """Start nothing new; the status is paused when what runs has finished."""
        if self.status in (Status.RUNNING, Status.WAITING):
            self.stop(why)
            self.settle()

    def cancel(self) -> None:
        """End what runs; the status is cancelled already."""
        for id in self.questions.withdrawn:
            self.note(Withdrawn(id, self.now()))
        self._end_all()

    def _end_all(self) -> None:
        for walk in (self.walk, *self.walks.values()):
            walk.end()
        self.settle()

    def resume(self, stepping: bool = False) -> None:
        """Go on with the nodes as they are now, with one ready set where `stepping`; else paused with the reason."""
        self._stop, self.stepping = "", stepping
        self._renew()
        under_way = [walk for walk in self.walks.values() if walk.over is not None and not walk.over.done()]
        try:
            notices = [walk.refresh() for walk in (self.walk, *under_way)]
        except BaseException as error:
            self.stop(f"it could not be resumed: {told(error)}")
            self.walk.held |= {*self.walk.failures}
            self.walk.failures.clear()
        else:
            self.notices += [each for each in dict.fromkeys(notices) if each and each not in self.notices]
            for walk in (self.walk, *under_way):
                walk.resume()
                walk.see_whether_over()
        if stepping:
            self.stop(ONE_STEP)
        self._resuming = False
        _live.add(self)
        self.settle()

    def settle(self) -> None:
        """Find out where the run stands now, and tell when that has changed."""
        with self.changed:
            self.status, self.reason = self._judge()
            news = (self.status, self.reason) != self._told
            self._told = now, why = self.status, self.reason
            if news and self._taken is None:  # whoever waits finds it in the store too
                self.note(Moved(now, shortened(why), self.now(), tuple(self.questions.asking)))
                news = not self.taken  # which was told instead
            if self.status is not Status.RUNNING:
                self.changed.notify_all()
        if news:
            self._tell_status(now, why)
        if now not in (Status.RUNNING, Status.WAITING) and not self.calls.busy:
            _live.discard(self)
            for walk in (self.walk, *self.walks.values()):
                walk.may_be_given_up()
            if now in ENDED or self._taken is not None:
                self._let_go_of = True
                self._let_go()

    def renewal(self, why: str) -> Awaitable[None]:
        """Pause, for the budget is spent; what is awaited is done when a person lets the run go on."""
        waits: asyncio.Future[None] = self.loop.create_future()
        self._renewals.add(waits)
        self.stop(why)
        return waits

    def _renew(self) -> None:
        """Whoever resumes the run where its budget is spent allows as much again."""
        if self.allowance.over(self.usage.total) and (self._renewals or self.past.status is Status.PAUSED):
            self.allowance.renew(self.usage.total)
            self.note(Renewed(self.now()))
        self.past.status = Status.RUNNING  # it counts once
        for waits in self._renewals:
            if not waits.done():
                waits.set_result(None)
        self._renewals.clear()

    def _tell_status(self, now: Status, why: str) -> None:
        under_way = [walk.outer.call for walk in self.walks.values() if walk.over is not None and walk.outer]
        self.calls.mind_clocks(under_way, now in (Status.PAUSED, Status.FAILED))
        for wake in tuple(self.wakers):
            wake()
        self.tell(events.StatusChanged(now, self.now(), why))

    def _judge(self) -> tuple[Status, str]:
        if self.status is Status.CANCELLED:
            return self.status, self.reason
        if self._resuming and self._taken is None:
            return Status.RUNNING, ""
        if self._taken is not None or self.walk.failures:
            return Status.FAILED, self._why_failed()
        if self.calls.busy or self.questions.arriving:
            return Status.RUNNING, ""
        if self.walk.frontier.finished:
            left = self.questions.left_over(askers(self.plan))
            return Status.DONE, "; ".join((*self.notices, *left))
        if self._stop and (self._stop != ONE_STEP or self.next_tasks):
            return Status.PAUSED, self._why_paused()
        if self.questions.asking:
            waits = f"waits for a person at {', '.join(self.questions.asking)}"
            return Status.WAITING, "; ".join((waits, *self.notices))
        return Status.RUNNING, ""

    def _why_failed(self) -> str:
        if self._taken is not None:
            return str(self._taken)
        return "; ".join(f"{task}: {_said(failure)}" for task, failure in self.walk.failures.items())

    def _why_paused(self) -> str:
        if self._stop != ONE_STEP:
            return self._stop
        return f"{ONE_STEP}; next: {', '.join(self.next_tasks)}"

    @property
    def next_tasks(self) -> list[str]:
        """The tasks that are held, and start when the run goes on."""
        return [walk.lead + id for walk in (self.walk, *self.walks.values()) for id in sorted(walk.held)]

    def loop_ends(self, error: BaseException) -> bool:
        """Whether the caller's loop ends while a person is awaited: then the question stays open, the run waiting."""
        if not isinstance(error, asyncio.CancelledError) or self.status is Status.CANCELLED:
            return False
        if never_ends(self.loop):  # what is cancelled there was cancelled by us
            return False
        return bool(self.questions.asking) and all(task.cancelling() for task in asyncio.all_tasks(self.loop))

    # Subgraphs

    def inner(self, walk: Walk, context: Context, graph: Graph, inputs: Mapping[str, Any], limit: int) -> Walk:
        """The walk of the subgraph that is the node of a task: the one that failed there before, or a new one."""
        within = walk.name_of(context.task, context.item)
        if context.whole is not None:
            within = f"{within}/{context.tool.name}#{context.tool.number}"
        known = self.walks.get(within)
        if known is None:
            static, plan = walk.static + context.node, walk.plan.inner[context.node]
            if context.whole is not None:  # a graph that an agent calls
                static, plan = f"{static}/{context.tool.name}", plan.inner[context.tool.name]
            past = self.past.walks.pop(within, None)
            known = Walk(self, graph, plan, inputs, limit, within=within, static=static, outer=context, past=past)
            self.walks[within] = known
        self.calls.take_over(known.outer, context)
        known.outer = context
        return known

    def leave(self, within: str) -> None:
        """Forget the subgraphs that run within a task, or an item of it; what still runs there does not count."""
        for name in [name for name in self.walks if is_within(name, within)]:
            self.walks.pop(name).end()
        drop(self.past.walks, within)

    # By hand

    def set_breakpoint(self, node: str, when: str | None) -> None:
        """Pause "before" or "after" the node, or (None) at it no more."""
        names = [each.name for each in self.plan.outline.nodes]
        if node not in names:
            raise RunError(f"{self.name} has no node {node!r}{nearest(node, names) or '.'}")
        if when not in ("before", "after", None):
            raise RunError(f"a breakpoint is 'before' or 'after' a node, or None for none, not {when!r}.")
        self.breakpoints.put(node, when)
        self.tell(self._breakpoints_changed())

    def _breakpoints_changed(self) -> events.BreakpointsChanged:
        return events.BreakpointsChanged(self.now(), *(tuple(names) for names in self.breakpoints.all.values()))

    async def edit(self, update: Mapping[str, Any], as_node: str | None) -> None:
        """Change the state of a run at rest, as a node's update where one is named; see `Run.edit`."""
        if self.calls.busy or self.status not in (Status.PAUSED, Status.FAILED, Status.WAITING):
            raise RunError(
                f"{self.name} is {self.status}; its state can be edited while it is paused, failed or waiting."
            )
        check_inputs(update, self.plan.schema)
        if as_node is None:
            step = await self.walk.edit(update)
            self.tell(events.StateEdited(step.at, step.number, update))
            await self._asked_again(update)
        else:
            moved = await self.walk.commit_by_hand(as_node, update)
            self.stop(f"{as_node} was given its result")
            self.walk.launch(moved.started)
        self.settle()

    async def _asked_again(self, update: Mapping[str, Any]) -> None:
        """Let the questions that showed what was edited be asked anew, so that they can be answered at once."""
        self.walk.ask_again(update)
        for _ in range(100):
            if not self.walk.again and not self.calls.busy:
                break
            await asyncio.sleep(0)


def _said(failure: Failure) -> str:
    """What a failure says; of a KeyError that is the mere key."""
    return f"{failure.type}: {failure.message}" if isinstance(failure.error, KeyError) else failure.message
