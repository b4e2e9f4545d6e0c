"""Checks as a whole: how problems are told and ordered, silence on good graphs, and what a check costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import pytest

from nbgraph.core.checks import Problem
from nbgraph.core.graph import Source, declared_in
from nbgraph.core.signature import Read, Writes
from nbgraph.library import Graph
from nbgraph.nodes.function import function_node
from nbgraph.nodes.human import human_node
from tests.call_count import calls_in
from tests.core.declared import graph, only, returning

# -- how they are told -------------------------------------------------------------------------------------------------


def test_a_problem_is_one_sentence_with_code_place_and_remedy() -> None:
    problem = Problem("NBG999", "error", "cell [3]", "it is wrong", "mend it")
    assert str(problem) == "NBG999 it is wrong (cell [3]); mend it."
    assert str(problem._replace(where="")) == "NBG999 it is wrong; mend it."


def test_grave_problems_come_first() -> None:
    made = Graph("g")
    made.edges("START -> a -> END; a -> b if x")
    severities = [problem.severity for problem in made.check()]
    assert severities == sorted(severities, key=["error", "todo", "warning", "info"].index)
    assert len(set(severities)) > 1


def test_a_problem_names_the_cell_of_its_edge() -> None:
    token = declared_in.set(Source("x", "cell [7]", 7))
    made = graph("START -> a\na -> END if x")
    declared_in.reset(token)
    assert only(made, "NBG104").where == "cell [7], line 2"


@pytest.mark.parametrize(
    "text",
    [
        "a -> a",
        "START -> END",
        "START -> a; b -> b",
        "a -> b each x as y; b -> a if len(x) > 1",
        "a -> END by f()",
        "START -> a; a -> a on error",
        "START -> a; a -> END on error; b -> c on error; c -> b on error",
    ],
)
def test_no_graph_makes_a_check_raise(text: str) -> None:
    made = Graph("g")
    made.edges(text)
    assert all(str(problem) for problem in made.check())


# -- silence -----------------------------------------------------------------------------------------------------------


def test_silence_on_the_essay_graph() -> None:
    made = Graph("essay")

    @made.node
    def draft(topic: str, feedback: str = "") -> Any:
        return {"text": f"{topic}{feedback}", "spelling": None}

    @made.node
    def critique(text: str) -> Any:
        return {"score": len(text), "feedback": "more"}

    @made.node
    def spelling(text: str) -> Any:
        return {"misspelt": []}

    @made.node
    def facts(text: str) -> Any:
        return {"doubtful": []}

    @made.node
    def publish(text: str, gate: Literal["approve", "reject"], misspelt: list[str], doubtful: list[str]) -> Any:
        return {"published": gate == "approve"}

    made.human("gate", "Publish?\n\n{{ text }}", edit=["text"])
    made.edges(
        """
        START -> draft -> critique
        critique -> draft if score < 7 max 3
        critique -> spelling, facts else
        spelling, facts -> gate
        gate -> publish if gate == "approve"
        gate -> END else
        publish -> END
        """
    )
    assert made.check() == []


def test_silence_on_a_supervisor() -> None:
    made = graph(
        "START -> supervisor; supervisor -> research, write, END by next; research, write -> supervisor",
        write={"supervisor": "{'next': 'research'}", "research": "{'facts': 1}", "write": "{'text': facts}"},
        supervisor="task, facts='', text=''",
    )
    assert made.check() == []


def test_silence_on_a_supervisor_with_annotations() -> None:
    made = graph(
        "START -> lead; lead -> research, compose, END by lead; research, compose -> lead",
        gives={"lead": Literal["research", "compose", "END"], "research": str, "compose": str},
        lead="task: str, research: str = '', compose: str = ''",
        research="task: str",
        compose="task: str, research: str = ''",
    )
    assert made.check() == []


def test_silence_on_plan_and_execute() -> None:
    made = graph(
        """
        START -> planner -> execute
        execute -> review
        review -> planner if len(steps) > done max 5
        review -> END else
        """,
        write={"planner": "{'steps': [goal]}", "execute": "{'done': 1}", "review": "{'verdict': 'ok'}"},
        planner="goal, verdict=''",
        execute="steps",
        review="steps, done",
    )
    assert made.check() == []


def test_silence_on_an_evaluator_and_an_optimizer() -> None:
    made = graph(
        "START -> optimize -> evaluate; evaluate -> optimize if verdict != 'good' max 4; evaluate -> END else",
        write={"optimize": "{'answer': feedback}", "evaluate": "{'verdict': 'good', 'feedback': 'shorter'}"},
        optimize="question, feedback=''",
        evaluate="question, answer",
    )
    assert made.check() == []


def test_silence_on_a_map() -> None:
    made = graph(
        "START -> split; split -> work each items as item; work -> join -> END",
        write={"split": "{'items': [1]}", "work": "{'part': item}", "join": "{'all': part}"},
        work="item",
        join="part",
    )
    assert made.check() == []


def test_silence_on_retry_and_fallback() -> None:
    made = graph(
        "START -> fetch -> use -> END; fetch -> fallback on error; fallback -> use",
        write={"fetch": "{'page': url}", "fallback": "{'page': str(error)}"},
        fetch="url",
        fallback="error, errors",
        use="page",
    )
    assert made.check() == []


def test_silence_on_a_handoff_by_key() -> None:
    made = graph(
        "START -> sales; sales -> support, END by handoff; support -> sales, END by handoff",
        write={"sales": "{'handoff': 'support', 'reply': 1}", "support": "{'handoff': 'END', 'reply': 1}"},
        sales="question",
        support="question",
    )
    assert made.check() == []


# -- cost --------------------------------------------------------------------------------------------------------------

NAMES = [f"n{index}" for index in range(1000)]
ALL, FEW, REST = ", ".join(NAMES[:-1]), ", ".join(NAMES[:60]), ", ".join(NAMES[60:-1])
LAYERS = [", ".join(NAMES[start : start + 10]) for start in range(0, 1000, 10)]
SHAPES = {
    "chain": f"START -> {' -> '.join(NAMES)} -> END",
    "fan": f"START -> {ALL} -> n999 -> END",
    "choices": f"START -> n999; n999 -> {ALL} by next; {ALL} -> END",
    "loops": f"START -> {' -> '.join(NAMES)}; "
    + "".join(f"n{i} -> n{i - 5} if x max 2; n{i} -> END always; " for i in range(9, 999, 10))
    + "n999 -> END",
    "a choice beside a fan": f"START -> s, p; s -> {FEW} by next; p -> {REST}; {FEW}, {REST} -> END",
    "skips": f"START -> {' -> '.join(NAMES)} -> END; " + "; ".join(f"n{i} -> n{i + 2}" for i in range(997)),
    "layers": f"START -> {' -> '.join(LAYERS)} -> END",
    "fallbacks": "START -> n0; "
    + "".join(f"n{i} -> n{i + 2}; n{i} -> n{i + 1} on error; n{i + 1} -> n{i + 2}; " for i in range(0, 998, 2))
    + "n998 -> n999 -> END",
    "branches": "START -> n0; "
    + "".join(
        f"n{i} -> n{i + 1} if x; n{i} -> n{i + 2} else; n{i + 1}, n{i + 2} -> n{i + 3}; " for i in range(0, 999, 3)
    )
    + "n999 -> END",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "people"),
    [(shape, 0) for shape in ("chain", "fan", "choices", "loops", "a choice beside a fan")]
    + [(shape, 300) for shape in ("fan", "skips", "layers")],
)
def test_a_thousand_nodes_are_checked_in_a_bounded_number_of_calls(shape: str, people: int) -> None:
    made = Graph("g")
    made.edges(SHAPES[shape])
    writes, human = function_node(returning("def n(x=1):\n    return {'k': 1}\n")), human_node("n", "Go?")
    silent = replace(writes, writes=Writes((), True))
    for name in made.names():
        made.add(replace(writes if name in NAMES[:60] else silent, name=name))
    for name in made.names()[:people]:
        made.add(replace(human, name=name))
    assert calls_in(made.check) < 700_000  # a walk of the whole graph for each pair of nodes would be 1,000,000,000


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_a_thousand_keys_are_followed_in_a_bounded_number_of_calls(shape: str) -> None:
    made = Graph("g")
    made.edges(SHAPES[shape])
    node = function_node(returning("def n():\n    return 1\n"))
    before = {edge.target: edge.source for edge in reversed(made.edge_list()) if edge.source != "START"}
    for name in made.names():
        reads = (Read(before[name], True, int),) if name in before else ()
        made.add(replace(node, name=name, reads=reads, writes=Writes((name,), True, {}, {name: int})))
    assert calls_in(made.check) < 1_200_000
