"""Notebook 7 and Voila, driven as JupyterLab is."""

from __future__ import annotations

import sys

from conftest import Server
from jupyterlab_page import NotebookPage
from playwright.sync_api import Locator


class Notebook7(Server):
    """A running Jupyter Notebook 7."""

    module = "notebook"
    own_options = {"JupyterNotebookApp.expose_app_in_browser": True}


class Notebook7Page(NotebookPage):
    """A notebook in Jupyter Notebook 7, which is JupyterLab's in a frame of its own."""

    def load(self, name: str) -> None:
        """Open a notebook, with or without a kernel."""
        self.page.goto(f"{self.url}/notebooks/{name}")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")


class Voila(Server):
    """A running Voila, which shows what cells give and not the cells."""

    module = "voila"
    ready = "/"

    def _command(self) -> list[str]:
        options = ("--no-browser", f"--port={self.port}", "--Voila.ip=127.0.0.1", "--show_tracebacks=True")
        return [sys.executable, "-m", self.module, *options, str(self.folder)]


class VoilaPage(NotebookPage):
    """What Voila makes of a notebook: its cells have run, and only what they gave is there."""

    def load(self, name: str) -> None:
        """Open a notebook, of which all cells are run first."""
        self.page.goto(f"{self.url}/voila/render/{name}")

    def wait_for_idle(self) -> None:
        """Wait until the page has met the kernel."""
        self.page.locator(".nbgraph-graph").first.wait_for()

    def cell(self, index: int) -> Locator:
        """The page: it does not tell from which cell something comes."""
        return self.page.locator("body")

    def shut_down(self) -> None:
        """Voila ends a kernel when its page is left."""
        self.page.goto("about:blank")
