"""Reducers: how updates are folded, and what can be one."""

from __future__ import annotations

import functools
import operator
from typing import Any

import pytest

from nbgraph.core.reducers import BUILT_IN, add, append, check_reducer, extend, last, merge, union
from nbgraph.errors import DeclarationError


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


# -- reducers of one's own ---------------------------------------------------------------------------------------------


class Join:
    def __call__(self, current: str, update: str) -> str:
        return current + update


def three(a: object, b: object, c: object) -> None: ...


async def later(a: object, b: object) -> None: ...


@pytest.mark.parametrize(
    "reducer",
    [
        *BUILT_IN.values(),
        operator.add,
        max,
        dict.get,
        Join(),
        lambda a, b: b,
        lambda *values: values,
        functools.partial(three, 1),
    ],
)
def test_what_takes_two_values_can_be_a_reducer(reducer: Any) -> None:
    check_reducer("notes", reducer)


@pytest.mark.parametrize("reducer", [three, Join, len, lambda: 1, lambda a, *, b: a, functools.partial(three, 1, 2)])
def test_what_does_not_take_two_values_is_refused(reducer: Any) -> None:
    with pytest.raises(DeclarationError, match=r"the key 'notes' has the reducer .* cannot be called with two values"):
        check_reducer("notes", reducer)


def test_an_async_reducer_is_refused() -> None:
    with pytest.raises(DeclarationError, match="async reducer later; a reducer is a plain def"):
        check_reducer("notes", later)
