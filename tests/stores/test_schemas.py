"""A database of every earlier schema is brought to the present one when it is opened, with all that it holds."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest

from nbgraph.core.ports import Store
from nbgraph.errors import StoreError
from nbgraph.store import migrations
from nbgraph.store.migrations import VERSION
from nbgraph.store.sqlite import SqliteStore
from tests.stores.samples.__main__ import LARGE, SAMPLES
from tests.stores.writing import ENTRIES, WHOLE_QUESTION, WHOLE_RUN, answer, exact, read, record, step, write

SAMPLE_FILES = sorted(SAMPLES.glob("*.sql"))


def sampled(file: Path, folder: Path) -> str:
    """A database as a sample has it."""
    path = folder / "runs.db"
    with closing(connect(path)) as base:
        base.executescript(file.read_text(encoding="utf-8"))
    return str(path)


def version_of(path: str) -> int:
    with closing(connect(path)) as base:
        version: int = base.execute("PRAGMA user_version").fetchone()[0]
        return version


def opened(path: str) -> Store:
    return SqliteStore(path, synchronous="NORMAL")


def test_there_is_a_sample_of_every_schema() -> None:
    assert [file.stem for file in SAMPLE_FILES] == [f"{number:04}" for number in range(1, VERSION + 1)]


@pytest.mark.parametrize("file", SAMPLE_FILES, ids=lambda file: file.stem)
def test_what_an_earlier_schema_holds_is_read(file: Path, tmp_path: Path) -> None:
    store = opened(sampled(file, tmp_path))
    write(store.create(record("new", 9.0)), step(1))
    history = store.history("r")
    assert exact((history.run, read(store), history.approvals)) == exact((WHOLE_RUN, list(ENTRIES), (WHOLE_QUESTION,)))
    assert store.history("s").steps[0].update == {"text": LARGE}
    assert [run.id for run in store.runs()] == ["new", "r", "s"]


@pytest.mark.parametrize("file", SAMPLE_FILES, ids=lambda file: file.stem)
def test_what_an_earlier_schema_holds_goes_on(file: Path, tmp_path: Path) -> None:
    path = sampled(file, tmp_path)
    store = opened(path)
    write(store.open("s"), step(2))
    store.answer("s/gate#1", answer())
    assert [entry.number for entry in opened(path).history("s").steps] == [1, 2]
    assert opened(path).approvals(open_only=True) == []
    assert version_of(path) == VERSION


@pytest.mark.parametrize("version", range(VERSION + 1))
def test_an_empty_database_of_an_earlier_schema_is_used(
    version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "runs.db")
    with closing(connect(path, isolation_level=None)) as base, monkeypatch.context() as then:
        then.setattr(migrations, "VERSION", version)
        migrations.migrate(base, path)
    assert version_of(path) == version
    store = opened(path)
    write(store.create(WHOLE_RUN), *ENTRIES)
    assert exact(read(opened(path))) == exact(list(ENTRIES))
    assert version_of(path) == VERSION


def test_a_database_of_a_later_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = sampled(SAMPLE_FILES[-1], tmp_path)
    with closing(connect(path)) as base:
        base.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = Path(path).read_bytes()
    with pytest.raises(StoreError, match="newer nbgraph"):
        opened(path).create(record("new"))
    assert Path(path).read_bytes() == before
