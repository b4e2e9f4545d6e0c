"""Shape checks: each problem of nodes and edges by the smallest graph that has it."""

from __future__ import annotations

import pytest

from nbgraph.core.graph import Source, declared_in
from nbgraph.library import Graph
from tests.core.declared import codes, graph, joining, only


def test_nbg101_a_node_that_is_not_written_yet_is_a_todo() -> None:
    made = Graph("g")
    made.edges("START -> a -> END")
    problem = only(made, "NBG101")
    assert (problem.severity, problem.text) == ("todo", "the node a is not written yet")
    assert "def a(...)" in problem.remedy


def test_nbg101_suggests_a_node_that_no_edge_names() -> None:
    made = graph("START -> drafd -> END")
    made.declared.clear()
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


def test_nbg105_a_loop_whose_choices_all_stay_inside() -> None:
    made = Graph("g")
    made.edges("START -> a; a -> b if x; a -> c else; b -> a; c -> a")
    for name in ("a", "b", "c"):
        made.node(lambda: None, name=name)
    assert "NBG105" in [problem.code for problem in made.check()]


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


def test_nbg119_a_graph_without_edges() -> None:
    made = Graph("g")
    assert only(made, "NBG119").text == "g has no edges"


def test_nbg101_says_how_a_function_and_a_question_are_written() -> None:
    made = Graph("g")
    made.edges("START -> gate -> END")
    assert only(made, "NBG101").remedy == "write its cell, %%node with def gate(...), or %%human gate"


def test_nbg103_a_node_that_leads_on_only_when_it_fails() -> None:
    problem = only(graph("START -> a; a -> b on error; b -> END"), "NBG103")
    assert problem.text == "a leads somewhere on error only, and nowhere when it succeeds, and so ends its branch"
    assert problem.remedy == "add a -> END to say that it is meant"


@pytest.mark.parametrize("beside", ["a -> END", "a -> b if x; a -> END else", "a -> b by x"])
def test_nbg104_error_edges_stand_beside_any_others(beside: str) -> None:
    made = graph(f"START -> a; {beside}; a -> c on error; b, c -> END", write={"a": "{'x': 'b'}"})
    assert "NBG104" not in codes(made)


def test_nbg105_an_error_edge_alone_is_no_exit() -> None:
    made = graph("START -> a -> b -> a; b -> c on error; c -> END")
    assert only(made, "NBG105").text == "the loop a -> b -> a never ends"


def test_nbg105_not_where_only_a_failure_goes_round() -> None:
    assert codes(graph("START -> a -> b -> END; b -> a on error")) == []


def test_nbg105_a_loop_behind_an_error_edge() -> None:
    assert only(graph("START -> a -> END; a -> b on error; b -> b"), "NBG105").text == "the loop b -> b never ends"


def test_nbg124_a_join_whose_result_may_depend_on_timing() -> None:
    problem = only(joining(graph("START -> a, b; a, b -> c -> END"), c="any"), "NBG124")
    assert problem.severity == "info"
    assert problem.text == "c joins any, so what comes first counts: results may depend on timing"


def test_nbg124_not_for_a_race_which_asks_for_it() -> None:
    assert codes(joining(graph("START -> a, b; a, b -> c -> END"), c="first")) == []


def test_nbg124_not_where_one_edge_alone_leads_in() -> None:
    assert codes(joining(graph("START -> a -> b -> END"), b="first")) == []


def test_nbg125_a_limit_on_an_edge_out_of_tasks_that_run_side_by_side() -> None:
    made = graph("START -> a, b; a, b -> c; c -> a if x max 2; c -> END else", write={"b": "{'x': 1}"})
    assert "NBG125" not in codes(joining(made, c="first"))
    problem = only(joining(made, c="any"), "NBG125")
    assert (problem.severity, problem.remedy) == ("error", "leave `max 2` out, or let c join all")
    assert problem.text == "the tasks of c run side by side (join any), and `c -> a if x max 2` counts them"
