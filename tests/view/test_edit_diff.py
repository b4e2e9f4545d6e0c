"""What a person changed in a value: escaped, bounded, readable without colours."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbgraph.view.edit_diff import difference
from tests.view.stories import HOSTILE

TAGS = {"div", "span", "ins", "del"}


def told(before: object, after: object) -> str:
    return difference(before, after, json.dumps)


def text(html: str) -> str:
    return re.sub(r"<[^>]*>", "", html)


def test_what_is_the_same_is_nothing() -> None:
    assert told("a", "a") == ""
    assert told({"a": 1}, {"a": 1}) == ""


def test_short_values_stand_beside_each_other() -> None:
    assert "<del>3</del> → <ins>4</ins>" in told(3, 4)
    assert "<del>yes</del> → <ins>no</ins>" in told("yes", "no")


def test_lines_are_compared_by_words_and_have_signs() -> None:
    shown = told("All about bees.\nThey dance.", "All about ants.\nThey dance.")
    assert "<div><span>~</span>All about <del>bees</del><ins>ants</ins>.</div>" in shown
    assert "<div><span></span>They dance.</div>" in shown
    shown = told("one\ntwo", "one\ntwo\nthree and more")
    assert "<div><span>+</span><ins>three and more</ins></div>" in shown


def test_many_equal_lines_are_counted() -> None:
    lines = [f"line {number}" for number in range(50)]
    assert "… 47 lines as before" in told("\n".join(lines), "\n".join([*lines[:-1], "the end"]))


def test_what_is_too_long_says_so() -> None:
    assert "too long to be compared" in told("a" * 200_000, "b")


def test_a_long_difference_says_that_there_is_more() -> None:
    before, after = "\n".join(f"a{n}" for n in range(300)), "\n".join(f"b{n} c" for n in range(299))
    assert "the first are shown" in told(before, after)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_is_text(hostile: str) -> None:
    shown = told("before\nand after", f"{hostile}\nand after") + told("x", hostile)
    assert set(re.findall(r"<(\w+)", shown)) <= TAGS


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_leaves_its_place(before: str, after: str) -> None:
    assert set(re.findall(r"<([a-zA-Z!/?][^\s>]*)", told(before, after))) <= TAGS | {f"/{tag}" for tag in TAGS}
