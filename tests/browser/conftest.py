"""A real JupyterLab on loopback and a headless Chromium that looks at it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyterlab_page import NotebookPage
from playwright.sync_api import BrowserContext, Page, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none", "autoStartDefaultKernel": False},
}


class Server:
    """A running server of notebooks; `folder` is what it serves."""

    module = "jupyterlab"
    ready = "/api"
    own_options = {"LabApp.expose_app_in_browser": True, "LabApp.extension_manager": "readonly"}

    def __init__(self, home: Path) -> None:
        self.home, self.folder, self.port = home, home / "notebooks", _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder.mkdir()
        self._write_settings()
        self._log = (home / "server.log").open("w")
        self._process = subprocess.Popen(self._command(), env=self._environment(), stdout=self._log, stderr=self._log)
        self._wait()

    def stop(self) -> None:
        """End the server and its kernels."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _command(self) -> list[str]:
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": self.port,
            "ServerApp.port_retries": 0,
            "ServerApp.root_dir": self.folder,
            "ServerApp.open_browser": False,
            "ServerApp.allow_root": True,
            "IdentityProvider.token": "",
            **self.own_options,
        }
        return [sys.executable, "-m", self.module, *(f"--{name}={value}" for name, value in options.items())]

    def _environment(self) -> dict[str, str]:
        places = ("CONFIG", "DATA", "RUNTIME")
        own = {f"JUPYTER_{place}_DIR": str(self.home / place.lower()) for place in places}
        own |= {"JUPYTERLAB_SETTINGS_DIR": str(self.home / "settings"), "IPYTHONDIR": str(self.home / "ipython")}
        own |= {"JUPYTERLAB_WORKSPACES_DIR": str(self.home / "workspaces"), "PYTHONPATH": str(ROOT)}
        inherited = {name: value for name, value in os.environ.items() if name != "NBGRAPH_STORE"}
        return {**inherited, **own}  # so that runs are kept where a person's are, on disk beside the notebook

    def _write_settings(self) -> None:
        for name, values in SETTINGS.items():
            file = self.home / "settings" / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values))

    def _wait(self) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(f"{self.url}{self.ready}", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"{self.module} did not start: {(self.home / 'server.log').read_text()[-2000:]}")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("jupyterlab"))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def window() -> Iterator[BrowserContext]:
    """One window for the tests of a module: what it has loaded once it need not load again.

    Not for the session, since while Playwright is there its event loop runs, and no other test can run one.
    """
    if CHROMIUM is None:
        pytest.skip("no Chromium on PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield browser.new_context(viewport={"width": 1300, "height": 1100})
        browser.close()


@pytest.fixture(scope="module")
def tab(window: BrowserContext) -> Page:
    """One page for the tests of a module, each of which leaves it as if it had just been loaded."""
    return window.new_page()


@pytest.fixture
def lab(server: Server, tab: Page, tmp_path: Path) -> Iterator[NotebookPage]:
    """JupyterLab without a notebook, an empty folder and no kernels."""
    for left in server.folder.iterdir():
        left.unlink() if left.is_file() else shutil.rmtree(left)
    page = NotebookPage(tab, server.url, server.folder, tmp_path)
    yield page
    page.picture("at the end")
    page.leave()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
