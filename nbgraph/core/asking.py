"""Asking: what the context of a task asks of its walk: a person, a recorded side effect, a place in the log."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from nbgraph.core import events
from nbgraph.core.approvals import REJECT, Answer, Approval, open_approval
from nbgraph.core.context import Context, Question
from nbgraph.core.copies import own_copy
from nbgraph.core.forms import Form
from nbgraph.core.questions import Asked
from nbgraph.core.records import Answered, Recorded, Withdrawn
from nbgraph.core.talking import Talking
from nbgraph.errors import ApprovalError, NotStorable, told

CLOCK_LOOKED_AT = 30.0  # seconds; a machine that slept must find that a deadline is over


class Asking(Talking):
    """The part of a walk that serves the contexts of its tasks."""

    run_id: str
    loop: asyncio.AbstractEventLoop

    @property
    def here(self) -> bool:
        """Whether this is the thread of the run's loop."""
        try:
            return asyncio.get_running_loop() is self.loop
        except RuntimeError:
            return False

    def note_printed(self, context: Context, text: str) -> None:
        """Keep what a node printed; from any thread."""
        if not self.loop.is_closed():  # a thread may go on when the run is long over
            place = self.static + context.node, context.visit, self.run.now()
            self.run.post(self.run.tell, events.Printed(*place, text, self.within))

    def note_emitted(self, context: Context, value: Any) -> None:
        """Tell watchers of a custom event; from any thread."""
        if not self.loop.is_closed():
            place = self.static + context.node, context.visit, self.run.now()
            self.run.post(self.run.tell, events.Emitted(*place, own_copy(value), self.within))

    async def call_blocking(self, context: Context, function: Callable[..., Any], given: Mapping[str, Any]) -> Any:
        """Call a blocking function by the executor that the node's policy names."""
        return await self.run.calls.blocking(context.policy.on, function, given)

    def form(self, declared: Any) -> Form:
        """The form that asks for a value of the type `declared`; DeclarationError where there is none."""
        made: Form = self.run.read_form(declared)
        return made

    async def ask(self, context: Context, question: Question) -> Answer:
        """Ask a person and wait for the answer; a task that runs again gets the answer given then.

        One that does not fit the form, which only who answers past its checks can give, is asked for again.
        """
        while True:
            approval = self._opened(context, question)
            if approval.answer is None:
                approval = await self._answered(context, question, approval)
            if approval.id not in self.run.questions.told:
                self.run.questions.told.add(approval.id)
                self.run.note(Answered(approval.id, self.run.now()))
                self.run.tell(events.ApprovalAnswered(approval, self.run.now()))
            assert approval.answer is not None
            misfit = _misfit(question.form, approval.answer)
            if not misfit:
                return approval.answer
            self.run.notices.append(f"{context.node} asks again: {misfit}")

    async def _answered(self, context: Context, question: Question, approval: Approval) -> Approval:
        """Ask, and wait for the answer."""
        try:
            await self.run.log.ask(approval)
        except NotStorable as error:
            raise _told_of(error, f"{context.node} asks a person, and what it shows cannot be kept") from None
        future: asyncio.Future[Approval] = self.loop.create_future()
        self.run.questions.open(Asked(approval, question.form, future))
        self.run.tell(events.ApprovalAsked(approval, approval.asked_at))
        deadline = self._at_deadline(approval)
        try:
            await self.run.questions.use_given(approval)
            answered: Approval = await self.run.calls.away(context, future, person=True)
            return answered
        except asyncio.CancelledError as error:
            if not self.run.loop_ends(error) and self.run.questions.withdraw(approval):
                self.run.note(Withdrawn(approval.id, self.run.now()))
                self.run.tell(events.ApprovalWithdrawn(approval, self.run.now()))
            raise
        finally:
            if deadline is not None:
                deadline.cancel()

    def _at_deadline(self, approval: Approval) -> asyncio.Task[None] | None:
        """What answers the question when its time is over; by the clock on the wall, which goes on in every restart."""
        if approval.deadline is None:
            return None
        return self.loop.create_task(self._answer_late(approval, approval.deadline))

    async def _answer_late(self, approval: Approval, deadline: float) -> None:
        while (left := deadline - self.run.now()) > 0:  # noqa: ASYNC110  nobody tells when a clock has gone on
            await asyncio.sleep(min(left, CLOCK_LOOKED_AT))
        await self.run.questions.use_deadline(approval)

    def _opened(self, context: Context, question: Question) -> Approval:
        """The question at its place in the task: the one that was answered there before, or a new one."""
        fields = question.form.fields if question.form else ()
        while True:
            context.call.asked += 1
            id = context.key if context.call.asked == 1 else f"{context.key}/ask{context.call.asked}"
            asks = self.static + context.node + (f".{question.about}" if question.about else "")
            place = (id, self.run_id, asks, context.visit)
            made = open_approval(
                place,
                question.text,
                question.show,
                question.options,
                question.edit,
                self.run.now(),
                fields,
                self.within,
                None if question.timeout is None else self.run.now() + question.timeout,
                question.otherwise,
            )
            before: Approval | None = self.run.questions.asked(id)
            if before is None:
                return made
            if before.answer is None:  # asked before a restart, it keeps its deadline
                same = before.digest == made.digest
                return replace(made, asked_at=before.asked_at, deadline=before.deadline) if same else made
            if before.digest == made.digest:
                return before

    async def step(self, context: Context, function: Callable[..., Any], call: Callable[[], Any]) -> Any:
        """What `call` returned, once and for all: a task that runs again gets what was recorded."""
        context.call.recorded += 1
        key = f"step{context.call.recorded}"
        name = getattr(function, "__qualname__", type(function).__name__)

        async def made(place: str) -> Recorded:
            if inspect.iscoroutinefunction(function):
                result = await call()
            else:
                result = await self.run.calls.blocking("thread", call, {})
                result = await result if inspect.isawaitable(result) else result
            return Recorded(place, name, own_copy(result))

        try:
            return own_copy((await self.record(context, key, name, made)).value)
        except NotStorable as error:
            what = f"what ctx.step({name.rpartition('.')[2]}) returned cannot be kept"
            raise _told_of(error, f"{context.node}: {what}") from None


def _misfit(form: Form | None, answer: Answer) -> str:
    """Why what was entered does not fit the form; empty where it does."""
    if form is None or answer.option == REJECT:
        return ""
    try:
        form.value(answer.form)
    except ApprovalError as error:
        return told(error)
    return ""


def _told_of(error: NotStorable, what: str) -> NotStorable:
    """The same, told as `what` it is about."""
    made = NotStorable(error.kind, error.path, error.why)
    made.args = (f"{what}: {error}",)
    return made
