"""Returns: what the text of a function tells of its values. (What it tells of keys is shown in test_signature.py.)"""

from __future__ import annotations

import pytest

from nbgraph.core.returns import returned


def strings(text: str, *, whole: bool = False) -> dict[str, tuple[str, ...]]:
    found = returned(f"def n():\n    {text}\n")
    assert found is not None
    return found.strings("n", whole=whole)


@pytest.mark.parametrize("text", ["", "n =", "lambda: 1", "x = 1", "class N: ..."])
def test_what_is_no_function_tells_nothing(text: str) -> None:
    assert returned(text) is None


def test_constant_strings_are_known_by_key() -> None:
    assert strings("return {'a': 'x', 'b': 1}") == {"a": ("x",)}
    assert strings("return 'x'") == {"n": ("x",)}
    assert strings("return {'a': 'x'}", whole=True) == {}


def test_both_sides_of_a_conditional_expression_count() -> None:
    assert strings("return {'a': 'x' if c else 'y' if d else z}") == {"a": ("x", "y")}
    assert strings("return {'a': 'x'} if c else {'b': 'y'}") == {"a": ("x",), "b": ("y",)}


def test_strings_in_a_list_count() -> None:
    assert strings("return {'a': ['x', 'y', z], 'b': ('x',), 'c': {'x'}}") == {"a": ("x", "y"), "b": ("x",)}


def test_the_keys_of_both_sides_of_a_conditional_expression_are_known() -> None:
    found = returned("def n():\n    return {'a': 1} if c else None\n")
    assert found is not None
    assert found.keys("n") == (("a",), True)
