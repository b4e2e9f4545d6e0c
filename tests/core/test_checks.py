"""Checks: each problem by the smallest graph that has it, and silence on good graphs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

import pytest

from nbgraph.core.checks import Problem
from nbgraph.core.graph import Source, declared_in
from nbgraph.core.signature import Writes
from nbgraph.core.state import append
from nbgraph.library import Graph
from nbgraph.nodes.function import function_node
from nbgraph.nodes.human import human_node
from tests.call_count import calls_in


def returning(source: str, name: str = "n") -> Callable[..., Any]:
    """A function whose source can be found."""
    import linecache

    file = f"<check {len(linecache.cache)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    space: dict[str, Any] = {}
    exec(compile(source, file, "exec"), space)
    return space[name]


def graph(text: str, *, write: dict[str, str] | None = None, **signatures: str) -> Graph:
    """A graph with all its nodes; `signatures` are their parameters, `write` the expressions they return."""
    made = Graph("g")
    if text:
        made.edges(text)
    for name in made.names():
        body = (write or {}).get(name, "None")
        made.node(returning(f"def {name}({signatures.get(name, '')}):\n    return {body}\n", name))
    return made


def codes(made: Graph) -> list[str]:
    return [problem.code for problem in made.check()]


def only(made: Graph, code: str) -> Problem:
    found = [problem for problem in made.check() if problem.code == code]
    assert len(found) == 1, made.check()
    return found[0]


# -- each problem ------------------------------------------------------------------------------------------------------


def test_nbg101_a_node_that_is_not_written_yet_is_a_todo() -> None:
    made = Graph("g")
    made.edges("START -> a -> END")
    problem = only(made, "NBG101")
    assert (problem.severity, problem.text) == ("todo", "the node a is not written yet")
    assert "def a(...)" in problem.remedy


def test_nbg101_suggests_a_node_that_no_edge_names() -> None:
    made = graph("START -> drafd -> END")
    made.nodes.clear()
    made.node(lambda: None, name="draft")
    assert "did you mean 'draft'" in only(made, "NBG101").remedy


def test_nbg102_a_node_that_start_does_not_lead_to() -> None:
    problem = only(graph("START -> a -> END; b -> a"), "NBG102")
    assert (problem.severity, problem.text) == ("warning", "nothing leads from START to b")


def test_nbg103_a_dead_end() -> None:
    problem = only(graph("START -> a"), "NBG103")
    assert problem.text == "a leads nowhere, and so ends its branch"
    assert problem.remedy == "add a -> END to say that it is meant"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a -> END if x", "a does not say where to go when no condition holds"),
        ("a -> END by x max 2", "a does not say where to go when its limit is spent"),
        ("a -> END if x; a -> b else; a -> b; b -> END", "a has both guarded edges and the plain edge to b"),
        ("a -> END by x; a -> b if x; a -> b else; b -> END", "a chooses by a name and by something else too"),
        ("a -> END by x; a -> b by y; b -> END", "a chooses by a name and by something else too"),
        ("a -> END if x; a -> b else; a -> END else; b -> END", "a has 2 else edges"),
        ("a -> END else", "a has an else and no if"),
    ],
)
def test_nbg104_a_choice_that_cannot_be_made(text: str, says: str) -> None:
    problem = only(graph(f"START -> a; {text}", write={"a": "{'x': 'b', 'y': 'b'}"}), "NBG104")
    assert (problem.severity, problem.text) == ("error", says)


def test_nbg105_a_loop_that_never_ends() -> None:
    problem = only(graph("START -> a -> b -> a"), "NBG105")
    assert (problem.severity, problem.text) == ("error", "the loop a -> b -> a never ends")
    assert "b -> a if CONDITION max 3; b -> END else" in problem.remedy


def test_nbg105_an_inner_loop_that_never_ends_inside_one_that_does() -> None:
    made = graph("START -> a -> b -> b; b -> c; c -> a if x; c -> END else", write={"c": "{'x': 1}"})
    assert only(made, "NBG105").text == "the loop b -> b never ends"


def test_nbg106_a_key_that_nothing_before_writes() -> None:
    made = graph("START -> a -> b -> END", write={"b": "{'text': 1}"}, a="text")
    problem = only(made, "NBG106")
    assert problem.text == "a reads 'text', and nothing before it writes it"
    assert problem.remedy.startswith("b writes it later")


def test_nbg106_a_condition_that_reads_a_key_of_another_branch() -> None:
    made = graph("START -> a, c; a -> END if x; a -> b else; b, c -> END", write={"c": "{'x': 1}"})
    assert only(made, "NBG106").text == "a condition after a reads 'x', and nothing before it writes it"


def test_nbg107_a_misspelt_key() -> None:
    made = graph("START -> a -> b -> END", write={"a": "{'text': 1}"}, b="txet")
    problem = only(made, "NBG107")
    assert problem.text == "b reads 'txet', which nothing writes"
    assert problem.remedy == "did you mean 'text', or is it an input"


def test_nbg108_an_outcome_of_by_without_an_edge() -> None:
    made = graph("START -> a; a -> publish by next; publish -> END", write={"a": "{'next': 'publsh'}"})
    problem = only(made, "NBG108")
    assert problem.text == "a can choose 'publsh', and by next leads only to publish"
    assert problem.remedy.endswith("did you mean 'publish'")


def test_nbg109_parallel_writers_of_a_plain_key() -> None:
    made = graph("START -> a, b; a, b -> END", write={"a": "{'k': 1}", "b": "{'k': 1}"})
    problem = only(made, "NBG109")
    assert problem.text == "a and b can run at once, and both write the plain key 'k'"


@pytest.mark.parametrize(
    "text",
    [
        "START -> s; s -> a, b if x; s -> END else; a, b -> END",
        "START -> s; s -> a always; s -> b if x; s -> END else; a, b -> END",
        "START -> s -> p, b; p -> a; a, b -> END",
        "START -> s -> a, b; a, b -> j; j -> s if x max 2; j -> END else",
    ],
    ids=["if", "always beside if", "deeper", "in a loop"],
)
def test_nbg109_wherever_two_branches_run_at_once(text: str) -> None:
    made = graph(text, write={"a": "{'k': 1}", "b": "{'k': 1}", "s": "{'x': 1}"})
    assert "NBG109" in codes(made)


@pytest.mark.parametrize(
    "text",
    [
        "START -> a -> b -> END",
        "START -> s; s -> a if x; s -> b else; a, b -> END",
        "START -> s; s -> a, b by x; a, b -> END",
    ],
    ids=["one after the other", "a choice", "by"],
)
def test_nbg109_not_where_two_writers_never_meet(text: str) -> None:
    assert "NBG109" not in codes(graph(text, write={"a": "{'k': 1}", "b": "{'k': 1}", "s": "{'x': 'a'}"}))


def test_nbg109_not_for_a_key_with_a_reducer() -> None:
    made = graph("START -> a, b; a, b -> END", write={"a": "{'k': 1}", "b": "{'k': 1}"})
    made.state(type("S", (), {"__annotations__": {"k": Annotated[list, append]}}))
    assert codes(made) == []


def test_nbg110_a_node_that_no_edge_names() -> None:
    made = graph("START -> a -> END")
    made.node(lambda: None, name="alone")
    problem = only(made, "NBG110")
    assert (problem.severity, problem.text) == ("warning", "no edge names the node alone")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a -> c; b -> c; c -> END", "a, b could all be the start"),
        ("a -> b; b -> a if x; b -> END else", "every node is led to by another, so none is the start"),
    ],
)
def test_nbg111_a_graph_without_a_start(text: str, says: str) -> None:
    problem = only(graph(text), "NBG111")
    assert (problem.severity, problem.text, problem.remedy) == ("error", says, "add START -> a")


def test_nbg112_a_name_that_two_cells_declare() -> None:
    made = graph("START -> a -> END")
    for execution in (1, 2):
        token = declared_in.set(Source(str(execution), f"cell [{execution}]", execution))
        made.node(lambda: None, name="a")
        declared_in.reset(token)
    assert only(made, "NBG112").text == "a is declared in cell [1] and in cell [2], which counts"


def test_nbg114_a_mapped_node_with_another_edge_into_it() -> None:
    made = graph("START -> s; s -> work each items as item; START -> work; work -> END", write={"s": "{'items': []}"})
    problem = only(made, "NBG114")
    assert (problem.severity, problem.text) == ("error", "work runs for each item, and other edges lead to it too")


def test_nbg115_a_node_led_to_from_inside_a_loop() -> None:
    made = graph(
        "START -> a; a -> report always; a -> a if x max 2; a -> END else; report -> END", write={"a": "{'x': 1}"}
    )
    problem = only(made, "NBG115")
    assert problem.severity == "info"
    assert problem.text.startswith("report is led to from inside the loop of a and runs once, when the loop ends")


def test_nbg116_a_node_that_waits_for_a_person_elsewhere() -> None:
    made = Graph("g")
    made.node(lambda: None, name="chat")
    made.node(lambda: None, name="other")
    made.human("ask", "Go?")
    made.edges("START -> ask, other; ask, other -> chat -> END")
    problem = only(made, "NBG116")
    assert (problem.severity, problem.text) == ("info", "chat waits for ask, where a person is asked")


def test_nbg117_by_a_function_that_is_not_there() -> None:
    made = graph("START -> a -> END by route()")
    problem = only(made, "NBG117")
    assert (problem.severity, problem.text) == ("todo", "by route() calls a function that is not there")


def test_nbg119_a_graph_without_edges() -> None:
    made = Graph("g")
    assert only(made, "NBG119").text == "g has no edges"


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


def test_no_graph_makes_a_check_raise() -> None:
    for text in (
        "a -> a",
        "START -> END",
        "START -> a; b -> b",
        "a -> b each x as y; b -> a if len(x) > 1",
        "a -> END by f()",
    ):
        made = Graph("g")
        made.edges(text)
        assert all(str(problem) for problem in made.check())


def test_a_by_function_that_names_no_keys_is_told_and_does_not_raise() -> None:
    made = graph("START -> a -> END by route()")
    made.lookup = {"route": lambda *names: "END"}.get
    assert any("route" in str(problem) for problem in made.check())


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
    def publish(text: str, gate: str, misspelt: list[str], doubtful: list[str]) -> Any:
        return {"published": gate == "approve"}

    made.human("gate", "Publish?\n\n{{ text }}", edit=["text"])
    made.edges(
        """
        START -> draft -> critique
        critique -> draft if score < 7 max 3
        critique -> spelling, facts else
        spelling, facts -> gate -> publish -> END
        """
    )
    assert made.check() == []


def test_silence_on_a_supervisor() -> None:
    made = graph(
        "START -> supervisor; supervisor -> research, write, END by next; research, write -> supervisor",
        write={"supervisor": "{'next': 'research'}", "research": "{'facts': 1}", "write": "{'text': facts}"},
        supervisor="task, facts='', text=''",
        write_="",
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


def test_silence_on_a_map() -> None:
    made = graph(
        "START -> split; split -> work each items as item; work -> join -> END",
        write={"split": "{'items': [1]}", "work": "{'part': item}", "join": "{'all': part}"},
        work="item",
        join="part",
    )
    assert made.check() == []


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
}


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
    assert calls_in(made.check) < 5_000_000  # a walk of the whole graph for each pair of nodes would be 1,000,000,000


def test_nbg106_a_key_that_is_first_written_when_the_loop_has_gone_round() -> None:
    made = Graph("g")
    made.edges("START -> draft -> critique; critique -> draft if score < 7 max 3; critique -> END else")
    made.node(returning("def draft(feedback):\n    return {'text': feedback}\n", "draft"))
    made.node(returning("def critique(text):\n    return {'score': 1, 'feedback': 'more'}\n", "critique"))
    assert [(problem.code, "'feedback'" in problem.text) for problem in made.check()] == [("NBG106", True)]


def test_nbg105_a_loop_whose_choices_all_stay_inside() -> None:
    made = Graph("g")
    made.edges("START -> a; a -> b if x; a -> c else; b -> a; c -> a")
    for name in ("a", "b", "c"):
        made.node(lambda: None, name=name)
    assert "NBG105" in [problem.code for problem in made.check()]
