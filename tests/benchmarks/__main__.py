"""What a step costs: nbgraph and a bare asyncio loop that calls the same functions, side by side in one run.

    python -m tests.benchmarks
    python -m tests.benchmarks.durable      the same with every step committed to a database

Figures are CPU microseconds of the process, the best of several rounds; where wall time is meant they say so.
"""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

from nbgraph import Graph, Run

ROUNDS = 3
Case = Callable[[], Awaitable[Any]]


async def up(i: int) -> dict[str, int]:
    return {"i": i + 1}


def up_blocking(i: int) -> dict[str, int]:
    return {"i": i + 1}


def loop_graph(steps: int, function: Callable[..., Any], beside: str = "") -> Graph:
    """A node that loops `steps` times, alone or beside a branch that has ended or waits for a person."""
    made = Graph("bench")
    made.node(function, name="up")
    made.edges(f"START -> up; up -> up if i < {steps}; up -> END else")
    if beside == "has ended":
        made.node(lambda: {"side": 1}, name="side")
        made.edges("START -> side -> END")
    if beside == "waits for a person":
        made.human("side", "Go on?")
        made.edges("START -> side -> END")
    return made


async def bare_loop(steps: int, function: Callable[..., Any]) -> None:
    state = {"i": 0}
    while state["i"] < steps:
        result = function(state["i"])
        state.update(await result if asyncio.iscoroutine(result) else result)


async def bare_threads(steps: int) -> None:
    state = {"i": 0}
    while state["i"] < steps:
        state.update(await asyncio.to_thread(up_blocking, state["i"]))


def map_graph(function: Callable[..., Any]) -> Graph:
    made = Graph("bench")
    made.node(lambda items: None, name="split")
    made.node(function, name="work")
    made.edges("START -> split; split -> work each items as item; work -> END")
    return made


async def trivial(item: int) -> dict[str, int]:
    return {"out": item}


async def sleeping(item: int) -> dict[str, int]:
    await asyncio.sleep(0.01)
    return {"out": item}


async def bare_map(items: list[int], function: Callable[..., Any]) -> None:
    await asyncio.gather(*(asyncio.ensure_future(function(item)) for item in items))


async def run(graph: Graph, waits: bool = False, **inputs: Any) -> None:
    finished: Run = await graph.arun(inputs, limit=10**6, store="memory")
    assert finished.status == ("waiting" if waits else "done"), finished.reason
    finished.cancel()


def cpu(case: Case) -> float:
    """The least CPU seconds that `case` took in several rounds."""
    return min(_measured(case, time.process_time) for _ in range(ROUNDS))


def _measured(case: Case, clock: Callable[[], float]) -> float:
    async def timed() -> float:
        began = clock()
        await case()
        return clock() - began

    gc.collect()
    return asyncio.run(timed())


def show(name: str, count: int, bare: float, ours: float, budget: str = "") -> None:
    """One row: microseconds a step or an item."""
    scale = 1e6 / count
    print(f"{name:<46} {bare * scale:>10.1f} {ours * scale:>10.1f}   {budget}")


def loops(steps: int, budget: str) -> None:
    floor = cpu(lambda: bare_loop(steps, up))
    alone = cpu(lambda: run(loop_graph(steps, up), i=0))
    show(f"loop of one async node, {steps:,} steps", steps, floor, alone, budget)
    ended = cpu(lambda: run(loop_graph(steps, up, "has ended"), i=0))
    show("  the same beside a branch that has ended", steps, floor, ended)
    waiting = cpu(lambda: run(loop_graph(steps, up, "waits for a person"), waits=True, i=0))
    show("  the same beside a branch that waits", steps, floor, waiting)
    blocking = cpu(lambda: run(loop_graph(steps, up_blocking), i=0))
    show(f"loop of one sync node, {steps:,} steps", steps, cpu(lambda: bare_threads(steps)), blocking)


def maps() -> None:
    graph = map_graph(trivial)
    for count in (10, 100, 1_000):
        items = list(range(count))
        bare, ours = cpu(lambda: bare_map(items, trivial)), cpu(lambda: run(graph, items=items))  # noqa: B023
        show(f"map over {count:,} trivial items, an item", count, bare, ours, "<= 40" if count == 1_000 else "")
    items, slow = list(range(1_000)), map_graph(sleeping)
    bare = min(_measured(lambda: bare_map(items, sleeping), time.perf_counter) for _ in range(ROUNDS))
    ours = min(_measured(lambda: run(slow, items=items), time.perf_counter) for _ in range(ROUNDS))
    print(f"\n1,000 items that sleep 10 ms, wall milliseconds over ideal: bare {bare * 1e3 - 10:.0f}, ", end="")
    print(f"nbgraph {ours * 1e3 - 10:.0f}   (budget <= 60)")


def nested(depth: int) -> Graph:
    """A graph of one async node inside `depth` graphs around each other."""
    inner = Graph("level0")
    inner.node(up, name="up")
    inner.edges("START -> up -> END")
    for level in range(1, depth + 1):
        outer = Graph(f"level{level}")
        outer.node(inner)
        outer.edges(f"START -> {inner.name} -> END")
        inner = outer
    return inner


def subgraphs() -> None:
    """What a subgraph adds, for each level of nesting: the run of one node alone and at depth 5."""
    times = 200

    async def many(graph: Graph) -> None:
        for _ in range(times):
            await run(graph, i=0)

    bare = cpu(lambda: bare_loop(times, up))
    show("a run of one node, a run with check and compile", times, bare, cpu(lambda: many(nested(0))))
    show("  the same inside 5 subgraphs", times, bare, cpu(lambda: many(nested(5))))
    large = list(range(1_000))
    made = Graph("bench")
    made.node(lambda items: None, name="split")
    made.node(nested(0), name="inner", reads={"i": "item"})
    made.edges("START -> split; split -> inner each items as item; inner -> END")
    bare = cpu(lambda: bare_map(large, trivial))
    show("map over 1,000 subgraphs of one node, an item", 1_000, bare, cpu(lambda: run(made, items=large)))


def large_map() -> None:
    """10,000 items: time, and the memory that a run holds while its view, which counts items, stays small."""
    items, graph = list(range(10_000)), map_graph(trivial)
    bare, ours = cpu(lambda: bare_map(items, trivial)), cpu(lambda: run(graph, items=items))
    show("map over 10,000 trivial items, an item", 10_000, bare, ours, "<= 40")
    tracemalloc.start()
    asyncio.run(run(graph, items=items))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"  its peak memory: {peak / 2**20:.0f} MB, {peak / 10_000 / 1024:.1f} KB an item")


def large_graph() -> None:
    """1,000 nodes in three shapes: CPU milliseconds to check and compile."""
    names = [f"n{index}" for index in range(1_000)]
    layers = [", ".join(names[start : start + 10]) for start in range(0, 1_000, 10)]
    shapes = {
        "chain": f"START -> {' -> '.join(names)} -> END",
        "fan": f"START -> {', '.join(names[:-1])} -> n999 -> END",
        "layers of 10, each leading to each": f"START -> {' -> '.join(layers)} -> END",
    }
    for shape, text in shapes.items():
        graph = Graph("bench")
        for name in names:
            graph.node(lambda i=0: {"own": i}, name=name, writes=name)
        graph.edges(text)
        checked = min(_seconds(graph.check) for _ in range(ROUNDS))
        both = min(_seconds(graph.plan) for _ in range(ROUNDS))
        times = f"check {checked * 1e3:.0f}, with compiling {both * 1e3:.0f}"
        print(f"1,000 nodes, {shape}, CPU milliseconds: {times}   (budget <= 250)")


def _seconds(do: Callable[[], object]) -> float:
    began = time.process_time()
    do()
    return time.process_time() - began


def imports() -> None:
    with tempfile.TemporaryDirectory() as cache:  # as installed: compiled before, by the first round
        bare = min(_import_seconds("asyncio, sqlite3, json", cache) for _ in range(5))
        ours = min(_import_seconds("nbgraph", cache) for _ in range(5))
    floor = f"asyncio, sqlite3 and json {bare * 1e3:.0f}"
    print(f"import, CPU milliseconds: {floor}, nbgraph {ours * 1e3:.0f}   (budget <= 150)")


def _import_seconds(modules: str, cache: str) -> float:
    code = f"import time; began = time.process_time(); import {modules}; print(time.process_time() - began)"
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = {**kept, "PYTHONPYCACHEPREFIX": cache}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return float(ran.stdout)


if __name__ == "__main__":
    print(f"{'CPU microseconds a step, memory store':<46} {'bare loop':>10} {'nbgraph':>10}   budget")
    loops(1_000, "")
    loops(10_000, "<= 20")
    maps()
    large_map()
    subgraphs()
    large_graph()
    imports()
