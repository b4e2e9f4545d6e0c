"""Private keys hold live objects, made once a run and seen by nodes alone; and what nodes change in place."""

from __future__ import annotations

import asyncio
import threading
from typing import Annotated, Any

import pytest

from nbgraph import Private, append
from nbgraph.core.events import Printed, Status
from nbgraph.errors import InputError
from nbgraph.library import Graph
from tests.core.patterns import happened, made
from tests.core.running import (
    quiet_engine,  # noqa: F401
    settled,
    told,
)


class Client:
    """A live object: it cannot be copied, stored or compared."""

    made = 0

    def __init__(self) -> None:
        type(self).made += 1
        self.lock, self.calls = threading.Lock(), 0

    def call(self) -> int:
        with self.lock:
            self.calls += 1
            return self.calls

    def __deepcopy__(self, memo: Any) -> Any:
        raise AssertionError("a private value was copied")


@pytest.fixture(autouse=True)
def _none_made() -> None:
    Client.made = 0


async def connect() -> Client:
    await asyncio.sleep(0)
    return Client()


class WithClient:
    client: Annotated[Client, Private(Client)]
    n: int = 0


class WithAsyncClient:
    client: Annotated[Any, Private(connect)]


def use(client: Client) -> dict[str, int]:
    return {"used": client.call()}


async def again(client: Client, used: int) -> dict[str, int]:
    return {"again": client.call()}


def using(typed: type = WithClient) -> Graph:
    return made("START -> use -> again -> END", use, again, typed=typed)


@pytest.mark.parametrize("typed", [WithClient, WithAsyncClient])
def test_the_factory_is_called_once_a_run_and_every_node_gets_the_same_object(typed: type) -> None:
    graph = using(typed)
    for runs in (1, 2):
        run = settled(graph.run(), Status.DONE)
        assert (run.state["used"], run.state["again"], Client.made) == (1, 2, runs)


def test_parallel_nodes_and_items_share_one_object() -> None:
    def work(item: int, client: Client) -> int:
        return client.call()

    graph = made("START -> work each items as item; work -> END", work, typed=WithClient)
    run = settled(graph.run(items=list(range(20))), Status.DONE)
    assert (sorted(run.state["work"]), Client.made) == (list(range(1, 21)), 1)


def test_a_private_value_that_no_node_reads_is_not_made() -> None:
    graph = made("START -> a -> END", typed=WithClient)
    graph.node(lambda: {"x": 1}, name="a")
    settled(graph.run(), Status.DONE)
    assert Client.made == 0


def test_a_private_value_is_in_no_state_no_step_and_no_event() -> None:
    run = settled(using().run(), Status.DONE)
    assert "client" not in run.state
    assert "Client" not in repr((run.state, run.steps, told(run)))


def test_a_private_key_is_no_input() -> None:
    with pytest.raises(InputError, match="client"):
        using().run(client=Client())


def test_a_node_that_returns_a_private_key_is_refused() -> None:
    graph = made("START -> a -> END", typed=WithClient)
    graph.node(lambda client: {"client": client}, name="a")
    run = graph.run()
    run.wait(60)
    assert (run.status, "client" in run.reason) == (Status.FAILED, True)


def test_a_factory_that_fails_fails_the_node_and_is_called_again_at_resume() -> None:
    calls = list[int]()

    def connects() -> Client:
        calls.append(1)
        if len(calls) == 1:
            raise ConnectionError("not yet")
        return Client()

    class State:
        pass

    State.__annotations__ = {"client": Annotated[Client, Private(connects)]}
    run = settled(using(State).run(), Status.FAILED)
    assert run.reason == "use#1: not yet"
    run.resume()
    assert settled(run, Status.DONE).state["again"] == 2


def test_a_client_bound_to_the_loop_of_the_run_can_be_used_by_all_async_nodes() -> None:
    class State:
        pass

    async def locked() -> asyncio.Lock:
        lock = asyncio.Lock()
        await lock.acquire()
        lock.release()
        return lock

    State.__annotations__ = {"lock": Annotated[Any, Private(locked)]}

    async def work(item: int, lock: asyncio.Lock) -> int:
        async with lock:
            await asyncio.sleep(0.001)
        return item

    graph = made("START -> work each items as item; work -> END", work, typed=State)
    assert settled(graph.run(items=[1, 2, 3]), Status.DONE).state["work"] == [1, 2, 3]


def test_a_subgraph_has_private_values_of_its_own() -> None:
    inner = made("START -> use -> END", use, called="inner", typed=WithClient)
    graph = made("START -> inner -> mine -> END", inner, typed=WithClient)
    graph.node(lambda client: {"mine": client.call()}, name="mine")
    run = settled(graph.run(), Status.DONE)
    assert (run.state["used"], run.state["mine"], Client.made) == (1, 1, 2)


def test_a_retry_gets_the_same_object() -> None:
    def work(client: Client, ctx: Any) -> dict[str, int]:
        if client.call() < 3:
            raise ValueError
        return {"n": client.calls}

    graph = made("START -> work -> END", work, typed=WithClient, work={"retry": 3, "backoff": 0})
    assert settled(graph.run(), Status.DONE).state["n"] == 3
    assert Client.made == 1


# -- in place ----------------------------------------------------------------------------------------------------------

SAID = "spoil changed items in place; that is seen nowhere else. To keep the change return {'items': items}."


def test_a_value_changed_in_place_reaches_nobody_and_is_told_once_with_node_and_key() -> None:
    def spoil(items: list[int], n: int) -> dict[str, int]:
        items.append(9)
        return {"n": n + 1}

    text = "START -> spoil; spoil -> spoil if n < 3; spoil -> END else"
    run = settled(made(text, spoil).run(items=[1], n=0), Status.DONE)
    assert run.state["items"] == [1]
    assert run.notices == [SAID]
    assert next(event.text for event in happened(run, Printed)) == SAID + "\n"


def test_a_value_that_is_changed_and_returned_is_not_told() -> None:
    def spoil(items: list[int]) -> dict[str, list[int]]:
        items.append(9)
        return {"items": items}

    run = settled(made("START -> spoil -> END", spoil).run(items=[1]), Status.DONE)
    assert (run.state["items"], run.notices) == ([1, 9], [])


def test_items_of_a_map_that_change_what_all_read_are_told_once() -> None:
    def spoil(item: int, items: list[int]) -> int:
        items.append(item)
        return len(items)

    run = settled(made("START -> spoil each items as item; spoil -> END", spoil).run(items=[1, 2, 3]), Status.DONE)
    assert (run.state["spoil"], run.notices) == ([4, 4, 4], [SAID])


def test_a_change_inside_a_subgraph_is_told_too() -> None:
    def spoil(items: list[int]) -> None:
        items.append(9)

    inner = made("START -> spoil -> END", spoil, called="inner")
    run = settled(made("START -> inner -> END", inner).run(items=[1]), Status.DONE)
    assert (run.state["items"], run.notices) == ([1], [SAID])


def test_a_large_value_is_handed_out_as_it_is() -> None:
    seen = list[int]()

    def look(items: list[int]) -> None:
        seen.append(id(items))

    items = list(range(100_000))
    settled(made("START -> look -> END", look).run(items=items), Status.DONE)
    assert seen == [id(items)]


class Logged:
    log: Annotated[list[str], append]


def test_a_key_with_a_reducer_changed_in_place_is_told_too() -> None:
    def spoil(log: list[str]) -> None:
        log.append("lost")

    run = settled(made("START -> spoil -> END", spoil, typed=Logged).run(log=["a"]), Status.DONE)
    assert run.state["log"] == ["a"]
    assert "spoil changed log in place" in run.notices[0]
