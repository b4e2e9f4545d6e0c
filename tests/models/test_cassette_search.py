"""Searching a cassette for the request that is most like another."""

from __future__ import annotations

from typing import Any

import pytest

from nbgraph.models.cassette_search import Nearest, nearest


def saying(*texts: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text} for text in texts], **more}


def test_the_one_with_most_in_common_is_found() -> None:
    found = nearest(saying("a", "b", "c"), [saying("x"), saying("a", "b", "d"), saying("a")])

    assert found == Nearest(1, "messages[2].content", "'d'", "'c'")


@pytest.mark.parametrize(
    ("now", "recorded", "expected"),
    [
        (saying("a", temperature=0.5), saying("a"), ("temperature", "nothing", "0.5")),
        (saying("a"), saying("a", temperature=0.5), ("temperature", "0.5", "nothing")),
        (saying("a"), saying("a", "b"), ("messages[1].role", "'user'", "nothing")),
        (saying("a", tools=[]), saying("a", tools=[{"x": 1}]), ("tools", "nothing", "[]")),
        (saying("a", x=1), saying("a", x=True), ("x", "True", "1")),
        ({}, saying("a"), ("", "nothing", "{}")),
    ],
)
def test_the_first_difference_is_told(now: Any, recorded: Any, expected: tuple[str, str, str]) -> None:
    found = nearest(now, [recorded])

    assert found[1:] == expected


def test_of_long_texts_the_part_is_shown_where_they_differ() -> None:
    found = nearest(saying("Bees dance. " * 500 + "One."), [saying("Bees dance. " * 500 + "Two.")])

    assert "One." in found.now
    assert "Two." in found.recorded
    assert len(found.now) < 100


def test_of_equally_near_ones_the_first_is_taken() -> None:
    assert nearest(saying("a"), [saying("b"), saying("c")]).number == 0
