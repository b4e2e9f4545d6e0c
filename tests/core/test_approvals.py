"""Questions and answers: what fits, who wins, and answers given before they are asked for."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from nbgraph.core.approvals import Answers, Approval, checked_answer, digest, given_answers
from nbgraph.core.events import ApprovalAnswered, ApprovalAsked, Event, Status, StatusChanged
from nbgraph.core.run import Run
from nbgraph.errors import AlreadyAnswered, ApprovalError, InputError, Waiting
from nbgraph.library import Graph

SOON = 60.0


def settled(run: Run, status: Status) -> Run:
    run.wait(SOON)
    assert run.status is status, f"{run.status}: {run.reason}"
    return run


def question(**changes: Any) -> Approval:
    editable = changes.pop("editable", {})
    seal = digest("Go?", ("approve", "reject"), {})
    return Approval("r/gate#1", "r", "gate", 1, "Go?", {}, ("approve", "reject"), editable, 0.0, seal)


def asking(**options: Any) -> Graph:
    made = Graph("g")
    made.human("gate", "Publish {{ text }}?", **options)
    made.edges("START -> gate -> END")
    return made


# -- whether an answer fits --------------------------------------------------------------------------------------------


def answered(approval: Approval, option: Any = "approve", **edit: Any) -> Any:
    return checked_answer(approval, option, "", edit, "me", 1.0)


def test_an_answer_holds_option_note_edits_who_and_when() -> None:
    answer = checked_answer(question(editable={"text": "a"}), "approve", "fine", {"text": "b"}, "me", 7.0)
    assert (answer.option, answer.note, answer.edit, answer.by, answer.at) == (
        "approve",
        "fine",
        {"text": "b"},
        "me",
        7,
    )


def test_a_note_that_is_no_text_is_refused() -> None:
    with pytest.raises(ApprovalError, match="a note is a text, not 5"):
        checked_answer(question(), "approve", 5, {}, "me", 7.0)  # type: ignore[arg-type]


def test_an_unknown_option_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ApprovalError, match=r"no option 'aprove'; did you mean 'approve'\? .*approve, reject"):
        answered(question(), "aprove")


@pytest.mark.parametrize("option", [True, None, 1, ["approve"]])
def test_an_option_that_is_no_text_is_refused(option: Any) -> None:
    with pytest.raises(ApprovalError, match="no option"):
        answered(question(), option)


def test_a_key_that_cannot_be_edited_is_refused() -> None:
    with pytest.raises(ApprovalError, match=r"gate does not let 'topic' be edited. Keys that can be: text"):
        answered(question(editable={"text": "a"}), topic="x")


def test_reject_ignores_edits() -> None:
    assert answered(question(editable={"text": "a"}), "reject", text="b").edit == {}


@pytest.mark.parametrize(("before", "edit"), [("a", "b"), (1, 2), (1.5, 2), ([1], []), (None, "x"), ({}, {"a": 1})])
def test_an_edit_of_the_same_type_is_taken(before: Any, edit: Any) -> None:
    assert answered(question(editable={"v": before}), v=edit).edit == {"v": edit}


@pytest.mark.parametrize(
    ("before", "edit"), [("a", 1), (1, "1"), (1, 1.5), ([1], "x"), (1, True), (1.5, True), (True, 1)]
)
def test_an_edit_of_another_type_is_refused(before: Any, edit: Any) -> None:
    with pytest.raises(ApprovalError, match=f"give a {type(before).__name__}"):
        answered(question(editable={"v": before}), v=edit)


def test_a_digest_tells_questions_options_and_shown_values_apart() -> None:
    seen = {digest("q", ("a",), {"k": 1}), digest("p", ("a",), {"k": 1}), digest("q", ("b",), {"k": 1})}
    assert len(seen | {digest("q", ("a",), {"k": "1"}), digest("q", ("a",), {"l": 1})}) == 5
    assert digest("q", ("a",), {"k": 1, "l": 2}) == digest("q", ("a",), {"l": 2, "k": 1})
    assert len(digest("\udc80", (), {})) == 16


# -- answering a run ---------------------------------------------------------------------------------------------------


def test_an_answer_lets_the_run_go_on_with_option_note_and_edits() -> None:
    run = settled(asking(edit=["text"]).run(text="a"), Status.WAITING)
    run.answer("gate", "approve", "well done", {"text": "b"})
    assert settled(run, Status.DONE).state == {"text": "b", "gate": "approve", "gate_note": "well done"}


def test_reject_keeps_what_was_there() -> None:
    run = settled(asking(edit=["text"]).run(text="a"), Status.WAITING)
    run.answer("gate", "reject", edit={"text": "b"})
    assert settled(run, Status.DONE).state == {"text": "a", "gate": "reject", "gate_note": ""}


def test_an_answer_is_at_once_seen_in_the_status() -> None:
    run = settled(asking().run(text="a"), Status.WAITING)
    run.answer("gate", "approve")
    assert run.status in (Status.RUNNING, Status.DONE)


def test_the_approval_records_exactly_what_was_shown_and_the_answer() -> None:
    run = settled(asking(show=["topic"], edit=["text"]).run(text="a", topic="t", id="r"), Status.WAITING)
    (approval,) = run.approvals
    assert (approval.id, approval.node, approval.visit, approval.answer) == ("r/gate#1", "gate", 1, None)
    assert approval.shown == {"text": "a", "topic": "t"}
    assert approval.editable == {"text": "a"}
    assert approval.digest == digest("Publish {{ text }}?", ("approve", "reject"), approval.shown)
    run.answer("gate", "approve", by="a test")
    (approval,) = run.approvals
    assert approval.answer is not None
    assert approval.answer.by == "a test"


def test_a_bad_answer_leaves_the_question_open() -> None:
    run = settled(asking(edit=["text"]).run(text="a"), Status.WAITING)
    for option, edit in (("aprove", {}), ("approve", {"text": 5}), ("approve", {"other": 1})):
        with pytest.raises(ApprovalError):
            run.answer("gate", option, edit=edit)
    assert run.status is Status.WAITING
    run.answer("gate", "approve")
    settled(run, Status.DONE)


def test_a_second_answer_is_told_who_answered_and_when() -> None:
    run = settled(asking().run(text="a"), Status.WAITING)
    run.answer("gate", "approve", by="a client of this kernel")
    for name in ("gate", run.approvals[0].id):
        with pytest.raises(
            AlreadyAnswered, match=r"gate was already answered: 'approve' by a client of this kernel at \d"
        ):
            run.answer(name, "reject")
    assert settled(run, Status.DONE).state["gate"] == "approve"


def test_of_twenty_threads_that_answer_exactly_one_wins() -> None:
    run = settled(asking().run(text="a"), Status.WAITING)
    barrier, wins, losses = threading.Barrier(20), list[str](), list[AlreadyAnswered]()

    def answer(number: int) -> None:
        barrier.wait(SOON)
        try:
            run.answer("gate", "approve", f"{number}")
            wins.append(f"{number}")
        except AlreadyAnswered as error:
            losses.append(error)

    threads = [threading.Thread(target=answer, args=[number]) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert (len(wins), len(losses)) == (1, 19)
    assert settled(run, Status.DONE).state["gate_note"] == wins[0]


def test_an_answer_where_no_question_is_open_says_so() -> None:
    run = settled(asking().run(text="a"), Status.WAITING)
    with pytest.raises(ApprovalError, match=r"no question is open at 'gaet'; did you mean 'gate'\?"):
        run.answer("gaet", "approve")


def test_two_questions_at_once_are_answered_each_by_its_name() -> None:
    made = Graph("g")
    made.human("left", "Left?")
    made.human("right", "Right?")
    made.edges("START -> left, right; left, right -> END")
    run = settled(made.run(), Status.WAITING)
    with pytest.raises(Waiting, match="left, right"):
        run.result()
    run.answer("right", "reject")
    settled(run, Status.WAITING)
    run.answer("left", "approve")
    state = settled(run, Status.DONE).state
    assert (state["left"], state["right"]) == ("approve", "reject")


def test_questions_of_a_map_are_answered_by_id() -> None:
    made = Graph("g")
    made.human("ask", "Is {{ item }} good?")
    made.edges("START -> ask each items as item; ask -> END")
    run = settled(made.run(items=["a", "b"], id="r"), Status.WAITING)
    with pytest.raises(ApprovalError, match=r"ask asks 2 questions; answer one by its id, such as r/ask#1\[\d\]"):
        run.answer("ask", "approve")
    run.answer("r/ask#1[1]", "reject")
    run.answer("r/ask#1[0]", "approve")
    assert settled(run, Status.DONE).state["ask"] == ["approve", "reject"]


def test_a_question_in_a_loop_is_asked_anew_each_round() -> None:
    made = Graph("g")
    made.human("gate", "Go?")
    made.edges("START -> gate; gate -> gate if gate == 'reject'; gate -> END else")
    run = settled(made.run(), Status.WAITING)
    run.answer("gate", "reject")
    settled(run, Status.WAITING)
    run.answer("gate", "approve")
    settled(run, Status.DONE)
    assert [approval.visit for approval in run.approvals] == [1, 2]


def test_other_branches_go_on_while_a_person_is_awaited() -> None:
    made = asking()
    made.node(lambda: {"x": 1}, name="free")
    made.edges("START -> free -> END")
    run = settled(made.run(text="a"), Status.WAITING)
    assert run.state["x"] == 1


def test_an_answer_while_the_run_has_failed_is_recorded_and_counts_after_resume() -> None:
    made = asking()
    made.node(lambda: 1 / 0, name="breaks")
    made.edges("START -> breaks -> END")
    run = settled(made.run(text="a"), Status.FAILED)
    run.answer("gate", "approve")
    made.node(lambda: None, name="breaks")
    run.resume()
    assert settled(run, Status.DONE).state["gate"] == "approve"
    assert len(run.approvals) == 1


def test_a_question_of_a_cancelled_run_is_not_answered_any_more() -> None:
    run = settled(asking().run(text="a"), Status.WAITING)
    run.cancel()
    flushed = threading.Event()
    run.loop.call_soon_threadsafe(run.loop.call_soon, flushed.set)
    assert flushed.wait(SOON)
    with pytest.raises(ApprovalError, match="cancelled"):
        run.answer("gate", "approve")
    assert run.approvals[0].answer is None


def test_answer_against_cancel_has_one_outcome() -> None:
    for _ in range(30):
        run = settled(asking().run(text="a"), Status.WAITING)
        barrier = threading.Barrier(2)
        thread = threading.Thread(target=lambda run=run, barrier=barrier: (barrier.wait(SOON), run.cancel()))
        thread.start()
        barrier.wait(SOON)
        try:
            run.answer("gate", "approve")
        except ApprovalError:
            assert run.status is Status.CANCELLED
        thread.join(SOON)
        run.wait(SOON)
        assert run.status in (Status.DONE, Status.CANCELLED)
        assert len(run.steps) == (run.status is Status.DONE) or run.approvals[0].answer is not None


def test_asking_and_answering_are_told() -> None:
    run = settled(asking().run(text="a"), Status.WAITING)
    seen: list[Event] = []
    done = threading.Event()
    run.subscribe(lambda event: (seen.append(event), done.set() if getattr(event, "status", "") == "done" else None))
    run.answer("gate", "approve")
    assert done.wait(SOON)
    (asked,) = [event for event in seen if isinstance(event, ApprovalAsked)]
    (told,) = [event for event in seen if isinstance(event, ApprovalAnswered)]
    assert asked.approval.answer is None
    assert told.approval.answer is not None


def test_a_watcher_that_sees_a_question_can_answer_it_at_once() -> None:
    waiting = threading.Event()
    made = Graph("g")
    made.node(lambda: {"heard": waiting.wait(SOON)}, name="first")
    made.human("gate", "Go?")
    made.edges("START -> first -> gate -> END")
    run = made.run()
    run.subscribe(lambda event: run.answer("gate", "approve") if isinstance(event, ApprovalAsked) else None)
    waiting.set()
    assert settled(run, Status.DONE).state["gate"] == "approve"


# -- answers given beforehand ------------------------------------------------------------------------------------------


def test_answers_given_to_the_run_are_used_in_order() -> None:
    made = Graph("g")
    made.human("gate", "Go?")
    made.edges("START -> gate; gate -> gate if gate == 'reject'; gate -> END else")
    run = settled(made.run(answers={"gate": ["reject", {"answer": "approve", "note": "ok"}]}), Status.DONE)
    assert run.state["gate_note"] == "ok"
    assert [approval.answer and approval.answer.by for approval in run.approvals] == ["answers given to the run"] * 2


def test_answers_of_the_file_that_the_environment_names_are_used_and_recorded_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "answers.json"
    path.write_text(json.dumps({"gate": [{"answer": "approve", "edit": {"text": "b"}}]}))
    monkeypatch.setenv("NBGRAPH_ANSWERS", str(path))
    run = settled(asking(edit=["text"]).run(text="a"), Status.DONE)
    assert run.state["text"] == "b"
    assert run.approvals[0].answer is not None
    assert run.approvals[0].answer.by == "environment"


@pytest.mark.parametrize("kind", [str, Path])
def test_answers_can_be_a_path(tmp_path: Path, kind: Any) -> None:
    path = tmp_path / "answers.json"
    path.write_text('{"gate": "approve"}')
    settled(asking().run(text="a", answers=kind(path)), Status.DONE)


def test_a_question_that_was_answered_beforehand_never_shows_as_waiting() -> None:
    run = settled(asking().run(text="a", answers={"gate": "approve"}), Status.DONE)
    assert statuses_of(run) == [Status.DONE]


def statuses_of(run: Run) -> list[Status]:
    seen: list[Event] = []
    done = threading.Event()
    run.subscribe(seen.append)
    run.loop.call_soon_threadsafe(done.set)
    assert done.wait(SOON)
    return [event.status for event in seen if isinstance(event, StatusChanged)]


def test_a_question_that_another_thread_answers_at_once_never_shows_as_waiting() -> None:
    held = threading.Event()
    made = Graph("g")
    made.node(lambda: {"heard": held.wait(SOON)}, name="first")
    made.human("gate", "Go?")
    made.edges("START -> first -> gate -> END")
    run = made.run()

    def answer_elsewhere(event: Event) -> None:
        if isinstance(event, ApprovalAsked):
            thread = threading.Thread(target=run.answer, args=["gate", "approve"])
            thread.start()
            thread.join(SOON)

    run.subscribe(answer_elsewhere)
    held.set()
    settled(run, Status.DONE)
    assert statuses_of(run) == [Status.DONE]


def test_an_answered_question_does_not_show_as_waiting_when_another_task_ends_before_it_is_heard() -> None:
    flag, begun, answered_, seen = asyncio.Event(), threading.Event(), threading.Event(), list[Status]()

    async def other() -> None:
        begun.set()
        await flag.wait()

    made = asking()
    made.node(other)
    made.edges("START -> other -> END")
    run = made.run(text="a")
    assert begun.wait(SOON)
    while not run.approvals:
        time.sleep(0.001)

    def other_ends_before_the_answer_is_heard() -> None:
        flag.set()
        for _ in range(3):
            run.loop.call_soon(lambda: None)
        run.loop.call_soon(lambda: seen.append(run.status))
        begun.clear()
        answered_.wait(SOON)

    run.loop.call_soon_threadsafe(other_ends_before_the_answer_is_heard)
    while begun.is_set():
        time.sleep(0.001)
    run.answer("gate", "approve")
    answered_.set()
    settled(run, Status.DONE)
    assert seen == [Status.RUNNING]


def test_without_answers_nobody_approves() -> None:
    settled(asking().run(text="a", answers={}), Status.WAITING)


def test_answers_for_unknown_nodes_are_reported() -> None:
    run = settled(asking().run(text="a", answers={"gaet": ["approve"]}), Status.WAITING)
    assert run.notices == ["an answer is given for 'gaet', and no node has that name; did you mean 'gate'?"]


def test_answers_that_nobody_asked_for_are_reported_at_the_end() -> None:
    run = settled(asking().run(text="a", answers={"gate": ["approve", "reject"]}), Status.DONE)
    assert "1 of the answers given for 'gate' not used" in run.reason


def test_an_answer_with_the_digest_of_what_is_shown_is_used() -> None:
    seal = digest("Publish {{ text }}?", ("approve", "reject"), {"text": "a"})
    settled(asking().run(text="a", answers={"gate": [{"answer": "approve", "digest": seal}]}), Status.DONE)


def test_an_answer_for_something_else_leaves_the_question_open() -> None:
    run = settled(asking().run(text="a", answers={"gate": [{"answer": "approve", "digest": "0" * 16}]}), Status.WAITING)
    run.answer("gate", "reject")
    assert settled(run, Status.DONE).state["gate"] == "reject"
    assert "not used" in run.reason


def test_an_answer_that_does_not_fit_is_reported_and_the_question_stays_open() -> None:
    run = settled(asking().run(text="a", answers={"gate": ["aprove"]}), Status.WAITING)
    run.answer("gate", "approve")
    assert "did you mean 'approve'" in settled(run, Status.DONE).reason


def test_two_runs_use_their_answers_each() -> None:
    made = asking()
    runs = [made.run(text="a", answers={"gate": [option]}) for option in ("approve", "reject")]
    assert [settled(run, Status.DONE).state["gate"] for run in runs] == ["approve", "reject"]


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        (["approve"], "the answers are a list"),
        ({"gate": [5]}, "an answer for 'gate' is 5"),
        ({"gate": [{"note": "no answer"}]}, "an answer for 'gate' is"),
        ({"gate": [{"answer": "approve", "edits": {}}]}, "holds 'edits', which is not known"),
        ({"gate": [{"answer": "approve", "edit": ["text"]}]}, "edit"),
        ({"gate": [{"answer": "approve", "note": 5}]}, "note"),
        ({"gate": [{"answer": "approve", "digest": 5}]}, "digest"),
    ],
)
def test_answers_of_another_shape_are_refused_before_the_run(tmp_path: Path, answers: Any, says: str) -> None:
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(answers))
    with pytest.raises(InputError, match=says) as caught:
        asking().run(text="a", answers=path)
    assert "it must look like" in str(caught.value)


def test_a_file_that_is_not_there_or_no_json_is_refused_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing.json' cannot be read"):
        given_answers(str(tmp_path / "missing.json"))
    (tmp_path / "bad.json").write_bytes(b"\xff{")
    with pytest.raises(InputError, match=r"bad.json' is not JSON"):
        given_answers(tmp_path / "bad.json")


def test_no_answers_are_given_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NBGRAPH_ANSWERS", raising=False)
    assert given_answers(None) == Answers("nobody")
