"""Tools: functions that a model may call: what it is told of them, and its calls as arguments that fit."""

from __future__ import annotations

import functools
import inspect
import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Optional, get_args, get_origin

from nbgraph.core.annotations import is_union, spelt
from nbgraph.core.type_agreement import hints_of
from nbgraph.errors import DeclarationError, told
from nbgraph.models.docstrings import read_docstring
from nbgraph.models.redaction import redacted_data
from nbgraph.models.signs import sound

if TYPE_CHECKING:
    from pydantic import TypeAdapter

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
CONTEXT = "ctx"
LONGEST_DESCRIPTION = 1024  # that endpoints take
LONGEST_DEFAULT = 200  # characters of JSON
LONGEST_RESULT = 100_000


class BadCall(Exception):
    """A call of a tool that cannot be made; the message tells the model what is wrong with it."""


@dataclass(frozen=True, eq=False)
class Tool:
    """A function that a model may call.

    `parameters` is the JSON schema of its arguments. `blocking` says that it is no coroutine function, `takes_context`
    that it has a parameter `ctx`, which the model is not told of.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    function: Callable[..., Any]
    blocking: bool
    takes_context: bool
    adapter: TypeAdapter[Any] = field(repr=False)
    positional: Mapping[str, Any] = field(default_factory=dict, repr=False)  # the positional-only ones, with defaults

    @property
    def schema(self) -> dict[str, Any]:
        """What the model is told of it, as chat completions take it."""
        told = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": told}

    def call(self, arguments: Mapping[str, Any]) -> Any:
        """What the function gives back for arguments by name; something to await unless it is `blocking`."""
        named = dict(arguments)
        return self.function(*[named.pop(name, default) for name, default in self.positional.items()], **named)


class _Parameter(NamedTuple):
    """A parameter that the model is told of; `default` is `inspect.Parameter.empty` where there is none."""

    name: str
    hint: Any
    default: Any
    description: str

    @property
    def needed(self) -> bool:
        return self.default is inspect.Parameter.empty


def function_tool(function: Callable[..., Any], name: str | None = None) -> Tool:
    """The tool that `function` is, by its signature, annotations and docstring.

    A parameter without an annotation takes anything. One with a default may be left out by the model; if its
    annotation is a class that no JSON stands for, the model is not told of it.

    Args:
        name: what the model calls it; the function's own name by default.

    Raises:
        DeclarationError: its name is none that models take, or it has parameters that a model cannot give.
    """
    plain = _plain(function)
    name = _checked_name(name or getattr(plain, "__name__", ""))
    if inspect.isasyncgenfunction(plain) or inspect.isgeneratorfunction(plain):
        raise DeclarationError(f"{name} yields its results one by one; a tool returns them, all in a list.")
    signature = _signature(name, function)
    document = read_docstring(_document(function, plain), signature.parameters)
    parameters = [
        _Parameter(each.name, hint, each.default, _remark(hint) or document.parameters.get(each.name, ""))
        for each, hint in _told_of(function, plain, signature)
    ]
    adapter, schema = _shape(name, parameters)
    by_position = [each for each in signature.parameters.values() if each.kind is each.POSITIONAL_ONLY]
    return Tool(
        name=name,
        description=_cut(document.text),
        parameters=schema,
        function=function,
        blocking=not inspect.iscoroutinefunction(plain),
        takes_context=CONTEXT in signature.parameters,
        adapter=adapter,
        positional={each.name: each.default for each in by_position},
    )


# What the function says


def _plain(function: Callable[..., Any]) -> Any:
    """The function itself, where it is called through `functools.partial` or an object with `__call__`."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function) or isinstance(function, type):
        return function
    return getattr(type(function), "__call__", function)  # noqa: B004


def _document(function: Callable[..., Any], plain: Any) -> str:
    own = plain if isinstance(function, functools.partial) or plain is function else function
    return inspect.getdoc(plain) or inspect.getdoc(own) or ""


def _checked_name(name: Any) -> str:
    if name == "<lambda>" or not name or name == "__call__":
        raise DeclarationError("a tool needs a name; write a def, and not a lambda or an object without a name.")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise DeclarationError(
            f"{name!r} cannot name a tool: models take at most 64 letters of a to z, digits, _ and - for it."
        )
    return name


def _signature(name: str, function: Callable[..., Any]) -> inspect.Signature:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        raise DeclarationError(
            f"{name} does not say which parameters it has; write a def that calls it, and give that as the tool."
        ) from None
    for each in signature.parameters.values():
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            raise DeclarationError(
                f"{name} takes {each}, but a model has to be told of each parameter of a tool: "
                f"write def {name}(query, limit=10)."
            )
    return signature


def _told_of(
    function: Callable[..., Any], plain: Any, signature: inspect.Signature
) -> Iterable[tuple[inspect.Parameter, Any]]:
    hints, bound = {**hints_of(plain), **hints_of(function)}, _bound(function)
    for each in signature.parameters.values():
        own = Any if each.annotation is each.empty or isinstance(each.annotation, str) else each.annotation
        hint = hints.get(each.name, own)
        if each.name != CONTEXT and each.name not in bound:
            yield each, _or_none(hint) if each.default is None else hint


def _bound(function: Any) -> set[str]:
    """The parameters that `functools.partial` has given already; their values are none of the model's business."""
    names = set[str]()
    while isinstance(function, functools.partial):
        names |= set(function.keywords)
        function = function.func
    return names


def _or_none(hint: Any) -> Any:
    try:
        return Optional[hint]  # noqa: UP045  # `|` takes no text
    except TypeError:  # not all that can stand as an annotation can stand in a union
        return hint


def _remark(hint: Any) -> str:
    """What `Annotated` says in words, of the parameter or of what it is where it is not None."""
    if is_union(hint):
        return next(filter(None, map(_remark, get_args(hint))), "")
    remarks = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((each for each in remarks if isinstance(each, str)), "")


def _cut(text: str) -> str:
    if len(text) <= LONGEST_DESCRIPTION:
        return text
    return text[: LONGEST_DESCRIPTION - 2].rsplit(maxsplit=1)[0] + " …"


# Its schema


def _shape(tool: str, parameters: list[_Parameter]) -> tuple[TypeAdapter[Any], dict[str, Any]]:
    from nbgraph.models.schemas import record_of, schema_of

    def made(taken: list[_Parameter]) -> tuple[TypeAdapter[Any], dict[str, Any]]:
        adapter = record_of(tool, {each.name: (each.hint, each.needed) for each in taken})
        return adapter, _own(schema_of(adapter))

    try:
        adapter, schema = made(parameters)
    except Exception:  # an annotation may be anything
        parameters = [each for each in parameters if _is_readable(tool, each)]
        adapter, schema = made(parameters)
    return adapter, _described(schema, parameters)


def _is_readable(tool: str, parameter: _Parameter) -> bool:
    """Whether JSON stands for its values; one that is needed has to be."""
    from nbgraph.models.schemas import record_of, schema_of

    try:
        _own(schema_of(record_of(tool, {parameter.name: (parameter.hint, True)})))
    except Exception as error:
        if not parameter.needed:
            return False
        why = told(error).partition("\n")[0].partition(". Set `arbitrary")[0].rstrip(".")
        raise DeclarationError(
            f"{tool}: no model can give {parameter.name}: {spelt(parameter.hint)} ({why}). "
            f"Take a type such as str, a Literal or a dataclass, or give {parameter.name} a default."
        ) from None
    return True


def _own(schema: dict[str, Any]) -> dict[str, Any]:
    if "properties" not in schema:
        raise TypeError("it stands for all of the arguments")
    return schema


def _described(schema: dict[str, Any], parameters: list[_Parameter]) -> dict[str, Any]:
    properties = {}
    for each in parameters:
        told_of = dict(schema["properties"][each.name])
        if each.description:
            told_of.setdefault("description", _cut(each.description))
        told_of |= _default(each)
        properties[each.name] = told_of
    required = [each.name for each in parameters if each.needed]
    rest = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False, **rest}


def _default(parameter: _Parameter) -> dict[str, Any]:
    """The default, as the schema tells it; nothing where it says nothing, is long, no JSON, or secret."""
    from pydantic_core import to_json

    default = parameter.default
    if parameter.needed or default is None or _is_secret(parameter.name):
        return {}
    try:
        plain = json.loads(to_json(default, inf_nan_mode="constants", by_alias=False))
        length = len(json.dumps(plain, allow_nan=False))
    except Exception:  # a default may be anything
        return {}
    return {"default": redacted_data(plain)} if length <= LONGEST_DEFAULT else {}


def _is_secret(name: str) -> bool:
    return bool(redacted_data({name: "x"}) != {name: "x"})


# Calls


def plain_arguments(text: str) -> dict[str, Any]:
    """The arguments that a model sent as JSON, as they are; nothing at all stands for none.

    Raises:
        BadCall: it is no JSON object.
    """
    from nbgraph.models.schemas import BadJson, bounded, json_of

    if text.strip() in ("", "null"):
        return {}
    try:
        plain = json_of(text)
    except BadJson as error:
        raise BadCall(bounded(f"the arguments are no JSON: {error}. Send one JSON object.")) from None
    if not isinstance(plain, dict):
        raise BadCall('the arguments are not one JSON object with a value for each, such as {"query": "bees"}.')
    return plain


def read_arguments(tool: Tool, text: str) -> dict[str, Any]:
    """The arguments that a model sent as JSON, as values of the annotated types; those that it left out are not there.

    Raises:
        BadCall: they do not fit; the message tells the model what is wrong with which.
    """
    return _read(tool, plain_arguments(text))


def whole_arguments(tool: Tool, given: Mapping[str, Any]) -> dict[str, Any]:
    """All that the function gets, as plain data: also the defaults of what the model left out, where JSON has them."""
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    parameters = inspect.signature(tool.function).parameters
    defaults = {name: each.default for name, each in parameters.items() if not _is_secret(name)}
    whole = {}
    for name in tool.parameters["properties"]:
        value = given.get(name, defaults.get(name, inspect.Parameter.empty))
        with suppress(PydanticSerializationError, ValueError):
            whole[name] = to_jsonable_python(value)
    return whole


def checked_edit(tool: Tool, before: Mapping[str, Any], edited: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments after a person has edited some, as values of the annotated types.

    Args:
        before: the arguments as the model sent them, plain.
        edited: those that a person gave, plain.

    Raises:
        BadCall: they do not fit.
    """
    from pydantic_core import to_json

    from nbgraph.models.schemas import BadJson, json_of

    try:
        plain = json_of(to_json({**before, **edited}).decode())
    except (BadJson, ValueError) as error:
        raise BadCall(f"the arguments are no JSON: {told(error)}.") from None
    return _read(tool, plain)


def _read(tool: Tool, plain: dict[str, Any]) -> dict[str, Any]:
    from nbgraph.models.schemas import Misread, bounded, read

    try:
        arguments: dict[str, Any] = read(tool.adapter, plain, tool.parameters["properties"])
    except Misread as error:
        raise BadCall(bounded(f"{tool.name} was not called. {error}")) from None
    return arguments


# Results


def shown(value: Any, limit: int = LONGEST_RESULT) -> str:
    """What a tool gave back, as the model is told it: a text as it is, anything else as JSON, None as null.

    What is longer than `limit` is cut, and says so.
    """
    from nbgraph.models.schemas import as_text

    text = sound(as_text(value))
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\n[cut: these are the first {limit} of {len(text)} characters]"
