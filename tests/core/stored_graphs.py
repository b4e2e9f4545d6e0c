"""Random graphs that are really run, with people, failures, joins, maps and subgraphs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from nbgraph import add, append
from nbgraph.core.plan import compile
from nbgraph.library import Graph
from tests.core.random_graphs import ITEMS, loop_around_fan_out
from tests.core.test_pattern_properties import Varied, faulty, racing

NESTINGS = ("", "", "inner", "mapped", "deep")


@dataclass(frozen=True)
class Kept:
    """A random graph in which some nodes ask a person; alone, or in another graph: once, mapped, or two deep."""

    varied: Varied
    asking: tuple[str, ...]
    nesting: str = ""

    def graph(self) -> Graph:
        own = self._own()
        if self.nesting == "":
            return own
        if self.nesting == "deep":
            own = _around(own, "middle", "START -> before -> random -> END")
        each = " each batches as batch" if self.nesting == "mapped" else ""
        return _around(own, "outer", f"START -> before; before -> {own.name}{each}; {own.name} -> END")

    def answers(self) -> dict[str, list[str]]:
        """More answers than are asked for, by the paths of the nodes."""
        lead = {"": "", "deep": "middle/random/"}.get(self.nesting, "random/")
        return {f"{lead}{name}": ["approve"] * 200 for name in self.asking}

    def _own(self) -> Graph:
        made, joins = Graph("random"), dict(self.varied.joins)
        for name in self.varied.names:
            made.node(self._body(name), name=name, join=joins.get(name, "all"))
        made.edges(self.varied.text())
        made.schema = made.schema._replace(
            reducers={"log": append, "lines": append, **{f"c_{name}": add for name in self.varied.names}},
            defaults={f"c_{name}": 0 for name in self.varied.names} | {"log": [], "lines": [], "items": ITEMS},
        )
        return made

    def _body(self, name: str) -> Callable[..., Any]:
        shape, mapped = self.varied.shape, name == self.varied.shape.mapped
        routes = {source: to for source, to, guard in shape.back if guard.startswith("by")}
        plain = dict(self.varied.joins).get(name) != "any"

        async def work(ctx: Any, log: list[str], item: Any = None, **counted: int) -> dict[str, Any]:
            if (name, ctx.visit) in self.varied.fails:
                raise ValueError(str(ctx.visit))
            if name in self.asking:
                await ctx.ask(f"{name}?", show={"log": len(log), "item": item})
            count = counted[f"c_{name}"] + 1
            update = {"log": f"{name}[{item}]:{len(log)}", f"c_{name}": 1, "lines": name}
            own = {f"own_{name}": item if mapped else count} if plain else {}
            went = {f"go_{name}": routes[name] if count < 3 else None} if name in routes and plain else {}
            return {**update, **own, **went}

        read = ["ctx", "log", f"c_{name}", *(["item"] if mapped else [])]
        named = inspect.Parameter.KEYWORD_ONLY
        work.__signature__ = inspect.Signature([inspect.Parameter(key, named) for key in read])  # type: ignore[attr-defined]
        return work


def _around(inner: Graph, name: str, text: str) -> Graph:
    made = Graph(name)

    def before() -> dict[str, list[int]]:
        return {"batches": [1, 2]}

    made.node(before)
    made.node(inner, writes=("log",))
    made.edges(text)
    return made


@st.composite
def kept(draw: st.DrawFn, race: bool = False) -> Kept:
    varied = draw(racing() if race else faulty())
    # what the items of a map choose is a list of choices, and cannot be none of them
    assume((varied.shape.mapped, "by go_{source}") not in [(source, guard) for source, _, guard in varied.shape.back])
    if draw(st.integers(0, 2)):
        shape = varied.shape.graph()
        assume(loop_around_fan_out(compile(shape, shape.outlined())))
    asking = draw(st.lists(st.sampled_from(varied.shape.nodes), min_size=1, max_size=3, unique=True))
    asking = asking if draw(st.integers(0, 2)) else []
    return Kept(varied, tuple(asking), draw(st.sampled_from(NESTINGS)))


def strided(count: int, most: int, phase: int) -> Iterator[int]:
    """The numbers up to `count`, at most `most` of them, the first and the last ones among them."""
    stride = max(1, -(-count // most))
    yield from (n for n in range(count + 1) if n in (0, 1, count) or n % stride == phase % stride)
