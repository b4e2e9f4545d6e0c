"""Updates: what a return value writes, and how it becomes the value of a key."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbgraph.core import updates
from nbgraph.core.reducers import add, append, extend, merge
from nbgraph.core.updates import Gathered, Overwrite, as_update, combine_items, fold_into, plain_value
from nbgraph.errors import UpdateError

# -- what a return value writes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("writes", "returned", "update"),
    [
        (None, None, {}),
        (None, {}, {}),
        (None, {"a": 1}, {"a": 1}),
        (None, 5, {"n": 5}),
        (None, False, {"n": False}),
        (None, [], {"n": []}),
        (("k",), None, {}),
        (("k",), {"a": 1}, {"k": {"a": 1}}),
        (("k",), 5, {"k": 5}),
        (("a", "b"), {"b": 1, "a": 2}, {"a": 2, "b": 1}),
    ],
)
def test_a_return_value_writes(writes: Any, returned: Any, update: Any) -> None:
    assert as_update("n", writes, returned) == update


@pytest.mark.parametrize("returned", [{"a": 1}, {"a": 1, "b": 2, "c": 3}, {}, {1: 1, "a": 1}, 5, "text", ["a", "b"]])
def test_declared_keys_take_a_dict_with_just_those(returned: Any) -> None:
    with pytest.raises(UpdateError, match="n writes a, b and so returns a dict with just those keys; it returned"):
        as_update("n", ("a", "b"), returned)


@pytest.mark.parametrize("key", [1, None, ("a",), "a b", "", "1a", "error", "class", "ctx"])
def test_a_returned_key_that_is_no_name_is_refused_with_the_remedy(key: Any) -> None:
    with pytest.raises(UpdateError, match=r"n returned .*--writes n"):
        as_update("n", None, {"good": 1, key: 2})


def test_a_refused_name_is_refused_again() -> None:
    for _ in range(2):
        with pytest.raises(UpdateError):
            as_update("n", None, {"a b": 1})


def test_many_different_keys_do_not_fill_the_memory() -> None:
    for number in range(20_000):
        as_update("n", None, {f"key_{number}": 1})
    assert len(updates._spelling) <= 10_000
    assert as_update("n", None, {"key_19999": 1}) == {"key_19999": 1}


def test_a_huge_value_makes_no_huge_message() -> None:
    with pytest.raises(UpdateError) as caught:
        as_update("n", ("a", "b"), "x" * 1_000_000)
    assert len(str(caught.value)) < 300


# -- maps --------------------------------------------------------------------------------------------------------------


def folded(updates: list[dict[str, Any]], key: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for _, gathered in combine_items(updates, ()):
        fold_into(values, key, append, gathered, "n")
    return values


def lists(updates: list[dict[str, Any]], *known: str) -> dict[str, Any]:
    return {key: plain_value(gathered) for key, gathered in combine_items(updates, known)}


def test_plain_keys_of_items_become_lists_with_none_for_what_was_not_written() -> None:
    assert lists([{"a": 1}, {"b": 2}]) == {"a": [1, None], "b": [None, 2]}


def test_reducer_keys_of_items_are_folded_one_by_one_in_item_order() -> None:
    assert folded([{"log": 1}, {}, {"log": None}, {"log": 3}], "log") == {"log": [1, None, 3]}


def test_known_keys_without_items_become_empty_lists() -> None:
    assert lists([], "a") == {"a": []}
    assert folded([], "a") == {}


def test_what_is_no_map_is_one_value() -> None:
    values = {"log": [1]}
    fold_into(values, "log", append, (2, 3), "n")
    assert (values, plain_value((2, 3))) == ({"log": [1, (2, 3)]}, (2, 3))


def test_a_reducer_that_refuses_is_told_with_node_key_and_value() -> None:
    with pytest.raises(UpdateError, match=r"extend\(log\) refused what n wrote, 5: a list is needed, not int\."):
        fold_into({}, "log", extend, 5, "n")


# -- Overwrite ---------------------------------------------------------------------------------------------------------


def fold(written: list[Any], onto: dict[str, Any]) -> dict[str, Any]:
    values = dict(onto)
    for each in written:
        fold_into(values, "log", append, each, "n")
    return values


@given(st.lists(st.integers()), st.lists(st.integers()), st.lists(st.integers()))
def test_folding_with_an_overwrite_is_folding_the_rest_onto_its_value(
    before: list[int], value: list[int], after: list[int]
) -> None:
    expected = fold(after, {"log": value})
    assert fold([*before, Overwrite(value), *after], {}) == expected
    gathered = Gathered((*before, Overwrite(value), *after), (True,) * (len(before) + 1 + len(after)))
    assert fold([gathered], {"log": [0]}) == expected


def test_an_overwrite_calls_no_reducer_and_so_takes_any_value() -> None:
    for reducer in (add, extend, merge):
        values = {"log": None}
        fold_into(values, "log", reducer, Overwrite(5), "n")
        assert values == {"log": 5}


def test_the_value_of_an_overwrite_is_not_changed_by_what_follows() -> None:
    value: list[int] = []
    assert fold([Overwrite(value), 1], {}) == {"log": [1]}
    assert value == []


def test_a_plain_key_holds_the_value_of_an_overwrite() -> None:
    assert plain_value(Overwrite([1])) == [1]
    assert lists([{"a": Overwrite(1)}, {"a": 2}, {}]) == {"a": [1, 2, None]}


def test_an_overwrite_is_a_return_value_like_any_other() -> None:
    assert as_update("n", None, Overwrite(1)) == {"n": Overwrite(1)}
    assert as_update("n", ("k",), Overwrite(1)) == {"k": Overwrite(1)}
    with pytest.raises(UpdateError, match=r"n writes a, b .* it returned Overwrite"):
        as_update("n", ("a", "b"), Overwrite({"a": 1, "b": 2}))


def test_an_overwrite_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Overwrite(1).value = 2  # type: ignore[misc]
