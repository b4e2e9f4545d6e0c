"""The file of a writer: its connection, its transactions, and whether it is still the one that was opened."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from nbgraph.errors import StoreDamaged, StoreError
from nbgraph.store.database import explained, identity, make_file, writing
from nbgraph.store.migrations import migrate

LOOK = 0.25  # seconds between looks at what stands under the file's name
_T = TypeVar("_T")


class File:
    """For the writer's thread alone.

    Attributes:
        notice: what the file system lacks, or an empty text.
    """

    def __init__(self, path: str, synchronous: str, wait: float) -> None:
        self.path, self.synchronous, self.wait = path, synchronous, wait
        self.notice = ""
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._looked = 0.0

    def connection(self, *, kept: bool) -> sqlite3.Connection:
        """The connection to the file, which is made where there is none.

        Args:
            kept: whether runs are being kept in it; then another file in its place is an error.
        """
        if self._connection is not None:
            if self._is_same():
                return self._connection
            if kept:
                raise self._moved()
        self.close()
        make_file(self.path)
        connection, self.notice = writing(self.path, self.synchronous, self.wait)
        try:
            migrate(connection, self.path)
        except BaseException:
            connection.close()
            raise
        self._connection, self._file, self._looked = connection, identity(self.path), time.monotonic()
        return connection

    def within(self, connection: sqlite3.Connection, done: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do something in one transaction."""
        try:
            connection.execute("BEGIN IMMEDIATE")
            made = done(connection)
            connection.execute("COMMIT")
        except BaseException:
            self.look()  # it may be that the file is gone
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise
        return made

    def explained(self, error: BaseException) -> Exception:
        """What is told of an error."""
        if isinstance(error, sqlite3.Error | OSError | UnicodeError):
            return self._moved() if self.gone() else explained(error, self.path, self.wait)
        return error if isinstance(error, Exception) else StoreError(f"the store {self.path} was interrupted.")

    def gone(self) -> bool:
        """Whether the file that was opened stands there no more."""
        return self._connection is not None and not self._is_same()

    def look(self) -> None:
        """Look at the file's name with the next use, however short ago that was done."""
        self._looked = 0.0

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None

    def _is_same(self) -> bool:
        now = time.monotonic()
        if now - self._looked < LOOK:
            return True
        same = identity(self.path) == self._file
        self._looked = now if same else 0.0
        return same

    def _moved(self) -> StoreError:
        return StoreError(
            f"the store {self.path} was moved or deleted while runs were kept in it; put it back, then resume."
        )


def is_of_all(error: Exception) -> bool:
    """Whether an error has nothing to do with one run of several."""
    if isinstance(error, StoreError):
        return not isinstance(error, StoreDamaged)
    return isinstance(error, sqlite3.OperationalError | OSError)
