"""What the memory store does beyond the port: it keeps objects themselves, and takes snapshots by count."""

from __future__ import annotations

import threading
from collections.abc import Callable

from nbgraph.core.approvals import Approval
from nbgraph.core.records import RunRecord, Snapshot
from nbgraph.store.memory import MemoryLog, MemoryStore
from tests.stores.writing import answer, ask, question, record, step, write


def new_log() -> tuple[MemoryStore, MemoryLog]:
    store = MemoryStore()
    return store, store.create(record())


def offer(log: MemoryLog, steps: range, make: Callable[[int], Snapshot | None]) -> list[int]:
    """Offer a snapshot after each of the steps; those for which it was made."""
    asked: list[int] = []
    for number in steps:
        log.snapshot(lambda number=number: asked.append(number) or make(number))  # type: ignore[misc]
    return asked


def test_live_objects_are_kept_themselves() -> None:
    client, entry = threading.Lock(), step(1, client=threading.Event())
    store = MemoryStore()
    log = store.create(RunRecord("r", "g", {"client": client}, 1.0))
    write(log, entry)
    history = store.history("r")
    assert history.run.inputs["client"] is client
    assert history.entries[0] is entry


def test_nothing_is_encoded_so_nothing_has_a_size() -> None:
    store, log = new_log()
    assert log.pack((("k", "many words" * 1_000),)) is None
    assert (store.size(), store.compact(), store.run("r").bytes) == (0, 0, 0)


def test_a_snapshot_is_taken_every_500_steps() -> None:
    store, log = new_log()
    asked = offer(log, range(1, 1_201), lambda number: Snapshot(number, {}, {}, None))
    assert asked == [500, 1_000]
    taken = [store.snapshot("r", number) for number in (499, 999, 1_200)]
    assert [each and each[0].number for each in taken] == [None, 500, 1_000]


def test_where_no_snapshot_can_be_made_it_is_tried_with_the_next_step() -> None:
    store, log = new_log()
    asked = offer(log, range(1, 1_100), lambda number: Snapshot(number, {}, {}, None) if number > 502 else None)
    assert asked == [500, 501, 502, 503, 1_003]
    assert store.snapshot("r", 502) is None


def test_a_log_that_was_closed_takes_no_snapshot() -> None:
    store, log = new_log()
    log.close()
    assert offer(log, range(1, 600), lambda number: Snapshot(number, {}, {}, None)) == []
    assert store.snapshot("r", 600) is None


def test_each_answer_is_told_to_the_log_that_is_open_and_to_no_other() -> None:
    store, first = new_log()
    told = list[tuple[str, Approval]]()
    first.answered = lambda approval: told.append(("first", approval))
    ask(first, question("r/gate#1"), question("r/gate#2"))
    store.answer("r/gate#1", answer())
    first.close()
    store.answer("r/gate#2", answer())
    assert [(who, approval.id) for who, approval in told] == [("first", "r/gate#1")]


def test_an_answer_is_told_while_the_store_can_be_asked() -> None:
    store, log = new_log()
    seen = list[Approval]()
    log.answered = lambda _: seen.extend(store.approvals())
    ask(log, question())
    answered = store.answer("r/gate#1", answer())
    assert seen == [answered]
