"""The text of a cell: what reaches a magic at all, code with its true line numbers, and which def is the node."""

from __future__ import annotations

import ast
import contextlib
import re
import tokenize
from collections.abc import Iterable, Sequence
from types import CodeType
from typing import Any, NamedTuple

from IPython.core.inputtransformer2 import make_tokens_by_line

from nbgraph.errors import DeclarationError, TextError

Shell = Any  # an InteractiveShell; what is used of it here has no types

_CELL_MAGIC = re.compile(r"%%(node|edges|human|state|agent)\b(?!\?)")
_LINE_MAGIC_AS_HELP = re.compile(r"(\s*)%(node|edge|graph|subgraph)[ \t]+(\S.*\?)\s*$")


def reach_magics(lines: list[str]) -> list[str]:
    """An input transformer: a cell that IPython keeps from our magics is rewritten so that it reaches them.

    These are a cell magic without a body or below other lines, which the magic itself then refuses in its own
    sentence, and a line magic that ends in `?` and would be taken as a question for help.
    """
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") and not _CELL_MAGIC.match(first):
        return lines
    quoted = _rows_in_strings(lines) if not first.startswith("%%") else frozenset()
    for row, line in enumerate(lines):
        if row not in quoted and _CELL_MAGIC.match(line):
            return lines[row:] if row + 1 < len(lines) else [line.rstrip("\n") + "\n", "\n"]
    return [line if row in quoted else _LINE_MAGIC_AS_HELP.sub(_as_call, line) for row, line in enumerate(lines)]


# A terminal asks whether a cell is complete; a magic whose body is yet to be typed must not be completed for it.
setattr(reach_magics, "has_side_effects", True)  # noqa: B010 the name by which IPython leaves it out


def _as_call(found: re.Match[str]) -> str:
    indent, magic, text = found.groups()
    return f"{indent}get_ipython().run_line_magic({magic!r}, {text!r})\n"


def _rows_in_strings(lines: Sequence[str]) -> frozenset[int]:
    """The 0-based rows that begin inside a string of several lines."""
    tokens = [token for line in make_tokens_by_line(list(lines)) for token in line]
    long = [token for token in tokens if token.type not in (tokenize.NEWLINE, tokenize.NL, tokenize.ENDMARKER)]
    return frozenset(row for token in long for row in range(token.start[0], token.end[0]))


def lines_above(raw: str, body: str) -> int | None:
    """How many lines of the cell `raw` stand above a cell magic's `body`; None where it is no part of the cell."""
    above = (raw if raw.endswith("\n") else raw + "\n").count("\n") - body.count("\n")
    lines = raw.splitlines()
    return above if 0 < above <= len(lines) and lines[above - 1].lstrip().startswith("%%") else None


def row_of(raw: str, line: str) -> int:
    """The 0-based row of a cell that a line magic stands in, or 0."""
    return next((row for row, each in enumerate(raw.splitlines()) if each.strip() == line.strip()), 0)


def check_place(raw: str, magic: str) -> None:
    """Refuse a cell magic that is not the first line of its cell; blank lines above it are fine.

    Raises:
        TextError: a comment or code stands above.
    """
    lines = raw.splitlines()
    row = next((row for row, line in enumerate(lines) if line.strip()), 0)
    if not lines or lines[row].lstrip().startswith("%%") or not any(line.lstrip().startswith(magic) for line in lines):
        return
    comment = lines[row].lstrip().startswith("#")
    remedy = "move the comment below it" if comment else "give what stands above it a cell of its own"
    raise TextError(f"{magic} has to be the first line of its cell; {remedy}.", raw, row + 1, 1)


class Body(NamedTuple):
    """The body of a cell magic, compiled: its tree, its code, and the name it was compiled under."""

    tree: ast.Module
    code: CodeType
    file: str


def compile_body(shell: Shell, raw: str, body: str, count: int) -> Body:
    """Compile the body of a cell magic so that tracebacks and `inspect.getsource` show the cell and its true lines.

    Args:
        raw: the whole cell; the line cache holds it under the name that the code is compiled under.
        count: the cell's number, as in `In [3]`.

    Raises:
        TextError: Python cannot read it.
    """
    above = lines_above(raw, body)
    shown = body if above is None else raw
    file: str = shell.compile.cache(shown, count, shown)
    try:
        tree = shell.compile.ast_parse(_padded(shell, body, above or 0), filename=file)
        tree = shell.transform_ast(tree)
        return Body(tree, shell.compile(tree, file, "exec"), file)
    except SyntaxError as error:
        place = (error.lineno or 1, error.offset or 1)
        raise TextError(f"Python cannot read this: {error.msg}.", shown, *place, f"cell [{count}]") from None
    except (ValueError, OverflowError, RecursionError) as error:
        raise DeclarationError(f"Python cannot read this cell: {error}.") from None


def tree_of(shell: Shell, raw: str) -> ast.Module:
    """The tree of a whole cell of Python that has run."""
    tree: ast.Module = shell.compile.ast_parse(shell.transform_cell(raw), filename="<cell>")
    return tree


def _padded(shell: Shell, body: str, above: int) -> str:
    lines = body.splitlines(keepends=True)
    blank = next((row for row, line in enumerate(lines) if line.strip()), len(lines))
    code = "".join(lines[blank:])
    with contextlib.suppress(SyntaxError):  # compiling will say so too, and with the true line
        code = shell.transform_cell(code)
    return "\n" * (above + blank) + code


def execute(shell: Shell, code: CodeType) -> None:
    """Run a compiled body in the notebook's namespace; an error of its own is shown from its first line on."""
    try:
        exec(code, shell.user_global_ns, shell.user_ns)
    except Exception as error:
        _show_from(shell, error)
        raise


def _show_from(shell: Shell, error: Exception) -> None:
    """Make IPython show `error` without the frames of IPython and of this module that led to the cell."""
    traceback = error.__traceback__ and error.__traceback__.tb_next
    if hasattr(error, "_render_traceback_") or not hasattr(error, "__dict__"):
        return

    def render() -> Any:
        return shell.InteractiveTB.structured_traceback(type(error), error, traceback, tb_offset=0)

    error.__dict__["_render_traceback_"] = render


def node_of(tree: ast.Module) -> str:
    """The name of the function that is the node of a cell.

    It is the only top-level def whose name does not begin with `_` and that no other def of the cell uses.

    Raises:
        DeclarationError: there is none, or there are several.
    """
    defs = [each for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    return _only(defs, tree, "def", "def draft(topic):")


def class_of(tree: ast.Module) -> str:
    """The name of the class that declares the keys: the only top-level one that nothing else in the cell uses.

    Raises:
        DeclarationError: there is none, or there are several.
    """
    return _only([each for each in tree.body if isinstance(each, ast.ClassDef)], tree, "class", "class State:")


_Def = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _only(found: Sequence[_Def], tree: ast.Module, what: str, example: str) -> str:
    public = [each.name for each in found if not each.name.startswith("_")]
    free = [name for name in dict.fromkeys(public) if not _used_beside(name, tree)]
    if len(free) == 1:
        return free[0]
    if len(free) > 1:
        raise DeclarationError(
            f"this cell defines {_series(free)}, and no other {what} uses them: give each a cell of its own, "
            f"or begin the names of helpers with `_`."
        )
    if public:
        loop = _series(dict.fromkeys(public))
        raise DeclarationError(f"{loop} use each other: give helpers names that begin with `_`.")
    hidden = f"only {_series(each.name for each in found)}, and `_` marks helpers" if found else f"no {what}"
    raise DeclarationError(f"this cell holds {hidden}; write one, such as `{example}`.")


def _series(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _used_beside(name: str, tree: ast.Module) -> bool:
    """Whether another def or class at the top of the cell uses `name`."""
    others = (each for each in tree.body if isinstance(each, _Def) and each.name != name)
    return any(isinstance(part, ast.Name) and part.id == name for other in others for part in ast.walk(other))
