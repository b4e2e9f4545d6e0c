"""Failures: what the client raises as a sentence, and what an endpoint asks to wait."""

from __future__ import annotations

import ssl
import time
from email.utils import formatdate
from typing import Any

import httpx2
import openai
import pytest

from nbgraph.models.failures import LONGEST, asked_wait, failure
from nbgraph.models.settings import Endpoint
from nbgraph.testing import ScriptedModel, broken, fails
from tests.models.asking import KEY, Asked, at

ENDPOINT = Endpoint("https://host.test/v1", KEY)
REQUEST = httpx2.Request("POST", "https://host.test/v1/chat/completions")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "0"}, 0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        ({"retry-after": "Wed, 32 Oct 9999999 07:28:00 GMT"}, None),
    ],
)
def test_how_long_to_wait_is_read_from_the_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_wait(headers) == seconds


def test_a_date_to_wait_for_is_seconds_from_now() -> None:
    wait = asked_wait({"retry-after": formatdate(time.time() + 60, usegmt=True)})

    assert wait is not None
    assert 50 < wait <= 61


def test_a_date_to_wait_for_comes_over_the_wire(asked: Asked) -> None:
    with ScriptedModel([fails(429, retry_after=formatdate(time.time() + 60, usegmt=True))]) as model:
        error = asked.fails(model)

    assert error.wait is not None
    assert 50 < error.wait <= 61


def test_a_failure_that_lasts_has_no_wait(asked: Asked) -> None:
    with ScriptedModel([fails(400, retry_after=5), fails(429, retry_after=5, code="insufficient_quota")]) as model:
        assert [asked.fails(model).wait for _ in range(2)] == [None, None]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"error": {"message": "No."}}', ": No."),
        ('{"error": "No."}', ": No."),
        ('{"detail": "No."}', ": No."),
        ('{"message": "No."}', ": No."),
        ('[{"error": {"message": "No."}}]', ": No."),
        ('{"error": {"message": {"why": "No"}}}', ': {"why": "No"}.'),
        ("No.", ": No."),
        ("No\x1b[31m\n\n  way\ud800.".encode("utf-8", "replace").decode(), ": No [31m way?."),
        ('{"error": {"message": "\\ud800 no"}}', ": no."),
        ("", "."),
        ("null", "."),
        ("[]", "."),
        ("<html>No.</html>", "."),
        ('{"error": {"code": [1], "type": {}}}', "."),
    ],
)
def test_what_an_endpoint_says_is_shown_in_one_line(asked: Asked, body: str, said: str) -> None:
    with ScriptedModel([broken(body, status=400)]) as model:
        error = asked.fails(model)
        host = at(model).host

    assert str(error).startswith(f"{host} refused the request to m (400)")
    assert str(error).endswith(said)


def test_what_an_endpoint_says_at_length_is_cut(asked: Asked) -> None:
    with ScriptedModel([broken("[" * 1_000_000, status=500)]) as model:
        assert len(str(asked.fails(model))) < LONGEST + 100


def test_keys_in_what_an_endpoint_says_are_taken_out(asked: Asked) -> None:
    said = f"{KEY[:3]}-other-0123456789 api_key={KEY} at https://me:hunterhunter@host/?key=letmein123"
    with ScriptedModel([fails(status, said) for status in (400, 403, 404, 429, 500)]) as model:
        errors = " ".join(str(asked.fails(model)) for _ in range(5))

    assert errors.count("api_key=[redacted]") == 5
    assert [each for each in ("0123456789", "hunter", "letmein") if each in errors] == []


def test_a_key_that_lies_across_the_cut_is_taken_out(asked: Asked) -> None:
    for more in range(0, 30, 4):
        with ScriptedModel([fails(400, "x" * (LONGEST - 1 - more) + " " + KEY)]) as model:
            assert "sk-t" not in str(asked.fails(model))


@pytest.mark.parametrize(("key", "sentence"), [(None, "wants a key (401)"), ("k", "does not take the key (401)")])
def test_a_key_that_is_missing_is_told_from_one_that_is_wrong(asked: Asked, key: str | None, sentence: str) -> None:
    with ScriptedModel(["x"], key=KEY) as model:
        error = asked.fails(Endpoint(model.url, key, "m"))

    assert sentence in str(error)


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "sentence", "again"),
    [
        (
            caused(openai.APITimeoutError(REQUEST), httpx2.ConnectTimeout("")),
            "host.test could not be reached in 10 s",
            True,
        ),
        (
            caused(openai.APITimeoutError(REQUEST), httpx2.ReadTimeout("")),
            "m at host.test sent nothing for 300 s",
            True,
        ),
        (httpx2.ReadTimeout(""), "m at host.test sent nothing for 300 s", True),
        (httpx2.RemoteProtocolError("gone"), "the connection to m at host.test broke off", True),
        (
            caused(openai.APIConnectionError(request=REQUEST), httpx2.ConnectError("refused")),
            "host.test could not be reached; check its address, the network, and whether it runs: refused",
            True,
        ),
        (
            caused(openai.APIConnectionError(request=REQUEST), ssl.SSLCertVerificationError("self-signed")),
            "the certificate of host.test cannot be trusted",
            False,
        ),
        (openai.APIConnectionError(request=REQUEST), "the connection to m at host.test broke off.", True),
        (openai.OpenAIError(f"odd {KEY}"), "m at host.test could not be called: odd [redacted]", False),
        (ValueError("x"), "what m at host.test sent is no JSON.", True),
    ],
    ids=range(9),
)
def test_what_the_client_raises_is_a_sentence(error: Exception, sentence: str, again: bool) -> None:
    told = failure(error, ENDPOINT, "m")

    assert str(told).startswith(sentence)
    assert told.again is again


def test_a_certificate_that_nobody_knows_is_told() -> None:
    error: Any = openai.APIConnectionError(request=REQUEST)
    error.__cause__ = httpx2.ConnectError("x")
    error.__cause__.__cause__ = ssl.SSLCertVerificationError("self-signed certificate")

    assert "certificate of host.test cannot be trusted" in str(failure(error, ENDPOINT, "m"))
