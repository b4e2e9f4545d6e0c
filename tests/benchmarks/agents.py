"""What a task of an agent costs over the bare call of the client, side by side in one run.

    python -m tests.benchmarks.agents

The scripted model answers over HTTP from a process of its own. CPU microseconds are those of this process, of all its
threads; the bare call streams with the same client, made once, and puts the pieces together.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from nbgraph import Graph

CALLS = 300
ROUNDS = 5
BUDGET = 1000  # CPU microseconds over the bare call
PROMPT = "Write a line about {{ topic }}, number {{ i }}."
SERVER = """
import sys
from nbgraph.testing import ScriptedModel
with ScriptedModel([], otherwise="A line about bees that is neither very short nor very long.") as model:
    print(model.url, flush=True)
    sys.stdin.read()
"""


async def bare(calls: int) -> None:
    """The calls of the client alone."""
    from openai import AsyncOpenAI

    async with AsyncOpenAI(max_retries=0) as client:
        for number in range(calls):
            asked: Any = [{"role": "user", "content": f"Write a line about bees, number {number}."}]
            stream = await client.chat.completions.create(
                model="scripted", messages=asked, stream=True, stream_options={"include_usage": True}
            )
            pieces = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
            assert "".join(pieces).startswith("A line")


def talking(calls: int) -> Graph:
    """The same calls by an agent, each in a task, with a node that counts."""
    made = Graph("talk")
    made.agent("writer", PROMPT)

    @made.node
    async def count(i: int) -> dict[str, int]:
        return {"i": i + 1}

    made.edges(f"START -> writer -> count; count -> writer if i < {calls}; count -> END else")
    return made


def counting(calls: int) -> Graph:
    """The graph without the agent: what the other node and the loop cost."""
    made = Graph("count")

    @made.node
    async def writer(i: int) -> dict[str, str]:
        return {"writer": "A line about bees that is neither very short nor very long."}

    @made.node
    async def count(i: int) -> dict[str, int]:
        return {"i": i + 1}

    made.edges(f"START -> writer -> count; count -> writer if i < {calls}; count -> END else")
    return made


async def run(graph: Graph, store: Any, **inputs: Any) -> None:
    finished = await graph.arun({"i": 0, **inputs}, limit=10**6, store=store)
    assert finished.status == "done", finished.reason


def cpu(case: Callable[[], Awaitable[None]]) -> float:
    """CPU microseconds a call, the least of several rounds."""
    taken = []
    for _ in range(ROUNDS):
        began = time.process_time()
        asyncio.run(_of(case))
        taken.append(time.process_time() - began)
    return min(taken) / CALLS * 1e6


async def _of(case: Callable[[], Awaitable[None]]) -> None:
    await case()


def main() -> None:
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    os.environ |= {"OPENAI_BASE_URL": server.stdout.readline().strip(), "OPENAI_API_KEY": "x", "NBGRAPH_MODEL": "m"}
    try:
        with tempfile.TemporaryDirectory() as folder:
            _compare(Path(folder))
    finally:
        server.communicate()


def _compare(folder: Path) -> None:
    floor = cpu(lambda: bare(CALLS))
    print(f"{'CPU microseconds a call, ' + str(CALLS) + ' calls':<46} {'bare':>8} {'ours':>8} {'over':>8}")
    numbers = iter(range(100))
    for name, store in (("in memory", lambda: "memory"), ("in SQLite", lambda: folder / f"{next(numbers)}.db")):
        beside = cpu(lambda store=store: run(counting(CALLS), store()))  # type: ignore[misc]
        ours = cpu(lambda store=store: run(talking(CALLS), store(), topic="bees")) - beside  # type: ignore[misc]
        print(f"{'task of an agent, kept ' + name:<46} {floor:>8.0f} {ours:>8.0f} {ours - floor:>8.0f}   <= {BUDGET}")


if __name__ == "__main__":
    main()
