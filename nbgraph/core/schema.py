"""Schema: the keys of a state, each with its type, default, reducer or factory, as a class has declared them."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from nbgraph.core.reducers import Reducer
from nbgraph.errors import DeclarationError, told


@dataclass(frozen=True)
class Private:
    """In `Annotated[Client, Private(make_client)]`: the key holds a live object that is never stored or shown.

    Args:
        factory: makes the object; takes no arguments, may be async. Called for each run, and again after a resume.

    Raises:
        DeclarationError: `factory` is not callable, or needs arguments.
    """

    factory: Callable[[], Any] = None  # type: ignore[assignment]  # so that its lack is told in a sentence

    def __post_init__(self) -> None:
        if not callable(self.factory):
            raise DeclarationError(
                "Private needs a factory that makes the value, as in Annotated[Client, Private(make_client)]."
            )
        try:
            inspect.signature(self.factory).bind()
        except TypeError:
            name = getattr(self.factory, "__name__", "the factory")
            raise DeclarationError(f"Private calls {name} without arguments, but it needs some.") from None
        except ValueError:  # some built-in classes have no signature
            pass


class Fresh(NamedTuple):
    """A default that `make` makes anew for each run."""

    make: Callable[[], Any]


class Misfit(NamedTuple):
    """Why a value does not fit its type.

    `path` leads from the value to the part that does not fit, as in `[2].name`, and `part` is that part; `wanted` is
    the type of the whole value as it was written; `why` is a clause that begins with "it", empty where the type tells.
    """

    path: str
    part: Any
    wanted: str
    why: str


Check = Callable[[Any], Misfit | None]
"""Tells why a value does not fit, None where it does; never raises, and never changes the value."""


class Checks(NamedTuple):
    """How a key is checked: the `whole` value, and one `element` where a list fits, else None."""

    whole: Check
    element: Check | None


class Schema(NamedTuple):
    """What a `%%state` class declares, by key.

    `defaults` holds values, or a `Fresh` where each run has one made. `private` keys have an annotation and no more.
    `checks` is empty until `nbgraph.typed` has filled it.
    """

    keys: tuple[str, ...] = ()
    annotations: Mapping[str, Any] = {}
    defaults: Mapping[str, Any] = {}
    reducers: Mapping[str, Reducer] = {}
    private: Mapping[str, Private] = {}
    checks: Mapping[str, Checks] = {}

    def fresh_defaults(self) -> dict[str, Any]:
        """The defaults as copies of their own, for a new run; to be called once a run, for no two calls need agree.

        Raises:
            DeclarationError: a default factory failed.
        """
        return {key: _fresh(key, value) for key, value in self.defaults.items()}


def _fresh(key: str, default: Any) -> Any:
    if type(default) is not Fresh:
        return copy.deepcopy(default)
    try:
        return default.make()
    except Exception as error:
        raise DeclarationError(f"the default factory of the key {key!r} failed: {told(error)}.") from error
