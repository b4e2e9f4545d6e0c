"""Another process that has a run: it is told by lines what to do, and answers each with one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Child:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process, self.pid = process, process.pid

    def __call__(self, line: str) -> str:
        """Have it do something; what came of it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def kill(self, with_signal: signal.Signals = signal.SIGKILL) -> None:
        self.process.send_signal(with_signal)
        if with_signal is signal.SIGKILL:
            self.process.wait()


@contextmanager
def child(path: Path, lease: float = 30.0, user: int | None = None) -> Iterator[Child]:
    """A process with a store at `path`."""
    command = [sys.executable, "-m", "tests.store.sqlite_child", str(path), str(lease), str(user or "")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen(command, text=True, cwd=ROOT, **pipes)  # type: ignore[call-overload]
    with process:
        try:
            yield Child(process)
        finally:
            process.kill()


def main(path: str, lease: str, user: str) -> None:
    from nbgraph.core.approvals import Answer
    from nbgraph.store.sqlite import SqliteStore
    from tests.store.sqlite_writing import ask, keep, question, record, step

    store, logs = SqliteStore(path, synchronous="NORMAL", lease=float(lease)), {}
    todo = {
        "create": lambda run: logs.update({run: store.create(record(run))}),
        "open": lambda run: logs.update({run: store.open(run)}),
        "keep": lambda run, number: keep(logs[run], step(int(number))),
        "ask": lambda run: ask(logs[run], question(run_id=run)),
        "answer": lambda run: store.answer(run, Answer("approve", "", {}, "the child", 1.0)),
        "close": lambda run: logs[run].close(),
    }
    if user:
        os.setuid(int(user))  # all that is needed has been imported
    for line in sys.stdin:
        what, *more = line.split()
        try:
            todo[what](*more)
            print("done", flush=True)
        except Exception as error:
            print(type(error).__name__, error, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
