"""Conversations: turns, tools, approvals, handoffs; what is kept of them, told of them, and paid for them."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import Any

import pytest

from nbgraph import BadAnswer, Cancelled, Context, Graph, MemoryStore, ModelError, configure, open_store
from nbgraph.core.events import ModelCalled, ModelWrote, TaskRetried, ToolCalled
from nbgraph.nodes import conversation
from nbgraph.testing import calls, cut, drips, fails, hangs, says
from tests.core.running import async_until
from tests.core.storing import crash
from tests.nodes.talking import ended, one, said, scripted


def search(query: str, limit: int = 3) -> list[str]:
    """Find pages about something."""
    return [f"{query} {number}" for number in range(limit)]


async def weather(city: str) -> dict[str, Any]:
    """The weather in a city."""
    await asyncio.sleep(0)
    return {"city": city, "rain": False}


def broken(what: str) -> str:
    """Does not work."""
    raise ValueError(f"no {what} today")


# Tools


def test_a_tool_is_called_and_the_model_goes_on_with_its_result() -> None:
    with scripted([calls("search", query="bees", limit=2), "Found."]) as model:
        run = one("ops", "Find {{ topic }}.", tools=[search]).run(topic="bees")
        assert run.result()["ops"] == "Found."
    assert said(model)[-1] == ("tool", '["bees 0","bees 1"]')
    told = model.requests[0]["tools"][0]["function"]
    assert (told["name"], told["description"]) == ("search", "Find pages about something.")


def test_calls_of_one_turn_run_side_by_side_and_their_results_keep_their_order() -> None:
    met = asyncio.Barrier(3)

    async def meet(number: int) -> int:
        await met.wait()
        return number * 10

    three = calls(*[("meet", {"number": number}) for number in (1, 2, 3)])
    with scripted([three, "Done."]) as model:
        assert one("ops", "Go.", tools=[meet]).run().result()["ops"] == "Done."
    assert [text for role, text in said(model) if role == "tool"] == ["10", "20", "30"]


def test_two_calls_that_end_the_task_at_once_leave_nothing_untold(caplog: pytest.LogCaptureFixture) -> None:
    async def leave(number: int) -> None:
        raise Cancelled(f"number {number}")

    with scripted([calls(("leave", {"number": 1}), ("leave", {"number": 2}))]):
        ended(one("ops", "Go.", tools=[leave]).run())
    gc.collect()
    assert [each.message for each in caplog.records if "never retrieved" in each.message] == []


def test_what_is_wrong_with_a_call_goes_back_to_the_model() -> None:
    wrong = calls(("search", {"limit": 2}), ("search", '{"query": '), ("serach", {}), ("broken", {"what": "bread"}))
    with scripted([wrong, "Sorry."]) as model:
        run = one("ops", "Go.", tools=[search, broken]).run()
        assert run.result()["ops"] == "Sorry."
    results = [text for role, text in said(model) if role == "tool"]
    assert "query" in results[0]
    assert results[2] == "there is no tool serach; there is search, broken."
    assert results[3] == "ValueError: no bread today"


def test_a_tool_that_would_end_the_program_ends_nothing() -> None:
    def stop() -> None:
        raise SystemExit(3)

    async def stop_too() -> None:
        raise SystemExit(3)

    with scripted([calls(("stop", {}), ("stop_too", {})), "Sorry."]) as model:
        assert one("ops", "Go.", tools=[stop, stop_too]).run().result()["ops"] == "Sorry."
    assert [text for role, text in said(model) if role == "tool"] == ["SystemExit: 3"] * 2


def test_a_name_that_no_endpoint_takes_back_and_ids_that_are_there_twice_are_mended() -> None:
    wrong = calls(("functions.search", {"query": "x"}), ("search", {"query": "y"}))
    with scripted([wrong, "Done."]) as model:
        assert one("ops", "Go.", tools=[search]).run().result()["ops"] == "Done."
    [asked] = [message["tool_calls"] for message in model.requests[-1]["messages"] if message.get("tool_calls")]
    assert [each["function"]["name"] for each in asked] == ["functions_search", "search"]


@pytest.mark.parametrize("history", ["abc", 5, [None], [{"x": 1}], [[("role", "user")]], {"role": "user"}])
def test_a_history_that_is_none_is_told_before_anything_is_paid(history: Any) -> None:
    with scripted(["x"]) as model:
        run = ended(one("writer", "Write.", history="messages").run(messages=history))
    assert "is the history of writer and holds" in run.reason
    assert model.requests == []


def test_an_error_with_half_a_sign_goes_back_to_the_model() -> None:
    def strange() -> None:
        raise ValueError("half of \ud83d")

    with scripted([calls("strange"), "Sorry."]) as model:
        assert one("ops", "Go.", tools=[strange]).run().result()["ops"] == "Sorry."
    assert said(model)[-1] == ("tool", "ValueError: half of \ufffd")


def test_tools_may_fail_a_bounded_number_of_times() -> None:
    with scripted([], otherwise=calls("broken", what="bread")) as model:
        run = ended(one("ops", "Go.", tools=[broken], turns=50).run())
        with pytest.raises(BadAnswer, match="5 calls of tools failed; the last, broken: ValueError: no bread today"):
            run.result()
    assert len(model.requests) == conversation.MISTAKES


def test_a_tool_that_was_mended_is_called_again_at_resume_and_what_succeeded_is_not() -> None:
    called: list[str] = []
    tools: dict[str, Any] = {}

    def fine() -> str:
        called.append("fine")
        return "ok"

    def flaky() -> str:
        called.append("flaky")
        raise ValueError("not yet")

    def mended() -> str:
        called.append("mended")
        return "at last"

    tools |= {"fine": fine, "flaky": flaky}
    talk = Graph("talk", lookup=tools.get)
    talk.agent("ops", "Go.", tools=["fine", "flaky"], turns=20)
    talk.edges("START -> ops -> END")
    with scripted([calls(("fine", {}), ("flaky", {})), *[calls("flaky")] * 4, "Done."]) as model:
        run = ended(talk.run())
        assert (run.status, called) == ("failed", ["fine", *["flaky"] * 5])
        tools["flaky"] = mended
        run.resume()
        assert run.result()["ops"] == "Done."
    assert called[6:] == ["mended"]
    assert len(model.requests) == 6


def test_an_agent_that_comes_to_no_end_fails_and_goes_on_with_more_turns() -> None:
    talk = one("ops", "Go.", tools=[search], turns=2)
    with scripted([calls("search", query="a"), calls("search", query="b"), "Done."]) as model:
        run = ended(talk.run())
        with pytest.raises(BadAnswer, match="no answer in 2 turns; --turns"):
            run.result()
        talk.agent("ops", "Go.", tools=[search], turns=3)
        run.resume()
        assert run.result()["ops"] == "Done."
    assert len(model.requests) == 3


def test_a_blocking_tool_does_not_hold_up_the_loop() -> None:
    def slow() -> str:
        time.sleep(0.2)
        return "slow"

    talk = Graph("talk")
    talk.agent("ops", "Go.", tools=[slow])

    @talk.node
    async def ticks() -> dict[str, int]:
        until, count = time.monotonic() + 0.2, 0
        while time.monotonic() < until:
            await asyncio.sleep(0.005)
            count += 1
        return {"count": count}

    talk.edges("START -> ops, ticks -> END")
    with scripted([calls("slow"), "Done."]):
        assert talk.run().result()["count"] > 5


def test_a_tool_may_ask_a_person_and_record_steps_of_its_own() -> None:
    sent: list[str] = []

    async def order(what: str, ctx: Any) -> str:
        answer = await ctx.ask(f"Order {what}?")
        await ctx.step(sent.append, what)
        return str(answer.option)

    with scripted([calls(("order", {"what": "bread"}), ("order", {"what": "milk"})), "Done."]) as model:
        run = ended(one("ops", "Go.", tools=[order]).run())
        assert run.status == "waiting"
        for approval in list(run.approvals):
            run.answer(approval.id, "approve")
        assert run.result()["ops"] == "Done."
    assert sorted(sent) == ["bread", "milk"]
    assert [text for role, text in said(model) if role == "tool"] == ["approve", "approve"]


# Approvals


def delete(path: str, force: bool = False) -> str:
    """Delete a file."""
    return f"deleted {path}"


def test_a_tool_that_needs_approval_waits_with_its_exact_arguments() -> None:
    with scripted([calls("delete", path="a.txt"), "Done."]) as model:
        run = ended(one("ops", "Clean.", tools=[delete], approve=["delete"]).run())
        (asked,) = run.approvals
        assert (run.status, asked.node, dict(asked.editable)) == (
            "waiting",
            "ops.delete",
            {"path": "a.txt", "force": False},
        )
        assert len(model.requests) == 1
        run.answer("ops.delete", "approve")
        assert run.result()["ops"] == "Done."
    assert said(model)[-1] == ("tool", "deleted a.txt")


@pytest.mark.parametrize(
    ("sent", "asked", "made"),
    [
        ({}, {"path": "/all", "force": True}, ("/all", True)),
        ({"path": None}, {"path": "/all", "force": True}, ("/all", True)),
        ({"path": "/a", "force": "no"}, {"path": "/a", "force": False}, ("/a", False)),
    ],
)
def test_a_person_sees_what_the_function_gets_and_not_what_the_model_left_out(
    sent: dict[str, Any], asked: dict[str, Any], made: tuple[Any, ...]
) -> None:
    got: list[tuple[Any, ...]] = []

    def wipe(path: str = "/all", force: bool = True, api_key: str = "sk-1234567890") -> None:
        got.append((path, force))

    with scripted([calls("wipe", **sent), "Done."]):
        run = ended(one("ops", "Clean.", tools=[wipe], approve=["wipe"]).run())
        assert dict(run.approvals[0].shown) == asked
        run.answer("ops.wipe", "approve")
        run.result()
    assert got == [made]


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_what_an_answer_calls_that_was_cut_is_not_called(finish: str) -> None:
    got: list[str] = []

    def wipe(path: str = "/") -> None:
        got.append(path)

    with scripted([says("", calls("wipe"), finish=finish)]):
        run = ended(one("ops", "Clean.", tools=[wipe]).run())
    assert (run.status, got) == ("failed", [])


def test_after_a_failure_an_approval_is_asked_for_again() -> None:
    got: list[str] = []

    def wipe(path: str) -> None:
        got.append(path)
        raise OSError("the disk is slow")

    five = calls(*[("wipe", {"path": f"/{number}"}) for number in range(5)])
    with scripted([five, calls("wipe", path="/0"), "Done."]):
        run = ended(one("ops", "Clean.", tools=[wipe], approve=["wipe"]).run())
        for asked in run.approvals:
            run.answer(asked.id, "approve")
        assert ended(run).status == "failed"
        run.resume()
        assert ended(run).status == "waiting"
    assert sorted(got) == ["/0", "/1", "/2", "/3", "/4"]


def test_what_a_tool_did_step_by_step_for_one_call_is_not_taken_for_that_of_another() -> None:
    charged: list[int] = []
    broken = [True]

    def charge(amount: int) -> str:
        charged.append(amount)
        return f"charged {amount}"

    async def pay(ctx: Context, amount: int) -> str:
        receipt = await ctx.step(charge, amount)
        if broken[0]:
            raise OSError("no paper")
        return str(receipt)

    with scripted([calls("pay", amount=10)] * 5 + [calls("pay", amount=20), "Paid."]) as model:
        run = ended(one("ops", "Pay.", tools=[pay]).run())
        broken[0] = False
        run.resume()
        assert run.result()["ops"] == "Paid."
    assert said(model)[-1] == ("tool", "charged 20")
    assert charged == [10] * 5 + [20]  # and the first of them, which is made again, is not charged again


def test_a_rejected_call_is_told_to_the_model_with_the_note() -> None:
    with scripted([calls("delete", path="a.txt"), "Left it."]) as model:
        run = ended(one("ops", "Clean.", tools=[delete], approve="delete").run())
        run.answer("ops.delete", "reject", "we need it")
        assert run.result()["ops"] == "Left it."
    assert said(model)[-1] == ("tool", "rejected: we need it")


def test_a_person_may_change_the_arguments_and_the_model_is_told() -> None:
    with scripted([calls("delete", path="a.txt"), "Done."]) as model:
        run = ended(one("ops", "Clean.", tools=[delete], approve="delete").run())
        run.answer("ops.delete", "approve", edit={"path": "b.txt"})
        run.result()
    assert said(model)[-1] == ("tool", 'called with {"path": "b.txt", "force": false} instead: deleted b.txt')


def test_two_calls_of_one_tool_are_two_questions_and_each_has_its_answer() -> None:
    both = calls(("delete", {"path": "same"}), ("delete", {"path": "same"}))
    with scripted([both, "Done."]) as model:
        run = ended(one("ops", "Clean.", tools=[delete], approve="delete").run())
        first, second = run.approvals
        run.answer(first.id, "approve")
        run.answer(second.id, "reject")
        run.result()
    assert [text for role, text in said(model) if role == "tool"] == ["deleted same", "rejected"]


def test_answers_can_be_given_beforehand_by_the_name_of_agent_and_tool() -> None:
    with scripted([calls("delete", path="a"), "Done."]):
        talk = one("ops", "Clean.", tools=[delete], approve="delete")
        run = talk.run(answers={"ops.delete": [{"answer": "approve"}]})
        assert run.result()["ops"] == "Done."
        assert "no node has that name" not in run.reason


def test_arguments_that_do_not_fit_are_never_shown_to_a_person() -> None:
    with scripted([calls("delete", paths="a"), "Done."]):
        assert one("ops", "Clean.", tools=[delete], approve="delete").run().result()["ops"] == "Done."


# Handoffs and histories


def front_and_billing() -> Graph:
    talk = Graph("desk")
    talk.agent("front", "system: You are the desk.\nuser: {{ mail }}", handoffs=["billing"])
    talk.agent("billing", "system: You know invoices.", history="messages")
    talk.edges("START -> front; front -> billing by handoff; front -> END else; billing -> END")
    return talk


def test_who_takes_over_goes_on_with_the_whole_conversation() -> None:
    script = [calls("transfer_to_billing", reason="an invoice"), "It is paid."]
    with scripted(script) as model:
        state = front_and_billing().run(mail="Invoice 7?").result()
    assert (state["handoff"], state["billing"]) == ("billing", "It is paid.")
    assert said(model) == [
        ("system", "You know invoices."),
        ("user", "Invoice 7?"),
        ("assistant", None),
        ("tool", "handed over to billing"),
    ]
    assert [message["role"] for message in state["messages"]] == ["user", "assistant", "tool", "assistant"]


def test_without_a_handoff_the_else_edge_is_taken() -> None:
    with scripted(["Hello!"]):
        state = front_and_billing().run(mail="Hi").result()
    assert (state["handoff"], state["front"], "billing" in state) == (None, "Hello!", False)


def test_of_two_handoffs_the_first_counts_and_other_tools_are_called_before() -> None:
    talk = Graph("desk")
    talk.agent("front", "{{ mail }}", tools=[search], handoffs=["one", "two"])
    for name in ("one", "two"):
        talk.agent(name, "system: Go on.", history="messages")
    talk.edges("START -> front; front -> one, two by handoff; front -> END else; one, two -> END")
    both = calls(("transfer_to_two", {}), ("search", {"query": "x", "limit": 1}), ("transfer_to_one", {}))
    with scripted([both, "Done."]) as model:
        state = talk.run(mail="Hi").result()
    assert state["two"] == "Done."
    assert [text for role, text in said(model) if role == "tool"] == [
        "handed over to two",
        '["x 0"]',
        "handed over to two",
    ]


def test_a_history_goes_from_turn_to_turn_and_from_run_to_run() -> None:
    talk = one("bot", "system: Be kind.\nuser: {{ text }}", history="messages")
    with scripted(["Hello.", "You said hi."]) as model:
        first = ended(talk.run(text="Hi."))
        talk.run(after=first, text="What did I say?").result()
    assert said(model) == [
        ("system", "Be kind."),
        ("user", "Hi."),
        ("assistant", "Hello."),
        ("user", "What did I say?"),
    ]


# What is told while it runs


def test_what_a_model_writes_is_told_piece_by_piece_and_kept_only_whole() -> None:
    with scripted([drips("one two three four", every=0.002)]):
        run = ended(one("writer", "Write.").run())
        told = list(run.events())
    pieces = [event for event in told if isinstance(event, ModelWrote)]
    assert len(pieces) > 1
    assert "".join(piece.text for piece in pieces) == run.result()["writer"] == "one two three four"
    (called,) = (event for event in told if isinstance(event, ModelCalled))
    assert (called.node, called.call, called.model, called.output is not None) == ("writer", "model1", "scripted", True)


def test_tools_are_told_with_their_arguments_and_results() -> None:
    with scripted([calls("search", query="a", limit=1), "x"]):
        run = ended(one("ops", "Go.", tools=[search]).run())
    (told,) = (event for event in run.events() if isinstance(event, ToolCalled))
    assert (told.call, told.tool, told.result) == ("tool1.1", "search", '["a 0"]')
    assert told.arguments == {"query": "a", "limit": 1}


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No wait before a call is made again."""
    monkeypatch.setattr(conversation, "BACKOFF", (0.001, 0.001))


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("trouble", [fails(429, retry_after=0), fails(500), fails(503), cut("half an ans")])
def test_what_may_pass_is_tried_again(trouble: Any) -> None:
    with scripted([trouble, trouble, "Whole."]) as model:
        run = ended(one("writer", "Write.").run())
        assert run.result()["writer"] == "Whole."
    again = [event for event in run.events() if isinstance(event, TaskRetried)]
    assert [(event.attempt, event.call) for event in again] == [(1, "model1"), (2, "model1")]
    assert len(model.requests) == 3


@pytest.mark.usefixtures("at_once")
def test_it_is_tried_a_bounded_number_of_times_and_again_at_resume() -> None:
    with scripted([fails(500)] * conversation.ATTEMPTS + ["Up again."]) as model:
        run = ended(one("writer", "Write.").run())
        assert (run.status, len(model.requests)) == ("failed", conversation.ATTEMPTS)
        run.resume()
        assert run.result()["writer"] == "Up again."


@pytest.mark.parametrize("trouble", [fails(400, message="bad tools"), fails(401), fails(404)])
def test_what_will_not_pass_is_not_tried_again(trouble: Any) -> None:
    with scripted([trouble, "x"]) as model:
        run = ended(one("writer", "Write.").run())
        with pytest.raises(ModelError):
            run.result()
    assert len(model.requests) == 1


def test_a_wait_that_is_too_long_is_told_instead() -> None:
    with scripted([fails(429, retry_after=100_000), "x"]) as model:
        assert ended(one("writer", "Write.").run()).status == "failed"
    assert len(model.requests) == 1


def test_cancelling_closes_the_connection() -> None:
    with scripted([hangs()]) as model:
        run = one("writer", "Write.").run()
        assert model.wait_for(requests=1)
        run.cancel()
        assert model.wait_for(left=1, timeout=5)
        assert ended(run).status == "cancelled"


# What it costs


@pytest.fixture
def priced() -> Any:
    configure(prices={"scripted": (1.0, 2.0)})
    yield
    configure(prices={})


@pytest.mark.usefixtures("priced")
def test_tokens_and_dollars_are_counted_by_task_and_node_and_run() -> None:
    talk = Graph("talk")
    talk.agent("one", "First.")
    talk.agent("two", "Second.")
    talk.edges("START -> one -> two -> END")
    with scripted([says("a", tokens=(1000, 200)), says("b", tokens=(3000, 100))]):
        run = ended(talk.run())
    assert run.usage.nodes["one"][:4] == (1, 1000, 0, 200)
    assert run.usage.total.cost == pytest.approx(0.0014 + 0.0032)
    assert run.usage.tasks["two#1"].cost == pytest.approx(0.0032)


def test_an_unknown_price_is_unknown_and_not_nothing() -> None:
    with scripted(["a"]):
        run = ended(one("writer", "Write.").run())
    assert run.usage.total.unpriced == 1
    assert "cost unknown" in repr(run.usage)


@pytest.mark.usefixtures("priced")
def test_a_spent_budget_pauses_the_run_before_the_next_call_and_resume_allows_as_much_again() -> None:
    turn = [says("", calls("search", query="x"), tokens=(400_000, 0)) for _ in range(4)]
    with scripted([*turn, says("Done.", tokens=(1, 1))]) as model:
        run = ended(one("ops", "Go.", tools=[search]).run(budget=0.8))
        assert (run.status, len(model.requests)) == ("paused", 2)
        assert run.reason == "the budget of $0.80 is spent ($0.80); run.resume() allows as much again."
        run.resume()
        assert (ended(run).status, len(model.requests)) == ("paused", 4)
        run.resume()
        assert run.result()["ops"] == "Done."
    assert len(model.requests) == 5


def test_a_budget_may_be_in_tokens() -> None:
    turn = says("", calls("search", query="x"), tokens=(60, 50))
    with scripted([turn, "Done."]) as model:
        run = ended(one("ops", "Go.", tools=[search]).run(budget="100 tokens"))
        assert (run.status, len(model.requests)) == ("paused", 1)


def test_calls_side_by_side_do_not_overrun_a_budget_together() -> None:
    def split() -> dict[str, Any]:
        return {"items": list(range(50))}

    talk = Graph("talk")
    talk.node(split)
    talk.agent("writer", "About {{ item }}.")
    talk.edges("START -> split; split -> writer each items as item; writer -> END")
    with scripted({"About": drips(says("x", tokens=(10, 10)), every=0.01)}) as model:
        run = ended(talk.run(budget="90 tokens"))
        assert (run.status, len(model.requests)) == ("paused", 5)
        run.resume()
        assert (ended(run).status, len(model.requests)) == ("paused", 10)
        run.cancel()


@pytest.mark.parametrize("options", [{"parallel": 1}, {}])
def test_a_spent_budget_pauses_also_where_others_wait_for_their_turn(options: dict[str, Any]) -> None:
    def split() -> dict[str, Any]:
        return {"items": [1, 2, 3, 4]}

    talk = Graph("talk")
    talk.node(split)
    talk.agent("writer", "About {{ item }}.", parallel=None if options else 1)
    talk.edges("START -> split; split -> writer each items as item; writer -> END")
    with scripted({"About": says("x", tokens=(10, 10))}) as model:
        run = ended(talk.run(budget="30 tokens", **options))
        assert (run.status, len(model.requests)) == ("paused", 2)
        run.resume()
        assert run.result()["writer"] == ["x"] * 4


@pytest.mark.usefixtures("priced")
def test_a_budget_in_dollars_needs_to_be_told_the_tokens() -> None:
    with scripted([says("", calls("search", query="x"), tokens=()), "Done."]) as model:
        run = ended(one("ops", "Go.", tools=[search]).run(budget=0.5))
    assert "does not say how many tokens" in run.reason
    assert len(model.requests) == 1


def test_a_budget_in_dollars_needs_a_price() -> None:
    with scripted(["x"]) as model:
        run = ended(one("writer", "Write.").run(budget=1))
        with pytest.raises(ModelError, match="price of the model is not known"):
            run.result()
    assert model.requests == []


@pytest.mark.usefixtures("priced")
def test_the_cost_stands_in_the_list_of_runs(tmp_path: Any) -> None:
    talk, store = one("writer", "Write."), open_store(tmp_path / "runs.db")
    with scripted([says("x", tokens=(1_000_000, 0))]):
        ended(talk.run(store=store))
    assert [each.cost for each in talk.runs(store=store)] == [pytest.approx(1.0)]


# Graphs as tools


def research() -> Graph:
    made = Graph("research")

    @made.node
    def look_up(question: str) -> dict[str, Any]:
        return {"facts": [question, "is known"]}

    @made.node
    def sum_up(facts: list[str]) -> dict[str, str]:
        return {"findings": " ".join(facts)}

    made.edges("START -> look_up -> sum_up -> END")
    return made


def test_a_graph_is_a_tool_whose_inputs_are_its_arguments() -> None:
    with scripted([calls("research", question="Water"), "Done."]) as model:
        run = ended(one("ops", "Go.", tools=[research()]).run())
        assert run.result()["ops"] == "Done."
    assert said(model)[-1] == ("tool", "Water is known")
    assert model.requests[0]["tools"][0]["function"]["parameters"]["required"] == ["question"]
    assert [step.task for step in run.steps] == [
        "ops/research#1.1/look_up#1",
        "ops/research#1.1/sum_up#1",
        "ops#1",
    ]


def test_graphs_that_are_called_side_by_side_do_not_meet() -> None:
    both = calls(("research", {"question": "Water"}), ("research", {"question": "Fire"}))
    with scripted([both, "Done."]) as model:
        ended(one("ops", "Go.", tools=[research()]).run())
    assert [text for role, text in said(model) if role == "tool"] == ["Water is known", "Fire is known"]


def test_a_person_asked_in_such_a_graph_is_asked_in_the_run() -> None:
    asking = Graph("asking")
    asking.human("gate", "Is {{ what }} fine?")
    asking.edges("START -> gate -> END")
    with scripted([calls("asking", what="bread"), "Done."]):
        run = ended(one("ops", "Go.", tools=[asking]).run())
        (asked,) = run.approvals
        assert (asked.node, run.status) == ("ops/asking/gate", "waiting")
        run.answer(asked.id, "approve")
        assert run.result()["ops"] == "Done."


def test_an_agent_with_graphs_as_tools_runs_though_one_call_is_allowed_at_once() -> None:
    with scripted([calls("research", question="Water"), "Done."]):
        assert one("ops", "Go.", tools=[research()]).run(parallel=1).result()["ops"] == "Done."


def test_what_fails_in_such_a_graph_goes_back_to_the_model() -> None:
    failing = Graph("failing")
    failing.node(broken, name="step_one")
    failing.edges("START -> step_one -> END")
    with scripted([calls("failing", what="bread"), "Sorry."]) as model:
        run = ended(one("ops", "Go.", tools=[failing]).run())
        assert run.result()["ops"] == "Sorry."
    assert "no bread today" in said(model)[-1][1]


# Many at once


def test_agents_are_mapped_over_items() -> None:
    talk = Graph("talk")

    @talk.node
    def split() -> dict[str, Any]:
        return {"topics": ["ants", "bees", "wasps"]}

    talk.agent("writer", "About {{ topic }}.")
    talk.edges("START -> split; split -> writer each topics as topic; writer -> END")
    rules = {f"About {topic}": topic.upper() for topic in ("ants", "bees", "wasps")}
    with scripted(rules):
        assert talk.run().result()["writer"] == ["ANTS", "BEES", "WASPS"]


def test_a_cached_answer_counts_while_prompt_options_and_tools_are_the_same() -> None:
    talk = Graph("talk")
    talk.agent("writer", "About {{ topic }}.", cache=True)
    talk.edges("START -> writer -> END")
    with scripted(["one", "two", "three"]) as model:
        assert [talk.run(topic="bees").result()["writer"] for _ in range(2)] == ["one", "one"]
        talk.agent("writer", "About {{ topic }}.", cache=True, temperature=0.5)
        assert talk.run(topic="bees").result()["writer"] == "two"
        talk.agent("writer", "About {{ topic }}.", cache=True, temperature=0.5, tools=[search])
        assert talk.run(topic="bees").result()["writer"] == "three"
    assert len(model.requests) == 3


@pytest.mark.usefixtures("priced")
def test_a_difference_of_two_runs_tells_what_each_took() -> None:
    with scripted([says("a", tokens=(100, 10)), says("a", tokens=(200, 20))]):
        first, second = (ended(one("writer", "Write.").run()) for _ in range(2))
    found = first.diff(second)
    assert (found.same, [used.tokens for used in found.used]) == (True, [110, 220])
    assert "1 call" in repr(found)


def test_a_graph_that_was_called_before_the_prompt_changed_is_not_gone_on_with_for_another_call() -> None:
    begun, release, wiped = threading.Event(), threading.Event(), list[str]()

    async def plan(path: str) -> dict[str, str]:
        return {"todo": path}

    async def wipe(todo: str) -> dict[str, str]:
        wiped.append(todo)
        begun.set()
        if len(wiped) == 1:
            await async_until(release)
        return {"done": todo}

    def cleaning(prompt: str) -> Graph:
        clean = Graph("clean")
        clean.node(plan)
        clean.node(wipe)
        clean.edges("START -> plan -> wipe -> END")
        return one("ops", prompt, tools=[clean])

    store = MemoryStore()
    with scripted([calls("clean", path="/home"), calls("clean", path="/tmp"), "Done."]):
        run = cleaning("Clean up.").run(store=store, id="r")
        assert begun.wait(30)
        crash(run)
        assert cleaning("Clean up, but only /tmp.").resume("r", store=store).result()["ops"] == "Done."
        release.set()
    assert wiped == ["/home", "/tmp"]
