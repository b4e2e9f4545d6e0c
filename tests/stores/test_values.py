"""Values of many types are read exactly as they were written, wherever a record holds them."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from nbgraph.core.ports import Store
from nbgraph.core.records import ItemDone, Recorded, RunRecord
from nbgraph.core.updates import Gathered, Overwrite
from tests.stores.writing import answer, ask, exact, question, read, record, step, write

Again = Callable[[Store], Store]


class Colour(enum.Enum):
    RED = "red"
    GREEN = 2


class Level(enum.IntEnum):
    LOW = 1


class Flags(enum.Flag):
    A = 1
    B = 2


@dataclass
class Point:
    x: int
    y: float = 0.5
    tags: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Line:
    ends: tuple[Point, Point]
    colour: Colour


class Person(BaseModel):
    name: str
    born: date
    points: list[Point] = []


PLAIN: list[Any] = [
    None,
    True,
    0,
    -(2**63),
    2**64,
    2**4000,
    0.1,
    -0.0,
    float("inf"),
    1j,
    "",
    "\x00 é \N{DUCK}",
    b"",
    bytearray(b"ab"),
    (),
    [],
    {},
    set(),
    frozenset({1, "1", (1, 2)}),
    range(1, 9, 2),
    {1: "int", "1": "text", (1, 2): "pair", None: 0, 1.5: 1},
    {"z": 1, "a": 2},
    [(1, [2, (3,)]), {"a": {1, 2}}],
    date(1999, 12, 31),
    time(23, 59, 59, 999_999),
    datetime(2026, 3, 29, 2, 30),
    datetime(2026, 3, 29, 2, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 2, 30, tzinfo=timezone(timedelta(hours=2)), fold=1),
    timedelta(days=-1, microseconds=1),
    Decimal("1.10"),
    Decimal("-Infinity"),
    UUID(int=7),
    PurePosixPath("a/b"),
    Path("a") / "b",
    Colour.RED,
    Level.LOW,
    Flags.A | Flags.B,
    Point(1, 2.0, ["a"]),
    Line((Point(0), Point(1)), Colour.GREEN),
    Person(name="Ada", born=date(1815, 12, 10), points=[Point(3)]),
]


def test_values_of_steps_come_back_exactly(store: Store, reopened: Again) -> None:
    written = [
        (("k", value), ("over", Overwrite(value)), ("all", Gathered((value, None), (True, False)))) for value in PLAIN
    ]
    entries = [step(number)._replace(writes=writes) for number, writes in enumerate(written, 1)]
    write(store.create(record()), *entries)
    assert [exact(entry) for entry in read(reopened(store))] == [exact(entry) for entry in entries]


def test_values_come_back_exactly_wherever_they_are(store: Store, reopened: Again) -> None:
    values = {f"k{place}": value for place, value in enumerate(PLAIN)}
    entries = [Recorded("a#1/step1", "call", list(values.values())), ItemDone("w#1", 0, values)]
    log = store.create(RunRecord("r", "g", values, 1.0), entries)
    asked = replace(question(shown=[*PLAIN]), editable=values)
    ask(log, asked)
    answered = store.answer(asked.id, replace(answer(), edit=values, form=values))
    history = reopened(store).history("r")
    assert exact(history.run.inputs) == exact(values)
    assert exact(history.entries[:2]) == exact(tuple(entries))
    (kept,) = history.approvals
    assert exact((kept.shown, kept.editable)) == exact((asked.shown, asked.editable))
    assert kept.answer is not None
    assert answered.answer is not None
    assert exact((kept.answer.edit, kept.answer.form)) == exact((values, values))


def test_not_a_number_stays_none(store: Store, reopened: Again) -> None:
    write(store.create(record()), step(1, k=float("nan")))
    assert exact(read(reopened(store))) == exact([step(1, k=float("nan"))])


def test_keys_keep_their_order(store: Store, reopened: Again) -> None:
    keys = ["z", "a", "m", "z2", "a2"]
    write(store.create(record()), step(1, **{key: {key: 1, "b": 2} for key in keys}))
    (entry,) = reopened(store).history("r").steps
    assert list(entry.update) == keys


numbers = st.integers() | st.floats(allow_nan=False) | st.decimals(allow_nan=False) | st.booleans()
moments = st.dates() | st.times() | st.datetimes() | st.timedeltas()
simple = st.none() | numbers | moments | st.text() | st.binary() | st.uuids() | st.sampled_from([*Colour, *Level])
hashable = st.recursive(simple, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4)
values = st.recursive(
    simple,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.sets(hashable, max_size=3)
        | st.dictionaries(hashable, inner, max_size=4)
        | st.builds(Overwrite, inner)
        | st.builds(Point, st.integers(), st.floats(allow_nan=False), st.lists(st.text(), max_size=2))
    ),
    max_leaves=12,
)
ids = count()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(written=st.lists(st.dictionaries(st.text(min_size=1), values, max_size=3), min_size=1, max_size=4))
def test_steps_come_back_exactly(store: Store, reopened: Again, written: list[dict[str, Any]]) -> None:
    run_id = f"r{next(ids)}"
    entries = [step(number)._replace(writes=tuple(each.items())) for number, each in enumerate(written, 1)]
    store.create(record(run_id), entries)
    assert exact(read(reopened(store), run_id)) == exact(entries)
