"""Places in a run: what the names of tasks are made of, such as `draft#2`, `work#1[3]` and `research#2/search#1`."""

from __future__ import annotations

from typing import NamedTuple

EDIT = "run.edit"
"""Who made a commit that no node made: a person who edited the state, in all views at once."""


class Place(NamedTuple):
    """A task, or an item of it: in the subgraph of the task `within`, whose nodes are named below the path `static`."""

    within: str
    static: str
    id: str
    node: str
    visit: int
    item: int | None


def place_of(name: str) -> Place:
    """The parts of a name such as `research#2/search#1[3]`; of a call such as `draft#2/model1` those of its task."""
    within, _, last = name.rpartition("/")
    while within and "#" not in last:
        within, _, last = within.rpartition("/")
    id, _, item = last.partition("[")
    node, _, visit = id.rpartition("#")
    return Place(within, static_of(within), id, node, int(visit), int(item[:-1]) if item else None)


def walk_name(place: Place) -> str:
    """The name under which the subgraph of a task is walked."""
    lead = f"{place.within}/" if place.within else ""
    return f"{lead}{place.node}" + (f"#{place.visit}" if place.visit > 1 else "")


def static_of(within: str) -> str:
    """The path of nodes that a path of tasks follows, such as `research/deep/` for `research#2/deep[3]`; or nothing."""
    parts = (part.partition("#")[0].partition("[")[0] for part in within.split("/"))
    return "/".join(parts) + "/" if within else ""


def is_within(name: str, within: str) -> bool:
    """Whether `name` is that of a subgraph within the task, of one of its items, or of a subgraph of these."""
    return name == within or name.startswith((f"{within}/", f"{within}["))
