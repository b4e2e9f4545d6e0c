"""Clients: kept for the next call, on the loop that they were made on, and closed with it or with the program."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from nbgraph.models import clients
from nbgraph.models.clients import MOST, client_of, close_clients, is_loopback
from nbgraph.models.settings import Endpoint
from nbgraph.models.wire import complete
from nbgraph.testing import ScriptedModel, hangs
from tests.models.asking import HELLO, at


def test_endpoints_that_differ_in_their_model_only_share_a_client() -> None:
    async def same() -> bool:
        one, other = Endpoint("http://127.0.0.1:9/v1", "k", "a"), Endpoint("http://127.0.0.1:9/v1", "k", "b")
        async with client_of(one) as first, client_of(other) as second:
            return first is second

    assert asyncio.run(same())


@pytest.mark.parametrize("other", [{"api_key": "other"}, {"timeout": 1.0}, {"base_url": "http://127.0.0.1:8/v1"}])
def test_another_key_address_or_patience_is_another_client(other: dict[str, object]) -> None:
    async def same() -> bool:
        one = {"base_url": "http://127.0.0.1:9/v1", "api_key": "k"}
        async with client_of(Endpoint(**one)) as first, client_of(Endpoint(**{**one, **other})) as second:  # type: ignore[arg-type]
            return first is second

    assert not asyncio.run(same())


def test_of_many_endpoints_the_latest_are_kept_and_others_closed() -> None:
    async def closed() -> list[bool]:
        made = []
        for port in range(1, MOST + 4):
            async with client_of(Endpoint(f"http://127.0.0.1:{port}/v1")) as client:
                made.append(client)
        return [client.is_closed() for client in made]

    assert asyncio.run(closed()) == [True] * 3 + [False] * MOST


def test_a_client_on_which_a_call_is_under_way_is_closed_after_it() -> None:
    async def closed() -> list[bool]:
        async with client_of(Endpoint("http://127.0.0.1:9/v1")) as client:
            await close_clients()
            before = client.is_closed()
        return [before, client.is_closed()]

    assert asyncio.run(closed()) == [False, True]


def test_a_loop_closes_its_clients_before_it_ends() -> None:
    async def made() -> object:
        async with client_of(Endpoint("http://127.0.0.1:9/v1")) as client:
            return client

    assert asyncio.run(made()).is_closed()  # type: ignore[attr-defined]


def test_a_loop_that_was_closed_is_forgotten() -> None:
    before = set(clients._kept)

    with ScriptedModel(["x"]) as model:
        asyncio.run(complete(at(model), HELLO, lambda text: None))

    assert set(clients._kept) <= before


def test_a_loop_that_was_closed_without_its_generators_is_forgotten_by_the_next() -> None:
    with ScriptedModel(otherwise="x") as model:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(_left_closed(model))
        loop.close()

        asyncio.run(complete(at(model), HELLO, lambda text: None))

    assert loop not in clients._kept


async def _left_closed(model: ScriptedModel) -> None:
    await complete(at(model), HELLO, lambda text: None)
    for client in clients._kept[asyncio.get_running_loop()].clients.values():
        await client.openai.close()


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:1/v1", True),
        ("http://127.8.9.1/v1", True),
        ("http://[::1]:1/v1", True),
        ("http://localhost/v1", True),
        ("http://a.localhost/v1", True),
        ("http://localhost.example.com/v1", False),
        ("http://10.0.0.1/v1", False),
        ("https://api.openai.com/v1", False),
    ],
)
def test_this_machine_is_known_by_its_addresses(url: str, here: bool) -> None:
    assert is_loopback(url) is here


def test_closing_all_does_not_wait_for_a_loop_that_is_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "PATIENCE", 0.05)
    held, go_on = threading.Event(), threading.Event()

    async def hold_up() -> None:
        held.set()
        go_on.wait(10)

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    with ScriptedModel(["x"]) as model:
        asyncio.run_coroutine_threadsafe(complete(at(model), HELLO, lambda text: None), loop).result()
        asyncio.run_coroutine_threadsafe(hold_up(), loop)
        held.wait(10)
        clients._close_all()
        still = not go_on.is_set()
        go_on.set()
        asyncio.run_coroutine_threadsafe(close_clients(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    assert still


def test_closing_all_leaves_calls_that_are_under_way() -> None:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    with ScriptedModel([hangs()]) as model:
        call = asyncio.run_coroutine_threadsafe(complete(at(model), HELLO, lambda text: None), loop)
        model.wait_for(requests=1)
        clients._close_all()
        done = call.done()
        call.cancel()
        assert model.wait_for(left=1)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()

    assert not done


BEGIN = """
import asyncio, os, sys, threading
from nbgraph.models.records import Request
from nbgraph.models.settings import endpoint
from nbgraph.models.wire import complete
from nbgraph.testing import ScriptedModel

model = ScriptedModel(otherwise="x").use()
asked = lambda: complete(endpoint(), Request("", [{"role": "user", "content": "x"}]), print)
def on_a_thread():
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    asyncio.run_coroutine_threadsafe(asked(), loop).result()
    return loop
"""
ENDS = {
    "a loop that goes on": "on_a_thread()",
    "two loops that go on": "on_a_thread(), on_a_thread()",
    "a loop that was closed": "asyncio.run(asked())",
    "a loop that was stopped": """
loop = on_a_thread()
async def stop(): await loop.shutdown_asyncgens(); loop.call_soon(loop.stop)
asyncio.run_coroutine_threadsafe(stop(), loop)
while loop.is_running(): pass
loop.close()
""",
    "a fork of it": """
on_a_thread()
if not os.fork():
    import gc; gc.disable(); sys.stderr = open(os.devnull, "w")
    from nbgraph.models.clients import _close_all
    _close_all(); os._exit(0)
assert os.wait()[1] == 0
""",
    "an agent": """
import nbgraph
graph = nbgraph.Graph("g")
graph.agent("writer", "user: Write.")
graph.edges("START -> writer -> END")
print(graph.run(store="memory").result())
""",
}

BUSY = {
    "held up": """
import time
async def hold_up(): time.sleep(3600)
asyncio.run_coroutine_threadsafe(hold_up(), on_a_thread())
""",
    "in a call": """
from nbgraph.testing import hangs
loop = on_a_thread()
silent = ScriptedModel([hangs()]).use()
asyncio.run_coroutine_threadsafe(asked(), loop)
silent.wait_for(requests=1)
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("how", ENDS)
def test_a_program_that_ends_with_open_connections_ends_in_silence(how: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", BEGIN + ENDS[how]],
        capture_output=True,
        text=True,
        timeout=60,
    )

    quiet = [line for line in ran.stderr.splitlines() if not line.startswith("Executing <")]  # a slow machine
    assert (ran.returncode, quiet) == (0, [])
    assert "x" in ran.stdout


@pytest.mark.slow
@pytest.mark.parametrize("how", BUSY)
def test_a_program_whose_loop_is_busy_ends_all_the_same(how: str) -> None:
    ran = subprocess.run([sys.executable, "-c", BEGIN + BUSY[how]], capture_output=True, text=True, timeout=30)

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "x\n", "")
