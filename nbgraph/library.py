"""The public Graph: declaring and running with the default store, executor and engine thread, in plain Python."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from nbgraph.batch import Batch
from nbgraph.core import checks, graph, plan
from nbgraph.core.approvals import Approval
from nbgraph.core.checks import Problem
from nbgraph.core.engine import engine_loop
from nbgraph.core.events import Status
from nbgraph.core.graph import Node
from nbgraph.core.inputs import checked_inputs, describe_inputs, signature
from nbgraph.core.outline import Outline
from nbgraph.core.plan import Plan
from nbgraph.core.policies import checked_join, checked_policy, split_options
from nbgraph.core.ports import RunSummary
from nbgraph.core.run import Run, on_run
from nbgraph.core.run_loop import RunLoop
from nbgraph.core.state import read_schema
from nbgraph.core.stored import resumed, salvaged
from nbgraph.core.tables import checked_table
from nbgraph.errors import DeclarationError, GraphError, InputError, brief
from nbgraph.nodes.function import function_node
from nbgraph.nodes.human import human_node
from nbgraph.nodes.subgraph import subgraph_node
from nbgraph.starting import begin, prepared, read_form, settings, state_before
from nbgraph.stores import learn_classes, open_store, salvageable
from nbgraph.typed import with_checks
from nbgraph.watching import Watch

__all__ = ["Graph", "Start", "on_map", "on_run"]

if TYPE_CHECKING:
    from nbgraph.store.transfer import Pruned

Function = TypeVar("Function", bound=Callable[..., Any])

on_map: list[Callable[[Batch], None]] = []
"""Called with every batch that `Graph.map` has started, in the caller's thread."""

ALL = 1_000_000_000


class _Starting:
    """`Graph.run`: gives the `Start` of a graph; no property, for of one IPython would show the property itself."""

    @overload
    def __get__(self, made: None, owner: type) -> _Starting: ...
    @overload
    def __get__(self, made: Graph, owner: type) -> Start: ...
    def __get__(self, made: Graph | None, owner: type) -> Start | _Starting:
        return self if made is None else Start(made)


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
        checked = checked_inputs(self, self._named(inputs, given), state_before(options))
        return self.ready(loop, compiled, checked, options)

    def ready(self, loop: Any, compiled: Plan, inputs: Mapping[str, Any], options: Mapping[str, Any]) -> RunLoop:
        """A run of a plan that has not begun, with inputs that were checked."""
        return prepared(self, loop, compiled, inputs, options)

    # Stored runs

    def resume(
        self, run_id: str, *, rename: Mapping[str, str] | None = None, store: Any = None, answers: Any = None
    ) -> Run:
        """Go on with a stored run, by the edges it began with and the nodes as they are declared now.

        Finished tasks are kept; those that were under way run again, and get what `ctx.step` and people gave them.

        Args:
            rename: for names of nodes in the stored run, those that they have now.
            store: where the run is kept, as `run` takes it.
            answers: answers for human nodes, as `run` takes them.

        Raises:
            NoSuchRun: the store holds none with that id.
            OwnedElsewhere: a process that is alive has it.
            GraphChanged: a node that it is about to call is gone; the message tells the ways forward.
            RunError: it has ended, or is another graph's.
        """
        __tracebackhide__ = True
        learn_classes(self)
        made = settings(self.plan(), {"store": store, "answers": answers})
        return _shown(Run.of(resumed(self, run_id, rename or {}, made, engine_loop())))

    def salvage(self, run_id: str, *, id: str | None = None, store: Any = None, answers: Any = None) -> Run:
        """A new run from what is left of a damaged one: it shares the past up to the last good step, and goes on.

        Args:
            id: a name for the new run; made up by default.

        Raises:
            NoSuchRun: the store holds none with that id.
            StoreDamaged: nothing of it is left.
        """
        __tracebackhide__ = True
        learn_classes(self)
        made = settings(self.plan(), {"store": store, "answers": answers})
        new = id or f"{self.name}-{os.urandom(4).hex()}"
        run = salvaged(self, salvageable(made.store, run_id), new, made, engine_loop())
        run.go_on(f"salvaged from {run_id}")
        return _shown(Run.of(run))

    def watch(self, run_id: str, *, store: Any = None) -> Watch:
        """Look on at a stored run that another process has: as it stands, and what happens from now on.

        Raises:
            NoSuchRun: the store holds none with that id.
        """
        __tracebackhide__ = True
        learn_classes(self)
        return Watch(self, open_store(store), run_id, engine_loop())

    def runs(self, *, status: Iterable[str] | str = (), limit: int = 100, store: Any = None) -> list[RunSummary]:
        """The stored runs of this graph, those that started last first.

        Args:
            status: only those that stand so, such as "waiting".
            limit: how many at most.
        """
        wanted = tuple(Status(each) for each in ((status,) if isinstance(status, str) else status))
        return open_store(store).runs(self.name, wanted, limit)

    def approvals(self, *, store: Any = None) -> list[Approval]:
        """The open questions of all stored runs of this graph, in the order of asking."""
        opened = open_store(store)
        mine = {run.id for run in opened.runs(self.name, limit=ALL)}
        return [approval for approval in opened.approvals(open_only=True) if approval.run_id in mine]

    def prune(
        self,
        *,
        older_than: float | None = None,
        keep: int | None = None,
        status: Iterable[str] = ("done", "cancelled"),
        dry_run: bool = False,
        store: Any = None,
    ) -> Pruned:
        """Delete stored runs of this graph that have ended; those that a living process has are left alone.

        Args:
            older_than: seconds since their last change; younger ones are left.
            keep: so many of the latest ones are left.
            status: only those that stand so.
            dry_run: True deletes nothing and says what would be.
        """
        wanted = tuple(Status(each) for each in status)
        given = {"older_than": older_than, "keep": keep, "status": wanted, "dry_run": dry_run}
        pruned: Pruned = _transfer().prune(open_store(store), graph=self.name, **given)
        return pruned

    def delete(self, run_id: str, *, store: Any = None) -> None:
        """Delete a stored run; OwnedElsewhere where a process that is alive has it."""
        open_store(store).delete(run_id)

    def copy(self, run_id: str, new_id: str, *, store: Any = None, to: Any = None) -> None:
        """Copy a stored run under another id, into another store where `to` names one."""
        _transfer().copy(open_store(store), run_id, new_id, to=None if to is None else open_store(to))

    def export(self, run_id: str, path: str | os.PathLike[str], *, store: Any = None) -> Path:
        """Write a stored run with all its history to one file; returns its path, which ends in .nbrun."""
        written: Path = _transfer().export(open_store(store), run_id, path)
        return written

    def import_run(self, path: str | os.PathLike[str], *, id: str | None = None, store: Any = None) -> str:
        """Read a run from a file that `export` wrote; returns its id."""
        imported: str = _transfer().import_run(open_store(store), path, id=id)
        return imported

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

        Raises:
            GraphError: the graph has problems.
            InputError: an input is missing or unknown.
        """
        __tracebackhide__ = True
        return _shown(self._graph.started(engine_loop(), inputs, given))


RUN_OPTIONS = ("store", "id", "after", "limit", "answers", "parallel", "step", "pause_before", "pause_after")


def _options(given: dict[str, Any]) -> dict[str, Any]:
    """Take the options of a run out of what was given; the rest are keys of the state."""
    return {name: given.pop(name) for name in RUN_OPTIONS if name in given}


def _transfer() -> Any:
    from nbgraph.store import transfer  # loaded when first needed

    return transfer


def _shown(run: Run) -> Run:
    """The run, after everybody who wants to know of each has been told."""
    for notice in tuple(on_run):
        notice(run)
    return run
