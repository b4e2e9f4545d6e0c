"""The witness: a file outside of the store to which all processes of a test add lines, so that it has one order.

A line is safe before a node returns, and says which process did what: `effect` of a task at an attempt, or that a task
was `shown` as finished, as which step.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class Line(NamedTuple):
    """What a process did: `number` is that of the attempt, or of the step that was shown."""

    pid: int
    said: str
    task: str
    number: int


class Witness:
    """Adds lines to the file at `path`, and reads them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def tell(self, said: str, task: str, number: int) -> None:
        """Add a line; when this returns an effect is on disk, and what was shown outlives the process at least."""
        os.write(self._file, f"{os.getpid()} {said} {task} {number}\n".encode())
        if said == "effect":
            os.fsync(self._file)

    def lines(self, pid: int | None = None) -> list[Line]:
        """What was told so far, by one process or by all."""
        text = self.path.read_text()
        told = (line.split() for line in text[: text.rfind("\n") + 1].splitlines())  # one may be half written yet
        lines = [Line(int(who), said, task, int(number)) for who, said, task, number in told]
        return [line for line in lines if pid in (None, line.pid)]

    def effects(self, pid: int | None = None) -> list[str]:
        """The tasks that had their effects, in order."""
        return [line.task for line in self.lines(pid) if line.said == "effect"]

    def attempts(self, task: str) -> list[int]:
        """The attempts at which a task had its effect, in order."""
        return [line.number for line in self.lines() if (line.said, line.task) == ("effect", task)]

    @property
    def shown(self) -> dict[int, str]:
        """The tasks that were shown as finished, by the numbers of their steps."""
        found: dict[int, str] = {}
        for line in self.lines():
            if line.said == "shown":
                assert found.setdefault(line.number, line.task) == line.task, f"step {line.number} was shown as two"
        return found

    @property
    def repeated(self) -> dict[str, int]:
        """How often the effects of tasks were repeated, of those that were."""
        return repeated(self.effects())

    def after_shown(self) -> list[Line]:
        """The effects that tasks had although they had been shown as finished."""
        finished, late = set[str](), list[Line]()
        for line in self.lines():
            if line.said == "shown":
                finished.add(line.task)
            elif line.task in finished:
                late.append(line)
        return late


def repeated(effects: Iterable[str]) -> dict[str, int]:
    """How often each is there again."""
    return {task: count - 1 for task, count in Counter(effects).items() if count > 1}
