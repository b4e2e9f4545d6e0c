"""Migrations: the numbered steps that bring a database to the present schema, each in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from nbgraph.errors import StoreError

APPLICATION = 0x6E626772  # "nbgr", in the header of each of our files
STEPS = tuple(sorted(Path(__file__).parent.glob("[0-9]*.sql")))
VERSION = len(STEPS)


def migrate(connection: sqlite3.Connection, path: str) -> None:
    """Bring a database to the present schema.

    Raises:
        StoreError: a newer nbgraph made it, or another program.
    """
    while (version := checked_version(connection, path)) < VERSION:
        connection.execute("BEGIN IMMEDIATE")
        try:
            if _pragma(connection, "user_version") == version:  # else another process was faster
                _step(connection, version + 1)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def checked_version(connection: sqlite3.Connection, path: str) -> int:
    """The version of a database's schema, 0 where it is empty; StoreError where it is none of ours."""
    version = _pragma(connection, "user_version")
    if version > VERSION:
        raise StoreError(
            f"{path} was written by a newer nbgraph: its schema is version {version}, and this nbgraph reads up to "
            f"{VERSION}. Install the newer one, or give another path."
        )
    empty = version == 0 and connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    if not empty and _pragma(connection, "application_id") != APPLICATION:
        raise StoreError(f"{path} is a database of another program; give another path.")
    return version


def _step(connection: sqlite3.Connection, number: int) -> None:
    for statement in _statements(STEPS[number - 1].read_text(encoding="utf-8")):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {number}")


def _statements(script: str) -> Iterator[str]:
    """Its statements one by one: `executescript` would commit before them."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value
