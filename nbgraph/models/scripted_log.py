"""The log of a scripted model: what it was asked, and what its script answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from nbgraph.errors import InputError
from nbgraph.models.scripted import Answer, Settled, settled
from nbgraph.models.scripted_rules import Script
from nbgraph.models.scripted_server import Ended
from nbgraph.models.scripted_wire import Asked, Sending, failed, sending


@dataclass(eq=False)
class Seen:
    """A request that came: its body, its headers in lower case, and when it began and ended, by `time.monotonic`.

    `ended` is None while it is being answered; `left` says that the client went before the answer's end.
    """

    body: dict[str, Any]
    headers: dict[str, str] = field(repr=False)
    began: float
    ended: float | None = None
    left: bool = False


class Log:
    """What the threads of a server share: the script, and the requests so far."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._seen: list[Seen] = []
        self._called = 0
        self._changed = threading.Condition()

    @property
    def seen(self) -> list[Seen]:
        """The requests so far, in the order in which they came."""
        with self._changed:
            return list(self._seen)

    def answer(self, body: dict[str, Any], headers: Mapping[str, str]) -> tuple[Sending, Ended]:
        """How a request is answered, and what is to be called when that is over."""
        with self._changed:
            seen = Seen(body, {name.lower(): value for name, value in headers.items()}, time.monotonic())
            self._seen.append(seen)
            number = len(self._seen)
            try:
                reply, wrong = self.script.reply(body), ""  # in the same order as the requests
            except InputError as error:
                reply, wrong = None, str(error)
            self._changed.notify_all()
        how = failed(400, wrong, code="script") if wrong else self._sending(reply, body, number)
        return how, partial(self._end, seen)

    def wait_for(self, requests: int, left: int, timeout: float) -> bool:
        """Wait until so many have come and so many were left; whether that was within `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(
                lambda: len(self._seen) >= requests and sum(each.left for each in self._seen) >= left, timeout
            )

    def _sending(self, reply: Any, body: dict[str, Any], number: int) -> Sending:
        try:
            meant = settled(reply, body)
        except InputError as error:
            return failed(400, str(error), code="script")
        return sending(meant, Asked(body, number, self._numbered(meant)))

    def _numbered(self, reply: Settled) -> int:
        """The number of the reply's first call of a tool; they are counted over all answers."""
        with self._changed:
            first = self._called + 1
            self._called += len(reply.calls) if isinstance(reply, Answer) else 0
            return first

    def _end(self, seen: Seen, left: bool) -> None:
        with self._changed:
            seen.ended, seen.left = time.monotonic(), left
            self._changed.notify_all()
