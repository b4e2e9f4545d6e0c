"""The codec and the user's classes: read without their code, kept as Unknown where the class is not there."""

from __future__ import annotations

import abc
import copy
import dataclasses
import sys
import threading
from collections import deque, namedtuple
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum, auto
from functools import cached_property
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import pydantic
import pytest
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, RootModel, SecretBytes, SecretStr

from nbgraph.errors import NotStorable, StoreDamaged
from nbgraph.store import codec_forms as codes
from nbgraph.store.classes import Classes, Unknown
from nbgraph.store.codec import pack, unpack
from nbgraph.store.codec_forms import DEPTH
from tests.store.values import is_kept_exactly, mark, there_and_back

T = TypeVar("T")


class Color(Enum):
    RED = 1
    CRIMSON = 1  # noqa: PIE796, another name of the same
    BLUE = (2, "b")
    LOCK = threading.Lock  # a value that is no data


class Level(IntEnum):
    LOW = 1


class Word(StrEnum):
    YES = "yes"


class May(Flag):
    READ = auto()
    WRITE = auto()


class Bits(IntFlag):
    ONE = 1


@dataclass
class Point:
    x: int
    y: Any = 0
    tags: list[str] = field(default_factory=list)
    shared: ClassVar[int] = 5


@dataclass(frozen=True, slots=True)
class Frozen:
    inner: Any
    more: tuple[int, ...] = ()


@dataclass
class Guarded:
    """All its code ends the test: reading must not run any."""

    value: int
    double: int = field(init=False)
    start: InitVar[int] = 0

    def __post_init__(self, start: int) -> None:
        if start != 1:
            raise AssertionError("code of the class has run")
        self.double = self.value * 2

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if name == "value" and value < 0:
            raise AssertionError("code of the class has run")

    def __new__(cls, *given: Any) -> Guarded:
        if not given:
            raise AssertionError("code of the class has run")
        return object.__new__(cls)


@dataclass
class Child(Point):
    z: float = 0.5

    @cached_property
    def length(self) -> float:
        return float(self.x)


@dataclass
class Box(Generic[T]):
    held: T


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self) -> float: ...


@dataclass(order=True)
class Square(Shape):
    side: float

    def area(self) -> float:
        return self.side**2


class Pair(NamedTuple):
    left: Any
    right: Any = None


Old = namedtuple("Old", "a b")


class PairPlus(Pair):
    pass


class Report(BaseModel):
    title: str
    points: list[Point] = []
    color: Color | None = None
    _private: int = PrivateAttr(default=3)

    @pydantic.field_validator("title")
    @classmethod
    def never_when_reading(cls, title: str) -> str:
        if title == "forbidden":
            raise AssertionError("code of the class has run")
        return title


class Open(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)
    a: int = 0


class Names(RootModel[list[str]]):
    pass


class GenericModel(BaseModel, Generic[T]):
    held: T


def report() -> Report:
    made = Report.model_construct(_fields_set={"title"}, title="forbidden")
    made._private = 7
    return made


VALUES = [
    *(Color.RED, Color.CRIMSON, Color.BLUE, Color.LOCK, Level.LOW, Word.YES),
    *(May.READ, May.READ | May.WRITE, May(0), Bits.ONE, Bits(12)),
    *(Point(1), Point(1, [Point(2)], ["t"]), Frozen(Frozen(None), (1,)), Guarded(3, 1), Child(1, z=2.0)),
    *(Box(Box(1)), Box[int](3), Square(2.0)),
    *(Pair(1), Pair(Pair(1), [Color.RED]), Old(1, 2), PairPlus(1, 2)),
    *(Report(title="t"), Report(title="t", points=[Point(1)], color=Color.RED), report()),
    *(Open(a=1), Open(b=[1], c=Color.RED), Names(["a"]), GenericModel[int](held=3), GenericModel(held=Pair(1))),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{type(value).__name__}")
def test_a_value_of_a_class_comes_back_exactly(value: Any) -> None:
    read = there_and_back(value)
    assert type(read) is type(value)
    assert read == value
    assert repr(read) == repr(value)
    assert is_kept_exactly([{"in": (value,)}])


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{type(value).__name__}")
def test_what_is_not_known_is_kept_byte_by_byte(value: Any) -> None:
    data = pack([value, {"again": value}])
    read = unpack(data, Classes())
    assert type(read[0]) is Unknown
    assert pack(read) == data
    assert type(value).__qualname__ in repr(read[0])


def test_all_that_a_model_knows_comes_back() -> None:
    read = there_and_back(report())
    assert (read.model_fields_set, read._private) == ({"title"}, 7)
    assert there_and_back(Open(b=1)).model_extra == {"b": 1}


def test_members_are_the_members_themselves() -> None:
    assert there_and_back({Color.RED: 1}) == {Color.RED: 1}
    assert there_and_back(Color.BLUE) is Color.BLUE


def test_what_a_class_computes_once_is_no_field() -> None:
    child = Child(3)
    assert child.length == 3.0
    assert "length" not in vars(there_and_back(child))


def unknown() -> Any:
    return unpack(pack(Point(1, [Color.RED])), Classes())


def test_an_unknown_value_shows_its_fields_and_says_what_to_do() -> None:
    value = unknown()
    assert repr(value) == "<unknown Point(x=1, y=[<unknown Color(name='RED', value=1)>], tags=[])>"
    with pytest.raises(AttributeError, match=r"Run the cell that declares Point, or nbgraph\.register\(Point\)"):
        _ = value.x


def test_unknown_values_compare_and_copy() -> None:
    assert unknown() == unknown()
    assert len({unknown(), unknown()}) == 1
    assert unknown() != unpack(pack(Point(2)), Classes())
    assert unknown() != 1
    assert copy.deepcopy([unknown()]) == [unknown()]
    assert copy.copy(unknown()) == unknown()


def test_an_unknown_value_is_not_put_too_deep_to_be_read() -> None:
    deep: Any = Point(1)
    for _ in range(DEPTH - 10):
        deep = Point(deep)
    value = unpack(pack(deep), Classes())
    assert pack(unpack(pack([[value]]), Classes())) == pack([[value]])
    for _ in range(20):
        value = [value]
    with pytest.raises(NotStorable, match="levels"):
        pack(value)


def test_a_member_that_is_not_known_can_be_a_key() -> None:
    data = pack({Color.RED: 1})
    assert pack(unpack(data, Classes())) == data


def known(name: str, make: Callable[[], type]) -> Classes:
    """Where another class stands under the name of one of this module."""
    made = make()
    made.__module__, made.__qualname__ = __name__, name
    classes = Classes()
    classes.add(made)
    return classes


def read_as(value: Any, cls: type) -> Any:
    data = pack(value)
    read = unpack(data, known(type(value).__qualname__, lambda: cls))
    assert type(read) is cls or pack(read) == data
    return read


def fields(**defaults: Any) -> type:
    return dataclasses.make_dataclass("New", [(name, Any, default) for name, default in defaults.items()])


def test_a_field_that_came_later_gets_its_default() -> None:
    cls = fields(x=0, y=0, tags=None, new="default", many=field(default_factory=list))
    assert vars(read_as(Point(1), cls)) == {"x": 1, "y": 0, "tags": [], "new": "default", "many": []}


def test_a_field_that_came_later_without_a_default_gives_unknown() -> None:
    assert type(read_as(Point(1), fields(x=0, y=0, tags=0, new=field(kw_only=True)))) is Unknown


def test_a_default_that_is_code_is_not_run() -> None:
    def code() -> None:
        raise AssertionError("code of the class has run")

    assert type(read_as(Point(1), fields(x=0, y=0, tags=0, new=field(default_factory=code)))) is Unknown


def test_a_field_that_is_gone_is_not_dropped() -> None:
    assert type(read_as(Point(1), fields(x=0, y=0))) is Unknown


def test_models_change_likewise() -> None:
    later = pydantic.create_model("New", title=(str, ...), points=(list[Any], []), color=(Any, None), new=(int, 4))
    later.__private_attributes__ = Report.__private_attributes__
    assert read_as(Report(title="t"), later).new == 4
    assert type(read_as(Report(title="t"), pydantic.create_model("New", title=(str, ...)))) is Unknown
    assert read_as(Open(a=1), pydantic.create_model("New", a=(int, 0))).model_extra is None
    assert type(read_as(Open(b=1), pydantic.create_model("New", a=(int, 0)))) is Unknown


@pytest.mark.parametrize("cls", [fields(x=0), Enum("New", "A"), Flag("New", "A"), Old, Names], ids=repr)
@pytest.mark.parametrize("value", [Point(1), Pair(1), Report(title="t"), Color.RED, May.READ, Bits(12)], ids=repr)
def test_a_class_of_another_kind_gives_unknown(value: Any, cls: Any) -> None:
    copied = type("New", (cls,), {}) if cls in (Old, Names) else cls
    assert type(read_as(value, copied)) is Unknown


def test_private_attributes_change_likewise() -> None:
    class New(BaseModel):
        a: int = 0
        _later: list[int] = PrivateAttr(default_factory=list)
        _unset: int = PrivateAttr()

    class Plainer(BaseModel):
        title: str = ""
        points: list[Any] = []
        color: Any = None

    assert read_as(Open(), New)._later == []
    assert read_as(Open(), New).__pydantic_private__ == {"_later": []}
    assert type(read_as(Report(title="t"), Plainer)) is Unknown


def test_a_member_that_is_gone_gives_unknown() -> None:
    assert type(read_as(Color.RED, Enum("New", "BLUE"))) is Unknown
    assert type(read_as(May.READ | May.WRITE, Flag("New", "READ"))) is Unknown


class Asking(Flag):
    A = 1

    @classmethod
    def _missing_(cls, value: object) -> Any:
        raise AssertionError("code of the class has run")


def test_a_flag_is_not_asked_what_it_misses() -> None:
    assert type(read_as(May.READ | May.WRITE, Asking)) is Unknown


class Secretive(BaseModel):
    token: SecretStr


class MySecret(SecretStr):
    pass


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (SecretStr("s"), ""),
        ({"a": SecretBytes(b"s")}, '["a"]'),
        (Secretive(token=SecretStr("s")), ".token"),
        ([Point(SecretStr("s"))], "[0].x"),  # type: ignore[arg-type]
        (MySecret("s"), ""),
        (pydantic.Secret[int](3), ""),
        (Open(b=SecretStr("s")), ".b"),
    ],
    ids=str,
)
def test_secrets_are_refused(value: Any, path: str) -> None:
    with pytest.raises(NotStorable, match="Private") as caught:
        pack(value)
    assert caught.value.path == path


class Plain:
    pass


@dataclass
class Mapped(dict[str, int]):
    a: int = 0


@dataclass
class Failing(Exception):
    a: int = 0


class Upper:
    def __set__(self, instance: Any, value: str) -> None:
        instance.__dict__["text"] = value.upper()

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return "" if instance is None else instance.__dict__["text"]


@dataclass
class Described:
    text: Any = Upper()


@dataclass
class Slotted:
    __slots__ = ("a", "hidden")
    a: int


def with_extra(value: Any, name: str = "extra") -> Any:
    object.__setattr__(value, name, 1)
    return value


def without(value: Any, name: str) -> Any:
    object.__delattr__(value, name)
    return value


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (Plain(), "Plain"),
        (Point, "type"),
        (Mapped(), "more than its fields"),
        (Failing(), "more than its fields"),
        (Described("a"), "text is set by code"),
        (with_extra(Point(1)), "extra is no field of Point"),
        (with_extra(PairPlus(1)), "extra is no field"),
        (with_extra(Slotted(1), "hidden"), "hidden is no field"),
        (with_extra(Report(title="t")), "extra is no field"),
        (without(Point(1), "x"), "x is not set"),
        (Report.model_construct(), "title is not set"),
        (Point(threading.Lock()), r"\.x is of the type lock"),  # type: ignore[arg-type]
        (Pair(1, [print]), r"\.right\[0\] is of the type builtin_function"),
        (Report.model_construct(title=print), r"\.title is"),
        (Open.model_construct(b={"c": print}), r'\.b\["c"\] is'),
        (tuple.__new__(Pair, (1, 2, 3)), "3 elements and 2 names"),
        (Field(), "FieldInfo"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_would_not_be_the_same_is_refused(value: Any, says: str) -> None:
    with pytest.raises(NotStorable, match=says):
        pack(value)


def test_a_name_that_is_half_a_character_is_refused() -> None:
    with pytest.raises(NotStorable, match="half a character"):
        pack(Open.model_construct(**{"\ud800": 1}))


def all_known() -> Classes:
    classes = Classes()
    for cls in (Report, Open, May, Point):
        classes.add(cls)
    return classes


@pytest.mark.parametrize(
    "data",
    [
        mark(codes.MODEL, __name__, "Report", {"title": "t"}),
        mark(codes.MODEL, __name__, "Report", {"title": "t"}, 5, None, None),
        mark(codes.MODEL, __name__, "Report", {"title": "t"}, [], None, 5),
        mark(codes.MODEL, __name__, "Open", {"a": 1}, [], 5, None),
        mark(codes.FLAGS, __name__, "May", None, "text"),
        mark(codes.DATACLASS, __name__, "Point", {"x": 1}, 5),
        mark(codes.DATACLASS, __name__, "Point", {1: 1}),
    ],
)
def test_what_was_never_a_value_of_a_class_is_damage(data: bytes) -> None:
    with pytest.raises(StoreDamaged):
        unpack(data, all_known())


def test_a_name_of_a_module_imports_nothing() -> None:
    assert "antigravity" not in sys.modules
    read = unpack(mark(codes.DATACLASS, "antigravity", "webbrowser", {"a": 1}), all_known())
    assert type(read) is Unknown
    assert "antigravity" not in sys.modules
    assert type(unpack(mark(codes.DATACLASS, "subprocess", "Popen", {"args": ["ls"]}), all_known())) is Unknown


def test_fields_in_a_deque_keep_their_path() -> None:
    with pytest.raises(NotStorable) as caught:
        pack({"queue": deque([Point(print)])})  # type: ignore[arg-type]
    assert caught.value.path == '["queue"][0].x'
