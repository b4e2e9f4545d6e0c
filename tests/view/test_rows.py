from typing import Any

import pytest

from nbgraph.view.rows import LIVE_ROWS, RECORD_ROWS, Row, Rows


class Read:
    """A value that counts how often somebody made a text of it."""

    def __init__(self) -> None:
        self.times = 0

    def __repr__(self) -> str:
        self.times += 1
        return "<read>"


def row(step: int, value: Any = 1) -> Row:
    return Row({"step": step}, {"text": value}, [("draft", "score 6 < 7", "if score < 7")])


def steps(rows: list[dict[str, Any]]) -> list[int]:
    return [told["step"] for told in rows]


def test_a_row_tells_what_was_written_and_where_the_run_went_on_to() -> None:
    told = row(3, "bees").told()
    assert told == {
        "step": 3,
        "update": {"text": "'bees'"},
        "edges": [{"target": "draft", "reason": "score 6 < 7"}],
    }


def test_a_reason_that_names_a_secret_gives_way_to_the_guard() -> None:
    told = Row({}, {}, [("draft", "token 'abc' != ''", "if token")]).told()
    assert told["edges"] == [{"target": "draft", "reason": "if token"}]


def test_the_texts_of_a_row_are_made_once_and_its_values_let_go() -> None:
    value = Read()
    made = row(1, value)
    assert made.told() is made.told()
    assert value.times == 1
    assert made._update is None


def test_rows_that_nobody_reads_in_time_are_counted_and_never_made_into_text() -> None:
    rows, values = Rows(), [Read() for _ in range(RECORD_ROWS + 100)]
    for step, value in enumerate(values, 1):
        rows.add(row(step, value))
    rows.newest()
    assert rows.count == RECORD_ROWS + 100
    assert [value.times for value in values] == [0] * 100 + [1] * RECORD_ROWS


@pytest.mark.parametrize("number", [0, 1, LIVE_ROWS])
def test_the_newest_rows_are_the_last_ones_in_their_order(number: int) -> None:
    rows = Rows()
    for step in range(1, 301):
        rows.add(row(step))
    assert steps(rows.newest(number)) == list(range(301 - number, 301))


def test_news_are_the_rows_since_the_last_call() -> None:
    rows = Rows()
    assert rows.news() == []
    rows.add(row(1))
    rows.add(row(2))
    assert steps(rows.news()) == [1, 2]
    rows.newest()
    rows.add(row(3))
    assert steps(rows.news()) == [3]
    assert rows.news() == []


def test_of_many_news_the_newest_are_told_and_the_values_of_all_let_go() -> None:
    rows = Rows()
    made = [row(step) for step in range(1, RECORD_ROWS + 1)]
    for each in made:
        rows.add(each)
    assert steps(rows.news()) == list(range(RECORD_ROWS - LIVE_ROWS + 1, RECORD_ROWS + 1))
    assert all(each._update is None for each in made)
