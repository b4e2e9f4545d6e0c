"""Scripts and styles of widgets: the small files of a folder, joined into one text as a widget wants it.

A saved notebook may keep a copy for each widget, so notes and indentation are left out.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

STATIC = Path(__file__).parent / "static"
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default )", re.MULTILINE)
_NOTE = re.compile(r"^\s*//.*\n", re.MULTILINE)
_STYLE_NOTE = re.compile(r"^\s*/\*.*?\*/\n", re.MULTILINE | re.DOTALL)
_INDENT = re.compile(r"^[ ]+|\n(?=\n)", re.MULTILINE)


@cache
def script(folder: str, entry: str = "main") -> str:
    """The modules of a folder as one: each after those that it imports, which have no name in common.

    A module imports by lines such as `import { make } from "./make.js";` and exports what it declares.
    """
    return _INDENT.sub("", "".join(_module(STATIC / folder, entry, set())))


def _module(folder: Path, name: str, seen: set[str]) -> list[str]:
    if name in seen:
        return []
    seen.add(name)
    text = (folder / f"{name}.js").read_text(encoding="utf-8")
    before = [part for needed in _IMPORT.findall(text) for part in _module(folder, needed, seen)]
    return [*before, _NOTE.sub("", _EXPORT.sub("", _IMPORT.sub("", text)))]


@cache
def styles(folder: str) -> str:
    """The style sheets of a folder as one; `base.css` is the first."""
    files = sorted((STATIC / folder).glob("*.css"), key=lambda path: (path.name != "base.css", path.name))
    texts = (_STYLE_NOTE.sub("", path.read_text(encoding="utf-8")) for path in files)
    return _INDENT.sub("", "".join(texts))
