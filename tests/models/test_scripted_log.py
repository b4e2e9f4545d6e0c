"""The log of a scripted model: what it was asked, and what its script answered."""

from __future__ import annotations

import json
from typing import Any

from nbgraph.models.scripted import calls
from nbgraph.models.scripted_log import Log
from nbgraph.models.scripted_rules import script_of
from nbgraph.models.scripted_wire import Sending

HELLO = {"messages": [{"role": "user", "content": "Hello."}]}


def content(sent: Sending) -> Any:
    return json.loads(sent.pieces[0].partition(b"\r\n\r\n")[2])


def test_what_was_asked_is_kept_with_its_headers_in_lower_case() -> None:
    log = Log(script_of(["Hello."]))
    log.answer(HELLO, {"Authorization": "Bearer key"})

    seen = log.seen[0]
    assert (seen.body, seen.headers, seen.ended, seen.left) == (HELLO, {"authorization": "Bearer key"}, None, False)
    assert "Bearer" not in repr(seen)


def test_the_end_of_an_answer_is_kept() -> None:
    log = Log(script_of(["Hello.", "Hello."]))
    for left in (False, True):
        _, ended = log.answer(HELLO, {})
        ended(left)

    assert [each.left for each in log.seen] == [False, True]
    assert all(each.ended is not None for each in log.seen)
    assert log.wait_for(requests=2, left=1, timeout=0)
    assert not log.wait_for(requests=2, left=2, timeout=0)


def test_answers_and_calls_are_numbered() -> None:
    log = Log(script_of([calls(("a", {}), ("b", {})), calls("c")]))

    answers = [content(log.answer(HELLO, {})[0]) for _ in range(2)]

    assert [answer["id"] for answer in answers] == ["chatcmpl-1", "chatcmpl-2"]
    ids = [[call["id"] for call in answer["choices"][0]["message"]["tool_calls"]] for answer in answers]
    assert ids == [["call_1", "call_2"], ["call_3"]]


def test_a_script_that_has_no_reply_answers_with_an_error() -> None:
    log = Log(script_of([lambda request: None]))

    wrong, over = (content(log.answer(HELLO, {})[0])["error"] for _ in range(2))

    assert (wrong["code"], over["code"]) == ("script", "script")
    assert wrong["message"].startswith("a reply is a text")
    assert over["message"].startswith("the script is over")
