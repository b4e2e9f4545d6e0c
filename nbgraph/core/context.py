"""Context: what a task knows of itself and may ask of its run, handed to a node as `ctx`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol, TypeVar, overload

from nbgraph.core.approvals import REJECT, Answer
from nbgraph.core.deadlines import read_deadline
from nbgraph.core.forms import Form
from nbgraph.core.graph import Graph
from nbgraph.core.policies import PLAIN, Policy
from nbgraph.core.records import Journaled
from nbgraph.core.scheduler import Task
from nbgraph.errors import Cancelled

T = TypeVar("T")
E = TypeVar("E", bound=Journaled)


class Engine(Protocol):
    """What a context needs of the walk that its task belongs to."""

    run_id: str
    lead: str
    outer: Context | None
    loop: asyncio.AbstractEventLoop

    @property
    def here(self) -> bool:
        """Whether this is the thread of the run's loop."""
        ...

    def note_printed(self, context: Context, text: str) -> None:
        """Keep what a node printed; from any thread."""

    def note_emitted(self, context: Context, value: Any) -> None:
        """Tell watchers of a custom event; from any thread."""

    async def call_blocking(self, context: Context, function: Callable[..., Any], given: Mapping[str, Any]) -> Any:
        """Call a blocking function by the executor that the node's policy names."""

    def form(self, declared: Any) -> Form:
        """The form that asks for a value of the type `declared`; DeclarationError where there is none."""
        ...

    async def ask(self, context: Context, question: Question) -> Answer:
        """Ask a person and wait for the answer."""
        ...

    async def step(self, context: Context, function: Callable[..., Any], call: Callable[[], Any]) -> Any:
        """What `call` returned, once and for all."""

    async def walk(self, context: Context, graph: Graph, inputs: Mapping[str, Any], limit: int) -> Mapping[str, Any]:
        """The final state of the subgraph that is the node of this task."""
        ...

    async def record(self, context: Context, key: str, name: str, make: Callable[[str], Awaitable[E]]) -> E:
        """The entry at `key` in the log of the task."""
        ...

    def recalled(self, context: Context, key: str) -> Journaled | None:
        """The entry that is kept at `key`, or None."""
        ...

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def calling(self, context: Context, priced: bool) -> AbstractAsyncContextManager[None]:
        """Call a model in the block, which begins when the run's budget allows it."""

    def note_wrote(self, context: Context, call: str, model: str, text: str) -> None:
        """Tell watchers what a model wrote."""

    async def note_call_retry(self, context: Context, call: str, error: BaseException, delay: float) -> None:
        """Keep and tell that the call of a model failed and is made again."""

    def tries(self, context: Context, call: str) -> int:
        """How often that call has failed so far."""
        ...

    async def side_by_side(self, calls: Sequence[Awaitable[T]]) -> list[T]:
        """What all of the calls return."""
        ...


class Question:
    """What is asked of a person, before it has a place in a run; see `Context.ask` for its parts.

    `about` is what of the node asks, such as the tool `delete` of the agent `ops`: then `ops.delete` asks.
    """

    __slots__ = ("about", "edit", "form", "options", "otherwise", "show", "text", "timeout")

    def __init__(
        self,
        text: str,
        show: Mapping[str, Any],
        options: tuple[str, ...],
        edit: Mapping[str, Any],
        form: Form | None = None,
        timeout: float | None = None,
        otherwise: str = "",
        about: str = "",
    ) -> None:
        self.text, self.show, self.options, self.edit, self.form = text, show, options, edit, form
        self.timeout, self.otherwise, self.about = timeout, otherwise, about


class Call:
    """What a call holds while it runs: its gates, its time, and what it has asked of the run and is waiting for.

    `asked` and `recorded` count questions and steps, to tell them apart. `people` counts the persons that are awaited
    in it or in its subgraph, and `left` is the time it had before.
    """

    __slots__ = ("asked", "away", "cached", "gates", "holding", "left", "pending", "people", "recorded", "timeout")

    def __init__(self) -> None:
        self.asked = self.recorded = self.away = self.people = 0
        self.gates: tuple[asyncio.Semaphore, ...] = ()
        self.holding = self.cached = False
        self.timeout: asyncio.Timeout | None = None
        self.left: float | None = None
        self.pending: set[asyncio.Task[Any]] = set()


class ToolUse(NamedTuple):
    """The call of a tool: the tool's `name`, and a `number` such as `2.1`: the first one of the second turn."""

    name: str
    number: str


_NO_TOOL = ToolUse("", "")


class Context:
    """A node's view of its own task.

    `run_id`, `node` and `visit` name the task; `item` is the index of a map's item, or None; `attempt` counts from 1.
    """

    __slots__ = (
        *("_call", "_closed", "_engine", "attempt", "began", "item", "node", "policy", "run_id", "task", "visit"),
        *("tool", "whole"),
    )

    def __init__(self, engine: Engine, task: Task, item: int | None = None, policy: Policy = PLAIN) -> None:
        self._engine, self.run_id, self.task, self.item = engine, engine.run_id, task, item
        self.node, self.visit, self.policy = task.node, task.visit, policy
        self.attempt, self.began = 1, 0.0
        self._call: Call | None = None
        self._closed = False
        self.whole: Context | None = None
        self.tool = _NO_TOOL

    def __repr__(self) -> str:
        return f"<context of {self.key}>"

    def __reduce__(self) -> str:
        raise TypeError(f"ctx belongs to the process of its run; a node on another executor ({self.node}) has none.")

    @property
    def key(self) -> str:
        """The same whenever this task runs again, so that it can serve as an idempotency key.

        Such as `<run>/draft#2`, `<run>/work#1[3]` for an item, `<run>/research#2/search#1` in a subgraph.
        """
        return f"{self.run_id}/{self.place}"

    @property
    def place(self) -> str:
        """The same without the run."""
        if self.whole is not None:
            return f"{self.whole.place}/tool{self.tool.number}"
        item = "" if self.item is None else f"[{self.item}]"
        return f"{self._engine.lead}{self.task.id}{item}"

    @property
    def call(self) -> Call:
        """What the call holds while it runs."""
        if self._call is None:
            self._call = Call()
        return self._call

    @property
    def outer(self) -> Context | None:
        """The context around this one: of the task whose tool this is, or whose subgraph the task is in; or None."""
        return self.whole or self._engine.outer

    def apart(self) -> Context:
        """A context for one attempt that may be given up; what the call holds goes over to it until `rejoin`."""
        made = Context(self._engine, self.task, self.item, self.policy)
        made.attempt, made.call.gates, made.call.holding = self.attempt, self.call.gates, self.call.holding
        self.call.holding = False
        return made

    def of_tool(self, name: str, number: str) -> Context:
        """A context for a call of a tool by this task, with questions and steps of its own."""
        made = Context(self._engine, self.task, self.item, self.policy)
        made.attempt, made.whole, made.tool = self.attempt, self, ToolUse(name, number)
        return made

    def rejoin(self, attempt: Context) -> None:
        """The attempt is over: what it holds comes back, and what it still asks for is refused."""
        self.call.holding, attempt.call.holding = attempt.call.holding, False
        attempt.call.gates, attempt.call.timeout = (), None
        attempt.close()

    @property
    def used(self) -> bool:
        """Whether the call holds anything."""
        return self._call is not None

    def log(self, *values: Any) -> None:
        """Add a line to the task's log."""
        self.printed(" ".join(map(str, values)) + "\n")

    def printed(self, text: str) -> None:
        """Add what the node printed to the task's log; from any thread."""
        self._engine.note_printed(self, text)

    def emit(self, value: Any) -> None:
        """Send an event of your own, `Emitted`, to whoever watches the run."""
        self._engine.note_emitted(self, value)

    @overload
    def ask(
        self,
        question: str,
        *,
        options: Iterable[str] = ("approve", "reject"),
        show: Mapping[str, Any] | None = None,
        edit: Mapping[str, Any] | None = None,
        timeout: str | None = None,
    ) -> Any: ...
    @overload
    def ask(
        self,
        question: str,
        *,
        form: Any,
        options: Iterable[str] = ("answer",),
        show: Mapping[str, Any] | None = None,
        timeout: str | None = None,
    ) -> Any: ...
    def ask(
        self,
        question: str,
        *,
        options: Iterable[str] | None = None,
        show: Mapping[str, Any] | None = None,
        edit: Mapping[str, Any] | None = None,
        form: Any = None,
        timeout: str | None = None,
    ) -> Any:
        """Ask a person and wait for the answer; other branches go on meanwhile, and no time runs out.

        A blocking node gets the answer, an async one awaits it. With `form` the answer is a value of that type, or None
        where the option is reject; else it is an `Answer` with `option`, `note` and `edit`. In a map each item asks.

        Args:
            question: Markdown with `{{ key }}` for values in `show`.
            options: one button each.
            show: values that stand in the question or beside it.
            edit: values that the person may change.
            form: a type that the person's entry must fit, such as int, a Literal, a dataclass or a pydantic model.
            timeout: how long it waits and which option is the answer then, as `24h=reject`; with a form only reject.

        Raises:
            DeclarationError: there is no way to ask for such a form, or the timeout makes no sense.
        """
        usual = ("approve", REJECT) if form is None else ("answer",) if timeout is None else ("answer", REJECT)
        answers = usual if options is None else tuple(options)
        entered = None if form is None else self._engine.form(form)
        possible = [each for each in answers if form is None or each == REJECT]  # nobody has entered anything then
        deadline = (None, "") if timeout is None else read_deadline(timeout, possible)
        asked = Question(question, dict(show or {}), answers, dict(edit or {}), entered, *deadline)
        return self._on_loop(self._answered(asked))

    async def _answered(self, question: Question) -> Any:
        answer = await self._engine.ask(self, question)
        if question.form is None:
            return answer
        return None if answer.option == REJECT else question.form.value(answer.form)

    async def person(self, question: Question) -> Answer:
        """Ask what a human node, or a tool that needs approval, asks."""
        return await self._engine.ask(self, question)

    def step(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
        """Call `function` with a side effect once: when this task runs again it gets the result recorded then.

        A blocking node gets the result, an async one awaits it. Steps are told apart by their order in the task.
        """
        return self._on_loop(self._engine.step(self, function, lambda: function(*arguments, **named)))

    # What agents need

    async def record(self, key: str, name: str, make: Callable[[str], Awaitable[E]]) -> E:
        """The entry at `key` in the log of this task: the one kept there before under that `name`, or a new one.

        Args:
            make: does what is to be recorded, and gives the entry for a place.
        """
        return await self._engine.record(self, key, name, make)

    def recalled(self, key: str) -> Journaled | None:
        """The entry that is kept at `key`, or None."""
        return self._engine.recalled(self, key)

    def now(self) -> float:
        """Seconds since the epoch, by the run's clock."""
        return self._engine.now()

    def calling(self, priced: bool) -> AbstractAsyncContextManager[None]:
        """Call a model in the block, which begins when the run's budget allows it; until then the run is paused.

        Args:
            priced: whether it is known what the call will cost.

        Raises:
            ModelError: the budget cannot be kept, for what calls take is not known.
        """
        return self._engine.calling(self, priced)

    def wrote(self, call: str, model: str, text: str) -> None:
        """Tell watchers what a model wrote just now."""
        self._engine.note_wrote(self, call, model, text)

    async def tried_again(self, call: str, error: BaseException, delay: float) -> None:
        """Keep and tell that the call of a model failed and is made again after `delay` seconds."""
        await self._engine.note_call_retry(self, call, error, delay)

    def tries(self, call: str) -> int:
        """How often that call has failed so far, also in another process."""
        return self._engine.tries(self, call)

    async def side_by_side(self, calls: Sequence[Awaitable[T]]) -> list[T]:
        """What all of the calls return, each of which is as busy as the task itself; the first error when all ended."""
        return await self._engine.side_by_side(calls)

    async def in_thread(self, function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        """Call a blocking function by the executor that the node's policy names."""
        return await self._engine.call_blocking(self, function, arguments)

    async def walk(self, graph: Graph, inputs: Mapping[str, Any], limit: int) -> Mapping[str, Any]:
        """The final state of the subgraph that is the node of this task."""
        return await self._engine.walk(self, graph, inputs, limit)

    def close(self) -> None:
        """The call is over: what a thread that was given up, or a coroutine, still asks of the run is refused."""
        self._closed = True
        if self._call is not None:
            for task in tuple(self._call.pending):
                task.cancel()

    def _on_loop(self, coroutine: Coroutine[Any, Any, Any]) -> Awaitable[Any] | Any:
        """What an async node awaits; a thread waits for the loop to do it."""
        asked = self._while_open(coroutine)
        return asked if self._engine.here else asyncio.run_coroutine_threadsafe(asked, self._engine.loop).result()

    async def _while_open(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        task, pending = asyncio.current_task(), self.call.pending
        if self._closed or task is None:
            coroutine.close()
            raise Cancelled(f"{self.node} was given up or has ended, so it can neither ask nor record anything.")
        pending.add(task)
        try:
            return await coroutine
        finally:
            pending.discard(task)


current: ContextVar[Context | None] = ContextVar("current", default=None)
"""The context of the task whose code runs here, also in worker threads; None everywhere else."""
