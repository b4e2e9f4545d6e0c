"""The picture of a graph by mouse and keyboard in JupyterLab: nothing that is pressed there reaches the notebook."""

from __future__ import annotations

from pathlib import Path

import pytest
from jupyterlab_page import NotebookPage
from playwright.sync_api import Locator
from stories import CELLS, LOAD, RUN

pytestmark = pytest.mark.slow

WORK = """
%%node --parallel 1
def work(item: int):
    time.sleep(0.4)
    if item == 2:
        raise ValueError("two")
    return item
"""
MAP = [
    LOAD,
    "%graph new g",
    "%%edges\nSTART -> work each items as item; work -> END",
    WORK,
    "run = g.run(items=[1, 2, 3, 4, 5, 6])",
]
FIVE_HUNDRED = """
%load_ext nbgraph
from nbgraph import Graph
many = Graph("many")
for number in range(500):
    many.node(lambda: None, name=f"n{number}")
    if number:
        many.edges(f"n{(number - 1) // 3} -> n{number}")
"""


def tool(lab: NotebookPage, index: int, name: str) -> Locator:
    return lab.cell(index).locator(".nbgraph-toolbar").get_by_role("button", name=name, exact=True)


def test_keys_walk_the_graph_and_the_notebook_keeps_its_cells(lab: NotebookPage) -> None:
    lab.write("keys.ipynb", *CELLS)
    lab.open("keys.ipynb")
    lab.run_all(wait=False)
    lab.wait_for_state(RUN, "gate", "waiting")
    cells = lab.page.locator(".jp-Notebook .jp-Cell").count()
    lab.node(RUN, "draft").focus()
    for key in ("ArrowRight", "d", "d", "a", "x", "+", "+", "Shift+ArrowRight", "f", "?"):
        lab.page.keyboard.press(key)
    assert lab.page.evaluate("document.activeElement.dataset.node") == "critique"
    assert lab.node(RUN, "publish").get_attribute("class").endswith("nbgraph-faded")  # type: ignore[union-attr]
    lab.cell(RUN).get_by_text("follow an edge on, or back").wait_for()
    lab.picture("keys", RUN)
    for key in ("Escape", "Escape", "0", "Enter"):
        lab.page.keyboard.press(key)
    assert lab.cell(RUN).locator(".nbgraph-picture .nbgraph-selected").get_attribute("data-node") == "critique"
    lab.page.keyboard.press("/")
    lab.page.keyboard.type("dd")
    lab.page.keyboard.press("Escape")
    assert lab.page.locator(".nbgraph-picture:focus-within").count() == 1
    assert lab.page.locator(".jp-Notebook .jp-Cell").count() == cells
    assert lab.errors == []


def test_the_picture_is_turned_and_exported(lab: NotebookPage, tmp_path: Path) -> None:
    lab.write("export.ipynb", *CELLS[:4])
    lab.open("export.ipynb")
    for index in range(4):
        lab.run_cell(index)
    tool(lab, 2, "Top down").click()
    tool(lab, 2, "Left to right").wait_for()
    tool(lab, 2, "Export").click()
    files = {}
    for name in ("SVG", "PNG", "DOT", "Mermaid"):
        with lab.page.expect_download() as expected:
            lab.cell(2).locator(".nbgraph-export").get_by_role("button", name=name, exact=True).click()
        files[name] = tmp_path / expected.value.suggested_filename
        expected.value.save_as(files[name])
    assert [file.name for file in files.values()] == ["essay.svg", "essay.png", "essay.dot", "essay.mmd"]
    assert "var(" not in files["SVG"].read_text()
    assert files["PNG"].read_bytes().startswith(b"\x89PNG")
    assert "rankdir=TB" in files["DOT"].read_text()
    assert files["Mermaid"].read_text().startswith("flowchart TB\n")
    assert lab.foreign == []
    assert lab.errors == []


def test_a_map_tells_on_its_node_how_many_items_have_ended(lab: NotebookPage) -> None:
    lab.write("map.ipynb", *MAP)
    lab.open("map.ipynb")
    lab.run_all(wait=False)
    note = lab.node(4, "work").locator(".nbgraph-note")
    note.get_by_text("3/6, 1 failed").wait_for(state="attached")
    lab.picture("map", 4)
    lab.wait_for_state(4, "work", "failed")
    note.get_by_text("5/6, 1 failed").wait_for(state="attached")


def test_among_five_hundred_nodes_one_is_found_and_shown_with_its_neighbours(lab: NotebookPage) -> None:
    lab.write("many.ipynb", FIVE_HUNDRED, "%graph use many\n", "%graph show")
    lab.open("many.ipynb")
    for index in range(3):
        lab.run_cell(index)
    lab.node(2, "n0").wait_for()
    lab.node(2, "n0").focus()
    lab.page.keyboard.press("/")
    lab.page.keyboard.type("n361")
    lab.page.keyboard.press("Enter")
    lab.page.keyboard.press("ArrowDown")
    assert lab.page.evaluate("document.activeElement.dataset.node") == "n361"
    lab.page.keyboard.press("f")
    clear = lab.cell(2).locator(".nbgraph-node:not(.nbgraph-faded)")
    assert clear.evaluate_all("all => all.map(each => each.dataset.node)") == ["n120", "n361"]
    lab.picture("five hundred", 2)
    assert lab.errors == []
