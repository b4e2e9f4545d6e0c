"""Scripts and styles of widgets: the small files of a folder, joined and packed into one text as a widget wants it.

Each widget sends a copy to its page, and a saved notebook may keep it, so it is made small.
"""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from gzip import compress
from pathlib import Path

STATIC = Path(__file__).parent / "static"
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default )", re.MULTILINE)
_NOTE = re.compile(r"^\s*//.*\n", re.MULTILINE)
_STYLE_NOTE = re.compile(r"^\s*/\*.*?\*/\n", re.MULTILINE | re.DOTALL)
_INDENT = re.compile(r"^[ ]+|\n(?=\n)", re.MULTILINE)
_LOADER = """\
async function inflated(text) {
  const bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}
const id = "nbgraph-FOLDER-styles", made = Object.assign(document.createElement("style"), { id });
(document.getElementById(id) || document.head.appendChild(made)).textContent = await inflated("STYLES");
const url = URL.createObjectURL(new Blob([await inflated("SCRIPT")], { type: "text/javascript" }));
const { default: widget } = await import(url);
URL.revokeObjectURL(url);
export default widget;
"""


@cache
def packed(folder: str) -> str:
    """A script that unpacks the one of a folder and is what it is, and that gives the page the styles, once."""
    named = f"{script(folder)}//# sourceURL=nbgraph/{folder}.js\n"  # as which the page's messages of errors name it
    parts = {"FOLDER": folder, "STYLES": _small(styles(folder)), "SCRIPT": _small(named)}
    return re.sub("|".join(parts), lambda found: parts[found[0]], _LOADER)


def _small(text: str) -> str:
    return b64encode(compress(text.encode(), mtime=0)).decode()


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
