"""The public Graph: declaring and running with the default store, executor and engine thread, in plain Python."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, overload

from nbgraph.batch import Batch
from nbgraph.core import checks, graph, plan
from nbgraph.core.checks import Problem
from nbgraph.core.engine import engine_loop
from nbgraph.core.graph import Node
from nbgraph.core.inputs import checked_inputs, describe_inputs, signature
from nbgraph.core.outline import Outline
from nbgraph.core.plan import Plan
from nbgraph.core.policies import checked_join, checked_policy, split_agent_options, split_options
from nbgraph.core.run import Run, announced, on_run
from nbgraph.core.run_loop import RunLoop
from nbgraph.core.state import read_schema
from nbgraph.core.tables import checked_table
from nbgraph.errors import DeclarationError, GraphError, InputError, brief
from nbgraph.nodes.agent import TURNS, agent_node
from nbgraph.nodes.function import function_node
from nbgraph.nodes.human import human_node
from nbgraph.nodes.subgraph import subgraph_node
from nbgraph.starting import begin, prepared, read_form, state_before
from nbgraph.stored_runs import StoredRuns
from nbgraph.typed import with_checks

__all__ = ["Graph", "Start", "on_map", "on_run"]

Function = TypeVar("Function", bound=Callable[..., Any])

on_map: list[Callable[[Batch], None]] = []
"""Called with every batch that `Graph.map` has started, in the caller's thread."""


class _Starting:
    """`Graph.run`: gives the `Start` of a graph; no property, for of one IPython would show the property itself."""

    @overload
    def __get__(self, made: None, owner: type) -> _Starting: ...
    @overload
    def __get__(self, made: Graph, owner: type) -> Start: ...
    def __get__(self, made: Graph | None, owner: type) -> Start | _Starting:
        return self if made is None else Start(made)


class Graph(StoredRuns):
    """A graph of nodes, edges and state keys that is declared step by step and run as often as you like.

    Args:
        name: an identifier, such as "essay".

    Example:
        >>> essay = Graph("essay")
        >>> @essay.node
        ... def draft(topic):
        ...     return {"text": f"All about {topic}."}
        >>> essay.edges("START -> draft -> END")
        >>> essay.run(topic="bees").result()["text"]
        'All about bees.'
    """

    run = _Starting()

    @overload
    def node(self, function: Function, /, **declared: Any) -> Function: ...
    @overload
    def node(self, function: None = None, /, **declared: Any) -> Callable[[Function], Function]: ...
    def node(self, function: Any = None, /, **declared: Any) -> Any:
        """Declare a node: `g.node(fn)`, `@g.node` or `@g.node(retry=3)`; gives the function back.

        A graph can be a node too, with a state of its own: `g.node(research, reads={"question": "topic"})`.

        Args:
            name: the node's name; the function's own by default.
            writes: the key, or keys, that the returned value goes to. Of a graph: the keys that it hands out, or for
                keys of ours those of it, as `{"notes": "findings"}`; by default what its last nodes write.
            reads: of a graph: our key for an input of it, as `{"question": "topic"}`; by default the one of its name.
            retry: how often it is tried in all; in a map, each item.
            backoff: seconds before the second attempt; doubled for each further one, and varied by up to a half.
            retry_on: the errors after which it is tried again.
            timeout: seconds that one attempt may take; waiting for a person does not count.
            cache: True, or seconds for which what it returned is used again while its code and reads are the same.
            version: what else the cached result depends on, as a text.
            join: "all" (it waits for what could still lead to it), "any" (each arrival starts it), "first" (the first
                arrival starts it, and what could still lead to it is cancelled).
            parallel: how many items of a map are called at once.
            on: "thread", "process", or an executor of `concurrent.futures`, for a blocking function.
            limit: of a graph: its steps until the run is paused.

        Raises:
            DeclarationError: it is neither function nor graph, or one of these makes no sense.
        """
        if function is None:
            return lambda decorated: self.node(decorated, **declared)
        self.declare(function, **declared)
        return function

    def declare(self, function: Any, **declared: Any) -> tuple[Node, tuple[str, ...]]:
        """Declare a node as `node` does; returns it with sentences for the person who declared it.

        Args:
            code: its source text, by default found by `inspect`.
            file: the name under which it was compiled, likewise.
        """
        options, policy = split_options(function, declared)
        name = str(options.get("name") or getattr(function, "name", getattr(function, "__name__", "a node")))
        join = checked_join(name, str(options.pop("join", "all")))
        made = subgraph_node if isinstance(function, graph.Graph) else function_node
        node = made(function, policy=checked_policy(name, **policy), join=join, **options)
        if node.inner is not None and node.inner.holds(self):
            raise DeclarationError(f"{node.name} would run within itself: {self.name} is part of that graph.")
        return node, self.add(node)

    def found(self, name: str) -> Node | None:
        """A graph of the notebook that an edge names is a node without a declaration."""
        inner = self.graph_named(name)
        if inner is None or inner.holds(self):
            return None
        return subgraph_node(inner, name=name)

    def state(self, declared: type) -> type:
        """Declare keys by a class with annotated fields: their types, defaults and reducers; usable as a decorator.

        Raises:
            DeclarationError: the class makes no sense, or a default does not fit its type.
        """
        self.declare_state(with_checks(read_schema(declared)))
        return declared

    def human(
        self,
        name: str,
        question: str,
        *,
        show: Iterable[str] = (),
        options: Iterable[str] = ("approve", "reject"),
        edit: Iterable[str] = (),
        form: Any = None,
        timeout: str | None = None,
    ) -> None:
        """Declare a node that asks a person `question`, Markdown with `{{ key }}` for values.

        The chosen option goes to the key `name`, the person's note to `<name>_note`; edited keys are written too,
        unless the option is reject.

        Args:
            show: keys whose values stand beside the question.
            options: one button each.
            edit: keys that the person may change.
            form: a type that the person's entry must fit, such as int, a Literal, a dataclass or a pydantic model; its
                value goes to the key `<name>_form`.
            timeout: how long it waits for an answer and which option is the answer then, as "24h=reject" (s, m, h, d).

        Raises:
            DeclarationError: the question is empty, an option is given twice, a name is reserved, or the timeout makes
                no sense.
        """
        self.declare_human(name, question, show=show, options=options, edit=edit, form=form, timeout=timeout)

    def declare_human(
        self, name: str, question: str, *, form: Any = None, **options: Any
    ) -> tuple[Node, tuple[str, ...]]:
        """Declare a human node as `human` does; returns it with sentences for the person who declared it."""
        declared = human_node(name, question, form=None if form is None else read_form(form), **options)
        return declared, self.add(declared)

    def agent(
        self,
        name: str,
        prompt: str,
        *,
        model: str | None = None,
        temperature: float | None = None,
        tools: Iterable[Any] = (),
        approve: Iterable[str] = (),
        output: Any = None,
        handoffs: Iterable[str] = (),
        history: str | None = None,
        turns: int = TURNS,
        writes: str | Iterable[str] | None = None,
        **calling: Any,
    ) -> None:
        """Declare a node that asks a model `prompt`, a Jinja template whose variables are the keys that it reads.

        A line `system:` begins what the model is told of its task, a line `user:` what it is asked; without either all
        of it is what it is asked. The answer goes to the key `name`. How the model is reached says `nbgraph.configure`.

        Args:
            model: its name at the endpoint; by default the configured one.
            temperature: how much it varies; by default as the model has it.
            tools: functions and graphs that it may call, or their names, which are looked up when a run starts.
            approve: those of them that wait for a person's approval, call by call, as `ops.delete` for the agent `ops`.
            output: the type of the answer: a pydantic model, a dataclass, a Literal, int and the like.
            handoffs: agents that it may hand over to: the key `handoff` is then the name of one, else None, which
                an edge `by handoff` follows, and its `else`.
            history: the key with the conversation, which the agent goes on with; "messages" where it hands over.
            turns: how often the model may be called in one task.
            writes: the key for the answer, or several: fields of `output`.
            calling: how it is called, as in `node`: retry, backoff, retry_on, timeout, cache, version, join, parallel.

        Raises:
            TextError: the prompt is no template.
            DeclarationError: an option makes no sense.
        """
        options = {"model": model, "temperature": temperature, "tools": tools, "approve": approve, "output": output}
        options |= {"handoffs": handoffs, "history": history, "turns": turns, "writes": writes}
        self.declare_agent(name, prompt, **options, **calling)

    def declare_agent(self, name: str, prompt: str, **options: Any) -> tuple[Node, tuple[str, ...]]:
        """Declare an agent as `agent` does; returns it with sentences for the person who declared it."""
        options, policy = split_agent_options(options)
        join = checked_join(name, str(options.pop("join", "all")))
        node = agent_node(name, prompt, home=self, policy=checked_policy(name, **policy), join=join, **options)
        return node, self.add(node)

    def edges(self, text: str, **functions: Callable[..., Any]) -> None:
        """Declare edges: `g.edges("START -> draft -> check; check -> draft if score < 7 max 3; check -> END else")`.

        Args:
            functions: what `by name()` in the text calls.

        Raises:
            TextError: the text cannot be read; nothing is changed.
        """
        self.add_edges(text, functions)

    @graph.alone
    def check(self) -> list[Problem]:
        """All problems of the graph, the grave ones first."""
        return checks.check(self)

    def outline(self) -> Outline:
        """What a picture of the graph needs."""
        return self.outlined(tuple(str(problem) for problem in self.check() if problem.severity != "todo"))

    def mermaid(self, direction: str = "LR") -> str:
        """The graph as Mermaid text, for a README or a wiki.

        Args:
            direction: "LR", left to right, or "TB", top to bottom.
        """
        from nbgraph.view.mermaid import mermaid

        return mermaid(self.outline(), direction=_checked_direction(direction))

    def dot(self, direction: str = "LR") -> str:
        """The graph as DOT text, for Graphviz; the direction as `mermaid` takes it."""
        from nbgraph.view.dot import written

        return written(self.outline(), direction=_checked_direction(direction))

    @graph.alone
    def plan(self) -> plan.Plan:
        """The graph compiled.

        Raises:
            GraphError: it has problems that keep it from running; all of them are named.
        """
        grave = [problem for problem in self.check() if problem.severity in ("error", "todo")]
        if grave:
            listed = "\n".join(f"- {problem}" for problem in grave)
            raise GraphError(f"{self.name} cannot run yet:\n{listed}", tuple(grave))
        return plan.compile(self, self.outline())

    async def arun(self, inputs: Mapping[str, Any] | None = None, /, **given: Any) -> Run:
        """Run on the caller's own event loop; returns when the run is done or cannot go on by itself.

        Arguments and errors are those of `run`.
        """
        ready = self._prepared(asyncio.get_running_loop(), inputs, given)
        await ready.start_here()
        return await Run.of(ready)

    def map(self, inputs: Any, *, parallel: int = 8, **given: Any) -> Batch:
        """Start a run for each row of a table, at most `parallel` at once; returns at once.

        Args:
            inputs: the inputs of each row: a list of dicts, anything else that gives mappings, or a DataFrame.
            given: inputs that all rows share, and the options of `run`; to an `id` each row adds its number.

        Raises:
            GraphError: the graph has problems.
            InputError: a row lacks an input, has an unknown one, or one of a wrong type; no run is started then.
        """
        __tracebackhide__ = True
        options, compiled = _options(given), self.plan()
        batch = Batch(self, compiled, checked_table(self, inputs, given), parallel, options)
        for notice in tuple(on_map):
            notice(batch)
        return batch

    def started(self, loop: Any, inputs: Mapping[str, Any] | None, given: dict[str, Any]) -> Run:
        """Start a run on `loop`, with inputs and options as `run` takes them."""
        return begin(self._prepared(loop, inputs, given))

    @graph.alone
    def _prepared(self, loop: Any, inputs: Mapping[str, Any] | None, given: dict[str, Any]) -> RunLoop:
        options, compiled = _options(given), self.plan()
        checked = checked_inputs(self, self._named(inputs, given), state_before(self, options))
        return self.ready(loop, compiled, checked, options)

    def ready(self, loop: Any, compiled: Plan, inputs: Mapping[str, Any], options: Mapping[str, Any]) -> RunLoop:
        """A run of a plan that has not begun, with inputs that were checked."""
        return prepared(self, loop, compiled, inputs, options)

    def _named(self, inputs: Mapping[str, Any] | None, keys: dict[str, Any]) -> dict[str, Any]:
        if inputs is not None and not isinstance(inputs, Mapping):
            raise InputError(f"inputs go by name, as in {self.name}.run(topic=...), not as {brief(inputs)}.")
        return {**(inputs or {}), **keys}


class Start:
    """`g.run`: what starts runs of one graph; its signature lists the graph's inputs."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.__doc__ = f"{inspect.getdoc(Start.__call__)}\n\nInputs of {graph.name}:\n{describe_inputs(graph)}"

    def __repr__(self) -> str:
        return f"<{self._graph.name}.run{self.__signature__}>"

    @property
    def __signature__(self) -> inspect.Signature:
        return signature(self._graph)

    def __call__(self, inputs: Mapping[str, Any] | None = None, /, **given: Any) -> Run:
        """Start a run on the engine's thread; returns at once.

        Args:
            inputs: keys of the state, as a mapping; further ones as keywords.
            store: the path of a database, "memory", or a store; `.nbgraph/runs.db` by default, see `configure`.
            id: a name for the run; made up by default.
            after: a run, or its id, that this one goes on after: its final state is there before the inputs.
            limit: steps after which the run is paused.
            answers: answers for human nodes, or a JSON file with them; NBGRAPH_ANSWERS by default.
            parallel: how many nodes and items are called at once; no limit by default.
            step: True lets one ready set start at a time, see `Run.next`.
            pause_before, pause_after: nodes that the run pauses at, see `Run.breakpoint`.
            budget: what its models may take until the run is paused: US dollars, as 0.5, or "20000 tokens".

        Raises:
            GraphError: the graph has problems.
            InputError: an input is missing or unknown.
        """
        __tracebackhide__ = True
        return announced(self._graph.started(engine_loop(), inputs, given))


RUN_OPTIONS = (
    *("store", "id", "after", "limit", "answers", "parallel", "step", "pause_before", "pause_after", "budget"),
)


def _checked_direction(direction: str) -> str:
    if direction in ("LR", "TB"):
        return direction
    raise InputError(f"direction is 'LR' (left to right) or 'TB' (top to bottom), not {brief(direction)}.")


def _options(given: dict[str, Any]) -> dict[str, Any]:
    """Take the options of a run out of what was given; the rest are keys of the state."""
    return {name: given.pop(name) for name in RUN_OPTIONS if name in given}
