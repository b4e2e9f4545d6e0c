"""A kernel ends while a run waits or works: what is left goes on from the store, and old widgets answer nothing."""

from __future__ import annotations

import re

import pytest
from jupyterlab_page import NotebookPage
from stories import CELLS, RUN

from nbgraph.core.approvals import Approval
from nbgraph.store.sqlite import SqliteStore

pytestmark = pytest.mark.slow

KEPT = "%config NbGraph.store = 'kept.db'"
SLOW = """
%%node
def publish(text: str, gate_note: str = ""):
    note("published")
    time.sleep(60 if not release.exists() else 0)
    return {"page": text.upper()}
"""
RELEASE = "import pathlib\nrelease = pathlib.Path('release.txt')"

# cells 0 to 7 declare, cell 8 runs
DECLARING = [CELLS[0], KEPT, *CELLS[1:RUN]]
STARTS = len(DECLARING)
GATE = 6
UNTIL = re.compile(r"until .*\d\d:\d\d, then reject")
DEADLINE = "%%human gate --show score --edit text --timeout 24h=reject\nShall **{{ text }}** be published?"


def written(lab: NotebookPage, name: str, *more: str) -> None:
    """Open a notebook, run it until the gate waits, and save it."""
    lab.write(name, *DECLARING, CELLS[RUN], *more)
    lab.open(name)
    for index in range(STARTS + 1):
        lab.run_cell(index)
    lab.wait_for_state(STARTS, "gate", "waiting")
    lab.option(STARTS).wait_for()
    lab.page.wait_for_timeout(500)
    lab.save()


def restarted(lab: NotebookPage, declare: bool = True) -> None:
    """End the kernel and start it anew, as the menu does; run the declaring cells again."""
    lab.restart()
    for index in range(STARTS if declare else 0):
        lab.run_cell(index)


def questions(lab: NotebookPage) -> list[Approval]:
    return SqliteStore(lab.folder / "kept.db").approvals()


def test_after_a_restart_the_question_is_answered_and_the_run_goes_on(lab: NotebookPage) -> None:
    written(lab, "restart.ipynb", "%graph approvals", "print(essay.runs()[0].status, essay.runs()[0].steps)")
    restarted(lab)
    lab.run_cell(STARTS + 1)
    lab.option(STARTS + 1).wait_for()
    lab.picture("approvals", STARTS + 1)
    assert "All about bees." in lab.text(STARTS + 1)
    lab.option(STARTS + 1).click()
    lab.cell(STARTS + 1).get_by_text("goes on").wait_for()
    lab.wait_for_status(STARTS + 1, "done")
    lab.picture("gone on", STARTS + 1)
    lab.run_cell(STARTS + 2)
    assert lab.text(STARTS + 2).strip() == "done 4"
    assert (lab.folder / "published.txt").exists()


def test_an_old_widget_of_a_saved_notebook_answers_nothing(lab: NotebookPage) -> None:
    written(lab, "old.ipynb", "%graph approvals")
    restarted(lab, declare=False)
    lab.option(STARTS).click()  # the page still shows it, and nobody hears it
    lab.page.wait_for_timeout(500)
    assert [asked.answer for asked in questions(lab)] == [None]
    lab.reload()
    lab.wait_for_idle()
    lab.page.wait_for_timeout(1000)
    buttons = lab.cell(STARTS).locator("button:visible")
    for index in range(buttons.count()):
        buttons.nth(index).click(force=True)
    lab.page.wait_for_timeout(500)
    lab.picture("old", STARTS)
    assert [asked.answer for asked in questions(lab)] == [None]
    for index in range(STARTS):
        lab.run_cell(index)
    lab.run_cell(STARTS + 1)
    lab.option(STARTS + 1).click()
    lab.wait_for_status(STARTS + 1, "done")
    (asked,) = questions(lab)
    assert asked.answer is not None
    assert (asked.answer.option, asked.answer.by) == ("approve", "a client of this kernel")


def test_without_the_graph_the_answer_is_kept_until_it_is_resumed(lab: NotebookPage) -> None:
    written(lab, "undeclared.ipynb", "%graph approvals", "run = essay.resume(essay.runs()[0].id)")
    restarted(lab, declare=False)
    for index in (0, 1, STARTS + 1):
        lab.run_cell(index)
    lab.option(STARTS + 1).click()
    lab.cell(STARTS + 1).get_by_text("goes on when essay is resumed").wait_for()
    lab.picture("undeclared", STARTS + 1)
    for index in (*range(2, STARTS), STARTS + 2):
        lab.run_cell(index)
    lab.wait_for_status(STARTS + 2, "done")


def test_a_deadline_is_shown_in_the_picture_and_with_the_question(lab: NotebookPage) -> None:
    lab.write("deadline.ipynb", *DECLARING, CELLS[RUN], "%graph approvals")
    lab.open("deadline.ipynb")
    for index in range(STARTS + 1):
        lab.run_cell(index, DEADLINE if index == GATE else None)
    lab.option(STARTS).wait_for()
    lab.run_cell(STARTS + 1)
    for index in (STARTS, STARTS + 1):
        lab.cell(index).locator(".nbgraph-hint", has_text=UNTIL).wait_for()
    lab.node(STARTS, "gate").get_by_text("until 24h, then reject").wait_for()
    lab.picture("deadline", STARTS)
    lab.option(STARTS + 1).click()
    for index in (STARTS, STARTS + 1):
        lab.cell(index).get_by_text("approved — answered by a client of this kernel").wait_for()


def test_an_interrupted_run_is_resumed_from_the_list(lab: NotebookPage) -> None:
    written(lab, "interrupted.ipynb", "%graph runs")
    lab.run_cell(STARTS - 1, SLOW)
    lab.run_cell(1, f"{KEPT}\n{RELEASE}")
    lab.run_cell(STARTS, "run = essay.run(topic='ants', answers={'gate': 'approve'})")
    lab.wait_for_state(STARTS, "publish", "active")
    (lab.folder / "release.txt").write_text("")
    lab.page.wait_for_timeout(500)
    restarted(lab)
    lab.run_cell(STARTS + 1)
    row = lab.cell(STARTS + 1).locator('tr[data-status="interrupted"]')
    row.wait_for()
    lab.picture("interrupted", STARTS + 1)
    row.get_by_role("button", name="Resume").click()
    lab.wait_for_status(STARTS + 1, "done")
    lab.cell(STARTS + 1).locator('tr[data-status="done"]').wait_for()
    lab.picture("resumed", STARTS + 1)


def test_the_list_is_worked_by_the_keyboard_and_opens_runs_without_buttons(lab: NotebookPage) -> None:
    written(lab, "keyboard.ipynb", "%graph runs")
    restarted(lab)
    lab.run_cell(STARTS + 1)
    button = lab.cell(STARTS + 1).get_by_role("button", name="Open essay-")
    button.focus()
    lab.page.keyboard.press("Enter")
    lab.wait_for_state(STARTS + 1, "gate", "waiting")
    lab.picture("opened", STARTS + 1)
    assert lab.cell(STARTS + 1).get_by_role("button", name="Cancel", exact=True).locator("visible=true").count() == 0
    assert button.evaluate("button => button === document.activeElement")


def test_a_reader_without_a_kernel_sees_the_table_and_what_was_opened(lab: NotebookPage) -> None:
    written(lab, "reader.ipynb", "%graph runs")
    lab.run_cell(STARTS + 1)
    lab.cell(STARTS + 1).get_by_role("button", name="Open essay-").click()
    lab.wait_for_state(STARTS + 1, "gate", "waiting")
    lab.page.wait_for_timeout(500)
    lab.save()
    lab.copy_untrusted("reader.ipynb", "reopened.ipynb")
    lab.shut_down()
    lab.load_without_kernel("reopened.ipynb")
    records = lab.cell(STARTS + 1).locator(".jp-RenderedHTMLCommon")
    records.get_by_text("runs of essay: 1").wait_for()
    records.locator("img").first.wait_for()
    lab.cell(STARTS + 1).scroll_into_view_if_needed()
    lab.picture("reader")
