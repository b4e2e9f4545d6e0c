"""The cache: when what a node returned is used again, and when it is not."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from nbgraph.core import cache as caches
from nbgraph.core.cache import Cache
from nbgraph.core.events import Status, TaskFinished
from nbgraph.library import Graph
from tests.core.patterns import failing, happened, made
from tests.core.running import (
    quiet_engine,  # noqa: F401
    settled,
)

ALONE = "START -> work -> END"
EACH = "START -> work each items as item; work -> END"
KEPT = {"cache": True}


class Counting:
    def __init__(self) -> None:
        self.calls = 0

        def work(x: int, ctx: Any) -> dict[str, int]:
            self.calls += 1
            return {"y": x * 2}

        self.work = work


def cached(run: Any) -> list[bool]:
    return [event.cached for event in happened(run, TaskFinished)]


def test_the_same_reads_are_computed_once_and_the_task_is_shown_as_cached() -> None:
    node = Counting()
    graph = made(ALONE, node.work, work=KEPT)
    first, second = (settled(graph.run(x=2), Status.DONE) for _ in range(2))
    assert (first.state, second.state, node.calls) == ({"x": 2, "y": 4}, {"x": 2, "y": 4}, 1)
    assert (cached(first), cached(second)) == ([False], [True])
    assert [step.cached for step in second.steps] == [True]


def test_other_reads_are_computed_anew() -> None:
    node = Counting()
    graph = made(ALONE, node.work, work=KEPT)
    assert [settled(graph.run(x=x), Status.DONE).state["y"] for x in (1, 2, 1, True, 1.0)] == [2, 4, 2, 2, 2.0]
    assert node.calls == 4


def test_a_key_that_the_node_does_not_read_does_not_matter() -> None:
    node = Counting()
    graph = made("START -> work -> other -> END", node.work, work=KEPT)
    graph.node(lambda z: None, name="other")
    for z in (1, 2, 3):
        settled(graph.run(x=1, z=z), Status.DONE)
    assert node.calls == 1


def test_without_cache_nothing_is_kept() -> None:
    node = Counting()
    graph = made(ALONE, node.work)
    for _ in range(2):
        settled(graph.run(x=1), Status.DONE)
    assert (node.calls, len(graph.cache)) == (2, 0)


def test_another_version_is_computed_anew_and_the_first_one_again_is_not() -> None:
    node = Counting()
    graph = made(ALONE, node.work)
    for version in ("1", "2", "1"):
        graph.node(node.work, cache=True, version=version)
        settled(graph.run(x=1), Status.DONE)
    assert node.calls == 2


def test_other_code_is_computed_anew() -> None:
    def work(x: int) -> dict[str, int]:
        return {"y": x + 100}

    node = Counting()
    graph = made(ALONE, node.work, work=KEPT)
    settled(graph.run(x=1), Status.DONE)
    graph.node(work, cache=True)
    assert settled(graph.run(x=1), Status.DONE).state["y"] == 101


def test_code_whose_source_is_not_known_is_told_apart() -> None:
    graph = made(ALONE)
    results = []
    for number in (1, 2):
        space: dict[str, Any] = {}
        exec(f"def work(x):\n    return {{'y': x + {number}}}", space)
        graph.node(space["work"], cache=True)
        results.append(settled(graph.run(x=1), Status.DONE).state["y"])
    assert results == [2, 3]


def test_other_keys_to_write_are_other_results() -> None:
    def work(x: int) -> int:
        return x

    graph = made(ALONE)
    for key in ("a", "b"):
        graph.node(work, cache=True, writes=key)
        assert settled(graph.run(x=1), Status.DONE).state == {"x": 1, key: 1}


def test_other_keys_that_a_subgraph_hands_out_or_is_given_are_other_results() -> None:
    def both(x: int, z: int = 0) -> dict[str, int]:
        return {"p": x, "q": -x}

    inner = made("START -> both -> END", both, called="inner")
    graph = made("START -> inner -> END")
    for key, value in (("p", 1), ("q", -1)):
        graph.node(inner, cache=True, writes={"out": key})
        assert settled(graph.run(x=1), Status.DONE).state["out"] == value


def test_what_was_kept_can_be_forgotten() -> None:
    node = Counting()
    graph = made(ALONE, node.work, work=KEPT)
    settled(graph.run(x=1), Status.DONE)
    graph.cache.clear()
    settled(graph.run(x=1), Status.DONE)
    assert node.calls == 2


def test_a_failure_is_not_kept() -> None:
    call = failing(1, value={"y": 1})

    def work(x: int) -> Any:
        return call()

    graph = made(ALONE, work, work=KEPT)
    settled(graph.run(x=1), Status.FAILED)
    run = settled(graph.run(x=1), Status.DONE)
    assert cached(run) == [False]


def test_what_is_used_again_is_not_shared() -> None:
    def work(x: int) -> dict[str, list[int]]:
        return {"items": [x]}

    def spoil(items: list[int]) -> dict[str, list[int]]:
        items.append(9)
        return {"items": items}

    graph = made("START -> work -> spoil -> END", work, spoil, work=KEPT)
    assert [settled(graph.run(x=1), Status.DONE).state["items"] for _ in range(3)] == [[1, 9]] * 3


def test_each_item_of_a_map_is_cached_and_the_task_when_all_were() -> None:
    calls = list[int]()

    def work(item: int) -> int:
        calls.append(item)
        return item * 2

    graph = made(EACH, work, work=KEPT)
    runs = [settled(graph.run(items=items), Status.DONE) for items in ([1, 2], [2, 3], [3, 1])]
    assert [run.state["work"] for run in runs] == [[2, 4], [4, 6], [6, 2]]
    assert (sorted(calls), [cached(run) for run in runs]) == ([1, 2, 3], [[False], [False], [True]])


def test_a_subgraph_is_cached_as_one_and_anew_when_a_node_of_it_changes() -> None:
    calls = list[int]()

    def a(x: int) -> dict[str, int]:
        calls.append(x)
        return {"y": x}

    def b(x: int) -> dict[str, int]:
        calls.append(-x)
        return {"y": -x}

    inner = made("START -> a -> END", a, called="inner")
    graph = made("START -> inner -> END", inner, inner={"cache": True, "writes": "y"})
    for _ in range(2):
        assert settled(graph.run(x=1), Status.DONE).state["y"] == 1
    inner.node(b, name="a")
    assert settled(graph.run(x=1), Status.DONE).state["y"] == -1
    assert calls == [1, -1]


def test_what_is_older_than_its_time_to_live_is_computed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    node, now = Counting(), [1000.0]
    graph = made(ALONE, node.work, work={"cache": 60})
    monkeypatch.setattr(time, "time", lambda: now[0])
    calls = []
    for at in (1000.0, 1059.0, 1061.0, 1062.0):
        now[0] = at
        settled(graph.run(x=1), Status.DONE)
        calls.append(node.calls)
    assert calls == [1, 1, 2, 2]


def test_what_reads_a_value_that_cannot_be_told_from_others_is_computed_and_says_so() -> None:
    node = Counting()

    def work(x: Any) -> dict[str, int]:
        node.calls += 1
        return {"y": 1}

    graph = made(ALONE, work, work=KEPT)
    for _ in range(2):
        run = settled(graph.run(x=threading.Lock()), Status.DONE)
        assert run.notices == ["work is not cached: what it reads holds lock, which has no value."]
    assert node.calls == 2


def test_a_cached_node_that_is_tried_again_keeps_what_came_in_the_end() -> None:
    call = failing(1, value={"y": 5})

    def work(x: int) -> Any:
        return call()

    graph = made(ALONE, work, work={"cache": True, "retry": 2, "backoff": 0})
    assert [settled(graph.run(x=1), Status.DONE).state["y"] for _ in range(2)] == [5, 5]


def test_nodes_with_the_same_code_and_other_names_do_not_share_results() -> None:
    graph = Graph("g")
    calls = list[int]()

    def work(x: int, ctx: Any) -> str:
        calls.append(x)
        return f"{ctx.node}"

    graph.node(work, name="left", cache=True)
    graph.node(work, name="right", cache=True)
    graph.edges("START -> left, right -> END")
    assert settled(graph.run(x=1), Status.DONE).state == {"x": 1, "left": "left", "right": "right"}


def test_the_result_not_used_for_longest_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "LARGEST", 2)
    cache = Cache()
    for key in ("a", "b"):
        cache.keep(key, {"x": key}, 0.0)
    cache.find("a", None, 0.0)
    cache.keep("c", {"x": "c"}, 0.0)
    assert [cache.find(key, None, 0.0) is not None for key in "abc"] == [True, False, True]


def test_clearing_tells_how_many_results_there_were() -> None:
    cache = Cache()
    cache.keep("a", {}, 0.0)
    assert (cache.clear(), cache.clear(), len(cache)) == (1, 0, 0)
