"""A graph of a thousand nodes in JupyterLab."""

from __future__ import annotations

import pytest
from jupyterlab_page import NotebookPage

pytestmark = pytest.mark.slow

DECLARE = """
%load_ext nbgraph
from nbgraph import Graph
many = Graph("many")
for number in range(1000):
    many.node(lambda: None, name=f"n{number}")
many.edges(" -> ".join(["START", *(f"n{number}" for number in range(1000)), "END"]))
"""


def test_it_is_drawn_runs_and_lights_up_to_its_end(lab: NotebookPage) -> None:
    lab.write("many.ipynb", DECLARE, "run = many.run(limit=2000)")
    lab.open("many.ipynb")
    lab.run_cell(0)
    lab.run_cell(1)
    lab.wait_for_status(1, "done")
    lab.wait_for_state(1, "n999", "done")
    lab.node(1, "n999").scroll_into_view_if_needed()
    assert lab.node(1, "n999").is_visible()
    assert lab.cell(1).locator(".nbgraph-picture").bounding_box()["height"] < 1000
    lab.picture("a thousand nodes")
