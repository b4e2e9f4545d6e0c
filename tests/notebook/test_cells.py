"""cells: what reaches a magic, true line numbers, and which def of a cell is the node."""

from __future__ import annotations

import ast
import inspect
import traceback

import pytest
from fresh_notebook import Notebook

from nbgraph.errors import DeclarationError
from nbgraph.notebook import cells

RAISES = '''%%node --writes text
def draft(topic: str):
    """Raises on the fifth line of its cell."""
    words = topic.split()
    raise ValueError(words)'''


def reached(cell: str) -> str:
    return "".join(cells.reach_magics(cell.splitlines(keepends=True)))


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("%%node", "%%node\n\n"),
        ("%%edges --graph g\n", "%%edges --graph g\n\n"),
        ("# why\n%%human gate\nOk?\n", "%%human gate\nOk?\n"),
        ("x = 1\n%%node\ndef f(): ...\n", "%%node\ndef f(): ...\n"),
        ("%edge a -> b if ok?\n", "get_ipython().run_line_magic('edge', 'a -> b if ok?')\n"),
        ("%subgraph research x?\n", "get_ipython().run_line_magic('subgraph', 'research x?')\n"),
        ("x = 1\n  %graph drop a?", "x = 1\n  get_ipython().run_line_magic('graph', 'drop a?')\n"),
    ],
)
def test_what_never_reached_a_magic_is_rewritten(cell: str, expected: str) -> None:
    assert reached(cell) == expected


@pytest.mark.parametrize(
    "cell",
    [
        "%%node?\n",
        "%edge?\n",
        "%edge a -> b\n",
        "%subgraph?\n",
        "%subgraph research\n",
        "%%writefile x.py\n%%node\n",
        "%%markdown\n%edge a -> b if ok?\n",
        'text = """\n%%node\n%edge a -> b if ok?\n"""\n',
        "x = 5 %edge\n",
        "%%nodes\n",
        "",
    ],
)
def test_everything_else_is_left_alone(cell: str) -> None:
    assert reached(cell) == cell


def test_a_node_that_raises_shows_its_cell_and_its_true_line(notebook: Notebook) -> None:
    notebook.run(RAISES)
    notebook.run("%%edges\nSTART -> draft -> END")
    ran = notebook.execute("essay.run(topic='two bees').result()")
    assert isinstance(ran.error, ValueError)
    frame, line = list(traceback.walk_tb(ran.error.__traceback__))[-1]
    assert (frame.f_code.co_name, line) == ("draft", 5)
    assert notebook.shell.compile.format_code_name(frame.f_code.co_filename) == ("Cell", "In[3]")
    assert "Cell In[3], line 5, in draft(topic)" in ran.text
    assert "----> 5 raise ValueError(words)" in ran.text


@pytest.mark.parametrize("above", ["", "\n\n", "  \n"])
def test_getsource_and_line_are_true_under_blank_lines(notebook: Notebook, above: str) -> None:
    notebook.run(above + RAISES)
    draft = notebook["draft"]
    assert inspect.getsource(draft).splitlines() == RAISES.splitlines()[1:]
    assert inspect.getsourcelines(draft)[1] == 2 + above.count("\n")


def test_line_numbers_are_true_when_the_body_begins_with_blank_lines(notebook: Notebook) -> None:
    notebook.run("%%node\n\n\ndef draft(topic):\n    return topic")
    assert notebook["draft"].__code__.co_firstlineno == 4


def test_line_numbers_are_true_below_another_cell_magic(notebook: Notebook) -> None:
    notebook.run("%%time\n%%node\ndef draft(topic):\n    return topic")
    assert notebook["draft"].__code__.co_firstlineno == 3
    assert inspect.getsource(notebook["draft"]) == "def draft(topic):\n    return topic\n"


def test_getsource_is_true_of_a_node_by_line_magic(notebook: Notebook) -> None:
    notebook.run("%node\n\ndef draft(topic):\n    return topic")
    assert inspect.getsourcelines(notebook["draft"]) == (["def draft(topic):\n", "    return topic\n"], 3)


def test_an_older_cell_keeps_its_source_when_others_run(notebook: Notebook) -> None:
    notebook.run("%%node\ndef draft(topic):\n    return 1", "a")
    first = notebook["draft"]
    notebook.run("%%node\ndef draft(topic):\n\n    return 2", "a")
    assert inspect.getsource(first).endswith("return 1\n")
    assert inspect.getsource(notebook["draft"]).endswith("return 2\n")


def test_an_error_of_the_cell_itself_shows_no_frame_of_the_library(notebook: Notebook) -> None:
    ran = notebook.execute("%%node\nimport nowhere_to_be_found\ndef draft(topic): ...")
    assert isinstance(ran.error, ModuleNotFoundError)
    assert "----> 2 import nowhere_to_be_found" in ran.text
    assert "interactiveshell" not in ran.text
    assert "nbgraph/" not in ran.text


def test_a_magic_called_by_hand_compiles_its_body(notebook: Notebook) -> None:
    notebook.run("get_ipython().run_cell_magic('node', '', 'def draft(topic):\\n    return topic\\n')")
    assert inspect.getsource(notebook["draft"]) == "def draft(topic):\n    return topic\n"


def test_magics_and_shell_commands_may_stand_in_a_node_cell(notebook: Notebook) -> None:
    notebook.run("%%node\nhere = %pwd\ndef draft(topic):\n    return here")
    assert notebook["draft"]("bees") == notebook["here"]


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("def draft(): ...", "draft"),
        ("async def draft(): ...", "draft"),
        ("def words(): ...\ndef draft(): return words()", "draft"),
        ("def draft(): return words()\ndef words(): ...", "draft"),
        ("def _words(): ...\ndef draft(): ...", "draft"),
        ("def draft(n): return draft(n - 1)", "draft"),
        ("import os\nLIMIT = 3\nclass Note: ...\ndef draft() -> Note: ...", "draft"),
        ("def words(): ...\nclass Note:\n    n = words()\ndef draft(): ...", "draft"),
        ("def check(fn): return fn\n@check\ndef draft(): ...", "draft"),
        ("if True:\n    def other(): ...\ndef draft(): ...", "draft"),
        ("def draft(): ...\ndef draft(): ...", "draft"),
    ],
)
def test_the_node_is_the_def_that_no_other_uses(code: str, name: str) -> None:
    assert cells.node_of(ast.parse(code)) == name


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("def draft(): ...\ndef critique(): ...", "defines draft and critique, and no other def uses them"),
        ("x = 1", "this cell holds no def; write one, such as `def draft(topic):`"),
        ("def _draft(): ...", "this cell holds only _draft, and `_` marks helpers"),
        ("def a(): b()\ndef b(): a()", "a and b use each other: give helpers names that begin with `_`"),
    ],
)
def test_a_cell_without_one_clear_node_is_refused(code: str, sentence: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        cells.node_of(ast.parse(code))
    assert sentence in str(caught.value)


def test_the_state_is_the_class_that_nothing_else_uses() -> None:
    assert cells.class_of(ast.parse("class Note: ...\nclass Essay:\n    note: Note")) == "Essay"
    with pytest.raises(DeclarationError, match="this cell holds no class"):
        cells.class_of(ast.parse("topic: str"))
