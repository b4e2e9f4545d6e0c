"""The server of a scripted model: HTTP on loopback, a thread for each connection, closed without waiting."""

from __future__ import annotations

import contextlib
import json
import socket
import string
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any

from nbgraph.models.scripted_wire import Sending, body, encoded, failed

HOST = "127.0.0.1"
WAITING = 1024  # clients that may stand in line at once
LONG, SHORT = 3600.0, 0.05  # seconds between two looks at a client: one that is silent, and one that is not
PATIENCE = 1.0  # seconds that closing waits for a function of the script
COMPLETIONS, MODELS = "/v1/chat/completions", "/v1/models"


class Gone(Exception):
    """The client has closed its connection, or the server is being closed."""


Ended = Callable[[bool], None]  # told of the end, with whether the client went before it
Answering = Callable[[dict[str, Any], Mapping[str, str]], tuple[Sending, Ended]]


class Server:
    """Answers on a free port until it is closed.

    Args:
        answer: gives, for the body of a request and its headers, how it is answered and whom to tell of the end.
        key: what the header Authorization has to carry, or None.
    """

    def __init__(self, answer: Answering, key: str | None = None) -> None:
        self.answer, self.key, self.closing = answer, key, False
        self._lock = threading.RLock()  # the garbage collector may close it in a thread that holds it
        self._open: dict[socket.socket, threading.Thread] = {}
        self._listening = socket.create_server((HOST, 0), backlog=WAITING)
        self.port: int = self._listening.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, name=f"scripted-{self.port}", daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """End all connections, answered or not, and the threads; again without effect."""
        with self._lock:
            if self.closing:
                return
            self.closing = True
        self._wake()
        _join(self._accepting, PATIENCE)
        self._listening.close()
        with self._lock:
            left = list(self._open.items())
            for connection, _ in left:
                _shut(connection)
        until = time.monotonic() + PATIENCE
        for _, thread in left:
            _join(thread, until - time.monotonic())

    def _wake(self) -> None:
        """Let `accept` return; closing its socket does not, on some systems."""
        try:
            socket.create_connection((HOST, self.port), timeout=PATIENCE).close()
        except OSError:
            _shut(self._listening)

    def _accept(self) -> None:
        while True:
            try:
                connection, address = self._listening.accept()
            except OSError:
                if self.closing:
                    return
                time.sleep(0.01)  # no more files can be opened at the moment
                continue
            if self.closing:
                connection.close()
                return
            thread = threading.Thread(target=self._serve, args=(connection, address), daemon=True)
            with self._lock:
                self._open[connection] = thread
            thread.start()

    def _serve(self, connection: socket.socket, address: Any) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
            Exchange(connection, address, self)  # type: ignore[arg-type]
        except OSError:
            pass  # the client went between two requests
        finally:
            with self._lock:
                del self._open[connection]
            connection.close()


class Exchange(BaseHTTPRequestHandler):
    """The requests of one connection, one after the other."""

    protocol_version = "HTTP/1.1"
    server: Server  # type: ignore[assignment]

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged: a lesson's output is its own."""

    def do_GET(self) -> None:
        """Which models there are."""
        if self._path() != MODELS:
            self._send(self._nowhere())
            return
        model = {"id": "scripted", "object": "model", "created": 0, "owned_by": "nbgraph"}
        whole = body(200, encoded({"object": "list", "data": [model]}))
        self._send(self._refused() or Sending([whole]))

    def do_POST(self) -> None:
        """A chat completion."""
        content = self._content()
        if self._path() != COMPLETIONS:
            self._send(self._nowhere())
            return
        refused = self._refused()
        asked = _read(content)
        if refused is not None:
            self._send(refused)
        elif asked is None:
            self._send(failed(400, "the body of the request is no JSON object with a list of messages."))
        else:
            self._answer(asked)

    def _content(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(iter(self._chunk, b""))
        length = self.headers.get("Content-Length", "")
        return self.rfile.read(int(length)) if length.isdecimal() else b""

    def _chunk(self) -> bytes:
        size = self.rfile.readline().partition(b";")[0].strip().decode("latin-1")
        chunk = self.rfile.read(int(size, 16)) if size and set(size) <= set(string.hexdigits) else b""
        self.rfile.readline()
        return chunk

    def _answer(self, asked: dict[str, Any]) -> None:
        how, ended = self.server.answer(asked, dict(self.headers.items()))
        left = True
        try:
            left = not self._send(how)
        finally:
            ended(left and not self.server.closing)

    def _send(self, how: Sending) -> bool:
        """Whether the client was there to the end."""
        try:
            self._wait(how.after)
            for number, piece in enumerate(how.pieces):
                self._wait(how.every if number else 0)
                self.connection.sendall(piece)
            while how.then == "hang":
                self._wait(LONG)
        except (Gone, OSError):
            self.close_connection = True
            return False
        self.close_connection = self.close_connection or how.then == "close"
        return True

    def _wait(self, seconds: float) -> None:
        """Sleep, and raise Gone at once where the client goes, or has gone."""
        until = time.monotonic() + seconds
        while self._speaks_within(until - time.monotonic()):
            rest = until - time.monotonic()
            if rest <= 0:
                return
            if self.server.closing:
                raise Gone
            time.sleep(min(rest, SHORT))  # the next request is there already

    def _speaks_within(self, seconds: float) -> bool:
        """Whether the client sends something; raises Gone where it closes the connection."""
        self.connection.settimeout(max(0.0, seconds))
        try:
            if not self.connection.recv(1, socket.MSG_PEEK):
                raise Gone
        except (TimeoutError, BlockingIOError):
            return False
        finally:
            self.connection.settimeout(None)
        return True

    def _path(self) -> str:
        return self.path.partition("?")[0]

    def _nowhere(self) -> Sending:
        here = f"POST {COMPLETIONS} and GET {MODELS}"
        return failed(
            404, f"a scripted model has no {self.command} {self._path()}; it answers {here}.", code="not_found"
        )

    def _refused(self) -> Sending | None:
        key = self.server.key
        if key is None or self.headers.get("Authorization") == f"Bearer {key}":
            return None
        return failed(
            401, "the key of the request is not the one that the scripted model was given.", code="invalid_api_key"
        )


def _read(content: bytes) -> dict[str, Any] | None:
    try:
        asked = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return asked if isinstance(asked, dict) and isinstance(asked.get("messages"), list) else None


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is closed already
        connection.shutdown(socket.SHUT_RDWR)


def _join(thread: threading.Thread, seconds: float) -> None:
    if thread is not threading.current_thread():  # a function of the script may close its own model
        thread.join(max(0.0, seconds))
