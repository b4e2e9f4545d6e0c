"""A database is brought to the present schema by numbered steps, each of which is done in whole or not at all."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from nbgraph.errors import StoreError
from nbgraph.store import migrations
from nbgraph.store.migrations import APPLICATION, STEPS, VERSION, migrate
from nbgraph.store.sqlite import SqliteStore
from tests.store.sqlite_writing import record


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def base(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def tables(base: sqlite3.Connection) -> set[str]:
    return {name for (name,) in base.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def version(base: sqlite3.Connection) -> int:
    found: int = base.execute("PRAGMA user_version").fetchone()[0]
    return found


def test_the_steps_are_numbered_without_a_gap() -> None:
    assert [int(step.name[:4]) for step in STEPS] == list(range(1, VERSION + 1))


def test_an_empty_database_gets_the_present_schema(base: sqlite3.Connection) -> None:
    migrate(base, "runs.db")
    assert version(base) == VERSION
    assert base.execute("PRAGMA application_id").fetchone() == (APPLICATION,)
    assert {"runs", "log", "approvals", "snapshots", "blobs"} <= tables(base)
    migrate(base, "runs.db")


def test_a_step_that_fails_leaves_nothing_behind(
    base: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "0002_broken.sql"
    broken.write_text("CREATE TABLE more (a);\nCREATE TABLE runs (a);\n")
    monkeypatch.setattr(migrations, "STEPS", (*STEPS[:1], broken))
    monkeypatch.setattr(migrations, "VERSION", 2)
    with pytest.raises(sqlite3.OperationalError):
        migrate(base, "runs.db")
    assert version(base) == 1
    assert "more" not in tables(base)


def test_several_that_bring_it_up_at_once_do_it_once(path: Path) -> None:
    failed = list[BaseException]()
    barrier = threading.Barrier(4)

    def work() -> None:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
            barrier.wait(30)
            try:
                migrate(connection, "runs.db")
            except BaseException as error:
                failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failed == []


def test_a_newer_database_is_refused_and_left_as_it_is(path: Path, base: sqlite3.Connection) -> None:
    migrate(base, "runs.db")
    base.execute("PRAGMA user_version = 99")
    store = SqliteStore(path)
    for use in (store.runs, lambda: store.create(record())):
        with pytest.raises(StoreError, match=r"runs\.db was written by a newer nbgraph: its schema is version 99"):
            use()
    assert version(base) == 99


def test_a_database_of_another_program_is_refused_and_left_as_it_is(path: Path, base: sqlite3.Connection) -> None:
    base.execute("CREATE TABLE theirs (a)")
    store = SqliteStore(path)
    for use in (store.runs, lambda: store.create(record())):
        with pytest.raises(StoreError, match=r"runs\.db is a database of another program; give another path"):
            use()
    assert tables(base) == {"theirs"}
