"""Calls: a task's node is called once, or once for each item of a map, and what it returns becomes what it writes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from contextvars import copy_context
from functools import partial
from typing import Any

from nbgraph.core.choice import arguments
from nbgraph.core.context import Context, Engine, current
from nbgraph.core.graph import Node
from nbgraph.core.plan import Each, Plan
from nbgraph.core.scheduler import Task
from nbgraph.core.state import as_update, combine_items, own_copy
from nbgraph.core.views import Writes
from nbgraph.errors import UpdateError, brief

BLOCKING_ITEMS = 32  # blocking items of one map that run at once; async ones all do


class Calls:
    """The calls of one run that are under way, for `engine`; blocking functions go to `executor`."""

    def __init__(self, engine: Engine, executor: Executor) -> None:
        self._engine, self._executor = engine, executor
        self._items_left: Counter[str] = Counter()
        self._items_done: dict[str, dict[int, Mapping[str, Any]]] = {}  # of maps that have not finished

    def under_way(self, task_id: str) -> int:
        """How many calls a task that has not finished is made of: its items that are left, or itself."""
        return max(self._items_left[task_id], 1)

    def forget(self, task_id: str) -> None:
        """Called when a task is committed: its items need not be kept."""
        self._items_done.pop(task_id, None)
        self._items_left.pop(task_id, None)

    async def execute(self, plan: Plan, task: Task, context: Context, items: Sequence[Any] | None) -> Writes:
        """Call the node of `task`, for each of `items` where it is mapped."""
        node = plan.nodes[task.node]
        if items is not None:
            return await self._map(plan, node, task, plan.maps[task.node], items)
        returned = await _call(node, task.view.values, context)
        return tuple(as_update(node.name, node.declared, returned).items())

    async def _map(self, plan: Plan, node: Node, task: Task, each: Each, items: Sequence[Any]) -> Writes:
        """One call for each item; what the finished ones wrote is kept when others fail."""
        done = self._items_done.setdefault(task.id, {})
        failed: dict[int, BaseException] = {}
        gate = asyncio.Semaphore(BLOCKING_ITEMS) if node.body.blocking else nullcontext()

        async def one(index: int) -> None:
            context = Context(self._engine, task, index)
            current.set(context)
            try:
                async with gate:
                    returned = await _call(node, {**task.view.values, each.item: items[index]}, context)
                done[index] = as_update(node.name, node.declared, returned)
            except BaseException as error:
                failed[index] = error
            self._items_left[task.id] -= 1

        left = [index for index in range(len(items)) if index not in done]
        self._items_left[task.id] = len(left)
        await _all([one(index) for index in left])
        if failed:
            index = min(failed)
            failed[index].add_note(f"in item {index} of {len(items)}; {len(failed)} failed, the others are kept")
            raise failed[index]
        updates = [done[index] for index in range(len(items))]
        return combine_items(updates, node.writes.keys)

    async def blocking(self, function: Callable[..., Any], given: Mapping[str, Any]) -> Any:
        """Call a blocking function by the executor, in the context of the task."""
        call = partial(copy_context().run, _without_stop_iteration, function, given)
        return await asyncio.wrap_future(self._executor.submit(call))


def _call(node: Node, values: Mapping[str, Any], context: Context) -> Awaitable[Any]:
    given = arguments(node.name, node.name, node.reads, values)
    return node.body({key: own_copy(value) for key, value in given.items()}, context)


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
    each = plan.maps.get(task.node)
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
