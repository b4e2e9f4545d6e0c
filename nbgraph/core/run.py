"""Run: one execution of a graph, as everybody but the engine sees it; every method may be called from any thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from nbgraph.core.approvals import Approval
from nbgraph.core.diff import Diff, diff
from nbgraph.core.event_stream import Events
from nbgraph.core.events import Event, Status
from nbgraph.core.lookback import KeyUse, Lookback, Moment, Visit
from nbgraph.core.names import run_name
from nbgraph.core.outline import Outline
from nbgraph.core.records import Step
from nbgraph.core.run_loop import RunLoop
from nbgraph.core.stored import Replayed, forked, replayed
from nbgraph.core.usage import Usage
from nbgraph.core.why import why
from nbgraph.errors import Cancelled, Paused, RunError, Waiting

T = TypeVar("T")

on_run: list[Callable[[Run], None]] = []
"""Called with every run that was started, resumed or forked, in the caller's thread."""


def announced(run: Run) -> Run:
    """The run, once everybody who wants to know of each has been told."""
    for notice in tuple(on_run):
        notice(run)
    return run


TICK = 0.1  # seconds; a cell that awaits in one piece ignores the stop button


class Run:
    """One execution of a graph.

    A notebook sets `answerable` (awaiting goes on through approvals), `attended` (an interrupt while waiting only stops
    the waiting) and `after_wait` (where only the current cell's output is kept: called after each wait, and then
    `answer` and `resume` wait too).
    """

    def __init__(self, run_loop: RunLoop) -> None:
        self._engine = run_loop
        self.answerable = self.attended = False
        self.after_wait: Callable[[], None] | None = None

    @classmethod
    def of(cls, run_loop: RunLoop) -> Run:
        """The one that stands for a run to the outside."""
        if run_loop.face is None:
            run_loop.face = cls(run_loop)
        assert isinstance(run_loop.face, cls)
        return run_loop.face

    def __repr__(self) -> str:
        taken = self._engine.steps_taken
        return f"<Run {self.name}: {self.status}, {taken} step{'s' * (taken != 1)}>"

    @property
    def id(self) -> str:
        """The run's own name, different from all others."""
        return self._engine.run_id

    @property
    def name(self) -> str:
        """The graph's name."""
        return self._engine.plan.name

    @property
    def status(self) -> Status:
        """Where the run stands."""
        return self._engine.status

    @property
    def at_rest(self) -> bool:
        """Whether nothing goes on by itself: the run does not run, and once it is cancelled its tasks have ended."""
        ended = self.status is not Status.CANCELLED or not self._engine.calls.busy
        return self.status is not Status.RUNNING and ended

    @property
    def reason(self) -> str:
        """Why it stands there, for a person; may be empty."""
        return self._engine.reason

    @property
    def notices(self) -> list[str]:
        """Sentences for a person, such as on answers given beforehand that were not used."""
        return list(self._engine.notices)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that the run lives on."""
        return self._engine.loop

    @property
    def outline(self) -> Outline:
        """The graph as this run knows it."""
        return self._engine.plan.outline

    @property
    def steps(self) -> list[Step]:
        """The finished tasks, in the order in which they finished."""
        return self._engine.steps()

    @property
    def usage(self) -> Usage:
        """What models took so far: calls, tokens and US dollars, in all, by node and by task."""
        return self._engine.usage

    @property
    def state(self) -> dict[str, Any]:
        """All that has been committed so far, merged as at the end."""
        return self._engine.walk.state()

    @property
    def approvals(self) -> list[Approval]:
        """All questions asked so far, with their answers."""
        return self._engine.questions.all

    @property
    def next_tasks(self) -> list[str]:
        """The tasks that start when the run goes on, such as `draft#2`, where it is paused."""
        return self._engine.next_tasks

    @property
    def breakpoints(self) -> dict[str, list[str]]:
        """The nodes "before" and "after" which the run pauses."""
        return {when: list(names) for when, names in self._engine.breakpoints.all.items()}

    def wait(self, timeout: float | None = None) -> Run:
        """Wait until the run is done or cannot go on by itself, such as without a person.

        Args:
            timeout: seconds; None waits as long as it takes.
        """
        if self._engine.here and self.status is Status.RUNNING:
            raise RunError("this would block the loop that the run needs; inside an async node, `await run` instead.")
        try:
            self._engine.wait(timeout)
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

        def wake() -> None:
            with suppress(RuntimeError):  # the caller's loop may be closed by now
                loop.call_soon_threadsafe(changed.set)

        self._engine.wakers.add(wake)
        try:
            while self.status is Status.RUNNING or (self.status is Status.WAITING and self.answerable):
                changed.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), TICK)
        finally:
            self._engine.wakers.discard(wake)
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
        raise self._no_result()

    def _no_result(self) -> BaseException:
        status, failures, asking = self.status, self._engine.failures, self._engine.questions.asking
        if status is Status.FAILED and failures:
            return failures[0].error.with_traceback(failures[0].trace)
        if status is Status.WAITING and asking:
            return Waiting(*asking)
        if status is Status.CANCELLED:
            return Cancelled(f"{self.name} was cancelled, so it has no result.")
        return Paused(self.reason or f"{self.name} has not finished; run.wait() waits for it.")

    def answer(
        self,
        name: str,
        option: str,
        note: str = "",
        edit: Mapping[str, Any] | None = None,
        *,
        form: Any = None,
        by: str = "run.answer",
    ) -> Approval:
        """Answer an open question; the run goes on at once.

        Args:
            name: the node that asks, or the approval's id.
            option: one of the question's options.
            note: a remark, kept in the key `<node>_note`.
            edit: new values for keys that the question lets be edited; they count with every option but reject.
            form: what is entered into the question's form: a value for each field by its name, or the one value.
            by: who answers, as far as is known.

        Raises:
            AlreadyAnswered: somebody was first.
            ApprovalError: there is no such question, or the answer does not fit it.
        """
        __tracebackhide__ = True
        self._engine.check_alive()
        answered = self._engine.questions.answer(name, option, note, edit or {}, by, form)
        self._wait_where_needed()
        return answered

    def pause(self) -> None:
        """Let what runs finish and start nothing new; `resume` goes on."""
        self._engine.post(self._engine.pause, "paused by run.pause()")

    def cancel(self) -> None:
        """End the run: async nodes are cancelled, what a blocking node still returns does not count."""
        self._engine.check_alive()
        if self._engine.turn((Status.RUNNING, Status.WAITING, Status.PAUSED, Status.FAILED), Status.CANCELLED):
            self._engine.post(self._engine.cancel)

    def resume(self) -> None:
        """Go on after a pause, a limit or a failure, with the nodes as they are declared now.

        Finished tasks are kept; failed ones run again with what they saw before.

        Raises:
            RunError: the run is neither paused nor failed.
        """
        __tracebackhide__ = True
        self._engine.check_here()
        if not self._engine.turn((Status.PAUSED, Status.FAILED), Status.RUNNING):
            raise RunError(f"{self.name} is {self.status}; only a paused or failed run can be resumed.")
        self._engine.post(self._engine.resume)
        self._wait_where_needed()

    def next(self) -> None:
        """Go on with one ready set: what could start now starts, and what follows it waits for the next call.

        Raises:
            RunError: the run is neither paused nor failed.
        """
        __tracebackhide__ = True
        self._engine.check_here()
        if not self._engine.turn((Status.PAUSED, Status.FAILED), Status.RUNNING):
            raise RunError(f"{self.name} is {self.status}; only a paused or failed run has a next step.")
        self._engine.post(self._engine.resume, True)
        self._wait_where_needed()

    def breakpoint(self, node: str, when: str | None = "before") -> None:
        """Pause "before" or "after" a node, from now on; None takes the breakpoint away.

        Args:
            node: its name, in a subgraph its path such as `research/search`.

        Raises:
            RunError: there is no such node.
        """
        __tracebackhide__ = True
        self._on_loop(self._set_breakpoint(node, when))

    async def _set_breakpoint(self, node: str, when: str | None) -> None:
        self._engine.set_breakpoint(node, when)

    def edit(self, update: Mapping[str, Any] | None = None, /, *, as_node: str | None = None, **keys: Any) -> None:
        """Change the state while the run is paused, failed or waiting; recorded as a step of its own.

        A question that showed one of the keys is asked anew.

        Args:
            as_node: record it as if this node, which has failed or is pending, had run and written that; the run goes
                on from there at resume.

        Raises:
            RunError: the run is not at rest, or no task of the node is pending.
            InputError: a value does not fit the type of its key.
        """
        __tracebackhide__ = True
        self._engine.check_here()
        self._on_loop(self._engine.edit({**(update or {}), **keys}, as_node))

    def at(self, step: int) -> Moment:
        """The run as it stood after a step; 0 is before the first.

        Raises:
            RunError: the run has no such step.
        """
        __tracebackhide__ = True
        return self.lookback.at(step)

    def visit(self, task: str) -> Visit:
        """What a task such as `draft#2` saw, did and wrote.

        Raises:
            RunError: the run has no such task.
        """
        __tracebackhide__ = True
        return self.lookback.visit(task)

    def uses(self, key: str, within: str = "") -> KeyUse:
        """Who wrote a key, and which nodes read it; `within` names the task whose subgraph is meant."""
        return self.lookback.uses(key, within)

    @property
    def lookback(self) -> Lookback:
        """What looks back on it, as it is stored, without holding it."""
        return Lookback(self._engine.store, self.id, self._engine.plan, self._engine.walk.graph)

    def replay(self, step: int) -> Replayed:
        """Call the node of a step again with what it saw then; the run and its history stay as they are.

        `ctx.step` and questions give what was recorded then.

        Raises:
            RunError: the run has no such step, it is an edit, or the node now asks what it did not ask then.
            Exception: what the node raises.
        """
        __tracebackhide__ = True
        self._engine.check_alive()
        return self._on_loop(replayed(self._engine, step))

    def fork(
        self, step: int, update: Mapping[str, Any] | None = None, /, *, id: str | None = None, **changes: Any
    ) -> Run:
        """A new run that shares the past of this one up to a step, and goes on from there by itself.

        What was under way then is done again, and questions are asked again; this run stays as it is.

        Args:
            step: the last step that they share; 0 for none.
            update: keys of the state that are changed first, as a mapping; further ones as keywords.
            id: a name for the new run; made up by default.

        Raises:
            RunError: the run has no such step.
            InputError: a value does not fit the type of its key.
        """
        __tracebackhide__ = True
        forking = forked(self._engine, step, {**(update or {}), **changes}, run_name(id, self.name))
        forking.go_on(f"fork of {self.id} at step {step}")
        return announced(Run.of(forking))

    def diff(self, other: Run) -> Diff:
        """What tells this run from another: the first step that differs, keys, visits, time, cost."""
        return diff(self.steps, other.steps, self.state, other.state, (self.usage.total, other.usage.total))

    def why(self, node: str) -> str:
        """Why a node has not run (again) yet: what it waits for, over which way, or why no edge to it was taken.

        Raises:
            RunError: there is no such node.
        """
        __tracebackhide__ = True
        return why(self._engine, node)

    def events(self) -> Events:
        """Every event once, in order, the past ones first: `for event in run.events()`, or `async for`.

        It ends where `wait` or `await` would return; iterated on later, it goes on with what has happened since.
        """
        return Events(self)

    def _on_loop(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Let the run's loop do it, and wait."""
        __tracebackhide__ = True
        if self._engine.here:
            coroutine.close()
            raise RunError("this waits for the loop that it is called on; call it from a thread or a cell.")
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def subscribe(self, watcher: Callable[[Event], None]) -> Callable[[], None]:
        """Call `watcher` on the run's loop with every event, the past ones first; returns what ends it.

        A watcher must not block: the run waits for it.
        """
        self._engine.post(self._engine.watchers.admit, watcher)
        return lambda: self._engine.post(self._engine.watchers.dismiss, watcher)

    def _wait_where_needed(self) -> None:
        if self.after_wait is not None and not self._engine.here:
            self.wait()
