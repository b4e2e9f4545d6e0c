"""How much a saved notebook grows by a run of 100 steps, without and with the state of its widgets."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from jupyterlab_page import NotebookPage
from stories import LOAD

from nbgraph.view.graph_widget import GraphWidget

pytestmark = pytest.mark.slow

LIMIT = 100_000
WITH_STATE = 150_000  # by that setting, which is off unless asked for; and a copy of the script beside
STATE = "application/vnd.jupyter.widget-state+json"
TOGGLE = "@jupyter-widgets/jupyterlab-manager:saveWidgetState"
EDGES = """
%%edges
START -> draft -> review
review -> draft if round < 49 max 60
review -> gate else
gate -> publish -> END
"""
DRAFT = """
%%node
def draft(topic, round: int = 0):
    return {"text": f"Draft {round} about {topic}, at some length. " * 4, "round": round + 1}
"""
NODES = [
    DRAFT,
    "%%node\ndef review(text):\n    return {'score': len(text) % 7, 'feedback': 'A little more of everything. ' * 5}",
    "%%human gate\nShall **{{ text }}** be published?",
    "%%node\ndef publish(text):\n    return {'page': text.upper()}",
]
CELLS = [LOAD, "%graph new essay", EDGES, *NODES, "run = essay.run(topic='bees')"]
RUN = len(CELLS) - 1


@pytest.fixture
def saves_state(lab: NotebookPage) -> Iterator[NotebookPage]:
    """With the setting "Save Widget State Automatically"."""
    lab.write("settings.ipynb", "")
    lab.open("settings.ipynb")
    lab.command(TOGGLE)
    yield lab
    lab.command(TOGGLE)


def grown(lab: NotebookPage, name: str) -> tuple[int, bool]:
    """By how many bytes the file grows with the run, and whether the state of widgets is in it."""
    lab.write(name, *CELLS)
    lab.open(name)
    for index in range(RUN):
        lab.run_cell(index)
    lab.node(2, "draft").wait_for()
    lab.save()
    file = lab.folder / name
    before = file.stat().st_size
    lab.run_cell(RUN)
    lab.option(RUN).click()
    lab.wait_for_status(RUN, "done")
    lab.page.wait_for_timeout(500)
    lab.save()
    saved = file.read_text(encoding="utf-8")
    assert "done, 100 steps" in saved
    return file.stat().st_size - before, STATE in json.loads(saved)["metadata"].get("widgets", {})


def test_a_run_of_a_hundred_steps_is_small(lab: NotebookPage) -> None:
    more, with_state = grown(lab, "hundred.ipynb")
    print(f"a run of 100 steps: {more:,} bytes")
    assert not with_state
    assert more < LIMIT


def test_with_the_state_of_its_widgets_it_is_no_more_than_that_its_values_and_a_script(
    saves_state: NotebookPage,
) -> None:
    more, with_state = grown(saves_state, "state.ipynb")
    copy = len(json.dumps(GraphWidget._esm))
    print(f"a run of 100 steps with the state of its widgets: {more:,} bytes, of which the script takes {copy:,}")
    assert with_state
    assert more - copy < WITH_STATE
