"""Shape checks: whether nodes and edges make a graph that can be gone through, whatever data flows in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from nbgraph.core.edges import Statement
from nbgraph.core.graph import END, START
from nbgraph.core.plan import shared_depth
from nbgraph.core.problems import Found, Problem
from nbgraph.core.same_round import members_of
from nbgraph.core.survey import Survey
from nbgraph.errors import nearest


def _undeclared(survey: Survey) -> Found:
    unused = [name for name in survey.nodes if name not in survey.linked]
    for name in survey.names:
        if name not in survey.nodes:
            cell = f"write its cell, %%node with def {name}(...), or %%human {name}"
            remedy = cell + nearest(name, unused).replace("?", "")
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
    for name, node in survey.nodes.items():
        if name not in survey.linked and survey.edges:
            remedy = f"add an edge such as {survey.names[0]} -> {name}, or %graph drop {name}"
            yield Problem("NBG110", "warning", node.where, f"no edge names the node {name}", remedy)


def _dead_ends(survey: Survey) -> Found:
    leaving = {edge.source: False for edge in survey.edges if edge.kind == "error"}
    leaving |= {edge.source: True for edge in survey.edges if edge.kind != "error"}
    for name in survey.names:
        if name in survey.linked and not leaving.get(name):
            failing = "leads somewhere on error only, and nowhere when it succeeds"
            text = f"{name} {failing if name in leaving else 'leads nowhere'}, and so ends its branch"
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
    loops = survey.loops_of_success
    members_of_nest = members_of(loops)
    for head in dict.fromkeys(head for _, head in loops.rounds):
        members = members_of_nest[loops.around[head]]
        if not survey.can_leave(members):
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


def _joins(survey: Survey) -> Found:
    for name, join in survey.eager.items():
        if join == "any" and survey.into.get(name, 0) > 1:  # "first" asks for just that
            text = f"{name} joins {join}, so what comes first counts: results may depend on timing"
            yield Problem(
                "NBG124", "info", survey.place(name), text, "leave the join out to wait for all that is under way"
            )
        counted = [statement for statement in survey.statements if statement.limit and name in statement.sources]
        if join == "any" and counted:
            text = f"the tasks of {name} run side by side (join any), and `{counted[0]}` counts them"
            remedy = f"leave `max {counted[0].limit}` out, or let {name} join all"
            yield Problem("NBG125", "error", survey.place(name), text, remedy)


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
        if inner and len(inner) > shared_depth(inner, outer):
            text = f"{edge.target} is led to from inside the loop of {edge.source} and runs once, when the loop ends"
            back = f"{edge.target} -> {inner[-1]}"
            remedy = f"to run it each time, lead it back into the loop ({back}) or call it inside {edge.source}"
            yield Problem("NBG115", "info", survey.place(edge.target), text, remedy)


def _waits_for_a_person(survey: Survey) -> Found:
    people = [name for name, node in survey.nodes.items() if node.kind == "human" and name in survey.bit]
    into: dict[str, int] = {}
    for edge in survey.edges if people else ():
        if edge.target != END and edge.source in survey.bit:
            into[edge.target] = into.get(edge.target, 0) | survey.bit[edge.source]
    for person in people:
        reached, meanwhile = survey.reached(person), survey.meanwhile(person)
        behind = into if meanwhile else ()
        join = next((name for name in behind if reached & survey.bit[name] and into[name] & meanwhile), None)
        if join is not None:
            text = f"{join} waits for {person}, where a person is asked"
            remedy = f"that is right where {join} joins both; else give the branches a node each"
            yield Problem("NBG116", "info", survey.place(join), text, remedy)


SHAPE_CHECKS: tuple[Callable[[Survey], Found], ...] = (
    _undeclared,
    _start,
    _unreachable,
    _unused,
    _dead_ends,
    _choices,
    _endless,
    _maps,
    _joins,
    _duplicates,
    _led_to_from_loops,
    _waits_for_a_person,
)
