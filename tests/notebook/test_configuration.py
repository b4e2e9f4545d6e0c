"""`%config NbGraph`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fresh_notebook import Notebook

from nbgraph import stores


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = dict(stores._configured)
    yield
    stores._configured.update(before)


def test_the_store_of_all_runs_is_set(bare: Notebook, tmp_path: Path) -> None:
    path = str(tmp_path / "runs.db")
    bare.run(f"%config NbGraph.store = {path!r}")
    assert stores.default_store() == path
    bare.run("%config NbGraph.store = 'memory'")
    assert stores.default_store() == "memory"


def test_how_safely_is_set(bare: Notebook) -> None:
    bare.run('%config NbGraph.synchronous = "NORMAL"')
    assert stores._configured["synchronous"] == "NORMAL"


def test_reading_a_setting_sets_nothing(bare: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    bare.run("%config NbGraph\n%config NbGraph.store")
    monkeypatch.setenv("NBGRAPH_STORE", "elsewhere.db")
    assert stores.default_store() == "elsewhere.db"


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("store = 3", "expected a unicode string, not the int 3"),
        ("store = ''", "the path of the store is empty; write 'memory' or a path such as 'runs.db'."),
        ("synchronous = 'OFF'", "expected any of ['FULL', 'NORMAL'], not the str 'OFF'"),
    ],
)
def test_a_bad_value_is_told_and_changes_nothing(
    bare: Notebook, caplog: pytest.LogCaptureFixture, setting: str, sentence: str
) -> None:
    before = dict(stores._configured)
    bare.execute(f"%config NbGraph.{setting}")
    assert [sentence in record.message for record in caplog.records] == [True]
    assert stores._configured == before


def test_unloading_takes_the_settings_away(bare: Notebook) -> None:
    count = len(bare.shell.configurables)
    bare.run("%unload_ext nbgraph")
    assert len(bare.shell.configurables) == count - 1
