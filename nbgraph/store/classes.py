"""Classes: which classes the values of a stored run may be made of. A stored name finds a class here, or nowhere.

A file that is read names classes, and never has one imported: it gets those that this process has met.
"""

from __future__ import annotations

import dataclasses
import sys
import typing
from collections.abc import Callable
from enum import Enum
from types import MappingProxyType
from typing import Any, TypeVar

from nbgraph.errors import DeclarationError

Kind = TypeVar("Kind", bound=type)


class Classes:
    """A table of classes by module and qualified name.

    Args:
        lookup: gives the object that a name of the notebook stands for, or None. A class that it gives is used where it
            is the one that is asked for, also in place of an older one of the same name.
    """

    def __init__(self, lookup: Callable[[str], Any] | None = None) -> None:
        self.lookup = lookup
        self._known: dict[tuple[str, str], type] = {}

    def add(self, cls: Any) -> None:
        """Add a class, and those that the annotations of its fields name; what has no fields is passed over."""
        left, seen = [cls], set()
        while left:
            found = left.pop()
            if id(found) in seen:
                continue
            seen.add(id(found))
            if isinstance(found, type) and is_kept(found):
                self._known[found.__module__, found.__qualname__] = found
            left += _named_by(found)

    def find(self, module: str, qualname: str) -> type | None:
        """The class of that name, or None."""
        return self._looked_up(module, qualname) or self._known.get((module, qualname))

    def meet(self, cls: type) -> None:
        """Add a class that a value is of, but not an old one in place of the one that has its name by now."""
        known = self.find(cls.__module__, cls.__qualname__)
        if known is not cls and (known is None or not _stands(known)):
            self.add(cls)

    def _looked_up(self, module: str, qualname: str) -> type | None:
        if self.lookup is None or not qualname.isidentifier():
            return None
        found = self.lookup(qualname)
        right = isinstance(found, type) and (found.__module__, found.__qualname__) == (module, qualname)
        return found if right and is_kept(found) else None

    def __repr__(self) -> str:
        return f"<Classes {', '.join(sorted(name for _, name in self._known)) or 'none'}>"


KNOWN = Classes()
"""The classes that this process has met: those that were registered, and those of values that were stored."""


def register(cls: Kind) -> Kind:
    """Make a class known, so that stored values of it can be read; as a decorator, or called with it.

    Raises:
        DeclarationError: it is no dataclass, Enum, named tuple or pydantic model.
    """
    if not (isinstance(cls, type) and is_kept(cls)):
        name = getattr(cls, "__qualname__", None) or repr(cls)
        raise DeclarationError(
            f"{name} cannot be registered: it is no dataclass, Enum, named tuple or pydantic model. "
            f"Values of other classes are not stored."
        )
    KNOWN.add(cls)
    return cls


def is_kept(cls: type) -> bool:
    """Whether it is a class whose values have a form: a dataclass, an Enum, a named tuple, a pydantic model."""
    return dataclasses.is_dataclass(cls) or issubclass(cls, Enum) or is_named_tuple(cls) or is_model(cls)


def is_named_tuple(cls: type) -> bool:
    """Whether `collections.namedtuple` or `typing.NamedTuple` made it, or it derives from such a one."""
    return issubclass(cls, tuple) and type(getattr(cls, "_fields", None)) is tuple


def is_model(cls: type) -> bool:
    """Whether it is a pydantic model; pydantic is not imported to know."""
    pydantic = sys.modules.get("pydantic.main")
    return pydantic is not None and issubclass(cls, pydantic.BaseModel)


def _stands(cls: type) -> bool:
    """Whether the name of a class leads to it in its module."""
    found: Any = sys.modules.get(cls.__module__)
    for name in cls.__qualname__.split("."):
        found = getattr(found, "__dict__", {}).get(name)
    return found is cls


def _named_by(found: Any) -> list[Any]:
    """What an annotation, or the fields of a class, name."""
    if isinstance(found, type) and not typing.get_args(found):
        return list(_hints(found).values()) if found.__module__ not in ("builtins", "typing") else []
    inner = getattr(found, "__value__", None) or getattr(found, "__supertype__", None)
    return [typing.get_origin(found), *typing.get_args(found), inner]


def _hints(cls: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls)
    except Exception:  # an annotation names what is not there; the others may still be read
        return {
            name: hint for base in reversed(cls.__mro__) for name, hint in vars(base).get("__annotations__", {}).items()
        }


class Unknown:
    """A value of a class that is not known here, or has other fields by now; it is stored again as it was.

    Args:
        code: what kind of class it was, as the codec numbers it.
        module, qualname: the class.
        fields: the fields by name.
        packed: the bytes of its form.
    """

    __slots__ = ("_code", "_fields", "_module", "_packed", "_qualname")

    def __init__(self, code: int, module: str, qualname: str, fields: dict[str, Any], packed: bytes) -> None:
        self._code, self._module, self._qualname, self._fields, self._packed = code, module, qualname, fields, packed

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        cls = self._qualname
        raise AttributeError(
            f"{cls}.{name} cannot be read: the class {cls} of {self._module} is not known here, or has other fields "
            f"now. Run the cell that declares {cls}, or nbgraph.register({cls}), and read the run again."
        )

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self._fields.items())
        return f"<unknown {self._qualname}({fields})>"

    def __eq__(self, other: object) -> bool:
        return self._packed == other._packed if type(other) is Unknown else NotImplemented

    def __hash__(self) -> int:
        return hash(self._packed)

    def __copy__(self) -> Unknown:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Unknown:
        return self


def packed_of(value: Unknown) -> bytes:
    """The bytes of its form."""
    return value._packed


def fields_of(value: Unknown) -> MappingProxyType[str, Any]:
    """What it holds, by name."""
    return MappingProxyType(value._fields)
