"""The notebook of patterns: every pattern is there, short, drawn, and with a graph of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "02_patterns.ipynb"
PATTERNS = (
    "Sequence",
    "Branch",
    "Loop with exit",
    "Fan-out and join",
    "Map and reduce",
    "Map over a subgraph",
    "First of several",
    "Retry and fallback",
    "Handoff by key",
    "Supervisor",
    "Plan-and-execute",
    "Evaluator-optimizer",
    "Human gate",
    "Question inside a node",
)
CODE_LINES = 25

Section = list[str]


def read() -> tuple[dict[str, Section], dict[str, Section]]:
    """The text cells and the code cells below each heading."""
    told: dict[str, Section] = {}
    code: dict[str, Section] = {}
    heading = ""
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown" and source.startswith("## "):
            heading = source.splitlines()[0].removeprefix("## ")
        (told if cell["cell_type"] == "markdown" else code).setdefault(heading, []).append(source)
    return told, code


TOLD, CODE = read()


def lines_of_code(section: Section) -> int:
    lines = (line.strip() for cell in section for line in cell.splitlines())
    return sum(bool(line) and not line.startswith("#") for line in lines)


def words(sources: Section) -> str:
    return "\n".join(sources)


def test_every_pattern_has_a_section_in_this_order_and_no_other_has_code() -> None:
    assert [heading for heading in CODE if heading] == list(PATTERNS)


def test_the_beginning_leads_to_every_section() -> None:
    for pattern in PATTERNS:
        assert f"](#{pattern.replace(' ', '-')})" in TOLD[""][0]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_section_is_short(pattern: str) -> None:
    assert 10 <= lines_of_code(CODE[pattern]) <= CODE_LINES
    assert len(TOLD[pattern]) == 1
    assert "*Try:*" in TOLD[pattern][0]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_section_begins_a_graph_draws_it_and_runs_it(pattern: str) -> None:
    cells = CODE[pattern]
    begun = [cell.split()[-1] for cell in cells if cell.startswith("%graph new ")]
    assert cells[0].startswith("%graph new ")
    assert sum(cell.startswith("%%edges\n") for cell in cells) == len(begun)
    assert f"= {begun[-1]}.run(" in cells[-2]
    assert cells[-1].startswith("# NBVAL_CHECK_OUTPUT\n")


def test_no_graph_is_begun_twice_and_no_node_has_the_name_of_a_graph() -> None:
    begun = [cell.split()[-1] for section in CODE.values() for cell in section if cell.startswith("%graph new ")]
    nodes = [cell.split("def ")[1].split("(")[0] for section in CODE.values() for cell in section if "def " in cell]
    assert len(begun) == len({*begun}) == len(PATTERNS) + 1  # the subgraph is one more
    assert not {*begun} & {*nodes}


@pytest.mark.parametrize(
    ("pattern", "surface"),
    [
        ("Loop with exit", " max "),
        ("Map and reduce", " each "),
        ("Map over a subgraph", " -> label each "),
        ("First of several", "%%node --join first"),
        ("Retry and fallback", "%%node --retry 3"),
        ("Retry and fallback", " on error"),
        ("Handoff by key", "messages: Annotated[list[str], append]"),
        ("Supervisor", " by next"),
        ("Plan-and-execute", " if plan max "),
        ("Evaluator-optimizer", " if score < "),
        ("Human gate", "%%human "),
        ("Question inside a node", "ctx.ask("),
    ],
)
def test_a_pattern_is_written_as_people_write_it(pattern: str, surface: str) -> None:
    assert surface in words(CODE[pattern])
