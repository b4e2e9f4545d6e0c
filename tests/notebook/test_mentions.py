"""mentions: names on a magic's line are looked up in the notebook, and never evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Annotated, Any, Literal, NewType

import pytest

from nbgraph.errors import TextError
from nbgraph.notebook import mentions
from nbgraph.notebook.option_lines import Calling, Word
from nbgraph.notebook.options import FORM, ON, RETRY_ON, Option


class Busy(Exception):
    pass


@dataclass
class Rating:
    stars: int


Grade = Literal["good", "bad"]
Stars = NewType("Stars", int)


@pytest.fixture
def variables() -> Iterator[dict[str, Any]]:
    """A notebook's namespace."""
    models = SimpleNamespace(Rating=Rating, limit=3)
    kinds = {"Busy": Busy, "Rating": Rating, "Grade": Grade, "Stars": Stars, "_Hidden": Rating}
    with ThreadPoolExecutor(1) as pool:
        yield {**kinds, "pool": pool, "models": models, "limit": 3, "maybe": int | None}


@pytest.mark.parametrize(
    ("option", "text", "expected"),
    [
        (RETRY_ON, "TimeoutError", TimeoutError),
        (RETRY_ON, "Busy", Busy),
        (FORM, "int", int),
        (FORM, "Rating", Rating),
        (FORM, "models.Rating", Rating),
        (FORM, "Grade", Grade),
        (FORM, "Stars", Stars),
        (FORM, "maybe", int | None),
        (FORM, "_Hidden", Rating),
        (ON, "process", "process"),
    ],
)
def test_a_name_stands_for_what_the_notebook_holds(
    variables: dict[str, Any], option: Option, text: str, expected: Any
) -> None:
    assert mentions.found(option, Word(text), variables) == expected


def test_an_executor_is_found_by_its_variable(variables: dict[str, Any]) -> None:
    assert isinstance(mentions.found(ON, Word("pool"), variables), Executor)


def test_a_variable_goes_before_a_name_of_python() -> None:
    assert mentions.found(RETRY_ON, Word("TimeoutError"), {"TimeoutError": Busy}) is Busy


def test_thread_is_never_a_variable(variables: dict[str, Any]) -> None:
    assert mentions.found(ON, Word("thread"), {"thread": variables["pool"]}) == "thread"


@pytest.mark.parametrize(
    ("option", "text", "sentence"),
    [
        (RETRY_ON, "TimoutError", "the notebook knows no 'TimoutError'; did you mean 'TimeoutError'?"),
        (RETRY_ON, "Buzy", "the notebook knows no 'Buzy'; did you mean 'Busy'?"),
        (RETRY_ON, "limit", "--retry-on takes kinds of errors, and 'limit' is 3."),
        (RETRY_ON, "int", "the notebook knows no 'int'"),
        (RETRY_ON, "Rating", "--retry-on takes kinds of errors, and 'Rating' is <class"),
        (ON, "proces", "the notebook knows no 'proces'; did you mean 'process'?"),
        (ON, "limit", "--on takes thread, process or an executor of concurrent.futures, and 'limit' is 3."),
        (FORM, "Ratin", "the notebook knows no 'Ratin'; did you mean 'Rating'?"),
        (FORM, "models.Ratin", "the notebook knows no 'models.Ratin'"),
        (FORM, "nowhere.__class__", "the notebook knows no 'nowhere.__class__'"),
        (FORM, "models.limit", "--form takes a type, and 'models.limit' is 3."),
        (FORM, "print", "the notebook knows no 'print'"),
        (FORM, "pool", "--form takes a type, and 'pool' is <"),
    ],
)
def test_a_name_that_stands_for_nothing_fitting_is_refused(
    variables: dict[str, Any], option: Option, text: str, sentence: str
) -> None:
    with pytest.raises(TextError) as caught:
        mentions.found(option, Word(text, 4, f"an {text}"), variables)
    assert sentence in caught.value.message
    assert str(caught.value).endswith(f"    an {text}\n       ^")


def test_an_attribute_that_raises_is_no_name() -> None:
    class Hostile:
        @property
        def kind(self) -> type:
            raise RuntimeError

    with pytest.raises(TextError, match=r"knows no .it\.kind."):
        mentions.found(FORM, Word("it.kind"), {"it": Hostile()})


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (RETRY_ON, {*RETRY_ON.choices, "Busy"}),
        (ON, {"thread", "process", "pool"}),
        (FORM, {*FORM.choices, "Busy", "Rating", "Grade", "Stars", "maybe"}),
    ],
)
def test_what_is_offered_are_the_usual_ones_and_those_of_the_notebook(
    variables: dict[str, Any], option: Option, expected: set[str]
) -> None:
    assert set(mentions.offered(option, variables)) == expected


def test_calling_becomes_arguments_of_graph_node(variables: dict[str, Any]) -> None:
    said = Calling(retry=3, retry_on=(Word("Busy"), Word("OSError")), cache=True, on=Word("pool"))
    assert mentions.calling(said, variables) == {
        "retry": 3,
        "retry_on": (Busy, OSError),
        "cache": True,
        "on": variables["pool"],
    }


def test_calling_says_nothing_where_nothing_was_said() -> None:
    assert mentions.calling(Calling(), {}) == {}


def test_a_type_with_remarks_is_a_type() -> None:
    kind = Annotated[int, "stars"]
    assert mentions.found(FORM, Word("kind"), {"kind": kind}) == kind
