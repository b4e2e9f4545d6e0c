"""Classes of the user: dataclasses, named tuples, pydantic models, Enum members, by class name and field names.

They are read without any of their code: an instance is made bare, and its fields are set as they were. A class that is
not known, or whose fields have changed, gives an `Unknown`. A field that the class has by now and the stored value has
not gets its default; a field that it has no more is not dropped, so that gives an `Unknown` too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from enum import Enum, Flag
from functools import cached_property
from types import MemberDescriptorType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from msgspec.msgpack import Encoder

from nbgraph.errors import NotStorable
from nbgraph.store import codec_forms as codes
from nbgraph.store.classes import KNOWN, Unknown, is_kept, is_model, is_named_tuple
from nbgraph.store.codec_containers import values_of, within
from nbgraph.store.codec_forms import MARKS, Kinds, Make, Malformed, Read, Reader, Writer, exactly, refusal

WAYS_OUT = 'return plain data, or declare its key Private, or run with store="memory"'
_SECRET = "a store would keep it in clear; keep it in a key that is declared Private"
_MISSING: Any = dataclasses.MISSING
_FACTORIES = frozenset(
    {bool, bytes, dict, float, frozenset, int, list, set, str, tuple}
)  # the code of others is not run
_MISSING_FLAGS = vars(Flag)["_missing_"].__func__
_encode = Encoder().encode


class Shape(NamedTuple):
    """What the fields of a class are: their names, with the defaults of those that have one.

    `why` says why values of the class are not kept, and is empty for most.
    """

    code: int
    fields: tuple[str, ...]
    default: Callable[[str], Any] = lambda name: _MISSING
    why: str = ""


_makers: WeakKeyDictionary[type, Make] = WeakKeyDictionary()
_shapes: WeakKeyDictionary[type, Shape] = WeakKeyDictionary()


def maker_of_class(cls: type) -> Make:
    """What gives the form of the values of a class that is not in the registry by itself.

    Raises:
        NotStorable: the values of this class are not kept.
    """
    make = _makers.get(cls)
    if make is None:
        make = _makers[cls] = _maker(cls)
    return make


def _maker(cls: type) -> Make:
    if _is_secret(cls):
        raise refusal(cls.__name__, _SECRET)
    if not is_kept(cls):
        raise refusal(cls.__name__, WAYS_OUT)
    if issubclass(cls, Enum):
        return _flags_form if issubclass(cls, Flag) else _member_form
    shape = shape_of(cls)
    if shape.why:
        raise refusal(cls.__name__, f"{shape.why}; {WAYS_OUT}")
    return {codes.DATACLASS: _dataclass_form, codes.NAMED_TUPLE: _named_tuple_form, codes.MODEL: _model_form}[
        shape.code
    ]


def _is_secret(cls: type) -> bool:
    """Whether it is one of pydantic's secrets, or a kind of one."""
    return any(
        base.__module__ == "pydantic.types" and base.__name__.lstrip("_").startswith("Secret") for base in cls.__mro__
    )


def shape_of(cls: type) -> Shape:
    """What the fields of a dataclass, a named tuple or a model are."""
    shape = _shapes.get(cls)
    if shape is None:
        shape = _shapes[cls] = _shape(cls)
    return shape


def _shape(cls: Any) -> Shape:
    if issubclass(cls, Enum):
        return Shape(codes.MEMBER, ())
    if is_named_tuple(cls):
        defaults = getattr(cls, "_field_defaults", {})
        return Shape(codes.NAMED_TUPLE, cls._fields, lambda name: defaults.get(name, _MISSING))
    if is_model(cls):
        fields = cls.__pydantic_fields__
        return Shape(codes.MODEL, tuple(fields), lambda name: _default_of_model(fields[name]), _why_bare(cls))
    declared = {field.name: field for field in dataclasses.fields(cls)}
    why = _why_bare(cls) or _why_descriptor(cls, declared)
    return Shape(codes.DATACLASS, tuple(declared), lambda name: _default_of_field(declared[name]), why)


def _why_bare(cls: type) -> str:
    """Why an instance cannot be made without its code, or an empty string."""
    try:
        object.__new__(cls)
    except TypeError:
        return "it holds more than its fields"
    return ""


def _why_descriptor(cls: type, fields: Mapping[str, Any]) -> str:
    """Why its fields cannot be set as they were, or an empty string."""
    for name in fields:
        found = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
        if hasattr(type(found), "__set__") and type(found) is not MemberDescriptorType:
            return f"its field {name} is set by code"
    return ""


def _default_of_field(field: dataclasses.Field[Any]) -> Any:
    make: Any = field.default_factory
    return make() if make in _FACTORIES else field.default


def _default_of_model(field: Any) -> Any:
    if field.default_factory in _FACTORIES:
        return field.default_factory()
    return _MISSING if field.is_required() or field.default_factory else field.get_default()


def _head(code: int, cls: type) -> list[Any]:
    KNOWN.meet(cls)
    return [MARKS[code], cls.__module__, cls.__qualname__]


def _fields_form(write: Writer, values: Mapping[str, Any], left: int) -> dict[str, Any]:
    made = {}
    name = ""
    try:
        for name, value in values.items():
            made[name] = write.form(value, left)
    except NotStorable as error:
        raise within(error, f".{name}") from None
    return made


def _dataclass_form(write: Writer, value: Any, left: int) -> Any:
    cls = type(value)
    names = shape_of(cls).fields
    try:
        values = {name: object.__getattribute__(value, name) for name in names}
    except AttributeError as error:
        raise refusal(cls.__name__, f"its field {error.name} is not set") from None
    _nothing_besides(value, names)
    return [*_head(codes.DATACLASS, cls), _fields_form(write, values, left)]


def _nothing_besides(value: Any, names: tuple[str, ...]) -> None:
    """Refuse a value with attributes that are no fields; what a class computes once and keeps is none."""
    cls = type(value)
    extra = [name for name in getattr(value, "__dict__", ()) if name not in names and name != "__orig_class__"]
    slots = [name for base in cls.__mro__ for name, each in vars(base).items() if type(each) is MemberDescriptorType]
    extra += [name for name in slots if name not in names and hasattr(value, name)]
    for name in extra:
        if not isinstance(getattr(cls, name, None), cached_property):
            raise NotStorable(cls.__name__, f".{name}", f"{name} is no field of {cls.__name__}, so it would be lost")


def _named_tuple_form(write: Writer, value: Any, left: int) -> Any:
    cls = type(value)
    _nothing_besides(value, ())
    if len(value) != len(cls._fields):
        raise refusal(cls.__name__, f"it has {len(value)} elements and {len(cls._fields)} names")
    fields = dict(zip(cls._fields, tuple(value), strict=True))
    return [*_head(codes.NAMED_TUPLE, cls), _fields_form(write, fields, left)]


def _model_form(write: Writer, value: Any, left: int) -> Any:
    """A model: its fields, which of them were set, the extra ones, the private ones."""
    cls = type(value)
    names = shape_of(cls).fields
    _nothing_besides(value, (*names, "__dict__", *_MODEL_SLOTS))
    fields = {name: each for name, each in value.__dict__.items() if name in names}
    if unset := [name for name in names if name not in fields]:
        raise refusal(cls.__name__, f"its field {unset[0]} is not set")
    extra, private = value.__pydantic_extra__, value.__pydantic_private__
    return [
        *_head(codes.MODEL, cls),
        _fields_form(write, fields, left),
        sorted(value.__pydantic_fields_set__),
        None if extra is None else _fields_form(write, extra, left),
        None if private is None else _fields_form(write, private, left),
    ]


_MODEL_SLOTS = ("__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")


def _member_form(write: Writer, value: Enum, left: int) -> Any:
    return [*_head(codes.MEMBER, type(value)), value._name_, _value_form(write, value, left)]


def _flags_form(write: Writer, value: Enum, left: int) -> Any:
    return [*_head(codes.FLAGS, type(value)), value._name_, _value_form(write, value, left)]


def _value_form(write: Writer, value: Enum, left: int) -> Any:
    try:
        return write.form(value._value_, left)
    except NotStorable:
        return None  # a member is found by its name; the value is only told


def _built(code: int, build: Callable[..., Any], fields: Callable[..., dict[str, Any]]) -> Read:
    """Reads values of a class: by `build` where the class fits, as an `Unknown` of those `fields` where it does not."""

    def read(reader: Reader, parts: list[Any], left: int) -> Any:
        module, qualname, *rest = parts
        cls = reader.classes.find(exactly(str, module), exactly(str, qualname))
        values = values_of(reader, rest, left + 1)
        told = exactly(dict, fields(*values))
        if not {str}.issuperset(map(type, told)):
            raise Malformed("a field has no name")
        made = _MISSING if cls is None else build(cls, *values)
        return Unknown(code, module, qualname, told, _encode([MARKS[code], *parts])) if made is _MISSING else made

    return read


def _completed(cls: type, code: int, fields: dict[str, Any]) -> dict[str, Any] | None:
    """The stored fields with the defaults of those that came later; None where they do not fit the class."""
    shape = shape_of(cls)
    if shape.code != code or shape.why or not fields.keys() <= set(shape.fields):
        return None
    values = fields | {name: shape.default(name) for name in shape.fields if name not in fields}
    return None if any(value is _MISSING for value in values.values()) else values


def _dataclass(cls: type, fields: dict[str, Any]) -> Any:
    values = _completed(cls, codes.DATACLASS, fields)
    if values is None:
        return _MISSING
    made: Any = object.__new__(cls)
    for name in shape_of(cls).fields:
        object.__setattr__(made, name, values[name])
    return made


def _named_tuple(cls: type, fields: dict[str, Any]) -> Any:
    values = _completed(cls, codes.NAMED_TUPLE, fields)
    return _MISSING if values is None else tuple.__new__(cls, [values[name] for name in shape_of(cls).fields])


def _model(cls: Any, fields: dict[str, Any], given: list[str], extra: Any, private: Any) -> Any:
    values = _completed(cls, codes.MODEL, fields)
    hidden = _completed_private(cls, exactly(dict, private or {})) if values is not None else None
    more = exactly(dict, extra or {})
    is_open = getattr(cls, "model_config", {}).get("extra") == "allow"
    if values is None or hidden is None or (more and not is_open):
        return _MISSING
    made = object.__new__(cls)
    object.__setattr__(made, "__dict__", values)
    object.__setattr__(made, "__pydantic_fields_set__", set(exactly(list, given)))
    object.__setattr__(made, "__pydantic_extra__", more if is_open else None)
    object.__setattr__(made, "__pydantic_private__", hidden if cls.__private_attributes__ else None)
    return made


def _completed_private(cls: Any, stored: dict[str, Any]) -> dict[str, Any] | None:
    """The stored private attributes with the defaults of later ones; None where the class has some no more."""
    declared = cls.__private_attributes__
    if not stored.keys() <= declared.keys():
        return None
    later = {name: _default_of_private(each) for name, each in declared.items() if name not in stored}
    return stored | {name: value for name, value in later.items() if value is not _MISSING}


def _default_of_private(attribute: Any) -> Any:
    """The default; one that was never set stays so."""
    if attribute.default_factory in _FACTORIES:
        return attribute.default_factory()
    undefined = type(attribute.default).__name__ == "PydanticUndefinedType"
    return _MISSING if attribute.default_factory or undefined else attribute.get_default()


def _member(cls: Any, name: str, value: Any) -> Any:
    return cls._member_map_.get(name, _MISSING) if issubclass(cls, Enum) else _MISSING


def _flags(cls: Any, name: str | None, value: Any) -> Any:
    """One member of a Flag, several together, or none; numbers without a name stand in it by themselves."""
    if not issubclass(cls, Flag):
        return _MISSING
    if name in cls._member_map_:
        return cls._member_map_[name]
    number = exactly(int, value) if name is None else _number(cls, exactly(str, name))
    if number is _MISSING or getattr(cls._missing_, "__func__", None) is not _MISSING_FLAGS:
        return cls._value2member_map_.get(number, _MISSING)
    try:
        return cls(number)
    except ValueError:
        return _MISSING


def _number(cls: Any, name: str) -> Any:
    """What the parts of a name such as `READ|WRITE|8` come to."""
    number = 0
    for part in name.split("|"):
        member = cls._member_map_.get(part)
        if member is None and not part.isdecimal():
            return _MISSING
        number |= int(part) if member is None else member._value_
    return number


def _named(name: str | None, value: Any) -> dict[str, Any]:
    return {"name": name, "value": value}


CLASSES = Kinds(
    make={},
    leaves={},
    marks={
        codes.DATACLASS: _built(codes.DATACLASS, _dataclass, lambda fields: fields),
        codes.NAMED_TUPLE: _built(codes.NAMED_TUPLE, _named_tuple, lambda fields: fields),
        codes.MODEL: _built(codes.MODEL, _model, lambda fields, given, extra, private: fields | (extra or {})),
        codes.MEMBER: _built(codes.MEMBER, _member, _named),
        codes.FLAGS: _built(codes.FLAGS, _flags, _named),
    },
)
