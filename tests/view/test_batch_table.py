import re
from html.parser import HTMLParser

import pytest

from nbgraph.view.batch_table import COLUMNS, ShownBatch, ShownRow, html, table, text
from tests.view.stories import HOSTILE

MIXED = ShownBatch(
    "essay",
    {"done": 1, "failed": 1, "waiting": 1, "queued": 1},
    (
        ShownRow("a", "done", {"topic": "'bees'"}, {"text": "'Bees.'", "score": "8"}),
        ShownRow("b", "failed", {"topic": "'ants'"}, {}, "ValueError: no ants"),
        ShownRow("c", "waiting", {"topic": "'wasps'"}, {}, "waits for a person at gate"),
        ShownRow("d", "queued", {}, {}),
    ),
)


class Cells(HTMLParser):
    """The cells of a table, row by row, and all tags and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows, self.tags, self.attributes = [], set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data):
        if self.rows:
            self.rows[-1][-1] += data


def test_the_text_tells_each_row_and_no_time():
    assert text(MIXED).splitlines() == [
        "essay: 4 rows, 1 done, 1 failed, 1 waiting, 1 queued",
        "  a. topic = 'bees' -> done: text = 'Bees.', score = 8",
        "  b. topic = 'ants' -> failed: ValueError: no ants",
        "  c. topic = 'wasps' -> waiting: waits for a person at gate",
        "  d. queued",
    ]


def test_the_table_has_a_column_for_each_input_and_each_result():
    cells = Cells(table(MIXED)).rows
    assert cells[0] == ["row", "topic", "status", "note", "text", "score"]
    assert cells[1] == ["a", "'bees'", "✓\ufe0e\xa0done", "", "'Bees.'", "8"]
    assert cells[2] == ["b", "'ants'", "✗\ufe0e\xa0failed", "ValueError: no ants", "", ""]
    assert {len(row) for row in cells} == {6}


def test_without_errors_there_is_no_column_for_them():
    rows = (ShownRow("0", "done", {}, {"text": "1"}),)
    assert Cells(table(ShownBatch("essay", {"done": 1}, rows))).rows[0] == ["row", "status", "text"]


def test_a_result_that_is_called_like_an_input_is_told_apart():
    rows = (ShownRow("0", "done", {"text": "1"}, {"text": "2"}),)
    assert Cells(table(ShownBatch("essay", {"done": 1}, rows))).rows == [
        ["row", "text", "status", "text (result)"],
        ["0", "1", "✓\ufe0e\xa0done", "2"],
    ]


def test_rows_and_keys_that_are_left_out_are_told():
    wide = ShownRow("0", "done", {}, {f"key{n}": str(n) for n in range(COLUMNS + 2)})
    batch = ShownBatch("essay", {"done": 1500}, (wide,))
    assert "1,499 other rows are left out here." in table(batch)
    assert f"No column here for key{COLUMNS}, key{COLUMNS + 1}." in table(batch)
    assert "1,499 other rows are left out here." in text(batch)


def test_a_batch_of_no_rows_has_no_table():
    batch = ShownBatch("essay", {}, ())
    assert (text(batch), table(batch)) == ("essay: no rows", "")


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_is_shown_unescaped(hostile):
    rows = (ShownRow(hostile, hostile, {hostile: hostile}, {hostile: hostile}, hostile),)
    shown = Cells(html(ShownBatch(hostile, {hostile: 1}, rows), 1.0))
    assert shown.tags == {"div", "p", "strong", "time", "table", "thead", "tbody", "tr", "th", "td", "span"}
    assert shown.attributes == {"class", "align"}


def test_the_time_it_took_is_told():
    assert re.search(r"<time>(.*)</time>", html(MIXED, 125))[1] == "2 min 5 s"
