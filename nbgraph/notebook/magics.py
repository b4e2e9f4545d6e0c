"""The magics: each reads its line, calls the public function that it stands for, and prints what came of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import TypeVar

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, cell_magic, line_cell_magic, line_magic, magics_class, no_var_expand

from nbgraph.core import graph as core
from nbgraph.core.graph import Node
from nbgraph.core.statements import Statement
from nbgraph.errors import DeclarationError, TextError, brief
from nbgraph.library import Graph
from nbgraph.notebook import cells, mentions, option_lines, options
from nbgraph.notebook.catalog import Catalog, Cell, current_cell
from nbgraph.notebook.mistakes import in_one_sentence
from nbgraph.notebook.option_lines import NodeLine
from nbgraph.notebook.options import AGENT, EDGE, EDGES, FORM, HUMAN, NODE, OUTPUT, STATE, SUBGRAPH
from nbgraph.notebook.pictures import show_picture
from nbgraph.notebook.run_actions import RunActions

M = TypeVar("M", bound=Callable[..., None])


def _with_help(text: str) -> Callable[[M], M]:
    """Adds what the tables of `options` say to a magic's help."""

    def documented(magic: M) -> M:
        magic.__doc__ = f"{inspect.getdoc(magic)}\n\n{text}\n"
        return magic

    return documented


@magics_class
class GraphMagics(Magics):
    """The magics of nbgraph; `catalog` knows the graphs of the notebook."""

    def __init__(self, shell: InteractiveShell, catalog: Catalog) -> None:
        super().__init__(shell)
        self.notebook, self.catalog = shell, catalog
        self._runs = RunActions(shell, catalog)

    @no_var_expand
    @line_cell_magic
    @in_one_sentence
    @_with_help(options.describe(NODE))
    def node(self, line: str, body: str | None = None) -> None:
        """Declare the function of this cell as a node of the current graph.

        Its parameters are the keys that it reads, and what it returns is its update. Helper functions may stand
        beside it. `%node` as the first line of a cell does the same and leaves the cell plain Python.

        Examples, each a cell:

            %%node
            def draft(topic: str, feedback: str = ""):
                return {"text": f"All about {topic}. {feedback}"}

            %%node --writes score
            async def critique(text: str):
                return _words(text)

            def _words(text):
                return len(text.split())

            %%node --retry 3 --retry-on TimeoutError,ConnectionError --timeout 30s
            def look_up(topic: str):
                return {"facts": [topic]}

            %node --cache 1h
            def publish(text: str):
                return {"url": f"https://example.org/{len(text)}"}
        """
        if body is None:
            return self._node_of_cell(line)
        raw = self._reached("%%node", body, "write a def below it")
        compiled = cells.compile_body(self.notebook, raw, body, self._count())
        read = option_lines.node_line(line)
        self.catalog.graph(read.graph)
        name = cells.node_of(compiled.tree)
        self._check_no_graph(name)
        cells.execute(self.notebook, compiled.code)
        self._declare(name, read, code=raw, file=compiled.file)

    def _node_of_cell(self, line: str) -> None:
        """`%node`: the def does not exist yet, so it is bound when the cell has run."""
        cell, read = current_cell.get(), option_lines.node_line(line, "%node")
        self.catalog.graph(read.graph)
        if cell is None:
            raise DeclarationError("%node is for a cell with a def; this is no cell.")
        if cell.bindings:
            raise DeclarationError("a cell declares one node, and %node stands here twice; keep one.")
        cell.bindings.append(lambda succeeded: self._bind(cell, read, succeeded))

    def _bind(self, cell: Cell, read: NodeLine, succeeded: bool) -> None:
        if not succeeded:
            print("%node declared nothing, because the cell raised; mend it and run it again.")
            return
        name = cells.node_of(cells.tree_of(self.notebook, cell.raw))
        self._declare(name, read, code=cell.raw)

    def _declare(self, name: str, read: NodeLine, **text: str) -> None:
        """Declare the function of that name; only now, for the cell may define what its options name."""
        function = self.catalog.variables.get(name)
        if not callable(function):
            raise DeclarationError(f"a node is a function made by def or async def, not {brief(function)}.")
        calling = mentions.calling(read.calling, self.catalog.variables)
        self._declared(*self.catalog.graph(read.graph).declare(function, writes=read.writes, **calling, **text))

    @no_var_expand
    @cell_magic
    @in_one_sentence
    @_with_help(options.describe(EDGES))
    def edges(self, line: str, body: str) -> None:
        """Declare edges of the current graph and display its picture; nodes may be written later.

        Examples, each a cell:

            %%edges
            START -> draft -> critique
            critique -> draft    if score < 7 max 3
            critique -> publish  else
            publish -> END

            %%edges
            START -> facts, style -> join    # both run, and join waits for both
            facts -> guess on error          # when its last attempt has failed
            guess -> join -> END
        """
        raw = self._reached("%%edges", body, "write edges below it, such as `START -> draft -> END`")
        graph = self.catalog.graph(option_lines.body_line(EDGES, line).graph)
        _add_edges(graph, "\n" * (cells.lines_above(raw, body) or 0) + body)
        show_picture(graph)

    @no_var_expand
    @line_magic
    @in_one_sentence
    @_with_help(options.describe(EDGE))
    def edge(self, line: str) -> None:
        """Declare edges in one line.

        Examples, each a cell:

            %edge draft -> critique

            %edge critique -> draft if score < 7 max 3; critique -> END else

            %edge critique -> guess on error
        """
        read = option_lines.edge_line(line)
        if not read.text.strip():
            raise DeclarationError("%edge needs an edge, such as `%edge draft -> critique`.")
        if read.text.rstrip().endswith("?"):
            end = len(line.rstrip())
            raise TextError("`?` is no part of an edge; `%edge?` alone shows help.", line, 1, end, "%edge")
        cell = current_cell.get()
        row = cells.row_of(cell.raw, f"%edge {line}") if cell else 0
        for statement in _add_edges(self.catalog.graph(read.graph), "\n" * row + read.text):
            print(statement)

    @no_var_expand
    @line_magic
    @in_one_sentence
    @_with_help(options.describe(SUBGRAPH))
    def subgraph(self, line: str) -> None:
        """Declare a graph of this notebook as a node of the current graph, with a state of its own.

        A graph that an edge names is a node without any declaration; this one says which keys go in and out, and how
        it is called.

        Examples, each a cell:

            %graph new research

            %graph use essay

            %subgraph research --reads question=topic --writes findings=notes

            %subgraph research --name deep --limit 50 --retry 2 --timeout 5m
        """
        read = option_lines.subgraph_line(line)
        graph, inner = self.catalog.graph(read.graph), self.catalog.graph(read.inner)
        said = {"reads": read.reads, "writes": read.writes, "limit": read.limit}
        given = {name: value for name, value in said.items() if value is not None}
        calling = mentions.calling(read.calling, self.catalog.variables)
        self._declared(*graph.declare(inner, name=read.name or read.inner, **given, **calling))

    @no_var_expand
    @cell_magic
    @in_one_sentence
    @_with_help(options.describe(HUMAN))
    def human(self, line: str, body: str) -> None:
        """Declare a node that asks a person: the cell is the question, Markdown with `{{ key }}` for values.

        The answer goes to the key of the node's name, a note to `NAME_note`, what is entered in a form to `NAME_form`.

        Examples, each a cell:

            %%human gate
            Shall this go out? {{ text }}

            %%human review --show score,text --options publish,again,reject --edit text
            ## Please review
            Correct the text if it needs it.

            %%human grade --form int
            How good is this, from 1 to 10? {{ text }}

            %%human release --timeout 24h=reject
            Shall this go out? Who does not answer in a day says no. {{ text }}
        """
        self._reached("%%human", body, "write the question below it")
        read = option_lines.human_line(line)
        graph = self.catalog.graph(read.graph)
        form = read.form and mentions.found(FORM, read.form, self.catalog.variables)
        answers = {} if read.options is None else {"options": read.options}
        said = {"show": read.show, "edit": read.edit, "timeout": read.timeout, **answers}
        self._declared(*graph.declare_human(read.name, body.strip(), form=form, **said))

    @no_var_expand
    @cell_magic
    @in_one_sentence
    @_with_help(options.describe(STATE))
    def state(self, line: str, body: str) -> None:
        """Declare keys of the current graph by a class: its annotated fields give types, defaults and reducers.

        Reducers are append, extend, add, merge, union and last, all from nbgraph; a Private key is made by a function
        when a node first reads it, and never stored.

        Examples, each a cell:

            %%state
            from typing import Annotated
            from nbgraph import append

            class Essay:
                topic: str
                notes: Annotated[list[str], append]
                score: int = 0

            %%state
            from threading import Lock
            from typing import Annotated
            from nbgraph import Private

            class Essay:
                topic: str
                turn: Annotated[object, Private(Lock)]
        """
        raw = self._reached("%%state", body, "write a class with annotated fields below it")
        compiled = cells.compile_body(self.notebook, raw, body, self._count())
        graph = self.catalog.graph(option_lines.body_line(STATE, line).graph)
        name = cells.class_of(compiled.tree)
        self._check_no_graph(name)
        cells.execute(self.notebook, compiled.code)
        declared = self.catalog.variables.get(name)
        if not isinstance(declared, type):
            raise DeclarationError(f"the keys are declared by a class, not by {brief(declared)}.")
        graph.state(declared)
        print(f"state: {', '.join(_key(graph, key) for key in graph.schema.keys)}")

    @no_var_expand
    @cell_magic
    @in_one_sentence
    @_with_help(options.describe(AGENT))
    def agent(self, line: str, body: str) -> None:
        """Declare a node that asks a model: the cell is the prompt, a Jinja template of the keys that it reads.

        A line `system:` begins what the model is told of its task, a line `user:` what it is asked. The answer goes to
        the key of the node's name. The model is reached by OPENAI_API_KEY and OPENAI_BASE_URL, `%config NbGraph` or
        `nbgraph.configure(...)`.

        Examples, each a cell:

            %%agent writer
            Write a paragraph about {{ topic }}.

            %%agent critic --output Verdict --temperature 0
            system: You are a strict editor.
            user: Judge this text: {{ text }}

            %%agent ops --tools look_up,delete --approve delete --turns 5
            Clean up {{ folder }}, and say what you did.

            %%agent front --handoffs billing,repairs
            system: Find out what the customer needs, then hand over.
            user: {{ mail }}
        """
        raw = self._reached("%%agent", body, "write the prompt below it")
        read = option_lines.agent_line(line)
        graph = self.catalog.graph(read.graph)
        output = read.output and mentions.found(OUTPUT, read.output, self.catalog.variables)
        calling = mentions.calling(read.calling, self.catalog.variables)
        try:
            declared = graph.declare_agent(read.name, body, output=output, **read.said, **calling)
        except TextError as error:  # its line is that of the body
            line_of_cell = error.line + (cells.lines_above(raw, body) or 0)
            raise TextError(error.message, raw, line_of_cell, error.column, error.what) from None
        self._declared(*declared)

    @no_var_expand
    @line_magic
    @in_one_sentence
    @_with_help(options.describe_actions())
    def graph(self, line: str) -> None:
        """Start, choose, show and check the graph that the cells below declare; list and answer stored runs.

        Examples, each a cell:

            %graph new essay

            %graph use essay

            %graph check

            %graph show

            %graph forget

            %graph runs --status waiting,failed

            %graph approvals

            %graph prune --keep 100 --older-than 30d --dry-run
        """
        read = option_lines.graph_line(line)
        match read.action:
            case "new":
                print(self.catalog.new(read.name)[1])
            case "use":
                print(repr(self.catalog.use(read.name)))
            case "show":
                show_picture(self.catalog.graph())
            case "check":
                print("\n".join(map(str, self.catalog.graph().check())) or "no problems")
            case "drop":
                print(self.catalog.graph().drop(read.name))
            case "forget":
                print(_forget(self.catalog.graph()))
            case "":
                print(repr(self.catalog.graph()))
            case _:
                self._runs.do(read)

    def _reached(self, magic: str, body: str, remedy: str) -> str:
        """The whole cell that a cell magic stands in; an error where it is empty or not the first line."""
        cell = current_cell.get()
        raw = cell.raw if cell else body
        cells.check_place(raw, magic)
        if not body.strip():
            raise DeclarationError(f"this {magic} cell is empty; {remedy}.")
        return raw

    def _check_no_graph(self, name: str) -> None:
        if name in self.catalog.graphs():
            raise DeclarationError(f"{name!r} is a graph of this notebook, which this cell would replace; rename it.")

    def _count(self) -> int:
        cell = current_cell.get()
        return cell.count if cell else self.notebook.execution_count

    def _declared(self, node: Node, messages: tuple[str, ...]) -> None:
        print("\n".join([node.signature, *messages]))


def _add_edges(graph: Graph, text: str) -> tuple[Statement, ...]:
    """Declare edges, and say what they replace where no id tells whether the same cell is run again."""
    before, cell = graph.statements, current_cell.get()
    added = graph.add_edges(text)
    kept = {id(statement) for statement in graph.statements}
    gone = sum(id(statement) not in kept for statement in before)
    if gone and cell is not None and not cell.source.cell:
        print(f"replaced {gone} statement{'s' * (gone > 1)} of an earlier cell")
    return added


def _forget(graph: Graph) -> str:
    count = sum(each.cache.clear() for each in _parts(graph))
    return f"forgot {count} cached result{'s' * (count != 1)} of {graph.name}"


def _parts(graph: core.Graph) -> Iterator[core.Graph]:
    """The graph and all graphs that are drawn inside it."""
    yield graph
    for _, inner in graph.subgraphs(graph.nodes):
        yield from _parts(inner)


def _key(graph: Graph, name: str) -> str:
    reducer = graph.schema.reducers.get(name)
    said = "private" if name in graph.schema.private else getattr(reducer, "__name__", reducer)
    return f"{name} ({said})" if said else name
