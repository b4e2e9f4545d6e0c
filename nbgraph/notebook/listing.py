"""Lists of what a store holds, in a notebook: live where somebody watches, with the record that stays in the file."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, ClassVar, Generic, TypeVar
from uuid import uuid4

import ipywidgets
from IPython.display import display

from nbgraph.core.engine import engine_loop
from nbgraph.errors import NbgraphError, told
from nbgraph.notebook.below import Below

EVERY = 2.0  # seconds between looks at the store

Bundle = dict[str, str]
T = TypeVar("T")


class Listing(ABC, Generic[T]):
    """A list in the output of one cell; the latest of its kind is kept current, the engine's loop alone changes it.

    Args:
        publisher: the `display_pub` of the shell.
        watched: whether somebody can watch and click; else there is only the record.
    """

    _latest: ClassVar[dict[type, Listing[Any]]] = {}

    def __init__(self, publisher: Any, watched: bool) -> None:
        self._publisher, self._watched, self._loop = publisher, watched, engine_loop()
        self._context = copy_context()  # by it the kernel knows the cell that an output belongs to
        self._name = f"nbgraph-{uuid4().hex}"
        self.bundle: Bundle = {}
        self.live: ipywidgets.Widget | None = None
        self.published: list[Callable[[], None]] = []  # called on the loop when what is kept of it has changed
        self._inside = False
        self._task: asyncio.Task[None] | None = None
        self.shown = self.read()

    @abstractmethod
    def read(self) -> T:
        """What the store holds now; blocks."""

    def same(self, found: T) -> bool:
        """Whether it is what is shown."""
        return found == self.shown

    @abstractmethod
    def record(self) -> Bundle:
        """What is kept of it in a saved notebook."""

    @abstractmethod
    def view(self, below: Below) -> ipywidgets.Widget:
        """The live view, with `below` in it."""

    @abstractmethod
    def put(self, found: T) -> None:
        """Show what was read."""

    @abstractmethod
    def say(self, sentence: str) -> None:
        """Show a sentence."""

    # In a cell

    def show(self) -> None:
        """Display it in the current cell."""
        self._draw()
        if self.live is not None:
            display(self.live)
        display(self.bundle, raw=True, display_id=self._name)
        self._keep_current()

    def show_in(self, place: Below) -> None:
        """Show it among what stands below another output."""
        self._inside = True
        self._draw()
        place.add(type(self).__name__, self)
        self._keep_current()

    def _draw(self) -> None:
        self.below = Below(self._publish, self.later) if self._watched else None
        self.live = None if self.below is None else self.view(self.below)
        self.bundle = self._drawn()

    def _keep_current(self) -> None:
        if self._watched:
            self._latest[type(self)] = self
            self.later(self._follow)

    def later(self, call: Callable[[], None]) -> None:
        """Call something on the engine's loop."""
        self._loop.call_soon_threadsafe(call, context=self._context)

    def refresh(self) -> None:
        """Look at the store again; from any thread but the loop's own."""
        found = self.read()
        self.later(lambda: self._take(found))

    @classmethod
    def leave(cls) -> None:
        """Keep no list current any more."""
        cls._latest.clear()

    # On the engine's loop

    def _follow(self) -> None:
        self._task = self._loop.create_task(self._look_on())

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            if self._latest.get(type(self)) is not self:
                return
            try:
                self._take(await asyncio.to_thread(self.read))
            except NbgraphError as error:
                return self.say(told(error))
            except RuntimeError:  # the interpreter is shutting down, and starts no thread any more
                return

    def _take(self, found: T) -> None:
        if not self.same(found):
            self.shown = found
            self.put(found)
            self._publish()

    def _publish(self) -> None:
        before, self.bundle = self.bundle, self._drawn()
        if self.bundle == before:
            return
        if not self._inside:
            transient = {"display_id": self._name}
            self._publisher.publish(data=self.bundle, metadata={}, transient=transient, update=True)
        for heard in self.published:
            heard()

    def _drawn(self) -> Bundle:
        record = self.record()
        if self.below is None:
            return record
        return {
            "text/plain": "\n".join([record["text/plain"], *self.below.records("text/plain")]),
            "text/html": "".join([record["text/html"], *self.below.records("text/html")]),
        }
