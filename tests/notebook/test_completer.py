"""completer: Tab offers what fits at the cursor in a declaring cell, and nothing elsewhere."""

from __future__ import annotations

import pytest
from fresh_notebook import Notebook


@pytest.fixture
def essay(notebook: Notebook) -> Notebook:
    notebook.run("%graph new extra\n%graph use essay")
    notebook.run("%%node\ndef draft(topic, tone=''):\n    return {'text': topic}")
    notebook.run("%%edges\nSTART -> draft -> gate\ngate -> END")
    return notebook


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("%%node --|", ["--writes", "--graph"]),
        ("%%node |", ["--writes", "--graph"]),
        ("%node --w|", ["--writes"]),
        ("%%node --writes text --|", ["--graph"]),
        ("%%node --writes t|", ["text", "topic", "tone"]),
        ("%%node --writes text,t|", ["topic", "tone"]),
        ("%%node --graph e|", ["essay", "extra"]),
        ("%%human g|", ["gate"]),
        ("%%human gate --s|", ["--show"]),
        ("%%human gate --show te|", ["text"]),
        ("%%human gate --edit topic,te|", ["text"]),
        ("%%human gate\nSend {{ te|", ["text"]),
        ("%%state --g|", ["--graph"]),
        ("%graph |", ["new", "use", "show", "check", "drop"]),
        ("%graph c|", ["check"]),
        ("%graph use ex|", ["extra"]),
        ("%graph drop d|", ["draft"]),
        ("%%edges\nSTART -> dr|", ["draft"]),
        ("%%edges\nSTART -> draft\ng|", ["gate"]),
        ("%%edges\ndraft -> gate, E|", ["END"]),
        ("%%edges\ndraft -> gate al|", ["always"]),
        ("%%edges\ndraft -> gate if te|", ["text"]),
        ("%%edges\ndraft -> gate if len(te|", ["text"]),
        ("%%edges\ndraft -> gate by te|xt", ["text"]),
        ("%%edges --graph extra\nSTART -> d|", []),
        ("%edge draft -> g|", ["gate"]),
        ("x = 1\n%edge draft -> gate if to|", ["topic", "tone"]),
    ],
)
def test_tab_offers_what_fits(essay: Notebook, cell: str, expected: list[str]) -> None:
    assert sorted(essay.complete(cell)) == sorted(expected)


@pytest.mark.parametrize(
    "cell",
    [
        "dra|",
        "x = 'te|",
        "%%node\ndef critique(te|",
        "%%writefile x\nSTART -> dr|",
        "%%human gate\nSend te|",
        "%%human gate --options a|",
        "%%edges\nSTART -> draft # dr|",
        "%graph new e|",
        "%timeit dr|",
        "|",
    ],
)
def test_tab_offers_nothing_where_ours_does_not_apply(essay: Notebook, cell: str) -> None:
    assert essay.complete(cell) == []


def test_tab_without_a_graph_is_quiet(bare: Notebook) -> None:
    assert bare.complete("%%edges\nSTART -> d|") == []
    assert bare.complete("%%human g|") == []
