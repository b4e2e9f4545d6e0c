"""Worker threads for blocking nodes: one more whenever all are busy, so that no slow node holds up another."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
Job = tuple["Future[Any]", Callable[[], Any]]


class Threads(Executor):
    """An executor that grows on demand and whose threads never keep the process alive.

    The pool of the standard library is joined at exit and has a fixed size: a node that was given up would block the
    end of the program, and a few of them every node after. An idle thread ends after `idle` seconds.
    """

    threads = True  # what is called shares the context of whoever asked

    def __init__(self, idle: float = 10.0) -> None:
        self._idle_seconds = idle
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call `fn` in a thread; see `concurrent.futures.Executor.submit`."""
        if self._process != os.getpid():  # a fork has none of the threads
            self._begin()
        future: Future[T] = Future()
        with self._lock:
            if self._idle == 0:
                threading.Thread(target=self._work, name="nbgraph-node", daemon=True).start()
            else:
                self._idle -= 1
            self._jobs.put((future, lambda: fn(*args, **kwargs)))
        return future

    def _work(self) -> None:
        while True:
            try:
                future, call = self._jobs.get(timeout=self._idle_seconds)
            except Empty:
                if self._retire():
                    return
                continue
            _finish(future, call)
            del future, call  # an idle thread must not keep a result alive
            with self._lock:
                self._idle += 1

    def _retire(self) -> bool:
        """Whether this thread may end: a job that was promised to an idle thread still needs one."""
        with self._lock:
            if self._idle == 0:
                return False
            self._idle -= 1
            return True


def _finish(future: Future[Any], call: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
