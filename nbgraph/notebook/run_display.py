"""A run in a notebook: its live view, and beside it the record that stays in the saved file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar
from uuid import uuid4

import ipywidgets
from IPython.display import display

from nbgraph.core.events import ENDED, ApprovalAnswered, ApprovalAsked, ApprovalWithdrawn, Event, Status, StatusChanged
from nbgraph.core.run import Run
from nbgraph.errors import RunError
from nbgraph.notebook.below import Below, Nearby
from nbgraph.notebook.dashboard import Dashboard
from nbgraph.notebook.live import Clicks, LiveView
from nbgraph.notebook.pending import Count, count_soon
from nbgraph.notebook.relatives import Strip
from nbgraph.view import record
from nbgraph.view.dot import draw
from nbgraph.view.progress import Progress
from nbgraph.watching import Watch

FLUSH_SECONDS = 0.1
CLIENT = "a client of this kernel"
FINISHED = ("done", "handled", "cancelled")
JOINTS = {"text/plain": "\n", "text/html": ""}


Bundle = dict[str, str]
Told = TypeVar("Told")


class RunDisplay:
    """What a notebook shows of one run, in as many cells as it is displayed in; without buttons where it only looks on.

    Where somebody watches, the run's loop alone draws: at most every 100 ms, the record whenever the run is at rest.
    Where nobody does there is only the record, brought up to date by the cells that wait for the run.

    Args:
        publisher: the `display_pub` of the shell.
        watched: whether somebody can watch and click.
        go_on: called with the id of a run that was only looked on, and answered.
        show: displays a run that was opened from this one.
        list_questions: displays all open questions of the notebook in the place that it is given.
    """

    def __init__(
        self,
        run: Run | Watch,
        publisher: Any,
        watched: bool,
        go_on: Callable[[str], object] | None = None,
        show: Callable[[Run | Watch], None] | None = None,
        list_questions: Callable[[Below], None] | None = None,
    ) -> None:
        self._go_on = go_on
        self._run: Run | Watch | None = (
            run  # let go at the end: a widget lives as long as the kernel, and a run holds values
        )
        self._loop, self._publisher = run.loop, publisher
        self._context = copy_context()  # by it the kernel knows the cell that an output belongs to
        self._name = f"nbgraph-{uuid4().hex}"
        self._progress = Progress(run.outline)
        self._progress.apply(StatusChanged(Status.RUNNING, time.time()))
        self.published: list[Callable[[], None]] = []  # called on the loop when the record has changed
        moves = isinstance(run, Run)
        self._nearby = Nearby(show, self._put_below, lambda: self._publish(self._drawn()), self._later)
        self._dashboard = Dashboard(run, self._nearby if show is not None else None)
        self._list_questions = list_questions
        answers = {"node": self._details, "questions": self._show_questions, **self._dashboard.answers}
        clicks = Clicks(self._act if moves else None, self._stop if moves else None, self._answer, answers)
        self.live = LiveView(self._progress, clicks, self._later) if watched else None
        self._strip = Strip(run.lookback.store, run.id, self._put_family) if watched else None
        self._count = Count(run.lookback.store, self._put_count) if watched else None
        self.bundle = self._drawn()
        self._flushing = False
        run.subscribe(self._take)

    # In a cell

    def show(self) -> None:
        """Display the run in the current cell."""
        if self.live is None:
            self.bundle = self._read()
        else:
            display(self.live)
        display(self.bundle, raw=True, display_id=self._name)

    def update(self) -> None:
        """Bring the record up to date by a message of the current cell: no other is kept where nobody watches."""
        bundle = self._read()
        if bundle != self.bundle:
            self._publish(bundle)

    def _read(self) -> Bundle:
        """The record after all that the run has told so far."""
        return self._on_loop(self._drawn)

    def _on_loop(self, call: Callable[[], Told]) -> Told:
        """What `call` gives on the run's loop, after all that the run has told so far."""
        if _running_loop() is self._loop or self._loop.is_closed():
            return call()
        told: Future[Told] = Future()
        self._later(lambda: _tell(told, call))
        return told.result(10)

    def _later(self, call: Callable[[], None]) -> None:
        if self._loop.is_closed():  # the run is over, and nobody else changes what is shown
            call()
        else:
            self._loop.call_soon_threadsafe(call, context=self._context)

    def _publish(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._publisher.publish(data=bundle, metadata={}, transient={"display_id": self._name}, update=True)
        for told in self.published:
            told()

    def _drawn(self) -> Bundle:
        outline = self._progress.outline
        drawn = {
            "text/plain": record.text(outline, self._progress),
            "text/html": record.html(outline, draw(outline), self._progress),
        }
        return {kind: JOINTS[kind].join([text, *self._nearby.records(kind)]) for kind, text in drawn.items()}

    def _put_family(self, strip: Mapping[str, Any]) -> None:
        if self.live is not None:
            self._later(partial(self.live.show_family, strip))

    def _put_count(self, waiting: int) -> None:
        if self.live is not None:
            self._later(partial(self.live.count, waiting))

    def _show_questions(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._list_questions is not None:
            self._nearby.show_list(self._list_questions)
        return {}

    def _put_below(self, below: ipywidgets.Widget) -> None:
        if self.live is not None:
            self.live.put_below(below)

    # From the page, on any thread

    def _act(self, action: str) -> None:
        run = self._run
        if run is None:
            raise RunError("the run is over.")
        {"cancel": run.cancel, "pause": run.pause, "resume": run.resume, "next": run.next}[action]()

    def _stop(self, node: str, when: str | None) -> None:
        if self._run is None:
            raise RunError("the run is over.")
        self._run.breakpoint(node, when)

    def _details(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        node = str(asked.get("node"))
        if self._progress.status == Status.DONE and self._progress.node(node)["state"] == "idle":
            return {**self._progress.details(node), "why": self._dashboard.why_not(node)}
        return self._on_loop(lambda: {**self._progress.details(node), "why": self._why(node)})

    def _why(self, node: str) -> str:
        """Why the node has not finished, where the run could still get there."""
        state = self._progress.node(node)["state"]
        running = self._progress.status == Status.RUNNING and state == "active"
        if self._run is None or running or state in FINISHED:
            return ""
        return self._run.why(node)

    def _answer(self, approval: str, option: str, note: str, edit: dict[str, Any], form: dict[str, Any]) -> str | None:
        run = self._run
        if run is None:
            return "the run is over."
        run.answer(approval, option, note, edit, form=form, by=CLIENT)
        if self._go_on is not None and isinstance(run, Watch):
            self._context.copy().run(self._go_on, run.id)
        return None

    # On the run's loop

    def _take(self, event: Event) -> None:
        self._progress.apply(event)
        if self.live is None:
            return
        self.live.take(event)
        self._dashboard.hear(event)
        if isinstance(event, ApprovalAsked | ApprovalAnswered | ApprovalWithdrawn):
            count_soon()
        if not self._flushing:
            self._flushing = True
            self._loop.call_later(FLUSH_SECONDS, self._flush, self.live, context=self._context)

    def _flush(self, live: LiveView) -> None:
        self._flushing = False
        if self._run is not None and self._run.outline != self._progress.outline:
            self._progress.outline = self._run.outline
            self._loop.run_in_executor(None, live.redraw)
        live.flush()
        if self._progress.status == Status.RUNNING:
            return
        self._publish(self._drawn())
        if self._strip is not None:
            self._strip.moved()
        count_soon()
        if self._progress.status in ENDED:
            self._run = None
            self._dashboard.let_go()


def _tell(told: Future[Told], call: Callable[[], Told]) -> None:
    try:
        told.set_result(call())
    except Exception as error:
        told.set_exception(error)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
