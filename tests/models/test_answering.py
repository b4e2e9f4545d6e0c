"""Answers put together from their pieces, as various endpoints stream them."""

from __future__ import annotations

from typing import Any

import pytest

from nbgraph.models.answering import MOST_TOKENS, Answering, NoCompletion
from nbgraph.models.records import Reply, Tokens, ToolCall


def put_together(*pieces: Any) -> Reply:
    answer = Answering()
    for piece in pieces:
        answer.take(piece)
    return answer.reply()


def delta(finish: str | None = None, **parts: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": parts, "finish_reason": finish}]}


def called(**parts: Any) -> dict[str, Any]:
    return delta(tool_calls=[parts])


def test_the_pieces_of_a_text_become_one() -> None:
    reply = put_together(
        delta(role="assistant", content=""), delta(content="Bees"), delta(content=" dance"), delta("stop")
    )

    assert (reply.text, reply.finish) == ("Bees dance", "stop")


def test_each_piece_tells_the_text_that_is_in_it() -> None:
    answer = Answering()

    assert [answer.take(each) for each in (delta(content="Bees"), delta(), delta(content=" dance"))] == [
        "Bees",
        "",
        " dance",
    ]


def test_an_answer_without_an_end_has_no_finish() -> None:
    assert put_together(delta(content="Bees")).finish == ""


def test_the_pieces_of_a_call_are_put_together() -> None:
    reply = put_together(
        called(index=0, id="a", type="function", function={"name": "search", "arguments": ""}),
        called(index=0, function={"arguments": '{"q":'}),
        called(index=0, function={"arguments": "1}"}),
    )

    assert reply.calls == (ToolCall("a", "search", '{"q":1}'),)


def test_calls_side_by_side_may_be_mixed() -> None:
    reply = put_together(
        called(index=0, id="a", function={"name": "one", "arguments": "{"}),
        called(index=1, id="b", function={"name": "two", "arguments": "{"}),
        called(index=1, function={"arguments": "}"}),
        called(index=0, function={"arguments": "}"}),
    )

    assert reply.calls == (ToolCall("a", "one", "{}"), ToolCall("b", "two", "{}"))


@pytest.mark.parametrize("index", [{}, {"index": None}, {"index": 0}])
def test_calls_that_are_all_numbered_alike_are_told_apart_by_their_ids(index: dict[str, Any]) -> None:
    reply = put_together(
        called(**index, id="a", function={"name": "one", "arguments": "{}"}),
        called(**index, id="b", function={"name": "two", "arguments": "{}"}),
    )

    assert [call.name for call in reply.calls] == ["one", "two"]


def test_an_id_that_is_repeated_is_of_the_same_call() -> None:
    reply = put_together(
        called(index=0, id="a", function={"name": "one", "arguments": "{"}),
        called(index=0, id="a", function={"name": "one", "arguments": "}"}),
    )

    assert reply.calls == (ToolCall("a", "one", "{}"),)


def test_a_call_without_an_id_gets_one() -> None:
    assert put_together(called(index=0, function={"name": "one"})).calls == (ToolCall("call_1", "one", ""),)


def test_a_call_without_a_name_is_none() -> None:
    with pytest.raises(NoCompletion, match="it calls a tool without a name"):
        put_together(called(index=0, id="a", function={"arguments": "{}"}))


def test_of_several_choices_the_first_counts() -> None:
    other = {"choices": [{"index": 1, "delta": {"content": "Wasps"}, "finish_reason": "length"}]}

    assert put_together(delta(content="Bees"), other, delta("stop")).text == "Bees"


def test_two_calls_without_ids_and_numbers_are_told_apart_by_their_names() -> None:
    def part(name: str, arguments: str) -> dict[str, Any]:
        return {"choices": [{"delta": {"tool_calls": [{"function": {"name": name, "arguments": arguments}}]}}]}

    reply = put_together(part("delete", ""), part("look", '{"path":'), part("", '"/x"}'), delta("tool_calls"))
    assert [(call.name, call.arguments) for call in reply.calls] == [("delete", ""), ("look", '{"path":"/x"}')]


@pytest.mark.parametrize(
    ("used", "tokens"),
    [
        ({"prompt_tokens": 7, "completion_tokens": 3}, Tokens(7, 0, 3)),
        ({"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": None}, Tokens(7, 0, 3)),
        ({"prompt_tokens": 7, "prompt_tokens_details": {"cached_tokens": 5}}, Tokens(7, 5, 0)),
        ({"prompt_tokens": -7, "completion_tokens": None}, None),
        ({"input_tokens": 500, "output_tokens": 300}, None),
        ({"total_tokens": 900}, None),
        ({"prompt_tokens": 10**100, "completion_tokens": "3"}, Tokens(MOST_TOKENS, 0, 3)),
        (None, None),
        ({}, None),
    ],
)
def test_tokens_are_read_as_far_as_they_are_told(used: Any, tokens: Tokens | None) -> None:
    assert put_together(delta("stop", content="x"), {"choices": [], "usage": used}).tokens == tokens


def test_of_tokens_told_several_times_the_last_count() -> None:
    pieces = [{"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": number}} for number in (1, 2, 3)]

    assert put_together(*pieces).tokens == Tokens(7, 0, 3)


def test_a_sign_whose_halves_come_in_two_pieces_is_whole() -> None:
    assert put_together(delta(content="\ud83d"), delta(content="\udc1d!")).text == "\U0001f41d!"


def test_half_a_sign_is_one_that_can_be_stored() -> None:
    reply = put_together(
        delta(content="a\ud800", refusal="\ud800"),
        called(index=0, id="\ud800", function={"name": "\ud800", "arguments": "\ud800"}),
    )

    assert "\ud800" not in repr(reply)
    assert reply.text == "a\ufffd"


@pytest.mark.parametrize(
    "piece",
    [
        None,
        3,
        [],
        "text",
        {"choices": 3},
        {"choices": [3]},
        {"choices": [{"delta": 3}]},
        delta(content=3),
        delta(content=["a"]),
        delta(tool_calls=3),
        delta(tool_calls=[3]),
        called(function=3),
        called(function={"name": 3}),
        called(id=3),
        called(index=[], function={"name": "x"}),
        called(function={"name": "x", "arguments": {"a": 1}}),
        {"usage": 3},
        {"usage": {"prompt_tokens": "many"}},
        {"usage": {"prompt_tokens": float("inf")}},
        {"usage": {"prompt_tokens": float("nan")}},
        {"usage": {"prompt_tokens": [1]}},
        {"usage": {"prompt_tokens_details": 3}},
    ],
)
def test_a_piece_that_makes_no_sense_is_told(piece: Any) -> None:
    with pytest.raises(NoCompletion, match="a piece of it makes no sense") as caught:
        put_together(piece)

    assert len(str(caught.value)) < 200


def test_who_answered_and_why_it_ended_are_texts() -> None:
    reply = put_together({"model": 5, "choices": [{"delta": {}, "finish_reason": 3}]})

    assert (reply.model, reply.finish) == ("5", "3")
