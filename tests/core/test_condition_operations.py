"""What a condition may do with values, an operation at a time; that its parts go together is for test_conditions."""

import collections
import dataclasses
import operator

import pytest

from nbgraph.core import condition_operations as operations
from nbgraph.core.condition_operations import FUNCTIONS, Evaluate, Refused

Point = collections.namedtuple("Point", "x y")


@dataclasses.dataclass
class Draft:
    score: int


def key(name: str) -> Evaluate:
    return operator.itemgetter(name)


def test_one_comparison_needs_no_truth() -> None:
    assert operations.compared(key("a"), [(lambda a, b: [a, b], key("b"))], "a < b")({"a": 1, "b": 2}) == [1, 2]


def test_a_chain_stops_at_the_first_that_is_false() -> None:
    chain = operations.compared(key("a"), [(operator.lt, key("b")), (operator.lt, key("missing"))], "a < b < missing")
    assert chain({"a": 2, "b": 1}) is False


@pytest.mark.parametrize(("decisive", "found"), [(True, 3), (False, 0)])
def test_the_first_decisive_operand_is_found(decisive: bool, found: int) -> None:
    decide = operations.decided([(key("zero"), "zero"), (key("three"), "three")], decisive)
    assert decide({"zero": 0, "three": 3}) == found


def test_only_a_declared_field_is_read() -> None:
    assert operations.attribute(Draft(3), "score", "x") == 3
    assert operations.attribute(Point(1, 2), "y", "x") == 2
    with pytest.raises(Refused, match="`x` is a Point, which declares no field 'count'"):
        operations.attribute(Point(1, 2), "count", "x")


def test_products_and_sums_have_limits() -> None:
    assert operations.multiply(2, 0.5) == 1
    assert operations.add([1], [2]) == [1, 2]
    with pytest.raises(Refused, match="too large"):
        operations.multiply(1 << 6_000, 1 << 6_000)
    with pytest.raises(Refused, match="items at most"):
        operations.add([0] * 60_000, [0] * 60_000)


def test_the_functions_are_few() -> None:
    assert sorted(FUNCTIONS) == ["abs", "all", "any", "len", "max", "min", "round", "sum"]
