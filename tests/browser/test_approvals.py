"""A person answers in JupyterLab: with the kernel idle and busy, twice, in two views, after a reload."""

from __future__ import annotations

import pytest
from jupyterlab_page import NotebookPage
from stories import BUSY, CELLS, RUN

pytestmark = pytest.mark.slow

ANSWERS = "print([(asked.answer.option, asked.answer.by) for asked in run.approvals])"


def waiting(lab: NotebookPage, name: str, *more: str) -> None:
    """Open a notebook and run it until the gate waits."""
    lab.write(name, *CELLS, *more)
    lab.open(name)
    for index in range(len(CELLS)):
        lab.run_cell(index)
    lab.wait_for_state(RUN, "gate", "waiting")
    lab.option(RUN).wait_for()


def test_approve_with_the_kernel_idle(lab: NotebookPage) -> None:
    waiting(lab, "idle.ipynb", "")
    lab.picture("asked", RUN)
    lab.cell(RUN).locator(".nbgraph-approval textarea").fill("All about honey bees.")
    lab.cell(RUN).get_by_placeholder("a note").fill("well done")
    lab.option(RUN).click()
    lab.wait_for_status(RUN, "done")
    lab.run_cell(RUN + 1, "print(run.result()['page'], run.state['gate_note'])")
    assert lab.text(RUN + 1).strip() == "ALL ABOUT HONEY BEES. well done"
    lab.picture("answered", RUN)


def test_approve_while_another_cell_is_busy(lab: NotebookPage) -> None:
    waiting(lab, "busy.ipynb", BUSY)
    lab.run_cell(RUN + 1, wait=False)
    lab.page.wait_for_timeout(1000)
    lab.option(RUN).click()
    lab.wait_for_status(RUN, "done")
    assert not (lab.folder / "busy.txt").exists()
    lab.wait_for_cell(RUN + 1)
    published, ended = (float((lab.folder / f"{name}.txt").read_text()) for name in ("published", "busy"))
    assert published < ended - 2


def test_approve_while_a_cell_awaits_the_run(lab: NotebookPage) -> None:
    waiting(lab, "awaited.ipynb", "_ = await run\nprint('then', str(run.status))")
    lab.run_cell(RUN + 1, wait=False)
    lab.page.wait_for_timeout(500)
    lab.option(RUN).click()
    lab.cell(RUN + 1).get_by_text("then done").wait_for()


def test_of_two_clicks_one_counts(lab: NotebookPage) -> None:
    waiting(lab, "double.ipynb", ANSWERS)
    lab.option(RUN).dblclick()
    lab.wait_for_status(RUN, "done")
    lab.run_cell(RUN + 1)
    assert lab.text(RUN + 1).strip() == "[('approve', 'a client of this kernel')]"


def test_of_two_views_one_wins_and_both_say_who(lab: NotebookPage) -> None:
    waiting(lab, "views.ipynb", "run", ANSWERS)
    lab.run_cell(RUN + 1)
    lab.option(RUN + 1, 1).wait_for()
    first, second = lab.option(RUN).element_handle(), lab.option(RUN + 1, 1).element_handle()
    lab.page.evaluate("([first, second]) => { first.click(); second.click(); }", [first, second])
    for index in (RUN, RUN + 1):
        lab.cell(index).get_by_text("approved — answered by a client of this kernel").wait_for()
    lab.wait_for_status(RUN, "done")
    lab.run_cell(RUN + 2)
    assert lab.text(RUN + 2).strip() == "[('approve', 'a client of this kernel')]"


def test_an_answer_by_code_settles_the_widget(lab: NotebookPage) -> None:
    again = "try:\n    run.answer('gate', 'reject')\nexcept Exception as error:\n    print(error)"
    waiting(lab, "code.ipynb", "_ = run.answer('gate', 'approve', 'by code')", again)
    lab.run_cell(RUN + 1)
    lab.cell(RUN).get_by_text("approved — answered by run.answer").wait_for()
    assert lab.cell(RUN).locator(".nbgraph-approval button:enabled").count() == 0
    lab.wait_for_status(RUN, "done")
    lab.run_cell(RUN + 2)
    assert "run.answer" in lab.text(RUN + 2)


def test_approve_after_the_page_was_reloaded(lab: NotebookPage) -> None:
    waiting(lab, "reload.ipynb")
    lab.save()
    lab.reload()
    lab.wait_for_state(RUN, "gate", "waiting")
    lab.picture("reloaded", RUN)
    lab.option(RUN).click()
    lab.wait_for_status(RUN, "done")
    assert (lab.folder / "published.txt").exists()
