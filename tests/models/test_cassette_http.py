"""Clients that replay a cassette, or record one beside the endpoint."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from openai import DefaultAsyncHttpxClient

from nbgraph.models.cassette_http import http_client
from nbgraph.models.settings import Endpoint
from nbgraph.testing import ScriptedModel
from tests.models.asking import HELLO, KEY, Asked


def test_without_a_cassette_it_is_the_plain_client(tmp_path: Path) -> None:
    made = [http_client(Endpoint(mode="off")), http_client(Endpoint(cassette=str(tmp_path / "a.json"), mode="off"))]

    assert [type(each) for each in made] == [DefaultAsyncHttpxClient] * 2
    for each in made:
        asyncio.run(each.aclose())


def test_what_is_recorded_is_asked_for_as_plain_text_and_with_the_key(asked: Asked, tmp_path: Path) -> None:
    with ScriptedModel(["x"], key=KEY) as model:
        asked(Endpoint(model.url, KEY, "m", cassette=str(tmp_path / "a.json"), mode="record"), HELLO)

    assert model.seen[0].headers["accept-encoding"] == "identity"


def test_replaying_needs_no_certificates_and_no_proxy(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "a.json")
    with ScriptedModel(["x"]) as model:
        asked(Endpoint(model.url, KEY, "m", cassette=path, mode="record"), HELLO)
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    monkeypatch.setenv("HTTPS_PROXY", "ftp://x")

    assert asked(Endpoint("https://elsewhere.invalid/v1", None, "m", cassette=path, mode="replay"), HELLO).text == "x"
