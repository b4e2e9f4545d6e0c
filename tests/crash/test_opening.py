"""A process that is killed while it makes or migrates the database: the next one opens it as if nothing had been."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from nbgraph.store.migrations import APPLICATION, STEPS, VERSION
from tests.crash.doom import Doom
from tests.crash.graphs import GRAPHS, LINE_STEPS, Place
from tests.crash.ground import Ground, undisturbed

pytestmark = pytest.mark.slow

TRIALS = 6


def of_version(path: Path, version: int) -> None:
    """A database of an earlier schema; none at all for 0."""
    if version == 0:
        return
    with closing(sqlite3.connect(path)) as database:
        for step in STEPS[:version]:
            database.executescript(step.read_text(encoding="utf-8"))
        database.executescript(f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {version}")


@pytest.mark.parametrize("version", range(VERSION))
def test_a_kill_at_any_statement_until_the_run_is_kept_leaves_a_database_that_the_next_process_uses(
    tmp_path: Path, version: int
) -> None:
    number = in_migration = 0
    while True:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        with closing(Ground(folder)) as ground:
            of_version(ground.store_path, version)
            ground.dies("line", f"statement@{number}")
            had_version, had_run = _found(ground.store_path)
            in_migration += had_version == version
            # the first task may start before it is kept that the run began
            flying = ground.in_flight() or {"walk#1"} if had_run else set()
            made = GRAPHS["line"](Place(ground.witness, Doom("", ""), {}))
            run = made.resume("r", store=ground.store) if had_run else made.run(id="r", store=ground.store)
            assert (run.result(), _found(ground.store_path)) == (undisturbed("line"), (VERSION, True))
            assert [step.number for step in ground.steps()] == list(range(1, LINE_STEPS + 1))
            assert {*ground.witness.repeated} <= flying
        if had_run:
            break
    print(f"\nkilled before each of {number} statements, {in_migration} of them before the migration was committed")
    assert in_migration >= 10


def test_processes_that_make_the_database_at_the_same_moment_all_use_it(tmp_path: Path) -> None:
    for number in range(TRIALS):
        folder = tmp_path / str(number)
        folder.mkdir()
        with closing(Ground(folder)) as ground:
            children = [ground.go("line", run) for run in ("r", "s", "t")]
            told = [child.told() for child in children]
            assert [(each.status, each.what) for each in told] == [("done", undisturbed("line"))] * 3
            assert [len(ground.steps(run)) for run in ("r", "s", "t")] == [LINE_STEPS] * 3
            assert _found(ground.store_path) == (VERSION, True)


def _found(path: Path) -> tuple[int, bool]:
    """The version of the schema, and whether a run is kept; read without the store, which would migrate."""
    if not path.exists():
        return 0, False
    with closing(sqlite3.connect(path)) as database:
        version: int = database.execute("PRAGMA user_version").fetchone()[0]
        tables = database.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'runs'").fetchone()[0]
        return version, bool(tables and database.execute("SELECT count(*) FROM runs").fetchone()[0])
