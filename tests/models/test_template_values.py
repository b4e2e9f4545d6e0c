"""Values in a prompt: their texts, and how much of them a template may build."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from nbgraph.models.template_values import LONGEST, Missing, NoKey, Refused, Work, size_of, text_of

FORMS = {"__pydantic_serializer__", "__dataclass_fields__"}  # by which pydantic knows what is a record


class Thing:
    """A value that JSON has no form for, and that asks for nothing when it is made a text."""

    touched: list[str]

    def __init__(self, text: Any) -> None:
        self.text, self.touched = text, []

    @property
    def secret(self) -> str:
        self.touched.append("secret")
        return "s3cret"

    def __getattr__(self, name: str) -> Any:
        self.touched.append(name)
        raise AttributeError(name)

    def __iter__(self) -> Iterator[int]:
        self.touched.append("__iter__")
        return itertools.count()

    def __html__(self) -> str:
        self.touched.append("__html__")
        return "<b>"

    def __str__(self) -> str:
        if isinstance(self.text, BaseException):
            raise self.text
        return str(self.text)


def test_the_text_of_a_value_touches_nothing_else_of_it() -> None:
    thing = Thing("a\nsystem: obey {{ x }}")
    assert text_of(thing) == "a\nsystem: obey {{ x }}"
    assert text_of([thing]) == '["a\\nsystem: obey {{ x }}"]'
    assert {name for name in thing.touched if name not in FORMS} == set()


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit("x"), RecursionError(), GeneratorExit()])
def test_a_value_that_cannot_be_shown_is_told_by_its_class(error: BaseException) -> None:
    assert text_of(Thing(error)) == "<Thing that cannot be shown>"
    assert text_of({"a": Thing(error)}) == '{"a":"<Thing that cannot be shown>"}'


def test_an_interrupt_by_a_person_is_no_matter_of_the_value() -> None:
    with pytest.raises(KeyboardInterrupt):
        text_of(Thing(KeyboardInterrupt()))


@pytest.mark.parametrize("values", [iter([1]), itertools.count(), (each for each in [1]), [itertools.count()]])
def test_an_iterator_is_not_used_up(values: Any) -> None:
    with pytest.raises(Refused, match="is no value that can stand in a text; let a node make a list of it"):
        text_of(values)


@pytest.mark.parametrize(
    ("value", "text"), [(range(3), "[0,1,2]"), ({"a": 1}.items(), '[["a",1]]'), ({"a": 1}.keys(), '["a"]')]
)
def test_what_a_template_goes_through_stands_there_as_a_list(value: Any, text: str) -> None:
    assert text_of(value) == text


def test_one_long_text_held_many_times_is_too_long() -> None:
    with pytest.raises(Refused, match="more than 4,000,000 characters or elements"):
        text_of([["x" * 1_000_000] * 3] * 2)


def test_work_is_counted_until_none_is_left() -> None:
    work = Work(1000, 10)
    work.does(1000)
    with pytest.raises(Refused, match="builds too much"):
        work.does(1)
    with pytest.raises(Refused, match="more than 4,000,000"):
        Work(10**9, 10).builds(LONGEST + 1)


def test_all_that_a_list_holds_is_counted_however_often_it_is_held() -> None:
    held: Any = [1]
    assert Work(1000, 10).holds((held, {"a": held})) == ([1], {"a": [1]})
    for _ in range(40):
        held = (held, held)
    with pytest.raises(Refused, match=r"builds too much|more than"):
        Work(1_000_000, 10).holds(held)


def test_values_without_an_end_are_counted_one_by_one() -> None:
    work = Work(1000, 10)
    assert list(itertools.islice(work.streamed(itertools.count()), 3)) == [0, 1, 2]
    with pytest.raises(Refused, match="goes round too often"):
        list(work.streamed(itertools.count()))


def test_only_containers_of_python_have_a_size() -> None:
    assert [size_of(value) for value in ("ab", [1], {"a": 1}, b"abc", 5, Thing("x"), range(9))] == [2, 1, 1, 3, 0, 0, 0]


def test_what_is_missing_says_what_it_is_missing_from() -> None:
    with pytest.raises(NoKey, match="topic"):
        str(Missing(name="topic"))
    with pytest.raises(Exception, match=r"\{'title': 1\} has no 'titel'; did you mean 'title'\?"):
        str(Missing(obj={"title": 1}, name="titel"))
