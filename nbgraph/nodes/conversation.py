"""Conversations: one task of an agent: turns of the model, the tools that it calls, and the answer that comes of them.

Each answer of the model and each result of a tool is an entry of the run's log, under a fingerprint of what it came of.
A task that runs again finds them there, and asks anew from where the prompt, a tool or a result is another by then.
What came of nothing is given up: a task that runs again after that does not find it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from nbgraph.core.approvals import REJECT
from nbgraph.core.context import Context, Question
from nbgraph.core.failures import InnerFailure
from nbgraph.core.records import ModelAnswered, Recorded, ToolReturned
from nbgraph.errors import BadAnswer, Cancelled, ModelError, NotStorable, brief, told
from nbgraph.models.output import BadOutput
from nbgraph.models.prices import cost
from nbgraph.models.records import Message, Reply, Request, Tokens, ToolCall
from nbgraph.models.redaction import redacted, redacted_data
from nbgraph.models.settings import Endpoint, api_keys, endpoint
from nbgraph.models.signs import sound
from nbgraph.models.tools import BadCall, Tool, checked_edit, plain_arguments, read_arguments, shown, whole_arguments
from nbgraph.nodes.toolbox import Toolbox

if TYPE_CHECKING:
    from nbgraph.nodes.agent import Agent

ATTEMPTS = 5  # of one call of a model
REPAIRS = 2  # how often a model may mend an answer that does not fit
MISTAKES = 5  # how many calls of tools may fail in one task
LONGEST_ERROR = 2000  # characters of what a tool raised, for the model
LONGEST_WAIT = 600.0  # seconds that an endpoint may ask to wait
BACKOFF = (1.0, 60.0)  # seconds: the first wait where it does not say, and the longest


class Conversation:
    """One task of `agent`, from its prompt to its update; each turn is one call of the model."""

    def __init__(self, agent: Agent, toolbox: Toolbox, arguments: Mapping[str, Any], context: Context) -> None:
        self.agent, self.toolbox, self.context = agent, toolbox, context
        system, user = agent.prompt.render(arguments)
        history = _history(agent, arguments)
        first = [{"role": "system", "content": system}] if system else []
        asked = [{"role": "user", "content": user}] if user else []
        self.sent: list[Message] = [*first, *history, *asked]
        self.added: list[Message] = [*asked]  # to the history
        self.untold: list[Message] = [*first, *asked]  # what the log does not tell yet
        self.repairs: list[int] = []  # the turns whose answers did not fit
        self.mistakes: list[int] = []  # the turns of calls that failed

    async def update(self) -> dict[str, Any]:
        """What the agent writes.

        Raises:
            ModelError: the model could not be called, or gave no answer that can be used.
        """
        for turn in range(1, self.agent.turns + 1):
            reply = await self._reply(turn)
            if why := _unusable(self.agent.name, reply):  # also where it calls tools: their arguments may be cut
                await self._give_up(2 * turn)
                raise BadAnswer(why)
            if calls := _calls(reply):
                self._say(reply)
                to = await self._use(turn, calls)
                if to is not None:
                    return self._kept(to)
            elif (answer := await self._answer(turn, reply)) is not None:
                self._say(reply)
                return {**answer, **self._kept(None)}
        turns = f"{self.agent.turns} turn{'s' * (self.agent.turns != 1)}"
        raise BadAnswer(
            f"{self.agent.name} came to no answer in {turns}; --turns sets how many it has, and run.resume() goes on."
        )

    def _kept(self, handoff: str | None) -> dict[str, Any]:
        kept: dict[str, Any] = {self.agent.history: self.added} if self.agent.history else {}
        return {**kept, "handoff": handoff} if self.agent.handoffs else kept

    def _say(self, message: Message) -> None:
        plain = {key: value for key, value in message.items() if key not in ("finish", "refusal")}
        if plain["role"] == "assistant" and self.agent.name.isascii():
            plain["name"] = self.agent.name
        self.sent.append(plain)
        self.added.append(plain)

    # The model

    async def _reply(self, turn: int) -> Message:
        """What the model says in a turn: once and for all, unless it was given up."""
        agent = self.agent
        asked, self.untold = tuple(redacted_data(message) for message in self.untold), []
        request = Request(
            model=agent.model or "",
            messages=self.sent,
            tools=self.toolbox.schemas,
            temperature=agent.temperature,
            schema=agent.output.schema if agent.output else None,
        )
        name = _fingerprint(request._replace(model=""))  # another model may go on with what this one has said
        call = await self._place(turn, name)

        async def made(place: str) -> ModelAnswered:
            began = time.perf_counter()
            model, reply = await self._called(request, call)
            tokens, took = reply.tokens, time.perf_counter() - began
            price = cost(model, tokens) if tokens else None
            kept, at = {**reply.message, **_unusual(reply)}, self.context.now()
            if tokens is None:
                return ModelAnswered(place, name, model, asked, kept, None, None, None, None, took, at)
            return ModelAnswered(place, name, model, asked, kept, *tokens, price, took, at)

        return (await self.context.record(call, name, made)).reply

    async def _place(self, turn: int, name: str) -> str:
        """Where the answer to a request with that fingerprint is kept.

        What came of another request, since the prompt or a result was another then, is given up with all after it.
        """
        while True:
            call = _numbered(f"model{turn}", self._given_up(2 * turn))
            before = self.context.recalled(call)
            if before is None or before.name == name:
                return call
            await self._give_up(2 * turn)

    async def _called(self, request: Request, call: str) -> tuple[str, Reply]:
        """The model's name and its answer; what may pass is tried again, and counted in the log."""
        where, complete = endpoint(), await _wire()
        request = request._replace(model=request.model or where.model)
        wrote, priced = partial(self.context.wrote, call, request.model), cost(request.model, Tokens()) is not None
        while True:
            try:
                async with self.context.calling(priced):
                    return request.model, await complete(where, request, wrote)
            except ModelError as error:
                delay = self._delay(error, self.context.tries(call))
                if delay is None:
                    raise
                await self.context.tried_again(call, error, delay)
            await asyncio.sleep(delay)

    def _delay(self, error: ModelError, failed: int) -> float | None:
        """Seconds until the next attempt; None where there is none."""
        if not error.again or failed + 1 >= ATTEMPTS or (error.wait or 0) > LONGEST_WAIT:
            return None
        if error.wait is not None:
            return error.wait
        first, longest = BACKOFF
        return min(first * 2.0**failed, longest) * random.uniform(0.5, 1.0)

    # The answer

    async def _answer(self, turn: int, reply: Message) -> dict[str, Any] | None:
        """What the answer writes; None where the model was asked to mend it."""
        agent, text = self.agent, str(reply.get("content") or "")
        if agent.output is None:
            return {agent.writes[0]: text}
        try:
            value = agent.output.value(text)
        except BadOutput as error:
            await self._mend(turn, reply, str(error))
            return None
        if len(agent.writes) == 1:
            return {agent.writes[0]: value}
        return {key: value[key] if isinstance(value, Mapping) else getattr(value, key) for key in agent.writes}

    async def _mend(self, turn: int, reply: Message, why: str) -> None:
        self.repairs.append(turn)
        if len(self.repairs) > REPAIRS:
            await self._give_up(2 * self.repairs[0])
            raise BadAnswer(
                f"{self.agent.name} was asked {len(self.repairs)} times and gave no answer that fits: {why}"
            )
        how = self.agent.output.instruction if self.agent.output else ""  # for an endpoint that ignored the schema
        wrong = {"role": "user", "content": f"That answer cannot be used: {why} {how}"}
        self.sent += [{"role": "assistant", "content": reply.get("content") or ""}, wrong]
        self.untold.append(wrong)

    # Tools

    async def _use(self, turn: int, calls: Sequence[ToolCall]) -> str | None:
        """Call the tools that the model asks for, side by side; the agent that it hands over to, or None."""
        handing = [call.name for call in calls if call.name in self.toolbox.handoffs]
        asked = self._asked(turn)
        made: list[Awaitable[tuple[str, bool]]] = [
            self._result(turn, index, call, asked)
            for index, call in enumerate(calls, 1)
            if call.name not in self.toolbox.handoffs
        ]
        results = iter(await self.context.side_by_side(made) if made else ())
        mistakes = []
        for call in calls:
            result, failed = (_taken_over(call.name, handing, self.toolbox), False)
            if call.name not in self.toolbox.handoffs:
                result, failed = next(results)
            mistakes += [f"{call.name}: {result}"] * failed
            self._say({"role": "tool", "tool_call_id": call.id, "content": result})
        await self._count(turn, mistakes)
        return self.toolbox.handoffs[handing[0]] if handing else None

    async def _count(self, turn: int, mistakes: Sequence[str]) -> None:
        self.mistakes += [turn] * len(mistakes)
        if len(self.mistakes) >= MISTAKES and mistakes:
            await self._give_up(2 * self.mistakes[0] + 1)
            raise BadAnswer(f"{self.agent.name}: {len(self.mistakes)} calls of tools failed; the last, {mistakes[-1]}")

    async def _result(
        self, turn: int, index: int, call: ToolCall, asked: Sequence[Sequence[ToolCall]]
    ) -> tuple[str, bool]:
        """What a tool's call comes to, as the model is told it, and whether it failed."""
        name, again = _fingerprint((call.name, call.arguments)), self._given_up(2 * turn + 1)
        for times in range(again):
            before = self.context.recalled(_numbered(f"tool{turn}.{index}", times))
            if isinstance(before, ToolReturned) and before.name.startswith(name) and not before.failed:
                return before.result, False  # what came before was given up, but this was done
        number = self._number(turn, index, call, again, asked)
        context = self.context.of_tool(call.name, number)

        async def made(place: str) -> ToolReturned:
            began = time.perf_counter()
            arguments, result, failed = await self._used(call, context)
            told = arguments, result, failed, time.perf_counter() - began
            return ToolReturned(place, f"{name}.{again}", call.name, *told, self.context.now())

        try:
            entry = await self.context.record(f"tool{number}", f"{name}.{again}", made)
        except NotStorable:  # its arguments, which came as JSON: a number beyond all bounds
            return "its arguments hold a value that cannot be kept; use a simpler one.", True
        finally:
            context.close()
        return entry.result, entry.failed

    def _asked(self, turn: int) -> list[list[ToolCall]]:
        """What each answer of the model in a turn has called: those that were given up, and the last one."""
        places = (_numbered(f"model{turn}", times) for times in range(self._given_up(2 * turn) + 1))
        replies = (self.context.recalled(place) for place in places)
        return [_calls(each.reply) for each in replies if isinstance(each, ModelAnswered)]

    def _number(self, turn: int, index: int, call: ToolCall, again: int, asked: Sequence[Sequence[ToolCall]]) -> str:
        """What tells a call from others: what it recorded, and asked, is for a call that is the same.

        One that a person allows is another one each time that it is made again, since it is asked for again.
        """
        if call.name not in self.agent.approve:
            same = (calls[index - 1 : index] and calls[index - 1][1:] == call[1:] for calls in asked)
            again = next(place for place, is_same in enumerate(same) if is_same)
        return _numbered(f"{turn}.{index}", again)

    async def _used(self, call: ToolCall, context: Context) -> tuple[dict[str, Any], str, bool]:
        """The arguments, the result, and whether it failed."""
        tool = self.toolbox.tools.get(call.name)
        if tool is None:
            return {}, f"there is no tool {call.name}; there is {', '.join(self.toolbox.names) or 'none'}.", True
        try:
            given = read_arguments(tool, call.arguments)
        except BadCall as error:
            return {}, str(error), True
        plain, note = plain_arguments(call.arguments), ""
        if call.name in self.agent.approve:
            allowed = await self._allowed(tool, given, context)
            if isinstance(allowed, str):
                return plain, allowed, False
            given, plain, note = allowed
        try:
            return plain, note + shown(await self.toolbox.use(call.name, given, context)), False
        except (Cancelled, NotStorable):
            raise
        except InnerFailure as error:
            return plain, sound(f"{error.failure.type}: {error.failure.message}")[:LONGEST_ERROR], True
        except (Exception, SystemExit) as error:  # what a tool raises is for the model to see
            self.context.log(redacted(f"{call.name} raised {type(error).__name__}: {told(error)}", api_keys()))
            return plain, sound(f"{type(error).__name__}: {told(error)}")[:LONGEST_ERROR], True

    async def _allowed(
        self, tool: Tool, given: dict[str, Any], context: Context
    ) -> str | tuple[dict[str, Any], dict[str, Any], str]:
        """What a person says to a call: the result where it is rejected, else the arguments, and a note on an edit."""
        plain, why = whole_arguments(tool, given), ""
        while True:
            answer = await context.person(self._question(tool.name, plain, why))
            if answer.option == REJECT:
                return sound(f"rejected: {answer.note}") if answer.note else "rejected"
            if not answer.edit and not why:
                return given, plain, ""
            edited = {**plain, **answer.edit}
            try:
                given = checked_edit(tool, plain, dict(answer.edit))
            except BadCall as error:  # it is asked again, with what is wrong
                why, plain = f"\n\n{error}", edited
                continue
            said = json.dumps(edited, ensure_ascii=False, default=str)
            return given, edited, f"called with {said} instead: "

    def _question(self, tool: str, arguments: Mapping[str, Any], why: str) -> Question:
        text = f"**{self.agent.name}** wants to call **{tool}**" + (" with:" if arguments else ", without arguments.")
        return Question(text + why, arguments, ("approve", REJECT), arguments, about=tool)

    # What came of nothing

    def _given_up(self, position: int) -> int:
        """How often what stands at a position was given up; the model's turn t is at 2 t, its tools at 2 t + 1."""
        times = 0
        for number in range(1, 1000):
            entry = self.context.recalled(f"again{number}")
            if not isinstance(entry, Recorded):
                break
            times += entry.value <= position
        return times

    async def _give_up(self, position: int) -> None:
        """Let what stands at the position, and all after it, be done anew when the task runs again."""
        number = next(each for each in range(1, 1000) if self.context.recalled(f"again{each}") is None)

        async def made(place: str) -> Recorded:
            return Recorded(place, "again", position)

        await self.context.record(f"again{number}", "again", made)


def _history(agent: Agent, arguments: Mapping[str, Any]) -> list[Message]:
    """The conversation so far.

    Raises:
        ModelError: its key holds something else.
    """
    talk = arguments.get(agent.history) if agent.history else None
    wrong = [each for each in talk if not _is_message(each)] if isinstance(talk, list | tuple) else [talk]
    if talk is not None and wrong:
        example = '{"role": "user", "content": "Hello"}'
        raise ModelError(
            f"the key {agent.history!r} is the history of {agent.name} and holds {brief(wrong[0])}, which is no "
            f"message such as {example}."
        )
    return list(talk or ())


def _is_message(found: Any) -> bool:
    return isinstance(found, Mapping) and isinstance(found.get("role"), str)


def _taken_over(called: str, handing: Sequence[str], toolbox: Toolbox) -> str:
    """What the model is told of a call that hands over; the first one counts."""
    if called not in toolbox.handoffs:
        return ""
    return f"handed over to {toolbox.handoffs[handing[0]]}"


def _numbered(name: str, again: int) -> str:
    """The name of what is made again after it was given up so many times."""
    return f"{name}.{again}" if again else name


def _calls(reply: Message) -> list[ToolCall]:
    called = [(call["id"], call["function"]) for call in reply.get("tool_calls") or ()]
    return [ToolCall(id, function["name"], function["arguments"]) for id, function in called]


def _unusual(reply: Reply) -> dict[str, str]:
    """Of an answer that is none: why it ended, and what was said in its place."""
    ended = {} if reply.finish in ("stop", "tool_calls") else {"finish": reply.finish}
    return {**ended, "refusal": reply.refusal} if reply.refusal else ended


def _unusable(agent: str, reply: Message) -> str:
    """Why an answer cannot be used at all; empty where it can."""
    if reply.get("refusal"):
        return f"the model of {agent} refused: {reply['refusal']}"
    match reply.get("finish"):
        case "length":
            return f"the answer to {agent} was cut at the model's limit of tokens; ask for less, or take another model."
        case "content_filter":
            return f"the answer to {agent} was held back by the endpoint's content filter."
    return ""


async def _wire() -> Callable[[Endpoint, Request, Callable[[str], None]], Awaitable[Reply]]:
    """What asks a model; openai is loaded when first one is asked, beside the loop, for it takes a while."""
    if "nbgraph.models.wire" not in sys.modules:
        await asyncio.to_thread(import_module, "nbgraph.models.wire")
    from nbgraph.models.wire import complete

    return complete


def _fingerprint(asked: Any) -> str:
    """The same for what is asked in the same words, in every process."""
    text = json.dumps(asked, ensure_ascii=True, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
