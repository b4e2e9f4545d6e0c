"""Context: what a task knows of itself, handed to a node as `ctx`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Protocol

from nbgraph.core.approvals import Answer
from nbgraph.core.scheduler import Task


class Engine(Protocol):
    """What a context needs of the run that it belongs to."""

    run_id: str

    def note_printed(self, node: str, visit: int, text: str) -> None:
        """Keep what a node printed; from any thread."""

    async def call_blocking(self, function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        """Call a blocking function by the run's executor."""

    async def ask(
        self,
        context: Context,
        question: str,
        shown: Mapping[str, Any],
        options: tuple[str, ...],
        editable: Mapping[str, Any],
    ) -> Answer:
        """Ask a person and wait for the answer."""
        ...


class Context:
    """A node's view of its own task.

    `run_id`, `node` and `visit` name the task; `key` is the same whenever this task runs again, so that it can serve
    as an idempotency key; `item` is the index of a map's item, or None.
    """

    __slots__ = ("_engine", "item", "node", "run_id", "task_id", "visit")

    def __init__(self, engine: Engine, task: Task, item: int | None = None) -> None:
        self._engine, self.run_id, self.item = engine, engine.run_id, item
        self.task_id, self.node, self.visit = task.id, task.node, task.visit

    @property
    def key(self) -> str:
        """Such as `<run>/draft#2` or `<run>/work#1[3]`."""
        place = "" if self.item is None else f"[{self.item}]"
        return f"{self.run_id}/{self.task_id}{place}"

    def log(self, *values: Any) -> None:
        """Add a line to the task's log."""
        self.printed(" ".join(map(str, values)) + "\n")

    def printed(self, text: str) -> None:
        """Add what the node printed to the task's log; from any thread."""
        self._engine.note_printed(self.node, self.visit, text)

    async def in_thread(self, function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        """Call a blocking function by the run's executor."""
        return await self._engine.call_blocking(function, arguments)

    async def person(
        self, question: str, shown: Mapping[str, Any], options: tuple[str, ...], editable: Mapping[str, Any]
    ) -> Answer:
        """Ask a person and wait for the answer; other branches go on meanwhile."""
        return await self._engine.ask(self, question, shown, options, editable)


current: ContextVar[Context | None] = ContextVar("current", default=None)
"""The context of the task whose code runs here, also in worker threads; None everywhere else."""
