"""The family of a run: what it was forked from, and its forks."""

from __future__ import annotations

import pytest

from nbgraph import MemoryStore
from nbgraph.core.family import family
from nbgraph.core.ports import Store
from nbgraph.core.records import RunRecord
from nbgraph.errors import NoSuchRun


def kept(*runs: tuple[str, str, int, str]) -> Store:
    """A store with runs: id, parent, step of the parent, relation; each started after the one before."""
    store = MemoryStore()
    for at, (id, parent, step, relation) in enumerate(runs):
        store.create(RunRecord(id, "g", {}, float(at), parent=parent, parent_step=step, relation=relation)).close()
    return store


def told(store: Store, run_id: str, most: int = 50) -> list[tuple[str, int]]:
    return [(member.run.id, member.depth) for member in family(store, run_id, most)]


TREE = (
    ("r", "", 0, ""),
    ("a", "r", 1, "fork"),
    ("b", "r", 2, "fork"),
    ("aa", "a", 1, "fork"),
    ("next", "r", 0, "after"),
    ("other", "", 0, ""),
)


@pytest.mark.parametrize("run_id", ["r", "a", "b", "aa"])
def test_each_of_a_family_tells_the_same_family_forks_below_what_they_were_forked_from(run_id: str) -> None:
    assert told(kept(*TREE), run_id) == [("r", 0), ("a", 1), ("aa", 2), ("b", 1)]


@pytest.mark.parametrize("run_id", ["next", "other"])
def test_a_run_after_another_one_and_a_stranger_are_no_relatives(run_id: str) -> None:
    assert told(kept(*TREE), run_id) == [(run_id, 0)]


def test_a_family_begins_with_the_first_run_that_was_not_deleted() -> None:
    store = kept(*TREE)
    store.delete("r")
    assert told(store, "aa") == [("a", 0), ("aa", 1)]


def test_of_a_large_family_the_run_itself_is_told_too() -> None:
    store = kept(("r", "", 0, ""), *((f"f{number}", "r", 1, "fork") for number in range(9)))
    assert [id for id, _ in told(store, "f8", 3)] == ["r", "f0", "f1", "f8"]


def test_runs_that_say_they_were_forked_from_each_other_are_told_once() -> None:
    store = kept(("a", "b", 1, "fork"), ("b", "a", 1, "fork"))
    assert sorted(id for id, _ in told(store, "a")) == ["a", "b"]


def test_a_run_that_is_not_kept_has_no_family() -> None:
    with pytest.raises(NoSuchRun):
        family(MemoryStore(), "r")
