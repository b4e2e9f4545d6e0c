"""The suite's stores: every test that takes `store` runs against each of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nbgraph.core.ports import Store
from tests.stores.backends import BACKENDS, Backend


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    return BACKENDS[request.param]


@pytest.fixture
def store(backend: Backend, tmp_path: Path) -> Store:
    return backend.new(tmp_path)


@pytest.fixture
def other(backend: Backend, tmp_path: Path) -> Store:
    """A second, empty store of the same kind."""
    folder = tmp_path / "other"
    folder.mkdir()
    return backend.new(folder)


@pytest.fixture
def reopened(backend: Backend) -> Callable[[Store], Store]:
    """Gives what a store holds through a fresh object."""
    return backend.again
