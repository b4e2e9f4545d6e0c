"""Places: what Python tells by line and bytes, and what errors tell by line and sign."""

import pytest

from nbgraph.core.places import Places, fault


@pytest.mark.parametrize(
    ("text", "line", "column", "position"),
    [("abc", 1, 1, 1), ("é\n€x", 2, 3, 3), ("a\r\nb\rc\nd", 4, 0, 7), ("a\u2028b", 1, 4, 2), ("abc", None, None, 3)],
)
def test_a_place_of_python_is_found_in_the_text(text: str, line: int | None, column: int | None, position: int) -> None:
    assert Places(text).position(line, column) == position


@pytest.mark.parametrize(
    ("text", "position", "place"), [("", 0, (1, 1)), ("a\nbc", 3, (2, 2)), ("a\n", 2, (2, 1)), ("a\u2028b", 2, (2, 1))]
)
def test_a_fault_points_at_a_position(text: str, position: int, place: tuple[int, int]) -> None:
    error = fault("no", text, position, "edges")
    assert (error.line, error.column, error.text, error.what, error.message) == (*place, text, "edges", "no")
