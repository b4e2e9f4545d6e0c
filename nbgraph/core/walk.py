"""Walk: one graph is walked, that of a run or a subgraph of it. The scheduler decides, this calls nodes and commits.

Everything happens on the run's event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable, Mapping
from contextvars import Context as Variables
from contextvars import copy_context
from typing import Any, NamedTuple, Protocol

from nbgraph.core import events, replay, scheduler
from nbgraph.core.asking import Asking
from nbgraph.core.calls import Calls, Update, items_of
from nbgraph.core.context import Context, current
from nbgraph.core.events import Failure
from nbgraph.core.failures import InnerFailure, failure_of, shortened, task_errors
from nbgraph.core.fit import check_inputs
from nbgraph.core.graph import START, Graph, Node
from nbgraph.core.past import WalkPast, drop
from nbgraph.core.plan import Plan, refreshed
from nbgraph.core.ports import Log, Packed
from nbgraph.core.questions import Questions
from nbgraph.core.records import Begun, Entry, Failed, ItemDone, Journaled, Snapshot, Step, Tried
from nbgraph.core.scheduler import Advance, Frontier, Task
from nbgraph.core.structure import digest
from nbgraph.core.task_names import EDIT
from nbgraph.core.views import Writes
from nbgraph.errors import Cancelled, NotStorable, RunError, WriteConflict

STEPS_IN_A_ROW = 32  # nodes that never wait must let others, and the stop button, have their turn


class Run(Protocol):
    """What a walk needs of its run."""

    run_id: str
    loop: asyncio.AbstractEventLoop
    log: Log
    calls: Calls
    questions: Questions
    variables: Variables
    notices: list[str]
    history: list[Step]
    journal: dict[str, Journaled]
    tries: dict[str, int]

    @property
    def cancelled(self) -> bool: ...

    breakpoints: Any
    steps_taken: int

    @property
    def watched(self) -> bool: ...

    def now(self) -> float: ...
    def tell(self, event: events.Event) -> None: ...
    def note(self, entry: Entry) -> None: ...
    def post(self, call: Any, *arguments: Any) -> None: ...
    def stops(self) -> bool: ...
    def stop(self, why: str) -> None: ...
    def settle(self) -> None: ...
    def number(self) -> int: ...
    def loop_ends(self, error: BaseException) -> bool: ...
    def inner(self, walk: Walk, context: Context, graph: Graph, inputs: Mapping[str, Any], limit: int) -> Walk: ...
    def leave(self, within: str) -> None: ...


class _Unsaved(NamedTuple):
    """A step that was committed and that the store does not hold yet, its writes made ready, and what it lets start."""

    task: Task
    step: Step
    moved: Advance
    packed: Packed | None


class Walk(Asking):
    """One graph being walked.

    Args:
        inputs: the state before the first node, but for defaults.
        limit: steps until the run is paused.
        within: the task that the subgraph runs in, such as `research#2`; empty for the run's own graph.
        static: the same without visits and items, such as `research`.
        outer: the context of that task.
        past: where it stands, if it began in another process.

    Raises:
        InputError: an input, or a default made for this run, does not fit the type of its key.
    """

    def __init__(
        self,
        run: Run,
        graph: Graph,
        plan: Plan,
        inputs: Mapping[str, Any],
        limit: int,
        *,
        within: str = "",
        static: str = "",
        outer: Context | None = None,
        past: WalkPast | None = None,
    ) -> None:
        self.run, self.graph, self.plan, self.limit, self.outer = run, graph, plan, limit, outer
        self.run_id, self.loop = run.run_id, run.loop
        self.within, self.lead = within, f"{within}/" if within else ""
        self.static = f"{static}/" if static else ""
        self.frontier = Frontier(plan, {}, {}, {}, {}, {}, {}, {})
        self.flying: dict[str, asyncio.Task[None]] = {}
        self.held: set[str] = set()  # tasks that could start, and do at resume
        self.failures: dict[str, Failure] = {}
        self.over: asyncio.Future[None] | None = None  # who waits for a subgraph
        self.latest: dict[str, Advance] = {}  # what came of each node's last task
        self._items: dict[str, dict[int, Update]] = {}  # of maps that have not finished
        self._kept: dict[str, tuple[Node, Writes]] = {}  # updates that met a conflict, and the nodes they came from
        self._unsaved: dict[str, _Unsaved] = {}
        self._lost: set[str] = set()  # tasks that were outrun in a race
        self.again: set[str] = set()  # tasks that ask a person anew, since what they show was edited
        self._digests: dict[str, str] = {}
        self._unbegun: set[str] = set()  # tasks that the loop has not come to
        self._ended = self._told_over = False
        self._steps = self._steps_at_resume = 0
        if past is None:
            self.inputs = {**plan.schema.fresh_defaults(), **inputs}
            check_inputs(self.inputs, plan.schema)
        else:
            self.inputs, self.frontier, self.latest = dict(past.inputs), past.frontier, past.latest
            self._steps = self._steps_at_resume = past.steps
            self._items = past.items
            self.held = {*self.frontier.active}

    def state(self) -> dict[str, Any]:
        """All that has been committed so far, merged as at the end; the inputs before the first step."""
        return dict(scheduler.state(self.frontier) or self.inputs)

    # Starting and stopping

    def begin(self) -> None:
        """Start what START leads to."""
        try:
            moved = scheduler.begin(self.plan, self.inputs)
            started = tuple([task.id for task in moved.started]), tuple([task.stamp for task in moved.started])
            inputs = self.inputs if self.within else {}  # those of the run are known from its beginning
            self.run.log.note(Begun(self.within, inputs, moved.taken, *started, self.run.now()))
        except BaseException as error:  # a choice out of START that cannot be made; SystemExit must not end the engine
            self.failures[START] = failure_of(error, None)
            return
        self.frontier = moved.frontier
        self.run.tell(events.RunStarted(self.run.now(), moved.taken, self.within))
        self.launch(moved.started)

    def refresh(self) -> str:
        """Take the nodes and reducers as they are now; a sentence for the person where the edges have changed."""
        plan, notice = refreshed(self.plan, self.graph)
        self.frontier, self.plan = scheduler.adopt(self.frontier, plan), plan
        self._digests.clear()
        return notice

    def resume(self) -> None:
        """Start again what failed or was held."""
        again = {*self.failures, *self.held}
        self.failures.clear()
        self.held.clear()
        self._steps_at_resume = self._steps
        if START in again:
            self.begin()
        for task in [*(each.task for each in self._unsaved.values()), *self.frontier.active.values()]:
            if task.id in again:
                self._start(task)

    def end(self) -> None:
        """End what runs; nothing of it counts."""
        self._ended = True
        self.held.clear()
        for flying in set(self.flying.values()):
            flying.cancel()

    def may_be_given_up(self) -> None:
        """Let what waits for a subgraph that is at rest go, without a word from asyncio, when nobody holds the run."""
        for flying in self.flying.values():
            flying._log_destroy_pending = False  # type: ignore[attr-defined]

    def _is_given_up(self, task: Task) -> bool:
        """Whether the garbage collector ends the task: then it is not the one that the loop is running."""
        return asyncio.current_task() is not self.flying.get(task.id)

    async def complete(self) -> dict[str, Any]:
        """Begin, or go on where it failed, and wait for the end; the final state.

        Raises:
            InnerFailure: a task has failed.
        """
        self.over = self.loop.create_future()
        if not self.frontier.visits and not self.frontier.ended:
            self.begin()
        else:
            self.refresh()
            self.resume()
        self.see_whether_over()
        self.run.settle()  # all that could start may be held
        try:
            await self.over
        finally:
            self.run.calls.busy -= self._told_over
            self.over, self._told_over = None, False
        return self.state()

    def see_whether_over(self) -> None:
        """Tell who waits for a subgraph that it has failed, or has ended."""
        if self.over is None or self.over.done():
            return
        if self.failures:
            task, failure = next(iter(self.failures.items()))
            self.over.set_exception(InnerFailure(f"{self.lead}{task}", failure))
        elif self.frontier.finished and not self.flying:
            self.over.set_result(None)
        else:
            return
        self._told_over = True  # until who waits has gone on the run is busy
        self.run.calls.busy += 1

    @property
    def stopped(self) -> bool:
        """Whether nothing new starts."""
        return bool(self.failures) or self.run.stops()

    def launch(self, tasks: Iterable[Task]) -> None:
        """Start `tasks`, or hold them where nothing starts."""
        for task in tasks:
            if self.stopped or (
                self.run.breakpoints and self.run.breakpoints.before(self.static + task.node, self.run)
            ):
                self.held.add(task.id)
            else:
                self._start(task)

    def _start(self, task: Task) -> None:
        self.run.calls.busy += 1
        flying = self.loop.create_task(self._perform(task), context=self.run.variables.copy())
        self.flying[task.id] = flying
        self._unbegun.add(task.id)
        flying.add_done_callback(lambda done: self._see_whether_it_began(task, done))

    def _see_whether_it_began(self, task: Task, done: asyncio.Task[None]) -> None:
        """What was cancelled before the loop came to it has not run at all, and so has not told of its end.

        A run that is resumed the moment it failed may have started the task anew before it hears that the first ended.
        """
        if task.id in self._unbegun and self.flying[task.id] is done:
            self._unbegun.discard(task.id)
            del self.flying[task.id]
            self._fail(task, asyncio.CancelledError())
            self.run.calls.busy -= 1
            self.see_whether_over()
            self.run.settle()

    # One task

    async def _perform(self, task: Task | None) -> None:
        """Call a node, commit its update, start what follows; then go on with the first that follows.

        Going on here rather than in a task of its own saves most of a step's cost. It ends where a node has changed its
        context variables, for they are its own.
        """
        self._unbegun.discard(task.id if task else "")
        while task is not None:
            context = Context(self, task, None, self.plan.nodes[task.node].policy)
            current.set(context)
            clean = copy_context()
            following: tuple[Task, ...] = ()
            raised: BaseException | None = None
            try:
                if self._steps % STEPS_IN_A_ROW == 0:
                    await asyncio.sleep(0)
                following = await self._step(task, context)
            except BaseException as error:  # SystemExit too: what a node raises must not end the engine
                # what ends is the interpreter, the caller's loop, or a run at rest that nobody holds
                if not self.here or self._is_given_up(task) or self.run.loop_ends(error):
                    return
                raised = error
            context.close()
            del self.flying[task.id]
            if raised is not None:
                self._fail(task, raised)
            self.run.calls.busy -= 1
            task = self._go_on(following, clean)
        self.see_whether_over()
        self.run.settle()

    def _go_on(self, following: tuple[Task, ...], clean: Variables) -> Task | None:
        """Start what follows; the first of it is given back where it can go on in the asyncio task that runs here."""
        this = asyncio.current_task()
        if not following or self.stopped or self.run.breakpoints or this is None or this.cancelling():
            self.launch(following)
            return None
        if not _same(copy_context(), clean):
            self.launch(following)
            return None
        self.launch(following[1:])
        self.run.calls.busy += 1
        self.flying[following[0].id] = this
        return following[0]

    async def _step(self, task: Task, context: Context) -> tuple[Task, ...]:
        """Call the node, commit, and keep the step; returns the tasks that this lets start."""
        if task.id not in self._unsaved:
            await self._work(task, context)
        moved = await self._keep(task)
        for id in moved.lost:
            self._lose(id)
        if not self.within and not self._unsaved:  # a snapshot holds nothing that the log does not
            self.run.log.snapshot(self._snapshot)
        if moved.started and self._steps - self._steps_at_resume >= self.limit:
            self.run.stop(self._limit_reached())
        if self.run.breakpoints:
            self.run.breakpoints.after(self.static + task.node, self.run)
        return tuple([other for other in moved.started if other.id in self.frontier.active])  # some may be outrun

    async def _work(self, task: Task, context: Context) -> None:
        """Call the node and commit what it writes; or commit its failure where error edges lead on."""
        try:
            writes = await self._execute(task, context)
            packed = self._packed(task, writes)
        except BaseException as error:
            if not self._passes_on(task, error):
                raise
            self._tell_failed(task, failure_of(error, self.plan.nodes[task.node]))
            self._commit(task, (), self._packed(task, ()), context, error)
        else:
            self._commit(task, writes, packed, context)

    def _packed(self, task: Task, writes: Writes) -> Packed | None:
        """The writes ready for the store; what it cannot keep fails the node, before anything has changed."""
        try:
            packed: Packed | None = self.run.log.pack(writes)
            return packed
        except NotStorable as error:
            raise error.of(task.node) from None

    async def _keep(self, task: Task) -> Advance:
        """Wait until the step of a task is safe, then tell that it is in the history."""
        _, step, moved, packed = self._unsaved[task.id]
        await self.run.log.keep(step, packed)
        del self._unsaved[task.id]
        self.run.history.append(step)
        told = step.taken, step.cached, self.within, step.edited
        self.run.tell(events.TaskFinished(step.node, step.visit, step.at, step.number, step.update, *told))
        return moved

    def _snapshot(self) -> Snapshot | None:
        return replay.snapshot(self.frontier, self.run.steps_taken)

    def _passes_on(self, task: Task, error: BaseException) -> bool:
        """Whether a failure goes on along error edges, and does not stop the run."""
        return bool(self.plan.exits[task.node].errors) and self._counts(task) and not self.run.loop_ends(error)

    def _counts(self, task: Task) -> bool:
        """Whether what becomes of a task still counts: neither the run nor the subgraph was ended, no race was lost."""
        return not (self.run.cancelled or self._ended or task.id in self._lost)

    async def _execute(self, task: Task, context: Context) -> Writes:
        node, writes = self._kept.pop(task.id, (None, ()))
        if node is not self.plan.nodes[task.node]:
            items = items_of(self.plan, task)
            count = None if items is None else len(items)
            context.began = self.run.now()
            self.run.tell(events.TaskStarted(self.static + task.node, task.visit, context.began, count, self.within))
            done = {} if items is None else self._items.setdefault(task.id, {})
            writes = await self.run.calls.execute(self, task, context, items, done)
        if not self._counts(task):
            raise Cancelled("what a cancelled run's node returns does not count")
        return writes

    def _commit(
        self,
        task: Task,
        writes: Writes,
        packed: Packed | None,
        context: Context | None,
        error: BaseException | None = None,
    ) -> None:
        errors = () if error is None else task_errors(error, self.static + task.node)
        try:
            moved = scheduler.advance(self.frontier, task, writes, errors)
        except WriteConflict:
            self._kept[task.id] = (self.plan.nodes[task.node], writes)
            raise
        self._items.pop(task.id, None)
        self.frontier = moved.frontier
        self.latest[task.node] = moved
        self._steps += 1
        at = self.run.now()
        step = Step(
            self.run.number(),
            self.lead + task.id,
            self.static + task.node,
            task.visit,
            task.parents,
            writes,
            moved.taken,
            tuple([other.id for other in moved.started]),
            at,
            context is not None and context.used and context.call.cached,
            errors,
            context is None,
            tuple([other.stamp for other in moved.started]),
            (context and context.began) or at,
            self._digest(task.node),
        )
        self._unsaved[task.id] = _Unsaved(task, step, moved, packed)
        if self.run.journal or self.run.tries:
            drop(self.run.journal, step.task)
            drop(self.run.tries, step.task)
        if self.plan.nodes[task.node].inner is not None:
            self.run.leave(self.name_of(task, None))

    def _digest(self, name: str) -> str:
        known = self._digests.get(name)
        if known is None:
            known = self._digests[name] = digest(self.plan.nodes[name])
        return known

    def _lose(self, id: str) -> None:
        """A task was outrun: nothing of it counts."""
        self.held.discard(id)
        self.failures.pop(id, None)
        if id in self.flying:
            self._lost.add(id)
            self.flying[id].cancel()

    def _limit_reached(self) -> str:
        loops = (self.plan.loop_of(task.node) for task in self.frontier.active.values())
        loop = next(filter(None, loops), ())
        where = f" in the loop {' -> '.join((*loop, loop[0]))}" if loop else ""
        steps = f"{self.limit:,} steps were taken" + (f" by {self.within}" if self.within else "")
        return f"{steps}{where}; run.resume() allows as many again, limit= sets how many."

    def _fail(self, task: Task, error: BaseException) -> None:
        if task.id in self.again and self._counts(task):
            self.again.discard(task.id)
            self._start(self.frontier.active[task.id])
        elif not self._counts(task):
            self._lost.discard(task.id)
            self.run.leave(self.name_of(task, None))
            self.run.tell(events.TaskCancelled(self.static + task.node, task.visit, self.run.now(), self.within))
        else:
            failure = self.failures[task.id] = failure_of(error, self.plan.nodes[task.node])
            drop(self.run.tries, self.lead + task.id)  # who resumes gives it all its attempts again
            place = self.lead + task.id, self.static + task.node
            self.run.note(Failed(*place, failure.type, shortened(failure.message), failure.where, self.run.now()))
            self._tell_failed(task, failure)

    def _tell_failed(self, task: Task, failure: Failure) -> None:
        self.run.tell(events.TaskFailed(self.static + task.node, task.visit, self.run.now(), failure, self.within))

    # What calls need

    def name_of(self, task: Task, item: int | None) -> str:
        """The path that names what runs within a task: `research`, `research#2`, `research[3]`, `research/deep`."""
        visit = f"#{task.visit}" if task.visit > 1 else ""
        return f"{self.lead}{task.node}{visit}" + ("" if item is None else f"[{item}]")

    async def walk(self, context: Context, graph: Graph, inputs: Mapping[str, Any], limit: int) -> Mapping[str, Any]:
        """The final state of the subgraph that is the node of this task."""
        inner = self.run.inner(self, context, graph, inputs, limit)
        try:
            state: Mapping[str, Any] = await self.run.calls.away(context, inner.complete())
        except asyncio.CancelledError as error:
            if not self.run.loop_ends(error):
                self.run.leave(inner.within)
            raise
        except InnerFailure:
            if context.whole is not None:  # a model is told, and goes on
                self.run.leave(inner.within)
            raise
        self.run.leave(inner.within)  # another attempt begins anew
        return state

    def tried(self, context: Context) -> int:
        """How many attempts of the call failed before, in this process or in another."""
        failed: int = self.run.tries.get(context.place, 0)
        return failed

    async def note_retry(self, context: Context, error: BaseException, delay: float) -> None:
        """Keep and tell that an attempt failed and another one follows."""
        failure = failure_of(error, self.plan.nodes[context.node])
        self.run.tries[context.place] = context.attempt
        said = shortened(f"{failure.type}: {failure.message}")
        await self.run.log.keep(Tried(context.place, context.attempt, said, self.run.now()))
        where = self.static + context.node, context.visit, self.run.now(), context.attempt
        self.run.tell(events.TaskRetried(*where, failure, delay, context.item, self.within))

    def note_item(self, context: Context, index: int, update: Update) -> None:
        """Keep what an item of a map wrote, so that no other item's failure, and no crash, costs it."""
        try:
            self.run.log.note(ItemDone(self.lead + context.task.id, index, update))
        except NotStorable as error:
            raise error.of(context.node) from None

    def note_items(self, context: Context, done: int, failed: int, left: int) -> None:
        """Tell how many items of a map have ended, while somebody watches; and that some failed, at the end."""
        if (self.run.watched or (failed and not left)) and self._counts(context.task):
            where = self.static + context.node, context.visit, self.run.now()
            self.run.tell(events.ItemsEnded(*where, done, failed, done + failed + left, self.within))

    def note_log(self, context: Context, sentence: str) -> None:
        """A sentence for the person who wrote the node: in the log of its task, and once among the run's notices."""
        self.note_printed(context, sentence + "\n")
        if sentence not in self.run.notices:
            self.run.notices.append(sentence)

    # By hand

    async def edit(self, update: Mapping[str, Any]) -> Step:
        """Change the state wherever it is seen; the step of the history that this is."""
        writes = tuple(update.items())
        packed = self.run.log.pack(writes)
        self.frontier, number = scheduler.edit(self.frontier, update)
        self._steps += 1
        at, id = self.run.now(), f"{EDIT}#{number}"
        step = Step(self.run.number(), self.lead + id, EDIT, number, (), writes, (), (), at, edited=True, began=at)
        self.run.history.append(step)
        await self.run.log.keep(step, packed)
        return step

    def ask_again(self, keys: Container[str]) -> None:
        """Show the questions of human nodes anew that showed one of `keys`."""
        for id, task in self.frontier.active.items():
            node = self.plan.nodes[task.node]
            if id in self.flying and node.kind == "human" and any(read.key in keys for read in node.reads):
                self.again.add(id)
                self.flying[id].cancel()

    async def commit_by_hand(self, name: str, update: Mapping[str, Any]) -> Advance:
        """Commit `update` as that of the pending task of a node.

        Raises:
            RunError: no task of the node is pending.
        """
        pending = [task for task in self.frontier.active.values() if task.node == name]
        if not pending:
            known = ", ".join(task.node for task in self.frontier.active.values()) or "none"
            raise RunError(f"no task of {name} is pending, so none can be given its result. Pending: {known}.")
        task = pending[0]
        writes = tuple(update.items())
        self._commit(task, writes, self.run.log.pack(writes), None)
        for id in (task.id, *self._unsaved[task.id].moved.lost):  # it may wait for a person
            self._lose(id)
        try:
            return await self._keep(task)
        except BaseException:
            self.held.add(task.id)  # it is kept at resume
            raise


def _same(now: Variables, before: Variables) -> bool:
    """Whether both hold the same values; those that cannot be compared are taken to have changed."""
    try:
        return now == before
    except Exception:
        return False
