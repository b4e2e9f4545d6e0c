"""Docstrings: what a function says of itself and of its parameters, in the styles of Google, numpy and Sphinx."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

PARAMETERS = ("args", "arguments", "parameters", "params", "keyword args", "keyword arguments", "other parameters")
OTHERS = (
    *("returns", "return", "yields", "yield", "raises", "raise", "warns", "example", "examples", "note", "notes"),
    *("see also", "references", "attributes", "todo", "warning", "warnings", "receives", "methods"),
)
NAMES = r"\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*"
RULE = re.compile(r"(-{3,}|={3,})\s*")
FIELD = re.compile(r":(\w+)(?:\s+([^:]*))?:(?:\s+(.*))?")  # :param int limit: how many
GOOGLE = re.compile(rf"({NAMES})\s*(?:\(.*?\))?\s*:(?:\s+(.*))?")  # limit (int): how many
NUMPY = re.compile(rf"({NAMES})\s*(?::.*)?()")  # limit : int


class Document(NamedTuple):
    """What a docstring says: of the function, and of each parameter that it names."""

    text: str
    parameters: dict[str, str]


class _Section(NamedTuple):
    """Lines that belong together, and how their entries are written; None where they are no entries."""

    title: str
    entries: re.Pattern[str] | None
    lines: list[str]


def read_docstring(text: str, names: Collection[str]) -> Document:
    """What a docstring says of a function with the parameters `names`; what it says of anything else is left out.

    Args:
        text: the docstring, without the indent of the code.
    """
    said, found = list[str](), dict[str, str]()
    for section in _sections(text.splitlines()):
        if not section.title:
            said += section.lines
        elif section.title in PARAMETERS and section.entries:
            found |= {name: told for name, told in _entries(section) if name in names}
    return Document(re.sub(r"\n{3,}", "\n\n", "\n".join(said)).strip(), found)


def _sections(lines: list[str]) -> Iterator[_Section]:
    section = _Section("", None, [])
    for index, line in enumerate(lines):
        begun = _begun(lines, index)
        if begun is None and section.title and section.entries is not NUMPY and line[:1].strip():
            begun = _Section("", None, [line])  # a section ends with its indent
        if begun is not None:
            yield section
            section = begun
        elif not (section.entries is NUMPY and not section.lines and RULE.fullmatch(line)):
            section.lines.append(line)
    yield section


def _begun(lines: list[str], index: int) -> _Section | None:
    """The section that begins with this line, if one does."""
    line, follows = lines[index], lines[index + 1] if index + 1 < len(lines) else ""
    title = line.rstrip().rstrip(":").lower()
    if title in PARAMETERS or title in OTHERS:
        if RULE.fullmatch(follows):
            return _Section(title, NUMPY, [])
        indented = next((each for each in lines[index + 1 :] if each.strip()), "")[:1].isspace()
        return _Section(title, GOOGLE, []) if line.rstrip().endswith(":") and indented else None
    field = FIELD.fullmatch(line)
    if field is None:
        return None
    if field[1] not in ("param", "parameter", "arg", "argument", "key", "keyword") or not field[2]:
        return _Section("field", None, [])
    name = field[2].split()[-1].lstrip("*\\")
    return _Section("args", GOOGLE, [f"{name}: {field[3] or ''}"])


def _entries(section: _Section) -> Iterator[tuple[str, str]]:
    """Each parameter of a section with what is said of it, in one line."""
    assert section.entries
    names, told = list[str](), list[str]()
    margin = next((_indent(line) for line in section.lines if line.strip()), 0)
    for line in [*section.lines, " " * margin + "end:"]:
        entry = section.entries.fullmatch(line.strip()) if _indent(line) <= margin and line.strip() else None
        if entry is None:
            told.append(line)
            continue
        yield from ((name, " ".join(" ".join(told).split())) for name in names)
        names, told = re.findall(r"\w+", entry[1]), [entry[2] or ""]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
