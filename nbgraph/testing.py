"""Testing: a scripted model, which answers over real HTTP on loopback what it is told to.

The client of a real model runs against it unchanged, so lessons, tests and machines without a network have agents too::

    from nbgraph.testing import ScriptedModel, calls, fails

    with ScriptedModel([calls("search", query="bees"), "Bees dance."]) as model:
        model.use()  # agents of this program call it from now on
        ...
    model.requests  # what it was asked
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from nbgraph.errors import InputError
from nbgraph.models.scripted import Reply, broken, calls, cut, drips, fails, hangs, says
from nbgraph.models.scripted_log import Log, Seen
from nbgraph.models.scripted_rules import NOTHING, Key, script_of
from nbgraph.models.scripted_server import HOST, Server

__all__ = ["ScriptedModel", "Seen", "broken", "calls", "cut", "drips", "fails", "hangs", "says"]

NAME = KEY = "scripted"

_used: list[ScriptedModel] = []  # what agents call has to live, though nobody else holds it


class ScriptedModel:
    """A model that answers what its script says, over HTTP, with streams and without.

    A script is a list of replies, used in order, or a dict of rules for agents that ask in no certain order::

        ScriptedModel({
            "system: You are a poet": "Bees, bees.",
            "user: Count the words": [calls("count", text="Bees, bees."), "Two words."],
            re.compile(r"^tool: \\d+$", re.M): "I have counted.",
        }, otherwise="I do not know.")

    A rule fits where its text is found, in any case, or its pattern matches; several in a tuple have all to be found.
    They are looked for in the system prompt and the newest message, each with its role before it, as in `user: Hello`;
    of those that fit, the one written first is taken. Where none fits, the message before that one is looked at in its
    place, and so on. What the model itself said is not looked at. A rule's list is used in order, its last reply again
    and again.

    A reply is a text; a dict, list or pydantic object, which becomes JSON text (in a rule, a list is several replies);
    what `says`, `calls`, `fails`, `drips`, `cut`, `hangs` or `broken` give; or a function from the request, a dict, to
    any of these, which is called in another thread.

    Args:
        script: the replies or the rules.
        otherwise: the reply, or the list of them, where the list is used up or no rule fits; an error says so by
            default, with the status 400, which clients do not try again.
        key: the only key that it takes.

    Raises:
        InputError: the script makes no sense.
    """

    def __init__(
        self, script: Sequence[Reply] | Mapping[Key, Any] = (), *, otherwise: Reply = NOTHING, key: str | None = None
    ) -> None:
        self._log = Log(script_of(script, otherwise))
        self._key = key
        self._closing: weakref.finalize[[], ScriptedModel] | None = None
        self._port: int | None = None

    def __repr__(self) -> str:
        where = f"at {self.url}" if self._port else "not started"
        return f"<ScriptedModel {where}: {self._log.script!r}>"

    def __enter__(self) -> ScriptedModel:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> ScriptedModel:
        """Answer from now on, on a free port of this machine; without effect where it does."""
        if self._closing is None or not self._closing.alive:
            server = Server(self._log.answer, self._key)
            self._port = server.port
            self._closing = weakref.finalize(self, server.close)  # for one that nobody closes
        return self

    def close(self) -> None:
        """Answer no more, and end the connections; what was asked can still be read.

        Where agents call it, they call again what the environment says.
        """
        if self._port is None or self._closing is None:
            return
        if self in _used:
            from nbgraph.models.settings import take_back

            _used.clear()
            take_back(base_url=self.url, api_key=self._key or KEY, model=NAME)
        self._port = None
        self._closing()

    def use(self) -> ScriptedModel:
        """Make it the model that agents of this program call until it is closed, started where it is not.

        It takes the place of what `nbgraph.configure` set before, a cassette too.
        """
        from nbgraph.settings import configure

        self.start()
        configure(base_url=self.url, api_key=self._key or KEY, model=NAME, cassette="")
        _used[:] = [self]
        return self

    @property
    def url(self) -> str:
        """What a client takes as base_url.

        Raises:
            InputError: it is not started.
        """
        if self._port is None:
            raise InputError("the scripted model has no address, since it is not started; use `with` or start().")
        return f"http://{HOST}:{self._port}/v1"

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The bodies of the requests so far, in the order in which they came."""
        return [each.body for each in self.seen]

    @property
    def seen(self) -> list[Seen]:
        """The requests so far, with their headers and times."""
        return self._log.seen

    @property
    def left(self) -> int:
        """How many requests were left by their client before the answer's end."""
        return sum(each.left for each in self.seen)

    def wait_for(self, *, requests: int = 0, left: int = 0, timeout: float = 5.0) -> bool:
        """Wait until so many requests have come and so many were left; whether they were within `timeout` seconds.

        It blocks; on an event loop it belongs into `asyncio.to_thread`.
        """
        return self._log.wait_for(requests, left, timeout)
