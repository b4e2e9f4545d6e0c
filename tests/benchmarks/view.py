"""What a view of a run costs, in the kernel and in the page, each beside a floor measured in the same run.

    python -m tests.benchmarks.view             all of it; takes about two minutes
    python -m tests.benchmarks.view kernel      without JupyterLab and Chromium

CPU microseconds are those of the kernel's whole process. Frames are the times between two calls of
requestAnimationFrame; Chromium is headless and draws without a GPU.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbgraph import Graph, MemoryStore
from nbgraph.core.events import Event
from nbgraph.notebook.live import Clicks, LiveView
from nbgraph.view.progress import Progress
from nbgraph.view.timeline import LIVE_BARS

SECONDS, PER_SECOND = 20, 500
EVENTS = SECONDS * PER_SECOND  # two a step: that it started, and that it finished
LONG = 10_000
ROUNDS = 3
MEGABYTE = 2**20


def show(name: str, floor: str, ours: str, budget: str = "") -> None:
    """One row."""
    print(f"{name:<58} {floor:>12} {ours:>12}   {budget}", flush=True)


def looping(steps: int, pace: float = 0.0) -> Graph:
    """Two nodes in turn, `steps` tasks in all; each task waits for its time where there is a pace."""
    kernel: dict[str, Any] = {}
    exec(LOOP, kernel)
    made: Graph = kernel["declared"](Graph("bench"), steps, pace)
    return made


LOOP = """
import asyncio, time
def declared(made, steps, pace):
    began = []
    async def in_time(i):
        began or began.append(time.perf_counter() - i * pace)
        await asyncio.sleep(max(0.0, began[0] + i * pace - time.perf_counter()) if pace else 0)
    async def draft(i: int):
        await in_time(i)
        return {"i": i + 1, "text": f"Draft {i} about bees, and a little more."}
    async def review(i: int, text: str):
        await in_time(i)
        return {"i": i + 1, "score": len(text)}
    made.node(draft)
    made.node(review)
    made.edges(f"START -> draft -> review; review -> draft if i < {steps} max {steps}; review -> END else")
    return made
"""


# In one process


class Counted:
    """Stands in for the comm of a widget: encodes what is sent as a kernel does, and counts it."""

    kernel = "some"  # without one nothing is sent
    comm_id = "counted"

    def __init__(self) -> None:
        self.messages = self.bytes = 0

    def send(self, data: Any = None, metadata: Any = None, buffers: Any = None) -> None:
        """Encode one message."""
        self.messages += 1
        self.bytes += len(json.dumps({"data": data, "metadata": metadata or {}}, ensure_ascii=False).encode())

    def on_msg(self, _: object) -> None:
        """Nothing comes."""

    def close(self, *_: object, **__: object) -> None:
        """Nothing is held."""


def told(steps: int) -> list[Event]:
    """The events of a run of so many steps."""
    run = looping(steps).run({"i": 0}, limit=10**6, store=MemoryStore()).wait()
    found: list[Event] = []
    for event in run.events():
        found.append(event)
        if len(found) >= 2 * steps + 4 and run.at_rest:
            break
    return found


def live_view(outline: Any) -> tuple[Progress, LiveView, Counted]:
    """A view whose picture sends to nobody."""
    progress, comm = Progress(outline), Counted()
    view = LiveView(progress, Clicks(None, None, lambda *_: None, {}), lambda call: call())
    view._graph.comm = comm
    return progress, view, comm


def folded(outline: Any, events: Iterable[Event], burst: int) -> tuple[float, float, Counted]:
    """CPU seconds to take events in, and to send them after each burst."""
    progress, view, comm = live_view(outline)
    taking, sending, due = 0.0, 0.0, []
    for event in events:
        due.append(event)
        if len(due) == burst:
            took, sent = _taken(progress, view, due)
            taking, sending, due = taking + took, sending + sent, []
    return taking, sending, comm


def _taken(progress: Progress, view: LiveView, events: list[Event]) -> tuple[float, float]:
    began = time.process_time()
    for event in events:
        progress.apply(event)
        view.take(event)
    between = time.process_time()
    view.flush()
    return between - began, time.process_time() - between


def in_one_process() -> None:
    """What an event costs without a kernel, a loop or a page: 25 events a flush are 500 a second."""
    events, outline = told(EVENTS // 2), looping(2).plan().outline
    gc.collect()
    taking, sending, comm = min(folded(outline, events, 25) for _ in range(ROUNDS))
    scale = 1e6 / len(events)
    show(f"{len(events):,} events in one process: taken in, us an event", "", f"{taking * scale:.1f}")
    show("  and sent, 25 at once, encoded as JSON, us an event", "", f"{sending * scale:.1f}", "<= 100 with the above")
    show("  messages, and bytes of each", f"{comm.messages:,}", f"{comm.bytes / comm.messages:,.0f}")


# In JupyterLab

BROWSER = Path(__file__).parents[1] / "browser"
BEGIN = """
import json, time
from nbgraph import Graph
def cost(name, **more):
    before = time.process_time()
    run = declared(Graph("bench"), STEPS, PACE).run({"i": 0}, limit=10**6)
    began = time.perf_counter()
    run.wait()
    took = time.perf_counter() - began
    tell(name, cpu=time.process_time() - before, seconds=took, steps=len(run.steps))
    return run
def tell(name, **told):
    with open(name + ".json", "w") as file:
        json.dump(told, file)
"""
LONG_RUN = """
declared(Graph("bench"), LONG, 0).run({"i": 0}, limit=10**6, id="long").wait().status
"""
OPENED = "Graph('bench').watch('long')"
LAST = """
from nbgraph.notebook import display
shown = display._runs._displays[run]
tell("last", told=shown._progress.snapshot(), held=shown.live._graph.status)
"""
SIZE = """
import ipywidgets
states = [each.get_state() for each in ipywidgets.widgets.widget._instances.values()]
tell("size", bytes=[len(json.dumps(state, ensure_ascii=False, default=str).encode()) for state in states],
     script=max(len(state.get("_esm", "")) + len(state.get("_css", "")) for state in states))
"""
WATCH_FRAMES = """() => {
    const frames = window.__frames = [];
    let last = performance.now();
    const tick = (now) => {
        frames.push(now - last);
        last = now;
        if (window.__frames === frames) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
}"""
PAINTED = """() => {
    const of = (part) => [...document.querySelectorAll(`.jp-Notebook .jp-OutputArea .nbgraph-${part}`)];
    const text = (group, part) => group.querySelector(`.nbgraph-${part}`)?.textContent;
    return {
        nodes: of("picture [data-node]").map((node) => [node.dataset.node, [node.dataset.state, text(node, "visits")]]),
        edges: of("picture [data-edge]").map((edge) => [edge.dataset.edge, Number(edge.dataset.taken)]),
        bars: of("bar").map((bar) => [bar.dataset.number, bar.dataset.shown]),
        steps: of("steps summary")[0].textContent,
        status: of("status")[0].textContent,
    };
}"""
# does something, and counts until what is asked for is there and the page has had a frame to paint it
UNTIL = """const until = (ready) => new Promise((resolve) => {
    const began = performance.now();
    const took = () => performance.now() - began;
    const look = () => requestAnimationFrame(ready() || took() > 15000 ? () => resolve(took()) : look);
    requestAnimationFrame(look);
});
const root = () => document.querySelector(".jp-Notebook .nbgraph-graph");
const at = () => root().querySelector(".nbgraph-at-step").textContent;
const stands = (step) => () => at().startsWith(`step ${step} of`) && at().includes("as it stood");
"""
OPEN = f"""() => {{
    {UNTIL}
    const notebook = jupyterapp.shell.currentWidget.content;
    notebook.deselectAll();
    notebook.activeCellIndex = 1;
    jupyterapp.commands.execute("notebook:run-cell");
    const bars = () => root().querySelectorAll(".nbgraph-bar").length;
    return until(() => root()?.dataset.status === "done" && bars() >= {LIVE_BARS});
}}"""
SLIDE = f"""(step) => {{
    {UNTIL}
    const slide = root().querySelector("input[type=range]");
    slide.value = step;
    slide.dispatchEvent(new Event("input"));
    return until(stands(step));
}}"""
CLICK = f"""(number) => {{
    {UNTIL}
    const bar = root().querySelectorAll(".nbgraph-bar")[number];
    bar.click();
    return until(() => at().includes("as it stood") && bar.classList.contains("nbgraph-chosen"));
}}"""
PRESS = f"""([key, step]) => {{
    {UNTIL}
    root().dispatchEvent(new KeyboardEvent("keydown", {{ key, bubbles: true }}));
    return until(stands(step));
}}"""


class Sockets:
    """Counts the messages of widgets that a page gets."""

    def __init__(self, page: Any) -> None:
        self.times: list[float] = []
        self.bytes = 0
        page.on("websocket", lambda socket: socket.on("framereceived", self._note))

    def _note(self, payload: Any) -> None:
        message = payload if isinstance(payload, bytes) else payload.encode()
        if b"comm_msg" in message[:1000]:
            self.times.append(time.monotonic())
            self.bytes += len(message)

    def forget(self) -> None:
        """Count from here."""
        self.times, self.bytes = [], 0

    def most(self) -> int:
        """The messages of the second that had the most."""
        return max(sum(1 for at in self.times if begun <= at < begun + 1) for begun in self.times)


@contextmanager
def jupyterlab() -> Iterator[tuple[Any, Any]]:
    """A notebook in a page of JupyterLab, and an empty page beside it."""
    sys.path.insert(0, str(BROWSER))
    from conftest import CHROMIUM, FLAGS, Server
    from jupyterlab_page import NotebookPage
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, sync_playwright() as playwright:
        server = Server(Path(home))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        window = browser.new_context(viewport={"width": 1300, "height": 1100})
        try:
            empty = window.new_page()
            yield NotebookPage(window.new_page(), server.url, server.folder, Path(home)), empty
        finally:
            browser.close()
            server.stop()


def frames(page: Any) -> list[float]:
    """The frames since WATCH_FRAMES, in milliseconds."""
    found: list[float] = page.evaluate("() => { const found = window.__frames; window.__frames = null; return found; }")
    return found


def longest(found: list[float]) -> str:
    """The longest frame and the 95th percentile."""
    return f"{max(found):.0f}, {statistics.quantiles(found, n=20)[-1]:.0f}"


def watched(page: Any, seconds: float) -> list[float]:
    """The frames of so many seconds."""
    page.evaluate(WATCH_FRAMES)
    page.wait_for_timeout(1000 * seconds)
    return frames(page)


def in_jupyterlab() -> None:
    """A live run and a long stored one, in a real kernel and a real page."""
    with jupyterlab() as (lab, empty):
        empty.bring_to_front()
        still = watched(empty, 3)
        sockets = Sockets(lab.page)
        lab.page.bring_to_front()
        live(lab, sockets, still)
        stored(lab)
        print("errors of the page:", lab.errors or "none")


def live(lab: Any, sockets: Sockets, still: list[float]) -> None:
    """The same run without a view and with one, and without one again."""
    given = f"STEPS, PACE, LONG = {EVENTS // 2}, {2 / PER_SECOND}, {LONG}"
    view = "%load_ext nbgraph\nrun = cost('view')"
    floors = ["_ = cost('floor')", "%unload_ext nbgraph\n_ = cost('again')"]
    lab.write("live.ipynb", LOOP, BEGIN, given, floors[0], view, LAST, floors[1], LONG_RUN)
    lab.open("live.ipynb")
    for cell in range(3):
        lab.run_cell(cell)
    _, quiet = run_watched(lab, 3, sockets)
    opening, busy = run_watched(lab, 4, sockets)
    lab.run_cell(5)
    right = last_is_right(lab)
    most, mean, size = sockets.most(), len(sockets.times) / SECONDS, sockets.bytes
    run_watched(lab, 6, sockets)
    lab.run_cell(7)
    told = {name: told_by(lab, name) for name in ("floor", "view", "again")}
    events = 2 * told["view"]["steps"]
    cost = {name: 1e6 * each["cpu"] / events for name, each in told.items()}
    bare = (cost["floor"] + cost["again"]) / 2
    print(f"{events:,} events in {told['view']['seconds']:.1f} s ({told['floor']['seconds']:.1f} s without a view)")
    show("CPU of the kernel, us an event", f"{cost['floor']:.0f}, {cost['again']:.0f}", f"{cost['view']:.0f}")
    show("  what the view adds to the mean of the floors", "", f"{cost['view'] - bare:.0f}", "<= 100")
    show("messages a second to the page: most, mean", "", f"{most}, {mean:.1f}", "<= 20")
    show("  bytes of all of them", "", f"{size:,}")
    show("longest frame and 95th percentile, ms: an empty page", longest(still), "")
    show("  the first second, in which the view is made", "", longest(opening))
    show("  then, without a view and with", longest(quiet), longest(busy), "< 50")
    show("the last state is right: kernel's widget, page", "", " ".join(map(str, right)))


def run_watched(lab: Any, cell: int, sockets: Sockets) -> tuple[list[float], list[float]]:
    """Run a cell that takes `SECONDS`: the frames of its first second, and of the others."""
    sockets.forget()
    lab.page.evaluate(WATCH_FRAMES)
    lab.run_cell(cell, wait=False)
    lab.page.wait_for_timeout(1000)
    first = frames(lab.page)
    rest = watched(lab.page, SECONDS - 1.5)
    lab.wait_for_cell(cell)
    lab.page.wait_for_timeout(500)
    return first, rest


def told_by(lab: Any, name: str) -> Any:
    """What the kernel has written down."""
    return json.loads((lab.folder / f"{name}.json").read_text())


def last_is_right(lab: Any) -> tuple[bool, bool]:
    """Whether what the widget holds, and what the page has painted, is what the kernel knows."""
    last, painted = told_by(lab, "last"), lab.page.evaluate(PAINTED)
    told = last["told"]
    nodes = {name: [node["state"], f"{node['visits']:.0f}\u00d7"] for name, node in told["nodes"].items()}
    right = [
        {name: node for name, node in painted["nodes"] if name in nodes} == nodes,
        dict(painted["edges"]) == {index: edge["taken"] for index, edge in told["edges"].items()},
        sorted(int(number) for number, _ in painted["bars"]) == [int(number) for number in told["bars"]],
        painted["steps"] == f"{told['steps']:,} steps",
        painted["status"] == told["run"]["status"] == "done",
    ]
    if not all(right):
        print(right, {part: painted[part] for part in ("nodes", "edges", "steps", "status")}, file=sys.stderr)
    return last["held"] == told, all(right)


def stored(lab: Any) -> None:
    """Open a run of many steps in a new kernel, and go back in it."""
    lab.restart()
    lab.write("stored.ipynb", f"%load_ext nbgraph\n{LOOP}\n{BEGIN}", OPENED, SIZE)
    lab.open("stored.ipynb")
    lab.run_cell(0)
    took = lab.page.evaluate(OPEN)
    lab.page.wait_for_timeout(1000)
    lab.run_cell(2)
    size = told_by(lab, "size")
    show(f"{LONG:,} steps: opened and painted, ms", "", f"{took:.0f}", "< 1000")
    show("  state of all widgets, bytes", "", f"{sum(size['bytes']):,}", "< 1,048,576")
    show("  of which script and styles", "", f"{size['script']:,}")
    far = [lab.page.evaluate(SLIDE, step) for step in (LONG // 2, 10, LONG - 10)]
    show("  slide to step 5,000, then 10, then 9,990, ms", "", ", ".join(f"{each:.0f}" for each in far))
    clicks = [lab.page.evaluate(CLICK, number) for number in (250, 10, 450, 451, 452)]
    show("  a click on a bar, ms, five times", "", ", ".join(f"{each:.0f}" for each in clicks))
    lab.page.evaluate(SLIDE, LONG // 2)
    steps = [("]", LONG // 2 + number) for number in range(1, 21)] + [
        ("[", LONG // 2 + number) for number in range(19, 0, -1)
    ]
    keys = [lab.page.evaluate(PRESS, list(press)) for press in steps]
    show("  [ and ] about step 5,000, ms: median, longest", "", f"{statistics.median(keys):.0f}, {max(keys):.0f}")


if __name__ == "__main__":
    print(f"{'':<58} {'floor':>12} {'nbgraph':>12}   budget")
    in_one_process()
    if "kernel" not in sys.argv[1:]:
        in_jupyterlab()
