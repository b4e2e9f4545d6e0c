"""The graphs that children run; every node tells the witness of its effect."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Annotated, Any

from nbgraph import Context, Graph, add, append
from tests.crash.doom import Doom
from tests.crash.witness import Witness


class Place:
    """What nodes need of the child: its witness, its doom, and `pauses`, the seconds that nodes take after effects.

    The pause of "*" is that of all nodes that have none of their own.
    """

    def __init__(self, witness: Witness, doom: Doom, pauses: dict[str, float]) -> None:
        self.witness, self.doom, self._pauses = witness, doom, pauses

    def effect(self, ctx: Context) -> None:
        """What a blocking node does."""
        self._do(ctx.place, ctx.attempt)
        time.sleep(self.pause(ctx.node))
        self.doom.reach("before the return", ctx.place)

    async def later_effect(self, ctx: Context) -> None:
        """What an async node does."""
        self._do(ctx.place, ctx.attempt)
        await asyncio.sleep(self.pause(ctx.node))
        self.doom.reach("before the return", ctx.place)

    def recorded(self, place: str) -> str:
        """What a node does by `ctx.step`."""
        self._do(place, 1)
        return place

    def _do(self, place: str, attempt: int) -> None:
        self.doom.reach("before the effect", place)
        self.witness.tell("effect", place, attempt)
        self.doom.reach("after the effect", place)

    def pause(self, node: str) -> float:
        """The seconds that a node takes after its effect."""
        return self._pauses.get(node, self._pauses.get("*", 0.0))


ROUNDS = 5
TOUR_STEPS = 6 * ROUNDS
WIDE = 5000  # items that a key grows by in each round, so that the log is soon worth a snapshot
LINE_STEPS = 12


def tour(place: Place) -> Graph:
    """Five rounds of a loop around a fan-out of three and their join, 30 steps, with plain keys and reducers."""
    made = Graph("tour")

    @made.state
    class _State:
        round: int = 0
        notes: Annotated[list[str], append]
        total: Annotated[int, add] = 0
        wide: list[int]

    @made.node
    async def plan(ctx: Context, round: int) -> dict[str, Any]:
        await place.later_effect(ctx)
        return {"round": round + 1, "wide": list(range(round * WIDE))}

    @made.node
    def left(ctx: Context, round: int) -> dict[str, Any]:
        place.effect(ctx)
        return {"notes": f"left {round}", "total": 1}

    @made.node
    async def middle(ctx: Context, round: int, wide: list[int]) -> dict[str, Any]:
        await place.later_effect(ctx)
        return {"notes": f"middle {round} of {len(wide)}", "total": 10, "seen": round}

    @made.node
    def right(ctx: Context, round: int) -> dict[str, Any]:
        place.effect(ctx)
        return {"notes": f"right {round}", "total": 100}

    @made.node
    def gather(ctx: Context, notes: list[str], total: int) -> dict[str, Any]:
        place.effect(ctx)
        return {"text": " / ".join(notes), "sum": total}

    @made.node
    def judge(ctx: Context, text: str, seen: int) -> dict[str, Any]:
        place.effect(ctx)
        return {"verdict": f"{len(text)} signs, {seen} seen"}

    made.edges(f"""
        START -> plan -> left, middle, right -> gather -> judge
        judge -> plan if round < {ROUNDS}
        judge -> END else
    """)
    return made


def told(state: dict[str, Any]) -> dict[str, Any]:
    """A state as a child tells it: a long list by its length and digest, so that it fits into a pipe."""
    return {key: _brief(value) if isinstance(value, list) else value for key, value in state.items()}


def _brief(values: list[Any]) -> list[Any]:
    return values if len(values) < 100 else [len(values), sha256(repr(values).encode()).hexdigest()]


def line(place: Place) -> Graph:
    """Twelve steps, one after another."""
    made = Graph("line")

    @made.node
    def walk(ctx: Context, n: int = 0) -> dict[str, Any]:
        time.sleep(place.pause("walk"))
        place.effect(ctx)
        return {"n": n + 1}

    made.edges(f"START -> walk; walk -> walk if n < {LINE_STEPS}; walk -> END else")
    return made


def question(place: Place) -> Graph:
    """A person is asked between two nodes."""
    made = Graph("question")

    @made.node
    def draft(ctx: Context) -> dict[str, Any]:
        place.effect(ctx)
        return {"text": "all about bees"}

    @made.node
    def publish(ctx: Context, text: str, gate: str, gate_note: str) -> dict[str, Any]:
        place.effect(ctx)
        return {"published": f"{text}: {gate}, {gate_note}"}

    made.human("gate", "Publish {{ text }}?", show=["text"])
    made.edges("START -> draft -> gate -> publish -> END")
    return made


def subgraph(place: Place) -> Graph:
    """A graph within a graph, visited twice."""
    inner = Graph("research")

    @inner.node
    def look(ctx: Context, topic: str) -> dict[str, Any]:
        place.effect(ctx)
        return {"found": f"found {topic}"}

    @inner.node
    def read(ctx: Context, found: str) -> dict[str, Any]:
        place.effect(ctx)
        return {"findings": f"read {found}"}

    inner.edges("START -> look -> read -> END")
    made = Graph("outer")

    @made.node
    def first(ctx: Context, n: int = 0) -> dict[str, Any]:
        place.effect(ctx)
        return {"topic": f"bees {n}", "n": n + 1}

    @made.node
    def last(ctx: Context, findings: str) -> dict[str, Any]:
        place.effect(ctx)
        return {"text": findings}

    made.declare(inner, name="research", writes="findings")
    made.edges("START -> first -> research -> last; last -> first if n < 2; last -> END else")
    return made


def items(place: Place) -> Graph:
    """A map over eight items, one at a time."""
    made = Graph("items")

    @made.node
    def split(ctx: Context) -> dict[str, Any]:
        place.effect(ctx)
        return {"items": list(range(8))}

    @made.node(parallel=1)
    def work(ctx: Context, item: int) -> dict[str, Any]:
        place.effect(ctx)
        return {"squares": item * item}

    @made.node
    def total(ctx: Context, squares: list[int]) -> dict[str, Any]:
        place.effect(ctx)
        return {"sum": sum(squares)}

    made.edges("START -> split; split -> work each items as item; work -> total -> END")
    return made


def flaky(place: Place) -> Graph:
    """A node that fails at its first two attempts, of three."""
    made = Graph("flaky")

    @made.node(retry=3, backoff=0.01)
    def fetch(ctx: Context) -> dict[str, Any]:
        place.effect(ctx)
        if ctx.attempt < 3:
            raise OSError(f"no answer at attempt {ctx.attempt}")
        return {"page": "bees"}

    made.edges("START -> fetch -> END")
    return made


def journal(place: Place) -> Graph:
    """A node with two recorded side effects."""
    made = Graph("journal")

    @made.node
    def send(ctx: Context) -> dict[str, Any]:
        letter = ctx.step(place.recorded, f"{ctx.place}/letter")
        place.doom.reach("after the record", f"{ctx.place}/letter")
        parcel = ctx.step(place.recorded, f"{ctx.place}/parcel")
        place.effect(ctx)
        return {"sent": [letter, parcel]}

    made.edges("START -> send -> END")
    return made


def agent(place: Place) -> Graph:
    """An agent that looks up twice, one after another, then two things side by side, and then deletes with approval."""
    made = Graph("agent")

    def look(what: str, ctx: Context) -> str:
        """Look something up."""
        place.effect(ctx)
        return f"found {what}"

    async def delete(path: str, ctx: Context) -> str:
        """Delete a file."""
        await place.later_effect(ctx)
        return f"deleted {path}"

    made.agent("ops", "Clean up.", tools=[look, delete], approve=["delete"])
    made.edges("START -> ops -> END")
    return made


GRAPHS: dict[str, Callable[[Place], Graph]] = {
    "tour": tour,
    "line": line,
    "question": question,
    "subgraph": subgraph,
    "items": items,
    "flaky": flaky,
    "journal": journal,
    "agent": agent,
}
