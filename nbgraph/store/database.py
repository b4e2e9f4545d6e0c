"""Databases as files: made so that only their user can read them, opened, and what goes wrong told in a sentence."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from nbgraph.errors import StoreDamaged, StoreError
from nbgraph.store.migrations import VERSION, checked_version

FOLDER = ".nbgraph"  # the default folder, which is ours

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)
_ADVICE = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space, then resume",
    sqlite3.SQLITE_READONLY: "the file or its folder is read-only; make both writable, or give another path",
    sqlite3.SQLITE_PERM: "this user may not use it; change its permissions, or give another path",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened; see that its folder is there and writable",
    sqlite3.SQLITE_IOERR: "the disk fails; see that it is connected and sound",
    sqlite3.SQLITE_NOTADB: "this is no database; give another path, or put the file back from a copy",
}


def explained(error: Exception, path: str, wait: float = 0.0) -> StoreError:
    """What an error of SQLite or of the system means for the store at `path`, and what to do."""
    if isinstance(error, StoreError):
        return error
    if isinstance(error, OSError):
        return StoreError(f"the store {path} cannot be used: {_of_system(error)}.")
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code in _BUSY:
        return StoreError(
            f"the store {path} was locked by another process for more than {wait:g} seconds; "
            f"end what keeps it locked, then resume."
        )
    if code in _ADVICE:
        return StoreError(f"the store {path} cannot be used: {_ADVICE[code]} ({error}).")
    return StoreDamaged(f"the store {path} is damaged: {error}. Put it back from a copy, or salvage its runs.")


def _of_system(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return "this user may not write there; change the permissions, or give another path"
    if error.errno == errno.EROFS:
        return "its disk is read-only; give another path"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; free some space, then resume"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return "there is a file where its folder should be; give another path"
    return f"{error.strerror or error}"


def make_file(path: str) -> None:
    """Make the file and its folder where they are missing, for this user alone.

    A folder that was made for it, or that is the default one, is kept out of version control.
    """
    folder = Path(path).parent
    new = not folder.exists()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if new or folder.name == FOLDER:
        _leave_out(folder / ".gitignore")
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        _sync_folder(folder)


def _leave_out(file: Path) -> None:
    with suppress(FileExistsError), open(file, "x", encoding="utf-8") as ignored:
        ignored.write("*\n")


def _sync_folder(folder: Path) -> None:
    """A new file's name is on disk once its folder is; where folders cannot be synced the system sees to it."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def writing(path: str, synchronous: str, wait: float) -> tuple[sqlite3.Connection, str]:
    """A connection to write with, and what its file system lacks, or an empty text."""
    connection = sqlite3.connect(_address(path, "rw"), uri=True, timeout=wait, isolation_level=None)
    try:
        checked_version(connection, path)
        mode = _journal(connection, time.monotonic() + wait)
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA trusted_schema = OFF")
    except BaseException:
        connection.close()
        raise
    if mode == "wal":
        return connection, ""
    return connection, (
        f"the file system of {path} has no shared memory for SQLite's write-ahead log (it may be a network drive): "
        f"the store uses a rollback journal there, which is slower, and readers and writers wait for each other. "
        f"A path on a local disk avoids that."
    )


def _journal(connection: sqlite3.Connection, until: float) -> str:
    """The journal that is had; to change it no other process may look, and SQLite does not wait by itself."""
    while True:
        try:
            mode: str = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            return mode if mode == "wal" else connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _BUSY or time.monotonic() > until:
                raise
            time.sleep(0.02)


def reading(path: str, wait: float) -> sqlite3.Connection | None:
    """A connection to read with, or None where there is nothing to read yet: no file, or not of the present schema."""
    if not os.path.exists(path):
        return None
    connection = sqlite3.connect(_address(path, "ro"), uri=True, timeout=wait, isolation_level=None)
    try:
        version = checked_version(connection, path)
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CANTOPEN or os.path.exists(path + "-wal"):
            raise
        connection = sqlite3.connect(_address(path, "ro") + "&immutable=1", uri=True, isolation_level=None)
        version = checked_version(connection, path)  # in a read-only folder, where nobody else writes either
    except BaseException:
        connection.close()
        raise
    if version == VERSION:
        return connection
    connection.close()
    return None


def _address(path: str, mode: str) -> str:
    return f"file:{quote(path)}?mode={mode}"


def identity(path: str) -> tuple[int, int] | None:
    """Which file stands at a path; None where none can be seen."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
