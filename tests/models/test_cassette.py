"""Cassettes: recorded once from a scripted endpoint over real HTTP, replayed while it is down."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from nbgraph.errors import ModelError
from nbgraph.models.cassette import Cassette, rewind
from nbgraph.models.cassette_text import Exchange
from nbgraph.models.records import Reply, Request, Tokens
from nbgraph.models.settings import Endpoint
from nbgraph.models.wire import complete
from nbgraph.testing import ScriptedModel, broken, calls, cut, fails, says
from tests.models.asking import KEY, Asked, asking

NOWHERE = "http://127.0.0.1:9/v1"  # nothing listens there


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lesson.json"


def recording(model: ScriptedModel, path: Path) -> Endpoint:
    return Endpoint(model.url, KEY, "m", cassette=str(path), mode="record")


def replaying(path: Path, **more: Any) -> Endpoint:
    return Endpoint(**{"base_url": NOWHERE, "model": "m", "cassette": str(path), "mode": "replay", **more})


def recorded(asked: Asked, path: Path, script: Any, *requests: Request) -> list[Reply]:
    """Record the answers to the requests, and rewind."""
    with ScriptedModel(script) as model:
        replies = [asked(recording(model, path), request) for request in requests]
    rewind(str(path))
    return replies


def test_what_was_recorded_is_replayed_without_the_endpoint(asked: Asked, path: Path) -> None:
    script = [says("Wait.", calls(("search", {"query": "bees"}), ("ops", {})), tokens=(7, 5, 3)), {"score": 3}]
    requests = asking("Search."), asking("Judge.", schema={"type": "object"})

    first = recorded(asked, path, script, *requests)

    assert [asked(replaying(path), request) for request in requests] == first
    assert first[0].tokens == Tokens(7, 5, 3)


def test_a_replayed_answer_comes_in_the_same_pieces(asked: Asked, path: Path) -> None:
    heard: list[list[str]] = [[], []]
    with ScriptedModel(["Bees dance in the hive, and the flowers know it."]) as model:
        asked(recording(model, path), asking("Hello."), heard[0].append)

    asked(replaying(path), asking("Hello."), heard[1].append)

    assert len(heard[0]) > 1
    assert heard[0] == heard[1]


def test_an_answer_that_was_not_streamed_is_recorded_too(asked: Asked, path: Path) -> None:
    message = {"role": "assistant", "content": f"Bees, said {KEY}."}
    whole = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]})

    recorded(asked, path, [broken(whole, content_type="application/json")], asking("Hello."))

    assert asked(replaying(path), asking("Hello.")).text == "Bees, said [redacted]."


def test_the_key_the_model_and_the_address_make_no_difference(asked: Asked, path: Path) -> None:
    recorded(asked, path, ["x"], asking("Hello."))

    assert asked(replaying(path, base_url=None, api_key="sk-other-123456789", model="other"), asking("Hello.")).text


def test_equal_requests_get_their_answers_in_order_and_then_the_last_again(asked: Asked, path: Path) -> None:
    recorded(asked, path, ["one", "two", "three"], *[asking("Next.")] * 3)

    assert [asked(replaying(path), asking("Next.")).text for _ in range(5)] == ["one", "two", "three", "three", "three"]


def test_rewinding_begins_again(asked: Asked, path: Path) -> None:
    recorded(asked, path, ["one", "two"], *[asking("Next.")] * 2)
    asked(replaying(path), asking("Next."))

    rewind(str(path))

    assert asked(replaying(path), asking("Next.")).text == "one"


def test_what_is_recorded_again_takes_the_place_of_what_was_there(asked: Asked, path: Path) -> None:
    recorded(asked, path, ["a1", "b", "a2"], asking("A."), asking("B."), asking("A."))

    recorded(asked, path, ["new"], asking("A."))

    assert [asked(replaying(path), asking(text)).text for text in ("A.", "A.", "B.")] == ["new", "new", "b"]
    kept = json.loads(path.read_text())["exchanges"]
    assert [each["request"]["body"]["messages"][0]["content"] for each in kept] == ["A.", "B."]


@pytest.mark.parametrize("reply", [fails(500), fails(429), cut("Bees"), cut("Bees", quietly=True), broken("{")])
def test_what_is_no_whole_answer_is_not_recorded(asked: Asked, path: Path, reply: Any) -> None:
    with ScriptedModel([reply, "x"]) as model:
        asked.fails(recording(model, path), asking("Hello."))
        before = path.exists()
        asked(recording(model, path), asking("Hello."))

    assert not before
    assert len(json.loads(path.read_text())["exchanges"]) == 1


def test_an_answer_that_was_left_is_not_recorded(path: Path) -> None:
    async def left(model: ScriptedModel) -> None:
        call = asyncio.create_task(complete(recording(model, path), asking("Hello."), lambda text: call.cancel()))
        with pytest.raises(asyncio.CancelledError):
            await call

    from nbgraph.testing import drips

    with ScriptedModel([drips("Bees dance in the hive.", every=0.02)]) as model:
        asyncio.run(left(model))

    assert not path.exists()


# Keys


def test_no_key_comes_into_the_file(asked: Asked, path: Path) -> None:
    other, token = "hf_abcdefgh12345678", "abcdef0123456789abcdef"
    said = f"{KEY} and {other}, Bearer {token}, https://me:hunter2hunter@x.test/?key=letmein1234 api_key={token}"
    tool = {"type": "function", "function": {"name": "search", "description": said, "parameters": {"const": said}}}
    arguments = {"api_key": "opensesame1", "query": said}
    message = says(f"It is {said}", calls("search", **arguments), calls("search", query=json.dumps({"token": other})))
    request = Request("", [{"role": "system", "content": said}, {"role": "user", "content": said}], (tool,))

    recorded(asked, path, [message], request)

    text = path.read_text()
    found = [each for each in (KEY, other, token, "hunter2", "letmein", "sesame", "uthorization") if each in text]
    assert found == []
    assert asked(replaying(path), request).calls[0].name == "search"


def test_a_key_that_looks_like_none_is_taken_out_too(asked: Asked, path: Path) -> None:
    key = "correct-horse-battery-staple"
    with ScriptedModel([f"Your key is {key}."], key=key) as model:
        endpoint = Endpoint(model.url, key, "m", cassette=str(path), mode="record")
        asked(endpoint, asking(f"Mine is {key}."))

    assert key not in path.read_text()
    assert "horse" not in path.read_text()


def test_a_key_in_the_address_is_taken_out_too(asked: Asked, path: Path) -> None:
    from tests.models.asking import raw_server

    answer = b'data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n'
    with raw_server(b"HTTP/1.1 200 OK\r\nSet-Cookie: s=secret1\r\nConnection: close\r\n\r\n" + answer) as (url, _):
        asked(Endpoint(f"{url}/account/letmein12345", KEY, "m", cassette=str(path), mode="record"), asking("Hello."))

    assert "letmein" not in path.read_text()
    assert "secret1" not in path.read_text()


# What is not on it


def test_a_request_that_is_not_on_it_is_told_with_the_nearest(asked: Asked, path: Path) -> None:
    recorded(asked, path, ["x", "y"], asking("Tell me about the dances of bees."), asking("Count."))

    error = asked.fails(replaying(path), asking("Tell me about the dances of wasps."))

    assert "has no answer to this request. The nearest, its request 1, differs at messages[0].content: " in str(error)
    assert "bees" in str(error)
    assert "wasps" in str(error)
    assert "NBGRAPH_CASSETTE=record" in str(error)
    assert not error.again


def test_a_cassette_that_is_not_there_says_how_to_record_it(asked: Asked, path: Path) -> None:
    error = asked.fails(replaying(path), asking("Hello."))

    assert "lesson.json is not there yet; NBGRAPH_CASSETTE=record in the environment" in str(error)
    assert not error.again


def test_an_empty_cassette_is_told(asked: Asked, path: Path) -> None:
    path.write_text('{"cassette": 1, "exchanges": []}')

    assert "since it is empty" in str(asked.fails(replaying(path), asking("Hello.")))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        "3",
        "null",
        '{"exchanges": []}',
        '{"cassette": 2}',
        '{"cassette": 1}',
        '{"cassette": 1, "exchanges": [3]}',
        '{"cassette": 1, "exchanges": [{"request": {}, "response": {}}]}',
        '{"cassette": 1, "exchanges": [{"request": {"path": "", "body": 3}, "response": {"events": []}}]}',
    ],
)
def test_a_damaged_cassette_is_one_sentence_also_before_it_is_recorded(asked: Asked, path: Path, text: str) -> None:
    path.write_text(text)
    with ScriptedModel(otherwise="x") as model:
        errors = [asked.fails(where, asking("Hello.")) for where in (replaying(path), recording(model, path))]

    assert all("lesson.json cannot be read: " in str(error) for error in errors)
    assert all("Restore it, or delete it and record it again." in str(error) for error in errors)
    assert all("\n" not in str(error) and len(str(error)) < 300 for error in errors)
    assert model.requests == []
    assert path.read_text() == text


def test_a_cassette_that_is_no_text_is_told(asked: Asked, path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")

    assert "cannot be read" in str(asked.fails(replaying(path), asking("Hello.")))


def test_a_folder_that_is_not_there_is_told_before_anything_is_paid(asked: Asked, tmp_path: Path) -> None:
    with ScriptedModel(otherwise="x") as model:
        error = asked.fails(recording(model, tmp_path / "no" / "lesson.json"), asking("Hello."))

    assert "cannot be written: its folder is not there" in str(error)
    assert model.requests == []


# The file


def test_two_recordings_of_the_same_are_the_same_file(asked: Asked, tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        recorded(asked, tmp_path / name, ["Bees.", calls("search", q="ü")], asking("Hello."), asking("Search. ü"))

    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["a.json", "b.json"]


def test_one_more_answer_adds_lines_and_changes_none(asked: Asked, tmp_path: Path) -> None:
    recorded(asked, tmp_path / "a.json", ["A."], asking("A."))
    before = (tmp_path / "a.json").read_text().splitlines()

    recorded(asked, tmp_path / "a.json", ["B."], asking("B."))

    after = (tmp_path / "a.json").read_text().splitlines()
    assert [line.rstrip(",") for line in before[:-2]] == [line.rstrip(",") for line in after[: len(before) - 2]]


def test_a_file_that_is_changed_by_hand_counts_at_once(asked: Asked, path: Path) -> None:
    recorded(asked, path, ["Bees."], asking("Hello."))
    asked(replaying(path), asking("Hello."))

    path.write_text(path.read_text().replace("Bees.", "Wasps."))

    assert asked(replaying(path), asking("Hello.")).text == "Wasps."


# Several at once


def exchange(text: str) -> Exchange:
    body = {"messages": [{"role": "user", "content": text}]}
    return Exchange("/chat/completions", body, [{"choices": [{"delta": {}, "finish_reason": "stop"}]}])


def test_threads_that_record_at_once_lose_nothing(path: Path) -> None:
    cassette = Cassette(str(path))
    threads = [threading.Thread(target=cassette.record, args=(exchange(str(number)),)) for number in range(12)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(json.loads(path.read_text())["exchanges"]) == 12


def test_cassettes_that_record_into_the_same_file_lose_nothing(path: Path) -> None:
    cassettes = [Cassette(str(path)) for _ in range(4)]

    def record(number: int) -> None:
        for each in range(5):
            cassettes[number].record(exchange(f"{number} {each}"))

    threads = [threading.Thread(target=record, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(json.loads(path.read_text())["exchanges"]) == 20


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no folder can be locked there")
def test_programs_that_record_at_once_lose_nothing(path: Path) -> None:
    program = """
import sys
from nbgraph.models.cassette import Cassette
from nbgraph.models.cassette_text import Exchange
cassette = Cassette(sys.argv[1])
sys.stdin.readline()
for number in range(20):
    body = {"messages": [{"role": "user", "content": f"{sys.argv[2]} {number}"}]}
    cassette.record(Exchange("/chat/completions", body, ["[DONE]"]))
"""
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(path), name], stdin=subprocess.PIPE, text=True)
        for name in "abc"
    ]
    for each in running:
        each.communicate("go\n", timeout=60)

    assert [each.returncode for each in running] == [0, 0, 0]
    assert len(json.loads(path.read_text())["exchanges"]) == 60
    assert os.listdir(path.parent) == [path.name]


def test_runs_that_replay_at_once_get_each_answer_once(path: Path) -> None:
    cassette = Cassette(str(path))
    for _ in range(8):
        cassette.record(exchange("x"))
    cassette.rewind()
    got: list[Exchange] = []

    threads = [threading.Thread(target=lambda: got.append(cassette.answer(exchange("x").body))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({id(each) for each in got}) == 8


def test_a_working_directory_that_is_gone_does_no_harm(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> str:
        raise FileNotFoundError

    monkeypatch.setattr(os, "getcwd", gone)

    assert Cassette(str(path)).name == str(path)


def test_a_file_that_cannot_be_written_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*paths: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)

    with pytest.raises(ModelError, match=r"lesson\.json cannot be written: No space left on device\."):
        Cassette(str(path)).record(exchange("x"))
    assert list(path.parent.iterdir()) == []
