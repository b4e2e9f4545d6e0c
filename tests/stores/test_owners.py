"""A run has one owner, and whoever has lost it writes nothing more."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbgraph.core.ports import Log, Store
from nbgraph.core.records import Withdrawn
from nbgraph.errors import NbgraphError, OwnedElsewhere
from tests.stores.backends import BACKENDS, DURABLE
from tests.stores.writing import SOON, ask, let_go, made, note, question, read, record, step, until, write

Again = Callable[[Store], Store]


def attempts(log: Log) -> dict[str, Callable[[], Any]]:
    """Every way to write to a log, with a write after it that waits, where it does not wait itself."""
    return {
        "keep": lambda: write(log, step(9)),
        "ask": lambda: ask(log, question(shown="too late", digest="late")),
        "note": lambda: (note(log, step(9)), write(log, step(10))),
        "withdraw": lambda: (note(log, Withdrawn("r/gate#1", 5.0)), write(log, step(10))),
    }


def test_a_run_that_somebody_has_is_not_given_to_another(store: Store, reopened: Again) -> None:
    log = store.create(record())
    for again in (store, reopened(store)):
        with pytest.raises(OwnedElsewhere, match="r is run by process") as refused:
            again.open("r")
        assert (refused.value.run_id, refused.value.pid) == ("r", os.getpid())
        assert refused.value.host == socket.gethostname()
    write(log, step(1))
    assert read(reopened(store)) == [step(1)]


def test_a_run_that_was_let_go_can_be_taken(store: Store, reopened: Again) -> None:
    log = store.create(record())
    write(log, step(1))
    let_go(store, log)
    log = reopened(store).open("r")
    write(log, step(2))
    let_go(store, log)
    assert store.run("r").owner is None
    assert read(reopened(store)) == [step(1), step(2)]


def test_the_owner_of_a_run_is_shown(store: Store, reopened: Again) -> None:
    made(store, record())
    assert reopened(store).run("r").owner is None
    log = store.open("r")
    for run in (reopened(store).run("r"), *reopened(store).runs()):
        assert run.owner is not None
        assert (run.owner.pid, run.owner.host, run.owner.alive) == (os.getpid(), socket.gethostname(), True)
        assert run.owner.since > 1.0
    log.close()


@pytest.mark.parametrize("way", ["keep", "ask", "note"])
def test_a_log_that_was_closed_takes_nothing(store: Store, reopened: Again, way: str) -> None:
    log = store.create(record(), [step(1)])
    let_go(store, log)
    with pytest.raises(OwnedElsewhere):
        attempts(log)[way]()
    assert read(reopened(store)) == [step(1)]
    assert store.approvals() == []


@pytest.mark.parametrize("way", ["keep", "ask", "note"])
def test_a_log_whose_run_another_has_takes_nothing(store: Store, reopened: Again, way: str) -> None:
    first = store.create(record(), [step(1)])
    let_go(store, first)
    second = reopened(store).open("r")
    with pytest.raises(OwnedElsewhere):
        attempts(first)[way]()
    write(second, step(2))
    assert read(reopened(store)) == [step(1), step(2)]
    assert store.approvals() == []


def test_closing_twice_lets_nobody_elses_run_go(store: Store, reopened: Again) -> None:
    first = store.create(record())
    let_go(store, first)
    second = store.open("r")
    first.close()
    write(second, step(1))
    assert store.run("r").owner is not None
    with pytest.raises(OwnedElsewhere):
        reopened(store).open("r")


def test_a_log_is_closed_on_an_event_loop(store: Store) -> None:
    log = store.create(record())

    async def close() -> None:
        log.note(step(1))
        log.close()

    asyncio.run(close())
    until(lambda: store.run("r").owner is None)
    assert read(store) == [step(1)]


@pytest.mark.slow
def test_the_garbage_collector_may_close_a_log_anywhere(store: Store) -> None:
    """A finalizer runs in the middle of whatever made the garbage, such as the store's own methods."""

    class Holder:
        def __init__(self, log: Log) -> None:
            self.log, self.me = log, self

        def __del__(self) -> None:
            self.log.close()

    threshold = gc.get_threshold()
    gc.set_threshold(5)
    try:
        for number in range(40):
            Holder(store.create(record(f"r{number}"), [step(1)]))
            store.runs()
    finally:
        gc.set_threshold(*threshold)
    gc.collect()
    until(lambda: all(run.owner is None for run in store.runs()))


def test_of_many_threads_that_take_a_run_one_gets_it(store: Store, reopened: Again) -> None:
    made(store, record())
    stores, barrier, outcomes = [store, reopened(store)], threading.Barrier(12), list[Any]()

    def work(number: int) -> None:
        barrier.wait(SOON)
        try:
            outcomes.append(stores[number % 2].open("r"))
        except OwnedElsewhere as error:
            outcomes.append(error)

    threads = [threading.Thread(target=work, args=[number]) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert len(outcomes) == 12
    (log,) = [each for each in outcomes if not isinstance(each, OwnedElsewhere)]
    write(log, step(1))
    assert read(reopened(store)) == [step(1)]


def test_of_many_threads_that_create_a_run_one_does(store: Store, reopened: Again) -> None:
    stores, barrier, outcomes = [store, reopened(store)], threading.Barrier(12), list[Any]()

    def work(number: int) -> None:
        barrier.wait(SOON)
        try:
            outcomes.append(stores[number % 2].create(record(), [step(number)]))
        except ValueError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=work, args=[number]) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert len(outcomes) == 12
    assert len([each for each in outcomes if not isinstance(each, ValueError)]) == 1
    assert len(read(reopened(store))) == 1


# Leases, where a store has them


@pytest.mark.parametrize("way", ["keep", "ask", "note", "withdraw"])
@pytest.mark.parametrize("name", DURABLE)
def test_an_owner_that_comes_back_late_writes_nothing(name: str, way: str, tmp_path: Path) -> None:
    backend = BACKENDS[name]
    store = backend.new(tmp_path)
    late = store.create(record(), [step(1)], [question()])
    backend.seize(store, "r")
    with pytest.raises(OwnedElsewhere, match="by process 7 on elsewhere"):
        attempts(late)[way]()
    again = backend.again(store)
    assert read(again) == [step(1)]
    assert again.approvals(open_only=True) == [question()]
    late.close()
    owner = again.run("r").owner
    assert owner is not None
    assert owner.pid == 7


@pytest.mark.parametrize("name", DURABLE)
def test_an_owner_that_comes_back_late_loses_that_run_alone(name: str, tmp_path: Path) -> None:
    backend = BACKENDS[name]
    store = backend.new(tmp_path)
    late, other = store.create(record("r")), store.create(record("s"))
    backend.seize(store, "r")

    async def both() -> list[BaseException | None]:
        writes = late.ask(question()), other.ask(question("s/gate#1", "s"))
        return await asyncio.gather(*writes, return_exceptions=True)

    refused, kept = asyncio.run(both())
    assert isinstance(refused, OwnedElsewhere)
    assert kept is None
    assert [approval.id for approval in backend.again(store).approvals()] == ["s/gate#1"]


@pytest.mark.parametrize("name", DURABLE)
def test_an_owner_that_comes_back_late_is_told(name: str, tmp_path: Path) -> None:
    backend = BACKENDS[name]
    store = backend.new(tmp_path)
    late, lost = store.create(record()), list[Exception]()
    late.lost = lost.append
    backend.seize(store, "r")

    async def note_and_wait() -> None:
        late.note(step(1))
        await asyncio.to_thread(until, lambda: lost)

    asyncio.run(note_and_wait())
    assert isinstance(lost[0], OwnedElsewhere)
    with pytest.raises(OwnedElsewhere):
        write(late, step(2))


@pytest.mark.parametrize("name", DURABLE)
def test_an_entry_whose_write_failed_is_kept_once(name: str, tmp_path: Path) -> None:
    backend = BACKENDS[name]
    store = backend.new(tmp_path)
    log = store.create(record(), [step(1)])
    with backend.unwritable(store):
        for number in (2, 3):
            with pytest.raises(NbgraphError):
                write(log, step(number))
    write(log, step(4))
    assert read(backend.again(store)) == [step(number) for number in (1, 2, 3, 4)]


@pytest.mark.parametrize("name", DURABLE)
def test_an_entry_whose_write_failed_is_kept_once_though_it_is_given_again(name: str, tmp_path: Path) -> None:
    backend = BACKENDS[name]
    store = backend.new(tmp_path)
    log, entry = store.create(record()), step(1)
    with backend.unwritable(store), pytest.raises(NbgraphError):
        write(log, entry)
    write(log, entry)
    write(log, step(2))
    assert read(backend.again(store)) == [step(1), step(2)]


@pytest.mark.parametrize("name", DURABLE)
def test_an_entry_that_was_kept_with_another_is_not_kept_anew(name: str, tmp_path: Path) -> None:
    backend = BACKENDS[name]
    store = backend.new(tmp_path)
    log, entry = store.create(record()), step(1)
    with backend.unwritable(store), pytest.raises(NbgraphError):
        write(log, entry)
    write(log, step(2))
    write(log, entry, step(3))
    assert read(backend.again(store)) == [step(1), step(2), step(3)]
