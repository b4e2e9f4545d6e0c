"""Stores: which one a run is kept in, by what was asked for, configured, or set from outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nbgraph import MemoryStore, configure, open_store, stores
from nbgraph.core.events import Status
from nbgraph.core.ports import Store
from nbgraph.errors import InputError, NoSuchRun, StoreError
from nbgraph.store.classes import KNOWN
from nbgraph.store.sqlite import SqliteStore
from nbgraph.stores import DEFAULT, default_store, learn_classes, salvageable
from tests.core.patterns import made
from tests.core.running import (
    ONE_TWO,
    at_once,
    graph,
    one,
    quiet_engine,  # noqa: F401
    settled,
    two,
)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """What a test configures is its own, and no database of its stays open."""
    before = dict(stores._configured)
    yield
    stores._configured.update(before)
    stores._open.clear()
    stores._seen.clear()


def test_a_run_says_where_it_is_kept(tmp_path: Path) -> None:
    line, path = graph(ONE_TWO, one, two), tmp_path / "runs.db"
    run = settled(line.run(store=path, id="r"), Status.DONE)
    assert [found.id for found in line.runs(store=str(path))] == ["r"]
    assert open_store(path).history("r").steps == run.steps


def test_what_is_configured_counts_where_a_run_says_nothing(tmp_path: Path) -> None:
    kept = MemoryStore()
    configure(store=kept)
    line = graph(ONE_TWO, one, two)
    settled(line.run(id="r"), Status.DONE)
    assert [found.id for found in line.runs()] == ["r"]
    assert kept.run("r").status is Status.DONE
    settled(line.run(id="elsewhere", store=MemoryStore()), Status.DONE)
    with pytest.raises(NoSuchRun):
        kept.run("elsewhere")


def test_what_is_configured_wins_over_what_is_set_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stores._configured["store"] = None
    monkeypatch.setenv("NBGRAPH_STORE", str(tmp_path / "outside.db"))
    assert default_store() == str(tmp_path / "outside.db")
    configure(store="memory")
    assert default_store() == "memory"


@pytest.mark.parametrize("value", [None, ""])
def test_by_default_runs_are_kept_below_the_working_folder(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    stores._configured["store"] = None
    monkeypatch.delenv("NBGRAPH_STORE") if value is None else monkeypatch.setenv("NBGRAPH_STORE", value)
    assert default_store() == DEFAULT
    assert Path(DEFAULT) == Path(".nbgraph") / "runs.db"


def test_memory_is_an_empty_store_each_time() -> None:
    assert isinstance(open_store("memory"), MemoryStore)
    assert open_store("memory") is not open_store("memory")


def test_a_store_that_is_given_is_that_store() -> None:
    store = MemoryStore()
    assert open_store(store) is store


def test_a_path_is_opened_once_by_whichever_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path / "runs.db")
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert open_store(str(tmp_path / "runs.db")) is store
    assert open_store(tmp_path / "link" / "runs.db") is store
    assert open_store("runs.db") is store
    assert isinstance(store, SqliteStore)


def test_threads_that_open_a_path_at_once_get_one_store(tmp_path: Path) -> None:
    opened: list[Store] = []
    assert at_once(8, lambda: opened.append(open_store(tmp_path / "runs.db"))) == [None] * 8
    assert len(set(map(id, opened))) == 1


def test_a_database_that_was_deleted_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    line = graph(ONE_TWO, one, two)
    settled(line.run(store=path, id="r"), Status.DONE)
    assert open_store(path) is open_store(path)
    for each in tmp_path.iterdir():
        if each.name.startswith("runs.db"):
            each.unlink()
    settled(line.run(store=path, id="again"), Status.DONE)
    assert [found.id for found in line.runs(store=path)] == ["again"]


@pytest.mark.parametrize("where", [3, 1.5, ["runs.db"], object()])
def test_what_is_no_store_is_refused(where: Any) -> None:
    for use in (open_store, lambda store: configure(store=store)):
        with pytest.raises(InputError, match="a store is 'memory', the path of a database, or a store, not"):
            use(where)


def test_an_empty_path_is_refused() -> None:
    with pytest.raises(InputError, match="the path of the store is empty"):
        open_store("")


def test_a_path_that_cannot_hold_a_database_is_told_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StoreError, match="file"):
        graph(ONE_TWO, one, two).run(store=tmp_path / "file" / "runs.db")


def test_how_safe_writing_is_can_only_be_full_or_normal() -> None:
    with pytest.raises(InputError, match="synchronous is 'FULL' or 'NORMAL', not 'OFF'"):
        configure(synchronous="OFF")
    configure(synchronous="NORMAL")
    assert stores._configured["synchronous"] == "NORMAL"


def test_nothing_is_configured_where_one_part_makes_no_sense() -> None:
    before = dict(stores._configured)
    with pytest.raises(InputError):
        configure(store=MemoryStore(), synchronous="OFF")
    with pytest.raises(InputError):
        configure(store=3, synchronous="NORMAL")  # type: ignore[arg-type]
    assert stores._configured == before


@dataclass
class Point:
    x: int


@dataclass
class Deep:
    y: int


def test_classes_that_a_graph_names_are_known_also_those_of_subgraphs() -> None:
    def look(point: Point) -> Deep:
        return Deep(point.x)

    inner = graph("START -> look -> END", look, name="inner")
    learn_classes(made("START -> inner -> END", inner, called="outer"))
    for known in (Point, Deep):
        assert KNOWN.find(known.__module__, known.__qualname__) is known


def test_a_store_without_a_way_to_salvage_gives_its_history() -> None:
    store = MemoryStore()
    settled(graph(ONE_TWO, one, two).run(store=store, id="r"), Status.DONE)
    assert salvageable(store, "r") == store.history("r")


def test_what_is_left_of_a_run_goes_on_as_another_one() -> None:
    store = MemoryStore()
    line = graph(ONE_TWO, one, two)
    settled(line.run(store=store, id="r", pause_before="two"), Status.PAUSED)
    run = settled(line.salvage("r", id="s", store=store), Status.DONE)
    assert (run.id, [step.task for step in run.steps]) == ("s", ["one#1", "two#1"])
    record = store.history("s").run
    assert (record.parent, record.parent_step, record.relation) == ("r", 1, "fork")
