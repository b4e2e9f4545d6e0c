"""Types with values of theirs, as tools take them and models answer with them."""

from __future__ import annotations

import datetime
import enum
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, NotRequired

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

FEW = settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
SOME = settings(FEW, max_examples=40)
MANY = settings(FEW, max_examples=400)


class Colour(enum.Enum):
    RED = "red"
    BLUE = 2


class Size(enum.StrEnum):
    SMALL = "small"
    LARGE = "large"


class Paper(BaseModel):
    """A paper."""

    title: str = Field(min_length=1, description="what it is called")
    year: int = 2020
    kind: Literal["book", "article"] | None = None


@dataclass
class Shelf:
    name: str
    papers: list[Paper] = field(default_factory=list)


class Place(TypedDict):
    town: str
    zip: NotRequired[int]


class Point(NamedTuple):
    x: int
    y: float = 0.5


class Tree(BaseModel):
    name: str
    children: list[Tree] = []


numbers = st.floats(allow_nan=False, allow_infinity=False)
integers = st.integers(-(2**63), 2**63)
papers = st.builds(Paper, title=st.text(min_size=1), year=integers, kind=st.sampled_from(["book", "article", None]))
shelves = st.builds(Shelf, st.text(), st.lists(papers, max_size=2))
trees = st.recursive(
    st.builds(Tree, name=st.text()),
    lambda inner: st.builds(Tree, name=st.text(), children=st.lists(inner, max_size=2)),
    max_leaves=4,
)
KINDS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (str, st.text()),
    (int, integers),
    (float, numbers),
    (bool, st.booleans()),
    (Literal["a", "b", 3], st.sampled_from(["a", "b", 3])),
    (Colour, st.sampled_from(Colour)),
    (Size, st.sampled_from(Size)),
    (int | None, integers | st.none()),
    (Annotated[int, Field(ge=1)], st.integers(1, 9)),
    (list[str], st.lists(st.text(), max_size=3)),
    (set[int], st.sets(integers, max_size=3)),
    (list[int | str], st.lists(integers | st.text(), max_size=3)),
    (datetime.datetime, st.datetimes(timezones=st.none() | st.just(datetime.UTC))),
    (datetime.date, st.dates()),
    (uuid.UUID, st.uuids()),
    (Decimal, st.decimals(allow_nan=False, allow_infinity=False, places=2)),
    (Paper, papers),
    (Shelf, shelves),
    (Tree, trees),
    (list[Paper] | None, st.lists(papers, max_size=2) | st.none()),
    (Place, st.fixed_dictionaries({"town": st.text()}, optional={"zip": integers})),
]
LOOSE: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (dict[str, int], st.dictionaries(st.text(), integers, max_size=3)),
    (tuple[int, str], st.tuples(integers, st.text())),
    (Point, st.builds(Point, integers, numbers)),
    (Any, st.none() | st.booleans() | integers | st.text() | st.lists(integers, max_size=2)),
]
"""Those of which no schema that endpoints hold a model to says all."""
