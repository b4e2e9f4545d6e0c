"""Watchers: every event once, in order, from the beginning."""

from __future__ import annotations

from nbgraph.core.events import Event, Printed, Status, StatusChanged
from nbgraph.core.watchers import Watchers


def event(number: int) -> Event:
    return Printed("n", 1, 0.0, str(number))


def test_a_watcher_gets_the_past_first_and_then_the_rest() -> None:
    watchers, seen = Watchers([]), list[Event]()
    watchers.tell(event(1))
    watchers.admit(seen.append)
    watchers.tell(event(2))
    assert seen == [event(1), event(2)]


def test_a_watcher_that_was_dismissed_gets_no_more() -> None:
    watchers, seen = Watchers([]), list[Event]()
    watchers.admit(keep := seen.append)
    watchers.tell(event(1))
    watchers.dismiss(keep)
    watchers.dismiss(keep)
    watchers.tell(event(2))
    assert seen == [event(1)]


def test_what_a_watcher_causes_is_told_to_all_in_order() -> None:
    watchers, seen = Watchers([]), list[Event]()

    def causes(told: Event) -> None:
        if told == event(1):
            watchers.tell(event(2))

    watchers.admit(causes)
    watchers.admit(seen.append)
    watchers.tell(event(1))
    assert seen == [event(1), event(2)]


def test_a_watcher_that_raises_is_dismissed_with_a_notice_and_the_others_go_on() -> None:
    notices, seen = list[str](), list[Event]()
    watchers = Watchers(notices)

    def raises(told: Event) -> None:
        raise SystemExit

    watchers.admit(raises)
    watchers.admit(seen.append)
    watchers.tell(event(1))
    watchers.tell(event(2))
    assert seen == [event(1), event(2)]
    assert notices == ["a watcher raised SystemExit and is told nothing more"]


def test_a_watcher_that_dismisses_another_keeps_it_from_being_told() -> None:
    watchers, seen = Watchers([]), list[Event]()
    keep = seen.append
    watchers.admit(lambda told: watchers.dismiss(keep))
    watchers.admit(keep)
    watchers.tell(StatusChanged(Status.DONE, 0.0))
    assert seen == []
