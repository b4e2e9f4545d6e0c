"""Everything nbgraph raises on purpose; each message says what happened, to which thing, where, and what to do.

NbgraphError
├── TextError          a declaration cannot be read: its text, line and column, with a caret
├── DeclarationError   a declaration can be read and makes no sense: a reserved name, a duplicate option
├── GraphError         a graph has problems that keep it from running; all of them together
├── InputError         a run was given inputs that are missing or unknown
├── RunError           a run cannot go on
│   ├── MissingKey         a node or condition needs a key that nothing has set
│   ├── ConditionFailed    a condition met values that it cannot judge
│   ├── UpdateError        what a node returned does not fit what it writes
│   │   └── NotStorable        a value cannot be kept by the store
│   ├── RoutingError       a `by` edge was given a name that it does not lead to
│   ├── WriteConflict      parallel branches wrote the same plain key
│   ├── TimedOut           a node took longer than its timeout; a TimeoutError too
│   ├── ModelError         a model could not be called
│   │   ├── NoModel            nothing says which model to call, and how
│   │   └── BadAnswer          what a model answered cannot be used
│   ├── WorkerDied         the process in which a node ran has died; the node can be run again
│   ├── Waiting            the result was asked for while a person is awaited
│   ├── Paused             the result was asked for while the run is paused
│   ├── Cancelled          the result was asked for of a run that was cancelled
│   ├── OwnedElsewhere     another process has the run
│   └── GraphChanged       a stored run does not fit the graph as it is now
├── StoreError         a store cannot be read or written
│   ├── NoSuchRun          the store holds no run with that id
│   └── StoreDamaged       what the store holds is not what was written
└── ApprovalError      an answer does not fit its question
    └── AlreadyAnswered    somebody else answered first
"""

from __future__ import annotations

import reprlib
import time
from collections.abc import Iterable, Mapping
from typing import Any


class NbgraphError(Exception):
    """What all errors of nbgraph are."""


class TextError(NbgraphError):
    """A text that cannot be read, with the place.

    Args:
        message: one sentence: what is wrong and what would be right.
        text: the whole text that was being read; may hold several lines.
        line: 1-based line of `text`.
        column: 1-based column in that line.
        what: what was being read, as the first word of the message, such as "edges".
    """

    def __init__(self, message: str, text: str = "", line: int = 1, column: int = 1, what: str = "") -> None:
        self.message, self.text, self.line, self.column, self.what = message, text, line, column, what
        super().__init__(self.render())

    def render(self) -> str:
        """The message, the line it is about, and a caret below the place."""
        lines = self.text.splitlines()
        if not 1 <= self.line <= len(lines):
            return self.message
        source = lines[self.line - 1]
        prefix = f"{self.what}, " if self.what else ""
        lead = "".join("\t" if sign == "\t" else " " for sign in source[: self.column - 1])
        return f"{prefix}line {self.line}: {self.message}\n    {source}\n    {lead}^"


class DeclarationError(NbgraphError):
    """A declaration that makes no sense, though it can be read."""


class GraphError(NbgraphError):
    """A graph that cannot run; `problems` holds all that was found."""

    def __init__(self, message: str, problems: tuple[object, ...] = ()) -> None:
        self.problems = problems
        super().__init__(message)


class InputError(NbgraphError):
    """Inputs of a run that are missing or unknown."""


class RunError(NbgraphError):
    """A run cannot go on, or has no result yet."""


class MissingKey(RunError):
    """A node or condition needs a key that nothing has set."""


class ConditionFailed(RunError):
    """A condition met values that it cannot judge."""


class UpdateError(RunError):
    """What a node returned does not fit what it writes."""


class NotStorable(UpdateError):
    """A value that the store cannot keep.

    Args:
        kind: the type that it cannot keep, such as "lock".
        path: where that stands in the value, such as `["client"][0]`; empty for the value itself.
        why: a sentence on what to do.
    """

    def __init__(self, kind: str, path: str = "", why: str = "") -> None:
        self.kind, self.path, self.why = kind, path, why
        super().__init__(
            f"{path or 'the value'} is of the type {kind}, which is not stored{'; ' + why if why else '.'}"
        )

    def of(self, node: str) -> NotStorable:
        """The same, told as what `node` returned."""
        made = NotStorable(self.kind, self.path, self.why)
        made.args = (f"{node} returned {self}",)
        return made


class RoutingError(RunError):
    """A `by` edge was given a name that it does not lead to."""


class WriteConflict(RunError):
    """Parallel branches wrote the same plain key.

    Args:
        key: the key.
        nodes: the two writers, in declaration order.
    """

    def __init__(self, key: str, nodes: tuple[str, str]) -> None:
        self.key, self.nodes = key, nodes
        first, second = nodes
        who = f"{first} and {second}" if first != second else f"two parallel tasks of {first}"
        super().__init__(
            f"{who} both wrote the key {key!r}, and neither saw what the other wrote. "
            f"Both updates are kept. Give {key!r} a reducer (such as append or last) and resume, "
            f"or start again with an edge that puts one of them after the other."
        )


class ModelError(RunError):
    """A model could not be called.

    Args:
        status: the HTTP status, where there was one.
        again: whether another attempt may help.
        wait: seconds that the endpoint asked to wait before it.
    """

    def __init__(
        self, message: str, *, status: int | None = None, again: bool = False, wait: float | None = None
    ) -> None:
        self.status, self.again, self.wait = status, again, wait
        super().__init__(message)


class NoModel(ModelError):
    """Nothing says which model to call, and how."""


class BadAnswer(ModelError):
    """What a model answered cannot be used: it does not fit its type, or never came to an end."""


class WorkerDied(RunError):
    """The worker process in which a function ran has died; it can be run again."""


class TimedOut(RunError, TimeoutError):
    """A node took longer than its timeout."""


class Waiting(RunError):
    """A person is awaited; `names` are the nodes that ask."""

    def __init__(self, *names: str) -> None:
        self.names = names
        gates = ", ".join(names)
        super().__init__(f'the run waits for a person at {gates}; answer there, or run.answer("{names[0]}", ...)')


class Paused(RunError):
    """The run is paused and can be resumed."""


class Cancelled(RunError):
    """The run was cancelled."""


class OwnedElsewhere(RunError):
    """Another process has the run.

    Args:
        run_id: the run.
        pid, host: the process that has it.
        since: when it took the run, seconds since the epoch.
    """

    def __init__(self, run_id: str, pid: int, host: str, since: float) -> None:
        self.run_id, self.pid, self.host, self.since = run_id, pid, host, since
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(since))
        super().__init__(
            f"{run_id} is run by process {pid} on {host} since {at}. Watch it with graph.watch({run_id!r}); "
            f"it can be resumed here once that process has ended or let it go."
        )


class GraphChanged(RunError):
    """A stored run does not fit the graph as it is now; `missing` are the nodes that it needs and that are gone."""

    def __init__(self, message: str, missing: tuple[str, ...] = ()) -> None:
        self.missing = missing
        super().__init__(message)


class StoreError(NbgraphError):
    """A store cannot be read or written; the message names the path and the cause."""


class NoSuchRun(StoreError):
    """The store holds no run with that id."""


class StoreDamaged(StoreError):
    """What the store holds is not what was written.

    Args:
        last_good: the number of the last step of the run before the damage, or None where the damage is not in a run.
    """

    def __init__(self, message: str, last_good: int | None = None) -> None:
        self.last_good = last_good
        super().__init__(message)


class ApprovalError(NbgraphError):
    """An answer that does not fit its question.

    Args:
        fields: of an answer to a form, what is wrong with which field; "" for a form without names, or for all of it.
    """

    def __init__(self, message: str, fields: Mapping[str, str] | None = None) -> None:
        self.fields = dict(fields or {})
        super().__init__(message)


class AlreadyAnswered(ApprovalError):
    """Somebody answered first; the message says who and when."""


def nearest(word: object, known: Iterable[str]) -> str:
    """`"; did you mean 'x'?"` for the known name most like `word`, or an empty string."""
    if not isinstance(word, str) or len(word) > 100:
        return ""
    import difflib  # needed only where something is wrong

    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {found[0]!r}?" if found else ""


def brief(value: Any, limit: int = 60) -> str:
    """`repr(value)` in at most `limit` characters, for a message; never raises, and never builds a huge text first."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = short.maxlong = limit
    try:
        text = short.repr(value)
    except BaseException:  # a hostile one may raise SystemExit, which must not end the engine
        text = f"<{type(value).__name__} that cannot be shown>"
    return text if len(text) <= limit else text[: limit - 1] + "…"


def told(error: BaseException) -> str:
    """The message of `error`, or its type where it has none or cannot say it."""
    try:
        return str(error) or type(error).__name__
    except BaseException:
        return f"{type(error).__name__}, whose message cannot be shown"
