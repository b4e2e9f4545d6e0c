"""The scheduler: no loop, no waiting; a test says which task finishes next and looks at what starts."""

from __future__ import annotations

import itertools
from typing import Annotated, Any

import pytest

from nbgraph.core import plan, scheduler
from nbgraph.core.graph import Graph, Node
from nbgraph.core.plan import compile
from nbgraph.core.scheduler import Advance, Frontier, Origin, Task
from nbgraph.core.state import append, extend
from nbgraph.errors import ConditionFailed, MissingKey, RoutingError, UpdateError, WriteConflict


class Log:
    log: Annotated[list[str], append]


def compiled(text: str, state: type | None = None, **functions: Any) -> plan.Plan:
    graph = Graph("g")
    if state is not None:
        graph.state(state)
    graph.add_edges(text, functions)
    return plan.compile(graph, graph.outlined())


class Play:
    """A run in which tasks finish in the order that the test says."""

    def __init__(self, text: str, state: type | None = None, inputs: dict[str, Any] | None = None, **functions: Any):
        self.taken: list[str] = []
        self.frontier: Frontier
        made = compiled(text, state, **functions)
        self.began = self._take(scheduler.begin(made, {**made.schema.fresh_defaults(), **(inputs or {})}))

    def _take(self, moved: Advance) -> list[str]:
        self.frontier = moved.frontier
        self.taken = [f"{edge.source}->{edge.target} {edge.reason}".strip() for edge in moved.taken]
        return [task.id for task in moved.started]

    def task(self, name: str) -> Task:
        (found,) = [task for task in self.frontier.active.values() if name in (task.node, task.id)]
        return found

    def finish(self, name: str, *writes: tuple[str, Any], **update: Any) -> list[str]:
        """Finish the task; returns the tasks that it lets start."""
        return self._take(scheduler.advance(self.frontier, self.task(name), (*writes, *update.items())))

    @property
    def active(self) -> list[str]:
        return list(self.frontier.active)

    @property
    def state(self) -> dict[str, Any]:
        return dict(scheduler.state(self.frontier))


def logs_of_every_order(text: str, inputs: dict[str, Any] | None = None) -> set[tuple[str, ...]]:
    """The final `log` for every order of completion, each task adding its id."""
    found, left = set(), [Play(text, Log, inputs).frontier]
    while left:
        frontier = left.pop()
        if frontier.finished:
            found.add(tuple(scheduler.state(frontier)["log"]))
        left += [
            scheduler.advance(frontier, task, (("log", task.id), (f"n_{task.node}", task.visit))).frontier
            for task in frontier.active.values()
        ]
    return found


# -- when a node starts ------------------------------------------------------------------------------------------------


def test_a_chain_runs_one_after_the_other() -> None:
    play = Play("START -> a -> b -> END")
    assert play.began == ["a#1"]
    assert play.finish("a") == ["b#1"]
    assert play.finish("b") == []
    assert play.frontier.finished


def test_the_successor_of_a_fast_branch_starts_before_an_unrelated_slow_sibling_ends() -> None:
    play = Play("START -> fast, slow; fast -> next -> END; slow -> END")
    assert play.finish("fast") == ["next#1"]
    assert play.active == ["slow#1", "next#1"]


SUPERVISOR = "START -> sup -> a, b; a -> a2 -> gate; b -> gate; gate -> sup if rounds > 0; gate -> END else"


def test_in_a_loop_too_a_fast_branch_goes_on_beside_a_slow_sibling() -> None:
    play = Play(SUPERVISOR, inputs={"rounds": 1})
    for visit, rounds in ((1, 1), (2, 0)):
        play.finish("sup")
        assert play.finish("a") == [f"a2#{visit}"]
        assert play.finish("a2") == [], "gate waits for b"
        assert play.finish("b") == [f"gate#{visit}"]
        play.finish("gate", rounds=rounds)
    assert play.frontier.finished


def test_a_join_in_a_loop_runs_once_a_round_whichever_branch_is_first() -> None:
    for first, *rest in (["b", "a", "a2"], ["a", "b", "a2"], ["a", "a2", "b"]):
        play = Play(SUPERVISOR, inputs={"rounds": 1})
        play.finish("sup")
        started = [play.finish(name) for name in (first, *rest)]
        assert started[-1] == ["gate#1"]
        assert ["gate#1"] not in started[:-1]


def test_an_uneven_diamond_runs_its_join_once() -> None:
    play = Play("START -> a -> short, long; short -> join; long -> longer -> join; join -> END")
    play.finish("a")
    assert play.finish("short") == []
    assert play.finish("long") == ["longer#1"]
    assert play.finish("longer") == ["join#1"]
    assert play.task("join").parents == ("short#1", "longer#1")


def test_a_join_whose_other_parent_was_not_chosen_still_runs() -> None:
    play = Play("START -> a; a -> b if x; a -> c else; b, c -> join; join -> END", inputs={"x": False})
    assert play.finish("a") == ["c#1"]
    assert play.finish("c") == ["join#1"]
    assert play.task("join").parents == ("c#1",)


def test_a_join_waits_for_a_choice_that_could_still_lead_to_it() -> None:
    play = Play("START -> a, choose; a -> join; choose -> join if x; choose -> END else; join -> END", inputs={"x": 0})
    assert play.finish("a") == []
    assert play.finish("choose") == ["join#1"]


def test_a_node_after_a_loop_runs_once_when_the_loop_has_ended() -> None:
    play = Play("START -> a; a -> report always; a -> a if n < 2; a -> END else; report -> END", inputs={"n": 0})
    assert play.finish("a", n=1) == ["a#2"]
    assert play.finish("a", n=2) == ["report#1"]


def test_a_self_loop_goes_round_until_its_condition_fails() -> None:
    play = Play("START -> a; a -> a if n < 3; a -> END else", inputs={"n": 0})
    started = [play.finish("a", n=n) for n in (1, 2, 3)]
    assert started == [["a#2"], ["a#3"], []]
    assert play.taken == ["a->END else"]


def test_an_edge_from_start_to_end_is_a_run_of_no_steps() -> None:
    play = Play("START -> END", inputs={"x": 1})
    assert play.frontier.finished
    assert play.state == {"x": 1}


def test_several_nodes_may_start_at_once() -> None:
    assert Play("START -> a, b; a, b -> END").began == ["a#1", "b#1"]


def test_start_chooses_by_an_input() -> None:
    assert Play("START -> a, b by mode; a, b -> END", inputs={"mode": "b"}).began == ["b#1"]


def test_a_frontier_is_never_changed() -> None:
    play = Play("START -> a -> b -> END", Log)
    before, text = play.frontier, repr(play.frontier)
    play.finish("a", log="x")
    assert repr(before) == text


def test_two_edges_to_one_node_are_one_arrival() -> None:
    play = Play("START -> a; a -> b always; a -> b if x; a -> END else; b -> END", inputs={"x": 1})
    assert play.finish("a") == ["b#1"]
    assert play.task("b").parents == ("a#1",)


def test_an_irreducible_loop_does_not_deadlock() -> None:
    play = Play("START -> a, b; a -> b; b -> a if n < 2; b -> END else", inputs={"n": 0})
    play.finish("b", n=1) if play.active == ["b#1"] else play.finish("a")
    for n in (1, 2, 3):
        for name in play.active:
            play.finish(name, n=n)
    assert play.frontier.finished


# -- what a node sees --------------------------------------------------------------------------------------------------


def test_a_branch_does_not_see_what_its_sibling_wrote() -> None:
    play = Play("START -> a, b; b -> b2; a, b2 -> END")
    play.finish("a", x=1)
    play.finish("b", y=2)
    assert dict(play.task("b2").view.values) == {"y": 2}


def test_a_join_sees_both_branches() -> None:
    play = Play("START -> a, b; a, b -> join; join -> END")
    play.finish("a", x=1)
    play.finish("b", y=2)
    assert dict(play.task("join").view.values) == {"x": 1, "y": 2}


def test_the_messages_of_a_branch_stay_together_whichever_branch_is_first() -> None:
    text = "START -> a, b; a -> a2; b -> b2; a2, b2 -> join; join -> END"
    assert logs_of_every_order(text) == {("a#1", "a2#1", "b#1", "b2#1", "join#1")}


def test_a_supervisor_loop_has_one_result_in_every_order() -> None:
    text = "START -> sup -> a, b; a -> a2 -> gate; b -> gate; gate -> sup if n_gate < 2; gate -> END else"
    (log,) = logs_of_every_order(text)
    assert log[:5] == ("sup#1", "b#1", "a#1", "a2#1", "gate#1")
    assert log[5:] == ("sup#2", "b#2", "a#2", "a2#2", "gate#2")


def test_a_node_in_a_loop_has_its_previous_visit_as_a_parent() -> None:
    play = Play("START -> s, e; e -> END; s -> a, b by next; a, b -> s; s -> END else", inputs={"next": "a"})
    play.finish("e")
    play.finish("s")
    play.finish("a", memory=1)
    play.finish("s", next="b")
    play.finish("b")
    play.finish("s", next="a")
    assert play.task("a").parents == ("s#3", "a#1")


def test_a_node_that_writes_its_own_key_each_round_never_conflicts_with_itself() -> None:
    text = "START -> s, side; side -> END; s -> a, b by next; a, b -> s; s -> END else"
    play = Play(text, inputs={"next": ["a", "b"]})
    for round in range(3):
        play.finish("s")
        play.finish("b", b=round)
        play.finish("a", a=round)
    play.finish("s", next=None)
    play.finish("side")
    assert (play.state["a"], play.state["b"]) == (2, 2)


def test_end_merges_all_that_arrived_there() -> None:
    play = Play("START -> a, b; a, b -> END", Log)
    play.finish("b", log="b", y=2)
    play.finish("a", log="a", x=1)
    assert play.state == {"log": ["a", "b"], "x": 1, "y": 2}


def test_the_final_state_is_what_reached_end_also_after_a_loop_beside_a_branch_that_ended() -> None:
    text = "START -> e, s; s -> a, x; a -> y -> z; x -> z; z -> s if n_z < 1; z -> END else; e -> END"
    (beside,) = logs_of_every_order(text)
    assert beside == ("e#1", "s#1", "x#1", "a#1", "y#1", "z#1")


def test_the_order_in_a_loop_does_not_depend_on_a_branch_that_ended_beside_it() -> None:
    loop = "s -> a, x; a -> y -> z; x -> z; z -> s if n_z < 2; z -> END else"
    (alone,) = logs_of_every_order(f"START -> s; {loop}")
    (beside,) = logs_of_every_order(f"START -> e, s; {loop}; e -> END")
    assert beside == ("e#1", *alone)


def test_a_dying_branch_counts_as_having_reached_end() -> None:
    play = Play("START -> a, b; a -> c, END by next; b, c -> END", inputs={})
    assert play.finish("a", next=[], x=1) == []
    assert play.taken == []
    play.finish("b", y=2)
    assert play.frontier.finished
    assert play.state == {"next": [], "x": 1, "y": 2}


def test_a_node_that_leads_nowhere_counts_as_having_reached_end() -> None:
    play = Play("START -> a, b; b -> END")
    play.finish("b")
    play.finish("a", x=1)
    assert play.state == {"x": 1}


def test_the_state_of_a_run_that_goes_on_holds_all_that_is_committed() -> None:
    play = Play("START -> a, b; a -> join; b -> join; join -> END", inputs={"i": 0})
    play.finish("a", x=1)
    assert play.state == {"i": 0, "x": 1}


def test_inputs_are_folded_before_what_nodes_write() -> None:
    play = Play("START -> a -> END", Log, {"log": ["given"]})
    play.finish("a", log="a")
    assert play.state["log"] == ["given", "a"]


def test_a_key_with_a_reducer_may_be_written_several_times_by_one_task() -> None:
    play = Play("START -> a -> END", Log)
    play.finish("a", ("log", "one"), ("log", "two"))
    assert play.state["log"] == ["one", "two"]


def test_what_a_reducer_refuses_names_node_key_and_reason() -> None:
    class Lists:
        items: Annotated[list[str], extend]

    play = Play("START -> a -> END", Lists)
    with pytest.raises(UpdateError, match=r"extend\(items\) refused what a wrote, 5: a list is needed, not int"):
        play.finish("a", items=5)


# -- histories that start again ----------------------------------------------------------------------------------------


def history_depth(frontier: Frontier) -> int:
    (task,) = frontier.active.values()
    depth, history = 0, task.view.history
    while not isinstance(history, Origin):
        depth, history = depth + 1, history.before
    return depth


def test_a_task_alone_starts_its_history_again() -> None:
    play = Play("START -> a; a -> a if n < 100; a -> END else", Log)
    for n in range(50):
        play.finish("a", log=str(n), n=n)
    assert history_depth(play.frontier) == 0
    assert play.frontier.last.keys() == {"a"}


def test_a_history_that_starts_again_does_not_change_results() -> None:
    loop = "START -> s; s -> a, b; a, b -> j; j -> s if n_j < 3; j -> END else"
    (alone,) = logs_of_every_order(loop)
    (beside,) = logs_of_every_order(loop.replace("START -> s;", "START -> s, z; z -> END;"))
    assert [name for name in beside if name != "z#1"] == list(alone)


def test_versions_survive_a_history_that_starts_again() -> None:
    play = Play("START -> a -> b, c; b, c -> END")
    play.finish("a", k=1)
    play.finish("b", k=2)
    with pytest.raises(WriteConflict):
        play.finish("c", k=3)


def test_a_long_history_beside_an_ended_branch_is_no_deep_recursion() -> None:
    play = Play("START -> z, a; z -> END; a -> a if n < 0; a -> END else", Log, {"n": -1})
    play.finish("z")
    for _ in range(5000):
        play.finish("a", n=-1)
    play.finish("a", n=0, log="end")
    assert play.state == {"n": 0, "log": ["end"]}


# -- conflicts ---------------------------------------------------------------------------------------------------------

FORK = "START -> writer, critic; writer, critic -> END"


def test_a_conflict_names_the_key_both_nodes_in_declaration_order_and_the_remedies() -> None:
    for first, second in (("writer", "critic"), ("critic", "writer")):
        play = Play(FORK)
        play.finish(first, text="x")
        with pytest.raises(WriteConflict) as caught:
            play.finish(second, text="y")
        assert (caught.value.key, caught.value.nodes) == ("text", ("writer", "critic"))
        assert str(caught.value).startswith("writer and critic both wrote the key 'text'")
        assert "reducer" in str(caught.value)
        assert "edge" in str(caught.value)


def test_equal_values_conflict_too() -> None:
    play = Play(FORK)
    play.finish("writer", text="same")
    with pytest.raises(WriteConflict):
        play.finish("critic", text="same")


def test_a_later_write_on_the_same_path_is_no_conflict() -> None:
    play = Play("START -> a -> b -> END")
    play.finish("a", k=1)
    play.finish("b", k=2)
    assert play.state == {"k": 2}


def test_a_join_that_saw_both_branches_may_write_what_either_wrote() -> None:
    play = Play("START -> a, b; a, b -> join; join -> END")
    play.finish("a", k=1)
    play.finish("b", other=1)
    play.finish("join", k=2, other=2)
    assert play.state == {"k": 2, "other": 2}


def test_whether_a_conflict_occurs_does_not_depend_on_the_order() -> None:
    text = "START -> a, b; a -> a2; a2, b -> END"
    for order in itertools.permutations(["a", "a2", "b"]):
        play, conflicts = Play(text), 0
        if order.index("a2") < order.index("a"):
            continue
        for name in order:
            try:
                play.finish(name, **({} if name == "a" else {"k": name}))
            except WriteConflict:
                conflicts += 1
        assert conflicts == 1, order


def test_parallel_writes_to_a_key_with_a_reducer_are_no_conflict() -> None:
    play = Play(FORK, Log)
    play.finish("critic", log="c")
    play.finish("writer", log="w")
    assert play.state["log"] == ["w", "c"]


@pytest.mark.parametrize(("first", "second"), [("writer", "critic"), ("critic", "writer")])
def test_a_reducer_for_the_key_mends_a_conflict_and_keeps_both_updates(first: str, second: str) -> None:
    play = Play(FORK)
    play.finish(first, log=first)
    with pytest.raises(WriteConflict):
        play.finish(second, log=second)
    play.frontier = scheduler.adopt(play.frontier, compiled(FORK, Log))
    play.finish(second, log=second)
    assert play.state["log"] == ["writer", "critic"]


def test_a_reducer_that_comes_later_folds_inputs_and_every_earlier_write() -> None:
    text = "START -> a -> b, c; b, c -> join; join -> END"
    play = Play(text, inputs={"log": ["given"]})
    play.finish("a", other=1)
    play.finish("b", log="b")
    play.frontier = scheduler.adopt(play.frontier, compiled(text, Log))
    play.finish("c", log="c")
    assert play.task("join").view.values["log"] == ["given", "b", "c"]


def test_a_plan_with_the_same_reducers_changes_no_value() -> None:
    play = Play("START -> a -> b -> END", Log)
    play.finish("a", log="x")
    again = scheduler.adopt(play.frontier, compiled("START -> a -> b -> END", Log))
    assert again.active == play.frontier.active


# -- choices -----------------------------------------------------------------------------------------------------------


def test_the_first_true_condition_wins_and_the_reason_shows_its_values() -> None:
    play = Play("START -> a; a -> b if n < 5; a -> c if n < 9; a -> END else; b, c -> END")
    assert play.finish("a", n=3) == ["b#1"]
    assert play.taken == ["a->b n 3 < 5"]


def test_else_comes_last_wherever_it_is_written() -> None:
    play = Play("START -> a; a -> END else; a -> b if x; b -> END")
    assert play.finish("a", x=1) == ["b#1"]


def test_a_condition_sees_what_its_own_task_wrote() -> None:
    play = Play("START -> a; a -> b if x; a -> END else; b -> END", inputs={"x": False})
    assert play.finish("a", x=True) == ["b#1"]


def test_always_is_taken_beside_the_choice() -> None:
    play = Play("START -> a; a -> log always; a -> b if x; a -> END else; b, log -> END", inputs={"x": 0})
    assert play.finish("a") == ["log#1"]
    assert play.taken == ["a->log", "a->END else"]


def test_a_condition_on_a_key_that_is_not_there_names_it() -> None:
    play = Play("START -> a; a -> b if score < 7; a -> END else; b -> END", inputs={"scor": 1})
    with pytest.raises(MissingKey, match=r"'score'.*did you mean 'scor'"):
        play.finish("a")


def test_a_condition_that_cannot_be_judged_says_so() -> None:
    play = Play("START -> a; a -> b if score < 7; a -> END else; b -> END")
    with pytest.raises(ConditionFailed, match="score"):
        play.finish("a", score=None)


BY = "START -> a; a -> b, c, END by next; b, c -> END"


def test_by_takes_the_target_from_a_key() -> None:
    play = Play(BY)
    assert play.finish("a", next="c") == ["c#1"]
    assert play.taken == ["a->c by next: c"]


def test_by_takes_several_targets_from_a_list_and_each_once() -> None:
    play = Play(BY)
    assert play.finish("a", next=["c", "b", "c"]) == ["c#1", "b#1"]


def test_by_can_choose_end() -> None:
    play = Play(BY)
    assert play.finish("a", next="END") == []
    assert play.frontier.finished


def test_by_calls_a_function_with_the_keys_it_reads() -> None:
    def route(score: int, bonus: int = 1) -> str:
        return "b" if score + bonus > 5 else "c"

    play = Play(BY.replace("next", "route()"), route=route)
    assert play.finish("a", score=5) == ["b#1"]
    assert play.taken == ["a->b by route(): b"]


def test_a_function_of_by_that_needs_a_missing_key_says_which() -> None:
    def route(score: int) -> str:
        return "b"

    play = Play(BY.replace("next", "route()"), route=route)
    with pytest.raises(MissingKey, match=r"by route\(\) needs the key 'score'"):
        play.finish("a")


def test_none_goes_to_the_else_of_a_by() -> None:
    play = Play("START -> a; a -> b, c by next; a -> d else; b, c, d -> END")
    assert play.finish("a", next=None) == ["d#1"]


def test_none_without_an_else_is_an_error_and_no_silent_end() -> None:
    with pytest.raises(RoutingError, match="None"):
        Play(BY).finish("a", next=None)


def test_by_refuses_an_unknown_name_with_a_suggestion() -> None:
    play = Play("START -> a; a -> draft, check by next; draft, check -> END")
    with pytest.raises(RoutingError, match=r"a chose 'drafd'.*did you mean 'draft'.*It can go to draft, check"):
        play.finish("a", next="drafd")


def test_an_unknown_name_in_a_list_is_refused_too() -> None:
    with pytest.raises(RoutingError, match="'x'"):
        Play(BY).finish("a", next=["b", "x"])


@pytest.mark.parametrize("value", [7, {"b": 1}, [["b"]], {"b"}, b"b"])
def test_by_refuses_what_is_no_name(value: Any) -> None:
    with pytest.raises(RoutingError, match="a chose"):
        Play(BY).finish("a", next=value)


def test_a_huge_choice_makes_no_huge_message() -> None:
    with pytest.raises(RoutingError) as caught:
        Play(BY).finish("a", next="x" * 100_000)
    assert len(str(caught.value)) < 1000


def test_by_without_its_key_names_the_key() -> None:
    with pytest.raises(MissingKey, match="'next'"):
        Play(BY).finish("a")


# -- max ---------------------------------------------------------------------------------------------------------------


def test_a_limit_goes_on_to_the_next_candidate_when_it_is_spent() -> None:
    play = Play("START -> a; a -> a if bad max 2; a -> fix if bad; a -> END else; fix -> END", inputs={"bad": True})
    assert play.finish("a") == ["a#2"]
    assert play.taken == ["a->a bad True, 1 of 2"]
    assert play.finish("a") == ["a#3"]
    assert play.finish("a") == ["fix#1"]


def test_a_limit_counts_anew_each_time_its_loop_is_entered() -> None:
    text = "START -> outer -> inner; inner -> inner if bad max 2; inner -> outer if more; inner -> END else"
    play = Play(text, inputs={"bad": True})
    for entry, more in ((1, True), (2, True), (3, False)):
        play.finish("outer", more=more)
        assert [play.finish("inner")[:1] for _ in range(2)] == [[f"inner#{entry * 3 - 1}"], [f"inner#{entry * 3}"]]
        assert play.finish("inner") == ([f"outer#{entry + 1}"] if more else [])
    assert play.frontier.finished


def test_the_limit_of_an_outer_loop_is_not_restarted_by_the_inner_one() -> None:
    text = "START -> outer -> inner; inner -> inner if again; inner -> outer if n >= 0 max 2; inner -> END else"
    play = Play(text, inputs={"n": 0})
    for _ in range(3):
        play.finish("outer")
        play.finish("inner", again=True)
        play.finish("inner", again=False)
    assert play.frontier.finished


def test_all_targets_of_a_by_count_together() -> None:
    play = Play("START -> a; a -> b, c by next max 2; a -> END else; b, c -> a")
    assert play.finish("a", next="b") == ["b#1"]
    play.finish("b")
    assert play.finish("a", next="c") == ["c#1"]
    play.finish("c")
    assert play.finish("a", next="b") == []
    assert play.frontier.finished


def test_a_choice_that_was_not_taken_is_not_counted() -> None:
    play = Play("START -> a; a -> a if n == 1 max 1; a -> a if n < 5; a -> END else", inputs={"n": 0})
    play.finish("a", n=0)
    play.finish("a", n=1)
    assert play.taken == ["a->a n 1 == 1, 1 of 1"]


def test_max_on_a_by_counts_for_the_loop_that_holds_all_its_targets() -> None:
    made = Graph("g")
    for name in ("outline", "draft", "review"):
        made.add(Node(name, "function", None))  # type: ignore[arg-type]
    made.add_edges("START -> outline -> draft -> review; review -> draft, outline by nxt max 3; review -> END else")
    moved, visits = scheduler.begin(compile(made, made.outlined()), {"nxt": "outline"}), 0
    while moved.started:
        visits += moved.started[0].node == "outline"
        moved = scheduler.advance(moved.frontier, moved.started[0], ())
    assert visits == 4


def test_a_reducer_given_later_folds_what_was_written_before_all_branches() -> None:
    made = Graph("g")
    for name in ("a", "b", "c"):
        made.add(Node(name, "function", None))  # type: ignore[arg-type]
    made.add_edges("START -> a -> b, c -> END")
    moved = scheduler.begin(compile(made, made.outlined()), {})
    moved = scheduler.advance(moved.frontier, moved.started[0], (("x", 1),))
    b, c = moved.started
    moved = scheduler.advance(moved.frontier, b, (("x", 2),))
    with pytest.raises(WriteConflict):
        scheduler.advance(moved.frontier, c, (("x", 3),))
    made.schema = made.schema._replace(reducers={"x": append})
    frontier = scheduler.adopt(moved.frontier, compile(made, made.outlined()))
    moved = scheduler.advance(frontier, frontier.active[c.id], (("x", 3),))
    assert scheduler.state(moved.frontier) == {"x": [1, 2, 3]}
