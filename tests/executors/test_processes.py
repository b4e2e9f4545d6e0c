"""Worker processes: calls by value, prints, deaths, cancelling, and an end that leaves nothing behind."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, wait
from contextvars import ContextVar, copy_context
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from nbgraph.errors import RunError, WorkerDied
from nbgraph.executors.processes import Process, Processes

pytestmark = pytest.mark.slow  # real processes

SOON = 60.0
speaker: ContextVar[str] = ContextVar("speaker", default="nobody")


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.002)


def gone(pid: int) -> bool:
    """Whether a process has ended; a zombie whose parent was killed waits for init only."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return True
    return state in "ZX"


def holding(folder: Path, child: bool = False) -> Callable[[], int]:
    """A call that names its process, and its child, in `folder` and goes on until there is a file `go`."""

    def hold() -> int:
        if child:
            (folder / str(subprocess.Popen(["sleep", "3600"]).pid)).touch()
        (folder / str(os.getpid())).touch()
        while not (folder / "go").exists():
            time.sleep(0.005)
        return os.getpid()

    return hold


def held(folder: Path, count: int = 1) -> list[int]:
    """The processes that are named in `folder`, as soon as there are `count`."""
    until(lambda: len(list(folder.glob("[0-9]*"))) >= count)
    return [int(path.name) for path in folder.glob("[0-9]*")]


def script(folder: Path, text: str, *options: str) -> subprocess.Popen[str]:
    """A running plain script, without a guard for its main part."""
    path = folder / "script.py"
    path.write_text("from nbgraph.executors.processes import Processes\nimport os, sys, time\n" + text)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        [sys.executable, *options, str(path)],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def output(process: subprocess.Popen[str]) -> list[str]:
    """What a script that ends well has printed, and nothing else."""
    out, err = process.communicate(timeout=SOON)
    assert (process.returncode, err) == (0, "")
    return out.splitlines()


@pytest.fixture(scope="module")
def shared() -> Iterator[Processes]:
    with Processes(2) as processes:
        yield processes


@pytest.fixture(scope="module")
def alone() -> Iterator[Processes]:
    with Processes(1) as processes:
        yield processes


class Recorder:
    """A stream that notes in whose context it is written to."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def write(self, text: str) -> int:
        self.heard.append((speaker.get(), text))
        return len(text)

    @property
    def text(self) -> str:
        return "".join(text for _, text in self.heard)


# calls


def test_a_call_gives_its_result(shared: Processes) -> None:
    assert shared.submit(divmod, 7, 2).result(SOON) == (3, 1)


def test_keyword_arguments_are_passed_on(shared: Processes) -> None:
    assert shared.submit(dict, a=1).result(SOON) == {"a": 1}


def test_a_call_is_made_in_another_process(shared: Processes) -> None:
    assert shared.submit(os.getpid).result(SOON) != os.getpid()


def test_lambdas_closures_and_their_results_go_by_value(shared: Processes) -> None:
    factor = 3
    times: Any = shared.submit(lambda other: lambda value: value * factor * other, 7).result(SOON)
    assert times(2) == 42


def test_a_class_of_the_caller_is_the_same_class_when_it_comes_back(shared: Processes) -> None:
    class Point:
        x = 1

    assert type(shared.submit(lambda point: point, Point()).result(SOON)) is Point


def test_fifty_megabytes_go_both_ways(shared: Processes) -> None:
    big = os.urandom(1000) * 50_000
    assert shared.submit(lambda given: given + b".", big).result(SOON) == big + b"."


def test_many_threads_may_submit_at_once(shared: Processes) -> None:
    results: list[tuple[int, int]] = []

    def submit(number: int) -> None:
        results.extend(future.result(SOON) for future in [shared.submit(divmod, number, 1 + i) for i in range(5)])

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert sorted(results) == sorted(divmod(number, 1 + i) for number in range(10) for i in range(5))


def test_a_call_has_no_stdin_to_wait_at(shared: Processes) -> None:
    assert shared.submit(lambda: sys.stdin.read()).result(SOON) == ""


# workers


def test_an_idle_worker_is_used_again_before_another_starts() -> None:
    with Processes(4) as processes:
        used = set()
        for _ in range(5):
            used.add(processes.submit(os.getpid).result(SOON))
            until(lambda: processes._idle == 1)
        assert len(used) == 1


def test_calls_beyond_the_workers_wait_and_are_made_in_order(alone: Processes, tmp_path: Path) -> None:
    first = alone.submit(holding(tmp_path))
    held(tmp_path)
    made: list[int] = []
    rest = [alone.submit(int, number) for number in range(5)]
    for future in rest:
        future.add_done_callback(lambda done: made.append(done.result()))
    assert first.running()
    assert not any(future.running() or future.done() for future in rest)
    (tmp_path / "go").touch()
    wait(rest, SOON)
    assert made == [0, 1, 2, 3, 4]


def test_as_many_calls_as_workers_are_made_at_once(shared: Processes, tmp_path: Path) -> None:
    futures = [shared.submit(holding(tmp_path)) for _ in range(2)]
    pids = held(tmp_path, 2)
    (tmp_path / "go").touch()
    assert sorted(future.result(SOON) for future in futures) == sorted(pids)


def test_there_are_as_many_workers_as_processors_unless_told() -> None:
    assert Processes()._most == os.cpu_count()
    with pytest.raises(ValueError, match="a worker at least, not 0"):
        Processes(0)


def test_an_idle_worker_ends_after_a_while_and_a_later_call_gets_a_new_one() -> None:
    processes = Processes(1, idle=0.01)
    pid = processes.submit(os.getpid).result(SOON)
    until(lambda: gone(pid) and not processes._threads)
    assert processes.submit(os.getpid).result(SOON) != pid
    processes.shutdown()


def test_a_call_that_comes_while_a_worker_retires_is_made() -> None:
    processes = Processes(1, idle=0.0)
    assert [processes.submit(int, number).result(SOON) for number in range(5)] == list(range(5))
    processes.shutdown()


def test_a_worker_is_where_its_caller_is(shared: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "beside_the_notebook.py").write_text("def double(x): return 2 * x")
    shared.submit(int).result(SOON)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("NBGRAPH_SET_LATER", "yes")
    import beside_the_notebook  # type: ignore[import-not-found]

    assert shared.submit(beside_the_notebook.double, 4).result(SOON) == 8
    assert shared.submit(lambda: (os.getcwd(), os.environ["NBGRAPH_SET_LATER"])).result(SOON) == (str(tmp_path), "yes")


def test_a_directory_that_is_gone_keeps_no_call_from_being_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with Processes(1) as processes:
        assert processes.submit(int).result(SOON) == 0


def test_a_script_without_a_guard_runs_once_and_may_call_its_own_functions(tmp_path: Path) -> None:
    text = """
print("begins")
class Point:
    def __init__(self, x): self.x = x
def move(point): return Point(point.x + step)
step = 2
moved = Processes().submit(move, Point(1)).result(60)
print(type(moved) is Point, moved.x)
"""
    assert output(script(tmp_path, text)) == ["begins", "True 3"]


def test_a_process_that_cannot_be_started_fails_its_call(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = Processes(1)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", "/no/such/python")
        error = processes.submit(divmod, 1, 1).exception(SOON)
    assert isinstance(error, RunError)
    assert str(error).startswith("no process could be started for divmod: ")
    assert processes.submit(int).result(SOON) == 0
    processes.shutdown()


def test_importing_the_executor_loads_none_of_what_it_needs_later(tmp_path: Path) -> None:
    text = "print({'cloudpickle', 'multiprocessing'} & set(sys.modules))"
    assert output(script(tmp_path, text)) == ["set()"]


# prints


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_prints_arrive_while_the_call_runs_in_the_context_of_its_caller(
    alone: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    recorder, go = Recorder(), tmp_path / "go"
    monkeypatch.setattr(sys, name, recorder)

    def speak() -> None:
        print("now", file=getattr(sys, name))
        while not go.exists():
            time.sleep(0.005)
        print("ün", end="", file=getattr(sys, name))

    def call() -> Any:
        speaker.set("draft")
        return alone.submit(speak)

    future = copy_context().run(call)
    until(lambda: recorder.heard == [("draft", "now\n")])
    go.touch()
    future.result(SOON)
    assert recorder.heard[1:] == [("draft", "ün")]


def test_a_text_that_arrives_in_parts_is_whole(shared: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    def speak() -> None:
        for part in (b"\xe2\x82", b"\xac"):
            sys.stdout.buffer.write(part)
            sys.stdout.flush()
        print("ü" * 100_000, end="")

    recorder = Recorder()
    monkeypatch.setattr(sys, "stdout", recorder)
    shared.submit(speak).result(SOON)
    assert recorder.text == "€" + "ü" * 100_000


def test_what_a_call_does_to_its_streams_is_over_with_it(alone: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    monkeypatch.setattr(sys, "stdout", recorder)
    alone.submit(lambda: sys.stdout.close()).result(SOON)
    alone.submit(lambda: sys.stdout.detach() and None).result(SOON)  # type: ignore[union-attr]
    alone.submit(print, "still here").result(SOON)
    assert recorder.text == "still here\n"


def test_what_a_thread_prints_after_its_call_is_not_said_to_be_of_the_next(
    alone: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave_one_behind() -> None:
        def speak_late() -> None:
            while not (tmp_path / "go").exists():
                time.sleep(0.005)
            print("late")
            (tmp_path / "said").touch()

        threading.Thread(target=speak_late).start()

    recorder = Recorder()
    monkeypatch.setattr(sys, "stdout", recorder)
    alone.submit(leave_one_behind).result(SOON)
    (tmp_path / "go").touch()
    until((tmp_path / "said").exists)
    alone.submit(print, "next").result(SOON)
    assert recorder.text == "next\n"


def test_a_stream_that_cannot_be_written_fails_no_call(shared: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert shared.submit(print, "unheard").exception(SOON) is None


# errors


def test_an_error_comes_back_with_its_traceback_there(shared: Processes) -> None:
    def inner() -> float:
        return 1 / 0

    error = shared.submit(lambda: inner()).exception(SOON)
    assert isinstance(error, ZeroDivisionError)
    (note,) = error.__notes__
    assert note.startswith("in its worker process:\nTraceback (most recent call last):\n")
    assert "in inner\n    return 1 / 0\n" in note
    assert "worker.py" not in note


def test_the_cause_of_an_error_is_told_too(shared: Processes) -> None:
    def fails() -> None:
        try:
            os.environ["NO_SUCH_NAME"]
        except KeyError as error:
            raise ValueError("no k") from error

    error = shared.submit(fails).exception(SOON)
    assert "KeyError: 'NO_SUCH_NAME'\n\nThe above exception was the direct cause" in error.__notes__[0]  # type: ignore[union-attr]


def test_an_error_that_cannot_be_sent_is_told_by_type_and_message(shared: Processes) -> None:
    class Odd(Exception):
        def __init__(self, number: int, lock: bool) -> None:
            super().__init__(f"odd {number}")
            self.lock = threading.Lock() if lock else None

    def fails(lock: bool) -> None:
        raise Odd(3, lock)

    for lock in (True, False):
        error = shared.submit(fails, lock).exception(SOON)
        assert type(error) is RuntimeError
        assert str(error) == "Odd: odd 3"
        assert "raise Odd(3, lock)" in error.__notes__[0]


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_no_error_of_a_call_is_one_of_its_worker(alone: Processes, kind: type[BaseException]) -> None:
    def fails() -> None:
        raise kind("enough")

    pid = alone.submit(os.getpid).result(SOON)
    assert type(alone.submit(fails).exception(SOON)) is kind
    assert alone.submit(os.getpid).result(SOON) == pid


def test_stop_iteration_does_not_hang_whoever_awaits(shared: Processes) -> None:
    async def call() -> None:
        await asyncio.wait_for(asyncio.wrap_future(shared.submit(next, iter([]))), SOON)

    with pytest.raises(RuntimeError, match="the call raised StopIteration"):
        asyncio.run(call())


LOCK = threading.Lock()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            partial(lambda text, lock: text, lock=LOCK),
            "cannot be sent to a process, because of its argument lock, <unl",
        ),
        (lambda: LOCK.locked(), "<lambda> cannot be sent to a process, because of LOCK, which it uses, <unlocked"),
        (lambda: threading.Lock(), "what <lambda> returned cannot be sent back from its process: lock, TypeError: ca"),
    ],
)
def test_what_cannot_be_sent_is_named_and_harms_no_worker(
    alone: Processes, call: Callable[..., Any], sentence: str
) -> None:
    pid = alone.submit(os.getpid).result(SOON)
    given = ["text"] if isinstance(call, partial) else []
    error = alone.submit(call, *given).exception(SOON)
    assert isinstance(error, RunError)
    assert sentence in str(error)
    assert alone.submit(os.getpid).result(SOON) == pid


def test_what_the_other_side_cannot_read_is_told_and_harms_no_worker(alone: Processes) -> None:
    class Trap:
        """Can be read by the process `home` only."""

        def __init__(self, home: int) -> None:
            self.home = home

        def __reduce__(self) -> Any:
            return (lambda home: 1 / (home == os.getpid()) and [home]), (self.home,)

    pid = alone.submit(os.getpid).result(SOON)
    there = alone.submit(repr, Trap(os.getpid())).exception(SOON)
    assert "repr or its arguments cannot be read in the worker process: ZeroDivisionError" in str(there)
    here = alone.submit(lambda: Trap(os.getpid())).exception(SOON)
    assert "what <lambda> returned cannot be read: ZeroDivisionError" in str(here)
    assert alone.submit(os.getpid).result(SOON) == pid


# deaths


@pytest.mark.parametrize(
    ("death", "words"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "was ended by SIGKILL, as by hand or for want of memory"),
        (lambda: os._exit(3), "ended with exit code 3"),
        (lambda: ctypes.string_at(0), "was ended by SIGSEGV, a crash in compiled code"),
        (lambda: os.kill(os.getpid(), 40), "was ended by signal 40"),
    ],
)
def test_a_worker_that_dies_fails_its_own_call_only(tmp_path: Path, death: Callable[[], object], words: str) -> None:
    with Processes(2) as processes:
        innocent = processes.submit(holding(tmp_path))
        held(tmp_path)
        dies, queued = processes.submit(death), [processes.submit(int, number) for number in range(3)]
        error = dies.exception(SOON)
        (tmp_path / "go").touch()
        assert isinstance(error, WorkerDied)
        assert str(error).startswith(f"<lambda> was cut off: its worker process {words}. No other call was harmed")
        assert innocent.result(SOON) in held(tmp_path)
        assert [future.result(SOON) for future in queued] == [0, 1, 2]


def test_a_wrapped_function_is_called_by_the_name_that_it_is_given(alone: Processes) -> None:
    call = partial(os._exit, 3)
    assert str(alone.submit(call).exception(SOON)).startswith("_exit was cut off")
    call.__name__ = "draft"  # type: ignore[attr-defined]
    assert str(alone.submit(call).exception(SOON)).startswith("draft was cut off")


def test_a_worker_that_dies_while_idle_is_replaced_and_nothing_fails(alone: Processes) -> None:
    for _ in range(3):
        pid = alone.submit(os.getpid).result(SOON)
        until(lambda: alone._idle == 1)
        os.kill(pid, signal.SIGKILL)
        assert alone.submit(os.getpid).result(SOON) != pid
        until(partial(gone, pid))


def test_a_worker_that_dies_is_noticed_though_a_process_that_it_forked_lives_on(alone: Processes) -> None:
    def fork_and_die() -> None:
        if os.fork() == 0:
            time.sleep(3600)
        os._exit(7)

    assert "exit code 7" in str(alone.submit(fork_and_die).exception(SOON))


def test_a_process_that_a_call_forks_does_not_speak_for_its_worker(
    alone: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fork() -> int:
        if (pid := os.fork()) == 0:
            print("not for the caller", flush=True)
            os._exit(0)
        return os.waitpid(pid, 0)[1]

    recorder = Recorder()
    monkeypatch.setattr(sys, "stdout", recorder)
    assert alone.submit(fork).result(SOON) == 0
    assert recorder.text == ""


# cancelling


def test_a_queued_call_that_is_cancelled_is_not_made(alone: Processes, tmp_path: Path) -> None:
    first = alone.submit(holding(tmp_path))
    held(tmp_path)
    queued = alone.submit((tmp_path / "made").touch)
    assert queued.cancel()
    (tmp_path / "go").touch()
    assert alone.submit(os.getpid).result(SOON) == first.result(SOON)
    assert not (tmp_path / "made").exists()


def test_a_call_that_is_cancelled_while_its_worker_starts_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted, begin = threading.Event(), Process.start

    def start(self: Process) -> None:
        submitted.wait(SOON)
        future.cancel()
        begin(self)

    monkeypatch.setattr(Process, "start", start)
    with Processes(1) as processes:
        future = processes.submit((tmp_path / "made").touch)
        submitted.set()
        assert processes.submit(int).result(SOON) == 0
    assert not (tmp_path / "made").exists()


def test_cancelling_a_running_call_ends_its_process_and_those_that_it_started(alone: Processes, tmp_path: Path) -> None:
    future = alone.submit(holding(tmp_path, child=True))
    pids = held(tmp_path, 2)
    assert future.cancel()
    assert future.cancelled()
    until(lambda: all(gone(pid) for pid in pids))
    assert wait([future], SOON).done == {future}
    assert alone.submit(os.getpid).result(SOON) not in pids


def test_nothing_is_heard_of_a_cancelled_call(alone: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    def babble() -> None:
        while True:
            print("babble")

    recorder = Recorder()
    record = recorder.write

    def write_slowly(text: str) -> int:
        time.sleep(0.005)
        return record(text)

    monkeypatch.setattr(recorder, "write", write_slowly)
    monkeypatch.setattr(sys, "stdout", recorder)
    future = alone.submit(babble)
    until(lambda: recorder.heard)
    time.sleep(0.05)  # for the pipe to fill
    future.cancel()
    heard = len(recorder.heard)
    wait([future], SOON)
    assert len(recorder.heard) <= heard + 1  # one may be on its way


def test_a_call_that_has_ended_cannot_be_cancelled(alone: Processes) -> None:
    future = alone.submit(os.getpid)
    pid = future.result(SOON)
    assert not future.cancel()
    assert alone.submit(os.getpid).result(SOON) == pid


def test_cancelling_on_the_side_of_asyncio_ends_the_process(alone: Processes, tmp_path: Path) -> None:
    async def give_up() -> int:
        future = asyncio.wrap_future(alone.submit(holding(tmp_path)))
        (pid,) = await asyncio.to_thread(held, tmp_path)
        future.cancel()
        with pytest.raises(asyncio.CancelledError):
            await future
        return pid

    pid = asyncio.run(give_up())
    until(lambda: gone(pid))


def test_cancelling_at_any_moment_harms_no_other_call(alone: Processes) -> None:
    for number in range(20):
        future, following = alone.submit(time.sleep, 0), alone.submit(int, number)
        time.sleep(0.0001 * number)
        if future.cancel():
            with pytest.raises(CancelledError):
                future.result(SOON)
        assert following.result(SOON) == number


# the end


def test_shutdown_makes_the_calls_that_were_taken_and_takes_no_more(tmp_path: Path) -> None:
    processes = Processes(1)
    futures = [processes.submit(os.getpid) for _ in range(3)]
    processes.shutdown()
    assert all(future.done() for future in futures)
    assert gone(futures[0].result(0))
    with pytest.raises(RuntimeError, match="shut down"):
        processes.submit(int)


def test_shutdown_may_cancel_what_has_not_begun_and_need_not_wait(tmp_path: Path) -> None:
    processes = Processes(1)
    running = processes.submit(holding(tmp_path))
    (pid,) = held(tmp_path)
    queued = processes.submit(int)
    processes.shutdown(wait=False, cancel_futures=True)
    assert wait([queued], SOON).done == {queued}
    assert queued.cancelled()
    assert not running.done()
    (tmp_path / "go").touch()
    assert running.result(SOON) == pid
    until(lambda: gone(pid) and not processes._threads)


def test_the_end_of_the_program_waits_for_no_call_and_leaves_no_process(tmp_path: Path) -> None:
    text = """
processes = Processes(2)
print(processes.submit(os.getpid).result(60))
def busy():
    with open("part", "w") as file: file.write(str(os.getpid()))
    os.rename("part", "pid")
    time.sleep(3600)
future = processes.submit(busy)
future.add_done_callback(lambda done: print("it is done"))
while not os.path.exists("pid"): time.sleep(0.01)
with open("pid") as file: print(file.read())
"""
    pids = [int(line) for line in output(script(tmp_path, text, "-X", "dev"))]
    until(lambda: len(pids) == 2 and all(gone(pid) for pid in pids))


@pytest.mark.parametrize("call", ["time.sleep", "ctypes.PyDLL(None).sleep"])
def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path, call: str) -> None:
    text = f"""
def busy():
    import ctypes, subprocess
    print(subprocess.Popen(["sleep", "3600"], stdout=subprocess.DEVNULL).pid, os.getpid(), flush=True)
    {call}(3600)
Processes().submit(busy)
time.sleep(3600)
"""
    parent = script(tmp_path, text, "-u")
    assert parent.stdout is not None
    pids = [int(word) for word in parent.stdout.readline().split()]
    assert len(pids) == 2
    parent.kill()
    until(lambda: all(gone(pid) for pid in pids))
    parent.communicate(timeout=SOON)


def test_the_stop_button_interrupts_no_worker(tmp_path: Path) -> None:
    text = """
def work():
    print("begun")
    while not os.path.exists("go"): time.sleep(0.005)
    return "done"
future = Processes().submit(work)
try:
    time.sleep(60)
except KeyboardInterrupt:
    open("go", "w").close()
    print(future.result(60))
"""
    parent = script(tmp_path, text, "-u")
    assert parent.stdout is not None
    assert parent.stdout.readline() == "begun\n"
    os.killpg(parent.pid, signal.SIGINT)
    assert output(parent) == ["done"]


def test_a_child_by_fork_starts_its_own_workers_and_leaves_those_of_its_parent_alone(tmp_path: Path) -> None:
    text = """
processes = Processes(1)
first = processes.submit(os.getpid).result(60)
def work():
    while not os.path.exists("go"): time.sleep(0.005)
    return os.getpid()
running = processes.submit(work)
while not running.running(): time.sleep(0.001)
child = os.fork()
if child == 0:
    running.cancel()
    other = processes.submit(os.getpid).result(60)
    sys.exit(0 if other != first else 1)
status = os.waitpid(child, 0)[1]
open("go", "w").close()
print(status, running.result(60) == first, processes.submit(os.getpid).result(60) == first)
"""
    assert output(script(tmp_path, text, "-W", "ignore::DeprecationWarning")) == ["0 True True"]


def test_functions_of_notebook_cells_are_called_and_print_in_their_cell() -> None:
    import nbformat
    from nbclient import NotebookClient

    cells = [
        "import time\nfrom nbgraph.executors.processes import Processes\nprocesses = Processes(1)",
        "def work(x):\n    print('working on', x)\n    time.sleep(0.5)\n    print('end')\n    return x / (x - 3)",
        "future = processes.submit(work, 2)",
        "print(future.result(60))",
        "print(processes.submit(work, 3).exception(60).__notes__[0])",
    ]
    form: Any = nbformat.v4
    notebook = form.new_notebook(cells=[form.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=SOON, kernel_name="python3").execute()
    texts = ["".join(out.get("text", "") for out in cell.outputs) for cell in notebook.cells]
    assert "-2.0" in texts[3]
    assert "working on 3\nend\n" in texts[4]
    assert "return x / (x - 3)" in texts[4]


def test_a_thousand_calls_survive_the_death_of_workers_at_random() -> None:
    def square(number: int) -> int:
        if number % 50 == 7:
            os.kill(os.getpid(), signal.SIGKILL)
        return number * number

    with Processes(4) as processes:
        futures = [processes.submit(square, number) for number in range(1000)]
        failed = {number for number, future in enumerate(futures) if isinstance(future.exception(SOON), WorkerDied)}
        assert failed == {number for number in range(1000) if number % 50 == 7}
        assert all(futures[number].result(0) == number**2 for number in set(range(1000)) - failed)
