"""Outputs: the type of an agent's answer, as a schema for the model and as the value that its text is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import BuiltinFunctionType, FunctionType, NoneType
from typing import TYPE_CHECKING, Any

from nbgraph.core.annotations import bare, spelt
from nbgraph.core.type_agreement import Value, members
from nbgraph.errors import DeclarationError, brief, told

if TYPE_CHECKING:
    from pydantic import TypeAdapter

VALUE = "value"  # the field of an answer that is no object by itself
FENCE = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)(?:^[ \t]*```[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
LIKE_JSON = ("{", "[", '"', "`")
AROUND_A_WORD = " \t\r\n\"'`*_.!"


class BadOutput(Exception):
    """An answer that does not fit its type; the message tells the model what is wrong with it."""


@dataclass(frozen=True, eq=False)
class Output:
    """The type of an answer.

    `schema` is the JSON schema of the answer, always of an object; `strict` says whether it keeps the rules of
    endpoints that hold a model to a schema. `instruction` says it in words, for a model whose endpoint takes no schema.
    `outcomes` are the texts that the answer is one of, empty where it may be more.
    """

    name: str
    schema: Mapping[str, Any]
    strict: bool
    outcomes: tuple[str, ...]
    instruction: str
    wrapped: bool = field(repr=False)
    adapter: TypeAdapter[Any] = field(repr=False)

    def value(self, text: str) -> Any:
        """The value that a model's answer is.

        The text is JSON, alone or in the answer's one fenced block. A text, and what is read from one, may stand bare,
        and one of the `outcomes` in other letters or quotes.

        Raises:
            BadOutput: it does not fit; the message tells the model what is wrong.
        """
        from nbgraph.models.schemas import BadJson, bounded, json_of

        if not text.strip():
            raise BadOutput("The answer is empty.")
        word = self._outcome(text)
        try:
            plain = json_of(_json_in(text)) if word is None else word
        except BadJson as error:
            if not self.wrapped or text.lstrip().startswith(LIKE_JSON):
                raise BadOutput(bounded(f"The answer is not the JSON that was asked for: {error}.")) from None
            plain = text.strip()
        if self.wrapped and isinstance(plain, dict) and set(plain) == {VALUE}:
            return self._read(plain[VALUE], VALUE)
        return self._read(plain)

    def _read(self, plain: Any, place: str = "") -> Any:
        from nbgraph.models.schemas import Misread, bounded, read

        try:
            return read(self.adapter, plain, root=place)
        except Misread as error:
            form = f' Give it as {{"{VALUE}": ...}}.' if self.wrapped and not place else ""
            raise BadOutput(bounded(f"The answer does not fit its schema. {error}") + form) from None

    def _outcome(self, text: str) -> str | None:
        """The outcome that the answer is as a bare word, however it is written and quoted."""
        if text.strip() in self.outcomes:
            return text.strip()
        word = text.strip(AROUND_A_WORD).casefold()
        alike = [each for each in self.outcomes if each.strip(AROUND_A_WORD).casefold() == word]
        return alike[0] if len(alike) == 1 else None


def read_output(hint: Any) -> Output:
    """The type of an answer: a pydantic model, a dataclass, a TypedDict, a Literal, an enum, a list, an int, a union.

    Raises:
        DeclarationError: it is no type, or JSON does not stand for its values.
    """
    from nbgraph.models.schemas import adapter_of, schema_of
    from nbgraph.models.strictness import strict_schema

    if hint is None or hint is NoneType or isinstance(hint, str | FunctionType | BuiltinFunctionType):
        raise _refusal(hint, "it is no type")
    try:
        adapter = adapter_of(hint)
        schema = schema_of(adapter)
    except Exception as error:  # an annotation may be anything
        why = told(error).partition("\n")[0].partition(". Set `arbitrary")[0].rstrip(".")
        raise _refusal(hint, f"not all of it can be read from JSON ({why})") from None
    root, wrapped = _root(schema)
    strict, outcomes = strict_schema(root), _outcomes(hint)
    return Output(
        name=re.sub(r"\W+", "_", spelt(hint), flags=re.ASCII).strip("_")[:64] or "answer",
        schema=root if strict is None else strict,
        strict=strict is not None,
        outcomes=outcomes,
        instruction=_instruction(root, outcomes),
        wrapped=wrapped,
        adapter=adapter,
    )


def _refusal(hint: Any, why: str) -> DeclarationError:
    what = brief(hint) if isinstance(hint, str) else spelt(hint)
    advice = "Give a type such as a Literal, a dataclass, a pydantic model or list[str]"
    return DeclarationError(f"no model can answer with {what}: {why}. {advice}.")


def _root(schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The schema of the whole answer, and whether the value is one field of it."""
    rest = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    own = {key: value for key, value in schema.items() if key != "$defs"}
    root = schema["$defs"][own["$ref"].removeprefix("#/$defs/")] if set(own) == {"$ref"} else own
    if "properties" in root:
        return {**root, **rest}, False
    wrapped = {"type": "object", "properties": {VALUE: own}, "required": [VALUE], "additionalProperties": False}
    return {**wrapped, **rest}, True


def _outcomes(hint: Any) -> tuple[str, ...]:
    kind = bare(hint)
    if isinstance(kind, type) and issubclass(kind, Enum) and issubclass(kind, str):
        return tuple(str(member.value) for member in kind)
    choices = [member.value for member in members(kind) if isinstance(member, Value) and type(member.value) is str]
    return tuple(dict.fromkeys(choices)) if len(choices) == len(members(kind)) else ()


def _instruction(schema: Mapping[str, Any], outcomes: tuple[str, ...]) -> str:
    if outcomes:
        return f"Answer with one of these and nothing else: {json.dumps(outcomes, ensure_ascii=False)[1:-1]}."
    told_of = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    return f"Answer with one JSON object that fits this JSON schema, and with nothing else:\n{told_of}"


def _json_in(text: str) -> str:
    """The JSON of an answer: all of it, or what stands in its one fenced block."""
    from nbgraph.models.schemas import BadJson

    blocks = FENCE.findall(text)
    if len(blocks) > 1 and not text.lstrip().startswith(("{", "[")):
        raise BadJson(f"it has {len(blocks)} fenced blocks, and one is wanted")
    return str(blocks[0]) if len(blocks) == 1 else text
