"""Leaves: values without values in them, such as dates, numbers and paths, as the bytes of one extension."""

from __future__ import annotations

import datetime
import struct
import uuid
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import PosixPath, PurePath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec.msgpack import Ext

from nbgraph.errors import NotStorable
from nbgraph.store import codec_forms as codes
from nbgraph.store.codec_forms import MARKS, Kinds, Leaf, Make, Malformed, Reader, Writer, exactly, refusal

_COMPLEX = struct.Struct(">dd")
_DATE = struct.Struct(">HBB")
_TIME = struct.Struct(">BBBIB")
_DATETIME = struct.Struct(">HBBBBBIB")


def int_form(value: int) -> Any:
    """An int of any size."""
    if -(1 << 63) <= value < 1 << 64:
        return value
    return Ext(codes.INT, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def text_form(value: str) -> Any:
    """A str, also with halves of surrogate pairs."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return Ext(codes.TEXT, _text_bytes(value))
    return value


def _text_bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _date_bytes(value: datetime.date) -> bytes:
    return _DATE.pack(value.year, value.month, value.day)


def _time_bytes(value: datetime.time) -> bytes:
    return _TIME.pack(value.hour, value.minute, value.second, value.microsecond, value.fold)


def _datetime_bytes(value: datetime.datetime) -> bytes:
    date = (value.year, value.month, value.day)
    return _DATETIME.pack(*date, value.hour, value.minute, value.second, value.microsecond, value.fold)


def _time(data: bytes) -> datetime.time:
    *parts, fold = _TIME.unpack(data)
    return datetime.time(*parts, fold=fold)


def _datetime(data: bytes) -> datetime.datetime:
    *parts, fold = _DATETIME.unpack(data)
    return datetime.datetime(*parts, fold=fold)


def _datetime_form(write: Writer, value: datetime.datetime, left: int) -> Any:
    leaf = Ext(codes.DATETIME, _datetime_bytes(value))
    return leaf if value.tzinfo is None else [MARKS[codes.AWARE_DATETIME], leaf, _zone_form(write, value.tzinfo, left)]


def _time_form(write: Writer, value: datetime.time, left: int) -> Any:
    leaf = Ext(codes.TIME, _time_bytes(value))
    return leaf if value.tzinfo is None else [MARKS[codes.AWARE_TIME], leaf, _zone_form(write, value.tzinfo, left)]


def _zone_form(write: Writer, zone: datetime.tzinfo, left: int) -> Any:
    try:
        return write.form(zone, left)
    except NotStorable as error:
        why = "use a ZoneInfo or a datetime.timezone"
        raise NotStorable(error.kind, ".tzinfo" + error.path, why) from None


def _aware(read: Reader, parts: list[Any], left: int) -> Any:
    moment, zone = (read.value(part, left) for part in parts)
    if not isinstance(zone, datetime.tzinfo):
        raise Malformed("a time zone is none")
    return moment.replace(tzinfo=zone)


def _timezone_form(write: Writer, value: Any, left: int) -> Any:
    offset, name = (*value.__getinitargs__(), None)[:2]
    named = name if name is None else text_form(name)
    return [MARKS[codes.TIMEZONE], offset.days, offset.seconds, offset.microseconds, named]


def _timezone(read: Reader, parts: list[Any], left: int) -> datetime.timezone:
    days, seconds, microseconds, name = parts
    offset = datetime.timedelta(exactly(int, days), exactly(int, seconds), exactly(int, microseconds))
    return datetime.timezone(offset) if name is None else datetime.timezone(offset, read.value(name, left))


def _zone_info_form(write: Writer, value: ZoneInfo, left: int) -> Any:
    if value.key is None:
        raise refusal("ZoneInfo", "a time zone that was read from a file has no key; use ZoneInfo(key)")
    return Ext(codes.ZONE, _text_bytes(value.key))


def _zone_info(data: bytes) -> ZoneInfo:
    key = _text(data)
    try:
        return ZoneInfo(key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Malformed(f"it names the time zone {key!r}, which is not known here; install tzdata") from None


def _timedelta_form(write: Writer, value: datetime.timedelta, left: int) -> Any:
    return [MARKS[codes.TIMEDELTA], value.days, value.seconds, value.microseconds]


def _timedelta(read: Reader, parts: list[Any], left: int) -> datetime.timedelta:
    days, seconds, microseconds = parts
    return datetime.timedelta(exactly(int, days), exactly(int, seconds), exactly(int, microseconds))


def _fraction_form(write: Writer, value: Fraction, left: int) -> Any:
    return [MARKS[codes.FRACTION], int_form(value.numerator), int_form(value.denominator)]


def _fraction(read: Reader, parts: list[Any], left: int) -> Fraction:
    above, below = (exactly(int, read.value(part, left)) for part in parts)
    return Fraction(above, below)


def _path(kind: type[PurePath], elsewhere: type[PurePath]) -> Leaf:
    """Reads a path; one of another system than this is read as the pure kind."""

    def read(data: bytes) -> PurePath:
        try:
            return kind(_text(data))
        except NotImplementedError:  # and its subclass UnsupportedOperation
            return elsewhere(_text(data))

    return read


def _leaf(code: int, to_bytes: Callable[[Any], bytes]) -> Make:
    return lambda write, value, left: Ext(code, to_bytes(value))


def _path_bytes(value: PurePath) -> bytes:
    return _text_bytes(str(value))


LEAVES = Kinds(
    make={
        int: lambda write, value, left: int_form(value),
        str: lambda write, value, left: text_form(value),
        complex: _leaf(codes.COMPLEX, lambda value: _COMPLEX.pack(value.real, value.imag)),
        bytearray: _leaf(codes.BYTEARRAY, bytes),
        type(...): _leaf(codes.ELLIPSIS, lambda value: b""),
        datetime.date: _leaf(codes.DATE, _date_bytes),
        datetime.time: _time_form,
        datetime.datetime: _datetime_form,
        datetime.timedelta: _timedelta_form,
        datetime.timezone: _timezone_form,
        ZoneInfo: _zone_info_form,
        Decimal: _leaf(codes.DECIMAL, lambda value: str(value).encode()),
        Fraction: _fraction_form,
        uuid.UUID: _leaf(codes.UUID, lambda value: value.bytes),
        PurePosixPath: _leaf(codes.PURE_POSIX_PATH, _path_bytes),
        PureWindowsPath: _leaf(codes.PURE_WINDOWS_PATH, _path_bytes),
        PosixPath: _leaf(codes.POSIX_PATH, _path_bytes),
        WindowsPath: _leaf(codes.WINDOWS_PATH, _path_bytes),
    },
    leaves={
        codes.INT: lambda data: int.from_bytes(data, "big", signed=True),
        codes.TEXT: _text,
        codes.COMPLEX: lambda data: complex(*_COMPLEX.unpack(data)),
        codes.BYTEARRAY: bytearray,
        codes.DATE: lambda data: datetime.date(*_DATE.unpack(data)),
        codes.TIME: _time,
        codes.DATETIME: _datetime,
        codes.DECIMAL: lambda data: Decimal(data.decode("ascii")),
        codes.UUID: lambda data: uuid.UUID(bytes=data),
        codes.ZONE: _zone_info,
        codes.PURE_POSIX_PATH: _path(PurePosixPath, PurePosixPath),
        codes.PURE_WINDOWS_PATH: _path(PureWindowsPath, PureWindowsPath),
        codes.POSIX_PATH: _path(PosixPath, PurePosixPath),
        codes.WINDOWS_PATH: _path(WindowsPath, PureWindowsPath),
        codes.ELLIPSIS: lambda data: ...,
    },
    marks={
        codes.AWARE_DATETIME: _aware,
        codes.AWARE_TIME: _aware,
        codes.TIMEDELTA: _timedelta,
        codes.TIMEZONE: _timezone,
        codes.FRACTION: _fraction,
    },
)
