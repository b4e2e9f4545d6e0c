"""Fixtures: a fresh shell, notebooks with and without a graph, and the two doors to declare by."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fresh_notebook import Door, Notebook
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import nbgraph


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    for name in ("displayhook", "excepthook"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    InteractiveShell.clear_instance()
    config = Config({"HistoryManager": {"enabled": False}, "InteractiveShell": {"colors": "nocolor"}})
    shell = InteractiveShell.instance(config=config)
    yield shell
    nbgraph.unload_ipython_extension(shell)
    atexit.unregister(shell.atexit_operations)  # which nothing here needs, and which collects garbage
    InteractiveShell.clear_instance()


@pytest.fixture
def bare(shell: InteractiveShell) -> Notebook:
    """A notebook with the extension loaded and no graph."""
    notebook = Notebook(shell)
    notebook.run("%load_ext nbgraph")
    return notebook


@pytest.fixture
def notebook(bare: Notebook) -> Notebook:
    """A notebook with the empty graph `essay`."""
    bare.run("%graph new essay")
    return bare


@pytest.fixture(params=["magic", "method"])
def door(request: pytest.FixtureRequest) -> Door:
    return Door(request.param)
