"""A child: runs or resumes a graph in a process of its own, which may be killed at any moment.

    python -m tests.crash.child go     start the run, or resume it, until it rests
    python -m tests.crash.child race   resume each run that is named on a line of the input

The store is where NBGRAPH_STORE says. What becomes of a run is a line of output: its id, its status, and its state or
the error.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from nbgraph import Graph, NoSuchRun, OwnedElsewhere, Run, RunError, Status, open_store
from nbgraph.core.events import Event, TaskFinished
from tests.crash import boundaries
from tests.crash.doom import Doom
from tests.crash.graphs import GRAPHS, Place, told
from tests.crash.witness import Witness


def main() -> None:
    """Do what the arguments say."""
    faulthandler.register(signal.SIGUSR1)  # a test that waits in vain asks what we are doing
    given = _arguments().parse_args()
    doom = Doom(given.die, given.fired)
    if given.die:
        boundaries.install(doom, given.delay)
    witness = Witness(Path(given.witness))
    made = GRAPHS[given.graph](Place(witness, doom, json.loads(given.pauses)))
    child = Child(made, witness, doom, {"store": _store(given.lease), "answers": given.answers})
    if given.what == "go":
        child.go(given.run, given.stay, given.budget)
    else:
        child.race()


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("go", "race"))
    parser.add_argument("--graph")
    parser.add_argument("--run")
    parser.add_argument("--witness")
    parser.add_argument("--die", default="", help="the boundary, and the task, as in 'after the effect@plan#2'")
    parser.add_argument("--fired", default="", help="the file that proves that it was reached")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds into COMMIT until it is struck")
    parser.add_argument("--pauses", default="{}", help="seconds that nodes take after their effects")
    parser.add_argument("--lease", type=float, help="seconds for which an owner is believed to be alive")
    parser.add_argument("--answers", help="a JSON file with answers for human nodes")
    parser.add_argument("--budget", help="what the models of a new run may take")
    parser.add_argument("--stay", action="store_true", help="wait for the answers of people")
    return parser


def _store(lease: float | None) -> Any:
    if lease is None:
        return open_store()
    from nbgraph.store.sqlite import SqliteStore

    return SqliteStore(os.environ["NBGRAPH_STORE"], lease=lease)


class Child:
    """Runs `graph`, and tells the witness which steps are shown."""

    def __init__(self, graph: Graph, witness: Witness, doom: Doom, options: dict[str, Any]) -> None:
        self._graph, self._witness, self._doom, self._options = graph, witness, doom, options
        self._store = options["store"]

    def go(self, run_id: str, stay: bool = False, budget: str | None = None) -> None:
        """Start the run, or resume it, until it rests; with `stay` through questions too."""
        try:
            run = self._started(run_id, budget)
        except OwnedElsewhere as error:
            return _say(run_id, "OwnedElsewhere", str(error))
        if run is None:
            return _say(run_id, "done", self._final(run_id))
        run.subscribe(self._watch)
        run.wait()
        if stay and run.status is Status.WAITING:
            _say(run_id, "waiting", run.reason)
            while run.status in (Status.RUNNING, Status.WAITING):
                run.wait(0.05)
        self._tell(run)

    def _started(self, run_id: str, budget: str | None) -> Run | None:
        """The run, going on; None where it is done already."""
        try:
            if self._store.run(run_id).status is Status.DONE:
                return None
        except NoSuchRun:
            return self._graph.run(id=run_id, budget=budget, **self._options)
        return self._graph.resume(run_id, **self._options)

    def _final(self, run_id: str) -> dict[str, Any]:
        return told(self._graph.watch(run_id, store=self._store).state)

    def _watch(self, event: Event) -> None:
        if isinstance(event, TaskFinished):
            task = f"{event.within}/{event.node.rpartition('/')[2]}#{event.visit}".lstrip("/")
            self._witness.tell("shown", task, event.step)
        boundaries.shown(self._doom, event)

    def _tell(self, run: Run) -> None:
        if run.status is Status.DONE:
            return _say(run.id, "done", told(run.state))
        try:
            run.result()
        except OwnedElsewhere as error:
            _say(run.id, "OwnedElsewhere", str(error))
        except RunError as error:
            _say(run.id, str(run.status), f"{type(error).__name__}: {error}")

    def race(self) -> None:
        """Resume each run that a line of the input names, at once when it is read."""
        print("ready", flush=True)
        for line in sys.stdin:
            self.go(line.strip())


def _say(run_id: str, status: str, what: Any) -> None:
    print(json.dumps([run_id, status, what]), flush=True)


if __name__ == "__main__":
    main()
