"""What a function reads and writes, known without running it."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

import pytest

from nbgraph.core.signature import (
    Outcomes,
    Read,
    Writes,
    outcomes,
    read_keys,
    source_of,
    takes_context,
    written_keys,
)
from nbgraph.core.type_agreement import UNKNOWN
from nbgraph.errors import DeclarationError


def writes(function: Callable[..., Any], *declared: str) -> Writes:
    return written_keys(function, "n", declared or None)


# -- reads -------------------------------------------------------------------------------------------------------------


def test_parameters_are_reads_and_a_default_makes_one_optional() -> None:
    def draft(topic: str, feedback: str = "", *, tone: str, ctx: Any) -> None: ...

    assert read_keys(draft) == (Read("topic", True), Read("feedback", False), Read("tone", True))
    assert takes_context(draft)


def test_a_function_without_ctx_takes_no_context() -> None:
    assert not takes_context(lambda topic: None)


@pytest.mark.parametrize("function", [lambda *a: 0, lambda **k: 0, lambda a, /: 0])
def test_parameters_that_name_no_key_are_refused(function: Any) -> None:
    with pytest.raises(DeclarationError, match="a node names each key that it reads"):
        read_keys(function)


@pytest.mark.parametrize("function", [lambda on: 0, lambda step=1: 0, lambda parallel: 0])
def test_reserved_parameters_are_refused(function: Any) -> None:
    with pytest.raises(DeclarationError, match="reserved word"):
        read_keys(function)


def test_a_read_knows_its_annotation_and_default() -> None:
    def draft(topic: str, tone="dry", *, length: Missing = 7): ...  # type: ignore[no-untyped-def,name-defined]  # noqa: F821

    topic, tone, length = read_keys(draft)
    assert (topic.annotation, topic.default) == (str, UNKNOWN)
    assert (tone.annotation, tone.default) == (UNKNOWN, "dry")
    assert (length.annotation, length.default) == (UNKNOWN, 7)


def test_reads_are_equal_whatever_their_types_and_defaults() -> None:
    class Incomparable:
        def __eq__(self, other: object) -> bool:
            raise ValueError("no single truth")

    def draft(topic: str, grid: Any = Incomparable()) -> None: ...  # noqa: B008

    assert read_keys(draft) == (Read("topic", True), Read("grid", False))


def test_error_is_read_though_it_names_no_key() -> None:
    def fallback(error: Any, errors: Any = ()) -> None: ...

    assert read_keys(fallback) == (Read("error", True), Read("errors", False))


# -- writes ------------------------------------------------------------------------------------------------------------


def test_a_returned_dict_display_tells_its_keys() -> None:
    def n() -> Any:
        return {"text": 1, "score": 2}

    assert writes(n) == Writes(("text", "score"), True)


def test_all_return_statements_count() -> None:
    def n(x: int) -> Any:
        if x:
            return {"a": 1}
        for _ in range(x):
            try:
                return dict(b=1)  # noqa: C408
            finally:
                pass
        return None

    assert writes(n) == Writes(("a", "b"), True)


def test_a_function_that_returns_nothing_writes_nothing() -> None:
    def n() -> Any:
        pass

    assert writes(n) == Writes((), True)


@pytest.mark.parametrize("text", ["1", "[1]", "(1, 2)", "f'{1}'", "{1}", "[a for a in ()]", "1 < 2"])
def test_a_plain_value_goes_to_the_key_named_like_the_node(text: str) -> None:
    assert writes(compiled(f"def n():\n    return {text}\n")) == Writes(("n",), True, {})


_sources: dict[str, list[str]] = {}


def compiled(source: str) -> Any:
    """A function with a source that inspect can find."""
    import linecache

    name = f"<test {len(_sources)}>"
    _sources[name] = source.splitlines(True)
    linecache.cache[name] = (len(source), None, _sources[name], name)
    space: dict[str, Any] = {}
    exec(compile(source, name, "exec"), space)
    return space["n"]


@pytest.mark.parametrize(
    "text", ["work()", "dict(**x)", "{**x}", "{k: 1}", "dict([(1, 2)])", "x", "{'a': 1} if x else work()", "{1: 2}"]
)
def test_what_the_text_does_not_tell_is_uncertain(text: str) -> None:
    assert not writes(compiled(f"def n(x=None, k=''):\n    return {text}\n")).certain


def test_both_sides_of_a_conditional_expression_count() -> None:
    assert writes(compiled("def n(x):\n    return {'a': 1} if x else {'b': 1}\n")).keys == ("a", "b")


def test_returns_of_inner_functions_do_not_count() -> None:
    def n() -> Any:
        def inner() -> Any:
            return {"inner": 1}

        class Inner:
            def method(self) -> Any:
                return {"method": 1}

        return {"outer": (inner, lambda: {"lambda": 1}, Inner)}

    assert writes(n).keys == ("outer",)


def test_constant_names_that_a_key_is_given_are_known() -> None:
    def n(x: int) -> Any:
        if x > 1:
            return {"next": "a", "score": 1}
        if x:
            return {"next": "b"}
        return {"next": "a"}

    assert writes(n).names == {"next": ("a", "b")}


def test_a_constant_that_is_the_value_is_known_under_the_nodes_name() -> None:
    def n() -> Any:
        return "a"

    assert writes(n).names == {"n": ("a",)}
    assert writes(n, "next").names == {"next": ("a",)}


def test_declared_keys_are_taken_at_their_word() -> None:
    assert writes(lambda: {"a": "x"}, "k", "l") == Writes(("k", "l"), True, {})


def test_a_declared_single_key_takes_a_returned_dict_as_its_value() -> None:
    def n() -> Any:
        return {"k": "not a name"}

    assert writes(n, "k").names == {}


@pytest.mark.parametrize("annotation", [str, int, float, bool, list, tuple, set, bytes])
def test_an_annotated_plain_value_goes_to_the_nodes_own_key(annotation: Any) -> None:
    def n() -> Any:
        return unknown()  # type: ignore[name-defined]  # noqa: F821

    n.__annotations__["return"] = annotation
    assert writes(n) == Writes(("n",), True, {}, {"n": annotation})


def test_an_annotated_none_writes_nothing() -> None:
    def n() -> None:
        return unknown()  # type: ignore[name-defined]  # noqa: F821

    assert writes(n) == Writes((), True)


class Update(TypedDict):
    text: str
    score: int


def test_an_annotated_typed_dict_tells_its_keys() -> None:
    def n() -> Update:
        return unknown()  # type: ignore[name-defined]  # noqa: F821

    assert writes(n) == Writes(("text", "score"), True, {}, {"text": str, "score": int})


def test_an_annotation_that_cannot_be_found_is_no_help_and_no_error() -> None:
    def n() -> Missing:  # type: ignore[name-defined]  # noqa: F821
        return {"a": 1}

    assert writes(n) == Writes(("a",), True)


def test_a_function_without_source_is_uncertain() -> None:
    space: dict[str, Any] = {}
    exec("def n():\n    return {'a': 1}", space)
    assert source_of(space["n"]) == ""
    assert writes(space["n"]) == Writes((), False)


def test_a_function_without_source_and_an_annotation_is_certain() -> None:
    space: dict[str, Any] = {}
    exec("def n() -> str:\n    return work()", space)
    assert writes(space["n"]) == Writes(("n",), True, {}, {"n": str})


def test_a_lambda_is_uncertain() -> None:
    assert writes(lambda: {"a": 1}) == Writes((), False)


def test_a_decorated_function_is_read_through() -> None:
    def twice(function: Any) -> Any:
        @functools.wraps(function)
        def wrapper(*a: Any, **k: Any) -> Any:
            return function(*a, **k)

        return wrapper

    @twice
    def n(topic: str) -> Any:
        return {"text": topic}

    assert read_keys(n) == (Read("topic", True),)
    assert writes(n) == Writes(("text",), True)


def test_an_async_function_is_read_like_any() -> None:
    async def n(topic: str) -> Any:
        return {"text": topic}

    assert writes(n) == Writes(("text",), True)


# -- types -------------------------------------------------------------------------------------------------------------


@dataclass
class Draft:
    text: str


@pytest.mark.parametrize(
    "annotation", [list[str], Literal["a", "b"], int | str, Draft, tuple[int, ...], set[str], Annotated[int, "unit"]]
)
def test_a_type_that_is_no_dict_goes_to_the_nodes_own_key(annotation: Any) -> None:
    def n() -> Any:
        return unknown()  # type: ignore[name-defined]  # noqa: F821

    n.__annotations__["return"] = annotation
    found = writes(n)
    assert (found.keys, found.certain) == (("n",), True)
    assert found.types["n"] in (annotation, int)


def test_none_besides_another_type_writes_nothing() -> None:
    def n() -> Any:
        return unknown()  # type: ignore[name-defined]  # noqa: F821

    n.__annotations__["return"] = str | None
    assert writes(n).types == {"n": str}
    n.__annotations__["return"] = Update | None
    assert writes(n).types == {"text": str, "score": int}


@pytest.mark.parametrize(
    "annotation",
    [
        dict,
        dict[str, int],
        object,
        Any,
        Mapping[str, int],
        int | dict[str, int],
        Awaitable[str],
        Iterator[int],
        "Missing",
    ],
)
def test_a_type_whose_values_may_be_updates_does_not_tell(annotation: Any) -> None:
    def n() -> Any:
        return unknown()  # type: ignore[name-defined]  # noqa: F821

    n.__annotations__["return"] = annotation
    assert writes(n) == Writes((), False)


def test_a_declared_key_has_the_annotated_type_whatever_it_is() -> None:
    def n() -> Any:
        return unknown()  # type: ignore[name-defined]  # noqa: F821

    n.__annotations__["return"] = dict[str, int] | None
    assert writes(n, "k").types == {"k": dict[str, int]}
    assert writes(n, "k", "l").types == {}
    n.__annotations__["return"] = Update
    assert writes(n, "k").types == {"k": Update}
    assert writes(n, "text", "other").types == {"text": str}


# -- outcomes ----------------------------------------------------------------------------------------------------------


def test_the_outcomes_of_a_choice_are_its_constants() -> None:
    route = compiled("def n(x):\n    if x: return ['a', 'b']\n    return 'c' if x else None\n")
    assert outcomes(route) == Outcomes(("a", "b", "c"), whole=False)


def test_annotated_outcomes_are_all_there_are() -> None:
    route = compiled("def n(x):\n    return pick(x)\n")
    assert outcomes(route) == Outcomes((), whole=False)
    route.__annotations__["return"] = list[Literal["a", "b"]]
    assert outcomes(route) == Outcomes(("a", "b"), whole=True)


def test_a_function_without_source_and_annotation_tells_no_outcomes() -> None:
    assert outcomes(lambda: "a") == Outcomes((), whole=False)
