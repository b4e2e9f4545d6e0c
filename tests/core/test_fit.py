"""Fit: what is checked of an update, an input and a default, and what the person is told."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from nbgraph.core.fit import check_defaults, check_inputs, check_types, check_update, misfit_of, refuse_private
from nbgraph.core.reducers import add, append, extend, last, merge, union
from nbgraph.core.schema import Check, Checks, Fresh, Misfit, Private, Schema
from nbgraph.core.updates import Overwrite
from nbgraph.errors import DeclarationError, InputError, UpdateError


def make_client() -> object:
    return object()


def of(kind: type) -> Check:
    return lambda value: None if type(value) is kind else Misfit("", value, kind.__name__, "")


def schema(whole: type, element: type | None = None, reducer: Any = None) -> Schema:
    checks = {"a": Checks(of(whole), of(element) if element else None)}
    return Schema(("a",), {}, {}, {"a": reducer} if reducer else {}, {}, checks)


def told(value: Any, given: Schema, mapped: bool = False) -> str:
    """What is said of the update, an empty text where it fits."""
    try:
        check_types("n", {"other": 1, "a": value}, given, mapped)
    except UpdateError as error:
        return str(error)
    return ""


def test_a_value_that_does_not_fit_is_told_with_node_key_value_types_and_remedy() -> None:
    assert told("high", schema(int)) == (
        "n wrote a = 'high' (str), but a is int. Return what fits, or change the type of a in the state class."
    )


def test_the_place_within_a_value_and_the_reason_are_told() -> None:
    given = Schema(checks={"a": Checks(lambda value: Misfit("[2]", 5, "list[str]", "it should be a text"), None)})
    assert told([], given).startswith("n wrote a[2] = 5 (int), but a is list[str]: it should be a text. ")


def test_a_huge_value_makes_no_huge_message() -> None:
    assert len(told("x" * 1_000_000, schema(int))) < 300


@pytest.mark.parametrize(
    ("given", "fits", "not_fits"),
    [
        (schema(int), 5, "a"),
        (schema(list, str), ["a"], "a"),
        (schema(list, str, append), "a", ["a"]),
        (schema(list, str, extend), ["a"], 5),
        (schema(int, None, add), 5, "a"),
        (schema(dict, None, merge), {}, []),
        (schema(set, None, union), {1}, 1),
        (schema(int, None, last), 1, "a"),
    ],
)
def test_what_is_checked_depends_on_the_reducer(given: Schema, fits: Any, not_fits: Any) -> None:
    assert told(fits, given) == ""
    assert told(not_fits, given).startswith("n wrote a")


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (schema(list, str, extend), ("a",)),
        (schema(list, str, extend), None),
        (schema(dict, None, merge), MappingProxyType({})),
        (schema(set, None, union), ["a"]),
        (schema(set, None, union), frozenset("a")),
    ],
)
def test_whatever_a_reducer_takes_is_checked_as_it_is_taken(given: Schema, value: Any) -> None:
    assert told(value, given) == ""


def test_what_cannot_be_in_a_set_is_refused_and_does_not_break_the_check() -> None:
    assert told([[1]], schema(set, None, union)).startswith("n wrote a = [[1]] (list), but a is set")


def test_what_a_reducer_of_ones_own_takes_is_not_checked() -> None:
    assert told("anything", schema(int, None, lambda current, update: update)) == ""


@pytest.mark.parametrize("reducer", [append, extend, lambda current, update: update, None])
def test_an_overwrite_takes_the_whole_type(reducer: Any) -> None:
    given = schema(list, str, reducer)
    assert told(Overwrite(["a"]), given) == ""
    assert told(Overwrite("a"), given).startswith("n wrote a = 'a' (str), but a is list")


# -- maps --------------------------------------------------------------------------------------------------------------


def test_an_item_of_a_map_gives_an_element_of_a_plain_key() -> None:
    given = schema(list, str)
    assert told("a", given, mapped=True) == told(Overwrite("a"), given, mapped=True) == ""
    assert told(5, given, mapped=True).startswith("n wrote a = 5 (int), but an item of a is str. ")
    assert told(Overwrite(["a"]), given, mapped=True).startswith("n wrote a = ['a'] (list), but an item of a is str")


@pytest.mark.parametrize("reducer", [None, append])
def test_a_key_that_cannot_hold_a_list_is_told_that_it_becomes_one(reducer: Any) -> None:
    said = told(5, schema(int, None, reducer), mapped=True)
    assert said.startswith("n wrote a, which becomes a list of such values, but a is int. ")


def test_where_nothing_is_known_of_elements_a_key_may_become_a_list() -> None:
    assert told(5, schema(list), mapped=True) == ""


def test_an_item_of_a_map_gives_a_reducer_what_it_takes() -> None:
    assert told("a", schema(list, str, append), mapped=True) == ""
    assert told(["a"], schema(list, str, extend), mapped=True) == ""
    assert told(Overwrite(["a"]), schema(list, str, append), mapped=True) == ""


# -- inputs and defaults -----------------------------------------------------------------------------------------------


def test_inputs_are_checked_whole_whatever_the_reducer() -> None:
    given = schema(list, str, append)
    check_inputs({"a": ["a"], "other": 1}, given)
    with pytest.raises(InputError, match=r"the state cannot hold a = 'a' \(str\), but a is list\."):
        check_inputs({"a": "a"}, given)


def test_a_default_that_does_not_fit_is_refused_and_a_factory_is_not_called() -> None:
    given = schema(int)
    check_defaults(given._replace(defaults={"a": 1, "other": "a"}))
    check_defaults(given._replace(defaults={"a": Fresh(lambda: 1 / 0)}))
    with pytest.raises(DeclarationError, match=r"the default a = 'x' \(str\), but a is int\."):
        check_defaults(given._replace(defaults={"a": "x"}))


def test_a_misfit_can_be_told_without_raising() -> None:
    assert misfit_of("a", 1, schema(int)) == misfit_of("other", "x", schema(int)) == ""
    assert misfit_of("a", "x", schema(int)) == "a = 'x' (str), but a is int"


# -- private keys ------------------------------------------------------------------------------------------------------

private = Schema(("client",), private={"client": Private(make_client)})


@pytest.mark.parametrize("check", [refuse_private, check_update])
def test_no_node_writes_a_private_key(check: Any) -> None:
    check("n", {"a": 1}, private)
    with pytest.raises(UpdateError, match="`client` is private: its factory makes it, a node cannot write it; n did"):
        check("n", {"a": 1, "client": None}, private)


def test_no_run_is_given_a_private_key() -> None:
    with pytest.raises(InputError, match="`client` is private: its factory makes it"):
        check_inputs({"client": 1}, private)


def test_an_update_is_checked_for_types_too() -> None:
    with pytest.raises(UpdateError, match="but a is int"):
        check_update("n", {"a": "x"}, schema(int))
    with pytest.raises(UpdateError, match="an item of a is str"):
        check_update("n", {"a": 5}, schema(list, str), mapped=True)
