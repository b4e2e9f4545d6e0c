"""`%config NbGraph`: where runs are kept, and how safely, as what IPython calls a configurable."""

from __future__ import annotations

from typing import Any

from traitlets import Enum, TraitError, Unicode, default, observe, validate
from traitlets.config import Configurable

from nbgraph.stores import configure, default_store


class NbGraph(Configurable):
    """Settings of nbgraph: `%config NbGraph.store = "runs.db"`, or in a configuration file `c.NbGraph.store = ...`."""

    store = Unicode(
        help='where runs are kept: "memory" or the path of a database; nbgraph.configure(store=...) takes a store too'
    ).tag(config=True)
    synchronous = Enum(
        ("FULL", "NORMAL"),
        default_value="FULL",
        help='"FULL": what is shown as finished survives a power failure; "NORMAL": a crash of the process',
    ).tag(config=True)

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        assert self.store  # read once, so that whatever else is set is a change

    @default("store")
    def _store_now(self) -> str:
        return str(default_store())

    @validate("store")
    def _check_store(self, proposed: Any) -> str:
        value: str = proposed["value"]
        if not value.strip():
            raise TraitError("the path of the store is empty; write 'memory' or a path such as 'runs.db'.")
        return value

    @observe("store", "synchronous")
    def _configure(self, change: Any) -> None:
        configure(**{change["name"]: change["new"]})
