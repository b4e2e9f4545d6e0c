"""What axe finds in the dashboard, in each of its states, in light and dark: nothing serious."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from jupyterlab_page import NotebookPage
from playwright.sync_api import Locator, expect
from stories import LOAD

pytestmark = pytest.mark.slow

OURS = [".nbgraph-graph", ".nbgraph-approval", ".nbgraph-record", ".nbgraph-list"]
THEMES = ("JupyterLab Light", "JupyterLab Dark")
TABS = ("Diff", "Input", "Update", "Output", "Code", "Error")
CELLS = [
    LOAD,
    "%graph new essay",
    """
%%edges
START -> draft -> check -> gate
check -> draft if rounds < 2 max 3
check -> gate else
gate -> publish if gate == "approve"
gate -> draft else
publish -> END
""".replace("check -> gate\n", "check\n", 1),
    """
%%node
def draft(topic: str, rounds: int = 0):
    print(f"drafting {topic}")
    return {"text": f"All about {topic}.", "rounds": rounds + 1, "many": {"a": list(range(99))}}
""",
    "%%node\ndef check(text: str):\n    return {'score': len(text)}",
    "%%human gate --show score --edit text,many\nShall **{{ text }}** be published?",
    "%%node\ndef publish(text: str):\n    raise ValueError('no paper')",
    'run = essay.run(topic="bees")',
]
RUN = len(CELLS) - 1


def serious(lab: NotebookPage, shown: str) -> list[str]:
    """What is serious or worse, where it is, and in which state of the dashboard."""
    present = [[each] for each in OURS if lab.page.locator(each).count()]
    found = Axe().run(lab.page, {"include": present}).response["violations"]
    bad = [each for each in found if each["impact"] in ("serious", "critical")]
    return [f"{shown}: {each['id']}: {node['html'][:200]}" for each in bad for node in each["nodes"]]


def themed(lab: NotebookPage, theme: str) -> None:
    change = "theme => jupyterapp.commands.execute('apputils:change-theme', { theme })"
    lab.page.evaluate(change, theme)
    lab.page.wait_for_function("dark => document.body.dataset.jpThemeLight === String(!dark)", arg="Dark" in theme)


def graph(lab: NotebookPage) -> Locator:
    return lab.cell(RUN).locator(".nbgraph-graph")


def told_by_tabs(lab: NotebookPage, node: str, tabs: tuple[str, ...]) -> list[str]:
    lab.node(RUN, node).click()
    expect(graph(lab).locator(".nbgraph-panel")).to_have_attribute("aria-label", f"details of {node}")
    found = []
    for name in tabs:
        tab = graph(lab).get_by_role("tab", name=name)
        if tab.get_attribute("aria-disabled") == "true" or tab.is_disabled():
            continue
        tab.click()
        found += serious(lab, f"{node}, {name}")
    return found


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_serious(lab: NotebookPage, theme: str) -> None:
    lab.write("axe.ipynb", *CELLS)
    lab.open("axe.ipynb")
    themed(lab, theme)
    lab.run_all(wait=False)
    lab.wait_for_state(RUN, "gate", "waiting")
    lab.option(RUN).wait_for()
    found = serious(lab, "waiting") + told_by_tabs(lab, "draft", TABS)
    for name in ("Legend", "Keys", "Export"):
        graph(lab).get_by_role("button", name=name, exact=True).click()
        found += serious(lab, name)
        lab.page.keyboard.press("Escape")
    graph(lab).get_by_role("slider", name="step").fill("2")
    expect(graph(lab).locator(".nbgraph-at-step")).to_contain_text("as it stood")
    graph(lab).locator("details").evaluate_all("all => all.forEach((each) => { each.open = true; })")
    found += serious(lab, "in the past")
    lab.picture(f"past {theme}", RUN)
    graph(lab).get_by_role("button", name="Live").click()
    lab.option(RUN).click()
    lab.wait_for_state(RUN, "publish", "failed")
    found += serious(lab, "failed") + told_by_tabs(lab, "publish", TABS)
    lab.picture(f"failed {theme}", RUN)
    lab.save()
    lab.copy_untrusted("axe.ipynb", "saved.ipynb")
    lab.shut_down()
    lab.load_without_kernel("saved.ipynb")
    themed(lab, theme)
    lab.page.locator(".nbgraph-record").first.wait_for()
    found += serious(lab, "saved")
    assert not found, "\n".join(found)
