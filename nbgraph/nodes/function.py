"""Function nodes: one ordinary `def` or `async def`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from nbgraph.core.context import Context
from nbgraph.core.edges import check_name
from nbgraph.core.graph import Node, declared_in
from nbgraph.core.policies import PLAIN, Join, Policy
from nbgraph.core.signature import read_keys, source_of, takes_context, written_keys
from nbgraph.errors import DeclarationError, brief


class FunctionBody:
    """Calls the function: an async one on the run's loop, a blocking one in a worker thread."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.blocking = not inspect.iscoroutinefunction(function)
        self.takes_context = takes_context(function)

    def __call__(self, arguments: dict[str, Any], context: Context) -> Awaitable[Any]:
        if self.takes_context:
            arguments["ctx"] = context
        if self.blocking:
            return self._in_thread(arguments, context)
        return self.function(**arguments)  # type: ignore[no-any-return]

    async def _in_thread(self, arguments: dict[str, Any], context: Context) -> Any:
        returned = await context.in_thread(self.function, arguments)
        return await returned if inspect.isawaitable(returned) else returned  # a plain def may wrap an async one


def function_node(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    writes: str | Iterable[str] | None = None,
    code: str = "",
    file: str = "",
    policy: Policy = PLAIN,
    join: Join = "all",
) -> Node:
    """The node whose body is `function`.

    Args:
        name: the node's name; the function's own by default.
        writes: the keys it writes; by default a returned dict is an update and anything else goes to the key `name`.
        code: its source for people, by default found by `inspect`.
        file: the name under which it was compiled, by default found in its code.
        policy, join: how it is called, and when arrivals start it.

    Raises:
        DeclarationError: it is no plain function, or a name in it is reserved.
    """
    if not inspect.isfunction(inspect.unwrap(function)) or isinstance(function, functools.partial):
        raise DeclarationError(f"a node is a function made by def or async def, not {brief(function)}.")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise DeclarationError(f"{function.__name__} yields; a node returns its update once.")
    called = check_name(name or function.__name__, "node")
    if writes is not None:
        writes = tuple(check_name(key, "key") for key in ((writes,) if isinstance(writes, str) else writes))
    body = FunctionBody(function)
    _check_place(called, body, policy)
    return Node(
        name=called,
        kind="function",
        body=body,
        reads=read_keys(function),
        writes=written_keys(function, called, writes),
        declared=writes,
        code=code or source_of(function),
        file=file or inspect.unwrap(function).__code__.co_filename,
        source=declared_in.get(),
        policy=policy,
        join=join,
    )


def _check_place(name: str, body: FunctionBody, policy: Policy) -> None:
    if policy.on == "thread":
        return
    if not body.blocking:
        raise DeclarationError(f"{name} is async and so runs on the run's own loop; on= is for a plain def.")
    if policy.on == "process" and body.takes_context:
        raise DeclarationError(f"{name} runs in another process, where there is no ctx; take it out of the parameters.")
