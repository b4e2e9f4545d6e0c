"""The engine's loop: one for the process, on a daemon thread."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading

import pytest

from nbgraph.core import engine
from nbgraph.core.engine import engine_loop


def test_there_is_one_loop_and_it_runs() -> None:
    loop = engine_loop()
    assert engine_loop() is loop
    assert asyncio.run_coroutine_threadsafe(asyncio.sleep(0, "alive"), loop).result(5) == "alive"


@pytest.mark.slow
def test_many_threads_that_ask_first_get_the_same_loop() -> None:
    script = (
        "import threading; from nbgraph.core.engine import engine_loop; found = set(); b = threading.Barrier(16)\n"
        "def ask(): b.wait(); found.add(id(engine_loop()))\n"
        "threads = [threading.Thread(target=ask) for _ in range(16)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]; print(len(found))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120).stdout == "1\n"


def test_the_loop_lives_on_a_daemon_thread_of_its_own() -> None:
    engine_loop()
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "nbgraph-engine"]
    assert thread.daemon


def test_a_loop_whose_thread_has_died_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_loop", None)
    monkeypatch.setattr(engine, "_thread", None)
    dead = engine_loop()
    dead.call_soon_threadsafe(dead.stop)
    engine._thread.join(5)  # type: ignore[union-attr]
    alive = engine_loop()
    assert alive is not dead
    assert asyncio.run_coroutine_threadsafe(asyncio.sleep(0, "alive"), alive).result(5) == "alive"
    alive.call_soon_threadsafe(alive.stop)
    engine._thread.join(5)  # type: ignore[union-attr]
    for loop in (dead, alive):
        loop.close()


FORK = """
import os, signal, warnings
warnings.simplefilter("ignore")  # Python warns of every fork with threads
from nbgraph import Graph
g = Graph("g")
g.node(lambda: {"x": os.getpid()}, name="n")
g.edges("START -> n -> END")
assert g.run().result() == {"x": os.getpid()}
child = os.fork()
signal.alarm(5)
ran_here = g.run().result() == {"x": os.getpid()}
if child == 0:
    os._exit(0 if ran_here else 1)
print(ran_here, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_gets_a_loop_of_its_own() -> None:
    ended = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=120)
    assert (ended.stdout, ended.stderr) == ("True 0\n", "")
