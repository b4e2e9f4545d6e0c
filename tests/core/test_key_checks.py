"""Key checks: keys that are read too early, misspelt, written at once, or no keys at all; and where all is well."""

from __future__ import annotations

from typing import Annotated, Any

import pytest

from nbgraph.core.schema import Private
from nbgraph.core.state import append
from nbgraph.library import Graph
from tests.core.declared import codes, graph, joining, only, returning, state

# -- read before written -----------------------------------------------------------------------------------------------


def skipping(**more: Any) -> Graph:
    """A graph in which the key 'text' is written on one of two ways to its reader."""
    text = "START -> check; check -> write if x; check -> skip else; write, skip -> publish -> END"
    return graph(text, write={"check": "{'x': 1}", "write": "{'text': 1}"}, **{"publish": "text", **more})


def test_nbg106_tells_a_way_on_which_nothing_writes_the_key() -> None:
    problem = only(skipping(), "NBG106")
    assert problem.severity == "warning"
    assert problem.text == ("publish reads 'text', and on the way START -> check -> skip -> publish nothing writes it")
    assert problem.remedy == "give text a default in the signature, or as an input, or lead that way over write"


def test_nbg106_tells_of_a_condition_where_a_default_may_stand() -> None:
    made = skipping(publish="")
    made.edges("publish -> write if text; publish -> END else")
    problem = next(problem for problem in made.check() if problem.code == "NBG106")
    assert problem.text.startswith("a condition after publish reads 'text', and on the way START -> check -> skip")
    assert "a default in %%state" in problem.remedy


def test_nbg106_shortens_a_long_way() -> None:
    made = graph(
        "START -> a; a -> w if x; a -> b else; b -> c -> d -> e -> f -> g -> h; w -> h -> END",
        write={"a": "{'x': 1}", "w": "{'k': 1}"},
        h="k",
    )
    assert "START -> a -> b -> ... -> f -> g -> h nothing" in only(made, "NBG106").text


def test_nbg106_is_told_of_the_first_reader_only() -> None:
    made = graph("START -> a -> b -> c -> d -> END", write={"d": "{'k': 1}"}, a="k", b="k", c="k")
    assert only(made, "NBG106").text.startswith("a reads 'k'")


@pytest.mark.parametrize(
    "default",
    [
        {"publish": "text=''"},
        {"check": "text"},
    ],
    ids=["in the signature", "read before, so it is there"],
)
def test_nbg106_not_of_what_may_be_missing_there(default: dict[str, str]) -> None:
    assert not any("publish" in problem.text for problem in skipping(**default).check())


def test_nbg106_not_of_a_key_with_a_default_in_the_state() -> None:
    assert codes(state(skipping(), {"text": str}, text="")) == []


def test_nbg106_of_a_key_without_one_where_something_writes_it_on_another_way() -> None:
    assert codes(state(skipping(), {"text": str})) == ["NBG106"]


def test_nbg106_not_of_an_input_that_the_state_declares_and_a_node_writes_anew() -> None:
    made = graph(
        "START -> polish -> judge; judge -> polish if x max 2; judge -> END else",
        write={"polish": "{'text': text}", "judge": "{'x': 1}"},
        polish="text",
        judge="text",
    )
    assert codes(made) == ["NBG106"]
    assert codes(state(made, {"text": str})) == []


def test_nbg106_not_of_a_private_key() -> None:
    made = skipping(publish="text")
    assert codes(state(made, {"text": Annotated[str, Private(str)]})) == []


BRANCHES = {
    "both branches write it": "START -> s; s -> a if x; s -> b else; a, b -> r -> END",
    "it waits for the branch": "START -> s; s -> r, a; a -> r -> END",
    "it waits for two at once": "START -> s -> a, b; a, b -> r -> END",
    "it waits for a longer branch": "START -> s; s -> r, p; p -> a -> q -> r -> END",
    "a choice of two branches at once": "START -> s; s -> p, a if x; s -> a else; p, a -> r -> END",
    "a choice within the branch": "START -> s; s -> r, p; p -> a if x; p -> b else; a, b -> r -> END",
    "a loop within the branch": "START -> s; s -> r, a; a -> a if x max 2; a -> r else; r -> END",
    "a loop around all": "START -> s -> a -> r; r -> s if x max 2; r -> END else",
    "a branch that fails and goes on": "START -> s; s -> r, a; a -> b on error; a, b -> r -> END",
    "a map": "START -> s; s -> a each items as item; a -> r -> END",
}


@pytest.mark.parametrize("text", BRANCHES.values(), ids=BRANCHES)
def test_nbg106_not_where_the_key_is_surely_there(text: str) -> None:
    made = graph(text, write={"s": "{'x': 1, 'items': []}", "a": "{'k': 1}", "b": "{'k': 1}"}, r="k")
    assert "NBG106" not in codes(made)


UNSURE = {
    "one branch writes it": "START -> s; s -> a if x; s -> b else; a, b -> r -> END",
    "the branch may end elsewhere": "START -> s; s -> r, a; a -> r if x; a -> END else; r -> END",
    "the branch may be left out": "START -> s; s -> r always; s -> a if x; s -> END else; a -> r -> END",
    "the branch may fail and end elsewhere": "START -> s; s -> r, a; a -> r -> END; a -> b on error; b -> END",
    "the branch may go round": "START -> s; s -> r, a; a -> r if x; a -> s else; r -> s if x max 2; r -> END else",
    "it failed": "START -> s -> a -> b -> END; a -> r on error; r -> END",
    "a fallback that does not write it": "START -> s -> a -> r -> END; a -> b on error; b -> r",
    "the loop is left before": "START -> s -> b; b -> a if x max 2; b -> r else; a -> b; r -> END",
    "a loop with two ways in": "START -> s; s -> a if x; s -> b else; a -> r; r -> b if x max 2; r -> END else; b -> r",
}


@pytest.mark.parametrize("text", UNSURE.values(), ids=UNSURE)
def test_nbg106_where_the_key_may_be_missing(text: str) -> None:
    made = graph(text, write={"s": "{'x': 1}", "a": "{'k': 1}"}, r="k")
    assert "NBG106" in codes(made)


def test_nbg106_where_a_node_does_not_wait() -> None:
    made = graph("START -> s; s -> r, a; a -> r -> END", write={"a": "{'k': 1}"}, r="k")
    assert "NBG106" not in codes(made)
    assert "NBG106" in codes(joining(made, r="any"))
    assert "NBG106" in codes(joining(made, r="first"))


@pytest.mark.parametrize("join", ["any", "first"])
def test_nbg106_not_where_whichever_comes_first_writes_the_key(join: str) -> None:
    made = graph("START -> s -> a, b; a, b -> r -> END", write={"a": "{'k': 1}", "b": "{'k': 1}"}, r="k")
    assert "NBG106" not in codes(joining(made, r=join))


def test_nbg106_where_the_branch_that_is_waited_for_may_lose_a_race() -> None:
    made = graph("START -> s -> a, p, r; a -> r; a, p -> first -> END; r -> END", write={"a": "{'k': 1}"}, r="k")
    assert "NBG106" not in codes(made)
    assert "NBG106" in codes(joining(made, first="first"))


def test_nbg106_nothing_is_told_where_it_is_not_known_what_a_node_writes() -> None:
    made = skipping()
    made.node(returning("def skip():\n    return dict(anything())\n", "skip"))
    assert codes(made) == []


def test_nbg106_nothing_is_told_of_a_node_that_is_not_written_yet() -> None:
    made = skipping()
    del made.declared["skip"]
    assert codes(made) == ["NBG101"]


def test_nbg106_nothing_is_told_while_the_writer_has_no_edges() -> None:
    made = graph("START -> a -> END", a="k")
    made.node(returning("def b():\n    return {'k': 1}\n", "b"))
    assert codes(made) == ["NBG110"]


# -- other keys --------------------------------------------------------------------------------------------------------


def test_nbg106_a_key_that_nothing_before_writes() -> None:
    made = graph("START -> a -> b -> END", write={"b": "{'text': 1}"}, a="text")
    problem = only(made, "NBG106")
    assert problem.text == "a reads 'text', and nothing before it writes it"
    assert problem.remedy.startswith("b writes it later")


def test_nbg106_a_condition_that_reads_a_key_of_another_branch() -> None:
    made = graph("START -> a, c; a -> END if x; a -> b else; b, c -> END", write={"c": "{'x': 1}"})
    assert only(made, "NBG106").text == "a condition after a reads 'x', and nothing before it writes it"


def test_nbg106_a_key_that_is_first_written_when_the_loop_has_gone_round() -> None:
    made = Graph("g")
    made.edges("START -> draft -> critique; critique -> draft if score < 7 max 3; critique -> END else")
    made.node(returning("def draft(feedback):\n    return {'text': feedback}\n", "draft"))
    made.node(returning("def critique(text):\n    return {'score': 1, 'feedback': 'more'}\n", "critique"))
    assert [(problem.code, "'feedback'" in problem.text) for problem in made.check()] == [("NBG106", True)]


def test_nbg107_a_misspelt_key() -> None:
    made = graph("START -> a -> b -> END", write={"a": "{'text': 1}"}, b="txet")
    problem = only(made, "NBG107")
    assert problem.text == "b reads 'txet', which nothing writes"
    assert problem.remedy == "did you mean 'text', or is it an input"


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


def test_nbg109_not_where_the_later_one_is_cancelled() -> None:
    made = graph("START -> a, b; a, b -> c -> END", write={"a": "{'k': 1}", "b": "{'k': 1}"})
    assert codes(joining(made, c="first")) == []


def test_nbg109_where_another_node_stands_before_the_race() -> None:
    made = graph("START -> a, b; a -> p; b, p -> c -> END", write={"a": "{'k': 1}", "b": "{'k': 1}"})
    assert "NBG109" in codes(joining(made, c="first"))


def test_nbg109_a_plain_key_of_tasks_that_run_side_by_side() -> None:
    made = joining(graph("START -> a, b; a, b -> c -> END", write={"c": "{'k': 1}"}), c="any")
    problem = only(made, "NBG109")
    assert problem.text == "the tasks of c run side by side (join any), and each writes the plain key 'k'"
    assert "NBG109" not in codes(state(made, {"k": Annotated[list, append]}))


def test_nbg109_both_of_what_a_failure_leads_to() -> None:
    made = graph("START -> s -> END; s -> a, b on error; a, b -> END", write={"a": "{'k': 1}", "b": "{'k': 1}"})
    assert "NBG109" in codes(made)


def test_nbg120_error_where_no_error_leads() -> None:
    problem = only(graph("START -> a -> b -> END", b="error"), "NBG120")
    assert (problem.severity, problem.text) == ("warning", "b reads 'error', and no `on error` edge leads to it")
    assert problem.remedy == "write a -> b on error, or give the parameter another name"


def test_nbg120_not_where_one_leads() -> None:
    assert codes(graph("START -> a -> END; a -> b on error; b -> END", b="error, errors")) == []


def test_errors_is_a_key_where_no_error_leads() -> None:
    made = graph("START -> a -> b -> END", write={"a": "{'errors': 1}", "b": "{'error_s': 1}"}, b="errors")
    assert codes(made) == []
