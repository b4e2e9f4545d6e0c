"""What runs in a worker process: it reads calls from one pipe, makes them, and writes what comes of them to another.

It is started as a file, so that a worker imports nothing of nbgraph that its calls do not ask for; the two sides share
the form of their messages: one byte that tells the kind, eight for the length, and the content.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Content = bytes | bytearray
PLACE, CALL = b"p", b"c"  # to the worker: where it shall be, and what it shall call there
BEGUN, OUT, ERR = b"b", b"1", b"2"  # from the worker: it has the call; what the call prints
RESULT, FAILED, UNREADABLE, UNSENDABLE = b"r", b"f", b"u", b"s"  # how a call ended
JOINED = 1 << 16  # a message up to this size is written at once
NBGRAPH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def send(pipe: io.FileIO, kind: bytes, content: bytes = b"") -> None:
    """Write a message."""
    head = kind + len(content).to_bytes(8, "big")
    for part in [head + content] if len(content) < JOINED else [head, content]:
        left = memoryview(part)
        while left:
            left = left[pipe.write(left) :]


def receive(pipe: io.FileIO) -> tuple[bytes, Content]:
    """Read a message: its kind and its content; EOFError where the other side is gone."""
    head = _read(pipe, 9)
    return bytes(head[:1]), _read(pipe, int.from_bytes(head[1:], "big"))


def _read(pipe: io.FileIO, size: int) -> bytearray:
    content, filled = bytearray(size), 0
    with memoryview(content) as view:
        while filled < size:
            count = pipe.readinto(view[filled:])
            if not count:
                raise EOFError
            filled += count
    return content


def dumps(thing: Any) -> bytes:
    """Pickle `thing`: by value what an import would not find, such as the functions and classes of a notebook."""
    return bytes(_cloudpickle().dumps(thing))


def loads(pickled: Content) -> Any:
    """The thing that was pickled."""
    return _cloudpickle().loads(pickled)


def _cloudpickle() -> Any:
    import cloudpickle  # type: ignore[import-untyped]  # late, for it takes as long as all of nbgraph.executors

    return cloudpickle


class Answers:
    """The pipe back. What is printed while no call is being made is dropped, for nobody reads it then."""

    def __init__(self, pipe: io.FileIO) -> None:
        self._pipe, self._lock, self._calling = pipe, threading.RLock(), False

    def begin(self) -> None:
        """A call has been read; from now on it is this worker's, and what is printed is the call's."""
        sys.stdout, sys.stderr = _stream(self, OUT), _stream(self, ERR)  # the last call may have closed its own
        with self._lock:
            self._calling = True
            send(self._pipe, BEGUN)

    def printed(self, kind: bytes, text: bytes) -> None:
        """Send what a call prints; from any thread."""
        with self._lock:
            if self._calling:
                send(self._pipe, kind, text)

    def end(self, kind: bytes, content: bytes) -> None:
        """Send how the call ended, after all that it printed."""
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):  # it may have been closed, or be anything at all
                stream.flush()
        with self._lock:
            self._calling = False
            send(self._pipe, kind, content)


class Printed(io.RawIOBase):
    """Where stdout and stderr of a worker end."""

    def __init__(self, answers: Answers, kind: bytes) -> None:
        self._answers, self._kind = answers, kind

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return int(self._kind)  # for a subprocess that is handed sys.stdout

    def write(self, text: Any) -> int:
        self._answers.printed(self._kind, bytes(text))
        return len(text)


def _stream(answers: Answers, kind: bytes) -> io.TextIOWrapper:
    raw = io.BufferedWriter(Printed(answers, kind))
    return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", newline="\n", line_buffering=True)


def _go_to(place: tuple[str | None, list[str], list[str], dict[str, str]]) -> None:
    """Be where the caller is: its directory, its imports, its arguments and its environment."""
    directory, sys.path[:], sys.argv[:], environment = place
    if directory is not None:
        with suppress(OSError):  # it may be gone; a call that needs it will say so
            os.chdir(directory)
    if dict(os.environ) != environment:
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        os.environ.update(environment)


def _made(call: Content) -> tuple[bytes, bytes]:
    """Make a call; how it ended, as a message. No error of a call is one of the worker."""
    try:
        function, args, kwargs = loads(call)
    except BaseException as error:
        return UNREADABLE, f"{type(error).__name__}: {_text(error)}".encode()
    try:
        result = function(*args, **kwargs)
    except BaseException as error:
        return FAILED, _failure(error)
    try:
        return RESULT, dumps(result)
    except BaseException as error:
        return UNSENDABLE, f"{type(result).__name__}, {type(error).__name__}: {_text(error)}".encode()


def _failure(error: BaseException) -> bytes:
    """An error: its type, its message, its traceback and itself, each as far as it can be sent."""
    import pickle
    import traceback

    while error.__traceback__ and error.__traceback__.tb_frame.f_code.co_filename.startswith(NBGRAPH):
        error.__traceback__ = error.__traceback__.tb_next
    if isinstance(error, StopIteration):  # a future of asyncio cannot carry one, and would never be done
        stopped, error = error, RuntimeError("the call raised StopIteration")
        error.__cause__ = stopped
    # lines are looked up by the caller, who knows the source of notebook cells
    told = traceback.TracebackException.from_exception(error, lookup_lines=False, compact=True)
    sent = _pickled(told) or "".join(told.format())
    return pickle.dumps((type(error).__name__, _text(error), sent, _pickled(error)))


def _pickled(thing: Any) -> bytes | None:
    try:
        return dumps(thing)
    except BaseException:
        return None


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:
        return "(its message cannot be shown)"


def _end_with(lifeline: io.FileIO) -> None:
    """End this process, and those that its calls have started, as soon as the parent is gone."""
    import signal

    def watch() -> None:
        lifeline.read(1)  # nobody ever writes: it returns when the other end is closed
        os.killpg(os.getpgrp(), signal.SIGKILL)

    if sys.platform == "linux":  # here the system does it, also while a call in C never lets our thread run
        import fcntl

        flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
    threading.Thread(target=watch, name="nbgraph-lifeline", daemon=True).start()


def _after_fork(pipes: list[io.FileIO]) -> Callable[[], None]:
    """For a process that a call forks: it must not speak for this worker, nor hold its pipes open after its death."""

    def let_go() -> None:
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        for pipe in pipes:
            pipe.close()

    return let_go


def serve(calls: io.FileIO, answers: Answers) -> None:
    """Make one call after the other until the parent closes the pipe."""
    import pickle

    while True:
        try:
            kind, content = receive(calls)
        except (EOFError, KeyboardInterrupt):
            return
        if kind == PLACE:
            _go_to(pickle.loads(content))
            continue
        answers.begin()
        ended = _made(content)
        del content  # an idle worker must not keep what it was given
        answers.end(*ended)
        del ended


def main(descriptors: list[str]) -> None:
    """Serve the parent that holds the other ends: of the calls, the answers, and the lifeline."""
    for descriptor in descriptors:
        os.set_inheritable(int(descriptor), False)
    calls, lifeline = io.FileIO(int(descriptors[0])), io.FileIO(int(descriptors[2]))
    answers = io.FileIO(int(descriptors[1]), "w")
    _end_with(lifeline)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork([calls, answers, lifeline]))
    serve(calls, Answers(answers))


if __name__ == "__main__":
    main(sys.argv[1:])
