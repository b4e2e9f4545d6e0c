"""Subgraphs: a graph as a node of another, with a state of its own; what happens in it surfaces with a path."""

from __future__ import annotations

import asyncio
import threading
from typing import Annotated, Any

import pytest

from nbgraph import append
from nbgraph.core.events import (
    ApprovalAsked,
    Emitted,
    Printed,
    Status,
    TaskCancelled,
    TaskFailed,
    TaskFinished,
    TaskRetried,
    TaskStarted,
)
from nbgraph.errors import DeclarationError, GraphError, InputError, TimedOut
from nbgraph.library import Graph
from tests.core.patterns import asked_at, failing, happened, made
from tests.core.running import (
    SOON,
    Gate,
    quiet_engine,  # noqa: F401
    reached,
    settled,
    until,
)


def search(topic: str) -> dict[str, str]:
    return {"found": f"found {topic}"}


def write(found: str) -> dict[str, str]:
    return {"notes": found.upper()}


def research() -> Graph:
    return made("START -> search -> write -> END", search, write, called="research")


def then(x: int) -> dict[str, int]:
    return {"y": x}


OUTER = "START -> research -> END"


def tasks(run: Any) -> list[str]:
    return [step.task for step in run.steps]


# -- state -------------------------------------------------------------------------------------------------------------


def test_a_graph_is_a_node_by_the_name_of_its_keys() -> None:
    run = settled(made(OUTER, research()).run(topic="bees"), Status.DONE)
    assert run.state == {"topic": "bees", "notes": "FOUND BEES"}
    assert tasks(run) == ["research/search#1", "research/write#1", "research#1"]


def test_nothing_of_its_state_leaks_out_but_what_it_hands_out() -> None:
    def peek(notes: str, found: str = "nothing") -> dict[str, str]:
        return {"seen": found}

    run = settled(made("START -> research -> peek -> END", research(), peek).run(topic="bees"), Status.DONE)
    assert run.state["seen"] == "nothing"


def test_nothing_of_the_outer_state_leaks_in_but_what_it_reads() -> None:
    def search(topic: str) -> dict[str, str]:
        return {"found": topic}

    def write(found: str, secret: str = "unknown") -> dict[str, str]:
        return {"notes": f"{found} {secret}"}

    def keep() -> dict[str, str]:
        return {"secret": "inner"}

    inner = made("START -> search -> keep -> write -> END", search, keep, write, called="research")

    def outside() -> dict[str, str]:
        return {"secret": "outer"}

    run = settled(made("START -> outside -> research -> END", inner, outside).run(topic="bees"), Status.DONE)
    assert (run.state["notes"], run.state["secret"]) == ("bees inner", "outer")


def test_keys_can_be_mapped_explicitly_both_ways() -> None:
    graph = made(OUTER, research(), research={"reads": {"topic": "question"}, "writes": {"facts": "notes"}})
    run = settled(graph.run(question="ants"), Status.DONE)
    assert run.state == {"question": "ants", "facts": "FOUND ANTS"}


def test_keys_to_hand_out_can_be_named() -> None:
    graph = made(OUTER, research(), research={"writes": ("found", "notes")})
    assert settled(graph.run(topic="ants"), Status.DONE).state == {
        "topic": "ants",
        "found": "found ants",
        "notes": "FOUND ANTS",
    }


def test_a_value_changed_in_place_inside_is_not_changed_outside() -> None:
    def spoil(items: list[int]) -> dict[str, int]:
        items.append(9)
        return {"n": len(items)}

    inner = made("START -> spoil -> END", spoil, called="inner")
    run = settled(made("START -> inner -> END", inner).run(items=[1]), Status.DONE)
    assert run.state == {"items": [1], "n": 2}


class Counted:
    log: Annotated[list[str], append]


def test_the_reducers_of_both_are_their_own() -> None:
    inner = made("START -> a -> b -> END", called="inner", typed=Counted)
    inner.node(lambda: {"log": "a"}, name="a")
    inner.node(lambda: {"log": "b"}, name="b")
    graph = made("START -> inner -> END", inner, inner={"writes": "log"})
    assert settled(graph.run(), Status.DONE).state == {"log": ["a", "b"]}


def test_the_required_inputs_of_a_graph_are_those_of_its_subgraphs_too() -> None:
    with pytest.raises(InputError, match="topic"):
        made(OUTER, research()).run()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reads": {"topik": "t"}}, "reads no key 'topik'.*did you mean 'topic'"),
        ({"writes": "note"}, "writes no key 'note'.*did you mean 'notes'"),
        ({"reads": {"topic": "1x"}}, "1x"),
        ({"writes": {"1x": "notes"}}, "1x"),
        ({"code": "x"}, "made of a graph has no option 'code'"),
    ],
)
def test_keys_that_the_graph_does_not_have_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        Graph("g").node(research(), **options)


# -- what surfaces -----------------------------------------------------------------------------------------------------


def test_events_carry_the_path_and_the_instance() -> None:
    run = settled(made(OUTER, research()).run(topic="x"), Status.DONE)
    assert [(event.node, event.within) for event in happened(run, TaskStarted)] == [
        ("research", ""),
        ("research/search", "research"),
        ("research/write", "research"),
    ]
    assert [event.step for event in happened(run, TaskFinished)] == [1, 2, 3]


def looping() -> Graph:
    def again(n: int = 0) -> dict[str, int]:
        return {"n": n + 1}

    return made("START -> research -> again; again -> research if n < 3; again -> END else", research(), again)


def test_each_visit_is_an_instance_of_its_own() -> None:
    run = settled(looping().run(topic="x"), Status.DONE)
    starts = [event.within for event in happened(run, TaskStarted) if event.node == "research/search"]
    assert starts == ["research", "research#2", "research#3"]
    assert [task for task in tasks(run) if "/search" in task] == [
        "research/search#1",
        "research#2/search#1",
        "research#3/search#1",
    ]


def test_each_item_of_a_map_is_an_instance_of_its_own() -> None:
    graph = made("START -> research each topics as topic; research -> END", research())
    run = settled(graph.run(topics=["a", "b"]), Status.DONE)
    assert run.state["notes"] == ["FOUND A", "FOUND B"]
    assert sorted(task for task in tasks(run) if "/search" in task) == ["research[0]/search#1", "research[1]/search#1"]


def test_what_is_printed_and_emitted_inside_carries_the_path() -> None:
    def talk(ctx: Any) -> None:
        ctx.log("hello")
        ctx.emit(3)

    inner = made("START -> talk -> END", talk, called="inner")
    run = settled(made("START -> inner -> END", inner).run(), Status.DONE)
    assert [(event.node, event.within) for event in happened(run, Printed | Emitted)] == [("inner/talk", "inner")] * 2


def test_the_key_of_a_task_inside_names_the_instance() -> None:
    keys = list[str]()

    def work(ctx: Any) -> None:
        keys.append(ctx.key)

    inner = made("START -> work -> END", work, called="inner")
    graph = made("START -> inner each items as item; inner -> END", inner)
    settled(graph.run(id="r", items=[1, 2]), Status.DONE)
    assert sorted(keys) == ["r/inner[0]/work#1", "r/inner[1]/work#1"]


def gated() -> Graph:
    inner = Graph("research")
    inner.human("gate", "Is {{ topic }} good?")
    inner.edges("START -> gate -> END")
    return inner


def test_a_person_is_asked_with_the_path_and_answers_by_it() -> None:
    run = settled(made(OUTER, gated()).run(id="r", topic="x"), Status.WAITING)
    (asked,) = run.approvals
    assert (asked.id, asked.node, asked.within, asked.shown) == (
        "r/research/gate#1",
        "research/gate",
        "research",
        {"topic": "x"},
    )
    run.answer("research/gate", "approve", "fine")
    assert settled(run, Status.DONE).state == {"topic": "x", "gate": "approve", "gate_note": "fine"}


def test_of_several_items_that_ask_each_is_answered_by_its_id() -> None:
    graph = made("START -> research each topics as topic; research -> END", gated())
    run = settled(graph.run(id="r", topics=["a", "b"]), Status.WAITING)
    with pytest.raises(Exception, match="asks 2 questions"):
        run.answer("research/gate", "approve")
    run.answer("r/research[1]/gate#1", "reject")
    settled(run, Status.WAITING)
    run.answer("research/gate", "approve")
    assert settled(run, Status.DONE).state["gate"] == ["approve", "reject"]


def test_answers_given_beforehand_reach_inside() -> None:
    run = settled(made(OUTER, gated()).run(topic="x", answers={"research/gate": "approve"}), Status.DONE)
    assert (run.state["gate"], run.notices) == ("approve", [])


def broken(message: str = "no net") -> Graph:
    def search() -> None:
        raise ConnectionError(message)

    return made("START -> search -> END", search, called="research")


@pytest.mark.parametrize("message", ["no net", "in the end", "in research it is over"])
def test_a_failure_inside_is_the_nodes_own_error_and_told_with_its_path(message: str) -> None:
    run = settled(made(OUTER, broken(message)).run(), Status.FAILED)
    with pytest.raises(ConnectionError, match=message):
        run.result()
    assert run.reason == f"research#1: in research/search#1: {message}"
    assert [event.node for event in happened(run, TaskFailed)] == ["research/search", "research"]


def nested(inner: Graph, depth: int, **options: Any) -> Graph:
    for level in range(depth):
        inner = made(f"START -> {inner.name} -> END", inner, called=f"level{level}", **{inner.name: options})
    return inner


def test_a_failure_five_deep_is_told_with_the_whole_path_once() -> None:
    run = settled(nested(broken(), 5).run(), Status.FAILED)
    assert run.reason == "level3#1: in level3/level2/level1/level0/research/search#1: no net"


def test_five_deep_the_result_comes_all_the_way_out() -> None:
    run = settled(nested(research(), 5).run(topic="x"), Status.DONE)
    assert run.state["notes"] == "FOUND X"
    assert tasks(run)[0] == "level3/level2/level1/level0/research/search#1"
    assert len(run.steps) == 2 + 5


def test_a_person_five_deep_can_answer() -> None:
    run = settled(nested(gated(), 5).run(topic="x"), Status.WAITING)
    run.answer("level3/level2/level1/level0/research/gate", "approve")
    assert settled(run, Status.DONE).state["gate"] == "approve"


def test_an_error_edge_leads_out_of_a_subgraph() -> None:
    def fallback(error: Any) -> dict[str, Any]:
        return {"told": (error.node, error.type, error.message)}

    text = "START -> research -> END; research -> fallback on error; fallback -> END"
    run = settled(made(text, broken(), fallback).run(), Status.DONE)
    assert run.state["told"] == ("research/search#1", "ConnectionError", "no net")
    assert run._engine.walks == {}


def test_what_still_runs_beside_a_failure_that_took_an_error_edge_is_ended() -> None:
    def fails() -> None:
        side.begun.wait(SOON)
        raise ValueError

    side = Gate("side")
    inner = made("START -> side, fails -> END", side.node, fails, called="inner")
    graph = made("START -> inner -> END; inner -> fallback on error; fallback -> END", inner)
    graph.node(lambda: {"fell": 1}, name="fallback")
    run = settled(graph.run(), Status.DONE)
    assert run.state == {"fell": 1}
    assert [event.node for event in happened(run, TaskCancelled)] == ["inner/side"]


# -- failure, resume, retry, timeout -----------------------------------------------------------------------------------


def test_a_cell_fixed_inside_goes_on_inside_and_repeats_nothing() -> None:
    calls = list[str]()

    def first() -> dict[str, int]:
        calls.append("first")
        return {"x": 1}

    def second(x: int) -> None:
        calls.append("broken")
        raise ValueError

    inner = made("START -> first -> second -> END", first, second, called="inner")
    run = settled(made("START -> inner -> END", inner).run(), Status.FAILED)
    inner.node(then, name="second")
    run.resume()
    assert settled(run, Status.DONE).state == {"y": 1}
    assert (calls, tasks(run)) == (["first", "broken"], ["inner/first#1", "inner/second#1", "inner#1"])


def test_five_deep_a_cell_fixed_goes_on_and_repeats_nothing() -> None:
    call, calls = failing(1), list[int]()

    def first() -> None:
        calls.append(1)

    def second() -> Any:
        return call()

    inner = made("START -> first -> second -> END", first, second, called="inner")
    run = settled(nested(inner, 5).run(), Status.FAILED)
    run.resume()
    settled(run, Status.DONE)
    assert calls == [1]


def test_a_subgraph_that_is_tried_again_goes_on_where_it_failed() -> None:
    call, calls = failing(2), list[int]()

    def first() -> None:
        calls.append(1)

    def second() -> Any:
        return call()

    inner = made("START -> first -> second -> END", first, second, called="inner")
    run = settled(made("START -> inner -> END", inner, inner={"retry": 3, "backoff": 0}).run(), Status.DONE)
    assert (calls, [event.node for event in happened(run, TaskRetried)]) == ([1], ["inner", "inner"])


def test_only_the_errors_named_are_tried_again_of_a_subgraph() -> None:
    call = failing(1)
    inner = made("START -> a -> END", called="inner")
    inner.node(lambda: call(), name="a")
    options = {"retry": 3, "backoff": 0, "retry_on": OSError}
    settled(made("START -> inner -> END", inner, inner=options).run(), Status.FAILED)


@pytest.mark.slow
def test_a_subgraph_that_takes_too_long_is_ended_and_begins_anew_when_tried_again() -> None:
    calls = list[int]()

    async def work() -> dict[str, int]:
        calls.append(1)
        if len(calls) == 1:
            await asyncio.sleep(SOON)
        return {"x": len(calls)}

    inner = made("START -> work -> END", work, called="inner")
    options = {"timeout": 0.3, "retry": 2, "backoff": 0}
    run = settled(made("START -> inner -> END", inner, inner=options).run(), Status.DONE)
    assert (run.state["x"], [event.node for event in happened(run, TaskCancelled)]) == (2, ["inner/work"])


def test_a_subgraph_that_takes_too_long_fails_and_its_person_is_asked_no_more() -> None:
    never = Gate("never")
    inner = made("START -> never -> END", never.node, called="inner")
    run = settled(made("START -> inner -> END", inner, inner={"timeout": 0.1}).run(), Status.FAILED)
    with pytest.raises(TimedOut):
        run.result()
    assert run._engine.walks == {}


def test_a_failed_item_goes_on_inside_and_the_others_are_kept() -> None:
    call, calls = failing(1), list[int]()

    def first(item: int) -> None:
        calls.append(item)

    def second(item: int) -> dict[str, int]:
        if item == 1:
            call()
        return {"y": item}

    inner = made("START -> first -> second -> END", first, second, called="inner")
    run = settled(made("START -> inner each items as item; inner -> END", inner).run(items=[0, 1, 2]), Status.FAILED)
    run.resume()
    assert settled(run, Status.DONE).state["y"] == [0, 1, 2]
    assert sorted(calls) == [0, 1, 2]


class Typed:
    y: int


def test_what_a_subgraph_hands_out_that_does_not_fit_is_made_anew_after_its_cell_is_fixed() -> None:
    inner = made("START -> a -> END", called="inner")
    inner.node(lambda: {"y": "text"}, name="a")
    run = settled(made("START -> inner -> END", inner, typed=Typed, inner={"writes": "y"}).run(), Status.FAILED)
    inner.node(lambda: {"y": 3}, name="a")
    run.resume()
    assert settled(run, Status.DONE).state == {"y": 3}


# -- loops, limits, pause, cancel --------------------------------------------------------------------------------------


def count(n: int = 0) -> dict[str, int]:
    return {"n": n + 1}


def test_its_own_loop_and_limit_pause_the_run_and_resume_goes_on() -> None:
    inner = made("START -> count; count -> count if n < 25; count -> END else", count, called="inner")
    run = settled(made("START -> inner -> END", inner, inner={"limit": 10}).run(), Status.PAUSED)
    assert "10 steps were taken by inner" in run.reason
    run.resume()
    assert "10 steps were taken by inner" in settled(run, Status.PAUSED).reason
    run.resume()
    assert settled(run, Status.DONE).state == {"n": 25}


def test_the_steps_of_a_subgraph_do_not_count_for_the_limit_of_the_run() -> None:
    inner = made("START -> count; count -> count if n < 25; count -> END else", count, called="inner")
    settled(made("START -> inner -> END", inner).run(limit=2), Status.DONE)


def test_max_counts_anew_in_each_instance() -> None:
    def again(n: int, r: int = 0) -> dict[str, int]:
        return {"r": r + 1}

    inner = made("START -> count; count -> count if n < 9 max 2; count -> END else", count, called="inner")
    text = "START -> inner -> again; again -> inner if r < 2; again -> END else"
    run = settled(made(text, inner, again, inner={"reads": {}}).run(n=0), Status.DONE)
    assert [task for task in tasks(run) if "count" in task] == [
        f"{lead}/count#{visit}" for lead in ("inner", "inner#2") for visit in (1, 2, 3)
    ]


def test_pause_lets_what_runs_inside_finish_and_resume_goes_on_inside() -> None:
    gate = Gate("gate", value={"x": 1})
    inner = made("START -> gate -> then -> END", gate.node, called="inner")
    inner.node(then)
    run = made("START -> inner -> END", inner).run()
    reached(gate.begun)
    run.pause()
    gate.let.set()
    settled(run, Status.PAUSED)
    assert run.next_tasks == ["inner/then#1"]
    run.resume()
    assert settled(run, Status.DONE).state == {"y": 1}
    assert gate.calls == 1


def test_cancel_ends_what_runs_inside() -> None:
    gate = Gate("gate")
    inner = made("START -> gate, ask -> END", gate.node, called="inner")
    inner.human("ask", "Go?")
    run = made("START -> inner -> END", inner).run()
    reached(gate.begun)
    until(lambda: asked_at(run))
    run.cancel()
    settled(run, Status.CANCELLED)
    until(lambda: len(happened(run, TaskCancelled)) == 3)
    assert (asked_at(run), run.steps) == ([], [])


def test_a_failure_outside_holds_what_would_start_inside() -> None:
    gate, call = Gate("gate", value={"x": 1}), failing(1)
    inner = made("START -> gate -> then -> END", gate.node, called="inner")
    inner.node(then)
    graph = made("START -> inner, bad -> END", inner)
    graph.node(lambda: call(), name="bad")
    run = graph.run()
    until(lambda: happened(run, TaskFailed))
    gate.let.set()
    settled(run, Status.FAILED)
    until(lambda: run.next_tasks == ["inner/then#1"])
    run.resume()
    assert settled(run, Status.DONE).state == {"y": 1}
    assert gate.calls == 1


def test_a_failure_inside_with_a_question_open_beside_it_keeps_the_question() -> None:
    asked, state = threading.Event(), {"broken": True}

    def bad() -> None:
        asked.wait(SOON)
        if state["broken"]:
            raise ValueError

    inner = made("START -> bad, gate -> END", bad, called="inner")
    inner.human("gate", "Go?")
    run = made("START -> inner -> END", inner).run()
    until(lambda: asked_at(run))
    asked.set()
    settled(run, Status.FAILED)
    state["broken"] = False
    run.resume()
    settled(run, Status.WAITING)
    run.answer("inner/gate", "approve")
    assert settled(run, Status.DONE).state["gate"] == "approve"
    assert len(happened(run, ApprovalAsked)) == 1


# -- declaring ---------------------------------------------------------------------------------------------------------


def test_a_graph_that_holds_itself_is_refused() -> None:
    graph = Graph("g")
    with pytest.raises(DeclarationError, match="within itself"):
        graph.node(graph, name="me")


def test_a_graph_that_holds_itself_by_way_of_another_is_refused() -> None:
    a, b, c = Graph("a"), Graph("b"), Graph("c")
    a.node(b)
    b.node(c)
    with pytest.raises(DeclarationError, match="within itself"):
        c.node(a)


def test_one_graph_used_twice_runs_twice_with_states_of_their_own() -> None:
    inner = research()
    graph = Graph("g")
    graph.node(inner, name="left", reads={"topic": "l"}, writes={"lnotes": "notes"})
    graph.node(inner, name="right", reads={"topic": "r"}, writes={"rnotes": "notes"})
    graph.edges("START -> left, right -> END")
    run = settled(graph.run(l="a", r="b"), Status.DONE)
    assert (run.state["lnotes"], run.state["rnotes"]) == ("FOUND A", "FOUND B")
    assert {"left/search#1", "right/search#1"} <= set(tasks(run))


def test_what_is_not_written_inside_keeps_the_graph_from_running() -> None:
    inner = made("START -> search -> write -> END", search, called="research")
    with pytest.raises(GraphError, match="in research: the node write is not written yet"):
        made(OUTER, inner).run(topic="x")


def test_a_graph_redeclared_while_it_runs_goes_on_as_it_began() -> None:
    gate = Gate("gate", value={"x": 1})
    inner = made("START -> gate -> then -> END", gate.node, called="inner")
    inner.node(then)
    run = made("START -> inner -> END", inner).run()
    reached(gate.begun)
    inner.clear()
    inner.node(lambda: {"z": 1}, name="other")
    inner.edges("START -> other -> END")
    gate.let.set()
    assert settled(run, Status.DONE).state == {"y": 1}


def test_edges_changed_inside_before_resume_are_told_and_kept_as_they_were() -> None:
    inner = made("START -> a -> END", called="inner")
    inner.node(lambda: failing(1)(), name="a")
    run = settled(made("START -> inner -> END", inner).run(), Status.FAILED)
    inner.node(lambda: {"a": 1}, name="a")
    inner.node(lambda: {"b": 1}, name="b")
    inner.edges("a -> b -> END")
    run.resume()
    assert "b" not in settled(run, Status.DONE).state
    assert any("the edges of inner have changed" in notice for notice in run.notices)


def test_a_person_inside_is_asked_once_however_often_the_node_is_tried() -> None:
    call = failing(1)
    inner = made("START -> gate -> bad -> END", called="inner")
    inner.human("gate", "Go?")
    inner.node(lambda: call(), name="bad")
    run = settled(made("START -> inner -> END", inner, inner={"retry": 2, "backoff": 0}).run(), Status.WAITING)
    run.answer("inner/gate", "approve")
    settled(run, Status.DONE)
    assert len(happened(run, ApprovalAsked)) == 1
