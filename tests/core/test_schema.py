"""Schema: defaults for each run, and private factories."""

from __future__ import annotations

import functools

import pytest

from nbgraph.core.schema import Fresh, Private, Schema
from nbgraph.errors import DeclarationError


def test_defaults_are_copied_for_each_run() -> None:
    schema = Schema(("a",), {}, {"a": [[1]]}, {})
    fresh = schema.fresh_defaults()
    fresh["a"][0].append(2)
    assert schema.fresh_defaults() == {"a": [[1]]}


def test_a_factory_makes_a_default_for_each_run() -> None:
    schema = Schema(("a",), {}, {"a": Fresh(list)})
    fresh = schema.fresh_defaults()
    fresh["a"].append(2)
    assert schema.fresh_defaults() == {"a": []}


def test_a_default_factory_that_fails_is_named_by_its_key() -> None:
    schema = Schema(("a",), {}, {"a": Fresh(lambda: 1 / 0)})
    with pytest.raises(DeclarationError, match="the default factory of the key 'a' failed: division by zero"):
        schema.fresh_defaults()


@pytest.mark.parametrize("factory", [None, "make_client", 5])
def test_a_factory_has_to_be_callable(factory: object) -> None:
    with pytest.raises(DeclarationError, match=r"Private needs a factory that makes the value, as in Annotated\["):
        Private(factory)  # type: ignore[arg-type]


def test_private_alone_is_refused_in_a_sentence() -> None:
    with pytest.raises(DeclarationError, match="Private needs a factory"):
        Private()


def connect(host: str, port: int = 80) -> None: ...


async def connect_later() -> None: ...


def test_a_factory_takes_no_arguments() -> None:
    with pytest.raises(DeclarationError, match="Private calls connect without arguments, but it needs some"):
        Private(connect)  # type: ignore[arg-type]


def test_a_factory_is_any_callable_without_arguments() -> None:
    for factory in (connect_later, functools.partial(connect, "host"), dict, object):
        assert Private(factory).factory is factory
