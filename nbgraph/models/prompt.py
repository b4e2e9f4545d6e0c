"""Prompts: the cell of an agent as the parts of a conversation, with places for values.

A line that begins with `system:` or `user:` begins that part; without such a line all of it is the user's. The text is
split before values are filled in, so that no value begins a part or is read as a template. A text stands in the prompt
as it is, any other value as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from nbgraph.core.names import check_name
from nbgraph.core.places import fault
from nbgraph.errors import DeclarationError, MissingKey, RunError, TextError, nearest, told

if TYPE_CHECKING:
    from nbgraph.models.sandbox import Filling, Unfilled, Variable

ROLES = ("system", "user")
MARKER = re.compile(rf"({'|'.join(ROLES)}):[ \t]*")
LINE_END = re.compile(r"\r\n|\r|\n")  # as Jinja counts lines


class _Line(NamedTuple):
    """A line of the cell: its number, where it begins in the cell, and what it holds without the common indent."""

    number: int
    begin: int
    text: str


class _Part(NamedTuple):
    """A part of the prompt: its text, the line of the cell in which that begins, and the template that it is."""

    text: str
    line: int
    filling: Filling


class Prompt:
    """What a model is asked, with places for values.

    `reads` are the keys that it needs, each with whether it has to be there, in the order of the text. `system` and
    `user` are the parts as they were written, empty where there are none.
    """

    def __init__(self, text: str, what: str, parts: Mapping[str, _Part], keys: Mapping[str, tuple[str, bool]]) -> None:
        self.text, self.what = text, what
        self.system, self.user = (parts[role].text if role in parts else "" for role in ROLES)
        self.reads: tuple[tuple[str, bool], ...] = tuple(keys.values())
        self._parts, self._keys = parts, keys

    def __repr__(self) -> str:
        return f"Prompt({self.text!r})"

    def render(self, values: Mapping[str, Any]) -> tuple[str, str]:
        """The text of the system and of the user, each empty where the prompt has no such part.

        Raises:
            MissingKey: a key that it needs is not among the values.
            RunError: it cannot be filled in with these values.
        """
        given = {name: _ordered(values[key]) for name, (key, _) in self._keys.items() if key in values}
        return self._filled("system", given, values), self._filled("user", given, values)

    def _filled(self, role: str, given: Mapping[str, Any], values: Mapping[str, Any]) -> str:
        if role not in self._parts:
            return ""
        from nbgraph.models.sandbox import Unfilled

        part = self._parts[role]
        try:
            return part.filling.fill(given)
        except Unfilled as error:
            raise self._error(part, error, values) from error.__cause__

    def _error(self, part: _Part, error: Unfilled, values: Mapping[str, Any]) -> RunError:
        place = f"{self.what}, line {part.line + error.line - 1}"
        name, why = error.missing, told(error).rstrip(".")
        if name and name not in self._keys:
            why = f"it reads {name} before it sets it; give one of the two another name"
        if name not in self._keys:
            return RunError(f"{place}: the prompt cannot be filled in: {why}{'.' * (not why.endswith('?'))}")
        return MissingKey(
            f"{place}: the prompt needs the key {name!r}, and nothing has set it{nearest(name, values) or '.'} "
            f'Give it as an input of the run, or write {{{{ {name} | default("") }}}}.'
        )


def read_prompt(text: str, what: str = "%%agent") -> Prompt:
    """The prompt that a cell holds.

    Args:
        what: what is read, as an error says it.

    Raises:
        TextError: there is text before the first part, a part comes twice, the template cannot be read, or a name in
            it can be no key.
    """
    cell = _Cell(text, what)
    parts = {role: cell.part(lines) for role, lines in cell.split().items()}
    keys: dict[str, tuple[str, bool]] = {}
    for part in sorted(parts.values(), key=lambda part: part.line):
        for variable in part.filling.variables:
            needed = variable.needed or keys.get(variable.name, ("", False))[1]
            keys[variable.name] = (cell.key(part, variable), needed)
    return Prompt(text, what, parts, keys)


class _Cell:
    """The text of a cell, and the places in it that errors point at."""

    def __init__(self, text: str, what: str) -> None:
        self.text, self.what = text, what
        begins = [0, *(end.end() for end in LINE_END.finditer(text))]
        lines = LINE_END.split(text)
        margin = _margin(lines)
        first = 0 if _indent(lines[0]) < margin else margin
        self.lines = [_Line(1, 0, lines[0][first:])]
        self.lines += [_Line(number, begins[number - 1], line[margin:]) for number, line in enumerate(lines[1:], 2)]

    def split(self) -> dict[str, list[_Line]]:
        """The lines of each part, by role."""
        parts: dict[str, list[_Line]] = {}
        into = before = list[_Line]()
        for line in self.lines:
            begun = MARKER.match(line.text)
            if begun is None:
                into.append(line)
                continue
            role = begun[1]
            if role in parts:
                raise self.fault(f"there are two {role}: parts; write all of it below one.", line.number, role)
            into = parts[role] = [line._replace(text=line.text[begun.end() :])]
        stray = next((line for line in before if line.text.strip()), None)
        if stray is not None and parts:
            begin = f"{next(iter(parts))}:"
            raise self.fault(f"this stands before {begin} and belongs to no part; put it below one.", stray.number)
        return parts or {"user": [_Line(1, 0, ""), *before]}

    def part(self, lines: list[_Line]) -> _Part:
        """The part that these lines are; the first is what stands beside the marker."""
        from nbgraph.models.sandbox import Unreadable, compiled

        margin = min((_indent(line.text) for line in lines[1:] if line.text.strip()), default=0)
        texts = [lines[0].text, *(line.text[margin:] for line in lines[1:])]
        while len(texts) > 1 and not texts[0].strip():
            del texts[0]
        text, line = "\n".join(texts).rstrip(), lines[-len(texts)].number
        try:
            return _Part(text, line, compiled(text))
        except Unreadable as error:
            raise self.fault(told(error), line + error.line - 1, error.word) from None

    def key(self, part: _Part, variable: Variable) -> str:
        """The key that a variable of the template reads."""
        name, line = variable.name, part.line + variable.line - 1
        try:
            return check_name(name, "key")
        except DeclarationError as error:
            raise self.fault(f"{told(error)}.", line, name) from None

    def fault(self, message: str, number: int, word: str = "") -> TextError:
        """An error that points at a word of a line, in its first tag if it stands in one, else at the line's begin."""
        begin = self.lines[number - 1].begin
        line = LINE_END.split(self.text[begin:], maxsplit=1)[0]
        tag = max(line.find("{"), 0)
        found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", line[tag:]) if word else None
        column = tag + found.start() if found else line.find(word) if word in line else 0
        return fault(message, self.text, begin + (column if word else _indent(line)), self.what)


def _margin(lines: list[str]) -> int:
    """The indent of all lines; of all but the first where that is the text of a string in Python that has parts."""
    all_but_first = min((_indent(line) for line in lines[1:] if line.strip()), default=0)
    if not lines[0].strip() or _indent(lines[0]) >= all_but_first:
        return all_but_first
    has_parts = any(MARKER.match(line[all_but_first:]) for line in lines[1:])
    return all_but_first if has_parts else _indent(lines[0])


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _ordered(value: Any) -> Any:
    """A set in an order that is the same in every process, so that a run that goes on elsewhere asks the same."""
    return sorted(value, key=repr) if type(value) in (set, frozenset) else value
