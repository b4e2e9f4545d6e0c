"""The wire: one call of a model over HTTP, by the client of OpenAI, whose answer is streamed."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import httpx2
import openai

from nbgraph.errors import ModelError, told
from nbgraph.models.answering import Answering, NoCompletion
from nbgraph.models.clients import client_of, close_clients
from nbgraph.models.failures import failure
from nbgraph.models.records import Reply, Request
from nbgraph.models.settings import Endpoint
from nbgraph.models.strictness import strict_schema

__all__ = ["close_clients", "complete"]

PATH = "/chat/completions"
JSON = "application/json"
ELSEWHERE = ("text/html", "text/plain")  # what comes of another address


async def complete(endpoint: Endpoint, request: Request, wrote: Callable[[str], None]) -> Reply:
    """What the model of `request` answers, or that of `endpoint` where it names none.

    It is asked once. A call that is cancelled closes its connection.

    Args:
        wrote: is told of each piece of the text as it comes.

    Raises:
        ModelError: it could not be asked, or its answer did not come to an end.
    """
    model = request.model or endpoint.model
    who, answer = f"{model} at {endpoint.host}", Answering()
    async with aclosing(_pieces(endpoint, model, _body(model, request))) as pieces:
        try:
            async for piece in pieces:
                if text := answer.take(piece):
                    wrote(text)
            reply = answer.reply()
        except NoCompletion as error:
            raise ModelError(f"what {who} sent is no chat completion: {error}.", again=True) from None
    if reply.finish in ("", "error"):  # the latter where an endpoint asks others, and one of them failed
        raise ModelError(f"the answer of {who} broke off before its end.", again=True)
    return reply


async def _pieces(endpoint: Endpoint, model: str, body: dict[str, Any]) -> AsyncGenerator[Any, None]:
    """What the endpoint streams, piece by piece; the failures of the client as ModelError."""
    async with client_of(endpoint) as client:
        stream = await _asked(client, endpoint, model, body)
        async with stream:
            try:
                async for piece in _whole(stream, endpoint, model) if _kind(stream) == JSON else stream:
                    yield piece
            except (openai.OpenAIError, httpx2.HTTPError, ValueError, RecursionError) as error:
                raise failure(error, endpoint, model) from None


async def _asked(
    client: openai.AsyncOpenAI, endpoint: Endpoint, model: str, body: dict[str, Any]
) -> openai.AsyncStream[object]:
    """The answer as it begins; the path is asked as such, since typed pieces would take longer and tell no more."""
    try:
        stream = await client.post(PATH, cast_to=object, body=body, stream=True, stream_cls=openai.AsyncStream[object])
    except openai.OpenAIError as error:
        raise failure(error, endpoint, model) from None
    except (TypeError, ValueError) as error:
        raise ModelError(f"what {model} is asked cannot be said in JSON: {told(error)}.") from None
    if _kind(stream) not in ELSEWHERE:
        return stream
    await stream.close()
    raise _elsewhere(endpoint, model, _kind(stream))


async def _whole(stream: openai.AsyncStream[object], endpoint: Endpoint, model: str) -> AsyncIterator[object]:
    """An answer that is not streamed, as one piece; some endpoints answer so when they call tools, or fail."""
    content = await stream.response.aread()
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not (found.get("choices") or found.get("error")):
        raise _elsewhere(endpoint, model, JSON)
    if found.get("error"):
        raise openai.APIError("", stream.response.request, body=found["error"])
    yield found


def _kind(stream: openai.AsyncStream[object]) -> str:
    """What the endpoint says that its answer is."""
    said: str = stream.response.headers.get("content-type", "")
    return said.partition(";")[0].strip().lower()


def _elsewhere(endpoint: Endpoint, model: str, kind: str) -> ModelError:
    return ModelError(
        f"{endpoint.host} answered with {kind} where {model} was to stream; check base_url, which often ends in /v1."
    )


def _body(model: str, request: Request) -> dict[str, Any]:
    """What is sent."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [dict(message) for message in request.messages],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.tools:
        body["tools"] = [dict(tool) for tool in request.tools]
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.schema is not None:
        strict = strict_schema(request.schema) == request.schema
        named = {"name": "answer", "schema": request.schema, "strict": strict}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
    return body
