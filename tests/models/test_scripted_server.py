"""The server of a scripted model: HTTP on loopback, a thread for each connection, closed without waiting."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from typing import Any

import pytest

from nbgraph.models.scripted import Answer, Settled, cut, drips, hangs
from nbgraph.models.scripted_server import HOST, Ended, Server
from nbgraph.models.scripted_wire import Asked, Sending, sending

QUESTION = json.dumps({"model": "m", "messages": []})


class Witness:
    """Answers all with one reply, and sees who was left."""

    def __init__(self) -> None:
        self.reply: Settled = Answer("Bees dance.")
        self.left: list[bool] = []
        self.asked, self.over = threading.Event(), threading.Semaphore(0)

    def answer(self, body: dict[str, Any], headers: Mapping[str, str]) -> tuple[Sending, Ended]:
        self.asked.set()
        return sending(self.reply, Asked(body)), self.end

    def end(self, left: bool) -> None:
        self.left.append(left)
        self.over.release()


@pytest.fixture
def witness() -> Witness:
    return Witness()


@pytest.fixture
def server(witness: Witness) -> Iterator[Server]:
    server = Server(witness.answer)
    yield server
    server.close()


@pytest.fixture
def client(server: Server) -> Iterator[HTTPConnection]:
    client = HTTPConnection(HOST, server.port, timeout=5)
    yield client
    client.close()


def ask(client: HTTPConnection, method: str, path: str, body: str | None = None) -> tuple[int, Any]:
    client.request(method, path, body)
    answer = client.getresponse()
    return answer.status, json.loads(answer.read())


def test_one_connection_serves_many_requests(client: HTTPConnection) -> None:
    client.connect()
    first = client.sock

    answers = [ask(client, "POST", "/v1/chat/completions", QUESTION)[0] for _ in range(3)]

    assert (answers, client.sock) == ([200] * 3, first)


def test_the_models_are_listed(client: HTTPConnection) -> None:
    status, models = ask(client, "GET", "/v1/models")

    assert (status, [each["id"] for each in models["data"]]) == (200, ["scripted"])


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/embeddings"), ("GET", "/"), ("GET", "/v1/models/scripted")])
def test_an_unknown_path_is_not_found(client: HTTPConnection, method: str, path: str) -> None:
    status, said = ask(client, method, path)

    assert (status, said["error"]["code"]) == (404, "not_found")
    assert f"has no {method} {path}" in said["error"]["message"]


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", '{"messages": 1}', "[" * 100_000])
def test_a_body_that_asks_nothing_is_refused(client: HTTPConnection, witness: Witness, body: str) -> None:
    status, said = ask(client, "POST", "/v1/chat/completions", body)

    assert (status, witness.left) == (400, [])
    assert "no JSON object with a list of messages" in said["error"]["message"]


def test_a_body_may_come_in_chunks(client: HTTPConnection, witness: Witness) -> None:
    client.request(
        "POST", "/v1/chat/completions", iter([QUESTION[:9].encode(), QUESTION[9:].encode()]), encode_chunked=True
    )

    assert client.getresponse().status == 200
    assert witness.asked.is_set()


@pytest.mark.parametrize("chunk", [b"zz\r\n\r\n", b"-5\r\n\r\n", b"\r\n\r\n"])
def test_chunks_that_make_no_sense_are_refused(server: Server, chunk: bytes) -> None:
    with socket.create_connection((HOST, server.port), timeout=5) as client:
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
        answer = client.recv(65536)

    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_key_is_asked_for_where_one_is_set(witness: Witness) -> None:
    server = Server(witness.answer, key="secret")
    client = HTTPConnection(HOST, server.port, timeout=5)

    client.request("POST", "/v1/chat/completions", QUESTION, {"Authorization": "Bearer other"})
    refused = client.getresponse()
    said = refused.read()
    client.request("POST", "/v1/chat/completions", QUESTION, {"Authorization": "Bearer secret"})
    taken = client.getresponse().status

    client.close()
    server.close()
    assert (refused.status, taken, witness.left) == (401, 200, [False])
    assert b"secret" not in said


def test_nothing_is_logged(client: HTTPConnection, capfd: pytest.CaptureFixture[str]) -> None:
    ask(client, "POST", "/v1/chat/completions", QUESTION)
    ask(client, "GET", "/nowhere")
    client.request("PATCH", "/v1/models")
    client.getresponse().read()

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "reply", [hangs(), hangs("Bees"), drips("Bees dance. " * 1000, every=30), Answer("x", after=30)]
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_is_noticed_at_once(
    server: Server, client: HTTPConnection, witness: Witness, reply: Answer, stream: bool
) -> None:
    witness.reply = reply
    client.request("POST", "/v1/chat/completions", json.dumps({"messages": [], "stream": stream}))
    witness.asked.wait(5)

    client.close()

    assert witness.over.acquire(timeout=5)
    assert witness.left == [True]


def test_a_client_that_goes_during_a_large_answer_is_noticed(
    server: Server, client: HTTPConnection, witness: Witness
) -> None:
    witness.reply = Answer("x" * 30_000_000)
    client.request("POST", "/v1/chat/completions", QUESTION)
    witness.asked.wait(5)

    client.close()

    assert witness.over.acquire(timeout=5)
    assert witness.left == [True]


def test_a_client_that_reads_all_has_not_left(client: HTTPConnection, witness: Witness) -> None:
    ask(client, "POST", "/v1/chat/completions", QUESTION)
    client.close()

    assert witness.over.acquire(timeout=5)
    assert witness.left == [False]


def test_a_second_request_that_is_there_early_is_no_leaving(server: Server, witness: Witness) -> None:
    witness.reply = drips("Bees dance.", every=0.001)
    request = f"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {len(QUESTION)}\r\n\r\n{QUESTION}".encode()
    with socket.create_connection((HOST, server.port), timeout=5) as both:
        both.sendall(request * 2)
        received = b""
        while received.count(b"HTTP/1.1 200 OK") < 2 or not received.endswith(b"}}}"):
            received += both.recv(65536)
        assert witness.over.acquire(timeout=5)
        assert witness.over.acquire(timeout=5)

    assert witness.left == [False, False]


def test_a_client_that_speaks_while_it_waits_is_not_waited_for_at_the_end(
    server: Server, client: HTTPConnection, witness: Witness
) -> None:
    witness.reply = hangs()
    client.request("POST", "/v1/chat/completions", QUESTION)
    client.sock.sendall(b"POST")
    witness.asked.wait(5)

    server.close()

    assert (witness.left, server._open) == ([False], {})


def test_closing_ends_what_hangs_and_all_threads(server: Server, client: HTTPConnection, witness: Witness) -> None:
    witness.reply = hangs()
    client.request("POST", "/v1/chat/completions", QUESTION)
    witness.asked.wait(5)

    server.close()

    assert (witness.left, server._open) == ([False], {})  # the client has not gone, the server has
    assert not server._accepting.is_alive()
    assert client.sock.recv(1) == b""


def test_closing_does_not_wait_for_connections_that_are_idle(server: Server, client: HTTPConnection) -> None:
    ask(client, "POST", "/v1/chat/completions", QUESTION)

    began = time.monotonic()
    server.close()

    assert time.monotonic() - began < 0.5


def test_closing_twice_is_closing_once(server: Server) -> None:
    server.close()
    server.close()

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, server.port), timeout=5)


def test_a_connection_is_closed_where_the_answer_is_cut(client: HTTPConnection, witness: Witness) -> None:
    witness.reply = cut()
    client.request("POST", "/v1/chat/completions", QUESTION)

    assert client.sock.recv(1) == b""
    assert witness.left == [False]


def test_many_connections_are_answered_at_once(server: Server, witness: Witness) -> None:
    witness.reply = hangs()
    request = f"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {len(QUESTION)}\r\n\r\n{QUESTION}".encode()
    clients = [socket.create_connection((HOST, server.port), timeout=5) for _ in range(200)]
    for each in clients:
        each.sendall(request)

    until = time.monotonic() + 5
    while len(server._open) < 200 and time.monotonic() < until:
        time.sleep(0.001)
    server.close()

    answers = [each.recv(1) for each in clients]
    for each in clients:
        each.close()
    assert answers == [b""] * 200
