"""Differences between two texts, by lines and within them by words, as rows that a page shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import islice
from typing import Any

from nbgraph.view.values import plain

LONGEST = 100_000  # characters of both texts
LINES = 2_000
WORDS = 600  # of a line whose words are compared
AROUND = 2  # lines shown before and after what changed
ROWS = 120  # a page
ROW = 2_000  # characters

_WORD = re.compile(r"\w+|\s+|[^\w\s]")

Row = dict[str, Any]
Span = list[str]


def rows_page(before: str, after: str, offset: int = 0) -> dict[str, Any] | None:
    """A page of the rows that tell `after` from `before`; None where they are too long to be compared.

    A row has a `sign`: "=" as it was, "-" gone, "+" new, "~" changed within, "…" for `count` lines left out. Its
    `spans` are pairs of such a sign and a text.
    """
    if len(before) + len(after) > LONGEST:
        return None
    old, new = plain(before).split("\n"), plain(after).split("\n")
    if max(len(old), len(new)) > LINES:
        return None
    found = list(islice(_rows(old, new), offset, offset + ROWS + 1))
    return {"rows": found[:ROWS], "offset": offset, "more": len(found) > ROWS}


def _rows(old: Sequence[str], new: Sequence[str]) -> Iterator[Row]:
    codes = SequenceMatcher(None, old, new, autojunk=True).get_opcodes()
    for place, (kind, start, end, begin, stop) in enumerate(codes):
        if kind == "equal":
            yield from _same(old[start:end], first=place == 0, last=place == len(codes) - 1)
        else:
            yield from _changed(old[start:end], new[begin:stop])


def _same(lines: Sequence[str], first: bool, last: bool) -> Iterator[Row]:
    head, tail = 0 if first else AROUND, 0 if last else AROUND
    left = len(lines) - head - tail
    if left <= 1:
        yield from (_row("=", line) for line in lines)
        return
    yield from (_row("=", line) for line in lines[:head])
    yield {"sign": "…", "count": left, "spans": []}
    yield from (_row("=", line) for line in lines[len(lines) - tail :])


def _changed(old: Sequence[str], new: Sequence[str]) -> Iterator[Row]:
    """Lines that stand in the place of others: by words where as many went as came."""
    if len(old) == len(new):
        for one, other in zip(old, new, strict=True):
            yield from _words(one, other)
        return
    yield from (_row("-", line) for line in old)
    yield from (_row("+", line) for line in new)


def _words(one: str, other: str) -> Iterator[Row]:
    olds, news = _WORD.findall(one[:ROW]), _WORD.findall(other[:ROW])
    matcher = SequenceMatcher(None, olds, news, autojunk=False)
    if max(len(olds), len(news)) > WORDS or max(len(one), len(other)) > ROW or matcher.quick_ratio() < 0.3:
        yield _row("-", one)
        yield _row("+", other)
        return
    spans: list[Span] = []
    for kind, start, end, begin, stop in matcher.get_opcodes():
        if kind == "equal":
            spans.append(["=", "".join(olds[start:end])])
            continue
        spans += [["-", "".join(olds[start:end])]] * (end > start) + [["+", "".join(news[begin:stop])]] * (stop > begin)
    yield {"sign": "~", "spans": spans}


def _row(sign: str, line: str) -> Row:
    return {"sign": sign, "spans": [[sign, line if len(line) <= ROW else f"{line[:ROW]}…"]]}
