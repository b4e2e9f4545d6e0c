"""The graphs of a notebook, which of them is the current one, and which cell is being executed."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell

from nbgraph.core.graph import Source, declared_in, looked_up_in
from nbgraph.errors import DeclarationError, NbgraphError, nearest
from nbgraph.library import Graph
from nbgraph.notebook import pictures

NEW = "%graph new essay"
_UNHEARD = 0  # no id() is 0


@dataclass(eq=False)
class Cell:
    """A cell that is being executed.

    `count` is its number, as in `In [3]`. `bindings` are called with whether the cell succeeded, when it has run.
    """

    raw: str
    count: int
    source: Source
    outer: Cell | None = None
    bindings: list[Callable[[bool], None]] = field(default_factory=list)


current_cell: ContextVar[Cell | None] = ContextVar("current_cell", default=None)


class Catalog:
    """Knows the graphs by their variables, follows the execution of cells, and completes it for the graphs."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._current: str | None = None
        self._section = ""  # the cell that made it current
        self._named: dict[str, str] = {}  # the graph of each cell that said `%graph new` or `%graph use`
        self._sections: dict[str, str] = {}  # the one of these that a cell first ran under
        self._told = 0
        self._executions = itertools.count(1)
        self._open: dict[int, Cell] = {}

    # Graphs

    def graphs(self) -> dict[str, Graph]:
        """The graphs of the notebook by variable."""
        listed = list(self.variables.items())
        return {name: value for name, value in listed if isinstance(value, Graph) and not name.startswith("_")}

    @property
    def variables(self) -> dict[str, Any]:
        """Everything that the notebook has a name for."""
        variables: dict[str, Any] = self._shell.user_ns
        return variables

    @property
    def current(self) -> Graph | None:
        """The graph that declarations belong to, or None."""
        return self.graphs().get(self._current or "")

    def graph(self, name: str | None = None) -> Graph:
        """The graph of that variable, or the current one.

        Raises:
            DeclarationError: there is none; says what to type.
        """
        known = self.graphs()
        if name is None and self._current is None:
            use = f", or `%graph use {next(iter(known))}`" if known else ""
            raise DeclarationError(f"there is no current graph yet; type `{NEW}`{use}, and run this cell again.")
        wanted = name or self._of_this_cell() or ""
        if wanted not in known:
            raise DeclarationError(f"{wanted!r} is no graph of this notebook{_known(wanted, known)}")
        self._adopt(known[wanted])
        return known[wanted]

    def _of_this_cell(self) -> str | None:
        """The graph of the section that the executed cell first ran in, also when it is run again after others."""
        cell = current_cell.get()
        place = cell.source.cell if cell else ""
        home = self._named.get(self._sections.setdefault(place, self._section)) if place else None
        if home is None or home == self._current or home not in self.graphs():
            return self._current
        if cell is not None and self._told != cell.source.execution:
            self._told = cell.source.execution
            print(f"for {home}, as before; the current graph is {self._current}")
        return home

    def _begin_section(self, name: str) -> None:
        cell = current_cell.get()
        self._current, self._section = name, cell.source.cell if cell else ""
        if self._section:
            self._named[self._section] = name
            self._sections[self._section] = self._section

    def new(self, name: str) -> tuple[Graph, str]:
        """Bind an empty graph to `name` and make it current; a graph that is there is cleared.

        Returns it with a sentence for the person.

        Raises:
            DeclarationError: `name` names something else, or cannot name a graph.
        """
        there = self._shell.user_ns.get(name)
        if not isinstance(there, Graph):
            self._check_free(name)
            there = self._shell.user_ns[name] = Graph(name)
        forgot = there.clear()
        self._begin_section(name)
        self._adopt(there)
        return there, f"{name}: {forgot}; runs that exist keep their plan" if forgot else f"{name} is a new graph"

    def use(self, name: str) -> Graph:
        """Make the graph of that variable the current one; DeclarationError where there is none."""
        found = self.graph(name)
        self._begin_section(name)
        return found

    def _check_free(self, name: str) -> None:
        if name in self._shell.user_ns:
            kind = type(self._shell.user_ns[name]).__name__
            raise DeclarationError(f"the variable {name!r} is no graph but {kind}; take another name or `del {name}`.")
        if name in dir(sys.modules["builtins"]):
            raise DeclarationError(f"{name!r} is a function of Python; take another name for the graph.")

    def _adopt(self, graph: Graph) -> None:
        if graph.lookup is None:
            graph.lookup = self.variables.get  # its functions and its subgraphs

    # Cells

    def begin(self, info: ExecutionInfo) -> None:
        """A cell is about to be executed."""
        count = self._shell.execution_count - bool(info.store_history)
        self._open[id(info)] = self._enter(info.raw_cell or "", info.cell_id or "", count)

    def join(self) -> None:
        """A cell is being executed whose beginning nobody heard: the one that loads the extension."""
        count = max(1, self._shell.execution_count - 1)
        self._open[_UNHEARD] = self._enter("", _cell_id(self._shell), count)

    def leave(self) -> None:
        """What is declared from now on belongs to no cell."""
        current_cell.set(None)
        declared_in.set(None)
        looked_up_in.set(None)

    def _enter(self, raw: str, cell_id: str, count: int) -> Cell:
        source = Source(cell_id, f"cell [{count}]", next(self._executions))
        cell = Cell(raw, count, source, current_cell.get())
        current_cell.set(cell)
        declared_in.set(source)
        looked_up_in.set(self._shell.user_ns.get)
        return cell

    def end(self, result: ExecutionResult | None) -> None:
        """A cell has been executed: bind what waits for its end, forget what it no longer declares, draw anew."""
        cell = self._leave(result)
        for graph in self._distinct():
            self._adopt(graph)
        if cell is not None and result is not None:
            cell.raw = cell.raw or getattr(result.info, "raw_cell", "")
            self._complete(cell, result)
        for graph in self._distinct():
            pictures.refresh(graph)

    def _leave(self, result: ExecutionResult | None) -> Cell | None:
        """The cell that `result` is of; the cell around it, if there is one, is the current one again."""
        cell = self._open.pop(id(result and result.info), None) or self._open.pop(_UNHEARD, None) or current_cell.get()
        outer = cell.outer if cell is not None and cell is current_cell.get() else None
        current_cell.set(outer)
        declared_in.set(outer.source if outer else None)
        return cell

    def _complete(self, cell: Cell, result: ExecutionResult) -> None:
        succeeded = bool(result.success)
        try:
            for bind in cell.bindings:
                self._within(cell, bind, succeeded)
            if succeeded:
                self._finish(cell)
        except NbgraphError as error:
            self._fail(result, error)

    def _within(self, cell: Cell, bind: Callable[[bool], None], succeeded: bool) -> None:
        token = declared_in.set(cell.source)
        try:
            bind(succeeded)
        finally:
            declared_in.reset(token)

    def _finish(self, cell: Cell) -> None:
        for graph in self._distinct():
            for message in graph.finish(cell.source):
                print(message)

    def _fail(self, result: ExecutionResult, error: NbgraphError) -> None:
        """Let the cell count as failed, so that Run All stops and nbval sees it."""
        result.error_in_exec = error
        self._shell.last_execution_succeeded = False
        self._shell.showtraceback((type(error), error, error.__traceback__))

    def _distinct(self) -> list[Graph]:
        return list({id(graph): graph for graph in self.graphs().values()}.values())


def _known(name: str, known: dict[str, Any]) -> str:
    listed = ", ".join(known)
    return nearest(name, known) or (f"; there is {listed}." if known else f"; type `{NEW}` to start one.")


def _cell_id(shell: InteractiveShell) -> str:
    """The front end's id of the cell that is being executed, from the request; empty where there is none."""
    parent: dict[str, Any] = getattr(shell, "get_parent", dict)()
    return str(parent.get("metadata", {}).get("cellId") or "")
