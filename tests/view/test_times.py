"""times: hours of today, dates of other days, until when a question waits, how long it took."""

from dataclasses import replace
from datetime import datetime

import pytest

from nbgraph.view.times import clock, duration, until
from tests.view.stories import APPROVAL

NOW = datetime(2026, 11, 23, 13, 30).timestamp()


@pytest.mark.parametrize(
    ("then", "words"),
    [
        (datetime(2026, 11, 23, 14, 5), "14:05"),
        (datetime(2026, 11, 24, 14, 5), "24 Nov 14:05"),
        (datetime(2027, 1, 2, 9, 0), "2 Jan 2027 09:00"),
    ],
)
def test_a_time_is_as_long_as_it_must_be(then, words):
    assert clock(then.timestamp(), NOW) == words


def test_a_question_waits_until_its_deadline():
    asked = replace(APPROVAL, deadline=datetime(2026, 11, 23, 14, 5).timestamp(), otherwise="reject")
    assert until(asked, NOW) == "until 14:05, then reject"


def test_a_question_without_a_deadline_says_nothing():
    assert until(APPROVAL, NOW) == ""


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.4, "0 s"),
        (59.9, "59 s"),
        (125, "2 min 5 s"),
        (7200, "2 h 0 min"),
        (86399, "23 h 59 min"),
        (187_200, "2 d 4 h"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds, told):
    assert duration(seconds) == told
