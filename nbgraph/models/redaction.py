"""Redaction: keys are taken out of what is logged, shown in errors, or written to a cassette."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from nbgraph.models.settings import api_keys

REDACTED = "[redacted]"

# Every part of these is bounded or taken greedily by one class of signs, so that no text takes long.
_TOKEN = r"[A-Za-z0-9._~+/=-]"
_BEGINNINGS = (
    *("sk-", "gsk_", "hf_", "xai-", "AIza", "nvapi-", "pplx-", "tvly-"),
    *("ghp_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "AKIA", "sk_live_", "sk_test_"),
)
_KEY = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(_BEGINNINGS)})[A-Za-z0-9_-]{{8,}}")
_BEARER = re.compile(rf"(?i)(\bbearer\s{{1,3}})({_TOKEN}{{8,}})")
_NAMES = r"api[_-]?key|authorization|access[_-]?token|auth[_-]?token|client[_-]?secret|secret[_-]?key"
_NAMED = re.compile(
    rf"(?i)((?:{_NAMES})[\"'\\]{{0,4}}\s{{0,3}}[:=]\s{{0,3}}[\"'\\]{{0,4}}(?:(?:bearer|basic)\s{{1,3}})?)"
    rf"(?!bearer\s|basic\s)({_TOKEN}{{6,}})"
)
_LOGIN = re.compile(r"(://[^\s/:@\"']{0,100}:)([^\s/@\"']{1,300})(?=@)")
_QUERY = re.compile(rf"(?i)([?&](?:key|token|sig|signature|password|pwd)=)({_TOKEN}{{4,}})")
_NAME = re.compile(rf"(?i)(?:\w{{1,20}}[_-])?(?:{_NAMES})")
_MARKS = ("key", "authorization", "token", "secret")  # one of these is in every name
_NO_TEXT = re.compile(r"[-+.\dEe]+|-?Infinity")  # what JSON may hold without quotes


def redacted(text: str, secrets: Sequence[str | None] = ()) -> str:
    """`text` with "[redacted]" in place of keys: the configured one, `secrets`, and what looks like one.

    JSON stays JSON.
    """
    for secret in (*api_keys(), *secrets):
        if secret and _worth_hiding(secret) and len(secret) <= len(text):
            for form in {secret, json.dumps(secret)[1:-1]}:
                text = text.replace(form, REDACTED)
    if any(each in text for each in _BEGINNINGS):
        text = _KEY.sub(_without_key, text)
    if "://" in text:
        text = _LOGIN.sub(_without_value, text)
        text = _QUERY.sub(_without_value, text)
    small = text.lower()
    if "bearer" in small:
        text = _BEARER.sub(_without_token, text)
    if any(each in small for each in _MARKS):
        text = _NAMED.sub(_without_value, text)
    return text


def redacted_data(value: Any, secrets: Sequence[str | None] = ()) -> Any:
    """A JSON-like `value` with "[redacted]" in place of keys, in texts and under names such as "api_key"."""
    if isinstance(value, str):
        return redacted(value, secrets)
    if isinstance(value, Mapping):
        return {_plain(key, secrets): _under(key, each, secrets) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [redacted_data(each, secrets) for each in value]
    return value


def _plain(key: Any, secrets: Sequence[str | None]) -> Any:
    return redacted(key, secrets) if isinstance(key, str) else key


def _under(key: Any, value: Any, secrets: Sequence[str | None]) -> Any:
    if isinstance(value, str) and value and isinstance(key, str) and _NAME.fullmatch(key):
        return REDACTED
    return redacted_data(value, secrets)


def _worth_hiding(secret: str) -> bool:
    """Whether it is no word of the language, as keys of local servers are, nor a number."""
    letters = any(sign.isalpha() for sign in secret)
    return letters and (len(secret) >= 16 or (len(secret) >= 8 and not secret.isalpha()))


def _without_key(found: re.Match[str]) -> str:
    return REDACTED if _has_digit(found[0]) else found[0]


def _without_token(found: re.Match[str]) -> str:
    return f"{found[1]}{REDACTED}" if _has_digit(found[2]) else found[0]


def _without_value(found: re.Match[str]) -> str:
    return found[0] if _NO_TEXT.fullmatch(found[2]) else f"{found[1]}{REDACTED}"


def _has_digit(text: str) -> bool:
    return any(sign.isdigit() for sign in text)
