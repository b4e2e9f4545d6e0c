"""Events: frozen records, one closed union."""

from __future__ import annotations

from typing import get_args

import pytest

from nbgraph.core import events
from nbgraph.core.events import Event, Status, Taken, TaskStarted


def test_the_union_holds_every_event_of_the_module() -> None:
    public = {
        value for name, value in vars(events).items() if isinstance(value, type) and value.__module__ == events.__name__
    }
    assert set(get_args(Event)) == public - {Status, Taken, events.Failure, events.TaskError}


def test_an_event_cannot_be_changed() -> None:
    event = TaskStarted("a", 1, 0.0)
    with pytest.raises(AttributeError):
        event.node = "b"  # type: ignore[misc]


def test_a_status_is_its_word() -> None:
    assert [str(status) for status in Status] == ["running", "waiting", "paused", "failed", "cancelled", "done"]
    assert Status.DONE == "done"
