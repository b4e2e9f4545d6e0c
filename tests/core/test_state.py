"""State: what a class declares, whatever kind of class it is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import KW_ONLY, InitVar, dataclass, field
from typing import Annotated, Any, ClassVar, Final, NotRequired, TypedDict

import pydantic
import pytest

from nbgraph.core.reducers import append, extend
from nbgraph.core.schema import Fresh, Private
from nbgraph.core.state import read_schema
from nbgraph.errors import DeclarationError


def make_client() -> object:
    return object()


def test_a_class_declares_keys_defaults_and_reducers() -> None:
    class Essay:
        topic: str
        rounds: int = 0
        notes: Annotated[list[str], "read by people", append] = []

    schema = read_schema(Essay)
    assert schema.keys == ("topic", "rounds", "notes")
    assert schema.defaults == {"rounds": 0, "notes": []}
    assert schema.reducers == {"notes": append}
    assert schema.annotations["topic"] is str


def test_inherited_keys_and_defaults_count() -> None:
    class Base:
        a: int = 1

    class Derived(Base):
        b: int

    schema = read_schema(Derived)
    assert set(schema.keys) == {"a", "b"}
    assert schema.defaults == {"a": 1}


def test_a_typed_dict_declares_keys_too() -> None:
    class Essay(TypedDict):
        topic: str
        log: Annotated[list[str], append]

    schema = read_schema(Essay)
    assert (schema.keys, schema.defaults, schema.reducers) == (("topic", "log"), {}, {"log": append})


def test_a_key_of_a_typed_dict_may_be_named_like_a_method_of_a_dict() -> None:
    class Order(TypedDict):
        items: list[str]

    assert read_schema(Order).defaults == {}


@pytest.mark.parametrize("key", ["mro", "__class__", "__subclasses__"])
def test_a_key_that_every_class_has_an_attribute_for_has_no_default_by_that(key: str) -> None:
    declared = type("Odd", (), {"__annotations__": {key: str}})
    assert read_schema(declared).defaults == {}


def test_an_annotation_without_a_reducer_is_no_reducer() -> None:
    class Plain:
        a: Annotated[int, "a remark"]

    assert read_schema(Plain).reducers == {}


def test_a_class_without_keys_is_refused() -> None:
    with pytest.raises(DeclarationError, match="class Empty declares no key"):
        read_schema(type("Empty", (), {}))


def test_a_default_without_an_annotation_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"Odd\.topic has no annotation"):
        read_schema(type("Odd", (), {"__annotations__": {"a": int}, "topic": ""}))


def test_two_reducers_for_one_key_are_refused() -> None:
    class Two:
        a: Annotated[list[int], append, extend]

    with pytest.raises(DeclarationError, match="'a' has 2 reducers"):
        read_schema(Two)


@pytest.mark.parametrize("key", ["error", "step", "END"])
def test_reserved_keys_are_refused(key: str) -> None:
    with pytest.raises(DeclarationError, match=f"{key!r} is a reserved word and cannot name a key"):
        read_schema(type("Odd", (), {"__annotations__": {key: int}}))


def test_an_annotation_that_cannot_be_found_says_what_to_do() -> None:
    with pytest.raises(DeclarationError, match="class Odd: name 'Missing' is not defined; import it"):
        read_schema(type("Odd", (), {"__annotations__": {"a": "Missing"}}))


@pytest.mark.parametrize("annotation", ["1 +", "int.nothing"])
def test_an_annotation_that_cannot_be_read_is_refused_with_a_sentence(annotation: str) -> None:
    with pytest.raises(DeclarationError, match="class Odd"):
        read_schema(type("Odd", (), {"__annotations__": {"a": annotation}}))


def test_a_reducer_named_by_a_text_is_refused() -> None:
    declared = type("State", (), {"__annotations__": {"log": Annotated[list, "extend"]}})
    with pytest.raises(DeclarationError, match="from nbgraph import extend"):
        read_schema(declared)


def test_a_reducer_that_takes_no_two_values_is_refused() -> None:
    class Odd:
        a: Annotated[list[int], make_client]

    with pytest.raises(DeclarationError, match=r"'a' has the reducer make_client\(\)"):
        read_schema(Odd)


def test_a_default_that_cannot_be_copied_is_refused_with_the_remedy() -> None:
    class Odd:
        lock: Any = threading.Lock()

    with pytest.raises(
        DeclarationError, match=r"the default of the key 'lock' cannot be copied .*Private\(make_lock\)"
    ):
        read_schema(Odd)


# -- private keys ------------------------------------------------------------------------------------------------------


def test_a_private_key_has_a_factory_and_neither_default_nor_reducer() -> None:
    class Essay:
        topic: str
        client: Annotated[object, "live", Private(make_client)]

    schema = read_schema(Essay)
    assert schema.keys == ("topic", "client")
    assert schema.private == {"client": Private(make_client)}
    assert "client" in schema.annotations
    assert "client" not in {**schema.defaults, **schema.reducers}


@pytest.mark.parametrize(
    ("extras", "told"),
    [
        ((Private,), r"'client' is private without a factory; write Annotated\[..., Private\(make_client\)\]"),
        ((Private(make_client), Private(list)), "'client' has 2 factories; keep one"),
        ((Private(make_client), append), "'client' is private, so no node writes it and it takes no reducer"),
    ],
)
def test_a_private_key_that_makes_no_sense_is_refused(extras: tuple[Any, ...], told: str) -> None:
    declared = type("Odd", (), {"__annotations__": {"client": Annotated[(object, *extras)]}})
    with pytest.raises(DeclarationError, match=told):
        read_schema(declared)


def test_a_private_key_takes_no_default() -> None:
    class Odd:
        client: Annotated[object, Private(make_client)] = None

    with pytest.raises(DeclarationError, match="'client' is private, so its factory makes it and it takes no default"):
        read_schema(Odd)


def test_a_factory_that_is_none_is_told_with_the_name_of_the_class() -> None:
    declared = type("Odd", (), {"__annotations__": {"client": "Annotated[object, Private('make_client')]"}})
    declared.__module__ = __name__
    with pytest.raises(DeclarationError, match="class Odd: Private needs a factory"):
        read_schema(declared)


# -- kinds of classes --------------------------------------------------------------------------------------------------


class Plain:
    topic: str
    rounds: int = 0
    notes: Annotated[list[str], append] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)


@dataclass
class AsDataclass:
    topic: str
    _: KW_ONLY
    rounds: int = 0
    notes: Annotated[list[str], append] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)


@dataclass(slots=True, frozen=True)
class WithSlots:
    topic: str
    rounds: int = field(default=0)
    notes: Annotated[list[str], append] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)


class AsModel(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True)

    topic: str
    rounds: int = 0
    notes: Annotated[list[str], append] = []
    tags: set[str] = pydantic.Field(default_factory=set)


class WithFields:
    topic: str = pydantic.Field()
    rounds: int = pydantic.Field(0, ge=0)
    notes: Annotated[list[str], append] = pydantic.Field(default_factory=list)
    tags: set[str] = pydantic.Field(default_factory=set)


@pytest.mark.parametrize("declared", [Plain, AsDataclass, WithSlots, AsModel, WithFields])
def test_every_kind_of_class_gives_the_same_schema(declared: type) -> None:
    schema = read_schema(declared)
    assert schema.keys == ("topic", "rounds", "notes", "tags")
    assert schema.reducers == {"notes": append}
    assert schema.defaults["tags"] == Fresh(set)
    assert schema.fresh_defaults() == {"rounds": 0, "notes": [], "tags": set()}


def test_what_a_derived_class_gives_counts() -> None:
    class Derived(AsDataclass):
        rounds: int = 5
        extra: list[int] = field(default_factory=lambda: [1])

    assert read_schema(Derived).fresh_defaults() == {"rounds": 5, "notes": [], "tags": set(), "extra": [1]}


def test_a_derived_dataclass_may_take_a_default_back() -> None:
    @dataclass(kw_only=True)
    class Derived(AsDataclass):
        rounds: int = field()

    assert "rounds" not in read_schema(Derived).defaults


def test_a_model_keeps_its_constraints_and_private_keys() -> None:
    class Model(pydantic.BaseModel):
        score: int = pydantic.Field(ge=0)
        client: Annotated[object, Private(make_client)]

    schema = read_schema(Model)
    assert schema.private == {"client": Private(make_client)}
    assert "Ge(ge=0)" in str(schema.annotations["score"])
    assert schema.defaults == {}


def test_a_model_with_an_unknown_type_says_what_to_do() -> None:
    model = type("Odd", (pydantic.BaseModel,), {"__annotations__": {"a": "Missing"}, "__module__": __name__})
    with pytest.raises(DeclarationError, match="class Odd names a type that is not defined; import it"):
        read_schema(model)


def test_a_factory_that_looks_at_other_fields_is_refused() -> None:
    class Odd(pydantic.BaseModel):
        a: int = 1
        b: int = pydantic.Field(default_factory=lambda data: data["a"])

    with pytest.raises(DeclarationError, match="the default factory of the key 'b' takes other fields"):
        read_schema(Odd)


def method(self: object) -> None: ...


@pytest.mark.parametrize("bases", [(), (pydantic.BaseModel,)])
def test_a_method_is_refused_for_it_would_never_be_called(bases: tuple[type, ...]) -> None:
    declared = type("Odd", bases, {"__annotations__": {"a": int}, "total": method, "__module__": __name__})
    with pytest.raises(DeclarationError, match=r"Odd\.total is no key; a state class holds keys alone"):
        read_schema(declared)


def test_what_is_no_field_is_no_key() -> None:
    @dataclass
    class Odd:
        a: int
        limit: ClassVar[int] = 3
        seed: InitVar[int] = 0

    assert (read_schema(Odd).keys, read_schema(Odd).defaults) == (("a",), {})


def test_qualifiers_are_no_part_of_the_type() -> None:
    class Odd(TypedDict):
        a: NotRequired[Annotated[list[int], append]]

    class Fixed:
        a: Final[int] = 1

    assert read_schema(Odd).reducers == {"a": append}
    assert read_schema(Fixed).annotations == {"a": int}


def test_a_class_or_function_as_a_default_stays_what_it_is() -> None:
    class Odd:
        kind: type = AsModel
        call: Callable[[], object] = make_client

    assert read_schema(Odd).fresh_defaults() == {"kind": AsModel, "call": make_client}


def test_a_key_named_like_a_mark_of_pydantic_makes_no_model() -> None:
    class Odd:
        model_fields: dict[str, int] = {}

    assert read_schema(Odd).keys == ("model_fields",)
