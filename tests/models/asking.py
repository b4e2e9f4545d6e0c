"""What tests of the wire share: a loop to call models on, and requests."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from nbgraph.errors import ModelError
from nbgraph.models import settings
from nbgraph.models.records import Reply, Request
from nbgraph.models.settings import Endpoint
from nbgraph.models.wire import complete
from nbgraph.testing import ScriptedModel

KEY = "sk-test-0123456789abcdef"
HELLO = Request("", [{"role": "user", "content": "Hello."}])


def asking(text: str, **more: Any) -> Request:
    return Request("", [{"role": "user", "content": text}], **more)


def at(model: ScriptedModel, **more: Any) -> Endpoint:
    return Endpoint(model.url, KEY, **{"model": "m", "timeout": 10.0, **more})


class Asked:
    """Calls on one loop, so that clients are kept as they are in a program."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self.runner = runner

    def __call__(
        self,
        model: ScriptedModel | Endpoint,
        request: Request = HELLO,
        wrote: Callable[[str], None] = lambda text: None,
        **more: Any,
    ) -> Reply:
        where = model if isinstance(model, Endpoint) else at(model, **more)
        return self.runner.run(complete(where, request, wrote))

    def fails(self, *args: Any, **more: Any) -> ModelError:
        """The error of a call that has to fail."""
        with pytest.raises(ModelError) as caught:
            self(*args, **more)
        return caught.value


def nothing_set(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    """Neither the program nor the environment says anything but `variables`."""
    monkeypatch.setattr(settings, "_configured", {})
    for name in settings._VARIABLES.values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("NBGRAPH_CASSETTE", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@contextmanager
def raw_server(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """An endpoint that sends these bytes, one answer a connection: its address, and the heads of what came."""
    heads: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        thread = threading.Thread(target=_answer, args=(listening, answers, heads))
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1", heads
        thread.join()


def _answer(listening: socket.socket, answers: Sequence[bytes], heads: list[bytes]) -> None:
    for answer in answers:
        connection, _ = listening.accept()
        with connection, connection.makefile("rb") as stream:
            head = b"".join(iter(stream.readline, b"\r\n"))
            heads.append(head)
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
            stream.read(int(length.partition(b":")[2]))
            connection.sendall(answer)
