"""The run loop: the scheduler decides, this does. It calls nodes, commits, asks people and tells watchers.

Everything happens on the run's event loop but for what `Run` calls from other threads; `changed` guards both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from contextvars import Context as Variables
from contextvars import copy_context
from threading import Condition
from typing import Any

from nbgraph.core import events, scheduler
from nbgraph.core.approvals import Answer, Answers, Approval, open_approval
from nbgraph.core.calls import Calls, items_of
from nbgraph.core.context import Context, current
from nbgraph.core.events import Failure, Status
from nbgraph.core.failures import failure_of
from nbgraph.core.graph import START, Graph, Node
from nbgraph.core.plan import Plan, refreshed
from nbgraph.core.ports import RunRecord, Step, Store
from nbgraph.core.questions import Questions
from nbgraph.core.scheduler import Task
from nbgraph.core.views import Writes
from nbgraph.core.watchers import Watchers
from nbgraph.errors import Cancelled, RunError, WriteConflict, told

_live: set[RunLoop] = set()
"""Runs with tasks: an event loop does not hold its tasks, and a run that waits for a person may be held by nobody."""

STEPS_IN_A_ROW = 32  # nodes that never wait must let others, and the stop button, have their turn


class RunLoop:
    """The engine of one run: `run_id`, of `plan`, on `loop`, with `limit` steps until it is paused."""

    def __init__(
        self,
        run_id: str,
        graph: Graph,
        plan: Plan,
        inputs: Mapping[str, Any],
        *,
        store: Store,
        executor: Executor,
        loop: asyncio.AbstractEventLoop,
        given: Answers,
        limit: int,
        clock: Callable[[], float],
    ) -> None:
        self.run_id, self.graph, self.plan, self.loop, self.limit = run_id, graph, plan, loop, limit
        self.status, self.reason = Status.RUNNING, ""
        self.changed = Condition()
        self.notices = given.unknown(plan.nodes)
        self.questions = Questions(run_id, store, given, self.notices, self.changed, clock, self._answered)
        self.frontier = scheduler.Frontier(plan, {}, {}, {}, {}, {}, {}, {})
        self.steps_taken = self._steps_at_resume = 0
        self.wakers: set[Callable[[], object]] = set()  # called with each change of status, and nothing else
        self.watchers = Watchers(self.notices)
        self._tell = self.watchers.tell
        self._inputs, self._store, self._clock = inputs, store, clock
        self._calls = Calls(self, executor)
        self._variables = copy_context()  # what a node prints then lands in the cell that started the run
        self._flying: dict[str, asyncio.Task[None]] = {}
        self._held: set[str] = set()  # tasks that could start, and do at resume
        self._failures: dict[str, Failure] = {}
        self._kept: dict[str, tuple[Node, Writes]] = {}  # updates that met a conflict, and the nodes they came from
        self._unsaved: dict[str, tuple[Task, Step, tuple[Task, ...]]] = {}  # steps that the store does not hold yet
        self._told = (Status.RUNNING, "")
        self._stop = ""  # why nothing new starts
        self._resuming = False

    # Called from any thread

    @property
    def here(self) -> bool:
        """Whether this is the thread of the run's loop."""
        try:
            return asyncio.get_running_loop() is self.loop
        except RuntimeError:
            return False

    @property
    def failures(self) -> list[Failure]:
        """The failures that keep the run from going on."""
        return list(self._failures.values())

    def state(self) -> dict[str, Any]:
        """All that has been committed so far, merged as at the end; the inputs before the first step."""
        return dict(scheduler.state(self.frontier) or self._inputs)

    def steps(self) -> list[Step]:
        """The finished tasks, in the order in which they finished."""
        return self._store.steps(self.run_id)

    def start(self) -> None:
        """Begin; called once."""
        self._store.create(RunRecord(self.run_id, self.plan.name, self._inputs, self._clock()))
        self.post(self._begin)

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
                self.questions.close(f"{self.plan.name} was cancelled; its questions take no answer any more.")
            self.changed.notify_all()
            return True

    def _answered(self, future: asyncio.Future[Approval], answered: Approval) -> None:
        self.turn((Status.WAITING,), Status.RUNNING)
        self.post(_resolve, future, answered)

    def post(self, call: Callable[..., None], *arguments: Any) -> None:
        """Call on the run's loop, at once where this is its thread."""
        if self.here or self.loop.is_closed():  # where the loop is closed nothing else happens any more
            call(*arguments)
        else:
            self.loop.call_soon_threadsafe(call, *arguments)

    def check_alive(self) -> None:
        """RunError where the run's loop is closed, and the run with it."""
        if self.loop.is_closed():
            raise RunError(f"the event loop on which {self.plan.name} ran is closed, and the run with it.")

    # On the run's loop: starting and stopping

    def _begin(self) -> None:
        try:
            moved = scheduler.begin(self.plan, self._inputs)
        except BaseException as error:  # a choice out of START that cannot be made; SystemExit must not end the engine
            self._failures[START] = failure_of(error, None)
        else:
            self.frontier = moved.frontier
            self._tell(events.RunStarted(self._clock(), moved.taken))
            self._launch(moved.started)
        self._settle()

    def pause(self, why: str) -> None:
        """Start nothing new; the status is paused when what runs has finished."""
        if self.status in (Status.RUNNING, Status.WAITING):
            self._stop = why
            self._settle()

    def cancel(self) -> None:
        """End what runs; the status is cancelled already."""
        self._held.clear()
        for task in set(self._flying.values()):
            task.cancel()
        self._settle()

    def resume(self) -> None:
        """Go on with the nodes as they are now; where that cannot be, the run is paused with the reason."""
        again, self._stop = {*self._failures, *self._held}, ""
        self._failures.clear()
        self._held.clear()
        try:
            self.plan, notice = refreshed(self.plan, self.graph)
            self.frontier = scheduler.adopt(self.frontier, self.plan)
        except BaseException as error:
            self._held |= again
            self._stop = f"it could not be resumed: {told(error)}"
        else:
            self.notices += [notice] if notice and notice not in self.notices else []
            self._steps_at_resume = self.steps_taken
            unsaved = [task for task, *_ in self._unsaved.values()]
            self._launch([task for task in (*unsaved, *self.frontier.active.values()) if task.id in again])
        self._resuming = False
        if START in again and not self._stop:
            self._begin()
        self._settle()

    def _settle(self) -> None:
        """Find out where the run stands now, and tell when that has changed."""
        with self.changed:
            self.status, self.reason = self._judge()
            news = (self.status, self.reason) != self._told
            self._told = now, why = self.status, self.reason
            if self.status is not Status.RUNNING:
                self.changed.notify_all()
        if news:
            for wake in tuple(self.wakers):
                wake()
            self._tell(events.StatusChanged(now, self._clock(), why))

    def _judge(self) -> tuple[Status, str]:
        if self.status is Status.CANCELLED:
            return self.status, self.reason
        if self._resuming:
            return Status.RUNNING, ""
        if self._failures:
            return Status.FAILED, "; ".join(f"{task}: {failure.message}" for task, failure in self._failures.items())
        if any(self._calls.under_way(task) > self.questions.waiting(task) for task in self._flying):
            return Status.RUNNING, ""
        if self.frontier.finished:
            return Status.DONE, "; ".join((*self.notices, *self.questions.left_over(self.plan.nodes)))
        if self._stop:
            return Status.PAUSED, self._stop
        if self._flying:
            return Status.WAITING, "; ".join(
                (f"waits for a person at {', '.join(self.questions.asking)}", *self.notices)
            )
        return Status.RUNNING, ""

    # On the run's loop: one task

    def _launch(self, tasks: Iterable[Task]) -> None:
        for task in tasks:
            if self._stopped:
                self._held.add(task.id)
            else:
                self._flying[task.id] = self.loop.create_task(self._perform(task), context=self._variables.copy())
        if self._flying:
            _live.add(self)

    @property
    def _stopped(self) -> bool:
        """Whether nothing new starts."""
        return bool(self._stop or self._failures) or self.status is Status.CANCELLED

    async def _perform(self, task: Task | None) -> None:
        """Call a node, commit its update, start what follows; then go on with the first that follows.

        Going on here rather than in a task of its own saves most of a step's cost. It ends where a node has changed its
        context variables, for they are its own.
        """
        while task is not None:
            context = Context(self, task)
            current.set(context)
            clean = copy_context()
            following: tuple[Task, ...] = ()
            try:
                if self.steps_taken % STEPS_IN_A_ROW == 0:
                    await asyncio.sleep(0)
                following = await self._step(task, context)
            except BaseException as error:  # SystemExit too: what a node raises must not end the engine
                if not self.here:  # the interpreter ends
                    raise
                if self._loop_ends(task, error):
                    _live.discard(self)
                    return
                self._fail(task, error)
            del self._flying[task.id]
            task = self._go_on(following, clean)
            if task is None:  # else it runs as before
                self._settle()
        if not self._flying:
            _live.discard(self)

    def _go_on(self, following: tuple[Task, ...], clean: Variables) -> Task | None:
        """Start what follows; the first of it is given back where it can go on in the asyncio task that runs here."""
        this = asyncio.current_task()
        if not following or self._stopped or this is None or this.cancelling() or not _same(copy_context(), clean):
            self._launch(following)
            return None
        self._launch(following[1:])
        self._flying[following[0].id] = this
        return following[0]

    async def _step(self, task: Task, context: Context) -> tuple[Task, ...]:
        """Call the node and commit; returns the tasks that this lets start."""
        if task.id not in self._unsaved:
            self._commit(task, await self._execute(task, context))
        _, step, started = self._unsaved[task.id]
        await self._store.append(self.run_id, step)
        del self._unsaved[task.id]
        self._tell(events.TaskFinished(task.node, task.visit, step.at, step.number, step.update, step.taken))
        if started and self.steps_taken - self._steps_at_resume >= self.limit:
            self._stop = self._limit_reached()
        return started

    async def _execute(self, task: Task, context: Context) -> Writes:
        node, writes = self._kept.pop(task.id, (None, ()))
        if node is not self.plan.nodes[task.node]:
            items = items_of(self.plan, task)
            self._tell(events.TaskStarted(task.node, task.visit, self._clock(), None if items is None else len(items)))
            writes = await self._calls.execute(self.plan, task, context, items)
        if self.status is Status.CANCELLED:
            raise Cancelled("what a cancelled run's node returns does not count")
        return writes

    def _commit(self, task: Task, writes: Writes) -> None:
        try:
            moved = scheduler.advance(self.frontier, task, writes)
        except WriteConflict:
            self._kept[task.id] = (self.plan.nodes[task.node], writes)
            raise
        self._calls.forget(task.id)
        self.frontier = moved.frontier
        self.steps_taken += 1
        at, started = self._clock(), tuple([other.id for other in moved.started])
        step = Step(self.steps_taken, task.id, task.node, task.visit, task.parents, writes, moved.taken, started, at)
        self._unsaved[task.id] = (task, step, moved.started)

    def _limit_reached(self) -> str:
        loops = (self.plan.loop_of(task.node) for task in self.frontier.active.values())
        loop = next(filter(None, loops), ())
        where = f" in the loop {' -> '.join((*loop, loop[0]))}" if loop else ""
        return f"{self.limit:,} steps were taken{where}; run.resume() allows as many again, limit= sets how many."

    def _loop_ends(self, task: Task, error: BaseException) -> bool:
        """Whether the loop ends while a person is awaited: then the question stays open and the run waiting."""
        this = asyncio.current_task()
        cancelled = isinstance(error, asyncio.CancelledError) and this is not None and this.cancelling() > 0
        return cancelled and self.status is not Status.CANCELLED and self.questions.waiting(task.id) > 0

    def _fail(self, task: Task, error: BaseException) -> None:
        if self.status is Status.CANCELLED:
            self._tell(events.TaskCancelled(task.node, task.visit, self._clock()))
        else:
            failure = self._failures[task.id] = failure_of(error, self.plan.nodes[task.node])
            self._tell(events.TaskFailed(task.node, task.visit, self._clock(), failure))

    # What a task's context offers

    def note_printed(self, node: str, visit: int, text: str) -> None:
        """Keep what a node printed; from any thread."""
        if not self.loop.is_closed():  # a thread may go on when the run is long over
            self.post(self._tell, events.Printed(node, visit, self._clock(), text))

    async def call_blocking(self, function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        """Call a blocking function by the executor, in the context of the task."""
        return await self._calls.blocking(function, arguments)

    async def ask(
        self,
        context: Context,
        question: str,
        shown: Mapping[str, Any],
        options: tuple[str, ...],
        editable: Mapping[str, Any],
    ) -> Answer:
        """Ask a person and wait for the answer; other branches go on meanwhile."""
        place, now = (context.key, self.run_id, context.node, context.visit), self._clock()
        approval = open_approval(place, question, shown, options, editable, now)
        future: asyncio.Future[Approval] = self.loop.create_future()
        self.questions.open(approval, context.task_id, future)
        self._tell(events.ApprovalAsked(approval, now))
        self.questions.use_given(approval)
        self._settle()
        answered = await future
        self._tell(events.ApprovalAnswered(answered, self._clock()))
        assert answered.answer is not None
        return answered.answer


def _same(now: Variables, before: Variables) -> bool:
    """Whether both hold the same values; those that cannot be compared are taken to have changed."""
    try:
        return now == before
    except Exception:
        return False


def _resolve(future: asyncio.Future[Approval], answered: Approval) -> None:
    if not future.done():
        future.set_result(answered)
