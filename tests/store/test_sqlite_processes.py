"""Several processes with one database: a run has one owner, and one that is gone is not waited for."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nbgraph.core.approvals import Approval
from nbgraph.errors import OwnedElsewhere, StoreError
from nbgraph.store.sqlite import SqliteStore
from tests.store.sqlite_child import child
from tests.store.sqlite_writing import ANSWER, ask, keep, question, record, step

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs signals and forks")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def until(found: Callable[[], Any]) -> None:
    end = time.monotonic() + 30
    while not found():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.slow
def test_a_run_of_another_process_is_read_and_watched_but_not_opened_or_deleted(path: Path) -> None:
    with child(path) as other:
        assert other("create r") == other("keep r 1") == "done"
        store = SqliteStore(path)
        for take in (store.open, store.delete):
            with pytest.raises(OwnedElsewhere) as caught:
                take("r")
            assert caught.value.pid == other.pid
        assert len(store.history("r").steps) == 1
        owner = store.run("r").owner
        assert owner is not None
        assert (owner.pid, owner.alive) == (other.pid, True)
        assert other("close r") == "done"
        until(lambda: store.run("r").owner is None)
        keep(store.open("r"), step(2))
        assert other("open r").startswith("OwnedElsewhere")


@pytest.mark.slow
def test_the_run_of_a_process_that_was_killed_is_opened_at_once_and_lost_nothing(path: Path) -> None:
    with child(path) as other:
        assert other("create r") == other("keep r 1") == "done"
        store = SqliteStore(path)
        other.kill()
        summary = store.run("r")
        assert summary.owner is not None
        assert not summary.owner.alive
        assert summary.interrupted
        keep(store.open("r"), step(2))
        assert [each.number for each in store.history("r").steps] == [1, 2]


@pytest.mark.slow
def test_an_answer_of_another_process_is_heard(path: Path) -> None:
    store, heard = SqliteStore(path, synchronous="NORMAL"), list[Approval]()
    log = store.create(record())
    log.answered = heard.append
    ask(log, question())
    with child(path) as other:
        assert other("answer r/gate#1") == "done"
        until(lambda: heard)
        assert other("answer r/gate#1").startswith("AlreadyAnswered gate was already answered: 'approve' by the child")
    (answered,) = heard
    assert answered.answer is not None
    assert answered.answer.by == "the child"
    log.close()


@pytest.mark.slow
def test_a_stopped_process_loses_its_run_with_its_lease_and_writes_nothing_when_it_comes_back(path: Path) -> None:
    with child(path, lease=0.6) as other:
        assert other("create r") == other("keep r 1") == other("create s") == "done"
        store = SqliteStore(path, lease=30)
        other.kill(signal.SIGSTOP)
        until(lambda: not store.run("r").owner.alive)  # type: ignore[union-attr]
        log = store.open("r")
        keep(log, step(2))
        other.kill(signal.SIGCONT)
        assert other("keep r 7").startswith(f"OwnedElsewhere r is run by process {os.getpid()}")
        assert other("keep s 1") == "done"  # which nobody took
        keep(log, step(3))
        assert [each.number for each in store.history("r").steps] == [1, 2, 3]


@pytest.mark.slow
def test_a_process_renews_its_lease(path: Path) -> None:
    with child(path, lease=0.5) as other:
        assert other("create r") == "done"
        time.sleep(1.5)
        with pytest.raises(OwnedElsewhere):
            SqliteStore(path).open("r")


def test_a_file_that_stays_locked_is_an_error_that_says_so_and_loses_nothing(path: Path) -> None:
    store = SqliteStore(path, wait=0.05)
    log = store.create(record())
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"runs\.db was locked by another process for more than 0\.05 s"):
            keep(log, step(1))
        with pytest.raises(StoreError, match="locked"):
            store.create(record("s"))
        assert store.run("r").steps == 0
    keep(log, step(2))
    assert [each.number for each in store.history("r").steps] == [1, 2]


def test_a_lock_that_ends_in_time_is_waited_for(path: Path) -> None:
    store = SqliteStore(path, wait=30)
    log = store.create(record())
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(0.1, other.execute, ["ROLLBACK"]).start()
        keep(log, step(1))
    assert store.run("r").steps == 1


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_begins_anew_and_leaves_the_runs_to_its_parent(path: Path) -> None:
    store = SqliteStore(path)
    log = store.create(record())
    keep(log, step(1))
    pid = os.fork()
    if pid == 0:
        os._exit(_in_fork(store, log))
    assert os.waitpid(pid, 0)[1] == 0
    keep(log, step(2))
    assert [each.number for each in store.history("r").steps] == [1, 2]
    assert store.run("of the fork").interrupted


def _in_fork(store: SqliteStore, log: Any) -> int:
    """0 where all is as it should be."""
    try:
        keep(log, step(7))
        return 1
    except OwnedElsewhere as error:
        if error.pid != os.getppid():
            return 2
    keep(store.create(record("of the fork")), step(1))
    return 0 if store.history("of the fork").steps and store.history("r").steps else 3


@pytest.mark.slow
def test_an_answer_is_kept_once_whoever_gives_it(path: Path) -> None:
    store = SqliteStore(path, synchronous="NORMAL")
    log = store.create(record())
    ask(log, question())
    with child(path) as other:
        store.answer("r/gate#1", ANSWER)
        assert other("answer r/gate#1").startswith("AlreadyAnswered gate was already answered: 'approve' by me at")
    log.close()
