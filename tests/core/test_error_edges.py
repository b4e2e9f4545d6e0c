"""Error edges: a failure that is part of the graph, what the nodes after it are told, and how it joins."""

from __future__ import annotations

import threading
from typing import Annotated, Any

import pytest

from nbgraph import extend
from nbgraph.core.events import Status, TaskFailed, TaskFinished
from nbgraph.errors import WriteConflict
from nbgraph.library import Graph
from tests.core.patterns import failing, happened, made
from tests.core.running import (
    quiet_engine,  # noqa: F401
    settled,
)

BOTH = "START -> fetch; fetch -> use -> END; fetch -> fallback on error; fallback -> END"


def broken() -> dict[str, str]:
    raise ConnectionError("no net")


def use() -> dict[str, str]:
    return {"used": "fetched"}


def fallback(error: Any) -> dict[str, Any]:
    return {"used": "fallback", "told": tuple(error)}


def test_a_failure_takes_its_error_edges_and_no_others_and_the_run_goes_on() -> None:
    graph = made(BOTH, use, fallback)
    graph.node(broken, name="fetch")
    run = settled(graph.run(), Status.DONE)
    assert run.state == {"used": "fallback", "told": ("fetch", "ConnectionError", "no net", None)}
    assert [step.task for step in run.steps] == ["fetch#1", "fallback#1"]
    assert [step.error for step in run.steps] == ["ConnectionError: no net", ""]


def test_a_success_takes_no_error_edge() -> None:
    graph = made(BOTH, use, fallback)
    graph.node(lambda: {"got": 1}, name="fetch")
    run = settled(graph.run(), Status.DONE)
    assert [step.task for step in run.steps] == ["fetch#1", "use#1"]


def test_the_failure_is_told_and_then_the_step_with_the_edge_and_why() -> None:
    graph = made(BOTH, use, fallback)
    graph.node(broken, name="fetch")
    run = settled(graph.run(), Status.DONE)
    failed, finished = happened(run, TaskFailed | TaskFinished)[:2]
    assert (type(failed), type(finished)) == (TaskFailed, TaskFinished)
    assert [(edge.target, edge.reason) for edge in finished.taken] == [("fallback", "on error: ConnectionError")]


@pytest.mark.parametrize(("failures", "used"), [(2, "fetched"), (3, "fallback")])
def test_an_error_edge_is_taken_after_the_last_attempt(failures: int, used: str) -> None:
    call = failing(failures)

    def fetch() -> Any:
        return call()

    graph = made(BOTH, fetch, use, fallback, fetch={"retry": 3, "backoff": 0})
    assert settled(graph.run(), Status.DONE).state["used"] == used


def test_what_the_failed_task_saw_passes_along_its_error_edge() -> None:
    def first() -> dict[str, int]:
        return {"a": 1}

    def second(a: int) -> None:
        raise ValueError

    def caught(a: int, errors: Any) -> dict[str, Any]:
        return {"b": a + len(errors)}

    graph = made("START -> first -> second -> END; second -> caught on error; caught -> END", first, second, caught)
    assert settled(graph.run(), Status.DONE).state == {"a": 1, "b": 2}


def test_error_is_no_key_of_the_state_and_is_gone_after_the_next_node() -> None:
    def caught(error: Any) -> None: ...

    def last(error: str = "none") -> dict[str, Any]:
        return {"seen": error}

    graph = made("START -> fetch -> END; fetch -> caught on error; caught -> last -> END", caught, last)
    graph.node(broken, name="fetch")
    assert settled(graph.run(), Status.DONE).state == {"seen": "none"}


def test_a_node_that_is_led_to_by_a_success_too_is_told_of_no_error() -> None:
    def then(error: Any, errors: Any) -> dict[str, Any]:
        return {"told": (error, list(errors))}

    graph = made("START -> fetch -> then -> END; fetch -> then on error", then)
    graph.node(lambda: None, name="fetch")
    assert settled(graph.run(), Status.DONE).state == {"told": (None, [])}


def test_a_join_after_several_failures_is_told_of_all_in_the_order_in_which_edges_name_them() -> None:
    def a() -> None:
        raise ValueError("a")

    def b() -> None:
        raise KeyError("b")

    def c() -> dict[str, int]:
        return {"c": 1}

    def caught(error: Any, errors: Any, c: int) -> dict[str, Any]:
        return {"told": [each.node for each in errors], "first": error.node}

    graph = made("START -> c, b, a -> caught -> END; b, a -> caught on error", a, b, c, caught)
    assert settled(graph.run(), Status.DONE).state == {"c": 1, "told": ["b", "a"], "first": "b"}


def test_a_handler_waits_for_what_could_still_lead_to_it() -> None:
    def a() -> None:
        raise ValueError("a")

    def slow() -> dict[str, int]:
        return {"s": 1}

    def join(s: int, errors: Any) -> dict[str, int]:
        return {"n": len(errors)}

    graph = made("START -> a, slow; a -> END; a -> join on error; slow -> join -> END", a, slow, join)
    run = settled(graph.run(), Status.DONE)
    assert (run.state["n"], [step.task for step in run.steps][-1]) == (1, "join#1")


def test_failed_items_take_the_error_edge_once_with_their_indices() -> None:
    def work(item: int) -> int:
        if item % 2:
            raise ValueError(f"odd {item}")
        return item

    def good(work: list[int]) -> None: ...

    def caught(error: Any, errors: Any) -> dict[str, Any]:
        return {"told": [(each.item, each.message) for each in errors], "first": error.item}

    text = "START -> work each items as item; work -> good -> END; work -> caught on error; caught -> END"
    run = settled(made(text, work, good, caught).run(items=[0, 1, 2, 3]), Status.DONE)
    assert run.state["told"] == [(1, "odd 1"), (3, "odd 3")]
    assert (run.state["first"], [step.task for step in run.steps]) == (1, ["work#1", "caught#1"])
    assert "work" not in run.state


def test_a_handler_may_lead_back_and_the_failed_node_runs_again_with_what_it_saw_before() -> None:
    def fetch(tries: int = 0) -> dict[str, int]:
        if tries < 3:
            raise ValueError(f"try {tries}")
        return {"got": tries}

    def mend(error: Any, tries: int = 0) -> dict[str, int]:
        return {"tries": tries + 1}

    text = "START -> fetch -> END; fetch -> mend on error; mend -> fetch if tries < 9; mend -> END else"
    run = settled(made(text, fetch, mend).run(tries=0), Status.DONE)
    assert (run.state, run.steps[-1].task) == ({"tries": 3, "got": 3}, "fetch#4")


def test_a_handler_that_fails_fails_the_run_and_is_tried_again_with_the_same_error() -> None:
    call, told = failing(1), list[Any]()

    def fallback(error: Any) -> Any:
        told.append(error)
        return call()

    graph = made("START -> fetch -> END; fetch -> fallback on error; fallback -> END", fallback)
    graph.node(broken, name="fetch")
    run = settled(graph.run(), Status.FAILED)
    assert run.reason == "fallback#1: 0 left"
    run.resume()
    settled(run, Status.DONE)
    assert [error.message for error in told] == ["no net", "no net"]


def test_a_handler_may_have_a_handler() -> None:
    def second(error: Any) -> None:
        raise ValueError(f"again after {error.type}")

    def third(error: Any) -> dict[str, str]:
        return {"end": error.message}

    text = "START -> fetch -> END; fetch -> second on error; second -> END; second -> third on error; third -> END"
    graph = made(text, second, third)
    graph.node(broken, name="fetch")
    assert settled(graph.run(), Status.DONE).state == {"end": "again after ConnectionError"}


def test_several_error_edges_are_all_taken() -> None:
    graph = made("START -> fetch -> END; fetch -> p, q on error; p, q -> END")
    graph.node(broken, name="fetch")
    graph.node(lambda error: {"p": error.type}, name="p")
    graph.node(lambda error: {"q": error.node}, name="q")
    assert settled(graph.run(), Status.DONE).state == {"p": "ConnectionError", "q": "fetch"}


def test_a_conflict_is_no_failure_of_the_node_that_meets_it() -> None:
    graph = made("START -> a, b -> END; a, b -> caught on error; caught -> END")
    graph.node(lambda: {"x": 1}, name="a")
    graph.node(lambda: {"x": 2}, name="b")
    graph.node(lambda error: {"caught": 1}, name="caught")
    run = settled(graph.run(), Status.FAILED)
    with pytest.raises(WriteConflict):
        run.result()
    assert "caught" not in run.state


def test_a_choice_that_cannot_be_made_is_no_failure_of_the_node_that_makes_it() -> None:
    graph = made("START -> a; a -> b if x > 3; a -> END else; a -> b on error; b -> END")
    graph.node(lambda: {"x": "text"}, name="a")
    graph.node(lambda: {"b": 1}, name="b")
    run = settled(graph.run(), Status.FAILED)
    assert "b" not in run.state


class Logged:
    log: Annotated[list[int], extend]


def test_an_update_that_a_reducer_refuses_is_no_failure_of_the_node() -> None:
    graph = made("START -> a -> END; a -> b on error; b -> END", typed=Logged)
    graph.node(lambda: {"log": 3}, name="a")
    graph.node(lambda error: {"seen": error.type}, name="b")
    run = settled(graph.run(log=[]), Status.DONE)
    assert run.state["seen"] == "UpdateError"


def test_a_failure_beside_a_run_that_has_failed_still_takes_its_error_edge_at_resume() -> None:
    call = failing(1)

    def a() -> Any:
        return call()

    graph = made("START -> a, fetch; a -> END; fetch -> END; fetch -> fallback on error; fallback -> END", a, fallback)
    graph.node(broken, name="fetch")
    run = settled(graph.run(), Status.FAILED)
    run.resume()
    assert settled(run, Status.DONE).state["used"] == "fallback"
    assert sorted(step.task for step in run.steps) == ["a#1", "fallback#1", "fetch#1"]


def test_a_cancelled_node_takes_no_error_edge() -> None:
    begun, let = threading.Event(), threading.Event()

    def fetch() -> None:
        begun.set()
        let.wait(60)
        raise ValueError

    run = made("START -> fetch -> END; fetch -> fallback on error; fallback -> END", fetch, fallback).run()
    assert begun.wait(60)
    run.cancel()
    let.set()
    settled(run, Status.CANCELLED)
    assert run.steps == []


def test_the_graph_says_where_a_node_leads_on_error_only() -> None:
    graph = made("START -> fetch; fetch -> fallback on error; fallback -> END", fallback)
    graph.node(broken, name="fetch")
    (problem,) = [problem for problem in graph.check() if problem.code == "NBG103"]
    assert "on error only" in str(problem)


def test_a_run_within_a_notebook_cell_keeps_the_error_of_the_node_for_the_reader() -> None:
    graph = Graph("g")
    graph.node(broken, name="fetch")
    graph.node(fallback)
    graph.edges("START -> fetch -> END; fetch -> fallback on error; fallback -> END")
    run = settled(graph.run(), Status.DONE)
    (failed,) = happened(run, TaskFailed)
    assert isinstance(failed.failure.error, ConnectionError)
    assert "line" in failed.failure.where
