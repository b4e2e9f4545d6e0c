"""What a run does when it cannot be kept: its store fails, another process took it, or nobody holds it any more."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from typing import Any

import pytest

from nbgraph import MemoryStore
from nbgraph.core import run_loop
from nbgraph.core.events import Status, StatusChanged
from nbgraph.core.past import gathered
from nbgraph.core.records import Entry, Failed, Moved, Recorded, Step, Tried
from nbgraph.core.run import Run
from nbgraph.core.scheduler import state
from nbgraph.errors import NotStorable, OwnedElsewhere, RunError, StoreError
from nbgraph.library import Graph
from tests.core.patterns import made
from tests.core.running import (
    ONE_TWO,
    Gate,
    counting,
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
from tests.core.storing import crash, cut, forget, tasks

FULL = "the store runs.db cannot be written: the disk is full"


class Failing(MemoryStore):
    """Its write number `at` fails; as the port says, what failed is written with the next write, and once."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at, self.writes = at, 0

    def _log(self, kept: Any) -> Any:
        log = super()._log(kept)
        keep, note, ask = log.keep, log.note, log.ask
        left, written = list[Entry](), list[Entry]()

        async def flush() -> None:
            self.writes += 1
            if self.writes == self.at:
                raise StoreError(FULL)
            while left:
                entry = left.pop(0)
                written.append(entry)
                await keep(entry)

        async def failing_keep(entry: Entry, packed: Any = None) -> None:
            if not any(each is entry for each in (*left, *written)):
                left.append(entry)
            await flush()

        def noting(entry: Entry) -> None:
            left.append(entry) if left else note(entry)

        async def failing_ask(approval: Any) -> None:
            await flush()
            await ask(approval)

        log.keep, log.note, log.ask = failing_keep, noting, failing_ask
        return log


def busy(calls: Counter[str]) -> Graph:
    """A loop around a fan-out with recorded effects, items, a subgraph and a question, each call counted."""

    async def plan(n: int = 0) -> dict[str, Any]:
        calls[f"plan {n}"] += 1
        return {"n": n + 1, "items": [1, 2]}

    async def work(item: int, n: int, ctx: Any) -> dict[str, int]:
        calls[f"work {n} {item}"] += 1
        return {"done": item}

    async def effect(n: int, ctx: Any) -> dict[str, int]:
        def act() -> int:
            calls[f"effect {n}"] += 1
            return n

        return {"effect": await ctx.step(act)}

    async def asks(n: int, ctx: Any) -> dict[str, str]:
        return {"said": (await ctx.ask(f"round {n}?")).option}

    inner = graph("START -> asks -> END", asks, name="inner")

    async def meet(n: int) -> dict[str, int]:
        calls[f"meet {n}"] += 1
        return {"met": n}

    source = graph("START -> plan -> effect, inner -> meet", plan, work, effect, meet)
    source.node(inner)
    source.edges("plan -> work each items as item; work -> meet; meet -> plan if n < 2; meet -> END else")
    return source


@pytest.mark.slow
def test_a_store_that_fails_at_any_write_fails_the_run_and_nothing_is_called_twice() -> None:
    answers = {"inner/asks": ["approve"] * 9}
    whole = settled(busy(Counter()).run(answers=answers), Status.DONE)
    writes = 0
    for at in range(1, 100):
        calls, store = Counter[str](), Failing(at)
        source = busy(calls)
        run = source.run(store=store, id="r", answers=answers)
        run.wait(60)
        if run.status is Status.DONE:
            break
        writes += 1
        assert run.status is Status.FAILED
        assert FULL in run.reason
        run.resume()
        settled(run, Status.DONE)
        assert set(calls.values()) == {1}
        assert (run.state, tasks(run)) == (whole.state, tasks(whole))
        steps = store.history("r").steps
        assert [step.number for step in steps] == list(range(1, len(steps) + 1))
        assert steps == run.steps or sorted(steps) == sorted(run.steps)
        past = gathered(store.history("r"), source.plan())
        assert dict(state(past.frontier)) == run.state
    assert writes >= 12


def test_a_crash_after_a_write_that_failed_goes_on_before_that_step() -> None:
    for at in range(1, 4):
        store = Failing(at)
        run = settled(counting().run(n=20, store=store, id="r"), Status.FAILED)
        crash(run)
        again = settled(counting().resume("r", store=cut(store.history("r"), 99)), Status.DONE)
        assert (again.state, len(again.steps)) == ({"n": 25}, 5)
        crash(again)


def test_an_edit_whose_write_failed_is_told() -> None:
    store = Failing(2)
    run = settled(graph(ONE_TWO, one, two).run(store=store, id="r", pause_before="two"), Status.PAUSED)
    with pytest.raises(StoreError, match="disk is full"):
        run.edit(x=5)
    run.resume()
    assert settled(run, Status.DONE).state == {"x": 5, "y": 6}
    assert [step.number for step in store.history("r").steps] == [1, 2, 3]


def test_a_run_that_cannot_be_created_is_not_started() -> None:
    class Closed(MemoryStore):
        def create(self, *arguments: Any) -> Any:
            raise StoreError(FULL)

    calls: list[int] = []
    line = graph("START -> work -> END")
    line.node(lambda: calls.append(1), name="work")
    with pytest.raises(StoreError, match="disk is full"):
        line.run(store=Closed())
    assert not calls


def test_a_value_that_the_store_refuses_fails_its_node_before_the_next_one_starts() -> None:
    class Picky(MemoryStore):
        def _log(self, kept: Any) -> Any:
            log = super()._log(kept)

            def pack(writes: Any) -> None:
                if any(value == "lock" for _, value in writes):
                    raise NotStorable("lock", '["client"]')

            log.pack = pack  # type: ignore[method-assign]
            return log

    store, good = Picky(), [False]

    def client() -> dict[str, str]:
        return {"client": "ready" if good[0] else "lock"}

    line = graph("START -> client -> END", client)
    run = settled(line.run(store=store, id="r"), Status.FAILED)
    assert 'client returned ["client"] is of the type lock' in run.reason
    assert (run.steps, run.state) == ([], {})
    good[0] = True
    run.resume()
    assert settled(run, Status.DONE).state == {"client": "ready"}


# -- taken by another process ------------------------------------------------------------------------------------------


def taken_while_two_run() -> tuple[Run, Gate, Gate, MemoryStore]:
    store, left, right = MemoryStore(), Gate("left"), Gate("right", blocking=True)
    run = graph("START -> left, right -> one -> END", left.node, right.node, one).run(store=store, id="r")
    reached(left.begun, right.begun)
    run._engine.log.lost(OwnedElsewhere("r", 7, "elsewhere", 1.0))  # type: ignore[misc]
    return run, left, right, store


def test_a_run_that_another_process_has_taken_ends_as_failed_and_nothing_counts() -> None:
    run, left, right, store = taken_while_two_run()
    settled(run, Status.FAILED)
    assert "r is run by process 7 on elsewhere" in run.reason
    left.let.set()
    right.let.set()
    until(lambda: not run._engine.calls.busy)
    assert (run.steps, run.status) == ([], Status.FAILED)
    assert [entry for entry in store.history("r").entries if isinstance(entry, Step | Moved | Failed)] == []
    with pytest.raises(OwnedElsewhere, match="process 7"):
        run.result()


@pytest.mark.parametrize("move", ["resume", "next"])
def test_a_run_that_another_process_has_taken_is_not_resumed_by_itself(move: str) -> None:
    run, left, right, _ = taken_while_two_run()
    settled(run, Status.FAILED)
    left.let.set()
    right.let.set()
    with pytest.raises(RunError, match=r"graph\.resume\('r'\)"):
        getattr(run, move)()
    with pytest.raises(RunError, match=r"graph\.resume\('r'\)"):
        run.edit(x=1)
    until(lambda: not run._engine.calls.busy)
    assert (left.calls, right.calls, run.status) == (1, 1, Status.FAILED)


def test_a_run_that_was_taken_and_let_go_again_is_resumed_by_its_graph() -> None:
    run, left, right, store = taken_while_two_run()
    settled(run, Status.FAILED)
    left.let.set()
    right.let.set()
    until(lambda: store.run("r").owner is None)  # here it was let go, once nothing of it ran
    again = settled(
        graph("START -> left, right -> one -> END", left.node, right.node, one).resume("r", store=store), Status.DONE
    )
    assert again is not run
    assert tasks(again) == Counter(["left#1", "right#1", "one#1"])


def test_a_log_that_takes_nothing_any_more_ends_the_run() -> None:
    store, gate = MemoryStore(), Gate("second")
    run = graph("START -> one -> second -> two -> END", one, gate.node, two).run(store=store, id="r")
    reached(gate.begun)
    run._engine.log.close()
    gate.let.set()
    settled(run, Status.FAILED)
    assert "graph.watch('r')" in run.reason
    until(lambda: not run._engine.calls.busy)
    assert [event.status for event in told(run) if isinstance(event, StatusChanged)] == [Status.FAILED]
    assert [step.task for step in store.history("r").steps] == ["one#1"]


def test_a_waiting_run_that_was_taken_waits_no_more() -> None:
    line = made("START -> gate -> END")
    line.human("gate", "go on?")
    run = settled(line.run(id="r"), Status.WAITING)
    run._engine.log.lost(OwnedElsewhere("r", 7, "elsewhere", 1.0))  # type: ignore[misc]
    until(lambda: run.status is Status.FAILED)
    assert run._engine not in run_loop._live


# -- nobody holds it ---------------------------------------------------------------------------------------------------


def has_come_to_rest(run: Run) -> None:
    until(lambda: not run._engine.calls.busy)
    on_loop(run, lambda: None)


def gone(reference: weakref.ref[Any]) -> bool:
    gc.collect()
    return reference() is None


@pytest.mark.parametrize("nested", [False, True])
def test_a_paused_run_that_nobody_holds_lets_its_log_go(nested: bool) -> None:
    store = MemoryStore()
    line = graph(ONE_TWO, one, two)
    if nested:
        line = made("START -> g -> END", line, called="outer")
    run = settled(line.run(store=store, id="r", pause_before="g/two" if nested else "two"), Status.PAUSED)
    on_loop(run, lambda: None)
    held = weakref.ref(run._engine)
    assert store.run("r").owner is not None
    del run
    until(lambda: gone(held))
    assert store.run("r").owner is None
    assert settled(line.resume("r", store=store), Status.DONE).state["y"] == 2


def test_a_failed_run_whose_sibling_ended_later_is_held_by_nobody() -> None:
    gate = Gate("slow")

    def bad() -> None:
        raise ValueError("bad")

    run = graph("START -> slow, bad; slow -> END; bad -> END", gate.node, bad).run()
    reached(gate.begun)
    settled(run, Status.FAILED)
    gate.let.set()
    has_come_to_rest(run)
    held = weakref.ref(run._engine)
    del run
    until(lambda: gone(held))


@pytest.mark.slow
def test_a_waiting_run_that_nobody_holds_is_held_by_its_question() -> None:
    store = MemoryStore()
    line = made("START -> gate -> END")
    line.human("gate", "go on?")
    run = settled(line.run(store=store, id="r"), Status.WAITING)
    held = weakref.ref(run._engine)
    del run
    for _ in range(3):
        assert not gone(held)
    assert store.run("r").owner is not None
    found = line.resume("r", store=store)
    found.answer("gate", "approve")
    settled(found, Status.DONE)


def test_a_run_that_has_ended_is_owned_by_nobody() -> None:
    store = MemoryStore()
    run = settled(counting().run(n=0, store=store, id="r"), Status.DONE)
    until(lambda: store.run("r").owner is None)
    forget(run)
    store.delete("r")


def test_what_a_task_recorded_is_not_done_again_though_it_could_not_be_kept() -> None:
    effects: list[int] = []

    async def work(ctx: Any) -> None:
        await ctx.step(effects.append, 1)

    store = Failing(1)
    run = settled(graph("START -> work -> END", work).run(store=store, id="r"), Status.FAILED)
    run.resume()
    settled(run, Status.DONE)
    assert effects == [1]
    assert [type(entry) for entry in store.history("r").entries if isinstance(entry, Recorded | Tried | Step)] == [
        Recorded,
        Step,
    ]
