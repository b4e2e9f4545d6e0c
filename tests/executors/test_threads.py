"""Worker threads: one more whenever all are busy, ended when idle, never in the way of the end."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any

import pytest

from nbgraph.executors.threads import Threads

SOON = 60.0


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.001)


def test_a_call_gives_its_result() -> None:
    assert Threads().submit(divmod, 7, 2).result(SOON) == (3, 1)


def test_arguments_are_passed_on() -> None:
    assert Threads().submit(dict, a=1).result(SOON) == {"a": 1}


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit])
def test_an_error_is_the_futures_and_the_thread_lives_on(error: type[BaseException]) -> None:
    def raises() -> None:
        raise error

    threads = Threads()
    assert isinstance(threads.submit(raises).exception(SOON), error)
    assert threads.submit(int).result(SOON) == 0


def test_an_idle_thread_is_used_again() -> None:
    threads = Threads()
    first = threads.submit(threading.get_ident).result(SOON)
    until(lambda: threads._idle == 1)
    assert threads.submit(threading.get_ident).result(SOON) == first


def test_no_call_waits_for_a_slow_one() -> None:
    threads, barrier = Threads(), threading.Barrier(40)
    futures = [threads.submit(barrier.wait, SOON) for _ in range(40)]
    assert sorted(future.result(SOON) for future in futures) == list(range(40))


def test_an_idle_thread_ends_after_a_while_and_a_later_call_gets_a_new_one() -> None:
    threads, threads_of = Threads(idle=0.01), list[threading.Thread]()
    threads.submit(lambda: threads_of.append(threading.current_thread())).result(SOON)
    threads_of[0].join(SOON)
    assert not threads_of[0].is_alive()
    assert threads.submit(int).result(SOON) == 0


def test_calls_that_meet_retiring_threads_are_all_done() -> None:
    threads = Threads(idle=0.0005)
    for _ in range(300):
        assert threads.submit(int).result(SOON) == 0
        time.sleep(0.0004)


def test_a_cancelled_call_is_not_made() -> None:
    threads, let, made = Threads(), threading.Event(), list[int]()
    future: Future[Any] = Future()
    future.cancel()
    threads._jobs.put((future, lambda: made.append(1)))
    threads.submit(let.set).result(SOON)
    with pytest.raises(CancelledError):
        future.result(SOON)
    assert made == []


@pytest.mark.slow
def test_an_idle_thread_does_not_keep_a_result_alive() -> None:
    class Result: ...

    threads = Threads()
    future = threads.submit(Result)
    gone = weakref.ref(future.result(SOON))
    del future
    until(lambda: gc.collect() is not None and gone() is None)


def test_a_call_for_which_no_thread_can_start_is_refused_and_never_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    threads, made = Threads(), list[int]()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fails)
        with pytest.raises(RuntimeError, match="can't start"):
            threads.submit(made.append, 1)
    assert threads.submit(int).result(SOON) == 0
    until(lambda: threads._idle == 1)
    assert made == []


@pytest.mark.slow
def test_threads_do_not_keep_a_process_from_ending() -> None:
    script = (
        "import time; from nbgraph.executors.threads import Threads; Threads().submit(time.sleep, 3600); print('end')"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "end\n", "")
