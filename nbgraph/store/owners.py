"""Owners: which process has a run, and whether it is still there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from functools import cache
from typing import NamedTuple


class Process(NamedTuple):
    """A process, told apart from every other one, also from a later one with the same number.

    `machine` names the boot and the space of process numbers in which `pid` and `started` mean something; it is empty
    where that is not known, and then only the lease tells whether the process is there.
    """

    pid: int
    host: str
    machine: str
    started: str

    def ended(self) -> bool:
        """Whether it is known to have ended; False where that cannot be known."""
        return bool(self.machine) and self.machine == machine() and started(self.pid) != self.started

    def alive(self, lease_until: float, now: float) -> bool:
        """Whether it goes on by what is known: it has a lease, and is not known to have ended."""
        return now < lease_until and not self.ended()


def this_process() -> Process:
    """The process that asks."""
    pid = os.getpid()
    return Process(pid, socket.gethostname(), machine(), started(pid))


@cache
def machine() -> str:
    """The boot of this machine and its space of process numbers; empty where they are not known."""
    try:
        if sys.platform == "linux":
            with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
                return f"{file.read().strip()} {os.readlink('/proc/self/ns/pid')}"
        if sys.platform == "darwin":
            return _said("sysctl", "-n", "kern.boottime")
    except OSError:
        pass
    return ""


def started(pid: int) -> str:
    """When a process of this machine started, as the system tells it; empty where it runs no more."""
    return _in_proc(pid) if sys.platform == "linux" else _said("ps", "-o", "lstart=", "-p", str(pid))


def _in_proc(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()  # what is in brackets before is the name, any text
    except OSError:
        return ""
    state, since = fields[0], fields[19]
    return "" if state in (b"Z", b"X") else since.decode()  # a zombie does nothing more


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
