"""Ways: what leads out of each node, by what is taken together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from nbgraph.core.outline import OutlineEdge
from nbgraph.core.statements import Statement

Targets = tuple[str, ...]


class Ways(NamedTuple):
    """What leads out of a node.

    A task that succeeds leads to all of `always`, and to those of one of the `options` where there are any; one that
    failed to all of `on_error`.
    """

    always: Targets = ()
    options: tuple[Targets, ...] = ()
    on_error: Targets = ()

    def together(self) -> Iterator[Targets]:
        """The targets that one task leads to at once, for each way that it can go on."""
        for option in self.options or ((),):
            yield tuple(dict.fromkeys((*self.always, *option)))
        yield self.on_error


def ways_out(
    names: Iterable[str], edges: Iterable[OutlineEdge], choices: Mapping[str, Sequence[Statement]]
) -> dict[str, Ways]:
    """What leads out of each of `names`; a `by` is taken to choose one of its targets."""
    always: dict[str, dict[str, None]] = {}
    on_error: dict[str, dict[str, None]] = {}
    for edge in edges:
        if edge.kind in ("plain", "always", "each"):
            always.setdefault(edge.source, {})[edge.target] = None
        elif edge.kind == "error":
            on_error.setdefault(edge.source, {})[edge.target] = None
    return {
        name: Ways(tuple(always.get(name, ())), _options(choices.get(name, ())), tuple(on_error.get(name, ())))
        for name in names
    }


def _options(statements: Sequence[Statement]) -> tuple[Targets, ...]:
    found: list[Targets] = []
    for statement in statements:
        found += [(to,) for to in statement.targets] if statement.guard.kind == "by" else [statement.targets]
    return tuple(dict.fromkeys(found))
