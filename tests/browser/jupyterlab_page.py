"""A notebook in JupyterLab, driven through the browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Error, Locator, Page, Request

SECONDS = 15_000  # in milliseconds, as Playwright counts
ENDED = re.compile(r"\[\d+\]")
IDLE = "jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"

CLOSE = "for (const widget of [...jupyterapp.shell.widgets('main')]) widget.dispose();"
OPEN = f"async (path) => {{ {CLOSE} await jupyterapp.commands.execute('docmanager:open', {{ path }}); }}"
LEAVE = f"""async () => {{
    if (!globalThis.jupyterapp) return;
    {CLOSE}
    await jupyterapp.serviceManager.sessions.shutdownAll();
}}"""


class NotebookPage:
    """One browser page with one notebook open at a time.

    `foreign` collects the addresses of all requests that left for another origin; `kernel` is the kernelspec that
    notebooks written from now on ask for.
    """

    kernel = "python3"

    def __init__(self, page: Page, url: str, folder: Path, pictures: Path) -> None:
        self.page, self.url, self.folder, self._pictures = page, url, folder, pictures
        self.foreign: list[str] = []
        self.errors: list[str] = []
        page.set_default_timeout(SECONDS)
        page.on("request", self._note_request)
        page.on("pageerror", self._note_error)

    # Opening

    def write(self, name: str, *sources: str) -> None:
        """Make a notebook of code cells."""
        cells = [new_code_cell(source.strip("\n")) for source in sources]
        made = new_notebook(cells=cells, metadata={"kernelspec": {"name": self.kernel, "display_name": self.kernel}})
        nbformat.write(made, self.folder / name)

    def open(self, name: str) -> None:
        """Open a notebook and wait for its kernel."""
        self.load(name)
        self.wait_for_idle()

    def load(self, name: str) -> None:
        """Open a notebook, with or without a kernel; in the JupyterLab that is on the page, where there is one."""
        if self.page.evaluate("() => Boolean(globalThis.jupyterapp)"):
            self.page.evaluate(OPEN, name)
        else:
            self.page.goto(f"{self.url}/lab/tree/{quote(name)}?reset")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")

    def load_without_kernel(self, name: str) -> None:
        """Open a notebook whose kernel is not installed, and ask for none."""
        self.load(name)
        self.page.locator(".jp-Dialog select").select_option("null")
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.page.locator(".jp-Dialog").wait_for(state="detached")

    def copy_untrusted(self, name: str, copy: str) -> None:
        """Copy a saved notebook as if it came from elsewhere: for a kernel that is not here, and not signed here."""
        notebook = nbformat.read(self.folder / name, as_version=4)
        notebook.metadata["kernelspec"] = {"name": "elsewhere", "display_name": "Elsewhere"}
        notebook.metadata["language_info"] = {"name": "elsewhere"}
        nbformat.write(notebook, self.folder / copy)

    def reload(self) -> None:
        """Load the page again; the kernel goes on."""
        self.page.reload()
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")

    def restart(self) -> None:
        """End the kernel and start it anew, without the question whether that is meant."""
        self.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
        self.wait_for_idle()

    def shut_down(self) -> None:
        """End all kernels, so that the next test has the machine to itself."""
        self.page.evaluate("() => globalThis.jupyterapp?.serviceManager.sessions.shutdownAll()")

    def leave(self) -> None:
        """Close the notebook and end its kernel; JupyterLab stays for the next test, since to load it takes longest."""
        self.page.remove_listener("request", self._note_request)
        self.page.remove_listener("pageerror", self._note_error)
        self.page.unroute_all()
        self.page.evaluate(LEAVE)

    # Running

    def run_all(self, wait: bool = True) -> None:
        """Run all cells as the menu does."""
        self.command("notebook:run-all-cells", wait)

    def run_cell(self, index: int, source: str | None = None, wait: bool = True) -> None:
        """Run one cell, with another source where one is given."""
        self.page.evaluate(
            """([index, source]) => {
                const notebook = jupyterapp.shell.currentWidget.content;
                notebook.deselectAll();
                notebook.activeCellIndex = index;
                if (source !== null) notebook.widgets[index].model.sharedModel.setSource(source);
            }""",
            [index, source],
        )
        self.command("notebook:run-cell", wait)

    def command(self, name: str, wait: bool = True) -> Any:
        """Execute one of JupyterLab's commands."""
        call = f"() => {{ const done = jupyterapp.commands.execute('{name}'); {'return done' if wait else ''}; }}"
        return self.page.evaluate(call)

    def interrupt(self) -> None:
        """The stop button."""
        self.command("notebook:interrupt-kernel")

    def save(self) -> None:
        """Save the notebook and wait for it."""
        self.command("docmanager:save")

    # Looking

    def cell(self, index: int) -> Locator:
        """A cell of the notebook."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def text(self, index: int) -> str:
        """What stands below a cell."""
        return self.cell(index).locator(".jp-Cell-outputArea").inner_text()

    def node(self, index: int, name: str) -> Locator:
        """A node in the picture below a cell."""
        return self.cell(index).locator(f'[data-node="{name}"]')

    def wait_for_state(self, index: int, name: str, state: str) -> None:
        """Wait until a node in the picture below a cell is in a state."""
        self.cell(index).locator(f'[data-node="{name}"][data-state="{state}"]').first.wait_for(state="attached")

    def wait_for_status(self, index: int, status: str) -> None:
        """Wait until the run below a cell has a status."""
        self.cell(index).locator(f'[data-status="{status}"]').first.wait_for(state="attached")

    def wait_for_idle(self) -> None:
        """Wait until there is a kernel, and it has nothing to do."""
        self.page.wait_for_function(IDLE)

    def wait_for_cell(self, index: int) -> None:
        """Wait until a cell that was run has ended; a subshell makes the kernel look idle before."""
        self.cell(index).locator(".jp-InputPrompt").get_by_text(ENDED).wait_for()

    def option(self, index: int, number: int = 0) -> Locator:
        """The button for an option of the open approval below a cell."""
        return self.cell(index).locator(f".nbgraph-approval:not(.nbgraph-settled) .nbgraph-option-{number}")

    def picture(self, name: str, index: int | None = None) -> bytes:
        """A screenshot of the page, from a cell on where one is given; kept as a file for people to look at."""
        if index is not None:
            self.cell(index).evaluate("cell => cell.scrollIntoView({ block: 'start' })")
            self.page.wait_for_timeout(100)
        return self.page.screenshot(path=self._pictures / f"{name}.png")

    def _note_error(self, error: Error) -> None:
        self.errors.append(str(error))

    def _note_request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("http", "https", "ws", "wss") and address.netloc != urlsplit(self.url).netloc:
            self.foreign.append(request.url)
