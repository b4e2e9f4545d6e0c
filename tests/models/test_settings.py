"""Settings of models: what is configured counts before the environment, and what makes no sense is told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from nbgraph.errors import InputError, NoModel
from nbgraph.models import prices, settings
from nbgraph.models.prices import cost
from nbgraph.models.records import Tokens
from nbgraph.models.settings import CONNECT, MODEL, OPENAI, TIMEOUT, Endpoint, current, endpoint, read_settings
from tests.models.asking import KEY, nothing_set


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing_set(monkeypatch)
    monkeypatch.setattr(prices, "_told", {})


def configured(**given: Any) -> None:
    read_settings(**given)()


def test_where_nothing_is_set_the_ways_out_are_told() -> None:
    with pytest.raises(NoModel) as caught:
        endpoint()

    for word in ("OPENAI_API_KEY", "base_url", "ScriptedModel", "cassette", "nbgraph lab --local"):
        assert word in str(caught.value)


def test_a_key_in_the_environment_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"  {KEY}\n")

    assert endpoint() == Endpoint(None, KEY, MODEL, TIMEOUT, CONNECT, None, "off")
    assert endpoint().url == OPENAI
    assert endpoint().host == "api.openai.com"


def test_an_endpoint_of_ones_own_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8000/v1/")

    assert endpoint().base_url == "http://localhost:8000/v1"
    assert endpoint().api_key is None


def test_what_is_configured_counts_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing_set(monkeypatch, OPENAI_API_KEY="k1", OPENAI_BASE_URL="http://one/v1", NBGRAPH_MODEL="one")

    configured(api_key="k2", base_url="http://two/v1", model="two", timeout=5)

    assert endpoint() == Endpoint("http://two/v1", "k2", "two", 5.0)


def test_an_empty_text_takes_back_what_was_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing_set(monkeypatch, OPENAI_API_KEY="k1", NBGRAPH_MODEL="one")
    configured(api_key="k2", base_url="http://two/v1", model="two")

    configured(api_key="", base_url=" ", model="")

    assert endpoint() == Endpoint(None, "k1", "one")


def test_what_is_left_out_stays() -> None:
    configured(api_key="k", model="m")

    configured(timeout=2.5)

    assert endpoint() == Endpoint(None, "k", "m", 2.5)


def test_nothing_is_set_where_one_makes_no_sense() -> None:
    with pytest.raises(InputError):
        read_settings(model="m", timeout=-1)

    assert current("model") == MODEL


def test_what_is_now_can_be_asked() -> None:
    assert [current(name) for name in ("model", "base_url", "timeout", "cassette")] == [MODEL, "", TIMEOUT, ""]

    configured(model="m", base_url="http://h/v1", timeout=3)

    assert [current(name) for name in ("model", "base_url", "timeout")] == ["m", "http://h/v1", 3.0]


def test_prices_are_told() -> None:
    configured(prices={"mine": (1, 2)})

    assert cost("mine", Tokens(1_000_000)) == 1


# What makes no sense


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("localhost:8000/v1", "with http:// or https://, such as 'http://localhost:8000/v1', not 'localhost:8000/v1'"),
        ("api.example.com/v1", "not 'api.example.com/v1'"),
        ("ftp://host/v1", "not 'ftp://host/v1'"),
        ("http:///v1", "not 'http:///v1'"),
        ("http://host:port/v1", "not 'http://host:port/v1'"),
        ("http://host:99999/v1", "not 'http://host:99999/v1'"),
        ("http://host:0/v1", "not 'http://host:0/v1'"),
        ("http://[::1/v1", "not 'http://[::1/v1'"),
        ("http://ho st/v1", "not 'http://ho st/v1'"),
        ("http://host/v1\nX: y", "base_url is the address"),
        (3, "not 3"),
        (KEY, "not '[redacted]'"),
        (
            "http://h/v1/chat/completions",
            "ends before /chat/completions, which is added to it; set it to 'http://h/v1'.",
        ),
        ("http://h/v1/chat/completions/", "set it to 'http://h/v1'."),
        ("http://h/v1/completions", "set it to 'http://h/v1'."),
        ("http://h/v1/responses", "set it to 'http://h/v1'."),
        ("http://me:hunter2@h/v1", "it holds no user, password, ? or #; a key is api_key."),
        ("http://h/v1?key=hunter2", "it holds no user, password, ? or #; a key is api_key."),
        ("http://h/v1#hunter2", "it holds no user, password, ? or #; a key is api_key."),
    ],
)
def test_an_address_that_makes_no_sense_is_told(url: Any, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        read_settings(base_url=url)

    assert sentence in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://h", "https://h/", "http://[::1]:80/v1", "HTTP://h/v1", "https://h/models"])
def test_an_address_may_end_as_it_likes(url: str) -> None:
    configured(base_url=url)

    assert endpoint().base_url == url.rstrip("/")


@pytest.mark.parametrize("key", ["sk-one\nsk-two", "sk one", "sk-\u00fc", "sk-\x00", "Bearer sk-one"])
def test_a_key_that_cannot_be_one_is_told_and_not_shown(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="api_key holds a space or a sign that no key has") as caught:
        read_settings(api_key=key)
    if "\x00" not in key:
        monkeypatch.setenv("OPENAI_API_KEY", key)
        with pytest.raises(NoModel, match="the environment has in OPENAI_API_KEY cannot be used") as there:
            endpoint()
        assert "one" not in str(there.value)

    assert "sk" not in str(caught.value)


def test_a_key_that_is_no_text_is_not_shown() -> None:
    with pytest.raises(InputError, match="not a value of the type bytes"):
        read_settings(api_key=b"sk-one")


def test_an_address_in_the_environment_that_makes_no_sense_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "localhost:8000")

    with pytest.raises(NoModel, match="what the environment has in OPENAI_BASE_URL cannot be used: base_url is"):
        endpoint()


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan"), True, "5", [5]])
def test_a_timeout_that_makes_no_sense_is_told(timeout: Any) -> None:
    with pytest.raises(InputError, match="timeout is a number of seconds, more than 0, not "):
        read_settings(timeout=timeout)


@pytest.mark.parametrize(
    ("cassette", "sentence"),
    [(3, "the path of a file"), ("a\0b", "a character that no path can"), ("/", "is a folder")],
)
def test_a_cassette_that_can_be_none_is_told(cassette: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read_settings(cassette=cassette)


def test_a_model_that_is_no_text_is_told() -> None:
    with pytest.raises(InputError, match=f"model is a name such as '{MODEL}', not 3"):
        read_settings(model=3)


# Cassettes


def test_a_cassette_is_replayed_without_a_key(tmp_path: Path) -> None:
    configured(cassette=tmp_path / "a.json")

    assert (endpoint().cassette, endpoint().mode) == (str(tmp_path / "a.json"), "replay")


def test_the_environment_may_name_the_cassette(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NBGRAPH_CASSETTE_FILE", "a.json")

    assert endpoint().cassette == os.path.join(os.getcwd(), "a.json")


def test_a_cassette_is_the_same_file_wherever_the_program_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    configured(cassette="a.json")
    monkeypatch.chdir("/")

    assert endpoint().cassette == os.path.realpath(tmp_path / "a.json")


@pytest.mark.parametrize(("said", "mode"), [("record", "record"), (" RECORD ", "record"), ("replay", "replay")])
def test_the_environment_says_what_is_done_with_it(said: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing_set(monkeypatch, OPENAI_API_KEY=KEY, NBGRAPH_CASSETTE=said, NBGRAPH_CASSETTE_FILE="/tmp/a.json")

    assert endpoint().mode == mode


def test_a_cassette_that_is_off_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing_set(monkeypatch, OPENAI_API_KEY=KEY, NBGRAPH_CASSETTE="off", NBGRAPH_CASSETTE_FILE="/tmp/a.json")

    assert (endpoint().cassette, endpoint().mode) == (None, "off")


@pytest.mark.parametrize("mode", ["record", "off"])
def test_recording_needs_an_endpoint(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing_set(monkeypatch, NBGRAPH_CASSETTE=mode, NBGRAPH_CASSETTE_FILE="/tmp/a.json")

    with pytest.raises(NoModel, match="no model is set up"):
        endpoint()


@pytest.mark.parametrize(
    ("said", "sentence"), [("rec", "is 'replay', 'record' or 'off', not 'rec'"), ("record", "no cassette is named")]
)
def test_a_word_in_the_environment_that_makes_no_sense_is_told(
    said: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing_set(monkeypatch, OPENAI_API_KEY=KEY, NBGRAPH_CASSETTE=said)

    with pytest.raises(NoModel, match=sentence):
        endpoint()


def test_configuring_a_cassette_rewinds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nbgraph.models import cassette

    rewound: list[str] = []
    monkeypatch.setattr(cassette, "rewind", rewound.append)

    configured(cassette=tmp_path / "a.json")
    configured(cassette="")

    assert rewound == [str(tmp_path / "a.json")]
    assert "cassette" not in settings._configured
