"""The wire of a scripted model: replies as the bytes of HTTP answers, with or without a stream of events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from nbgraph.models.records import Tokens
from nbgraph.models.scripted import Answer, Broken, Failure, Settled
from nbgraph.models.scripted_rules import content_of

JSON, EVENTS = "application/json", "text/event-stream; charset=utf-8"
END = b"0\r\n\r\n"  # of a body that is sent in chunks
DONE = b"data: [DONE]\n\n"
MOST_PIECES = 256  # of a text in a stream, so that a megabyte takes no longer than it has to
WORDS = 8  # characters, a word or two, of a short one


@dataclass(frozen=True)
class Sending:
    """What goes over the connection: `pieces`, `every` seconds apart, beginning `after` seconds.

    `then` the connection is kept for the next request, or closed, or nothing more happens on it.
    """

    pieces: Sequence[bytes]
    then: Literal["keep", "close", "hang"] = "keep"
    after: float = 0.0
    every: float = 0.0


@dataclass(frozen=True)
class Asked:
    """What an answer repeats of its request: `number` counts the answers, `first_call` the calls of tools."""

    request: Mapping[str, Any]
    number: int = 1
    first_call: int = 1

    @property
    def stream(self) -> bool:
        """Whether events are wanted."""
        return bool(self.request.get("stream"))

    @property
    def with_usage(self) -> bool:
        """Whether a stream shall tell its tokens."""
        options = self.request.get("stream_options")
        return isinstance(options, Mapping) and bool(options.get("include_usage"))


def sending(reply: Settled, asked: Asked) -> Sending:
    """How `reply` is sent."""
    if isinstance(reply, Failure):
        return Sending([_failed(reply)])
    if isinstance(reply, Broken):
        return Sending([_raw(reply, asked.stream)])
    if reply.empty and reply.ending in ("cut", "hang"):
        return Sending([], "close" if reply.ending == "cut" else "hang", reply.after)
    return _streamed(reply, asked) if asked.stream else _in_one(reply, asked)


def failed(status: int, message: str, kind: str = "invalid_request_error", code: str | None = None) -> Sending:
    """How an error is sent."""
    return Sending([_failed(Failure(status, message, kind, code))])


def head(status: int, *fields: tuple[str, object]) -> bytes:
    """The head of an HTTP answer."""
    lines = [f"HTTP/1.1 {status} {_phrase(status)}", *(f"{name}: {value}" for name, value in fields)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def body(status: int, content: bytes, *fields: tuple[str, object], content_type: str = JSON) -> bytes:
    """A whole HTTP answer."""
    return head(status, ("Content-Type", content_type), ("Content-Length", len(content)), *fields) + content


def encoded(value: Any) -> bytes:
    """JSON as endpoints send it; a half of a surrogate pair, which UTF-8 cannot say, by its number."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def pieces_of(text: str, size: int) -> Iterator[str]:
    """`text` in pieces of about `size` characters, cut before a space where there is one."""
    begin = 0
    while begin < len(text):
        space = text.find(" ", begin + size, begin + 2 * size + WORDS)
        end = begin + size + WORDS if space < 0 else space
        yield text[begin:end]
        begin = end


def tokens_of(answer: Answer, request: Mapping[str, Any]) -> Tokens | None:
    """What the answer took: as the script says, else one token for four characters."""
    if answer.tokens is None:
        said = len(answer.text) + len(answer.refusal) + sum(len(name) + len(text) for name, text in answer.calls)
        return Tokens(_quarter(_asked_length(request)), 0, _quarter(said))
    if len(answer.tokens) == 2:
        return Tokens(answer.tokens[0], 0, answer.tokens[1])
    return Tokens(*answer.tokens) if answer.tokens else None


def _quarter(characters: int) -> int:
    return (characters + 3) // 4


def _asked_length(request: Mapping[str, Any]) -> int:
    messages = [each for each in request.get("messages") or () if isinstance(each, Mapping)]
    called = [message.get("tool_calls") for message in messages]
    return sum(len(content_of(each)) for each in messages) + sum(len(encoded(each)) for each in called if each)


def _in_one(answer: Answer, asked: Asked) -> Sending:
    whole = body(200, encoded(_completion(answer, asked)))
    if answer.ending == "whole":
        return Sending(_dripping(whole) if answer.every else [whole], "keep", answer.after, answer.every)
    content = whole.partition(b"\r\n\r\n")[2]
    half = content[: len(content) // 2]
    if answer.ending == "cut quietly":
        return Sending([body(200, half)], "keep", answer.after)
    sent = whole[: len(whole) - len(content) + len(half)]
    pieces = _dripping(sent) if answer.every else [sent]
    return Sending(pieces, "close" if answer.ending == "cut" else "hang", answer.after, answer.every)


def _dripping(whole: bytes) -> list[bytes]:
    size = WORDS * 4  # a body has more signs than words
    return [whole[begin : begin + size] for begin in range(0, len(whole), size)]


def _streamed(answer: Answer, asked: Asked) -> Sending:
    events = [_chunk(_event(encoded(each))) for each in _chunks(answer, asked)]
    first = head(200, ("Content-Type", EVENTS), ("Cache-Control", "no-cache"), ("Transfer-Encoding", "chunked"))
    if answer.ending == "whole":
        events.append(_chunk(DONE))
    if answer.ending in ("whole", "cut quietly"):
        events[-1] += END
    events[0] = first + events[0]
    pieces = events if answer.every else [b"".join(events)]
    then: dict[str, Literal["keep", "close", "hang"]] = {"cut": "close", "hang": "hang"}
    return Sending(pieces, then.get(answer.ending, "keep"), answer.after, answer.every)


def _event(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _completion(answer: Answer, asked: Asked) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": _content(answer), "refusal": answer.refusal or None}
    if answer.calls:
        message["tool_calls"] = _called(answer, asked)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(answer)}
    tokens = tokens_of(answer, asked.request)
    told = {} if tokens is None else {"usage": _usage(tokens)}
    return {**_frame(answer, asked, "chat.completion"), "choices": [choice], **told}


def _content(answer: Answer) -> str | None:
    return None if not answer.text and (answer.calls or answer.refusal) else answer.text


def _called(answer: Answer, asked: Asked) -> list[dict[str, Any]]:
    numbered = enumerate(answer.calls, asked.first_call)
    return [
        {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for number, (name, arguments) in numbered
    ]


def _chunks(answer: Answer, asked: Asked) -> Iterator[dict[str, Any]]:
    frame = _frame(answer, asked, "chat.completion.chunk")
    more = {"usage": None} if asked.with_usage else {}
    for delta in _deltas(answer, asked):
        yield {**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": None}], **more}
    if answer.ending != "whole":
        return
    yield {**frame, "choices": [{"index": 0, "delta": {}, "finish_reason": _finish(answer)}], **more}
    tokens = tokens_of(answer, asked.request)
    if tokens is not None and asked.with_usage:
        yield {**frame, "choices": [], "usage": _usage(tokens)}


def _deltas(answer: Answer, asked: Asked) -> Iterator[dict[str, Any]]:
    """As the real ones come: the role, pieces of text, then each call: first its id and name, then its arguments."""
    yield {"role": "assistant", "content": None if _content(answer) is None else "", "refusal": None}
    for key, text in (("content", answer.text), ("refusal", answer.refusal)):
        yield from ({key: piece} for piece in _pieces(answer, text))
    for index, call in enumerate(_called(answer, asked)):
        arguments = call["function"]["arguments"]
        yield _call_delta({"index": index, **call, "function": {**call["function"], "arguments": ""}})
        for piece in _pieces(answer, arguments):
            yield _call_delta({"index": index, "function": {"arguments": piece}})


def _call_delta(call: dict[str, Any]) -> dict[str, Any]:
    return {"tool_calls": [call]}


def _pieces(answer: Answer, text: str) -> Iterable[str]:
    return pieces_of(text, 1 if answer.every else max(WORDS, len(text) // MOST_PIECES))


def _frame(answer: Answer, asked: Asked, kind: str) -> dict[str, Any]:
    model = answer.model or asked.request.get("model") or "scripted"
    return {"id": f"chatcmpl-{asked.number}", "object": kind, "created": 0, "model": model}


def _finish(answer: Answer) -> str:
    return answer.finish or ("tool_calls" if answer.calls else "stop")


def _usage(tokens: Tokens) -> dict[str, Any]:
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cached},
    }


def _failed(failure: Failure) -> bytes:
    said = {"message": failure.message, "type": failure.kind, "param": None, "code": failure.code}
    wait = () if failure.retry_after is None else (("Retry-After", failure.retry_after),)
    return body(failure.status, encoded({"error": said}), *wait)


def _raw(reply: Broken, stream: bool) -> bytes:
    if not stream or reply.content_type or reply.status != 200:
        return body(reply.status, reply.raw, content_type=reply.content_type or JSON)
    lines = b"\n".join(b"data: " + line for line in reply.raw.split(b"\n"))
    return body(200, lines + b"\n\n" + DONE, content_type=EVENTS)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:  # such as 529
        return "Error"
