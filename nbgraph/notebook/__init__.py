"""nbgraph in a notebook: what `%load_ext nbgraph` switches on, and `%unload_ext nbgraph` off again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from nbgraph.notebook import display, mistakes, moments
from nbgraph.notebook.catalog import Catalog
from nbgraph.notebook.cells import reach_magics
from nbgraph.notebook.completer import GraphCompleter
from nbgraph.notebook.configuration import NbGraph
from nbgraph.notebook.listing import Listing
from nbgraph.notebook.magics import GraphMagics
from nbgraph.notebook.stored import Stored


@dataclass(frozen=True)
class _Loaded:
    magics: GraphMagics
    catalog: Catalog
    completer: GraphCompleter
    settings: NbGraph


_loaded: dict[InteractiveShell, _Loaded] = {}


def load(shell: InteractiveShell) -> None:
    """Give `shell` the magics, Tab completion, identity of cells and live views; a second call does nothing."""
    if shell in _loaded:
        return
    catalog = Catalog(shell)
    loaded = _loaded[shell] = _Loaded(
        GraphMagics(shell, catalog), catalog, GraphCompleter(catalog), NbGraph(parent=shell)
    )
    shell.register_magics(loaded.magics)
    configurables: list[Any] = shell.configurables
    configurables.append(loaded.settings)
    shell.input_transformers_cleanup.append(reach_magics)
    shell.events.register("pre_run_cell", catalog.begin)
    shell.events.register("post_run_cell", catalog.end)
    shell.Completer.custom_matchers.append(loaded.completer.match)
    mistakes.install()
    display.install(shell, Stored(catalog))
    moments.install(shell)
    catalog.join()


def unload(shell: InteractiveShell) -> None:
    """Take back what `load` did; the graphs stay."""
    loaded = _loaded.pop(shell, None)
    if loaded is None:
        return
    Listing.leave()
    configurables: list[Any] = shell.configurables
    configurables.remove(loaded.settings)
    moments.uninstall(shell)
    display.uninstall(shell)
    mistakes.uninstall()
    shell.Completer.custom_matchers.remove(loaded.completer.match)
    shell.events.unregister("post_run_cell", loaded.catalog.end)
    shell.events.unregister("pre_run_cell", loaded.catalog.begin)
    shell.input_transformers_cleanup.remove(reach_magics)
    for kind, names in loaded.magics.magics.items():
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)
    loaded.catalog.leave()
