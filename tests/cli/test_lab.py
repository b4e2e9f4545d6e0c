"""`nbgraph lab` and what else can be typed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import nbgraph
from nbgraph.cli import QUICKSTART, main

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
    said = capsys.readouterr().err
    assert said == "nbgraph: there is no notebook 'none.ipynb' here; `nbgraph lab` alone opens the quickstart.\n"


def test_a_folder_that_cannot_be_written_to_is_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("shutil.copyfile", refuse)
    assert main(["lab"], Lab()) == 1
    assert capsys.readouterr().err.endswith("Permission denied.\n")


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
