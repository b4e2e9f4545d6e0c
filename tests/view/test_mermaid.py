"""Graphs as Mermaid text."""

from __future__ import annotations

import html
import re

import pytest

from nbgraph.core.outline import Outline, OutlineEdge, OutlineNode
from nbgraph.view.mermaid import mermaid, quoted
from tests.view.stories import ESSAY, HOSTILE
from tests.view.trips import TRIP

LINE = re.compile(
    r'\s*(?:n\d+[({\[]+"[^"]*"[)}\]]+|n\d+ (?:-->|==>|-\.->)(?:\|"[^"]*"\|)? n\d+|subgraph n\d+\["[^"]*"\]|end)'
)
CODED = re.compile(r"#(\d+);")


def read(label: str) -> str:
    """A label as Mermaid shows it."""
    assert label[0] == label[-1] == '"'
    return html.unescape(CODED.sub(r"&#\1;", label[1:-1]))


def test_a_graph_is_nodes_of_their_shapes_and_arrows_with_their_guards() -> None:
    assert mermaid(ESSAY).splitlines() == [
        "flowchart LR",
        '  n0(("START"))',
        '  n1("draft")',
        '  n2("review")',
        '  n3{{"gate"}}',
        '  n4("publish")',
        '  n5((("END")))',
        "  n0 --> n1",
        "  n1 --> n2",
        '  n2 -->|"if score #60; 7 max 3"| n1',
        '  n2 -->|"else"| n3',
        '  n3 -->|"if gate == #34;approve#34;"| n4',
        '  n3 -->|"else"| n5',
        "  n4 --> n5",
        "  classDef missing stroke-dasharray:4 3",
        "  class n4 missing",
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_it_is_and_breaks_no_line(text: str) -> None:
    nodes = (OutlineNode(text, "function", True), OutlineNode("end", "function", True))
    lines = mermaid(Outline("g", nodes, (OutlineEdge(text, "end", "if", text),))).splitlines()
    assert lines[0] == "flowchart LR"
    assert [line for line in lines[1:] if not LINE.fullmatch(line)] == []
    assert len(lines) == 4
    seen = " ".join(text.replace("\x00", " ").replace("\x1b", " ").split())
    assert read(lines[1].strip()[3:-1]) == seen
    assert not set("<>&`%{}\\") & set("".join(lines).replace("-->", ""))


@pytest.mark.parametrize(("text", "label"), [("1. one", '"1#46; one"'), ("- one", '"#45; one"'), ("+", '"#43;"')])
def test_what_looks_like_a_list_is_none(text: str, label: str) -> None:
    assert quoted(text) == label


def test_a_name_in_another_script_is_kept() -> None:
    assert quoted("prüfen") == '"prüfen"'


def test_subgraphs_are_drawn_with_and_without_what_is_in_them() -> None:
    opened, closed = mermaid(TRIP, {"research": True}), mermaid(TRIP, {"research": False}, "TB")
    assert 'subgraph n3["research' in opened or "subgraph" in opened
    assert "subgraph" not in closed
    assert '[["research' in closed
    assert closed.startswith("flowchart TB\n")
    for text in (opened, closed):
        assert [line for line in text.splitlines()[1:] if not LINE.fullmatch(line)] == []
