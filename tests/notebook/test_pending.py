"""How many questions wait, told to each view of a store."""

from __future__ import annotations

from stored_runs import essay, left_waiting
from test_run_list import until

from nbgraph import MemoryStore
from nbgraph.core.approvals import Answer
from nbgraph.errors import StoreError
from nbgraph.notebook.pending import Count, count_soon


def test_each_view_is_told_how_many_questions_its_store_holds() -> None:
    store, other = left_waiting(essay()), MemoryStore()
    told: dict[str, list[int]] = {"one": [], "two": [], "other": []}
    counts = [Count(store, told["one"].append), Count(store, told["two"].append), Count(other, told["other"].append)]
    until(lambda: all(told.values()))
    assert [seen[-1] for seen in told.values()] == [1, 1, 0]
    (asked,) = store.approvals(open_only=True)
    store.answer(asked.id, Answer("reject", "", {}, "somebody", 1.0))
    count_soon()
    until(lambda: told["one"][-1] == told["two"][-1] == 0)
    assert len(counts) == 3


def test_a_view_that_is_gone_is_not_told() -> None:
    seen: list[int] = []
    kept: list[int] = []
    count = Count(MemoryStore(), seen.append)
    del count
    held = Count(MemoryStore(), kept.append)
    until(lambda: bool(kept))
    assert (seen, held.store.approvals()) == ([], [])


def test_a_store_that_cannot_be_read_counts_as_none() -> None:
    class Broken(MemoryStore):
        def approvals(self, run_id: str | None = None, open_only: bool = False) -> list:  # type: ignore[type-arg]
            raise StoreError("gone")

    seen: list[int] = []
    count = Count(Broken(), seen.append)
    until(lambda: bool(seen))
    assert (seen, type(count.store)) == ([0], Broken)
