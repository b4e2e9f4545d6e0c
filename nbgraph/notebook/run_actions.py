"""What `%graph` does with stored runs: list them, answer them, go on with them, keep house."""

from __future__ import annotations

from typing import Any

from nbgraph.errors import DeclarationError, nearest
from nbgraph.notebook import display
from nbgraph.notebook.catalog import Catalog
from nbgraph.notebook.open_questions import OpenQuestions
from nbgraph.notebook.option_lines import GraphLine
from nbgraph.notebook.run_list import RunList
from nbgraph.notebook.stored import Stored
from nbgraph.store import transfer
from nbgraph.stores import open_store
from nbgraph.view.run_table import size

ROWS = 20


class RunActions:
    """The actions on stored runs, in one shell."""

    def __init__(self, shell: Any, catalog: Catalog) -> None:
        self._shell, self._catalog, self._stored = shell, catalog, Stored(catalog)
        self._known = {
            "runs": self._runs,
            "approvals": self._approvals,
            "resume": self._resume,
            "prune": self._prune,
            "delete": self._delete,
            "export": self._export,
            "import": self._import,
        }

    def do(self, line: GraphLine) -> None:
        """Do what a line says; displays, or prints a sentence."""
        self._known[line.action](line)

    def _runs(self, line: GraphLine) -> None:
        current = self._catalog.current
        name = self._name(line.name) if line.name or current is None else current.name
        standing, limit = line.values.get("--status", ()), line.values.get("--limit", ROWS)
        RunList(self._stored, name, standing, limit, self._shell.display_pub, display.watched(self._shell)).show()

    def _approvals(self, line: GraphLine) -> None:
        given = self._shell.display_pub, display.watched(self._shell)
        OpenQuestions(self._stored, self._name(line.name), *given).show()

    def _name(self, name: str) -> str | None:
        """The graph's own name for that of a variable, or of a graph with runs; None for all."""
        if name in ("", "all"):
            return None
        declared = self._catalog.graphs()
        if name in declared:
            return declared[name].name
        stored = {run.graph for run in self._stored.runs(None, (), 1000)}
        if name not in stored:
            known = ", ".join(dict.fromkeys((*declared, *sorted(stored))))
            close = nearest(name, (*declared, *stored)) or (f"; there is {known}." if known else ".")
            raise DeclarationError(
                f"{name!r} is no graph of this notebook, nor has one of that name stored runs{close}"
            )
        return name

    def _resume(self, line: GraphLine) -> None:
        run = self._stored.resume(line.name, line.values.get("--rename"))
        display.show(run)  # also where it lived in this process, and was shown elsewhere
        print("\n".join([f"{run.id} goes on", *run.notices]))

    def _prune(self, line: GraphLine) -> None:
        keep, older = line.values.get("--keep"), line.values.get("--older-than")
        if keep is None and older is None:
            raise DeclarationError("%graph prune needs to know what stays: --keep 100, --older-than 30d, or both.")
        dry = "--dry-run" in line.values
        gone = self._catalog.graph().prune(keep=keep, older_than=older, dry_run=dry)
        freed = f", {size(gone.bytes)}" if gone.bytes else ""
        print(f"{'would delete' if dry else 'deleted'} {_runs(len(gone.runs))}{freed}")

    def _delete(self, line: GraphLine) -> None:
        store, run = self._stored.found(line.name)
        store.delete(run.id)
        print(f"deleted {run.id}" + (f", {size(run.bytes)}" if run.bytes else ""))

    def _export(self, line: GraphLine) -> None:
        store, run = self._stored.found(line.name)
        path = transfer.export(store, run.id, line.file)
        print(f"wrote {run.id} to {path}, {size(path.stat().st_size)}")

    def _import(self, line: GraphLine) -> None:
        try:
            imported = transfer.import_run(open_store(), line.file)
        except ValueError as error:  # its id is taken
            raise DeclarationError(f"{error} As in nbgraph.Graph.import_run(path, id=...).") from None
        print(f"read {imported} from {line.file}; `%graph runs all` lists it")


def _runs(count: int) -> str:
    return f"{count:,} run{'s' * (count != 1)}"
