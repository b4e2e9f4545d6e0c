"""Forms: what a person is asked to enter, as data that a store can keep, and the value that it becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

Kind = Literal["text", "integer", "number", "yes or no", "choice", "json"]


class Field(NamedTuple):
    """One thing to enter.

    A form for a value that has no fields of its own, such as an int, has one field with an empty `name`. `type` is the
    type in words. `choices` are those of a "choice"; `default` counts where nothing is entered, unless `required`, and
    is None also where it is made anew for each value. `optional` says that None is an answer too.
    """

    name: str
    kind: Kind
    type: str
    required: bool = True
    default: Any = None
    choices: tuple[Any, ...] = ()
    help: str = ""
    optional: bool = False


class Form(NamedTuple):
    """What is to be entered, and how the entries become a value.

    `value` takes the entries by field name; ApprovalError where they do not fit, with a sentence for each field.
    """

    fields: tuple[Field, ...]
    value: Callable[[Mapping[str, Any]], Any]
