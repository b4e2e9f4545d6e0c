"""The magics: each reads its line, calls the public function that it stands for, and prints what came of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, cell_magic, line_cell_magic, line_magic, magics_class, no_var_expand

from nbgraph.core.graph import Node
from nbgraph.errors import DeclarationError, TextError
from nbgraph.notebook import cells, display, options
from nbgraph.notebook.catalog import Catalog, Cell, current_cell
from nbgraph.notebook.mistakes import in_one_sentence
from nbgraph.notebook.options import EDGES, HUMAN, NODE, STATE, NodeLine

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

            %node
            def publish(text: str):
                return {"url": f"https://example.org/{len(text)}"}
        """
        if body is None:
            return self._node_of_cell(line)
        raw = self._reached("%%node", body, "write a def below it")
        compiled = cells.compile_body(self.notebook, raw, body, self._count())
        read = options.node_line(line)
        graph = self.catalog.graph(read.graph)
        function = self._made(compiled, cells.node_of(compiled.tree))
        self._declared(*graph.declare(function, writes=read.writes, code=raw, file=compiled.file))

    def _node_of_cell(self, line: str) -> None:
        """`%node`: the def does not exist yet, so it is bound when the cell has run."""
        cell, read = current_cell.get(), options.node_line(line, "%node")
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
        graph = self.catalog.graph(read.graph)
        self._declared(*graph.declare(self.notebook.user_ns.get(name), writes=read.writes, code=cell.raw))

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
            join -> END
        """
        raw = self._reached("%%edges", body, "write edges below it, such as `START -> draft -> END`")
        graph = self.catalog.graph(options.body_line(EDGES, line).graph)
        graph.add_edges("\n" * (cells.lines_above(raw, body) or 0) + body)
        display.show_picture(graph)

    @no_var_expand
    @line_magic
    @in_one_sentence
    @_with_help(options.describe(EDGES))
    def edge(self, line: str) -> None:
        """Declare edges in one line.

        Examples, each a cell:

            %edge draft -> critique

            %edge critique -> draft if score < 7 max 3; critique -> END else
        """
        read = options.edge_line(line)
        if not read.text.strip():
            raise DeclarationError("%edge needs an edge, such as `%edge draft -> critique`.")
        if read.text.rstrip().endswith("?"):
            end = len(line.rstrip())
            raise TextError("`?` is no part of an edge; `%edge?` alone shows help.", line, 1, end, "%edge")
        cell = current_cell.get()
        row = cells.row_of(cell.raw, f"%edge {line}") if cell else 0
        for statement in self.catalog.graph(read.graph).add_edges("\n" * row + read.text):
            print(statement)

    @no_var_expand
    @cell_magic
    @in_one_sentence
    @_with_help(options.describe(HUMAN))
    def human(self, line: str, body: str) -> None:
        """Declare a node that asks a person: the cell is the question, Markdown with `{{ key }}` for values.

        The answer goes to the key of the node's name, a note to `NAME_note`.

        Examples, each a cell:

            %%human gate
            Shall this go out? {{ text }}

            %%human review --show score,text --options publish,again,reject --edit text
            ## Please review
            Correct the text if it needs it.
        """
        self._reached("%%human", body, "write the question below it")
        read = options.human_line(line)
        graph = self.catalog.graph(read.graph)
        answers = {} if read.options is None else {"options": read.options}
        self._declared(*graph.declare_human(read.name, body.strip(), show=read.show, edit=read.edit, **answers))

    @no_var_expand
    @cell_magic
    @in_one_sentence
    @_with_help(options.describe(STATE))
    def state(self, line: str, body: str) -> None:
        """Declare keys of the current graph by a class: its annotated fields give types, defaults and reducers.

        Reducers are append, extend, add, merge, union and last, all from nbgraph.

        Examples, each a cell:

            %%state
            from typing import Annotated
            from nbgraph import append

            class Essay:
                topic: str
                notes: Annotated[list[str], append]
                score: int = 0
        """
        raw = self._reached("%%state", body, "write a class with annotated fields below it")
        compiled = cells.compile_body(self.notebook, raw, body, self._count())
        graph = self.catalog.graph(options.body_line(STATE, line).graph)
        graph.state(self._made(compiled, cells.class_of(compiled.tree)))
        print(f"state: {', '.join(_key(key, graph.schema.reducers.get(key)) for key in graph.schema.keys)}")

    @no_var_expand
    @cell_magic
    @in_one_sentence
    def agent(self, line: str, body: str) -> None:
        """Comes later: a node whose cell is the prompt of a model. Until then call the model in a %%node."""
        raise DeclarationError("%%agent comes later; for now call the model in a %%node.")

    @no_var_expand
    @line_magic
    @in_one_sentence
    @_with_help(options.describe_actions())
    def graph(self, line: str) -> None:
        """Start, choose, show and check the graph that the cells below declare.

        Examples, each a cell:

            %graph new essay

            %graph use essay

            %graph check

            %graph show
        """
        action, name = options.graph_line(line)
        match action:
            case "new":
                print(self.catalog.new(name)[1])
            case "use":
                print(repr(self.catalog.use(name)))
            case "show":
                display.show_picture(self.catalog.graph())
            case "check":
                print("\n".join(map(str, self.catalog.graph().check())) or "no problems")
            case "drop":
                print(self.catalog.graph().drop(name))
            case _:
                print(repr(self.catalog.graph()))

    def _reached(self, magic: str, body: str, remedy: str) -> str:
        """The whole cell that a cell magic stands in; an error where it is empty or not the first line."""
        cell = current_cell.get()
        raw = cell.raw if cell else body
        cells.check_place(raw, magic)
        if not body.strip():
            raise DeclarationError(f"this {magic} cell is empty; {remedy}.")
        return raw

    def _made(self, compiled: cells.Body, name: str) -> Any:
        """Run the body, and give what it defines as `name`."""
        if name in self.catalog.graphs():
            raise DeclarationError(f"{name!r} is a graph of this notebook, which this cell would replace; rename it.")
        cells.execute(self.notebook, compiled.code)
        return self.notebook.user_ns[name]

    def _count(self) -> int:
        cell = current_cell.get()
        return cell.count if cell else self.notebook.execution_count

    def _declared(self, node: Node, messages: tuple[str, ...]) -> None:
        print("\n".join([node.signature, *messages]))


def _key(name: str, reducer: Callable[..., object] | None) -> str:
    return f"{name} ({getattr(reducer, '__name__', reducer)})" if reducer else name
