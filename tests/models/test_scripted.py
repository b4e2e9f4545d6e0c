"""Scripted replies: what a scripted model says, calls, or gets wrong, as plain data."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from nbgraph.errors import InputError
from nbgraph.models.scripted import Answer, Broken, as_text, broken, calls, cut, drips, fails, hangs, says, settled


class Bee(BaseModel):
    name: str
    legs: int = 6


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("as it is {", "as it is {"),
        ({"name": "Maja"}, {"name": "Maja"}),
        ([1, "two"], [1, "two"]),
        (True, True),
        (Bee(name="Maja"), {"name": "Maja", "legs": 6}),
        ([Bee(name="Maja")], [{"name": "Maja", "legs": 6}]),
    ],
)
def test_what_is_no_text_becomes_json(value: Any, meant: Any) -> None:
    text = as_text(value)

    assert (text if isinstance(value, str) else json.loads(text)) == meant


@pytest.mark.parametrize("value", [None, Bee, object(), {1, 2}, b"bytes"])
def test_what_json_cannot_say_is_no_reply(value: Any) -> None:
    with pytest.raises(InputError, match="a reply is a text, what JSON can say"):
        as_text(value)


def test_calls_of_one_tool_take_its_arguments_by_name() -> None:
    assert calls("search", query="bees", name="x").calls == (("search", '{"query": "bees", "name": "x"}'),)


def test_several_calls_stand_in_tuples_and_a_text_is_kept_as_it_is() -> None:
    assert calls(("search", {"query": "bees"}), ("ops", "{")).calls == (("search", '{"query": "bees"}'), ("ops", "{"))


def test_text_and_calls_go_together() -> None:
    assert says("Let me look.", calls("search")) == Answer(text="Let me look.", calls=(("search", "{}"),))


def test_what_changes_the_sending_takes_any_answer_and_can_be_combined() -> None:
    answer = cut(drips(calls("search"), every=0.5))

    assert answer == Answer(calls=(("search", "{}"),), every=0.5, ending="cut")


@pytest.mark.parametrize("pydantic", [says(Bee(name="Maja")), drips(Bee(name="Maja")), hangs(Bee(name="Maja"))])
def test_an_object_can_stand_in_place_of_a_text_everywhere(pydantic: Answer) -> None:
    assert json.loads(pydantic.text) == {"name": "Maja", "legs": 6}


@pytest.mark.parametrize(
    ("status", "kind", "code", "message"),
    [
        (429, "invalid_request_error", "rate_limit_exceeded", "Too Many Requests."),
        (500, "server_error", None, "Internal Server Error."),
        (529, "server_error", None, "Failed with the status 529."),
    ],
)
def test_a_failure_has_the_usual_words(status: int, kind: str, code: str | None, message: str) -> None:
    failure = fails(status)

    assert (failure.kind, failure.code, failure.message) == (kind, code, message)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: fails(200), "between 400 and 599, not 200"),
        (lambda: says("x", tokens=(1,)), "tokens are input and output"),
        (lambda: says("x", "search"), r"stands in calls\(...\)"),  # type: ignore[arg-type]
        (lambda: says("x", after=-1), "after is a number of seconds"),
        (lambda: drips("x", every=float("nan")), "every is a number of seconds"),
        (lambda: calls("search", ("ops", {})), "several calls stand in tuples"),
        (lambda: calls(("search", {}), query="bees"), "query stands outside"),
        (lambda: calls(("search",)), "a call is a name and its arguments"),  # type: ignore[arg-type]
        (lambda: calls(("search", 3)), "the arguments of search are a dict"),
        (lambda: drips(fails(500)), "drips takes a text"),
        (lambda: cut(lambda request: "x"), "cut takes a text"),
    ],
)
def test_a_reply_that_makes_no_sense_is_refused_in_a_sentence(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        make()


def test_a_function_is_called_with_the_request() -> None:
    assert settled(lambda request: {"asked": request["model"]}, {"model": "m"}) == Answer('{"asked": "m"}')


def test_a_function_may_give_any_reply() -> None:
    assert settled(lambda request: broken(b"\xff"), {}) == Broken(b"\xff")


def test_a_function_that_fails_says_how() -> None:
    with pytest.raises(InputError, match="a function of the script failed: ZeroDivisionError: division by zero"):
        settled(lambda request: 1 / 0, {})
