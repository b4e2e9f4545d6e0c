"""Reading: what is told of a run from memory is what is told of it anew, however it goes on meanwhile."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from nbgraph import Graph, MemoryStore
from nbgraph.core import reading
from nbgraph.core.events import Status
from nbgraph.core.lookback import Lookback
from nbgraph.core.ports import History
from nbgraph.core.reading import Memory
from nbgraph.core.records import Answered, Asked
from nbgraph.core.run import Run
from nbgraph.errors import NoSuchRun, RunError
from tests.core.running import quiet_engine, settled  # noqa: F401


def inner() -> Graph:
    made = Graph("inner")
    made.node(lambda x: {"y": x + 1}, name="one")
    made.node(lambda y: {"z": y * 2}, name="two")
    made.edges("START -> one -> two -> END")
    return made


class Growing:
    """A store in which a run that is over is shown as it grew, entry by entry."""

    def __init__(self, history: History) -> None:
        self.whole, self.count, self.reads = history, 0, 0

    def history(self, run_id: str, after: int = 0) -> History:
        entries = self.whole.entries[: self.count]
        asked = {entry.approval_id for entry in entries if isinstance(entry, Asked)}
        answered = {entry.approval_id for entry in entries if isinstance(entry, Answered)}
        approvals = tuple(
            each if each.id in answered else replace(each, answer=None)
            for each in self.whole.approvals
            if each.id in asked
        )
        self.reads += len(entries) - after
        return History(self.whole.run, entries[after:], approvals)

    def run(self, run_id: str) -> Any:
        return MemoryStore().run(run_id) if run_id != self.whole.run.id else _Small()


class _Small:
    bytes = 0


def told(lookback: Lookback) -> Iterator[Any]:
    """All that there is to tell of a run."""
    history = lookback.store.history(lookback.run_id)
    for number in range(len(history.steps) + 1):
        yield _or_error(lambda: lookback.at(number))  # noqa: B023
    for node in lookback.plan.nodes:
        yield lookback.visits(node)
        for mark in lookback.visits(node):
            yield _or_error(lambda: lookback.visit(mark.task))  # noqa: B023
    for index in range(len(lookback.plan.outline.edges)):
        yield lookback.edge(index)
        yield _or_error(lambda: lookback.edge(index, len(history.steps) // 2))  # noqa: B023
    yield lookback.uses("n")


def _or_error(call: Any) -> Any:
    try:
        return call()
    except RunError as error:
        return str(error)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "EVERY", 4)


def asking() -> Run:
    made = Graph("asking")
    made.node(lambda n=0: {"n": n + 1, "text": "x" * n}, name="draft")
    made.human("gate", "Draft {{ n }}: enough?")
    made.edges("START -> draft -> gate; gate -> draft if n < 3; gate -> END else")
    run = made.run(store=MemoryStore(), id="r")
    for _ in range(3):
        settled(run, Status.WAITING)
        run.answer("gate", "approve")
    return settled(run, Status.DONE)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("make", [asking, lambda: settled(nested().run(store=MemoryStore(), id="r"), Status.DONE)])
def test_from_memory_it_is_what_is_told_anew(make: Any, seed: int) -> None:
    run = make()
    look, chance = run.lookback, random.Random(seed)
    store: Any = Growing(run.lookback.store.history("r"))
    memory = Memory(later=lambda seconds, call: None)
    fresh = Lookback(store, "r", look.plan, look.graph)
    kept = fresh.remembered(memory)
    while store.count < len(store.whole.entries):
        store.count = min(store.count + chance.randrange(1, 6), len(store.whole.entries))
        assert list(told(kept)) == list(told(fresh))


def nested() -> Graph:
    made = Graph("nested")
    made.node(lambda n=0: {"n": n + 1, "x": n, "lines": [1, 2, 3]}, name="plan")
    made.node(inner())
    made.node(lambda line: {"out": line}, name="work")
    made.edges(
        "START -> plan; plan -> work each lines as line; work -> inner; inner -> plan if n < 3; inner -> END else"
    )
    return made


def long_run(steps: int = 60) -> tuple[Any, Memory, Lookback]:
    made = Graph("long")
    made.node(lambda i: {"i": i + 1}, name="up")
    made.edges(f"START -> up; up -> up if i < {steps}; up -> END else")
    run = settled(made.run(i=0, store=MemoryStore(), id="r"), Status.DONE)
    store: Any = Growing(run.lookback.store.history("r"))
    store.count = len(store.whole.entries)
    memory = Memory(later=lambda seconds, call: None)
    return store, memory, Lookback(store, "r", run.lookback.plan, run.lookback.graph).remembered(memory)


def test_the_log_is_read_once_and_then_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    store, _, look = long_run()
    store.count -= 10
    look.at(20)
    assert store.reads == store.count
    look.at(21)
    store.count += 10
    look.at(50)
    assert store.reads == store.count


def test_a_step_further_replays_a_few_entries_however_long_the_run_is(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, look = long_run()
    look.at(50)
    applied: list[object] = []
    apply = reading.apply
    monkeypatch.setattr(reading, "apply", lambda *given: (applied.append(given), apply(*given)))
    for number in (51, 50, 49):
        look.at(number)
    assert len(applied) <= 3 * reading.EVERY


def test_another_run_that_got_the_id_is_read_anew() -> None:
    store, _, look = long_run()
    look.at(20)
    store.whole = store.whole._replace(run=store.whole.run._replace(started_at=1.0), entries=store.whole.entries[:5])
    store.count = 5
    with pytest.raises(RunError, match="has 4 steps"):
        look.at(20)


def test_a_run_that_is_gone_is_told_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    store, _, look = long_run()
    look.at(20)

    def gone(run_id: str, after: int = 0) -> History:
        raise NoSuchRun("there is no run r")

    monkeypatch.setattr(store, "history", gone)
    with pytest.raises(NoSuchRun):
        look.at(20)


def test_a_large_run_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Small, "bytes", reading.LARGEST + 1)
    store, memory, look = long_run()
    look.at(20)
    look.at(21)
    assert memory._reading is None
    assert store.reads == 2 * store.count


def test_what_was_read_is_let_go_some_seconds_after_the_last_question(monkeypatch: pytest.MonkeyPatch) -> None:
    now, due = [0.0], list[Any]()
    monkeypatch.setattr(reading, "monotonic", lambda: now[0])
    _, memory, look = long_run()
    memory._later = lambda seconds, call: due.append((now[0] + seconds, call))
    look.at(20)
    now[0] = 15.0
    look.at(21)
    assert len(due) == 1
    for expected in (False, True):
        now[0], call = due.pop()
        call()
        assert (memory._reading is None) is expected
    assert due == []
