"""Calls: what nodes are handed, what they return and raise, and one call for each item of a map."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Annotated, Any

import pytest

from nbgraph.core.events import Status, TaskStarted
from nbgraph.core.state import append
from nbgraph.errors import MissingKey, UpdateError
from nbgraph.library import Graph
from tests.core.running import (
    ONE_TWO,
    SOON,
    Gate,
    Hostile,
    graph,
    on_loop,
    one,
    quiet_engine,  # noqa: F401
    reached,
    settled,
    told,
    two,
    until,
)

# -- what nodes are handed ---------------------------------------------------------------------------------------------


def test_a_list_changed_in_place_reaches_no_other_node_and_no_history() -> None:
    def source() -> dict[str, Any]:
        return {"y": [0]}

    def changes(y: list[int]) -> None:
        y.append(1)

    def reads(y: list[int]) -> dict[str, Any]:
        return {"length": len(y)}

    run = settled(graph("START -> source -> changes -> reads -> END", source, changes, reads).run(), Status.DONE)
    assert run.state == {"y": [0], "length": 1}
    assert run.steps[0].update == {"y": [0]}


def test_an_approval_keeps_what_was_shown() -> None:
    shown = ["a"]
    made = graph("START -> source -> gate -> END", source_of_list(shown))
    made.human("gate", "{{ items }}?")
    run = settled(made.run(), Status.WAITING)
    shown.append("changed later")
    assert run.approvals[0].shown == {"items": ["a"]}


def source_of_list(items: list[str]) -> Any:
    def source() -> dict[str, Any]:
        return {"items": items}

    return source


def test_hostile_values_pass_from_node_to_node() -> None:
    made = Graph("g")
    made.node(lambda: Hostile(), name="a", writes="v")
    made.node(lambda v: {"same": v}, name="b")
    made.edges("START -> a -> b -> END")
    state = settled(made.run(), Status.DONE).state
    assert type(state["v"]) is type(state["same"]) is Hostile


def test_steps_with_hostile_values_can_be_shown() -> None:
    made = Graph("g")
    made.node(lambda: Hostile(), name="a", writes="v")
    made.edges("START -> a -> END")
    assert "a#1" in repr(settled(made.run(), Status.DONE).steps)


def test_hostile_values_join_from_parallel_branches() -> None:
    made = Graph("g")
    for name in ("a", "b"):
        made.node(lambda: Hostile(), name=name)
    made.node(lambda a, b: {"got": isinstance(a, Hostile) and isinstance(b, Hostile)}, name="join")
    made.edges("START -> a, b; a, b -> join -> END")
    assert settled(made.run(), Status.DONE).state["got"] is True


@pytest.mark.parametrize("key", ["__class__", "__init__", "_", "values", "self", "node", "items", "name"])
def test_keys_with_names_that_python_uses_are_keys_like_any(key: str) -> None:
    made = Graph("g")
    made.node(lambda: {key: 1}, name="a")
    made.node(lambda: None, name="b")
    made.edges(f"START -> a; a -> b if {key} == 1; a -> END else; b -> END")
    run = settled(made.run(), Status.DONE)
    assert run.state == {key: 1}
    assert run.steps[-1].node == "b"


def test_a_key_in_another_spelling_of_its_letters_is_the_same_key() -> None:
    def reads(fit: int) -> dict[str, int]:
        return {"got": fit}

    made = Graph("g")
    made.node(lambda: {"ﬁt": 1}, name="a")
    made.node(reads)
    made.edges("START -> a -> reads -> END")
    assert settled(made.run(), Status.DONE).state["got"] == 1


# -- what nodes return -------------------------------------------------------------------------------------------------


def failing(writes: Any, returned: Any) -> str:
    made = Graph("g")
    made.node(lambda: returned, name="n", writes=writes)
    made.node(one)
    made.edges("START -> n -> one -> END")
    run = settled(made.run(), Status.FAILED)
    assert run.steps == [], "the next node has not started"
    with pytest.raises(UpdateError):
        run.result()
    return run.reason


def test_a_return_value_that_does_not_fit_its_writes_names_both() -> None:
    assert "n writes a, b" in failing(["a", "b"], {"a": 1})
    assert "it returned a dict with 'a'" in failing(["a", "b"], {"a": 1})
    assert "it returned int 5" in failing(["a", "b"], 5)


def test_a_returned_dict_whose_keys_are_no_names_says_how_to_keep_it() -> None:
    assert "--writes n" in failing(None, {1: 2})
    assert "--writes n" in failing(None, {"a b": 2})
    assert "reserved" in failing(None, {"error": 2})


def test_a_node_that_needs_a_key_which_nothing_on_its_path_wrote_says_so() -> None:
    def reader(late: int) -> None: ...

    def maybe(x: int) -> Any:
        update = {"late": 1}
        return update if x else {}

    run = settled(graph("START -> maybe -> reader -> END", maybe, reader).run(x=0), Status.FAILED)
    with pytest.raises(MissingKey, match=r"reader needs the key 'late', and nothing on the way to reader has set it"):
        run.result()


# -- what nodes may raise ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [SystemExit(3), KeyboardInterrupt(), StopIteration(1), asyncio.CancelledError(), GeneratorExit(), RecursionError()],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("blocking", [True, False], ids=["sync", "async"])
def test_nothing_that_a_node_raises_ends_the_engine(error: BaseException, blocking: bool) -> None:
    def sync_node() -> None:
        raise error

    async def async_node() -> None:
        raise error

    made = graph("START -> n -> END")
    made.node(sync_node if blocking else async_node, name="n")
    settled(made.run(), Status.FAILED)
    assert settled(graph(ONE_TWO, one, two).run(), Status.DONE)


def test_a_node_that_cancels_its_own_task_fails_and_the_run_does_not_hang() -> None:
    async def n() -> None:
        this = asyncio.current_task()
        assert this is not None
        this.cancel()
        await asyncio.sleep(3600)

    made = graph("START -> n -> END", n)
    run = settled(made.run(), Status.FAILED)
    made.node(lambda: None, name="n")
    run.resume()
    settled(run, Status.DONE)


@pytest.mark.parametrize("raised", [ValueError, SystemExit])
def test_an_error_that_cannot_be_told_fails_the_run_and_no_more(raised: type[BaseException]) -> None:
    class Silent(Exception):
        def __str__(self) -> str:
            raise raised("no words")

    def breaks() -> None:
        raise Silent

    run = settled(graph("START -> breaks -> END", breaks).run(), Status.FAILED)
    assert "Silent" in run.reason


@pytest.mark.slow
def test_endless_recursion_in_a_node_fails_the_run_and_no_more() -> None:
    def deep() -> Any:
        return deep()

    async def deeper() -> Any:
        return await deeper()

    for node in (deep, deeper):
        made = Graph("g")
        made.node(node, name="n")
        made.edges("START -> n -> END")
        assert "recursion" in settled(made.run(), Status.FAILED).reason


# -- maps --------------------------------------------------------------------------------------------------------------


MAP = "START -> split; split -> work each items as item; work -> END"


def mapped(work: Callable[..., Any], items: Any = (1, 2, 3), state: type | None = None, **options: Any) -> Graph:
    made = Graph("g")
    made.node(lambda: {"items": items}, name="split")
    made.node(work, name="work", **options)
    if state:
        made.state(state)
    made.edges(MAP)
    return made


def test_a_map_calls_its_node_for_each_item_and_keeps_their_order() -> None:
    async def work(item: int) -> int:
        await asyncio.sleep(0.01 / item)
        return item * 10

    run = settled(mapped(work).run(), Status.DONE)
    assert run.state["work"] == [10, 20, 30]
    assert [step.node for step in run.steps] == ["split", "work"]
    assert run.steps[1].update == {"work": [10, 20, 30]}
    assert "work=[10, 20, 30]" in repr(run.steps[1])


def test_blocking_items_run_side_by_side() -> None:
    together = threading.Barrier(8)

    def work(item: int) -> int:
        return together.wait(SOON) * 0 + item

    assert settled(mapped(work, list(range(8))).run(), Status.DONE).state["work"] == list(range(8))


def test_blocking_items_do_not_run_all_at_once() -> None:
    running, most = [0], [0]
    lock = threading.Lock()

    def work(item: int) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.002)
        with lock:
            running[0] -= 1

    settled(mapped(work, list(range(100))).run(), Status.DONE)
    assert 1 < most[0] <= 32


def test_an_item_is_local_to_its_call_and_no_key_of_the_state() -> None:
    async def work(item: int, ctx: Any) -> dict[str, Any]:
        return {"seen": (item, ctx.item, ctx.key)}

    run = settled(mapped(work).run(id="r"), Status.DONE)
    assert run.state["seen"] == [(1, 0, "r/work#1[0]"), (2, 1, "r/work#1[1]"), (3, 2, "r/work#1[2]")]
    assert "item" not in run.state


def test_an_empty_list_still_fires_the_edges_and_known_keys_become_empty() -> None:
    class Log:
        log: Annotated[list[int], append]

    async def work(item: int) -> dict[str, int]:
        return {"done": item, "log": item}

    run = settled(mapped(work, [], Log).run(), Status.DONE)
    assert run.state == {"items": [], "done": []}
    assert [step.node for step in run.steps] == ["split", "work"]


def test_reducer_keys_of_a_map_are_folded_in_item_order() -> None:
    class Log:
        log: Annotated[list[int], append]

    async def work(item: int) -> dict[str, int]:
        await asyncio.sleep(0.01 / item)
        return {"log": item}

    assert settled(mapped(work, state=Log).run(), Status.DONE).state["log"] == [1, 2, 3]


def test_an_item_that_wrote_nothing_gives_none() -> None:
    async def work(item: int) -> dict[str, int] | None:
        return {"big": item} if item > 1 else None

    assert settled(mapped(work).run(), Status.DONE).state["big"] == [None, 2, 3]


def test_only_failed_items_run_again_on_resume() -> None:
    calls: list[int] = []

    async def work(item: int) -> int:
        calls.append(item)
        if item == 2:
            raise ValueError("two is bad")
        return item

    made = mapped(work)
    run = settled(made.run(), Status.FAILED)
    assert sorted(calls) == [1, 2, 3]
    with pytest.raises(ValueError, match="two is bad") as caught:
        run.result()
    assert caught.value.__notes__ == ["in item 1 of 3; 1 failed, the others are kept"]
    made.node(lambda item: calls.append(item) or item, name="work")
    run.resume()
    assert settled(run, Status.DONE).state["work"] == [1, 2, 3]
    assert calls[3:] == [2]


@pytest.mark.parametrize(
    "items", [5, "text", {"a": 1}, {1, 2}, None, Hostile()], ids=lambda items: type(items).__name__
)
def test_what_is_mapped_over_must_be_a_list(items: Any) -> None:
    async def work(item: int) -> None: ...

    run = settled(mapped(work, items).run(), Status.FAILED)
    assert "work runs for each of items, which must be a list" in run.reason


def test_pause_in_a_map_lets_its_items_finish() -> None:
    gate = Gate("gate")

    async def work(item: int) -> int:
        await gate.node()
        return item

    made = Graph("g")
    made.node(lambda: {"items": [1, 2]}, name="split")
    made.node(work)
    made.node(one)
    made.edges("START -> split; split -> work each items as item; work -> one -> END")
    run = made.run()
    reached(gate.begun)
    run.pause()
    on_loop(run, gate.let.set)
    assert settled(run, Status.PAUSED).state["work"] == [1, 2]
    run.resume()
    assert settled(run, Status.DONE).state["x"] == 1


def test_cancel_in_a_map_ends_its_items() -> None:
    ended: list[int] = []

    async def work(item: int) -> None:
        try:
            begun.set()
            await asyncio.sleep(3600)
        finally:
            ended.append(item)

    begun = threading.Event()
    run = mapped(work).run()
    reached(begun)
    run.cancel()
    until(lambda: len(ended) == 3)


def test_a_map_in_a_loop_starts_anew_each_round() -> None:
    async def work(item: int) -> int:
        return item

    async def again(n: int, work: list[int]) -> dict[str, Any]:
        return {"n": n + 1, "items": work * 2}

    made = graph(
        "START -> split; split -> work each items as item; work -> again; again -> split if n < 2; again -> END else",
        work,
        again,
    )
    made.node(lambda items: None, name="split")
    assert settled(made.run(n=0, items=[1]), Status.DONE).state["work"] == [1, 1]


def test_a_conflict_over_the_list_of_a_map_is_mended_like_any() -> None:
    class Log:
        seen: Annotated[list[int], append]

    gate = Gate("gate", value={"seen": 0})

    async def work(item: int) -> dict[str, int]:
        return {"seen": item}

    made = Graph("g")
    made.node(work)
    made.node(gate.node)
    made.edges("START -> work each items as item; START -> gate; work, gate -> END")
    run = made.run(items=[1, 2])
    until(lambda: len(run.steps) == 1)
    gate.let.set()
    settled(run, Status.FAILED)
    made.state(Log)
    run.resume()
    assert settled(run, Status.DONE).state["seen"] == [1, 2, 0]


def test_a_question_for_each_item_does_not_hide_that_another_branch_runs() -> None:
    gate = Gate("gate")
    made = Graph("g")
    made.node(gate.node)
    made.human("ask", "Is {{ item }} good?")
    made.edges("START -> gate; START -> ask each items as item; gate, ask -> END")
    run = made.run(items=[1, 2, 3])
    until(lambda: len(run.approvals) == 3)
    reached(gate.begun)
    on_loop(run, lambda: None)
    status = run.status
    gate.let.set()
    settled(run, Status.WAITING)
    for approval in run.approvals:
        run.answer(approval.id, "approve")
    assert settled(run, Status.DONE).state["ask"] == ["approve"] * 3
    assert status is Status.RUNNING


def test_a_map_tells_how_many_items_it_has() -> None:
    async def work(item: int) -> int:
        return item

    started = [event for event in told(settled(mapped(work).run(), Status.DONE)) if isinstance(event, TaskStarted)]
    assert [event.items for event in started] == [None, 3]
