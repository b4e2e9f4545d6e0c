"""Operations of conditions: all that a condition may do with values, each refusing what is unsafe or unclear."""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Callable, Collection, Mapping
from typing import Any

from nbgraph.errors import nearest

LARGEST_PRODUCT = 10_000  # bits: state may hold any integer, and products of products grow fast
LARGEST_SUM = 100_000  # items of two strings or lists added
MOST_DIGITS = 100  # round(1, -10**9) would compute 10**(10**9)

Values = Mapping[str, Any]
Evaluate = Callable[[Values], Any]
Compare = Callable[[Any, Any], Any]


class Missing(Exception):
    """A key that the values do not hold."""


class Refused(Exception):
    """Values that this language does not judge; the message is a sentence."""


def compared(first: Evaluate, links: list[tuple[Compare, Evaluate]], text: str) -> Evaluate:
    if len(links) == 1:
        ((compare, second),) = links
        return lambda values: compare(first(values), second(values))

    def chain(values: Values) -> Any:
        left, found = first(values), True
        for compare, value in links:
            if not truth(found, text):
                return found
            right = value(values)
            left, found = right, compare(left, right)
        return found

    return chain


def decided(operands: list[tuple[Evaluate, str]], decisive: bool) -> Evaluate:
    """The first operand whose truth is `decisive`, else the last one: `or` and `and`, as in Python."""
    *firsts, (last, _) = operands

    def decide(values: Values) -> Any:
        for value, text in firsts:
            found = value(values)
            if truth(found, text) is decisive:
                return found
        return last(values)

    return decide


def truth(value: Any, text: str) -> bool:
    try:
        return bool(value)
    except Exception:  # whatever a value's own __bool__ raises
        remedy = f"say what is meant, such as `len({text if text.isidentifier() else 'x'}) > 0`"
        kind = type(value).__name__
        raise Refused(f"`{text}` is a {kind}, neither true nor false by itself; {remedy}") from None


def _check_numbers(sign: str, *values: Any) -> None:
    for value in values:
        if not isinstance(value, (int, float, numbers.Number)):
            raise Refused(f"`{sign}` is for numbers only, not for a {type(value).__name__}")


def add(left: Any, right: Any) -> Any:
    sized = (str, bytes, list, tuple)
    if isinstance(left, sized) and isinstance(right, sized) and len(left) + len(right) > LARGEST_SUM:
        raise Refused(f"a sum may hold {LARGEST_SUM:,} items at most")
    return left + right


def multiply(left: Any, right: Any) -> Any:
    _check_numbers("*", left, right)
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > LARGEST_PRODUCT:
        raise Refused("the numbers are too large to be multiplied")
    return left * right


def remainder(left: Any, right: Any) -> Any:
    _check_numbers("%", left, right)
    return left % right


def _round(value: Any, digits: Any = None) -> Any:
    _check_numbers("round", value)
    if digits is not None and not (isinstance(digits, int) and abs(digits) <= MOST_DIGITS):
        raise Refused(f"round takes a whole number of digits up to {MOST_DIGITS}")
    return round(value, digits)


def attribute(value: Any, name: str, text: str) -> Any:
    declared, kind = _fields(type(value)), type(value).__name__
    if name in declared:
        return getattr(value, name)
    if declared:
        raise Refused(f"`{text}` is a {kind}, which declares no field {name!r}{nearest(name, declared)}")
    raise Refused(f"`{text}` is a {kind}, which declares no fields; an item is read as `{text}[{name!r}]`")


def _fields(kind: type) -> Collection[str]:
    """The declared fields of a type, which are all that an attribute may name."""
    if dataclasses.is_dataclass(kind):
        return [declared.name for declared in dataclasses.fields(kind)]
    for name in ("__pydantic_fields__", "model_fields"):
        declared = getattr(kind, name, None)
        if isinstance(declared, Mapping):
            return declared
    return getattr(kind, "_fields", ()) if issubclass(kind, tuple) else ()


FUNCTIONS: dict[str, tuple[Callable[..., Any], float]] = {  # with the most arguments that each takes
    "abs": (abs, 1),
    "all": (all, 1),
    "any": (any, 1),
    "len": (len, 1),
    "max": (max, math.inf),
    "min": (min, math.inf),
    "round": (_round, 2),
    "sum": (sum, 1),
}
