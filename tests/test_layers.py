"""The layers of design.md, 13: imports go from the outside inwards, and never round."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import nbgraph

ROOT = Path(nbgraph.__file__).parent
MODULES = {
    "nbgraph." + ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for path in ROOT.rglob("*.py")
    if path != ROOT / "__init__.py" and "node_modules" not in path.parts
}
MODULES = {name.removesuffix(".__init__"): path for name, path in MODULES.items()}

MAY_IMPORT = {
    "errors": set(),
    "core": {"errors", "core"},
    "store": {"errors", "core", "store"},
    "executors": {"errors", "core", "executors"},
    "typed": {"errors", "core"},
    "models": {"errors", "core", "typed", "models"},
    "testing": {"errors", "models", "settings"},
    "settings": {"errors", "stores", "models"},
    "nodes": {"errors", "core", "models", "nodes"},
    "typed_forms": {"errors", "core", "typed"},
    "batch": {"errors", "core"},
    "stores": {"errors", "core", "store"},
    "starting": {"errors", "core", "executors", "typed_forms", "stores"},
    "watching": {"errors", "core"},
    "stored_runs": {"errors", "core", "store", "stores", "starting", "watching"},
    "library": {"errors", "core", "nodes", "typed", "batch", "starting", "stored_runs", "view"},
    "terminal": {"errors", "core", "batch", "watching", "view"},
    "view": {"errors", "view"},  # and of core what VIEW_USES names
}
BELOW = {"errors", "core", "store", "executors", "models", "nodes", "library", "stores", "settings", "watching"}
BELOW |= {"batch", "view"}
MAY_IMPORT |= {"notebook": BELOW | {"notebook"}, "cli": BELOW | {"notebook", "cli"}}
_TOLD = ("events", "outline", "approvals", "forms", "usage", "lookback", "records", "diff", "task_names")
VIEW_USES = {"nbgraph.core", *(f"nbgraph.core.{name}" for name in _TOLD)}
HOMES = {
    "IPython": {"notebook"},
    "ipykernel": {"notebook"},
    "ipywidgets": {"view", "notebook"},
    "anywidget": {"view"},
    "graphviz": {"view"},
    "traitlets": {"view", "notebook"},
    "cloudpickle": {"executors"},
    "openai": {"models"},
    "httpx2": {"models"},
    "xllamacpp": {"models"},
    "pydantic": {"typed", "typed_forms", "models"},
    "jinja2": {"models"},
    "psycopg": {"store"},
    "rich": {"view", "terminal"},
    "msgspec": {"store"},
}


@cache
def imports(name: str, *, at_once: bool = False) -> tuple[str, ...]:
    """The modules that `name` imports; `at_once` those only that are imported when it is."""
    return tuple(_imports(name, at_once))


def _imports(name: str, at_once: bool) -> Iterator[str]:
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
    left: list[ast.AST] = [tree]
    while left:
        node = left.pop()
        if at_once and (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or _is_type_checking(node)
        ):
            continue
        left += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively, from {'.' * node.level}{node.module or package}"
            base = str(node.module)
            for alias in node.names:
                yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def ours(name: str, *, at_once: bool = False) -> set[str]:
    return {found for found in imports(name, at_once=at_once) if found.split(".")[0] == "nbgraph"}


def layer(name: str) -> str:
    return name.split(".")[1]


def test_there_is_something_to_look_at() -> None:
    assert {"nbgraph.errors", "nbgraph.core.scheduler", "nbgraph.library", "nbgraph.core"} <= set(MODULES)
    assert "nbgraph.core.plan" in ours("nbgraph.core.scheduler")


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_module_imports_from_the_layers_below_it_only(name: str) -> None:
    allowed = MAY_IMPORT[layer(name)]
    wrong = {found for found in ours(name) if found != "nbgraph" and layer(found) not in allowed}
    assert wrong - (VIEW_USES if layer(name) == "view" else set()) == set()


@pytest.mark.parametrize("name", sorted(MODULES))
def test_nobody_inside_imports_the_package_root(name: str) -> None:
    exempt = {"nbgraph.cli": {"nbgraph"}}  # the command tells the version
    assert {"nbgraph"} & ours(name) <= exempt.get(name, set())


@pytest.mark.parametrize("name", sorted(name for name in MODULES if layer(name) in ("errors", "core")))
def test_the_core_imports_the_standard_library_only(name: str) -> None:
    tops = {found.split(".")[0] for found in imports(name)}
    assert tops <= {*sys.stdlib_module_names, "nbgraph"}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_an_outside_package_is_used_in_its_home_only(name: str) -> None:
    away = {
        top
        for top in (found.split(".")[0] for found in imports(name))
        if layer(name) not in HOMES.get(top, {layer(name)})
    }
    assert away == set()


@pytest.mark.slow
def test_no_imports_go_round() -> None:
    links = {name: ours(name, at_once=True) & set(MODULES) for name in MODULES}
    done: set[str] = set()
    while rest := {name: found - done for name, found in links.items() if name not in done}:
        free = {name for name, found in rest.items() if not found}
        assert free, f"these import each other: {sorted(rest)}"
        done |= free
