"""What the engine asks of the outside: a store that keeps runs, and an executor that calls blocking functions.

An executor is any `concurrent.futures.Executor`; a store is what this module says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from nbgraph.core.approvals import Answer, Approval
from nbgraph.core.events import Status
from nbgraph.core.records import Entry, RunRecord, Snapshot, Step
from nbgraph.core.views import Writes

ALL = 1_000_000_000
"""As the limit of a list: every one."""


class Owner(NamedTuple):
    """The process that has a run, `since` when (seconds since the epoch); whether it is `alive` as far as is known."""

    pid: int
    host: str
    since: float
    alive: bool = True


class RunSummary(NamedTuple):
    """A run in a list: where it stands, how many steps it took, and how many bytes it takes.

    `waiting` are the nodes that wait for a person; `owner` is the process that has it, or None. `cost` is what
    its models took in US dollars as far as that is known, None where nothing is.
    """

    id: str
    graph: str
    status: Status
    reason: str
    steps: int
    started_at: float
    changed_at: float
    waiting: tuple[str, ...] = ()
    owner: Owner | None = None
    bytes: int = 0
    parent: str = ""
    parent_step: int = 0
    relation: str = ""
    cost: float | None = None

    @property
    def interrupted(self) -> bool:
        """Whether it was under way in a process that is no more."""
        return self.status is Status.RUNNING and (self.owner is None or not self.owner.alive)


class History(NamedTuple):
    """All that is kept of a run: its record, its log in order, its questions in the order of asking."""

    run: RunRecord
    entries: tuple[Entry, ...]
    approvals: tuple[Approval, ...]

    @property
    def steps(self) -> list[Step]:
        """The finished tasks, in order."""
        return [entry for entry in self.entries if isinstance(entry, Step)]


class Packed(Protocol):
    """An update made ready for a store, and how many bytes it takes."""

    @property
    def size(self) -> int: ...


class Log(Protocol):
    """The log of one run, for the process that owns it; written on the run's loop alone.

    What is written is kept in order. Where a write fails its error is raised, and it is written again with the next
    one, so that nothing is left out: an entry is kept once, however often that is tried.

    Raises (everywhere):
        OwnedElsewhere: another process has taken the run.
        StoreError: the store cannot be written; the message names its path and the cause.
    """

    lost: Callable[[Exception], None] | None
    """Called from any thread when it is found that the run is owned elsewhere, or cannot be kept any more."""

    answered: Callable[[Approval], None] | None
    """Called from any thread with each answer that another process gave."""

    def pack(self, writes: Writes) -> Packed | None:
        """The writes of a task, encoded; NotStorable where one cannot be kept, before anything has changed."""
        ...

    def note(self, entry: Entry) -> None:
        """Keep an entry without waiting; NotStorable where it cannot be. Withdrawn closes its question."""

    async def keep(self, entry: Entry, packed: Packed | None = None) -> None:
        """Keep an entry; when this returns it is as safe as the store makes it. `packed` are the writes of a step."""

    async def ask(self, approval: Approval) -> None:
        """Keep an open question, in place of one with the same id, and that it was asked; safe when this returns."""

    def snapshot(self, make: Callable[[], Snapshot | None]) -> None:
        """Take a snapshot where it is time for one, without anybody waiting for it."""

    def close(self) -> None:
        """Let the run go: another process may take it. What was noted is kept before."""


class Store(Protocol):
    """Where runs are kept. Every method may be called from any thread, and blocks; none is called on an event loop.

    Raises (everywhere):
        StoreError: the store cannot be read or written; the message names its path and the cause.
        StoreDamaged: what it holds is not what was written.
    """

    def create(self, run: RunRecord, past: Iterable[Entry] = (), approvals: Iterable[Approval] = ()) -> Log:
        """Keep a new run, which this process owns, and what is known of it already.

        Raises:
            ValueError: the id is taken.
            NotStorable: an input cannot be kept.
        """
        ...

    def open(self, run_id: str) -> Log:
        """Take a run that nobody owns, or whose owner is no more.

        Raises:
            NoSuchRun: there is none with that id.
            OwnedElsewhere: a process that is alive has it.
        """
        ...

    def history(self, run_id: str, after: int = 0) -> History:
        """All that is kept of a run; of its log what follows the first `after` entries.

        Raises:
            NoSuchRun: there is none with that id.
        """
        ...

    def snapshot(self, run_id: str, number: int) -> tuple[Snapshot, int] | None:
        """The latest snapshot up to the step `number`, and how many entries the log had then; None without one."""
        ...

    def run(self, run_id: str) -> RunSummary:
        """Where a run stands; NoSuchRun where there is none with that id."""
        ...

    def runs(
        self,
        graph: str | None = None,
        status: Iterable[Status] = (),
        limit: int = 100,
        before: float | None = None,
        parent: str | None = None,
    ) -> list[RunSummary]:
        """The runs of a graph, or of all, in one of the statuses where any is given; those that started last first.

        `before` is the `started_at` of the last one on the page before, `limit` how many a page has; with a `parent`
        only runs that go on from that one.
        """
        ...

    def approvals(self, run_id: str | None = None, open_only: bool = False) -> list[Approval]:
        """The questions of a run, or of all, in the order of asking; those without an answer where `open_only`."""
        ...

    def answer(self, approval_id: str, answer: Answer) -> Approval:
        """Keep the first answer to a question.

        Raises:
            AlreadyAnswered: somebody was first; the message says who and when.
            ApprovalError: no question has that id, or it is asked no more.
        """
        ...

    def delete(self, run_id: str) -> None:
        """Forget a run; OwnedElsewhere where a process that is alive has it, NoSuchRun where there is none."""

    def compact(self) -> int:
        """Give back the space of what was deleted; the bytes that this saved."""
        ...

    def size(self) -> int:
        """The bytes that all of it takes."""
        ...
