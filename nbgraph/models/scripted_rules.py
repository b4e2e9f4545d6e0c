"""Scripts: which reply comes next, from a list of replies or by rules."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from nbgraph.errors import InputError, brief
from nbgraph.models.scripted import Reply, check

Sought: TypeAlias = str | re.Pattern[str]
Key: TypeAlias = Sought | tuple[Sought, ...]
NOTHING = object()  # no reply is set, since None might be meant for one
SHOWN = 300  # characters of a conversation in a message


@dataclass
class Rule:
    """A key of the script and its replies; `used` counts how often it fitted."""

    sought: tuple[Sought, ...]
    replies: tuple[Reply, ...]
    used: int = 0

    def fits(self, text: str) -> bool:
        """Whether all that is sought is in `text`."""
        folded = text.casefold()
        return all(
            each.casefold() in folded if isinstance(each, str) else each.search(text) is not None
            for each in self.sought
        )

    def next(self) -> Reply:
        """Its replies in order, the last one again and again."""
        self.used += 1
        return self.replies[min(self.used, len(self.replies)) - 1]


class Listed:
    """A script that is a list: its replies in order, then `otherwise`."""

    def __init__(self, replies: Sequence[Reply], otherwise: Rule | None) -> None:
        self._replies, self._otherwise = tuple(replies), otherwise
        self._used, self._lock = 0, threading.Lock()
        for reply in self._replies:
            check(reply)

    def __repr__(self) -> str:
        return f"{min(self._used, len(self._replies))} of {_counted(len(self._replies), 'reply')} used"

    def reply(self, request: Mapping[str, Any]) -> Reply:
        """The next one.

        Raises:
            InputError: all are used.
        """
        with self._lock:
            self._used += 1
            if self._used <= len(self._replies):
                return self._replies[self._used - 1]
            if self._otherwise is not None:
                return self._otherwise.next()
        said = next(looked_at(request), "an empty conversation")
        used = f"{_counted(len(self._replies), 'reply')} for {_counted(self._used, 'request')}"
        raise InputError(
            f"the script is over: {used}, the last of which says {brief(said, SHOWN)}; add a reply, or set otherwise."
        )


class Ruled:
    """A script of rules: the reply of the first that fits the conversation."""

    def __init__(self, rules: Mapping[Key, Any], otherwise: Rule | None) -> None:
        self._rules = [Rule(_sought(key), replies_of(key, value)) for key, value in rules.items()]
        self._otherwise, self._lock = otherwise, threading.Lock()

    def __repr__(self) -> str:
        return f"{_counted(len(self._rules), 'rule')}, used {_counted(sum(rule.used for rule in self._rules), 'time')}"

    def reply(self, request: Mapping[str, Any]) -> Reply:
        """That of the first rule that fits.

        Raises:
            InputError: none does.
        """
        with self._lock:
            rule = self._fitting(request) or self._otherwise
            if rule is not None:
                return rule.next()
        keys = ", ".join(brief(rule.sought if len(rule.sought) > 1 else rule.sought[0]) for rule in self._rules)
        seen = brief("\n".join(looked_at(request)), SHOWN)
        raise InputError(f"no rule of the script fits: {keys} was looked for in {seen}; add a rule, or set otherwise.")

    def _fitting(self, request: Mapping[str, Any]) -> Rule | None:
        fitting = (rule for text in looked_at(request) for rule in self._rules if rule.fits(text))
        return next(fitting, None)


Script: TypeAlias = Listed | Ruled


def script_of(script: Any, otherwise: Any = NOTHING) -> Script:
    """The script that a list of replies or a dict of rules is.

    Raises:
        InputError: it is neither, or one of its replies makes no sense.
    """
    last = None if otherwise is NOTHING else Rule((), replies_of("otherwise", otherwise))
    if isinstance(script, Mapping):
        return Ruled(script, last)
    if isinstance(script, Sequence) and not isinstance(script, str | bytes):
        return Listed(script, last)
    raise InputError(f'a script is a list of replies or a dict of rules, such as ["Hello."], not {brief(script)}.')


def replies_of(key: Any, value: Any) -> tuple[Reply, ...]:
    """What stands beside a key: one reply, or a list of them.

    Raises:
        InputError: there is none, or one makes no sense.
    """
    replies = tuple(value) if isinstance(value, list) else (value,)
    if not replies:
        raise InputError(f"the rule {brief(key)} has no replies; write one, or several in a list.")
    for reply in replies:
        check(reply)
    return replies


def looked_at(request: Mapping[str, Any]) -> Iterator[str]:
    """What rules are tried on, one after the other: each message, the newest first, below the system prompt.

    Each begins with its role, as in `user: Tell me about bees.` What the model said itself is left out.
    """
    messages = request.get("messages")
    told = [_told(each) for each in messages if isinstance(each, Mapping)] if isinstance(messages, list) else []
    system = [text for role, text in told if role == "system"]
    others = [text for role, text in reversed(told) if role not in ("system", "assistant")]
    for text in others:
        yield "\n".join([*system, text])
    if system and not others:
        yield "\n".join(system)


def _told(message: Mapping[str, Any]) -> tuple[str, str]:
    role = "system" if message.get("role") == "developer" else str(message.get("role"))
    return role, f"{role}: {content_of(message)}"


def content_of(message: Mapping[str, Any]) -> str:
    """The text of a message, be it one or in parts."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, Mapping)]
        return "\n".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _sought(key: Any) -> tuple[Sought, ...]:
    sought = key if isinstance(key, tuple) else (key,)
    if not sought or not all(_can_be_sought(each) for each in sought):
        raise InputError(
            f"the key of a rule is a text, a pattern of re.compile, or several of them in a tuple, not {brief(key)}."
        )
    return sought


def _counted(number: int, what: str) -> str:
    return (
        f"{number} {what}" if number == 1 else f"{number} {what.removesuffix('y')}{'ies' if what[-1] == 'y' else 's'}"
    )


def _can_be_sought(value: Any) -> bool:
    pattern = value.pattern if isinstance(value, re.Pattern) else value
    return isinstance(pattern, str) and bool(pattern)
