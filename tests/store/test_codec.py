"""The codec: values come back exactly, or are refused where they stand; what was never written is damage."""

from __future__ import annotations

import datetime
import os
import pickle
import threading
import time
import tracemalloc
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from decimal import Decimal
from fractions import Fraction
from importlib import resources
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from msgspec.msgpack import Ext

from nbgraph.core.updates import Gathered, Overwrite
from nbgraph.errors import NotStorable, StoreDamaged, brief
from nbgraph.store import codec
from nbgraph.store import codec_forms as codes
from nbgraph.store.classes import KNOWN
from nbgraph.store.codec import pack, unpack
from nbgraph.store.codec_forms import DEPTH
from tests.store.values import is_kept_exactly, leaf, mark, there_and_back

UTC = datetime.UTC
BERLIN = ZoneInfo("Europe/Berlin")
AUTUMN = datetime.datetime(2024, 10, 27, 2, 30)

EXACT = [
    *(None, True, False, 0, 1, -1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**5000, -(10**5000), 255, -256),
    *(0.0, -0.0, float("inf"), float("nan"), -float("nan"), 1e-320, complex(-0.0, float("nan"))),
    *("", "text", "\0", "\ud800", "a\udfffb", "\U0001f600", b"", b"\xff", bytearray(b"ab"), ...),
    *([], [1, [2, []]], (), (1,), (1, (2, [3])), set(), {1, "1", (1,)}, frozenset({frozenset()})),
    *({}, {"b": 1, "a": 2}, {1: "int"}, {True: "bool"}, {1.0: "float"}, {None: 0}, {b"k": 0}, {(1, 2): {"deep": [{}]}}),
    *({2**70: "big"}, {"\ud800": 2**70, "plain": {"x": 1}}, {frozenset({1}): ()}, {-0.0: 1}),
    *(range(0), range(3, 10, 2), range(2**70)),
    *(deque(), deque([1, (2,)]), deque([1], 3), deque(maxlen=0)),
    *(OrderedDict(), OrderedDict([("b", 1), ("a", (2,))]), Counter("abca"), Counter({"b": 0, "a": 2**70})),
    *(defaultdict(list, {1: [2]}), defaultdict(None, {"a": 1}), defaultdict(int)),
    *(datetime.date.min, datetime.date(2024, 2, 29), datetime.time.max, datetime.time(2, 30, fold=1)),
    *(datetime.time(1, 2, tzinfo=UTC), datetime.timedelta.min, datetime.timedelta(microseconds=-1)),
    *(datetime.datetime.max, AUTUMN, AUTUMN.replace(fold=1), AUTUMN.replace(tzinfo=BERLIN)),
    *(AUTUMN.replace(tzinfo=BERLIN, fold=1), AUTUMN.replace(tzinfo=UTC), UTC, BERLIN),
    *(datetime.timezone(datetime.timedelta(hours=-5, seconds=1)), datetime.timezone(datetime.timedelta(0), "Z\ud800")),
    *(Decimal("1.10"), Decimal("-0"), Decimal("NaN123"), Decimal("-sNaN"), Decimal("Infinity"), Decimal("1E+999999")),
    *(Fraction(1, 3), Fraction(-(2**80), 3), uuid.UUID(int=5), Path("a/b"), Path(), PurePosixPath("/x/../y")),
    *(PureWindowsPath(r"C:\a"), PurePosixPath(os.fsdecode(b"\xff"))),
    *(Overwrite([(1,)]), Overwrite(Overwrite(None)), Gathered((1, None, (2,)), (True, False, True)), Gathered((), ())),
]


def shown(value: Any) -> str:
    return f"{type(value).__name__} {brief(value, 20)!a}"


@pytest.mark.parametrize("value", EXACT, ids=shown)
def test_a_value_comes_back_exactly(value: Any) -> None:
    assert is_kept_exactly(value)
    assert is_kept_exactly([value, {"in": (value,)}])


def test_plain_data_is_plain_msgpack() -> None:
    value = {"n": 3, "text": "...", "list": [1, [2.5, None]]}
    assert msgspec.msgpack.decode(pack(value)) == value


def test_fold_and_zone_are_kept() -> None:
    read = there_and_back(AUTUMN.replace(tzinfo=BERLIN, fold=1))
    assert (read.fold, read.tzinfo, read.utcoffset()) == (1, BERLIN, datetime.timedelta(hours=1))


def test_bits_of_a_nan_are_kept() -> None:
    data = b"\xcb\xff\xf8\xde\xad\x00\x00\x00\x01"
    assert pack(unpack(data, KNOWN)) == data


def test_equal_sets_give_equal_bytes() -> None:
    one, other = set(map(int, "08")), set(map(int, "80"))
    assert list(one) != list(other)
    assert pack(one) == pack(other)


class Words(list[str]):
    pass


class Name(str):
    pass


class Length(int):
    pass


def refused(value: Any) -> NotStorable:
    with pytest.raises(NotStorable) as caught:
        pack(value)
    return caught.value


@pytest.mark.parametrize(
    "value",
    [
        *(
            Words(["a"]),
            Name("a"),
            Length(1),
            lambda: 1,
            print,
            int,
            object(),
            threading.Lock(),
            os,
            iter([]),
            Ext(1, b""),
        ),
        *((each for each in ()), memoryview(b"a"), ValueError("x"), NotImplemented, time.localtime()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_registered_is_refused_with_the_way_out(value: Any) -> None:
    found = refused({"client": [value]})
    assert found.path == '["client"][0]'
    assert found.kind == type(value).__name__
    assert "Private" in str(found)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (object(), ""),
        ([1, object()], "[1]"),
        ((1, {"a": object()}), '[1]["a"]'),
        ({"a b": object()}, "['a b']"),
        ({1: {2: object()}}, "[1][2]"),
        ({(1, 2): object()}, "[(1, 2)]"),
        (deque([object()]), "[0]"),
        (OrderedDict(a=object()), '["a"]'),
        (Overwrite([object()]), "[0]"),
        (Gathered((1, object()), (True, True)), "[1]"),
        ({"big": 2**70, "in": [object()]}, '["in"][0]'),
    ],
    ids=repr,
)
def test_a_refusal_says_where_the_value_stands(value: Any, path: str) -> None:
    assert refused(value).path == path


def test_a_key_of_a_dict_is_refused_too() -> None:
    key = object()
    assert refused({key: 1}).kind == "object"


@pytest.mark.parametrize("factory", [lambda: 1, Words, Counter], ids=["function", "class", "other type"])
def test_a_default_dict_with_code_is_refused(factory: Any) -> None:
    assert "factory" in str(refused(defaultdict(factory)))


def test_attributes_on_a_dict_are_not_lost_in_silence() -> None:
    value = OrderedDict(a=1)
    value.note = "mine"  # type: ignore[attr-defined]
    assert "note" in str(refused(value))


class Zone(datetime.tzinfo):
    pass


def test_a_time_zone_of_ones_own_is_refused() -> None:
    assert refused([datetime.datetime(2024, 1, 1, tzinfo=Zone())]).path == "[0].tzinfo"


def test_a_time_zone_without_a_key_is_refused() -> None:
    with resources.files("tzdata.zoneinfo").joinpath("UTC").open("rb") as file:
        assert "key" in str(refused(ZoneInfo.from_file(file)))


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def test_as_many_levels_as_are_kept_come_back() -> None:
    assert is_kept_exactly(nested(DEPTH))
    assert "100 levels" in str(refused(nested(DEPTH + 1)))
    assert "100 levels" in str(refused(nested(100_000)))


@pytest.mark.parametrize("make", [list, dict, deque])
def test_a_value_that_holds_itself_is_refused(make: Any) -> None:
    value = make()
    if make is dict:
        value["self"] = value
    else:
        value.append(value)
    assert "holds itself" in str(refused(value))


@pytest.mark.parametrize("knot", [lambda value: [value, value], lambda value: (value, value)], ids=["lists", "tuples"])
def test_a_knot_that_would_never_end_is_refused(knot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "_ELEMENTS", 10_000)
    value: Any = [1]
    for _ in range(80):
        value = knot(value)
    assert "elements" in str(refused(value))


def test_what_is_too_large_is_refused_and_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    data = pack("x" * 1000)
    monkeypatch.setattr(codec, "SIZE", 1000)
    assert "1,003 bytes" in str(refused("x" * 1000))
    with pytest.raises(StoreDamaged, match="1,003 bytes"):
        unpack(data, KNOWN)


DAMAGED = {
    "nothing": b"",
    "no such type": b"\xc1",
    "more than one value": b"\x01\x01",
    "a text that is none": b"\xa1\xff",
    "a list cut off": b"\x92\x01",
    "a list that announces billions": b"\xdd\xff\xff\xff\xff\x01",
    "lists that announce billions in each other": b"\xdd\xff\xff\xff\xff" * 99,
    "a dict that announces billions": b"\xdf\xff\xff\xff\xff\x01",
    "a text that announces gigabytes": b"\xdb\xff\xff\xff\xffx",
    "an extension that announces gigabytes": b"\xc9\xff\xff\xff\xff\x01",
    "too many levels": b"\x91" * 101 + b"\x90",
    "a million levels": b"\x91" * 1_000_000,
    "a list as a key": b"\x81\x90\x01",
    "a dict as a key": b"\x81\x80\x01",
    "a timestamp of msgpack": b"\xd6\xff\0\0\0\0",
    "a timestamp beyond time": b"\xd7\xff" + b"\xff" * 8,
    "a code of tomorrow": leaf(127, b"x"),
    "a negative code": leaf(-5, b"x"),
    "a mark alone": leaf(codes.TUPLE, b""),
    "a mark that is not first": msgspec.msgpack.encode([1, Ext(codes.TUPLE, b"")]),
    "a pickle": pickle.dumps(OrderedDict(a=1)),
    "a date beyond time": leaf(codes.DATE, b"\0\0\0\0"),
    "a date cut off": leaf(codes.DATE, b"\0"),
    "a decimal that is none": leaf(codes.DECIMAL, b"one"),
    "a uuid cut off": leaf(codes.UUID, b"123"),
    "a zone that is a path": leaf(codes.ZONE, b"../../etc/passwd"),
    "a zone that is nowhere": leaf(codes.ZONE, b"Europe/Nowhere"),
    "a fraction by zero": mark(codes.FRACTION, 1, 0),
    "a fraction of floats": mark(codes.FRACTION, 0.5, 1),
    "a range by zero": mark(codes.RANGE, 0, 1, 0),
    "a set of lists": mark(codes.SET, []),
    "a dict without its last value": mark(codes.DICT, 1),
    "a factory that is code": mark(codes.DEFAULT_DICT, "eval"),
    "a deque beyond its length": mark(codes.DEQUE, 1, 2, 3),
    "a gathering of unequal parts": mark(codes.GATHERED, [True], 1, 2),
    "an overwrite of two": mark(codes.OVERWRITE, 1, 2),
    "a zone that is a text": mark(codes.AWARE_TIME, Ext(codes.TIME, bytes(8)), "UTC"),
    "a class without a name": mark(codes.DATACLASS),
    "a class with a number for a name": mark(codes.DATACLASS, 1, 2, {}),
    "fields that are a list": mark(codes.DATACLASS, "m", "C", []),
    "a member without a value": mark(codes.MEMBER, "m", "C", "name"),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_what_was_never_written_is_damage(data: bytes) -> None:
    with pytest.raises(StoreDamaged, match=r"stored value.*\."):
        unpack(data, KNOWN)


def test_announced_lengths_take_no_memory() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(StoreDamaged):
            unpack(b"\xdd\x7f\xff\xff\xff" * 99 + b"\x00" * 1000, KNOWN)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("value", EXACT, ids=shown)
def test_bytes_cut_off_are_damage(value: Any) -> None:
    data = pack(value)
    for end in range(min(len(data), 60)):
        with pytest.raises(StoreDamaged):
            unpack(data[:end], KNOWN)
