"""%%agent: what its cell declares, which tools it finds, and what Tab offers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from unittest import mock

import pytest
from fresh_notebook import Notebook

from nbgraph.testing import ScriptedModel, calls

GRAPH = "%%edges\nSTART -> ops -> END"


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel([calls("look", what="bees"), "Found."]) as made:
        found = {"OPENAI_BASE_URL": made.url, "OPENAI_API_KEY": "scripted", "NBGRAPH_MODEL": "scripted"}
        with mock.patch.dict(os.environ, found):
            yield made


def test_the_cell_is_the_prompt_and_its_line_says_the_rest(notebook: Notebook, model: ScriptedModel) -> None:
    notebook.run("def look(what: str):\n    'Look something up.'\n    return f'{what} found'")
    said = notebook.run(
        "%%agent ops --tools look --temperature 0.5 --turns 3\nsystem: Be brief.\nuser: Find {{ topic }}"
    )
    assert said.lines == ["ops(topic) -> ops"]
    notebook.run(GRAPH)
    assert notebook.run("print(essay.run(topic='bees').result()['ops'])").text.strip().endswith("Found.")
    assert model.requests[0]["temperature"] == 0.5
    assert [message["role"] for message in model.requests[1]["messages"]] == ["system", "user", "assistant", "tool"]


def test_a_tool_may_be_written_later_and_its_cell_may_run_again(notebook: Notebook, model: ScriptedModel) -> None:
    notebook.run("%%agent ops --tools look\nFind {{ topic }}")
    notebook.run(GRAPH)
    assert "the tool look of ops is not written yet" in notebook.run("%graph check").text
    for word in ("old", "new"):
        notebook.run(f"def look(what: str):\n    return '{word}'")
    assert notebook.run("%graph check").text.strip() == "no problems"
    notebook.run("essay.run(topic='bees').result()")
    assert model.requests[1]["messages"][-1]["content"] == "new"


def test_a_class_of_the_notebook_is_the_form_of_the_answer(notebook: Notebook) -> None:
    notebook.run("from dataclasses import dataclass\n@dataclass\nclass Verdict:\n    good: bool")
    assert notebook.run("%%agent critic --output Verdict --writes verdict\nJudge {{ text }}").lines == [
        "critic(text) -> verdict"
    ]


def test_an_agent_whose_cell_runs_again_is_declared_anew(notebook: Notebook) -> None:
    notebook.run("%%agent writer\nOn {{ topic }}", id="a")
    notebook.run("%%agent writer --writes text\nOn {{ subject }}", id="a")
    assert notebook["essay"].nodes["writer"].signature == "writer(subject) -> text"


def test_help_lists_every_option_with_examples(notebook: Notebook) -> None:
    text = notebook.run("print(get_ipython().find_magic('agent', 'cell').__doc__)").text
    for option in ("--model", "--tools", "--approve", "--output", "--handoffs", "--history", "--turns", "--retry"):
        assert f"    {option}" in text
    assert "%%agent writer" in text


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("%%agent o|", ["ops"]),
        ("%%agent ops --ap|", ["--approve"]),
        ("%%agent ops --tools |", ["essay", "extra", "look"]),
        ("%%agent ops --tools look,e|", ["essay", "extra"]),
        ("%%agent ops --approve l|", ["look"]),
        ("%%agent ops --handoffs |", ["draft"]),
        ("%%agent ops --output R|", ["Rating"]),
        ("%%agent ops --history t|", ["text", "topic"]),
        ("%%agent ops\nWrite about {{ t|", ["text", "topic"]),
    ],
)
def test_tab_offers_what_fits(notebook: Notebook, cell: str, expected: list[str]) -> None:
    notebook.run("%graph new extra\n%graph use essay")
    notebook.run("class Rating: ...\ndef look(what): ...\ndef _hidden(what): ...")
    notebook.run("%%node\ndef draft(topic):\n    return {'text': topic}")
    notebook.run("%%edges\nSTART -> draft -> ops -> END")
    notebook.run("del draft")
    assert notebook.complete(cell) == expected
