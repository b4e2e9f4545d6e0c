"""The notebook of agents: short sections, no model named in a cell, and the same cells by cassette and by endpoint."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from nbgraph.testing import ScriptedModel
from tests import record_agents_notebook as recording
from tests.record_agents_notebook import CASSETTE, FOLDER, GIVEN, NOTEBOOK, TAKES, Take, run

SECTIONS = (
    "Research agent",
    "Coding agent",
    "Supervisor",
    "Handoff",
    "Evaluator-optimizer",
    "Approval of a tool",
    "Cost and budget",
    "A changed prompt",
)
CODE_LINES, PROMPT_LINES = 25, 14
PROMPT = re.compile(r"%%(agent|human) ")

CELLS: list[dict[str, Any]] = json.loads((FOLDER / NOTEBOOK).read_text(encoding="utf-8"))["cells"]


def sections(kind: str) -> dict[str, list[str]]:
    """The cells of a kind below each heading."""
    found: dict[str, list[str]] = {}
    heading = ""
    for cell in CELLS:
        source = "".join(cell["source"])
        if source.startswith("## "):
            heading = source.splitlines()[0].removeprefix("## ")
        if cell["cell_type"] == kind:
            found.setdefault(heading, []).append(source)
    return found


TOLD, CODE = sections("markdown"), sections("code")


def lines(cell: str) -> int:
    return sum(bool(line.strip()) and not line.startswith("#") for line in cell.splitlines())


# What it holds


def test_every_section_is_there_in_this_order_and_the_beginning_leads_to_it() -> None:
    assert list(CODE) == ["Which model", *SECTIONS]
    for section in SECTIONS:
        assert f"](#{section.replace(' ', '-')})" in TOLD[""][0]


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_is_short(section: str) -> None:
    prompts = [cell for cell in CODE[section] if PROMPT.match(cell)]
    code = [cell for cell in CODE[section] if not PROMPT.match(cell)]
    assert sum(map(lines, code)) + len(prompts) <= CODE_LINES
    assert sum(lines(cell) - 1 for cell in prompts) <= PROMPT_LINES
    assert len(TOLD[section]) == 1
    assert "*Try:*" in TOLD[section][0]


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_begins_a_graph_draws_it_runs_it_and_ends_with_what_is_checked(section: str) -> None:
    cells = CODE[section]
    name = cells[0].removeprefix("%graph new ")
    assert cells[1].startswith("%%edges\n")
    assert any(cell.startswith("%%agent ") for cell in cells)
    assert any(f" = {name}.run(" in cell for cell in cells)
    assert cells[-1].startswith("# NBVAL_CHECK_OUTPUT\n")


@pytest.mark.parametrize(
    ("section", "surface"),
    [
        ("Research agent", "--tools search,read"),
        ("Research agent", "summarise -> research if gap max 2"),
        ("Coding agent", 'review -> coder if review == "revise"'),
        ("Coding agent", "--history messages"),
        ("Coding agent", "%%human review"),
        ("Supervisor", "lead -> route, meals, safety, letter by next"),
        ("Supervisor", "Literal["),
        ("Handoff", "--handoffs workshop"),
        ("Handoff", "run(after="),
        ("Evaluator-optimizer", "judge -> write if score < 8 max 3"),
        ("Approval of a tool", "--approve delete"),
        ("Cost and budget", "budget="),
        ("Cost and budget", ".usage"),
    ],
)
def test_a_section_shows_what_it_is_about(section: str, surface: str) -> None:
    assert surface in "\n".join(CODE[section])


def test_no_cell_says_which_model_is_called() -> None:
    code = "\n".join(cell for section in CODE.values() for cell in section)
    for word in ("--model", "model=", "base_url", "api_key", "environ", "%env", "%config", "NBGRAPH_", "ScriptedModel"):
        assert word not in code
    assert re.findall(r"configure\(.*\)", code) == [f'configure(cassette="{CASSETTE}")']


def test_it_says_that_the_answers_were_written_and_how_to_have_others() -> None:
    (told,) = TOLD["Which model"]
    for word in ("written for this lesson", "OPENAI_API_KEY", "OPENAI_BASE_URL", "NBGRAPH_MODEL"):
        assert word in told
    assert {"off", "record"} <= {*re.findall(r"NBGRAPH_CASSETTE=(\w+)", told), *re.findall(r"place of `(\w+)`", told)}


def test_the_notes_that_the_text_tells_to_write_are_those_on_the_cassette() -> None:
    notes = [answer["note"] for answers in GIVEN.values() for answer in answers if "note" in answer]
    assert len(notes) == 2
    told = "\n".join(cell for section in TOLD.values() for cell in section)
    for note in notes:
        assert f"`{note}`" in told
        assert note in (FOLDER / CASSETTE).read_text(encoding="utf-8")


def test_nothing_on_the_cassette_is_of_the_machine_that_recorded_it() -> None:
    text = (FOLDER / CASSETTE).read_text(encoding="utf-8")
    for word in ("127.0.0.1", "localhost", "scripted", str(FOLDER.parent), str(Path.home())):
        assert word not in text


# What it does


@pytest.mark.slow
def test_the_cassette_is_what_the_command_records(tmp_path: Path) -> None:
    made = recording.record(tmp_path).read_text(encoding="utf-8")
    kept = (FOLDER / CASSETTE).read_text(encoding="utf-8")
    assert made == kept, "run `python -m tests.record_agents_notebook` after a change of the notebook's prompts"


@pytest.mark.slow
def test_the_same_cells_call_an_endpoint_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lesson = [take for take in TAKES if not take.answers or take.answers is GIVEN]
    replies = [reply for take in lesson for reply in take.replies]
    key = "a-key-of-ones-own-1"
    with ScriptedModel([*replies[:-1], "Many happy returns, dear uncle!"], key=key) as model:
        environment(monkeypatch, NBGRAPH_CASSETTE="off", OPENAI_BASE_URL=model.url, OPENAI_API_KEY=key)
        monkeypatch.setenv("NBGRAPH_MODEL", "a-model-of-ones-own")
        monkeypatch.setenv("NBGRAPH_ANSWERS", str(FOLDER / "answers" / "03_agents.json"))
        shown = run(recording.cells_of(), tmp_path)  # in a folder without a cassette
    assert len(model.requests) == len(replies)
    assert {request["model"] for request in model.requests} == {"a-model-of-ones-own"}
    assert list(tmp_path.iterdir()) == []
    cells = dict(zip(recording.cells_of(), shown, strict=True))
    checked = {cell: text for cell, text in cells.items() if cell.startswith("# NBVAL_CHECK_OUTPUT")}
    assert len(checked) == len(SECTIONS) + 1
    stored = {"".join(cell["source"]): recording.text_of(cell["outputs"]) for cell in CELLS if "outputs" in cell}
    *same, card = checked
    assert {cell: checked[cell] for cell in same} == {cell: stored[cell] for cell in same}
    assert checked[card].splitlines()[1] == "Many happy returns, dear uncle!"


@pytest.mark.slow
def test_whichever_buttons_are_pressed_the_cassette_goes_on_and_no_endpoint_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / CASSETTE).write_bytes((FOLDER / CASSETTE).read_bytes())
    buttons = [take for take in TAKES if take.answers] + [Take("coding", (), {"review": [{"answer": "reject"}]})]
    with ScriptedModel([]) as model:
        environment(monkeypatch, OPENAI_BASE_URL=model.url, OPENAI_API_KEY="sk-1234567890")
        shown = run([cell for take in buttons for cell in recording.cells_with(take)], tmp_path)
    assert model.requests == []
    assert "no answer to this request" not in "\n".join(shown)
    assert "\n".join(shown).count(" are left. I deleted ") == 5


@pytest.mark.slow
def test_a_section_needs_no_other_and_without_a_person_it_waits_and_no_cell_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / CASSETTE).write_bytes((FOLDER / CASSETTE).read_bytes())
    environment(monkeypatch)
    names = dict.fromkeys(take.section for take in TAKES)
    shown = run(
        [cell for name in names for cell in ("%reset -f", *recording.cells_of("model", name))],
        tmp_path,
    )
    assert [text for text in shown if text.startswith("Nothing is merged; the run is waiting.")]
    assert [text for text in shown if text.rstrip().endswith("are left. It waits for you.")]


def environment(monkeypatch: pytest.MonkeyPatch, **given: str) -> None:
    """Let a kernel find only this of what says how models are called, and keep its runs in memory."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "NBGRAPH_MODEL", "NBGRAPH_ANSWERS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("NBGRAPH_CASSETTE", "NBGRAPH_CASSETTE_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
