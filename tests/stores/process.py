"""Another process that uses a store: python -m tests.stores.process BACKEND ADDRESS WHAT RUN_ID.

It prints a line for what it did, and waits for a line before it goes on where that matters.
"""

from __future__ import annotations

import asyncio
import sys

from nbgraph.core.ports import Store
from nbgraph.errors import AlreadyAnswered, OwnedElsewhere
from tests.stores.backends import BACKENDS
from tests.stores.writing import answer, question, record, step, write

COUNT = 100
LEASE = 0.6  # seconds


def write_many(store: Store, run_id: str) -> str:
    """A run with a question among its steps."""
    log = store.create(record(run_id))

    async def run() -> None:
        for number in range(1, COUNT + 1):
            await log.keep(step(number))
            if number == COUNT // 2:
                await log.ask(question(f"{run_id}/gate#1", run_id))

    asyncio.run(run())
    log.close()
    return "written"


def take(store: Store, run_id: str) -> str:
    """Take a run and write to it, and hold it until told to go on; then write again."""
    try:
        log = store.open(run_id)
        write(log, step(1))
        print("taken", flush=True)
        sys.stdin.readline()
        write(log, step(2))
    except OwnedElsewhere as error:
        return f"elsewhere {error.pid}"
    return "written"


def answer_it(store: Store, run_id: str) -> str:
    """Answer the question of a run."""
    try:
        store.answer(f"{run_id}/gate#1", answer(f"process {sys.argv[5]}"))
    except AlreadyAnswered as error:
        return f"told {error}"
    return f"answered process {sys.argv[5]}"


if __name__ == "__main__":
    _, backend, address, what, run_id = sys.argv[:5]
    does = {"write": write_many, "take": take, "answer": answer_it}[what]
    store = BACKENDS[backend].opened(address, LEASE)
    print("ready", flush=True)
    sys.stdin.readline()
    print(does(store, run_id), flush=True)
