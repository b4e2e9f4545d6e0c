"""Tab in a declaring cell: options and values, actions, graphs, nodes and keys; nothing where these do not belong."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import NamedTuple

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, completion_matcher

from nbgraph.core.graph import END, START, Graph
from nbgraph.core.inputs import readers, writers
from nbgraph.notebook import mentions
from nbgraph.notebook.catalog import Catalog
from nbgraph.notebook.options import ACTIONS, AGENT, EDGES, HUMAN, NODE, STATE, SUBGRAPH, Action, Form, Option

FORMS = {form.magic: form for form in (NODE, NODE._replace(magic="%node"), EDGES, HUMAN, AGENT, STATE, SUBGRAPH)}
WORDS = ("if", "else", "always", "by", "each", "on error", "max")

_AFTER_OPTION = re.compile(r"\s(--[\w-]+)(?:=|\s+)((?:[^\s,]+,\s*)*[^\s,]*)$")
_USED = re.compile(r"\s(--[\w-]+)(?=[\s=])")


class Offer(NamedTuple):
    """What may stand in place of `fragment`, the text before the cursor."""

    fragment: str
    candidates: tuple[str, ...]

    def fitting(self) -> tuple[str, ...]:
        """The candidates that go on from the fragment."""
        return tuple(name for name in self.candidates if name.startswith(self.fragment))


class GraphCompleter:
    """Completes what the magics take, from the graphs of a notebook."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    @completion_matcher(identifier="nbgraph", api_version=2, priority=50)  # type: ignore[untyped-decorator]
    def match(self, context: CompletionContext) -> SimpleMatcherResult:
        """What IPython calls on Tab; Jupyter sends the whole cell, a terminal at least the line."""
        lines = [*context.full_text.split("\n")[: context.cursor_line], context.text_until_cursor]
        offer = self.offer(lines)
        if offer is None or not offer.fitting():
            return {"completions": [], "suppress": False}
        found = [SimpleCompletion(text=name, type="nbgraph") for name in offer.fitting()]
        return {"completions": found, "suppress": True, "matched_fragment": offer.fragment}

    def offer(self, lines: list[str]) -> Offer | None:
        """What fits at the end of `lines`, the cell up to the cursor; None where it is nothing of ours."""
        first = next((line for line in lines if line.strip()), "")
        magic, line = first.split(" ")[0], lines[-1]
        if magic in FORMS and line is first:
            return self._options(FORMS[magic], line)
        if magic == "%%edges":
            return self._edges(line, first)
        if magic in ("%%human", "%%agent"):
            return self._question(line, first)
        return self._line_magic(line.lstrip())

    def _line_magic(self, line: str) -> Offer | None:
        magic, blank, rest = line.partition(" ")
        if not blank:
            return None
        if magic == "%graph":
            return self._actions(rest.lstrip())
        if magic == "%edge":
            return self._edges(rest, rest)
        return self._options(FORMS[magic], line) if magic in ("%node", "%subgraph") else None

    def _actions(self, rest: str) -> Offer | None:
        name, blank, given = rest.partition(" ")
        if not blank:
            return Offer(rest, tuple(each.name for each in ACTIONS))
        action = next((each for each in ACTIONS if each.name == name), None)
        if action is None:
            return None
        option = _AFTER_OPTION.search(f" {given}")
        if action.options and (option or given.rpartition(" ")[2].startswith("-")):
            return self._options(Form("%graph", action.options, ""), f"%graph {rest}")
        return self._about(action, given.lstrip())

    def _about(self, action: Action, fragment: str) -> Offer | None:
        """What an action is about, where it is named first."""
        graph = self._catalog.current
        match action.arguments[:1]:
            case ("graph",):
                return Offer(fragment, tuple(self._catalog.graphs()))
            case ("runs",):
                return Offer(fragment, (*self._catalog.graphs(), "all"))
            case ("node",) if graph is not None:
                return Offer(fragment, graph.names())
        return None

    # A line of options

    def _options(self, form: Form, line: str) -> Offer | None:
        """An option, the value of one, or the name that the magic takes."""
        asked = _AFTER_OPTION.search(line)
        option = next((each for each in form.options if asked and each.name == asked[1]), None)
        if asked and option and not asked[2].startswith("-") and not (option.optional and not asked[2]):
            return self._values(form, option, asked[2], line)
        fragment = re.split(r"[\s,=]", line)[-1]
        if form.argument and not fragment.startswith("-") and len(line.split(" ")) == 2:
            return Offer(fragment, self._arguments(form, line))
        used = _USED.findall(line)
        return Offer(fragment, tuple(each.name for each in form.options if each.name not in used))

    def _arguments(self, form: Form, line: str) -> tuple[str, ...]:
        graph = self._graph(line)
        if form.argument == "graph":
            return self._usable(graph)
        return tuple(name for name in graph.names() if name not in graph.nodes) if graph else ()

    def _values(self, form: Form, option: Option, given: str, line: str) -> Offer | None:
        *before, fragment = (part.strip() for part in given.split(","))
        if option.kind == "pairs":
            return self._pairs(option, before, fragment, line)
        if option.kind == "deadline":
            return self._deadline(fragment, line)
        found = self._known(option, line)
        return None if found is None else Offer(fragment, tuple(name for name in found if name not in before))

    def _known(self, option: Option, line: str) -> tuple[str, ...] | None:
        """The names that an option may take; None where it takes no names."""
        match option.kind:
            case "graph":
                return tuple(self._catalog.graphs())
            case "key" | "keys":
                return _keys(self._graph(line))
            case "nodes":
                graph, own = self._graph(line), line.split(" ")[1:2]
                return tuple(name for name in graph.names() if name not in own) if graph else ()
            case "tools":
                return self._tools()
            case "choice" | "choices":
                return option.choices
            case "errors" | "executor" | "type":
                return mentions.offered(option, self._catalog.variables)
        return None

    def _deadline(self, given: str, line: str) -> Offer | None:
        """The option that is the answer then, behind `=`."""
        _, equals, fragment = given.partition("=")
        listed = re.search(r"--options[ =](\S+)", line)
        options = tuple(listed[1].split(",")) if listed else ("approve", "reject")
        return Offer(fragment, options) if equals else None

    def _pairs(self, option: Option, before: list[str], fragment: str, line: str) -> Offer | None:
        """A key before or after `=`: ours, or one of the graph that becomes a node."""
        named = re.match(r"\s*%subgraph\s+(\w+)", line)
        inner = self._catalog.graphs().get(named[1]) if named else None
        if inner is None:
            return None
        ours = _keys(self._graph(line))
        left, equals, right = fragment.partition("=")
        if option.name == "--reads":
            return Offer(right, ours) if equals else Offer(left, _unsaid(_read_by(inner), before))
        return Offer(right, tuple(writers(inner))) if equals else Offer(left, _unsaid((*writers(inner), *ours), before))

    # A line of edges, a question

    def _edges(self, line: str, first: str) -> Offer | None:
        """A node, or behind a guard's word a key."""
        statement = re.split(r"[;\n]", line)[-1]
        fragment = _fragment(statement)
        graph = self._graph(first)
        if graph is None or "#" in statement:
            return None
        if re.search(r"\bon\s+\w*$", statement):
            return Offer(fragment, ("error",))
        if re.search(r"\b(if|by|each)\s", statement):
            return Offer(fragment, _keys(graph))
        if re.search(r"->\s*\w+(?:\s*,\s*\w+)*\s+\w*$", statement):
            return Offer(fragment, WORDS)
        return Offer(fragment, (START, *dict.fromkeys((*graph.names(), *self._usable(graph))), END))

    def _question(self, line: str, first: str) -> Offer | None:
        open_value = re.search(r"\{\{\s*\w*$", line)
        return Offer(_fragment(line), _keys(self._graph(first))) if open_value else None

    # What there is

    def _tools(self) -> tuple[str, ...]:
        """The functions and graphs of the notebook."""
        listed = list(self._catalog.variables.items())
        made_here = [name for name, value in listed if inspect.isfunction(value) and value.__module__ == "__main__"]
        return (*(name for name in made_here if not name.startswith("_")), *self._catalog.graphs())

    def _usable(self, graph: Graph | None) -> tuple[str, ...]:
        """The graphs of the notebook that can be nodes of `graph`."""
        known = self._catalog.graphs().items()
        return tuple(name for name, each in known if graph is None or not each.holds(graph))

    def _graph(self, line: str) -> Graph | None:
        named = re.search(r"--graph[ =](\w+)", line)
        return self._catalog.graphs().get(named[1]) if named else self._catalog.current


def _fragment(text: str) -> str:
    found = re.search(r"[^\W\d]\w*$", text)
    return found[0] if found else ""


def _keys(graph: Graph | None) -> tuple[str, ...]:
    """The keys that a graph's declarations name."""
    if graph is None:
        return ()
    return tuple(dict.fromkeys((*graph.schema.keys, *writers(graph), *_read_by(graph))))


def _unsaid(keys: Iterable[str], before: list[str]) -> tuple[str, ...]:
    said = [part.partition("=")[0] for part in before]
    return tuple(dict.fromkeys(key for key in keys if key not in said))


def _read_by(graph: Graph) -> Iterable[str]:
    return dict.fromkeys(reader.key for reader in readers(graph))
