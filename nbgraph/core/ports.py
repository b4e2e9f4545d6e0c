"""What the engine asks of the outside: a store that keeps runs, and an executor that calls blocking functions.

An executor is any `concurrent.futures.Executor`; a store is what this module says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from nbgraph.core.approvals import Answer, Approval
from nbgraph.core.events import Taken
from nbgraph.core.state import plain_value
from nbgraph.errors import brief


class RunRecord(NamedTuple):
    """A run as it began: `started_at` is seconds since the epoch."""

    id: str
    graph: str
    inputs: Mapping[str, Any]
    started_at: float


class Step(NamedTuple):
    """A finished task in a run's history.

    `number` counts from 1. `writes` are the committed pairs of key and value; `taken` the edges taken; `started` the
    tasks that could start then. A task is named by its id, such as `draft#2`, or `research/search#2` in a subgraph.
    `cached` means that the update came from the cache, `error` that the task failed and went on along an error edge,
    and `edited` that a person made the update: as the node's, or of its own as `run.edit`.
    """

    number: int
    task: str
    node: str
    visit: int
    parents: tuple[str, ...]
    writes: tuple[tuple[str, Any], ...]
    taken: tuple[Taken, ...]
    started: tuple[str, ...]
    at: float
    cached: bool = False
    error: str = ""
    edited: bool = False

    @property
    def update(self) -> dict[str, Any]:
        """The writes by key; those of a map as lists."""
        return {key: plain_value(written) for key, written in self.writes}

    def __repr__(self) -> str:
        wrote = ", ".join(f"{key}={brief(value, 40)}" for key, value in self.update.items())
        went = ", ".join(f"{edge.target} ({edge.reason})" if edge.reason else edge.target for edge in self.taken)
        return f"<{self.number} {self.task}: {wrote or 'wrote nothing'} -> {went or 'END'}>"


class Recorded(NamedTuple):
    """What `ctx.step` recorded: the name of the function that was called, and what it returned."""

    name: str
    value: Any


class Store(Protocol):
    """Where runs are kept. Every method may be called from any thread; `append` alone is awaited by the engine."""

    def create(self, run: RunRecord) -> None:
        """Keep a new run; ValueError where the id is taken."""

    async def append(self, run_id: str, step: Step) -> None:
        """Keep a step; when this returns, the step is as safe as this store makes it."""

    def steps(self, run_id: str) -> list[Step]:
        """The steps of a run, in order."""
        ...

    async def record(self, run_id: str, place: str, recorded: Recorded) -> None:
        """Keep what a side effect returned, at a place within a task, in place of what was recorded there."""

    def recorded(self, run_id: str, place: str) -> Recorded | None:
        """What was recorded at that place, or None."""
        ...

    def ask(self, approval: Approval) -> None:
        """Keep an open question, in place of one with the same id."""

    def answer(self, approval_id: str, answer: Answer) -> Approval:
        """Keep the first answer to a question; AlreadyAnswered tells every later one who was first."""
        ...

    def approvals(self, run_id: str) -> list[Approval]:
        """The questions of a run with their answers, in the order of asking."""
        ...
