"""Starting: a run is made ready with its store, its executors and what it was told beforehand, and begins."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from typing import Any

from nbgraph.core.approvals import given_answers
from nbgraph.core.events import Status
from nbgraph.core.forms import Form
from nbgraph.core.graph import Graph
from nbgraph.core.names import run_name
from nbgraph.core.plan import Plan
from nbgraph.core.run import Run
from nbgraph.core.run_loop import RunLoop, Settings
from nbgraph.core.stored import stored_state
from nbgraph.core.usage import read_budget
from nbgraph.errors import InputError, RunError, brief, nearest
from nbgraph.executors.threads import Threads
from nbgraph.stores import open_store

_threads = Threads()
_processes: Executor | None = None


def prepared(graph: Graph, loop: Any, plan: Plan, inputs: Mapping[str, Any], options: Mapping[str, Any]) -> RunLoop:
    """A run of `plan` on `loop` that has not begun, with inputs that were checked."""
    return RunLoop(run_name(options.get("id"), graph.name), graph, plan, inputs, loop, settings(plan, options))


def begin(run_loop: RunLoop) -> Run:
    """Let a run begin; on its own loop in a moment, for keeping it blocks."""
    if run_loop.here:
        run_loop.loop.create_task(run_loop.start_soon())
    else:
        run_loop.start()
    return Run.of(run_loop)


def settings(plan: Plan | None, options: Mapping[str, Any]) -> Settings:
    """How a run is made, by the options that were given; InputError where one makes no sense.

    Args:
        plan: has the nodes that the run may pause at; not needed where it is to pause at none.
    """
    limit, parallel = options.get("limit", 1000), options.get("parallel")
    if limit < 1:
        raise InputError(f"limit is the number of steps, 1 or more, not {limit}.")
    if parallel is not None and parallel < 1:
        raise InputError(f"parallel is the number of calls at once, 1 or more, not {parallel}.")
    after = options.get("after")
    return Settings(
        store=open_store(options.get("store")),
        executor=_executor,
        read_form=read_form,
        given=given_answers(options.get("answers")),
        clock=time.time,
        limit=limit,
        parallel=parallel,
        stepping=bool(options.get("step", False)),
        pause_before=_names(plan, options.get("pause_before", ())) if plan else (),
        pause_after=_names(plan, options.get("pause_after", ())) if plan else (),
        budget=read_budget(options.get("budget")),
        parent=("", 0, "") if after is None else (_id(after), 0, "after"),
    )


def state_before(graph: Graph, options: Mapping[str, Any]) -> dict[str, Any]:
    """The final state of the run that another is to go on after; empty where there is none.

    Raises:
        RunError: it has not finished.
        NoSuchRun: the store holds none with that id.
    """
    after = options.get("after")
    if after is None:
        return {}
    if not isinstance(after, Run):
        return stored_state(open_store(options.get("store")), str(after), graph)
    if after.status is not Status.DONE:
        raise RunError(f"{after.id} is {after.status}; a run goes on after one that is done.")
    return after.state


def _id(after: Any) -> str:
    return after.id if isinstance(after, Run) else str(after)


def _names(compiled: Plan, names: str | Iterable[str]) -> tuple[str, ...]:
    listed, known = (names,) if isinstance(names, str) else tuple(names), [node.name for node in compiled.outline.nodes]
    for name in listed:
        if name not in known:
            raise InputError(f"{compiled.name} has no node {brief(name)} to pause at{nearest(name, known) or '.'}")
    return listed


def _executor(on: str | Executor) -> Executor:
    """The executor that a policy names; the processes are made when first needed."""
    global _processes
    if isinstance(on, Executor):
        return on
    if on == "thread":
        return _threads
    if _processes is None:
        from nbgraph.executors.processes import Processes

        _processes = Processes()
    return _processes


def read_form(declared: Any) -> Form:
    """The form that asks a person for a value of a type."""
    from nbgraph.typed_forms import read_form  # pydantic is loaded when it is needed

    return read_form(declared)
