"""Policies: how a node is called, as declared with it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from typing import Any, Literal, NamedTuple, get_args

from nbgraph.errors import DeclarationError, brief, nearest

Join = Literal["all", "any", "first"]
JOINS: tuple[Join, ...] = get_args(Join)
EXECUTORS = ("thread", "process")
LONGEST_DELAY = 60.0  # seconds between two attempts


class Cache(NamedTuple):
    """What a node returned is used again while code, `version` and reads are the same; for `ttl` seconds, or always."""

    ttl: float | None = None
    version: str = ""


class Policy(NamedTuple):
    """How a node is called.

    Args:
        attempts: how often a call is tried in all; in a map, for each item.
        backoff: seconds before the second attempt; doubled for each further one, and varied by up to a half.
        retry_on: the errors after which it is tried again.
        timeout: seconds that one attempt may take; waiting for a person does not count. None for no limit.
        cache: whether what it returned is used again, and how long.
        parallel: how many items of a map are called at once; None for no limit of its own.
        on: what calls a blocking function: "thread", "process", or any `concurrent.futures.Executor`.
    """

    attempts: int = 1
    backoff: float = 1.0
    retry_on: tuple[type[BaseException], ...] = (Exception,)
    timeout: float | None = None
    cache: Cache | None = None
    parallel: int | None = None
    on: str | Executor = "thread"

    def delay(self, attempt: int, chance: float) -> float:
        """Seconds to wait after the failed `attempt`; `chance` between 0 and 1 varies it, so that crowds disperse."""
        return float(min(self.backoff * 2.0 ** min(attempt - 1, 30), LONGEST_DELAY) * (0.5 + chance / 2))


PLAIN = Policy()


def checked_policy(
    node: str,
    *,
    retry: int = 1,
    backoff: float = 1.0,
    retry_on: type[BaseException] | Iterable[type[BaseException]] = (Exception,),
    timeout: float | None = None,
    cache: bool | float | Cache = False,
    version: str = "",
    parallel: int | None = None,
    on: str | Executor = "thread",
) -> Policy:
    """The policy that these arguments of `Graph.node` describe, see there.

    Raises:
        DeclarationError: one of them makes no sense.
    """
    _whole(node, "retry", retry)
    if parallel is not None:
        _whole(node, "parallel", parallel)
    _seconds(node, "backoff", backoff, least=0.0)
    if timeout is not None:
        _seconds(node, "timeout", timeout)
    errors = tuple(retry_on) if isinstance(retry_on, list | tuple | set | frozenset) else (retry_on,)
    wrong = [each for each in errors if not (isinstance(each, type) and issubclass(each, BaseException))]
    if wrong:
        raise DeclarationError(f"{node}: retry_on takes kinds of errors such as TimeoutError, not {brief(wrong[0])}.")
    made = Policy(retry, backoff, errors, timeout, _cache(node, cache, version), parallel, _executor(node, on))
    return PLAIN if made == PLAIN else made  # most calls need none of it


_POLICY = ("retry", "backoff", "retry_on", "timeout", "cache", "version", "parallel", "on")
_FUNCTION = ("name", "writes", "join", "code", "file")
_AGENT = (*("model", "temperature", "tools", "approve", "output", "handoffs", "history", "turns", "writes", "join"),)
_GRAPH = ("name", "writes", "reads", "join", "limit")


def split_options(node: Any, options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What `Graph.node` was given, as options of the node and of its policy.

    Raises:
        DeclarationError: an option is not known, or is none of a function or of a graph.
    """
    own = _FUNCTION if callable(node) else _GRAPH
    for name in options:
        if name not in _POLICY and name not in own:
            known = (*own, *_POLICY)
            what = "a function" if callable(node) else "a graph"
            raise DeclarationError(f"a node made of {what} has no option {name!r}{nearest(name, known) or '.'}")
    policy = {name: value for name, value in options.items() if name in _POLICY}
    return {name: value for name, value in options.items() if name in own}, policy


def split_agent_options(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What `Graph.agent` was given, as options of the agent and of its policy; DeclarationError for any other."""
    policy = {name: value for name, value in options.items() if name in _POLICY and name != "on"}
    own = {name: value for name, value in options.items() if name in _AGENT}
    for name in options:
        if name not in policy and name not in own:
            raise DeclarationError(f"an agent has no option {name!r}{nearest(name, (*_AGENT, *_POLICY)) or '.'}")
    return own, policy


def checked_join(node: str, join: str) -> Join:
    """`join` as it is; DeclarationError where there is no such join."""
    found = next((each for each in JOINS if each == join), None)
    if found is None:
        known = ", ".join(JOINS)
        raise DeclarationError(f"{node}: join is one of {known}, not {brief(join)}{nearest(join, JOINS) or '.'}")
    return found


def _cache(node: str, cache: bool | float | Cache, version: str) -> Cache | None:
    if isinstance(cache, Cache):
        ttl, version = cache.ttl, version or cache.version
        return _cache(node, True if ttl is None else ttl, version)
    if cache is False:
        if version:
            raise DeclarationError(f"{node}: a version is that of the cache; add cache=True (--cache).")
        return None
    if cache is True:
        return Cache(None, version)
    _seconds(node, "cache", cache)
    return Cache(cache, version)


def _executor(node: str, on: Any) -> str | Executor:
    if isinstance(on, str) and on not in EXECUTORS:
        known = f"{' or '.join(EXECUTORS)}, or an executor of concurrent.futures"
        raise DeclarationError(f"{node} runs on {known}, not {brief(on)}{nearest(on, EXECUTORS) or '.'}")
    if not isinstance(on, str | Executor):
        raise DeclarationError(f"{node} runs on an executor of concurrent.futures, not on {brief(on)}.")
    return on


def _whole(node: str, name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise DeclarationError(f"{node}: {name} is a whole number, 1 or more, not {brief(value)}.")


def _seconds(node: str, name: str, value: Any, least: float | None = None) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or (value < least if least is not None else value <= 0):
        raise DeclarationError(f"{node}: {name} is a number of seconds, not {brief(value)}.")
