"""The public package: what it exposes, what importing it costs, and the Graph that is wired for use."""

from __future__ import annotations
import __future__

import asyncio
import subprocess
import sys
import types
from pathlib import Path
from typing import Annotated, Any

import pytest

import nbgraph
from nbgraph import END, START, DeclarationError, Graph, GraphError, InputError, MemoryStore, Problem, TextError, append

FEATURE = type(__future__.annotations)


def one() -> dict[str, int]:
    return {"x": 1}


def two(x: int) -> dict[str, int]:
    return {"y": x + 1}


def graph() -> Graph:
    made = Graph("g")
    made.node(one)
    made.node(two)
    made.edges("START -> one -> two -> END")
    return made


# -- the package -------------------------------------------------------------------------------------------------------


def test_all_names_are_just_what_the_package_exposes() -> None:
    exposed = {
        name
        for name, value in vars(nbgraph).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType | FEATURE)
    }
    assert exposed | {"events"} == set(nbgraph.__all__)  # a module that is meant to be looked into
    assert len(set(nbgraph.__all__)) == len(nbgraph.__all__)


def test_every_error_is_public_and_one_of_ours() -> None:
    from nbgraph import errors

    own = {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and value.__module__ == errors.__name__
    }
    assert set(own) <= set(nbgraph.__all__)
    assert all(issubclass(error, nbgraph.NbgraphError) for error in own.values())


def test_everything_public_says_what_it_is() -> None:
    undocumented = [
        name for name in nbgraph.__all__ if name not in ("START", "END") and not getattr(nbgraph, name).__doc__
    ]
    assert undocumented == []


def test_importing_loads_no_notebook_no_widgets_and_no_models() -> None:
    heavy = "IPython ipykernel ipywidgets anywidget traitlets openai pydantic graphviz jinja2 msgspec numpy pandas"
    script = f"import sys, nbgraph; print(*[name for name in {heavy.split()!r} if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=120)
    assert (ended.stdout.strip(), ended.stderr) == ("", "")


def test_importing_starts_no_thread() -> None:
    script = "import threading, nbgraph; print(threading.active_count())"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120).stdout == "1\n"


def test_the_version_is_a_version() -> None:
    assert nbgraph.__version__.split(".")[0].isdigit()


def test_the_ends_of_a_graph_are_their_words() -> None:
    assert (START, END) == ("START", "END")


# -- declaring ---------------------------------------------------------------------------------------------------------


def test_a_node_is_declared_by_call_or_decorator_and_stays_the_function() -> None:
    made = Graph("g")

    @made.node
    def plain() -> None: ...

    @made.node(writes="k", name="other")
    def decorated() -> None: ...

    assert made.node(one) is one
    assert plain() is None
    assert list(made.nodes) == ["plain", "other", "one"]
    assert made.nodes["other"].declared == ("k",)


@pytest.mark.parametrize(("writes", "declared"), [(None, None), ("k", ("k",)), (["k", "l"], ("k", "l")), ((), ())])
def test_writes_take_a_name_or_names(writes: Any, declared: Any) -> None:
    made = Graph("g")
    made.node(one, writes=writes)
    assert made.nodes["one"].declared == declared


def test_declare_gives_the_node_and_what_to_tell() -> None:
    node, said = Graph("g").declare(one)
    assert (node.signature, said) == ("one() -> x", ())


def test_a_node_declared_again_has_its_new_body() -> None:
    made = graph()
    made.node(lambda: {"x": 5}, name="one")
    assert made.run().result() == {"x": 5, "y": 6}


def test_an_option_that_is_not_known_is_refused() -> None:
    with pytest.raises((TypeError, DeclarationError)):
        Graph("g").node(one, retries=3)  # type: ignore[call-overload]


def test_a_human_node_is_declared() -> None:
    node, said = Graph("g").declare_human("gate", "Go?", options=["yes", "no"], show=["a"], edit=["b"])
    assert (node.kind, node.signature, said) == ("human", "gate(a, b) -> gate, gate_note, b", ())


def test_state_is_declared_by_a_class_also_as_a_decorator() -> None:
    made = Graph("g")

    @made.state
    class State:
        log: Annotated[list[str], append] = []

    assert State.__name__ == "State"
    assert (made.schema.reducers, made.schema.defaults) == ({"log": append}, {"log": []})


def test_the_example_of_the_docstring_runs() -> None:
    import doctest

    from nbgraph import library

    assert doctest.testmod(library).failed == 0
    assert doctest.testmod(library).attempted > 0


# -- what cannot run ---------------------------------------------------------------------------------------------------


def test_problems_that_keep_a_graph_from_running_are_told_together() -> None:
    made = Graph("g")
    made.edges("START -> a; a -> b if x")
    with pytest.raises(GraphError, match="g cannot run yet") as caught:
        made.run(x=1)
    assert {problem.code for problem in caught.value.problems if isinstance(problem, Problem)} == {"NBG101", "NBG104"}
    assert "a is not written yet" in str(caught.value)
    assert "b is not written yet" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "g has no edges"),
        ("START -> one -> missing", "missing is not written yet"),
        ("one -> two; two -> one", "none is the start"),
        ("START -> one; one -> one", "never ends"),
    ],
)
def test_a_graph_that_cannot_run_says_why_and_loses_nothing(text: str, says: str) -> None:
    made = Graph("g")
    made.node(one)
    made.node(two)
    if text:
        made.edges(text)
    with pytest.raises(GraphError, match=says):
        made.run()
    assert list(made.nodes) == ["one", "two"]


def test_edges_that_cannot_be_read_point_at_the_place_and_lose_nothing() -> None:
    made = graph()
    with pytest.raises(TextError, match=r"line 2.*\n    c -> \n") as caught:
        made.edges("a -> b\nc -> ")
    assert caught.value.line == 2
    assert made.run().result() == {"x": 1, "y": 2}


@pytest.mark.parametrize("inputs", [{"y": 1}, {"x": 1}])
def test_any_known_key_is_an_input(inputs: dict[str, int]) -> None:
    assert graph().run(inputs).result() == {"x": 1, "y": 2}


def test_keys_named_like_options_of_run_are_given_as_a_mapping() -> None:
    made = Graph("g")
    made.node(lambda store, limit: {"got": (store, limit)}, name="n")
    made.edges("START -> n -> END")
    assert made.run({"store": 1, "limit": 3}).result()["got"] == (1, 3)


def test_keywords_win_over_the_mapping() -> None:
    made = Graph("g")
    made.node(lambda topic: {"got": topic}, name="n")
    made.edges("START -> n -> END")
    assert made.run({"topic": "a"}, topic="b").result()["got"] == "b"


@pytest.mark.parametrize("inputs", ["bees", 5, ["topic"]])
def test_inputs_that_are_no_mapping_are_refused(inputs: Any) -> None:
    with pytest.raises((InputError, TypeError)):
        graph().run(inputs)


def test_a_refused_run_leaves_nothing_in_the_store() -> None:
    store = MemoryStore()
    for arguments in ({"z": 1}, {"limit": 0}, {"answers": {"gate": [5]}}):
        with pytest.raises(InputError):
            graph().run(store=store, id="mine", **arguments)  # type: ignore[arg-type]
    assert graph().run(store=store, id="mine").result() == {"x": 1, "y": 2}


@pytest.mark.parametrize("store", ["", 5])
def test_a_store_that_makes_no_sense_is_refused(store: object) -> None:
    with pytest.raises(InputError, match="store"):
        graph().run(store=store)


def test_the_outline_holds_problems_but_what_is_merely_not_written() -> None:
    made = Graph("g")
    made.edges("START -> a; a -> END if x")
    outline = made.outline()
    assert outline.undefined == 1
    assert [note.split()[0] for note in outline.notes] == ["NBG104"]


def test_arun_gives_a_run_that_is_done() -> None:
    assert asyncio.run(graph().arun()).status == "done"


def test_notes_of_a_run_name_no_path_of_ours() -> None:
    made = graph()
    made.node(lambda: 1 / 0, name="one")
    run = made.run().wait(60)
    assert str(Path(nbgraph.__file__).parent) not in run.reason


def test_a_graph_is_given_as_mermaid_and_as_dot() -> None:
    line = Graph("line")
    line.node(lambda: None, name="a")
    line.edges("START -> a -> END")
    assert line.mermaid("TB").splitlines()[:3] == ["flowchart TB", '  n0(("START"))', '  n1("a")']
    assert "rankdir=LR" in line.dot()
    with pytest.raises(InputError, match="direction is 'LR'"):
        line.dot("across")
