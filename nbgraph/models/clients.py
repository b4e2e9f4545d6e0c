"""Clients: connections to endpoints, kept for the next call, each on the event loop that it was made on."""

from __future__ import annotations

import asyncio
import atexit
import os
import ssl
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx2
from openai import AsyncOpenAI, OpenAIError

from nbgraph.errors import ModelError, told
from nbgraph.models.cassette_http import http_client
from nbgraph.models.redaction import redacted
from nbgraph.models.settings import Endpoint

MOST = 8  # clients that a loop keeps
NO_KEY = "none"  # the client wants one also where the endpoint does not
PATIENCE = 1.0  # seconds that the end of the program waits for loops to close theirs


class Client:
    """A client and how many calls are under way on it; one that is `left` is closed after the last of them."""

    def __init__(self, openai: AsyncOpenAI) -> None:
        self.openai, self.calls, self.left = openai, 0, False

    async def leave(self) -> None:
        """Close it, or let the last call that is under way do so."""
        self.left = True
        if not self.calls:
            await self.openai.close()


class Kept(NamedTuple):
    """The clients of a loop, the one used last at the end, and what closes them when the loop is shut down.

    `process` is the one that made them: in a fork of it no thread runs the loop.
    """

    clients: dict[Endpoint, Client]
    closing: AsyncGenerator[None, None]
    process: int


_lock = threading.Lock()
_kept: dict[asyncio.AbstractEventLoop, Kept] = {}


@asynccontextmanager
async def client_of(endpoint: Endpoint) -> AsyncIterator[AsyncOpenAI]:
    """A client for the running loop."""
    kept = await _kept_here()
    client, old = _client(kept.clients, replace(endpoint, model=""))
    client.calls += 1
    try:
        for each in old:
            await each.leave()
        yield client.openai
    finally:
        client.calls -= 1
        if client.left:
            await client.leave()


async def close_clients() -> None:
    """Close the connections of the running loop; those of calls that are under way, when these have ended."""
    kept = _kept.get(asyncio.get_running_loop())
    if kept is not None:
        await kept.closing.aclose()


@atexit.register
def _close_all() -> None:
    """Close the connections of loops that go on in other threads to the end of the program, as the engine's does.

    Those of calls under way are left: to end them would look like a failure of the endpoint, which is kept.
    """
    with _lock:
        left = [loop for loop, kept in _kept.items() if kept.process == os.getpid() and loop.is_running()]
    closed = [_closed(loop) for loop in left]
    until = time.monotonic() + PATIENCE
    for each in closed:
        each.wait(until - time.monotonic())


def _closed(loop: asyncio.AbstractEventLoop) -> threading.Event:
    """What is set when `loop`, which another thread runs, has closed its connections."""
    closed = threading.Event()

    def begin() -> None:
        asyncio.ensure_future(close_clients()).add_done_callback(ended)

    def ended(closing: asyncio.Future[None]) -> None:
        closing.cancelled() or closing.exception()  # which nobody else asks for
        closed.set()

    try:
        loop.call_soon_threadsafe(begin)
    except RuntimeError:  # it was closed just now
        closed.set()
    return closed


async def _kept_here() -> Kept:
    loop = asyncio.get_running_loop()
    kept = _kept.get(loop)
    if kept is None:
        clients: dict[Endpoint, Client] = {}
        kept = Kept(clients, _closing(loop, clients), os.getpid())
        with _lock:
            for other in [each for each in _kept if each.is_closed()]:  # by a program that did not shut it down
                del _kept[other]
            _kept[loop] = kept
        await anext(kept.closing)
    return kept


async def _closing(loop: asyncio.AbstractEventLoop, clients: dict[Endpoint, Client]) -> AsyncGenerator[None, None]:
    """Closes the clients in the end; a loop ends its generators before it is closed itself."""
    try:
        yield
    finally:
        with _lock:
            _kept.pop(loop, None)
        while clients:
            await clients.popitem()[1].leave()


def _client(clients: dict[Endpoint, Client], endpoint: Endpoint) -> tuple[Client, list[Client]]:
    """The client of `endpoint`, and those that are let go for it."""
    client = clients.pop(endpoint, None) or Client(_made_here(endpoint))
    idle = [each for each, other in clients.items() if not other.calls]
    old = [clients.pop(each) for each in idle[: 1 - MOST]]
    clients[endpoint] = client
    return client, old


def _made_here(endpoint: Endpoint) -> AsyncOpenAI:
    """A new client; what the environment says of proxies and certificates may have it wrong.

    Raises:
        ModelError: it does.
    """
    try:
        return _made(endpoint)
    except (OSError, ValueError, ImportError, httpx2.InvalidURL, OpenAIError) as error:
        why = redacted(told(error), [endpoint.api_key])
        raise ModelError(
            f"no connection to {endpoint.host} can be prepared: {why.rstrip('.')}. Check base_url, and in the "
            "environment HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and what begins with OPENAI_."
        ) from None


def _made(endpoint: Endpoint) -> AsyncOpenAI:
    timeout = httpx2.Timeout(endpoint.timeout, connect=endpoint.connect, pool=None)
    here = endpoint.mode == "replay" or is_loopback(endpoint.url)
    secure = _certificates() if endpoint.url.startswith("https:") and endpoint.mode != "replay" else _nobody_trusted()
    http = http_client(endpoint, timeout=timeout, verify=secure, trust_env=not here, follow_redirects=False)
    key = endpoint.api_key or NO_KEY
    return AsyncOpenAI(base_url=endpoint.url, api_key=key, timeout=timeout, max_retries=0, http_client=http)


def is_loopback(url: str) -> bool:
    """Whether an address is this machine's own, which no proxy can reach."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@cache
def _certificates() -> ssl.SSLContext:
    """One for all clients, since it takes long to load."""
    return httpx2.create_ssl_context()


@cache
def _nobody_trusted() -> ssl.SSLContext:
    """For addresses without encryption: should one lead on to an encrypted one, that is refused."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
