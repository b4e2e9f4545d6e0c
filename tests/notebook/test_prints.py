"""What nodes print goes to their log and to the cell that started the run, never to another."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import pytest
from front_end import started

from nbgraph.core.context import Context, current
from nbgraph.notebook import prints


class Heard(Context):
    """A context that keeps what is printed."""

    __slots__ = ("texts",)

    def __init__(self) -> None:
        self.texts: list[str] = []

    def printed(self, text: str) -> None:
        self.texts.append(text)


@contextmanager
def teed() -> Iterator[io.StringIO]:
    """Streams of our own, teed; pytest changes the real ones between a fixture and its test."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        prints.install()
        try:
            yield out
        finally:
            prints.uninstall()


@contextmanager
def heard() -> Iterator[list[str]]:
    """What is printed in here is printed by a node."""
    context = Heard()
    token = current.set(context)
    try:
        yield context.texts
    finally:
        current.reset(token)


def test_what_a_node_prints_is_copied_into_its_log() -> None:
    with teed() as out, heard() as log:
        print("a", "b")
        sys.stderr.writelines(["c", "d"])
    assert out.getvalue() == "a b\n"
    assert "".join(log) == "a b\ncd"


def test_what_others_print_is_only_printed() -> None:
    with heard() as log:
        pass
    with teed() as out:
        print("hello")
    assert (out.getvalue(), log) == ("hello\n", [])


def test_installed_twice_it_copies_once() -> None:
    with teed(), heard() as log:
        prints.install()
        print("once", end="")
    assert "".join(log) == "once"


def test_uninstalled_the_stream_is_the_old_one() -> None:
    with teed() as out:
        prints.uninstall()
        assert sys.stdout is out


def test_uninstall_leaves_what_came_between() -> None:
    with teed(), redirect_stdout(io.StringIO()) as between:
        prints.uninstall()
        assert sys.stdout is between


def test_other_attributes_are_those_of_the_stream() -> None:
    with teed() as out:
        assert sys.stdout.getvalue == out.getvalue  # type: ignore[attr-defined]
        assert not sys.stdout.isatty()


GRAPH = """
%load_ext nbgraph
import asyncio, logging, sys, time
from nbgraph import Graph
from nbgraph.core.events import Printed
logs = []
def loud():
    g = Graph("loud")
    @g.node
    def items(topic):
        time.sleep(0.3); print("sync", topic); return {"items": [1, 2]}
    @g.node
    async def work(item):
        await asyncio.sleep(0.3); print("item", item); return {"out": item}
    @g.node
    def last(out):
        time.sleep(0.3); print("last", file=sys.stderr); return {"end": 1}
    g.edges("START -> items; items -> work each items as item; work -> last -> END")
    return g
"""


@pytest.mark.slow
def test_prints_belong_to_the_cell_that_started_the_run() -> None:
    with started() as page:
        page.run(GRAPH)
        launching = page.run("run = loud().run(topic='bees')\n_ = run.subscribe(logs.append)")
        stranger = page.run("for _ in range(12):\n    time.sleep(0.1)\nprint('stranger')")
        page.wait(lambda: "last" in page.text(launching))
        assert page.text(stranger) == "stranger\n"
        assert page.text(launching).splitlines() == ["sync bees", "item 1", "item 2", "last"]
        log = page.run("print([(e.node, e.text) for e in logs if isinstance(e, Printed) and e.text.strip()])")
        told = [("items", "sync"), ("items", "bees"), ("work", "item"), ("last", "last")]
        assert all(f"('{node}', '{text}')" in page.text(log) for node, text in told)


@pytest.mark.slow
def test_unloading_puts_the_streams_back() -> None:
    with started() as page:
        page.run(GRAPH)
        loaded = page.run("print(type(sys.stdout).__name__)")
        page.run("%unload_ext nbgraph")
        unloaded = page.run("print(type(sys.stdout).__name__)")
        assert (page.text(loaded), page.text(unloaded)) == ("Tee\n", "OutStream\n")
