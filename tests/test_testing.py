"""Testing: a scripted model, which answers over real HTTP on loopback; asked here by the real client."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

import nbgraph.models.settings
import nbgraph.testing
from nbgraph.errors import InputError, NoModel
from nbgraph.models.records import Request, ToolCall
from nbgraph.models.settings import endpoint
from nbgraph.models.wire import complete
from nbgraph.settings import configure
from nbgraph.testing import ScriptedModel, broken, calls, cut, drips, fails, hangs, says

pytestmark = pytest.mark.slow

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


class Bee(BaseModel):
    name: str
    legs: int = 6


class Got(NamedTuple):
    """An answer as the client gave it, with a stream or without."""

    text: str = ""
    calls: tuple[tuple[str, str, str], ...] = ()
    finish: str | None = None
    usage: tuple[int, int, int] | None = None
    refusal: str = ""
    model: str = ""


@pytest.fixture(scope="module")
def shared() -> Iterator[openai.OpenAI]:
    """One client for all tests, since its certificates take long to load."""
    with openai.OpenAI(base_url="http://127.0.0.1:1/v1", api_key="key", max_retries=0, timeout=10) as client:
        yield client


class Asking:
    """Asks a model in the one way or the other."""

    def __init__(self, client: openai.OpenAI) -> None:
        self.client = client

    def __call__(self, model: ScriptedModel, text: str = "Hello.", *, stream: bool = False, **more: Any) -> Got:
        client = self.client.with_options(base_url=model.url)
        messages: Any = more.pop("messages", [{"role": "user", "content": text}])
        if not stream:
            return whole(client.chat.completions.create(model="m", messages=messages, **more))
        told = {"include_usage": True}
        return joined(
            client.chat.completions.create(model="m", messages=messages, stream=True, stream_options=told, **more)
        )


@pytest.fixture
def ask(shared: openai.OpenAI) -> Asking:
    return Asking(shared)


def whole(answer: Any) -> Got:
    message = answer.choices[0].message
    called = tuple((call.id, call.function.name, call.function.arguments) for call in message.tool_calls or ())
    finish = answer.choices[0].finish_reason
    return Got(message.content or "", called, finish, counted(answer), message.refusal or "", answer.model)


def counted(answer: Any) -> tuple[int, int, int] | None:
    used = answer.usage
    return used and (used.prompt_tokens, used.prompt_tokens_details.cached_tokens, used.completion_tokens)


def joined(stream: Any) -> Got:
    """The answer that the chunks of a stream make."""
    text = refusal = model = ""
    finish = usage = None
    called: dict[int, list[str]] = {}
    for chunk in stream:
        usage, model = counted(chunk) or usage, chunk.model
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
            text, refusal = text + (choice.delta.content or ""), refusal + (choice.delta.refusal or "")
            for part in choice.delta.tool_calls or ():
                call = called.setdefault(part.index, [part.id, part.function.name, ""])
                call[2] += part.function.arguments
    return Got(
        text, tuple((id, name, arguments) for id, name, arguments in called.values()), finish, usage, refusal, model
    )


@BOTH
def test_a_text_is_answered(ask: Asking, stream: bool) -> None:
    with ScriptedModel(["Bees dance."]) as model:
        got = ask(model, stream=stream)

    assert got == Got("Bees dance.", finish="stop", usage=(2, 0, 3), model="m")


@BOTH
@pytest.mark.parametrize("reply", [{"name": "Maja", "legs": 6}, Bee(name="Maja"), says(Bee(name="Maja"))])
def test_what_is_structured_is_answered_as_json(ask: Asking, reply: Any, stream: bool) -> None:
    with ScriptedModel([reply]) as model:
        got = ask(model, stream=stream)

    assert Bee.model_validate_json(got.text) == Bee(name="Maja")


def test_the_client_parses_what_is_structured(shared: openai.OpenAI) -> None:
    with ScriptedModel([Bee(name="Maja")]) as model:
        client = shared.with_options(base_url=model.url)
        answer = client.chat.completions.parse(
            model="m", messages=[{"role": "user", "content": "x"}], response_format=Bee
        )

    assert answer.choices[0].message.parsed == Bee(name="Maja")


@BOTH
def test_calls_are_numbered_over_all_answers(ask: Asking, stream: bool) -> None:
    with ScriptedModel([calls("search", query="bees"), calls(("a", {"x": 1}), ("b", {}))]) as model:
        one, two = ask(model, stream=stream), ask(model, stream=stream)

    assert one.calls == (("call_1", "search", '{"query": "bees"}'),)
    assert two.calls == (("call_2", "a", '{"x": 1}'), ("call_3", "b", "{}"))
    assert (one.text, one.finish) == ("", "tool_calls")


@BOTH
def test_text_and_calls_come_together(ask: Asking, stream: bool) -> None:
    with ScriptedModel([says("Let me look.", calls("search"))]) as model:
        got = ask(model, stream=stream)

    assert (got.text, [name for _, name, _ in got.calls]) == ("Let me look.", ["search"])


@BOTH
def test_arguments_that_are_no_json_come_as_they_are(ask: Asking, stream: bool) -> None:
    with ScriptedModel([calls(("search", '{"query": "be'))]) as model:
        got = ask(model, stream=stream)

    assert got.calls[0][2] == '{"query": "be'


@BOTH
def test_what_is_said_in_detail_comes_so(ask: Asking, stream: bool) -> None:
    with ScriptedModel([says("x", tokens=(10, 4, 7), finish="length", model="other")]) as model:
        got = ask(model, stream=stream)

    assert got == Got("x", finish="length", usage=(10, 4, 7), model="other")


@BOTH
def test_an_endpoint_may_not_say_its_tokens(ask: Asking, stream: bool) -> None:
    with ScriptedModel([says("x", tokens=())]) as model:
        assert ask(model, stream=stream).usage is None


@BOTH
def test_a_refusal_comes_in_place_of_a_text(ask: Asking, stream: bool) -> None:
    with ScriptedModel([says(refusal="I would rather not.")]) as model:
        got = ask(model, stream=stream)

    assert (got.text, got.refusal) == ("", "I would rather not.")


@BOTH
def test_a_failure_comes_with_its_words_and_when_to_come_back(ask: Asking, stream: bool) -> None:
    raises = pytest.raises(openai.RateLimitError, match=r"Slow down\.")
    with ScriptedModel([fails(429, "Slow down.", retry_after=1)]) as model, raises as caught:
        ask(model, stream=stream)

    assert caught.value.response.headers["retry-after"] == "1"
    assert caught.value.code == "rate_limit_exceeded"


@BOTH
@pytest.mark.parametrize(
    ("status", "error"),
    [(500, openai.InternalServerError), (503, openai.InternalServerError), (401, openai.AuthenticationError)],
)
def test_each_status_is_the_error_that_it_is(ask: Asking, status: int, error: type[Exception], stream: bool) -> None:
    with ScriptedModel([fails(status)]) as model, pytest.raises(error):
        ask(model, stream=stream)


def test_a_client_that_tries_again_gets_the_next_reply(shared: openai.OpenAI) -> None:
    with ScriptedModel([fails(500, retry_after=0.01), "Bees dance."]) as model:
        client = shared.with_options(base_url=model.url, max_retries=1)
        answer = client.chat.completions.create(model="m", messages=[])

    assert (whole(answer).text, len(model.requests)) == ("Bees dance.", 2)


@BOTH
def test_what_hangs_runs_into_the_timeout_of_the_client(ask: Asking, stream: bool) -> None:
    with ScriptedModel([hangs()]) as model:
        with pytest.raises(openai.APITimeoutError):
            ask(model, stream=stream, timeout=0.05)
        assert model.wait_for(left=1)


def test_a_stream_may_hang_in_the_middle(ask: Asking, shared: openai.OpenAI) -> None:
    with ScriptedModel([hangs("Bees dance.")]) as model:
        client = shared.with_options(base_url=model.url, timeout=0.1)
        stream = client.chat.completions.create(model="m", messages=[], stream=True)
        with pytest.raises(openai.APITimeoutError):
            joined(stream)
        assert model.wait_for(left=1)


def test_a_client_that_hangs_ends_when_the_model_is_closed(ask: Asking) -> None:
    with ThreadPoolExecutor(1) as other, ScriptedModel([hangs()]) as model:
        asking = other.submit(ask, model)
        model.wait_for(requests=1)
        model.close()

        with pytest.raises(openai.APIConnectionError):
            asking.result()
    assert model.left == 0


@BOTH
def test_what_drips_comes_whole(ask: Asking, stream: bool) -> None:
    with ScriptedModel([drips("Bees dance.", every=0.001)]) as model:
        assert ask(model, stream=stream).text == "Bees dance."


def test_what_drips_comes_a_word_at_a_time(shared: openai.OpenAI) -> None:
    with ScriptedModel([drips("Bees dance round.", every=0.02)]) as model:
        client = shared.with_options(base_url=model.url)
        came = [
            (chunk.choices[0].delta.content, time.monotonic())
            for chunk in client.chat.completions.create(model="m", messages=[], stream=True)
        ]

    words = [(text, at) for text, at in came if text]
    assert [text for text, _ in words] == ["Bees", " dance", " round."]
    assert words[2][1] - words[0][1] >= 0.03  # two waits, as far as the clock can be believed


@BOTH
def test_what_is_cut_is_an_error_of_the_connection(ask: Asking, stream: bool) -> None:
    with ScriptedModel([cut("Bees dance."), cut()]) as model:
        with pytest.raises(openai.APIConnectionError):
            ask(model, stream=stream)
        with pytest.raises(openai.APIConnectionError):
            ask(model, stream=stream)
    assert model.left == 0


def test_the_text_of_a_stream_that_is_cut_comes_before(shared: openai.OpenAI) -> None:
    texts: list[str | None] = []
    with ScriptedModel([cut("Bees dance.")]) as model:
        client = shared.with_options(base_url=model.url)
        stream = client.chat.completions.create(model="m", messages=[], stream=True)
        with pytest.raises(openai.APIConnectionError):
            texts.extend(chunk.choices[0].delta.content for chunk in stream)

    assert texts == ["", "Bees dance."]


def test_a_stream_that_is_cut_quietly_ends_without_a_reason(ask: Asking) -> None:
    with ScriptedModel([cut("Bees dance.", quietly=True)]) as model:
        got = ask(model, stream=True)

    assert (got.text, got.finish, got.usage) == ("Bees dance.", None, None)


def test_a_body_that_is_cut_quietly_is_no_json(ask: Asking) -> None:
    with ScriptedModel([cut("Bees dance.", quietly=True)]) as model, pytest.raises(json.JSONDecodeError):
        ask(model)


@BOTH
def test_what_is_broken_is_no_json_for_the_client(ask: Asking, stream: bool) -> None:
    with ScriptedModel([broken('{"choices": [')]) as model, pytest.raises(json.JSONDecodeError):
        ask(model, stream=stream)


def test_an_error_may_come_in_the_middle_of_a_stream(ask: Asking) -> None:
    raises = pytest.raises(openai.APIError, match=r"Overloaded\.")
    with ScriptedModel([broken('{"error": {"message": "Overloaded."}}')]) as model, raises:
        ask(model, stream=True)


def test_a_page_of_a_proxy_may_come(ask: Asking) -> None:
    page = broken("<h1>Bad gateway</h1>", status=502, content_type="text/html")
    with ScriptedModel([page]) as model, pytest.raises(openai.InternalServerError) as caught:
        ask(model, stream=True)

    assert caught.value.response.text == "<h1>Bad gateway</h1>"


@BOTH
@pytest.mark.parametrize("text", ["x" * 1_000_000, "Bees dance. " * 90_000, "\U0001f41d" * 300_000])
def test_a_megabyte_comes_whole(ask: Asking, text: str, stream: bool) -> None:
    with ScriptedModel([text]) as model:
        assert ask(model, stream=stream).text == text


@pytest.fixture(scope="module")
def echo() -> Iterator[tuple[ScriptedModel, list[str]]]:
    """A model that says what stands in the list."""
    said = [""]
    with ScriptedModel(
        otherwise=lambda request: calls((said[0], said[0])) if request.get("tools") else said[0]
    ) as model:
        yield model, said


@BOTH
@settings(max_examples=25, deadline=None)
@given(text=st.text())
def test_any_text_arrives_as_it_was_written(
    shared: openai.OpenAI, echo: tuple[ScriptedModel, list[str]], stream: bool, text: str
) -> None:
    model, said = echo
    said[0] = text

    assert Asking(shared)(model, stream=stream).text == text


@BOTH
@settings(max_examples=15, deadline=None)
@given(text=st.text())
def test_any_arguments_arrive_as_they_were_written(
    shared: openai.OpenAI, echo: tuple[ScriptedModel, list[str]], stream: bool, text: str
) -> None:
    model, said = echo
    said[0] = text
    tool = {"type": "function", "function": {"name": "x", "parameters": {}}}

    got = Asking(shared)(model, stream=stream, tools=[tool])

    assert [call[1:] for call in got.calls] == [(text, text)]


@BOTH
def test_a_script_that_is_over_says_so_and_is_not_tried_again(shared: openai.OpenAI, stream: bool) -> None:
    with ScriptedModel([]) as model:
        client = shared.with_options(base_url=model.url, max_retries=2)
        with pytest.raises(openai.BadRequestError, match="the script is over: 0 replies for 1 request,"):
            Asking(client)(model, stream=stream)

    assert len(model.requests) == 1


def test_a_request_that_fits_no_rule_says_what_was_looked_at(ask: Asking) -> None:
    with (
        ScriptedModel({"wasp": "x"}) as model,
        pytest.raises(openai.BadRequestError, match=r"'wasp' .* 'user: Hello\.'"),
    ):
        ask(model)


def test_rules_tell_agents_apart_in_whatever_order_they_ask(ask: Asking) -> None:
    rules = {"system: You are a poet": ["Bees, bees.", "Honey."], "system: You are a critic": {"score": 3}}
    poet, critic = ([{"role": "system", "content": f"You are a {who}."}] for who in ("poet", "critic"))
    with ScriptedModel(rules) as model:
        texts = [ask(model, messages=messages).text for messages in (poet, critic, poet, critic)]

    assert texts == ["Bees, bees.", '{"score": 3}', "Honey.", '{"score": 3}']


def test_a_list_is_given_out_once_though_many_ask_at_once(ask: Asking) -> None:
    with ScriptedModel([str(number) for number in range(40)]) as model, ThreadPoolExecutor(8) as many:
        texts = list(many.map(lambda _: ask(model).text, range(40)))

    assert sorted(texts, key=int) == [str(number) for number in range(40)]


def test_a_function_that_waits_does_not_hold_up_others(ask: Asking) -> None:
    both = threading.Barrier(2)
    with ScriptedModel(otherwise=lambda request: str(both.wait(5))) as model, ThreadPoolExecutor(2) as two:
        texts = list(two.map(lambda _: ask(model).text, range(2)))

    assert sorted(texts) == ["0", "1"]


def test_a_client_that_goes_while_a_function_works_has_left(ask: Asking) -> None:
    gone = threading.Event()
    with ScriptedModel([lambda request: str(gone.wait(5))]) as model:
        with pytest.raises(openai.APITimeoutError):
            ask(model, timeout=0.05)
        gone.set()
        assert model.wait_for(left=1)


def test_a_function_that_fails_is_told_to_the_client(ask: Asking) -> None:
    raises = pytest.raises(openai.BadRequestError, match="a function of the script failed: KeyError: 'nothing'")
    with ScriptedModel([lambda request: request["nothing"]]) as model, raises:
        ask(model)


def test_the_requests_can_be_read_afterwards(ask: Asking) -> None:
    with ScriptedModel(["a", "b"]) as model:
        ask(model, "one")
        ask(model, "two", temperature=0.5)

    assert [each["messages"][0]["content"] for each in model.requests] == ["one", "two"]
    assert model.requests[1]["temperature"] == 0.5
    assert all(each.ended is not None and each.began <= each.ended and not each.left for each in model.seen)
    assert model.seen[0].headers["authorization"] == "Bearer key"


def test_only_its_own_key_is_taken(ask: Asking, shared: openai.OpenAI) -> None:
    with ScriptedModel(["Bees dance."], key="secret") as model:
        with pytest.raises(openai.AuthenticationError):
            ask(model)
        got = Asking(shared.with_options(api_key="secret"))(model)

    assert (got.text, len(model.requests)) == ("Bees dance.", 1)


def test_an_unknown_path_is_not_found(shared: openai.OpenAI) -> None:
    with ScriptedModel([]) as model, pytest.raises(openai.NotFoundError, match="has no POST /v1/embeddings"):
        shared.with_options(base_url=model.url).embeddings.create(model="m", input="x")


def test_the_models_can_be_listed(shared: openai.OpenAI) -> None:
    with ScriptedModel([]) as model:
        assert [each.id for each in shared.with_options(base_url=model.url).models.list()] == ["scripted"]


@pytest.mark.parametrize("reply", [hangs(), drips("Bees dance. " * 100, every=0.05)])
@BOTH
def test_a_cancelled_task_closes_the_connection(reply: Any, stream: bool) -> None:
    async def cancelled(model: ScriptedModel) -> bool:
        async with openai.AsyncOpenAI(base_url=model.url, api_key="key", max_retries=0) as client:
            asking = asyncio.create_task(consumed(client, stream))
            await asyncio.to_thread(model.wait_for, requests=1)
            await asyncio.sleep(0.02)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            return await asyncio.to_thread(model.wait_for, left=1)

    with ScriptedModel([reply]) as model:
        assert asyncio.run(cancelled(model))
        assert model.left == 1


async def consumed(client: openai.AsyncOpenAI, stream: bool) -> None:
    if not stream:
        await client.chat.completions.create(model="m", messages=[])
        return
    async for _ in await client.chat.completions.create(model="m", messages=[], stream=True):
        pass


def test_what_the_documentation_shows_works(ask: Asking) -> None:
    rules = {
        "system: You are a poet": "Bees, bees.",
        "user: Count the words": [calls("count", text="Bees, bees."), "Two words."],
        re.compile(r"^tool: \d+$", re.MULTILINE): "I have counted.",
    }
    counting = [{"role": "user", "content": "Count the words of Bees, bees."}]
    result = [*counting, {"role": "tool", "tool_call_id": "call_1", "content": "2"}]
    with ScriptedModel(rules, otherwise="I do not know.") as model:
        answers = [ask(model, messages=messages) for messages in (counting, result, counting)]
        assert ask(model).text == "I do not know."

    assert [got.text for got in answers] == ["", "I have counted.", "Two words."]


@pytest.fixture
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing says which model is called, before and after."""
    monkeypatch.setattr(nbgraph.models.settings, "_configured", {})
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "NBGRAPH_MODEL", "NBGRAPH_CASSETTE_FILE", "NBGRAPH_CASSETTE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("nothing_set")
def test_agents_of_the_program_call_the_one_that_is_used() -> None:
    configure(cassette="lesson.json", timeout=7)
    with ScriptedModel([]).use() as first, ScriptedModel([], key="secret").use() as second:
        where = endpoint()

    assert first is not second
    assert (where.api_key, where.model, where.timeout, where.cassette) == ("secret", "scripted", 7, None)


@pytest.mark.usefixtures("nothing_set")
def test_an_agent_asks_the_one_that_is_used() -> None:
    request = Request("", [{"role": "user", "content": "Hello."}])
    with ScriptedModel([says("Bees dance.", calls("search", query="bees"))]).use() as model:
        reply = asyncio.run(complete(endpoint(), request._replace(model="m"), lambda text: None))

    assert (reply.text, reply.calls) == ("Bees dance.", (ToolCall("call_1", "search", '{"query": "bees"}'),))
    assert len(model.requests) == 1


@pytest.mark.usefixtures("nothing_set")
def test_closing_takes_back_that_it_is_used() -> None:
    model = ScriptedModel([]).use()
    model.close()

    with pytest.raises(NoModel):
        endpoint()


@pytest.mark.usefixtures("nothing_set")
def test_closing_leaves_what_was_set_since() -> None:
    with ScriptedModel([]).use():
        configure(base_url="http://127.0.0.1:9/v1", model="other")

    assert (endpoint().base_url, endpoint().model) == ("http://127.0.0.1:9/v1", "other")


@pytest.mark.usefixtures("nothing_set")
def test_one_that_is_used_lives_though_nobody_holds_it() -> None:
    where = ScriptedModel([]).use().url
    gc.collect()

    with socket.create_connection(("127.0.0.1", int(where.split(":")[2].removesuffix("/v1"))), timeout=5):
        pass
    nbgraph.testing._used[0].close()


def test_waiting_for_what_does_not_happen_ends() -> None:
    assert not ScriptedModel([]).wait_for(requests=1, timeout=0.01)


def test_an_address_is_only_there_while_it_is_started() -> None:
    model = ScriptedModel([])
    with pytest.raises(InputError, match="not started"):
        model.url  # noqa: B018
    with model:
        assert model.url.startswith("http://127.0.0.1:")
    with pytest.raises(InputError, match="not started"):
        model.url  # noqa: B018


def test_starting_twice_is_starting_once_and_it_can_be_started_again(ask: Asking) -> None:
    model = ScriptedModel(["a", "b"])
    first = model.start().url
    assert model.start().url == first
    ask(model)
    model.close()
    model.close()

    with model:
        assert ask(model).text == "b"


def test_what_it_is_can_be_seen(ask: Asking) -> None:
    with ScriptedModel(["a", "b"], key="secret") as model:
        ask_with = Asking(ask.client.with_options(api_key="secret"))
        ask_with(model)
        assert repr(model) == f"<ScriptedModel at {model.url}: 1 of 2 replies used>"
    assert repr(model) == "<ScriptedModel not started: 1 of 2 replies used>"


def test_one_that_nobody_holds_or_closes_is_gone() -> None:
    before = set(threading.enumerate())
    model = ScriptedModel([]).start()
    [serving] = [each for each in set(threading.enumerate()) - before if each.name == f"scripted-{model._port}"]

    del model
    gc.collect()

    serving.join(10)
    assert not serving.is_alive()


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-X", "dev", "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.slow
def test_a_program_that_forgets_to_close_ends_in_silence() -> None:
    code = (
        "import socket; from nbgraph.testing import ScriptedModel, hangs\n"
        "model = ScriptedModel([hangs()]).start(); client = socket.create_connection(('127.0.0.1', model._port))\n"
        "client.sendall(b'POST /v1/chat/completions HTTP/1.1\\r\\nContent-Length: 15\\r\\n\\r\\n{\"messages\":[]}')\n"
        "print(model.wait_for(requests=1)); client.detach()"
    )

    assert run(code) == "True\n"


@pytest.mark.slow
def test_the_package_does_not_load_it() -> None:
    assert (
        run("import sys, nbgraph; print({'nbgraph.testing', 'http.server', 'openai'} & set(sys.modules))") == "set()\n"
    )
