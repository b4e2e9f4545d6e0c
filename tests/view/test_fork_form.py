"""The form in which the state of a fork is edited."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr

from nbgraph.view.fork_form import KEYS, LONGEST, form, preview, read

STATE: dict[str, Any] = {
    "text": "Bees.\nThey fly.",
    "score": 8,
    "weight": 0.5,
    "urgent": False,
    "tags": ["a"],
    "pair": (1, 2),
    "nothing": None,
    "huge": 2**70,
    "by_number": {1: 2},
    "api_key": "s3cr3t",
    "sealed": SecretStr("s3cr3t"),
    "account": {"user": "ann", "password": "s3cr3t"},
    "long": "x" * (LONGEST + 1),
}


def changed(declared: tuple[str, ...] = (), **entered: Any) -> dict[str, Any]:
    changes, wrong = read(STATE, entered, declared)
    assert wrong == {}
    return changes


def refused(declared: tuple[str, ...] = (), **entered: Any) -> str:
    changes, wrong = read(STATE, entered, declared)
    assert changes == {}
    ((key, sentence),) = wrong.items()
    assert key in entered
    return sentence


def fields(state: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {field["key"]: field for field in form(3, state, ["a#1"])["fields"]}


# Fields


def test_a_form_says_after_which_step_and_what_runs_next() -> None:
    assert [form(3, {}, ["a#1", "b#2"])[name] for name in ("title", "next")] == [
        "Fork after step 3",
        "runs next: a#1, b#2",
    ]
    assert form(0, {}, ["a#1"])["title"] == "Fork before the first step"
    assert form(3, {}, [])["next"].startswith("nothing is left to run after this step")


def test_each_value_has_a_field_of_its_kind() -> None:
    found = fields(STATE)
    assert {key: field["rows"] for key, field in found.items() if not field["locked"]} == {
        "text": 2, "score": 1, "weight": 1, "urgent": 0, "tags": 3, "pair": 4, "nothing": 2, "huge": 2,
    }  # fmt: skip
    assert (found["urgent"]["value"], found["score"]["value"], found["tags"]["hint"]) == (False, "8", "list, as JSON")


def test_what_is_secret_too_long_or_no_json_is_locked_and_not_told() -> None:
    found = fields(STATE)
    locked = {key: field["hint"] for key, field in found.items() if field["locked"]}
    assert list(locked) == ["by_number", "api_key", "sealed", "account", "long"]
    assert locked["api_key"] == "str, secret; give it in run.fork(...)"
    told = json.dumps(form(3, STATE, []))
    assert "s3cr3t" not in told
    assert len(told) < 4_000


def test_a_form_has_a_bounded_number_of_fields_and_says_how_many_are_left() -> None:
    told = form(1, {f"k{number}": number for number in range(KEYS + 5)}, [])
    assert (len(told["fields"]), told["left"]) == (KEYS, "5 more keys: give them in run.fork(...)")
    assert form(1, {}, [])["left"] == ""


# Reading


def test_values_are_read_as_the_type_of_what_was_there() -> None:
    entered = {
        "text": "9",
        "score": "9",
        "weight": "1",
        "urgent": True,
        "tags": '["b"]',
        "pair": "[3, 4]",
        "nothing": '"x"',
    }
    found = changed(**entered)
    assert found == {
        "text": "9", "score": 9, "weight": 1.0, "urgent": True, "tags": ["b"], "pair": (3, 4), "nothing": "x",
    }  # fmt: skip
    assert type(found["weight"]) is float


def test_what_is_entered_as_it_was_is_no_change() -> None:
    assert changed(text=STATE["text"], score=" 8 ", weight="0.50", urgent=False, tags=' [ "a" ]', pair="[1,2]") == {}


def test_what_cannot_be_read_is_told_by_its_key() -> None:
    assert refused(score="nine") == "score is a whole number, not 'nine'."
    assert refused(score="9.5") == "score is a whole number, not '9.5'."
    assert refused(weight="") == "weight is a number, not ''."
    assert refused(tags="[").startswith("tags is not JSON: ")
    assert refused(tags="{}") == "tags is list, and this is dict {}; give a list."
    assert refused(urgent="yes") == "urgent is bool, not 'yes'."
    assert refused(text=7) == "text is str, not 7."


@pytest.mark.parametrize("key", ["api_key", "account", "long", "by_number", "unknown", "__class__"])
def test_a_key_that_is_locked_or_unknown_is_refused(key: str) -> None:
    assert refused(**{key: "1"}) == f"{key} cannot be edited here."


def test_of_a_declared_key_the_state_class_says_what_fits() -> None:
    assert changed(("score", "tags"), score="9.5", tags="null") == {"score": 9.5, "tags": None}


def test_what_is_right_is_read_beside_what_is_wrong() -> None:
    changes, wrong = read(STATE, {"score": "9", "weight": "much"}, ())
    assert (changes, list(wrong)) == ({"score": 9}, ["weight"])


# What changes


def test_a_preview_tells_texts_by_their_words_and_others_by_both_values() -> None:
    page = preview(STATE, {"text": "Bees.\nThey sing.", "score": 9})
    text, score = page["rows"]
    assert text["diff"]["rows"][1]["spans"] == [["=", "They "], ["-", "fly"], ["+", "sing"], ["=", "."]]
    assert (score["before"]["short"], score["after"]["short"]) == ("8", "9")
    assert (page["left"], page["unchanged"]) == (0, len(STATE) - 2)
