"""Failures of calls of models: what the client raises, as a sentence that says what happened and what to do."""

from __future__ import annotations

import json
import math
import ssl
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import openai

from nbgraph.errors import ModelError, brief
from nbgraph.models.redaction import redacted
from nbgraph.models.settings import Endpoint

AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})  # statuses that may pass
_STATUSES = {str(status) for status in range(400, 600)}
LONGEST = 500  # characters of what an endpoint says
FINAL = ("insufficient_quota", "invalid_request_error", "invalid_api_key", "context_length_exceeded", "model_not_found")
REMEDIES = (
    ("stream_options", "nbgraph asks for a stream that tells its tokens, which this endpoint has to take"),
    ("response_format", "it takes no schema for an answer; leave out --output, or use another model"),
    ("json_schema", "it takes no schema for an answer; leave out --output, or use another model"),
    ("temperature", "leave out --temperature, or use another model"),
)


def failure(error: Exception, endpoint: Endpoint, model: str) -> ModelError:
    """What `error` means, which came of asking `model`."""
    if isinstance(error, openai.APIStatusError):
        return _of_status(error, endpoint, model)
    if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException):
        return _of_timeout(error, endpoint, model)
    if isinstance(error, openai.APIConnectionError | httpx2.HTTPError):
        return _of_connection(error, endpoint, model)
    if isinstance(error, openai.APIError):
        return _in_stream(error, endpoint, model)
    if isinstance(error, ValueError | RecursionError):
        return ModelError(f"what {model} at {endpoint.host} sent is no JSON.", again=True)
    return ModelError(f"{model} at {endpoint.host} could not be called: {_plain(str(error), endpoint)}")


def _of_status(error: openai.APIStatusError, endpoint: Endpoint, model: str) -> ModelError:
    if error.response.has_redirect_location:
        return _of_redirect(error, endpoint)
    page = "html" in error.response.headers.get("content-type", "").lower()
    status, said = error.status_code, _said(None if page else error.body, endpoint)
    if status == 429 and "insufficient_quota" in (error.code, error.type):
        return ModelError(f"the account at {endpoint.host} has no credit left (429){said}", status=status)
    again = status in AGAIN
    wait = asked_wait(error.response.headers) if again else None
    return ModelError(_sentence(status, said, endpoint, model), status=status, again=again, wait=wait)


def _of_redirect(error: openai.APIStatusError, endpoint: Endpoint) -> ModelError:
    """It is not followed, since what is asked may be for this endpoint only, and some redirects lose it."""
    status, to = error.status_code, error.response.headers["location"].partition("?")[0]
    text = f"{endpoint.host} sends calls on to {brief(_plain(to, endpoint))} ({status})"
    return ModelError(f"{text}, which is not followed; set base_url to where the endpoint itself is.", status=status)


def _sentence(status: int, said: str, endpoint: Endpoint, model: str) -> str:
    host = endpoint.host
    if status == 401:  # what the endpoint says may quote the key
        if endpoint.api_key is None:
            return f"{host} wants a key (401); set OPENAI_API_KEY, or nbgraph.configure(api_key=...)."
        return f"{host} does not take the key (401); check OPENAI_API_KEY, or nbgraph.configure(api_key=...)."
    if status == 403:
        return f"{host} does not allow this key to call {model} (403){said}"
    if status == 404:
        return f"{host} has no model {model!r}, or its base_url is not right (404){said}"
    if status == 429:
        return f"{host} has had too many requests for {model} (429){said}"
    if status in AGAIN:
        return f"{model} at {host} is not available at the moment ({status}){said}"
    hint = next((f"; {remedy}" for word, remedy in REMEDIES if word in said), "")
    return f"{host} refused the request to {model} ({status}){said.rstrip('.')}{hint}."


def _of_timeout(error: Exception, endpoint: Endpoint, model: str) -> ModelError:
    if isinstance(error.__cause__, httpx2.ConnectTimeout):
        text = f"{endpoint.host} could not be reached in {endpoint.connect:g} s; check its address and the network."
        return ModelError(text, again=True)
    silent = f"{model} at {endpoint.host} sent nothing for {endpoint.timeout:g} s"
    return ModelError(f"{silent}; nbgraph.configure(timeout=...) sets how long it may be silent.", again=True)


def _of_connection(error: Exception, endpoint: Endpoint, model: str) -> ModelError:
    causes = list(_causes(error))
    why = _plain(str(causes[0]) if causes else "", endpoint)
    why = f": {why}" if why else "."
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return ModelError(f"the certificate of {endpoint.host} cannot be trusted{why}")
    if any(isinstance(cause, httpx2.ConnectError) for cause in causes):
        text = f"{endpoint.host} could not be reached; check its address, the network, and whether it runs{why}"
        return ModelError(text, again=True)
    return ModelError(f"the connection to {model} at {endpoint.host} broke off{why}", again=True)


def _in_stream(error: openai.APIError, endpoint: Endpoint, model: str) -> ModelError:
    status = int(error.code) if error.code in _STATUSES else None
    final = error.code in FINAL or error.type in FINAL or (status is not None and status not in AGAIN)
    said = _said(error.body, endpoint)
    return ModelError(f"{model} at {endpoint.host} stopped in its answer{said}", status=status, again=not final)


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause = error.__cause__ or error.__context__
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _said(body: Any, endpoint: Endpoint) -> str:
    """What an endpoint says of an error, as the end of a sentence."""
    if isinstance(body, list) and body and isinstance(body[0], Mapping):
        body = body[0].get("error") or body[0]
    if isinstance(body, Mapping):
        found = next((body[key] for key in ("message", "detail", "error") if body.get(key)), "")
        body = found if isinstance(found, str) else json.dumps(found, default=str)
    text = _plain(body, endpoint) if isinstance(body, str) and not body.lstrip("\ufeff \n\r\t").startswith("<") else ""
    return f": {text}" if text else "."


def _plain(text: str, endpoint: Endpoint) -> str:
    seen = "".join(sign if sign.isprintable() else " " for sign in text[: 10 * LONGEST])
    text = " ".join(redacted(seen, [endpoint.api_key]).split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """The seconds that an endpoint asks to wait, by Retry-After-Ms or Retry-After."""
    thousandths = _number(headers.get("retry-after-ms"))
    if thousandths is not None:
        return thousandths / 1000
    said = headers.get("retry-after")
    seconds = _number(said)
    return seconds if seconds is not None or said is None else _until(said)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _until(date: str) -> float | None:
    try:
        return max(parsedate_to_datetime(date).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None
