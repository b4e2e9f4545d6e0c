"""Joins that wait for nothing: each arrival a task of its own, and races that cancel the losers."""

from __future__ import annotations

import asyncio
import threading
from typing import Annotated, Any

import pytest

from nbgraph import append
from nbgraph.core.events import ApprovalWithdrawn, Status, TaskCancelled, TaskStarted
from nbgraph.core.records import Entry, Step
from nbgraph.library import Graph
from tests.core.patterns import asked_at, happened, made
from tests.core.running import (
    SOON,
    Gate,
    Slowed,
    async_until,
    quiet_engine,  # noqa: F401
    reached,
    settled,
    until,
)

ANY, FIRST = {"join": "any"}, {"join": "first"}
RACE = "START -> slow, fast -> race -> END"


class Logged:
    log: Annotated[list[str], append]


def fast() -> dict[str, str]:
    return {"won": "fast"}


def race(won: str) -> dict[str, str]:
    return {"result": won}


def cancelled(run: Any) -> list[tuple[str, int]]:
    return [(event.node, event.visit) for event in happened(run, TaskCancelled)]


# -- any ---------------------------------------------------------------------------------------------------------------


def test_each_arrival_at_a_node_that_joins_any_starts_a_task_of_its_own_at_once() -> None:
    slow = Gate("slow", value={"log": "slow"})

    def note(log: list[str], ctx: Any) -> dict[str, str]:
        return {"log": f"note{ctx.visit} saw {','.join(log)}"}

    graph = made("START -> slow, quick -> note -> END", slow.node, note, typed=Logged, note=ANY)
    graph.node(lambda: {"log": "quick"}, name="quick")
    run = graph.run(log=[])
    until(lambda: [step for step in run.steps if step.task == "note#1"])
    assert not slow.let.is_set()
    slow.let.set()
    log = settled(run, Status.DONE).state["log"]
    assert sorted(log) == ["note1 saw quick", "note2 saw slow", "quick", "slow"]


def test_tasks_that_join_any_have_no_previous_visit_as_a_parent() -> None:
    def note() -> dict[str, str]:
        return {"log": "n"}

    graph = made("START -> a, b -> note -> END", note, typed=Logged, note=ANY)
    for name in "ab":
        graph.node(lambda: None, name=name)
    run = settled(graph.run(log=[]), Status.DONE)
    assert sorted(step.parents for step in run.steps if step.node == "note") == [("a#1",), ("b#1",)]
    assert run.state["log"] == ["n", "n"]


def test_what_joins_after_them_waits_for_all_of_them() -> None:
    slow = Gate("slow")

    def note() -> dict[str, str]:
        return {"log": "n"}

    def last(log: list[str]) -> dict[str, int]:
        return {"count": len(log)}

    graph = made("START -> slow, a -> note -> last -> END", slow.node, note, last, typed=Logged, note=ANY)
    graph.node(lambda: None, name="a")
    run = graph.run(log=[])
    until(lambda: len(run.steps) == 2)
    slow.let.set()
    settled(run, Status.DONE)
    assert (run.state["count"], [step.task for step in run.steps][-1]) == (2, "last#1")


def test_a_node_that_joins_any_in_a_loop_runs_for_each_arrival_of_each_round() -> None:
    def head(n: int) -> dict[str, int]:
        return {"n": n + 1}

    def note() -> dict[str, str]:
        return {"log": "n"}

    text = "START -> head -> a, b -> note -> tail; tail -> head if n < 3; tail -> END else"
    graph = made(text, head, note, typed=Logged, note=ANY)
    for name in ("a", "b", "tail"):
        graph.node(lambda: None, name=name)
    run = settled(graph.run(log=[], n=0), Status.DONE)
    assert (run.state["log"], run.state["n"]) == (["n"] * 6, 3)


def test_the_check_says_that_results_may_depend_on_timing() -> None:
    graph = made("START -> a, b -> note -> END", note=ANY)
    graph.node(lambda: None, name="note", join="any")
    for name in "ab":
        graph.node(lambda: None, name=name)
    assert "NBG124" in [problem.code for problem in graph.check()]


# -- first -------------------------------------------------------------------------------------------------------------


def test_the_first_arrival_starts_the_task_and_the_losers_are_cancelled() -> None:
    slow = Gate("slow")
    run = settled(made(RACE, slow.node, fast, race, race=FIRST).run(), Status.DONE)
    assert run.state == {"won": "fast", "result": "fast"}
    assert cancelled(run) in ([], [("slow", 1)])  # it may not have begun
    assert [step.task for step in run.steps] == ["fast#1", "race#1"]


def test_a_loser_that_runs_is_told_as_cancelled_once() -> None:
    slow, quick = Gate("slow"), Gate("fast", value={"won": "fast"})
    run = made(RACE, slow.node, quick.node, race, race=FIRST).run()
    reached(slow.begun, quick.begun)
    quick.let.set()
    settled(run, Status.DONE)
    assert cancelled(run) == [("slow", 1)]


def test_a_blocking_loser_is_abandoned_and_its_late_result_ignored() -> None:
    slow, quick = Gate("slow", blocking=True, value={"won": "slow"}), Gate("fast", value={"won": "fast"})
    run = made(RACE, slow.node, quick.node, race, race=FIRST).run()
    reached(slow.begun, quick.begun)
    quick.let.set()
    settled(run, Status.DONE)
    slow.let.set()
    assert run.state["won"] == "fast"
    assert "slow#1" not in [step.task for step in run.steps]


def test_the_past_of_a_loser_is_kept_and_no_conflict_arises_from_it() -> None:
    def before() -> dict[str, str]:
        return {"shared": "before"}

    def race(shared: str, won: str) -> dict[str, str]:
        return {"shared": shared + won}

    slow, quick = Gate("slow"), Gate("fast", value={"won": "fast"})
    text = "START -> before, fast; before -> slow -> race; fast -> race -> END"
    run = made(text, before, slow.node, quick.node, race, race=FIRST).run()
    reached(slow.begun, quick.begun)
    quick.let.set()
    assert settled(run, Status.DONE).state["shared"] == "beforefast"


def test_what_has_arrived_and_waits_behind_the_winner_is_lost_too_and_its_past_kept() -> None:
    def early() -> dict[str, str]:
        return {"early": "kept"}

    def race(won: str, early: str = "lost") -> dict[str, str]:
        return {"result": early}

    slow, quick = Gate("slow"), Gate("fast", value={"won": "fast"})
    text = "START -> early, slow, fast; early -> join; slow -> join -> race; fast -> race -> END"
    graph = made(text, early, slow.node, quick.node, race, race=FIRST)
    graph.node(lambda: None, name="join")
    run = graph.run()
    until(lambda: run.steps)
    reached(slow.begun, quick.begun)
    quick.let.set()
    assert settled(run, Status.DONE).state["result"] == "kept"
    assert "join#1" not in [step.task for step in run.steps]


def test_a_race_in_a_loop_is_run_anew_each_round() -> None:
    def head(n: int = 0) -> dict[str, int]:
        return {"n": n + 1}

    async def slow(ctx: Any) -> None:
        await Gate("never").node()

    def race(n: int, seen: tuple[int, ...] = ()) -> dict[str, Any]:
        return {"seen": (*seen, n)}

    text = "START -> head -> slow, quick -> race; race -> head if n < 3; race -> END else"
    graph = made(text, head, slow, race, race=FIRST)
    graph.node(lambda: None, name="quick")
    run = settled(graph.run(), Status.DONE)
    assert run.state["seen"] == (1, 2, 3)
    assert [step.task for step in run.steps if step.node == "slow"] == []


def test_a_loser_that_swallows_its_cancellation_changes_nothing() -> None:
    begun = threading.Event()

    async def slow() -> dict[str, str]:
        begun.set()
        try:
            await asyncio.sleep(SOON)
        except asyncio.CancelledError:
            return {"won": "slow"}
        return {}

    quick = Gate("fast", value={"won": "fast"})
    run = made(RACE, slow, quick.node, race, race=FIRST).run()
    reached(begun, quick.begun)
    quick.let.set()
    assert settled(run, Status.DONE).state == {"won": "fast", "result": "fast"}


def test_a_loser_that_failed_before_no_longer_fails_the_run() -> None:
    def slow() -> None:
        raise ValueError("lost anyway")

    quick = Gate("fast", value={"won": "fast"})
    run = made(RACE, slow, quick.node, race, race=FIRST).run()
    until(lambda: run.status is Status.FAILED)
    quick.let.set()
    until(lambda: run.status is not Status.FAILED)
    assert settled(run, Status.DONE).state["result"] == "fast"


def test_a_loser_that_waits_for_a_person_asks_no_more() -> None:
    quick = Gate("fast", value={"won": "fast"})
    graph = made("START -> gate, fast -> race -> END", quick.node, race, race=FIRST)
    graph.human("gate", "Go?")
    run = graph.run()
    until(lambda: run.approvals)
    quick.let.set()
    settled(run, Status.DONE)
    assert asked_at(run) == []
    assert [event.approval.node for event in happened(run, ApprovalWithdrawn)] == ["gate"]
    with pytest.raises(Exception, match="asks this no more"):
        run.answer("gate", "approve")


def test_a_person_can_win_a_race() -> None:
    slow = Gate("slow")
    graph = made("START -> gate, slow -> race -> END", slow.node, race=FIRST)
    graph.node(lambda gate: {"result": gate}, name="race", join="first")
    graph.human("gate", "Go?")
    run = graph.run()
    reached(slow.begun)
    until(lambda: asked_at(run))
    run.answer("gate", "approve")
    assert settled(run, Status.DONE).state["result"] == "approve"


def test_a_subgraph_that_loses_ends_with_all_that_runs_in_it() -> None:
    deep, quick = Gate("deep"), Gate("fast", value={"won": "fast"})
    inner = made("START -> deep, gate -> END", deep.node, called="inner")
    inner.human("gate", "Go?")
    run = made("START -> inner, fast -> race -> END", inner, quick.node, race, race=FIRST).run()
    reached(deep.begun, quick.begun)
    until(lambda: asked_at(run))
    quick.let.set()
    settled(run, Status.DONE)
    assert sorted(cancelled(run)) == [("inner", 1), ("inner/deep", 1), ("inner/gate", 1)]
    assert (asked_at(run), run._engine.walks) == ([], {})


def test_a_race_inside_a_subgraph_cancels_no_more_than_its_own() -> None:
    slow, quick, outside = Gate("slow"), Gate("fast", value={"won": "fast"}), Gate("outside", value={"o": 1})
    inner = made(RACE, slow.node, quick.node, race, called="inner", race=FIRST)
    run = made("START -> inner, outside -> END", inner, outside.node).run()
    reached(slow.begun, quick.begun, outside.begun)
    quick.let.set()
    until(lambda: cancelled(run))
    outside.let.set()
    assert settled(run, Status.DONE).state == {"result": "fast", "o": 1}
    assert cancelled(run) == [("inner/slow", 1)]


def test_a_map_that_loses_ends_all_its_items() -> None:
    begun = threading.Barrier(4)
    quick = Gate("fast", value={"won": "fast"})

    async def work(item: int) -> None:
        await asyncio.get_running_loop().run_in_executor(None, begun.wait, SOON)
        await asyncio.sleep(SOON)

    text = "START -> work each items as item; START -> fast always; work -> race; fast -> race -> END"
    run = made(text, work, quick.node, race, race=FIRST).run(items=[1, 2, 3])
    begun.wait(SOON)
    quick.let.set()
    assert settled(run, Status.DONE).state["result"] == "fast"
    assert cancelled(run) == [("work", 1)]


def test_a_winner_on_an_error_edge_counts_like_any() -> None:
    slow = Gate("slow")

    def breaks() -> None:
        raise ValueError("quickly")

    def race(error: Any) -> dict[str, str]:
        return {"result": error.message}

    text = "START -> slow, breaks; slow -> race; breaks -> END; breaks -> race on error; race -> END"
    run = settled(made(text, slow.node, breaks, race, race=FIRST).run(), Status.DONE)
    assert run.state["result"] == "quickly"


def two_races() -> Graph:
    """`start` leads to both races at once, and `one` leads to `two`."""
    slow = Gate("slow")
    graph = made("START -> start, slow; slow -> one, two; start -> one, two; one -> two -> END", slow.node)
    graph.node(lambda: {"s": 1}, name="start")
    graph.node(lambda: {"one": 1}, name="one", join="first")
    graph.node(lambda: {"two": 1}, name="two", join="first")
    return graph


def test_a_race_whose_node_leads_to_another_race_that_is_won_at_the_same_moment_is_lost() -> None:
    run = settled(two_races().run(), Status.DONE)
    assert [step.task for step in run.steps] == ["start#1", "two#1"]
    assert run.state == {"s": 1, "two": 1}


def test_of_two_races_won_at_the_same_moment_all_losers_are_cancelled() -> None:
    left, right, quick = Gate("left"), Gate("right"), Gate("quick")
    text = "START -> left, right, quick; left -> one; right -> two; quick -> one, two; one, two -> END"
    graph = made(text, left.node, right.node, quick.node)
    graph.node(lambda: {"one": 1}, name="one", join="first")
    graph.node(lambda: {"two": 1}, name="two", join="first")
    run = graph.run()
    reached(left.begun, right.begun, quick.begun)
    quick.let.set()
    assert settled(run, Status.DONE).state == {"one": 1, "two": 1}
    assert sorted(cancelled(run)) == [("left", 1), ("right", 1)]


def test_a_loser_that_has_not_begun_since_a_step_is_still_being_stored_never_begins() -> None:
    quick, begun, let = Gate("fast", value={"won": "fast"}), threading.Event(), threading.Event()

    async def held(entry: Entry) -> None:
        if isinstance(entry, Step) and entry.node == "before":
            begun.set()
            await async_until(let)

    text = "START -> before, fast; before -> slow -> race; fast -> race -> END"
    graph = made(text, quick.node, race, race=FIRST)
    graph.node(lambda: None, name="before")
    graph.node(lambda: {"won": "slow"}, name="slow")
    run = graph.run(store=Slowed(held))
    reached(begun, quick.begun)
    quick.let.set()
    until(lambda: [event for event in happened(run, TaskStarted) if event.node == "race"])
    let.set()
    assert settled(run, Status.DONE).state["result"] == "fast"
    assert "slow" not in [event.node for event in happened(run, TaskStarted)]
