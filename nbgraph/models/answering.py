"""Answering: an answer put together from the pieces in which an endpoint streams it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nbgraph.errors import brief
from nbgraph.models.records import Reply, Tokens, ToolCall
from nbgraph.models.signs import sound

MOST_TOKENS = 10**12  # of one call; what is more is a mistake that no store could keep
_NO_NAME = re.compile(r"[^a-zA-Z0-9_-]")


class NoCompletion(Exception):
    """A piece that is none of a chat completion; the message is a clause."""


class _Call:
    """A call of a tool, as far as it has come."""

    def __init__(self) -> None:
        self.id, self.name = "", ""
        self.arguments: list[str] = []


class Answering:
    """An answer under way."""

    def __init__(self) -> None:
        self._finish = self._model = ""
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._calls: list[_Call] = []
        self._at: dict[Any, _Call] = {}
        self._tokens: Tokens | None = None

    def take(self, piece: Any) -> str:
        """Add what came next; the text that is in it.

        Raises:
            NoCompletion: it makes no sense.
        """
        before = len(self._text)
        try:
            self._model = self._model or str(piece.get("model") or "")
            if used := piece.get("usage"):
                self._tokens = _tokens(used)
            for choice in piece.get("choices") or ():
                self._choose(choice)
        except (AttributeError, TypeError, ValueError, OverflowError) as error:
            raise NoCompletion(f"a piece of it makes no sense ({brief(str(error))})") from None
        return sound("".join(self._text[before:]))

    def reply(self) -> Reply:
        """The answer, after its last piece; `finish` is empty where it has not come to an end.

        Raises:
            NoCompletion: it calls a tool without a name.
        """
        if not all(call.name for call in self._calls):
            raise NoCompletion("it calls a tool without a name")
        ids = [sound(call.id) for call in self._calls]
        calls = tuple(
            ToolCall(id if id and ids.count(id) == 1 else f"call_{number}", _name(call.name), _arguments(call))
            for number, (id, call) in enumerate(zip(ids, self._calls, strict=True), 1)
        )
        text, refusal = sound("".join(self._text)), sound("".join(self._refusal))
        return Reply(text, calls, self._tokens, self._finish, self._model, refusal)

    def _choose(self, choice: Mapping[str, Any]) -> None:
        if choice.get("index"):  # only one was asked for
            return
        delta = choice.get("delta") or choice.get("message") or {}  # a message where it is not streamed
        if text := delta.get("content"):
            self._text.append(_text(text))
        if refused := delta.get("refusal"):
            self._refusal.append(_text(refused))
        for part in delta.get("tool_calls") or ():
            self._add(part)
        self._finish = str(choice.get("finish_reason") or self._finish)

    def _add(self, part: Mapping[str, Any]) -> None:
        """Add to the call that `part` is of; some endpoints number all of them alike, or none."""
        number, id, function = part.get("index"), part.get("id") or "", part.get("function") or {}
        call = self._at.get(number)
        name = _text(function.get("name") or "")
        another = call is not None and number is None and name and call.name and name != call.name
        if call is None or another or (id and call.id and id != call.id):
            call = self._at[number] = _Call()
            self._calls.append(call)
        call.id = call.id or _text(id)
        call.name = call.name or name
        if arguments := function.get("arguments"):
            call.arguments.append(_text(arguments))


def _name(name: str) -> str:
    """The name of a tool as endpoints take it back: some models make up others, as `functions.search`."""
    return _NO_NAME.sub("_", name)[:64]


def _arguments(call: _Call) -> str:
    return sound("".join(call.arguments))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text was expected, not {type(value).__name__}")
    return value


def _tokens(used: Mapping[str, Any]) -> Tokens | None:
    """What a call took; None where that is not told, which is not the same as nothing."""
    details = used.get("prompt_tokens_details") or {}
    counted = used.get("prompt_tokens"), details.get("cached_tokens"), used.get("completion_tokens")
    tokens = Tokens(*(min(max(int(number or 0), 0), MOST_TOKENS) for number in counted))
    return tokens if tokens.input or tokens.output else None
