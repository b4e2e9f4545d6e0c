"""Errors: their tree, their carets, and the words that messages are made of."""

from __future__ import annotations

from typing import Any

import pytest

from nbgraph import errors
from nbgraph.errors import TextError, Waiting, WriteConflict, brief, nearest, told


def test_the_docstring_draws_the_tree_of_all_errors() -> None:
    own = [value for value in vars(errors).values() if isinstance(value, type) and value.__module__ == errors.__name__]
    drawn = [line.strip("│├└─ ").split()[0] for line in (errors.__doc__ or "").splitlines() if "──" in line]
    assert sorted(drawn) == sorted(error.__name__ for error in own if error is not errors.NbgraphError)


def test_a_text_error_points_at_the_place() -> None:
    assert TextError("no", "a\n\tb c", 2, 4, "edges").render() == "edges, line 2: no\n    \tb c\n    \t  ^"


@pytest.mark.parametrize("line", [0, 2])
def test_a_text_error_without_a_line_is_its_message(line: int) -> None:
    assert str(TextError("no", "a", line)) == "no"


def test_a_conflict_of_two_tasks_of_one_node_says_so() -> None:
    assert str(WriteConflict("k", ("a", "a"))).startswith("two parallel tasks of a both wrote the key 'k'")


def test_waiting_says_how_to_answer() -> None:
    assert 'at a, b; answer there, or run.answer("a", ...)' in str(Waiting("a", "b"))


@pytest.mark.parametrize(
    ("word", "hint"),
    [("drafd", "; did you mean 'draft'?"), ("zzz", ""), ("", ""), (5, ""), (None, ""), ("x" * 10**6, "")],
)
def test_the_nearest_name_is_suggested(word: Any, hint: str) -> None:
    assert nearest(word, ["draft", "check"]) == hint


class Hostile:
    def __repr__(self) -> str:
        raise ValueError


class Loud:
    def __repr__(self) -> str:
        return "x" * 10**6


@pytest.mark.parametrize(
    "value", [Hostile(), [Hostile()], Loud(), "x" * 10**6, list(range(10**5)), {"k": Loud()}, 10**4000, None]
)
def test_a_value_in_a_message_is_short_and_never_raises(value: Any) -> None:
    assert 0 < len(brief(value)) <= 60


def test_a_value_that_holds_itself_can_be_shown() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert brief(endless).startswith("[[")


def test_a_digit_limit_of_python_does_not_matter() -> None:
    assert len(brief(10**10_000)) <= 60


def test_an_error_without_words_is_told_by_its_type() -> None:
    assert (told(KeyError()), told(ValueError("no"))) == ("KeyError", "no")
