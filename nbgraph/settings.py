"""Settings: what runs of this program use where nothing else is said: their store, and the model of their agents."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from nbgraph.models.settings import read_settings
from nbgraph.stores import Where, configure_stores


def configure(
    *,
    store: Where | None = None,
    synchronous: str | None = None,
    model: str | None = None,
    base_url: str | None = None,
    api_key: str | None = None,
    timeout: float | None = None,
    prices: Mapping[str, Sequence[float]] | None = None,
    cassette: str | os.PathLike[str] | None = None,
) -> None:
    """Set what runs of this program use where nothing else is said. What is left out stays as it is.

    A `model`, `base_url`, `api_key` or `cassette` of "" takes back what was set here before: then the environment
    counts again, that is NBGRAPH_MODEL, OPENAI_BASE_URL, OPENAI_API_KEY and NBGRAPH_CASSETTE_FILE.

    Args:
        store: "memory", the path of a database, or a store.
        synchronous: "FULL" (what is shown as finished survives a power failure) or "NORMAL" (it survives a crash of the
            process; a power failure may cost the last moments).
        model: the model of agents that name none.
        base_url: the address of an endpoint in the manner of OpenAI's; one without a key is called without one.
        api_key: its key, which is better set in the environment than written into a notebook.
        timeout: seconds without a byte after which a call of a model is given up; 300 by default.
        prices: what models cost that nbgraph does not know, or knows otherwise, in US dollars per million tokens:
            `{"name": (input, output)}` or `{"name": (input, cached input, output)}`; `{}` takes back what was given.
        cassette: the file beside the notebook from which the answers of models are replayed, from its beginning; no
            key is needed then and no network touched. With NBGRAPH_CASSETTE=record in the environment the endpoint is
            asked and its answers are written there; with NBGRAPH_CASSETTE=off it is asked and nothing is written.

    Raises:
        InputError: one of them makes no sense; nothing is set then.
    """
    set_models = read_settings(
        model=model, base_url=base_url, api_key=api_key, timeout=timeout, prices=prices, cassette=cassette
    )
    configure_stores(store=store, synchronous=synchronous)
    set_models()
