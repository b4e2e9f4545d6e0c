"""Two runs side by side, as the page is told of them."""

from __future__ import annotations

import json
from typing import Any

from nbgraph.core.events import Taken
from nbgraph.core.lookback import Outcome
from nbgraph.core.records import Step
from nbgraph.core.usage import NOTHING, Used
from nbgraph.view.comparing import ROWS, aligned, compared


def step(number: int, task: str, to: str = "END", **writes: Any) -> Step:
    node, _, visit = task.partition("#")
    taken = (Taken(0, node, to, ""),)
    return Step(number, task, node, int(visit), (), tuple(writes.items()), taken, (), number + 0.5, began=float(number))


def outcome(*steps: Step, used: Used = NOTHING, **state: Any) -> Outcome:
    return Outcome(steps, state, used)


def page(one: Outcome, other: Outcome, offset: int | None = None) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(json.dumps(compared(one, other, one.diff(other), offset)))
    return told


LOOPED = outcome(step(1, "a#1", "b", x=1), step(2, "b#1", "a", y=1), step(3, "a#2", "b", x=2), step(4, "b#2", y=9), x=2)
STRAIGHT = outcome(step(1, "a#1", "b", x=1), step(2, "b#1", y=1), x=1, z=None)


def test_the_first_difference_is_marked_and_others_after_it_are_told_apart() -> None:
    told = page(LOOPED, STRAIGHT)
    assert told["said"] == "first difference at step 2"
    assert [row["mark"] for row in told["rows"]] == ["", "first", "unlike", "unlike"]
    assert told["rows"][1]["cells"] == [["2", "b#1", "→ a", "y=1"], ["2", "b#1", "→ END", "y=1"]]
    assert told["rows"][2]["cells"] == [["3", "a#2", "→ b", "x=2"], None]


def test_two_that_did_the_same_have_no_difference() -> None:
    told = page(LOOPED, LOOPED)
    assert (told["said"], [row["mark"] for row in told["rows"]]) == ("the same steps", [""] * 4)
    assert told["keys"] == {"rows": [], "left": 0, "unchanged": 1}
    assert told["facts"] == [["steps", "4", "4"], ["time in nodes", "2.00 s", "2.00 s"]]


def test_a_step_that_one_has_more_moves_what_follows_it() -> None:
    one = [step(1, "a#1"), step(2, "b#1"), step(3, "c#1")]
    other = [step(1, "a#1"), step(2, "run.edit#1"), step(3, "b#1"), step(4, "c#1")]
    pairs = [tuple(each and each.task for each in pair) for pair in aligned(one, other, 1)]
    assert pairs == [("a#1", "a#1"), (None, "run.edit#1"), ("b#1", "b#1"), ("c#1", "c#1")]


def test_keys_that_differ_are_told_with_both_values_and_texts_by_their_words() -> None:
    one = outcome(text="All about bees.", api_key="s3cr3t", n=[1], same=1, token="a1")
    other = outcome(text="All about wasps.", api_key="s3cr3t2", n=[1, 2], same=1, late=True)
    told = page(one, other)["keys"]
    rows = {row["key"]: row for row in told["rows"]}
    assert rows["text"]["diff"]["rows"][0]["spans"][1:3] == [["-", "bees"], ["+", "wasps"]]
    assert (rows["n"]["before"]["short"], rows["n"]["after"]["short"]) == ("[1]", "[1, 2]")
    assert (rows["late"]["before"]["short"], rows["late"]["after"]["short"]) == ("not set", "True")
    assert rows["api_key"]["before"]["short"] == rows["api_key"]["after"]["short"] == "•••"
    assert (rows["token"]["before"]["short"], told["left"], told["unchanged"]) == ("•••", 0, 1)
    assert "s3cr3t" not in json.dumps(told)


def test_visits_time_and_cost_are_told_of_both() -> None:
    used = Used(calls=1, input=10, output=2, cost=0.5)
    facts = page(LOOPED._replace(used=used), STRAIGHT)["facts"]
    assert facts[1] == ["time in nodes", "2.00 s", "1.00 s"]
    assert facts[2] == ["models", str(used), "none"]
    assert facts[3:] == [["visits of a", "2", "1"], ["visits of b", "2", "1"]]


def test_a_page_begins_a_little_before_the_first_difference_and_leads_to_the_others() -> None:
    one = outcome(*(step(number, f"a#{number}", n=number) for number in range(1, 301)))
    other = outcome(*(step(number, f"a#{number}", n=number if number < 200 else -1) for number in range(1, 301)))
    told = page(one, other)
    assert told["said"] == "first difference at step 200"
    assert (len(told["rows"]), told["rows"][3]["mark"], told["rows"][3]["cells"][0][0]) == (ROWS, "first", "200")
    assert told["turns"] == [["196 before", 136], ["44 after", 256]]
    assert page(one, other, 256)["turns"] == [["256 before", 196]]
    assert page(one, other, 10_000)["rows"][-1]["cells"][0][0] == "300"
    assert page(one, other, -5)["rows"][0]["cells"][0][0] == "1"
