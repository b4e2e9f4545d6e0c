"""Stored runs: what a run that is resumed has behind it, and what of it is done again."""

from __future__ import annotations

from typing import Any

import pytest

from nbgraph import MemoryStore
from nbgraph.core.approvals import Answer
from nbgraph.core.events import ApprovalAnswered, ApprovalAsked, Status, TaskFinished, TaskStarted
from nbgraph.core.ports import History
from nbgraph.core.records import Answered, Asked, Begun, Failed, ItemDone, Moved, Recorded, Resumed, Step, Tried
from nbgraph.errors import NoSuchRun, OwnedElsewhere, RunError
from nbgraph.library import Graph
from tests.core.patterns import asked_at, happened, made
from tests.core.running import (
    ONE_TWO,
    Gate,
    counting,
    graph,
    one,
    quiet_engine,  # noqa: F401
    reached,
    settled,
    two,
    until,
)
from tests.core.storing import crash, cut, forget, tasks


def entries(history: History, kind: type) -> list[Any]:
    return [entry for entry in history.entries if isinstance(entry, kind)]


def before(history: History, kind: type, number: int = 0) -> int:
    """How many entries there were when the one of that kind was about to be kept."""
    return [place for place, entry in enumerate(history.entries) if isinstance(entry, kind)][number]


def after(history: History, kind: type, number: int = 0) -> int:
    return before(history, kind, number) + 1


# -- where it goes on --------------------------------------------------------------------------------------------------


def test_a_run_whose_process_has_ended_goes_on_after_its_last_step() -> None:
    store, calls = MemoryStore(), list[str]()

    def first() -> dict[str, int]:
        calls.append("first")
        return {"x": 1}

    gate = Gate("second")
    made_graph = graph("START -> first -> second -> END", first, gate.node)
    run = made_graph.run(store=store, id="r")
    reached(gate.begun)
    crash(run)
    gate.let.set()
    again = settled(made_graph.resume("r", store=store), Status.DONE)
    assert again is not run
    assert (again.id, calls, [step.task for step in again.steps]) == ("r", ["first"], ["first#1", "second#1"])
    assert again.notices == []


def test_a_run_that_lives_here_is_the_same_run() -> None:
    store = MemoryStore()
    asks = made("START -> gate -> END")
    asks.human("gate", "go on?")
    run = settled(asks.run(store=store, id="r"), Status.WAITING)
    assert asks.resume("r", store=store) is run
    assert run.status is Status.WAITING


def test_a_paused_run_that_lives_here_goes_on() -> None:
    store = MemoryStore()
    run = settled(counting().run(n=0, store=store, id="r", limit=5), Status.PAUSED)
    assert run._engine.walk.graph.resume("r", store=store) is run  # type: ignore[attr-defined]
    settled(run, Status.PAUSED)
    assert run.state["n"] == 10


def test_a_failed_run_that_lives_here_goes_on_by_a_graph_that_was_made_anew() -> None:
    def broken() -> None:
        raise ValueError("not yet")

    run = settled(graph("START -> work -> END", named(broken, "work")).run(id="mended"), Status.FAILED)
    mended = graph("START -> work -> END", named(lambda: {"x": 1}, "work"))
    assert mended.resume("mended", store=run._engine.store) is run
    assert settled(run, Status.DONE).state == {"x": 1}


def named(function: Any, name: str) -> Any:
    function.__name__ = name
    return function


def test_a_run_that_has_its_log_open_is_owned() -> None:
    store = MemoryStore()
    asks = made("START -> gate -> END")
    asks.human("gate", "go on?")
    run = settled(asks.run(store=store, id="r"), Status.WAITING)
    forget(run)
    with pytest.raises(OwnedElsewhere, match=r"graph\.watch"):
        asks.resume("r", store=store)


@pytest.mark.parametrize("end", [Status.DONE, Status.CANCELLED])
def test_what_has_ended_is_not_resumed(end: Status) -> None:
    store = MemoryStore()
    asks = made("START -> gate -> END")
    asks.human("gate", "go on?")
    run = settled(asks.run(store=store, id="r"), Status.WAITING)
    run.cancel() if end is Status.CANCELLED else run.answer("gate", "approve")
    settled(run, end)
    until(lambda: store.run("r").status is end)
    with pytest.raises(RunError, match=f"r is {end}, so there is nothing to resume; fork it"):
        asks.resume("r", store=store)
    crash(run)
    with pytest.raises(RunError, match=f"r is {end}, so there is nothing to resume; fork it"):
        asks.resume("r", store=store)


def test_a_run_of_another_graph_is_refused() -> None:
    store = MemoryStore()
    crash(settled(graph(ONE_TWO, one, two).run(store=store, id="r"), Status.DONE))
    with pytest.raises(RunError, match="r is a run of g, not of other"):
        graph(ONE_TWO, one, two, name="other").resume("r", store=store)


def test_an_unknown_run_is_no_such_run() -> None:
    with pytest.raises(NoSuchRun, match="nope"):
        graph(ONE_TWO, one, two).resume("nope", store=MemoryStore())


def test_a_run_that_had_only_been_created_begins() -> None:
    store = MemoryStore()
    line = graph("START -> two -> END", two)
    run = settled(line.run(x=4, store=store, id="r"), Status.DONE)
    again = settled(line.resume("r", store=cut(store.history("r"), 0)), Status.DONE)
    assert again.state == run.state == {"x": 4, "y": 5}


def test_a_failed_run_runs_what_failed_and_keeps_its_siblings() -> None:
    store, broken, calls = MemoryStore(), [True], list[str]()

    async def good() -> dict[str, int]:
        calls.append("good")
        return {"a": 1}

    async def bad() -> dict[str, int]:
        calls.append("bad")
        if broken[0]:
            raise ValueError("broken")
        return {"b": 2}

    pair = graph("START -> good, bad; good -> END; bad -> END", good, bad)
    crash(settled(pair.run(store=store, id="r"), Status.FAILED))
    history = store.history("r")
    assert [(each.task, each.type, each.message) for each in entries(history, Failed)] == [
        ("bad#1", "ValueError", "broken")
    ]
    broken[0] = False
    again = settled(pair.resume("r", store=store), Status.DONE)
    assert (again.state, calls) == ({"a": 1, "b": 2}, ["good", "bad", "bad"])


def test_a_resume_is_in_the_log_with_who_did_it_and_what_had_changed() -> None:
    store = MemoryStore()
    asks = made("START -> gate -> END")
    asks.human("gate", "go on?")
    crash(settled(asks.run(store=store, id="r"), Status.WAITING))
    asks.human("gate", "really go on?")
    again = settled(asks.resume("r", store=store), Status.WAITING)
    (resumed,) = entries(store.history("r"), Resumed)
    assert "process" in resumed.by
    assert resumed.notices == tuple(again.notices)
    assert "gate changed since" in again.notices[0]


def test_a_limit_counts_anew_after_a_resume_and_a_run_keeps_its_own() -> None:
    store = MemoryStore()
    crash(settled(counting().run(n=0, store=store, id="r", limit=10), Status.PAUSED))
    again = settled(counting().resume("r", store=store), Status.PAUSED)
    assert (again.state["n"], "10 steps were taken" in again.reason) == (20, True)


def test_a_run_keeps_how_many_calls_run_at_once() -> None:
    store = MemoryStore()
    run = settled(counting().run(n=0, store=store, id="r", limit=10, parallel=3), Status.PAUSED)
    crash(run)
    assert counting().resume("r", store=store)._engine.settings.parallel == 3


def test_the_events_before_are_told_and_what_starts_again_is_told_once() -> None:
    store = MemoryStore()
    gate = Gate("second")
    line = graph("START -> one -> second -> END", one, gate.node)
    run = line.run(store=store, id="r")
    reached(gate.begun)
    crash(run)
    gate.let.set()
    again = settled(line.resume("r", store=store), Status.DONE)
    assert [each.node for each in happened(again, TaskStarted)] == ["one", "second"]
    assert [each.step for each in happened(again, TaskFinished)] == [1, 2]


# -- journals, attempts, items -----------------------------------------------------------------------------------------


def journaled(effects: list[str], name: str = "work") -> Graph:
    def effect(what: str) -> str:
        effects.append(what)
        return what.upper()

    async def work(ctx: Any) -> dict[str, Any]:
        return {"got": [await ctx.step(effect, "a"), await ctx.step(effect, "b")]}

    return made(f"START -> {name} -> END", work)


@pytest.mark.parametrize(("recorded", "again"), [(0, ["a", "b"]), (1, ["b"]), (2, [])])
def test_a_task_in_flight_gets_what_it_had_recorded(recorded: int, again: list[str]) -> None:
    store, effects = MemoryStore(), list[str]()
    line = journaled(effects)
    settled(line.run(store=store, id="r"), Status.DONE)
    history = store.history("r")
    count = before(history, Recorded) + recorded
    effects.clear()
    resumed = settled(line.resume("r", store=cut(history, count)), Status.DONE)
    assert (resumed.state["got"], effects) == (["A", "B"], again)


def test_a_later_visit_does_not_get_what_an_earlier_one_recorded() -> None:
    store, effects = MemoryStore(), list[int]()

    async def work(ctx: Any, n: int = 0) -> dict[str, int]:
        await ctx.step(effects.append, ctx.visit)
        return {"n": n + 1}

    loop = made("START -> work; work -> work if n < 3; work -> END else", work)
    settled(loop.run(store=store, id="r"), Status.DONE)
    history = store.history("r")
    settled(loop.resume("r", store=cut(history, after(history, Recorded, 1))), Status.DONE)
    assert effects == [1, 2, 3, 3]


def test_a_task_of_a_subgraph_gets_what_it_had_recorded() -> None:
    store, effects = MemoryStore(), list[str]()
    line = made("START -> g -> END", journaled(effects), called="outer")
    run = settled(line.run(store=store, id="r"), Status.DONE)
    history = store.history("r")
    assert [each.place for each in entries(history, Recorded)] == ["g/work#1/step1", "g/work#1/step2"]
    effects.clear()
    again = settled(line.resume("r", store=cut(history, after(history, Recorded))), Status.DONE)
    assert (again.state, effects) == (run.state, ["b"])


@pytest.mark.parametrize(("failed", "calls"), [(0, 3), (1, 2), (2, 1)])
def test_attempts_that_failed_before_are_not_made_again(failed: int, calls: int) -> None:
    store, attempts = MemoryStore(), list[int]()

    async def work(ctx: Any) -> None:
        attempts.append(ctx.attempt)
        if ctx.attempt < 3:
            raise ValueError("not yet")

    line = made("START -> work -> END", work, work={"retry": 3, "backoff": 0})
    settled(line.run(store=store, id="r"), Status.DONE)
    history = store.history("r")
    assert [each.attempt for each in entries(history, Tried)] == [1, 2]
    attempts.clear()
    settled(line.resume("r", store=cut(history, before(history, Tried) + failed)), Status.DONE)
    assert attempts == [1, 2, 3][-calls:]


def test_a_task_that_has_failed_for_good_gets_all_its_attempts_again() -> None:
    store, attempts = MemoryStore(), list[int]()

    async def work(ctx: Any) -> None:
        attempts.append(ctx.attempt)
        raise ValueError("never")

    line = made("START -> work -> END", work, work={"retry": 2, "backoff": 0})
    crash(settled(line.run(store=store, id="r"), Status.FAILED))
    settled(line.resume("r", store=store), Status.FAILED)
    assert attempts == [1, 2, 1, 2]


def test_items_that_had_finished_are_not_called_again() -> None:
    store, called = MemoryStore(), list[int]()

    async def work(item: int) -> dict[str, int]:
        called.append(item)
        return {"done": item * 10}

    each = made("START -> work each items as item; work -> END", work)
    run = settled(each.run(items=[1, 2, 3], store=store, id="r"), Status.DONE)
    history = store.history("r")
    assert [(done.task, done.item) for done in entries(history, ItemDone)] == [
        ("work#1", 0),
        ("work#1", 1),
        ("work#1", 2),
    ]
    for finished in range(4):
        called.clear()
        again = settled(each.resume("r", store=cut(history, before(history, ItemDone) + finished)), Status.DONE)
        assert (again.state, called) == (run.state, [1, 2, 3][finished:])


def test_an_item_that_failed_costs_no_other_item_its_result() -> None:
    store, called, broken = MemoryStore(), list[int](), [True]

    async def work(item: int) -> dict[str, int]:
        called.append(item)
        if item == 2 and broken[0]:
            raise ValueError("broken")
        return {"done": item}

    each = made("START -> work each items as item; work -> END", work)
    crash(settled(each.run(items=[1, 2, 3], store=store, id="r"), Status.FAILED))
    broken[0] = False
    again = settled(each.resume("r", store=store), Status.DONE)
    assert (again.state["done"], called) == ([1, 2, 3], [1, 2, 3, 2])


def test_items_of_a_mapped_subgraph_go_on_where_each_of_them_was() -> None:
    store, called = MemoryStore(), list[str]()

    async def first(item: int) -> dict[str, int]:
        called.append(f"first {item}")
        return {"x": item}

    async def second(x: int) -> dict[str, int]:
        called.append(f"second {x}")
        return {"y": x * 10}

    inner = made("START -> first -> second -> END", first, second, called="inner")
    each = made("START -> inner each items as item; inner -> END", inner)
    run = settled(each.run(items=[1, 2], store=store, id="r"), Status.DONE)
    assert run.state["y"] == [10, 20]
    undisturbed, history = sorted(called), store.history("r")
    for count in range(len(history.entries)):
        kept = cut(history, count)
        if kept.run("r").status is Status.DONE:
            continue
        done = {step.task.replace("inner", "") for step in kept.history("r").steps}
        called.clear()
        again = settled(each.resume("r", store=kept), Status.DONE)
        assert (again.state, tasks(again)) == (run.state, tasks(run))
        assert len(called) == len(undisturbed) - len(done - {"#1"})


# -- questions ---------------------------------------------------------------------------------------------------------


def asking(calls: list[str]) -> Graph:
    async def work(ctx: Any) -> dict[str, Any]:
        calls.append("called")
        answer = await ctx.ask("go on?", show={"n": 1})
        return {"got": [answer.option, answer.note]}

    return made("START -> work -> END", work)


def test_a_question_that_was_open_is_asked_again_as_it_was() -> None:
    store, calls = MemoryStore(), list[str]()
    line = asking(calls)
    run = settled(line.run(store=store, id="r"), Status.WAITING)
    (asked,) = run.approvals
    crash(run)
    again = settled(line.resume("r", store=store), Status.WAITING)
    assert again.approvals == [asked]
    assert [each.approval.id for each in happened(again, ApprovalAsked)] in ([asked.id], [asked.id] * 2)
    again.answer("work", "approve", "fine")
    assert settled(again, Status.DONE).state["got"] == ["approve", "fine"]


def test_an_answer_that_was_given_while_no_process_had_the_run_is_used() -> None:
    store, calls = MemoryStore(), list[str]()
    line = asking(calls)
    crash(settled(line.run(store=store, id="r"), Status.WAITING))
    line.watch("r", store=store).answer("work", "reject", "later")
    again = settled(line.resume("r", store=store), Status.DONE)
    assert (again.state["got"], len(calls)) == (["reject", "later"], 2)


@pytest.mark.parametrize("kind", [Answered, Step])
def test_an_answer_that_was_given_before_the_crash_counts_and_is_told_once(kind: type) -> None:
    store, calls = MemoryStore(), list[str]()
    line = asking(calls)
    run = settled(line.run(store=store, id="r"), Status.WAITING)
    run.answer("work", "approve")
    settled(run, Status.DONE)
    history = store.history("r")
    again = settled(line.resume("r", store=cut(history, before(history, kind))), Status.DONE)
    assert again.state["got"] == ["approve", ""]
    assert len(happened(again, ApprovalAsked)) == 1
    assert [each.approval.answer.option for each in happened(again, ApprovalAnswered)] == ["approve"]
    assert len(entries(again._engine.store.history("r"), Asked)) == 1


def test_a_task_with_two_questions_keeps_the_answer_to_the_first() -> None:
    store = MemoryStore()

    async def work(ctx: Any) -> dict[str, Any]:
        return {"got": [(await ctx.ask("one?")).option, (await ctx.ask("two?")).option]}

    line = made("START -> work -> END", work)
    run = settled(line.run(store=store, id="r"), Status.WAITING)
    run.answer("work", "reject")
    until(lambda: run.status is Status.WAITING)
    crash(run)
    again = settled(line.resume("r", store=store), Status.WAITING)
    assert [each.question for each in again.approvals if each.answer is None] == ["two?"]
    again.answer("work", "approve")
    assert settled(again, Status.DONE).state["got"] == ["reject", "approve"]


def test_a_question_that_shows_something_else_now_is_asked_anew() -> None:
    store, shown = MemoryStore(), ["first"]

    async def work(ctx: Any) -> dict[str, Any]:
        return {"got": (await ctx.ask("go on?", show={"what": shown[0]})).option}

    line = made("START -> work -> END", work)
    run = settled(line.run(store=store, id="r"), Status.WAITING)
    crash(run)
    store.answer(run.approvals[0].id, _answer("approve"))
    shown[0] = "second"
    again = settled(line.resume("r", store=store), Status.WAITING)
    assert [each.shown for each in again.approvals if each.answer is None] == [{"what": "second"}]


def _answer(option: str) -> Any:
    return Answer(option, "", {}, "somebody", 1.0)


def test_questions_of_mapped_items_keep_their_answers() -> None:
    store = MemoryStore()

    async def work(item: int, ctx: Any) -> dict[str, Any]:
        return {"got": (await ctx.ask(f"{item}?")).option}

    each = made("START -> work each items as item; work -> END", work)
    run = settled(each.run(items=[1, 2], store=store, id="r"), Status.WAITING)
    store_id = next(asked.id for asked in run.approvals if asked.question == "2?")
    run.answer(store_id, "reject")
    crash(run)
    again = each.resume("r", store=store)
    again.wait(60)
    assert [asked.question for asked in again.approvals if asked.answer is None] == ["1?"]
    again.answer("work", "approve")
    assert settled(again, Status.DONE).state["got"] == ["approve", "reject"]


def test_a_person_in_a_subgraph_is_asked_again_and_the_answer_reaches_it() -> None:
    store = MemoryStore()
    inner = made("START -> look -> ok; ok -> look if ok == 'reject'; ok -> END else", called="inner")
    calls = list[int]()

    async def look() -> dict[str, int]:
        calls.append(1)
        return {"seen": len(calls)}

    inner.node(look)
    inner.human("ok", "ok?", show=["seen"])
    outer = made("START -> inner -> END", inner)
    crash(settled(outer.run(store=store, id="r"), Status.WAITING))
    again = settled(outer.resume("r", store=store), Status.WAITING)
    assert (asked_at(again), len(calls)) == (["inner/ok"], 1)
    again.answer("inner/ok", "reject")
    until(lambda: len(calls) == 2 and again.status is Status.WAITING)
    crash(again)
    third = settled(outer.resume("r", store=store), Status.WAITING)
    third.answer("inner/ok", "approve")
    settled(third, Status.DONE)
    assert [step.task for step in third.steps] == [
        "inner/look#1", "inner/ok#1", "inner/look#2", "inner/ok#2", "inner#1",
    ]  # fmt: skip


def test_nothing_of_a_run_is_kept_that_it_does_not_need() -> None:
    store = MemoryStore()
    settled(graph(ONE_TWO, one, two).run(store=store, id="r"), Status.DONE)
    assert [type(entry) for entry in store.history("r").entries] == [Begun, Step, Step, Moved]
