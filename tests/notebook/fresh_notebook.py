"""Running cells in a real IPython shell in this process, and writing them for both doors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from nbgraph.errors import NbgraphError


@dataclass(frozen=True)
class Ran:
    """What came of a cell."""

    text: str
    error: BaseException | None

    @property
    def lines(self) -> list[str]:
        return self.text.strip().splitlines()


class Notebook:
    """Runs cells; `id` is what a front end sends as the cell's id, and nbclient leaves out."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.variables = shell.user_ns

    def execute(self, cell: str, id: str | None = None) -> Ran:
        with capture_output(display=False) as captured:
            result = self.shell.run_cell(cell, store_history=True, cell_id=id)
        error = result.error_before_exec or result.error_in_exec
        return Ran(re.sub(r"\x1b\[[\d;]*m", "", captured.stdout + captured.stderr), error)

    def run(self, cell: str, id: str | None = None) -> Ran:
        """Run a cell that has to succeed."""
        ran = self.execute(cell, id)
        assert ran.error is None, ran.text
        return ran

    def refuse(self, cell: str, id: str | None = None) -> str:
        """Run a cell that has to fail with a sentence; gives all that is shown."""
        ran = self.execute(cell, id)
        assert isinstance(ran.error, NbgraphError), ran
        assert "Traceback" not in ran.text
        assert "nbgraph/" not in ran.text
        return ran.text

    def complete(self, cell: str) -> list[str]:
        """What Tab offers at the `|` of a cell."""
        offset = cell.index("|")
        with provisionalcompleter():
            found = self.shell.Completer.completions(cell.replace("|", "", 1), offset)
            return [each.text for each in found if each.type == "nbgraph"]

    def __getitem__(self, name: str) -> Any:
        return self.variables[name]


@dataclass(frozen=True)
class Door:
    """One of the two ways to declare: by magic, or by a method of the graph in a cell of plain Python."""

    kind: str

    def node(self, code: str, writes: str = "") -> str:
        name = re.findall(r"def (\w+)", code)[0]
        if self.kind == "magic":
            return f"%%node {f'--writes {writes}' if writes else ''}\n{code}"
        keys = f", writes={writes.split(',')}" if writes else ""
        return f"{code}\nessay.node({name}{keys})"

    def edges(self, text: str) -> str:
        return f"%%edges\n{text}" if self.kind == "magic" else f"essay.edges('''{text}''')"

    def human(self, name: str, question: str) -> str:
        if self.kind == "magic":
            return f"%%human {name}\n{question}"
        return f"essay.human({name!r}, '''{question}''')"

    def state(self, code: str) -> str:
        return f"%%state\n{code}" if self.kind == "magic" else f"{code}\nessay.state(Keys)"
