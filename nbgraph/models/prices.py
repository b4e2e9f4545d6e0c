"""Prices: what a call of a model costs, by the table in prices.json and by what `configure(prices=...)` was told."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from nbgraph.errors import InputError, brief
from nbgraph.models.records import Tokens

_DATE = re.compile(r"-\d{4}-\d{2}-\d{2}$")
_MILLION = 1_000_000


class Price(NamedTuple):
    """US dollars per million tokens; all of a call costs `long` where its input has more than `over` tokens."""

    input: float
    cached: float
    output: float
    over: float = float("inf")
    long: tuple[float, float, float] = (0.0, 0.0, 0.0)


_told: dict[str, Price] = {}


def cost(model: str, tokens: Tokens) -> float | None:
    """What `model` takes for `tokens`, in US dollars; None where its price is not known.

    A name that ends with a date, as gpt-4o-mini-2024-07-18, has the price of the one without, unless it has its own.
    """
    price = _price(model)
    if price is None:
        return None
    of_input, of_cached, of_output = price.long if tokens.input > price.over else price[:3]
    fresh = max(tokens.input - tokens.cached, 0)
    return (fresh * of_input + tokens.cached * of_cached + tokens.output * of_output) / _MILLION


def read_prices(given: Any) -> dict[str, Price]:
    """The prices that are meant by `{"name": (input, output)}` or `{"name": (input, cached, output)}`.

    Raises:
        InputError: it is none of them.
    """
    if not isinstance(given, Mapping):
        raise InputError(f'prices are a dict such as {{"my-model": (0.25, 2.0)}}, not {brief(given)}.')
    return {_name(name): _read(name, numbers) for name, numbers in given.items()}


def tell_prices(prices: Mapping[str, Price]) -> None:
    """Let `prices` count beside those told before, and before the table; none take back what was told."""
    if not prices:
        _told.clear()
    _told.update(prices)


def _price(model: str) -> Price | None:
    names = (model, _DATE.sub("", model))
    return next((prices[name] for prices in (_told, _table()) for name in names if name in prices), None)


@cache
def _table() -> dict[str, Price]:
    found = json.loads(Path(__file__).with_name("prices.json").read_text(encoding="utf-8"))
    return {name: _row(row, found["long"]) for name, row in found["models"].items()}


def _row(row: Mapping[str, Any], long: Mapping[str, float]) -> Price:
    kinds = ("input", "cached", "output")
    price = Price(*(row[kind] for kind in kinds))
    if not row.get("long"):
        return price
    of_input, of_cached, of_output = (row[kind] * long[kind] for kind in kinds)
    return price._replace(over=long["over"], long=(of_input, of_cached, of_output))


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"a price is that of a model's name, not of {brief(name)}.")
    return name.strip()


def _read(name: str, numbers: Any) -> Price:
    if not isinstance(numbers, Sequence) or isinstance(numbers, str) or len(numbers) not in (2, 3):
        raise InputError(
            f"the price of {name} is (input, output) or (input, cached input, output), in US dollars per million "
            f"tokens, not {brief(numbers)}."
        )
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number < float("inf"):
            raise InputError(f"the price of {name} is made of numbers, 0 or more, not of {brief(number)}.")
    return Price(float(numbers[0]), float(numbers[-2]), float(numbers[-1]))
