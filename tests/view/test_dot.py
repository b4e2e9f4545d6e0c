import itertools
from xml.etree.ElementTree import fromstring

import pytest

from nbgraph.core.outline import Outline, OutlineEdge, OutlineNode
from nbgraph.view import dot
from nbgraph.view.dot import draw, label, lay_out
from nbgraph.view.svg import ATTRIBUTES, ELEMENTS, by_id
from tests.view.stories import ESSAY, HOSTILE

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
    assert why in lay_out("digraph {}")[1]


def test_a_layout_that_does_not_end_is_given_up(monkeypatch, tmp_path):
    endless = tmp_path / "dot"
    endless.write_text("#!/bin/sh\nexec sleep 60\n")
    endless.chmod(0o755)
    monkeypatch.setattr(dot, "SECONDS", 0.1)
    monkeypatch.setattr(dot, "find_executable", lambda: str(endless))
    assert "did not finish" in lay_out("digraph { endless }")[1]


def test_the_program_in_the_wheel_is_found_without_a_path(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert dot.find_executable().endswith("graphviz-pure")


def test_a_graph_without_nodes_is_drawn(engine):
    assert fromstring(draw(Outline("empty", (), ())).svg).tag == f"{NAMESPACE}svg"
