"""Worker processes for nodes that compute: a call can be ended at any time, and a crash costs one call only."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
from codecs import getincrementaldecoder
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from contextlib import suppress
from contextvars import Context, copy_context
from functools import partial
from io import FileIO
from typing import Any, NamedTuple, TypeVar
from weakref import WeakSet

from nbgraph.errors import RunError, WorkerDied, brief, told
from nbgraph.executors import worker
from nbgraph.executors.worker import Content

T = TypeVar("T")
Answer = tuple[bytes, Content]
WORKER = os.path.abspath(worker.__file__)
STREAMS = {worker.OUT: "stdout", worker.ERR: "stderr"}
CAUSES = {
    "SIGKILL": ", as by hand or for want of memory",
    "SIGSEGV": ", a crash in compiled code",
    "SIGBUS": ", a crash in compiled code",
    "SIGABRT": ", as compiled code does when it gives up",
}


class Processes(Executor):
    """An executor of at most `workers` processes, one for each CPU by default, that do one call at a time each.

    A worker starts when it is needed, is used again, and ends after `idle` seconds without work, with this process,
    or when the call that it is making is cancelled. What is called may come from a notebook: it is sent by value, as
    are its arguments and its result. What it prints comes out here, in the context of whoever called `submit`.

    The processes are no children by fork, which is unsafe beside threads, and do not import the main script again.
    """

    def __init__(self, workers: int | None = None, idle: float = 60.0) -> None:
        if workers is not None and workers < 1:
            raise ValueError(f"there must be a worker at least, not {workers}")
        self._most, self._idle_seconds = workers or os.cpu_count() or 1, idle
        self._closed = self._left = False
        self._begin()
        _all.add(self)

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._threads: set[threading.Thread] = set()
        self._processes: set[Process] = set()
        self._idle = 0

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call `fn` in a worker process; see `concurrent.futures.Executor.submit`.

        The future can be cancelled while the call is being made, which ends the process and those that it started.
        Its errors are those of the call, and WorkerDied, and RunError where `fn`, what it is given or what it returns
        cannot be sent.
        """
        job = Job(Call(), copy_context(), fn, args, kwargs)
        with self._changed:
            if self._closed:
                raise RuntimeError("these processes were shut down and take no more calls")
            if len(self._jobs) >= self._idle and len(self._threads) < self._most:
                thread = threading.Thread(target=self._work, name="nbgraph-process", daemon=True)
                thread.start()
                self._threads.add(thread)
            self._jobs.append(job)
            self._changed.notify()
        return job.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; make those that were taken, or cancel those that have not begun."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            threads, dropped = self._threads - {threading.current_thread()}, list[Job]()
            while cancel_futures and self._jobs:
                dropped.append(self._jobs.popleft())
        for job in dropped:
            job.future.cancel()
            job.future.leave(None, None)
        for thread in threads if wait else ():
            thread.join()

    def _work(self) -> None:
        """What a thread does: it sees one worker process through its calls, and the ones that replace it."""
        process = Process(self._processes)
        while True:
            job = self._next()
            if job is not None:
                self._do(job, process)
                del job  # an idle thread must not keep what a call was given
                continue
            process.end()
            if self._retire():
                return

    def _next(self) -> Job | None:
        """The next call, or None when there was none for a while or will be none."""
        with self._changed:
            called = True
            while not self._jobs:
                if self._closed or not called:
                    return None
                self._idle += 1
                called = self._changed.wait(self._idle_seconds)
                self._idle -= 1
            return self._jobs.popleft()

    def _retire(self) -> bool:
        """Whether this thread may end: it is needed after all where a call came while it ended its process."""
        with self._changed:
            if self._jobs:
                return False
            self._threads.discard(threading.current_thread())
            return True

    def _do(self, job: Job, process: Process) -> None:
        result, error = None, None
        try:
            if not job.future.cancelled():
                result, error = _outcome(job, _ask(job, _packed(job), process))
        except BaseException as failed:
            error = failed
        if not self._left:  # this process ends; a call that it left was neither made nor did it fail
            job.future.leave(result, error)

    def _leave(self) -> None:
        """This process ends: what is going on is given up, and nobody is told."""
        self._left = self._closed = True
        self._jobs.clear()
        for process in tuple(self._processes):
            process.end()

    def _after_fork(self) -> None:
        for process in self._processes:
            process.forget()
        self._begin()


class Call(Future[Any]):
    """A call: pending until it has ended, so that it can be cancelled until then."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._process: Process | None = None

    def enter(self, process: Process) -> bool:
        """From now on `process` makes the call; False where it is no longer wanted."""
        with self._lock:
            self._process = process
        return not self.cancelled()

    def leave(self, result: Any, error: BaseException | None) -> None:
        """The call has ended, and its process is free for the next."""
        with self._lock:
            self._process = None
        if not self.set_running_or_notify_cancel():
            return
        if error is None:
            self.set_result(result)
        else:
            self.set_exception(error)

    def cancel(self) -> bool:
        """Cancel the call; one that is being made is ended with its process. False where it has ended before."""
        if not super().cancel():
            return False
        with self._lock:
            if self._process is not None:
                self._process.kill()
        return True

    def running(self) -> bool:
        """Whether a worker is making the call."""
        return self._process is not None and not self.done()


class Job(NamedTuple):
    """A call that was asked for, by whom, and all that it needs."""

    future: Call
    context: Context
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @property
    def name(self) -> str:
        """The function's name; whoever wraps it in a partial may give that a `__name__`."""
        function: Any = self.function
        while isinstance(function, partial) and not hasattr(function, "__name__"):
            function = function.func
        return str(getattr(function, "__name__", type(function).__name__))


class Process:
    """A worker process, started when it is first asked for something, and again after it has died.

    Its thread alone starts, asks and ends it; `kill` may come from any other. `running` are those of one executor.
    """

    def __init__(self, running: set[Process]) -> None:
        self._running, self._lock = running, threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._pipes: tuple[FileIO, ...] = ()
        self.begun = False  # whether the last call has reached it
        self.ended = ""  # how it ended, in words

    @property
    def pid(self) -> int | None:
        """The id of the process, or None where none runs."""
        return self._child.pid if self._child else None

    def start(self) -> None:
        """Start the process, unless it runs."""
        if self._child is not None:
            return
        theirs, ours = _pipes()
        try:
            child = subprocess.Popen(
                [sys.executable, "-P", WORKER, *map(str, theirs)],
                stdin=subprocess.DEVNULL,
                pass_fds=theirs,
                start_new_session=True,  # the stop button interrupts us, and a cancelled call ends with its children
            )
        except BaseException:
            _close(ours)
            raise
        finally:
            _close(theirs)
        self._pipes = (FileIO(ours[0], "w"), FileIO(ours[1]), FileIO(ours[2], "w"))
        with self._lock:
            self._child = child
        self._running.add(self)

    def ask(self, packed: bytes, printed: Callable[[bytes, Content], None]) -> Answer | None:
        """Have a call made: what came of it, or None where the process died."""
        calls, answers, _ = self._pipes
        self.begun = False
        try:
            worker.send(calls, worker.PLACE, _place())
            worker.send(calls, worker.CALL, packed)
            while True:
                kind, content = worker.receive(answers)
                if kind == worker.BEGUN:
                    self.begun = True
                elif kind in STREAMS:
                    printed(kind, content)
                else:
                    return kind, content
        except (EOFError, BrokenPipeError):
            self.end()
            return None
        except BaseException:
            self.end()
            raise

    def kill(self) -> None:
        """End the process and those that its calls have started; its thread finds out by itself."""
        with self._lock:
            if self._child is not None:
                _kill(self._child)

    def end(self) -> None:
        """End the process, if it runs, and leave nothing of it behind."""
        with self._lock:
            child, self._child = self._child, None
            if child is None:
                return
            _kill(child)  # before it is waited for: until then nobody else can have its id
        self.ended = _in_words(child.wait())
        self._running.discard(self)
        for pipe in self._pipes:
            pipe.close()

    def forget(self) -> None:
        """For a child by fork, to which the process does not belong."""
        self._lock = threading.Lock()
        if self._child is not None:
            self._child.returncode = 0
            self._child = None
        for pipe in self._pipes:
            pipe.close()


_all: WeakSet[Processes] = WeakSet()


def _pipes() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Descriptors for the worker and for us: the calls, the answers, and the lifeline, which closes when we end."""
    made: list[int] = []
    try:
        for _ in range(3):
            made += os.pipe()
    except BaseException:
        _close(made)
        raise
    read_calls, write_calls, read_answers, write_answers, read_lifeline, write_lifeline = made
    return (read_calls, write_answers, read_lifeline), (write_calls, read_answers, write_lifeline)


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _kill(child: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):  # nothing of it is left
        os.killpg(child.pid, signal.SIGKILL)


def _in_words(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        return f"was ended by signal {-code}"
    return f"was ended by {name}{CAUSES.get(name, '')}"


def _place() -> bytes:
    """Where a call is to be made; each call is told, for a notebook changes these while its workers live."""
    try:
        directory: str | None = os.getcwd()
    except OSError:
        directory = None
    import pickle  # late, as cloudpickle is

    return pickle.dumps((directory, sys.path, sys.argv, dict(os.environ)))


def _packed(job: Job) -> bytes:
    try:
        return worker.dumps((job.function, job.args, job.kwargs))
    except Exception as error:
        what = _culprit(job)
        raise RunError(
            f"{job.name} cannot be sent to a process{what}: {told(error)}. "
            f"Give it plain data, and open or connect what it needs inside of it."
        ) from error


def _culprit(job: Job) -> str:
    """Which part of a call cannot be sent, where it can be found."""
    for name, value in _arguments(job).items():
        if not _can_be_sent(value):
            return f", because of its argument {name}, {brief(value)}"
    for name, value in _outer(job.function).items():
        if not _can_be_sent(value):
            return f", because of {name}, which it uses, {brief(value)}"
    return ""


def _arguments(job: Job) -> dict[str, Any]:
    import inspect

    try:
        bound = inspect.signature(job.function).bind(*job.args, **job.kwargs)
    except (TypeError, ValueError):  # it takes others, or tells nothing
        return {**{str(index): value for index, value in enumerate(job.args, 1)}, **job.kwargs}
    bound.apply_defaults()  # where a partial keeps what it was given
    return dict(bound.arguments)


def _outer(function: Any) -> dict[str, Any]:
    import inspect

    try:
        names = inspect.getclosurevars(function)
    except (TypeError, ValueError):
        return {}
    return {**names.globals, **names.nonlocals}


def _can_be_sent(value: Any) -> bool:
    try:
        worker.dumps(value)
    except Exception:
        return False
    return True


def _ask(job: Job, packed: bytes, process: Process) -> Answer | None:
    """What came of a call, or None where it is not wanted.

    Raises:
        WorkerDied: the process died of it.
        RunError: no process can be started.
    """
    decoders = {kind: getincrementaldecoder("utf-8")("replace") for kind in STREAMS}

    def printed(kind: bytes, content: Content) -> None:
        text = decoders[kind].decode(content)
        if not job.future.cancelled():
            with suppress(Exception):  # that nobody can read it is no failure of the call
                job.context.run(getattr(sys, STREAMS[kind]).write, text)

    for _ in range(2):  # one that died while it was idle never began: the call goes to the next
        try:
            process.start()
        except OSError as error:
            raise RunError(f"no process could be started for {job.name}: {error}.") from error
        if not job.future.enter(process):
            return None
        answer = process.ask(packed, printed)
        if answer is not None or job.future.cancelled():
            return answer
        if process.begun:
            break
    raise WorkerDied(
        f"{job.name} was cut off: its worker process {process.ended}. "
        f"No other call was harmed; run it again, or let `--retry` do so."
    )


def _outcome(job: Job, answer: Answer | None) -> tuple[Any, BaseException | None]:
    """What a call returned, or its error."""
    if answer is None:
        return None, None
    kind, content = answer
    if kind == worker.FAILED:
        return None, _failure(content)
    if kind == worker.UNREADABLE:
        return None, RunError(f"{job.name} or its arguments cannot be read in the worker process: {content.decode()}.")
    if kind == worker.UNSENDABLE:
        return None, RunError(
            f"what {job.name} returned cannot be sent back from its process: {content.decode()}. Return plain data."
        )
    try:
        return worker.loads(content), None
    except Exception as error:
        return None, RunError(f"what {job.name} returned cannot be read: {type(error).__name__}: {told(error)}.")


def _failure(content: Content) -> BaseException:
    """The error of a call, with its traceback there as a note."""
    import pickle

    kind, message, traceback, packed = pickle.loads(content)
    try:
        loaded = worker.loads(packed)
    except Exception:
        loaded = None
    error = loaded if isinstance(loaded, BaseException) else RuntimeError(f"{kind}: {message}")
    if isinstance(traceback, bytes):
        traceback = "".join(worker.loads(traceback).format())
    error.add_note("in its worker process:\n" + traceback.rstrip())
    return error


@atexit.register
def _leave_all() -> None:
    for processes in tuple(_all):
        processes._leave()


def _after_fork() -> None:
    for processes in tuple(_all):
        processes._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
