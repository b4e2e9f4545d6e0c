"""Run: one execution of a graph. The scheduler decides, this does: calls nodes, commits, asks people, tells watchers.

Everything here happens on the run's loop, but for the public methods, which any thread may call; `_changed` guards
what both sides touch.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext, suppress
from contextvars import Context as ContextOfVariables
from contextvars import copy_context
from functools import partial
from threading import Condition, get_ident
from typing import Any

from nbgraph.core import events, scheduler
from nbgraph.core.approvals import Answer, Answers, Approval, checked_answer, digest
from nbgraph.core.context import Context, current
from nbgraph.core.events import Event, Failure, Status
from nbgraph.core.failures import failure_of
from nbgraph.core.graph import START, Graph, Node
from nbgraph.core.outline import Outline
from nbgraph.core.plan import Each, Plan, refreshed
from nbgraph.core.ports import RunRecord, Step, Store
from nbgraph.core.scheduler import Task, Writes
from nbgraph.core.state import as_update, combine_items
from nbgraph.errors import (
    ApprovalError,
    Cancelled,
    NbgraphError,
    Paused,
    RunError,
    UpdateError,
    Waiting,
    WriteConflict,
    nearest,
)

Watcher = Callable[[Event], None]
BLOCKING_ITEMS = 32  # blocking items of one map that run at once; async ones all do
STEPS_IN_A_ROW = 32  # nodes that never wait must let others, and the stop button, have their turn
TICK = 0.1  # seconds; a cell that awaits in one piece ignores the stop button


class Run:
    """One execution of a graph, from any thread.

    `status` is where it stands and `reason` why; `notices` are sentences for a person, such as answers that were never
    used. A notebook sets `answerable` (awaiting goes on through approvals), `attended` (an interrupt while waiting
    only stops the waiting) and `after_wait` (where only the current cell's output is kept: called after each wait, and
    then `answer` and `resume` wait too).
    """

    def __init__(
        self,
        graph: Graph,
        plan: Plan,
        inputs: Mapping[str, Any],
        *,
        store: Store,
        executor: Executor,
        loop: asyncio.AbstractEventLoop,
        answers: Answers,
        limit: int = 1000,
        id: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.id = id or f"{plan.name}-{uuid.uuid4().hex[:8]}"
        self.name, self.loop, self.limit = plan.name, loop, limit
        self.status, self.reason, self.notices = Status.RUNNING, "", list[str]()
        self.answerable = self.attended = False
        self.after_wait: Callable[[], None] | None = None
        self._graph, self._plan, self._inputs = graph, plan, inputs
        self._store, self._executor, self._answers, self._clock = store, executor, answers, clock
        self._changed = Condition()
        self._context = copy_context()  # what a node prints then lands in the cell that started the run
        self._watchers: list[Watcher] = []
        self._events: list[Event] = []
        self._flying: dict[str, asyncio.Task[None]] = {}
        self._held: list[Task] = []
        self._failures: dict[str, Failure] = {}
        self._kept: dict[str, Writes] = {}  # updates of tasks that met a conflict
        self._items: dict[str, dict[int, Mapping[str, Any]]] = {}  # finished items of maps that have not finished
        self._open: dict[str, tuple[Approval, asyncio.Future[Approval]]] = {}
        self._told = (Status.RUNNING, "")
        self._stop = ""  # why nothing new starts
        self._steps = self._steps_at_resume = 0
        self._thread: int | None = None
        self._frontier = scheduler.Frontier(plan, {}, {}, {}, {}, {}, {}, {})

    def __repr__(self) -> str:
        return f"<Run {self.name}: {self.status}, {self._steps} step{'s' * (self._steps != 1)}>"

    # For everybody

    @property
    def outline(self) -> Outline:
        """The graph as this run knows it."""
        return self._plan.outline

    @property
    def steps(self) -> list[Step]:
        """The finished tasks, in the order in which they finished."""
        return self._store.steps(self.id)

    @property
    def state(self) -> dict[str, Any]:
        """All that has been committed so far, merged as at the end."""
        return dict(scheduler.state(self._frontier)) or dict(self._inputs)

    @property
    def approvals(self) -> list[Approval]:
        """All questions asked so far, with their answers."""
        return self._store.approvals(self.id)

    def start(self) -> None:
        """Begin; called once."""
        self._store.create(RunRecord(self.id, self.name, self._inputs, self._clock()))
        self._post(self._begin)

    def wait(self, timeout: float | None = None) -> Run:
        """Wait until the run is done or cannot go on by itself, such as without a person.

        Args:
            timeout: seconds; None waits as long as it takes.
        """
        if get_ident() == self._thread:
            raise RunError("this would block the loop that the run needs; inside an async node, `await run` instead.")
        try:
            with self._changed:
                self._changed.wait_for(lambda: self.status is not Status.RUNNING, timeout)
        except KeyboardInterrupt:
            if not self.attended:
                raise
            print(f"Stopped waiting; {self.name} goes on. run.wait() waits again, run.cancel() ends the run.")
        if self.after_wait is not None:
            self.after_wait()
        return self

    def __await__(self) -> Generator[Any, None, Run]:
        return self._wait_in_ticks().__await__()

    async def _wait_in_ticks(self) -> Run:
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def notice(event: Event) -> None:
            if isinstance(event, events.StatusChanged):
                loop.call_soon_threadsafe(changed.set)

        stop_watching = self.subscribe(notice)
        try:
            while self.status is Status.RUNNING or (self.status is Status.WAITING and self.answerable):
                changed.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), TICK)
        finally:
            stop_watching()
        return self

    def result(self) -> dict[str, Any]:
        """Wait as `wait` does, then the final state.

        Raises:
            Waiting, Paused, Cancelled: there is no result, or not yet.
            Exception: the error of the node that failed.
        """
        __tracebackhide__ = True
        self.wait()
        if self.status is Status.DONE:
            return self.state
        with self._changed:
            failures, asking = list(self._failures.values()), [asked.node for asked, _ in self._open.values()]
        if self.status is Status.FAILED:
            raise failures[0].error
        if self.status is Status.WAITING:
            raise Waiting(*asking)
        if self.status is Status.CANCELLED:
            raise Cancelled(f"{self.name} was cancelled, so it has no result.")
        raise Paused(self.reason or f"{self.name} has not finished; run.wait() waits for it.")

    def answer(
        self, name: str, option: str, note: str = "", edit: Mapping[str, Any] | None = None, *, by: str = "run.answer"
    ) -> Approval:
        """Answer an open question; the run goes on at once.

        Args:
            name: the node that asks, or the approval's id.
            option: one of the question's options.
            note: a remark, kept in the key `<node>_note`.
            edit: new values for keys that the question lets be edited; they count with every option but reject.
            by: who answers, as far as is known.

        Raises:
            AlreadyAnswered: somebody was first.
            ApprovalError: there is no such question, or the answer does not fit it.
        """
        __tracebackhide__ = True
        approval = self._asked(name)
        given = checked_answer(approval, option, note, edit or {}, by, self._clock())
        answered = self._store.answer(approval.id, given)
        with self._changed:
            _, future = self._open.pop(approval.id, (approval, None))
            if self.status is Status.WAITING:
                self.status = Status.RUNNING
        if future is not None:
            self._post(_resolve, future, answered)
        self._wait_where_needed()
        return answered

    def pause(self) -> None:
        """Let what runs finish and start nothing new; `resume` goes on."""
        self._post(self._pause, "paused by run.pause()")

    def cancel(self) -> None:
        """End the run: async nodes are cancelled, what a blocking node still returns does not count."""
        with self._changed:
            if self.status in (Status.DONE, Status.CANCELLED):
                return
            self.status, self.reason = Status.CANCELLED, "cancelled by run.cancel()"
            self._changed.notify_all()
        self._post(self._cancel)

    def resume(self) -> None:
        """Go on after a pause, a limit or a failure, with the nodes as they are declared now.

        Finished tasks are kept; failed ones run again with what they saw before.

        Raises:
            RunError: the run is neither paused nor failed.
        """
        __tracebackhide__ = True
        with self._changed:
            if self.status not in (Status.PAUSED, Status.FAILED):
                raise RunError(f"{self.name} is {self.status}; only a paused or failed run can be resumed.")
            self.status, self.reason = Status.RUNNING, ""
        self._post(self._resume)
        self._wait_where_needed()

    def subscribe(self, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher` on the run's loop with every event, the past ones first; returns what ends it.

        A watcher must not block: the run waits for it.
        """
        self._post(self._admit, watcher)
        return partial(self._post, self._dismiss, watcher)

    def _asked(self, name: str) -> Approval:
        with self._changed:
            asked = [approval for approval, _ in self._open.values() if name in (approval.node, approval.id)]
        if len(asked) == 1:
            return asked[0]
        if asked:
            raise ApprovalError(f"{name} asks {len(asked)} questions; answer one by its id: {asked[0].id}, ...")
        past = [approval for approval in self.approvals if name in (approval.node, approval.id)]
        if past:
            return past[-1]  # the store then says who answered
        known = [approval.node for approval in self.approvals]
        raise ApprovalError(f"no question is open at {name!r}{nearest(name, known) or '.'}")

    def _wait_where_needed(self) -> None:
        if self.after_wait is not None and get_ident() != self._thread:
            self.wait()

    def _post(self, call: Callable[..., None], *arguments: Any) -> None:
        """Call on the run's loop, at once where this is its thread."""
        if get_ident() == self._thread:
            call(*arguments)
            return
        try:
            self.loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:
            raise RunError(f"the event loop on which {self.name} ran is closed; a run lives as long as it.") from None

    # On the run's loop: starting and stopping

    def _begin(self) -> None:
        self._thread = get_ident()
        self.notices += self._answers.unknown(self._plan.nodes)
        try:
            self._move(scheduler.begin(self._plan, self._inputs))
        except Exception as error:  # a choice out of START that cannot be made
            self._failures[START] = failure_of(error, None)
        self._settle()

    def _pause(self, why: str) -> None:
        if self.status in (Status.RUNNING, Status.WAITING):
            self._stop = why
            self._settle()

    def _cancel(self) -> None:
        self._held.clear()
        for task in list(self._flying.values()):
            task.cancel()
        self._settle()

    def _resume(self) -> None:
        self._plan, notice = refreshed(self._plan, self._graph)
        self.notices += [notice] if notice and notice not in self.notices else []
        try:
            self._frontier = scheduler.adopt(self._frontier, self._plan)
        except NbgraphError as error:
            self._pause(str(error))
            return
        waiting = {*self._failures, *(task.id for task in self._held)}
        self._failures.clear()
        self._held.clear()
        self._stop, self._steps_at_resume = "", self._steps
        if START in waiting:
            self._begin()
            return
        self._launch([task for task in self._frontier.active.values() if task.id in waiting])
        self._settle()

    def _admit(self, watcher: Watcher) -> None:
        for event in self._events:
            watcher(event)
        self._watchers = [*self._watchers, watcher]

    def _dismiss(self, watcher: Watcher) -> None:
        self._watchers = [other for other in self._watchers if other is not watcher]

    def _tell(self, event: Event) -> None:
        self._events.append(event)
        for watcher in self._watchers:
            watcher(event)

    def _settle(self) -> None:
        """Find out where the run stands now, and tell when that has changed."""
        with self._changed:
            self.status, self.reason = self._judge()
            news = (self.status, self.reason) != self._told
            self._told = (self.status, self.reason)
            if self.status is not Status.RUNNING:
                self._changed.notify_all()
        if news:
            self._tell(events.StatusChanged(self.status, self._clock(), self.reason))

    def _judge(self) -> tuple[Status, str]:
        if self.status is Status.CANCELLED:
            return self.status, self.reason
        if self._failures:
            return Status.FAILED, "; ".join(f"{task}: {failure.message}" for task, failure in self._failures.items())
        if len(self._flying) > len(self._open):
            return Status.RUNNING, ""
        if self._stop:
            return Status.PAUSED, self._stop
        if self._open:
            return Status.WAITING, "waits for a person at " + ", ".join(asked.node for asked, _ in self._open.values())
        if not self._frontier.finished:
            return Status.RUNNING, ""
        return Status.DONE, "; ".join((*self.notices, *self._answers.left_over()))

    # On the run's loop: one task

    def _move(self, moved: scheduler.Advance) -> None:
        self._frontier = moved.frontier
        self._launch(moved.started)

    def _launch(self, tasks: Iterable[Task]) -> None:
        for task in tasks:
            if self._stopped:
                self._held.append(task)
            else:
                self._flying[task.id] = self.loop.create_task(self._perform(task), context=self._context.copy())

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
            current.set(Context(self, task))
            clean = copy_context()
            following: tuple[Task, ...] = ()
            try:
                writes = self._kept.pop(task.id, None)
                following = await self._commit(task, await self._execute(task) if writes is None else writes)
            except BaseException as error:  # SystemExit too: what a node raises must not end the engine
                self._fail(task, error)
            del self._flying[task.id]
            task = self._go_on(following, clean)
            self._settle()
            if self._steps % STEPS_IN_A_ROW == 0:
                await asyncio.sleep(0)

    def _go_on(self, following: tuple[Task, ...], clean: ContextOfVariables) -> Task | None:
        """Start what follows; the first of it is given back where it can go on in the asyncio task that runs here."""
        this = asyncio.current_task()
        if not following or self._stopped or this is None or this.cancelling() or copy_context() != clean:
            self._launch(following)
            return None
        self._launch(following[1:])
        self._flying[following[0].id] = this
        return following[0]

    def _fail(self, task: Task, error: BaseException) -> None:
        if self.status is Status.CANCELLED:
            self._tell(events.TaskCancelled(task.node, task.visit, self._clock()))
            return
        failure = self._failures[task.id] = failure_of(error, self._plan.nodes[task.node])
        self._tell(events.TaskFailed(task.node, task.visit, self._clock(), failure))

    async def _execute(self, task: Task) -> Writes:
        node, each = self._plan.nodes[task.node], self._plan.maps.get(task.node)
        items = None if each is None else _items_of(each, task)
        self._tell(events.TaskStarted(task.node, task.visit, self._clock(), None if items is None else len(items)))
        if each is None or items is None:
            returned = await self._call(node, task, task.view.values)
            return tuple(as_update(node.name, node.declared, returned).items())
        return await self._map(node, task, each, items)

    async def _call(self, node: Node, task: Task, values: Mapping[str, Any], item: int | None = None) -> Any:
        context = current.get()
        if item is not None or context is None:
            context = Context(self, task, item)
            current.set(context)
        return await node.body(scheduler.arguments(node.name, node.name, node.reads, values), context)

    async def _map(self, node: Node, task: Task, each: Each, items: Sequence[Any]) -> Writes:
        """One call for each item; what the finished ones wrote is kept when others fail."""
        done = self._items.setdefault(task.id, {})
        failed: dict[int, BaseException] = {}
        gate = asyncio.Semaphore(BLOCKING_ITEMS) if node.body.blocking else nullcontext()

        async def one(index: int) -> None:
            try:
                async with gate:
                    returned = await self._call(node, task, {**task.view.values, each.item: items[index]}, index)
                done[index] = as_update(node.name, node.declared, returned)
            except BaseException as error:
                failed[index] = error

        calls = [asyncio.ensure_future(one(index)) for index in range(len(items)) if index not in done]
        try:
            if calls:
                await asyncio.wait(calls)
        finally:
            for call in calls:
                call.cancel()
        if failed:
            index = min(failed)
            failed[index].add_note(f"in item {index} of {len(items)}; {len(failed)} failed, the others are kept")
            raise failed[index]
        updates = [done[index] for index in range(len(items))]
        return combine_items(updates, node.writes.keys, self._plan.schema.reducers)

    async def _commit(self, task: Task, writes: Writes) -> tuple[Task, ...]:
        """Keep the task's update as a step; returns the tasks that it lets start."""
        if self.status is Status.CANCELLED:
            raise Cancelled("what a cancelled run's node returns does not count")
        try:
            moved = scheduler.advance(self._frontier, task, writes)
        except WriteConflict:
            self._kept[task.id] = writes
            raise
        self._steps += 1
        self._frontier = moved.frontier
        at, started = self._clock(), tuple(other.id for other in moved.started)
        step = Step(self._steps, task.id, task.node, task.visit, task.parents, writes, moved.taken, started, at)
        self._items.pop(task.id, None)
        await self._store.append(self.id, step)
        self._tell(events.TaskFinished(task.node, task.visit, at, step.number, step.update, moved.taken))
        if moved.started and self._steps - self._steps_at_resume >= self.limit:
            self._stop = self._limit_reached(moved.started[0])
        return moved.started

    def _limit_reached(self, following: Task) -> str:
        loop = self._plan.loop_of(following.node)
        where = f" in the loop {' -> '.join((*loop, loop[0]))}" if loop else ""
        return f"{self.limit:,} steps were taken{where}; run.resume() allows as many again, limit= sets how many."

    # What a task's context offers

    def note_printed(self, node: str, visit: int, text: str) -> None:
        """Keep what a node printed; from any thread."""
        self._post(self._tell, events.Printed(node, visit, self._clock(), text))

    async def call_blocking(self, function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        """Call a blocking function by the executor, in the context of the task."""
        call = partial(copy_context().run, _without_stop_iteration, function, arguments)
        return await asyncio.wrap_future(self._executor.submit(call))

    async def ask(
        self,
        context: Context,
        question: str,
        shown: Mapping[str, Any],
        options: tuple[str, ...],
        editable: Mapping[str, Any],
    ) -> Answer:
        """Open a question, or take the answer that was given beforehand, and wait for the answer."""
        seal, now = digest(question, options, shown), self._clock()
        approval = Approval(
            context.key, self.id, context.node, context.visit, question, shown, options, editable, now, seal
        )
        future: asyncio.Future[Approval] = self.loop.create_future()
        self._store.ask(approval)
        with self._changed:
            self._open[approval.id] = (approval, future)
        self._tell(events.ApprovalAsked(approval, now))
        self._use_given_answer(approval)
        self._settle()
        try:
            answered = await future
        finally:
            with self._changed:
                self._open.pop(approval.id, None)
        self._tell(events.ApprovalAnswered(answered, self._clock()))
        assert answered.answer is not None
        return answered.answer

    def _use_given_answer(self, approval: Approval) -> None:
        given = self._answers.take(approval)
        if given is None:
            return
        try:
            edit, note = given.get("edit", {}), given.get("note", "")
            self.answer(approval.id, given["answer"], note, edit, by=self._answers.by)
        except ApprovalError as error:
            self.notices.append(f"an answer given beforehand was not used: {error}")


def _resolve(future: asyncio.Future[Approval], answered: Approval) -> None:
    if not future.done():
        future.set_result(answered)


def _items_of(each: Each, task: Task) -> Sequence[Any]:
    values = task.view.values.get(each.key)
    if isinstance(values, Sequence) and not isinstance(values, str | bytes):
        return values
    raise UpdateError(
        f"{task.node} runs for each of {each.key}, which must be a list; it is {type(values).__name__} {values!r:.60}."
    )


def _without_stop_iteration(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    try:
        return function(**arguments)
    except StopIteration as error:  # a future cannot carry one, and would never be done
        raise RuntimeError(f"{getattr(function, '__name__', 'the node')} raised StopIteration") from error
