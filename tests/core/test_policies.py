"""Policies: what a node may be declared with, and how long it waits between attempts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from nbgraph.core.policies import LONGEST_DELAY, PLAIN, Cache, Policy, checked_policy
from nbgraph.errors import DeclarationError
from nbgraph.library import Graph
from tests.core.running import one, two


def asks(ctx: Any) -> None: ...


WRONG = [
    ({"retry": 0}, "retry is a whole number, 1 or more, not 0"),
    ({"retry": True}, "retry is a whole number"),
    ({"retry": 2.0}, "retry is a whole number"),
    ({"parallel": 0}, "parallel is a whole number"),
    ({"parallel": "2"}, "parallel is a whole number"),
    ({"timeout": 0}, "timeout is a number of seconds"),
    ({"timeout": -1}, "timeout is a number of seconds"),
    ({"timeout": float("nan")}, "timeout is a number of seconds"),
    ({"timeout": float("inf")}, "timeout is a number of seconds"),
    ({"timeout": "3"}, "timeout is a number of seconds"),
    ({"timeout": True}, "timeout is a number of seconds"),
    ({"backoff": -0.1}, "backoff is a number of seconds"),
    ({"backoff": None}, "backoff is a number of seconds"),
    ({"retry_on": ValueError("x")}, "retry_on takes kinds of errors"),
    ({"retry_on": 3}, "retry_on takes kinds of errors"),
    ({"retry_on": "TimeoutError"}, "retry_on takes kinds of errors such as TimeoutError, not 'TimeoutError'"),
    ({"retry_on": (ValueError, int)}, "retry_on takes kinds of errors"),
    ({"cache": 0}, "cache is a number of seconds"),
    ({"cache": -5}, "cache is a number of seconds"),
    ({"cache": "yes"}, "cache is a number of seconds"),
    ({"cache": Cache(-1)}, "cache is a number of seconds"),
    ({"version": "2"}, "add cache=True"),
    ({"on": "proces"}, "did you mean 'process'"),
    ({"on": 3}, "executor of concurrent.futures"),
    ({"join": "frist"}, "did you mean 'first'"),
    ({"retries": 3}, "did you mean 'retry'"),
    ({"reads": {"a": "b"}}, "made of a function has no option 'reads'"),
    ({"limit": 3}, "made of a function has no option 'limit'"),
]


@pytest.mark.parametrize(("options", "message"), WRONG, ids=[str(options) for options, _ in WRONG])
def test_an_option_that_makes_no_sense_is_refused_and_declares_nothing(options: dict[str, Any], message: str) -> None:
    graph = Graph("g")
    with pytest.raises(DeclarationError) as refused:
        graph.node(one, **options)
    assert message in str(refused.value)
    assert not graph.nodes


def test_the_message_names_the_node() -> None:
    with pytest.raises(DeclarationError, match=r"^first: retry"):
        Graph("g").node(one, name="first", retry=-1)


@pytest.mark.parametrize(("node", "on"), [(two, "process"), (two, ThreadPoolExecutor()), (asks, "process")])
def test_a_node_that_cannot_run_in_its_place_is_refused(node: Any, on: Any) -> None:
    with pytest.raises(DeclarationError, match=r"async|ctx"):
        Graph("g").node(node, on=on)


def test_a_node_without_options_has_the_one_plain_policy() -> None:
    graph = Graph("g")
    graph.node(one)
    graph.node(two, retry=1, backoff=1, retry_on=[Exception])
    assert graph.nodes["one"].policy is PLAIN
    assert graph.nodes["two"].policy is PLAIN


def test_what_is_declared_is_what_the_node_has() -> None:
    graph, pool = Graph("g"), ThreadPoolExecutor()
    graph.node(one, retry=3, backoff=0, retry_on=OSError, timeout=2, cache=60, version="2", parallel=4, on=pool)
    assert graph.nodes["one"].policy == Policy(3, 0, (OSError,), 2, Cache(60, "2"), 4, pool)


def test_the_version_of_a_cache_is_not_lost() -> None:
    assert checked_policy("n", cache=True, version="2").cache == Cache(None, "2")
    assert checked_policy("n", cache=Cache(5.0, "1")).cache == Cache(5.0, "1")
    assert checked_policy("n", cache=Cache(5.0), version="2").cache == Cache(5.0, "2")


def test_declaring_a_node_again_forgets_its_policy() -> None:
    graph = Graph("g")
    graph.node(one, retry=3, join="any")
    graph.node(one)
    assert graph.nodes["one"].policy is PLAIN
    assert graph.nodes["one"].join == "all"


@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
def test_delays_double_and_vary_by_half_at_most(chance: float) -> None:
    delays = [Policy(attempts=9, backoff=2.0).delay(attempt, chance) for attempt in (1, 2, 3, 4)]
    assert delays == [full * (0.5 + chance / 2) for full in (2.0, 4.0, 8.0, 16.0)]


def test_no_delay_is_longer_than_a_minute_whatever_the_attempt() -> None:
    assert Policy(backoff=1.0).delay(10**9, 1.0) == LONGEST_DELAY
    assert Policy(backoff=1e300).delay(40, 1.0) == LONGEST_DELAY


def test_without_backoff_there_is_no_delay() -> None:
    assert Policy(backoff=0.0).delay(5, 1.0) == 0.0
