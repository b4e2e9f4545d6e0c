"""Key checks: whether each key that is read was written before, and by one node at a time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

from nbgraph.core.graph import START
from nbgraph.core.inputs import Reader
from nbgraph.core.problems import Found, Problem
from nbgraph.core.survey import Survey
from nbgraph.errors import nearest

_SHOWN = 7  # nodes of a way that a message names


def _keys(survey: Survey) -> Found:
    declared = set(survey.schema.keys)
    known = {*survey.writers, *declared}
    alike = {
        key: nearest(key, known) for key in dict.fromkeys(reader.key for reader in survey.readers) if key not in known
    }
    for reader in survey.readers:
        if alike.get(reader.key):
            yield _misspelt(survey, reader, alike[reader.key])
        elif reader.required and _may_be_missing(survey, reader):
            earlier = [name for name in survey.writers[reader.key] if _before(survey, name, reader)]
            if earlier:
                yield _on_some_way(survey, reader, earlier[0])
            elif reader.key not in declared:  # else it is an input, though a node writes it too
                yield _too_early(survey, reader)


def _by(reader: Reader) -> str:
    return f"a condition after {reader.node}" if reader.in_edge else reader.node


def _misspelt(survey: Survey, reader: Reader, alike: str) -> Problem:
    text = f"{_by(reader)} reads {reader.key!r}, which nothing writes"
    remedy = alike.removeprefix("; ").removesuffix("?") + ", or is it an input"
    return Problem("NBG107", "warning", survey.place(reader.node), text, remedy)


def _may_be_missing(survey: Survey, reader: Reader) -> bool:
    """Whether there is a way to the reader on which nothing surely writes the key; what is not known is no such way."""
    names = survey.writers.get(reader.key, ())
    if not names or reader.key in survey.schema.defaults or reader.key in survey.schema.private:
        return False
    if any(name not in survey.bit for name in (reader.node, *names)):
        return False
    there = survey.flow.keys(reader.node) | (survey.gives(reader.node) if reader.in_edge else 0)
    return not there & survey.key_bit[reader.key]


def _before(survey: Survey, writer: str, reader: Reader) -> bool:
    return (reader.in_edge and writer == reader.node) or survey.leads_at_first(writer, reader.node)


def _too_early(survey: Survey, reader: Reader) -> Problem:
    text = f"{_by(reader)} reads {reader.key!r}, and nothing before it writes it"
    later = ", ".join(survey.writers[reader.key])
    remedy = f"{later} writes it later; give {reader.key} as an input, or {_default(survey, reader)}"
    return Problem("NBG106", "warning", survey.place(reader.node), text, remedy)


def _on_some_way(survey: Survey, reader: Reader, writer: str) -> Problem:
    way = survey.flow.way_without(survey.key_bit[reader.key], reader.node)
    shown = way if len(way) <= _SHOWN else (*way[: _SHOWN // 2], "...", *way[-(_SHOWN // 2) :])
    text = f"{_by(reader)} reads {reader.key!r}, and on the way {' -> '.join(shown)} nothing writes it"
    remedy = f"give {reader.key} {_default(survey, reader)}, or as an input, or lead that way over {writer}"
    return Problem("NBG106", "warning", survey.place(reader.node), text, remedy)


def _default(survey: Survey, reader: Reader) -> str:
    return "a default in %%state" if reader.in_edge else survey.nodes[reader.node].default_for(reader.key)


def _parallel_writers(survey: Survey) -> Found:
    for key, names in survey.writers.items():
        if key in survey.schema.reducers:
            continue
        pairs = ((one, other) for one, other in combinations(names[:50], 2) if survey.parallel(one, other))
        pair = next((pair for pair in pairs if not _raced(survey, *pair)), None)
        if pair:
            text = f"{pair[0]} and {pair[1]} can run at once, and both write the plain key {key!r}"
            remedy = f"give {key} a reducer in %%state, or put one after the other"
            yield Problem("NBG109", "warning", survey.place(pair[1]), text, remedy)


def _raced(survey: Survey, one: str, other: str) -> bool:
    """Whether both lead straight into a node that joins first: then the one that is later is cancelled."""
    targets = set(survey.ways[one].always) & set(survey.ways[other].always)
    return any(survey.eager.get(name) == "first" for name in targets)


def _side_by_side(survey: Survey) -> Found:
    for name, join in survey.eager.items():
        if join != "any" or survey.into.get(name, 0) < 2:
            continue
        for key in survey.nodes[name].writes.keys:
            if key not in survey.schema.reducers:
                text = f"the tasks of {name} run side by side (join any), and each writes the plain key {key!r}"
                remedy = f"give {key} a reducer in %%state, or let {name} join all"
                yield Problem("NBG109", "warning", survey.place(name), text, remedy)


def _errors(survey: Survey) -> Found:
    told = {edge.target for edge in survey.edges if edge.kind == "error"}
    for name, node in survey.nodes.items():
        if name in survey.linked and name not in told and any(read.key == "error" for read in node.reads):
            before = next((edge.source for edge in survey.edges if edge.target == name and edge.source != START), "a")
            text = f"{name} reads 'error', and no `on error` edge leads to it"
            remedy = f"write {before} -> {name} on error, or give the parameter another name"
            yield Problem("NBG120", "warning", survey.place(name), text, remedy)


KEY_CHECKS: tuple[Callable[[Survey], Found], ...] = (_keys, _parallel_writers, _side_by_side, _errors)
