"""Function nodes: what may be one, what is known of it, how it is called."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest

from nbgraph.core.graph import Source, declared_in
from nbgraph.core.signature import Read
from nbgraph.errors import DeclarationError
from nbgraph.nodes.function import function_node


def draft(topic: str, feedback: str = "") -> Any:
    """Write."""
    return {"text": topic}


class Threadless:
    """A context that calls blocking functions where it is."""

    async def in_thread(self, function: Any, arguments: dict[str, Any]) -> Any:
        return function(**arguments)


def called(function: Any, **arguments: Any) -> Any:
    async def call() -> Any:
        return await function_node(function, name="n").body(arguments, Threadless())

    return asyncio.run(call())


def test_a_node_is_named_like_its_function_or_as_said() -> None:
    assert function_node(draft).name == "draft"
    assert function_node(draft, name="writer").name == "writer"


def test_a_node_knows_its_reads_writes_source_and_file() -> None:
    node = function_node(draft)
    assert node.reads == (Read("topic", True), Read("feedback", False))
    assert (node.writes.keys, node.declared) == (("text",), None)
    assert node.code.startswith("def draft(topic")
    assert node.file == __file__
    assert node.signature == "draft(topic, [feedback]) -> text"


def test_code_and_file_of_a_cell_are_taken_as_given() -> None:
    node = function_node(draft, code="source", file="<cell>")
    assert (node.code, node.file) == ("source", "<cell>")


def test_a_node_knows_the_cell_that_declares_it() -> None:
    token = declared_in.set(Source("c", "cell [1]", 1))
    try:
        assert function_node(draft).where == "cell [1]"
    finally:
        declared_in.reset(token)
    assert function_node(draft).where == __file__


def test_a_sync_function_blocks_and_an_async_one_does_not() -> None:
    async def fetch() -> None: ...

    assert function_node(draft).body.blocking
    assert not function_node(fetch).body.blocking


def test_a_function_is_called_with_its_arguments() -> None:
    async def fetch(topic: str) -> str:
        return topic

    assert called(draft, topic="bees") == {"text": "bees"}
    assert called(fetch, topic="bees") == "bees"


def test_the_context_is_given_to_who_asks_for_it() -> None:
    assert isinstance(called(lambda ctx: ctx), Threadless)
    assert called(lambda: "none") == "none"


def test_declared_keys_are_spelt_as_python_spells_them() -> None:
    assert function_node(draft, writes=("ﬁt",)).declared == ("fit",)
    assert function_node(draft, name="ﬁt").name == "fit"


def generator() -> Any:
    yield 1


async def async_generator() -> Any:
    yield 1


class Callable:
    def __call__(self) -> None: ...

    def method(self) -> None: ...


@pytest.mark.parametrize(
    "function", [5, "draft", print, Callable, Callable(), functools.partial(draft), Callable().method], ids=repr
)
def test_what_is_no_function_is_refused(function: Any) -> None:
    with pytest.raises(DeclarationError, match="a node is a function made by def or async def"):
        function_node(function)


@pytest.mark.parametrize("function", [generator, async_generator])
def test_a_generator_is_refused(function: Any) -> None:
    with pytest.raises(DeclarationError, match="yields; a node returns its update once"):
        function_node(function)


def test_an_object_that_cannot_be_shown_is_refused_all_the_same() -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise ValueError("no")

    with pytest.raises(DeclarationError, match="a node is a function"):
        function_node(Hostile())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["END", "error", "1a", "a b", "class"])
def test_a_reserved_or_impossible_name_is_refused(name: str) -> None:
    with pytest.raises(DeclarationError, match="cannot name a node"):
        function_node(draft, name=name)
    with pytest.raises(DeclarationError, match="cannot name a key"):
        function_node(draft, writes=(name,))


def test_a_lambda_needs_a_name() -> None:
    with pytest.raises(DeclarationError, match="lambda"):
        function_node(lambda: None)


def test_a_decorated_function_is_a_node_like_any() -> None:
    @functools.wraps(draft)
    def wrapper(*a: Any, **k: Any) -> Any:
        return draft(*a, **k)

    node = function_node(wrapper)
    assert (node.name, node.reads[0].key, node.file) == ("draft", "topic", __file__)
