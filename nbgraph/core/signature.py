"""What a function reads and writes, known without running it: from its signature, annotations and return statements."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from tokenize import TokenError
from typing import Any, NamedTuple, is_typeddict

from nbgraph.core.names import check_name
from nbgraph.core.returns import Returns, returned
from nbgraph.core.type_agreement import UNKNOWN, class_of, fields_of, hints_of, members, strings_of, without_none
from nbgraph.core.updates import Overwrite
from nbgraph.errors import DeclarationError


@dataclass(frozen=True, slots=True)
class Read:
    """A key that a function reads; one with a default need not be there.

    `annotation` is the type of the parameter, `default` its default; both UNKNOWN where there is none.
    """

    key: str
    required: bool
    annotation: Any = field(default=UNKNOWN, compare=False)
    default: Any = field(default=UNKNOWN, compare=False)  # values of any type need not be comparable


class Writes(NamedTuple):
    """The keys a function writes, as far as its text tells.

    `certain` is False where some return value may hold more. `names` are the constant strings that each key is given,
    which a `by` edge can be checked against. `types` are the types of the values, of the keys where they are known.
    """

    keys: tuple[str, ...]
    certain: bool
    names: Mapping[str, tuple[str, ...]] = {}
    types: Mapping[str, Any] = {}


class Outcomes(NamedTuple):
    """Names that a choice can give; only where they are annotated, and so the `whole` of them, there are no others."""

    names: tuple[str, ...]
    whole: bool


def read_keys(function: Callable[..., Any]) -> tuple[Read, ...]:
    """The parameters of `function` as keys; `ctx` is the task's context and no key, `error` is what failed before.

    Raises:
        DeclarationError: a parameter is positional-only, `*args` or `**kwargs`, or a reserved name.
    """
    reads, hints = [], hints_of(function)
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "ctx":
            continue
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise DeclarationError(
                f"{function.__name__} takes {parameter}, but a node names each key that it reads: "
                f"write def {function.__name__}(topic, feedback='')."
            )
        if parameter.name != "error":
            check_name(parameter.name, "key")
        required = parameter.default is parameter.empty
        reads.append(Read(parameter.name, required, hints.get(parameter.name, UNKNOWN), parameter.default))
    return tuple(reads)


def takes_context(function: Callable[..., Any]) -> bool:
    """Whether `function` has the parameter `ctx`."""
    return "ctx" in inspect.signature(function).parameters


def in_signature(key: str) -> str:
    """Where a function has its defaults."""
    return "a default in the signature"


def source_of(function: Callable[..., Any]) -> str:
    """The source of `function`, or an empty string where there is none."""
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError, SyntaxError, TokenError):  # the last where the file is no Python
        return ""


def written_keys(function: Callable[..., Any], name: str, declared: tuple[str, ...] | None) -> Writes:
    """The keys that the node `name` writes when `function` is its body.

    `declared` keys are taken at their word; else the return annotation and the return statements tell.
    """
    hint, told = hints_of(function).get("return", UNKNOWN), returned(source_of(function))
    if declared is not None:
        return _declared(declared, name, hint, told)
    annotated = _annotated(hint, name)
    if told is None:
        return annotated or Writes((), False)
    names = told.strings(name, whole=False)
    return annotated._replace(names=names) if annotated is not None else Writes(*told.keys(name), names)


def outcomes(function: Callable[..., Any]) -> Outcomes:
    """The names of nodes that the function of a `by` can give back."""
    annotated = strings_of(hints_of(function).get("return", UNKNOWN), lists=True)
    told = returned(source_of(function))
    constants = told.strings("", whole=True).get("", ()) if told else ()
    return Outcomes(tuple(dict.fromkeys((*(annotated or ()), *constants))), annotated is not None)


def _declared(declared: tuple[str, ...], name: str, hint: Any, told: Returns | None) -> Writes:
    alone = len(declared) == 1
    names = told.strings(declared[0] if alone else name, whole=alone) if told else {}
    given = without_none(hint)  # None writes nothing
    types = {declared[0]: given} if alone else fields_of(given) if is_typeddict(given) else {}
    return Writes(
        declared, True, names, {key: types[key] for key in declared if types.get(key, UNKNOWN) is not UNKNOWN}
    )


def _annotated(hint: Any, name: str) -> Writes | None:
    """What an annotation tells of an update: fields, one value, nothing; None where it does not tell."""
    given = without_none(hint)
    if given is UNKNOWN:
        return None if hint is UNKNOWN else Writes((), True)
    parts = members(given)
    if all(is_typeddict(part) for part in parts):
        fields = {key: annotation for part in parts for key, annotation in fields_of(part).items()}
        return Writes(tuple(fields), True, {}, {key: each for key, each in fields.items() if each is not UNKNOWN})
    return Writes((name,), True, {}, {name: given}) if all(map(_is_one_value, parts)) else None


def _is_one_value(part: Any) -> bool:
    """Whether its values are no dicts, which would be updates, and nothing that is still to be awaited."""
    kind = class_of(part)
    if part is Overwrite:
        return True
    try:
        return kind is not None and not (
            issubclass(kind, dict | Awaitable) or issubclass(dict, kind) or inspect.isabstract(kind)
        )
    except TypeError:
        return False
