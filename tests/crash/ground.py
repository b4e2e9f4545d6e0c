"""The ground of a crash test: a store, a witness, the children that were started, and what the store holds of a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from nbgraph import MemoryStore
from nbgraph.core.ports import History
from nbgraph.core.records import Begun, Step
from nbgraph.store.sqlite import SqliteStore
from tests.crash.doom import Doom
from tests.crash.graphs import GRAPHS, Place, told
from tests.crash.witness import Witness

GIVEN = {"gate": [{"answer": "approve", "note": "by hand"}]}
SOON = 30.0  # seconds within which whatever is waited for must have happened
CHECKOUT = Path(__file__).parents[2]


class Told(NamedTuple):
    """What a child said of a run: `what` is the state, or the error."""

    run: str
    status: str
    what: Any


class Child:
    """A process that runs a graph."""

    def __init__(self, arguments: list[str], store: Path) -> None:
        command = [sys.executable, "-m", "tests.crash.child", *arguments]
        surroundings = {**os.environ, "NBGRAPH_STORE": str(store), "PYTHONPATH": str(CHECKOUT)}
        surroundings.pop("NBGRAPH_ANSWERS", None)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env=surroundings, cwd=CHECKOUT
        )
        self.pid = self._process.pid

    @property
    def ended(self) -> bool:
        """Whether the process is no more."""
        return self._process.poll() is not None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def stop(self) -> None:
        """Stop it by SIGSTOP, and wait until all its threads stand."""
        self.signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED)

    def kill(self) -> bool:
        """Kill it by SIGKILL and wait until it is gone; whether that is what ended it."""
        self._process.kill()
        return self.wait() == -signal.SIGKILL

    def wait(self) -> int:
        """Wait for its end; what it returned."""
        try:
            return self._process.wait(SOON)
        except subprocess.TimeoutExpired:
            self.tell_where()
            raise

    def tell_where(self) -> None:
        """Let it print what its threads are doing."""
        self.signal(signal.SIGUSR1)
        time.sleep(0.5)

    def write(self, line: str) -> None:
        """Give it a line of input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def read(self) -> str:
        """The next line of its output."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def told(self) -> Told:
        """What it says next of a run."""
        line = self.read()
        assert line, f"the child ended with {self.wait()}, and said nothing"
        return Told(*json.loads(line))

    def close(self) -> None:
        """Leave nothing of it, whatever it is doing."""
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait(SOON)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


class Ground:
    """All that a test needs: everything is below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.store_path, self.fired_path = folder, folder / "runs.db", folder / "fired"
        self._children: list[Child] = []
        self._witnesses: list[Witness] = []
        self._store: SqliteStore | None = None
        self.witness = self.new_witness("witness")

    @property
    def store(self) -> SqliteStore:
        """The store as this process sees it."""
        if self._store is None:
            self._store = SqliteStore(self.store_path)
        return self._store

    def new_witness(self, name: str) -> Witness:
        """A further witness, which children that are started from now on speak to."""
        self.witness = Witness(self._folder / name)
        self._witnesses.append(self.witness)
        return self.witness

    def child(self, what: str, *arguments: str, **options: Any) -> Child:
        """Start a child; an option that is True is a flag."""
        given = [f"--{name}" if value is True else f"--{name}={_text(value)}" for name, value in options.items()]
        made = Child([what, *arguments, *given], self.store_path)
        self._children.append(made)
        return made

    def go(self, graph: str, run: str = "r", **options: Any) -> Child:
        """Start a child that starts the run, or resumes it."""
        return self.child("go", graph=graph, run=run, witness=self.witness.path, **options)

    def race(self, graph: str, **options: Any) -> Child:
        """Start a child that is ready to resume any run that it is told to."""
        made = self.child("race", graph=graph, witness=self.witness.path, **options)
        assert made.read() == "ready"
        return made

    def dies(self, graph: str, at: str, run: str = "r", **options: Any) -> Child:
        """A child that has died by its own hand at the boundary `at`, which is proven."""
        self.fired_path.unlink(missing_ok=True)
        child = self.go(graph, run, die=at, fired=self.fired_path, **options)
        assert child.wait() == -signal.SIGKILL, f"{at} was not reached: {child.read()}"
        assert self.fired_path.read_text().splitlines()[0] == at
        return child

    def finishes(self, graph: str, run: str = "r", **options: Any) -> Told:
        """What a child says that runs or resumes undisturbed."""
        child = self.go(graph, run, **options)
        told = child.told()
        assert child.wait() == 0
        return told

    def history(self, run: str = "r") -> History:
        """What the store holds of a run."""
        return self.store.history(run)

    def steps(self, run: str = "r") -> list[Step]:
        """The steps of it."""
        return self.history(run).steps

    def in_flight(self, run: str = "r") -> set[str]:
        """The tasks of it that were started and have not finished, by what the store holds."""
        return in_flight(self.history(run))

    def close(self) -> None:
        """Leave no process and no open file."""
        for child in self._children:
            child.close()
        for witness in self._witnesses:
            witness.close()


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict) else str(value)


def in_flight(history: History) -> set[str]:
    """The tasks that were started and have not finished."""
    started, finished = set[str](), set[str]()
    for entry in history.entries:
        if isinstance(entry, Begun):
            started |= _named(entry.within, entry.started)
        if isinstance(entry, Step):
            finished.add(entry.task)
            started |= _named(entry.task.rpartition("/")[0], entry.started)
    return started - finished


def _named(within: str, ids: Iterable[str]) -> set[str]:
    return {f"{within}/{id}" if within else id for id in ids}


@cache
def undisturbed(graph: str) -> dict[str, Any]:
    """The final state of the graph, run in this process, as a child would tell it; a person answers as GIVEN says."""
    with TemporaryDirectory() as folder, closing(Witness(Path(folder) / "witness")) as witness:
        made = GRAPHS[graph](Place(witness, Doom("", ""), {}))
        state = made.run(store=MemoryStore(), answers=GIVEN if graph == "question" else None).result()
    said: dict[str, Any] = json.loads(json.dumps(told(state)))
    return said


def until(reached: Callable[[], Any], what: str, child: Child | None = None) -> None:
    """Wait until it is so, thanks to the child."""
    end = time.monotonic() + SOON
    while not reached():
        if time.monotonic() > end and child is not None:
            child.tell_where()
        assert time.monotonic() < end, f"{what}: that has not come"
        time.sleep(0.001)
