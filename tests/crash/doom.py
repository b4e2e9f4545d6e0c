"""Doom: the named place at which a child kills itself, and the file in which it says first that it got there."""

from __future__ import annotations

import os
import signal
from typing import NoReturn


class Doom:
    """A child dies at the boundary `name` of the task `task`, after `fired` has been written.

    `named` may be empty, for no boundary; `task` where the boundary is that of no task.
    """

    def __init__(self, named: str, fired: str) -> None:
        self.name, _, self.task = named.partition("@")
        self._fired = fired

    def reach(self, name: str, task: str = "") -> None:
        """Die here if this is the place."""
        if (self.name, self.task) == (name, task):
            self.strike()

    def strike(self) -> NoReturn:
        """Say that the place was reached, and die."""
        self.say(self.name + (f"@{self.task}" if self.task else ""))
        self.die()

    def die(self) -> NoReturn:
        """Die by SIGKILL."""
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("nobody survives SIGKILL")

    def say(self, line: str) -> None:
        """Add a line to the file."""
        file = os.open(self._fired, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(file, f"{line}\n".encode())
        os.fsync(file)
        os.close(file)
