"""Same round: who leads to whom without going round, against a search of the whole graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbgraph.core.loops import find_loops, reach
from nbgraph.core.same_round import SameRound, members_of, shared

quiet = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """Any graph of up to nine nodes, loops within loops and loops with several ways in among them."""
    names = [f"n{index}" for index in range(draw(st.integers(2, 9)))]
    edges = draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=20))
    return {name: list(dict.fromkeys(to for source, to in edges if source == name)) for name in names}


def reached_by(nodes: Sequence[str], successors: dict[str, list[str]], cut: Iterable[Any] = ()) -> dict[str, int]:
    """Who is reached by whom: `reach` seen from the other end."""
    found = reach(nodes, successors, cut)
    return {
        name: sum(1 << other for other, source in enumerate(nodes) if found[source] >> place & 1)
        for place, name in enumerate(nodes)
    }


@pytest.mark.slow
@quiet
@given(graphs(), st.booleans())
def test_it_is_what_a_search_of_the_whole_graph_finds(successors: dict[str, list[str]], backward: bool) -> None:
    loops = find_loops("n0", successors)
    bit = {name: 1 << index for index, name in enumerate(loops.found)}
    asked = SameRound(loops, bit, successors, backward=backward)
    search = reached_by if backward else reach
    for name in loops.found:
        nest = loops.around[name]
        cut = [pair for pair in loops.rounds if pair[1] in nest]
        assert asked.of(name) == search(loops.found, successors, cut)[name]
        assert asked.of(name, ()) == search(loops.found, successors)[name]


@pytest.mark.slow
@quiet
@given(graphs())
def test_with_both_goes_round_no_loop_that_holds_the_two(successors: dict[str, list[str]]) -> None:
    loops = find_loops("n0", successors)
    bit = {name: 1 << index for index, name in enumerate(loops.found)}
    asked = SameRound(loops, bit, successors)
    for one in loops.found:
        for other in loops.found:
            both = shared(loops.around[one], loops.around[other])
            cut = [pair for pair in loops.rounds if pair[1] in both]
            found = reach(loops.found, successors, cut)[one]
            assert bool(asked.with_both(one) & bit[other]) == bool(found & bit[other])


def test_members_of_a_loop() -> None:
    loops = find_loops("a", {"a": ["b"], "b": ["c"], "c": ["b", "d"], "d": []})
    assert members_of(loops) == {(): ["a", "b", "c", "d"], ("b",): ["b", "c"]}
    asked = SameRound(loops, {"a": 1, "b": 2, "c": 4, "d": 8}, {"a": ["b"], "b": ["c"], "c": ["b", "d"], "d": []})
    assert (asked.members(("b",)), asked.of("b"), asked.of("b", ())) == (6, 12, 14)
