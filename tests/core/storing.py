"""What tests of stored runs share: runs that crash, stores with the first entries of another, and what a log saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nbgraph.core import run_loop
from nbgraph.core.approvals import Approval
from nbgraph.core.ports import History
from nbgraph.core.records import Asked, Entry, Snapshot, Step
from nbgraph.core.run import Run
from nbgraph.core.scheduler import Frontier
from nbgraph.store.memory import MemoryStore

Fields = tuple[Any, ...]


def crash(run: Run) -> None:
    """Let the process of the run end, as far as its store can tell."""
    run._engine.log.close()
    forget(run)


def forget(run: Run) -> None:
    """Let the run be unknown here, as after a restart."""
    run_loop.live.pop(run.id, None)


def cut(
    history: History, count: int, answered: bool = True, snapshots: Iterable[tuple[Snapshot, int]] = ()
) -> MemoryStore:
    """A store with the run as it was after the first `count` entries.

    Args:
        answered: whether the questions asked by then have the answers that they got.
        snapshots: each with how many entries the log had then; those of later on are left out.
    """
    entries = history.entries[:count]
    asked = {entry.approval_id for entry in entries if isinstance(entry, Asked)}
    approvals = [each if answered else unanswered(each) for each in history.approvals if each.id in asked]
    store = MemoryStore()
    store.create(history.run, entries, approvals).close()
    store._runs[history.run.id].snapshots += [each for each in snapshots if each[1] <= count]
    return store


def unanswered(approval: Approval) -> Approval:
    return Approval(**{name: getattr(approval, name) for name in Approval.__slots__ if name != "answer"})


def tasks(run: Run) -> Counter[str]:
    return Counter(step.task for step in run.steps)


class Seeing(MemoryStore):
    """Calls `see` with each entry before it is kept, and how many there are then; takes all snapshots it can."""

    def __init__(self, see: Callable[[Entry, int], None]) -> None:
        super().__init__()
        self.see = see

    def _log(self, kept: Any) -> Any:
        log = super()._log(kept)
        keep, note = log.keep, log.note

        async def seen_keep(entry: Entry, packed: Any = None) -> None:
            self.see(entry, len(kept.entries))
            await keep(entry, packed)

        def seen_note(entry: Entry) -> None:
            self.see(entry, len(kept.entries))
            note(entry)

        def every_snapshot(make: Callable[[], Snapshot | None]) -> None:
            if (made := make()) is not None:
                kept.snapshots.append((made, len(kept.entries)))

        log.keep, log.note, log.snapshot = seen_keep, seen_note, every_snapshot
        return log


def fields(frontier: Frontier) -> Fields:
    """All of a frontier but its plan."""
    return tuple(frontier[1:])


class Frontiers:
    """Where the engine stood after each step: `seen` is by the number of entries, for each graph that was walked."""

    def __init__(self) -> None:
        self.run_id = ""
        self.seen: dict[int, Mapping[str, Frontier]] = {}
        self.states: dict[int, dict[str, Any]] = {}
        self.store = Seeing(self._see)

    def _see(self, entry: Entry, count: int) -> None:
        if isinstance(entry, Step):
            run = run_loop.live[self.run_id]
            walks = {"": run.walk, **run.walks}
            self.seen[count + 1] = {within: walk.frontier for within, walk in walks.items() if walk.frontier.visits}
            self.states[entry.number] = run.walk.state()
