"""Type checks: whether those who write a key and those who read it can mean the same type."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import GenericAlias
from typing import Any, NamedTuple

from nbgraph.core.annotations import spelt
from nbgraph.core.holdings import last_writers, written_type
from nbgraph.core.problems import Found, Problem
from nbgraph.core.reducers import BUILT_IN, Reducer, append, extend, union
from nbgraph.core.same_round import union as bits
from nbgraph.core.survey import Survey
from nbgraph.core.type_agreement import UNKNOWN, can_agree, element, is_list

_REMEDY = "let both say the same type, or use a key of its own for one of them"


class Reading(NamedTuple):
    """How `node` reads a key, itself or on an edge out of it (`in_edge`); `told` is that as a clause."""

    node: str
    in_edge: bool
    annotation: Any
    told: str


def _types(survey: Survey) -> Found:
    typed = _readings(survey)
    for key in dict.fromkeys((*survey.writers, *survey.schema.annotations)):
        all_written = {name: written_type(survey, name, key) for name in survey.writers.get(key, ())}
        written = {name: found for name, found in all_written.items() if found is not UNKNOWN}
        wrong = [*_against_state(survey, key, written, typed.get(key, ()))]
        yield from wrong
        if not wrong and key not in survey.schema.reducers:
            yield from _against_each_other(survey, key, written, typed.get(key, ()))


def _readings(survey: Survey) -> dict[str, list[Reading]]:
    found: dict[str, list[Reading]] = {}
    for reader in survey.readers:
        if reader.annotation is not UNKNOWN:
            by = f"an edge out of {reader.node}" if reader.in_edge else reader.node
            told = f"{by} reads it as {spelt(reader.annotation)}"
            found.setdefault(reader.key, []).append(Reading(reader.node, reader.in_edge, reader.annotation, told))
    for key, reading in _over_items(survey):
        found.setdefault(key, []).append(reading)
    return found


def _over_items(survey: Survey) -> Iterator[tuple[str, Reading]]:
    """The edges with `each`, which read a list of what their node takes."""
    for edge in survey.edges:
        if edge.kind == "each" and edge.target in survey.nodes:
            name, each = edge.target, survey.maps[edge.target]
            item = next((read.annotation for read in survey.nodes[name].reads if read.key == each.item), UNKNOWN)
            if item is UNKNOWN:
                yield each.key, Reading(edge.source, True, list | tuple | range | deque, f"{name} runs for each of it")
            else:
                lists = GenericAlias(list, item) | GenericAlias(tuple, (item, ...)) | GenericAlias(deque, item) | range
                yield each.key, Reading(edge.source, True, lists, f"{name} takes each of it as {spelt(item)}")


def _against_state(survey: Survey, key: str, written: dict[str, Any], readings: Iterable[Reading]) -> Found:
    declared = survey.schema.annotations.get(key, UNKNOWN)
    if declared is UNKNOWN:
        return
    for name, found in written.items():
        if not _update_fits(found, declared, survey.schema.reducers.get(key)):
            text = f"{name} writes {key!r} as {spelt(found)}, and the state declares {spelt(declared)}"
            yield Problem("NBG121", "warning", survey.place(name), text, _remedy(survey, key))
    for reading in readings:
        if not can_agree(declared, reading.annotation):
            text = f"the state declares {key!r} as {spelt(declared)}, and {reading.told}"
            yield Problem("NBG121", "warning", survey.place(reading.node), text, _REMEDY)


def _remedy(survey: Survey, key: str) -> str:
    return f"append takes one element of {key} at a time" if survey.schema.reducers.get(key) is append else _REMEDY


def _update_fits(found: Any, declared: Any, reducer: Reducer | None) -> bool:
    """Whether an update of type `found` can go into a key of type `declared`; what others fold, nobody knows."""
    if reducer is append:
        return can_agree(found, element(declared))
    if reducer is extend or reducer is union:
        kinds = list | tuple if reducer is extend else list | tuple | set | frozenset
        return can_agree(element(found), element(declared)) if is_list(found) else can_agree(found, kinds)
    return can_agree(found, declared) if reducer is None or reducer in BUILT_IN.values() else True


def _against_each_other(survey: Survey, key: str, written: dict[str, Any], readings: Iterable[Reading]) -> Found:
    types = {id(found): found for found in written.values()}
    for annotation in {id(reading.annotation): reading.annotation for reading in readings}.values():
        apart = {each for each, found in types.items() if not can_agree(found, annotation)}
        wrong = {name: found for name, found in written.items() if id(found) in apart}
        if wrong:
            yield from _mistaken(survey, key, wrong, [each for each in readings if each.annotation is annotation])


def _mistaken(survey: Survey, key: str, wrong: dict[str, Any], readings: Iterable[Reading]) -> Found:
    """The readings of what one of the `wrong` writers wrote last."""
    placed = bits(survey.bit.get(name, 0) for name in wrong)
    for reading in readings:
        last = last_writers(survey, key, reading.node, after=reading.in_edge, among=placed)
        name = next((name for name in last if name in wrong), None)
        if name is not None:
            text = f"{name} writes {key!r} as {spelt(wrong[name])}, and {reading.told}"
            yield Problem("NBG121", "warning", survey.place(reading.node), text, _REMEDY)


TYPE_CHECKS: tuple[Callable[[Survey], Found], ...] = (_types,)
