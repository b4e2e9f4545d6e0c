"""`%config NbGraph`: where runs are kept, and which model agents call, as what IPython calls a configurable."""

from __future__ import annotations

from typing import Any

from traitlets import Enum, Float, TraitError, TraitType, Unicode
from traitlets.config import Configurable

from nbgraph.errors import InputError
from nbgraph.models.settings import current
from nbgraph.settings import configure
from nbgraph.stores import default_store, how_safely


class _Setting(TraitType[Any, Any]):
    """A setting as it is now, wherever it was set; it keeps no value of its own."""

    def get(self, obj: Any, cls: Any = None) -> Any:
        if self.name == "store":
            return str(default_store())
        return how_safely() if self.name == "synchronous" else current(str(self.name))

    def set(self, obj: Any, value: Any) -> None:
        try:
            configure(**{str(self.name): self._validate(obj, value)})
        except InputError as error:
            raise TraitError(str(error)) from None


class _Text(_Setting, Unicode[str, str]):
    pass


class _Number(_Setting, Float[float, float]):
    pass


class _OneOf(_Setting, Enum[str]):
    pass


class NbGraph(Configurable):
    """Settings of nbgraph: `%config NbGraph.store = "runs.db"`, or in a configuration file `c.NbGraph.store = ...`.

    The key of an endpoint is none of them, since a notebook keeps what is written in it: set OPENAI_API_KEY in the
    environment.
    """

    store = _Text(
        help='where runs are kept: "memory" or the path of a database; nbgraph.configure(store=...) takes a store too'
    ).tag(config=True)
    synchronous = _OneOf(
        ("FULL", "NORMAL"),
        default_value="FULL",
        help='"FULL": what is shown as finished survives a power failure; "NORMAL": a crash of the process',
    ).tag(config=True)
    model = _Text(help='the model of agents that name none; "" for what NBGRAPH_MODEL says').tag(config=True)
    base_url = _Text(
        help="the address of an endpoint in the manner of OpenAI's, whose key is OPENAI_API_KEY in the environment; "
        '"" for what OPENAI_BASE_URL says'
    ).tag(config=True)
    timeout = _Number(help="seconds without a byte after which a call of a model is given up").tag(config=True)
    cassette = _Text(
        help='the file from which the answers of models are replayed; "" for what NBGRAPH_CASSETTE_FILE says'
    ).tag(config=True)
