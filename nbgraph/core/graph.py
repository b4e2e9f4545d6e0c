"""Graph: what cells and calls have declared so far, and which of them declared it.

A graph is changed only by declarations. It knows nothing of running: `plan.compile` makes of it what can run.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NamedTuple, ParamSpec, Protocol, TypeVar

from nbgraph.core import edges
from nbgraph.core.cache import Cache
from nbgraph.core.edges import Statement, check_name
from nbgraph.core.outline import Outline, OutlineEdge, OutlineNode
from nbgraph.core.policies import PLAIN, Join, Policy
from nbgraph.core.reducers import Reducer
from nbgraph.core.signature import Read, Writes, in_signature, source_of
from nbgraph.core.state import Schema, read_schema
from nbgraph.errors import DeclarationError, nearest

START, END = "START", "END"


P = ParamSpec("P")
T = TypeVar("T")


class Source(NamedTuple):
    """Where a declaration stands.

    `cell` is the front end's cell id (empty where it sends none), `label` names the place for a person ("cell [3]"),
    `execution` tells one execution of a cell from the next.
    """

    cell: str
    label: str
    execution: int


declared_in: ContextVar[Source | None] = ContextVar("declared_in", default=None)
"""The cell that is being executed; None outside a notebook, where declarations only add up."""


looked_up_in: ContextVar[Callable[[str], Any] | None] = ContextVar("looked_up_in", default=None)
"""Gives the variables of the notebook whose cell is being executed; None outside a notebook."""


class Body(Protocol):
    """What a node does: gets the values of the keys it reads and the task's context, returns what was returned."""

    blocking: bool
    """Whether a call holds up its thread."""

    def __call__(self, arguments: dict[str, Any], context: Any, /) -> Awaitable[Any]: ...


@dataclass(frozen=True, slots=True)
class Node:
    """One declared node.

    `writes` is what is known of its update; `declared` the keys given with `--writes`, or None. `code` is its source
    text, `file` the name under which its code was compiled. `join` says when arrivals start it, `policy` how it is
    called. `reducers` are those of keys that it writes, where the state declares none. A subgraph has its graph as
    `inner`, an agent one that holds the graphs it calls; `now` gives the node as the notebook has it now.
    """

    name: str
    kind: str
    body: Body
    reads: tuple[Read, ...] = ()
    writes: Writes = Writes((), False)
    declared: tuple[str, ...] | None = None
    code: str = ""
    file: str = ""
    source: Source | None = None
    policy: Policy = PLAIN
    join: Join = "all"
    inner: Graph | None = None
    now: Callable[[], Node] | None = None
    reducers: Mapping[str, Reducer] = field(default_factory=dict)

    @property
    def whole_code(self) -> str:
        """Its source text, with that of the graphs in it and of what its body is declared to call."""
        called: tuple[str, ...] = getattr(self.body, "called", ())
        return "\n".join((self.code, *called, *((self.inner.code(),) if self.inner else ())))

    @property
    def signature(self) -> str:
        """One line such as `draft(topic, [feedback]) -> text`."""
        reads = ", ".join(read.key if read.required else f"[{read.key}]" for read in self.reads)
        writes = [*self.writes.keys, *(() if self.writes.certain else ("?",))]
        return f"{self.name}({reads})" + (f" -> {', '.join(writes)}" if writes else "")

    @property
    def marks(self) -> tuple[str, ...]:
        """What is declared of how it is called, a few words each, such as `retry 3`."""
        attempts, _, _, timeout, cache, parallel, on = self.policy
        told = {
            f"retry {attempts}": attempts > 1,
            f"timeout {timeout:g} s" if timeout else "": timeout is not None,
            "cache": cache is not None,
            f"{parallel} at once": parallel is not None,
            f"on {on}" if isinstance(on, str) else "on an executor": on != "thread",
            f"join {self.join}": self.join != "all",
        }
        own: tuple[str, ...] = getattr(self.body, "marks", ())  # what only its kind has, such as a deadline
        return (*(text for text, said in told.items() if said), *own)

    def default_for(self, key: str) -> str:
        """Where a default for a key that it reads is written, for a person."""
        told: Callable[[str], str] = getattr(self.body, "default_for", in_signature)
        return told(key)

    @property
    def where(self) -> str:
        """The place of its declaration, for a person."""
        return self.source.label if self.source else self.file


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A name that two cells declare; the later one counts."""

    name: str
    earlier: Source
    later: Source


@dataclass(slots=True)
class _Declared:
    statement: Statement
    source: Source | None
    functions: Mapping[str, Callable[..., Any]]


def alone(method: Callable[P, T]) -> Callable[P, T]:
    """A method that no other thread's declaration or reading of the same graph comes between."""

    @functools.wraps(method)
    def locked(*args: P.args, **kwargs: P.kwargs) -> T:
        with args[0].lock:  # type: ignore[attr-defined]
            return method(*args, **kwargs)

    return locked


@dataclass(eq=False)
class Graph:
    """A graph under declaration: nodes, edges and state keys, each with the cell that declared it.

    Args:
        name: an identifier; a notebook binds the graph to it.
        toolbox: it holds the graphs that an agent calls, and is not walked itself.
    """

    name: str
    revision: int = 0
    schema: Schema = Schema()
    lookup: Callable[[str], Any] | None = field(default_factory=lambda: looked_up_in.get())
    declared: dict[str, Node] = field(default_factory=dict)
    duplicates: dict[str, Duplicate] = field(default_factory=dict)
    cache: Cache = field(default_factory=Cache)
    lock: Any = field(default_factory=threading.RLock, repr=False)
    _edges: list[_Declared] = field(default_factory=list)
    _first: dict[str, Source] = field(default_factory=dict)  # where a name was declared that its cell had not before
    _schema_source: Source | None = None
    toolbox: bool = False

    def __post_init__(self) -> None:
        check_name(self.name, "graph")

    def __repr__(self) -> str:
        return f"<Graph {self.name}: {len(self.declared)} nodes, {len(self.edge_list())} edges>"

    # Declaring

    @alone
    def add(self, node: Node) -> tuple[str, ...]:
        """Declare `node` in place of one of the same name; returns sentences for the person who declared it."""
        check_name(node.name, "node")
        before = self.declared.get(node.name)
        messages = self._note_duplicate(before, node)
        self.declared[node.name] = node
        self.revision += 1
        return messages

    def _note_duplicate(self, before: Node | None, node: Node) -> tuple[str, ...]:
        earlier, later = before and before.source, node.source
        if later and (not earlier or earlier.cell != later.cell):
            self._first[node.name] = later
        known = self.duplicates.get(node.name)
        if known and later and known.later.cell == later.cell:
            self.duplicates[node.name] = Duplicate(node.name, known.earlier, later)
        if not earlier or not later or not earlier.cell or not later.cell or earlier.cell == later.cell:
            return ()
        self.duplicates[node.name] = Duplicate(node.name, earlier, later)
        return (f"{node.name} is declared in {earlier.label} and in {later.label}; {later.label} counts now.",)

    @alone
    def add_edges(self, text: str, functions: Mapping[str, Callable[..., Any]] | None = None) -> tuple[Statement, ...]:
        """Declare the edges in `text`; statements that the same cell declared before are replaced.

        Args:
            text: the edge language, see `nbgraph.core.edges`.
            functions: the functions that `by name()` calls; a notebook's own functions are found by themselves.

        Raises:
            TextError: the text cannot be read; nothing is changed.
        """
        statements, source = edges.parse(text), declared_in.get()
        replaced = [index for index, old in enumerate(self._edges) if _replaces(source, statements, old)]
        place = replaced[0] if replaced else len(self._edges)
        kept = [old for index, old in enumerate(self._edges) if index not in replaced]
        kept[place:place] = [_Declared(statement, source, dict(functions or {})) for statement in statements]
        self._edges = kept
        self.revision += 1
        return statements

    def state(self, declared: type) -> type:
        """Declare keys with defaults and reducers by a class with annotated fields; usable as a decorator."""
        self.declare_state(read_schema(declared))
        return declared

    @alone
    def declare_state(self, schema: Schema) -> None:
        """Declare the keys of `schema` in place of those declared before."""
        self.schema, self._schema_source = schema, declared_in.get()
        self.revision += 1

    @alone
    def drop(self, name: str) -> str:
        """Forget a node and every edge statement that names it alone on a side; returns what was forgotten.

        Raises:
            DeclarationError: neither a node nor an edge has that name.
        """
        if name not in self.names():
            raise DeclarationError(f"{self.name} has no node {name!r}{nearest(name, self.names()) or '.'}")
        self.declared.pop(name, None)
        self.duplicates.pop(name, None)
        before = len(self._edges)
        self._edges = [old for old in (_without(old, name) for old in self._edges) if old is not None]
        self.revision += 1
        gone = before - len(self._edges)
        return f"dropped {name}" + (f" and {gone} edge statement{'s' * (gone > 1)}" if gone else "")

    @alone
    def clear(self) -> str:
        """Forget everything; returns a sentence on what was forgotten, or an empty string."""
        nodes, listed = len(self.declared), len(self.edge_list())
        counted = f"{nodes} node{'s' * (nodes != 1)} and {listed} edge{'s' * (listed != 1)}"
        had = f"forgot {counted}" if nodes or self._edges else ""
        self.declared.clear()
        self.duplicates.clear()
        self._edges, self.schema, self._schema_source = [], Schema(), None
        self.revision += 1
        return had

    @alone
    def finish(self, source: Source) -> tuple[str, ...]:
        """Called when a cell has run to its end: forget what it declared before and no longer does.

        Returns sentences for the person: a rename with the edges that still say the old name, what is gone.
        """
        gone = [node.name for node in self.declared.values() if _stale(node.source, source)]
        fresh = [name for name, first in self._first.items() if first == source and name in self.declared]
        doubles = self.duplicates.items()
        moved = [name for name, each in doubles if _stale(each.earlier, source) or _stale(each.later, source)]
        edges_before = len(self._edges)
        for name in gone:
            del self.declared[name]
        for name in moved:
            del self.duplicates[name]
        self._edges = [old for old in self._edges if not _stale(old.source, source)]
        if _stale(self._schema_source, source):
            self.schema, self._schema_source = Schema(), None
        if gone or moved or len(self._edges) != edges_before:
            self.revision += 1
        return tuple(self._farewell(name, gone, fresh) for name in gone)

    def _farewell(self, name: str, gone: list[str], fresh: list[str]) -> str:
        saying = sum(name in (edge.source, edge.target) for edge in self.edge_list())
        still = f"; {saying} edge{'s' * (saying > 1)} still say{'s' * (saying == 1)} {name}" if saying else ""
        renamed = len(gone) == len(fresh) == 1
        return (f"renamed {name} to {fresh[0]}" if renamed else f"{name} is no longer declared") + still

    # Reading

    @property
    @alone
    def nodes(self) -> Mapping[str, Node]:
        """The declared nodes, and those that edges name without a declaration where `found` knows them.

        What a subgraph reads and writes is what its graph says now, so this is worked out each time.
        """
        nodes = {name: node.now() if node.now else node for name, node in self.declared.items()}
        unwritten = (name for name in self.names() if name not in nodes)
        found = ((name, self.found(name)) for name in unwritten)
        return {**nodes, **{name: node for name, node in found if node is not None}}

    def found(self, name: str) -> Node | None:
        """The node that `name` stands for though nobody declared it, or None."""
        return None

    def graph_named(self, name: str) -> Graph | None:
        """The graph that has the variable `name` in the notebook, or None."""
        found = self.lookup(name) if self.lookup else None
        return found if isinstance(found, Graph) else None

    @property
    def statements(self) -> tuple[Statement, ...]:
        """The edge statements in declaration order."""
        return tuple(declared.statement for declared in self._edges)

    def whole_schema(self) -> Schema:
        """The declared keys, and the reducers that nodes bring along where the state declares none."""
        brought = {key: each for node in self.nodes.values() for key, each in node.reducers.items()}
        return self.schema._replace(reducers={**brought, **self.schema.reducers}) if brought else self.schema

    def places(self) -> tuple[str, ...]:
        """Where each of `statements` was declared, for a person."""
        return tuple(_place(declared) for declared in self._edges)

    def function(self, name: str) -> Callable[..., Any] | None:
        """The function that `by name()` calls, or None."""
        given = next((old.functions[name] for old in reversed(self._edges) if name in old.functions), None)
        found = given if given is not None or self.lookup is None else self.lookup(name)
        return found if callable(found) else None

    def names(self) -> tuple[str, ...]:
        """All nodes that edges or declarations name, in declaration order: edges first, for they give the shape."""
        said = (name for statement in self.statements for name in (*statement.sources, *statement.targets))
        return tuple(dict.fromkeys(name for name in (*said, *self.declared) if name not in (START, END)))

    def edge_list(self) -> tuple[OutlineEdge, ...]:
        """Every edge, one for each pair of source and target; the start that is not written is the last one."""
        listed = [
            OutlineEdge(source, target, statement.guard.kind, edges.format_guard(statement.guard, statement.limit))
            for statement in self.statements
            for source in statement.sources
            for target in statement.targets
        ]
        start = self.implied_start(listed)
        return (*listed, OutlineEdge(START, start, "plain", "")) if start else tuple(listed)

    @alone
    def outlined(self, notes: tuple[str, ...] = (), within: str = "") -> Outline:
        """The graph as data for a picture, with `notes` to show below it.

        Subgraphs are drawn inside: their nodes follow its own, their edges its own edges, with paths as names.
        """
        nodes, lead = self.nodes, f"{within}/" if within else ""
        listed = tuple(edge._replace(source=lead + edge.source, target=lead + edge.target) for edge in self.edge_list())
        used = {name for edge in listed for name in (edge.source, edge.target)}
        ends = [OutlineNode(lead + name, name.lower(), True, cluster=within) for name in (START, END)]
        drawn = [ends[0], *(_drawn(name, nodes.get(name), within) for name in self.names()), ends[1]]
        shown = tuple(node for node in drawn if node not in ends or node.name in used)
        undefined = sum(not node.defined for node in shown)
        outline = Outline(self.name, shown, listed, notes, undefined)
        for name, inner in self.subgraphs(nodes):
            outline = outline.with_inner(inner.outlined((), lead + name))
        return outline

    def subgraphs(self, nodes: Mapping[str, Node]) -> list[tuple[str, Graph]]:
        """The subgraphs in the order in which they are drawn, each with its name; none that holds this graph."""
        inner = ((name, nodes[name].inner) for name in self.names() if name in nodes)
        return [(name, graph) for name, graph in inner if graph is not None and not graph.holds(self)]

    def holds(self, other: Graph) -> bool:
        """Whether `other` is this graph, or is used by it, at any depth."""
        return id(other) in self._all()

    def declared_so_far(self) -> tuple[object, ...]:
        """What tells the declarations of this graph, and of those that it uses, from earlier ones."""
        return tuple((id(graph), graph.revision, *graph._functions()) for graph in self._all().values())

    def _functions(self) -> list[int]:
        """The functions that `by` calls: a cell can define one anew without declaring anything."""
        called = (statement.guard.function for statement in self.statements if statement.guard.function)
        return [id(self.function(name)) for name in called]

    def _all(self) -> dict[int, Graph]:
        """This graph and those that it uses, at any depth."""
        seen: dict[int, Graph] = {}
        waiting: list[Graph] = [self]
        while waiting:
            graph = waiting.pop()
            if id(graph) not in seen:
                seen[id(graph)] = graph
                waiting += graph._used()
        return seen

    def _used(self) -> list[Graph]:
        nodes = (node.now() if node.kind == "agent" and node.now else node for node in self.declared.values())
        declared = [node.inner for node in nodes if node.inner is not None]
        named = (self.graph_named(name) for name in self.names() if name not in self.declared)
        return [*declared, *(graph for graph in named if graph is not None)]

    def code(self) -> str:
        """The text of all that is declared, in the graphs that it uses too."""
        written = (node.whole_code for node in self.nodes.values())
        called = (self.function(each.guard.function) for each in self.statements if each.guard.function)
        functions = (source_of(function) for function in called if function)
        return "\n".join((*map(str, self.statements), *written, *functions, repr(self.schema[:4])))

    def implied_start(self, listed: list[OutlineEdge]) -> str | None:
        """The only node without incoming edges, where no edge leaves START."""
        if self.toolbox or any(edge.source == START for edge in listed):
            return None
        led_to = {edge.target for edge in listed if edge.source != edge.target}
        linked = {edge.source for edge in listed} | led_to
        candidates = [
            name for name in self.names() if name not in led_to and (name in linked or len(self.names()) == 1)
        ]
        return candidates[0] if len(candidates) == 1 else None


def _drawn(name: str, node: Node | None, within: str) -> OutlineNode:
    path = f"{within}/{name}" if within else name
    if node is None:
        return OutlineNode(path, "function", False, cluster=within)
    return OutlineNode(path, node.kind, True, node.signature, node.code, node.where, within, node.marks)


def _stale(declared: Source | None, now: Source) -> bool:
    """Whether `declared` is from an earlier execution of the cell that is executed `now`."""
    return bool(declared and declared.cell and declared.cell == now.cell and declared.execution != now.execution)


def _replaces(source: Source | None, statements: tuple[Statement, ...], old: _Declared) -> bool:
    """Whether declaring `statements` in `source` takes the place of `old`.

    A cell replaces what it said before. Without a cell's id (nbclient sends none) a statement replaces those from the
    same nodes that an earlier cell declared. Outside a notebook nothing is replaced.
    """
    if source is None or old.source is None or old.source.execution == source.execution:
        return False
    if source.cell or old.source.cell:
        return source.cell == old.source.cell
    return any(set(statement.sources) & set(old.statement.sources) for statement in statements)


def _without(declared: _Declared, name: str) -> _Declared | None:
    old = declared.statement
    sources = tuple(each for each in old.sources if each != name)
    targets = tuple(each for each in old.targets if each != name)
    if not sources or not targets:
        return None
    kept = Statement(sources, targets, old.guard, old.limit, old.line)
    return _Declared(kept, declared.source, declared.functions)


def _place(declared: _Declared) -> str:
    line = f"line {declared.statement.line}"
    return f"{declared.source.label}, {line}" if declared.source else f"edges, {line}"
