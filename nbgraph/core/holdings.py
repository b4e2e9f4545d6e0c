"""Holdings: what a key may hold at a node, as far as the nodes that may have written it last tell."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

from nbgraph.core.graph import START, Node
from nbgraph.core.reducers import last
from nbgraph.core.signature import Outcomes
from nbgraph.core.survey import Survey
from nbgraph.core.type_agreement import UNKNOWN, strings_of


def written_type(survey: Survey, name: str, key: str) -> Any:
    """The type of what the node `name` writes to `key` in one update, UNKNOWN where it does not tell.

    A map writes the list of what its items do, unless these are folded one by one.
    """
    node = survey.nodes[name]
    found = node.writes.types.get(key, str if _answered(node, key) else UNKNOWN)
    mapped = found is not UNKNOWN and name in survey.maps and key not in survey.schema.reducers
    return types.GenericAlias(list, found) if mapped else found


def _answered(node: Node, key: str) -> bool:
    """Whether a person's choice or note is what the node writes to `key`."""
    return node.kind == "human" and node.name in node.writes.names and key in (node.name, f"{node.name}_note")


def held(survey: Survey, key: str, name: str, *, lists: bool) -> Iterator[tuple[str, Outcomes]]:
    """The strings that `key` may hold after `name` has run, by the nodes that may have written it last.

    Args:
        lists: whether strings in a list count too.
    """
    if key in survey.schema.reducers and survey.schema.reducers[key] is not last:
        return
    declared = strings_of(survey.schema.annotations.get(key, UNKNOWN), lists=lists)
    for writer in last_writers(survey, key, name, after=True) if _telling(survey, key, declared) else ():
        found = _strings(survey, writer, key, lists)
        yield writer, Outcomes(declared, True) if declared is not None and not found.whole else found


def _telling(survey: Survey, key: str, declared: tuple[str, ...] | None) -> bool:
    writes = (survey.nodes[name].writes for name in survey.writers.get(key, ()))
    return declared is not None or any(key in each.names or key in each.types for each in writes)


def _strings(survey: Survey, writer: str, key: str, lists: bool) -> Outcomes:
    node = survey.nodes.get(writer)
    if node is None or (writer in survey.maps and not lists):
        return Outcomes((), False)
    names = node.writes.names.get(key, ())
    if _answered(node, key) and names:
        return Outcomes(names, True)
    annotated = strings_of(node.writes.types.get(key, UNKNOWN), lists=lists)
    return Outcomes(tuple(dict.fromkeys((*names, *(annotated or ())))), annotated is not None)


def last_writers(survey: Survey, key: str, name: str, *, after: bool, among: int | None = None) -> list[str]:
    """The nodes that may have been the last to write `key` before `name` runs, or `after` it has.

    START stands for an input, or for no value at all; a node whose writes are not certain may be among them.

    Args:
        among: the nodes to look at, as a bit set; by default all.
    """
    node = survey.nodes.get(name)
    if after and node is not None and key in node.writes.keys:
        return [name]
    if name not in survey.bit:
        return [START]
    found = survey.last_writers(key)[name]
    asked = found if among is None else found & among
    names = [each for each in survey.names_in(asked) if not _overwritten(survey, key, each, found, name)]
    may_write = after and name != START and not survey.tells(name)
    return [*names, name] if may_write and name not in names else names


def _overwritten(survey: Survey, key: str, one: str, found: int, name: str) -> bool:
    """Whether another of the nodes `found` surely wrote after `one` did, by what is seen at `name`."""
    bit, flow, sure = survey.bit[one], survey.flow, survey.writing(key)
    return any(
        bit & flow.done(other) and not bit & survey.onward.of(other, survey.loops.around[name])
        for other in survey.names_in(found & sure & flow.done(name) & ~bit)
    )
