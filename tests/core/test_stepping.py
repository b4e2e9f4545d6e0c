"""Going step by step: one ready set at a time, breakpoints, edits of a run at rest, and why a node has not run."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Annotated, Any

import pytest

from nbgraph import append
from nbgraph.core.events import ApprovalAsked, BreakpointsChanged, StateEdited, Status, TaskFinished
from nbgraph.core.run import Run
from nbgraph.errors import InputError, RunError
from nbgraph.library import Graph
from tests.core.patterns import asked_at, failing, happened, made
from tests.core.running import (
    Gate,
    graph,
    quiet_engine,  # noqa: F401
    reached,
    settled,
    until,
)


def a() -> dict[str, int]:
    return {"x": 1}


def b(x: int) -> dict[str, int]:
    return {"y": x + 1}


def c(x: int) -> dict[str, int]:
    return {"z": x + 10}


def d(y: int, z: int) -> dict[str, int]:
    return {"sum": y + z}


DIAMOND = "START -> a -> b, c -> d -> END"


def diamond() -> Graph:
    return graph(DIAMOND, a, b, c, d)


def finished(run: Run) -> list[str]:
    return [step.task for step in run.steps]


def stepped(run: Run) -> list[list[str]]:
    """What was next at each stop, until the run is done."""
    stops = []
    for _ in range(50):
        if run.wait(60).status is not Status.PAUSED:
            break
        stops.append(run.next_tasks)
        run.next()
    return stops


# -- step by step ------------------------------------------------------------------------------------------------------


def test_one_ready_set_starts_at_a_time() -> None:
    run = settled(diamond().run(step=True), Status.PAUSED)
    assert (finished(run), run.reason) == ([], "one step at a time; next: a#1")
    assert stepped(run) == [["a#1"], ["b#1", "c#1"], ["d#1"]]
    assert settled(run, Status.DONE).state["sum"] == 13


def test_resume_goes_on_without_stops() -> None:
    run = settled(diamond().run(step=True), Status.PAUSED)
    run.next()
    settled(run, Status.PAUSED)
    run.resume()
    assert settled(run, Status.DONE).state["sum"] == 13


def test_a_paused_run_can_go_on_step_by_step() -> None:
    run = settled(diamond().run(pause_before="b"), Status.PAUSED)
    run.next()
    assert settled(run, Status.PAUSED).next_tasks == ["d#1"]


def test_the_rounds_of_a_loop_are_steps() -> None:
    def count(n: int) -> dict[str, int]:
        return {"n": n + 1}

    run = graph("START -> count; count -> count if n < 3; count -> END else", count).run(n=0, step=True)
    assert stepped(run) == [["count#1"], ["count#2"], ["count#3"]]


def test_the_nodes_of_a_subgraph_are_steps() -> None:
    inner = made("START -> a -> b -> END", a, b, called="inner")
    run = made("START -> inner -> END", inner).run(step=True)
    assert stepped(run) == [["inner#1"], ["inner/a#1"], ["inner/b#1"]]
    assert settled(run, Status.DONE).state == {"y": 2}


def test_a_person_is_awaited_between_steps() -> None:
    declared = Graph("g")
    declared.human("gate", "Go?")
    declared.node(lambda: {"x": 1}, name="last")
    declared.edges("START -> gate -> last -> END")
    run = settled(declared.run(step=True), Status.PAUSED)
    run.next()
    settled(run, Status.WAITING)
    run.answer("gate", "approve")
    assert settled(run, Status.PAUSED).next_tasks == ["last#1"]
    run.next()
    settled(run, Status.DONE)


def test_a_failed_node_is_tried_again_in_a_step() -> None:
    call = failing(1, value={"x": 5})

    def a() -> Any:
        return call()

    run = settled(graph("START -> a -> b -> END", a, b).run(step=True), Status.PAUSED)
    run.next()
    settled(run, Status.FAILED)
    run.next()
    assert settled(run, Status.PAUSED).next_tasks == ["b#1"]


def test_a_run_that_is_done_has_no_next_step() -> None:
    run = settled(diamond().run(), Status.DONE)
    with pytest.raises(RunError, match="only a paused or failed run has a next step"):
        run.next()


# -- breakpoints -------------------------------------------------------------------------------------------------------


def test_a_run_pauses_before_a_node_and_goes_on() -> None:
    run = settled(diamond().run(pause_before=["d"]), Status.PAUSED)
    assert (sorted(finished(run)), run.next_tasks, run.reason) == (
        ["a#1", "b#1", "c#1"],
        ["d#1"],
        "paused before d",
    )
    run.resume()
    settled(run, Status.DONE)


def test_a_run_pauses_before_its_first_node() -> None:
    run = settled(diamond().run(pause_before="a"), Status.PAUSED)
    assert finished(run) == []
    run.resume()
    settled(run, Status.DONE)


def test_a_run_pauses_after_a_node_and_goes_on() -> None:
    run = settled(diamond().run(pause_after="a"), Status.PAUSED)
    assert (finished(run), run.next_tasks, run.reason) == (["a#1"], ["b#1", "c#1"], "paused after a")
    run.resume()
    settled(run, Status.DONE)


def test_a_run_pauses_after_its_last_node_by_being_done() -> None:
    settled(diamond().run(pause_after="d"), Status.DONE)


def test_a_breakpoint_in_a_loop_stops_each_round() -> None:
    def count(n: int) -> dict[str, int]:
        return {"n": n + 1}

    run = graph("START -> count; count -> count if n < 3; count -> END else", count).run(n=0, pause_before="count")
    stops = 0
    while run.wait(60).status is Status.PAUSED:
        stops += 1
        run.resume()
    assert (stops, run.status, run.state["n"]) == (3, Status.DONE, 3)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_breakpoint_inside_a_subgraph_pauses_the_run(when: str) -> None:
    inner = made("START -> a -> b -> END", a, b, called="inner")
    options: dict[str, Any] = {f"pause_{when}": "inner/b" if when == "before" else "inner/a"}
    run = settled(made("START -> inner -> END", inner).run(**options), Status.PAUSED)
    assert run.next_tasks == ["inner/b#1"]
    run.resume()
    assert settled(run, Status.DONE).state == {"y": 2}


def test_breakpoints_can_be_put_and_taken_away_while_the_run_goes_on() -> None:
    gate = Gate("gate", value={"x": 1})
    run = graph("START -> gate -> b -> END", gate.node, b).run()
    reached(gate.begun)
    run.breakpoint("b")
    run.breakpoint("gate", "after")
    run.breakpoint("gate", None)
    assert run.breakpoints == {"before": ["b"], "after": []}
    gate.let.set()
    assert settled(run, Status.PAUSED).reason == "paused before b"
    assert [(event.before, event.after) for event in happened(run, BreakpointsChanged)][-1] == (("b",), ())


def test_a_breakpoint_at_no_node_is_refused() -> None:
    with pytest.raises(InputError, match="no node 'bb' to pause at"):
        diamond().run(pause_before="bb")
    run = settled(diamond().run(), Status.DONE)
    with pytest.raises(RunError, match="has no node 'dd'"):
        run.breakpoint("dd")
    with pytest.raises(RunError, match="'before' or 'after'"):
        run.breakpoint("d", "while")


def test_what_runs_beside_a_breakpoint_finishes() -> None:
    gate = Gate("gate")
    run = graph("START -> gate, a; a -> b -> END; gate -> END", gate.node, a, b).run(pause_before="b")
    until(lambda: run.next_tasks)
    assert run.status is Status.RUNNING
    gate.let.set()
    settled(run, Status.PAUSED)
    assert sorted(finished(run)) == ["a#1", "gate#1"]


# -- why ---------------------------------------------------------------------------------------------------------------


def test_why_tells_what_a_node_waits_for_and_over_which_way() -> None:
    slow = Gate("slow", value={"y": 1})
    declared = graph("START -> a -> c -> d; a -> slow -> mid -> d -> END", a, slow.node, c, d)
    declared.node(lambda: None, name="mid")
    run = declared.run()
    reached(slow.begun)
    until(lambda: "c#1" in finished(run))
    assert run.why("d") == "d was led to by c#1, and waits for slow#1 (slow -> mid -> d)."
    assert run.why("slow") == "slow#1 is running."
    slow.let.set()
    settled(run, Status.DONE)


def test_why_tells_the_condition_with_its_values() -> None:
    run = graph("START -> a; a -> b if x > 3; a -> c else; b, c -> END", a, b, c).run()
    settled(run, Status.DONE)
    why = run.why("b")
    assert why.startswith("No edge has led to b. a -> b was not taken: ")
    assert "x" in why
    assert "1" in why
    assert why.endswith("does not hold.")


def test_why_tells_of_a_failed_a_held_a_waiting_and_a_finished_node() -> None:
    def bad() -> None:
        raise ValueError("broken")

    made_graph = graph("START -> bad, gate, a; a -> b -> END; bad, gate -> END", bad, a, b)
    made_graph.human("gate", "Go?")
    run = made_graph.run(pause_before="b")
    run.wait(60)
    until(lambda: asked_at(run) and run.next_tasks)
    assert "bad#1 has failed: broken" in run.why("bad")
    assert run.why("gate") == "gate#1 waits for a person."
    assert "b#1 is ready and starts when the run goes on" in run.why("b")
    assert run.why("a").startswith("a has run 1 time;")


def test_why_of_an_error_edge_and_of_what_has_not_finished() -> None:
    gate = Gate("gate")
    text = "START -> gate -> b -> END; gate -> c on error; c -> END"
    declared = graph(text, gate.node)
    declared.node(lambda: None, name="b")
    declared.node(lambda: None, name="c")
    run = declared.run()
    reached(gate.begun)
    assert run.why("c") == "No edge has led to c. gate -> c on error is taken when gate fails."
    assert run.why("b") == "No edge has led to b. gate -> b waits for gate, which has not finished."
    gate.let.set()
    settled(run, Status.DONE)


def test_why_inside_a_subgraph_goes_by_its_path() -> None:
    gate = Gate("gate", value={"x": 1})
    inner = made("START -> gate -> b -> END", gate.node, b, called="inner")
    run = made("START -> inner -> END", inner).run()
    reached(gate.begun)
    assert run.why("inner/gate") == "gate#1 is running."
    assert "waits for gate, which has not finished" in run.why("inner/b")
    gate.let.set()
    settled(run, Status.DONE)
    assert "inner/b does not run now" in run.why("inner/b")


def test_why_of_a_node_that_is_not_there_suggests_one() -> None:
    with pytest.raises(RunError, match="has no node 'bb'"):
        settled(diamond().run(), Status.DONE).why("bb")


# -- edits -------------------------------------------------------------------------------------------------------------


def test_an_edit_is_seen_by_what_follows_and_is_a_step_of_its_own() -> None:
    run = settled(diamond().run(pause_before="b"), Status.PAUSED)
    run.edit(x=5)
    assert (run.status, run.state["x"]) == (Status.PAUSED, 5)
    run.resume()
    state = settled(run, Status.DONE).state
    assert (state["x"], state["y"]) == (5, 6)
    (step,) = [step for step in run.steps if step.edited]
    assert (step.node, step.task, step.update) == ("run.edit", "run.edit#1", {"x": 5})
    assert [(event.step, event.update) for event in happened(run, StateEdited)] == [(step.number, {"x": 5})]


def test_an_edit_after_a_failure_mends_the_run() -> None:
    def bad(x: int) -> dict[str, int]:
        return {"y": 1 // (x - 1)}

    run = settled(graph("START -> a -> bad -> END", a, bad).run(), Status.FAILED)
    run.edit({"x": 2})
    run.resume()
    assert settled(run, Status.DONE).state == {"x": 2, "y": 1}


class Log:
    log: Annotated[list[str], append]


@pytest.mark.parametrize("where", ["left", "right"])
def test_an_edit_of_a_reducer_key_beside_branches_loses_nothing_but_what_it_replaces(where: str) -> None:
    text = "START -> top -> left, right; left -> left2 -> join; right -> right2 -> join -> END"
    declared = Graph("g")
    declared.state(Log)
    for name in ("top", "left", "right", "left2", "right2", "join"):
        declared.node(lambda ctx: {"log": ctx.node}, name=name)
    declared.edges(text)
    run = settled(declared.run(log=[], pause_before=f"{where}2"), Status.PAUSED)
    before = list(run.state["log"])
    run.edit(log=["new"])
    assert run.state["log"] == ["new"]
    run.resume()
    log = settled(run, Status.DONE).state["log"]
    assert log[0] == "new"
    assert sorted(log[1:]) == sorted({"top", "left", "right", "left2", "right2", "join"} - set(before))


def test_an_edit_of_a_plain_key_beside_branches_is_no_conflict() -> None:
    run = settled(diamond().run(pause_before=["b", "c"]), Status.PAUSED)
    run.edit(x=7)
    run.edit(x=8)
    run.resume()
    assert settled(run, Status.DONE).state == {"x": 8, "y": 9, "z": 18, "sum": 27}
    assert [step.task for step in run.steps if step.edited] == ["run.edit#1", "run.edit#2"]


def gated() -> Graph:
    declared = Graph("g")
    declared.node(lambda: {"draft": "old"}, name="write")
    declared.human("gate", "Is {{ draft }} good?")
    declared.edges("START -> write -> gate -> END")
    return declared


def test_an_edit_while_a_person_is_awaited_asks_again_with_the_new_values() -> None:
    run = settled(gated().run(), Status.WAITING)
    run.edit(draft="new")
    settled(run, Status.WAITING)
    until(lambda: asked_at(run))
    assert [event.approval.shown for event in happened(run, ApprovalAsked)] == [{"draft": "old"}, {"draft": "new"}]
    run.answer("gate", "approve")
    assert settled(run, Status.DONE).state == {"draft": "new", "gate": "approve", "gate_note": ""}


ALONE_IN_ITS_PROCESS = """
from nbgraph import Graph
g = Graph("g")
g.node(lambda: {"draft": "old"}, name="write")
g.human("gate", "Is {{ draft }} good?")
g.edges("START -> write -> gate -> END")
run = g.run().wait(60)
run.edit(draft="new")
run.wait(60).answer("gate", "approve")
print(run.wait(60).status, [approval.shown for approval in run.approvals])
"""


def test_an_edit_asks_again_in_a_process_where_nothing_else_runs() -> None:
    ran = subprocess.run([sys.executable, "-c", ALONE_IN_ITS_PROCESS], capture_output=True, text=True, timeout=120)
    assert (ran.stdout.strip(), ran.stderr) == ("done [{'draft': 'new'}]", "")


def test_an_edit_while_a_node_asks_is_not_lost_and_its_own_update_comes_after() -> None:
    async def asks(x: int, ctx: Any) -> dict[str, int]:
        await ctx.ask("Go?")
        return {"x": x + 1}

    def last(x: int, other: int) -> dict[str, int]:
        return {"z": x + other}

    run = settled(graph("START -> asks -> last -> END", asks, last).run(x=1, other=0), Status.WAITING)
    run.edit(x=100, other=5)
    run.answer("asks", "approve")
    assert settled(run, Status.DONE).state == {"x": 2, "other": 5, "z": 7}


def test_an_edit_while_a_person_is_awaited_in_a_subgraph_is_not_lost() -> None:
    inner = Graph("inner")
    inner.human("gate", "Go?")
    inner.edges("START -> gate -> END")
    run = settled(made("START -> inner -> END", inner).run(), Status.WAITING)
    run.edit(other=5)
    run.answer("inner/gate", "approve")
    assert settled(run, Status.DONE).state["other"] == 5


def test_an_edit_of_a_key_that_the_question_does_not_show_leaves_it_open() -> None:
    run = settled(gated().run(), Status.WAITING)
    run.edit(other=1)
    settled(run, Status.WAITING)
    assert len(happened(run, ApprovalAsked)) == 1
    run.answer("gate", "approve")
    assert settled(run, Status.DONE).state["other"] == 1


def test_a_failed_node_is_given_its_result_by_hand() -> None:
    def bad(x: int) -> dict[str, int]:
        if x:
            raise ValueError
        return {"y": 0}

    def last(y: int) -> dict[str, int]:
        return {"z": y}

    run = settled(graph("START -> a -> bad -> last -> END", a, bad, last).run(), Status.FAILED)
    run.edit(y=5, as_node="bad")
    assert settled(run, Status.PAUSED).next_tasks == ["last#1"]
    run.resume()
    assert settled(run, Status.DONE).state == {"x": 1, "y": 5, "z": 5}
    assert [(step.task, step.edited) for step in run.steps] == [("a#1", False), ("bad#1", True), ("last#1", False)]


def test_a_held_node_is_given_its_result_by_hand_and_not_called() -> None:
    called = threading.Event()

    def b(x: int) -> dict[str, int]:
        called.set()
        return {"y": 0}

    run = settled(graph("START -> a -> b -> END", a, b).run(pause_before="b"), Status.PAUSED)
    run.edit(y=9, as_node="b")
    run.wait(60)
    if run.status is Status.PAUSED:
        run.resume()
    assert settled(run, Status.DONE).state == {"x": 1, "y": 9}
    assert not called.is_set()


def test_a_node_that_waits_for_a_person_is_given_its_result_by_hand_and_asks_no_more() -> None:
    run = settled(gated().run(), Status.WAITING)
    run.edit({"gate": "approve", "gate_note": "by hand"}, as_node="gate")
    run.wait(60)
    if run.status is Status.PAUSED:
        run.resume()
    assert settled(run, Status.DONE).state["gate_note"] == "by hand"
    until(lambda: not asked_at(run))
    assert [event.node for event in happened(run, TaskFinished)] == ["write", "gate"]


def test_a_result_by_hand_that_wins_a_race_cancels_the_losers() -> None:
    declared = Graph("g")
    for name in ("left", "right"):
        declared.human(name, "Go?")
    declared.node(lambda: {"won": 1}, name="race", join="first")
    declared.edges("START -> left, right -> race -> END")
    run = settled(declared.run(), Status.WAITING)
    run.edit({"left": "approve"}, as_node="left")
    until(lambda: run.status is Status.PAUSED)
    run.resume()
    assert settled(run, Status.DONE).state["won"] == 1
    assert asked_at(run) == []


def test_a_node_that_is_not_pending_is_given_no_result() -> None:
    run = settled(diamond().run(pause_before="d"), Status.PAUSED)
    with pytest.raises(RunError, match=r"no task of b is pending.*Pending: d"):
        run.edit(y=1, as_node="b")


def test_a_run_that_is_running_or_done_is_not_edited() -> None:
    gate = Gate("gate")
    run = graph("START -> gate -> END", gate.node).run()
    reached(gate.begun)
    with pytest.raises(RunError, match="can be edited while"):
        run.edit(x=1)
    gate.let.set()
    settled(run, Status.DONE)
    with pytest.raises(RunError, match="is done"):
        run.edit(x=1)


class Typed:
    x: int


def test_an_edit_that_does_not_fit_the_type_is_refused_and_changes_nothing() -> None:
    run = settled(made(DIAMOND, a, b, c, d, typed=Typed).run(pause_before="b"), Status.PAUSED)
    with pytest.raises(InputError, match="x"):
        run.edit(x="five")
    assert run.state == {"x": 1}
    assert len(run.steps) == 1
