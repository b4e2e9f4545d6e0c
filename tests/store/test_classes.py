"""Classes: found by the names under which they were met, and by no others."""

from __future__ import annotations

from dataclasses import dataclass, field, make_dataclass
from enum import Enum
from typing import Annotated, Any, NamedTuple, NewType, Optional, TypedDict

import pytest
from pydantic import BaseModel

from nbgraph.errors import DeclarationError
from nbgraph.store import classes as module
from nbgraph.store.classes import KNOWN, Classes, register
from nbgraph.store.codec import pack, unpack

HERE = __name__


class Kind(Enum):
    A = 1


class Other(Enum):
    B = 1


class Leaf(BaseModel):
    kind: Kind


class Pair(NamedTuple):
    leaf: Leaf


@dataclass
class Twig:
    pairs: dict[str, list[Pair]]
    other: Annotated[Optional[Other], "note"] = None  # noqa: UP045
    parent: Twig | None = None


Named = NewType("Named", Twig)


@dataclass
class Broken:
    twig: Twig
    gone: Nowhere  # type: ignore[name-defined]  # noqa: F821
    also: list[int] = field(default_factory=list)


class State(TypedDict):
    twig: Named


class Plain:
    pass


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KNOWN, "_known", {})


def names(classes: Classes) -> set[str]:
    return {
        name
        for name in ("Kind", "Other", "Leaf", "Pair", "Twig", "Broken", "State", "Plain")
        if classes.find(HERE, name)
    }


def added(cls: Any) -> set[str]:
    classes = Classes()
    classes.add(cls)
    return names(classes)


def test_a_class_brings_those_that_its_annotations_name() -> None:
    assert added(Twig) == {"Kind", "Other", "Leaf", "Pair", "Twig"}
    assert added(State) == added(Twig)
    assert added(list[Leaf] | None) == {"Kind", "Leaf"}


def test_an_annotation_that_leads_nowhere_is_passed_over() -> None:
    assert "Broken" in added(Broken)


def test_a_class_without_fields_is_not_added() -> None:
    assert added(Plain) == set()
    assert added(int) == set()


def test_only_the_very_name_finds_a_class() -> None:
    classes = Classes()
    classes.add(Twig)
    assert classes.find(HERE, "Twig") is Twig
    assert classes.find("elsewhere", "Twig") is None
    assert classes.find(HERE, "Twig.Kind") is None


def test_register_makes_a_class_known_and_gives_it_back() -> None:
    assert register(Leaf) is Leaf
    assert names(KNOWN) == {"Leaf", "Kind"}


@pytest.mark.parametrize("cls", [Plain, int, 5, print, Leaf(kind=Kind.A)])
def test_register_refuses_what_is_never_stored(cls: Any) -> None:
    with pytest.raises(DeclarationError, match="no dataclass"):
        register(cls)


def test_packing_a_value_makes_its_class_known() -> None:
    data = pack([Leaf(kind=Kind.A)])
    assert names(KNOWN) == {"Leaf", "Kind"}
    assert unpack(data, KNOWN) == [Leaf(kind=Kind.A)]


def version(name: str = "Report") -> type:
    made = make_dataclass("Report", [("x", int)])
    made.__module__, made.__qualname__ = HERE, name
    return made


def test_a_class_that_was_declared_again_is_the_one_that_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = version(), version()
    monkeypatch.setitem(globals(), "Report", old)
    pack(old(1))
    monkeypatch.setitem(globals(), "Report", new)
    data = pack(new(1))
    assert type(unpack(data, KNOWN)) is new
    pack(old(1))  # a value of the old class is still about
    assert type(unpack(data, KNOWN)) is new


def test_the_lookup_of_a_notebook_comes_first() -> None:
    old, new = version(), version()
    cells = {"Report": new, "Wrong": version("Other"), "number": 5, "Plain": Plain}
    classes = Classes(cells.get)
    classes.add(old)
    assert classes.find(HERE, "Report") is new
    del cells["Report"]
    assert classes.find(HERE, "Report") is old
    for name in ("Wrong", "number", "Plain", "nothing", "a.b", ""):
        assert classes.find(HERE, name) is None


def test_a_table_shows_its_classes() -> None:
    classes = Classes()
    assert repr(classes) == "<Classes none>"
    classes.add(Leaf)
    assert repr(classes) == "<Classes Kind, Leaf>"


def test_pydantic_is_not_needed_to_know_what_is_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(module.sys.modules, "pydantic.main")
    assert not module.is_model(Plain)
