"""Locks of cassettes: one program changes a file while others wait, for a while."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from nbgraph.models import cassette_lock
from nbgraph.models.cassette_lock import alone

fcntl = pytest.importorskip("fcntl")


def test_another_waits_until_the_first_has_ended(tmp_path: Path) -> None:
    events: list[str] = []

    def second() -> None:
        with alone(str(tmp_path)):
            events.append("second")

    with alone(str(tmp_path)):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.05)
        events.append("first")
    thread.join()

    assert events == ["first", "second"]


def test_one_that_never_ends_is_waited_for_no_longer_than_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cassette_lock, "LONGEST", 0.03)

    with alone(str(tmp_path)), alone(str(tmp_path)):
        pass


def test_a_folder_that_is_not_there_or_has_no_locks_is_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(held: int, how: int) -> None:
        raise OSError(95, "Operation not supported")

    with alone(str(tmp_path / "no")):
        pass
    monkeypatch.setattr(fcntl, "flock", none)
    with alone(str(tmp_path)):
        pass


def test_a_lock_ends_with_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="x"), alone(str(tmp_path)):
        raise ValueError("x")

    monkeypatch.setattr(cassette_lock, "LONGEST", 0.0)
    held = cassette_lock._opened(str(tmp_path))
    assert held is not None
    assert cassette_lock._locked(held)
    cassette_lock.os.close(held)
