"""`%graph runs`: the list of stored runs, without a page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from fresh_notebook import Notebook
from stored_runs import essay, leave_interrupted, left_waiting

from nbgraph import MemoryStore, stores
from nbgraph.core.events import Status
from nbgraph.core.ports import Owner, RunSummary
from nbgraph.core.run_loop import live
from nbgraph.notebook import display, run_list
from nbgraph.notebook.listing import Listing
from nbgraph.notebook.run_display import RunDisplay
from nbgraph.notebook.run_list import RunList, shown
from nbgraph.notebook.stored import Stored

FAILED = RunSummary("essay-1", "essay", Status.FAILED, "draft failed: no bees", 2, 0.0, 0.0)
OTHER = Owner(4711, "vm", time.time())


class Publisher:
    """Keeps the records that were published."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def publish(self, data: dict[str, str], **_: Any) -> None:
        self.texts.append(data["text/plain"])


class Page:
    """A shell in which somebody watches: what is displayed is kept."""

    stored: Stored

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.display_pub, self.kernel = Publisher(), SimpleNamespace(_allow_stdin=True)
        self.outputs: list[Any] = []
        for module in (run_list.Listing.__module__, RunDisplay.__module__):
            monkeypatch.setattr(f"{module}.display", lambda output, **_: self.outputs.append(output))
        stored: Any = SimpleNamespace(go_on=lambda run_id: self.stored.go_on(run_id))
        monkeypatch.setattr(display, "_runs", display.Runs(self, stored))


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    before = dict(stores._configured)
    live.clear()  # runs that other tests still hold
    made = Page(monkeypatch)
    run_list.display.library.on_run.append(display._runs.begin)  # type: ignore[union-attr]
    yield made
    run_list.display.library.on_run.remove(display._runs.begin)  # type: ignore[union-attr]
    Listing.leave()
    stores._configured.update(before)


@pytest.fixture
def listed(page: Page) -> RunList:
    """The list of the run `left`, which waits, and of `lost`, which was interrupted."""
    graph = essay()
    store = left_waiting(graph)
    leave_interrupted(store, "left", "lost")
    stores.configure_stores(store=store)
    catalog: Any = SimpleNamespace(graphs=lambda: {"essay": graph})
    page.outputs.clear()
    page.stored = Stored(catalog)
    made = RunList(page.stored, "essay", (), 20, page.display_pub, True)
    made.show()
    return made


def until(reached: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.01)


def click(listed: RunList, action: str, run: str) -> None:
    listed._widget._receive(None, {"kind": "act", "action": action, "run": run}, [])


def rows(listed: RunList) -> dict[str, str]:
    return {row["id"]: row["status"] for row in listed._widget.rows}


def test_the_list_is_a_live_view_and_a_record(listed: RunList, page: Page) -> None:
    view, record = page.outputs
    assert repr(view) == "<list of runs>"
    assert record["text/plain"].startswith("runs of essay: 2\n")
    assert record["text/html"].startswith('<div class="nbgraph-record">')
    assert rows(listed) == {"left": "waiting", "lost": "interrupted"}


def test_resume_lets_an_interrupted_run_go_on_and_shows_it_below(listed: RunList, page: Page) -> None:
    click(listed, "resume", "lost")
    until(lambda: rows(listed)["lost"] == "waiting" or listed.refresh())
    assert listed.below is not None
    assert [repr(each) for each in listed.below.children] == ["<live view of essay>"]
    assert len(page.outputs) == 2
    live["lost"].face.answer("gate", "approve")  # type: ignore[attr-defined]
    until(lambda: rows(listed)["lost"] == "done" or listed.refresh())
    until(lambda: any("lost: done" in text and "essay: done, 2 steps" in text for text in page.display_pub.texts))


def test_open_shows_a_run_that_nobody_has_without_buttons(listed: RunList) -> None:
    click(listed, "open", "left")
    assert listed.below is not None
    until(lambda: listed.below.children)  # type: ignore[union-attr]
    (view,) = listed.below.children
    assert view._graph.actions is False
    until(lambda: view._graph.status.get("nodes", {}).get("gate", {}).get("state") == "waiting")


def test_an_answer_to_a_run_that_was_opened_lets_it_go_on(listed: RunList) -> None:
    click(listed, "open", "left")
    until(lambda: listed.below.children and listed.below.children[0]._questions.children)  # type: ignore[union-attr]
    listed.below.children[0]._questions.children[0].buttons[0].click()  # type: ignore[union-attr]
    until(lambda: rows(listed)["left"] == "done" or listed.refresh())
    assert [view._graph.actions for view in listed.below.children] == [True]  # type: ignore[union-attr]


def test_a_run_that_is_opened_and_then_resumed_is_shown_once(listed: RunList) -> None:
    click(listed, "open", "left")
    until(lambda: listed.below.children)  # type: ignore[union-attr]
    click(listed, "resume", "left")
    until(lambda: listed.below.children[0]._graph.actions)  # type: ignore[union-attr]
    assert len(listed.below.children) == 1  # type: ignore[union-attr]
    live["left"].face.cancel()  # type: ignore[attr-defined]


def test_what_goes_wrong_is_said_below_the_table(listed: RunList) -> None:
    stores.open_store().delete("lost")
    click(listed, "resume", "lost")
    until(lambda: "holds no run 'lost'" in listed._widget.message)


def test_the_latest_list_is_kept_current(listed: RunList, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbgraph.notebook.listing.EVERY", 0.01)
    catalog: Any = SimpleNamespace(graphs=dict)
    later = RunList(Stored(catalog), None, (), 20, page.display_pub, True)
    later.show()
    stores.open_store().delete("lost")
    until(lambda: rows(later) == {"left": "waiting"})
    assert "lost" in rows(listed)


@pytest.mark.parametrize(
    ("status", "owner", "actions"),
    [
        (Status.FAILED, None, ("resume", "open")),
        (Status.PAUSED, None, ("resume", "open")),
        (Status.WAITING, OTHER._replace(alive=False), ("resume", "open")),
        (Status.WAITING, OTHER, ("open",)),
        (Status.RUNNING, OTHER._replace(alive=False), ("resume", "open")),
        (Status.RUNNING, OTHER, ("open",)),
        (Status.DONE, None, ("open",)),
        (Status.CANCELLED, None, ("open",)),
    ],
)
def test_resume_is_there_where_it_makes_sense(status: Status, owner: Owner | None, actions: tuple[str, ...]) -> None:
    assert shown(FAILED._replace(status=status, owner=owner)).actions == actions


def test_notes_say_who_has_a_run_why_it_failed_and_where_it_comes_from() -> None:
    assert shown(FAILED).note == "draft failed: no bees"
    assert shown(FAILED._replace(status=Status.RUNNING, owner=OTHER)).note.startswith("process 4711 on vm has it since")
    forked = FAILED._replace(status=Status.DONE, relation="fork", parent="essay-0", parent_step=3)
    assert shown(forked).note == "fork of essay-0 at step 3"
    assert shown(forked._replace(relation="after")).note == "after essay-0"


# In a terminal


@pytest.fixture
def kept(notebook: Notebook) -> Iterator[Notebook]:
    """A notebook whose default store holds the run `left`."""
    before = dict(stores._configured)
    live.clear()
    notebook.variables["essay"] = graph = essay()
    stores.configure_stores(store=left_waiting(graph))
    yield notebook
    stores._configured.update(before)


def test_without_a_page_there_is_a_table_of_text(kept: Notebook) -> None:
    assert kept.run("%graph runs").lines[0] == "runs of essay: 1"
    assert kept.run("%graph runs all --status failed").lines == ["failed runs of all graphs: none"]
    assert kept.run("%graph approvals").lines[0] == "1 open question"
    assert "left, gate: Fine? {{ text }} (approve, reject), asked" in kept.run("%graph approvals essay").text


def test_a_run_goes_on_by_a_line(kept: Notebook) -> None:
    assert kept.run("%graph resume left").lines[0] == "left goes on"
    kept.run("run = essay.resume('left').wait(60)")
    kept.run("run.answer('gate', 'approve')")
    kept.run("run.wait(60)")
    assert kept.run("print(essay.watch('left').wait(60).status)").lines == ["done"]


def test_a_run_is_exported_deleted_and_imported(kept: Notebook, tmp_path: Any) -> None:
    path = tmp_path / "left.nbrun"
    assert kept.run(f"%graph export left {path}").text.startswith(f"wrote left to {path}, ")
    assert "already holds a run 'left'" in kept.refuse(f"%graph import {path}")
    assert kept.run("%graph delete left").lines == ["deleted left"]
    assert kept.run("%graph runs").lines == ["runs of essay: none"]
    assert kept.run(f"%graph import {path}").lines == [f"read left from {path}; `%graph runs all` lists it"]
    assert kept.run("%graph runs").lines[0] == "runs of essay: 1"


def test_runs_that_have_ended_are_pruned(kept: Notebook) -> None:
    store = stores.open_store()
    assert isinstance(store, MemoryStore)
    kept.run("essay.resume('left').wait(60).cancel()")
    until(lambda: store.run("left").status is Status.CANCELLED and store.run("left").owner is None)
    assert kept.run("%graph prune --keep 0 --dry-run").lines == ["would delete 1 run"]
    assert kept.run("%graph prune --keep 1").lines == ["deleted 0 runs"]
    assert kept.run("%graph prune --keep 0").lines == ["deleted 1 run"]
