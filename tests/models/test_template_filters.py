"""Filters of prompts: what they give, and that none builds or goes through more than a prompt may."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from nbgraph.errors import RunError
from nbgraph.models.prompt import read_prompt
from nbgraph.models.sandbox import Sandbox
from nbgraph.models.template_filters import filters

LEADING_OUT = ("attr", "format", "pprint", "safe", "escape", "e", "forceescape", "xmlattr", "urlize", "random")


class Endless:
    """A value that has no end."""

    def __iter__(self) -> Iterator[int]:
        return itertools.count()


def said(text: str, **values: Any) -> str:
    return read_prompt(text).render(values)[1]


def failure(text: str, **values: Any) -> str:
    with pytest.raises(RunError) as caught:
        read_prompt(text).render(values)
    return str(caught.value)


@pytest.mark.parametrize("name", [*LEADING_OUT, "batch", "slice", "filesizeformat", "striptags"])
def test_no_filter_leads_out_or_makes_html(name: str) -> None:
    assert name not in filters(Sandbox())
    assert f"no filter named '{name}'" in failure(f"{{{{ [x] | map('{name}') | list }}}}", x="a")


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{{ x | first }} {{ x | last }} {{ x | max }} {{ x | min }} {{ x | length }}", "3 2 3 1 3"),
        ("{{ x | sort }} {{ x | reverse }} {{ x | unique }}", "[1,2,3] [2,1,3] [3,1,2]"),
        ("{{ x | map('string') | join('-') }} {{ x | select('odd') }} {{ x | reject('odd') }}", "3-1-2 [3,1] [2]"),
        ("{{ 'abc' | reverse }} {{ 'abc' | list }} {{ 'abc' | first }}", 'cba ["a","b","c"] a'),
        ("{{ {'b': 1, 'a': 2} | dictsort }} {{ {'a': 1} | items }}", '[["a",2],["b",1]] [["a",1]]'),
        ("{% for g in [{'a': 1, 'b': 2}] | groupby('a') %}{{ g.grouper }}{{ g.list }}{% endfor %}", '1[{"a":1,"b":2}]'),
        ("{{ range(3) | map('string') | list }} {{ range(3) | sum }}", '["0","1","2"] 3'),
        ("{{ s | sort }} {{ 1 in s }} {{ 5 not in s }}", "[1,2] true true"),
        ("{{ 'a very long text' | truncate(6) }} {{ 'x y' | wordcount }} {{ ' a ' | trim }}", "a... 2 a"),
        ("{{ '3' | int + 1 }} {{ 'x' | int(7) }} {{ '2.5' | float }} {{ -2 | abs }}", "4 7 2.5 2"),
        ("{{ 'a b' | urlencode }} {{ 'ab' | title }} {{ 'AB' | lower }} {{ 'ab' | capitalize }}", "a%20b Ab ab Ab"),
    ],
)
def test_filters_give_what_they_do_in_jinja(text: str, result: str) -> None:
    assert said(text, x=[3, 1, 2], s={1, 2}) == result


@pytest.mark.parametrize(
    "filter",
    [
        *("list", "sort", "max", "min", "unique", "reverse", "select", "reject", "sum", "join", "map('string')"),
        *("map(attribute='x')", "groupby('real')", "selectattr('real')", "join(attribute='real')"),
    ],
)
@pytest.mark.slow
def test_no_filter_goes_through_what_has_no_end(filter: str) -> None:
    for endless in (Endless(), itertools.count()):
        told = failure(f"{{{{ x | {filter} }}}}", x=endless)
        assert any(words in told for words in ("goes round too often", "more than 4,000,000", "has no"))


@pytest.mark.slow
def test_nothing_is_looked_for_without_end() -> None:
    assert said("{{ 5 in x }} {{ x | first }}", x=Endless()) == "true 0"
    assert "goes round too often" in failure("{{ -1 in x }}", x=Endless())
    assert "goes round too often" in failure("{% for y in x %}{% endfor %}", x=Endless())
    assert "goes round too often" in failure("{{ ', '.join(x) }}", x=Endless())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{{ ('f' * 100000) | int(base=16) }}", "a number of more than 4096 bits"),
        ("{{ ('x' * 1900000) | wordwrap(1) }}", "builds too much"),
        ("{{ ('x' * 3000000) | wordwrap }}", "more than 4,000,000"),
        ("{{ ('x' * 3000000) | sort }}", "builds too much"),
        ("{{ 'x' | center(1001) }}", "a width is at most 1000, not 1001"),
        ("{{ ['x'] | map('center', 1001) | list }}", "a width is at most 1000, not 1001"),
        ("{{ ['x'] | map('replace', 'x', 'y' * 3000000) | map('replace', 'y', 'zz') }}", "more than 4,000,000"),
        ("{{ [[1], 2] | sum }}", "sum adds numbers, not [1]"),
        ("{{ none | list }}", "TypeError: 'NoneType' object is not iterable"),
    ],
)
def test_no_filter_builds_much_from_little(text: str, why: str) -> None:
    assert why in failure(text)


def test_a_long_list_of_a_prompt_is_no_trouble() -> None:
    text = "{{ x | map('string') | select | map('upper') | join(',') | length }}"
    assert said(text, x=list(range(20_000))) == "108889"
