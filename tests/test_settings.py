"""Settings of the program: all that `nbgraph.configure` takes is set, or nothing is."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import nbgraph
from nbgraph import stores
from nbgraph.errors import InputError, NbgraphError
from nbgraph.models.settings import current, endpoint
from tests.models.asking import nothing_set


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing_set(monkeypatch)
    monkeypatch.setattr(stores, "_configured", dict(stores._configured))


def test_a_model_is_configured_beside_the_store() -> None:
    nbgraph.configure(store="memory", model="m", base_url="http://localhost:1/v1", api_key="k", timeout=2)

    found = endpoint()
    assert (found.model, found.base_url, found.api_key, found.timeout) == ("m", "http://localhost:1/v1", "k", 2.0)


def test_what_is_left_out_stays_as_it_is() -> None:
    nbgraph.configure(model="m")

    nbgraph.configure(store="memory")

    assert current("model") == "m"


@pytest.mark.parametrize(
    "wrong", [{"timeout": -1}, {"prices": 3}, {"base_url": "x"}, {"api_key": "a b"}, {"synchronous": "SOMETIMES"}]
)
def test_nothing_is_set_where_one_of_them_makes_no_sense(wrong: dict[str, Any]) -> None:
    nbgraph.configure(model="before")

    with pytest.raises(NbgraphError):
        nbgraph.configure(**{"model": "after", **wrong})

    assert current("model") == "before"


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(TypeError):
        nbgraph.configure(colour="red")  # type: ignore[call-arg]


def test_no_error_shows_the_key() -> None:
    with pytest.raises(InputError) as caught:
        nbgraph.configure(api_key="hunter two")

    assert "hunter" not in str(caught.value)


@pytest.mark.slow
def test_configuring_loads_no_client() -> None:
    program = (
        "import sys, nbgraph; nbgraph.configure(model='m', base_url='http://h/v1', prices={'m': (1, 2)});"
        "print([each for each in ('openai', 'httpx2', 'jinja2', 'pydantic', 'http.server') if each in sys.modules])"
    )

    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)

    assert (ran.stdout, ran.stderr) == ("[]\n", "")
