"""deadlines: what `24h=reject` means."""

from __future__ import annotations

from typing import Any

import pytest

from nbgraph.core.deadlines import describe, read_deadline, read_duration
from nbgraph.errors import DeclarationError

OPTIONS = ("approve", "reject", "send it")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30), ("0.5", 0.5), ("45s", 45), ("30m", 1800), ("24h", 86400), ("2d", 172800), ("1.5h", 5400), ("0", 0)],
)
def test_a_duration_has_a_unit_or_is_in_seconds(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "-1", "1e3", "5min", "1 h", "1h30m", "inf", "nan", "9" * 400, "１h"])
def test_what_is_no_duration_is_none(text: str) -> None:
    assert read_duration(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("24h=reject", (86400, "reject")),
        ("30m=approve", (1800, "approve")),
        ("45s = send it", (45, "send it")),
    ],
)
def test_a_deadline_is_a_time_and_an_option(text: str, expected: tuple[float, str]) -> None:
    assert read_deadline(text, OPTIONS) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("2h", "needs the option that is the answer then: `2h=send it`; not '2h'"),
        ("2h=", "needs the option that is the answer then: `2h=send it`"),
        ("", "needs the option that is the answer then: `24h=send it`"),
        ("soon=reject", "a time of more than 0s and at most 3650d, as 45s, 30m, 24h or 2d; not 'soon'"),
        ("0s=reject", "more than 0s"),
        ("3651d=reject", "at most 3650d"),
        ("2h=rejct", "the answer is one of approve, reject, send it, not 'rejct'; did you mean 'reject'?"),
        (7200, "a text such as '24h=reject', not 7200"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_write(text: Any, sentence: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        read_deadline(text, OPTIONS)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(86400, "24h"), (172800, "2d"), (1800, "30m"), (5400, "90m"), (45, "45s"), (0.5, "0.5s"), (90, "90s")],
)
def test_a_deadline_is_described_in_the_largest_unit_that_it_fills(seconds: float, words: str) -> None:
    assert describe(seconds, "reject") == f"until {words}, then reject"
