"""Structure: a stored run goes on by the edges it began with, whatever was declared since, and tells what changed."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbgraph import MemoryStore, add, append, extend
from nbgraph.core.events import Status
from nbgraph.core.plan import compile
from nbgraph.core.structure import changes, described, planned
from nbgraph.errors import GraphChanged
from nbgraph.library import Graph
from tests.core.patterns import made
from tests.core.running import (
    ONE_TWO,
    Gate,
    graph,
    one,
    quiet_engine,  # noqa: F401
    settled,
    two,
)
from tests.core.storing import crash

quiet = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
NAMES = ("a", "b", "c", "d")


# -- there and back ----------------------------------------------------------------------------------------------------


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Any text in the edge language over a few nodes, whether or not it could run."""
    group = st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True).map(", ".join)
    guards = st.sampled_from(
        ["", "", "", "if x < 3", "if x == 'a b' and not y", "if x in [1, 2] max 4", "else", "by route", "by pick()",
         "by route max 2", "each items as item", "on error", "always"]
    )  # fmt: skip
    lines = [f"{draw(group)} -> {draw(group)} {draw(guards)}" for _ in range(draw(st.integers(1, 6)))]
    if draw(st.booleans()):
        lines.append(f"START -> {draw(group)}")
    lines += [f"{draw(st.sampled_from(NAMES))} -> END {draw(st.sampled_from(['', 'else']))}"]
    return "\n".join(draw(st.permutations(lines)))


def pick(x: int) -> str:
    return "a"


def of_text(text: str, inner: Graph | None = None) -> Graph:
    joins = dict(zip(NAMES, ("all", "any", "first", "all"), strict=True))
    made_graph = Graph("g")
    for name in NAMES:
        if name == "d" and inner is not None:
            made_graph.node(inner, name="d")
        else:
            made_graph.node(lambda: None, name=name, join=joins[name])
    made_graph.edges(text, pick=pick)
    return made_graph


@pytest.mark.slow
@quiet
@given(texts(), texts())
def test_a_plan_from_a_description_is_the_plan_that_was_described(text: str, inner_text: str) -> None:
    source = of_text(text, of_text(inner_text))
    plan = compile(source, source.outlined())
    again = planned(described(plan), source, {})
    for one_plan, other in ((plan, again), (plan.inner["d"], again.inner["d"])):
        assert one_plan.shape == other.shape
        assert dict(one_plan.order) == dict(other.order)
        assert one_plan.exits == other.exits
        assert (one_plan.maps, one_plan.eager, one_plan.told_errors) == (other.maps, other.eager, other.told_errors)
        assert (one_plan.loops.around, one_plan.loops.rounds) == (other.loops.around, other.loops.rounds)
        assert (one_plan.forward, one_plan.place, one_plan.first) == (other.forward, other.place, other.first)
    assert described(again) == described(plan)
    assert plan.outline.edges == again.outline.edges


def test_nothing_has_changed_between_a_graph_and_itself() -> None:
    described_now = described(graph(ONE_TWO, one, two).plan())
    assert changes(described_now, described_now) == []


# -- edges and nodes that have changed ---------------------------------------------------------------------------------


def paused(source: Graph, store: MemoryStore, **inputs: Any) -> None:
    """A run of `source` whose process ended when its next node was about to begin."""
    run = settled(source.run(inputs, store=store, id="r", pause_before=["two"]), Status.PAUSED)
    crash(run)


def test_a_stored_run_keeps_its_edges_and_says_so() -> None:
    store = MemoryStore()
    paused(graph(ONE_TWO, one, two), store)
    changed = graph("START -> one -> two -> three -> END", one, two, Gate("three").node)
    again = settled(changed.resume("r", store=store), Status.DONE)
    assert [step.task for step in again.steps] == ["one#1", "two#1"]
    assert again.notices == [
        "the edges of g have changed; this run keeps those it began with. A new run uses the new ones."
    ]


def test_a_node_that_has_changed_runs_as_it_is_now_and_the_run_says_so() -> None:
    store = MemoryStore()
    paused(graph(ONE_TWO, one, two), store)

    def other(x: int) -> dict[str, int]:
        return {"y": x + 100}

    changed = graph(ONE_TWO, one)
    changed.node(other, name="two")
    again = settled(changed.resume("r", store=store), Status.DONE)
    assert again.state["y"] == 101
    assert again.notices == ["two changed since; what is still to run runs as it is now."]


def test_a_node_that_is_gone_and_has_run_hinders_nothing() -> None:
    store = MemoryStore()
    paused(graph(ONE_TWO, one, two), store)
    again = settled(graph("START -> two -> END", two).resume("r", store=store), Status.DONE)
    assert again.state == {"x": 1, "y": 2}


def test_a_node_that_is_gone_and_about_to_run_is_told_with_three_ways_on() -> None:
    store = MemoryStore()
    paused(graph(ONE_TWO, one, two), store)
    changed = graph("START -> one -> END", one)
    with pytest.raises(GraphChanged) as caught:
        changed.resume("r", store=store)
    assert caught.value.missing == ("two",)
    for way in ("Declare it again", 'graph.resume(run_id, rename={"two": "new_name"})', "fork the run", "delete it"):
        assert way in str(caught.value)
    again = graph(ONE_TWO, one, two)
    settled(again.resume("r", store=store), Status.DONE)  # it was not taken by who could not go on


def test_a_node_that_is_gone_and_comes_later_is_told_when_it_is_its_turn() -> None:
    store = MemoryStore()
    paused(graph("START -> one -> two -> three -> END", one, two, Gate("three").node), store)
    again = settled(graph(ONE_TWO, one, two).resume("r", store=store), Status.FAILED)
    assert [step.task for step in again.steps] == ["one#1", "two#1"]
    assert "declares no three any more" in again.reason
    assert isinstance(again._engine.failures[0].error, GraphChanged)


def test_a_renamed_node_takes_the_place_of_the_old_one() -> None:
    store = MemoryStore()
    paused(graph(ONE_TWO, one, two), store)
    changed = graph("START -> one -> second -> END", one)
    changed.node(two, name="second")
    again = settled(changed.resume("r", rename={"two": "second"}, store=store), Status.DONE)
    assert (again.state, [step.task for step in again.steps]) == ({"x": 1, "y": 2}, ["one#1", "two#1"])


def test_a_renamed_node_that_is_mended_runs_as_it_is_then() -> None:
    store = MemoryStore()
    paused(graph(ONE_TWO, one, two), store)
    changed = graph("START -> one -> second -> END", one)

    def broken(x: int) -> None:
        raise ValueError("broken")

    changed.node(broken, name="second")
    again = settled(changed.resume("r", rename={"two": "second"}, store=store), Status.FAILED)
    changed.node(two, name="second")
    again.resume()
    assert settled(again, Status.DONE).state["y"] == 2


@pytest.mark.parametrize(
    ("rename", "told"),
    [
        ({"tow": "two"}, "the stored run has no node 'tow'; its nodes are one, two"),
        ({"two": "second"}, "g has no node 'second' that could take the place of 'two'"),
    ],
)
def test_a_name_that_nobody_knows_is_refused(rename: dict[str, str], told: str) -> None:
    store = MemoryStore()
    line = graph(ONE_TWO, one, two)
    paused(line, store)
    with pytest.raises(GraphChanged, match=told):
        line.resume("r", rename=rename, store=store)
    settled(line.resume("r", store=store), Status.DONE)


def test_a_join_that_has_changed_counts_for_new_runs_only() -> None:
    def diamond(join: str) -> Graph:
        source = Graph("g")
        for name in ("a", "b", "c", "d"):
            source.node(lambda: None, name=name, join=join if name == "d" else "all")
        source.edges("START -> a, b, c; a -> d; b -> d; c -> d; d -> END")
        return source

    for before, now, visits in (("all", "any", 1), ("any", "all", 3)):
        store = MemoryStore()
        crash(settled(diamond(before).run(store=store, id="r", pause_before=["b", "c"]), Status.PAUSED))
        again = settled(diamond(now).resume("r", store=store), Status.DONE)
        assert [step.node for step in again.steps].count("d") == visits
        crash(again)


# -- reducers ----------------------------------------------------------------------------------------------------------


def listing(reducer: Any = None, key: Any = list) -> Graph:
    source = graph("START -> first -> two -> END")

    def first() -> dict[str, Any]:
        return {"log": "first"}

    def last(log: Any) -> dict[str, Any]:
        return {"log": "last"}

    source.node(first)
    source.node(last, name="two")
    if reducer is not None:
        source.state(type("State", (), {"__annotations__": {"log": Annotated[key, reducer]}}))
    return source


def test_a_key_that_has_gained_a_reducer_is_folded_from_the_beginning() -> None:
    store = MemoryStore()
    paused(listing(), store)
    assert settled(listing(append).resume("r", store=store), Status.DONE).state["log"] == ["first", "last"]


def test_a_key_that_has_lost_its_reducer_keeps_it_in_a_stored_run() -> None:
    store = MemoryStore()
    paused(listing(append), store)
    assert settled(listing().resume("r", store=store), Status.DONE).state["log"] == ["first", "last"]


def test_a_key_that_has_lost_a_reducer_of_ones_own_is_told() -> None:
    def newest_first(current: Any, value: Any) -> list[Any]:
        return [value, *(current or [])]

    store = MemoryStore()
    paused(listing(newest_first), store)
    with pytest.raises(GraphChanged, match="newest_first"):
        listing().resume("r", store=store)
    again = settled(listing(newest_first).resume("r", store=store), Status.DONE)
    assert again.state["log"] == ["last", "first"]


def test_a_reducer_that_does_not_take_what_was_written_is_told_and_the_run_is_free() -> None:
    store = MemoryStore()
    paused(listing(append), store)
    with pytest.raises(Exception, match="refused what first wrote"):
        listing(extend).resume("r", store=store)
    settled(listing(append).resume("r", store=store), Status.DONE)


def test_a_conflict_that_was_mended_by_a_reducer_goes_on_after_a_crash() -> None:
    def fan(reducer: Any = None) -> Graph:
        source = graph("START -> a, b; a -> two; b -> two; two -> END")
        source.node(lambda: {"n": 1}, name="a")
        source.node(lambda: {"n": 2}, name="b")
        source.node(lambda n: {"sum": n}, name="two")
        if reducer is not None:
            source.state(type("State", (), {"__annotations__": {"n": Annotated[int, reducer]}}))
        return source

    store = MemoryStore()
    crash(settled(fan().run(store=store, id="r"), Status.FAILED))
    again = settled(fan(add).resume("r", store=store), Status.DONE)
    assert again.state == {"n": 3, "sum": 3}


# -- subgraphs ---------------------------------------------------------------------------------------------------------


def nested(inner_text: str, *nodes: Any) -> Graph:
    inner = graph(inner_text, *nodes, name="inner")
    return made("START -> inner -> END", inner, called="outer")


def in_inner(source: Graph, store: MemoryStore) -> None:
    crash(settled(source.run(store=store, id="r", pause_before=["inner/two"]), Status.PAUSED))


def test_a_subgraph_keeps_its_edges_too() -> None:
    store = MemoryStore()
    in_inner(nested(ONE_TWO, one, two), store)
    changed = nested("START -> one -> two -> three -> END", one, two, Gate("three").node)
    again = settled(changed.resume("r", store=store), Status.DONE)
    assert [step.task for step in again.steps] == ["inner/one#1", "inner/two#1", "inner#1"]
    assert any("the edges of inner have changed" in notice for notice in again.notices)


def test_a_node_that_is_gone_in_a_subgraph_is_told() -> None:
    store = MemoryStore()
    in_inner(nested(ONE_TWO, one, two), store)
    with pytest.raises(GraphChanged, match="two"):
        nested("START -> one -> END", one).resume("r", store=store)


def test_a_subgraph_that_is_gone_and_has_run_hinders_nothing() -> None:
    store = MemoryStore()
    inner = graph("START -> one -> END", one, name="inner")
    source = made("START -> inner -> two -> END", inner, two, called="outer")
    paused(source, store)
    again = settled(made("START -> two -> END", two, called="outer").resume("r", store=store), Status.DONE)
    assert again.state == {"x": 1, "y": 2}
    assert [step.task for step in again.steps] == ["inner/one#1", "inner#1", "two#1"]


def test_a_subgraph_that_is_gone_while_it_is_under_way_is_told() -> None:
    store = MemoryStore()
    in_inner(nested(ONE_TWO, one, two), store)
    with pytest.raises(GraphChanged, match="inner") as caught:
        made("START -> two -> END", two, called="outer").resume("r", store=store)
    assert caught.value.missing[0] == "inner"


def test_a_subgraph_that_is_a_function_now_is_called_as_one() -> None:
    store = MemoryStore()
    in_inner(nested(ONE_TWO, one, two), store)
    changed = Graph("outer")
    changed.node(lambda: {"y": 5}, name="inner")
    changed.edges("START -> inner -> END")
    again = settled(changed.resume("r", store=store), Status.DONE)
    assert again.state["y"] == 5
    assert "inner changed since" in again.notices[0]


def test_a_function_that_is_a_subgraph_now_is_walked() -> None:
    store = MemoryStore()
    source = graph(ONE_TWO, one, two)
    paused(source, store)
    changed = graph("START -> one -> two -> END", one)
    changed.node(graph("START -> two -> END", two, name="inner"), name="two")
    again = settled(changed.resume("r", store=store), Status.DONE)
    assert [step.task for step in again.steps] == ["one#1", "two/two#1", "two#1"]
    assert again.state["y"] == 2


def test_a_failed_function_that_is_a_subgraph_now_is_walked_at_resume() -> None:
    def broken() -> None:
        raise ValueError("broken")

    source = graph("START -> inner -> END")
    source.node(broken, name="inner")
    run = settled(source.run(), Status.FAILED)
    source.node(graph("START -> one -> END", one, name="inner"))
    run.resume()
    assert settled(run, Status.DONE).state["x"] == 1
