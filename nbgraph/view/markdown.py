"""A question's Markdown as safe HTML: the author's text is rendered first, values are then inserted as text."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from nbgraph.errors import TextError
from nbgraph.view.values import plain

LIMIT = 10_000
_PLACEHOLDER = re.compile(r"\{\{\s*([^\W\d]\w*)\s*\}\}")
_OPEN, _CLOSE = "\ue000", "\ue001"
_SLOT = re.compile(f"{_OPEN}(\\d+){_CLOSE}")


def placeholders(template: str) -> tuple[str, ...]:
    """The keys that a question names as `{{ key }}`, each once, in order.

    Raises:
        TextError: a `{{` that does not begin a placeholder.
    """
    rest = _PLACEHOLDER.sub(lambda found: " " * len(found[0]), template)
    if "{{" in rest:
        raise _malformed(template, rest.index("{{"))
    return tuple(dict.fromkeys(_PLACEHOLDER.findall(template)))


def question_html(template: str, values: Mapping[str, Any]) -> str:
    """A question as HTML: raw HTML and images off, links only http(s), values as text and never as links.

    A key without a value stays as it is written.

    Raises:
        TextError: a `{{` that does not begin a placeholder.
    """
    placeholders(template)
    found: list[str] = []
    marked = _PLACEHOLDER.sub(lambda match: _slot(found, match[0]), template.translate({0xE000: None, 0xE001: None}))
    rendered = _render(plain(marked))
    return _SLOT.sub(lambda match: _inserted(found, int(match[1]), values), rendered)


def display(value: Any) -> str:
    """A value as text for reading: strings as they are, else JSON where it can be, else repr; bounded."""
    text = value if isinstance(value, str) else _pretty(value)
    left = len(text) - LIMIT
    return plain(text if left <= 0 else f"{text[:LIMIT]}… ({left:,} more characters)")


def _pretty(value: Any) -> str:
    try:
        return json.dumps(value, indent=2, ensure_ascii=False)
    except (TypeError, ValueError):
        return repr(value)


def _malformed(template: str, at: int) -> TextError:
    before = template[:at]
    line, column = before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1
    message = "`{{` must hold one key and be closed, as in `{{ draft }}`."
    return TextError(message, template, line, column, "question")


def _slot(found: list[str], written: str) -> str:
    found.append(written)
    return f"{_OPEN}{len(found) - 1}{_CLOSE}"


def _inserted(found: list[str], index: int, values: Mapping[str, Any]) -> str:
    # an entity such as &#xE000; in the author's text can look like a slot
    written = found[index] if index < len(found) else ""
    key = written[2:-2].strip()
    text = display(values[key]) if key in values else written
    return f'<span class="nbgraph-value">{html.escape(text)}</span>'


def _render(marked: str) -> str:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "html_block", "html_inline"])
    # an unwanted target becomes an empty one here, and the link around it is then dropped
    parser.normalizeLink = _target  # type: ignore[method-assign]
    parser.normalizeLinkText = lambda link: link  # type: ignore[method-assign]
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    tokens = _harmless(parser.parse(marked))
    return str(parser.renderer.render(tokens, parser.options, {}))


def _target(url: str) -> str:
    wanted = re.match(r"https?://[^\s/]", url, re.IGNORECASE) and _OPEN not in url
    return MarkdownIt().normalizeLink(url) if wanted else ""


def _harmless(tokens: list[Token]) -> list[Token]:
    kept = []
    for token in tokens:
        if token.type == "fence":
            token.info = ""
        if token.children:
            token.children = _without_dead_links(token.children)
        kept.append(token)
    return kept


def _without_dead_links(tokens: list[Token]) -> list[Token]:
    kept: list[Token] = []
    alive: list[bool] = []
    for token in tokens:
        if token.type == "link_open":
            alive.append(bool(token.attrGet("href")))
            token.attrs = {"href": token.attrGet("href") or "", "rel": "noopener noreferrer", "target": "_blank"}
        if token.type not in ("link_open", "link_close") or alive[-1]:
            kept.append(token)
        if token.type == "link_close":
            alive.pop()
    return kept
