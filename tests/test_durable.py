"""Runs over a database, as a person uses them: what is refused, what goes wrong with the file, who goes on."""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from nbgraph import configure, stores
from nbgraph.core.approvals import Answer
from nbgraph.core.engine import engine_loop
from nbgraph.core.events import Status
from nbgraph.core.run import Run
from nbgraph.errors import (
    AlreadyAnswered,
    ApprovalError,
    InputError,
    NoSuchRun,
    NotStorable,
    OwnedElsewhere,
    RunError,
    StoreError,
)
from nbgraph.library import Graph
from nbgraph.store.sqlite import SqliteStore
from tests.core.running import SOON, at_once, quiet_engine, reached, settled, until  # noqa: F401

SLOW = pytest.mark.slow


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "runs.db", wait=0.3, synchronous="NORMAL")


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test configures is forgotten after it, and relative paths are its own folder's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stores, "_configured", dict(stores._configured))


def asking(name: str = "g", **options: Any) -> Graph:
    made = Graph(name)
    made.node(lambda: {"x": 1}, name="a")
    made.human("ask", "go on?", show=["x"], **options)
    made.edges("START -> a -> ask -> END")
    return made


def approve(**given: Any) -> Answer:
    return Answer("approve", "", given.get("edit", {}), "somebody", time.time(), given.get("form", {}))


class Line:
    """A graph of three nodes in a line that counts its calls, and does something the first time that `b` is called."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self.calls = list[str]()
        made = self.graph = Graph("g")

        def a() -> dict[str, int]:
            self.calls.append("a")
            return {"x": 1}

        def b(x: int) -> dict[str, int]:
            self.calls.append("b")
            if self.calls.count("b") == 1:
                meanwhile()
            return {"y": 2}

        def c(y: int) -> dict[str, int]:
            self.calls.append("c")
            return {"z": 3}

        for node in (a, b, c):
            made.node(node)
        made.edges("START -> a -> b -> c -> END")


@contextmanager
def longest_gap() -> Iterator[list[float]]:
    """The longest time for which the engine's loop heard of nothing, inside."""
    gaps, over = list[float](), threading.Event()

    async def tick() -> None:
        last = time.monotonic()
        while not over.is_set():
            await asyncio.sleep(0.005)
            last, before = time.monotonic(), last
            gaps.append(last - before)

    ticking = asyncio.run_coroutine_threadsafe(tick(), engine_loop())
    try:
        yield gaps
    finally:
        over.set()
        ticking.result(SOON)


# -- what cannot be kept -----------------------------------------------------------------------------------------------


class Plain:
    pass


def holding_itself() -> list[Any]:
    made = list[Any]()
    made.append(made)
    return made


REFUSED = [
    (threading.Lock(), r"x is of the type lock"),
    (lambda: 1, r"x is of the type function"),
    ({"a": [1, {"b": SecretStr("s")}]}, r'x\["a"\]\[1\]\["b"\] is of the type SecretStr'),
    (holding_itself(), r"x is of the type list.*holds itself"),
    (Plain(), r"x is of the type Plain"),
]
KINDS = ["lock", "function", "deep secret", "self", "plain"]


def mended(make: Callable[[Any], tuple[Graph, list[Any], list[str]]], value: Any, store: SqliteStore, says: str) -> Run:
    """A run whose node refuses `value`, then is mended: nothing after it starts before, nothing before it twice."""
    made, given, calls = make(value)
    inputs = {"items": [1, 2]} if made.nodes["b"].reads[0].key == "item" else {}
    run = settled(made.run(inputs, store=store, id="r"), Status.FAILED)
    with pytest.raises(NotStorable, match=says):
        run.result()
    assert "c" not in calls
    assert [step.node for step in store.history("r").steps] == ["a"]
    assert store.run("r").status is Status.FAILED
    given[:] = [1]
    run.resume()
    settled(run, Status.DONE)
    assert (calls.count("a"), calls.count("c")) == (1, 1)
    return run


def values_of(how: str, value: Any) -> tuple[Graph, list[Any], list[str]]:
    """A graph whose node `b` has to do with the value, which can be changed, and the calls of its nodes."""
    given, calls = [value], list[str]()

    def a() -> dict[str, int]:
        calls.append("a")
        return {"begun": 1}

    def c(x: Any) -> dict[str, int]:
        calls.append("c")
        return {"y": 2}

    made = Graph("g")
    made.node(a)
    made.node(BODIES[how](given, calls), name="b")
    made.node(c)
    made.edges("START -> a -> b each items as item; b -> c -> END" if how == "each" else "START -> a -> b -> c -> END")
    return made, given, calls


def returning(given: list[Any], calls: list[str]) -> Callable[..., Any]:
    return lambda begun: {"x": given[0]}


def returning_for_each(given: list[Any], calls: list[str]) -> Callable[..., Any]:
    def each(item: int) -> dict[str, Any]:
        calls.append(f"item {item}")
        return {"x": given[0] if item == 2 else 1}

    return each


def recording(given: list[Any], calls: list[str]) -> Callable[..., Any]:
    async def records(begun: int, ctx: Any) -> dict[str, int]:
        def x() -> Any:
            return given[0]

        await ctx.step(x)
        return {"x": 1}

    return records


def showing(given: list[Any], calls: list[str]) -> Callable[..., Any]:
    async def shows(begun: int, ctx: Any) -> dict[str, int]:
        if given != [1]:
            await ctx.ask("go on?", show={"x": given[0]})
        return {"x": 1}

    return shows


BODIES = {"returns": returning, "each": returning_for_each, "records": recording, "shows": showing}


@pytest.mark.parametrize(("value", "says"), REFUSED, ids=KINDS)
def test_a_value_that_is_not_stored_fails_its_node_which_can_be_mended(
    value: Any, says: str, store: SqliteStore
) -> None:
    mended(lambda value: values_of("returns", value), value, store, f"b returned {says}")


def test_an_item_that_is_not_stored_costs_no_other_item_its_result(store: SqliteStore) -> None:
    counted = list[list[str]]()

    def make(value: Any) -> tuple[Graph, list[Any], list[str]]:
        made = values_of("each", value)
        counted.append(made[2])
        return made

    mended(make, threading.Lock(), store, "b returned x is of the type lock")
    assert Counter(counted[0])["item 1"] == 1


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("records", r"b: what ctx.step\(x\) returned cannot be kept: the value is of the type lock"),
        ("shows", r"b asks a person, and what it shows cannot be kept: x is of the type lock"),
    ],
)
def test_what_is_recorded_or_shown_and_not_stored_is_told_with_the_node(
    how: str, says: str, store: SqliteStore
) -> None:
    mended(lambda value: values_of(how, value), threading.Lock(), store, says)


@pytest.mark.parametrize(("value", "says"), REFUSED, ids=KINDS)
def test_an_input_that_is_not_stored_starts_nothing(value: Any, says: str, store: SqliteStore) -> None:
    line = Line(lambda: None)
    with pytest.raises(NotStorable, match=says.replace("x", "z", 1)):
        line.graph.run(z=value, store=store)
    assert (line.calls, store.runs()) == ([], [])


@pytest.mark.parametrize("as_node", [None, "b"])
def test_an_edit_that_is_not_stored_changes_nothing(as_node: str | None, store: SqliteStore) -> None:
    line = Line(lambda: 1 / 0)
    run = settled(line.graph.run(store=store, id="r"), Status.FAILED)
    with pytest.raises(NotStorable, match=r"^y is of the type lock"):
        run.edit({"y": threading.Lock()}, as_node=as_node)
    assert (run.state, len(run.steps), len(store.history("r").steps)) == ({"x": 1}, 1, 1)
    run.resume()
    assert run.result() == {"x": 1, "y": 2, "z": 3}


@pytest.mark.parametrize("message", ["\ud800", "a\0b", "x" * 1_000_000], ids=["surrogate", "NUL", "a million"])
def test_an_error_with_an_odd_message_is_kept_in_few_bytes(message: str, store: SqliteStore) -> None:
    def fails() -> None:
        raise ValueError(message)

    line = Line(fails)
    run = settled(line.graph.run(store=store, id="r"), Status.FAILED)
    summary = store.run("r")
    assert (summary.status, summary.reason[:5]) == (Status.FAILED, run.reason[:5])
    assert summary.bytes < 50_000
    run.resume()
    settled(run, Status.DONE)


# -- ids and paths -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", ["a/b", "../up", "ü €", "x" * 5_000, "a#1[0]", "'; drop table runs; --", "%"])
def test_a_run_may_have_any_readable_id(id: str, store: SqliteStore, tmp_path: Path) -> None:
    made = Line(lambda: None).graph
    run = settled(made.run(store=store, id=id), Status.DONE)
    assert (store.run(id).status, run.at(1).state) == (Status.DONE, {"x": 1})
    path = made.export(id, tmp_path / "run", store=store)
    assert made.import_run(path, id=f"{id} again", store=store) == f"{id} again"
    made.delete(id, store=store)
    assert [each.id for each in made.runs(store=store)] == [f"{id} again"]


@pytest.mark.parametrize("id", [3, "\ud800", "a\n", "\0", b"r", ["r"]], ids=repr)
def test_an_id_that_is_no_readable_text_is_refused_and_harms_no_other_run(id: Any, store: SqliteStore) -> None:
    made = Line(lambda: None).graph
    run = settled(made.run(store=store, id="r"), Status.DONE)
    for call in (
        lambda: made.run(store=store, id=id),
        lambda: run.fork(1, id=id),
        lambda: made.copy("r", id, store=store),
    ):
        with pytest.raises(InputError, match="the id of a run is a text"):
            call()
    assert [each.id for each in made.runs(store=store)] == ["r"]


@pytest.mark.parametrize("where", ["", "  ", ":memory:", "a\0b", b"x.db", 3])
def test_a_store_that_makes_no_sense_is_refused_wherever_it_is_said(
    where: Any, configured: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = asking()
    with pytest.raises(InputError, match="store"):
        configure(store=where)
    with pytest.raises(InputError, match="store"):
        made.run(store=where)
    assert os.listdir(tmp_path) == []


def test_a_configured_path_stays_where_it_was_when_the_program_goes_elsewhere(configured: None, tmp_path: Path) -> None:
    made, elsewhere = asking(), tmp_path / "elsewhere"
    elsewhere.mkdir()
    configure(store="runs.db")
    settled(made.run(id="r"), Status.WAITING)
    os.chdir(elsewhere)
    assert [run.id for run in made.runs()] == ["r"]
    run = made.resume("r")
    run.answer("ask", "approve")
    settled(run, Status.DONE)
    assert os.listdir(elsewhere) == []


def test_a_tilde_is_the_home_folder(configured: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    settled(asking().run(store="~/mine.db"), Status.WAITING).cancel()
    assert (tmp_path / "mine.db").exists()


# -- what becomes of the file ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_database_that_is_locked_too_long_stops_the_run_but_not_the_loop(store: SqliteStore) -> None:
    locks = list[sqlite3.Connection]()

    def lock() -> None:
        locks.append(sqlite3.connect(store.path, isolation_level=None, check_same_thread=False))
        locks[0].execute("BEGIN EXCLUSIVE")

    line = Line(lock)
    with longest_gap() as gaps:
        run = settled(line.graph.run(store=store, id="r"), Status.FAILED)
    with pytest.raises(StoreError, match=r"runs.db was locked by another process for more than 0.3 seconds"):
        run.result()
    assert max(gaps) < 0.25, "the loop waited for the lock"
    assert line.calls == ["a", "b"]
    locks[0].close()
    run.resume()
    settled(run, Status.DONE)
    assert line.calls == ["a", "b", "c"]
    assert [step.node for step in store.history("r").steps] == ["a", "b", "c"]


def test_a_lock_that_ends_in_time_costs_nothing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "runs.db", wait=SOON)

    def lock() -> None:
        other = sqlite3.connect(store.path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN EXCLUSIVE")
        threading.Timer(0.1, other.close).start()

    line = Line(lock)
    settled(line.graph.run(store=store), Status.DONE)
    assert line.calls == ["a", "b", "c"]


def move(store: SqliteStore, to: str) -> None:
    for end in ("", "-wal", "-shm"):
        if os.path.exists(store.path + end):
            os.rename(store.path + end, store.path + to + end)


def put_back(store: SqliteStore, of: str) -> None:
    for end in ("", "-wal", "-shm"):
        if os.path.exists(store.path + of + end):
            os.rename(store.path + of + end, store.path + end)


@pytest.mark.slow
@pytest.mark.parametrize("instead", ["nothing", *(pytest.param(it, marks=SLOW) for it in ("a folder", "another file"))])
def test_a_database_that_is_moved_away_stops_the_run_until_it_is_put_back(instead: str, store: SqliteStore) -> None:
    def away() -> None:
        move(store, ".away")
        if instead == "a folder":
            os.mkdir(store.path)
        elif instead == "another file":
            Path(store.path).write_text("hello")
        time.sleep(0.3)  # it is looked for now and then

    line = Line(away)
    run = settled(line.graph.run(store=store, id="r"), Status.FAILED)
    assert "was moved or deleted while runs were kept in it; put it back" in run.reason
    if instead == "a folder":
        os.rmdir(store.path)
    put_back(store, ".away")
    run.resume()
    settled(run, Status.DONE)
    assert line.calls == ["a", "b", "c"]
    assert store.run("r").status is Status.DONE


def test_a_full_disk_stops_the_run_until_there_is_space(store: SqliteStore) -> None:
    big, pages = "é" * 400_000, list[int]()
    made, calls = Graph("g"), list[str]()

    def limit(count: int) -> None:
        def change(connection: sqlite3.Connection) -> None:
            (now,) = connection.execute("PRAGMA page_count").fetchone()
            pages.append(connection.execute(f"PRAGMA max_page_count = {count or now}").fetchone()[0])

        store._writer.do(change, whole=False)

    def a() -> dict[str, str]:
        calls.append("a")
        limit(0)
        return {"x": "".join(map(chr, range(50_000, 55_000))) + big}

    async def b(x: str) -> dict[str, int]:
        calls.append("b")
        return {"y": len(x)}

    made.node(a)
    made.node(b)
    made.edges("START -> a -> b -> END")
    run = settled(made.run(store=store, id="r"), Status.FAILED)
    assert "the disk is full; free some space, then resume" in run.reason
    assert calls == ["a"]
    limit(1_000_000)
    run.resume()
    settled(run, Status.DONE)
    assert calls == ["a", "b"]


# -- who goes on -------------------------------------------------------------------------------------------------------


def test_a_run_whose_status_has_been_seen_stands_so_in_the_store(store: SqliteStore) -> None:
    made = Line(lambda: None).graph
    for _ in range(20):
        run = settled(made.run(store=store), Status.DONE)
        assert store.run(run.id).status is Status.DONE


@pytest.mark.slow
@pytest.mark.parametrize("held", [True, False])
def test_a_question_outlives_the_loop_that_it_was_asked_on(held: bool, store: SqliteStore) -> None:
    made, calls = asking(), list[str]()

    async def b(ask: str, ctx: Any) -> dict[str, str]:
        def once() -> None:
            calls.append("once")

        await ctx.step(once)
        return {"y": (await ctx.ask("really?")).option}

    made.node(b)
    made.edges("START -> a -> ask -> b -> END")
    run: Run | None = asyncio.run(made.arun(store=store, id="r"))
    assert run is not None
    assert run.status is Status.WAITING
    with pytest.raises(RunError, match=r"loop on which g ran is closed.*graph.resume\('r'\) goes on"):
        run.answer("ask", "approve")
    if not held:
        run = None
        gc.collect()
    assert [each.id for each in made.approvals(store=store)] == ["r/ask#1"]
    again = settled(made.resume("r", store=store), Status.WAITING)
    assert again is not run
    again.answer("ask", "approve")
    settled(again, Status.WAITING)
    again.answer("b", "approve")
    assert settled(again, Status.DONE).state["y"] == "approve"
    assert (calls, [step.node for step in again.steps]) == (["once"], ["a", "ask", "b"])


def test_an_answer_to_a_run_whose_loop_is_closed_waits_for_who_resumes_it(store: SqliteStore) -> None:
    made = asking()
    run = asyncio.run(made.arun(store=store, id="r"))
    store.answer("r/ask#1", approve())
    assert run.status is Status.WAITING
    assert made.resume("r", store=store).result()["ask"] == "approve"


def test_a_run_whose_loop_ends_at_any_moment_can_be_resumed(store: SqliteStore) -> None:
    made, calls = Graph("g"), list[str]()

    async def slow() -> dict[str, int]:
        calls.append("slow")
        await asyncio.sleep(0.05)
        return {"x": 1}

    made.node(slow)
    made.edges("START -> slow -> END")

    async def leave_after(turns: int) -> None:
        task = asyncio.create_task(made.arun(store=store, id=f"after {turns}"))
        for _ in range(turns):
            await asyncio.sleep(0.001)
        assert not task.done()

    for turns in (1, 5, 20):
        asyncio.run(leave_after(turns))
        assert made.resume(f"after {turns}", store=store).result() == {"x": 1}


def test_threads_that_resume_the_same_run_get_the_same_run(store: SqliteStore) -> None:
    made, got = asking(), list[Run]()
    settled(made.run(store=store, id="old"), Status.WAITING)
    made.copy("old", "r", store=store)  # which nobody has
    assert at_once(8, lambda: got.append(made.resume("r", store=store))) == [None] * 8
    assert len({id(run) for run in got}) == 1
    settled(got[0], Status.WAITING).answer("ask", "approve")
    settled(got[0], Status.DONE)


def test_a_store_and_its_path_are_the_same_store(store: SqliteStore) -> None:
    made = asking()
    run = settled(made.run(store=store, id="r"), Status.WAITING)
    assert made.resume("r", store=store.path) is made.resume("r", store=SqliteStore(store.path)) is run


def test_a_run_that_lives_here_is_not_another_graphs(store: SqliteStore) -> None:
    run = settled(Line(lambda: 1 / 0).graph.run(store=store, id="r"), Status.FAILED)
    with pytest.raises(RunError, match="r is a run of g, not of other"):
        asking("other").resume("r", store=store)
    assert run.status is Status.FAILED


def test_a_run_under_way_can_be_looked_at_and_shared_and_not_deleted(store: SqliteStore, tmp_path: Path) -> None:
    begun, let = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        let.wait(SOON)

    line = Line(hold)
    run = line.graph.run(store=store, id="r")
    reached(begun)
    assert run.at(1).active == ("b#1",)
    assert run.replay(1).same
    with pytest.raises(OwnedElsewhere):
        line.graph.delete("r", store=store)
    fork = settled(run.fork(1, id="fork"), Status.DONE)
    line.graph.copy("r", "copy", store=store)
    line.graph.import_run(line.graph.export("r", tmp_path / "run", store=store), id="import", store=store)
    assert run.status is Status.RUNNING
    let.set()
    others = [settled(line.graph.resume(id, store=store), Status.DONE) for id in ("copy", "import")]
    assert [each.state for each in (settled(run, Status.DONE), fork, *others)] == [{"x": 1, "y": 2, "z": 3}] * 4
    assert line.calls.count("a") == 2, "once by the run, once by replay"


def test_a_batch_that_was_cancelled_half_way_says_so_in_the_store(store: SqliteStore) -> None:
    made, some = Graph("g"), threading.Event()

    async def a(n: int) -> dict[str, int]:
        if n == 12:
            some.set()
        await asyncio.sleep(0.002)
        return {"x": n}

    made.node(a)
    made.edges("START -> a -> END")
    batch = made.map([{"n": n} for n in range(50)], store=store, id="row")
    reached(some)
    batch.cancel()
    batch.wait(SOON)
    ended = {run.id: run.status for run in batch.runs if run is not None}
    assert 0 < Counter(ended.values())[Status.DONE] < 50
    over = (Status.DONE, Status.CANCELLED)
    until(lambda: all(run.status in over and not run.owner for run in made.runs(store=store, limit=100)))
    assert {ended.get(run.id, run.status) is run.status for run in made.runs(store=store, limit=100)} == {True}


def test_rows_that_failed_go_on_and_nothing_is_called_twice(store: SqliteStore) -> None:
    made, broken, calls = Graph("g"), [True], Counter[tuple[str, int]]()

    async def a(n: int) -> dict[str, int]:
        calls["a", n] += 1
        return {"x": n}

    async def b(x: int) -> dict[str, int]:
        if broken[0] and x % 2:
            raise ValueError("odd")
        calls["b", x] += 1
        return {"y": x}

    made.node(a)
    made.node(b)
    made.edges("START -> a -> b -> END")
    batch = made.map([{"n": n} for n in range(50)], store=store).wait(SOON)
    assert batch.counts == {"done": 25, "failed": 25}
    broken[0] = False
    batch.resume()
    batch.wait(SOON)
    assert batch.counts == {"done": 50}
    assert set(calls.values()) == {1}
    assert {run.status for run in made.runs(store=store)} == {Status.DONE}


# -- answers -----------------------------------------------------------------------------------------------------------


def test_of_three_who_answer_at_once_one_wins(store: SqliteStore) -> None:
    made = asking()
    for number in range(10):
        run = settled(made.run(store=store, id=f"r{number}"), Status.WAITING)
        assert sorted(answers_at_once(made, run, store)) == ["AlreadyAnswered", "AlreadyAnswered", "NoneType"]
        settled(run, Status.DONE)
        (kept,) = store.approvals(run.id)
        assert kept.answer is not None
        assert kept.answer.option == run.state["ask"]


def answers_at_once(made: Graph, run: Run, store: SqliteStore) -> list[str]:
    """What comes of it when the store, the run and a watch of it are given an answer at the same moment."""
    ways: list[Callable[[], object]] = [
        lambda: store.answer(f"{run.id}/ask#1", approve()),
        lambda: run.answer("ask", "reject"),
        lambda: made.watch(run.id, store=store).answer("ask", "approve"),
    ]
    return [type(each).__name__ for each in at_once(3, lambda: ways.pop()())]


def test_a_cancelled_run_asks_nothing_any_more(store: SqliteStore) -> None:
    made = asking()
    run = settled(made.run(store=store, id="r"), Status.WAITING)
    run.cancel()
    until(lambda: made.approvals(store=store) == [])
    with pytest.raises(ApprovalError, match="no more"):
        store.answer("r/ask#1", approve())


def test_an_answer_that_does_not_fit_its_form_is_asked_for_again(store: SqliteStore) -> None:
    made = asking(form=int)
    run = settled(made.run(store=store, id="r"), Status.WAITING)
    made.watch("r", store=store).answer("ask", "approve", form="many")
    until(lambda: run.notices)
    settled(run, Status.WAITING)
    assert run.notices == ["ask asks again: the answer should be a whole number, not 'many'."]
    run.answer("ask", "approve", form=3)
    assert run.result()["ask_form"] == 3


def test_an_edit_that_cannot_be_kept_leaves_the_question_open(store: SqliteStore) -> None:
    made = asking(edit=["x"])
    run = settled(made.run(store=store, id="r"), Status.WAITING)
    with pytest.raises(NotStorable, match="x is of the type lock"):
        store.answer("r/ask#1", approve(edit={"x": threading.Lock()}))
    assert run.status is Status.WAITING
    run.answer("ask", "approve", edit={"x": 5})
    assert run.result()["x"] == 5


@pytest.mark.slow
def test_an_answer_and_the_deadline_at_the_same_moment_are_one_answer(store: SqliteStore) -> None:
    made = asking(timeout="1s=reject")
    runs = [settled(made.run(store=store), Status.WAITING) for _ in range(8)]
    end = max(run.approvals[0].deadline or 0.0 for run in runs)
    people = Counter[str]()
    for run in runs:
        time.sleep(max(0.0, end - 0.03 - time.time()))
        try:
            run.answer("ask", "approve")
            people["approve"] += 1
        except AlreadyAnswered:
            people["reject"] += 1
    until(lambda: all(run.status is Status.DONE for run in runs))
    assert Counter(run.state["ask"] for run in runs) == people


# -- one run after another, and runs that are gone ---------------------------------------------------------------------


def test_a_run_goes_on_after_one_of_another_graph(store: SqliteStore) -> None:
    before = settled(Line(lambda: None).graph.run(store=store, id="r"), Status.DONE)
    later = Graph("later")
    later.node(lambda z: {"last": z + 1}, name="n")
    later.edges("START -> n -> END")
    for after in (before, "r"):
        run = settled(later.run(store=store, after=after), Status.DONE)
        assert run.state == {"x": 1, "y": 2, "z": 3, "last": 4}
        assert store.run(run.id).parent == "r"


def test_what_is_left_of_a_run_that_was_deleted_says_so(store: SqliteStore) -> None:
    made = Line(lambda: None).graph
    run = settled(made.run(store=store, id="r"), Status.DONE)
    watch = made.watch("r", store=store)
    until(lambda: store.run("r").owner is None)
    made.delete("r", store=store)
    for call in (lambda: run.at(1), lambda: run.fork(1), lambda: run.replay(1), lambda: made.watch("r", store=store)):
        with pytest.raises(NoSuchRun, match="'r'"):
            call()
    assert run.state == watch.state == {"x": 1, "y": 2, "z": 3}


# -- the whole process -------------------------------------------------------------------------------------------------

SCRIPT = """
import sys
from nbgraph import Graph
made = Graph("g")
made.node(lambda: {"x": 1}, name="a")
made.node(lambda x: {"y": 2}, name="b")
made.human("ask", "go on?")
how, path = sys.argv[1:]
made.edges("START -> a -> b -> ask -> END" if how in ("waiting", "own loop") else "START -> a -> b -> END")
if how == "own loop":
    import asyncio
    run = asyncio.run(made.arun(store=path, id="r"))
else:
    run = made.run(store=path, id="r")
if how == "result":
    run.result()
elif how == "waiting":
    run.wait()
elif how == "watch":
    watching = made.watch("r", store=path)
print(len(run.steps), run.status)
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["at once", "result", "waiting", "watch", "own loop"])
def test_what_a_process_has_said_before_its_end_is_kept(how: str, tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, how, str(path)], capture_output=True, text=True, timeout=SOON, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    steps, status = ended.stdout.split()
    kept = SqliteStore(path).run("r")
    assert kept.steps >= int(steps)
    assert kept.owner is None
    if status in ("done", "waiting"):
        assert kept.status == status
        assert len(SqliteStore(path).approvals(open_only=True)) == (status == "waiting")


ANSWER = """
import sys
from nbgraph import Graph
made = Graph("g")
made.watch("r", store=sys.argv[1]).answer("ask", "approve", by="another process")
"""


@pytest.mark.slow
def test_a_run_goes_on_with_the_answer_of_another_process(store: SqliteStore) -> None:
    run = settled(asking().run(store=store, id="r"), Status.WAITING)
    subprocess.run([sys.executable, "-c", ANSWER, store.path], timeout=SOON, check=True)
    until(lambda: run.status is Status.DONE)
    (approval,) = run.approvals
    assert approval.answer is not None
    assert approval.answer.by == "another process"


@pytest.mark.slow
def test_many_runs_leave_nothing_behind(store: SqliteStore) -> None:
    made = asking()

    def runs(count: int) -> None:
        for _ in range(count):
            run = settled(made.run(store=store), Status.WAITING)
            run.answer("ask", "approve")
            settled(run, Status.DONE)

    def held() -> tuple[int, int, int]:
        until(lambda: not store._writer._held)
        gc.collect()
        files = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
        return threading.active_count(), files, len(gc.get_objects())

    runs(30)
    before = held()
    runs(300)
    after = held()
    assert all(now <= then for now, then in zip(after[:2], before[:2], strict=True)), (before, after)
    assert after[2] - before[2] < 300, "less than one object a run"
