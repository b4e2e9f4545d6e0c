"""What the page of a run is told when it is forked there, and compared with others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nbgraph import MemoryStore
from nbgraph.core.events import Status
from nbgraph.core.run import Run
from nbgraph.core.stored import live
from nbgraph.errors import InputError, NoSuchRun, RunError
from nbgraph.library import Graph
from nbgraph.notebook.forking import Forking
from nbgraph.watching import Watch
from tests.core.running import quiet_engine, settled, until  # noqa: F401
from tests.notebook.places import Place


class State:
    score: int
    text: str


def essay(name: str = "essay") -> Graph:
    made = Graph(name)

    @made.node
    def draft(topic: str, rounds: int = 0) -> dict[str, Any]:
        return {"text": f"All about {topic}.", "rounds": rounds + 1, "api_key": "s3cr3t"}

    @made.node
    def review(text: str, rounds: int) -> dict[str, Any]:
        return {"score": 4 * rounds}

    made.state(State)
    made.edges("START -> draft -> review; review -> draft if score < 8 max 3; review -> END else")
    return made


class Page:
    """What a page asks about a run, and is told."""

    def __init__(self, run: Run | Watch, over: bool = False) -> None:
        lookback = run.lookback
        self.place = Place()
        self.forking = Forking(lambda: None if over else run, lambda: lookback, self.place)

    def ask(self, what: str, **given: Any) -> Any:
        told = self.forking.answers[what](given)
        assert not {"kind", "number", "what"} & set(told)  # these say which question it answers
        assert "s3cr3t" not in json.dumps(told)
        return json.loads(json.dumps(told))


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def run(store: MemoryStore) -> Run:
    return settled(essay().run(topic="bees", id="r", store=store), Status.DONE)


def forks(store: MemoryStore) -> list[Any]:
    return store.runs(parent="r")


# The form


def test_a_form_shows_the_state_after_the_step_and_what_runs_next(run: Run) -> None:
    form = Page(run).ask("form", step=1)["form"]
    assert (form["title"], form["next"]) == ("Fork after step 1", "runs next: review#1")
    assert {field["key"]: field["value"] for field in form["fields"] if not field["locked"]} == {
        "topic": "bees", "text": "All about bees.", "rounds": "1",
    }  # fmt: skip


def test_what_changes_is_shown_before_it_is_sent_and_nothing_is_forked_by_that(run: Run, store: MemoryStore) -> None:
    told = Page(run).ask("changes", step=1, entered={"text": "All about wasps.", "rounds": "1"})
    assert told["wrong"] == {}
    assert [(row["key"], row["sign"]) for row in told["page"]["rows"]] == [("text", "changed")]
    assert forks(store) == []


def test_wrong_values_are_told_by_key_and_fork_nothing(run: Run, store: MemoryStore) -> None:
    page, entered = Page(run), {"score": "1.5", "rounds": "many", "topic": "ants"}
    wrong = page.ask("changes", step=2, entered=entered)["wrong"]
    assert list(wrong) == ["rounds", "score"]
    assert wrong["rounds"] == "rounds is a whole number, not 'many'."
    assert wrong["score"].startswith("score = 1.5 (float), but score is ")
    assert page.ask("fork", step=2, entered=entered) == {"wrong": wrong}
    assert forks(store) == []


@pytest.mark.parametrize("over", [False, True])
def test_a_fork_goes_on_with_what_was_entered_also_when_the_run_is_over_and_let_go(
    run: Run, store: MemoryStore, over: bool
) -> None:
    told = Page(run, over).ask("fork", step=1, entered={"rounds": "2"})
    until(lambda: store.run(told["run"]).status is Status.DONE)
    (fork,) = forks(store)
    assert (fork.id, fork.parent_step, fork.relation, fork.steps) == (told["run"], 1, "fork", 3)
    history = store.history(fork.id)
    assert [step.task for step in history.steps] == ["draft#1", "run.edit#1", "review#1"]
    assert history.steps[1].update == {"rounds": 2}
    assert run.state["rounds"] == 2


def test_a_fork_before_the_first_step_begins_with_other_inputs(run: Run, store: MemoryStore) -> None:
    told = Page(run).ask("fork", step=0, entered={"topic": "ants"})
    until(lambda: store.run(told["run"]).status is Status.DONE)
    changed, first = store.history(told["run"]).steps[:2]
    assert (changed.update, first.update["text"]) == ({"topic": "ants"}, "All about ants.")


@pytest.mark.parametrize("step", [-1, 99, None, "1"])
def test_a_step_that_is_none_is_refused(run: Run, step: Any) -> None:
    for what in ("form", "changes", "fork"):
        with pytest.raises(RunError, match="is none of them"):
            Page(run).ask(what, step=step)


def test_a_run_that_is_only_looked_on_is_forked_from_the_store(run: Run, store: MemoryStore) -> None:
    page = Page(essay().watch("r", store=store))
    told = page.ask("fork", step=1, entered={})
    until(lambda: store.run(told["run"]).status is Status.DONE)


def test_without_its_graph_a_run_that_was_opened_cannot_be_forked(run: Run, store: MemoryStore) -> None:
    page = Page(Graph("essay").watch("r", store=store))
    with pytest.raises(RunError, match=r"this notebook declared no essay when r was opened; run the cells"):
        page.ask("fork", step=1, entered={})


# Other runs


def test_the_runs_to_compare_with_are_the_family_and_the_latest_of_the_graph(run: Run, store: MemoryStore) -> None:
    fork = settled(run.fork(1), Status.DONE)
    other = settled(essay().run(topic="ants", id="s", store=store), Status.DONE)
    settled(essay("letter").run(topic="ants", id="t", store=store), Status.DONE)
    told = Page(run).ask("others")["runs"]
    assert [each["id"] for each in told] == [fork.id, other.id]
    assert told[0]["label"].startswith("done, ")


def test_two_runs_are_compared_from_their_first_difference(run: Run) -> None:
    fork = settled(run.fork(2, score=9), Status.DONE)
    page = Page(run).ask("compare", other=fork.id)["page"]
    assert page["said"] == "first difference at step 3"
    assert [row["mark"] for row in page["rows"]][:3] == ["", "", "first"]
    assert page["facts"][0] == ["steps", "4", "5"]
    assert Page(run).ask("compare", other=fork.id, offset=1)["page"]["turns"] == [["1 before", 0]]


def test_a_run_of_another_graph_or_none_is_neither_compared_with_nor_opened(run: Run, store: MemoryStore) -> None:
    settled(essay("letter").run(topic="ants", id="t", store=store), Status.DONE)
    for what, given in (("compare", "other"), ("open", "run")):
        with pytest.raises(RunError, match="t is a run of letter, not of essay"):
            Page(run).ask(what, **{given: "t"})
        with pytest.raises(NoSuchRun):
            Page(run).ask(what, **{given: "nobody"})


def test_a_run_that_lives_is_opened_itself_and_another_one_as_it_is_stored(run: Run, store: MemoryStore) -> None:
    fork, page = settled(run.fork(1), Status.DONE), Page(run)
    page.ask("open", run=fork.id)
    assert page.place.shown == [fork]
    live.pop(fork.id)
    page.ask("open", run=fork.id)
    assert isinstance(page.place.shown[1], Watch)
    assert page.place.shown[1].id == fork.id


# In plain Python


def test_a_graph_forks_a_stored_run_by_its_nodes_as_they_are_now(run: Run, store: MemoryStore) -> None:
    again = essay()
    again.node(lambda text, rounds: {"score": 100 * rounds}, name="review")
    fork = settled(again.fork("r", 1, {"rounds": 3}, text="x", id="s", store=store), Status.DONE)
    assert (fork.id, fork.state["score"], fork.state["text"]) == ("s", 300, "x")
    with pytest.raises(InputError):
        again.fork("r", 1, score="high", store=store)
    with pytest.raises(RunError, match="r is a run of essay, not of letter"):
        essay("letter").fork("r", 1, store=store)
