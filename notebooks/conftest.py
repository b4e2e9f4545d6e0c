"""Notebooks are executed as tests, with the answers that a person would have given."""

from collections.abc import Generator
from pathlib import Path

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Start a notebook's kernel with its own answers, `answers/<notebook>.json`."""
    answers = Path(__file__).parent / "answers" / f"{item.path.stem}.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NBGRAPH_ANSWERS", str(answers))
        return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The quick part runs the quickstart; the longer notebooks belong to the slow one."""
    for item in items:
        if item.path.suffix == ".ipynb" and not item.path.stem.startswith("01_"):
            item.add_marker(pytest.mark.slow)
