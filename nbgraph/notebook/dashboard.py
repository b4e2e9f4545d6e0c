"""The dashboard of a run: what its page may ask the kernel for, beyond what it is told by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbgraph.core.lookback import Lookback
from nbgraph.core.outline import Outline
from nbgraph.core.reading import Memory
from nbgraph.core.run import Run
from nbgraph.notebook.forking import Forking, Place
from nbgraph.notebook.inspecting import Inspecting
from nbgraph.view.graph_widget import Answer
from nbgraph.view.moment import Folds, as_it_stood
from nbgraph.watching import Watch


class Dashboard:
    """Answers the page of one run, from what is stored of it; also when the run is over and let go.

    Args:
        place: where forks of it, and runs that are opened from it, are shown.
    """

    def __init__(self, run: Run | Watch, place: Place | None = None) -> None:
        self._run: Run | Watch | None = run
        self._memory, self._folds = Memory(), Folds()
        self._last = run.lookback.remembered(self._memory)
        self._outline = run.outline
        self._inspecting = Inspecting(lambda: self._lookback, self._drawn)
        self._forking = Forking(lambda: self._run, lambda: self._lookback, place)
        self.hear, self.why_not = self._inspecting.hear, self._inspecting.why_not

    @property
    def answers(self) -> Mapping[str, Answer]:
        """What may be asked for, by name."""
        return {"at": self._at, **self._inspecting.answers, **self._forking.answers}

    def let_go(self) -> None:
        """The run is over: hold it no longer."""
        self._last, self._outline, self._run = self._lookback, self._drawn(), None

    @property
    def _lookback(self) -> Lookback:
        return self._last if self._run is None else self._run.lookback.remembered(self._memory)

    def _drawn(self) -> Outline:
        return self._outline if self._run is None else self._run.outline

    def _at(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """The run as it stood after a step."""
        return as_it_stood(self._lookback.at(asked["step"]), self._folds, bool(asked.get("bars")))
