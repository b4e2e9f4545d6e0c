"""One browser for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.view.graph_page import launched


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the session, since while Playwright is there its event loop runs, and no other test can run one."""
    with launched() as found:
        yield found
