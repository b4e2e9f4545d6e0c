"""A run as it once stood: the same from what was folded before as from the beginning."""

from __future__ import annotations

import random
import threading

import pytest

from nbgraph.core.events import Status, StatusChanged, TaskFinished, TaskStarted
from nbgraph.core.lookback import Moment
from nbgraph.view import moment as module
from nbgraph.view.moment import Folds, as_it_stood
from nbgraph.view.progress import Progress
from tests.view.stories import ESSAY, TO_THE_GATE


def stood(count: int) -> Moment:
    events = (*(TO_THE_GATE * 40)[:count], StatusChanged(Status.PAUSED, 1e9 + count, "as it stood"))
    return Moment("r", count, {}, (), (), ESSAY, events)


@pytest.mark.parametrize("seed", range(5))
def test_from_what_was_folded_before_it_is_the_same_as_from_the_beginning(seed, monkeypatch):
    monkeypatch.setattr(module, "RUNGS", (64, 16, 4))
    chance, folds = random.Random(seed), Folds()
    count = 0
    for _ in range(60):
        count = min(max(0, chance.choice([count - 1, count + 1, chance.randrange(250)])), 250)
        assert as_it_stood(stood(count), folds) == as_it_stood(stood(count))


def test_another_run_and_another_graph_do_not_begin_from_what_was_folded_before(monkeypatch):
    monkeypatch.setattr(module, "RUNGS", (8,))
    folds = Folds()
    as_it_stood(stood(60), folds)
    for other in (
        stood(40)._replace(events=tuple(event._replace(at=event.at + 1) for event in stood(40).events)),
        stood(40)._replace(outline=ESSAY._replace(name="another")),
    ):
        assert as_it_stood(other, folds) == as_it_stood(other)


def test_the_next_step_takes_a_few_events_however_long_the_run_is(monkeypatch):
    monkeypatch.setattr(module, "RUNGS", (64, 16, 4))
    folds, applied, apply = Folds(), [], Progress.apply
    as_it_stood(stood(240), folds)
    monkeypatch.setattr(Progress, "apply", lambda self, event: (applied.append(event), apply(self, event)))
    for count in (241, 240, 239):
        as_it_stood(stood(count), folds)
    assert len(applied) < 3 * 10


def test_little_is_kept(monkeypatch):
    monkeypatch.setattr(module, "RUNGS", (64, 16, 4))
    folds, chance = Folds(), random.Random(0)
    for _ in range(300):
        as_it_stood(stood(chance.randrange(250)), folds)
    assert max(len(kept) for kept in folds._kept.values()) == module.MOST


def test_the_bars_are_left_out_where_the_page_has_them():
    assert "bars" in as_it_stood(stood(20))["status"]
    assert "bars" not in as_it_stood(stood(20), bars=False)["status"]


def test_what_was_put_aside_holds_no_values_however_long_ago_they_were_written() -> None:
    outline = ESSAY
    first = (TaskStarted("draft", 1, 1.0), TaskFinished("draft", 1, 1.1, 1, {"text": threading.Lock()}, ()))
    rest = [TaskFinished("review", visit, 1.1 + visit, 1 + visit, {"score": visit}, ()) for visit in range(1, 1400)]
    told = Folds().progress(outline, [*first, *rest]).details("draft")
    assert told["update"]["text"].startswith("<unlocked _thread.lock")
