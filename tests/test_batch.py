"""Batch: a run for each row of a table; nodes wait for events that the test sets, never for time."""

from __future__ import annotations

import asyncio
import gc
import random
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from nbgraph import Batch, Graph, InputError, MemoryStore, NbgraphError, RunError, library
from nbgraph.core import run as run_module
from nbgraph.core.engine import engine_loop
from nbgraph.core.events import Status
from nbgraph.errors import GraphError, Waiting
from tests.core.running import SOON, Gate, engine_held, graph, quiet_engine, reached, until  # noqa: F401


def double(n: int) -> dict[str, int]:
    return {"twice": 2 * n}


async def square(n: int) -> dict[str, int]:
    await asyncio.sleep(random.random() / 1000)
    return {"square": n * n}


def doubling() -> Graph:
    return graph("START -> double -> END", double)


def rows(count: int) -> list[dict[str, int]]:
    return [{"n": number} for number in range(count)]


def at_rest(batch: Batch) -> Batch:
    batch.wait(SOON)
    assert batch.at_rest, batch
    return batch


def half(n: int) -> dict[str, float]:
    if n % 2:
        raise ValueError(f"{n} is odd")
    return {"half": n // 2}


def odd_ones_fail() -> Graph:
    return graph("START -> half -> END", half)


def asking() -> Graph:
    made = graph("", double)
    made.human("gate", "Is {{ twice }} enough?")
    made.edges("START -> double -> gate -> END")
    return made


class Count:
    """A node that counts how many of it run at once."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    def enter(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def leave(self) -> None:
        with self._lock:
            self.now -= 1


class Frame:
    """What is asked of a DataFrame."""

    def __init__(self, records: list[dict[str, Any]], index: list[Any], columns: list[str]) -> None:
        self._records, self.index, self.columns = records, index, columns

    def to_dict(self, orient: str) -> list[dict[str, Any]]:
        assert orient == "records"
        return self._records


# -- running -----------------------------------------------------------------------------------------------------------


def test_results_stand_in_the_order_of_the_rows() -> None:
    found = graph("START -> square -> END", square).map(rows(40)).results()
    assert found == [{"n": n, "square": n * n} for n in range(40)]


def test_a_batch_returns_at_once_and_says_how_it_stands() -> None:
    gate = Gate("gate")
    batch = graph("START -> gate -> END", gate.node).map([{}] * 3, parallel=2)
    reached(gate.begun)
    until(lambda: batch.counts == {"running": 2, "queued": 1})
    assert (repr(batch), len(batch), batch.at_rest) == ("<Batch g: 2 running, 1 queued>", 3, False)
    gate.let.set()
    assert at_rest(batch).status == "3 done"


@pytest.mark.parametrize("parallel", [1, 3, 8])
@pytest.mark.parametrize("blocking", [True, False])
def test_no_more_than_parallel_run_at_once_and_so_many_do(parallel: int, blocking: bool) -> None:
    count = Count()
    full, all_here = threading.Barrier(parallel), asyncio.Barrier(parallel)

    def blocks() -> None:
        count.enter()
        full.wait(SOON)
        count.leave()

    async def awaits() -> None:
        count.enter()
        await all_here.wait()
        count.leave()

    node = blocks if blocking else awaits
    made = graph(f"START -> {node.__name__} -> END", node)
    at_rest(made.map([{}] * 4 * parallel, parallel=parallel))
    assert (count.most, count.now) == (parallel, 0)


@pytest.mark.slow
def test_a_thousand_rows_of_a_trivial_graph() -> None:
    found = doubling().map(rows(1000)).results()
    assert [each["twice"] for each in found if each] == [2 * n for n in range(1000)]


def test_a_thousand_rows_that_end_at_once_need_no_stack() -> None:
    assert at_rest(graph("START -> END").map([{}] * 1000, parallel=1)).counts == {"done": 1000}


@pytest.mark.slow
def test_the_loop_has_its_turn_between_the_starts_of_rows() -> None:
    turns = []

    def turn() -> None:
        turns.append(len([run for run in batch.runs if run]))
        if not batch.at_rest:
            engine_loop().call_soon(turn)

    with engine_held():
        batch = doubling().map(rows(200), parallel=200)
        engine_loop().call_soon_threadsafe(turn)
    at_rest(batch)
    assert len(set(turns)) > 100


def test_a_table_may_be_empty() -> None:
    batch = doubling().map([])
    assert (batch.results(), batch.table(), list(batch), batch.status, batch.at_rest) == ([], [], [], "no rows", True)


def test_rows_come_one_by_one_as_they_come_to_rest() -> None:
    gates = [Gate("first"), Gate("second")]

    async def pick(n: int) -> Any:
        return await gates[n].node()

    batch = graph("START -> pick -> END", pick).map(rows(2))
    coming = iter(batch)
    gates[1].let.set()
    assert [number for number, run in [next(coming)] if run and run.status == "done"] == [1]
    gates[0].let.set()
    assert [number for number, _ in coming] == [0]
    assert sorted(number for number, _ in batch) == [0, 1]


def test_waiting_ends_after_the_given_seconds() -> None:
    gate = Gate("gate")
    batch = graph("START -> gate -> END", gate.node).map([{}])
    assert batch.wait(0.01).counts == {"running": 1}
    gate.let.set()
    at_rest(batch)


def test_a_batch_can_be_awaited_and_its_loop_goes_on() -> None:
    async def main() -> tuple[Batch, int]:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        beside = asyncio.create_task(turn())
        batch = await graph("START -> square -> END", square).map(rows(10))
        beside.cancel()
        return batch, turns

    batch, turns = asyncio.run(main())
    assert batch.counts == {"done": 10}
    assert turns > 10


def test_an_async_node_awaits_a_batch_and_may_not_block_for_it() -> None:
    inner = doubling()

    async def outer() -> dict[str, Any]:
        batch = inner.map(rows(3), parallel=1)
        with pytest.raises(RunError, match="`await batch` instead"):
            batch.wait()
        with pytest.raises(RunError, match="`await batch` instead"):
            list(batch)
        return {"sums": [each["twice"] for each in (await batch).results() if each]}

    assert graph("START -> outer -> END", outer).run().result() == {"sums": [0, 2, 4]}


def test_a_blocking_node_waits_for_a_batch() -> None:
    inner = doubling()

    def outer() -> dict[str, Any]:
        return {"sums": [each["twice"] for each in inner.map(rows(3), parallel=1).results() if each]}

    assert graph("START -> outer -> END", outer).run().result() == {"sums": [0, 2, 4]}


def test_hooks_hear_of_the_batch_and_not_of_its_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[Any] = []
    batches: list[Any] = []
    monkeypatch.setattr(run_module, "on_run", [runs.append])
    monkeypatch.setattr(library, "on_map", [batches.append])
    batch = at_rest(doubling().map(rows(5)))
    assert (runs, batches) == ([], [batch])


@pytest.mark.slow
def test_a_batch_that_nobody_holds_still_ends_and_is_let_go() -> None:
    gate = Gate("gate")
    seen = weakref.ref(graph("START -> gate -> END", gate.node).map([{}] * 3, parallel=1))
    gc.collect()
    gate.let.set()
    until(lambda: gate.calls == 3)
    until(lambda: (gc.collect(), seen())[1] is None)


def test_the_time_at_rest_does_not_count() -> None:
    batch = at_rest(doubling().map(rows(2)))
    first = batch.seconds
    time.sleep(0.02)
    assert batch.seconds == first > 0


# -- what is given -----------------------------------------------------------------------------------------------------


def given_rows() -> Iterator[dict[str, int]]:
    yield from rows(3)


@pytest.mark.parametrize(
    "given", [rows(3), tuple(rows(3)), given_rows(), Frame(rows(3), ["a", "b", "c"], ["n"])], ids=type
)
def test_rows_come_from_anything_that_gives_mappings(given: Any) -> None:
    assert [each["twice"] for each in doubling().map(given).results() if each] == [0, 2, 4]


@pytest.mark.parametrize("given", [{"n": [1, 2]}, "n", 5, None])
def test_what_is_no_table_is_refused(given: Any) -> None:
    with pytest.raises(InputError, match="a table is a list of dicts, one for each row, or a DataFrame, not"):
        doubling().map(given)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({}, r"row 1: g needs the input n: .* Nor can row 2 start\."),
        ({"n": 1, "twise": 2}, "row 1: g has no input 'twise'; did you mean 'twice'"),
        ({"n": "many"}, "row 1: the state cannot hold n = 'many'"),
        (7, r"row 1 is 7; a table is a list of dicts"),
    ],
)
def test_a_row_that_cannot_start_is_named_and_none_is_started(row: Any, says: str) -> None:
    calls = []

    def note(n: int) -> dict[str, int]:
        calls.append(n)
        return {"twice": 2 * n}

    class Typed:
        n: int

    made = graph("START -> note -> END", note, state=Typed)
    with pytest.raises(InputError, match=says):
        made.map([{"n": 0}, row, row])
    assert calls == []


def test_what_a_graph_knows_is_asked_once_for_all_rows_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    from nbgraph.core import tables

    asked = []
    real = tables.checked_inputs
    monkeypatch.setattr(tables, "checked_inputs", lambda *given: (asked.append(given), real(*given))[1])
    at_rest(doubling().map(rows(50)))
    assert len(asked) == 1


@pytest.mark.parametrize("parallel", [0, -1, 1.5, "8", None])
def test_parallel_is_a_number_of_runs(parallel: Any) -> None:
    with pytest.raises(InputError, match="parallel is the number of runs at once"):
        doubling().map(rows(2), parallel=parallel)


@pytest.mark.parametrize("options", [{"limit": 0}, {"pause_before": "duoble"}, {"answers": {"gate": [5]}}])
def test_options_that_make_no_sense_are_refused_before_anything_runs(options: dict[str, Any]) -> None:
    store = MemoryStore()
    with pytest.raises(InputError):
        doubling().map(rows(2), store=store, id="mine", **options)
    assert at_rest(doubling().map(rows(2), store=store, id="mine")).counts == {"done": 2}


def test_a_graph_that_cannot_run_says_so_whatever_the_rows() -> None:
    with pytest.raises(GraphError, match="g cannot run yet"):
        Graph("g").map([{"unknown": 1}])


def test_options_are_those_of_each_run() -> None:
    batch = at_rest(doubling().map(rows(3), id="mine", pause_before="double", store=MemoryStore()))
    assert [run.id for run in batch.runs if run] == ["mine-0", "mine-1", "mine-2"]
    assert batch.counts == {"paused": 3}


def test_answers_given_beforehand_are_each_rows_own() -> None:
    batch = at_rest(asking().map(rows(3), answers={"gate": [{"answer": "approve"}]}))
    assert [run.state["gate"] for run in batch.runs if run] == ["approve"] * 3


def test_keywords_are_inputs_that_all_rows_share() -> None:
    def add(n: int, more: int) -> dict[str, int]:
        return {"sum": n + more}

    batch = graph("START -> add -> END", add).map(rows(2), more=10)
    assert batch.results() == [{"n": 0, "more": 10, "sum": 10}, {"n": 1, "more": 10, "sum": 11}]
    assert batch.table()[1] == {"n": 1, "sum": 11, "status": "done", "error": ""}


def test_a_row_that_the_store_refuses_fails_alone_and_is_resumed() -> None:
    store = MemoryStore()
    doubling().run(n=1, id="mine-1", store=store)
    batch = at_rest(doubling().map(rows(3), id="mine", store=store))
    assert (batch.status, batch.runs[1]) == ("2 done, 1 failed", None)
    assert "already holds a run 'mine-1'" in str(batch.failures[1])
    store.delete("mine-1")
    batch.resume()
    assert at_rest(batch).status == "3 done"


# -- failing and going on ----------------------------------------------------------------------------------------------


def test_a_failed_row_fails_alone_and_its_error_is_kept() -> None:
    batch = odd_ones_fail().map(rows(6), parallel=2)
    assert batch.results() == [{"n": n, "half": n // 2} if n % 2 == 0 else None for n in range(6)]
    assert {row: str(error) for row, error in batch.failures.items()} == {1: "1 is odd", 3: "3 is odd", 5: "5 is odd"}
    assert batch.status == "3 done, 3 failed"


def test_failed_rows_go_on_with_the_code_as_it_is_now_and_nothing_else_runs_again() -> None:
    made, calls = odd_ones_fail(), []
    batch = at_rest(made.map(rows(6), parallel=2))

    @made.node
    def half(n: int) -> dict[str, float]:
        calls.append(n)
        return {"half": n / 2}

    batch.resume()
    assert [each["half"] for each in batch.results() if each] == [0, 0.5, 1, 1.5, 2, 2.5]
    assert (sorted(calls), batch.failures, batch.status) == ([1, 3, 5], {}, "6 done")


def test_no_more_than_parallel_are_resumed_at_once() -> None:
    made, count = odd_ones_fail(), Count()
    batch = at_rest(made.map([{"n": 1}] * 12, parallel=3))

    @made.node
    async def half() -> None:
        count.enter()
        await asyncio.sleep(0.001)
        count.leave()

    batch.resume()
    assert at_rest(batch).counts == {"done": 12}
    assert count.most <= 3


def test_a_row_that_fails_again_is_resumed_again() -> None:
    batch = at_rest(odd_ones_fail().map(rows(4)))
    for _ in range(3):
        batch.resume()
        assert at_rest(batch).status == "2 done, 2 failed"


def test_where_no_row_has_failed_or_is_paused_there_is_none_to_resume() -> None:
    batch = at_rest(doubling().map(rows(2)))
    with pytest.raises(RunError, match=r"no row of g has failed or is paused, .*: 2 done"):
        batch.resume()


def test_a_graph_that_cannot_run_any_more_is_told_at_resume_and_nothing_changes() -> None:
    made = odd_ones_fail()
    batch = at_rest(made.map(rows(2)))
    made.clear()
    with pytest.raises(GraphError):
        batch.resume()
    assert batch.status == "1 done, 1 failed"


def test_an_error_that_went_on_along_an_error_edge_is_no_failure_of_its_row() -> None:
    def breaks(n: int) -> None:
        raise ValueError("mended")

    def mend(n: int) -> None:
        if n == 1:
            raise KeyError("not this one")

    batch = at_rest(graph("START -> breaks -> END; breaks -> mend on error; mend -> END", breaks, mend).map(rows(2)))
    assert {row: type(error) for row, error in batch.failures.items()} == {1: KeyError}


def test_paused_rows_free_their_place_and_are_resumed() -> None:
    def first() -> None: ...

    made = graph("START -> first -> double -> END", first, double)
    batch = at_rest(made.map(rows(5), parallel=2, pause_before="double"))
    assert batch.status == "5 paused"
    batch.resume()
    assert at_rest(batch).counts == {"done": 5}


def test_rows_keep_the_graph_that_the_batch_began_with() -> None:
    gate = Gate("gate")
    made = graph("", gate.node, double)
    made.edges("START -> gate -> double -> END")
    batch = made.map(rows(4), parallel=1)
    reached(gate.begun)
    made.clear()
    gate.let.set()
    assert [each["twice"] for each in batch.results() if each] == [0, 2, 4, 6]


def test_rows_in_the_queue_go_by_the_graph_as_it_is_at_resume() -> None:
    gate = Gate("gate")

    async def work(n: int) -> dict[str, int]:
        await gate.node() if n else 1 / n
        return {"version": 1}

    made = graph("START -> work -> END", work)
    batch = made.map(rows(3), parallel=1)
    reached(gate.begun)
    made.node(lambda: {"version": 2}, name="work")
    batch.resume()
    gate.let.set()
    assert [each["version"] for each in batch.results() if each] == [2, 1, 2]


def test_a_row_that_is_resumed_by_itself_is_followed() -> None:
    made = odd_ones_fail()
    batch = at_rest(made.map(rows(2)))
    made.node(lambda: {"half": 0.5}, name="half")
    run = batch.runs[1]
    assert run is not None
    run.resume()
    assert at_rest(batch).status == "2 done"
    assert batch.failures == {}


# -- people ------------------------------------------------------------------------------------------------------------


def test_rows_that_wait_for_a_person_free_their_places() -> None:
    batch = at_rest(asking().map(rows(5), parallel=2))
    assert batch.status == "5 waiting"
    assert list(batch.waiting) == [0, 1, 2, 3, 4]
    assert batch.results() == [None] * 5


def test_rows_are_answered_by_their_own_runs() -> None:
    batch = at_rest(asking().map(rows(4), parallel=1))
    for row, run in batch.waiting.items():
        run.answer("gate", "approve" if row % 2 else "reject")
    assert [each["gate"] for each in batch.results() if each] == ["reject", "approve", "reject", "approve"]
    assert batch.waiting == {}


def test_waiting_after_an_answer_waits_for_what_the_answer_lets_run() -> None:
    last = Gate("last")
    made = graph("", double, last.node)
    made.human("gate", "Go?")
    made.edges("START -> double -> gate -> last -> END")
    batch = at_rest(made.map(rows(2)))
    batch.waiting[0].answer("gate", "approve")
    assert batch.at_rest is False
    last.let.set()
    assert at_rest(batch).status == "1 done, 1 waiting"


def test_an_awaited_batch_returns_where_people_are_awaited() -> None:
    async def main() -> Batch:
        return await asking().map(rows(2))

    batch = asyncio.run(main())
    assert batch.status == "2 waiting"
    with pytest.raises(Waiting):
        batch.waiting[0].result()


# -- cancelling --------------------------------------------------------------------------------------------------------


def test_cancel_ends_what_runs_and_starts_no_more() -> None:
    gate = Gate("gate")
    batch = graph("START -> gate -> END", gate.node).map([{}] * 10, parallel=3)
    reached(gate.begun)
    until(lambda: gate.calls == 3)
    batch.cancel()
    assert at_rest(batch).status == "10 cancelled"
    assert (len([run for run in batch.runs if run]), gate.calls) == (3, 3)
    assert len(list(batch)) == 10


def test_cancel_keeps_what_is_done_and_what_has_failed() -> None:
    made = graph("", half)
    made.human("gate", "Go?")
    made.edges("START -> half; half -> gate if n == 4; half -> END else; gate -> END")
    batch = at_rest(made.map(rows(5)))
    batch.cancel()
    assert at_rest(batch).status == "2 done, 2 failed, 1 cancelled"
    batch.resume()
    assert at_rest(batch).status == "2 done, 2 failed, 1 cancelled"


def test_rows_that_were_to_be_resumed_and_are_cancelled_before_stay_failed() -> None:
    batch = at_rest(odd_ones_fail().map([{"n": 1}] * 5, parallel=1))
    with engine_held():
        batch.resume()
        batch.cancel()
        assert not batch.at_rest
    assert at_rest(batch).counts == {"failed": 5}


def test_a_watcher_that_raises_is_dismissed_and_the_batch_goes_on() -> None:
    heard: list[int] = []
    gate = Gate("gate")
    batch = graph("START -> gate -> END", gate.node).map([{}] * 5, parallel=1)
    batch.subscribe(lambda row: [][row])
    dismiss = batch.subscribe(heard.append)
    gate.let.set()
    assert at_rest(batch).counts == {"done": 5}
    assert set(heard) == {0, 1, 2, 3, 4}
    dismiss()


# -- tables ------------------------------------------------------------------------------------------------------------


def test_a_table_has_inputs_results_status_and_error() -> None:
    batch = at_rest(odd_ones_fail().map(rows(2)))
    assert batch.table() == batch.table("half") == [
        {"n": 0, "half": 0, "status": "done", "error": ""},
        {"n": 1, "half": None, "status": "failed", "error": "ValueError: 1 is odd"},
    ]  # fmt: skip


def test_a_table_shows_how_rows_stand_that_have_not_ended() -> None:
    gate = Gate("gate")
    batch = graph("START -> gate -> END", gate.node).map([{}] * 2, parallel=1)
    assert [row["status"] for row in batch.table()] == ["running", "queued"]
    gate.let.set()
    at_rest(batch)


def test_a_key_that_is_called_like_a_column_of_ours_keeps_its_name() -> None:
    def judge(n: int) -> dict[str, str]:
        return {"status": "good"}

    batch = at_rest(graph("START -> judge -> END", judge).map(rows(1)))
    assert batch.table() == [{"n": 0, "status": "good", "run_status": "done", "error": ""}]


def test_rows_need_not_have_the_same_keys() -> None:
    def add(n: int, more: int = 0) -> dict[str, int]:
        return {"sum": n + more}

    batch = at_rest(graph("START -> add -> END", add).map([{"n": 1}, {"n": 1, "more": 2}]))
    assert [(row["more"], row["sum"]) for row in batch.table()] == [(None, 1), (2, 3)]


def test_a_frame_keeps_the_index_and_the_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=lambda rows, **given: (rows, given)))
    given = Frame(rows(2), ["a", "b"], ["n"])
    batch = at_rest(doubling().map(given))
    table, made = batch.frame()
    assert table == batch.table()
    assert made == {"index": given.index, "columns": ["n", "twice", "status", "error"]}
    assert [row.label for row in batch.rows] == ["a", "b"]


def test_a_frame_of_no_rows_has_its_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=lambda rows, **given: (rows, given)))
    assert doubling().map(Frame([], [], ["n"])).frame("twice")[1]["columns"] == ["n", "twice", "status", "error"]


def test_without_pandas_a_frame_is_refused_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(NbgraphError, match=r"needs pandas, which is not installed: .*batch.table\(\)"):
        doubling().map([]).frame()


def test_rows_tell_number_status_and_reason() -> None:
    batch = at_rest(asking().map(rows(1)))
    [row] = batch.rows
    assert (row.number, row.label, row.status, row.reason) == (0, 0, Status.WAITING, "waits for a person at gate")
