"""Leases: a process that has runs says now and then that it is still there, by one row for all of them."""

from __future__ import annotations

import sqlite3
import time

from nbgraph.store.owners import Process
from nbgraph.store.rows import checksum


class Lease:
    """That of this process on the runs of one file, for so many `seconds`. For the writer's thread alone."""

    def __init__(self, process: Process, seconds: float) -> None:
        self.process, self.seconds = process, seconds
        self._number: int | None = None

    def own(self, connection: sqlite3.Connection) -> int:
        """The number of this process among the owners, whose lease begins anew; within a transaction."""
        now = time.time()
        if self._number is None or not self._renew(connection, now):
            connection.execute(
                "DELETE FROM owners WHERE lease_until < ? AND number NOT IN"
                " (SELECT owner FROM runs WHERE owner IS NOT NULL)",
                (now,),
            )
            added = connection.execute("INSERT INTO owners VALUES (NULL, ?, ?, ?, ?, 0, 0)", self.process)
            self._number = int(added.lastrowid or 0)
            self._renew(connection, now)
        return self._number

    def _renew(self, connection: sqlite3.Connection, now: float) -> bool:
        row = (self._number, *self.process, now + self.seconds)
        done = connection.execute(
            "UPDATE owners SET lease_until = ?, checksum = ?"
            " WHERE number = ? AND pid = ? AND machine = ? AND started = ?",  # in another file another may have it
            (row[-1], checksum(row), self._number, self.process.pid, *self.process[2:]),
        )
        return done.rowcount == 1
