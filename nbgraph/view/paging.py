"""Paging: a value is asked for by where it stands, such as the second key of what a task saw, and told page by page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nbgraph.core.lookback import Lookback, Visit
from nbgraph.errors import RunError
from nbgraph.view.previews import Hidden, Page, opened, part, parts_page
from nbgraph.view.values import MASK

PARTS = ("inputs", "before", "after", "update", "done")


class Shelf:
    """The one visit, and the one state, that were looked at last, so that their pages need not be read again.

    Args:
        lookback: gives what looks back on the run.
    """

    def __init__(self, lookback: Callable[[], Lookback]) -> None:
        self._lookback = lookback
        self._visit: Visit | None = None
        self._state: tuple[int, Mapping[str, Any]] | None = None

    def visit(self, task: str, lookback: Lookback | None = None) -> Visit:
        """What a task saw and did, as `lookback` tells it; one that has not finished is read anew."""
        if self._visit is None or self._visit.task != task or self._visit.step is None:
            self._visit = (lookback or self._lookback()).visit(task)
        return self._visit

    def state(self, step: int) -> Mapping[str, Any]:
        """The state after a step."""
        if self._state is None or self._state[0] != step:
            self._state = step, self._lookback().at(step).state
        return self._state[1]

    def root(self, asked: Mapping[str, Any]) -> Any:
        """What the page asks for, before any path: the state after a `step`, or a `part` of a `task`."""
        if "step" in asked:
            return self.state(asked["step"])
        name = asked.get("part")
        if name not in PARTS:
            raise RunError(f"a task has no part {name!r}; its parts are {', '.join(PARTS)}.")
        found = getattr(self.visit(str(asked.get("task"))), name)
        return {} if found is None else dict(enumerate(found)) if name == "done" else found

    def page(self, asked: Mapping[str, Any]) -> Page:
        """A page of what the `path` leads to, from an `offset` on, and of a table from the column `across` on.

        Raises:
            RunError: there is no such thing.
        """
        path = _path(asked.get("path", ()))
        offset, across = (_number(asked.get(name, 0)) for name in ("offset", "across"))
        value = self.root(asked)
        if not path:
            return parts_page(value, offset)
        try:
            for place in path:
                _, value = part(value, place)
        except Hidden:
            return {"kind": "none", "note": MASK}
        except Exception:  # also what a foreign class raises
            raise RunError("there is nothing there any more; choose the node again.") from None
        return opened(value, offset, across)


def _path(given: object) -> list[int]:
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) > 100:
        raise RunError("a path is a list of places.")
    return [_number(place) for place in given]


def _number(given: object) -> int:
    if type(given) is not int or given < 0:
        raise RunError("a place is a whole number.")
    return given
