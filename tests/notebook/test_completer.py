"""completer: Tab offers what fits at the cursor in a declaring cell, and nothing elsewhere."""

from __future__ import annotations

import pytest
from fresh_notebook import Notebook

from nbgraph.executors.threads import Threads
from nbgraph.notebook import options
from nbgraph.notebook.options import ACTIONS

SUBGRAPH_OPTIONS = [option.name for option in options.SUBGRAPH.options]
NODE_OPTIONS = [option.name for option in options.NODE.options]


@pytest.fixture
def essay(notebook: Notebook) -> Notebook:
    notebook.run("%graph new extra")
    notebook.run("%%node\ndef search(question):\n    return {'notes': 1, 'score': 2}")
    notebook.run("%edge START -> search -> END\n%graph use essay")
    notebook.run("class Busy(Exception): ...\nclass Rating: ...")
    notebook.variables["pool"] = Threads()
    notebook.run("%%node\ndef draft(topic, tone=''):\n    return {'text': topic}")
    notebook.run("%%edges\nSTART -> draft -> gate\ngate -> END")
    return notebook


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("%%node --|", NODE_OPTIONS),
        ("%%node |", NODE_OPTIONS),
        ("%node --w|", ["--writes"]),
        ("%%node --writes text --|", sorted({*NODE_OPTIONS} - {"--writes"})),
        ("%%node --retry-on=OSError --retry|", ["--retry"]),
        ("%%node --cache |", sorted({*NODE_OPTIONS} - {"--cache"})),
        ("%%node --cache --v|", ["--version"]),
        ("%%node --join |", ["all", "any", "first"]),
        ("%%node --join=a|", ["all", "any"]),
        ("%node --on |", ["thread", "process", "pool"]),
        ("%%node --retry-on T|", ["TimeoutError"]),
        ("%%node --retry-on TimeoutError,B|", ["Busy"]),
        ("%%node --retry-on TimeoutError, B|", ["Busy"]),
        ("%%human gate --form |", ["str", "int", "float", "bool", "Rating", "Busy"]),
        ("%%human gate --form R|", ["Rating"]),
        ("%subgraph |", ["extra"]),
        ("x = 1\n%subgraph e|", ["extra"]),
        ("%subgraph extra --|", SUBGRAPH_OPTIONS),
        ("%subgraph extra --reads |", ["question"]),
        ("%subgraph extra --reads question=to|", ["tone", "topic"]),
        ("%subgraph extra --reads question=tone,|", []),
        ("%subgraph extra --writes |", ["notes", "score", "text", "topic", "tone"]),
        ("%subgraph extra --writes notes,t|", ["text", "topic", "tone"]),
        ("%subgraph extra --writes text=notes,|", ["notes", "score", "topic", "tone"]),
        ("%subgraph extra --writes=text=n|", ["notes"]),
        ("%%node --writes t|", ["text", "topic", "tone"]),
        ("%%node --writes text,t|", ["topic", "tone"]),
        ("%%node --graph e|", ["essay", "extra"]),
        ("%%human g|", ["gate"]),
        ("%%human gate --s|", ["--show"]),
        ("%%human gate --show te|", ["text"]),
        ("%%human gate --edit topic,te|", ["text"]),
        ("%%human gate\nSend {{ te|", ["text"]),
        ("%%state --g|", ["--graph"]),
        ("%graph |", [action.name for action in ACTIONS]),
        ("%graph runs |", ["essay", "extra", "all"]),
        ("%graph runs --s|", ["--status"]),
        ("%graph runs all --status waiting,fa|", ["failed"]),
        ("%graph prune --|", ["--keep", "--older-than", "--dry-run"]),
        ("%graph prune --keep 3 --o|", ["--older-than"]),
        ("%graph approvals a|", ["all"]),
        ("%%human gate --timeout 24h=r|", ["reject"]),
        ("%%human gate --options yes,no --timeout 24h=|", ["yes", "no"]),
        ("%graph f|", ["forget"]),
        ("%graph c|", ["check"]),
        ("%graph use ex|", ["extra"]),
        ("%graph drop d|", ["draft"]),
        ("%%edges\nSTART -> dr|", ["draft"]),
        ("%%edges\nSTART -> draft\ng|", ["gate"]),
        ("%%edges\ndraft -> gate, E|", ["END"]),
        ("%%edges\ndraft -> ex|", ["extra"]),
        ("%%edges --graph extra\nsearch -> es|", ["essay"]),
        ("%%edges\ndraft -> es|", []),
        ("%%edges\ndraft -> gate al|", ["always"]),
        ("%%edges\ndraft -> gate o|", ["on error"]),
        ("%%edges\ndraft -> gate, draft o|", ["on error"]),
        ("%%edges\ndraft -> gate on |", ["error"]),
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
        "%%node --retry |",
        "%%node --timeout 3|",
        "%%node --cache 5|",
        "%subgraph nowhere --reads |",
        "%subgraph extra --name e|",
        "%subgraph extra dr|",
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
