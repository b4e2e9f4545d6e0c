"""Views: what a task sees, how it came about, and how two of them meet.

A view is made of commits, as in a version control system: its history is kept as links to what came before, so that a
commit costs the same however long the run is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from nbgraph.core.state import Reducer, fold_into, plain_value
from nbgraph.core.task_names import EDIT

Writes = tuple[tuple[str, Any], ...]


class Origin(NamedTuple):
    """Where a history begins: the inputs, or the values when one task alone was active, with their versions then."""

    values: Mapping[str, Any]
    versions: Mapping[str, int]


class Commit(NamedTuple):
    """A task's writes, on top of the history that the task saw."""

    before: History
    node: str
    visit: int
    writes: Writes


class Meeting(NamedTuple):
    """A history with the commits of another that were not yet in it, in that other's order."""

    before: History
    added: tuple[Commit, ...]


History = Origin | Commit | Meeting


class View(NamedTuple):
    """What a task sees: values, and how they came about.

    `clock` holds for each node the last visit whose writes are in the view (a node sees its own past, so all earlier
    ones are too). `versions` counts, for each plain key, the writes up to the one seen.
    """

    history: History
    clock: Mapping[str, int]
    values: Mapping[str, Any]
    versions: Mapping[str, int]


Reducers = Mapping[str, Reducer]


def meet(view: View, other: View, reducers: Reducers) -> View:
    """`view`, then what `other` holds beyond it, in that one's order; a plain key has its highest version."""
    clock = view.clock
    if all(clock.get(node, 0) >= visit for node, visit in other.clock.items()):
        return view
    added = missing(other.history, clock)
    values, versions = dict(view.values), dict(view.versions)
    for commit in added:
        for key, value in commit.writes:
            if key in reducers:
                fold_into(values, key, reducers[key], value, commit.node)
    for key, version in other.versions.items():
        if version > versions.get(key, 0):
            versions[key], values[key] = version, other.values[key]
    later = {node: visit for node, visit in other.clock.items() if visit > clock.get(node, 0)}
    return View(Meeting(view.history, added), {**clock, **later}, values, versions)


def missing(history: History, clock: Mapping[str, int]) -> tuple[Commit, ...]:
    """The commits of `history` that are not in `clock`, oldest first.

    What lies before a commit that is in the clock is in it too, so the walk ends there. Not so before an edit, which
    was made in all views at once: the walk goes on, and leaves out what the edit has replaced.
    """
    found: list[Commit] = []
    replaced: set[str] = set()
    while not isinstance(history, Origin):
        news = reversed(history.added) if isinstance(history, Meeting) else (history,)
        for commit in news:
            if clock.get(commit.node, 0) < commit.visit:
                found.append(_without(commit, replaced) if replaced else commit)
            if commit.node == EDIT:
                replaced.update(key for key, _ in commit.writes)
        if isinstance(history, Commit) and history.node != EDIT and clock.get(history.node, 0) >= history.visit:
            break
        history = history.before
    return tuple(reversed(found))


def _without(commit: Commit, keys: set[str]) -> Commit:
    return commit._replace(writes=tuple((key, value) for key, value in commit.writes if key not in keys))


def edited(view: View, number: int, writes: Writes, versions: Mapping[str, int]) -> View:
    """`view` after the edit `number`: `writes` replace the values of their keys, `versions` count the plain ones."""
    values = {**view.values, **{key: plain_value(value) for key, value in writes}}
    history = Commit(view.history, EDIT, number, writes)
    return View(history, {**view.clock, EDIT: number}, values, {**view.versions, **versions})


def refold(view: View, changed: Reducers) -> dict[str, Any]:
    """The values of `view` with the keys that have `changed` reducers folded anew from its history."""
    values, history = dict(view.values), view.history
    while not isinstance(history, Origin):
        history = history.before
    for key in changed:
        values.pop(key, None)
        if history.versions.get(key):  # a plain key then: its value is what was written last
            fold_into(values, key, changed[key], history.values[key], "an earlier node")
        elif key in history.values:
            values[key] = history.values[key]
    for commit in missing(view.history, {}):
        for key, value in commit.writes:
            if key in changed:
                fold_into(values, key, changed[key], value, commit.node)
    return values
