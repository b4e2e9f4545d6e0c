"""Loops as nested components, and who reaches whom."""

from __future__ import annotations

from nbgraph.core.loops import components, discover, find_loops, reach


def graph(text: str) -> dict[str, list[str]]:
    """`"a bc, b c"` is a -> b, a -> c, b -> c; every node is one letter, S the start."""
    found: dict[str, list[str]] = {}
    for part in text.split(", "):
        source, _, targets = part.partition(" ")
        found.setdefault(source, []).extend(targets)
        for target in targets:
            found.setdefault(target, [])
    return found


def test_a_graph_without_loops_has_none() -> None:
    loops = find_loops("S", graph("S a, a bc, b d, c d"))
    assert set(loops.around.values()) == {()}
    assert loops.rounds == frozenset()


def test_nodes_are_found_breadth_first_in_declaration_order() -> None:
    assert discover("S", graph("S ba, b c, a d, c a, d S")) == ("S", "b", "a", "c", "d")


def test_what_start_does_not_lead_to_is_not_found() -> None:
    loops = find_loops("S", graph("S a, x y, y x"))
    assert loops.found == ("S", "a")
    assert set(loops.around) == {"S", "a"}


def test_a_loop_of_one_node_is_its_own_head() -> None:
    loops = find_loops("S", graph("S a, a a"))
    assert loops.around["a"] == ("a",)
    assert loops.rounds == {("a", "a")}


def test_the_head_of_a_loop_is_the_member_found_first() -> None:
    loops = find_loops("S", graph("S b, b c, c a, a b"))
    assert loops.around == {"S": (), "b": ("b",), "c": ("b",), "a": ("b",)}
    assert loops.rounds == {("a", "b")}


def test_loops_nest() -> None:
    loops = find_loops("S", graph("S a, a b, b c, c bd, d a"))
    assert loops.around["a"] == ("a",)
    assert loops.around["b"] == loops.around["c"] == ("a", "b")
    assert loops.around["d"] == ("a",)
    assert loops.rounds == {("d", "a"), ("c", "b")}


def test_two_loops_beside_each_other_do_not_nest() -> None:
    loops = find_loops("S", graph("S a, a ab, b bc"))
    assert (loops.around["a"], loops.around["b"], loops.around["c"]) == (("a",), ("b",), ())


def test_an_irreducible_loop_has_one_head() -> None:
    loops = find_loops("S", graph("S ab, a b, b a"))
    assert loops.around == {"S": (), "a": ("a",), "b": ("a",)}
    assert loops.rounds == {("b", "a")}


def test_every_cycle_holds_a_round_edge() -> None:
    links = graph("S abc, a bd, b ca, c db, d ae, e be, f a, e f")
    loops = find_loops("S", links)
    without = {name: [to for to in targets if (name, to) not in loops.rounds] for name, targets in links.items()}
    assert all(len(part) == 1 for part in components(list(links), without))
    assert not any(name in targets for name, targets in without.items())


def test_components_are_the_nodes_that_reach_each_other() -> None:
    links = graph("a b, b c, c a, c d, d e, e d, f a")
    assert {frozenset(part) for part in components(list(links), links)} == {
        frozenset("abc"),
        frozenset("de"),
        frozenset("f"),
    }


def test_reach_is_over_one_edge_or_more() -> None:
    nodes, links = ["a", "b", "c"], graph("a b, b c, c c")
    assert reach(nodes, links) == {"a": 0b110, "b": 0b100, "c": 0b100}


def test_reach_without_the_edges_that_are_cut() -> None:
    nodes, links = ["a", "b", "c"], graph("a b, b ca")
    assert reach(nodes, links, [("b", "a")]) == {"a": 0b110, "b": 0b100, "c": 0}


def test_reach_finds_its_way_against_the_order_too() -> None:
    nodes, links = ["c", "b", "a"], graph("a b, b c")
    assert reach(nodes, links) == {"a": 0b011, "b": 0b001, "c": 0}


def test_a_chain_of_three_thousand_nodes_meets_no_recursion_limit() -> None:
    links = {str(index): [str(index + 1)] for index in range(3000)} | {"3000": ["1"]}
    loops = find_loops("0", links)
    assert loops.around["3000"] == ("1",)
