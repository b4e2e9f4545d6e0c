"""One thread writes a file, in few transactions; what could not be written is written later, and nothing is lost."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nbgraph.core.records import Tried
from nbgraph.errors import StoreError
from nbgraph.store import file, writer
from nbgraph.store.sqlite import SqliteStore
from tests.store.sqlite_child import child
from tests.store.sqlite_writing import ANSWER, ask, keep, question, record, step


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def store(path: Path) -> SqliteStore:
    return SqliteStore(path, synchronous="NORMAL", wait=0.2)


@pytest.fixture
def closely(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is looked at before each commit."""
    monkeypatch.setattr(file, "LOOK", 0.0)


def until(found: Callable[[], Any]) -> None:
    end = time.monotonic() + 30
    while not found():
        assert time.monotonic() < end
        time.sleep(0.01)


def traced(store: SqliteStore) -> list[str]:
    """The statements that the writer executes from now on."""
    statements: list[str] = []
    store._writer.do(lambda connection: connection.set_trace_callback(statements.append), whole=False)
    return statements


def numbers(store: SqliteStore, run_id: str = "r") -> list[int]:
    return [each.number for each in store.history(run_id).steps]


def refused(log: Any, entry: Any) -> str:
    """What was said where an entry could not be kept."""
    try:
        keep(log, entry)
    except StoreError as error:
        return str(error)
    return ""


# Commits


@pytest.mark.slow
def test_what_is_kept_at_one_time_is_committed_together(store: SqliteStore) -> None:
    logs = [store.create(record(f"r{number}")) for number in range(50)]
    statements = traced(store)

    async def work() -> None:
        await asyncio.gather(*[log.keep(step(number)) for log in logs for number in range(1, 21)])

    asyncio.run(work())
    assert statements.count("COMMIT") < 20
    assert [numbers(store, f"r{number}") for number in range(50)] == [list(range(1, 21))] * 50


def test_an_entry_takes_four_statements(store: SqliteStore) -> None:
    log = store.create(record())
    keep(log, step(1))
    statements = traced(store)
    keep(log, step(2))
    store._writer.settle()
    assert [statement.split()[0] for statement in statements] == ["BEGIN", "UPDATE", "INSERT", "COMMIT"]


def test_what_is_noted_is_committed_with_what_is_kept_after_it(store: SqliteStore) -> None:
    log = store.create(record())
    statements = traced(store)

    async def work() -> None:
        for attempt in range(100):
            log.note(Tried("a#1", attempt, "no", 1.0))
        await log.keep(step(1))

    asyncio.run(work())
    assert statements.count("COMMIT") <= 2
    assert len(store.history("r").entries) == 101


def test_stores_of_one_file_share_a_thread_whatever_they_call_it(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    one, two = SqliteStore(path), SqliteStore(tmp_path / "link" / "runs.db")
    assert one._writer is two._writer


def test_full_wins_over_normal(path: Path) -> None:
    SqliteStore(path, synchronous="NORMAL").create(record())
    store = SqliteStore(path)
    store.create(record("s"))
    asked = store._writer.do(lambda connection: connection.execute("PRAGMA synchronous").fetchone(), whole=False)
    assert asked == (2,)


def test_the_thread_ends_when_there_is_nothing_to_do_and_starts_again(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "IDLE", 0.01)
    log = store.create(record())
    thread = store._writer._thread
    assert thread is not None
    log.close()
    until(lambda: not thread.is_alive())
    keep(store.open("r"), step(1))
    assert numbers(store) == [1]


def test_the_thread_goes_on_where_one_that_was_told_raises(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    raised = list[Any]()
    monkeypatch.setattr(threading, "excepthook", raised.append)
    log, other = store.create(record()), store.create(record("s"))

    def lost(error: Exception) -> None:
        raise RuntimeError("told")

    log.lost = lost
    with closing(sqlite3.connect(store.path)) as base, base:
        base.execute("DELETE FROM runs WHERE id = 'r'")
    log.note(step(1))
    until(lambda: raised)
    keep(other, step(1))


@pytest.mark.slow
def test_a_log_is_closed_by_the_garbage_collector_wherever_it_runs(store: SqliteStore) -> None:
    class Holder:
        def __init__(self, log: Any) -> None:
            self.log, self.me = log, self

        def __del__(self) -> None:
            self.log.close()

    threshold = gc.get_threshold()
    gc.set_threshold(7)
    try:
        for number in range(30):
            Holder(store.create(record(f"r{number}")))
    finally:
        gc.set_threshold(*threshold)
    gc.collect()
    until(lambda: all(run.owner is None for run in store.runs()))


@pytest.mark.slow
def test_what_was_noted_is_written_when_the_process_ends(path: Path) -> None:
    code = (
        "import sys; from nbgraph.store.sqlite import SqliteStore; from tests.store.sqlite_writing import *\n"
        "log = SqliteStore(sys.argv[1], synchronous='NORMAL').create(record())\n"
        "async def work():\n  for number in range(1, 501): log.note(step(number))\n"
        "asyncio.run(work())"
    )
    import sys

    subprocess.run([sys.executable, "-c", code, str(path)], check=True, cwd=Path(__file__).parents[2])
    store = SqliteStore(path)
    assert len(numbers(store)) == 500
    assert store.run("r").owner is None


# What fails


@pytest.mark.usefixtures("closely")
def test_a_file_that_was_deleted_is_not_made_again_under_a_run(store: SqliteStore, path: Path) -> None:
    log = store.create(record())
    path.unlink()
    for number in (1, 2):
        with pytest.raises(StoreError, match=r"runs\.db was moved or deleted while runs were kept in it; put it back"):
            keep(log, step(number))
    for use in (lambda: store.create(record("s")), store.runs, lambda: store.answer("r/gate#1", ANSWER)):
        with pytest.raises(StoreError, match="was moved or deleted"):
            use()
    assert not path.exists()


def test_once_the_runs_of_a_deleted_file_were_let_go_a_new_one_is_made(store: SqliteStore, path: Path) -> None:
    log = store.create(record())
    path.unlink()
    log.note(step(1))
    log.close()
    keep(store.create(record("s")), step(1))
    assert [run.id for run in store.runs()] == ["s"]


@pytest.mark.usefixtures("closely")
def test_a_file_that_was_moved_is_used_again_once_it_is_back(store: SqliteStore, path: Path) -> None:
    log = store.create(record())
    path.rename(path.with_name("away"))
    with pytest.raises(StoreError, match="was moved or deleted"):
        keep(log, step(1))
    path.with_name("away").rename(path)
    keep(log, step(2))
    assert numbers(store) == [1, 2]


@pytest.mark.usefixtures("closely")
def test_another_file_in_its_place_is_not_written_to(store: SqliteStore, path: Path) -> None:
    log = store.create(record())
    path.rename(path.with_name("away"))
    shutil.copy(path.with_name("away"), path)
    with pytest.raises(StoreError, match="was moved or deleted"):
        keep(log, step(1))


@pytest.mark.usefixtures("closely")
def test_once_no_run_is_kept_a_deleted_file_is_made_anew(store: SqliteStore, path: Path) -> None:
    log = store.create(record())
    log.close()
    store.runs()
    for end in ("", "-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
    assert store.runs() == []
    keep(store.create(record("s")), step(1))
    assert numbers(store, "s") == [1]


def test_a_full_disk_is_an_error_that_says_so_and_nothing_is_lost(store: SqliteStore) -> None:
    log = store.create(record())
    limit = store._writer.do(_fill, whole=False)
    said = [refused(log, step(number, text="x" * 1000)) for number in range(1, 30)]
    assert len(list(filter(None, said))) > 10
    assert "runs.db cannot be used: the disk is full; free some space" in said[-1]
    store._writer.do(lambda connection: connection.execute(f"PRAGMA max_page_count = {limit}").fetchall(), whole=False)
    keep(log, step(30))
    assert numbers(store) == list(range(1, 31))


def _fill(connection: sqlite3.Connection) -> int:
    """Let the database grow no more; how far it could before."""
    (before,) = connection.execute("PRAGMA max_page_count").fetchone()
    connection.execute("PRAGMA max_page_count = 1").fetchall()  # the least is what it has
    return int(before)


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A disk of half a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and os.geteuid() == 0
    if not mounted or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "x", folder], check=False).returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.slow
def test_a_disk_that_is_really_full_loses_nothing_that_was_acknowledged(tiny: Path) -> None:
    store, kept = SqliteStore(tiny / "runs.db", wait=0.2), 0
    log = store.create(record())
    while not (said := refused(log, step(kept + 1, noise=os.urandom(5000)))):
        kept += 1
    assert "runs.db cannot be used: the disk" in said
    assert 5 < kept < 200
    assert numbers(store) == list(range(1, kept + 1))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="becomes another user")
def test_a_file_that_may_only_be_read_is_an_error_that_says_so() -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.db"
        log = SqliteStore(path).create(record())
        log.close()
        for place, mode in ((path.parent, 0o755), (path, 0o444)):
            place.chmod(mode)
        with child(path, user=65534) as other:
            said = other("open r")
        assert said.startswith("StoreError the store")
        assert "runs.db cannot be used" in said


def test_the_failure_of_one_run_is_not_that_of_others(store: SqliteStore) -> None:
    logs = [store.create(record(run)) for run in ("r", "s", "t")]
    with closing(sqlite3.connect(store.path)) as base, base:
        base.execute("INSERT INTO log SELECT place + 1, x'0011223344' FROM log WHERE place >> 32 = 2")

    async def work() -> list[Any]:
        return await asyncio.gather(*[log.keep(step(1)) for log in logs], return_exceptions=True)

    first, second, third = asyncio.run(work())
    assert (first, third) == (None, None)
    assert isinstance(second, StoreError)
    assert [numbers(store, run) for run in ("r", "t")] == [[1], [1]]


def test_a_commit_that_seemed_to_fail_is_not_repeated(store: SqliteStore) -> None:
    log = store.create(record())
    real, failing = store._writer.file.within, [True]

    def within(connection: sqlite3.Connection, done: Any) -> Any:
        made = real(connection, done)
        if failing:
            failing.clear()
            raise sqlite3.OperationalError("disk I/O error")
        return made

    store._writer.file.within = within  # type: ignore[method-assign]
    with pytest.raises(StoreError):
        ask(log, question())
    keep(log, step(1))
    history = store.history("r")
    assert (len(history.entries), history.approvals) == (2, (question(),))
