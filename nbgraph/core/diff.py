"""Diff: what tells one run of a graph from another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from nbgraph.core.records import Step
from nbgraph.core.task_names import EDIT
from nbgraph.core.usage import NOTHING, Used
from nbgraph.errors import brief


class Diff(NamedTuple):
    """What tells two runs apart; of each pair the first is of the first run.

    `step` is the number of the first step that differs, or None, and `steps` the two steps there (None where a run has
    no more). `keys` are those of the final states that differ, `visits` the nodes that ran another number of times.
    `seconds` is the time that the nodes of each run took in all, `used` what their models took.
    """

    step: int | None
    steps: tuple[Step | None, Step | None]
    keys: Mapping[str, tuple[Any, Any]]
    visits: Mapping[str, tuple[int, int]]
    seconds: tuple[float, float]
    used: tuple[Used, Used] = (NOTHING, NOTHING)

    @property
    def same(self) -> bool:
        """Whether the two did the same; time and cost do not count."""
        return self.step is None and not self.keys and not self.visits

    def __repr__(self) -> str:
        took = f"{self.seconds[0]:.2f} | {self.seconds[1]:.2f} s"
        if self.used != (NOTHING, NOTHING):
            took += f"\n{self.used[0]} | {self.used[1]}"
        if self.same:
            return f"no difference\n{took}"
        lines = [] if self.step is None else [f"first difference at step {self.step}:", *map(_line, self.steps)]
        lines += [f"{key}: {brief(one, 50)} | {brief(other, 50)}" for key, (one, other) in self.keys.items()]
        lines += [f"{node} ran {one} | {other} times" for node, (one, other) in self.visits.items()]
        return "\n".join((*lines, took))


def diff(
    one: Sequence[Step],
    other: Sequence[Step],
    state: Mapping[str, Any],
    other_state: Mapping[str, Any],
    used: tuple[Used, Used] = (NOTHING, NOTHING),
) -> Diff:
    """Compare two runs by their steps, their final states, and what their models took."""
    longer = range(max(len(one), len(other)))
    first = next((place for place in longer if not alike(_at(one, place), _at(other, place))), None)
    visits, others = (Counter(step.node for step in steps if step.node != EDIT) for steps in (one, other))
    return Diff(
        None if first is None else first + 1,
        (None, None) if first is None else (_at(one, first), _at(other, first)),
        {
            key: (state.get(key), other_state.get(key))
            for key in dict.fromkeys((*state, *other_state))
            if (key in state) != (key in other_state) or not equal(state[key], other_state[key])
        },
        {node: (visits[node], others[node]) for node in visits | others if visits[node] != others[node]},
        (sum(step.at - step.began for step in one), sum(step.at - step.began for step in other)),
        used,
    )


def _line(step: Step | None) -> str:
    return f"  {step!r}" if step else "  (no more steps)"


def _at(steps: Sequence[Step], place: int) -> Step | None:
    return steps[place] if place < len(steps) else None


def alike(one: Step | None, other: Step | None) -> bool:
    """Whether the same task wrote the same and led to the same nodes."""
    if one is None or other is None:
        return one is other
    went = [(edge.source, edge.target) for edge in one.taken] == [(edge.source, edge.target) for edge in other.taken]
    return one.task == other.task and went and equal(one.update, other.update)


def equal(one: Any, other: Any) -> bool:
    """Whether two values are equal; those that cannot be compared (an array gives no yes or no) are told by repr."""
    try:
        return bool(one == other)
    except Exception:
        return brief(one, 10_000) == brief(other, 10_000)
