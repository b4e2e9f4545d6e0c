"""Time travel: a run as it once stood, forks that share its past, steps that are called again, and differences."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import pytest

from nbgraph import MemoryStore, append
from nbgraph.core.events import Status, StatusChanged, TaskFailed
from nbgraph.core.records import Begun, Resumed, Step
from nbgraph.core.run import Run
from nbgraph.errors import InputError, NoSuchRun, RunError
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
    told,
    two,
    until,
)
from tests.core.storing import Frontiers, crash


def rounds(calls: list[str] | None = None) -> Graph:
    """A loop around a fan-out, three times; each call is noted."""
    noted = calls if calls is not None else []

    async def plan(n: int = 0) -> dict[str, int]:
        noted.append("plan")
        return {"n": n + 1}

    async def left(n: int) -> dict[str, Any]:
        noted.append("left")
        return {"log": f"left {n}"}

    async def right(n: int) -> dict[str, Any]:
        noted.append("right")
        return {"log": f"right {n}", "last": n}

    async def meet(log: list[str]) -> dict[str, int]:
        noted.append("meet")
        return {"count": len(log)}

    text = "START -> plan -> left, right -> meet; meet -> plan if n < 3; meet -> END else"
    state = type("State", (), {"__annotations__": {"log": Annotated[list, append]}})
    return graph(text, plan, left, right, meet, state=state)


class Vague:
    """Gives no yes or no when it is compared, as an array does."""

    def __init__(self, text: str = "") -> None:
        self.text = text

    def __eq__(self, other: object) -> Any:
        return Several()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Vague({self.text})"

    @staticmethod
    def work() -> dict[str, Any]:
        return {"v": Vague("same")}


class Several:
    def __bool__(self) -> bool:
        raise ValueError("the truth value of several is ambiguous")


def seen() -> tuple[Run, Frontiers]:
    frontiers = Frontiers()
    frontiers.run_id = "r"
    return settled(rounds().run(store=frontiers.store, id="r"), Status.DONE), frontiers


# -- fork --------------------------------------------------------------------------------------------------------------


def test_a_fork_at_any_step_shares_the_past_and_comes_to_the_same_end() -> None:
    calls: list[str] = []
    store = MemoryStore()
    run = settled(rounds(calls).run(store=store, id="r"), Status.DONE)
    entries, whole = store.history("r").entries, len(calls)
    for number in range(len(run.steps) + 1):
        calls.clear()
        fork = settled(run.fork(number), Status.DONE)
        assert fork.state == run.state
        assert fork.steps[:number] == run.steps[:number]
        assert sorted(step.task for step in fork.steps) == sorted(step.task for step in run.steps)
        assert len(calls) == whole - number
        record = store.history(fork.id).run
        assert (record.parent, record.parent_step, record.relation) == ("r", number, "fork")
    assert store.history("r").entries == entries


def test_changes_are_a_step_of_the_fork_alone_and_count_from_there_on() -> None:
    run = settled(counting().run(n=0), Status.DONE)
    fork = settled(run.fork(3, n=20), Status.DONE)
    assert fork.steps[:3] == run.steps[:3]
    assert (fork.steps[3].task, fork.steps[3].update, fork.steps[3].edited) == ("run.edit#1", {"n": 20}, True)
    assert [step.update["n"] for step in fork.steps[4:]] == [21, 22, 23, 24, 25]
    assert len(run.steps) == 25


def test_changes_at_the_end_of_a_run_are_its_new_state() -> None:
    run = settled(graph(ONE_TWO, one, two).run(), Status.DONE)
    assert settled(run.fork(2, y=9), Status.DONE).state == {"x": 1, "y": 9}


def test_changes_before_the_first_step_are_seen_by_the_first_node() -> None:
    run = settled(graph("START -> two -> END", two).run(x=1), Status.DONE)
    assert settled(run.fork(0, x=5), Status.DONE).state == {"x": 5, "y": 6}


def test_changes_of_a_run_that_could_not_begin_are_its_inputs() -> None:
    def word(x: int) -> None:
        return None

    line = graph("START -> word if x > 3; START -> END else", word)
    run = settled(line.run(x="three"), Status.FAILED)
    assert settled(run.fork(0, x=5), Status.DONE).state["x"] == 5


def test_changes_must_fit_the_state() -> None:
    state = type("State", (), {"__annotations__": {"n": int}})
    run = settled(graph(ONE_TWO, one, two, state=state).run(), Status.DONE)
    with pytest.raises(InputError, match="n"):
        run.fork(1, n="many")
    assert settled(run.fork(1, n=3), Status.DONE).state["n"] == 3


def test_a_fork_asks_its_questions_again() -> None:
    line = made("START -> one -> gate -> END", one)
    line.human("gate", "go on?")
    run = settled(line.run(answers={"gate": "approve"}), Status.DONE)
    fork = settled(run.fork(1), Status.WAITING)
    assert (asked_at(fork), len(fork.approvals)) == (["gate"], 1)
    fork.answer("gate", "reject")
    assert settled(fork, Status.DONE).state["gate"] == "reject"
    assert run.state["gate"] == "approve"
    assert [approval.answer.option for approval in run.approvals if approval.answer] == ["approve"]


def test_a_fork_takes_no_answer_that_was_given_to_the_other_run() -> None:
    line = made("START -> one -> gate -> END", one)
    line.human("gate", "go on?")
    run = settled(line.run(answers={"gate": "approve"}, pause_before=["gate"]), Status.PAUSED)
    settled(run.fork(1), Status.WAITING)
    run.resume()
    settled(run, Status.DONE)


def test_a_fork_shares_when_its_parent_rested() -> None:
    line = graph("START -> one -> gate -> two -> END", one, two)
    line.human("gate", "go on?")
    run = settled(line.run(), Status.WAITING)
    run.answer("gate", "approve")
    settled(run, Status.DONE)
    fork = settled(run.fork(2, x=5), Status.DONE)
    stands = [event.status for event in told(fork) if isinstance(event, StatusChanged)]
    assert stands == [Status.WAITING, Status.RUNNING, Status.DONE]


def test_a_fork_records_its_effects_anew() -> None:
    effects: list[str] = []

    async def work(ctx: Any) -> str:
        await ctx.step(effects.append, "done")
        if len(effects) == 1:
            raise ValueError("after the effect")
        return "worked"

    run = settled(graph("START -> work -> END", work).run(), Status.FAILED)
    settled(run.fork(0), Status.DONE)
    assert effects == ["done", "done"]


def test_a_fork_does_items_that_had_finished_again() -> None:
    called, broken = list[int](), [True]

    async def work(item: int) -> int:
        called.append(item)
        if item == 2 and broken[0]:
            raise ValueError("broken")
        return item

    run = settled(graph("START -> work each items as item; work -> END", work).run(items=[1, 2]), Status.FAILED)
    broken[0] = False
    called.clear()
    assert settled(run.fork(0), Status.DONE).state["work"] == [1, 2]
    assert called == [1, 2]


def test_a_fork_within_a_subgraph_goes_on_within_it() -> None:
    store = MemoryStore()
    line = made("START -> g -> END", graph(ONE_TWO, one, two), called="outer")
    run = settled(line.run(store=store), Status.DONE)
    fork = settled(run.fork(1), Status.DONE)
    assert (fork.state, [step.task for step in fork.steps]) == (run.state, ["g/one#1", "g/two#1", "g#1"])
    assert fork.steps[0] == run.steps[0]


def test_a_fork_of_a_fork_names_its_parent() -> None:
    store = MemoryStore()
    run = settled(counting().run(n=0, store=store, id="r"), Status.DONE)
    fork = settled(run.fork(5, id="first", n=10), Status.DONE)
    second = settled(fork.fork(6, id="second", n=24), Status.DONE)
    record = store.history("second").run
    assert (record.parent, record.parent_step, record.relation) == ("first", 6, "fork")
    assert [step.task for step in second.steps[5:]] == ["run.edit#1", "run.edit#2", "count#6"]
    assert second.state["n"] == 25


def test_a_run_that_waits_or_is_under_way_can_be_forked_and_goes_on() -> None:
    gate = Gate("second")
    line = graph("START -> one -> second -> END", one, gate.node)
    run = line.run()
    reached(gate.begun)
    fork = run.fork(1)
    until(lambda: gate.calls == 2)
    gate.let.set()
    settled(fork, Status.DONE)
    settled(run, Status.DONE)


def test_a_fork_of_a_failed_run_runs_what_failed_as_it_is_now() -> None:
    def broken(x: int) -> None:
        raise ValueError("broken")

    line = graph(ONE_TWO, one)
    line.node(broken, name="two")
    run = settled(line.run(), Status.FAILED)
    line.node(two)
    run.resume()
    settled(run, Status.DONE)
    fork = settled(run.fork(1), Status.DONE)
    assert not happened(fork, TaskFailed)


def test_a_fork_is_resumed_like_any_run() -> None:
    store = MemoryStore()
    run = settled(counting().run(n=0, store=store, limit=8), Status.PAUSED)
    fork = settled(run.fork(4, id="f", n=1), Status.PAUSED)
    crash(fork)
    again = counting().resume("f", store=store)
    settled(again, Status.PAUSED)
    assert [step.task for step in again.steps[:6]] == [
        "count#1",
        "count#2",
        "count#3",
        "count#4",
        "run.edit#1",
        "count#5",
    ]
    assert again.steps[5].update == {"n": 2}
    kinds = [type(entry) for entry in store.history("f").entries[:8]]
    assert kinds == [Begun, Step, Step, Step, Step, Step, Resumed, Step]


def test_an_id_that_is_taken_is_refused() -> None:
    run = settled(graph(ONE_TWO, one, two).run(id="r"), Status.DONE)
    with pytest.raises(ValueError, match="r"):
        run.fork(1, id="r")


def test_a_run_whose_loop_is_closed_can_be_forked() -> None:
    run = asyncio.run(graph(ONE_TWO, one, two).arun())
    assert settled(run.fork(1), Status.DONE).state == {"x": 1, "y": 2}
    with pytest.raises(RunError, match="loop"):
        run.replay(1)


# -- replay ------------------------------------------------------------------------------------------------------------


def test_a_step_that_is_called_again_gives_the_same_and_changes_nothing() -> None:
    calls: list[str] = []
    run = settled(rounds(calls).run(), Status.DONE)
    events, steps = told(run), run.steps
    for number, step in enumerate(steps, 1):
        calls.clear()
        replayed = run.replay(number)
        assert (replayed.task, replayed.update, replayed.same) == (step.task, step.update, True)
        assert calls == [step.node]
    assert (run.steps, told(run)) == (steps, events)


def test_a_step_is_called_again_with_what_it_recorded_and_was_told() -> None:
    effects: list[str] = []

    async def work(ctx: Any) -> dict[str, Any]:
        got = await ctx.step(lambda: effects.append("done") or len(effects))
        return {"got": got, "said": (await ctx.ask("well?", show={"got": got})).option}

    run = settled(graph("START -> work -> END", work).run(), Status.WAITING)
    run.answer("work", "reject")
    settled(run, Status.DONE)
    replayed = run.replay(1)
    assert (replayed.update, replayed.same, effects) == ({"got": 1, "said": "reject"}, True, ["done"])


def test_a_node_that_has_changed_gives_something_else() -> None:
    line = graph(ONE_TWO, one, two)
    run = settled(line.run(), Status.DONE)
    line.node(lambda x: {"y": x + 100}, name="two")
    replayed = run.replay(2)
    assert (replayed.update, replayed.recorded, replayed.same) == ({"y": 101}, {"y": 2}, False)
    assert run.state["y"] == 2


def test_what_the_node_raises_comes_out() -> None:
    line = graph(ONE_TWO, one, two)
    run = settled(line.run(), Status.DONE)

    def broken(x: int) -> None:
        raise ZeroDivisionError("again")

    line.node(broken, name="two")
    with pytest.raises(ZeroDivisionError, match="again"):
        run.replay(2)
    assert run.status is Status.DONE


def test_a_node_that_now_asks_is_refused() -> None:
    line = graph(ONE_TWO, one, two)
    store = MemoryStore()
    run = settled(line.run(store=store), Status.DONE)

    async def asks(ctx: Any) -> None:
        await ctx.ask("well?")

    line.node(asks, name="two")
    with pytest.raises(RunError, match="two#1 now asks what it did not ask then"):
        run.replay(2)
    assert store.approvals() == []


def test_items_are_called_again_with_what_each_recorded() -> None:
    called, effects = list[int](), list[int]()

    async def work(item: int, ctx: Any) -> dict[str, int]:
        called.append(item)
        await ctx.step(effects.append, item)
        return {"done": item * 10}

    run = settled(graph("START -> work each items as item; work -> END", work).run(items=[1, 2]), Status.DONE)
    called.clear()
    replayed = run.replay(1)
    assert (replayed.update, replayed.same, called, effects) == ({"done": [10, 20]}, True, [1, 2], [1, 2])


def test_steps_in_a_subgraph_and_the_subgraph_itself_are_called_again() -> None:
    effects: list[str] = []

    async def work(x: int, ctx: Any) -> dict[str, int]:
        await ctx.step(effects.append, "done")
        return {"y": x + 1}

    line = made("START -> g -> END", graph("START -> one -> work -> END", one, work), called="outer")
    run = settled(line.run(), Status.DONE)
    assert [(run.replay(number).task, run.replay(number).same) for number in (1, 2, 3)] == [
        ("g/one#1", True), ("g/work#1", True), ("g#1", True),
    ]  # fmt: skip
    assert effects == ["done"]


def test_a_step_that_went_on_along_an_error_edge_is_called_again() -> None:
    def broken() -> None:
        raise ValueError("broken")

    def caught(error: Any) -> dict[str, str]:
        return {"seen": str(error)}

    line = graph("START -> broken -> END; broken -> caught on error; caught -> END", broken, caught)
    run = settled(line.run(), Status.DONE)
    assert run.replay(1).same
    line.node(one, name="broken")
    assert not run.replay(1).same
    assert run.replay(2).same


def test_an_edit_cannot_be_called_again() -> None:
    run = settled(counting().run(n=0), Status.DONE)
    fork = settled(run.fork(1, n=24), Status.DONE)
    with pytest.raises(RunError, match=r"step 2 of .* called no node"):
        fork.replay(2)
    for number in (0, 99):
        with pytest.raises(RunError):
            fork.replay(number)


def test_values_that_cannot_be_compared_are_called_again_too() -> None:
    run = settled(graph("START -> work -> END", Vague.work).run(), Status.DONE)
    assert run.replay(1).same


# -- after -------------------------------------------------------------------------------------------------------------


def chat(reducer: Any = append) -> Graph:
    def say(text: str, log: list[str]) -> dict[str, str]:
        return {"log": f"{len(log)}: {text}"}

    state = type("State", (), {"__annotations__": {"log": Annotated[list, reducer]}, "log": []})
    return graph("START -> say -> END", say, name="chat", state=state)


@pytest.mark.parametrize("by_id", [False, True])
def test_turns_of_a_conversation_follow_each_other(by_id: bool) -> None:
    store, talk = MemoryStore(), chat()
    run = settled(talk.run(text="a", store=store, id="1"), Status.DONE)
    for place, text in enumerate("bc", 2):
        run = settled(talk.run(text=text, store=store, id=f"{place}", after=run.id if by_id else run), Status.DONE)
    assert run.state["log"] == ["0: a", "1: b", "2: c"]
    record = store.history("3").run
    assert (record.parent, record.relation, record.parent_step) == ("2", "after", 0)


def test_a_conversation_by_id_uses_reducers_of_ones_own() -> None:
    def newest_first(current: Any, value: Any) -> list[Any]:
        return [value, *(current or [])]

    store, talk = MemoryStore(), chat(newest_first)
    settled(talk.run(text="a", store=store, id="1"), Status.DONE)
    assert settled(talk.run(text="b", store=store, after="1"), Status.DONE).state["log"] == ["1: b", "0: a"]


def test_inputs_win_over_the_state_before() -> None:
    store = MemoryStore()
    line = graph("START -> two -> END", two)
    settled(line.run(x=1, store=store, id="1"), Status.DONE)
    assert settled(line.run(x=5, store=store, after="1"), Status.DONE).state == {"x": 5, "y": 6}
    assert settled(line.run(store=store, after="1"), Status.DONE).state == {"x": 1, "y": 2}


@pytest.mark.parametrize("by_id", [False, True])
def test_a_run_goes_on_only_after_one_that_is_done(by_id: bool) -> None:
    store = MemoryStore()
    run = settled(counting().run(n=0, store=store, limit=3), Status.PAUSED)
    with pytest.raises(RunError, match=f"{run.id} is paused; a run goes on after one that is done"):
        counting().run(store=store, after=run.id if by_id else run)
    with pytest.raises(NoSuchRun):
        counting().run(store=store, after="nobody")
