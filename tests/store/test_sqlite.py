"""What is special to the SQLite store; what it has in common with others is in tests/stores."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nbgraph.core.events import Status
from nbgraph.core.records import Moved, Snapshot
from nbgraph.errors import NoSuchRun, NotStorable, OwnedElsewhere, StoreError
from nbgraph.store import database
from nbgraph.store.sqlite import SqliteStore
from tests.core.running import until
from tests.store.sqlite_writing import LARGE, ask, keep, plain, question, record, shot, step


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "runs.db", synchronous="NORMAL")


def rows(store: SqliteStore, query: str) -> list[Any]:
    with closing(sqlite3.connect(store.path)) as base:
        return base.execute(query).fetchall()


# Files


def test_nothing_is_made_by_reading(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / ".nbgraph" / "runs.db")
    assert (store.runs(), store.approvals(), store.size(), store.compact()) == ([], [], 0, 0)
    for read in (store.run, store.history, store.delete):
        with pytest.raises(NoSuchRun, match="'r'"):
            read("r")
    assert list(tmp_path.iterdir()) == []


def test_the_files_are_for_their_user_alone_and_kept_out_of_version_control(tmp_path: Path) -> None:
    folder = tmp_path / "a" / ".nbgraph"
    store = SqliteStore(folder / "runs.db", synchronous="NORMAL")
    store.create(record())
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir() if file.name != ".gitignore"}
    assert modes == {"runs.db": 0o600, "runs.db-wal": 0o600, "runs.db-shm": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / ".gitignore").read_text() == "*\n"


def test_a_folder_that_was_there_is_left_as_it_is(store: SqliteStore) -> None:
    store.create(record())
    assert not (Path(store.path).parent / ".gitignore").exists()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no database " * 200)
    store = SqliteStore(path)
    for use in (store.runs, lambda: store.create(record())):
        with pytest.raises(StoreError, match=r"notes\.txt cannot be used: this is no database"):
            use()
    assert path.read_text() == "no database " * 200


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file/runs\.db cannot be used: there is a file where its folder should be"):
        SqliteStore(tmp_path / "file" / "runs.db").create(record())


def test_a_synchronous_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'OFF'"):
        SqliteStore(tmp_path / "runs.db", synchronous="OFF")


@pytest.mark.filterwarnings("default:the file system")
def test_a_file_system_without_shared_memory_is_told_of_and_used(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = database._address
    monkeypatch.setattr(database, "_address", lambda path, mode: address(path, mode) + "&vfs=unix-none")
    with pytest.warns(UserWarning, match=r"runs\.db has no shared memory .* A path on a local disk avoids that"):
        log = store.create(record())
    assert store.notice.startswith("the file system of ")
    keep(log, step(1), step(2))
    log.close()
    store.open("r").close()
    assert len(store.history("r").steps) == 2
    assert rows(store, "PRAGMA journal_mode") == [("delete",)]


# Sizes


def test_a_step_takes_few_bytes(store: SqliteStore) -> None:
    log = store.create(record())
    keep(log, *[step(number, text="x" * 100) for number in range(1, 501)])
    log.close()
    store.compact()
    assert os.path.getsize(store.path) / 500 < 100 + 300


def test_a_large_value_is_stored_once_and_compressed(store: SqliteStore) -> None:
    for run in ("r", "s"):
        keep(store.create(record(run)), *[step(number, text=LARGE) for number in (1, 2, 3)])
    assert len(rows(store, "SELECT * FROM blobs")) == 1
    assert store.run("r").bytes + store.run("s").bytes < 3000


def test_what_cannot_be_compressed_is_kept_as_it_is(store: SqliteStore) -> None:
    noise = os.urandom(200_000)
    keep(store.create(record()), step(1, noise=noise))
    assert rows(store, "SELECT size = length(data) FROM blobs") == [(1,)]
    assert plain(store.history("r").entries[0]).writes == (("noise", noise),)


def test_a_large_value_goes_with_the_last_run_that_uses_it(store: SqliteStore) -> None:
    for run in ("r", "s"):
        log = store.create(record(run))
        keep(log, step(1, text=LARGE, own=run * 30_000))
        log.close()
    store.delete("r")
    assert len(rows(store, "SELECT * FROM blobs")) == 2
    assert plain(store.history("s").entries[0]).update["text"] == LARGE
    store.delete("s")
    tables = "log", "runs", "blobs", "blob_uses", "approvals", "snapshots"
    assert [rows(store, f"SELECT count(*) FROM {table}") for table in tables] == [[(0,)]] * len(tables)


def test_compacting_gives_back_the_space_of_what_was_deleted(store: SqliteStore) -> None:
    log = store.create(record())
    keep(log, step(1, noise=os.urandom(500_000)))
    log.close()
    store.delete("r")
    assert store.compact() > 400_000
    assert store.size() < 100_000


def test_the_number_of_a_deleted_run_is_not_used_again(store: SqliteStore) -> None:
    store.create(record()).close()
    store.delete("r")
    store.create(record("s"))
    assert rows(store, "SELECT number FROM runs") == [(2,)]


# Snapshots


def test_snapshots_come_when_the_log_has_outgrown_the_last_one(store: SqliteStore) -> None:
    log, made = store.create(record()), list[int]()

    async def work() -> None:
        for number in range(1, 401):
            await log.keep(step(number, text="x" * 1000))
            log.snapshot(
                lambda number=number: made.append(number) or Snapshot(number, {"t": os.urandom(10_000)}, {}, None)
            )  # type: ignore[func-returns-value, misc]

    asyncio.run(work())
    until(lambda: not log._snapping)
    assert 3 <= len(made) <= 6
    assert made[0] > 60
    taken = store.snapshot("r", 400)
    assert taken is not None
    assert (taken[0].number, taken[1]) == (made[-1], made[-1])


def test_a_snapshot_that_cannot_be_kept_is_just_not_there(store: SqliteStore) -> None:
    log = store.create(record())
    keep(log, step(1))
    shot(log, Snapshot(1, {"lock": object()}, {}, None))
    assert store.snapshot("r", 1) is None
    keep(log, step(2))
    shot(log, Snapshot(2, {"k": 2}, {}, None))
    assert store.snapshot("r", 2) == (Snapshot(2, {"k": 2}, {}, None), 2)


def test_a_snapshot_that_was_under_way_when_the_run_was_let_go_is_kept(store: SqliteStore) -> None:
    log = store.create(record())
    shot(log, Snapshot(0, {}, {}, None), kept=False)
    log.close()
    until(lambda: store.snapshot("r", 0) is not None)
    assert store.run("r").owner is None


# Logs


def test_a_value_that_cannot_be_kept_changes_nothing(store: SqliteStore) -> None:
    log = store.create(record())
    with pytest.raises(NotStorable):
        log.pack((("lock", object()),))
    with pytest.raises(NotStorable):
        keep(log, step(1, lock=object()))
    with pytest.raises(NotStorable):
        store.create(record("s", lock=object()))
    keep(log, step(1))
    assert store.run("r").steps == 1
    assert [run.id for run in store.runs()] == ["r"]


def test_an_entry_is_kept_though_its_loop_was_closed(store: SqliteStore) -> None:
    log = store.create(record())
    loop = asyncio.new_event_loop()
    coroutine = log.keep(step(1))

    async def begin() -> None:
        task = loop.create_task(coroutine)
        await asyncio.sleep(0)
        task.cancel()

    loop.run_until_complete(begin())
    loop.close()
    assert store.run("r").steps == 1
    keep(log, step(2))
    assert store.run("r").steps == 2


def test_what_was_noted_last_is_written_though_the_loop_has_ended(store: SqliteStore) -> None:
    log = store.create(record())

    async def work() -> None:
        log.note(Moved(Status.WAITING, "", 2.0, ("gate",)))

    asyncio.run(work())
    with closing(sqlite3.connect(store.path)) as base:
        for _ in range(3000):
            if base.execute("SELECT status FROM runs").fetchone() == ("waiting",):
                return
            asyncio.run(asyncio.sleep(0.01))
    raise AssertionError("it is not written")


def test_a_reason_with_half_a_character_is_kept(store: SqliteStore) -> None:
    keep(store.create(record()), Moved(Status.FAILED, "\ud800 broke", 2.0, ("\ud800",)))
    summary = store.run("r")
    assert (summary.reason, summary.waiting) == ("\\ud800 broke", ("\\ud800",))


def test_a_log_that_was_closed_takes_nothing_more(store: SqliteStore) -> None:
    log = store.create(record())
    log.close()
    log.close()
    with pytest.raises(OwnedElsewhere, match=f"process {os.getpid()}"):
        keep(log, step(1))


def test_a_run_that_is_deleted_by_force_is_lost_and_said_to_be_gone(store: SqliteStore) -> None:
    log, lost = store.create(record()), list[Exception]()
    log.lost = lost.append
    with closing(sqlite3.connect(store.path)) as base, base:
        base.execute("DELETE FROM runs")
    with pytest.raises(NoSuchRun, match="r was deleted from"):
        keep(log, step(1))
    assert [type(error) for error in lost] == [NoSuchRun]


def test_a_question_is_kept_with_a_large_value(store: SqliteStore) -> None:
    ask(store.create(record()), question(shown=LARGE))
    assert store.approvals() == [question(shown=LARGE)]
