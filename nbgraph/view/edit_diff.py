"""What a person changed in a value, as HTML: readable without colours and without styles, every text escaped."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from nbgraph.view.text_diff import ROWS, Row, rows_page

TAGS = {"+": "ins", "-": "del"}
SHORT = 40  # characters: two words as short as this stand beside each other


def difference(before: Any, after: Any, written: Callable[[Any], str]) -> str:
    """What tells `after` from `before`, by lines and words; empty where nothing does.

    Args:
        written: gives a value that is no text as one.
    """
    old, new = (value if isinstance(value, str) else written(value) for value in (before, after))
    if old == new:
        return ""
    if all(len(text) <= SHORT and len(text.split()) == 1 for text in (old, new)):
        return _box(f"<div><del>{escape(old)}</del> → <ins>{escape(new)}</ins></div>")
    page = rows_page(old, new)
    if page is None:
        return _box(f"<div>{len(old):,} characters → {len(new):,}: too long to be compared here</div>")
    more = f"<div>more than {ROWS} lines changed; the first are shown</div>" if page["more"] else ""
    return _box("".join(_row(row) for row in page["rows"]) + more)


def _box(rows: str) -> str:
    return f'<div class="nbgraph-edited" role="group" aria-label="what you changed" tabindex="0">{rows}</div>'


def _row(row: Row) -> str:
    if row["sign"] == "…":
        return f"<div>… {row['count']:,} line{'s' * (row['count'] != 1)} as before</div>"
    sign = "" if row["sign"] == "=" else row["sign"]
    return f"<div><span>{sign}</span>{''.join(_span(*span) for span in row['spans'])}</div>"


def _span(sign: str, text: str) -> str:
    tag = TAGS.get(sign)
    return f"<{tag}>{escape(text)}</{tag}>" if tag else escape(text)
