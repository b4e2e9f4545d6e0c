"""Records: what is sent to a model and what comes back, as plain data.

Messages are dicts in the shape of chat completions, since they are kept in the state as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Message = Mapping[str, Any]


class Request(NamedTuple):
    """What a model is asked.

    Args:
        model: its name at the endpoint.
        messages: the conversation so far.
        tools: what it may call, each a JSON schema as chat completions take it.
        temperature: how much it varies; None for the model's own.
        schema: the JSON schema that its answer has to fit, or None.
    """

    model: str
    messages: Sequence[Message]
    tools: Sequence[Mapping[str, Any]] = ()
    temperature: float | None = None
    schema: Mapping[str, Any] | None = None


class ToolCall(NamedTuple):
    """A call that a model asks for; `arguments` is the JSON text as it came."""

    id: str
    name: str
    arguments: str


class Tokens(NamedTuple):
    """What a call of a model took, in tokens; `cached` are those of the `input` that the endpoint had already."""

    input: int = 0
    cached: int = 0
    output: int = 0


class Reply(NamedTuple):
    """What a model answered: text, calls of tools, or both.

    `tokens` is None where the endpoint does not say. `finish` is why it ended, such as "stop", "tool_calls" or
    "length". `model` is the one that answered, by its own name for itself. `refusal` is what it said in place of an
    answer.
    """

    text: str
    calls: tuple[ToolCall, ...] = ()
    tokens: Tokens | None = None
    finish: str = "stop"
    model: str = ""
    refusal: str = ""

    @property
    def message(self) -> dict[str, Any]:
        """The reply as a message of the conversation."""
        said: dict[str, Any] = {"role": "assistant", "content": self.text or None}
        if self.calls:
            called = [{"name": call.name, "arguments": call.arguments} for call in self.calls]
            pairs = zip(self.calls, called, strict=True)
            said["tool_calls"] = [{"id": call.id, "type": "function", "function": each} for call, each in pairs]
        return said
