"""Types: which values fit which annotations, and what is said of those that do not."""

from __future__ import annotations

import collections
import datetime
import enum
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, NotRequired, Protocol, TypedDict, TypeVar

import pydantic
import pytest
import typing_extensions

from nbgraph.core.fit import check_types
from nbgraph.core.reducers import append
from nbgraph.core.schema import Private, Schema
from nbgraph.core.state import read_schema
from nbgraph.errors import DeclarationError, UpdateError
from nbgraph.typed import check, type_checks, with_checks

Item = TypeVar("Item")
Score = NewType("Score", int)


class Positive(int):
    pass


class Client:
    pass


class Better(Client):
    pass


class Box(Generic[Item]):
    pass


class Speaks(Protocol):
    def speak(self) -> str: ...


class Colour(enum.Enum):
    RED = 1


class Point(NamedTuple):
    x: int


@dataclass
class Draft:
    title: str
    client: Client | None = None


class Model(pydantic.BaseModel):
    title: str


class Options(TypedDict):
    size: int
    model: NotRequired[Model]
    client: NotRequired[Client]


class Sealed(typing_extensions.TypedDict, total=False):
    size: typing_extensions.ReadOnly[int]
    model: typing_extensions.Required[Model]


class Tree(TypedDict):
    name: str
    children: list[Tree]


fitting = [
    (int, [1, Positive(2)]),
    (float, [1.5, 1]),
    (str, ["a"]),
    (Client, [Client(), Better()]),
    (Draft, [Draft("a"), Draft(5)]),  # type: ignore[arg-type]
    (list[Draft], [[Draft("a")]]),
    (Model, [Model(title="a")]),
    (dict[str, Model], [{"a": Model(title="a")}]),
    (
        Options,
        [{"size": 1}, {"size": 1, "more": 2}, {"size": 1, "model": Model(title="a")}, collections.OrderedDict(size=1)],
    ),
    (list[Options], [[{"size": 1}]]),
    (Tree, [{"name": "a", "children": [{"name": "b", "children": []}]}]),
    (Literal["a", "b"], ["a"]),
    (Literal[Colour.RED], [Colour.RED]),
    (Colour, [Colour.RED]),
    (Score, [1]),
    (int | str | None, [1, "a", None]),
    (Annotated[int, pydantic.Field(ge=0)], [0]),
    (list[Annotated[int, pydantic.Field(ge=0)]], [[0, 1]]),
    (dict[str, int], [{}, collections.defaultdict(int, a=1), collections.Counter("a")]),
    (list[int], [[], [Positive(1)]]),
    (tuple[int, str], [(1, "a")]),
    (Point, [Point(1)]),
    (list[Point], [[Point(1)]]),
    (Sequence[str], [["a"], ("a",)]),
    (Iterator[int], [iter([1])]),
    (Callable[[int], int], [len, int]),
    (type[Client], [Better]),
    (Box[int], [Box()]),
    (list[Box[int]], [[Box()]]),
    (Speaks, [1]),
    (list[Speaks], [[1]]),
    (Decimal, [Decimal(1)]),
    (Path, [Path("a")]),
    (datetime.datetime, [datetime.datetime(2024, 1, 1)]),
    (Any, [1]),
]
NOT_THE_TYPE = ""  # the types that are told anyway say enough
not_fitting: list[tuple[Any, Any, str, str]] = [
    (int, "a", "", NOT_THE_TYPE),
    (int, 1.0, "", NOT_THE_TYPE),
    (int, True, "", NOT_THE_TYPE),
    (float, "1", "", NOT_THE_TYPE),
    (str, b"a", "", NOT_THE_TYPE),
    (Client, 1, "", NOT_THE_TYPE),
    (Draft, {"title": "a"}, "", "it should be an instance of Draft, which Draft(**value) makes of a dict"),
    (Model, {"title": "a"}, "", "it should be an instance of Model, which Model(**value) makes of a dict"),
    (list[Model], [{"title": "a"}], "[0]", "it should be an instance of Model, which Model(**value) makes of a dict"),
    (Options, {"size": 1, "model": {"title": "a"}}, "['model']", "it should be an instance of Model, which Model("),
    (Options, {"size": "a"}, "['size']", "it should be a valid integer"),
    (Options, {"size": 1, "client": 5}, "['client']", "it should be an instance of Client"),
    (Options, {}, "", "'size' is missing"),
    (list[Options], [{"size": 1}, {}], "[1]", "'size' is missing"),
    (Tree, {"name": "a", "children": [1]}, "['children'][0]", "it should be a valid dictionary"),
    (Sealed, {"size": 1}, "", "'model' is missing"),
    (Sealed, {"size": "a", "model": Model(title="a")}, "['size']", "it should be a valid integer"),
    (Sealed, {"model": {"title": "a"}}, "['model']", "it should be an instance of Model"),
    (Literal["a", "b"], "c", "", "it should be 'a' or 'b'"),
    (Colour, 1, "", NOT_THE_TYPE),
    (Score, "a", "", NOT_THE_TYPE),
    (int | str | None, 1.5, "", NOT_THE_TYPE),
    (list[int] | dict[str, int], [1, "a"], "[1]", "it should be a valid integer"),
    (list[int] | dict[str, int], {"a": "b"}, "['a']", "it should be a valid integer"),
    (list[int | str], [1.5], "[0]", "it should be a valid integer or it should be a valid string"),
    (Annotated[int, pydantic.Field(ge=0)], -1, "", "it should be greater than or equal to 0"),
    (NewType("P", Annotated[int, pydantic.Field(ge=0)]), -1, "", "it should be greater"),  # type: ignore[valid-newtype]
    (list[Annotated[int, pydantic.Field(ge=0)]], [-1], "[0]", "it should be greater than or equal to 0"),
    (Annotated[list[str], pydantic.Field(min_length=1)], [], "", "List should have at least 1 item"),
    (list[str], ["a", 5], "[1]", "it should be a valid string"),
    (list[str], ("a",), "", NOT_THE_TYPE),
    (dict[str, list[int]], {"a": [1, "b"]}, "['a'][1]", "it should be a valid integer"),
    (dict[str, int], {1: 1}, "{}", "the key should be a valid string"),
    (set[str], {1}, "{}", "it should be a valid string"),
    (tuple[int, str], (1,), "", "1 is missing"),
    (Point, (1,), "", NOT_THE_TYPE),
    (Sequence[str], "ab", "", "'str' instances are not allowed"),
    (Callable[[int], int], 1, "", NOT_THE_TYPE),
    (type[Client], int, "", "it should be a subclass of Client"),
    (Box[int], 1, "", NOT_THE_TYPE),
    (list[Speaks], 1, "", NOT_THE_TYPE),
    (datetime.date, datetime.datetime(2024, 1, 1), "", NOT_THE_TYPE),
]


@pytest.mark.parametrize(("hint", "values"), fitting)
def test_a_value_fits_its_type(hint: Any, values: list[Any]) -> None:
    checked = check(hint)
    assert [misfit for value in values * 2 if (misfit := checked(value))] == []


@pytest.mark.parametrize(("hint", "value", "path", "why"), not_fitting)
def test_a_value_that_does_not_fit_is_told_with_its_place_and_reason(
    hint: Any, value: Any, path: str, why: str
) -> None:
    misfit = check(hint)(value)
    assert misfit is not None
    assert misfit.path == path
    assert misfit.why.startswith(why)
    assert bool(misfit.why) == bool(why)


def test_a_check_changes_no_value_and_uses_up_no_iterator() -> None:
    numbers = iter([1, 2])
    assert check(Iterator[int])(numbers) is None
    assert list(numbers) == [1, 2]


def refuse(value: Any) -> Any:
    raise KeyError("no such thing")


def test_a_validator_of_ones_own_that_fails_makes_no_traceback() -> None:
    misfit = check(Annotated[int, pydantic.AfterValidator(refuse)])(1)
    assert misfit is not None
    assert misfit.why == "its validator raised KeyError: 'no such thing'"


def test_a_validator_of_ones_own_says_why() -> None:
    def even(value: int) -> int:
        if value % 2:
            raise ValueError("it is odd")
        return value

    misfit = check(Annotated[int, pydantic.AfterValidator(even)])(1)
    assert misfit is not None
    assert misfit.why == "Value error, it is odd"


# -- what pydantic does not know ---------------------------------------------------------------------------------------


class Odd(Generic[Item]):
    error: Exception

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        raise cls.error


@pytest.mark.parametrize(
    "error", [TypeError("not for pydantic"), pydantic.PydanticUserError("not for pydantic", code=None)]
)
def test_what_pydantic_does_not_know_is_checked_by_its_class(error: Exception) -> None:
    Odd.error = error
    assert check(Odd[int])(Odd()) is None
    misfit = check(Odd[int])(1)
    assert misfit is not None
    assert misfit.wanted == "Odd[int]"


def test_what_is_no_class_either_is_not_checked() -> None:
    assert check("no type at all")(1) is None


# -- schemas -----------------------------------------------------------------------------------------------------------


def make_client() -> Client:
    return Client()


class Essay:
    topic: str
    anything: Any
    client: Annotated[Client, Private(make_client)]
    rounds: int = 0
    drafts: Annotated[list[Draft], append] = field(default_factory=list)


def test_a_schema_has_checks_for_its_types_and_none_for_private_keys() -> None:
    assert set(with_checks(read_schema(Essay)).checks) == {"topic", "rounds", "drafts"}


def test_an_update_is_checked_against_the_class() -> None:
    schema = with_checks(read_schema(Essay))
    check_types("write", {"topic": "bees", "drafts": Draft("a"), "anything": object()}, schema)
    with pytest.raises(
        UpdateError, match=r"write wrote drafts = \{'title': 'a'\} \(dict\), but an item of drafts is Draft"
    ):
        check_types("write", {"drafts": {"title": "a"}}, schema)
    with pytest.raises(UpdateError, match=r"write wrote topic = 5 \(int\), but topic is str"):
        check_types("write", {"topic": 5}, schema)


@pytest.mark.parametrize(("annotation", "default"), [("str", None), ("list[str]", ["a", 1]), ("Draft", {})])
def test_a_default_has_to_fit(annotation: str, default: Any) -> None:
    declared = type("Wrong", (), {"__annotations__": {"a": annotation}, "a": default, "__module__": __name__})
    with pytest.raises(DeclarationError, match=r"the default a.* but a is"):
        with_checks(read_schema(declared))


LAZY = """
import json, sys
from dataclasses import dataclass, field
from typing import Annotated
from nbgraph.core.fit import check_types
from nbgraph.core.reducers import append
from nbgraph.core.state import read_schema
from nbgraph.typed import with_checks

@dataclass
class Draft:
    title: str

class Essay:
    topic: str
    score: float = 0
    notes: Annotated[list[str], append] = []
    drafts: list[Draft] = field(default_factory=list)
    options: dict[str, int | None] = {}

seen = []
schema = with_checks(read_schema(Essay))
seen.append("pydantic" in sys.modules)
check_types("n", {"topic": "bees", "score": 1, "notes": "a", "drafts": [Draft("a")], "options": {"a": None}}, schema)
seen.append("pydantic" in sys.modules)
try:
    check_types("n", {"score": "high"}, schema)
except Exception as error:
    seen += ["pydantic" in sys.modules, str(error)]
print(json.dumps(seen))
"""


@pytest.mark.slow
def test_pydantic_is_imported_where_a_value_is_not_plainly_right_and_not_before() -> None:
    ran = subprocess.run([sys.executable, "-c", LAZY], capture_output=True, text=True, check=True, timeout=60)
    declared, checked, refused, told = json.loads(ran.stdout)
    assert (declared, checked, refused) == (False, False, True)
    assert told.startswith("n wrote score = 'high' (str), but score is float. ")


def test_checks_are_made_without_a_look_at_the_types() -> None:
    assert set(type_checks(Schema(annotations={"a": "no type at all", "b": Any}))) == {"a"}
