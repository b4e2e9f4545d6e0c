"""Two processes and one run: one has it, the other is told so and writes nothing, but may look on."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from nbgraph import Status
from nbgraph.core.events import Event, StatusChanged, TaskFinished
from tests.crash.doom import Doom
from tests.crash.graphs import GRAPHS, LINE_STEPS, Place
from tests.crash.ground import Child, Ground, undisturbed, until

pytestmark = pytest.mark.slow

TRIALS = 20
LEASE = 0.6


# -- the same moment ---------------------------------------------------------------------------------------------------


def test_of_two_processes_that_resume_a_run_at_once_one_proceeds_and_the_other_is_told(ground: Ground) -> None:
    runs, left_off = [f"r{number}" for number in range(TRIALS)], "shown@walk#4"
    for run in runs:
        ground.dies("line", left_off, run)
    done, whole = {*ground.witness.effects()}, undisturbed("line")
    ground.new_witness("race")
    racers = [ground.race("line", pauses={"walk": 0.01}) for _ in range(2)]
    won = Counter[int]()
    for run in runs:
        for racer in racers:
            racer.write(run)
        told = {racer.pid: racer.told() for racer in racers}
        assert sorted(each.status for each in told.values()) == ["OwnedElsewhere", "done"], told
        [(winner, state)] = [(pid, each.what) for pid, each in told.items() if each.status == "done"]
        assert state == whole
        won[winner] += 1
    print(f"\n{sum(won.values())} of {TRIALS} runs went on in one process, {sorted(won.values())} in each of the two")
    effects = Counter(ground.witness.effects())
    assert {*effects.values()} == {TRIALS}
    assert not {*effects} & done
    assert [len(ground.steps(run)) for run in runs] == [LINE_STEPS] * TRIALS


def test_a_killed_process_that_its_parent_has_not_waited_for_is_no_owner(ground: Ground) -> None:
    child = ground.go("line", pauses={"walk": 0.05})
    until(lambda: len(ground.witness.effects()) > 3, "four effects", child)
    child.signal(signal.SIGKILL)  # and nobody waits for it: it stays in the table of processes
    time.sleep(0.1)
    flying = ground.in_flight()
    told = ground.finishes("line")
    assert (told.status, told.what) == ("done", undisturbed("line"))
    assert {*ground.witness.repeated} <= flying


# -- an owner that was stopped -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("woken", ["while the other runs", "when the other has finished"])
def test_an_owner_that_wakes_after_its_lease_writes_nothing(tmp_path: Path, woken: str) -> None:
    early = woken == "while the other runs"
    with ThreadPoolExecutor(3) as pool:
        trials = range(TRIALS)
        repeats = list(pool.map(lambda number: _stopped_and_woken(tmp_path / str(number), number, early), trials))
    print(f"\n{len(repeats)} of {TRIALS} stopped owners were refused, woken {woken}; {sum(repeats)} tasks repeated")
    assert len(repeats) == TRIALS


def _stopped_and_woken(folder: Path, number: int, early: bool) -> int:
    """One trial; how many tasks had their effects twice."""
    with _ground(folder) as ground:
        first = ground.go("line", lease=LEASE, pauses={"walk": 0.04})
        until(lambda: len(ground.witness.effects()) > 1 + number % 7, "an effect of the first")
        time.sleep(number % 5 * 0.02)  # before its next effect, or after
        _stop(first, ground)
        flying, kept = ground.in_flight(), len(ground.steps())
        time.sleep(LEASE * 1.5)
        second = ground.go("line", pauses={"walk": 0.04})
        if early:
            until(lambda: len(_shown_by(ground, second)) > kept, "a step of the second")
            first.signal(signal.SIGCONT)
        finished = second.told()
        first.signal(signal.SIGCONT)
        refused = first.told()
        assert refused.status == "OwnedElsewhere", refused
        assert f"process {second.pid} on" in refused.what or not early, refused
        assert (finished.status, finished.what) == ("done", undisturbed("line"))
        assert [first.wait(), second.wait()] == [0, 0]
        assert max(_shown_by(ground, first)) <= kept
        assert [step.number for step in ground.steps()] == list(range(1, LINE_STEPS + 1))
        repeats = ground.witness.repeated
        assert {*repeats} <= flying
        assert sum(repeats.values()) <= 1
        return sum(repeats.values())


@contextmanager
def _ground(folder: Path) -> Iterator[Ground]:
    folder.mkdir()
    with closing(Ground(folder)) as ground:
        yield ground


def _shown_by(ground: Ground, child: Child) -> list[int]:
    return [line.number for line in ground.witness.lines(child.pid) if line.said == "shown"]


def _stop(child: Child, ground: Ground) -> None:
    """Stop it outside of a transaction: one that is stopped within holds the lock of the database until it wakes."""
    with closing(sqlite3.connect(ground.store_path, timeout=0, isolation_level=None)) as database:
        while True:
            child.stop()
            try:
                database.execute("BEGIN IMMEDIATE")
                database.execute("ROLLBACK")
                return
            except sqlite3.OperationalError:
                child.signal(signal.SIGCONT)
                time.sleep(0.003)


# -- looking on --------------------------------------------------------------------------------------------------------


def test_who_looks_on_sees_steps_and_status_live_and_answers_for_the_process_that_has_the_run(ground: Ground) -> None:
    child = ground.go("question", stay=True, pauses={"draft": 0.5, "publish": 0.5})
    until(lambda: ground.store_path.exists() and ground.store.runs(), "the run")
    events: list[Event] = []
    watch = GRAPHS["question"](Place(ground.witness, Doom("", ""), {})).watch("r", store=ground.store)
    watch.subscribe(events.append)
    assert (watch.status, watch.steps) == (Status.RUNNING, [])
    until(lambda: watch.status is Status.WAITING, "the question")
    assert [step.task for step in watch.steps] == ["draft#1"]
    assert [approval.node for approval in watch.approvals] == ["gate"]
    assert child.told().status == "waiting"
    watch.answer("gate", "approve", "by hand")
    until(lambda: len(watch.steps) == 2, "the answer")
    assert not child.ended
    told = child.told()
    until(lambda: watch.status is Status.DONE, "the end")
    assert told.what == watch.state == undisturbed("question")
    assert [event.node for event in events if isinstance(event, TaskFinished)] == ["draft", "gate", "publish"]
    statuses = [event.status for event in events if isinstance(event, StatusChanged)]
    assert statuses[-3:] == [Status.WAITING, Status.RUNNING, Status.DONE]


def test_who_looks_on_is_told_that_the_process_that_had_the_run_was_killed(ground: Ground) -> None:
    child = ground.go("line", pauses={"walk": 0.2})
    until(lambda: len(ground.witness.effects()) > 1, "two effects")
    watch = GRAPHS["line"](Place(ground.witness, Doom("", ""), {})).watch("r", store=ground.store)
    assert watch.status is Status.RUNNING
    assert child.kill()
    until(lambda: watch.status is Status.PAUSED, "that it was killed")
    assert "graph.resume('r') goes on" in watch.reason
