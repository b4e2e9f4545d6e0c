"""State: reducers, what a class declares, what a return value writes."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

import pytest

from nbgraph.core import state
from nbgraph.core.state import (
    Schema,
    add,
    append,
    as_update,
    combine_items,
    extend,
    fold_into,
    last,
    merge,
    own_copy,
    plain_value,
    read_schema,
    union,
)
from nbgraph.errors import DeclarationError, UpdateError

# -- reducers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reducer", "current", "value", "result"),
    [
        (append, None, 1, [1]),
        (append, [1], [2], [1, [2]]),
        (append, (1,), 2, [1, 2]),
        (extend, None, [1], [1]),
        (extend, [1], (2, 3), [1, 2, 3]),
        (extend, [1], None, [1]),
        (add, None, 0, 0),
        (add, 0, 2, 2),
        (add, "a", "b", "ab"),
        (merge, None, {"a": 1}, {"a": 1}),
        (merge, {"a": 1, "b": 1}, {"a": 2}, {"a": 2, "b": 1}),
        (union, None, [1, 1], {1}),
        (union, {1}, {2}, {1, 2}),
        (last, 1, 2, 2),
        (last, 1, None, None),
    ],
)
def test_a_reducer_folds_an_update(reducer: Any, current: Any, value: Any, result: Any) -> None:
    assert reducer(current, value) == result


@pytest.mark.parametrize(
    ("reducer", "current", "value"),
    [(append, [1], 2), (extend, [1], [2]), (add, [1], [2]), (merge, {"a": 1}, {"b": 2}), (union, {1}, {2})],
)
def test_a_reducer_never_changes_the_old_value(reducer: Any, current: Any, value: Any) -> None:
    before = type(current)(current)
    assert reducer(current, value) is not current
    assert current == before


@pytest.mark.parametrize(
    ("reducer", "current", "value"),
    [
        (append, "text", 1),
        (extend, [1], "text"),
        (extend, [1], 5),
        (merge, {}, [1]),
        (union, set(), "text"),
        (add, 1, "a"),
    ],
)
def test_a_reducer_refuses_what_it_cannot_fold(reducer: Any, current: Any, value: Any) -> None:
    with pytest.raises(TypeError):
        reducer(current, value)


# -- the class ---------------------------------------------------------------------------------------------------------


def test_a_class_declares_keys_defaults_and_reducers() -> None:
    class Essay:
        topic: str
        rounds: int = 0
        notes: Annotated[list[str], "read by people", append] = []

    schema = read_schema(Essay)
    assert schema.keys == ("topic", "rounds", "notes")
    assert schema.defaults == {"rounds": 0, "notes": []}
    assert schema.reducers == {"notes": append}
    assert schema.annotations["topic"] is str


def test_defaults_are_copied_for_each_run() -> None:
    schema = Schema(("a",), {}, {"a": [[1]]}, {})
    fresh = schema.fresh_defaults()
    fresh["a"][0].append(2)
    assert schema.fresh_defaults() == {"a": [[1]]}


def test_inherited_keys_and_defaults_count() -> None:
    class Base:
        a: int = 1

    class Derived(Base):
        b: int

    schema = read_schema(Derived)
    assert set(schema.keys) == {"a", "b"}
    assert schema.defaults == {"a": 1}


def test_a_typed_dict_declares_keys_too() -> None:
    class Essay(TypedDict):
        topic: str
        log: Annotated[list[str], append]

    schema = read_schema(Essay)
    assert (schema.keys, schema.defaults, schema.reducers) == (("topic", "log"), {}, {"log": append})


@pytest.mark.parametrize("key", ["mro", "__class__", "__subclasses__"])
def test_a_key_that_every_class_has_an_attribute_for_has_no_default_by_that(key: str) -> None:
    declared = type("Odd", (), {"__annotations__": {key: str}})
    assert read_schema(declared).defaults == {}


def test_an_annotation_without_a_reducer_is_no_reducer() -> None:
    class Plain:
        a: Annotated[int, "a remark"]

    assert read_schema(Plain).reducers == {}


def test_a_class_without_keys_is_refused() -> None:
    with pytest.raises(DeclarationError, match="class Empty declares no key"):
        read_schema(type("Empty", (), {}))


def test_a_default_without_an_annotation_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"Odd\.topic has no annotation"):
        read_schema(type("Odd", (), {"__annotations__": {"a": int}, "topic": ""}))


def test_two_reducers_for_one_key_are_refused() -> None:
    class Two:
        a: Annotated[list[int], append, extend]

    with pytest.raises(DeclarationError, match="'a' has 2 reducers"):
        read_schema(Two)


@pytest.mark.parametrize("key", ["error", "step", "END"])
def test_reserved_keys_are_refused(key: str) -> None:
    with pytest.raises(DeclarationError, match=f"{key!r} is a reserved word and cannot name a key"):
        read_schema(type("Odd", (), {"__annotations__": {key: int}}))


def test_an_annotation_that_cannot_be_found_says_what_to_do() -> None:
    with pytest.raises(DeclarationError, match="class Odd: name 'Missing' is not defined; import it"):
        read_schema(type("Odd", (), {"__annotations__": {"a": "Missing"}}))


@pytest.mark.parametrize("annotation", ["1 +", "int.nothing"])
def test_an_annotation_that_cannot_be_read_is_refused_with_a_sentence(annotation: str) -> None:
    with pytest.raises(DeclarationError, match="class Odd"):
        read_schema(type("Odd", (), {"__annotations__": {"a": annotation}}))


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
    assert len(state._spelling) <= 10_000
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


# -- what nodes are given ----------------------------------------------------------------------------------------------


def test_a_container_is_handed_out_as_a_copy_of_all_its_levels() -> None:
    value = {"a": [1, {2}], "b": (3,)}
    copied = own_copy(value)
    copied["a"][1].add(9)
    copied["a"].append(4)
    assert value == {"a": [1, {2}], "b": (3,)}


def test_what_is_large_deep_or_of_another_kind_is_handed_out_as_it_is() -> None:
    deep: list[object] = []
    deep.append(deep)
    for value in (list(range(10_001)), "text", object(), deep):
        assert own_copy(value) is value


def test_a_reducer_named_by_a_text_is_refused() -> None:
    declared = type("State", (), {"__annotations__": {"log": Annotated[list, "extend"]}})
    with pytest.raises(DeclarationError, match="from nbgraph import extend"):
        read_schema(declared)
