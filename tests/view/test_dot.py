import itertools
from xml.etree.ElementTree import fromstring

import pytest

from nbgraph.core.outline import Outline, OutlineEdge, OutlineNode
from nbgraph.view import dot
from nbgraph.view.dot import draw, label
from nbgraph.view.svg import ATTRIBUTES, ELEMENTS, by_id
from tests.view.stories import ESSAY, HOSTILE
from tests.view.trips import TRIP, edges, node

NAMESPACE = "{http://www.w3.org/2000/svg}"


def pair(first: str, second: str, guard: str = "") -> Outline:
    nodes = (OutlineNode(first, "function", True), OutlineNode(second, "function", True))
    return Outline("pair", nodes, (OutlineEdge(first, second, "if" if guard else "plain", guard),))


def texts(svg: str) -> list[str]:
    return ["".join(element.itertext()) for element in fromstring(svg).iter(f"{NAMESPACE}text")]


@pytest.fixture(params=["dot on PATH", "graphviz-pure", "no layout"])
def engine(request, monkeypatch):
    bundled = dot._bundled()
    found = {"dot on PATH": dot.shutil.which("dot") or bundled, "graphviz-pure": bundled, "no layout": None}
    monkeypatch.setattr(dot, "find_executable", lambda: found[request.param])


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_and_guards_are_drawn_as_text(engine, text):
    drawing = draw(pair(text, "other", text))
    shown = texts(drawing.svg)
    assert drawing.names == (text, "other")
    seen = " ".join(text.replace("\x00", " ").replace("\x1b", " ").split())
    assert len([one for one in shown if one.startswith(seen[:20])]) == 2


@pytest.mark.parametrize("text", HOSTILE)
def test_a_picture_holds_allowed_elements_and_attributes_only(engine, text):
    for element in fromstring(draw(pair(text, text + "2", text)).svg).iter():
        assert element.tag.removeprefix(NAMESPACE) in ELEMENTS
        assert set(element.attrib) <= ATTRIBUTES | {"id", "class"}


def test_ids_are_positions_in_the_outline(engine):
    groups = by_id(fromstring(draw(ESSAY).svg))
    assert set(groups) == {f"n{i}" for i in range(len(ESSAY.nodes))} | {f"e{i}" for i in range(len(ESSAY.edges))}


def test_kinds_and_undefined_nodes_are_classes(engine):
    groups = by_id(fromstring(draw(ESSAY).svg))
    assert groups["n3"].get("class") == "nbgraph-node nbgraph-human"
    assert groups["n4"].get("class") == "nbgraph-node nbgraph-function nbgraph-undefined"
    assert groups["e3"].get("class") == "nbgraph-edge nbgraph-else"


def test_undefined_nodes_are_dashed_and_human_nodes_have_another_shape():
    text = draw(ESSAY).dot
    assert 'n4 [label=publish id=n4 style="rounded,dashed"]' in text
    assert "shape=octagon" in text


def test_no_colour_is_fixed(engine):
    svg = draw(ESSAY).svg
    assert "fill=" not in svg
    assert "stroke=" not in svg
    assert "style=" not in svg


def test_a_label_that_is_padded_is_still_no_html():
    assert dot.graphviz.quoting.quote(label("<b>" + "x" * 30 + "</b>", 22)).startswith('"')
    assert len(label("x" * 100)) == dot.LABEL


def test_the_same_graph_is_laid_out_once(monkeypatch):
    calls = []
    real = dot.subprocess.run
    monkeypatch.setattr(dot.subprocess, "run", lambda *args, **kinds: calls.append(1) or real(*args, **kinds))
    graph = pair("laid", "out_once")
    assert draw(graph) == draw(graph)
    assert len(calls) == 1


def test_a_wide_graph_runs_from_top_to_bottom():
    nodes = tuple(OutlineNode(f"a_rather_long_name_{i}", "function", True) for i in range(9))
    edges = tuple(OutlineEdge(a.name, b.name, "plain", "") for a, b in itertools.pairwise(nodes))
    assert "rankdir=TB" in draw(Outline("tall", nodes, edges)).dot
    assert "rankdir=LR" in draw(pair("a", "b")).dot


def test_without_graphviz_the_picture_is_a_list_that_says_why(monkeypatch):
    monkeypatch.setattr(dot, "find_executable", lambda: None)
    shown = texts(draw(ESSAY).svg)
    assert shown[0].startswith("Shown as a list: Graphviz was not found")
    assert "→ gate" in shown
    assert "else" in shown


@pytest.mark.parametrize(("program", "why"), [("/bin/false", "failed"), ("/nowhere/dot", "could not be started")])
def test_a_layout_that_fails_is_told_in_a_sentence(monkeypatch, program, why):
    monkeypatch.setattr(dot, "find_executable", lambda: program)
    assert why in texts(draw(ESSAY).svg)[0]


def test_a_layout_that_does_not_end_is_given_up(monkeypatch, tmp_path):
    endless = tmp_path / "dot"
    endless.write_text("#!/bin/sh\nexec sleep 60\n")
    endless.chmod(0o755)
    monkeypatch.setattr(dot, "SECONDS", 0.1)
    monkeypatch.setattr(dot, "find_executable", lambda: str(endless))
    assert "did not finish" in texts(draw(ESSAY).svg)[0]


def test_the_program_in_the_wheel_is_found_without_a_path(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert dot.find_executable().endswith("graphviz-pure")


def test_a_graph_without_nodes_is_drawn(engine):
    assert fromstring(draw(Outline("empty", (), ())).svg).tag == f"{NAMESPACE}svg"


def test_an_open_subgraph_is_a_cluster_with_its_nodes_in_it(engine):
    groups = by_id(fromstring(draw(TRIP).svg))
    assert {f"n{index}" for index in range(len(TRIP.nodes))} <= set(groups)
    assert {f"e{index}" for index in range(len(TRIP.edges))} <= set(groups)
    assert {name for name in groups if name[0] == "c"} == {"c2", "c7"}
    assert (draw(TRIP).open, draw(TRIP).closed) == ({"research", "research/deep"}, set())


def test_a_closed_subgraph_is_a_box_that_hides_its_nodes(engine):
    drawing = draw(TRIP, {"research": False})
    groups = by_id(fromstring(drawing.svg))
    assert set(groups) == {"n0", "n1", "n2", "n3", "n4", "c2", "e0", "e1", "e2", "e3"}
    assert drawing.closed == {"research"}


def test_open_and_closed_subgraphs_look_different():
    opened, closed = (by_id(fromstring(draw(TRIP, {"research": told}).svg)) for told in (True, False))
    assert opened["n2"].get("class") == "nbgraph-node nbgraph-subgraph nbgraph-open"
    assert closed["n2"].get("class") == "nbgraph-node nbgraph-subgraph nbgraph-closed"
    assert len(closed["n2"].findall(f"{NAMESPACE}path")) == 2
    assert texts(draw(TRIP).svg).count("research4 at once") == 1


def test_nodes_of_a_subgraph_are_written_by_their_own_names(engine, request):
    shown = texts(draw(TRIP).svg)
    path = "research/" if "no layout" in request.node.name else ""
    assert f"{path}search" in shown


def test_marks_stand_below_the_name():
    group = by_id(fromstring(draw(TRIP).svg))["n3"]
    name, marks = group.findall(f"{NAMESPACE}text")[:2]
    assert ("".join(name.itertext()), marks.text) == ("write", "retry 3 · timeout 30 s")
    assert float(name.get("y")) < float(marks.get("y"))


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("opened", [True, False])
def test_hostile_subgraphs_are_drawn_as_text(engine, text, opened):
    inner = OutlineNode(f"{text}/{text}", "function", True, cluster=text, marks=(text,))
    outline = Outline("hostile", (OutlineNode(text, "subgraph", True, marks=(text,)), inner), ())
    for element in fromstring(draw(outline, {text: opened}).svg).iter():
        assert element.tag.removeprefix(NAMESPACE) in ELEMENTS
        assert set(element.attrib) <= ATTRIBUTES | {"id", "class"}
        assert element.get("id", "n0") in {"n0", "n1", "c0"}


def test_every_name_is_escaped_in_the_text_that_is_laid_out():
    text = '<b>"quoted"</b>'
    inner = OutlineNode(f"{text}/x", "function", True, cluster=text)
    dot_text = draw(Outline("hostile", (OutlineNode(text, "subgraph", True), inner), ())).dot
    assert "label=<" not in dot_text
    assert '\\"quoted\\"' in dot_text


def layers(wide: int, deep: int) -> Outline:
    names = [[f"n{row}_{column}" for column in range(wide)] for row in range(deep)]
    pairs = [f"{a} -> {b}" for above, below in itertools.pairwise(names) for a, b in zip(above, below, strict=True)]
    return Outline("layers", tuple(node(name) for row in names for name in row), edges(*pairs))


def test_many_nodes_are_laid_out_once_and_become_a_tall_picture(monkeypatch):
    calls = []
    real = dot.subprocess.run
    monkeypatch.setattr(dot.subprocess, "run", lambda *args, **kinds: calls.append(1) or real(*args, **kinds))
    assert "rankdir=TB" in draw(layers(1, 100)).dot
    assert "rankdir=LR" in draw(layers(100, 2)).dot
    assert len(calls) == 2


@pytest.mark.slow
def test_a_thousand_nodes_are_drawn(monkeypatch):
    monkeypatch.setattr(dot, "SECONDS", 60)
    drawing = draw(layers(20, 50))
    assert "mclimit=0.05" in drawing.dot
    assert len(by_id(fromstring(drawing.svg))) == 1000 + 49 * 20


def test_many_nodes_that_take_too_long_become_a_list(monkeypatch, tmp_path):
    endless = tmp_path / "dot"
    endless.write_text("#!/bin/sh\nexec sleep 60\n")
    endless.chmod(0o755)
    monkeypatch.setattr(dot, "SECONDS", 0.1)
    monkeypatch.setattr(dot, "find_executable", lambda: str(endless))
    shown = texts(draw(layers(10, 100)).svg)
    assert shown[0] == "Shown as a list: Graphviz did not finish within 0.1 seconds."
    assert {"n0_0", "→ n1_0", "n99_9"} <= set(shown)
