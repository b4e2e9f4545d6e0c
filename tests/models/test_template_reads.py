"""What templates read: which variables have to be there, and that no others are ever asked for."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from nbgraph.errors import MissingKey, RunError, TextError
from nbgraph.models.prompt import Prompt, read_prompt
from tests.models.kinds import FEW, MANY

NAMES = ("a", "b", "c", "loop", "m")
names = st.sampled_from(NAMES)
atoms = names | st.sampled_from(["1", "'t'", "none", "[]", "{}", "true", "false"])
asked = st.builds(
    "{} is {}".format, names, st.sampled_from(["defined", "undefined", "not defined", "not undefined", "number"])
)


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("(not {})".format, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("({} if {})".format, inner, inner),
        st.builds("({} ~ {})".format, inner, inner),
        st.builds("({} == {})".format, inner, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{'k': {}}}".format, inner),
        st.builds("({} | default({}))".format, inner, inner),
        st.builds("({} | d)".format, inner),
        st.builds("({} | string)".format, inner),
        st.builds("({}).k".format, inner),
        st.builds("({})[{}]".format, inner, inner),
        st.builds("m({})".format, inner),
        st.builds("(1 in {})".format, inner),
    )


expressions = st.recursive(atoms | asked, grown, max_leaves=6)


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("{{% if {} %}}{}{{% endif %}}".format, expressions, inner),
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, expressions, inner, inner),
        st.builds(
            "{{% if {} %}}{}{{% elif {} %}}{}{{% else %}}{}{{% endif %}}".format,
            *(expressions, inner, expressions, inner, inner),
        ),
        st.builds("{{% for {} in {} %}}{}{{% endfor %}}".format, names, expressions, inner),
        st.builds("{{% for {} in {} if {} %}}{}{{% endfor %}}".format, names, expressions, expressions, inner),
        st.builds("{{% for {} in {} %}}{}{{% else %}}{}{{% endfor %}}".format, names, expressions, inner, inner),
        st.builds("{{% set {} %}}{}{{% endset %}}".format, names, inner),
        st.builds("{{% with {} = {} %}}{}{{% endwith %}}".format, names, expressions, inner),
        st.builds("{{% with {} = {}, {} = {} %}}{}{{% endwith %}}".format, names, atoms, names, atoms, inner),
        st.builds("{{% filter upper %}}{}{{% endfilter %}}".format, inner),
        st.builds("{{% macro m({}) %}}{}{{% endmacro %}}".format, st.sampled_from("abc"), inner),
        st.builds("{{% macro m(a={}) %}}{}{{% endmacro %}}".format, expressions, inner),
        st.builds("{{% macro m() %}}{}{{% endmacro %}}{{{{ m() }}}}".format, inner),
        st.builds("{{% call m({}) %}}{}{{% endcall %}}".format, expressions, inner),
    )


templates = st.recursive(
    st.builds("{{{{ {} }}}}".format, expressions) | st.builds("{{% set {} = {} %}}".format, names, expressions),
    nested,
    max_leaves=8,
)


def readable(text: str) -> Prompt:
    try:
        return read_prompt(text)
    except TextError:
        assume(False)
        raise


@pytest.mark.slow
@MANY
@given(text=templates, data=st.data())
def test_what_is_read_and_required_is_enough_for_every_way_through(text: str, data: Any) -> None:
    ask_for_no_more(text, data)


@FEW
@given(text=templates, data=st.data())
@example(text="{% if a %}{% set b = 1 %}{% endif %}{{ b }}", data=None)
@example(text="{% for a in [1] if loop %}{% endfor %}", data=None)
@example(text="{% macro m(a=b) %}{{ a }}{% endmacro %}{{ m() }}", data=None)
@example(text="{% set a %}{{ a }}{% endset %}", data=None)
def test_what_is_read_and_required_is_enough_for_some_ways_through(text: str, data: Any) -> None:
    ask_for_no_more(text, data)


def ask_for_no_more(text: str, data: Any) -> None:
    prompt = readable(text)
    optional = [name for name, required in prompt.reads if not required]
    left_out = data.draw(st.sets(st.sampled_from(optional))) if data and optional else set[str]()
    value = data.draw(st.sampled_from([0, 1, "t", [], [1, 2], {"k": 1}])) if data else 0
    values = {name: value for name, _ in prompt.reads if name not in left_out}
    with suppress(RunError):
        try:
            prompt.render(values)
        except MissingKey as error:
            raise AssertionError(f"{text} asks for more than {prompt.reads}") from error


@FEW
@given(text=templates)
def test_what_is_not_read_changes_nothing(text: str) -> None:
    prompt = readable(text)
    values: dict[str, Any] = {name: 1 for name, _ in prompt.reads}
    more = dict.fromkeys(NAMES, "more")
    assert outcome(prompt, values) == outcome(prompt, more | values)


def outcome(prompt: Prompt, values: dict[str, Any]) -> Any:
    try:
        return prompt.render(values)
    except RunError as error:
        return str(error)


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("{{ x.y }}{{ x['z'] }}", [("x", True)]),
        ("{{ y.x }}", [("y", True)]),
        ("{{ y | map(attribute='x') }}", [("y", True)]),
        ("{{ 'x' }} x {# {{ x }} #} {% raw %}{{ x }}{% endraw %}", []),
        ("{{ range(3) }}{% for i in range(x) %}{{ loop.index }}{% endfor %}", [("x", True)]),
        ("{% for x in y %}{% else %}{{ x }}{% endfor %}", [("y", True), ("x", True)]),
        ("{% for x in y if x %}{{ x }}{% endfor %}", [("y", True)]),
        ("{% for a, (b, c) in y %}{{ a }}{{ b }}{{ c }}{% endfor %}", [("y", True)]),
        ("{% set x, y = z %}{{ x }}{{ y }}", [("z", True)]),
        ("{% set x %}{{ y }}{% endset %}{{ x }}", [("y", True)]),
        ("{% for i in y %}{% set x = i %}{% endfor %}{{ x }}", [("y", True), ("x", True)]),
        ("{% with %}{% set x = 1 %}{% endwith %}{{ x }}", [("x", True)]),
        ("{% macro m() %}{{ x | d(1) }}{% endmacro %}{{ m() }}", [("x", False)]),
        ("{% macro m(a, b=x) %}{{ b }}{% endmacro %}{{ m(1) }}", [("x", True)]),
        ("{{ x is defined }}{{ y is string }}", [("x", False), ("y", True)]),
        ("{{ x | default }}{{ y | default(z | default('')) }}", [("x", False), ("y", False), ("z", False)]),
        ("{{ (x | default({})).y }}", [("x", False)]),
        ("{{ f(x=y) }}", [("f", True), ("y", True)]),
    ],
)
def test_a_name_is_read_where_it_stands_for_a_value_of_the_state(text: str, reads: list[tuple[str, bool]]) -> None:
    assert sorted(read_prompt(text).reads) == sorted(reads)
