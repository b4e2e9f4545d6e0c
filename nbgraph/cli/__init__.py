"""The command `nbgraph`: `nbgraph lab` opens JupyterLab on a notebook, of ours or of yours."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

import nbgraph
from nbgraph.errors import ModelError, nearest

QUICKSTART, *OTHERS = SHIPPED = ("01_quickstart.ipynb", "02_patterns.ipynb", "03_agents.ipynb")
COMPANIONS = {"03_agents.ipynb": ("03_agents.cassette.json",)}  # files that a notebook reads


class CommandError(Exception):
    """What keeps a command from working, as one sentence."""


def main(arguments: Sequence[str] | None = None, open_lab: Callable[[list[str]], None] | None = None) -> int:
    """Run the command; returns the exit status.

    Args:
        arguments: what was typed after `nbgraph`.
        open_lab: opens JupyterLab with these arguments of its own.
    """
    parser = _parser()
    known, further = parser.parse_known_args(arguments)
    if known.command is None:
        parser.print_help()
        return 2
    asked, handed_on = _taken_apart(further)
    try:
        notebook = _notebook(asked)
        # the notebook alone is opened by a browser started here; the address is for those who open it by hand
        address = f"--LabApp.default_url=/lab/tree/{quote(notebook.name)}"
        with _local_model() if known.local else nullcontext():
            (open_lab or _open_lab)([str(notebook), address, *handed_on])
    except (CommandError, ModelError) as error:
        print(f"nbgraph: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("nbgraph", description=__doc__, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"nbgraph {nbgraph.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    lab = commands.add_parser(
        "lab",
        usage="nbgraph lab [NOTEBOOK] [--local] [options of JupyterLab]",
        help="open JupyterLab on a notebook",
        description=f"Opens JupyterLab on NOTEBOOK, by default {QUICKSTART}. That and {', '.join(OTHERS)} come with"
        " nbgraph, and are put into this folder if they are not there. Further options, such as --no-browser or"
        " --port 8889, are handed on.",
        allow_abbrev=False,
    )
    lab.add_argument(
        "--local",
        action="store_true",
        help="with a small real model on this machine for agents, without a network; it writes, but has little sense",
    )
    return parser


def _taken_apart(further: list[str]) -> tuple[str, list[str]]:
    """The notebook that was asked for, wherever it stands among the options of JupyterLab, and those options."""
    named = (index for index, each in enumerate(further) if each.endswith(".ipynb") and not each.startswith("-"))
    place = 0 if further and not further[0].startswith("-") else next(named, None)
    return (QUICKSTART, further) if place is None else (further[place], further[:place] + further[place + 1 :])


def _notebook(asked: str) -> Path:
    """The notebook as a file of this folder; one that comes with nbgraph is copied where it is not there.

    Raises:
        CommandError: there is no such notebook, or no place to put it.
    """
    path = Path(asked)
    if path.is_file():
        return path
    if asked not in SHIPPED:
        advice = nearest(asked, SHIPPED) or f"; those of nbgraph are {', '.join(SHIPPED)}."
        raise CommandError(f"there is no notebook {asked!r} here{advice}")
    for name in (*COMPANIONS.get(asked, ()), asked):
        _put(name)
    return path


def _put(name: str) -> None:
    """Copy a file that comes with nbgraph into this folder, unless there is one with its name.

    Raises:
        CommandError: it cannot be read or written.
    """
    if Path(name).exists():
        return
    try:
        shutil.copyfile(_shipped(name), name)
    except OSError as error:
        raise CommandError(f"{name} cannot be put into {Path.cwd()}: {error.strerror}.") from None
    print(f"nbgraph: put {name} into {Path.cwd()}", file=sys.stderr)


def _shipped(name: str) -> Path:
    """A notebook or its companion inside the installed package, else in the checkout that is imported."""
    package = Path(str(files("nbgraph")))
    places = (package / "notebooks" / name, package.parent / "notebooks" / name)
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise CommandError(f"this installation holds no {name}; install jupyter-nbgraph again.")
    return found


@contextmanager
def _local_model() -> Iterator[None]:
    """The local model, which the kernels of a JupyterLab that is opened meanwhile find in their environment.

    Raises:
        ModelError: it is not installed, or does not start.
    """
    from nbgraph.models.local import KEY, NAME, LocalModel

    with LocalModel() as model:
        print(f"nbgraph: agents call the local model {NAME}, at {model.url}", file=sys.stderr)
        found = {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": KEY, "NBGRAPH_MODEL": NAME}
        found["NBGRAPH_CASSETTE"] = os.environ.get("NBGRAPH_CASSETTE") or "off"  # recorded answers are another model's
        before = {name: os.environ.get(name) for name in found}
        os.environ.update(found)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


def _open_lab(arguments: list[str]) -> None:
    try:
        from jupyterlab.labapp import LabApp
    except ImportError:
        raise CommandError("JupyterLab is not installed here; `pip install jupyterlab` brings it.") from None
    as_root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # as in most containers
    LabApp.launch_instance([*arguments, *as_root])
