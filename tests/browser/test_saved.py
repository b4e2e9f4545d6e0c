"""What a reader sees of a saved notebook: without a kernel, untrusted, and as HTML."""

from __future__ import annotations

import json

import nbformat
import pytest
from jupyterlab_page import NotebookPage
from nbconvert import HTMLExporter
from stories import CELLS, RUN

pytestmark = pytest.mark.slow


def saved(lab: NotebookPage, name: str) -> None:
    """Run a notebook to its end and save it."""
    lab.write(name, *CELLS)
    lab.open(name)
    lab.run_all()
    lab.option(RUN).click()
    lab.wait_for_status(RUN, "done")
    lab.page.wait_for_timeout(500)
    lab.save()


def test_untrusted_and_without_a_kernel_the_last_picture_and_the_table_are_there(lab: NotebookPage) -> None:
    saved(lab, "saved.ipynb")
    lab.copy_untrusted("saved.ipynb", "reopened.ipynb")
    lab.shut_down()
    lab.load_without_kernel("reopened.ipynb")
    record = lab.cell(RUN).locator(".jp-RenderedHTMLCommon", has_text="essay")
    record.locator("img").wait_for()
    assert record.locator("img").get_attribute("src").startswith("data:image/svg+xml;base64,")
    assert record.locator("img").evaluate("image => image.complete && image.naturalWidth") > 100
    assert "publish" in record.locator("table").first.inner_text()
    assert "a client of this kernel" in record.inner_text()
    record.scroll_into_view_if_needed()
    lab.picture("reopened")


def test_html_of_a_saved_notebook_has_the_last_picture_and_the_table(lab: NotebookPage) -> None:
    saved(lab, "exported.ipynb")
    notebook = nbformat.read(lab.folder / "exported.ipynb", as_version=4)
    html, _ = HTMLExporter().from_notebook_node(notebook)
    file = lab.folder / "exported.html"
    file.write_text(html, encoding="utf-8")
    lab.page.route("http*://**", lambda route: route.abort())  # what nbconvert itself would load is not here
    lab.page.goto(file.as_uri())
    record = lab.page.locator(".nbgraph-record")
    assert record.locator("img").evaluate("image => image.complete && image.naturalWidth") > 100
    assert "publish" in record.locator("table").first.inner_text()
    record.scroll_into_view_if_needed()
    lab.picture("exported")


def test_a_saved_run_holds_no_more_than_its_record(lab: NotebookPage) -> None:
    saved(lab, "small.ipynb")
    outputs = json.loads((lab.folder / "small.ipynb").read_text(encoding="utf-8"))["cells"][RUN]["outputs"]
    shown = [sorted(output["data"]) for output in outputs if output["output_type"] == "display_data"]
    assert shown == [["application/vnd.jupyter.widget-view+json", "text/plain"], ["text/html", "text/plain"]]
