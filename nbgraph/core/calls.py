"""Calls: a task's node is called once, or once for each item of a map, as its policy says.

What it returns becomes an update, which is checked against the state. A call that waits for a person or for a subgraph
is `away`: meanwhile it is not under way, gives up its slots, and its time stands still.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, Protocol

from nbgraph.core.changes import changed_keys, in_place
from nbgraph.core.choice import arguments
from nbgraph.core.context import Call, Context, current
from nbgraph.core.copies import own_copy
from nbgraph.core.failures import ItemsFailed, unwrapped
from nbgraph.core.fingerprints import NoFingerprint, fingerprint
from nbgraph.core.fit import check_update
from nbgraph.core.graph import Graph, Node
from nbgraph.core.plan import Each, Plan
from nbgraph.core.policies import PLAIN
from nbgraph.core.scheduler import Task
from nbgraph.core.updates import as_update, combine_items
from nbgraph.core.views import Writes
from nbgraph.errors import Cancelled, TimedOut, UpdateError, brief

BLOCKING_ITEMS = 32  # blocking items of one map that run at once where no number is given; async ones all do
ITEMS_TOLD = 1000  # of one map; of more than that only every second one is told to have ended, or every third
Update = Mapping[str, Any]


class Walk(Protocol):
    """What calls need of the walk that they belong to."""

    plan: Plan
    graph: Graph
    lead: str

    def tried(self, context: Context) -> int: ...
    async def note_retry(self, context: Context, error: BaseException, delay: float) -> None: ...
    def note_item(self, context: Context, index: int, update: Update) -> None: ...
    def note_items(self, context: Context, done: int, failed: int, left: int) -> None: ...
    def note_log(self, context: Context, sentence: str) -> None: ...


class Calls:
    """The calls of one run that are under way, and what they share.

    Args:
        loop: the run's event loop.
        executor: gives the executor that a policy names.
        parallel: how many calls run at once, or None.
        settle: called when the run may have come to rest.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        executor: Callable[[str | Executor], Executor],
        parallel: int | None,
        settle: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._loop, self._executor, self._settle, self._clock = loop, executor, settle, clock
        self._slots = asyncio.Semaphore(parallel) if parallel else None
        self._privates: dict[tuple[int, str], asyncio.Future[Any]] = {}
        self.busy = 0  # tasks and items that go on by themselves

    async def execute(
        self, walk: Walk, task: Task, context: Context, items: Sequence[Any] | None, done: dict[int, Update]
    ) -> Writes:
        """Call the node of `task`, for each of `items` where it is mapped; `done` are those that need no call."""
        node = walk.plan.nodes[task.node]
        if items is not None:
            return await self._map(walk, node, task, context, items, done)
        values = task.view.values
        if node.name in walk.plan.told_errors:
            values = {**values, "error": task.errors[0] if task.errors else None, "errors": list(task.errors)}
        if node.policy is PLAIN and self._slots is None and not walk.plan.schema.private:
            return tuple((await self._attempt(walk, node, values, context)).items())
        gates = () if self._slots is None or node.inner is not None else (self._slots,)
        return tuple((await self._called(walk, node, values, context, gates)).items())

    async def _map(
        self, walk: Walk, node: Node, task: Task, context: Context, items: Sequence[Any], done: dict[int, Update]
    ) -> Writes:
        """One call for each item; what the finished ones wrote is kept when others fail."""
        each, failed = walk.plan.maps[node.name], dict[int, BaseException]()
        most = node.policy.parallel or (BLOCKING_ITEMS if node.body.blocking else None)
        slots = () if self._slots is None or node.inner is not None else (self._slots,)
        gates = ((asyncio.Semaphore(most),) if most else ()) + slots
        left = [index for index in range(len(items)) if index not in done]
        inside = [Context(walk, task, index, node.policy) for index in left]  # type: ignore[arg-type]

        async def one(item: Context, index: int) -> None:
            current.set(item)
            try:
                values = {**task.view.values, each.item: items[index]}
                update = await self._called(walk, node, values, item, gates)
                walk.note_item(context, index, update)
                done[index] = update
            except BaseException as error:
                failed[index] = error
            finally:
                item.close()
                under_way.discard(index)
                if under_way:  # the last one is as busy as the task itself
                    self.busy -= 1
                    self._settle()
                if not len(under_way) % seldom:
                    walk.note_items(context, len(done), len(failed), len(under_way))

        under_way, seldom = set(left), -(-len(items) // ITEMS_TOLD)
        if done and left:
            walk.note_items(context, len(done), 0, len(left))
        self.busy += max(len(left) - 1, 0)
        await _all([one(item, index) for item, index in zip(inside, left, strict=True)])
        if left and all(item.used and item.call.cached for item in inside):
            context.call.cached = True
        if failed:
            raise ItemsFailed(failed, len(items))
        updates = [done[index] for index in range(len(items))]
        return combine_items(updates, node.writes.keys)

    async def _called(
        self, walk: Walk, node: Node, values: Mapping[str, Any], context: Context, gates: Sequence[asyncio.Semaphore]
    ) -> Update:
        """One call with all that its policy says; its slots are taken while it is not away."""
        if walk.plan.schema.private:
            values = {**values, **await self._private(walk, node)}
        if not gates:
            return await self._by_policy(walk, node, values, context)
        call = context.call
        await _take(call, gates)
        try:
            return await self._by_policy(walk, node, values, context)
        finally:
            _give(call)
            call.gates = ()

    async def _by_policy(self, walk: Walk, node: Node, values: Mapping[str, Any], context: Context) -> Update:
        cache = node.policy.cache
        if cache is None:
            return await self._attempts(walk, node, values, context)
        try:
            given = arguments(node.name, node.name, node.reads, values, node.default_for)
            code = node.whole_code
            if not code:
                walk.note_log(context, f"{node.name} is not cached: its source is not known.")
                return await self._attempts(walk, node, values, context)
            read = {key: given[key] for key in sorted(given) if key not in walk.plan.schema.private}
            key = fingerprint(node.name, code, node.declared, cache.version, read)
        except NoFingerprint as error:
            walk.note_log(context, f"{node.name} is not cached: what it reads holds {error.kind}, which has no value.")
            return await self._attempts(walk, node, values, context)
        found = walk.graph.cache.find(key, cache.ttl, self._clock())
        if found is not None:
            context.call.cached = True
            return found
        update = await self._attempts(walk, node, values, context)
        walk.graph.cache.keep(key, update, self._clock())
        return update

    async def _attempts(self, walk: Walk, node: Node, values: Mapping[str, Any], context: Context) -> Update:
        """Try until it succeeds, or the attempts are used up."""
        policy = node.policy
        if policy.attempts > 1:
            context.attempt = walk.tried(context) + 1
        while True:
            try:
                return await self._attempt(walk, node, values, context)
            except BaseException as error:
                ended = isinstance(error, asyncio.CancelledError | Cancelled)
                if ended or context.attempt >= policy.attempts or not isinstance(unwrapped(error), policy.retry_on):
                    raise
                delay = policy.delay(context.attempt, random.random())
                await walk.note_retry(context, error, delay)
            await asyncio.sleep(delay)
            context.attempt += 1
            context.call.asked = context.call.recorded = 0

    async def _attempt(self, walk: Walk, node: Node, values: Mapping[str, Any], context: Context) -> Update:
        """Call the node once, and see whether what it returns fits the state."""
        given = arguments(node.name, node.name, node.reads, values, node.default_for)
        schema = walk.plan.schema
        live = {key: given.pop(key) for key in schema.private if key in given} if schema.private else {}
        handed = {key: own_copy(value) for key, value in given.items()}
        copies = {key: value for key, value in handed.items() if value is not given[key]}
        handed |= live
        if node.policy.timeout is None:
            returned = await node.body(handed, context)
        else:
            returned = await self._in_time(node, handed, context, node.policy.timeout)
        update = as_update(node.name, node.declared, returned)
        if schema.checks or schema.private:
            check_update(node.name, update, schema, node.name in walk.plan.maps)
        for key in changed_keys(given, copies, update) if copies else ():
            if key in context.task.view.values:  # not an item or an error, which are no keys
                walk.note_log(context, in_place(node.name, key))
        return update

    async def _in_time(self, node: Node, handed: dict[str, Any], context: Context, seconds: float) -> Any:
        """A call with an end; what a thread that was given up still asks for is refused."""
        mine = context.apart()
        try:
            async with asyncio.timeout(seconds) as timeout:
                mine.call.timeout = timeout
                returned = await node.body(handed, mine)
            if timeout.expired():  # the node has kept its cancellation to itself
                raise TimeoutError
            return returned
        except TimeoutError as error:
            if not timeout.expired():
                raise
            raise TimedOut(f"{node.name} took longer than its {seconds:g} seconds (--timeout).") from error
        finally:
            context.rejoin(mine)

    async def _private(self, walk: Walk, node: Node) -> dict[str, Any]:
        """The private values that the node reads, made when first one is read."""
        private = walk.plan.schema.private
        return {read.key: await self._made(walk, read.key) for read in node.reads if read.key in private}

    async def _made(self, walk: Walk, key: str) -> Any:
        place = id(walk.graph), key
        if place not in self._privates:
            self._privates[place] = asyncio.ensure_future(_make(walk.plan.schema.private[key].factory))
        try:
            return await asyncio.shield(self._privates[place])
        except BaseException:
            if self._privates[place].done():  # a factory that failed is called again at resume
                del self._privates[place]
            raise

    async def blocking(self, on: str | Executor, function: Callable[..., Any], given: Mapping[str, Any]) -> Any:
        """Call a blocking function by an executor; in the context of the task where that has threads."""
        executor = self._executor(on)
        if isinstance(executor, ThreadPoolExecutor) or getattr(executor, "threads", False):
            call = partial(_without_stop_iteration, function, given)
            return await asyncio.wrap_future(executor.submit(copy_context().run, call))
        return await asyncio.wrap_future(executor.submit(function, **given))

    async def away(self, context: Context, awaited: Awaitable[Any], person: bool = False) -> Any:
        """Await what the call has no part in: a subgraph, or a `person`, for whom all time stands still.

        For a person it gives up its slots too, as does the item of a map whose subgraph it is in.
        """
        call = context.call
        for each in _calls_around(context) if person else ():
            self._hold(each, 1)
        call.away += 1
        if call.away == 1:
            self.busy -= 1
            self._settle()
        try:
            result = await awaited
        except BaseException:
            for each in self._back(context, person):
                self._start_clock(each)
            raise
        for each in self._back(context, person):
            if each.gates and not each.holding and not each.people:
                await _take(each, each.gates)
            self._start_clock(each)
        return result

    def _back(self, context: Context, person: bool) -> list[Call]:
        """The call is away no more; those in which a person was awaited, from the outside in."""
        context.call.away -= 1
        if context.call.away == 0:
            self.busy += 1
        around = _calls_around(context)[::-1] if person else []
        for each in around:
            each.people -= 1
        return around

    def take_over(self, old: Context | None, new: Context) -> None:
        """A subgraph goes on in another attempt, and so do those who wait for a person in it."""
        if old is not None and old is not new and old.call.people:
            self._hold(new.call, old.call.people)
            old.call.people = 0

    def _hold(self, call: Call, people: int) -> None:
        """Persons are awaited within the call: stop its time, and give up its slots."""
        call.people += people
        _give(call)
        self._stop_clock(call)

    def mind_clocks(self, calls: Iterable[Call], stopped: bool) -> None:
        """Let the time of subgraphs stand still while their run is at rest."""
        for call in calls:
            if stopped:
                self._stop_clock(call)
            else:
                self._start_clock(call)

    def _stop_clock(self, call: Call) -> None:
        if call.timeout is not None and call.left is None and not call.timeout.expired():
            call.left = (call.timeout.when() or 0.0) - self._loop.time()
            call.timeout.reschedule(None)

    def _start_clock(self, call: Call) -> None:
        """Let time go on, unless a person is still awaited."""
        if call.people == 0 and call.timeout is not None and call.left is not None:
            call.timeout.reschedule(self._loop.time() + call.left)
            call.left = None


def _calls_around(context: Context | None) -> list[Call]:
    """The call, and those whose subgraphs it is in, from the inside out."""
    calls = []
    while context is not None:
        calls.append(context.call)
        context = context.outer
    return calls


async def _take(call: Call, gates: Sequence[asyncio.Semaphore]) -> None:
    taken: list[asyncio.Semaphore] = []
    try:
        for gate in gates:
            await gate.acquire()
            taken.append(gate)
    except BaseException:
        for gate in taken:
            gate.release()
        raise
    call.gates, call.holding = tuple(gates), True


def _give(call: Call) -> None:
    if call.holding:
        call.holding = False
        for gate in call.gates:
            gate.release()


async def _make(factory: Callable[[], Any]) -> Any:
    made = factory()
    return await made if asyncio.iscoroutine(made) else made


async def _all(coroutines: Sequence[Any]) -> None:
    calls = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        if calls:
            await asyncio.wait(calls)
    finally:
        for call in calls:
            call.cancel()


def items_of(plan: Plan, task: Task) -> Sequence[Any] | None:
    """The items that the node of `task` is mapped over, or None where it is called once.

    Raises:
        UpdateError: the key to map over holds no list.
    """
    each: Each | None = plan.maps.get(task.node)
    if each is None:
        return None
    values = task.view.values.get(each.key)
    if isinstance(values, Sequence) and not isinstance(values, str | bytes):
        return values
    raise UpdateError(
        f"{task.node} runs for each of {each.key}, which must be a list; it is {type(values).__name__} {brief(values)}."
    )


def _without_stop_iteration(function: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    try:
        return function(**given)
    except StopIteration as error:  # a future cannot carry one, and would never be done
        raise RuntimeError(f"{getattr(function, '__name__', 'the node')} raised StopIteration") from error
