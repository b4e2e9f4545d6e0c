"""What the page of a run is told of visits, values, keys and edges."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nbgraph.core.events import Printed, Status
from nbgraph.core.run import Run
from nbgraph.errors import RunError
from nbgraph.library import Graph
from nbgraph.notebook.inspecting import Inspecting
from nbgraph.testing import calls
from nbgraph.view.values import MASK
from tests.core.running import quiet_engine  # noqa: F401
from tests.nodes.talking import ended, one, scripted

TEXT = "Bees are small.\nThey fly."


def essay() -> Graph:
    made = Graph("essay")

    @made.node
    def draft(topic: str, feedback: str = "", rounds: int = 0) -> dict[str, Any]:
        text = TEXT if not rounds else TEXT.replace("small", "very small")
        notes = {"api_key": "s3cr3t", "all": list(range(200))}
        return {
            "text": text,
            "rounds": rounds + 1,
            "notes": notes,
            "log": [*range(rounds + 1)],
            "token": f"s3cr3t{rounds}",
        }

    @made.node
    def review(text: str, rounds: int) -> dict[str, Any]:
        return {"score": 4 * rounds, "feedback": "more"}

    @made.node
    def publish(text: str) -> None:
        raise ValueError("no paper")

    made.edges("START -> draft -> review; review -> draft if score < 7 max 3; review -> publish else; publish -> END")
    return made


@pytest.fixture
def run() -> Run:
    run = essay().run(topic="bees", id="r").wait(60)
    assert run.status is Status.FAILED
    return run


def asking(run: Run) -> Any:
    inspecting = Inspecting(lambda: run.lookback, lambda: run.outline)
    inspecting.hear(Printed("draft", 2, 0.0, "drafting\n"))

    def ask(what: str, **given: Any) -> Any:
        told = inspecting.answers[what](given)
        assert not {"kind", "number", "what"} & set(told)  # these say which question it answers
        (answer,) = json.loads(json.dumps(told)).values()
        assert "s3cr3t" not in json.dumps(answer)
        return answer

    return ask


# Visits


def test_the_last_visit_is_told_with_how_much_each_tab_holds(run: Run) -> None:
    visit = asking(run)("visit", node="draft")
    assert (visit["task"], visit["number"], visit["of"], visit["step"]) == ("draft#2", 2, 2, 3)
    assert visit["counts"] == {"diff": 5, "input": 3, "update": 5, "log": 1, "model": 0}
    assert (visit["log"], visit["error"]) == ("drafting\n", None)


@pytest.mark.parametrize(
    ("given", "task"),
    [({"which": 1}, "draft#1"), ({"step": 0}, "draft#1"), ({"step": 1}, "draft#1"), ({"step": 2}, "draft#2"),
     ({"step": 3}, "draft#2"), ({"step": 4}, "draft#2"), ({"step": 4, "which": 1}, "draft#1"),
     ({"which": 9}, "draft#2")],
)  # fmt: skip
def test_a_step_or_a_number_says_which_visit_is_meant(run: Run, given: dict[str, int], task: str) -> None:
    assert asking(run)("visit", node="draft", **given)["task"] == task


def test_a_node_that_had_not_begun_has_its_edges_and_no_visit(run: Run) -> None:
    visit = asking(run)("visit", node="publish", step=2)
    assert "task" not in visit
    assert [(edge["out"], edge["node"], edge["label"]) for edge in visit["edges"]] == [
        (False, "review", "else"), (True, "END", ""),
    ]  # fmt: skip


def test_a_visit_that_failed_tells_its_error_and_its_cell(run: Run) -> None:
    error = asking(run)("visit", node="publish")["error"]
    assert (error["type"], error["message"], error["handled"]) == ("ValueError", "no paper", False)
    assert "line" in error["where"]


def test_attempts_that_failed_are_told_one_by_one() -> None:
    made, tries = Graph("g"), []

    def fetch() -> dict[str, int]:
        tries.append(1)
        if len(tries) < 3:
            raise TimeoutError("no answer")
        return {"x": 1}

    made.node(fetch, retry=3, backoff=0)
    made.edges("START -> fetch -> END")
    error = asking(made.run().wait(60))("visit", node="fetch")["error"]
    assert error["message"] == ""
    assert [(each["number"], each["error"]) for each in error["attempts"]] == [
        (number, "TimeoutError: no answer") for number in (1, 2)
    ]


# Tabs


def test_the_diff_tells_what_was_added_changed_and_left(run: Run) -> None:
    ask = asking(run)
    first, second = (ask("tab", task=f"draft#{number}", tab="diff") for number in (1, 2))
    assert [(row["sign"], row["key"]) for row in first["rows"]] == [
        ("added", key) for key in ("text", "rounds", "notes", "log", "token")
    ]
    rows = {row["key"]: row for row in second["rows"]}
    assert set(rows) == {"text", "rounds", "log", "token"}
    assert second["unchanged"] == 4  # topic, notes, score, feedback
    spans = rows["text"]["diff"]["rows"][0]["spans"]
    assert spans == [["=", "Bees are "], ["+", "very "], ["=", "small."]]
    assert (rows["log"]["more"], rows["log"]["from"]) == (1, 1)
    assert (rows["token"]["before"]["short"], "diff" in rows["token"]) == (MASK, False)
    assert (rows["rounds"]["before"]["short"], rows["rounds"]["after"]["short"]) == ("1", "2")


def test_more_of_a_diff_is_told_by_key(run: Run) -> None:
    ask = asking(run)
    assert ask("tab", task="draft#2", tab="diff", key="text", offset=1)["rows"][0]["sign"] == "="
    for key in ("token", "rounds", "nothing"):
        assert ask("tab", task="draft#2", tab="diff", key=key)["rows"] == []


def test_a_visit_that_has_not_finished_has_no_diff(run: Run) -> None:
    ask = asking(run)
    assert ask("tab", task="publish#1", tab="diff") == {"rows": [], "left": 0, "unchanged": 0}
    assert [line["label"] for line in ask("tab", task="publish#1", tab="input")["parts"]] == ["text"]
    assert ask("tab", task="publish#1", tab="update")["parts"] == []


def test_the_tabs_of_input_and_update_list_keys(run: Run) -> None:
    ask = asking(run)
    assert [line["label"] for line in ask("tab", task="draft#2", tab="input")["parts"]] == [
        "topic",
        "feedback",
        "rounds",
    ]
    assert [line["short"] for line in ask("tab", task="review#2", tab="update")["parts"]] == ["8", "'more'"]


def test_a_tab_that_is_not_there_is_refused(run: Run) -> None:
    with pytest.raises(RunError, match="there is no tab 'secrets'"):
        asking(run)("tab", task="draft#1", tab="secrets")
    with pytest.raises(RunError, match="r has no task 'nobody#1'"):
        asking(run)("tab", task="nobody#1", tab="diff")


def test_calls_of_models_and_tools_are_told_in_order_with_what_they_took() -> None:
    def search(query: str) -> str:
        """Search."""
        return f"{query}: 3 results"

    with scripted([calls("search", query="bees"), "Bees dance."]):
        run = ended(one("ops", "You help.\n\nTell me about bees.", tools=[search]).run())
    assert run.status is Status.DONE, run.reason
    ask = asking(run)
    assert ask("visit", node="ops")["counts"]["model"] == 3
    page = ask("tab", task="ops#1", tab="model")
    assert [call["kind"] for call in page["calls"]] == ["model", "tool", "model"]
    first, tool, last = page["calls"]
    assert first["messages"][0]["text"]["text"]
    assert first["messages"][-1]["calls"][0].replace(" ", "") == 'search({"query":"bees"})'
    assert (tool["tool"], tool["arguments"]) == ("search", [{"name": "query", "value": "'bees'"}])
    assert tool["text"]["text"] == "bees: 3 results"
    assert last["messages"][-1]["text"]["text"] == "Bees dance."
    assert page["tools"] == ["search"]
    assert "tokens" in ask("visit", node="ops")["used"]
    again = ask("value", task="ops#1", part="done", path=last["messages"][-1]["path"])
    assert again["text"] == "Bees dance."
    assert ask("value", task="ops#1", part="done", path=tool["path"])["text"] == "bees: 3 results"


# Values


def test_a_value_is_opened_page_by_page_along_its_path(run: Run) -> None:
    ask = asking(run)
    update = {"task": "draft#1", "part": "update"}
    assert [line["label"] for line in ask("value", **update, path=[2])["parts"]] == ["api_key", "all"]
    page = ask("value", **update, path=[2, 1], offset=150)
    assert [page["parts"][0]["short"], page["shown"], page["length"]] == ["150", 200, 200]
    assert ask("value", **update, path=[0])["text"] == TEXT


def test_what_is_secret_is_not_told_however_it_is_asked_for(run: Run) -> None:
    ask = asking(run)
    for path in ([4], [2, 0], [4, 0]):
        assert ask("value", task="draft#1", part="update", path=path) == {"kind": "none", "note": MASK}


def test_the_state_after_a_step_is_a_value_too(run: Run) -> None:
    ask = asking(run)
    assert [line["label"] for line in ask("value", step=0)["parts"]] == ["topic"]
    page = ask("value", step=2)
    assert {line["label"]: line["short"] for line in page["parts"]}["score"] == "4"
    place = next(line["at"] for line in page["parts"] if line["label"] == "notes")
    assert ask("value", step=2, path=[place, 1])["length"] == 200


@pytest.mark.parametrize(
    "given",
    [{"part": "approvals"}, {"part": "__class__"}, {"part": "update", "path": [99]}, {"part": "update", "path": [1, 0]},
     {"part": "update", "path": ["text"]}, {"part": "update", "path": [-1]}, {"part": "update", "path": "01"},
     {"part": "update", "path": [0], "offset": -1}, {"part": "update", "path": [True]}],
)  # fmt: skip
def test_what_is_not_there_is_refused_with_a_sentence(run: Run, given: dict[str, Any]) -> None:
    with pytest.raises(RunError):
        asking(run)("value", task="draft#1", **given)


# Why


def test_an_edge_tells_the_reasons_and_the_values_they_saw(run: Run) -> None:
    ask = asking(run)
    index = next(n for n, edge in enumerate(run.outline.edges) if (edge.source, edge.target) == ("review", "draft"))
    edge = ask("edge", index=index)
    assert (edge["taken"], edge["last"]) == (1, [{"step": 2, "task": "review#1", "reason": "score 4 < 7, 1 of 3"}])
    assert edge["why"] == "was not taken: score 8 < 7 does not hold"
    assert ask("edge", index=index, step=1)["why"] == "waits for review, which has not finished"


def test_a_reason_that_speaks_of_a_secret_is_told_as_it_is_written() -> None:
    made = Graph("g")
    made.node(lambda: {"password": "s3cr3t"}, name="ask")
    made.node(lambda: None, name="open")
    made.edges("START -> ask -> open if password == 's3cr3t'; ask -> END else; open -> END")
    run = made.run().wait(60)
    inspecting = Inspecting(lambda: run.lookback, lambda: run.outline)
    told = inspecting.answers["edge"]({"index": 1})["edge"]
    assert told["last"][0]["reason"] == told["label"] == "if password == 's3cr3t'"  # which the notebook itself says


def test_a_key_tells_who_wrote_and_who_reads_it(run: Run) -> None:
    uses = asking(run)("uses", key="text")
    assert (uses["written"], uses["readers"]) == (2, ["review", "publish"])
    assert [each["task"] for each in uses["last"]] == ["draft#1", "draft#2"]
    assert asking(run)("uses", key="topic")["last"] == []


def test_of_a_run_that_is_over_it_is_told_why_no_edge_led_to_a_node() -> None:
    made = Graph("g")
    made.node(lambda: {"score": 3}, name="rate")
    made.node(lambda: None, name="publish")
    made.edges("START -> rate -> publish if score > 5; rate -> END else; publish -> END")
    run = made.run().wait(60)
    inspecting = Inspecting(lambda: run.lookback, lambda: run.outline)
    assert inspecting.why_not("publish") == "rate → publish was not taken: score 3 > 5 does not hold."
    assert inspecting.why_not("rate") == ""
