"""Many threads and many processes write at the same time, and each run's log is as if it were alone."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from nbgraph.core.ports import Store
from nbgraph.core.records import Asked, Entry
from tests.stores.backends import BACKENDS, DURABLE
from tests.stores.process import COUNT
from tests.stores.writing import SOON, made, question, read, record, step, until, write

Again = Callable[[Store], Store]
ROOT = Path(__file__).parents[2]


def in_threads(work: Callable[[int], None], count: int) -> None:
    """Call `work` in so many threads at once; the first error of any is raised."""
    errors, barrier = list[BaseException](), threading.Barrier(count)

    def run(number: int) -> None:
        try:
            barrier.wait(SOON)
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    if errors:
        raise errors[0]


def test_runs_on_loops_of_their_own_do_not_mix(store: Store, reopened: Again) -> None:
    stores = [store, reopened(store)]

    def work(lane: int) -> None:
        log = stores[lane % 2].create(record(f"r{lane}"))
        write(log, *[step(number, lane, k=f"{lane}.{number}") for number in range(1, 41)])
        log.close()

    in_threads(work, 8)
    for lane in range(8):
        expected = [step(number, lane, k=f"{lane}.{number}") for number in range(1, 41)]
        assert read(reopened(store), f"r{lane}") == expected


def test_many_runs_on_one_loop_do_not_mix(store: Store, reopened: Again) -> None:
    logs = {f"r{lane}": store.create(record(f"r{lane}")) for lane in range(20)}

    async def one(run_id: str) -> None:
        for number in range(1, 11):
            logs[run_id].note(step(number, k=f"noted by {run_id}"))
            await logs[run_id].keep(step(number, k=run_id))

    async def all_runs() -> None:
        await asyncio.gather(*map(one, logs))

    asyncio.run(all_runs())
    for run_id in logs:
        values = [entry.update["k"] for entry in reopened(store).history(run_id).steps]
        assert values == [f"noted by {run_id}", run_id] * 10


def test_who_reads_while_it_is_written_sees_a_beginning_of_the_log(store: Store, reopened: Again) -> None:
    log, again, over = store.create(record()), reopened(store), threading.Event()
    entries: list[Entry] = [step(number) for number in range(1, 101)]

    def work(number: int) -> None:
        if number == 0:
            write(log, *entries)
            over.set()
        seen: list[Entry] = []
        while number and not over.is_set():
            news = read(again, after=len(seen))
            seen += news
            assert seen == entries[: len(seen)]
            again.runs()

    in_threads(work, 3)
    assert read(again) == entries


# Several processes


class Processes:
    """Other processes with the same store, which begin when they are told."""

    def __init__(self, name: str, address: str, until_closed: ExitStack) -> None:
        self.name, self.address, self.until_closed = name, address, until_closed

    def start(self, what: str, run_id: str, number: int = 0) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.stores.process", self.name, self.address, what, run_id, str(number)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        process = subprocess.Popen(command, cwd=ROOT, text=True, **pipes)  # type: ignore[call-overload]
        self.until_closed.callback(self._end, process)
        assert said(process) == "ready"
        return process

    def _end(self, process: subprocess.Popen[str]) -> None:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go_on(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


@pytest.fixture(params=DURABLE)
def durable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Store, Processes]]:
    backend = BACKENDS[request.param]
    store = backend.new(tmp_path)
    with ExitStack() as until_closed:
        yield store, Processes(request.param, backend.address(store), until_closed)


@pytest.mark.slow
def test_processes_that_write_at_once_do_not_mix(durable: tuple[Store, Processes]) -> None:
    store, processes = durable
    writers = [processes.start("write", f"r{number}") for number in range(3)]
    go_on(*writers)
    assert [said(each) for each in writers] == ["written"] * 3
    steps: list[Entry] = [step(number) for number in range(1, COUNT + 1)]
    for number in range(3):
        asked = Asked(f"r{number}/gate#1", 3.5)
        assert read(store, f"r{number}") == [*steps[: COUNT // 2], asked, *steps[COUNT // 2 :]]
    assert {approval.run_id for approval in store.approvals(open_only=True)} == {"r0", "r1", "r2"}


@pytest.mark.slow
def test_of_processes_that_take_a_run_one_gets_it(durable: tuple[Store, Processes]) -> None:
    store, processes = durable
    made(store, record())
    takers = [processes.start("take", "r") for _ in range(3)]
    go_on(*takers)
    outcomes = {taker.pid: said(taker) for taker in takers}
    (owner,) = [pid for pid, outcome in outcomes.items() if outcome == "taken"]
    assert sorted(outcomes.values()) == [f"elsewhere {owner}"] * 2 + ["taken"]
    assert read(store) == [step(1)]


@pytest.mark.slow
def test_of_processes_that_answer_one_wins(durable: tuple[Store, Processes]) -> None:
    store, processes = durable
    made(store, record(), [], [question()])
    answering = [processes.start("answer", "r", number) for number in range(3)]
    go_on(*answering)
    outcomes = [said(each) for each in answering]
    kept = store.approvals("r")[0].answer
    assert kept is not None
    assert [each for each in outcomes if not each.startswith("told")] == [f"answered {kept.by}"]
    assert all(f"by {kept.by} at" in each for each in outcomes if each.startswith("told"))


@pytest.mark.slow
def test_the_run_of_a_process_that_was_killed_can_be_taken(durable: tuple[Store, Processes]) -> None:
    store, processes = durable
    made(store, record())
    taker = processes.start("take", "r")
    go_on(taker)
    assert said(taker) == "taken"
    os.kill(taker.pid, signal.SIGKILL)
    taker.wait(SOON)
    until(lambda: store.run("r").interrupted)
    write(store.open("r"), step(2))
    assert read(store) == [step(1), step(2)]


@pytest.mark.slow
def test_a_process_that_was_stopped_and_lost_its_run_writes_nothing(durable: tuple[Store, Processes]) -> None:
    store, processes = durable
    made(store, record())
    taker = processes.start("take", "r")
    go_on(taker)
    assert said(taker) == "taken"
    os.kill(taker.pid, signal.SIGSTOP)
    until(lambda: store.run("r").interrupted)
    log = store.open("r")
    write(log, step(5))
    os.kill(taker.pid, signal.SIGCONT)
    go_on(taker)
    assert said(taker) == f"elsewhere {os.getpid()}"
    assert read(store) == [step(1), step(5)]
