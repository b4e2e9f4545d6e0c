"""The text of a cassette: JSON with a line for each event of an answer, so that two recordings can be compared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from nbgraph.models.redaction import redacted, redacted_data

VERSION = 1
EVENTS = "text/event-stream"


class Exchange(NamedTuple):
    """The body of a request, and the events of its answer: objects as they came, and texts such as "[DONE]"."""

    path: str
    body: Mapping[str, Any]
    events: Sequence[Any]


class Damaged(Exception):
    """A text that is no cassette; the message is a clause."""


# The file


def written(exchanges: Sequence[Exchange]) -> str:
    """The text of a cassette."""
    each = ",\n".join(_exchange(exchange) for exchange in exchanges)
    return f'{{\n  "cassette": {VERSION},\n  "exchanges": [\n{each}\n  ]\n}}\n'


def read(text: str) -> list[Exchange]:
    """The exchanges of a cassette.

    Raises:
        Damaged: it is none.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"it is no JSON ({error})") from None
    version = found.get("cassette") if isinstance(found, dict) else None
    if version != VERSION:
        raise Damaged(
            f"it says no version {VERSION}" if version is None else f"it is of version {version!r}, not {VERSION}"
        )
    exchanges = found.get("exchanges")
    if not isinstance(exchanges, list):
        raise Damaged("it has no list of exchanges")
    return [_read(number, each) for number, each in enumerate(exchanges, 1)]


def _exchange(exchange: Exchange) -> str:
    request = _json({"path": exchange.path, "body": exchange.body}, indent=2).replace("\n", "\n      ")
    events = ",\n".join(f"          {_json(event)}" for event in exchange.events)
    return (
        f'    {{\n      "request": {request},\n      "response": {{\n        "status": 200,\n'
        f'        "content_type": "{EVENTS}",\n        "events": [\n{events}\n        ]\n      }}\n    }}'
    )


def _json(value: Any, indent: int | None = None) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return json.dumps(value, indent=indent)
    return text


def _read(number: int, exchange: Any) -> Exchange:
    try:
        request, response = exchange["request"], exchange["response"]
        made = Exchange(request["path"], request["body"], response["events"])
    except (KeyError, TypeError):
        raise Damaged(f"its exchange {number} is not whole") from None
    if not isinstance(made.body, dict) or not isinstance(made.events, list):
        raise Damaged(f"its exchange {number} is not whole")
    return made


# Events


def events_of(content: bytes) -> list[Any]:
    """The events of a stream: those that are JSON objects as such, others as their text."""
    events: list[Any] = []
    data: list[str] = []
    for line in [*re.split("\r\n|\n|\r", content.decode("utf-8", "replace")), ""]:
        name, _, value = line.partition(":")
        if name == "data":
            data.append(value.removeprefix(" "))
        elif not line and data:
            events.append(event_of("\n".join(data)))
            data = []
    return events


def stream_of(events: Sequence[Any]) -> bytes:
    """The stream that has these events."""
    texts = [event if isinstance(event, str) else json.dumps(event, separators=(",", ":")) for event in events]
    return "".join("".join(f"data: {line}\n" for line in text.split("\n")) + "\n" for text in texts).encode()


def has_ended(events: Sequence[Any]) -> bool:
    """Whether the answer came to its end."""
    return any(choice.get("finish_reason") for event in events for choice in _objects(event, "choices"))


def scrubbed(events: Sequence[Any], secret: str | None) -> list[Any]:
    """The events without keys, also without one that lies in the pieces of several."""
    pieces: dict[object, list[tuple[dict[str, Any], str]]] = {}
    for event in events:
        for where, holder, name in _texts(event):
            pieces.setdefault(where, []).append((holder, name))
    for found in pieces.values():
        whole = "".join(holder[name] for holder, name in found)
        clean = redacted(whole, [secret])
        if clean != whole:
            for holder, name in found:
                holder[name], clean = clean, ""
    return [redacted_data(event, [secret]) for event in events]


def _texts(event: Any) -> Iterator[tuple[object, dict[str, Any], str]]:
    """The pieces of text in an event: what they are a piece of, what holds them, and under which name."""
    for choice in _objects(event, "choices"):
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            continue
        number = str(choice.get("index"))
        yield from ((f"{number} {name}", delta, name) for name, value in delta.items() if isinstance(value, str))
        for part in _objects(delta, "tool_calls"):
            function = part.get("function")
            if isinstance(function, dict) and isinstance(function.get("arguments"), str):
                yield f"{number} call {part.get('index')}", function, "arguments"


def _objects(holder: Any, name: str) -> list[dict[str, Any]]:
    found = holder.get(name) if isinstance(holder, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def event_of(text: str) -> Any:
    """An event by its text: the JSON object that it is, else the text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, dict) else text
