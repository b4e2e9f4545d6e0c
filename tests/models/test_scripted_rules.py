"""Scripts: which reply comes next, from a list of replies or by rules."""

from __future__ import annotations

import re
from typing import Any

import pytest

from nbgraph.errors import InputError
from nbgraph.models.scripted_rules import looked_at, script_of


def asked(*messages: str) -> dict[str, Any]:
    """A request with messages such as "user: Hello."."""
    pairs = [message.partition(": ") for message in messages]
    return {"messages": [{"role": role, "content": content} for role, _, content in pairs]}


HELLO = asked("system: You are a bee.", "user: Hello.")


def test_a_list_is_used_in_order() -> None:
    script = script_of(["one", "two"])

    assert [script.reply(HELLO), script.reply(HELLO)] == ["one", "two"]
    assert repr(script) == "2 of 2 replies used"


def test_a_list_that_is_used_up_says_so_with_the_request() -> None:
    script = script_of(["one"])
    script.reply(HELLO)

    with pytest.raises(InputError, match=r"the script is over: 1 reply for 2 requests, .*user: Hello.*set otherwise"):
        script.reply(HELLO)


def test_otherwise_comes_after_the_list_again_and_again() -> None:
    script = script_of(["one"], otherwise=["two", "three"])

    assert [script.reply(HELLO) for _ in range(4)] == ["one", "two", "three", "three"]


def test_otherwise_alone_is_a_script() -> None:
    assert script_of([], otherwise="always").reply({}) == "always"


def test_the_rule_written_first_is_taken_of_those_that_fit() -> None:
    script = script_of({"bee": "by the prompt", "hello": "by the question"})

    assert script.reply(HELLO) == "by the prompt"


def test_the_replies_of_a_rule_come_in_order_and_the_last_again_and_again() -> None:
    script = script_of({"bee": ["one", "two"]})

    assert [script.reply(HELLO) for _ in range(3)] == ["one", "two", "two"]
    assert repr(script) == "1 rule, used 3 times"


def test_each_rule_counts_for_itself() -> None:
    script = script_of({"wasp": ["a", "b"], "bee": ["c", "d"]})

    replies = [script.reply(asked(f"user: A {who}.")) for who in ("bee", "wasp", "bee", "wasp")]

    assert replies == ["c", "a", "d", "b"]


def test_a_text_is_found_in_any_case_and_its_signs_mean_themselves() -> None:
    script = script_of({"2+2?": "4"})

    assert script.reply(asked("user: WHAT IS 2+2?")) == "4"


def test_a_pattern_is_searched() -> None:
    script = script_of({re.compile(r"^tool: \d+$", re.MULTILINE): "counted"})

    assert script.reply(asked("user: How many?", "assistant: 42", "tool: 42")) == "counted"


def test_the_role_before_a_message_tells_the_prompt_from_the_question() -> None:
    script = script_of({"user: bee": "no", "system: you are a bee": "yes"})

    assert script.reply(HELLO) == "yes"


def test_several_texts_have_all_to_be_found() -> None:
    script = script_of({("bee", "goodbye"): "no", ("bee", re.compile("Hello")): "yes"})

    assert script.reply(HELLO) == "yes"


def test_the_newest_message_counts_before_an_older_one() -> None:
    script = script_of({"Rome": "first", "Paris": "then"})

    assert script.reply(asked("user: Rome", "assistant: Rome!", "user: Paris")) == "then"


def test_a_tool_result_is_a_message_as_any_other() -> None:
    script = script_of({"bees": "search", "3 pages": "sum up"})

    assert script.reply(asked("user: Find bees", "assistant: ", "tool: Found 3 pages")) == "sum up"


def test_where_nothing_fits_the_newest_message_an_older_one_is_looked_at() -> None:
    script = script_of({"bees": ["not json", "{}"]})

    assert script.reply(asked("user: bees", "assistant: not json", "user: That is no JSON.")) == "not json"


def test_what_the_model_said_itself_is_not_looked_at() -> None:
    script = script_of({"wasp": "no"}, otherwise="yes")

    assert script.reply(asked("user: A bee?", "assistant: A wasp!")) == "yes"


def test_a_conversation_of_a_system_prompt_alone_is_looked_at() -> None:
    assert script_of({"bee": "yes"}).reply(asked("system: You are a bee.")) == "yes"


def test_what_fits_no_rule_is_named_with_the_rules() -> None:
    script = script_of({"wasp": "no", ("fly", "ant"): "no"})

    with pytest.raises(InputError) as caught:
        script.reply(HELLO)

    assert str(caught.value) == (
        "no rule of the script fits: 'wasp', ('fly', 'ant') was looked for in"
        " 'system: You are a bee.\\nuser: Hello.'; add a rule, or set otherwise."
    )


def test_parts_of_a_message_are_read_and_a_developer_is_the_system() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "image_url"}, {"type": "text", "text": "two"}]
    request = {"messages": [{"role": "developer", "content": "Be kind."}, {"role": "user", "content": parts}]}

    assert list(looked_at(request)) == ["system: Be kind.\nuser: one\ntwo"]


@pytest.mark.parametrize("request_", [{}, {"messages": None}, {"messages": ["x", {}]}, {"messages": []}])
def test_a_strange_request_fits_no_rule_and_breaks_nothing(request_: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="no rule of the script fits"):
        script_of({"bee": "x"}).reply(request_)


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("Hello.", "a script is a list of replies or a dict of rules"),
        (3, "a script is a list of replies or a dict of rules"),
        ([None], "a reply is a text"),
        ({"bee": None}, "a reply is a text"),
        ({"bee": []}, "the rule 'bee' has no replies"),
        ({"": "x"}, "the key of a rule is a text, a pattern"),
        ({3: "x"}, "the key of a rule is a text, a pattern"),
        ({(): "x"}, "the key of a rule is a text, a pattern"),
        ({re.compile(b"x"): "x"}, "the key of a rule is a text, a pattern"),
    ],
)
def test_a_script_that_makes_no_sense_is_refused_in_a_sentence(script: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        script_of(script)
