"""Clients: connections to endpoints, kept for the next call, each on the event loop that it was made on."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import httpx2
from openai import AsyncOpenAI

from nbgraph.models.cassette_http import http_client
from nbgraph.models.settings import Endpoint

MOST = 8  # clients that a loop keeps
NO_KEY = "none"  # the client wants one also where the endpoint does not


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
    """The clients of a loop, the one used last at the end, and what closes them when the loop is shut down."""

    clients: dict[Endpoint, Client]
    closing: AsyncGenerator[None, None]


_kept: WeakKeyDictionary[asyncio.AbstractEventLoop, Kept] = WeakKeyDictionary()


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
    kept = _kept.pop(asyncio.get_running_loop(), None)
    if kept is not None:
        await kept.closing.aclose()


async def _kept_here() -> Kept:
    loop = asyncio.get_running_loop()
    kept = _kept.get(loop)
    if kept is None:
        clients: dict[Endpoint, Client] = {}
        kept = _kept[loop] = Kept(clients, _closing(clients))
        await anext(kept.closing)
    return kept


async def _closing(clients: dict[Endpoint, Client]) -> AsyncGenerator[None, None]:
    """Closes the clients in the end; a loop ends its generators before it is closed itself."""
    try:
        yield
    finally:
        while clients:
            await clients.popitem()[1].leave()


def _client(clients: dict[Endpoint, Client], endpoint: Endpoint) -> tuple[Client, list[Client]]:
    """The client of `endpoint`, and those that are let go for it."""
    client = clients.pop(endpoint, None) or Client(_made(endpoint))
    idle = [each for each, other in clients.items() if not other.calls]
    old = [clients.pop(each) for each in idle[: 1 - MOST]]
    clients[endpoint] = client
    return client, old


def _made(endpoint: Endpoint) -> AsyncOpenAI:
    timeout = httpx2.Timeout(endpoint.timeout, connect=endpoint.connect, pool=None)
    here = endpoint.mode == "replay" or is_loopback(endpoint.url)
    secure = _certificates() if endpoint.url.startswith("https:") and endpoint.mode != "replay" else _nobody_trusted()
    http = http_client(endpoint, timeout=timeout, verify=secure, trust_env=not here)
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
