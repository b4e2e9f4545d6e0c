"""Scripted replies: what a scripted model says, calls, or gets wrong, as plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Literal, TypeAlias

from nbgraph.errors import InputError, brief, told

Ending: TypeAlias = Literal["whole", "cut", "cut quietly", "hang"]


@dataclass(frozen=True)
class Answer:
    """What a model answers, and how it is sent; `calls` are pairs of a tool's name and its arguments as text."""

    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    tokens: tuple[int, ...] | None = None
    finish: str = ""
    refusal: str = ""
    model: str = ""
    after: float = 0.0
    every: float = 0.0
    ending: Ending = "whole"

    @property
    def empty(self) -> bool:
        """Whether there is nothing to send."""
        return not (self.text or self.calls or self.refusal)


@dataclass(frozen=True)
class Failure:
    """An answer that says that there is none."""

    status: int
    message: str
    kind: str
    code: str | None
    retry_after: float | str | None = None


@dataclass(frozen=True)
class Broken:
    """A body, or the data of an event, that is sent as it is."""

    raw: bytes
    status: int = 200
    content_type: str | None = None


Reply: TypeAlias = (
    Any  # a text, anything that JSON can say, an Answer, a Failure, a Broken, or a function to one of them
)
Settled: TypeAlias = Answer | Failure | Broken


def says(
    text: Any = "",
    *called: Answer,
    tokens: tuple[int, ...] | None = None,
    finish: str = "",
    refusal: str = "",
    model: str = "",
    after: float = 0.0,
) -> Answer:
    """The reply that says `text`, and calls what `calls(...)` gave.

    Args:
        text: a text, or a dict, list or pydantic object, which becomes JSON text.
        tokens: what it took: input and output, or input, cached and output; `()` for an endpoint that does not say.
            They are counted by default, one for four characters.
        finish: why it ended; "stop" or "tool_calls" by default.
        refusal: what is said in place of an answer.
        model: who answered, where it is not the model that was asked.
        after: seconds until the answer begins.

    Raises:
        InputError: one of them makes no sense.
    """
    if tokens is not None and len(tokens) not in (0, 2, 3):
        raise InputError(f"tokens are input and output, or input, cached and output, not {brief(tokens)}.")
    wrong = [each for each in called if not isinstance(each, Answer)]
    if wrong:
        raise InputError(
            f'what is called stands in calls(...), as in says("Wait.", calls("search")); not {brief(wrong[0])}.'
        )
    each = tuple(call for answer in called for call in answer.calls)
    counted = None if tokens is None else tuple(tokens)
    return Answer(as_text(text), each, counted, finish, refusal, model, _seconds("after", after))


def calls(name: str | tuple[str, Any], /, *more: tuple[str, Any], **arguments: Any) -> Answer:
    """The reply that calls a tool: `calls("search", query="bees")`.

    Several at once stand in tuples: `calls(("search", {"query": "bees"}), ("ops", {}))`. Arguments that are a text are
    sent as they are, valid JSON or not.

    Raises:
        InputError: a call makes no sense.
    """
    if isinstance(name, str) and more:
        raise InputError(f'several calls stand in tuples, as in calls(({name!r}, {{...}}), ("other", {{...}})).')
    if not isinstance(name, str) and arguments:
        raise InputError(f"arguments of several calls stand in their tuples; {', '.join(arguments)} stands outside.")
    pairs = ((name, arguments),) if isinstance(name, str) else (name, *more)
    return Answer(calls=tuple(_call(pair) for pair in pairs))


def drips(reply: Any, every: float = 0.05) -> Answer:
    """The reply sent slowly, a word at a time with `every` seconds between."""
    return replace(_as_answer(reply, "drips"), every=_seconds("every", every))


def cut(reply: Any = "", *, quietly: bool = False) -> Answer:
    """The reply with its end missing, and the connection closed; of an empty one nothing comes at all.

    A stream has all of the text, but neither the reason why it ended nor [DONE]; a body is half of what its length
    says.
    `quietly` means that HTTP itself ends well, and only what it carries stops in the middle.
    """
    return replace(_as_answer(reply, "cut"), ending="cut quietly" if quietly else "cut")


def hangs(reply: Any = "") -> Answer:
    """No answer, until the client goes or the model is closed; `reply`, or half of its body, comes before."""
    return replace(_as_answer(reply, "hangs"), ending="hang")


def fails(
    status: int, message: str = "", *, retry_after: float | str | None = None, code: str | None = None, kind: str = ""
) -> Failure:
    """The reply that is an error.

    Args:
        status: of HTTP, 400 to 599.
        message: what the error says; the usual words for the status by default.
        retry_after: what the header Retry-After says, in seconds or as a date.
        code: a word for programs, such as "insufficient_quota".
        kind: the error's type, such as "server_error".

    Raises:
        InputError: the status is none of an error.
    """
    if isinstance(status, bool) or not isinstance(status, int) or not 400 <= status <= 599:
        raise InputError(f"fails takes a status of HTTP between 400 and 599, not {brief(status)}.")
    code = "rate_limit_exceeded" if code is None and status == 429 else code
    kind = kind or ("server_error" if status >= 500 else "invalid_request_error")
    return Failure(status, message or _phrase(status), kind, code, retry_after)


def broken(raw: str | bytes = "{", *, status: int = 200, content_type: str | None = None) -> Broken:
    """The reply whose body, or whose one event in a stream, is `raw`, be it JSON or not.

    With a `content_type`, such as "text/html", it is a body for streams too.
    """
    return Broken(raw.encode() if isinstance(raw, str) else bytes(raw), status, content_type)


def settled(reply: Reply, request: Mapping[str, Any]) -> Settled:
    """What `reply` means for `request`; a function is called with it.

    Raises:
        InputError: it is no reply, or the function failed.
    """
    if callable(reply) and not hasattr(reply, "model_dump"):
        try:
            reply = reply(request)
        except Exception as error:
            raise InputError(f"a function of the script failed: {type(error).__name__}: {told(error)}") from error
    return reply if isinstance(reply, Answer | Failure | Broken) else Answer(as_text(reply))


def check(reply: Reply) -> None:
    """Raise InputError where `reply` cannot be one."""
    if not callable(reply) and not isinstance(reply, Answer | Failure | Broken):
        as_text(reply)


def as_text(value: Any) -> str:
    """A text as it is; anything else as JSON.

    Raises:
        InputError: JSON cannot say it.
    """
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, type):
        raise InputError(f"a reply is a text, what JSON can say, or says, calls, fails and so on; not {brief(value)}.")
    try:
        return json.dumps(value, ensure_ascii=False, default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"a reply is a text, what JSON can say, or says, calls, fails and so on; {error}.") from None


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if dump is None or isinstance(value, type):
        raise TypeError(f"{brief(value)} is none of them")
    return dump(mode="json")


def _as_answer(reply: Any, what: str) -> Answer:
    if isinstance(reply, Failure | Broken) or (callable(reply) and not hasattr(reply, "model_dump")):
        raise InputError(f"{what} takes a text, or what says and calls give, not {brief(reply)}.")
    return reply if isinstance(reply, Answer) else Answer(as_text(reply))


def _call(pair: Any) -> tuple[str, str]:
    if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2 or not isinstance(pair[0], str):
        raise InputError(
            f'a call is a name and its arguments, as in ("search", {{"query": "bees"}}), not {brief(pair)}.'
        )
    name, arguments = pair
    if not isinstance(arguments, str | Mapping):
        raise InputError(
            f"the arguments of {name} are a dict, or a text that is sent as it is, not {brief(arguments)}."
        )
    return name, as_text(arguments if isinstance(arguments, str) else dict(arguments))


def _seconds(what: str, value: float) -> float:
    if not 0 <= value < float("inf"):
        raise InputError(f"{what} is a number of seconds, 0 or more, not {brief(value)}.")
    return float(value)


def _phrase(status: int) -> str:
    try:
        return f"{HTTPStatus(status).phrase}."
    except ValueError:  # such as 529
        return f"Failed with the status {status}."
