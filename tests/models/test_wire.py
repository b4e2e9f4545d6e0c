"""The wire: one call of a model by the real client, over real HTTP, against a scripted model."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from nbgraph.models.records import Reply, Request, Tokens, ToolCall
from nbgraph.models.settings import Endpoint
from nbgraph.models.wire import close_clients, complete
from nbgraph.testing import ScriptedModel, broken, calls, cut, drips, fails, hangs, says
from tests.models.asking import HELLO, KEY, Asked, asking, at, raw_server

pytestmark = pytest.mark.slow

SEARCH = {"type": "function", "function": {"name": "search", "parameters": {"type": "object", "properties": {}}}}
STRICT = {
    "type": "object",
    "properties": {"score": {"type": "integer"}},
    "required": ["score"],
    "additionalProperties": False,
}


def test_an_answer_comes_with_what_it_took_and_who_gave_it(asked: Asked) -> None:
    with ScriptedModel([says("Bees dance.", tokens=(7, 5, 3), model="m-2026")]) as model:
        reply = asked(model)

    assert reply == Reply("Bees dance.", (), Tokens(7, 5, 3), "stop", "m-2026")


def test_what_is_sent_is_what_was_asked_and_a_stream_that_tells_its_tokens(asked: Asked) -> None:
    with ScriptedModel(["x"]) as model:
        asked(model, Request("big", [{"role": "system", "content": "Be brief."}, *HELLO.messages], (SEARCH,), 0.5))

    assert model.requests == [
        {
            "model": "big",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello."}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "tools": [SEARCH],
            "temperature": 0.5,
        }
    ]
    assert model.seen[0].headers["authorization"] == f"Bearer {KEY}"


def test_the_model_of_the_endpoint_is_asked_where_the_request_names_none(asked: Asked) -> None:
    with ScriptedModel(["x"]) as model:
        asked(model)

    assert model.requests[0]["model"] == "m"


def test_each_piece_of_the_text_is_told_as_it_comes(asked: Asked) -> None:
    pieces: list[str] = []
    with ScriptedModel([hangs("Bees dance in the hive, and flowers know it.")]) as model:
        asked.fails(model, wrote=pieces.append, timeout=0.1)

    assert "".join(pieces) == "Bees dance in the hive, and flowers know it."
    assert len(pieces) > 1


def test_an_endpoint_that_does_not_tell_tokens_gives_none(asked: Asked) -> None:
    with ScriptedModel([says("x", tokens=())]) as model:
        assert asked(model).tokens is None


def test_a_call_of_a_tool_comes_with_its_arguments_as_text(asked: Asked) -> None:
    with ScriptedModel([calls("search", query="bees")]) as model:
        reply = asked(model, asking("Search.", tools=[SEARCH]))

    assert reply.calls == (ToolCall("call_1", "search", '{"query": "bees"}'),)
    assert (reply.text, reply.finish) == ("", "tool_calls")


def test_calls_side_by_side_are_kept_apart_and_in_order(asked: Asked) -> None:
    script = [says("Wait.", calls(("search", {"query": "x" * 500}), ("ops", "{"), ("search", {})))]
    with ScriptedModel(script) as model:
        reply = asked(model)

    assert reply.text == "Wait."
    assert [(call.name, len(call.arguments)) for call in reply.calls] == [("search", 513), ("ops", 1), ("search", 2)]
    assert len({call.id for call in reply.calls}) == 3


def test_the_message_of_a_reply_can_be_sent_again(asked: Asked) -> None:
    with ScriptedModel([calls("search", query="bees"), "Bees dance."]) as model:
        first = asked(model)
        result = {"role": "tool", "tool_call_id": first.calls[0].id, "content": "found"}
        asked(model, Request("", [*HELLO.messages, first.message, result]))

    assert model.requests[1]["messages"][1:] == [first.message, result]


@pytest.mark.parametrize(("schema", "strict"), [(STRICT, True), ({"type": "object"}, False)])
def test_a_schema_is_sent_and_kept_to_strictly_where_it_can_be(asked: Asked, schema: Any, strict: bool) -> None:
    with ScriptedModel([{"score": 3}]) as model:
        reply = asked(model, asking("Judge.", schema=schema))

    named = {"name": "answer", "schema": schema, "strict": strict}
    assert model.requests[0]["response_format"] == {"type": "json_schema", "json_schema": named}
    assert reply.text == '{"score": 3}'


def test_a_refusal_is_no_text(asked: Asked) -> None:
    with ScriptedModel([says(refusal="I will not.")]) as model:
        reply = asked(model)

    assert (reply.text, reply.refusal) == ("", "I will not.")


def test_why_an_answer_ended_is_told(asked: Asked) -> None:
    with ScriptedModel([says("Bees da", finish="length")]) as model:
        assert asked(model).finish == "length"


def test_an_answer_of_a_megabyte_comes_whole(asked: Asked) -> None:
    text = "Bees dance. " * 90_000
    with ScriptedModel([text]) as model:
        assert asked(model).text == text


# Failures


@pytest.mark.parametrize(
    ("reply", "sentence", "again"),
    [
        (fails(400, "No such role."), "refused the request to m (400): No such role.", False),
        (fails(401), "does not take the key (401); check OPENAI_API_KEY, or nbgraph.configure(api_key=...).", False),
        (fails(403, "Not here."), "does not allow this key to call m (403): Not here.", False),
        (fails(404, "No such thing."), "has no model 'm', or its base_url is not right (404): No such thing.", False),
        (fails(408), "m at {} is not available at the moment (408): Request Timeout.", True),
        (fails(413), "refused the request to m (413)", False),
        (fails(429), "has had too many requests for m (429): Too Many Requests.", True),
        (fails(429, "Pay.", code="insufficient_quota"), "the account at {} has no credit left (429): Pay.", False),
        (fails(500), "m at {} is not available at the moment (500): Internal Server Error.", True),
        (fails(503), "m at {} is not available at the moment (503): Service Unavailable.", True),
        (fails(529), "m at {} is not available at the moment (529)", True),
    ],
)
def test_a_status_of_failure_is_a_sentence(asked: Asked, reply: Any, sentence: str, again: bool) -> None:
    with ScriptedModel([reply]) as model:
        error = asked.fails(model)
        host = at(model).host

    assert sentence.format(host) in str(error)
    assert host in str(error)
    assert (error.status, error.again) == (reply.status, again)


@pytest.mark.parametrize("said", [2, "2", "0.5"])
def test_how_long_to_wait_is_told(asked: Asked, said: Any) -> None:
    with ScriptedModel([fails(429, retry_after=said)]) as model:
        assert asked.fails(model).wait == float(said)


def test_the_client_does_not_try_again_by_itself(asked: Asked) -> None:
    with ScriptedModel([fails(500)], otherwise="x") as model:
        asked.fails(model)

    assert len(model.requests) == 1


@pytest.mark.parametrize("word", ["response_format", "temperature", "stream_options"])
def test_what_an_endpoint_does_not_take_has_a_remedy(asked: Asked, word: str) -> None:
    with ScriptedModel([fails(400, f"Unknown parameter: {word}.")]) as model:
        error = str(asked.fails(model))

    assert f"Unknown parameter: {word}; " in error


@pytest.mark.parametrize("reply", [hangs(), hangs("Bees dance.")])
def test_an_endpoint_that_is_silent_is_given_up(asked: Asked, reply: Any) -> None:
    with ScriptedModel([reply]) as model:
        error = asked.fails(model, timeout=0.1)

    assert "sent nothing for 0.1 s; nbgraph.configure(timeout=...)" in str(error)
    assert error.again


def test_a_slow_answer_is_waited_for_as_long_as_pieces_come(asked: Asked) -> None:
    with ScriptedModel([drips("Bees dance in the hive.", every=0.04)]) as model:
        assert asked(model, timeout=0.2).text == "Bees dance in the hive."


@pytest.mark.parametrize("reply", [cut(), cut("Bees dance."), cut("Bees dance.", quietly=True), cut(calls("search"))])
def test_a_part_of_an_answer_is_none(asked: Asked, reply: Any) -> None:
    with ScriptedModel([reply]) as model:
        error = asked.fails(model)

    assert "broke off" in str(error)
    assert error.again


@pytest.mark.parametrize("raw", ["{", "null", "3", "[]", '{"choices": 3}', '{"choices": [{"delta": {"content": 3}}]}'])
def test_what_is_no_chat_completion_is_told_and_asked_again(asked: Asked, raw: str) -> None:
    with ScriptedModel([broken(raw)]) as model:
        error = asked.fails(model)

    assert "m at " in str(error)
    assert error.again


@pytest.mark.parametrize(
    ("error", "again"),
    [
        ({"message": "Overloaded.", "type": "server_error"}, True),
        ({"message": "Too fast.", "code": 429}, True),
        ({"message": "Too long.", "code": "context_length_exceeded"}, False),
        ({"message": "No such model.", "code": 404}, False),
    ],
)
def test_an_error_within_a_stream_is_told(asked: Asked, error: dict[str, Any], again: bool) -> None:
    with ScriptedModel([broken(json.dumps({"error": error}))]) as model:
        caught = asked.fails(model)

    assert str(caught).endswith(f"stopped in its answer: {error['message']}")
    assert caught.again is again


@pytest.mark.parametrize("kind", ["text/html", "application/json; charset=utf-8"])
def test_what_is_no_stream_asks_for_the_address(asked: Asked, kind: str) -> None:
    with ScriptedModel([broken("<h1>Welcome</h1>", content_type=kind)]) as model:
        error = asked.fails(model)

    assert f"answered with {kind.partition(';')[0]} where m was to stream; check base_url" in str(error)
    assert not error.again


def test_an_endpoint_that_does_not_run_is_told(asked: Asked) -> None:
    with ScriptedModel() as model:
        gone = at(model)

    error = asked.fails(gone)

    assert f"{gone.host} could not be reached; check its address, the network, and whether it runs" in str(error)
    assert error.again


@pytest.mark.parametrize("content", [object(), "\ud800"])
def test_what_json_cannot_say_is_told(asked: Asked, content: Any) -> None:
    with ScriptedModel(["x"]) as model:
        error = asked.fails(model, asking(content))

    assert "what m is asked cannot be said in JSON" in str(error)
    assert not error.again


def test_no_message_shows_a_key(asked: Asked) -> None:
    said = f"The key {KEY} or Bearer abcdef0123456789 is wrong."
    with ScriptedModel([fails(400, said), fails(403, said), fails(500, said), fails(401, said)]) as model:
        errors = [asked.fails(model) for _ in range(4)]

    assert all("0123456789" not in str(error) + repr(error) for error in errors)
    assert "[redacted]" in str(errors[0])
    assert KEY not in repr(at(model)) if model._port else True


def test_a_failure_hides_the_error_of_the_client(asked: Asked) -> None:
    with ScriptedModel([fails(500)]) as model:
        error = asked.fails(model)

    assert error.__suppress_context__


def test_a_call_of_an_unknown_tool_comes_as_it_is(asked: Asked) -> None:
    with ScriptedModel([calls("no_such_tool", x=1)]) as model:
        assert asked(model, asking("Search.", tools=[SEARCH])).calls[0].name == "no_such_tool"


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8"])
def test_an_answer_that_is_not_streamed_counts_too(asked: Asked, kind: str) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "search", "arguments": "{}"}}
    message = {"role": "assistant", "content": "Wait.", "tool_calls": [call, {**call, "id": "b"}]}
    whole = {"model": "m-1", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    with ScriptedModel([broken(json.dumps(whole), content_type=kind)]) as model:
        reply = asked(model)

    assert (reply.text, reply.model, reply.finish) == ("Wait.", "m-1", "tool_calls")
    assert reply.calls == (ToolCall("a", "search", "{}"), ToolCall("b", "search", "{}"))


def test_an_error_that_comes_as_success_is_told(asked: Asked) -> None:
    said = json.dumps({"error": {"message": "No credit.", "code": 402}})
    with ScriptedModel([broken(said, content_type="application/json")]) as model:
        error = asked.fails(model)

    assert str(error).endswith("stopped in its answer: No credit.")
    assert (error.status, error.again) == (402, False)


@pytest.mark.parametrize("sent", ["{}", "[]", "3", "{", "[" * 100_000])
def test_json_that_is_no_answer_asks_for_the_address(asked: Asked, sent: str) -> None:
    with ScriptedModel([broken(sent, content_type="application/json")]) as model:
        assert "answered with application/json where m was to stream; check base_url" in str(asked.fails(model))


@pytest.mark.parametrize("head", ["<html>", "\ufeff\n<!doctype html>", "Bad gateway: "])
def test_a_page_of_two_megabytes_is_no_message(asked: Asked, head: str) -> None:
    page = broken(head + "x" * 2_000_000, status=502, content_type="text/html; charset=utf-8")
    with ScriptedModel([page]) as model:
        error = asked.fails(model)

    assert str(error) == f"m at {at_host(error)} is not available at the moment (502)."


def test_a_long_message_of_an_endpoint_is_cut(asked: Asked) -> None:
    with ScriptedModel([fails(400, "Too much. " * 100_000)]) as model:
        assert len(str(asked.fails(model))) < 700


def at_host(error: Exception) -> str:
    return str(error).partition(" at ")[2].partition(" is")[0]


STREAM = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
DONE = b'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def sent(asked: Asked, *answers: bytes) -> Reply:
    with raw_server(*answers) as (url, _):
        return asked(Endpoint(url, KEY, "m", timeout=10.0))


@pytest.mark.parametrize(
    "headers",
    [
        b"",
        b"Content-Type: application/octet-stream\r\n",
        b"Content-Type: ;;;\r\n",
        b"Content-Type: text/event-stream; charset=no-such\r\n",
        b"Content-Type: text/event-stream\r\nContent-Type: text/html\r\n",
        b"X-Signs: \xff\xfe\r\n",
        b"X-Many: a\r\n" * 1000,
    ],
)
def test_a_stream_is_read_whatever_its_headers_say(asked: Asked, headers: bytes) -> None:
    assert sent(asked, STREAM + headers + b"\r\n" + DONE).text == "hi"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"hello\r\n\r\n",
        STREAM + b"X: " + b"a" * 200_000 + b"\r\n\r\n" + DONE,
        STREAM + b"X\xff\x00: a\r\n\r\n" + DONE,
        STREAM + b"Content-Encoding: gzip\r\n\r\n" + DONE,
        STREAM + b"Content-Length: -5\r\n\r\n" + DONE,
        STREAM + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + DONE,
        STREAM + b"Content-Type: image/png\r\n\r\n\x89PNG" + DONE[:30],
        STREAM + b"\r\ndata: " + b"[" * 200_000 + b"\n\n",
        STREAM + b'\r\ndata: {"usage": {"prompt_tokens": 1e400}}\n\n' + DONE,
        STREAM + b'\r\ndata: {"choices": [{"delta": {"content": "\xff"}}]}\n\n',
        b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 101 Upgrade\r\nConnection: close\r\n\r\n",
    ],
    ids=range(13),
)
def test_what_cannot_be_read_is_a_failure_that_may_pass(asked: Asked, answer: bytes) -> None:
    with raw_server(answer) as (url, _):
        error = asked.fails(Endpoint(url, KEY, "m", timeout=10.0))

    assert error.again
    assert url.split("/")[2] in str(error)
    assert len(str(error)) < 300


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_told_and_not_followed(asked: Asked, status: int) -> None:
    head = f"HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: 0\r\n"
    to = f"Location: https://me:hunter2hunter@elsewhere.test/v1?key={KEY}\r\n\r\n"
    with raw_server((head + to).encode()) as (url, heads):
        error = asked.fails(Endpoint(url, KEY, "m", timeout=10.0))

    assert len(heads) == 1
    assert "elsewhere.test/v1' " in str(error)
    assert "set base_url to where the endpoint itself is" in str(error)
    assert "hunter2" not in str(error)
    assert KEY not in str(error)
    assert not error.again


@pytest.mark.parametrize("proxy", ["ftp://x", "http://[::"])
def test_an_environment_that_makes_no_sense_is_told(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", proxy)

    with asyncio.Runner() as runner:
        error = Asked(runner).fails(Endpoint("http://elsewhere.invalid/v1", KEY, "m", connect=1.0))

    assert str(error).startswith("no connection to elsewhere.invalid can be prepared: ")
    assert "HTTP_PROXY" in str(error)
    assert not error.again


# Connections


def test_a_call_that_is_cancelled_closes_its_connection_within_a_second() -> None:
    async def cancelled(model: ScriptedModel) -> float:
        call = asyncio.create_task(complete(at(model), HELLO, lambda text: None))
        await asyncio.to_thread(model.wait_for, requests=1)
        began = time.monotonic()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await asyncio.to_thread(model.wait_for, left=1)
        return time.monotonic() - began

    for reply in (hangs(), hangs("Bees dance."), drips("Bees dance in the hive. " * 50)):
        with ScriptedModel([reply]) as model:
            assert asyncio.run(cancelled(model)) < 1
            assert model.left == 1


def test_what_the_watcher_raises_ends_the_call_and_its_connection(asked: Asked) -> None:
    def raises(text: str) -> None:
        raise ValueError("no more")

    with ScriptedModel([hangs("Bees dance.")]) as model:
        with pytest.raises(ValueError, match="no more"):
            asked(model, wrote=raises)
        asked.runner.run(asyncio.sleep(0))
        assert model.wait_for(left=1)


def test_many_calls_at_once_do_not_disturb_each_other() -> None:
    async def all_at_once(model: ScriptedModel) -> list[Reply]:
        calls = [complete(at(model), asking(f"Say {each}."), lambda text: None) for each in range(20)]
        return await asyncio.gather(*calls)

    with ScriptedModel({"Say": lambda request: request["messages"][-1]["content"]}) as model:
        replies = asyncio.run(all_at_once(model))

    assert [reply.text for reply in replies] == [f"Say {each}." for each in range(20)]


def test_a_connection_is_used_again(asked: Asked) -> None:
    with ScriptedModel(otherwise="x") as model:
        for _ in range(3):
            asked(model)
        assert len(model._closing.peek()[1].__self__._open) == 1  # type: ignore[union-attr]
        asked.runner.run(close_clients())


def test_each_loop_has_its_own_connections_which_end_with_it() -> None:
    with ScriptedModel(otherwise="x") as model:
        for _ in range(2):
            assert asyncio.run(complete(at(model), HELLO, lambda text: None)).text == "x"


def test_no_log_shows_a_key_or_what_was_said(asked: Asked, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    with ScriptedModel(["x", fails(401, KEY), broken(KEY), hangs(KEY)]) as model:
        asked(model, asking(f"My key is {KEY}."))
        for _ in range(3):
            asked.fails(model, timeout=0.1)

    assert caplog.text
    assert KEY not in caplog.text


def test_a_proxy_is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with ScriptedModel(["x"]) as model:
        assert asyncio.run(complete(at(model), HELLO, lambda text: None)).text == "x"
