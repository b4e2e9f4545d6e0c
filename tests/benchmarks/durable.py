"""What a durable step costs: nbgraph, and a bare loop that inserts and commits as much, side by side in one run.

    python -m tests.benchmarks.durable

SQLite with WAL and synchronous=FULL in both. CPU microseconds are those of the whole process, of all its threads.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

from nbgraph import Graph, append
from nbgraph.store.sqlite import SqliteStore

ROUNDS = 3


class Log:
    """What appends and committing cost at least: one row a step."""

    def __init__(self, path: Path) -> None:
        self.base = sqlite3.connect(path, isolation_level=None)
        self.base.execute("PRAGMA journal_mode=WAL")
        self.base.execute("PRAGMA synchronous=FULL")
        self.base.execute("CREATE TABLE log (run, step, data, PRIMARY KEY (run, step)) WITHOUT ROWID")
        self.step = 0

    def append(self, change: dict[str, Any]) -> None:
        self.step += 1
        self.base.execute("BEGIN")
        self.base.execute("INSERT INTO log VALUES ('r', ?, ?)", (self.step, json.dumps(change)))
        self.base.execute("COMMIT")


def looping(steps: int, node: Callable[..., Any], keys: Iterable[str] = (), state: type | None = None) -> Graph:
    """A node that runs `steps` times, in a state that has `keys` too."""
    made = Graph("bench")
    made.node(node, name="up")
    made.state(state or type("State", (), {"__annotations__": {"i": int, **dict.fromkeys(keys, str)}}))
    made.edges(f"START -> up; up -> up if i < {steps}; up -> END else")
    return made


async def up(i: int) -> dict[str, Any]:
    return {"i": i + 1}


async def note(i: int) -> dict[str, Any]:
    return {"i": i + 1, "notes": {"step": i, "text": "x" * 80}}


class Notes:
    notes: Annotated[list[dict[str, Any]], append]


def size(folder: str) -> int:
    return sum(path.stat().st_size for path in Path(folder).iterdir())


def bare(steps: int, change: Callable[[int], dict[str, Any]]) -> tuple[float, float]:
    """CPU seconds and bytes of a loop that calls the node and commits what it changed."""
    with tempfile.TemporaryDirectory() as folder:
        log = Log(Path(folder) / "bare.db")

        async def loop() -> None:
            for step in range(steps):
                await up(step)
                log.append(change(step))

        began = time.process_time()
        asyncio.run(loop())
        seconds = time.process_time() - began
        log.base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        log.base.close()
        return seconds, size(folder)


def ours(graph: Graph, inputs: dict[str, Any]) -> tuple[float, float, float]:
    """CPU seconds, bytes beside the inputs, and seconds on the wall."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "runs.db")
        asyncio.run(run(graph.arun({"i": -1, **inputs}, limit=1, store=store)))  # the inputs are stored once
        store.compact()
        before = size(folder)
        began, wall = time.process_time(), time.perf_counter()
        asyncio.run(run(graph.arun({"i": 0, **inputs}, limit=10**9, store=store)))
        seconds, wall = time.process_time() - began, time.perf_counter() - wall
        store.compact()
        return seconds, size(folder) - before, wall


async def run(starting: Any) -> Any:
    return await starting


def case(
    name: str, steps: int, graph: Graph, inputs: dict[str, Any], change: Callable[[int], dict[str, Any]], budget: str
) -> None:
    floor = min(bare(steps, change) for _ in range(ROUNDS))
    best = min(ours(graph, inputs) for _ in range(ROUNDS))
    scale = 1e6 / steps
    figures = f"{floor[0] * scale:>8.0f} {best[0] * scale:>8.0f} {floor[1] / steps:>9.0f} {best[1] / steps:>9.0f}"
    print(f"{name:<44} {figures}   {budget}")


def states() -> None:
    small = {f"key{n}": "x" * 100 for n in range(10)}
    case("1 KB state, one key changes", 2_000, looping(2_000, up, small), small, lambda n: {"i": n}, "<= 250 us, 500 B")
    large = {f"key{n}": "x" * 1_000 for n in range(100)}
    case("100 KB state, one key changes", 2_000, looping(2_000, up, large), large, lambda n: {"i": n}, "<= 250 us")
    grown = {"i": 0, "notes": {"step": 0, "text": "x" * 80}}
    graph = looping(1_000, note, state=Notes)
    case("a list grows by 115 bytes a step", 1_000, graph, {}, lambda n: grown, "<= 700 B")
    huge = {"corpus": os.urandom(25 * 2**20).hex()}
    case("50 MB untouched state", 200, looping(200, up, huge), huge, lambda n: {"i": n}, "< 5 ms, < 4096 B")


def growth() -> None:
    """10,000 steps: CPU of the first and the last fifth, then the time to resume the run."""
    marks: list[float] = []

    async def marked(i: int) -> dict[str, Any]:
        if i % 2_000 == 0:
            marks.append(time.process_time())
        return {"i": i + 1}

    with tempfile.TemporaryDirectory() as folder:
        store, graph = SqliteStore(Path(folder) / "runs.db"), looping(10_000, marked)
        run = graph.run({"i": 0}, limit=9_999, store=store, id="long").wait()
        marks.append(time.process_time())
        fifths = [(after - before) / 2_000 * 1e6 for before, after in itertools.pairwise(marks)]
        print(f"\n10,000 steps, CPU microseconds a step by fifths: {', '.join(f'{each:.0f}' for each in fifths)}")
        print(f"  the last fifth to the first: {fifths[-1] / fifths[0]:.2f}   (budget <= 1.5)")
        run._engine.log.close()
        del run
        time.sleep(0.2)
        code = RESUME.format(path=str(Path(folder) / "runs.db"))
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        print(
            f"resume of a 10,000-step run in a new process, wall milliseconds: {told.stdout.strip()}   (budget < 1000)"
        )


RESUME = """
import time
from nbgraph import Graph
from nbgraph.store.sqlite import SqliteStore
made = Graph("bench")
async def up(i): return {{"i": i + 1}}
made.node(up, name="up")
made.edges("START -> up; up -> up if i < 10000; up -> END else")
store = SqliteStore({path!r})
began = time.perf_counter()
run = made.resume("long", store=store)
run.wait()
assert run.status == "done" and len(run.steps) == 10000, run
print(round((time.perf_counter() - began) * 1e3))
"""


if __name__ == "__main__":
    print(f"{'a step, every one committed':<44} {'bare us':>8} {'ours us':>8} {'bare B':>9} {'ours B':>9}   budget")
    states()
    growth()
