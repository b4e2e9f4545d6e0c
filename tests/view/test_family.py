"""The family of a run, as its page is told of it."""

from __future__ import annotations

from nbgraph.view.family import Lane, strip

PARENT, FORK = Lane("r", 0, 0, 5, "done", 0.25), Lane("f", 1, 2, 6, "waiting")


def test_a_lane_tells_status_with_a_sign_and_cost() -> None:
    assert strip("f", [PARENT, FORK]) == {
        "run": "f",
        "lanes": [
            {"id": "r", "depth": 0, "at": 0, "steps": 5, "status": "done", "cost": "$0.25", "sign": "✓\ufe0e"},
            {"id": "f", "depth": 1, "at": 2, "steps": 6, "status": "waiting", "cost": "", "sign": "?"},
        ],
    }


def test_a_run_alone_has_no_lanes() -> None:
    assert strip("r", [PARENT]) == {"run": "r", "lanes": []}
