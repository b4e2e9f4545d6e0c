"""A page that holds the script of the graph widget and a model that stands in for Jupyter's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from nbgraph.view.scripts import script, styles

FLAGS = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
FLAGS += " --disable-component-update --disable-sync"

LIGHT = {
    "--jp-ui-font-color1": "rgba(0, 0, 0, 0.87)",
    "--jp-ui-font-color2": "rgba(0, 0, 0, 0.54)",
    "--jp-layout-color0": "#fff",
    "--jp-brand-color1": "#1976d2",
    "--jp-success-color1": "#388e3c",
    "--jp-error-color1": "#d32f2f",
    "--jp-warn-color1": "#f57c00",
}
DARK = {
    "--jp-ui-font-color1": "rgba(255, 255, 255, 0.87)",
    "--jp-ui-font-color2": "rgba(255, 255, 255, 0.54)",
    "--jp-layout-color0": "#111",
    "--jp-brand-color1": "#2196f3",
    "--jp-success-color1": "#4caf50",
    "--jp-error-color1": "#f44336",
    "--jp-warn-color1": "#ff9800",
}
PAGE = """<!doctype html><html><head><meta charset="utf-8"><title>graph</title>
<link rel="stylesheet" href="/graph.css"><link rel="icon" href="data:,">
<style>body { margin: 20px; background: var(--jp-layout-color0) }</style></head>
<body><div class="jp-OutputArea"><div id="live"></div><div class="nbgraph-record">the record</div></div>
<script type="module">
import widget from "/graph.js";
const state = await (await fetch("/state.json")).json();
const listeners = {};
window.sent = [];
window.model = {
  get: (name) => state[name],
  set(name, value) { state[name] = value; this.fire(`change:${name}`); },
  on: (name, listener) => (listeners[name] ??= new Set()).add(listener),
  off: (name, listener) => listeners[name].delete(listener),
  send: (content) => window.sent.push(content),
  fire: (name, content) => [...listeners[name] ?? []].forEach((listener) => listener(content)),
};
window.listening = () => Object.values(listeners).reduce((sum, each) => sum + each.size, 0);
const forget = widget.initialize({ model });
const leave = widget.render({ model, el: document.getElementById("live") });
window.leave = () => { leave(); forget(); };
window.ready = true;
</script></body></html>"""


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser, while the block lasts."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS.split())
        yield browser
        browser.close()


@contextmanager
def loaded(
    browser: Browser, state: dict[str, Any], theme: Mapping[str, str] = LIGHT, width: int = 900, height: int = 640
) -> Iterator[Page]:
    """A page with a model in that state; nothing on it may fail, and no request may leave it."""
    page = browser.new_page(viewport={"width": width, "height": height}, reduced_motion="reduce")
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text))
    page.on("request", lambda request: troubles.append(request.url) if "//127.0.0.1" not in request.url else None)
    with served(state) as address:
        page.goto(address)
        page.add_style_tag(content=":root {" + "".join(f"{name}: {value};" for name, value in theme.items()) + "}")
        page.wait_for_function("window.ready")
        yield page
        assert [trouble for trouble in troubles if not trouble.startswith("data:,")] == []
        assert page.evaluate("window.canary === undefined")
    page.close()


@contextmanager
def served(state: dict[str, Any]) -> Iterator[str]:
    """The address of a page with a model in that state, on loopback while the block lasts."""
    files = {
        "/": ("text/html", PAGE.encode()),
        "/graph.js": ("text/javascript", script("graph").encode()),
        "/graph.css": ("text/css", styles("graph").encode()),
        "/state.json": ("application/json", json.dumps(state).encode()),
    }

    class Files(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = files[self.path]
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:  # also after a test that failed: a server that goes on keeps the whole suite from ending
            server.shutdown()
            thread.join()
