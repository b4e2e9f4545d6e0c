"""A page that shows a run, whose questions are answered from what is stored of that run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page

from nbgraph.core.events import Event
from nbgraph.core.run import Run
from nbgraph.notebook.inspecting import Inspecting
from nbgraph.view.graph_widget import GraphWidget
from nbgraph.view.moment import as_it_stood
from nbgraph.view.progress import Progress
from tests.core.running import told
from tests.view.graph_page import LIGHT, loaded

ANSWERING = """() => {
    window.asks = [];
    const tell = (number, [told, refused]) => model.fire("msg:custom",
        refused ? { kind: "refused", number, text: refused } : { kind: "told", number, ...told });
    model.send = (content) => {
        window.sent.push(content);
        if (content.kind === "ask") window.answer(content).then((answer) => tell(content.number, answer));
    };
}"""


@contextmanager
def inspected(
    browser: Browser,
    run: Run,
    theme: Mapping[str, str] = LIGHT,
    width: int = 1200,
    why: str = "",
    heard: Iterable[Event] = (),
    more: Mapping[str, Callable[[Mapping[str, Any]], Any]] | None = None,
    family: Mapping[str, Any] | None = None,
) -> Iterator[Page]:
    """A page of the run as it stands; nothing on it may fail, and no request may leave it.

    `more` is what else can be asked for, `family` the runs that this one was forked from, and its forks.
    """
    progress = Progress(run.outline)
    inspecting = Inspecting(lambda: run.lookback, lambda: run.outline)
    for event in (*told(run), *heard):
        progress.apply(event)
        inspecting.hear(event)
    answers: dict[str, Callable[[Mapping[str, Any]], Any]] = {
        **inspecting.answers,
        "node": lambda asked: {**progress.details(asked["node"]), "why": why},
        "at": lambda asked: as_it_stood(run.at(asked["step"]), bars=bool(asked["bars"])),
        **(more or {}),
    }

    def answer(asked: dict[str, Any]) -> tuple[Any, str]:
        try:
            return answers[asked["what"]](asked), ""
        except Exception as error:
            return None, str(error)

    state = {"drawing": GraphWidget(run.outline).drawing, "status": progress.snapshot(), "actions": True}
    state["family"] = dict(family or {})
    with loaded(browser, state, theme, width, 900) as page:
        page.expose_function("answer", answer)
        page.evaluate(ANSWERING)
        yield page
