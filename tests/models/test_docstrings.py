"""Docstrings in three styles: what they say of the function, and of its parameters."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbgraph.models.docstrings import Document, read_docstring
from tests.models.kinds import SOME

NAMES = ("query", "limit")
GOOGLE = """Find papers.

    The newest come first.

    Args:
        query: what to look for,
            in words: all of them.
        limit (int, optional): how many.
        other: not one of its parameters

    Returns:
        list[str]: their titles.

    Raises:
        ValueError: never.

    It takes a while.
    """
NUMPY = """Find papers.

    The newest come first.

    Parameters
    ----------
    query : str
        what to look for,
        in words: all of them.
    limit : int, default: 10
        how many.

    Returns
    -------
    list[str]
        their titles.
    """
SPHINX = """Find papers.

    The newest come first.

    :param query: what to look for,
        in words: all of them.
    :param int limit: how many.
    :type query: str
    :returns: their titles.
    :raises ValueError: never.
    """


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, SPHINX])
def test_each_style_says_the_same(text: str) -> None:
    found = read_docstring(inspect.cleandoc(text), NAMES)
    assert found.parameters == {"query": "what to look for, in words: all of them.", "limit": "how many."}
    assert found.text.removesuffix("\n\nIt takes a while.") == "Find papers.\n\nThe newest come first."


def test_what_follows_a_section_is_text_again() -> None:
    assert read_docstring(inspect.cleandoc(GOOGLE), NAMES).text.endswith("first.\n\nIt takes a while.")


@pytest.mark.parametrize(
    "text",
    [
        "Args: query is what to find.",
        "Parameters\nquery: what",
        "Notes on query: see there.",
        "Find it.\n\nArgs:",
        "a :b: c",
    ],
)
def test_what_only_looks_like_a_section_is_text(text: str) -> None:
    assert read_docstring(text, NAMES) == Document(text, {})


def test_one_entry_can_be_for_several_parameters() -> None:
    google = read_docstring("Args:\n    query, limit: both", NAMES)
    numpy = read_docstring("Parameters\n----------\nquery, limit : int\n    both", NAMES)
    assert google.parameters == numpy.parameters == {"query": "both", "limit": "both"}


def test_a_type_may_hold_brackets_and_colons() -> None:
    assert read_docstring("Args:\n    query (dict[str, (int)]): what: it is", NAMES).parameters == {
        "query": "what: it is"
    }


@SOME
@given(st.text(alphabet="aq :\n-()*.\t") | st.text())
def test_any_text_can_be_read(text: str) -> None:
    found = read_docstring(text, ("a", "q"))
    assert set(found.parameters) <= {"a", "q"}
