"""Redaction: what looks like a key is taken out, and what does not stays."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from nbgraph.models import settings
from nbgraph.models.redaction import redacted, redacted_data
from nbgraph.models.settings import Endpoint
from tests.models.asking import KEY, nothing_set


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing_set(monkeypatch)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"The key {KEY} is wrong.", "The key [redacted] is wrong."),
        ("sk-proj-abc_DEF-0123456789", "[redacted]"),
        ("(gsk_0123456789abcdef)", "([redacted])"),
        ("AIzaSyA0123456789", "[redacted]"),
        ("AKIA0123456789ABCDEF", "[redacted]"),
        ("Authorization: Bearer abcdef0123456789", "Authorization: Bearer [redacted]"),
        ("authorization=Basic bWU6aHVudGVyMg==", "authorization=Basic [redacted]"),
        ("bearer abcdef0123456789.x-y", "bearer [redacted]"),
        ("api_key=hunter2hunter", "api_key=[redacted]"),
        ("API-KEY: 'hunterhunter'", "API-KEY: '[redacted]'"),
        ("OPENAI_API_KEY=hunterhunter", "OPENAI_API_KEY=[redacted]"),
        ('{"api_key": "hunterhunter"}', '{"api_key": "[redacted]"}'),
        (r'"{\"access_token\": \"hunterhunter\"}"', r'"{\"access_token\": \"[redacted]\"}"'),
        ("https://me:hunterhunter@host/v1", "https://me:[redacted]@host/v1"),
        ("GET /v1?key=hunterhunter&x=1", "GET /v1?key=hunterhunter&x=1"),
        ("GET http://host/v1?x=1&key=hunterhunter", "GET http://host/v1?x=1&key=[redacted]"),
        (f"{KEY}{KEY} {KEY}", "[redacted] [redacted]"),
    ],
)
def test_what_looks_like_a_key_is_taken_out(text: str, expected: str) -> None:
    assert redacted(text) == expected
    assert redacted(expected) == expected  # or a replayed conversation would not find its next request


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The bearer of good tidings",
        "a task-oriented approach, risk-averse-and-careful",
        "sk-learn-is-a-library",
        "the secret key of success: work",
        "max_tokens: 100000",
        '{"prompt_tokens": 1234567}',
        "https://host:8000/v1?page=2",
        "mail me@example.com",
        "An API key is needed.",
        "ask-0123456789abcdef",
    ],
)
def test_what_does_not_look_like_a_key_stays(text: str) -> None:
    assert redacted(text) == text


def test_the_configured_key_is_taken_out_whatever_it_looks_like(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings._configured, "api_key", "open-sesame-open")
    monkeypatch.setenv("OPENAI_API_KEY", "another-word-of-mine")

    assert redacted("open-sesame-open, another-word-of-mine") == "[redacted], [redacted]"


def test_a_secret_that_is_handed_over_is_taken_out_also_as_json_writes_it() -> None:
    assert redacted(json.dumps({"x": 'quo"ted-secret-1'}), ['quo"ted-secret-1']) == '{"x": "[redacted]"}'


@pytest.mark.parametrize("secret", ["none", "ollama", "1234567890123456", "", None, "lm-studio"[:6]])
def test_a_word_or_number_that_serves_as_a_key_stays(secret: str | None) -> None:
    text = "none of ollama's 1234567890123456 lm-stu"

    assert redacted(text, [secret]) == text


def test_values_in_data_are_redacted_and_its_shape_stays() -> None:
    data = {
        "api_key": "word",
        "x-api-key": "word",
        "Authorization": "word",
        "messages": [{"content": KEY}, (KEY, 1, None, True)],
        KEY: 1,
        "api_key_count": 3,
        "access_token": {"type": "string"},
    }

    assert redacted_data(data) == {
        "api_key": "[redacted]",
        "x-api-key": "[redacted]",
        "Authorization": "[redacted]",
        "messages": [{"content": "[redacted]"}, ["[redacted]", 1, None, True]],
        "[redacted]": 1,
        "api_key_count": 3,
        "access_token": {"type": "string"},
    }


@pytest.mark.parametrize("secret", [KEY, 'a"b\\c-secret-123'])
def test_json_stays_json(secret: str) -> None:
    value: Any = {"api_key": secret, "text": f"api_key={secret} Bearer {secret}", "list": [secret]}

    assert json.loads(redacted(json.dumps(value), [secret]))


@pytest.mark.parametrize(
    "text",
    [
        "sk-" * 100_000,
        "bearer " * 50_000,
        "api_key=" * 50_000,
        "api_key" + " " * 300_000,
        "api_key=" + "a" * 300_000,
        "://" * 100_000,
        "://a:" * 60_000,
        "?key=" * 60_000 + "://",
        "a_" * 150_000 + "key",
    ],
    ids=range(9),
)
def test_no_text_takes_long(text: str) -> None:
    began = time.process_time()

    redacted(text)

    assert time.process_time() - began < 2


def test_nothing_of_an_endpoint_shows_its_key() -> None:
    endpoint = Endpoint("https://host/v1", KEY)

    assert KEY not in f"{endpoint} {endpoint!r} {endpoint.host}"
