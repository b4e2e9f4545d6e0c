from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec.msgpack import encode

from nbgraph.core.approvals import Answer, Approval
from nbgraph.core.events import Status, Taken
from nbgraph.core.ports import History, Owner, RunSummary
from nbgraph.core.records import Answered, Asked, Begun, Moved, Recorded, RunRecord, Step, Withdrawn
from nbgraph.core.updates import Later
from nbgraph.errors import NoSuchRun, NotStorable, OwnedElsewhere, StoreDamaged, StoreError
from nbgraph.store import transfer
from nbgraph.store.memory import MemoryStore
from nbgraph.store.packing import LARGE
from nbgraph.store.transfer import Pruned, copy, export, import_run, prune

BIG = "many words " * LARGE


STEP = Step(1, "draft#1", "draft", 1, (), (("draft", "Dear all"),), (Taken(1, "draft", "gate", ""),), ("gate#1",), 2.5)
QUESTION = Approval("r/gate#1", "r", "gate", 1, "Send?", {"draft": "Dear all"}, ("approve", "reject"), {}, 3.5)
ANSWERED = replace(QUESTION, id="r/ask#1", node="ask", answer=Answer("approve", "well", {"draft": "Dear"}, "run", 4.5))
HISTORY = History(
    RunRecord("r", "g", {"topic": "ducks", "words": BIG}, 1.5, parent="p", parent_step=3, relation="fork"),
    (
        Begun("", {}, (Taken(0, "START", "draft", ""),), ("draft#1",), ((),), 1.5),
        STEP,
        Asked("r/gate#1", 3.5),
        Asked("r/ask#1", 3.5),
        Answered("r/ask#1", 4.5),
        Withdrawn("r/gate#1", 4.5),
        Recorded("draft#2/step1", "call", ("r/gate#1", 3)),
        STEP._replace(number=2, task="draft#2", visit=2, writes=(("draft", BIG),)),
        Moved(Status.WAITING, "", 5.5, ("gate",)),
    ),
    (QUESTION, ANSWERED),
)


def renamed(history: History, id: str) -> History:
    """What is expected of a run that gets another id."""
    moved = [
        entry._replace(approval_id=entry.approval_id.replace("r/", f"{id}/"))
        if isinstance(entry, Asked | Answered | Withdrawn)
        else entry
        for entry in history.entries
    ]
    approvals = [replace(each, id=each.id.replace("r/", f"{id}/"), run_id=id) for each in history.approvals]
    return History(history.run._replace(id=id), tuple(moved), tuple(approvals))


def stored(*histories: History) -> MemoryStore:
    """A store that holds these runs; nobody owns them."""
    store = MemoryStore()
    for history in histories:
        store.create(*history).close()
    return store


# Copies


def test_a_copy_has_its_own_id_wherever_it_occurs() -> None:
    store = stored(HISTORY)
    assert copy(store, "r", "s") == "s"
    assert store.history("r") == HISTORY
    assert store.history("s") == renamed(HISTORY, "s")


def test_a_copy_is_owned_by_nobody() -> None:
    store = stored(HISTORY)
    copy(store, "r", "s")
    assert store.run("s").owner is None
    store.open("s")


def test_a_run_is_copied_to_another_store_under_its_own_id() -> None:
    store, other = stored(HISTORY), stored()
    copy(store, "r", "r", other)
    assert other.history("r") == HISTORY


def test_a_question_that_is_open_is_open_in_both_and_answered_in_one() -> None:
    store = stored(
        HISTORY._replace(entries=tuple([each for each in HISTORY.entries if not isinstance(each, Withdrawn)]))
    )
    copy(store, "r", "s")
    store.answer("s/gate#1", Answer("reject", "", {}, "run", 6.5))
    assert [each.id for each in store.approvals(open_only=True)] == ["r/gate#1"]


def test_a_question_that_was_withdrawn_is_not_open_in_a_copy() -> None:
    store = stored(HISTORY)
    copy(store, "r", "s")
    assert store.approvals(open_only=True) == []


def test_a_copy_does_not_need_the_store_that_it_came_from() -> None:
    step = STEP._replace(writes=(("draft", Later(lambda: "read")),))
    store = stored(HISTORY._replace(entries=(step,)))
    copy(store, "r", "s")
    assert store.history("s").steps[0].writes == (("draft", "read"),)


def test_a_copy_never_takes_the_place_of_a_run() -> None:
    with pytest.raises(ValueError, match=r"already holds a run 'r'; copy it under another one"):
        copy(stored(HISTORY), "r", "r")


def test_a_run_needs_an_id() -> None:
    with pytest.raises(ValueError, match="cannot be empty"):
        copy(stored(HISTORY), "r", "")


def test_a_run_that_is_not_there_cannot_be_copied() -> None:
    with pytest.raises(NoSuchRun):
        copy(stored(), "r", "s")


def test_a_question_never_gets_the_id_of_another_runs() -> None:
    stray = History(HISTORY.run, (), (replace(QUESTION, id="other/gate#1", run_id="other"),))
    store = stored(stray)
    copy(store, "r", "s")
    assert [(each.id, each.run_id) for each in store.history("s").approvals] == [("s/other/gate#1", "s")]


# Files


def test_a_file_holds_all_of_a_run(tmp_path: Path) -> None:
    path, other = export(stored(HISTORY), "r", tmp_path / "one"), stored()
    assert path == tmp_path / "one.nbrun"
    assert import_run(other, path) == "r"
    assert other.history("r") == HISTORY
    assert other.run("r").owner is None


def test_a_run_is_imported_under_another_id(tmp_path: Path) -> None:
    store = stored(HISTORY)
    path = export(store, "r", tmp_path / "one.nbrun")
    assert import_run(store, path, id="s") == "s"
    assert store.history("s") == renamed(HISTORY, "s")


def test_an_import_never_takes_the_place_of_a_run(tmp_path: Path) -> None:
    store = stored(HISTORY)
    path = export(store, "r", tmp_path / "one.nbrun")
    with pytest.raises(ValueError, match=r'already holds a run \'r\'; give another one, id="..."'):
        import_run(store, path)


def test_a_file_is_for_its_owner_alone_and_the_only_one_that_is_left(tmp_path: Path) -> None:
    for _ in range(2):
        path = export(stored(HISTORY), "r", tmp_path / "one.nbrun")
    assert os.listdir(tmp_path) == ["one.nbrun"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_export_that_fails_leaves_the_file_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = export(stored(HISTORY), "r", tmp_path / "one.nbrun")
    before = path.read_bytes()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(transfer.os, "fsync", full)
    with pytest.raises(StoreError, match=r"one.nbrun cannot be written: No space left on device\."):
        export(stored(HISTORY), "r", path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["one.nbrun"]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot be written: No such file or directory\."):
        export(stored(HISTORY), "r", tmp_path / "none" / "one.nbrun")
    with pytest.raises(StoreError, match=r"one.nbrun cannot be read: No such file or directory\."):
        import_run(stored(), tmp_path / "one.nbrun")


def test_a_value_that_no_file_can_hold_is_told_with_its_node(tmp_path: Path) -> None:
    live = HISTORY._replace(entries=(STEP._replace(writes=(("client", [threading.Lock()]),)),))
    with pytest.raises(NotStorable, match=r"draft returned client\[0\]"):
        export(stored(live), "r", tmp_path / "one")
    assert os.listdir(tmp_path) == []


def test_a_large_value_is_in_a_file_once(tmp_path: Path) -> None:
    noise = os.urandom(4 * LARGE)
    steps = tuple([STEP._replace(number=n, writes=(("noise", noise),)) for n in range(1, 6)])
    path = export(stored(HISTORY._replace(entries=steps)), "r", tmp_path / "one")
    assert path.stat().st_size < 2 * len(noise)


def test_what_could_expand_too_far_is_written_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "_FREE", 1000)
    monkeypatch.setattr(transfer, "_TIMES", 10)
    path, other = export(stored(HISTORY), "r", tmp_path / "one"), stored()
    import_run(other, path)
    assert path.stat().st_size > len(BIG)
    assert other.history("r") == HISTORY


# Damaged files


@pytest.fixture
def file(tmp_path: Path) -> Path:
    small = HISTORY._replace(run=HISTORY.run._replace(inputs={"topic": "ducks"}), entries=HISTORY.entries[:3])
    return export(stored(small), "r", tmp_path / "one")


def test_a_flipped_bit_anywhere_is_found(file: Path) -> None:
    content, store = file.read_bytes(), stored()
    for place in range(len(content)):
        file.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        with pytest.raises(StoreError, match=r"one.nbrun .*\.$"):
            import_run(store, file)
    assert store.runs() == []


def test_a_file_that_is_cut_off_or_longer_is_found(file: Path) -> None:
    content = file.read_bytes()
    for length in range(len(content)):
        file.write_bytes(content[:length])
        with pytest.raises(StoreError):
            import_run(stored(), file)
    file.write_bytes(content + b"\0")
    with pytest.raises(StoreDamaged, match="its checksum is wrong"):
        import_run(stored(), file)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" + bytes(100), b'{"cells": []}' * 20])
def test_a_file_that_is_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "one.nbrun").write_bytes(content)
    with pytest.raises(StoreError, match="is no run that was exported"):
        import_run(stored(), tmp_path / "one.nbrun")


def made(path: Path, raw: bytes, length: int | None = None, version: int = 1) -> Path:
    """A file with a right checksum and whatever in it."""
    body = zlib.compress(raw)
    head = transfer._HEAD.pack(transfer._MAGIC, version, len(raw) if length is None else length)
    path.write_bytes(head + transfer._checksum(head, body) + body)
    return path


def test_a_file_of_another_format_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"has the format 2, this nbgraph reads 1"):
        import_run(stored(), made(tmp_path / "a", b"", version=2))


def test_a_file_that_would_expand_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "_FREE", 100_000)
    bomb = bytes(1_000_000)
    with pytest.raises(StoreDamaged, match="would expand to 1,000,000 bytes"):
        import_run(stored(), made(tmp_path / "a", bomb))
    with pytest.raises(StoreDamaged, match="another length"):
        import_run(stored(), made(tmp_path / "a", bomb, length=1000))


@pytest.mark.parametrize(
    "content",
    [
        7,
        [b"", [], [], []],
        [b"\x01\x80", [], [], []],
        [b"\x01" + encode([32, "r", "g", [], 1.5, []]), [b"\x01\xc0"], [], []],
        [b"\x01" + encode([32, "r", "g", [], 1.5, []]), [], [b"no"], []],
    ],
)
def test_a_file_with_other_content_is_refused(tmp_path: Path, content: Any) -> None:
    with pytest.raises(StoreDamaged):
        import_run(stored(), made(tmp_path / "a", encode(content)))


def test_a_large_value_that_is_missing_is_told(tmp_path: Path) -> None:
    run, entries, approvals, _ = transfer._packed(HISTORY)
    with pytest.raises(StoreDamaged, match="a large value is missing"):
        import_run(stored(), made(tmp_path / "a", encode([run, entries, approvals, []])))


# Retention

NOW = 1_000_000.0
DAY = 86_400.0


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer.time, "time", lambda: NOW)


def summary(id: str, days: float, graph: str = "g", status: Status = Status.DONE, **more: Any) -> RunSummary:
    """A run that started and ended `days` ago."""
    at = NOW - days * DAY
    return RunSummary(id, graph, status, "", 3, at, at, bytes=100, **more)


class Shelf:
    """What prune needs of a store; the runs that are `owned` cannot be deleted."""

    def __init__(self, *summaries: RunSummary) -> None:
        self.summaries = {summary.id: summary for summary in summaries}
        self.owned: set[str] = set()
        self.pages = 0

    def runs(
        self,
        graph: str | None = None,
        status: Iterable[Status] = (),
        limit: int = 100,
        before: float | None = None,
        parent: str | None = None,
    ) -> list[RunSummary]:
        self.pages += 1
        wanted = tuple(status)
        found = [run for run in self.summaries.values() if graph in (None, run.graph) and run.status in wanted]
        found = [run for run in found if before is None or run.started_at < before]
        return sorted(found, key=lambda run: -run.started_at)[:limit]

    def delete(self, run_id: str) -> None:
        if run_id in self.owned:
            raise OwnedElsewhere(run_id, 7, "here", 1.0)
        if run_id not in self.summaries:
            raise NoSuchRun(run_id)
        del self.summaries[run_id]


def shelf(*summaries: RunSummary) -> Any:
    return Shelf(*summaries)


def test_old_runs_go() -> None:
    store = shelf(summary("new", 1), summary("old", 9), summary("older", 19))
    assert prune(store, older_than=7 * DAY) == Pruned(("old", "older"), 200)
    assert set(store.summaries) == {"new"}


def test_a_run_that_began_long_ago_and_ended_just_now_stays() -> None:
    store = shelf(summary("long", 30)._replace(changed_at=NOW - DAY))
    assert prune(store, older_than=7 * DAY).runs == ()


def test_the_latest_runs_of_each_graph_stay() -> None:
    store = shelf(summary("a1", 1), summary("a2", 2), summary("a3", 3), summary("b1", 9, "h"), summary("b2", 10, "h"))
    assert prune(store, keep=1).runs == ("a2", "a3", "b2")


def test_a_run_stays_that_one_of_both_lets_stay() -> None:
    store = shelf(summary("a1", 1), summary("a2", 2), summary("a3", 8), summary("a4", 9))
    assert prune(store, keep=3, older_than=7 * DAY).runs == ("a4",)


def test_only_runs_that_are_over_go_unless_others_are_named() -> None:
    store = shelf(*[summary(status, 9, status=status) for status in Status])
    assert prune(store, keep=0, dry_run=True).runs == ("cancelled", "done")
    assert prune(store, keep=0, status=[Status.FAILED]).runs == ("failed",)


def test_runs_of_other_graphs_stay() -> None:
    store = shelf(summary("a", 9), summary("b", 9, "h"))
    assert prune(store, keep=0, graph="h").runs == ("b",)


def test_a_dry_run_deletes_nothing() -> None:
    store = shelf(summary("a", 9))
    assert prune(store, keep=0, dry_run=True) == Pruned(("a",), 100)
    assert set(store.summaries) == {"a"}


def test_a_run_that_a_living_process_has_stays() -> None:
    alive, gone = Owner(7, "here", 1.0), Owner(8, "here", 1.0, alive=False)
    store = shelf(summary("a", 9, owner=alive), summary("b", 9, owner=gone), summary("c", 9))
    store.owned.add("c")  # taken since
    assert prune(store, keep=0) == Pruned(("b",), 100)


def test_runs_of_a_store_go() -> None:
    store = stored(HISTORY, renamed(HISTORY, "s"))
    store.open("s")
    assert prune(store, keep=0, status=[Status.WAITING]).runs == ("r",)
    assert [run.id for run in store.runs()] == ["s"]


def test_all_pages_are_looked_at() -> None:
    store = shelf(*[summary(f"r{n}", n) for n in range(350)])
    assert len(prune(store, keep=10).runs) == 340
    assert store.pages == 4


def test_runs_that_started_in_the_same_moment_are_all_found() -> None:
    store = shelf(*[summary(f"r{n}", n // 170) for n in range(500)])
    assert len(prune(store, keep=0).runs) == 500


@pytest.mark.parametrize("wrong", [{}, {"keep": -1}, {"older_than": -1.0}, {"keep": 3, "older_than": -1.0}])
def test_a_wish_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    store = shelf(summary("a", 9))
    with pytest.raises(ValueError, match="older_than"):
        prune(store, **wrong)
    assert set(store.summaries) == {"a"}


def test_what_was_pruned_is_told_in_numbers() -> None:
    assert repr(Pruned(("a", "b"), 12_345)) == "<2 runs, 12,345 bytes>"
