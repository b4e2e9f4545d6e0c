"""What crash tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.ground import Ground


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    """An empty store and witness; whatever happens in the test, no child outlives it."""
    made = Ground(tmp_path)
    yield made
    made.close()
