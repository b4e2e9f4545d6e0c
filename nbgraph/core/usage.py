"""Usage: what calls of models took, in tokens and in US dollars, and how much a run may take."""

from __future__ import annotations

import asyncio
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from nbgraph.errors import InputError, brief

_BUDGET = re.compile(r"(?:\$\s*(?P<dollars>[\d_,.]+)|(?P<number>[\d_,.]+)\s*(?P<unit>k|M)?\s*tokens?)", re.IGNORECASE)
LEAST = 0.000_001  # US dollars that are told
_TIMES = {None: 1, "k": 1_000, "m": 1_000_000}


class Budget(NamedTuple):
    """How much the models of a run may take: an amount of "USD" or of "tokens"."""

    amount: float
    unit: str

    def __str__(self) -> str:
        return dollars(self.amount) if self.unit == "USD" else f"{self.amount:,.0f} tokens"


def read_budget(given: float | str | Budget | None) -> Budget | None:
    """The budget that is meant by `0.5` or "$0.50" (US dollars) or by "20000 tokens".

    Raises:
        InputError: it is none.
    """
    if given is None or isinstance(given, Budget):
        return given
    if isinstance(given, int | float) and not isinstance(given, bool):
        return _checked(Budget(float(given), "USD"), given)
    found = _BUDGET.fullmatch(given.strip()) if isinstance(given, str) else None
    if found is None:
        raise InputError(f'budget is US dollars, as 0.5 or "$0.50", or tokens, as "20000 tokens", not {brief(given)}.')
    try:
        number = float((found["dollars"] or found["number"]).replace(",", "").replace("_", ""))
    except ValueError:
        raise InputError(f"budget is an amount such as 0.5, not {brief(given)}.") from None
    times = _TIMES[found["unit"] and found["unit"].lower()]
    return _checked(Budget(number * times, "USD" if found["dollars"] else "tokens"), given)


def _checked(budget: Budget, given: object) -> Budget:
    if not 0 < budget.amount < float("inf"):
        raise InputError(f"budget is more than nothing, not {brief(given)}.")
    return budget


class Taking(Protocol):
    """What a call of a model took; see `Used`."""

    @property
    def input(self) -> int | None: ...
    @property
    def cached(self) -> int | None: ...
    @property
    def output(self) -> int | None: ...
    @property
    def cost(self) -> float | None: ...


class Call(Taking, Protocol):
    """A call of a model, as the log tells of it."""

    @property
    def place(self) -> str: ...


class Used(NamedTuple):
    """What some calls of models took.

    `input`, `cached` (of the input) and `output` are tokens, `cost` is in US dollars. `untold` counts calls of which
    the endpoint did not say how many tokens they took, `unpriced` those whose cost is not known; neither is in the
    sums.
    """

    calls: int = 0
    input: int = 0
    cached: int = 0
    output: int = 0
    cost: float = 0.0
    untold: int = 0
    unpriced: int = 0

    @property
    def tokens(self) -> int:
        """Input and output together."""
        return self.input + self.output

    def plus(self, call: Taking) -> Used:
        """The same and one call more."""
        return Used(
            self.calls + 1,
            self.input + (call.input or 0),
            self.cached + (call.cached or 0),
            self.output + (call.output or 0),
            self.cost + (call.cost or 0.0),
            self.untold + (call.input is None),
            self.unpriced + (call.cost is None),
        )

    def __str__(self) -> str:
        tokens = "unknown" if self.calls and self.untold == self.calls else f"{self.input:,} + {self.output:,}"
        more = " and more" if 0 < self.untold < self.calls else ""
        return f"{self.calls:,} call{'s' * (self.calls != 1)} · {tokens} tokens{more} · {self.price}"

    @property
    def price(self) -> str:
        """The cost as a text: a part of it, or all, may not be known."""
        if self.calls and self.unpriced == self.calls:
            return "cost unknown"
        return dollars(self.cost) + (" and more" if self.unpriced else "")


def dollars(amount: float) -> str:
    """US dollars for reading: cents, and below ten cents three digits that tell it apart."""
    if 0 < amount < LEAST:
        return f"less than ${LEAST:.6f}"
    decimals = 2 if amount >= 1 or not amount else 2 - math.floor(math.log10(amount))
    whole, _, part = f"{amount:,.{decimals}f}".partition(".")
    return f"${whole}.{part.rstrip('0'):0<2}" if amount else "$0"


NOTHING = Used()


class Usage:
    """What the models of a run took: in all (`total`), by node (`nodes`, paths in subgraphs) and by task (`tasks`)."""

    def __init__(self, calls: Iterable[Call] = ()) -> None:
        self.total = Used()
        self.nodes: defaultdict[str, Used] = defaultdict(Used)
        self.tasks: defaultdict[str, Used] = defaultdict(Used)
        for call in calls:
            self.add(call)

    def add(self, call: Call) -> None:
        """Count one call more."""
        task = call.place.rpartition("/")[0]
        node = "/".join(part.partition("#")[0].partition("[")[0] for part in task.split("/"))
        self.total = self.total.plus(call)
        self.nodes[node] = self.nodes[node].plus(call)
        self.tasks[task] = self.tasks[task].plus(call)

    def __repr__(self) -> str:
        rows = [f"{node}: {used}" for node, used in self.nodes.items()]
        return "\n".join([f"in all: {self.total}", *rows])


class Allowance:
    """What a run with a budget may still take; `renewed` is what it had taken when last a person renewed it."""

    def __init__(self, budget: Budget | None, renewed: Used = NOTHING) -> None:
        self.budget, self._renewed = budget, renewed
        self._under_way = 0
        self._waiting: list[asyncio.Future[None]] = []

    def over(self, used: Used) -> str:
        """Why nothing more may be spent; empty where it may."""
        if self.budget is None:
            return ""
        spent = self._spent(used)
        if spent < self.budget.amount:
            return ""
        said = Budget(spent, self.budget.unit)
        return f"the budget of {self.budget} is spent ({said}); run.resume() allows as much again."

    def renew(self, used: Used) -> None:
        """Allow as much again."""
        self._renewed = used

    def crowded(self, used: Used) -> bool:
        """Whether the calls under way may spend what is left: each is taken to cost as much as the earlier ones did."""
        if self.budget is None or not self._under_way:
            return False
        if not used.calls:
            return True
        return self._spent(used) + self._under_way * self._count(used) / used.calls >= self.budget.amount

    @contextmanager
    def calling(self) -> Iterator[None]:
        """While the block lasts a call is under way."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            waiting, self._waiting = self._waiting, []
            for waits in waiting:
                if not waits.done():
                    waits.set_result(None)

    async def one_ends(self) -> None:
        """Wait until one of the calls under way has ended."""
        waits = asyncio.get_running_loop().create_future()
        self._waiting.append(waits)
        await waits

    def _spent(self, used: Used) -> float:
        return self._count(used) - self._count(self._renewed)

    def _count(self, used: Used) -> float:
        return used.cost if self.budget is not None and self.budget.unit == "USD" else float(used.tokens)
