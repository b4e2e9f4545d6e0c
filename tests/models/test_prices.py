"""Prices: by the table, by what was told, and unknown where neither says."""

from __future__ import annotations

from typing import Any

import pytest

from nbgraph.errors import InputError
from nbgraph.models import prices
from nbgraph.models.prices import Price, cost, read_prices, tell_prices
from nbgraph.models.records import Tokens
from nbgraph.models.settings import MODEL

MILLION = 1_000_000


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prices, "_told", {})


def test_input_and_output_have_their_prices() -> None:
    assert cost("gpt-4o-mini", Tokens(MILLION, 0, MILLION)) == pytest.approx(0.15 + 0.6)


def test_cached_input_is_cheaper() -> None:
    assert cost("gpt-4o-mini", Tokens(MILLION, 400_000, 0)) == pytest.approx(0.6 * 0.15 + 0.4 * 0.075)


def test_more_cached_than_there_was_costs_no_less_than_nothing() -> None:
    assert cost("gpt-4o-mini", Tokens(10, 20, 0)) == pytest.approx(20 * 0.075 / MILLION)


def test_no_tokens_cost_nothing() -> None:
    assert cost("gpt-4o-mini", Tokens()) == 0


@pytest.mark.parametrize(
    "model", ["", "no-such-model", "gpt-5.4-mini-high", "GPT-4O", "gpt-4o-mini-2024", "-2024-01-01"]
)
def test_a_model_that_is_not_known_has_no_price(model: str) -> None:
    assert cost(model, Tokens(1, 0, 1)) is None


@pytest.mark.parametrize("date", ["2026-03-17", "2024-07-18"])
def test_a_dated_name_has_the_price_of_its_family(date: str) -> None:
    tokens = Tokens(MILLION, 1000, MILLION)

    assert cost(f"gpt-5.4-mini-{date}", tokens) == cost("gpt-5.4-mini", tokens)


def test_a_long_input_costs_more_for_all_of_the_call() -> None:
    over = prices._table()["gpt-5.4"].over
    short, long = Tokens(int(over), 0, 1000), Tokens(int(over) + 1, 0, 1000)

    assert cost("gpt-5.4", short) == pytest.approx((over * 2.5 + 1000 * 15) / MILLION)
    assert cost("gpt-5.4", long) == pytest.approx(((over + 1) * 5 + 1000 * 22.5) / MILLION)


def test_the_usual_model_has_a_price() -> None:
    assert cost(MODEL, Tokens(1, 0, 1)) is not None


def test_the_table_makes_sense() -> None:
    for name, price in prices._table().items():
        assert 0 <= price.cached <= price.input <= price.output, name


def test_what_is_told_counts_before_the_table_and_also_for_dated_names() -> None:
    tell_prices(read_prices({"gpt-4o": (1, 2), "mine": (1, 0.5, 2)}))

    assert cost("gpt-4o", Tokens(MILLION, 0, 0)) == 1
    assert cost("gpt-4o-2024-08-06", Tokens(MILLION, 0, 0)) == 1
    assert cost("mine", Tokens(MILLION, MILLION, 0)) == 0.5


def test_a_price_of_two_numbers_has_cached_input_at_the_price_of_input() -> None:
    assert read_prices({"mine": (1, 2)}) == {"mine": Price(1.0, 1.0, 2.0)}


def test_prices_are_told_beside_those_told_before_and_taken_back_by_none() -> None:
    tell_prices(read_prices({"a": (1, 1)}))
    tell_prices(read_prices({"b": (1, 1)}))
    both = cost("a", Tokens(1)), cost("b", Tokens(1))

    tell_prices({})

    assert None not in both
    assert cost("a", Tokens(1)) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "prices are a dict"),
        ([("a", (1, 2))], "prices are a dict"),
        ({"": (1, 2)}, "a model's name"),
        ({3: (1, 2)}, "a model's name"),
        ({"a": 1}, "the price of a is (input, output)"),
        ({"a": "12"}, "the price of a is (input, output)"),
        ({"a": (1,)}, "the price of a is (input, output)"),
        ({"a": (1, 2, 3, 4)}, "the price of a is (input, output)"),
        ({"a": (1, "2")}, "made of numbers, 0 or more, not of '2'"),
        ({"a": (1, True)}, "made of numbers"),
        ({"a": (1, -1)}, "made of numbers, 0 or more, not of -1"),
        ({"a": (1, float("nan"))}, "made of numbers"),
        ({"a": (float("inf"), 1)}, "made of numbers"),
    ],
)
def test_a_price_that_makes_no_sense_is_told(given: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_prices(given)

    assert message in str(caught.value)
