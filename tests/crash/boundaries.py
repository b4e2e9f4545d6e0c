"""Boundaries: the places in the engine and the store at which a child can die; the objects of the child are patched.

The product knows nothing of this.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any

from nbgraph.core.approvals import Approval
from nbgraph.core.events import Event, StatusChanged, TaskFinished
from nbgraph.core.questions import Questions
from nbgraph.core.records import Entry, ModelAnswered, Recorded, Step, ToolReturned, Tried
from tests.crash.doom import Doom

NAMES = {
    Step: "the commit",
    Recorded: "the record",
    Tried: "the failed attempt",
    ModelAnswered: "the answer",
    ToolReturned: "the result",
}
INSIDE = ("between the statements", "before COMMIT", "during COMMIT")


def install(doom: Doom, delay: float) -> None:
    """Patch what the boundary of `doom` needs; `delay` are the seconds after which COMMIT is struck."""
    from nbgraph.store import sqlite

    statements = Statements(doom, delay)
    sqlite3.connect = statements.connect  # type: ignore[assignment]
    _patch_answers(doom)
    for name in ("create", "open"):
        setattr(sqlite.SqliteStore, name, _with_logs(getattr(sqlite.SqliteStore, name), doom, statements))


def place_of(entry: Entry) -> str:
    """The task, or the place in it, that an entry is about; empty for others."""
    if isinstance(entry, Step):
        return entry.task
    return entry.place if isinstance(entry, Recorded | Tried | ModelAnswered | ToolReturned) else ""


def shown(doom: Doom, event: Event) -> None:
    """The boundaries that a watcher of the run can see."""
    if isinstance(event, TaskFinished):
        doom.reach("shown", f"{event.within}/{event.node}#{event.visit}".lstrip("/"))
    if isinstance(event, StatusChanged):
        doom.reach("status", event.status)


def _with_logs(take: Callable[..., Any], doom: Doom, statements: Statements) -> Callable[..., Any]:
    """`create` or `open` of a store, whose logs can be struck."""

    def taken(store: Any, *arguments: Any, **named: Any) -> Any:
        log = take(store, *arguments, **named)
        _patch(type(log), doom, statements)
        return log

    return taken


_patched = set[type]()


def _patch(log: Any, doom: Doom, statements: Statements) -> None:
    if log in _patched:
        return
    _patched.add(log)
    keep, ask = log.keep, log.ask

    async def doomed_keep(self: Any, entry: Entry, packed: Any = None) -> None:
        place, name = place_of(entry), NAMES.get(type(entry), "")
        doom.reach(f"before {name}", place)
        statements.armed = place == doom.task and doom.name in INSIDE
        await keep(self, entry, packed)
        doom.reach(f"after {name}", place)

    async def doomed_ask(self: Any, approval: Approval) -> None:
        doom.reach("before the question", approval.node)
        await ask(self, approval)
        doom.reach("after the question", approval.node)

    log.keep, log.ask = doomed_keep, doomed_ask


def _patch_answers(doom: Doom) -> None:
    receive = Questions.receive

    def doomed_receive(self: Questions, answered: Approval) -> None:
        doom.reach("answered", answered.node)
        receive(self, answered)

    Questions.receive = doomed_receive  # type: ignore[method-assign]


class Statements:
    """Sees every statement before SQLite does it: the nth of all, and those of the commit for which it is `armed`."""

    def __init__(self, doom: Doom, delay: float) -> None:
        self._doom, self._delay = doom, delay
        self._connect = sqlite3.connect
        self._count = 0
        self.armed = self._kept = self._snapped = self._committing = False

    def connect(self, *arguments: Any, **named: Any) -> sqlite3.Connection:
        """What stands for `sqlite3.connect`."""
        watch = self

        class Watched(sqlite3.Connection):
            def execute(self, *arguments: Any) -> sqlite3.Cursor:
                cursor = super().execute(*arguments)
                watch.returned()
                return cursor

            def commit(self) -> None:
                super().commit()
                watch.returned()

        made: sqlite3.Connection = self._connect(*arguments, **named, factory=Watched)
        made.set_trace_callback(self.see)
        return made

    def see(self, statement: str) -> None:
        """A statement is about to be done."""
        self._count += 1
        self._doom.reach("statement", str(self._count))
        self._kept = self._kept or statement.startswith("INSERT INTO log")
        self._snapped = self._snapped or "INTO snapshots" in statement
        if self._snapped:
            self._doom.reach("before COMMIT of a snapshot" if statement == "COMMIT" else "in a snapshot")
        if self.armed and self._kept:
            self._see_armed(statement)
        if statement in ("COMMIT", "ROLLBACK"):
            self._kept = self._snapped = False

    def _see_armed(self, statement: str) -> None:
        """The log gets the entry, after the run's own row; or the transaction that does this is committed."""
        task = self._doom.task
        if statement != "COMMIT":
            self._doom.reach("between the statements", task)
            return
        self._doom.reach("before COMMIT", task)
        if self._doom.name == "during COMMIT":
            self._doom.say(f"during COMMIT@{task}")
            self._committing = True
            threading.Thread(target=self._strike_soon).start()

    def _strike_soon(self) -> None:
        """Strike while SQLite is at it, or has just been; `returned` tells which."""
        time.sleep(self._delay)
        self._doom.die()

    def returned(self) -> None:
        """A statement was done; where it was COMMIT the strike comes too late, and nothing else may happen."""
        if self._committing:
            self._doom.say("COMMIT has returned")
            self._doom.die()
