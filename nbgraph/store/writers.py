"""Writers: one for each file that this process writes to; they end with the process, and a fork begins anew."""

from __future__ import annotations

import atexit
import os
import threading

from nbgraph.store.writer import Writer

_writers: dict[str, Writer] = {}
_lock = threading.Lock()
_abandoned: list[Writer] = []  # their connections are the parent's: closed here they would end its locks


def writer_of(path: str, synchronous: str, wait: float, lease: float) -> Writer:
    """The writer of a file; where one wants FULL it is FULL for all, else it is as the first one wanted."""
    with _lock:
        writer = _writers.get(path)
        if writer is None:
            writer = _writers[path] = Writer(path, synchronous, wait, lease)
    if synchronous == "FULL" != writer.file.synchronous:
        writer.file.synchronous = "FULL"
        writer.do(lambda connection: connection.execute("PRAGMA synchronous = FULL") and None, whole=False)
    return writer


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    for writer in _writers.values():
        writer.abandon()
    _abandoned.extend(_writers.values())
    _writers.clear()


def _at_exit() -> None:
    for writer in list(_writers.values()):
        writer.end()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
