"""The wire of a scripted model: replies as the bytes of HTTP answers, with or without a stream of events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbgraph.models.records import Tokens
from nbgraph.models.scripted import Answer, broken, calls, cut, drips, fails, hangs, says
from nbgraph.models.scripted_wire import MOST_PIECES, Asked, Sending, encoded, pieces_of, sending, tokens_of

REQUEST = {"model": "m", "messages": [{"role": "user", "content": "12345"}]}
PLAIN = Asked(REQUEST)
STREAM = Asked({**REQUEST, "stream": True})


def content(sent: Sending) -> bytes:
    return b"".join(sent.pieces).partition(b"\r\n\r\n")[2]


def events(sent: Sending) -> list[Any]:
    """The data of the events in a stream; "[DONE]" as it is."""
    lines = [line.removeprefix(b"data: ") for line in content(sent).splitlines() if line.startswith(b"data: ")]
    return [line.decode() if line == b"[DONE]" else json.loads(line) for line in lines]


@given(st.text(), st.integers(1, 20))
def test_the_pieces_of_a_text_are_the_text(text: str, size: int) -> None:
    assert "".join(pieces_of(text, size)) == text


def test_a_short_text_comes_a_word_or_two_at_a_time() -> None:
    assert list(pieces_of("Bees dance to tell where.", 8)) == ["Bees dance", " to tell", " where."]


@pytest.mark.parametrize("text", ["x" * 1_000_000, "bee " * 250_000])
def test_a_megabyte_has_no_more_pieces_than_it_needs(text: str) -> None:
    assert len(events(sending(says(text), STREAM))) <= MOST_PIECES + 4


def test_the_arguments_of_a_call_come_in_fragments_after_its_id_and_name() -> None:
    deltas = [each["choices"][0]["delta"] for each in events(sending(calls("search", query="bees"), STREAM))[:-1]]

    parts = [delta["tool_calls"][0] for delta in deltas if "tool_calls" in delta]
    assert parts[0] == {"index": 0, "id": "call_1", "type": "function", "function": {"name": "search", "arguments": ""}}
    assert [part["function"]["arguments"] for part in parts[1:]] == ['{"query":', ' "bees"}']
    assert all(set(part) == {"index", "function"} for part in parts[1:])


def test_parallel_calls_are_told_apart_by_their_index() -> None:
    sent = events(sending(calls(("a", {}), ("b", {})), Asked(STREAM.request, first_call=5)))

    found = [each["choices"][0]["delta"].get("tool_calls", [{}])[0] for each in sent[:-1]]
    assert [(part["index"], part["id"]) for part in found if "id" in part] == [(0, "call_5"), (1, "call_6")]


def test_a_stream_ends_with_the_reason_and_done() -> None:
    *_, last, done = events(sending(says("x"), STREAM))

    assert (last["choices"][0]["delta"], last["choices"][0]["finish_reason"], done) == ({}, "stop", "[DONE]")


def test_usage_comes_last_in_a_stream_where_it_is_wanted() -> None:
    sent = events(sending(says("x"), Asked({**STREAM.request, "stream_options": {"include_usage": True}})))

    assert sent[-2]["choices"] == []
    assert sent[-2]["usage"]["prompt_tokens_details"] == {"cached_tokens": 0}
    assert all(each["usage"] is None for each in sent[:-2])


def test_usage_is_not_told_in_a_stream_where_it_is_not_wanted() -> None:
    assert not any("usage" in each for each in events(sending(says("x"), STREAM))[:-1])


@pytest.mark.parametrize(
    ("tokens", "meant"),
    [(None, Tokens(2, 0, 1)), ((7, 8), Tokens(7, 0, 8)), (Tokens(7, 2, 8), Tokens(7, 2, 8)), ((), None)],
)
def test_tokens_are_counted_unless_the_script_says_them(tokens: tuple[int, ...] | None, meant: Tokens | None) -> None:
    assert tokens_of(Answer("1234", tokens=tokens), REQUEST) == meant


def test_calls_in_the_conversation_are_counted_too() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    request = {"messages": [{"role": "assistant", "content": None, "tool_calls": [call]}]}

    assert tokens_of(says(""), request) == Tokens(20, 0, 0)


def test_an_endpoint_that_does_not_say_its_tokens_has_no_usage() -> None:
    assert "usage" not in json.loads(content(sending(says("x", tokens=()), PLAIN)))


def test_what_utf_8_cannot_say_is_sent_by_its_number() -> None:
    assert encoded("Biene \U0001f41d") == '"Biene \U0001f41d"'.encode()
    assert encoded("\ud800") == b'"\\ud800"'


def test_only_a_slow_stream_goes_in_several_pieces() -> None:
    slow, fast = sending(drips("one two three", 0.5), STREAM), sending(says("one two three"), STREAM)

    assert (len(slow.pieces), slow.every) == (6, 0.5)  # role, three words, finish, done
    assert (len(fast.pieces), fast.every) == (1, 0.0)


@pytest.mark.parametrize("asked", [PLAIN, STREAM])
def test_of_an_empty_reply_that_is_cut_or_hangs_nothing_comes(asked: Asked) -> None:
    assert sending(cut(), asked) == Sending([], "close")
    assert sending(hangs(), asked) == Sending([], "hang")


def test_a_stream_that_is_cut_has_its_text_and_no_end() -> None:
    sent = sending(cut("Bees dance."), STREAM)

    assert "".join(each["choices"][0]["delta"]["content"] for each in events(sent)) == "Bees dance."
    assert not content(sent).endswith(b"0\r\n\r\n")
    assert sent.then == "close"


def test_a_stream_that_is_cut_quietly_ends_well_for_http() -> None:
    sent = sending(cut("Bees dance.", quietly=True), STREAM)

    assert content(sent).endswith(b"\r\n0\r\n\r\n")
    assert b"[DONE]" not in content(sent)


def test_a_body_that_is_cut_is_half_of_its_length() -> None:
    whole, half = sending(says("Bees dance."), PLAIN), sending(cut("Bees dance."), PLAIN)

    assert f"Content-Length: {len(content(whole))}".encode() in half.pieces[0]
    assert len(content(half)) == len(content(whole)) // 2


def test_what_is_broken_is_one_event_or_a_body() -> None:
    assert content(sending(broken("{\n{"), STREAM)) == b"data: {\ndata: {\n\ndata: [DONE]\n\n"
    assert content(sending(broken("{\n{"), PLAIN)) == b"{\n{"
    assert b"Content-Type: text/html\r\n" in sending(broken("<p>", content_type="text/html"), STREAM).pieces[0]


def test_a_failure_tells_when_to_come_back() -> None:
    sent = sending(fails(429, retry_after=1), STREAM)

    assert b"\r\nRetry-After: 1\r\n" in sent.pieces[0]
    assert set(json.loads(content(sent))["error"]) == {"message", "type", "param", "code"}
