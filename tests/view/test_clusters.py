from nbgraph.core.outline import Outline, OutlineNode
from nbgraph.view.clusters import ROOM, marks, own_name, shown
from tests.view.trips import TRIP, edges, node


def ends(outline, what):
    """Each line as it is drawn, by the names of the nodes at its ends."""
    return {
        line.place: (outline.nodes[line.tail].name, outline.nodes[line.head].name, line.tail_of, line.head_of)
        for line in what.lines
    }


def subgraph(inner: int) -> Outline:
    return Outline("big", (node("part", "subgraph"), *(node(f"part/n{i}") for i in range(inner))), ())


def test_small_subgraphs_are_open_and_large_ones_are_closed():
    assert shown(subgraph(ROOM), {}).open == {"part"}
    assert shown(subgraph(ROOM + 1), {}).open == set()
    assert shown(subgraph(ROOM + 1), {}).closed == {"part"}


def test_what_was_chosen_counts():
    assert shown(subgraph(1), {"part": False}).closed == {"part"}
    assert shown(subgraph(99), {"part": True}).open == {"part"}


def test_start_and_end_take_no_room():
    dots = tuple(node(f"part/{name}", name.lower()) for name in ("START", "END"))
    full = subgraph(ROOM)
    assert shown(full._replace(nodes=(*full.nodes, *dots)), {}).open == {"part"}


def test_edges_meet_an_open_subgraph_at_its_start_and_end():
    drawn = ends(TRIP, shown(TRIP, {}))
    assert drawn[1] == ("plan", "research/START", None, None)
    assert drawn[2] == ("research/END", "write", None, None)
    assert drawn[5] == ("research/search", "research/deep/START", None, None)
    assert len(drawn) == len(TRIP.edges)


def test_of_a_closed_subgraph_nothing_is_drawn_but_a_box():
    what = shown(TRIP, {"research": False})
    assert ends(TRIP, what) == {
        0: ("START", "plan", None, None),
        1: ("plan", "research", None, None),
        2: ("research", "write", None, None),
        3: ("write", "END", None, None),
    }
    assert (set(what.members), what.closed) == ({""}, {"research"})


def test_a_subgraph_in_an_open_one_can_be_closed():
    what = shown(TRIP, {"research/deep": False})
    assert (what.open, what.closed) == ({"research"}, {"research/deep"})
    assert ends(TRIP, what)[5] == ("research/search", "research/deep", None, None)
    assert 8 not in ends(TRIP, what)


def test_without_start_and_end_edges_meet_the_border():
    nodes = (node("a"), node("part", "subgraph"), node("b"), node("part/x"), node("part/y"))
    outline = Outline("bare", nodes, edges("a -> part", "part -> b", "part/x -> part/y"))
    drawn = ends(outline, shown(outline, {}))
    assert drawn[0] == ("a", "part/x", None, 1)
    assert drawn[1] == ("part/y", "b", 1, None)


def test_a_subgraph_without_nodes_is_a_node():
    outline = Outline("empty", (node("part", "subgraph"),), ())
    assert (shown(outline, {}).open, shown(outline, {"part": True}).closed) == (set(), set())


def test_names_are_those_within_the_subgraph():
    assert [own_name(each) for each in TRIP.nodes[-3:]] == ["START", "leaf", "END"]
    assert own_name(OutlineNode("a/b", "function", True)) == "a/b"


def test_marks_are_one_short_line():
    assert marks(TRIP.nodes[3]) == "retry 3 · timeout 30 s"
    assert len(marks(node("n", "function", "x" * 99))) == 44
