"""Graph: what has been declared, by which cell, and what a second declaration does to the first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from nbgraph.core.edges import format_guard
from nbgraph.core.graph import END, START, Graph, Node, Source, declared_in
from nbgraph.core.outline import OutlineEdge
from nbgraph.core.signature import Read, Writes
from nbgraph.errors import DeclarationError, TextError


async def body(arguments: dict[str, Any], context: Any) -> None: ...


def node(name: str, **fields: Any) -> Node:
    return Node(name, "function", body, source=declared_in.get(), **fields)  # type: ignore[arg-type]


@contextmanager
def cell(graph: Graph, id: str, execution: int) -> Iterator[list[str]]:
    """One execution of a cell; the sentences that it ends with are in the list afterwards."""
    source, said = Source(id, f"cell [{execution}]", execution), list[str]()
    token = declared_in.set(source)
    try:
        yield said
    finally:
        declared_in.reset(token)
    said += graph.finish(source)


def pairs(graph: Graph) -> list[str]:
    return [f"{edge.source}->{edge.target}" for edge in graph.edge_list()]


# -- in plain Python ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "1a", "a b", "END", "class", "a-b"])
def test_a_graph_has_a_name_that_a_notebook_can_bind(name: str) -> None:
    with pytest.raises(DeclarationError, match="graph"):
        Graph(name)


def test_declarations_add_up() -> None:
    graph = Graph("g")
    graph.add(node("a"))
    graph.add_edges("START -> a")
    graph.add_edges("a -> b")
    assert graph.names() == ("a", "b")
    assert pairs(graph) == ["START->a", "a->b"]
    assert repr(graph) == "<Graph g: 1 nodes, 2 edges>"


def test_a_node_declared_again_takes_the_place_of_the_first() -> None:
    graph = Graph("g")
    graph.add(node("a"))
    second = node("a")
    assert graph.add(second) == ()
    assert graph.nodes == {"a": second}
    assert graph.duplicates == {}


def test_every_declaration_is_a_new_revision() -> None:
    graph = Graph("g")
    seen = [graph.revision]
    for declare in (
        lambda: graph.add(node("a")),
        lambda: graph.add_edges("a -> b"),
        lambda: graph.state(type("S", (), {"__annotations__": {"k": int}})),
        lambda: graph.drop("a"),
        graph.clear,
    ):
        declare()
        seen.append(graph.revision)
    assert seen == sorted(set(seen))


@pytest.mark.parametrize("name", ["END", "START", "error", "class", "a b"])
def test_a_reserved_or_impossible_node_name_is_refused_and_nothing_is_lost(name: str) -> None:
    graph = Graph("g")
    graph.add(node("a"))
    with pytest.raises(DeclarationError, match="cannot name a node"):
        graph.add(node(name))
    assert list(graph.nodes) == ["a"]


def test_edges_that_cannot_be_read_change_nothing() -> None:
    graph = Graph("g")
    graph.add_edges("a -> b")
    before = graph.revision
    with pytest.raises(TextError):
        graph.add_edges("c -> d; e ->")
    assert (pairs(graph)[0], graph.revision) == ("a->b", before)


def test_a_function_given_with_edges_is_found() -> None:
    graph = Graph("g")
    graph.add_edges("a -> b, c by route()", {"route": len})
    assert graph.function("route") is len
    assert graph.function("other") is None


def test_the_function_given_last_counts() -> None:
    graph = Graph("g")
    graph.add_edges("a -> b by route()", {"route": len})
    graph.add_edges("c -> b by route()", {"route": max})
    assert graph.function("route") is max


def test_a_function_that_was_not_given_is_looked_up_where_the_graph_lives() -> None:
    graph = Graph("g", lookup={"route": len, "number": 5}.get)
    assert graph.function("route") is len
    assert graph.function("number") is None


# -- the start that is not written -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("a -> b -> END", "a"),
        ("b -> c; a -> b", "a"),
        ("a -> a if x; a -> b else", "a"),
        ("START -> b; a -> b", None),
        ("a -> c; b -> c", None),
        ("a -> b; b -> a", None),
    ],
)
def test_the_only_node_without_incoming_edges_starts(text: str, start: str | None) -> None:
    graph = Graph("g")
    graph.add_edges(text)
    implied = [edge.target for edge in graph.edge_list()[-1:] if edge == OutlineEdge(START, edge.target, "plain", "")]
    assert implied == ([start] if start else [])


def test_a_single_node_without_edges_starts() -> None:
    graph = Graph("g")
    graph.add(node("a"))
    assert pairs(graph) == ["START->a"]


def test_a_node_without_edges_does_not_start_beside_others() -> None:
    graph = Graph("g")
    graph.add(node("alone"))
    graph.add_edges("a -> b")
    assert pairs(graph)[-1] == "START->a"


# -- dropping and clearing ---------------------------------------------------------------------------------------------


def test_drop_forgets_the_node_and_its_edges_and_says_so() -> None:
    graph = Graph("g")
    graph.add(node("a"))
    graph.add_edges("a -> b -> c; d -> c")
    assert graph.drop("b") == "dropped b and 2 edge statements"
    assert graph.drop("a") == "dropped a"
    assert pairs(graph)[0] == "d->c"


def test_drop_takes_a_name_out_of_a_group_and_keeps_the_others() -> None:
    graph = Graph("g")
    graph.add_edges("a, b -> c, d if x max 2", {})
    graph.drop("b")
    graph.drop("c")
    (statement,) = graph.statements
    assert str(statement) == "a -> d if x max 2"


def test_drop_of_an_unknown_node_suggests_the_nearest() -> None:
    graph = Graph("g")
    graph.add(node("draft"))
    with pytest.raises(DeclarationError, match="g has no node 'drafd'; did you mean 'draft'"):
        graph.drop("drafd")


def test_clear_forgets_everything_and_says_what() -> None:
    graph = Graph("g")
    assert graph.clear() == ""
    graph.add(node("a"))
    graph.add_edges("a -> b")
    assert graph.clear() == "forgot 1 node and 2 edges"
    assert (graph.nodes, graph.statements, graph.schema.keys) == ({}, (), ())


# -- in cells ----------------------------------------------------------------------------------------------------------


def test_a_cell_run_again_replaces_what_it_declared() -> None:
    graph = Graph("g")
    with cell(graph, "one", 1):
        graph.add(node("a"))
        graph.add_edges("a -> b")
    with cell(graph, "one", 2) as said:
        graph.add(node("a"))
        graph.add_edges("a -> c")
    assert pairs(graph)[0] == "a->c"
    assert len(graph.statements) == 1
    assert said == []


def test_edges_of_a_cell_run_again_keep_their_place() -> None:
    graph = Graph("g")
    for execution, (id, text) in enumerate([("x", "a -> b"), ("y", "b -> c"), ("x", "a -> d")]):
        with cell(graph, id, execution):
            graph.add_edges(text)
    assert pairs(graph)[:2] == ["a->d", "b->c"]


def test_what_a_cell_no_longer_declares_is_forgotten() -> None:
    graph = Graph("g")
    with cell(graph, "one", 1):
        graph.add(node("a"))
        graph.add(node("b"))
        graph.add_edges("a -> b")
        graph.state(type("S", (), {"__annotations__": {"k": int}}))
    with cell(graph, "one", 2) as said:
        graph.add(node("a"))
    assert said == ["b is no longer declared"]
    assert (list(graph.nodes), graph.statements, graph.schema.keys) == (["a"], (), ())


def test_a_rename_says_how_many_edges_still_say_the_old_name() -> None:
    graph = Graph("g")
    graph.add_edges("START -> draft -> END")
    with cell(graph, "one", 1):
        graph.add(node("draft"))
    with cell(graph, "one", 2) as said:
        graph.add(node("writer"))
    assert said == ["renamed draft to writer; 2 edges still say draft"]


def test_one_edge_that_still_says_the_old_name_is_told_in_the_singular() -> None:
    graph = Graph("g")
    graph.add_edges("draft -> END; START -> x")
    with cell(graph, "one", 1):
        graph.add(node("draft"))
    with cell(graph, "one", 2) as said:
        graph.add(node("writer"))
    assert said == ["renamed draft to writer; 1 edge still says draft"]


def test_a_second_cell_that_declares_a_name_wins_and_names_both_cells() -> None:
    graph = Graph("g")
    with cell(graph, "one", 1):
        graph.add(node("a"))
    with cell(graph, "two", 2):
        second = node("a")
        assert graph.add(second) == ("a is declared in cell [1] and in cell [2]; cell [2] counts now.",)
    assert graph.nodes["a"] is second
    assert graph.duplicates["a"].earlier.label == "cell [1]"


def test_a_duplicate_is_settled_when_the_first_cell_no_longer_declares_it() -> None:
    graph = Graph("g")
    with cell(graph, "one", 1):
        graph.add(node("a"))
    with cell(graph, "two", 2):
        graph.add(node("a"))
    with cell(graph, "one", 3):
        graph.add(node("b"))
    assert graph.duplicates == {}
    assert set(graph.nodes) == {"a", "b"}


def test_a_duplicate_is_settled_when_the_second_cell_no_longer_declares_it() -> None:
    graph = Graph("g")
    with cell(graph, "one", 1):
        graph.add(node("a"))
    with cell(graph, "two", 2):
        graph.add(node("a"))
    with cell(graph, "two", 3):
        graph.add(node("b"))
    assert graph.duplicates == {}


def test_a_duplicate_is_settled_when_the_node_is_dropped() -> None:
    graph = Graph("g")
    for execution in (1, 2):
        with cell(graph, str(execution), execution):
            graph.add(node("a"))
    graph.drop("a")
    assert graph.duplicates == {}


def test_without_cell_ids_edges_replace_those_from_the_same_sources() -> None:
    graph = Graph("g")
    for execution, text in enumerate(["a -> b; b -> c", "x -> y", "a -> d"]):
        with cell(graph, "", execution):
            graph.add_edges(text)
    assert sorted(map(str, graph.statements)) == ["a -> d", "b -> c", "x -> y"]


def test_two_edge_calls_in_one_cell_add_up() -> None:
    graph = Graph("g")
    for execution in (1, 2):
        with cell(graph, "one", execution):
            graph.add_edges("a -> b")
            graph.add_edges("b -> c")
        assert list(map(str, graph.statements)) == ["a -> b", "b -> c"]


def test_a_cell_without_an_id_keeps_its_edges_from_a_cell_with_one() -> None:
    graph = Graph("g")
    with cell(graph, "", 1):
        graph.add_edges("a -> b")
    with cell(graph, "one", 2):
        graph.add_edges("a -> c")
    assert len(graph.statements) == 2


def test_places_name_cell_and_line() -> None:
    graph = Graph("g")
    graph.add_edges("a -> b")
    with cell(graph, "one", 4):
        graph.add_edges("\nb -> c")
    assert graph.places() == ("edges, line 1", "cell [4], line 2")


# -- as data for a picture ---------------------------------------------------------------------------------------------


def test_an_outline_holds_nodes_edges_and_what_is_not_written_yet() -> None:
    graph = Graph("g")
    graph.add(node("a", reads=(Read("topic", True), Read("tone", False)), writes=Writes(("text",), True), code="def a"))
    graph.add_edges("START -> a -> b; b -> a if n < 2 max 3; b -> END else")
    outline = graph.outlined(("a note",))
    assert [(drawn.name, drawn.kind, drawn.defined) for drawn in outline.nodes] == [
        (START, "start", True),
        ("a", "function", True),
        ("b", "function", False),
        (END, "end", True),
    ]
    assert [edge.label for edge in outline.edges] == ["", "", "if n < 2 max 3", "else"]
    assert (outline.undefined, outline.notes) == (1, ("a note",))
    assert (outline.nodes[1].signature, outline.nodes[1].code) == ("a(topic, [tone]) -> text", "def a")


def test_start_and_end_are_drawn_only_where_an_edge_names_them() -> None:
    graph = Graph("g")
    graph.add_edges("a -> b; b -> a")
    assert [drawn.name for drawn in graph.outlined().nodes] == ["a", "b"]


def test_a_signature_says_where_more_may_be_written() -> None:
    assert node("a").signature == "a() -> ?"
    assert node("a", writes=Writes((), True)).signature == "a()"


def test_a_guards_label_is_as_written() -> None:
    graph = Graph("g")
    (statement,) = graph.add_edges("a -> b, c by next max 2")
    assert format_guard(statement.guard, statement.limit) == "by next max 2"
