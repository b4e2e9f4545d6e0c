"""How one text differs from another, by lines and words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from nbgraph.view.text_diff import LINES, LONGEST, ROWS, rows_page


def told(before: str, after: str) -> list[str]:
    page = rows_page(before, after)
    assert page is not None
    shown = [
        "".join(f"[{sign}{text}]" if sign in "+-" else text for sign, text in row["spans"]) for row in page["rows"]
    ]
    return [f"{row['sign']} {text}".rstrip() for row, text in zip(page["rows"], shown, strict=True)]


def test_a_line_that_changed_a_little_is_told_by_words() -> None:
    assert told("Bees are small.", "Bees are very small!") == ["~ Bees are [+very ]small[-.][+!]"]


def test_a_line_that_became_another_one_is_told_as_gone_and_come() -> None:
    assert told("abc", "xyz") == ["- [-abc]", "+ [+xyz]"]


def test_lines_that_came_and_went_stand_between_those_that_stayed() -> None:
    assert told("a\nb\nc", "a\nc\nd") == ["= a", "- [-b]", "= c", "+ [+d]"]


def test_many_lines_as_before_are_counted_and_not_shown() -> None:
    lines = [f"line {number}" for number in range(50)]
    after = [*lines]
    after[25] = "another"
    page = rows_page("\n".join(lines), "\n".join(after))
    assert page is not None
    assert [row["sign"] for row in page["rows"]] == ["…", "=", "=", "-", "+", "=", "=", "…"]
    assert [row["count"] for row in page["rows"] if row["sign"] == "…"] == [23, 22]


def test_more_rows_come_page_by_page() -> None:
    after = "\n".join(f"{number}" for number in range(ROWS + 30))
    first = rows_page("", after)
    assert first is not None
    rest = rows_page("", after, ROWS)
    assert rest is not None
    assert (len(first["rows"]), first["more"], rest["more"]) == (ROWS, True, False)
    assert len(rest["rows"]) == 30 + 1


def test_texts_that_are_too_long_are_not_compared() -> None:
    assert rows_page("x" * LONGEST, "y") is None
    assert rows_page("\n" * LINES, "y") is None


LINE = some.text("ab c", max_size=6)
TEXT = some.lists(LINE, max_size=6).map("\n".join)


@given(TEXT, TEXT)
def test_the_rows_without_what_came_are_the_old_text_and_without_what_went_the_new_one(one: str, other: str) -> None:
    page = rows_page(one, other)
    assert page is not None
    if any(row["sign"] == "…" for row in page["rows"]):
        return
    for gone, text in (("+", one), ("-", other)):
        kept = [
            "".join(text for sign, text in row["spans"] if sign != gone) for row in page["rows"] if row["sign"] != gone
        ]
        assert "\n".join(kept) == text
