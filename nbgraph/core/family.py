"""The family of a run: the one that all of them were forked from, its forks, and the forks of these."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from nbgraph.core.ports import RunSummary, Store
from nbgraph.errors import NoSuchRun

MOST = 50
FORK = "fork"


class Member(NamedTuple):
    """A run of a family, so many forks away from the first one."""

    run: RunSummary
    depth: int


def family(store: Store, run_id: str, most: int = MOST) -> list[Member]:
    """The family of a run as it is stored: each after the run it was forked from, those that started first before.

    The run itself is always among them, also where there are more than `most`.

    Raises:
        NoSuchRun: there is none with that id.
    """
    run = store.run(run_id)
    found: list[Member] = []
    for member in _below(store, Member(_first(store, run), 0), set()):
        if len(found) == most:
            break
        found.append(member)
    return found if any(member.run.id == run_id for member in found) else [*found, Member(run, 1)]


def _first(store: Store, run: RunSummary) -> RunSummary:
    """The run that it all began with, as far as it was not deleted."""
    seen = {run.id}
    while run.relation == FORK and run.parent not in seen:
        seen.add(run.parent)
        try:
            run = store.run(run.parent)
        except NoSuchRun:
            break
    return run


def _below(store: Store, member: Member, seen: set[str]) -> Iterator[Member]:
    if member.run.id in seen:
        return
    seen.add(member.run.id)
    yield member
    for run in reversed(store.runs(parent=member.run.id)):
        if run.relation == FORK:
            yield from _below(store, Member(run, member.depth + 1), seen)
