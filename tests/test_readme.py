"""What the README says is true: its Python runs, and it names every option and action that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nbgraph.notebook.options import ACTIONS, AGENT, HUMAN, NODE, SUBGRAPH

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
FORMS = (NODE, HUMAN, SUBGRAPH, AGENT)


def test_its_python_runs_from_top_to_bottom(capsys: pytest.CaptureFixture[str]) -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", README, re.DOTALL))
    exec(compile(code, "<README>", "exec", dont_inherit=True), {"__name__": "readme"})
    assert capsys.readouterr().out.strip().isdigit()


@pytest.mark.parametrize("name", sorted({option.name for form in FORMS for option in form.options if option.help}))
def test_every_option_is_in_it(name: str) -> None:
    assert name in README, f"{name} is not in the README"


@pytest.mark.parametrize("action", [action.name for action in ACTIONS])
def test_every_action_of_graph_is_in_it(action: str) -> None:
    assert re.search(rf"%graph [^|]*(\\\|)?.*{action}", README)
