"""What tests of agents share: a scripted model that agents of the test call."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from nbgraph import Graph
from nbgraph.core.run import Run
from nbgraph.testing import ScriptedModel


@contextmanager
def scripted(script: Any, **options: Any) -> Iterator[ScriptedModel]:
    """A scripted model, which agents call while it stands."""
    with ScriptedModel(script, **options) as model:
        found = {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "scripted", "NBGRAPH_MODEL": "scripted"}
        with mock.patch.dict(os.environ, found):
            yield model


def one(name: str, prompt: str, **options: Any) -> Graph:
    """A graph of one agent."""
    made = Graph("talk")
    made.agent(name, prompt, **options)
    made.edges(f"START -> {name} -> END")
    return made


def said(model: ScriptedModel, request: int = -1) -> list[tuple[str, Any]]:
    """The messages of a request, as pairs of role and text."""
    return [(message["role"], message.get("content")) for message in model.requests[request]["messages"]]


def ended(run: Run) -> Run:
    """The run at rest."""
    run.wait(timeout=30)
    return run
