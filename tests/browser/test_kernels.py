"""The same notebook on three kernels: the newest, one with subshells of an older kind, and one without any."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from conftest import ROOT, Server
from jupyterlab_page import NotebookPage
from older_kernels import kernelspec
from playwright.sync_api import BrowserContext, expect
from stories import LOAD

pytestmark = pytest.mark.slow

KERNELS = ("7.4", "7.3", "6.31")  # the first one is that of the environment

EDGES = "%%edges\nSTART -> draft -> gate -> publish -> END"
DRAFT = "%%node\ndef draft(topic):\n    time.sleep(0.5)\n    return {'text': f'All about {topic}.'}"
GATE = "%%human gate\nShall **{{ text }}** be published?"
PUBLISH = "%%node\ndef publish(text):\n    note('published')\n    return {'page': text.upper()}"
BROKEN = PUBLISH.replace("note('published')", "raise OSError('no paper')")
BUSY = "time.sleep(3)\nnote('busy')"
AWAIT = "_ = await run\nprint('then', str(run.status))"
VERSION = "import ipykernel; print(ipykernel.__version__)"
CELLS = [LOAD, "%graph new essay", EDGES, DRAFT, GATE, PUBLISH, "run = essay.run(topic='bees')", VERSION]
MENDED, RUN, OTHER = range(5, 8)


class OnKernel(NamedTuple):
    """A notebook that has declared its graph on a kernel; `clicks_arrive` also while a cell is busy."""

    lab: NotebookPage
    clicks_arrive: bool

    def run_until_asked(self) -> None:
        self.lab.run_cell(RUN, wait=False)
        self.lab.wait_for_state(RUN, "draft", "active")
        self.lab.option(RUN).wait_for()

    def run_beside(self, source: str) -> None:
        """Run another cell, and leave the kernel the time to begin with it."""
        self.lab.run_cell(OTHER, source, wait=False)
        self.lab.page.wait_for_timeout(500)


@pytest.fixture(scope="module", params=KERNELS)
def kernel(
    request: pytest.FixtureRequest, server: Server, window: BrowserContext, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OnKernel]:
    version, folder = request.param, tmp_path_factory.mktemp(f"ipykernel-{request.param}-")
    lab = NotebookPage(window.new_page(), server.url, server.folder, folder)
    if version != KERNELS[0]:
        lab.kernel = kernelspec(version, folder / "packages", server.home / "data", ROOT)
    lab.write(f"{version}.ipynb", *CELLS)
    lab.open(f"{version}.ipynb")
    for index in (*range(RUN), OTHER):
        lab.run_cell(index)
    assert lab.text(OTHER).startswith(f"{version}."), "another kernel was installed, or it has moved on"
    lab.node(2, "draft").wait_for()  # a page that has loaded the script for one picture shows the next one at once
    yield OnKernel(lab, version != "6.31")
    lab.picture("at the end")
    assert lab.errors == []
    lab.shut_down()
    lab.page.close()


def test_a_run_is_seen_answered_and_mended(kernel: OnKernel) -> None:
    lab = kernel.lab
    lab.run_cell(MENDED, BROKEN)
    kernel.run_until_asked()
    lab.option(RUN).click()
    lab.wait_for_state(RUN, "publish", "failed")
    lab.picture("failed", RUN)
    lab.run_cell(MENDED, PUBLISH)
    lab.cell(RUN).get_by_role("button", name="Resume").click()
    lab.wait_for_status(RUN, "done")
    lab.run_cell(OTHER, "print(run.result()['page'], [step.node for step in run.steps])")
    assert lab.text(OTHER).strip() == "ALL ABOUT BEES. ['draft', 'gate', 'publish']"
    expect(lab.cell(RUN).locator(".nbgraph-pace")).to_have_text(re.compile(r"\d:\d\d"))


def test_an_answer_arrives_while_a_cell_is_busy_or_when_that_has_ended(kernel: OnKernel) -> None:
    lab = kernel.lab
    kernel.run_until_asked()
    kernel.run_beside(BUSY)
    lab.option(RUN).click()
    lab.wait_for_status(RUN, "done")
    lab.wait_for_cell(OTHER)
    published, ended = (float((lab.folder / f"{name}.txt").read_text()) for name in ("published", "busy"))
    assert (published < ended) == kernel.clicks_arrive


def test_awaiting_goes_on_with_the_answer_or_returns_so_that_one_can_be_given(kernel: OnKernel) -> None:
    lab = kernel.lab
    kernel.run_until_asked()
    kernel.run_beside(AWAIT)
    if not kernel.clicks_arrive:
        lab.cell(OTHER).get_by_text("then waiting").wait_for()
    lab.option(RUN).click()
    lab.wait_for_status(RUN, "done")
    if kernel.clicks_arrive:
        lab.cell(OTHER).get_by_text("then done").wait_for()
