"""The public Graph: declaring and running with the default store, executor and engine thread, in plain Python."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, overload

from nbgraph.core import checks, graph, plan
from nbgraph.core.approvals import given_answers
from nbgraph.core.checks import Problem
from nbgraph.core.engine import engine_loop
from nbgraph.core.graph import Node
from nbgraph.core.inputs import checked_inputs
from nbgraph.core.outline import Outline
from nbgraph.core.ports import Store
from nbgraph.core.run import Run
from nbgraph.core.run_loop import RunLoop
from nbgraph.errors import GraphError, InputError, brief
from nbgraph.executors.threads import Threads
from nbgraph.nodes.function import function_node
from nbgraph.nodes.human import human_node
from nbgraph.store.memory import MemoryStore

Function = TypeVar("Function", bound=Callable[..., Any])

on_run: list[Callable[[Run], None]] = []
"""Called with every run that `Graph.run` has started, in the caller's thread."""

_threads = Threads()


class Graph(graph.Graph):
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

    @overload
    def node(
        self, function: Function, /, *, name: str | None = None, writes: str | Iterable[str] | None = None
    ) -> Function: ...
    @overload
    def node(
        self, function: None = None, /, *, name: str | None = None, writes: str | Iterable[str] | None = None
    ) -> Callable[[Function], Function]: ...
    def node(
        self, function: Any = None, /, *, name: str | None = None, writes: str | Iterable[str] | None = None
    ) -> Any:
        """Declare a node: `g.node(fn)`, `@g.node` or `@g.node(writes="text")`; gives the function back.

        Args:
            name: the node's name; the function's own by default.
            writes: the key, or keys, that the returned value goes to.

        Raises:
            DeclarationError: it is no function, or a name is reserved.
        """
        if function is None:
            return lambda decorated: self.node(decorated, name=name, writes=writes)
        self.declare(function, name=name, writes=writes)
        return function

    def declare(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        writes: str | Iterable[str] | None = None,
        code: str = "",
        file: str = "",
    ) -> tuple[Node, tuple[str, ...]]:
        """Declare a node as `node` does; returns it with sentences for the person who declared it."""
        keys = (writes,) if isinstance(writes, str) else None if writes is None else tuple(writes)
        declared = function_node(function, name=name, writes=keys, code=code, file=file)
        return declared, self.add(declared)

    def human(
        self,
        name: str,
        question: str,
        *,
        show: Iterable[str] = (),
        options: Iterable[str] = ("approve", "reject"),
        edit: Iterable[str] = (),
    ) -> None:
        """Declare a node that asks a person `question`, Markdown with `{{ key }}` for values.

        The chosen option goes to the key `name`, the person's note to `<name>_note`; edited keys are written too,
        unless the option is reject.

        Args:
            show: keys whose values stand beside the question.
            options: one button each.
            edit: keys that the person may change.

        Raises:
            DeclarationError: the question is empty, an option is given twice, or a name is reserved.
        """
        self.declare_human(name, question, show=show, options=options, edit=edit)

    def declare_human(self, name: str, question: str, **options: Iterable[str]) -> tuple[Node, tuple[str, ...]]:
        """Declare a human node as `human` does; returns it with sentences for the person who declared it."""
        declared = human_node(name, question, **options)
        return declared, self.add(declared)

    def edges(self, text: str, **functions: Callable[..., Any]) -> None:
        """Declare edges: `g.edges("START -> draft -> check; check -> draft if score < 7 max 3; check -> END else")`.

        Args:
            functions: what `by name()` in the text calls.

        Raises:
            TextError: the text cannot be read; nothing is changed.
        """
        self.add_edges(text, functions)

    def check(self) -> list[Problem]:
        """All problems of the graph, the grave ones first."""
        return checks.check(self)

    def outline(self) -> Outline:
        """What a picture of the graph needs."""
        return self.outlined(tuple(str(problem) for problem in self.check() if problem.severity != "todo"))

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

    def run(
        self,
        inputs: Mapping[str, Any] | None = None,
        /,
        *,
        store: str | Store = "memory",
        id: str | None = None,
        limit: int = 1000,
        answers: Mapping[str, Any] | str | None = None,
        **keys: Any,
    ) -> Run:
        """Start a run on the engine's thread; returns at once.

        Args:
            inputs: keys of the state, as a mapping; further ones as keywords.
            store: "memory", or a store.
            id: a name for the run; made up by default.
            limit: steps after which the run is paused.
            answers: answers for human nodes, or a JSON file with them; NBGRAPH_ANSWERS by default.

        Raises:
            GraphError: the graph has problems.
            InputError: an input is missing or unknown.
        """
        __tracebackhide__ = True
        run = self._started(engine_loop(), store, id, limit, answers, self._named(inputs, keys))
        for notice in tuple(on_run):
            notice(run)
        return run

    async def arun(
        self,
        inputs: Mapping[str, Any] | None = None,
        /,
        *,
        store: str | Store = "memory",
        id: str | None = None,
        limit: int = 1000,
        answers: Mapping[str, Any] | str | None = None,
        **keys: Any,
    ) -> Run:
        """Run on the caller's own event loop; returns when the run is done or cannot go on by itself.

        Arguments and errors are those of `run`.
        """
        run = self._started(asyncio.get_running_loop(), store, id, limit, answers, self._named(inputs, keys))
        return await run

    def _named(self, inputs: Mapping[str, Any] | None, keys: dict[str, Any]) -> dict[str, Any]:
        if inputs is not None and not isinstance(inputs, Mapping):
            raise InputError(f"inputs go by name, as in {self.name}.run(topic=...), not as {brief(inputs)}.")
        return {**(inputs or {}), **keys}

    def _started(
        self, loop: Any, store: str | Store, id: str | None, limit: int, answers: Any, inputs: dict[str, Any]
    ) -> Run:
        compiled = self.plan()
        if limit < 1:
            raise InputError(f"limit is the number of steps, 1 or more, not {limit}.")
        run_loop = RunLoop(
            id or f"{self.name}-{os.urandom(4).hex()}",
            self,
            compiled,
            checked_inputs(self, inputs),
            store=_opened(store),
            executor=_threads,
            loop=loop,
            given=given_answers(answers),
            limit=limit,
            clock=time.time,
        )
        run_loop.start()
        return Run(run_loop)


def _opened(store: str | Store) -> Store:
    if store == "memory":
        return MemoryStore()
    if isinstance(store, str):
        raise InputError(f"store={store!r}: stores on disk come later; for now it is 'memory' or a store object.")
    return store
