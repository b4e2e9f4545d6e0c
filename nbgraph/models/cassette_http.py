"""Clients of HTTP that replay a cassette in place of a network, or record one beside it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
from openai import DefaultAsyncHttpxClient

from nbgraph.models.cassette import Cassette, cassette_at
from nbgraph.models.cassette_text import EVENTS, Exchange, event_of, events_of, has_ended, scrubbed, stream_of
from nbgraph.models.redaction import redacted_data
from nbgraph.models.settings import Endpoint


def http_client(endpoint: Endpoint, **options: Any) -> httpx2.AsyncClient:
    """What carries the calls to `endpoint`."""
    if endpoint.cassette is None or endpoint.mode == "off":
        return DefaultAsyncHttpxClient(**options)
    cassette = cassette_at(endpoint.cassette)
    if endpoint.mode == "replay":
        return _Replaying(cassette, **options)
    return _Recording(cassette, endpoint.api_key, **options)


class _Replaying(DefaultAsyncHttpxClient):
    """Answers from a cassette; no connection is made."""

    def __init__(self, cassette: Cassette, **options: Any) -> None:
        super().__init__(**options)
        self._cassette = cassette

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        exchange = self._cassette.answer(json.loads(request.content))
        return httpx2.Response(
            200, headers={"Content-Type": EVENTS}, content=stream_of(exchange.events), request=request
        )


class _Recording(DefaultAsyncHttpxClient):
    """Asks the endpoint, and keeps each answer when it has come to its end."""

    def __init__(self, cassette: Cassette, secret: str | None, **options: Any) -> None:
        super().__init__(**options)
        self._cassette, self._secret = cassette, secret

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        self._cassette.check()
        request.headers["Accept-Encoding"] = "identity"  # what is recorded is text
        response = await super().send(request, **options)
        if response.status_code == 200 and isinstance(response.stream, httpx2.AsyncByteStream):
            whole = "json" in response.headers.get("content-type", "").lower()
            response.stream = _Tape(response.stream, lambda content: self._keep(request, content, whole))
        return response

    def _keep(self, request: httpx2.Request, content: bytes, whole: bool) -> None:
        """Keep an answer; one that is not streamed is an event of its own."""
        events = [event_of(content.decode("utf-8", "replace")), "[DONE]"] if whole else events_of(content)
        if has_ended(events):
            body = redacted_data(json.loads(request.content), [self._secret])
            path = "/" + "/".join(request.url.path.split("/")[-2:])  # what is before may be of an account
            self._cassette.record(Exchange(path, body, scrubbed(events, self._secret)))


class _Tape(httpx2.AsyncByteStream):
    """A stream of which `keep` gets all that came through when it is closed."""

    def __init__(self, stream: httpx2.AsyncByteStream, keep: Callable[[bytes], None]) -> None:
        self._stream, self._keep = stream, keep
        self._taken: list[bytes] = []
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            self._taken.append(piece)
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()
        if not self._closed:
            self._closed = True
            self._keep(b"".join(self._taken))
