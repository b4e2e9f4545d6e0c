"""Fixtures of the tests of models."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.models.asking import Asked


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    """Calls models on a loop of the module's own."""
    with asyncio.Runner() as runner:
        yield Asked(runner)
