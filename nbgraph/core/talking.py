"""Talking: what the agents among the tasks ask of their walk: calls that are made once, a budget, watchers to tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

from nbgraph.core import events
from nbgraph.core.context import Context
from nbgraph.core.failures import failure_of, shortened
from nbgraph.core.records import Journaled, ModelAnswered, ToolReturned, Tried
from nbgraph.core.retell import of_call
from nbgraph.core.usage import Budget
from nbgraph.errors import ModelError, NotStorable

T = TypeVar("T")
E = TypeVar("E", bound=Journaled)


class Talking:
    """The part of a walk that keeps and tells what its tasks do step by step, such as the calls of models and tools."""

    run: Any
    static: str
    within: str

    async def record(self, context: Context, key: str, name: str, make: Callable[[str], Awaitable[E]]) -> E:
        """The entry at `key` in the log of the task: the one kept there before under that `name`, or a new one."""
        place = f"{context.place}/{key}"
        before: E | None = self.run.journal.get(place)
        if before is not None and before.name == name:
            return before
        entry = self.run.journal[place] = await make(place)
        if isinstance(entry, ModelAnswered):
            self.run.usage.add(entry)  # also where it cannot be kept: it was paid for
        try:
            await self.run.log.keep(entry)  # where that fails it is not done again here all the same
        except NotStorable:
            del self.run.journal[place]
            raise
        if isinstance(entry, ModelAnswered | ToolReturned):
            self.run.tell(of_call(entry))
        return entry

    def recalled(self, context: Context, key: str) -> Journaled | None:
        """The entry that is kept at `key`, or None."""
        found: Journaled | None = self.run.journal.get(f"{context.place}/{key}")
        return found

    def now(self) -> float:
        """Seconds since the epoch."""
        at: float = self.run.now()
        return at

    @asynccontextmanager
    async def calling(self, context: Context, priced: bool) -> AsyncIterator[None]:
        """Call a model in the block, which begins when the run's budget allows it; until then the run is paused."""
        if self.run.allowance.budget is not None:
            await self._allowed(context, self.run.allowance.budget, priced)
        with self.run.allowance.calling():
            yield

    async def _allowed(self, context: Context, budget: Budget, priced: bool) -> None:
        used = self.run.usage.total
        if used.untold or (budget.unit == "USD" and not (priced and used.unpriced == 0)):
            raise ModelError(_unkept(str(budget), told=not used.untold))
        allowance, usage = self.run.allowance, self.run.usage
        while (why := allowance.over(usage.total)) or allowance.crowded(usage.total):
            await (self.run.calls.away(context, self.run.renewal(why), person=True) if why else allowance.one_ends())

    def note_wrote(self, context: Context, call: str, model: str, text: str) -> None:
        """Tell watchers what a model wrote."""
        place = self.static + context.node, context.visit, self.run.now()
        self.run.tell(events.ModelWrote(*place, call, text, model, context.item, self.within))

    async def note_call_retry(self, context: Context, call: str, error: BaseException, delay: float) -> None:
        """Keep and tell that the call of a model failed and is made again after `delay` seconds."""
        failure, place = failure_of(error, None), f"{context.place}/{call}"
        attempt = self.run.tries[place] = self.tries(context, call) + 1
        await self.run.log.keep(Tried(place, attempt, shortened(failure.message), self.run.now()))
        where = self.static + context.node, context.visit, self.run.now(), attempt
        self.run.tell(events.TaskRetried(*where, failure, delay, context.item, self.within, call))

    def tries(self, context: Context, call: str) -> int:
        """How often that call has failed so far, also in another process."""
        failed: int = self.run.tries.get(f"{context.place}/{call}", 0)
        return failed

    async def side_by_side(self, calls: Sequence[Awaitable[T]]) -> list[T]:
        """What all of the calls return, each of which is as busy as the task itself; the first error when all ended."""
        left, errors = len(calls), list[BaseException]()

        async def one(call: Awaitable[T]) -> T | None:
            nonlocal left
            try:
                return await call
            except BaseException as error:  # also one that would end the loop, such as SystemExit
                errors.append(error)
                return None
            finally:
                left -= 1
                if left:  # the last one is as busy as the task
                    self.run.calls.busy -= 1
                    self.run.settle()

        self.run.calls.busy += max(left - 1, 0)
        under_way = [asyncio.ensure_future(one(call)) for call in calls]
        try:
            await asyncio.wait(under_way)
        except BaseException:
            for each in under_way:
                each.cancel()
            await asyncio.wait(under_way)  # what they hold is let go before the task ends
            raise
        if errors:
            raise errors[0]
        return [cast(T, each.result()) for each in under_way]


def _unkept(budget: str, told: bool) -> str:
    if not told:
        return f"the budget of {budget} cannot be kept: the endpoint does not say how many tokens a call takes."
    return (
        f"the budget of {budget} cannot be kept: the price of the model is not known. Name it, "
        f'nbgraph.configure(prices={{"model": (0.25, 2.0)}}) in US dollars per million tokens of input and of output; '
        f'or give the budget in tokens, budget="20000 tokens".'
    )
