"""Choice checks: whether what a choice goes by can name what it is compared with, and nothing else."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator

from nbgraph.core.edges import Statement
from nbgraph.core.holdings import held
from nbgraph.core.problems import Found, Problem
from nbgraph.core.signature import Outcomes, outcomes, read_keys
from nbgraph.core.survey import Survey
from nbgraph.errors import DeclarationError, nearest


def _routing(survey: Survey) -> Found:
    for statement in survey.statements:
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
        why = _not_callable(function)
        if why:
            text = f"by {name}() cannot be called: {why}"
            yield Problem("NBG117", "error", where, text, "let it name each key that it reads")


def _not_callable(function: Callable[..., object]) -> str:
    try:
        reads = read_keys(function)
    except (DeclarationError, ValueError, TypeError) as error:
        return str(error)
    return "its parameter 'error' is no key" if any(read.key == "error" for read in reads) else ""


def _outcomes(survey: Survey) -> Found:
    for source, statements in survey.choices.items():
        for statement in [each for each in statements if each.guard.kind == "by"][:1]:
            for writer, found in _chosen(survey, source, statement):
                yield from _astray(survey, writer, found, source, statement)
            yield from _never_chosen(survey, source, statement)


def _chosen(survey: Survey, source: str, statement: Statement) -> Iterator[tuple[str, Outcomes]]:
    """Who decides where a `by` leads, each with the names that it can give."""
    key, function = statement.guard.key, survey.graph.function(statement.guard.function or "")
    if function is not None:
        yield f"{statement.guard.function}()", outcomes(function)
    elif key is not None:
        yield from held(survey, key, source, lists=True)


def _astray(survey: Survey, writer: str, found: Outcomes, source: str, statement: Statement) -> Found:
    targets, guard = statement.targets, statement.guard
    for outcome in found.names:
        if outcome not in targets:
            text = f"{writer} can choose {outcome!r}, and {guard} leads only to {', '.join(targets)}"
            like = nearest(outcome, targets).replace("?", "")
            remedy = f"add {outcome} to the group, or return one of its names{like}"
            where = survey.place(writer if writer in survey.nodes else source)
            yield Problem("NBG108", "warning", where, text, remedy)


def _never_chosen(survey: Survey, source: str, statement: Statement) -> Found:
    chosen = [found for _, found in _chosen(survey, source, statement)]
    if not chosen or not all(found.whole for found in chosen):
        return
    names = {name for found in chosen for name in found.names}
    for target in statement.targets:
        if target not in names:
            where = survey.edge_place(lambda other: other is statement)
            text = f"nothing chooses {target}, which {statement.guard} after {source} could lead to"
            yield Problem("NBG122", "info", where, text, f"leave {target} out of the group, or return it")


def _compared(survey: Survey) -> Found:
    for statement in survey.statements:
        condition = statement.guard.condition
        if condition is None:
            continue
        for key in sorted(condition.keys):
            values = _values(survey, key, statement.sources)
            for constant in _constants(condition.text, key) if values else ():
                if constant not in values:
                    yield _impossible(survey, statement, key, constant, values)


def _values(survey: Survey, key: str, sources: Iterable[str]) -> tuple[str, ...]:
    """All that `key` may be after `sources`, or nothing where that is not known."""
    found = [outcome for source in sources for _, outcome in held(survey, key, source, lists=False)]
    known = bool(found) and all(outcome.whole for outcome in found)
    return tuple(dict.fromkeys(name for outcome in found for name in outcome.names)) if known else ()


def _impossible(survey: Survey, statement: Statement, key: str, constant: str, values: tuple[str, ...]) -> Problem:
    where = survey.edge_place(lambda other: other is statement)
    listed = " or ".join(map(repr, values))
    text = f"`{statement.guard}` compares {key} with {constant!r}, and {key} is only {listed}"
    like = nearest(constant, values).removeprefix("; ").removesuffix("?")
    return Problem("NBG123", "warning", where, text, like or f"compare {key} with what it can be")


def _constants(text: str, key: str) -> dict[str, None]:
    """The constant strings that `key` is compared with in the text of a condition."""
    found: dict[str, None] = {}
    for node in ast.walk(ast.parse(text, mode="eval")):
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
            for left, sign, right in zip(operands, node.ops, operands[1:], strict=False):
                found |= dict.fromkeys(_compared_with(key, left, sign, right))
    return found


def _compared_with(key: str, left: ast.expr, sign: ast.cmpop, right: ast.expr) -> list[str]:
    match left, sign, right:
        case ast.Name(id=name), ast.Eq() | ast.NotEq(), other if name == key:
            constants = [other]
        case other, ast.Eq() | ast.NotEq(), ast.Name(id=name) if name == key:
            constants = [other]
        case ast.Name(id=name), ast.In() | ast.NotIn(), (
            ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements)
        ) if name == key:
            constants = elements
        case _:
            constants = []
    return [each.value for each in constants if isinstance(each, ast.Constant) and isinstance(each.value, str)]


CHOICE_CHECKS: tuple[Callable[[Survey], Found], ...] = (_routing, _outcomes, _compared)
