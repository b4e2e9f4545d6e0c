"""Plan: a graph compiled; stamps, who could lead to whom, what leads out of a node."""

from __future__ import annotations

from typing import Annotated, Any

import pytest

from nbgraph.core.graph import Graph, Node
from nbgraph.core.plan import Each, Edge, Plan, compile, maps_of, refreshed, shared_depth
from nbgraph.core.state import append

NESTED = "START -> a -> b -> c; c -> b if x; c -> d else; d -> a if y; d -> END else"


def graph(text: str, **functions: Any) -> Graph:
    made = Graph("g")
    made.add_edges(text, functions)
    return made


def compiled(text: str, **functions: Any) -> Plan:
    made = graph(text, **functions)
    return compile(made, made.outlined())


def edges(plan: Plan) -> dict[str, Edge]:
    found = {}
    for exits in plan.exits.values():
        for edge in (*exits.always, *(edge for candidate in exits.choice for edge in candidate.edges)):
            found[f"{edge.source}{edge.target}"] = edge
    return found


@pytest.mark.parametrize(
    ("edge", "stamp", "after"),
    [
        ("STARTa", (), (0,)),  # enters the outer loop
        ("ab", (3,), (3, 0)),  # enters the inner one
        ("bc", (3, 2), (3, 2)),
        ("cb", (3, 2), (3, 3)),  # goes round the inner one
        ("cd", (3, 2), (3,)),  # leaves it
        ("da", (3,), (4,)),  # goes round the outer one
    ],
)
def test_following_an_edge_changes_the_stamp(edge: str, stamp: tuple[int, ...], after: tuple[int, ...]) -> None:
    plan = compiled(NESTED)
    assert plan.follow(edges(plan)[edge], stamp) == after


def test_a_round_edge_drops_the_counters_inside_its_loop() -> None:
    plan = compiled("START -> a -> b; b -> b if x; b -> a if y; b -> END else")
    assert plan.follow(edges(plan)["ba"], (3, 7)) == (4,)


@pytest.mark.parametrize(
    ("active", "stamp", "to", "at", "could"),
    [
        ("b", (0, 0), "c", (0, 0), True),
        ("c", (0, 0), "b", (0, 0), False),  # only round the loop, and that counts up
        ("c", (0, 0), "b", (0, 1), True),
        ("b", (0, 1), "c", (0, 0), False),
        ("b", (0, 5), "d", (0,), True),
        ("d", (0,), "b", (0, 0), False),
        ("d", (0,), "b", (1, 0), True),
        ("d", (1,), "a", (0,), False),
        ("START", (), "d", (0,), True),
    ],
)
def test_what_is_active_could_lead_to_what_is_later(active: str, stamp: Any, to: str, at: Any, could: bool) -> None:
    assert compiled(NESTED).could_lead(active, stamp, to, at) is could


def test_two_places_never_wait_for_each_other() -> None:
    plan = compiled("START -> a, b; a -> b, c; b -> a, c; c -> a if x; c -> END else")
    stamps = [(one, two) for one in range(3) for two in range(3)]
    places = [(name, stamp[: len(plan.loops.around[name])]) for name in "abc" for stamp in stamps]
    assert not [
        (one, other)
        for one in places
        for other in places
        if one != other and plan.could_lead(*one, *other) and plan.could_lead(*other, *one)
    ]


def test_the_loop_of_a_node_is_the_innermost_one() -> None:
    plan = compiled(NESTED)
    assert [plan.loop_of(name) for name in ("START", "a", "c")] == [(), ("a", "b", "c", "d"), ("b", "c")]


def test_shared_depth_counts_loops_from_the_outermost() -> None:
    assert shared_depth(("a", "b"), ("a", "c")) == 1
    assert shared_depth(("a",), ("b", "a")) == 0


def test_the_order_is_that_of_declaration() -> None:
    assert compiled("START -> b -> a").order == {"START": 0, "b": 1, "a": 2}


def test_exits_are_what_is_always_taken_and_one_choice_with_else_last() -> None:
    exits = compiled("START -> a; a -> END else; a -> b if x max 2; a -> c always; b, c -> END").exits["a"]
    assert [edge.target for edge in exits.always] == ["c"]
    assert [taken.target for taken in exits.taken] == ["c"]
    assert [(candidate.edges[0].target, candidate.limit) for candidate in exits.choice] == [("b", 2), ("END", None)]


def test_places_are_those_of_the_outline() -> None:
    made = graph("a, b -> c, d; START -> a, b; c, d -> END")
    plan = compile(made, made.outlined())
    assert all(made.edge_list()[edge.place][:2] == (edge.source, edge.target) for edge in edges(plan).values())


def test_a_start_that_is_not_written_is_followed() -> None:
    plan = compiled("a -> b -> END")
    assert [(edge.target, edge.place) for edge in plan.exits["START"].always] == [("a", 2)]


def test_what_start_does_not_lead_to_is_not_compiled() -> None:
    assert "x" not in compiled("START -> a -> END; x -> a").exits


@pytest.mark.parametrize(
    ("edge", "scope"), [("c -> b if x max 2", 1), ("c -> a if x max 2", 0), ("c -> END if x max 2", 0)]
)
def test_a_limit_counts_within_the_innermost_loop_that_holds_both_ends(edge: str, scope: int) -> None:
    plan = compiled(f"START -> a -> b -> c; {edge}; c -> b if y; c -> a else")
    (limited,) = [candidate for candidate in plan.exits["c"].choice if candidate.limit]
    assert limited.scope == scope


def test_by_compiles_to_a_key_or_a_function_with_what_it_reads() -> None:
    def route(score: int) -> str:
        return "b"

    plan = compiled("START -> a -> b by route(); b -> c by next; c -> END", route=route)
    (by_function,), (by_key,) = plan.exits["a"].choice, plan.exits["b"].choice
    assert by_function.routing is not None
    assert (by_function.routing.function, by_function.routing.reads[0].key) == (route, "score")
    assert by_key.routing is not None
    assert (by_key.routing.key, by_key.routing.text) == ("next", "by next")


def test_mapped_nodes_are_known() -> None:
    assert maps_of(graph("a -> b, c each items as item; a -> d")) == {n: Each("items", "item") for n in ("b", "c")}


def body(name: str) -> Node:
    return Node(name, "function", lambda arguments, context: None)  # type: ignore[arg-type, return-value]


def test_a_run_that_goes_on_gets_new_nodes_and_reducers_and_keeps_its_edges() -> None:
    made = graph("START -> a -> END")
    made.add(body("a"))
    plan = compile(made, made.outlined())
    fresh = body("a")
    made.add(fresh)
    made.state(type("Log", (), {"__annotations__": {"log": Annotated[list, append]}}))
    again, notice = refreshed(plan, made)
    assert (again.nodes["a"], again.schema.reducers, notice) == (fresh, {"log": append}, "")


@pytest.mark.parametrize("change", ["b -> END", "a -> b"])
def test_a_run_that_goes_on_after_its_edges_changed_says_so(change: str) -> None:
    made = graph("START -> a -> END")
    plan = compile(made, made.outlined())
    made.add_edges(change)
    again, notice = refreshed(plan, made)
    assert (again.exits, "the edges of g have changed" in notice) == (plan.exits, True)


def test_a_start_that_has_become_another_is_a_change_of_edges() -> None:
    made = graph("a -> b -> END")
    plan = compile(made, made.outlined())
    made.add_edges("START -> a")
    assert refreshed(plan, made)[1]


def test_a_node_dropped_since_is_still_there_for_the_run_that_goes_on() -> None:
    made = graph("START -> a -> END")
    made.add(body("a"))
    plan = compile(made, made.outlined())
    made.clear()
    again, notice = refreshed(plan, made)
    assert "a" in again.nodes
    assert notice
