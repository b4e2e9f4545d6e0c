"""Looking back: a run as it once stood, what its tasks saw and did, and who used a key."""

from __future__ import annotations

from typing import Any

import pytest

from nbgraph import MemoryStore
from nbgraph.core.context import Context
from nbgraph.core.events import Status, StatusChanged
from nbgraph.core.records import Recorded, Tried
from nbgraph.core.run import Run
from nbgraph.errors import RunError
from tests.core.patterns import made
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
)
from tests.core.storing import crash
from tests.core.test_time_travel import rounds, seen


def test_a_moment_has_the_state_that_the_run_had_when_the_step_had_finished() -> None:
    run, frontiers = seen()
    assert {number: run.at(number).state for number in range(1, 13)} == frontiers.states
    assert run.at(0).state == {}


def test_a_moment_tells_what_was_to_run_and_what_had_been_led_to() -> None:
    run, _ = seen()
    moments = [run.at(number) for number in range(13)]
    assert [moment.active for moment in moments[:5]] == [
        ("plan#1",), ("left#1", "right#1"), ("right#1",), ("meet#1",), ("plan#2",),
    ]  # fmt: skip
    assert [moment.waiting for moment in moments[:4]] == [(), (), ("meet",), ()]
    assert moments[12].active == ()
    assert [moment.step for moment in moments] == list(range(13))
    assert [len([event for event in moment.events if not isinstance(event, StatusChanged)]) for moment in moments] == (
        sorted(len([event for event in moment.events if not isinstance(event, StatusChanged)]) for moment in moments)
    )
    assert "left#1, right#1 to run" in repr(moments[1])
    assert "meet had been led to" in repr(moments[2])


def test_a_moment_in_a_subgraph_names_what_runs_within_it() -> None:
    line = made("START -> g -> END", graph(ONE_TWO, one, two), called="outer")
    run = settled(line.run(), Status.DONE)
    assert run.at(1).active == ("g#1", "g/two#1")
    assert run.at(1).state == {}


@pytest.mark.parametrize("number", [-1, 3, 1.0, "1", None])
def test_there_is_no_moment_after_a_step_that_was_not_taken(number: Any) -> None:
    run = settled(graph(ONE_TWO, one, two).run(id="r"), Status.DONE)
    with pytest.raises(RunError, match=r"r has 2 steps; .* is none of them"):
        run.at(number)


def test_a_moment_of_a_run_that_was_resumed_is_told_by_the_whole_log() -> None:
    store = MemoryStore()
    crash(settled(counting().run(n=0, store=store, id="r", limit=5), Status.PAUSED))
    again = settled(counting().resume("r", store=store), Status.PAUSED)
    assert [again.at(number).state["n"] for number in range(11)] == list(range(11))


# Visits


def test_a_visit_tells_what_the_task_saw_and_what_it_made_of_it() -> None:
    run, _ = seen()
    visit = run.visit("left#2")
    assert (visit.node, visit.number, visit.step) == ("left", 2, 6)
    assert (visit.inputs, visit.update) == ({"n": 2}, {"log": "left 2"})
    assert visit.before["log"] == ["left 1", "right 1"]
    assert visit.after is not None
    assert visit.after["log"] == ["left 1", "right 1", "left 2"]  # and nothing of right, which ran beside it
    assert visit.error == ""


def test_a_visit_that_has_not_finished_has_no_update() -> None:
    gate = Gate("gate")
    run = graph("START -> one -> gate -> END", one, gate.node).run()
    reached(gate.begun)
    visit = run.visit("gate#1")
    gate.let.set()
    assert (visit.step, visit.before, visit.after, visit.update) == (None, {"x": 1}, None, {})
    settled(run, Status.DONE)


def test_a_visit_tells_what_the_task_recorded_and_how_often_it_was_tried() -> None:
    async def work(ctx: Context) -> dict[str, Any]:
        value = await ctx.step(lambda: 7)
        if ctx.attempt < 2:
            raise ValueError("not yet")
        return {"value": value}

    run = settled(made("START -> work -> END", work, work={"retry": 3, "backoff": 0}).run(), Status.DONE)
    done = run.visit("work#1").done
    assert [type(each) for each in done] == [Recorded, Tried]
    assert isinstance(done[0], Recorded)
    assert done[0].value == 7


def test_a_visit_that_failed_says_why_and_where() -> None:
    def broken(x: int) -> None:
        raise ValueError("no bread")

    run = settled(graph("START -> one -> broken -> END", one, broken).run(), Status.FAILED)
    visit = run.visit("broken#1")
    assert (visit.step, visit.error) == (None, "ValueError: no bread")
    assert "line" in visit.where


def test_a_visit_in_a_subgraph_sees_the_state_of_that() -> None:
    run = settled(made("START -> g -> END", graph(ONE_TWO, one, two), called="outer").run(), Status.DONE)
    visit = run.visit("g/two#1")
    assert (visit.node, visit.inputs, dict(visit.before)) == ("g/two", {"x": 1}, {"x": 1})
    assert run.visit("g#1").update == run.state


def test_an_edit_is_a_visit_of_its_own() -> None:
    run = settled(counting().run(n=0, limit=2), Status.PAUSED)
    run.edit(n=10)
    visit = run.visit("run.edit#1")
    assert (visit.before, visit.after, visit.update) == ({"n": 2}, {"n": 10}, {"n": 10})


@pytest.mark.parametrize("task", ["plan#9", "nobody#1", "", "plan", "g/plan#1", "plan#x", "#1"])
def test_a_task_that_never_was_is_none(task: str) -> None:
    run, _ = seen()
    with pytest.raises(RunError, match="r has no task"):
        run.visit(task)


def test_every_step_is_a_visit_whose_update_leads_from_before_to_after() -> None:
    run, _ = seen()
    for step in run.steps:
        visit = run.visit(step.task)
        assert visit.after is not None
        changed = {key for key, value in visit.after.items() if visit.before.get(key) != value}
        assert changed == set(step.update)


def test_a_run_that_is_looked_at_elsewhere_tells_the_same() -> None:
    run, frontiers = seen()
    watch = rounds().watch("r", store=frontiers.store)
    assert watch.visit("left#2") == run.visit("left#2")
    assert watch.at(3)[:5] == run.at(3)[:5]
    assert watch.uses("n") == run.uses("n")


# Keys


def test_who_wrote_a_key_and_who_read_it() -> None:
    run, _ = seen()
    assert run.uses("n").writers == ((1, "plan#1"), (5, "plan#2"), (9, "plan#3"))
    assert run.uses("n").readers == ("plan", "left", "right")
    assert run.uses("nothing") == ((), ())


def test_a_key_of_a_subgraph_is_another_one() -> None:
    run = settled(made("START -> g -> END", graph(ONE_TWO, one, two), called="outer").run(), Status.DONE)
    assert run.uses("x", "g").writers == ((1, "g/one#1"),)
    assert run.uses("x", "g").readers == ("two",)


# Lists of visits


def test_the_visits_of_a_node_are_listed_with_the_steps_between_which_they_were() -> None:
    run, _ = seen()
    assert run.lookback.visits("left") == (("left#1", 1, 2), ("left#2", 5, 6), ("left#3", 9, 10))
    assert run.lookback.visits("nobody") == ()


def test_a_visit_that_goes_on_is_listed_without_a_step() -> None:
    gate = Gate("gate")
    run = graph("START -> one -> gate -> END", one, gate.node).run()
    reached(gate.begun)
    assert run.lookback.visits("gate") == (("gate#1", 1, None),)
    gate.let.set()
    settled(run, Status.DONE)


def test_the_visits_of_a_node_in_a_subgraph_go_by_its_path() -> None:
    run = settled(made("START -> g -> END", graph(ONE_TWO, one, two), called="outer").run(), Status.DONE)
    assert run.lookback.visits("g/two") == (("g/two#1", 1, 2),)
    assert run.lookback.visits("two") == ()


# Edges


def numbered(run: Run, source: str, target: str) -> int:
    return next(n for n, edge in enumerate(run.outline.edges) if (edge.source, edge.target) == (source, target))


def test_an_edge_tells_how_often_it_was_taken_and_what_its_condition_saw() -> None:
    run, _ = seen()
    again = run.lookback.edge(numbered(run, "meet", "plan"))
    assert again.taken == 2
    assert again.last == ((4, "meet#1", "n 1 < 3"), (8, "meet#2", "n 2 < 3"))
    assert again.why_not == "was not taken: n 3 < 3 does not hold"


def test_an_edge_tells_what_it_would_have_told_after_an_earlier_step() -> None:
    run, _ = seen()
    index = numbered(run, "meet", "END")
    assert run.lookback.edge(index).last == ((12, "meet#3", "else"),)
    early = run.lookback.edge(index, 4)
    assert (early.taken, early.why_not) == (0, "was not taken: a condition before its else held")
    before = run.lookback.edge(index, 3)
    assert before.why_not == "waits for meet, which has not finished"


def test_in_a_run_that_has_ended_no_edge_waits_for_what_never_ran() -> None:
    made_of = graph("START -> one -> two if x > 5; one -> END else; two -> END", one, two)
    run = settled(made_of.run(), Status.DONE)
    index = numbered(run, "two", "END")
    assert run.lookback.edge(index).why_not == "was not taken: two never finished"
    assert run.lookback.edge(index, 1).why_not == "waits for two, which has not finished"


def test_an_edge_out_of_start_is_taken_as_the_graph_begins() -> None:
    run, _ = seen()
    assert run.lookback.edge(0, 0)[1:] == (1, ((0, "START", ""),), "")


def test_an_edge_of_a_loop_tells_only_its_last_passages() -> None:
    run = settled(counting().run(n=0, limit=20), Status.PAUSED)
    index = next(n for n, edge in enumerate(run.outline.edges) if edge.source == edge.target)
    use = run.lookback.edge(index)
    assert (use.taken, len(use.last), use.last[-1].step) == (20, 5, 20)


def test_an_edge_of_a_subgraph_that_is_over_tells_what_it_saw_there() -> None:
    inner = graph("START -> one -> two if x > 5; one -> END else; two -> END", one, two)
    run = settled(made("START -> g -> END", inner, called="outer").run(), Status.DONE)
    use = run.lookback.edge(numbered(run, "g/one", "g/two"))
    assert (use.taken, use.why_not) == (0, "was not taken: x 1 > 5 does not hold")
    assert run.lookback.edge(numbered(run, "g/one", "g/END")).last == ((1, "g/one#1", "else"),)


def test_an_edge_of_a_subgraph_that_was_never_reached_says_so() -> None:
    inner = graph(ONE_TWO, one, two)
    run = settled(made("START -> one -> g if x > 5; one -> END else; g -> END", one, inner).run(), Status.DONE)
    assert run.lookback.edge(numbered(run, "g/one", "g/two")).why_not == "g has not begun"


@pytest.mark.parametrize("index", [-1, 99, "1", None])
def test_there_is_no_edge_with_another_index(index: Any) -> None:
    run, _ = seen()
    with pytest.raises(RunError, match="r has no edge"):
        run.lookback.edge(index)


def test_what_was_read_once_tells_the_same_and_nothing_of_what_comes_later() -> None:
    run = settled(counting().run(n=0, limit=3), Status.PAUSED)
    read = run.lookback.read()
    assert read.at(3)[:5] == run.at(3)[:5]
    run.resume()
    settled(run, Status.PAUSED)
    assert len(read.visits("count")) == 4
    assert len(run.lookback.visits("count")) == 7
