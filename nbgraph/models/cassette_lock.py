"""Locks of cassettes: while one program changes a file, others that record into the same folder wait."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST = 5.0  # seconds to wait for another program; what has stopped must not stop this one too


@contextmanager
def alone(folder: str) -> Iterator[None]:
    """Let no other program that asks for it work in the folder meanwhile; without effect where that cannot be said."""
    held = _opened(folder)
    try:
        until = time.monotonic() + LONGEST
        while held is not None and not _locked(held) and time.monotonic() < until:
            time.sleep(0.01)
        yield
    finally:
        if held is not None:
            os.close(held)  # which ends the lock


def _opened(folder: str) -> int | None:
    try:
        return os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders; a folder that is gone is told when the file is written
        return None


def _locked(held: int) -> bool:
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network drives have no locks
        return True
    return True
