"""What is shown of models while they write: bounded, joined without loss, and gone when it counts no more."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbgraph.core.events import Event, Status, StatusChanged, TaskCancelled, TaskFailed, ToolCalled
from nbgraph.view.talk import ARGUMENTS, LINES, TAIL, VOICES, Talk, heard, tool_line
from tests.view.stories import HOSTILE
from tests.view.talks import TO_THE_ANSWER, TO_THE_END, TO_THE_TOOL, again, called, finished, started, used, wrote
from tests.view.trips import FAILURE


def told(*events: Event) -> Talk:
    talk = Talk()
    for event in events:
        talk.hear(event)
    return talk


def shown(*events: Event) -> dict[str, dict[str, Any]]:
    return told(*events).snapshot()


def test_a_text_grows_piece_by_piece() -> None:
    voice = shown(started(), wrote("Bees "), wrote("dance."))["ops"]
    assert (voice["text"], voice["state"], voice["model"]) == ("Bees dance.", "writes", "gpt-5-mini")


def test_a_text_stays_when_the_model_has_answered_and_while_its_tools_run() -> None:
    voice = shown(*TO_THE_TOOL, used())["ops"]
    assert (voice["text"], voice["state"], voice["model"]) == ("Let me look.", "wrote", "gpt-5-mini")
    assert voice["after"] == [{"call": "search(query='bees')", "result": "3 results", "failed": False}]


def test_the_next_call_begins_a_new_text_below_the_tools() -> None:
    voice = shown(*TO_THE_TOOL, used(), wrote("Bees", call="model2"))["ops"]
    assert voice["text"] == "Bees"
    assert [line["result"] for line in voice["before"]] == ["3 results"]
    assert voice["after"] == []


def test_a_call_without_a_text_begins_anew_too() -> None:
    voice = shown(wrote("Let me look."), called(), used(), called(call="model2"))["ops"]
    assert (voice["text"], voice["state"]) == ("", "wrote")


def test_of_a_call_without_a_text_nothing_is_shown_until_a_tool_has_returned() -> None:
    assert shown(started(), called()) == {}
    assert list(shown(started(), called(), used())) == ["ops"]
    assert told(started(), called(), called(call="model2"), used()).changes()["ops"]["text"] == ""


def test_a_text_that_the_next_call_does_not_go_on_with_is_told_to_be_gone() -> None:
    talk = told(wrote("Let me look."), called())
    page = heard({}, talk.changes())
    talk.hear(called(call="model2"))
    assert heard(page, talk.changes()) == {} == talk.snapshot()


def test_what_was_written_before_a_call_is_tried_again_does_not_count() -> None:
    voice = shown(wrote("Bees da"), again())["ops"]
    assert (voice["text"], voice["state"]) == ("", "again")
    assert voice["note"] == "attempt 2 in 3 s: ModelError: the endpoint answered 429: slow down."
    voice = shown(wrote("Bees da"), again(), wrote("Wasps"))["ops"]
    assert (voice["text"], voice["state"], voice["note"]) == ("Wasps", "writes", "")


@pytest.mark.parametrize(
    "event",
    [started(), again(call=""), TaskFailed("ops", 1, 2.0, FAILURE), TaskCancelled("ops", 1, 2.0)],
    ids=lambda event: type(event).__name__,
)
def test_what_came_of_nothing_is_gone(event: Event) -> None:
    assert shown(wrote("Bees da"), event) == {}


def test_an_answer_can_be_read_until_its_node_talks_anew() -> None:
    spoken = (wrote("Bees dance."), called(), finished())
    assert shown(*spoken)["ops"]["state"] == "done"
    assert set(shown(*spoken, wrote("O bees", "poet"))) == {"ops", "poet"}
    assert set(shown(*spoken, wrote("Again", visit=2))) == {"ops #2"}


def test_a_task_that_wrote_nothing_leaves_nothing() -> None:
    assert shown(called(), used(), finished()) == {}


@pytest.mark.parametrize("status", [Status.DONE, Status.FAILED, Status.CANCELLED])
def test_after_a_run_only_whole_answers_stay(status: Status) -> None:
    events = wrote("Bees dance."), called(), finished(), wrote("O b", "poet"), StatusChanged(status, 4.0)
    assert set(shown(*events)) == {"ops"}


@pytest.mark.parametrize("status", [Status.WAITING, Status.PAUSED])
def test_a_run_at_rest_keeps_what_was_said(status: Status) -> None:
    assert set(shown(*TO_THE_TOOL, StatusChanged(status, 4.0))) == {"ops"}


def test_items_and_tasks_of_subgraphs_talk_apart() -> None:
    inner = wrote("c", "ops/writer")._replace(within="ops#2/search#1.1")
    assert set(shown(wrote("a", item=0), wrote("b", item=3), inner)) == {
        "ops[0]",
        "ops[3]",
        "ops#2/search#1.1/writer",
    }
    assert shown(wrote("a", item=0), wrote("b", item=3), started()) == {}


def test_of_a_text_the_end_is_kept_and_its_length_is_known() -> None:
    voice = shown(*(wrote("0123456789") for _ in range(1000)))["ops"]
    assert (len(voice["text"]), voice["length"]) == (TAIL, 10_000)
    voice = shown(wrote("x" * 10**6 + "end"))["ops"]
    assert voice["text"].endswith("xend")
    assert (len(voice["text"]), voice["length"]) == (TAIL, 10**6 + 3)
    assert len(json.dumps(shown(wrote("\x00" * 10**6)))) < 2 * TAIL + 500


def test_only_so_many_talk_at_once() -> None:
    pieces = [wrote("a", item=item) for item in range(VOICES + 3)]
    assert list(shown(*pieces)) == [f"ops[{item}]" for item in range(VOICES)]
    assert list(shown(*pieces, called(item=1), pieces[-1])) == [
        *(f"ops[{item}]" for item in range(VOICES) if item != 1),
        f"ops[{VOICES + 2}]",
    ]


def test_only_so_many_calls_of_tools_are_listed() -> None:
    lines = shown(*(used(str(number)) for number in range(20)))["ops"]["after"]
    assert [line["result"] for line in lines] == [str(number) for number in range(20 - LINES, 20)]


@pytest.mark.parametrize("text", [*HOSTILE, "\x1b[31mred\x1b[0m \x1b]0;title\x07", "\u202egnorts\ud800"])
def test_hostile_text_stays_plain_data(text: str) -> None:
    call = ToolCalled("ops", 1, 1.0, "tool1.1", text, {text: text}, text, True, 0.1)
    voice = shown(wrote(text), call, again()._replace(failure=FAILURE._replace(message=text)))["ops"]
    assert "\x00" not in json.dumps(voice, ensure_ascii=False)
    assert "\x1b" not in json.dumps(voice, ensure_ascii=False)
    assert "\u202e" not in json.dumps([voice["after"], voice["note"]], ensure_ascii=False)
    json.dumps(voice, ensure_ascii=False).encode()


def test_a_huge_call_is_told_in_short() -> None:
    line = tool_line(used("y" * 10**6, **{f"key{number}" * 50: "x" * 10**6 for number in range(50)}))
    assert len(line["call"]) < ARGUMENTS * 100
    assert line["call"].endswith(", …)")
    assert len(line["result"]) == 80


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ('{"api_key": "sk-123"}', "•••"),
        ('[{"password": "x"}]', "•••"),
        ("a cookie and tea", "a cookie and tea"),
        ('{"query": "bees"}', '{"query": "bees"}'),
    ],
)
def test_secrets_in_the_result_of_a_tool_are_masked(result: str, told: str) -> None:
    line = tool_line(used(result, api_key="sk-123", query="x"))
    assert line["call"] == "search(api_key=•••, query='x')"
    assert line["result"] == told


@pytest.mark.parametrize("every", [1, 2, 5])
def test_changes_folded_into_a_snapshot_are_the_later_snapshot(every: int) -> None:
    talk, page = Talk(), dict[str, Any]()
    story = (*TO_THE_TOOL, again(), *TO_THE_END, *TO_THE_ANSWER, *TO_THE_TOOL)
    for number, event in enumerate(story):
        talk.hear(event)
        if number % every == 0:
            page = heard(page, json.loads(json.dumps(talk.changes())))
    assert heard(page, talk.changes()) == talk.snapshot()


@given(st.lists(st.tuples(st.text(max_size=TAIL // 2), st.booleans()), max_size=30))
def test_pieces_are_joined_without_loss_however_they_are_told(pieces: list[tuple[str, bool]]) -> None:
    talk, page = Talk(), dict[str, Any]()
    for text, tell in pieces:
        talk.hear(wrote(text))
        page = heard(page, talk.changes()) if tell else page
    assert heard(page, talk.changes()) == talk.snapshot()


@pytest.mark.parametrize("sizes", [(5, TAIL + 1), (TAIL, TAIL), (1, 3 * TAIL, 1), (TAIL + 1, 1), (TAIL - 1, 2)])
def test_pieces_longer_than_what_is_kept_are_joined_too(sizes: tuple[int, ...]) -> None:
    talk, page = Talk(), dict[str, Any]()
    for number, size in enumerate(sizes):
        talk.hear(wrote(str(number) * size))
        page = heard(page, talk.changes())
    assert page == talk.snapshot()
    assert page["ops"]["length"] == sum(sizes)


def test_thousands_of_tokens_between_two_messages_are_one_small_message() -> None:
    talk = told(*(wrote(f" token{number}", item=number % VOICES) for number in range(5000)))
    assert len(json.dumps(talk.changes())) < VOICES * (TAIL + 500)
    assert talk.changes() == {}


def test_what_nobody_asks_for_is_not_kept() -> None:
    talk = Talk()
    for visit in range(1000):
        for event in (started(visit=visit), wrote("Bees", visit=visit), finished(visit=visit)):
            talk.hear(event)
    assert list(talk.changes()) == ["ops #999"]


def test_a_text_that_is_gone_and_begun_anew_between_two_messages_is_told_to_be_gone_later() -> None:
    talk = told(wrote("Bees "))
    page = heard({}, talk.changes())
    for event in (started(), wrote("Wasps"), started()):
        talk.hear(event)
    assert heard(page, talk.changes()) == {} == talk.snapshot()


def test_news_are_small_and_told_once() -> None:
    talk = told(wrote("x" * TAIL))
    talk.changes()
    talk.hear(wrote("y"))
    assert talk.changes()["ops"]["text"] == "y"
    assert talk.changes() == {}


def test_news_that_a_page_has_seen_change_nothing() -> None:
    talk = told(wrote("Bees "))
    first = talk.changes()
    talk.hear(wrote("dance."))
    page = heard(first, talk.changes())
    assert heard(page, first) == page


def test_a_page_that_missed_something_shows_what_it_can() -> None:
    talk = told(wrote("Bees "))
    page = heard({}, talk.changes())
    talk.hear(wrote("dance "))
    talk.changes()
    talk.hear(wrote("well."))
    assert heard(page, talk.changes())["ops"]["text"] == "well."
    assert heard({}, talk.snapshot())["ops"]["text"] == "Bees dance well."


def test_what_is_gone_is_told_as_none() -> None:
    talk = told(wrote("Bees "))
    talk.changes()
    talk.hear(started())
    assert talk.changes() == {"ops": None}
    assert heard({"ops": {"turn": 1}}, {"ops": None}) == {}
