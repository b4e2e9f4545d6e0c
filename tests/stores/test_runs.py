"""The list of runs, where each of them stands, and runs that are deleted, copied, exported and imported."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from nbgraph.core.events import Status
from nbgraph.core.ports import RunSummary, Store
from nbgraph.core.records import Resumed, RunRecord
from nbgraph.errors import ApprovalError, NoSuchRun, OwnedElsewhere
from nbgraph.store.transfer import copy, export, import_run, prune
from tests.stores.writing import (
    ENTRIES,
    WHOLE_QUESTION,
    WHOLE_RUN,
    answer,
    ask,
    exact,
    let_go,
    made,
    moved,
    note,
    question,
    read,
    record,
    step,
    write,
)

Again = Callable[[Store], Store]


def ids(runs: list[RunSummary]) -> list[str]:
    return [run.id for run in runs]


# Where a run stands


def test_a_new_run_is_running_here_and_took_no_steps(store: Store, reopened: Again) -> None:
    log = store.create(RunRecord("r", "g", {}, 1.5, parent="p", parent_step=3, relation="after"))
    run = reopened(store).run("r")
    assert run[:6] == ("r", "g", Status.RUNNING, "", 0, 1.5)
    assert (run.waiting, run.parent, run.parent_step, run.relation) == ((), "p", 3, "after")
    assert run.owner is not None
    assert (run.owner.pid, run.owner.alive, run.interrupted) == (os.getpid(), True, False)
    log.close()


def test_a_run_stands_where_it_moved_last(store: Store, reopened: Again) -> None:
    log = store.create(record())
    write(log, step(1), moved(Status.WAITING, 2.5, "gate", "ask"), step(2))
    run = reopened(store).run("r")
    assert (run.status, run.waiting, run.steps) == (Status.WAITING, ("gate", "ask"), 2)
    write(log, moved(Status.FAILED, 4.5, reason="draft: no"))
    run = reopened(store).run("r")
    assert (run.status, run.reason, run.waiting, run.changed_at) == (Status.FAILED, "draft: no", (), 4.5)


def test_a_run_that_is_resumed_is_running(store: Store, reopened: Again) -> None:
    made(store, record(), [moved(Status.WAITING, 2.5, "gate")])
    log = store.open("r")
    write(log, Resumed("process 7 on here", (), 9.5))
    run = reopened(store).run("r")
    assert (run.status, run.waiting, run.changed_at) == (Status.RUNNING, (), 9.5)


def test_a_run_stands_where_its_past_says(store: Store, reopened: Again) -> None:
    made(store, record(), [step(1), step(2), moved(Status.PAUSED, 5.5, reason="by hand")])
    run = reopened(store).run("r")
    assert (run.status, run.reason, run.steps, run.changed_at) == (Status.PAUSED, "by hand", 2, 5.5)


def test_a_run_that_nobody_has_and_that_did_not_end_was_interrupted(store: Store, reopened: Again) -> None:
    made(store, record("r"))
    made(store, record("s"), [moved(Status.DONE)])
    assert reopened(store).run("r").interrupted
    assert not reopened(store).run("s").interrupted


def test_the_list_tells_of_each_run_what_is_told_of_it_alone(store: Store, reopened: Again) -> None:
    log = store.create(WHOLE_RUN)
    write(log, *ENTRIES)
    made(store, record("s", 0.5), [step(1)])
    assert reopened(store).runs() == [reopened(store).run("r"), reopened(store).run("s")]


# The list


def test_an_empty_store_lists_nothing(store: Store) -> None:
    assert (store.runs(), store.approvals()) == ([], [])


def test_the_runs_that_started_last_come_first(store: Store, reopened: Again) -> None:
    for run_id, at in (("b", 2.0), ("c", 3.0), ("a", 1.0)):
        made(store, record(run_id, at))
    assert ids(reopened(store).runs()) == ["c", "b", "a"]


def test_of_runs_of_one_moment_the_one_kept_last_comes_first(store: Store, reopened: Again) -> None:
    for run_id in ("b", "c", "a"):
        made(store, record(run_id, 1.0))
    assert ids(reopened(store).runs()) == ["a", "c", "b"]


def test_runs_are_listed_by_graph_and_by_status(store: Store, reopened: Again) -> None:
    for number, (graph, status) in enumerate([("g", Status.DONE), ("h", Status.DONE), ("g", Status.FAILED)]):
        made(store, record(f"r{number}", number, graph), [moved(status)])
    again = reopened(store)
    assert ids(again.runs("g")) == ["r2", "r0"]
    assert ids(again.runs(status=[Status.DONE])) == ["r1", "r0"]
    assert ids(again.runs("g", iter([Status.DONE, Status.CANCELLED]))) == ["r0"]
    assert ids(again.runs("g", [Status.FAILED, Status.DONE])) == ["r2", "r0"]
    assert again.runs("nothing") == again.runs(status=[Status.WAITING]) == []


def test_the_runs_that_go_on_from_a_run_are_listed_by_it(store: Store, reopened: Again) -> None:
    for number, (id, parent, relation) in enumerate(
        [("r", "", ""), ("a", "r", "fork"), ("b", "r", "after"), ("c", "a", "fork"), ("%", "_", "fork")]
    ):
        made(store, RunRecord(id, "g", {}, float(number), parent=parent, parent_step=number, relation=relation))
    again = reopened(store)
    assert [(run.id, run.parent_step, run.relation) for run in again.runs(parent="r")] == [
        ("b", 2, "after"), ("a", 1, "fork"),
    ]  # fmt: skip
    assert ids(again.runs(parent="a")) == ["c"]
    assert ids(again.runs("g", parent="r", limit=1)) == ["b"]
    assert ids(again.runs(parent="r", before=2.0)) == ["a"]
    assert again.runs("h", parent="r") == again.runs(parent="c") == []
    assert ids(again.runs(parent="")) == ["r"]


def test_a_page_is_what_its_filters_leave(store: Store, reopened: Again) -> None:
    for number in range(10):
        made(store, record(f"r{number}", number), [moved(Status.DONE if number % 2 else Status.FAILED)])
    again = reopened(store)
    assert ids(again.runs(status=[Status.DONE], limit=2)) == ["r9", "r7"]
    assert ids(again.runs(status=[Status.DONE], limit=2, before=7.0)) == ["r5", "r3"]
    assert again.runs(limit=0) == []
    assert again.runs(before=0.0) == []


def test_a_list_of_a_thousand_runs_is_read_page_by_page(store: Store, reopened: Again) -> None:
    for number in range(1_000):
        store.create(record(f"r{number}", number)).close()
    again, seen, before = reopened(store), list[str](), None
    while page := again.runs(limit=150, before=before):
        seen, before = seen + ids(page), page[-1].started_at
    assert seen == [f"r{number}" for number in reversed(range(1_000))]
    assert len(again.runs()) == 100


def test_an_id_is_taken_once(store: Store, reopened: Again) -> None:
    made(store, record(), [step(1)])
    with pytest.raises(ValueError, match=r"already holds a run 'r'; give another id"):
        reopened(store).create(record(at=9.0), [step(2)])
    assert read(store) == [step(1)]
    assert store.run("r").started_at == 1.0


# Deleting


def test_a_run_that_is_deleted_is_gone_with_its_questions_and_no_other(store: Store, reopened: Again) -> None:
    made(store, WHOLE_RUN, ENTRIES, [WHOLE_QUESTION])
    made(store, record("s"), [step(1)], [question("s/gate#1", "s")])
    reopened(store).delete("r")
    again = reopened(store)
    assert ids(again.runs()) == ["s"]
    assert [approval.id for approval in again.approvals()] == ["s/gate#1"]
    assert read(again, "s") == [step(1)]
    with pytest.raises(NoSuchRun):
        again.history("r")
    with pytest.raises(ApprovalError):
        again.answer(WHOLE_QUESTION.id, answer())


def test_the_id_of_a_run_that_was_deleted_is_free(store: Store, reopened: Again) -> None:
    made(store, record(), [step(1)], [question()])
    store.delete("r")
    made(store, record(), [step(2)])
    assert reopened(store).history("r").approvals == ()
    assert read(reopened(store)) == [step(2)]


def test_a_run_that_somebody_has_is_not_deleted(store: Store, reopened: Again) -> None:
    log = store.create(record(), [step(1)])
    with pytest.raises(OwnedElsewhere):
        reopened(store).delete("r")
    write(log, step(2))
    let_go(store, log)
    reopened(store).delete("r")
    assert store.runs() == []


def test_nothing_is_lost_when_a_store_is_compacted(store: Store, reopened: Again) -> None:
    made(store, record("s"), [step(1, k="many words" * 20_000)])
    made(store, WHOLE_RUN, ENTRIES, [WHOLE_QUESTION])
    store.delete("s")
    before = store.size()
    saved = store.compact()
    assert saved >= 0
    assert store.size() <= before
    assert exact(read(reopened(store))) == exact(list(ENTRIES))


def test_old_runs_are_pruned_and_those_that_somebody_has_stay(store: Store, reopened: Again) -> None:
    for number in range(4):
        made(store, record(f"r{number}", number), [moved(Status.DONE)])
    log = store.open("r0")
    assert set(prune(reopened(store), keep=1).runs) == {"r1", "r2"}
    assert ids(store.runs()) == ["r3", "r0"]
    log.close()


# Copies and files


def test_a_copy_shares_the_past_and_nothing_after(store: Store, reopened: Again) -> None:
    made(store, WHOLE_RUN, ENTRIES, [WHOLE_QUESTION])
    copy(store, "r", "s")
    write(store.open("s"), step(9))
    assert len(read(reopened(store), "r")) == len(ENTRIES)
    assert len(read(reopened(store), "s")) == len(ENTRIES) + 1
    before, after = reopened(store).run("r"), reopened(store).run("s")
    assert (after.status, after.reason, after.steps) == (before.status, before.reason, before.steps + 1)


def test_a_copy_stays_when_the_run_is_deleted(store: Store, reopened: Again) -> None:
    large = "many words" * 20_000
    made(store, record(), [step(1, k=large)], [question()])
    copy(store, "r", "s")
    store.delete("r")
    assert reopened(store).history("s").steps[0].update == {"k": large}
    assert reopened(store).answer("s/gate#1", answer()).run_id == "s"


def test_a_run_goes_to_another_store_and_back_whole(store: Store, other: Store, reopened: Again) -> None:
    made(store, WHOLE_RUN, ENTRIES, [WHOLE_QUESTION])
    copy(store, "r", "r", other)
    store.delete("r")
    copy(other, "r", "r", store)
    history = reopened(store).history("r")
    assert exact((history.run, read(reopened(store)), history.approvals)) == exact(
        (WHOLE_RUN, list(ENTRIES), (WHOLE_QUESTION,))
    )


def test_a_file_holds_all_of_a_run(store: Store, other: Store, reopened: Again, tmp_path: Path) -> None:
    made(store, WHOLE_RUN, ENTRIES, [WHOLE_QUESTION])
    path = export(store, "r", tmp_path / "one")
    import_run(other, path)
    history = reopened(other).history("r")
    assert exact((history.run, read(reopened(other)), history.approvals)) == exact(
        (WHOLE_RUN, list(ENTRIES), (WHOLE_QUESTION,))
    )
    assert other.run("r").owner is None


def test_a_copy_can_be_made_of_a_run_that_goes_on(store: Store, reopened: Again) -> None:
    log = store.create(record(), [step(1)])
    note(log, step(2))
    write(log, step(3))
    copy(reopened(store), "r", "s")
    write(log, step(4))
    assert read(store, "s") == [step(1), step(2), step(3)]


def test_the_open_questions_of_a_copy_are_its_own(store: Store, reopened: Again) -> None:
    log = store.create(record())
    ask(log, question())
    copy(store, "r", "s")
    store.answer("r/gate#1", answer())
    assert [approval.id for approval in reopened(store).approvals(open_only=True)] == ["s/gate#1"]
