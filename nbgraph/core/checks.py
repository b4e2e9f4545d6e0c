"""Checks: all that is wrong, or worth knowing, with a graph as it is declared so far.

Each check is a function from a `Survey` of the graph to problems. Nothing is run; what is not known is not reported
as fine, it is not reported at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Literal, NamedTuple

from nbgraph.core.edges import Statement
from nbgraph.core.graph import END, START, Graph
from nbgraph.core.inputs import Reader
from nbgraph.core.plan import shared_depth
from nbgraph.core.signature import read_keys
from nbgraph.core.survey import Survey
from nbgraph.errors import DeclarationError, nearest

Severity = Literal["error", "todo", "warning", "info"]
_GRAVITY: dict[Severity, int] = {"error": 0, "todo": 1, "warning": 2, "info": 3}


class Problem(NamedTuple):
    """One finding. Errors and todos keep a graph from running; a todo is merely not written yet."""

    code: str
    severity: Severity
    where: str
    text: str
    remedy: str

    def __str__(self) -> str:
        where = f" ({self.where})" if self.where else ""
        return f"{self.code} {self.text}{where}; {self.remedy}."


def check(graph: Graph) -> list[Problem]:
    """All problems of `graph`, the grave ones first."""
    survey = Survey(graph)
    found = dict.fromkeys(problem for each in _CHECKS for problem in each(survey))
    return sorted(found, key=lambda problem: _GRAVITY[problem.severity])


Found = Iterator[Problem]


def _undeclared(survey: Survey) -> Found:
    unused = [name for name in survey.graph.nodes if name not in survey.linked]
    for name in survey.names:
        if name not in survey.graph.nodes:
            remedy = f"write its cell, %%node with def {name}(...)" + nearest(name, unused).replace("?", "")
            yield Problem("NBG101", "todo", survey.place(name), f"the node {name} is not written yet", remedy)


def _start(survey: Survey) -> Found:
    if not survey.edges:
        text = f"{survey.graph.name} has no edges"
        yield Problem("NBG119", "error", "", text, "say how its nodes follow each other, such as START -> draft -> END")
        return
    if any(edge.source == START for edge in survey.edges):
        return
    led_to = {edge.target for edge in survey.edges}
    free = [name for name in survey.names if name not in led_to and name in survey.linked]
    text = (
        f"{', '.join(free)} could all be the start" if free else "every node is led to by another, so none is the start"
    )
    yield Problem("NBG111", "error", "", text, f"add START -> {free[0] if free else survey.names[0]}")


def _unreachable(survey: Survey) -> Found:
    if not any(edge.source == START for edge in survey.edges):
        return
    for name in survey.names:
        if name in survey.linked and name not in survey.loops.around:
            remedy = f"add an edge to {name}, or drop it"
            yield Problem("NBG102", "warning", survey.place(name), f"nothing leads from START to {name}", remedy)


def _unused(survey: Survey) -> Found:
    for name, node in survey.graph.nodes.items():
        if name not in survey.linked and survey.edges:
            remedy = f"add an edge such as {survey.names[0]} -> {name}, or %graph drop {name}"
            yield Problem("NBG110", "warning", node.where, f"no edge names the node {name}", remedy)


def _dead_ends(survey: Survey) -> Found:
    leaving = {edge.source for edge in survey.edges}
    for name in survey.names:
        if name in survey.linked and name not in leaving:
            text = f"{name} leads nowhere, and so ends its branch"
            yield Problem("NBG103", "warning", survey.place(name), text, f"add {name} -> END to say that it is meant")


def _choices(survey: Survey) -> Found:
    for source, statements in survey.choices.items():
        kinds = [statement.guard.kind for statement in statements]
        where = survey.edge_place(lambda statement, source=source: source in statement.sources)  # type: ignore[misc]
        for text, remedy in _faults(survey, source, statements, kinds):
            yield Problem("NBG104", "error", where, text, remedy)


def _faults(
    survey: Survey, source: str, statements: list[Statement], kinds: Sequence[str]
) -> Iterator[tuple[str, str]]:
    plain = [edge.target for edge in survey.edges if edge.source == source and edge.kind == "plain"]
    if plain:
        text = f"{source} has both guarded edges and the plain edge to {plain[0]}"
        yield text, f"write {source} -> {plain[0]} always if it is meant, or else to make it a choice"
    if "by" in kinds and ("if" in kinds or kinds.count("by") > 1):
        yield f"{source} chooses by a name and by something else too", "keep one `by`, with an else beside it"
    if kinds.count("else") > 1:
        yield (
            f"{source} has {kinds.count('else')} else edges",
            "keep one; several targets stand in one statement: a -> b, c else",
        )
    limited = any(statement.limit for statement in statements)
    if "else" not in kinds and ("if" in kinds or limited):
        why = "when its limit is spent" if limited and "by" in kinds else "when no condition holds"
        yield f"{source} does not say where to go {why}", f"add {source} -> END else"
    if set(kinds) == {"else"}:
        yield f"{source} has an else and no if", f"write {source} -> ... if CONDITION beside it"


def _endless(survey: Survey) -> Found:
    heads = dict.fromkeys(head for _, head in survey.loops.rounds)
    for head in heads:
        depth = len(survey.loops.around[head])
        nest = survey.loops.around[head]
        members = [name for name in survey.loops.found if survey.loops.around[name][:depth] == nest]
        if not any(survey.can_leave(name, members) for name in members):
            loop = " -> ".join((*members, members[0]))
            remedy = f"guard one of its edges: {members[-1]} -> {head} if CONDITION max 3; {members[-1]} -> END else"
            yield Problem("NBG105", "error", survey.place(head), f"the loop {loop} never ends", remedy)


def _maps(survey: Survey) -> Found:
    mapped = {edge.target for edge in survey.edges if edge.kind == "each"}
    for name in mapped:
        into = [edge for edge in survey.edges if edge.target == name]
        if name == END:
            text, remedy = "END cannot run for each item", "map over a node that leads to END"
        elif len(into) > 1:
            text = f"{name} runs for each item, and other edges lead to it too"
            remedy = "give it one incoming edge; a second node can call the same function"
        else:
            continue
        yield Problem(
            "NBG114", "error", survey.edge_place(lambda statement: statement.guard.kind == "each"), text, remedy
        )


def _routing(survey: Survey) -> Found:
    for statement in survey.graph.statements:
        name = statement.guard.function
        if not name:
            continue
        where = survey.edge_place(lambda other, statement=statement: other is statement)  # type: ignore[misc]
        function = survey.graph.function(name)
        if function is None:
            targets = ", ".join(statement.targets)
            remedy = f"define def {name}(...) that returns one of {targets}, or use by {name} for a key"
            yield Problem("NBG117", "todo", where, f"by {name}() calls a function that is not there", remedy)
            continue
        try:
            read_keys(function)
        except (DeclarationError, ValueError, TypeError) as error:
            text = f"by {name}() cannot be called: {error}"
            yield Problem("NBG117", "error", where, text, "let it name each key that it reads")


def _outcomes(survey: Survey) -> Found:
    for source, statements in survey.choices.items():
        routed = [statement for statement in statements if statement.guard.kind == "by" and statement.guard.key]
        if not routed or source not in survey.graph.nodes:
            continue
        targets = routed[0].targets
        for outcome in survey.graph.nodes[source].writes.names.get(str(routed[0].guard.key), ()):
            if outcome not in targets:
                text = (
                    f"{source} can choose {outcome!r}, and by {routed[0].guard.key} leads only to {', '.join(targets)}"
                )
                remedy = f"add {outcome} to the group, or return one of its names" + nearest(outcome, targets).replace(
                    "?", ""
                )
                yield Problem("NBG108", "warning", survey.place(source), text, remedy)


def _keys(survey: Survey) -> Found:
    written = {*survey.writers, *survey.graph.schema.keys}
    for reader in survey.readers:
        if reader.key in survey.graph.schema.keys:
            continue
        by = "a condition after " + reader.node if reader.in_edge else reader.node
        where = survey.place(reader.node)
        if reader.key not in survey.writers:
            alike = nearest(reader.key, written - {reader.key})
            if alike:
                text = f"{by} reads {reader.key!r}, which nothing writes"
                yield Problem(
                    "NBG107", "warning", where, text, alike.removeprefix("; ").removesuffix("?") + ", or is it an input"
                )
        elif reader.required and not any(_before(survey, writer, reader) for writer in survey.writers[reader.key]):
            text = f"{by} reads {reader.key!r}, and nothing before it writes it"
            later = ", ".join(survey.writers[reader.key])
            remedy = f"{later} writes it later; give {reader.key} as an input, or a default in the signature"
            yield Problem("NBG106", "warning", where, text, remedy)


def _before(survey: Survey, writer: str, reader: Reader) -> bool:
    unknown = reader.node not in survey.bit or writer not in survey.bit
    itself = reader.in_edge and writer == reader.node
    return unknown or itself or survey.leads_at_first(writer, reader.node)


def _parallel_writers(survey: Survey) -> Found:
    for key, names in survey.writers.items():
        if key in survey.graph.schema.reducers or len(names) < 2:
            continue
        pair = next((pair for pair in combinations(names[:50], 2) if survey.parallel(*pair)), None)
        if pair:
            text = f"{pair[0]} and {pair[1]} can run at once, and both write the plain key {key!r}"
            remedy = f"give {key} a reducer in %%state, or put one after the other"
            yield Problem("NBG109", "warning", survey.place(pair[1]), text, remedy)


def _duplicates(survey: Survey) -> Found:
    for double in survey.graph.duplicates.values():
        text = f"{double.name} is declared in {double.earlier.label} and in {double.later.label}, which counts"
        remedy = f"rename one of them, or %graph drop {double.name} and run the one to keep"
        yield Problem("NBG112", "warning", double.later.label, text, remedy)


def _led_to_from_loops(survey: Survey) -> Found:
    for edge in survey.edges:
        if edge.kind not in ("plain", "always") or edge.target == END or edge.source not in survey.loops.around:
            continue
        inner, outer = survey.loops.around[edge.source], survey.loops.around[edge.target]
        if len(inner) > shared_depth(inner, outer):
            text = f"{edge.target} is led to from inside the loop of {edge.source} and runs once, when the loop ends"
            back = f"{edge.target} -> {inner[-1]}"
            remedy = f"to run it each time, lead it back into the loop ({back}) or call it inside {edge.source}"
            yield Problem("NBG115", "info", survey.place(edge.target), text, remedy)


def _waits_for_a_person(survey: Survey) -> Found:
    people = [name for name, node in survey.graph.nodes.items() if node.kind == "human" and name in survey.bit]
    into: dict[str, int] = {}
    for edge in survey.edges if people else ():
        if edge.target != END and edge.source in survey.bit:
            into[edge.target] = into.get(edge.target, 0) | survey.bit[edge.source]
    for person in people:
        reached, meanwhile = survey.reached(person), survey.meanwhile(person)
        join = next((name for name in into if reached & survey.bit[name] and into[name] & meanwhile), None)
        if join is not None:
            text = f"{join} waits for {person}, where a person is asked"
            remedy = f"that is right where {join} joins both; else give the branches a node each"
            yield Problem("NBG116", "info", survey.place(join), text, remedy)


_CHECKS: tuple[Callable[[Survey], Found], ...] = (
    _undeclared,
    _start,
    _unreachable,
    _unused,
    _dead_ends,
    _choices,
    _endless,
    _maps,
    _routing,
    _outcomes,
    _keys,
    _parallel_writers,
    _duplicates,
    _led_to_from_loops,
    _waits_for_a_person,
)
