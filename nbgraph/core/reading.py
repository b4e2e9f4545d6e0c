"""Reading: a stored run as it was read, how it stood after any of its entries, and a memory of the last reading."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice
from threading import Lock, Timer
from time import monotonic
from typing import Any

from nbgraph.core.approvals import Approval
from nbgraph.core.events import Event
from nbgraph.core.past import Past, WalkPast, apply
from nbgraph.core.plan import Plan
from nbgraph.core.ports import History, Store
from nbgraph.core.records import Step
from nbgraph.core.retell import retold
from nbgraph.core.usage import Usage

EVERY = 64  # entries from one standing that is kept to the next
SECONDS = 20.0  # so long a reading is remembered after the last question
LARGEST = 64 * 2**20  # bytes in its store of a run that is remembered


class Reading:
    """What is stored of a run, read once; how it stood at some of its entries is kept, so that others are near.

    Args:
        before: a reading of the same run when its log was shorter; what it has kept still holds.
    """

    def __init__(self, history: History, plan: Plan, before: Reading | None = None) -> None:
        self.history, self.plan = history, plan
        self._lock: Lock = before._lock if before else Lock()
        self._standings: dict[int, Past] = before._standings if before else {0: Past()}
        self._events: list[Event] = before._events if before else []
        self._told: list[int] = before._told if before else [0]  # how many events up to each entry

    def past(self, count: int | None = None) -> Past:
        """What the run had behind it after its first entries, without what models took; all of them by default."""
        entries, inputs = self.history.entries, self.history.run.inputs
        count = len(entries) if count is None else count
        with self._lock:
            begun = max(number for number in self._standings if number <= count)
            past = _copied(self._standings[begun])
            for number in range(begun, count):
                apply(past, self.plan, inputs, entries[number])
                if (number + 1) % EVERY == 0:
                    self._standings[number + 1] = _copied(past)
            past.events = self._events_of(count)
        past.approvals = {approval.id: approval for approval in self.history.approvals}
        past.steps = [entry for entry in entries[:count] if isinstance(entry, Step)]
        return past

    def _events_of(self, count: int) -> list[Event]:
        question = {approval.id: approval for approval in self.history.approvals}.get
        for entry in islice(self.history.entries, len(self._told) - 1, count):
            self._events += retold(entry, question)
            self._told.append(len(self._events))
        return self._events[: self._told[count]]


def _copied(past: Past) -> Past:
    """The same, to be added to."""
    walks = {within: _copied_walk(walk) for within, walk in past.walks.items()}
    kept: dict[str, Any] = {"journal": dict(past.journal), "tries": dict(past.tries), "answered": set(past.answered)}
    return replace(past, walks=walks, usage=Usage(), events=[], steps=[], **kept)


def _copied_walk(walk: WalkPast) -> WalkPast:
    items = {task: dict(done) for task, done in walk.items.items()}
    return replace(walk, latest=dict(walk.latest), items=items)


class Memory:
    """The last reading of one run, for questions that follow one another: it is let go soon after the last of them.

    Who asks must not change what is told: it may be told again.
    """

    def __init__(self, later: Callable[[float, Callable[[], None]], object] | None = None) -> None:
        self._later = later or _on_a_timer
        self._lock = Lock()
        self._reading: Reading | None = None
        self._asked_at = 0.0
        self._due = False

    def reading(self, store: Store, run_id: str, plan: Plan) -> Reading:
        """What the store holds of the run now."""
        with self._lock:
            read = self._renewed(store, run_id, plan)
            if self._reading is not None or store.run(run_id).bytes <= LARGEST:
                self._reading, self._asked_at = read, monotonic()
                self._let_go_later(SECONDS)
            return read

    def _renewed(self, store: Store, run_id: str, plan: Plan) -> Reading:
        """The reading that is remembered with what has come since, or a new one where it holds no more."""
        before = self._reading
        if before is None or before.plan is not plan:
            return Reading(store.history(run_id), plan)
        known = before.history
        news = store.history(run_id, len(known.entries))
        if _born(news) != _born(known) or _asked(news.approvals) != _asked(known.approvals):
            return Reading(store.history(run_id), plan)
        return Reading(news._replace(entries=known.entries + news.entries), plan, before) if news.entries else before

    def _let_go_later(self, seconds: float) -> None:
        if not self._due:
            self._due = True
            self._later(seconds, self._let_go)

    def _let_go(self) -> None:
        with self._lock:
            self._due = False
            left = self._asked_at + SECONDS - monotonic()
            if left > 0:
                self._let_go_later(left)
            else:
                self._reading = None


def _on_a_timer(seconds: float, call: Callable[[], None]) -> None:
    timer = Timer(seconds, call)
    timer.daemon = True
    timer.start()


def _born(history: History) -> tuple[str, float]:
    """What tells a run from another that later got its id."""
    return history.run.id, history.run.started_at


def _asked(approvals: Iterable[Approval]) -> list[Any]:
    """What tells whether a question was asked, answered or changed since."""
    return [(each.id, each.asked_at, each.digest, each.answer and each.answer.at) for each in approvals]
