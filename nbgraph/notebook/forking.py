"""Forking: what the page of a run may ask about other runs: to fork it, to open one, to compare it with one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from nbgraph.core.engine import engine_loop
from nbgraph.core.family import family
from nbgraph.core.fit import misfit_of
from nbgraph.core.lookback import Lookback, Moment
from nbgraph.core.run import Run
from nbgraph.core.run_loop import live
from nbgraph.errors import RunError
from nbgraph.library import Graph
from nbgraph.notebook.relatives import status
from nbgraph.view import fork_form
from nbgraph.view.comparing import compared
from nbgraph.view.graph_widget import Answer
from nbgraph.view.times import clock
from nbgraph.watching import Watch

LATEST = 20  # runs of the graph to compare with, beside the family

Asked = Mapping[str, Any]
Told = dict[str, Any]
T = TypeVar("T")


class Place(Protocol):
    """Where runs are shown that a click has started or opened."""

    def call(self, do: Callable[[], T]) -> T:
        """Call something; the runs that it starts are shown here."""
        ...

    def show_run(self, run: Run | Watch) -> None:
        """Show a run here."""
        ...


class Forking:
    """Answers what is asked of one run beside others; it holds the one state that was edited last.

    Args:
        run: gives the run, or None where it is over.
        lookback: gives what looks back on it.
        place: where a fork, and a run that is opened, is shown.
    """

    def __init__(
        self, run: Callable[[], Run | Watch | None], lookback: Callable[[], Lookback], place: Place | None
    ) -> None:
        self._run, self._lookback, self._place = run, lookback, place
        self._moment: Moment | None = None

    @property
    def answers(self) -> Mapping[str, Answer]:
        """What may be asked for, by name."""
        looked = {"others": self._others, "compare": self._compare}
        acted = {"form": self._form, "changes": self._changes, "fork": self._fork, "open": self._open}
        return looked if self._place is None else {**looked, **acted}

    # Forking

    def _form(self, asked: Asked) -> Told:
        """The keys of the state after a `step`, to be edited, and what would run next."""
        moment = self._at(asked["step"])
        return {"form": fork_form.form(moment.step, moment.state, moment.active)}

    def _changes(self, asked: Asked) -> Told:
        """What a fork would begin with that this run had not, by what was entered; or what is wrong with it."""
        changes, wrong = self._read(asked)
        return {"wrong": wrong, "page": fork_form.preview(self._at(asked["step"]).state, changes)}

    def _fork(self, asked: Asked) -> Told:
        """Fork the run after a `step`, with what was entered."""
        changes, wrong = self._read(asked)
        if wrong:
            return {"wrong": wrong}
        step, run, lookback = self._at(asked["step"]).step, self._run(), self._lookback()

        def fork() -> str:
            if isinstance(run, Run):
                return run.fork(step, changes).id
            return _graph(lookback).fork(lookback.run_id, step, changes, store=lookback.store).id

        return {"wrong": {}, "run": self._there(lambda place: place.call(fork))}

    def _read(self, asked: Asked) -> tuple[dict[str, Any], dict[str, str]]:
        schema, state = self._lookback().plan.schema, self._at(asked["step"]).state
        changes, wrong = fork_form.read(state, dict(asked.get("entered") or {}), schema.checks)
        told = {key: misfit_of(key, value, schema) for key, value in changes.items()}
        return changes, {**wrong, **{key: f"{misfit}." for key, misfit in told.items() if misfit}}

    def _at(self, step: int) -> Moment:
        if self._moment is None or self._moment.step != step:
            self._moment = self._lookback().at(step)
        return self._moment

    # Other runs

    def _open(self, asked: Asked) -> Told:
        """Show another run of the graph."""
        run_id, lookback = str(asked["run"]), self._lookback()
        return {"run": self._there(lambda place: _opened(place, run_id, lookback))}

    def _there(self, do: Callable[[Place], str]) -> str:
        assert self._place is not None
        return do(self._place)

    def _others(self, _: Asked) -> Told:
        """The runs that this one can be compared with: its family, and the latest of the graph."""
        lookback = self._lookback()
        mine = [member.run for member in family(lookback.store, lookback.run_id)]
        latest = lookback.store.runs(lookback.plan.name, limit=LATEST + 1)
        runs = {run.id: run for run in (*mine, *latest) if run.id != lookback.run_id}
        return {"runs": [{"id": run.id, "label": f"{status(run)}, {clock(run.started_at)}"} for run in runs.values()]}

    def _compare(self, asked: Asked) -> Told:
        """This run beside the `other`, from the row `offset` on."""
        lookback = self._lookback()
        one, other = lookback.outcome(), lookback.beside(str(asked["other"])).outcome()
        return {"page": compared(one, other, one.diff(other), asked.get("offset"))}


def _graph(lookback: Lookback) -> Graph:
    if isinstance(lookback.graph, Graph) and lookback.graph.nodes:
        return lookback.graph
    raise RunError(
        f"this notebook declared no {lookback.plan.name} when {lookback.run_id} was opened; "
        f"run the cells that declare it, and open the run again."
    )


def _opened(place: Place, run_id: str, lookback: Lookback) -> str:
    lookback.beside(run_id)  # a run of another graph is refused
    alive = live.get(run_id)
    if alive is not None and alive.store is lookback.store and not alive.taken:
        place.show_run(Run.of(alive))
    else:
        place.show_run(Watch(lookback.graph, lookback.store, run_id, engine_loop()))
    return run_id
