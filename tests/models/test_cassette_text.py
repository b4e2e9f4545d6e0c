"""The text of a cassette, and the events of a stream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nbgraph.models.cassette_text import Exchange, events_of, has_ended, read, scrubbed, stream_of, written
from tests.models.asking import KEY

ENDED = {"choices": [{"delta": {}, "finish_reason": "stop"}]}


def piece(text: str, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text, **more}}]}


@pytest.mark.parametrize(
    "exchanges",
    [
        [],
        [Exchange("/chat/completions", {"messages": []}, ["[DONE]"])],
        [Exchange("/a", {"x": "ü\n\u2028"}, [piece("Bees"), ENDED]), Exchange("/b", {}, [])],
        [Exchange("/a", {"x": "\ud800"}, [piece("\ud800")])],
    ],
)
def test_what_is_written_can_be_read(exchanges: list[Exchange]) -> None:
    text = written(exchanges)

    assert read(text) == exchanges
    assert text.encode()


def test_each_event_has_a_line_of_its_own() -> None:
    lines = written([Exchange("/a", {}, [piece("Bees"), piece(" dance"), "[DONE]"])]).splitlines()

    assert sum("content" in line for line in lines if "content_type" not in line) == 2
    assert lines[-1] == "}"


@pytest.mark.parametrize(
    ("content", "events"),
    [
        (b"", []),
        (b"data: [DONE]\n\n", ["[DONE]"]),
        (b'data: {"a": 1}\n\ndata:{"b": 2}\n\n', [{"a": 1}, {"b": 2}]),
        (b'data: {"a":\ndata: 1}\n\n', [{"a": 1}]),
        (b'data: {"a": 1}\r\n\r\ndata: {"b": 2}\r\r', [{"a": 1}, {"b": 2}]),
        (b': keep alive\n\nevent: x\nid: 3\ndata: {"a": 1}\n\n', [{"a": 1}]),
        (b'data: {"a": 1}', [{"a": 1}]),
        (b"data: {\n\n", ["{"]),
        (b"data: 3\n\n", ["3"]),
        (b"data: \xff\n\n", ["\ufffd"]),
        ('data: {"a": "\u2028\x85"}\n\n'.encode(), [{"a": "\u2028\x85"}]),
    ],
)
def test_the_events_of_a_stream_are_found(content: bytes, events: list[Any]) -> None:
    assert events_of(content) == events


def test_a_stream_of_events_has_the_same_events() -> None:
    events = [piece("Bees\n\n"), piece("ü\u2028"), "no\nJSON", ENDED, "[DONE]"]

    assert events_of(stream_of(events)) == events


@pytest.mark.parametrize(
    ("events", "ended"),
    [
        ([], False),
        (["[DONE]"], False),
        ([piece("Bees")], False),
        ([piece("Bees"), ENDED], True),
        ([{"choices": 3}, {"choices": [3]}, 3], False),
    ],
)
def test_an_answer_has_ended_when_it_says_why(events: list[Any], ended: bool) -> None:
    assert has_ended(events) is ended


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_a_key_that_lies_in_several_pieces_is_taken_out(size: int) -> None:
    said = f"Your key is {KEY}. Bees dance."
    events = [piece(said[begin : begin + size]) for begin in range(0, len(said), size)]

    clean = scrubbed(events, None)

    text = "".join(event["choices"][0]["delta"]["content"] for event in clean)
    assert text == "Your key is [redacted]. Bees dance."


def test_a_key_in_the_arguments_of_a_call_is_taken_out() -> None:
    said = json.dumps({"q": KEY})
    parts = [{"index": 0, "function": {"arguments": each}} for each in said]
    events = [{"choices": [{"index": 0, "delta": {"tool_calls": [part]}}]} for part in parts]

    clean = scrubbed(events, None)

    text = "".join(event["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"] for event in clean)
    assert json.loads(text) == {"q": "[redacted]"}


def test_pieces_without_keys_stay_as_they_are() -> None:
    events = [piece("Bees"), piece(" dance"), ENDED, "[DONE]"]

    assert scrubbed(events, KEY) == events
