"""What tests of runs share: graphs in a line, nodes that wait until they are let, and waiting for what must come."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from nbgraph.core.engine import engine_loop
from nbgraph.core.events import Event, Status, StatusChanged
from nbgraph.core.records import Entry
from nbgraph.core.run import Run
from nbgraph.library import Graph
from nbgraph.store.memory import MemoryStore

SOON = 60.0  # seconds in which everything here happens, or something is wrong


@pytest.fixture(autouse=True)
def quiet_engine(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing that the engine's loop calls may raise: asyncio would log it and the run would hang."""
    yield
    logged = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert not logged, [record.getMessage() for record in logged]


def graph(text: str, *nodes: Callable[..., Any], name: str = "g", state: type | None = None) -> Graph:
    made = Graph(name)
    for node in nodes:
        made.node(node)
    if state is not None:
        made.state(state)
    made.edges(text)
    return made


def settled(run: Run, status: Status) -> Run:
    run.wait(SOON)
    assert run.status is status, f"{run.status}: {run.reason}"
    return run


def reached(*flags: threading.Event) -> None:
    for flag in flags:
        assert flag.wait(SOON)


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.001)


async def async_until(flag: threading.Event) -> None:
    while not flag.is_set():  # noqa: ASYNC110
        await asyncio.sleep(0.001)


def told(run: Run) -> list[Event]:
    """All events so far."""
    found: list[Event] = []
    here = threading.Event()
    run.subscribe(found.append)()
    run.loop.call_soon_threadsafe(here.set)
    reached(here)
    return found


def statuses(happened: list[Event]) -> list[Status]:
    return [event.status for event in happened if isinstance(event, StatusChanged)]


def on_loop(run: Run, call: Callable[[], Any]) -> None:
    """Call on the run's loop and wait until it has been called."""
    done = threading.Event()
    run.loop.call_soon_threadsafe(lambda: (call(), done.set()))
    reached(done)


@contextmanager
def engine_held() -> Iterator[None]:
    """What is asked of the engine inside is heard after it."""
    held, let = threading.Event(), threading.Event()
    engine_loop().call_soon_threadsafe(lambda: (held.set(), let.wait(SOON)))
    reached(held)
    yield
    let.set()


class Slowed(MemoryStore):
    """A store that awaits `before` with each entry that is to be safe."""

    def __init__(self, before: Callable[[Entry], Awaitable[None]]) -> None:
        super().__init__()
        self.before = before

    def create(self, *arguments: Any) -> Any:
        return _SlowedLog(super().create(*arguments), self.before)


class _SlowedLog:
    def __init__(self, log: Any, before: Callable[[Entry], Awaitable[None]]) -> None:
        self._log, self._before = log, before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def keep(self, entry: Entry, packed: Any = None) -> None:
        await self._before(entry)
        await self._log.keep(entry, packed)


def one() -> dict[str, int]:
    return {"x": 1}


async def two(x: int) -> dict[str, int]:
    return {"y": x + 1}


ONE_TWO = "START -> one -> two -> END"


class Gate:
    """An async or blocking node that says when it has begun and ends when it is let."""

    def __init__(self, name: str, *, blocking: bool = False, value: Any = None) -> None:
        self.begun, self.let = threading.Event(), threading.Event()
        self.calls = 0

        async def waits() -> Any:
            self.calls += 1
            self.begun.set()
            await async_until(self.let)
            return value

        def blocks() -> Any:
            self.calls += 1
            self.begun.set()
            self.let.wait(SOON)
            return value

        self.node = blocks if blocking else waits
        self.node.__name__ = name


class Hostile:
    """Nothing that is usually asked of an object can be asked of this one."""

    def refuse(self, *arguments: Any) -> Any:
        raise RuntimeError("hostile")

    __repr__ = __str__ = __eq__ = __bool__ = __len__ = __iter__ = __format__ = __hash__ = refuse


def counting() -> Graph:
    async def count(n: int) -> dict[str, int]:
        return {"n": n + 1}

    return graph("START -> count; count -> count if n < 25; count -> END else", count)


def at_once(count: int, call: Callable[[], Any]) -> list[Exception | None]:
    """What each of `count` threads that call at the same moment gets: None, or an error."""
    barrier, outcomes = threading.Barrier(count), list[Exception | None]()

    def work() -> None:
        barrier.wait(SOON)
        try:
            call()
            outcomes.append(None)
        except Exception as error:
            outcomes.append(error)

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    return outcomes
