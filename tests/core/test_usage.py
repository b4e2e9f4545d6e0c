"""Usage: what calls of models took, and how much a run may take."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbgraph.core.records import ModelAnswered
from nbgraph.core.usage import Allowance, Budget, Usage, Used, dollars, read_budget
from nbgraph.errors import InputError


def call(place: str = "draft#1/model1", tokens: Any = (100, 20, 7), cost: float | None = 0.25) -> ModelAnswered:
    return ModelAnswered(place, "f", "m", (), {}, *(tokens or (None, None, None)), cost, 1.0, 2.0)


@pytest.mark.parametrize(
    ("given", "amount", "unit"),
    [
        (0.5, 0.5, "USD"),
        (2, 2.0, "USD"),
        ("$0.50", 0.5, "USD"),
        ("$ 1,000", 1000.0, "USD"),
        ("20000 tokens", 20_000.0, "tokens"),
        ("20k tokens", 20_000.0, "tokens"),
        ("1.5M tokens", 1_500_000.0, "tokens"),
        ("1 token", 1.0, "tokens"),
    ],
)
def test_a_budget_is_dollars_or_tokens(given: Any, amount: float, unit: str) -> None:
    assert read_budget(given) == (amount, unit)


@pytest.mark.parametrize("given", [0, -1, True, float("nan"), float("inf"), "", "lots", "$", "$.", "5 euros", [1]])
def test_what_is_no_budget_is_refused(given: Any) -> None:
    with pytest.raises(InputError, match="budget"):
        read_budget(given)


def test_usage_is_counted_by_node_and_task_also_in_subgraphs_and_maps() -> None:
    usage = Usage([call("a/b#2/draft#1/model1"), call("a[3]/b#1/draft#4/model2"), call("work#1[3]/model1")])
    assert {node: used.calls for node, used in usage.nodes.items()} == {"a/b/draft": 2, "work": 1}
    assert set(usage.tasks) == {"a/b#2/draft#1", "a[3]/b#1/draft#4", "work#1[3]"}


@pytest.mark.parametrize(
    ("calls", "told"),
    [
        ([], "0 calls · 0 + 0 tokens · $0"),
        ([call()], "1 call · 100 + 7 tokens · $0.25"),
        ([call(), call(cost=None)], "2 calls · 200 + 14 tokens · $0.25 and more"),
        ([call(cost=None)], "1 call · 100 + 7 tokens · cost unknown"),
        ([call(tokens=None, cost=None)], "1 call · unknown tokens · cost unknown"),
        ([call(), call(tokens=None, cost=None)], "2 calls · 100 + 7 tokens and more · $0.25 and more"),
    ],
)
def test_what_is_not_known_is_said_and_not_taken_for_nothing(calls: list[ModelAnswered], told: str) -> None:
    assert str(Usage(calls).total) == told


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        (0.0, "$0"),
        (1e-9, "less than $0.000001"),
        (0.0000012, "$0.0000012"),
        (0.00123456, "$0.00123"),
        (0.1, "$0.10"),
        (0.057, "$0.057"),
        (0.25, "$0.25"),
        (0.99999, "$1.00"),
        (1.5, "$1.50"),
        (1234.567, "$1,234.57"),
    ],
)
def test_dollars_are_told_as_precisely_as_needed(amount: float, told: str) -> None:
    assert dollars(amount) == told


def test_without_a_budget_nothing_is_over() -> None:
    assert Allowance(None).over(Used(cost=1e9)) == ""


def test_a_budget_that_is_spent_is_over_until_it_is_renewed() -> None:
    allowance = Allowance(Budget(100, "tokens"))
    used = Used(input=90, output=20)
    assert "the budget of 100 tokens is spent (110 tokens)" in allowance.over(used)
    allowance.renew(used)
    assert allowance.over(used._replace(input=189)) == ""
    assert allowance.over(used._replace(input=190))


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=20))
def test_the_sums_are_those_of_the_calls_in_any_order(counts: list[tuple[int, int]]) -> None:
    usage = Usage(call(tokens=(input, 0, output), cost=None) for input, output in counts)
    assert usage.total.tokens == sum(map(sum, counts))
    assert sum(used.calls for used in usage.nodes.values()) == len(counts)
